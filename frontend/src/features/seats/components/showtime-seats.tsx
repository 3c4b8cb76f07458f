import { useQuery } from '@tanstack/react-query';

import { sentenceFor } from '@/api/errors';
import { Button, ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { Page } from '@/shared/components/page';
import { useNow } from '@/shared/lib/clock';
import { formatDay, formatTime } from '@/shared/lib/format';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { showtimeQuery, type Showtime } from '../api/showtime';
import { useShowtimeUpdates } from '../hooks/use-showtime-updates';
import { MapSkeleton } from './map-skeleton';
import { SeatPicker } from './seat-picker';

const words = text.seats;

/** The page of a showtime: what is shown where and when, and its seats while they are sold. */
export function ShowtimeSeats({ showtimeId }: { showtimeId: number | undefined }) {
  const query = useQuery({ ...showtimeQuery(showtimeId ?? 0), enabled: showtimeId !== undefined });
  useShowtimeUpdates(showtimeId, query.data);
  if (showtimeId === undefined || query.data === null) return <Unknown />;
  if (query.data) return <Known showtime={query.data} />;
  return (
    <Page title={words.title} lead={query.isError ? undefined : '\u00a0'}>
      {query.isError ? (
        <Notice
          tone="bad"
          action={
            <Button look="secondary" busy={query.isFetching} onClick={() => void query.refetch()}>
              {text.common.tryAgain}
            </Button>
          }
        >
          {sentenceFor(query.error)}
        </Notice>
      ) : (
        <MapSkeleton />
      )}
    </Page>
  );
}

function Unknown() {
  return (
    <Page title={words.unknown.title} lead={words.unknown.sentence} width="narrow">
      <ButtonLink to={paths.films()}>{text.common.toFilms}</ButtonLink>
    </Page>
  );
}

const HALF_A_MINUTE = 30_000;

function Known({ showtime }: { showtime: Showtime }) {
  const now = useNow(HALF_A_MINUTE);
  const { movie, auditorium } = showtime;
  const { name, time_zone } = showtime.theater;
  const lead = words.where(
    formatDay(showtime.starts_at, time_zone, now),
    formatTime(showtime.starts_at, time_zone),
    auditorium.name,
    name,
  );
  const over =
    showtime.status === 'cancelled'
      ? words.cancelled
      : new Date(showtime.starts_at).getTime() <= now
        ? words.closed
        : undefined;
  return (
    <Page title={movie.title} lead={lead}>
      {over ? (
        <Notice
          tone="warn"
          title={over.title}
          action={<ButtonLink to={paths.film(movie.slug)}>{words.otherShowtimes(movie.title)}</ButtonLink>}
        >
          {over.sentence}
        </Notice>
      ) : (
        <SeatPicker key={showtime.id} showtime={showtime} />
      )}
    </Page>
  );
}
