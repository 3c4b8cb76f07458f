import { keepPreviousData, useQuery } from '@tanstack/react-query';

import { query } from '@/api/data';
import { atServerTime } from '@/api/server-clock';
import { supabase } from '@/api/supabase';

import { daysAhead, widestDay } from '../lib/days';
import { filmKeys } from './keys';

const COLUMNS = `
  id, slug, title, original_title, release_year, directors, genres, language, certificate, length_minutes,
  showtimes!inner(id, starts_at, auditoriums!inner(theater_id))
`;
/** So many of a film's next showtimes where no day is chosen. */
const NEXT = 3;

interface Asked {
  /** 2026-12-02, on the calendars of the theaters. */
  day: string | undefined;
  theaterIds: readonly number[] | undefined;
}

/**
 * The films that are on, each with showtimes that are still to come: its next ones, or those of a day. A day begins
 * and ends at different instants from theater to theater, so it comes with its neighbours' edges.
 */
async function readFilms({ day, theaterIds }: Asked, at: number, signal: AbortSignal) {
  const now = new Date(at);
  const { from, to } = day === undefined ? daysAhead(now) : widestDay(day);
  let films = supabase
    .from('movies')
    .select(COLUMNS)
    .eq('showtimes.status', 'scheduled')
    .gt('showtimes.starts_at', (from > now ? from : now).toISOString())
    .lt('showtimes.starts_at', to.toISOString())
    .order('starts_at', { referencedTable: 'showtimes' })
    .order('title')
    .abortSignal(signal);
  if (theaterIds) films = films.in('showtimes.auditoriums.theater_id', theaterIds);
  if (day === undefined) films = films.limit(NEXT, { referencedTable: 'showtimes' });
  return await query(films);
}

export type ListedFilm = Awaited<ReturnType<typeof readFilms>>[number];
export type ListedShowtime = ListedFilm['showtimes'][number];

export function useFilms({ day, theaterIds }: Asked, enabled: boolean) {
  return useQuery({
    queryKey: filmKeys.list(day, theaterIds),
    queryFn: ({ signal }) => atServerTime((now) => readFilms({ day, theaterIds }, now, signal)),
    placeholderData: keepPreviousData,
    refetchInterval: 5 * 60_000,
    enabled,
  });
}
