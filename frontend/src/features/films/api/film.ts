import { useQuery } from '@tanstack/react-query';

import { query } from '@/api/data';
import { atServerTime } from '@/api/server-clock';
import { supabase } from '@/api/supabase';

import { filmKeys } from './keys';

const COLUMNS = `
  id, slug, title, original_title, release_year, directors, cast_members, genres, language, certificate,
  length_minutes, synopsis, rights,
  showtimes(
    id, starts_at, status, seats_left,
    auditoriums!inner(name, theaters!inner(slug, name, city, address, time_zone, currency)),
    showtime_prices(kind, price)
  )
`;

/** The film with every showtime that has not ended, or null where there is no such film. */
const readFilm = (slug: string, now: number, signal: AbortSignal) =>
  query(
    supabase
      .from('movies')
      .select(COLUMNS)
      .eq('slug', slug)
      .gt('showtimes.ends_at', new Date(now).toISOString())
      .order('starts_at', { referencedTable: 'showtimes' })
      .abortSignal(signal)
      .maybeSingle(),
  );

export type Film = NonNullable<Awaited<ReturnType<typeof readFilm>>>;
export type Showtime = Film['showtimes'][number];

export function useFilm(slug: string) {
  return useQuery({
    queryKey: filmKeys.film(slug),
    queryFn: ({ signal }) => atServerTime((now) => readFilm(slug, now, signal)),
    // Broadcasts can be missed; who leaves the page open is not shown yesterday's seats.
    refetchInterval: 60_000,
  });
}
