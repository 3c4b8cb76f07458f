import { useInfiniteQuery, type InfiniteData } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { isApiError } from '@/api/errors';
import { supabase } from '@/api/supabase';
import { setClockUnlessSet } from '@/shared/lib/clock';

import { CERTIFICATES } from '../lib/film-filters';
import { placed } from '../lib/placed';
import { filmKeys } from './keys';

const schema = z
  .object({
    server_time: z.string(),
    movie: z.object({
      id: z.number(),
      slug: z.string(),
      title: z.string(),
      original_title: z.string().nullable(),
      release_year: z.number(),
      directors: z.array(z.string()),
      cast_members: z.array(z.string()),
      genres: z.array(z.string()),
      language: z.string(),
      certificate: z.enum(CERTIFICATES),
      length_minutes: z.number(),
      synopsis: z.string(),
      rights: z.string(),
    }),
    showtimes: z.array(
      z.object({
        id: z.number(),
        day: z.string(),
        starts_at: z.string(),
        status: z.enum(['scheduled', 'cancelled']),
        theater_id: z.number(),
        auditorium: z.string(),
        seats_left: z.number(),
        price_from: z.number().nullable(),
      }),
    ),
    theaters: z.array(
      z.object({
        id: z.number(),
        slug: z.string(),
        name: z.string(),
        city: z.string(),
        address: z.string(),
        time_zone: z.string(),
        currency: z.string(),
      }),
    ),
    after: z.string().nullable(),
  })
  .transform(({ server_time, movie, showtimes, theaters, after }) => ({
    serverTime: server_time,
    movie,
    after,
    showtimes: placed(showtimes, theaters),
  }));

type Page = z.output<typeof schema>;
export type Showtime = Page['showtimes'][number];
export type Film = Page['movie'] & { showtimes: Showtime[] };

/** What the cache holds of a film: its pages of showtimes; one that is null where there is no such film. */
export type FilmPages = InfiniteData<Page | null>;

async function readFilm(slug: string, after: string | null, signal: AbortSignal): Promise<Page | null> {
  const askedAt = performance.now();
  try {
    const answer = await queryAs(
      schema,
      supabase.rpc('movie', { slug, ...(after !== null && { after }) }, { get: true }).abortSignal(signal),
    );
    setClockUnlessSet(answer.serverTime, askedAt);
    return answer;
  } catch (error) {
    if (isApiError(error, 'unknown_movie')) return null;
    throw error;
  }
}

function joined({ pages }: FilmPages): Film | null {
  const [first] = pages;
  if (!first) return null;
  return { ...first.movie, showtimes: pages.flatMap((page) => page?.showtimes ?? []) };
}

/** The film with its showtimes that have not ended, page after page, or null where there is no such film. */
export function useFilm(slug: string) {
  return useInfiniteQuery({
    queryKey: filmKeys.film(slug),
    queryFn: ({ pageParam, signal }) => readFilm(slug, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page?.after,
    select: joined,
    // Broadcasts can be missed; who leaves the page open is not shown yesterday's seats.
    refetchInterval: 60_000,
  });
}
