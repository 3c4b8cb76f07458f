import { memo } from 'react';
import { Link } from 'react-router';

import { formatDay, formatDuration, timeParts } from '@/shared/lib/format';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import type { ListedFilm, ListedShowtime } from '../api/films';
import { formatList } from '../lib/names';
import { Poster } from '../poster/poster';
import { Certificate } from './certificate';

interface FilmCardProps {
  on: ListedFilm;
  /** All showtimes are of one day, which need not be said on each. */
  oneDay: boolean;
  now: number;
}

export const FilmCard = memo(function FilmCard({
  on: { film, showtimes, more },
  oneDay,
  now,
}: FilmCardProps) {
  return (
    <article className="grid grid-cols-[7.5rem_1fr] gap-4 sm:flex sm:flex-col sm:gap-3">
      <Link to={paths.film(film.slug)} tabIndex={-1} aria-hidden="true" className="group block">
        <Poster film={film} className="transition-transform motion-safe:group-hover:-translate-y-1" />
      </Link>
      <div className="flex min-w-0 flex-1 flex-col">
        <h2 className="font-display text-xl leading-snug text-balance">
          <Link to={paths.film(film.slug)} className="underline-offset-4 hover:underline">
            {film.title}
          </Link>
        </h2>
        <p className="mt-0.5 text-sm text-muted">
          {film.release_year} · {formatList(film.directors)}
        </p>
        <p className="mt-1.5 flex items-center gap-2 text-sm text-muted">
          <Certificate name={film.certificate} />
          {formatDuration(film.length_minutes)}
        </p>
        <ul aria-label={text.films.card.next(film.title)} className="mt-2 flex flex-col sm:mt-auto sm:pt-2">
          {showtimes.map((showtime) => (
            <li key={showtime.id} className="border-t border-line first:border-t-0 sm:first:border-t">
              <Next showtime={showtime} oneDay={oneDay} now={now} />
            </li>
          ))}
          {more > 0 && (
            <li className="border-t border-line">
              <Link
                to={paths.film(film.slug)}
                aria-label={text.films.card.moreOf(film.title)}
                className="flex min-h-11 items-center text-sm text-accent underline-offset-4 hover:underline"
              >
                {text.films.card.more} ({more})
              </Link>
            </li>
          )}
        </ul>
      </div>
    </article>
  );
});

function Next({
  showtime: { id, starts_at, theater },
  oneDay,
  now,
}: { showtime: ListedShowtime } & Omit<FilmCardProps, 'on'>) {
  const { time, zone } = timeParts(starts_at, theater.time_zone);
  return (
    <Link
      to={paths.showtime(id)}
      className="-mx-1.5 flex min-h-11 flex-col justify-center rounded px-1.5 py-1.5 text-sm hover:bg-raised sm:flex-row sm:flex-wrap sm:items-center sm:justify-between sm:gap-x-2"
    >
      <span className="font-semibold whitespace-nowrap text-accent tabular-nums">
        {!oneDay && `${formatDay(starts_at, theater.time_zone, now)} `}
        {time}
      </span>
      <span className="whitespace-nowrap text-muted">{[theater.city, zone].filter(Boolean).join(' · ')}</span>
    </Link>
  );
}
