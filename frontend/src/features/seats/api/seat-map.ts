import { queryOptions } from '@tanstack/react-query';
import { z } from 'zod';

import { answerAs } from '@/api/data';
import { supabase } from '@/api/supabase';
import { adjustClock } from '@/shared/lib/clock';

import { SEAT_KINDS } from '../model/seat';
import type { SeatMap } from '../model/seats';

const seatSchema = z
  .object({
    id: z.number(),
    row: z.string(),
    number: z.number(),
    x: z.number(),
    y: z.number(),
    kind: z.enum(SEAT_KINDS),
    price: z.number().nullable(),
    state: z.enum(['free', 'locked', 'booked', 'mine']),
    lock_id: z.number().nullable(),
    expires_at: z.string().nullable(),
  })
  .transform(({ state, lock_id, expires_at, ...seat }) => ({
    seat,
    state,
    lockId: lock_id,
    expiresAt: expires_at === null ? null : new Date(expires_at).getTime(),
  }));

const schema = z.object({ server_time: z.string(), currency: z.string(), seats: z.array(seatSchema) });

export interface SeatMapAnswer {
  map: SeatMap;
  /** On the clock of performance.now(): what is heard later may be younger than the map. */
  askedAt: number;
}

const READ_AGAIN_AFTER = 30_000;

async function readSeatMap(showtimeId: number, signal: AbortSignal): Promise<SeatMapAnswer> {
  const askedAt = performance.now();
  const { server_time, ...map } = await answerAs(
    schema,
    supabase.rpc('seat_map', { showtime_id: showtimeId }, { get: true }).abortSignal(signal),
  );
  adjustClock(server_time, askedAt);
  return { map, askedAt };
}

export const seatMapQuery = (showtimeId: number) =>
  queryOptions({
    queryKey: ['seat-map', showtimeId],
    queryFn: ({ signal }) => readSeatMap(showtimeId, signal),
    staleTime: 0,
    gcTime: 0,
    structuralSharing: false,
    refetchInterval: READ_AGAIN_AFTER,
    refetchOnWindowFocus: 'always',
    refetchOnReconnect: 'always',
  });
