import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { bookingQuery, type Booking } from '@/api/bookings';
import { useShowtimeMoves } from '@/features/bookings/api/showtime-moves';
import { BookingFacts } from '@/features/bookings/components/booking-facts';
import { BookingError } from '@/features/bookings/components/booking-error';
import { CancelBooking } from '@/features/bookings/components/cancel-booking';
import { MovedNotice } from '@/features/bookings/components/moved-notice';
import { Refunds } from '@/features/bookings/components/refunds';
import { Ticket } from '@/features/bookings/components/ticket';
import { isUnderWay } from '@/features/bookings/lib/refund-text';
import { bookingStatus } from '@/features/bookings/lib/booking-status';
import { useHeldByBooking } from '@/features/seats/hooks/use-held-by-booking';
import { ButtonLink } from '@/shared/components/button';
import { Page } from '@/shared/components/page';
import { PageSkeleton } from '@/shared/components/page-skeleton';
import { useNow } from '@/shared/lib/clock';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

const REFUND_EVERY = 5_000;

export default function BookingPage() {
  const { id = '' } = useParams();
  const { data, error, refetch } = useQuery({
    ...bookingQuery(id),
    refetchInterval: ({ state }) => (state.data?.refunds.some(isUnderWay) ? REFUND_EVERY : false),
  });
  useHeldByBooking(data);
  useShowtimeMoves(data);
  if (data) return <Loaded booking={data} />;
  if (!error) return <PageSkeleton />;
  return (
    <Page title={text.bookings.booking} width="narrow">
      <BookingError error={error} onTryAgain={() => void refetch()} />
    </Page>
  );
}

function Loaded({ booking }: { booking: Booking }) {
  const now = useNow(10_000);
  const { status: statuses, ticket, ended, finishPaying, toSeats } = text.bookings;
  const status = bookingStatus(booking, now);
  if (booking.status === 'confirmed') {
    return (
      <Page title={status === 'confirmed' ? ticket.confirmed : statuses[status]} width="wide">
        <div className="flex flex-col gap-8">
          {status !== 'past' && <MovedNotice booking={booking} />}
          <Ticket booking={booking} />
          <Refunds booking={booking} />
          {status !== 'past' && <CancelBooking booking={booking} />}
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
