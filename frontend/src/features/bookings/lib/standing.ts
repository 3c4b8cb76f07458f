import type { Booking } from '@/api/bookings';

export type Standing =
  'pending' | 'confirmed' | 'shown' | 'expired' | 'cancelled' | 'refunded' | 'houseCancelled';

type Part = Pick<Booking, 'status' | 'expires_at'> & {
  showtimes: Pick<Booking['showtimes'], 'starts_at' | 'ends_at' | 'status'>;
};

/** How a booking stands at that moment, in milliseconds: no sweep needs to have come by. */
export function standingOf({ status, expires_at, showtimes }: Part, now: number): Standing {
  switch (status) {
    case 'pending':
      return now < Date.parse(expires_at) ? 'pending' : 'expired';
    case 'confirmed':
      if (showtimes.status === 'cancelled') return 'houseCancelled';
      return now < Date.parse(showtimes.ends_at) ? 'confirmed' : 'shown';
    default:
      return status;
  }
}

/** What is to come, soonest first, and what is over, latest first. */
export function sortBookings<B extends Part>(bookings: readonly B[], now: number) {
  const begins = ({ showtimes }: B) => Date.parse(showtimes.starts_at);
  const isUpcoming = (booking: B) => {
    const standing = standingOf(booking, now);
    return standing === 'pending' || standing === 'confirmed' || standing === 'houseCancelled';
  };
  return {
    upcoming: bookings.filter(isUpcoming).sort((one, other) => begins(one) - begins(other)),
    past: bookings
      .filter((booking) => !isUpcoming(booking))
      .sort((one, other) => begins(other) - begins(one)),
  };
}
