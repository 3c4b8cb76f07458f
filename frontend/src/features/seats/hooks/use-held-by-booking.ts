import { useEffect } from 'react';

import type { Booking } from '@/api/bookings';
import { useUser } from '@/api/session';
import { useStore } from '@/shared/lib/store';

import { forgetHeld, heldSeats, rememberHeld } from '../model/held-seats';
import { seatName } from '../model/seat';

/** The way back to held seats goes with their booking: there is more time to pay, and then they are sold or given up. */
export function useHeldByBooking(booking: Booking | undefined): void {
  const userId = useUser()?.id;
  useEffect(() => {
    if (!booking || userId === undefined) return;
    const { id: bookingId, status, expires_at } = booking;
    const { id: showtimeId } = booking.showtime;
    const seats = booking.seats.map(seatName);
    if (status !== 'pending') forgetHeld(showtimeId, seats);
    else {
      const { title } = booking.movie;
      rememberHeld({ showtimeId, userId, title, expiresAt: Date.parse(expires_at), seats, bookingId });
    }
  }, [booking, userId]);
}

/**
 * The showtime of a booking that did not become the viewer's by signing in, if that is why it is unknown: whoever has
 * seats of a showtime already gets none of a guest's there.
 */
export function useShowtimeLeftBehind(bookingId: string): number | undefined {
  const userId = useUser()?.id;
  return useStore(heldSeats).find((each) => each.bookingId === bookingId && each.userId === userId)
    ?.showtimeId;
}
