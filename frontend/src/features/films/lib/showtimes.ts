import { dayOf } from '@/shared/lib/format';

import type { Showtime } from '../api/film';

type Theater = Showtime['auditoriums']['theaters'];

export interface TheaterDay {
  theater: Theater;
  showtimes: Showtime[];
}

export interface Day {
  /** 2026-12-02, on the theaters' own calendars. */
  day: string;
  theaters: TheaterDay[];
}

/** By day and theater. Comes sorted by start; a day that has begun in one zone stands in order in every other. */
export function byDayAndTheater(showtimes: readonly Showtime[]): Day[] {
  const days = new Map<string, Map<string, TheaterDay>>();
  for (const showtime of showtimes) {
    const theater = showtime.auditoriums.theaters;
    const day = dayOf(showtime.starts_at, theater.time_zone);
    const theaters = days.get(day) ?? new Map<string, TheaterDay>();
    days.set(day, theaters);
    const there = theaters.get(theater.slug) ?? { theater, showtimes: [] };
    theaters.set(theater.slug, there);
    there.showtimes.push(showtime);
  }
  return [...days]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([day, theaters]) => ({
      day,
      theaters: [...theaters.values()].sort((one, other) =>
        one.theater.name.localeCompare(other.theater.name),
      ),
    }));
}

export type Sale = 'on' | 'sold-out' | 'started' | 'cancelled';

/** The state of the sale. `now` is in milliseconds. */
export function saleOf({ status, starts_at, seats_left }: Showtime, now: number): Sale {
  if (status === 'cancelled') return 'cancelled';
  if (Date.parse(starts_at) <= now) return 'started';
  return seats_left === 0 ? 'sold-out' : 'on';
}

/** What the cheapest seat costs, those apart that are kept for wheelchair users and who comes with them. */
export function priceFrom({ showtime_prices: prices }: Showtime): number | undefined {
  const open = prices.filter(({ kind }) => kind !== 'wheelchair' && kind !== 'companion');
  const asked = (open.length > 0 ? open : prices).map(({ price }) => price);
  return asked.length > 0 ? Math.min(...asked) : undefined;
}
