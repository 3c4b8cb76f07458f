import { queryOptions } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
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

const schema = z
  .object({
    server_time: z.string(),
    currency: z.string(),
    seat_limit: z.number(),
    pending_booking_id: z.string().nullable(),
    seats: z.array(seatSchema),
  })
  .transform(({ server_time, currency, seat_limit, pending_booking_id, seats }) => ({
    serverTime: server_time,
    map: { currency, seatLimit: seat_limit, pendingBookingId: pending_booking_id, seats },
  }));

export interface SeatMapAnswer {
  map: SeatMap;
  /** On the clock of performance.now(): events received later may be newer than the map. */
  askedAt: number;
}

const READ_AGAIN_AFTER = 30_000;

async function readSeatMap(showtimeId: number, signal: AbortSignal): Promise<SeatMapAnswer> {
  const askedAt = performance.now();
  const { serverTime, map } = await queryAs(
    schema,
    supabase.rpc('seat_map', { showtime_id: showtimeId }, { get: true }).abortSignal(signal),
  );
  adjustClock(serverTime, askedAt);
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
