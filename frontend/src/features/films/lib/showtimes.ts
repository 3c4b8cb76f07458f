import type { Showtime } from '../api/film';

type Theater = Showtime['theater'];

export interface TheaterDay {
  theater: Theater;
  showtimes: Showtime[];
}

export interface Day {
  /** 2026-12-02, on the theaters' own calendars. */
  day: string;
  theaters: TheaterDay[];
}

/** By day and theater. Comes sorted by day and start. */
export function byDayAndTheater(showtimes: readonly Showtime[]): Day[] {
  const days = new Map<string, Map<string, TheaterDay>>();
  for (const showtime of showtimes) {
    const { day, theater } = showtime;
    const theaters = days.get(day) ?? new Map<string, TheaterDay>();
    days.set(day, theaters);
    const there = theaters.get(theater.slug) ?? { theater, showtimes: [] };
    theaters.set(theater.slug, there);
    there.showtimes.push(showtime);
  }
  return [...days].map(([day, theaters]) => ({
    day,
    theaters: [...theaters.values()].sort((one, other) => one.theater.name.localeCompare(other.theater.name)),
  }));
}

export type Sale = 'on' | 'sold-out' | 'started' | 'cancelled';

/** The state of the sale. `now` is in milliseconds. */
export function saleOf({ status, starts_at, seats_left }: Showtime, now: number): Sale {
  if (status === 'cancelled') return 'cancelled';
  if (Date.parse(starts_at) <= now) return 'started';
  return seats_left === 0 ? 'sold-out' : 'on';
}
