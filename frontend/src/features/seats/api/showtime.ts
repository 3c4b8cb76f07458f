import { queryOptions } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { isApiError } from '@/api/errors';
import { supabase } from '@/api/supabase';
import { setClockUnlessSet } from '@/shared/lib/clock';

import { SEAT_KINDS } from '../model/seat';

const schema = z.object({
  id: z.number(),
  starts_at: z.string(),
  status: z.enum(['scheduled', 'cancelled']),
  revision: z.number(),
  movie: z.object({ slug: z.string(), title: z.string() }),
  auditorium: z.object({ id: z.number(), name: z.string(), layout_version: z.number() }),
  theater: z.object({ name: z.string(), time_zone: z.string(), currency: z.string() }),
  prices: z.array(z.object({ kind: z.enum(SEAT_KINDS), price: z.number() })),
  seat_limit: z.number(),
  server_time: z.string(),
});

export type Showtime = z.output<typeof schema>;

async function readShowtime(id: number): Promise<Showtime | null> {
  const askedAt = performance.now();
  try {
    const showtime = await queryAs(schema, supabase.rpc('showtime', { showtime_id: id }, { get: true }));
    // Whether it has begun is told by the time.
    setClockUnlessSet(showtime.server_time, askedAt);
    return showtime;
  } catch (error) {
    if (isApiError(error, 'unknown_showtime')) return null;
    throw error;
  }
}

export const showtimeKey = (id: number) => ['showtime', id] as const;

/** A showtime with its film, its place and its prices; null when there is none of that id. */
export const showtimeQuery = (id: number) =>
  queryOptions({ queryKey: showtimeKey(id), queryFn: () => readShowtime(id) });
