import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { bookingQuery } from '@/api/bookings';
import { isApiError } from '@/api/errors';
import { GuestContact } from '@/features/account/components/guest-contact';
import { useShowtimeMoves } from '@/features/bookings/api/showtime-moves';
import { BookingFacts } from '@/features/bookings/components/booking-facts';
import { BookingError } from '@/features/bookings/components/booking-error';
import { MovedNotice } from '@/features/bookings/components/moved-notice';
import { Refunds } from '@/features/bookings/components/refunds';
import { Checkout } from '@/features/checkout/components/checkout';
import { useHeldByBooking, useShowtimeLeftBehind } from '@/features/seats/hooks/use-held-by-booking';
import { ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { Skeleton } from '@/shared/components/skeleton';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function CheckoutPage() {
  const { bookingId = '' } = useParams();
  const { data, error, refetch } = useQuery(bookingQuery(bookingId));
  useHeldByBooking(data);
  useShowtimeMoves(data);
  const leftBehind = useShowtimeLeftBehind(bookingId);
  const { title, summary } = text.checkout;
  if (!data && error) {
    return (
      <Page title={title}>
        {leftBehind !== undefined && isApiError(error, 'unknown_booking') ? (
          <div role="status">
            <Notice
              tone="warn"
              action={<ButtonLink to={paths.showtime(leftBehind)}>{text.seats.held.back}</ButtonLink>}
            >
              {text.checkout.hasOthers}
            </Notice>
          </div>
        ) : (
          <BookingError error={error} onTryAgain={() => void refetch()} />
        )}
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
          <Checkout
            key={data.id}
            booking={data}
            contact={(step) => <GuestContact {...step} submit={text.account.contact.toPayment} />}
            refunds={<Refunds booking={data} />}
          />
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
