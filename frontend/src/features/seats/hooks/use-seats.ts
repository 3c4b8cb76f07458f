import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'react';

import { onOtherTabChange } from '@/api/cross-tab';
import { listen } from '@/api/realtime';
import { serverNow } from '@/shared/lib/clock';

import { seatLayoutQuery } from '../api/seat-layout';
import { KEPT_FOR, seatStatesQuery } from '../api/seat-states';
import { showtimeKey, type Showtime } from '../api/showtime';
import type { Seat } from '../model/seat';
import { toSeatEvent } from '../model/seat-event';
import {
  applyEvent,
  applyStates,
  isDoubtful,
  nextExpiry,
  NOTHING_KNOWN,
  statesAt,
  type Knowledge,
  type Seats,
} from '../model/seats';

/** setTimeout takes no more. */
const LONGEST = 2 ** 31 - 1;

/** The states are read once events arrive; where that takes longer they are read without. */
const JOIN_WITHIN = 1_000;
/** Without events the states are read by the clock. */
const READ_WITHOUT_EVENTS_AFTER = 30_000;
/**
 * With them, too, but seldom: Realtime may lose a message and says nothing. A page that nobody comes back to would
 * otherwise show it for good. Each page has its own pace, so that they do not come together.
 */
const READ_WITH_EVENTS_AFTER = { least: 4 * 60_000, more: 2 * 60_000 };
/** Reads that events give reason for are spread over so long: many pages hear the same. */
const READ_DOUBTFUL_WITHIN = 1_000;

const NO_SEATS: readonly Seat[] = [];

export type Change = (before: Knowledge) => Knowledge;

/**
 * The seats of a showtime as that viewer sees them: places from the layout, who has them from the states, from events
 * and from the clock.
 */
