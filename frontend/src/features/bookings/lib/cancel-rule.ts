import type { Booking } from '@/api/bookings';

/** As private.settings has it; the server has the last word. */
const NOTICE_MILLISECONDS = 2 * 60 * 60 * 1000;

/** Until when a confirmed booking can be cancelled, in milliseconds; Infinity when the house cancelled the showtime. */
export function cancellableUntil({
  status,
  starts_at,
}: Pick<Booking['showtimes'], 'status' | 'starts_at'>): number {
  return status === 'cancelled' ? Infinity : Date.parse(starts_at) - NOTICE_MILLISECONDS;
}
