import { queryOptions } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { isApiError } from '@/api/errors';
import { clockSet } from '@/api/server-clock';
import { supabase } from '@/api/supabase';

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
});

export type Showtime = z.output<typeof schema>;

async function readShowtime(id: number): Promise<Showtime | null> {
  const reading = queryAs(schema, supabase.rpc('showtime', { showtime_id: id }, { get: true })).catch(
    (error: unknown) => {
      if (isApiError(error, 'unknown_showtime')) return null;
      throw error;
    },
  );
  // Whether it has begun is told by the time.
  const [showtime] = await Promise.all([reading, clockSet()]);
  return showtime;
}

export const showtimeKey = (id: number) => ['showtime', id] as const;

/** A showtime with its film, its place and its prices; null when there is none of that id. */
export const showtimeQuery = (id: number) =>
  queryOptions({ queryKey: showtimeKey(id), queryFn: () => readShowtime(id) });
