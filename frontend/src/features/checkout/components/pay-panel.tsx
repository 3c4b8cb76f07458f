import { PaymentForm } from '@payment-form';
import { Suspense, type ReactNode } from 'react';

import type { Booking } from '@/api/bookings';
import { sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Skeleton } from '@/shared/components/skeleton';
import { formatMoney } from '@/shared/lib/format';
import { text } from '@/shared/text';

import type { Intent } from '../api/payment-intent';
import { Countdown } from './countdown';
import { ReleaseSeats } from './release-seats';
import type { PayProps } from './pay-props';

interface PayPanelProps extends Omit<PayProps, 'intent' | 'amount'> {
  booking: Booking;
  /** Where the tickets of a guest go. */
  contact: ReactNode;
  /** Nothing can be paid before that is known. */
  asksContact: boolean;
  /** Milliseconds. */
  left: number;
  paying: boolean;
  intent: Intent | undefined;
  error: Error | null;
}

/** The time left, the payment form, and the way out. */
export function PayPanel(props: PayPanelProps) {
  const { booking, contact, asksContact, left, paying, intent, error, ...handlers } = props;
  const amount = formatMoney(booking.total, booking.currency);
  return (
    <div className="flex flex-col gap-6">
      <Countdown left={left} />
      {contact}
      {!asksContact && (
        <section
          aria-label={text.checkout.payment}
          className="rounded-card border border-line bg-surface p-5 sm:p-6"
        >
          {intent ? (
            <Suspense fallback={<Skeleton className="h-80" />}>
              <PaymentForm intent={intent} amount={amount} {...handlers} />
            </Suspense>
          ) : error ? (
            <Notice
              tone="bad"
              action={
                <Button look="secondary" onClick={handlers.onUnclear}>
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
      )}
      <ReleaseSeats bookingId={booking.id} disabled={paying} />
    </div>
  );
}
