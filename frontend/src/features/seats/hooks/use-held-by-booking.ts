import { useEffect } from 'react';

import type { Booking } from '@/api/bookings';

import { forgetHeld, rememberHeld } from '../model/held-seats';
import { seatName } from '../model/seat';

/** The way back to held seats goes with their booking: there is more time to pay, and then they are sold or given up. */
export function useHeldByBooking(booking: Booking | undefined): void {
  useEffect(() => {
    if (!booking) return;
    const { showtime_id: showtimeId, user_id: userId, status, expires_at, showtimes } = booking;
    const seats = booking.booking_seats.map(({ row_label: row, number }) => seatName({ row, number }));
    if (status !== 'pending') forgetHeld(showtimeId, seats);
    else {
      const { title } = showtimes.movies;
      rememberHeld({ showtimeId, userId, title, expiresAt: Date.parse(expires_at), seats });
    }
  }, [booking]);
}
