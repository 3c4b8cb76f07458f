import { queryOptions } from '@tanstack/react-query';

import { query } from '@/api/data';
import { supabase } from '@/api/supabase';

const readShowtime = (id: number) =>
  query(
    supabase
      .from('showtimes')
      .select(
        'id, starts_at, status, movie:movies(slug, title), auditorium:auditoriums(name, theater:theaters(name, time_zone))',
      )
      .eq('id', id)
      .maybeSingle(),
  );

export type Showtime = NonNullable<Awaited<ReturnType<typeof readShowtime>>>;

/** A showtime with its film and its place; null when there is none of that id. */
export const showtimeQuery = (id: number) =>
  queryOptions({ queryKey: ['showtime', id], queryFn: () => readShowtime(id) });