export function useSeats(showtime: Showtime, viewer: string | null) {
  const { id: showtimeId, auditorium, prices, revision } = showtime;
  const [kept, change] = useReducer(reduce, { showtimeId, viewer, knowledge: NOTHING_KNOWN });
  const knowledge = knowledgeOf(kept, showtimeId, viewer);
  const update = useCallback((by: Change) => change({ showtimeId, viewer, by }), [showtimeId, viewer]);

  const queryClient = useQueryClient();
  const [live, setLive] = useState<boolean>();
  const [started, setStarted] = useState(false);
  const [pace] = useState(() => READ_WITH_EVENTS_AFTER.least + Math.random() * READ_WITH_EVENTS_AFTER.more);
  const statesQuery = useQuery({
    ...seatStatesQuery(showtimeId),
    enabled: started,
    refetchInterval: live === true ? pace : READ_WITHOUT_EVENTS_AFTER,
  });
  const { data: answer, refetch } = statesQuery;
  const readAgain = useCallback(() => void refetch(), [refetch]);

  const version =
    answer?.revision === revision
      ? Math.max(answer.layoutVersion, auditorium.layout_version)
      : auditorium.layout_version;
  const layoutQuery = useQuery({
    ...seatLayoutQuery(auditorium.id, version),
    // The seats as they stood stay in sight while those of the next version are read.
    placeholderData: (before) => (before?.auditoriumId === auditorium.id ? before : undefined),
  });
  const places = layoutQuery.data?.seats;

  useEffect(() => {
    if (answer) update((before) => applyStates(before, answer.states, answer.askedAt));
  }, [answer, update]);

  /** By the server's clock: events from before it may have been missed. */
  const joinedAt = useRef(-Infinity);
  const isStarted = useRef(false);
  useEffect(() => {
    const start = () => {
      // Not the first time, nor for this viewer: what is known may have been missed, or was read for another.
      if (isStarted.current) readAgain();
      isStarted.current = true;
      setStarted(true);
    };
    const patience = setTimeout(start, JOIN_WITHIN);
    const stop = listen(`showtime:${showtimeId}`, {
      onEvent(name, payload) {
        const event = toSeatEvent(name, payload);
        const receivedAt = performance.now();
        if (event) update((before) => applyEvent(before, event, receivedAt));
      },
      onJoined() {
        clearTimeout(patience);
        joinedAt.current = serverNow();
        setLive(true);
        start();
      },
      onLost: () => setLive(false),
    });
    return () => {
      clearTimeout(patience);
      stop();
    };
  }, [showtimeId, update, readAgain]);

  useEffect(() => onOtherTabChange(showtimeId, readAgain), [showtimeId, readAgain]);

  // A cache answered what it had been told before events arrived. By then it has that no more.
  useEffect(() => {
    if (!answer?.shared || answer.readAt >= joinedAt.current) return;
    joinedAt.current = -Infinity;
    const timer = setTimeout(readAgain, KEPT_FOR);
    return () => clearTimeout(timer);
  }, [answer, readAgain]);

  const { askedAt } = knowledge;
  const doubtful = isDoubtful(knowledge);
  useEffect(() => {
    if (!doubtful) return;
    const timer = setTimeout(readAgain, Math.random() * READ_DOUBTFUL_WITHIN);
    return () => clearTimeout(timer);
  }, [doubtful, askedAt, readAgain]);

  // The showtime has got another time or place than this page was told, or the states are older than that.
  useEffect(() => {
    if (!answer || answer.revision === revision) return;
    const timer = setTimeout(
      () => {
        if (answer.revision < revision) readAgain();
        else void queryClient.invalidateQueries({ queryKey: showtimeKey(showtimeId) });
      },
      answer.shared ? KEPT_FOR : 0,
    );
    return () => clearTimeout(timer);
  }, [answer, queryClient, readAgain, revision, showtimeId]);

  const now = useExpiry(knowledge);
  const priced = useMemo(() => {
    const priceOf = new Map(prices.map(({ kind, price }) => [kind, price]));
    return places?.map((place): Seat => ({ ...place, price: priceOf.get(place.kind) ?? null }));
  }, [places, prices]);
  // Without states all would look free.
  const all = knowledge.askedAt > -Infinity && priced ? priced : NO_SEATS;
  const seats = useMemo<Seats>(
    () => ({
      ...knowledge,
      seats: all,
      currency: showtime.theater.currency,
      seatLimit: showtime.seat_limit,
    }),
    [all, knowledge, showtime.seat_limit, showtime.theater.currency],
  );
  const states = useMemo(() => statesAt(knowledge, all, now), [all, knowledge, now]);

  const refetchLayout = layoutQuery.refetch;
  const tryAgain = useCallback(() => {
    readAgain();
    void refetchLayout();
  }, [readAgain, refetchLayout]);
  const reading = {
    error: statesQuery.error ?? layoutQuery.error,
    isFetching: statesQuery.isFetching || layoutQuery.isFetching,
    tryAgain,
  };
  return { seats, states, now, live, update, readAgain, reading };
}

interface Identity {
  showtimeId: number;
  /** Null for who has no session. */
  viewer: string | null;
}

interface Kept extends Identity {
  knowledge: Knowledge;
}

/** What is mine to one viewer is not to the next. Who had no session had nothing, so what was seen then stays true. */
function knowledgeOf(kept: Kept, showtimeId: number, viewer: string | null): Knowledge {
  const isTheirs = kept.viewer === null || kept.viewer === viewer;
  return kept.showtimeId === showtimeId && isTheirs ? kept.knowledge : NOTHING_KNOWN;
}

function reduce(kept: Kept, { showtimeId, viewer, by }: Identity & { by: Change }): Kept {
  const knowledge = by(knowledgeOf(kept, showtimeId, viewer));
  const isSame = kept.showtimeId === showtimeId && kept.viewer === viewer;
  return isSame && knowledge === kept.knowledge ? kept : { showtimeId, viewer, knowledge };
}

/** The server's time as far as it matters here: new whenever a lock has run out. */
function useExpiry(knowledge: Knowledge): number {
  const [ran, setRan] = useState(serverNow);
  // Anew for all states that arrive: they bring the server's time, and the clock that was looked at before may be wrong.
  const now = useMemo(() => (knowledge === NOTHING_KNOWN ? ran : serverNow()), [ran, knowledge]);
  useEffect(() => {
    const next = nextExpiry(knowledge, now);
    if (next === undefined) return;
    const timer = setTimeout(
      () => setRan(serverNow()),
      Math.min(LONGEST, Math.max(0, next - serverNow()) + 1),
    );
    return () => clearTimeout(timer);
  }, [knowledge, now]);
  return now;
}
