import { Notice } from '@/shared/components/notice';
import { useNow } from '@/shared/lib/clock';
import { formatDate } from '@/shared/lib/format';
import { text } from '@/shared/text';

import type { Showtime, useFilm } from '../api/film';
import { nameOfDay, noon } from '../lib/days';
import { byDayAndTheater, type Day } from '../lib/showtimes';
import { MoreButton } from './more-button';
import { ShowtimeLink } from './showtime-link';

const TEN_SECONDS = 10_000;
const words = text.films.film;

interface FilmShowtimesProps {
  showtimes: readonly Showtime[];
  film: ReturnType<typeof useFilm>;
}

export function FilmShowtimes({ showtimes, film }: FilmShowtimesProps) {
  const now = useNow(TEN_SECONDS);
  const days = byDayAndTheater(showtimes);
  return (
    <section aria-labelledby="showtimes" className="mt-12">
      <h2 id="showtimes" className="font-display text-3xl tracking-tight">
        {words.showtimes}
      </h2>
      {days.length === 0 ? (
        <div className="mt-4">
          <Notice>{words.none}</Notice>
        </div>
      ) : (
        <p className="mt-1 text-muted">{words.showtimesLead}</p>
      )}
      {days.map((day) => (
        <section key={day.day} aria-label={dateOf(day.day)} className="mt-8">
          <h3 className="border-b border-line pb-2 text-lg font-semibold">{heading(day, now)}</h3>
          <div className="mt-4 grid gap-x-8 gap-y-6 md:grid-cols-2 lg:grid-cols-3">
            {day.theaters.map(({ theater, showtimes: there }) => (
              <div key={theater.slug}>
                <h4 className="text-sm">
                  <span className="block text-base font-semibold">{theater.name}</span>
                  <span className="font-normal text-muted">
                    {theater.address.includes(theater.city)
                      ? theater.address
                      : `${theater.city} · ${theater.address}`}
                  </span>
                </h4>
                <ul className="mt-3 grid grid-cols-2 gap-3">
                  {there.map((showtime) => (
                    <li key={showtime.id} id={`showtime-${showtime.id}`} tabIndex={-1}>
                      <ShowtimeLink showtime={showtime} now={now} />
                    </li>
                  ))}
                </ul>
              </div>
            ))}
          </div>
        </section>
      ))}
      <MoreButton
        query={film}
        label={words.more}
        failed={words.moreFailed}
        arrived={(now) => ({
          first: `showtime-${now?.showtimes[showtimes.length]?.id}`,
          shown: words.shown(now?.showtimes.length ?? 0),
        })}
      />
    </section>
  );
}

const dateOf = (day: string) => formatDate(noon(day), 'UTC');

/** A calendar day, with Today or Tomorrow as the calendars of its theaters stand. */
function heading({ day, theaters }: Day, now: number): string {
  const zones = theaters.map(({ theater }) => theater.time_zone);
  return [nameOfDay(day, zones, now), dateOf(day)].filter(Boolean).join(', ');
}
