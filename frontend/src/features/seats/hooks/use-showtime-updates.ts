import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';

import { listen } from '@/api/realtime';

import { showtimeKey, type Showtime } from '../api/showtime';
import { isOutdatedBy } from '../model/showtime-update';

/**
 * Keeps the showtime up to date by its topic. It is joined while the showtime is still being read, so that its seats
 * find it joined.
 */
export function useShowtimeUpdates(
  showtimeId: number | undefined,
  showtime: Showtime | null | undefined,
): void {
  const queryClient = useQueryClient();
  const known = useRef(showtime);
  useEffect(() => {
    known.current = showtime;
  }, [showtime]);

  useEffect(() => {
    if (showtimeId === undefined) return;
    return listen(`showtime:${showtimeId}`, {
      onEvent(name, payload) {
        if (name === 'showtime:update' && isOutdatedBy(known.current, payload))
          void queryClient.invalidateQueries({ queryKey: showtimeKey(showtimeId) });
      },
    });
  }, [queryClient, showtimeId]);
}
