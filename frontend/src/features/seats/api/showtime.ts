import { queryOptions } from '@tanstack/react-query';

import { query } from '@/api/data';
import { clockSet } from '@/api/server-clock';
import { supabase } from '@/api/supabase';

async function readShowtime(id: number) {
  const reading = query(
    supabase
      .from('showtimes')
      .select(
        'id, starts_at, status, movie:movies(slug, title), auditorium:auditoriums(name, theater:theaters(name, time_zone))',
      )
      .eq('id', id)
      .maybeSingle(),
  );
  // Whether it has begun is told by the time.
  const [showtime] = await Promise.all([reading, clockSet()]);
  return showtime;
}

export type Showtime = NonNullable<Awaited<ReturnType<typeof readShowtime>>>;

/** A showtime with its film and its place; null when there is none of that id. */
export const showtimeQuery = (id: number) =>
  queryOptions({ queryKey: ['showtime', id], queryFn: () => readShowtime(id) });
