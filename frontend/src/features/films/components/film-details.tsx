import type { ReactNode } from 'react';

import { formatDuration } from '@/shared/lib/format';
import { text } from '@/shared/text';

import type { Film, useFilm } from '../api/film';
import { useFilmUpdates } from '../api/film-updates';
import { capitalize, languageName, formatList } from '../lib/names';
import { Poster } from '../poster/poster';
import { Certificate } from './certificate';
import { FilmShowtimes } from './film-showtimes';

const words = text.films.film;

interface FilmDetailsProps {
  film: Film;
  query: ReturnType<typeof useFilm>;
}

export function FilmDetails({ film, query }: FilmDetailsProps) {
  useFilmUpdates(film);
  const { facts } = words;
  return (
    <>
      <div className="grid gap-6 sm:gap-8 sm:grid-cols-[minmax(0,15rem)_1fr] lg:grid-cols-[minmax(0,19rem)_1fr] lg:gap-12">
        <Poster film={film} label={text.films.poster.label(film.title)} className="max-w-56 sm:max-w-none" />
        <div className="min-w-0">
          <h2 className="sr-only">{words.synopsis}</h2>
          <p className="max-w-prose font-display text-xl leading-relaxed">{film.synopsis}</p>
          <dl className="mt-6 grid grid-cols-[auto_1fr] gap-x-6 gap-y-3">
            <Fact name={facts.directors(film.directors.length)}>{formatList(film.directors)}</Fact>
            {film.cast_members.length > 0 && <Fact name={facts.cast}>{formatList(film.cast_members)}</Fact>}
            <Fact name={facts.genres}>{capitalize(film.genres.join(', '))}</Fact>
            <Fact name={facts.language}>{languageName(film.language)}</Fact>
            <Fact name={facts.length}>{formatDuration(film.length_minutes)}</Fact>
            <Fact name={facts.certificate}>
              <Certificate name={film.certificate} />{' '}
              <span aria-hidden="true">{text.films.certificates[film.certificate]}</span>
            </Fact>
          </dl>
        </div>
      </div>
      <FilmShowtimes showtimes={film.showtimes} film={query} />
      <section className="mt-14 max-w-prose border-t border-line pt-6 text-sm text-muted">
        <h2 className="font-semibold">{words.rights}</h2>
        <p className="mt-1">{film.rights}</p>
      </section>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="col-span-2 grid grid-cols-subgrid">
      <dt className="text-sm leading-6 text-muted">{name}</dt>
      <dd className="wrap-anywhere">{children}</dd>
    </div>
  );
}
