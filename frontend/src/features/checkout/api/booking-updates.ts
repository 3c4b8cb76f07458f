import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';

import { bookingQuery } from '@/api/bookings';
import { listen } from '@/api/realtime';

/** Reads the booking again when seats of its showtime are booked or come free: they may be its own. */
export function useBookingUpdates(bookingId: string, showtimeId: number | undefined) {
  const queryClient = useQueryClient();
  useEffect(() => {
    if (showtimeId === undefined) return;
    return listen(`showtime:${showtimeId}`, {
      onEvent: (event) => {
        if (event === 'seat:book' || event === 'seat:release')
          void queryClient.invalidateQueries({ queryKey: bookingQuery(bookingId).queryKey });
      },
    });
  }, [queryClient, bookingId, showtimeId]);
}
