import { lazy, Suspense } from 'react';

import type { Booking } from '@/api/bookings';
import { sentenceFor } from '@/api/errors';
import { env } from '@/config/env';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Skeleton } from '@/shared/components/skeleton';
import { formatMoney } from '@/shared/lib/format';
import { text } from '@/shared/text';

import type { Intent } from '../api/stripe';
import { CardForm } from './card-form';
import { Countdown } from './countdown';
import { ReleaseSeats } from './release-seats';
import type { PayProps } from './pay-props';

const StripeForm = lazy(() => import('./stripe-form'));

interface PayPanelProps extends Omit<PayProps, 'intent' | 'amount'> {
  booking: Booking;
  /** Milliseconds. */
  left: number;
  paying: boolean;
  intent: Intent | undefined;
  error: Error | null;
}

/** The time left, the card form, and the way out. */
export function PayPanel({ booking, left, paying, intent, error, ...news }: PayPanelProps) {
  const base = env.VITE_STRIPE_API_BASE;
  const amount = formatMoney(booking.total, booking.currency);
  return (
    <div className="flex flex-col gap-6">
      <Countdown left={left} />
      <section
        aria-label={text.checkout.card.legend}
        className="rounded-card border border-line bg-surface p-5 sm:p-6"
      >
        {intent ? (
          base ? (
            <CardForm base={base} intent={intent} amount={amount} {...news} />
          ) : (
            <Suspense fallback={<Skeleton className="h-80" />}>
              <StripeForm intent={intent} amount={amount} {...news} />
            </Suspense>
          )
        ) : error ? (
          <Notice
            tone="bad"
            action={
              <Button look="secondary" onClick={news.onUnclear}>
                {text.common.tryAgain}
              </Button>
            }
          >
            {sentenceFor(error)}
          </Notice>
        ) : (
          <Skeleton className="h-96" />
        )}
      </section>
      <ReleaseSeats bookingId={booking.id} disabled={paying} />
    </div>
  );
}
