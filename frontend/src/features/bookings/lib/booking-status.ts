import type { BookingSummary } from '@/api/bookings';

export type DisplayStatus =
  'pending' | 'confirmed' | 'past' | 'expired' | 'cancelled' | 'refunded' | 'showtimeCancelled';

type Part = Pick<BookingSummary, 'status' | 'expires_at'> & {
  showtime: Pick<BookingSummary['showtime'], 'starts_at' | 'ends_at' | 'status'>;
};

/** The status to show. `now` is in milliseconds: a booking expires and a show ends by the clock, before any sweep runs. */
export function bookingStatus({ status, expires_at, showtime }: Part, now: number): DisplayStatus {
  switch (status) {
    case 'pending':
      return now < Date.parse(expires_at) ? 'pending' : 'expired';
    case 'confirmed':
      if (showtime.status === 'cancelled') return 'showtimeCancelled';
      return now < Date.parse(showtime.ends_at) ? 'confirmed' : 'past';
    default:
      return status;
  }
}

/** What is to come, soonest first, and what is over, latest first. */
export function sortBookings<B extends Part>(bookings: readonly B[], now: number) {
  const begins = ({ showtime }: B) => Date.parse(showtime.starts_at);
  const isUpcoming = (booking: B) => {
    const status = bookingStatus(booking, now);
    return status === 'pending' || status === 'confirmed' || status === 'showtimeCancelled';
  };
  return {
    upcoming: bookings.filter(isUpcoming).sort((one, other) => begins(one) - begins(other)),
    past: bookings
      .filter((booking) => !isUpcoming(booking))
      .sort((one, other) => begins(other) - begins(one)),
  };
}
