import { useEffect } from 'react';

import type { Booking } from '@/api/bookings';
import { useUser } from '@/api/session';

import { forgetHeld, rememberHeld } from '../model/held-seats';
import { seatName } from '../model/seat';

/** The way back to held seats goes with their booking: there is more time to pay, and then they are sold or given up. */
export function useHeldByBooking(booking: Booking | undefined): void {
  const userId = useUser()?.id;
  useEffect(() => {
    if (!booking || userId === undefined) return;
    const { status, expires_at } = booking;
    const { id: showtimeId } = booking.showtime;
    const seats = booking.seats.map(seatName);
    if (status !== 'pending') forgetHeld(showtimeId, seats);
    else {
      const { title } = booking.movie;
      rememberHeld({ showtimeId, userId, title, expiresAt: Date.parse(expires_at), seats });
    }
  }, [booking, userId]);
}
