import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { bookingQuery } from '@/api/bookings';
import { useShowtimeMoves } from '@/features/bookings/api/showtime-moves';
import { BookingFacts } from '@/features/bookings/components/booking-facts';
import { BookingError } from '@/features/bookings/components/booking-error';
import { MovedNotice } from '@/features/bookings/components/moved-notice';
import { Refunds } from '@/features/bookings/components/refunds';
import { Checkout } from '@/features/checkout/components/checkout';
import { useHeldByBooking } from '@/features/seats/hooks/use-held-by-booking';
import { Page } from '@/shared/components/page';
import { Skeleton } from '@/shared/components/skeleton';
import { text } from '@/shared/text';

export default function CheckoutPage() {
  const { bookingId = '' } = useParams();
  const { data, error, refetch } = useQuery(bookingQuery(bookingId));
  useHeldByBooking(data);
  useShowtimeMoves(data);
  const { title, summary } = text.checkout;
  if (!data && error) {
    return (
      <Page title={title}>
        <BookingError error={error} onTryAgain={() => void refetch()} />
      </Page>
    );
  }
  return (
    <Page title={title}>
      <div className="grid grid-cols-1 items-start gap-8 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <section
          aria-label={summary}
          className="rounded-card border border-line bg-surface p-5 sm:p-6 lg:order-2"
        >
          {data ? (
            <div className="flex flex-col gap-4">
              {data.status === 'pending' && <MovedNotice booking={data} />}
              <BookingFacts booking={data} />
            </div>
          ) : (
            <Skeleton className="h-72" />
          )}
        </section>
        {data ? (
          <Checkout key={data.id} booking={data} refunds={<Refunds booking={data} />} />
        ) : (
          <div role="status">
            <span className="sr-only">{text.common.loading}</span>
            <Skeleton className="h-[32rem]" />
          </div>
        )}
      </div>
    </Page>
  );
}
