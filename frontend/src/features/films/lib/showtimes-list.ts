import { dayOf } from '@/shared/lib/format';

import type { ListedFilm } from '../api/films';
import type { Theater } from '../api/theaters';
import { matches, type Filters } from './film-filters';

export interface NextShowtime {
  id: number;
  starts_at: string;
  theater: Theater;
}

export interface FilmShowing {
  film: ListedFilm;
  showtimes: NextShowtime[];
}

/** The theaters of a place, which is a theater's slug or a city; all of them where there is no such place. */
export function theatersAt(theaters: readonly Theater[], at: string | undefined): readonly Theater[] {
  const there = theaters.filter(({ slug, city }) => slug === at || city === at);
  return there.length > 0 ? there : theaters;
}

/** The films that are still to be shown on that day by each theater's own calendar, and are wished for. */
export function showtimesList(
  films: readonly ListedFilm[],
  theaters: readonly Theater[],
  filters: Filters,
  now: number,
): FilmShowing[] {
  const byId = new Map(theaters.map((theater) => [theater.id, theater]));
  return films
    .filter((film) => matches(film, filters))
    .map((film) => ({
      film,
      showtimes: film.showtimes.flatMap(({ id, starts_at, auditoriums }) => {
        const theater = byId.get(auditoriums.theater_id);
        const comes = theater !== undefined && Date.parse(starts_at) > now;
        if (!comes || (filters.day && dayOf(starts_at, theater.time_zone) !== filters.day)) return [];
        return [{ id, starts_at, theater }];
      }),
    }))
    .filter(({ showtimes }) => showtimes.length > 0);
}

interface FilterOptions {
  genres: string[];
  languages: string[];
}

/** What can be chosen: what the films have, and what is chosen already. */
export function filterOptions(films: readonly ListedFilm[], { genre, language }: Filters): FilterOptions {
  const genres = new Set(films.flatMap((film) => film.genres));
  const languages = new Set(films.map((film) => film.language));
  if (genre) genres.add(genre);
  if (language) languages.add(language);
  return { genres: [...genres].sort(), languages: [...languages].sort() };
}
