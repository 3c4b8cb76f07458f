import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { z } from 'zod';

import { allBookings, type Booking } from '@/api/bookings';
import { listen } from '@/api/realtime';

/** What showtime:update (sql/booking/broadcasts.sql) says about the time. */
const updateSchema = z.object({ starts_at: z.string() });

/** Reads a booking again when its showtime is moved while somebody looks at it, or pays for it. */
export function useShowtimeMoves(booking: Booking | undefined): void {
  const queryClient = useQueryClient();
  const showtimeId = booking?.showtime.id;
  const startsAt = booking && Date.parse(booking.showtime.starts_at);
  useEffect(() => {
    if (showtimeId === undefined) return;
    return listen(`showtime:${showtimeId}`, {
      onEvent(event, payload) {
        const update = updateSchema.safeParse(payload);
        if (event !== 'showtime:update' || !update.success) return;
        if (Date.parse(update.data.starts_at) !== startsAt) void queryClient.invalidateQueries(allBookings);
      },
    });
  }, [showtimeId, startsAt, queryClient]);
}
