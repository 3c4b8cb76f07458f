import type { ListedFilm } from '../api/films';

/** The films without the showtimes that have begun since they were read, and without those that have none left. */
export function stillOn(films: readonly ListedFilm[], now: number): ListedFilm[] {
  return films
    .map((film) => ({
      ...film,
      showtimes: film.showtimes.filter(({ starts_at }) => Date.parse(starts_at) > now),
    }))
    .filter(({ showtimes, more }) => showtimes.length + more > 0);
}

/** What can be chosen: what there is, and what is chosen already. */
export function choices(names: readonly string[], chosen: string | undefined): string[] {
  return [...new Set(chosen ? [...names, chosen] : names)].sort();
}
