import { useMemo, useState } from 'react';

import { sentenceFor } from '@/api/errors';
import { useUser } from '@/api/session';
import { Button, ButtonLink } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { paths } from '@/shared/lib/paths';
import { useOnline } from '@/shared/lib/use-online';
import { text } from '@/shared/text';

import type { Showtime } from '../api/showtime';
import { useChangeAnnouncements } from '../hooks/use-change-announcements';
import { useSeatSelection } from '../hooks/use-seat-selection';
import { useSavedSelection } from '../hooks/use-saved-selection';
import { useSeats } from '../hooks/use-seats';
import { HumanCheck } from './human-check';
import { Legend } from './legend';
import { MapSkeleton } from './map-skeleton';
import { Panel } from './panel';
import { SeatList } from './seat-list';
import { SeatMap } from './seat-map';
import { ViewToggle, type View } from './view-toggle';

/** The seats of a showtime, and what the viewer chooses of them. */
export function SeatPicker({ showtime }: { showtime: Showtime }) {
  const viewer = useUser()?.id ?? null;
  const known = useSeats(showtime, viewer);
  const choosing = useSeatSelection(showtime.id, known);
  const { seats, states, live, reading } = known;
  const online = useOnline();
  const [view, setView] = useState<View>('map');
  const chosen = useMemo(
    () => seats.seats.filter(({ id }) => states.get(id) === 'mine'),
    [seats.seats, states],
  );
  useChangeAnnouncements(states);
  const read = seats.seats.length > 0;
  useSavedSelection(showtime.id, showtime.movie.title, read, chosen, choosing.expiresAt);
  const words = text.seats;

  if (!read) {
    if (reading.error)
      return (
        <Notice
          tone="bad"
          title={words.noMap}
          action={
            <Button look="secondary" busy={reading.isFetching} onClick={reading.tryAgain}>
              {text.common.tryAgain}
            </Button>
          }
        >
          {sentenceFor(reading.error)}
        </Notice>
      );
    return <MapSkeleton />;
  }

  const left = [...states.values()].filter((state) => state === 'free').length;
  const shown = { seats: seats.seats, states, currency: seats.currency, onChoose: choosing.choose };
  return (
    <div
      className={`grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem] ${chosen.length > 0 ? 'max-lg:pb-32' : ''}`}
    >
      <div className="min-w-0">
        <div className="mb-3 flex min-h-11 flex-wrap items-center justify-between gap-x-4 gap-y-2">
          <p className="flex items-center gap-2 text-muted tabular-nums">
            <span
              aria-hidden="true"
              className={`size-2.5 rounded-full ${live === true && online ? 'bg-good' : 'border-2 border-warn'}`}
            />
            {words.left(left)}
            <span className="sr-only">{live === true && online ? words.live : words.delayed}</span>
          </p>
          <ViewToggle view={view} onChange={setView} />
        </div>
        {view === 'map' ? <SeatMap {...shown} /> : <SeatList {...shown} />}
        <Legend {...shown} />
      </div>
      {/* A phone's sheet alone lies over the page and takes no room in it. */}
      <div className="flex flex-col gap-4 max-lg:order-first max-lg:has-[>.fixed:only-child]:absolute lg:sticky lg:top-20 lg:self-start">
        {choosing.problem !== undefined && <Notice tone="warn">{choosing.problem}</Notice>}
        {!online && <Notice tone="warn">{words.offline}</Notice>}
        {left === 0 && chosen.length === 0 && (
          <Notice title={words.soldOut.title}>{words.soldOut.sentence}</Notice>
        )}
        {choosing.pendingId !== null && (
          <Notice
            tone="warn"
            title={words.pending.title}
            action={<ButtonLink to={paths.checkout(choosing.pendingId)}>{words.pending.action}</ButtonLink>}
          >
            {words.pending.sentence}
          </Notice>
        )}
        <Panel
          chosen={chosen}
          currency={seats.currency}
          expiresAt={choosing.expiresAt}
          pending={choosing.pendingId !== null}
          continuing={choosing.continuing}
          onRelease={(given) => void choosing.release(given)}
          onContinue={choosing.continueToPayment}
        />
      </div>
      <HumanCheck open={choosing.checking} onPassed={choosing.passedCheck} onClose={choosing.closeCheck} />
    </div>
  );
}
