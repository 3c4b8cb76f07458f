import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useReducer, useState } from 'react';

import { onOtherTabChange } from '@/api/cross-tab';
import { listen } from '@/api/realtime';
import { serverNow } from '@/shared/lib/clock';

import { seatMapQuery } from '../api/seat-map';
import { applyEvent, nextExpiry, NO_SEATS, applyMap, statesAt, type Seats } from '../model/seats';
import { toSeatEvent } from '../model/seat-event';

/** setTimeout takes no more. */
const LONGEST = 2 ** 31 - 1;

export type Change = (before: Seats) => Seats;

/** The seats of a showtime as that viewer sees them, kept up to date by the map, by events and by the clock. */
export function useSeats(showtimeId: number, viewer: string | null) {
  const identity = `${showtimeId} ${viewer ?? ''}`;
  const [kept, change] = useReducer(reduce, { identity, seats: NO_SEATS });
  const queryClient = useQueryClient();
  const query = useQuery(seatMapQuery(showtimeId));
  const { data: answer, refetch } = query;
  const [live, setLive] = useState<boolean>();
  const seats = kept.identity === identity ? kept.seats : NO_SEATS;

  const update = useCallback((by: Change) => change({ identity, by }), [identity]);
  const readAgain = useCallback(() => void refetch(), [refetch]);

  useEffect(() => {
    if (answer) update((before) => applyMap(before, answer.map, answer.askedAt));
  }, [answer, update]);

  useEffect(() => {
    return listen(`showtime:${showtimeId}`, {
      onEvent(name, payload) {
        if (name === 'showtime:update') {
          void queryClient.invalidateQueries({ queryKey: ['showtime', showtimeId] });
          return;
        }
        const event = toSeatEvent(name, payload);
        const receivedAt = performance.now();
        if (event) update((before) => applyEvent(before, event, receivedAt));
      },
      onJoined() {
        setLive(true);
        readAgain();
      },
      onLost: () => setLive(false),
    });
  }, [showtimeId, update, readAgain, queryClient]);

  useEffect(() => onOtherTabChange(showtimeId, readAgain), [showtimeId, readAgain]);

  const now = useExpiry(seats);
  const states = useMemo(() => statesAt(seats, now), [seats, now]);
  return { seats, states, now, live, update, readAgain, query };
}

interface Kept {
  /** Whose knowledge this is: what is mine to one viewer is not to the next. */
  identity: string;
  seats: Seats;
}

function reduce(kept: Kept, { identity, by }: { identity: string; by: Change }): Kept {
  const before = kept.identity === identity ? kept.seats : NO_SEATS;
  const seats = by(before);
  return seats === kept.seats && identity === kept.identity ? kept : { identity, seats };
}

/** The server's time as far as it matters here: new whenever a lock has run out. */
function useExpiry(seats: Seats): number {
  const [ran, setRan] = useState(serverNow);
  // Anew for all seats that arrive: they bring the server's time, and the clock that was looked at before may be wrong.
  const now = useMemo(() => (seats === NO_SEATS ? ran : serverNow()), [ran, seats]);
  useEffect(() => {
    const next = nextExpiry(seats, now);
    if (next === undefined) return;
    const timer = setTimeout(
      () => setRan(serverNow()),
      Math.min(LONGEST, Math.max(0, next - serverNow()) + 1),
    );
    return () => clearTimeout(timer);
  }, [seats, now]);
  return now;
}
