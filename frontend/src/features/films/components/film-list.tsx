import { useMemo } from 'react';

import { sentenceFor } from '@/api/errors';
import { Button, ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Skeleton } from '@/shared/components/skeleton';
import { useNow } from '@/shared/lib/clock';
import { text } from '@/shared/text';

import { useFilms } from '../api/films';
import { useTheaters } from '../api/theaters';
import { comingDays } from '../lib/days';
import { choices, stillOn } from '../lib/still-on';
import { theatersAt } from '../lib/theaters-at';
import { useFilmFilters } from '../lib/use-film-filters';
import { FILTERS } from '../lib/film-filters';
import { DayStrip } from './day-strip';
import { FilmCard } from './film-card';
import { FilmFilters } from './film-filters';
import { FilmGrid, FilmGridSkeleton } from './film-grid';
import { MoreButton } from './more-button';

const HALF_A_MINUTE = 30_000;
const words = text.films;

export function FilmList() {
  const now = useNow(HALF_A_MINUTE);
  const { filters: asked, change, addressWith } = useFilmFilters();
  const theaters = useTheaters();
  const all = theaters.data ?? [];
  const there = theatersAt(all, asked.at);
  const timeZones = there.map((theater) => theater.time_zone);
  const days = comingDays(now, timeZones);
  // A link may be older than its day.
  const day = days.find((coming) => coming === asked.day);
  const { at, ...rest } = asked;
  const filters = { ...asked, day };
  const films = useFilms(
    { ...rest, day, theaterIds: there.length < all.length ? there.map(({ id }) => id) : undefined },
    at === undefined || theaters.isSuccess,
  );
  const failed = [films, theaters].filter(({ isError, data }) => isError && !data);
  const narrowed = FILTERS.some((name) => filters[name]) || there.length < all.length;

  return (
    <>
      <DayStrip days={days} timeZones={timeZones} chosen={day} now={now} addressWith={addressWith} />
      <div className="mt-4">
        <FilmFilters
          filters={filters}
          onChange={change}
          theaters={all}
          genres={choices(films.data?.genres ?? [], filters.genre)}
          languages={choices(films.data?.languages ?? [], filters.language)}
        />
      </div>
      {failed.length > 0 ? (
        <div className="mt-6">
          <Notice
            tone="bad"
            title={words.failed}
            action={<Button onClick={() => failed.forEach(again)}>{text.common.tryAgain}</Button>}
          >
            {sentenceFor(failed[0]?.error)}
          </Notice>
        </div>
      ) : (
        <Found
          {...{ films, filters, now, narrowed }}
          allDays={addressWith({ day: undefined })}
          onClear={() => change(NOTHING)}
        />
      )}
    </>
  );
}

const again = ({ refetch }: { refetch: () => unknown }) => void refetch();

const NOTHING = {
  at: undefined,
  q: undefined,
  genre: undefined,
  language: undefined,
  certificate: undefined,
  length: undefined,
};

interface FoundProps {
  films: ReturnType<typeof useFilms>;
  filters: ReturnType<typeof useFilmFilters>['filters'];
  now: number;
  narrowed: boolean;
  allDays: string;
  onClear: () => void;
}

function Found({ films, filters, now, narrowed, allDays, onClear }: FoundProps) {
  const { data, isPlaceholderData: busy } = films;
  const on = useMemo(() => data && stillOn(data.films, now), [data, now]);
  // Those that are over since they were read are of the total, too.
  const total = data && on && data.total - (data.films.length - on.length);
  const clear = narrowed && (
    <Button look="quiet" className="-mx-3" onClick={onClear}>
      {words.filters.clear}
    </Button>
  );
  return (
    <>
      <div className="mt-5 flex min-h-11 flex-wrap items-center justify-between gap-x-4">
        <p role="status" className="font-medium">
          {total !== undefined ? words.count(total) : <span className="sr-only">{words.loading}</span>}
        </p>
        {!on && <Skeleton className="h-5 w-20" />}
        {on?.length !== 0 && clear}
      </div>
      {!on && <FilmGridSkeleton />}
      {on?.length === 0 && !busy && (
        <Notice
          title={words.empty.title}
          action={
            <div className="flex flex-wrap gap-3">
              {narrowed && <Button onClick={onClear}>{words.filters.clear}</Button>}
              {filters.day && (
                <ButtonLink look="secondary" to={allDays} preventScrollReset>
                  {words.empty.allDays}
                </ButtonLink>
              )}
            </div>
          }
        >
          {narrowed ? words.empty.filtered : filters.day ? words.empty.day : words.empty.nothing}
        </Notice>
      )}
      {on && on.length > 0 && (
        <FilmGrid busy={busy}>
          {on.map((one) => (
            <li key={one.film.id} id={`film-${one.film.id}`} tabIndex={-1} className="min-w-0">
              <FilmCard on={one} oneDay={filters.day !== undefined} now={now} />
            </li>
          ))}
        </FilmGrid>
      )}
      {on && !busy && (
        <MoreButton
          query={films}
          label={words.more.films}
          failed={words.more.failed}
          arrived={(now) => ({
            first: `film-${now.films[data?.films.length ?? 0]?.film.id}`,
            shown: words.more.shown(now.films.length, now.total),
          })}
        />
      )}
    </>
  );
}
