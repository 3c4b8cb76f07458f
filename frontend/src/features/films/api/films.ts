import { keepPreviousData, useInfiniteQuery, type InfiniteData } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { supabase } from '@/api/supabase';
import { setClockUnlessSet } from '@/shared/lib/clock';

import { CERTIFICATES, type Filters } from '../lib/film-filters';
import { placed } from '../lib/placed';
import { filmKeys } from './keys';

/** So many cards are as many as a page should draw at once. */
const PAGE = 48;

export type Question = Omit<Filters, 'at'> & { theaterIds: readonly number[] | undefined };

const theaterSchema = z.object({
  id: z.number(),
  slug: z.string(),
  name: z.string(),
  city: z.string(),
  time_zone: z.string(),
});
const filmSchema = z.object({
  id: z.number(),
  slug: z.string(),
  title: z.string(),
  release_year: z.number(),
  directors: z.array(z.string()),
  genres: z.array(z.string()),
  certificate: z.enum(CERTIFICATES),
  length_minutes: z.number(),
  showtimes: z.array(z.object({ id: z.number(), starts_at: z.string(), theater_id: z.number() })),
  more_showtimes: z.number(),
});

const schema = z
  .object({
    server_time: z.string(),
    total: z.number(),
    genres: z.array(z.string()).nullable(),
    languages: z.array(z.string()).nullable(),
    films: z.array(filmSchema),
    theaters: z.array(theaterSchema),
    after: z.string().nullable(),
  })
  .transform(({ theaters, films, server_time, ...rest }) => ({
    ...rest,
    serverTime: server_time,
    films: films.map(({ showtimes, more_showtimes, ...film }) => ({
      film,
      more: more_showtimes,
      showtimes: placed(showtimes, theaters),
    })),
  }));

type Page = z.output<typeof schema>;

/** A film of the list, with its next showtimes and the number of those besides. */
export type ListedFilm = Page['films'][number];
export type ListedShowtime = ListedFilm['showtimes'][number];

async function readFilms(
  { day, theaterIds, q, sort, ...filters }: Question,
  after: string | null,
  signal: AbortSignal,
): Promise<Page> {
  const askedAt = performance.now();
  const { genre, language, certificate, length } = filters;
  const answer = await queryAs(
    schema,
    supabase
      .rpc(
        'whats_on',
        {
          max_films: PAGE,
          filters: JSON.stringify({ genre, language, certificate, length }),
          ...(day !== undefined && { day }),
          ...(theaterIds && { theater_ids: [...theaterIds] }),
          ...(q !== undefined && { search: q }),
          ...(sort !== undefined && { sort }),
          ...(after !== null && { after }),
        },
        { get: true },
      )
      .abortSignal(signal),
  );
  setClockUnlessSet(answer.serverTime, askedAt);
  return answer;
}

const joined = ({ pages }: InfiniteData<Page>) => ({
  films: pages.flatMap(({ films }) => films),
  total: pages.at(-1)?.total ?? 0,
  genres: pages[0]?.genres ?? [],
  languages: pages[0]?.languages ?? [],
});

/** The films that are on, page after page, in the order and by the filters that are asked for. */
export function useFilms(question: Question, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: filmKeys.list(question),
    queryFn: ({ pageParam, signal }) => readFilms(question, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ after }) => after,
    select: joined,
    placeholderData: keepPreviousData,
    refetchInterval: 5 * 60_000,
    enabled,
  });
}
