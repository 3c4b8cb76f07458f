import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { bookingQuery } from '@/api/bookings';
import { useGuest } from '@/api/session';
import { CreateAccount } from '@/features/account/components/create-account';
import { useShowtimeMoves } from '@/features/bookings/api/showtime-moves';
import { BookingError } from '@/features/bookings/components/booking-error';
import { BookingView } from '@/features/bookings/components/booking-view';
import { CancelBooking } from '@/features/bookings/components/cancel-booking';
import { QrCode } from '@/features/bookings/components/qr-code';
import { Ticket } from '@/features/bookings/components/ticket';
import { TicketActions } from '@/features/bookings/components/ticket-actions';
import { isUnderWay } from '@/features/bookings/lib/refund-text';
import { useHeldByBooking } from '@/features/seats/hooks/use-held-by-booking';
import { Page } from '@/shared/components/page';
import { PageSkeleton } from '@/shared/components/page-skeleton';
import { text } from '@/shared/text';

const REFUND_EVERY = 5_000;

export default function BookingPage() {
  const { id = '' } = useParams();
  const { data, error, refetch } = useQuery({
    ...bookingQuery(id),
    refetchInterval: ({ state }) => (state.data?.refunds.some(isUnderWay) ? REFUND_EVERY : false),
  });
  const guest = useGuest();
  const words = text.bookings.ticket;
  useHeldByBooking(data);
  useShowtimeMoves(data);
  if (data) {
    return (
      <BookingView
        booking={data}
        ticket={
          <Ticket
            booking={data}
            code={<QrCode bookingId={data.id} reference={data.reference} />}
            actions={<TicketActions booking={data} />}
            emailed={guest?.email ? words.emailed(guest.email) : words.alsoEmailed}
          />
        }
        cancel={<CancelBooking booking={data} />}
        after={<Offer />}
      />
    );
  }
  if (!error) return <PageSkeleton />;
  return (
    <Page title={text.bookings.booking} width="narrow">
      <BookingError error={error} onTryAgain={() => void refetch()} />
    </Page>
  );
}

/** An account, for who has none. */
function Offer() {
  return (
    <div className="max-w-lg empty:hidden print:hidden">
      <CreateAccount />
    </div>
  );
}
