import { useQuery } from '@tanstack/react-query';
import { z } from 'zod';

import { adjustClock } from '@/shared/lib/clock';

import { answerAs } from '../data';
import { supabase } from '../supabase';

const schema = z.object({ server_time: z.string() });

/** The seat map is what tells the database's time, by which bookings run out. */
async function askServerTime(showtimeId: number) {
  const askedAt = performance.now();
  const { server_time } = await answerAs(
    schema,
    supabase.rpc('seat_map', { showtime_id: showtimeId }, { get: true }),
  );
  adjustClock(server_time, askedAt);
  return server_time;
}

/** Sets the page's clock, once in a visit; without an answer the viewer's own clock goes on. */
export function useServerClock(showtimeId: number | undefined) {
  useQuery({
    queryKey: ['server-clock'],
    queryFn: () => askServerTime(showtimeId ?? 0),
    enabled: showtimeId !== undefined,
    staleTime: Infinity,
  });
}
