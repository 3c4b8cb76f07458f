import type { ReactNode } from 'react';

import type { Booking } from '@/api/bookings';
import { ButtonLink } from '@/shared/components/button';
import { Page } from '@/shared/components/page';
import { useNow } from '@/shared/lib/clock';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { bookingStatus } from '../lib/booking-status';
import { BookingFacts } from './booking-facts';
import { MovedNotice } from './moved-notice';
import { Refunds } from './refunds';

interface BookingViewProps {
  booking: Booking;
  ticket: ReactNode;
  /** The way to cancel it. */
  cancel: ReactNode;
  /** What stands below a ticket. */
  after?: ReactNode;
}

/** A booking as it stands: with its ticket, or with what became of it. */
export function BookingView({ booking, ticket, cancel, after }: BookingViewProps) {
  const now = useNow(10_000);
  const { status: statuses, ticket: words, ended, finishPaying, toSeats } = text.bookings;
  const status = bookingStatus(booking, now);
  if (booking.status === 'confirmed') {
    return (
      <Page title={status === 'confirmed' ? words.confirmed : statuses[status]} width="wide">
        <div className="flex flex-col gap-8">
          {status !== 'past' && <MovedNotice booking={booking} />}
          {ticket}
          {after}
          <Refunds booking={booking} />
          {status !== 'past' && cancel}
        </div>
      </Page>
    );
  }
  const lead =
    status === 'expired' || status === 'cancelled' || status === 'refunded' ? ended[status] : undefined;
  const onSale = Date.parse(booking.showtime.starts_at) > now && booking.showtime.status === 'scheduled';
  return (
    <Page title={statuses[status]} lead={lead} width="narrow">
      <div className="flex flex-col gap-6">
        {status === 'pending' && <MovedNotice booking={booking} />}
        <Refunds booking={booking} />
        <section
          aria-label={text.bookings.booking}
          className="rounded-card border border-line bg-surface p-6"
        >
          <BookingFacts booking={booking} withReference />
        </section>
        <div className="flex flex-wrap gap-3">
          {status === 'pending' && <ButtonLink to={paths.checkout(booking.id)}>{finishPaying}</ButtonLink>}
          {status !== 'pending' && onSale && (
            <ButtonLink to={paths.showtime(booking.showtime.id)}>{toSeats}</ButtonLink>
          )}
          <ButtonLink look="secondary" to={paths.bookings()}>
            {text.bookings.title}
          </ButtonLink>
        </div>
      </div>
    </Page>
  );
}
