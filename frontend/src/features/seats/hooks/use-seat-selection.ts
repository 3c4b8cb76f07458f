import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';

import { isApiError, seatIds as seatsNamedBy, sentenceFor } from '@/api/errors';
import { session, useSession } from '@/api/session';
import { announce } from '@/shared/lib/announce';
import { serverNow } from '@/shared/lib/clock';
import { formatCountdown } from '@/shared/lib/format';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { useCreateBooking } from '../api/create-booking';
import { humanCheckIsConfigured } from '../api/human-check';
import { lockSeats } from '../api/lock-seats';
import { releaseSeats } from '../api/release-seats';
import { showtimeKey } from '../api/showtime';
import { seatName, type Seat } from '../model/seat';
import {
  applyLock,
  applyRelease,
  selectionExpiry,
  clearPending,
  stateOf,
  setPending,
  type Seats,
} from '../model/seats';
import { keepWanted, takeWanted } from '../model/wanted-seat';
import type { useSeats } from './use-seats';

/** The server may end a selection, and say so, that much before this page's clock does. */
const CLOCK_ERROR = 5_000;

/** Choosing seats, releasing them, and going on to pay; `problem` is a sentence to show. */
export function useSeatSelection(
  showtimeId: number,
  { seats, now, update, readAgain }: ReturnType<typeof useSeats>,
) {
  const viewer = useSession();
  const signedIn = viewer.status === 'signed-in';
  const isGuest = signedIn && viewer.user.kind === 'guest';
  const navigate = useNavigate();
  const { pathname, search } = useLocation();
  const [problem, setProblem] = useState<string>();
  /** The seat that waits for a human check. */
  const [checkFor, setCheckFor] = useState<Seat>();
  /** The seats that wait for a session of a guest. */
  const [waiting, setWaiting] = useState<readonly Seat[]>([]);
  const pendingId = signedIn ? seats.pendingBookingId : null;
  const queryClient = useQueryClient();
  const createBooking = useCreateBooking(showtimeId);
  const book = createBooking.mutate;

  const report = useCallback((sentence: string) => {
    setProblem(sentence);
    announce(sentence);
  }, []);

  const signIn = useCallback(
    (seatId?: number) => {
      if (seatId !== undefined) keepWanted(showtimeId, seatId);
      void navigate(paths.signIn(pathname + search));
    },
    [navigate, pathname, search, showtimeId],
  );

  const refused = useCallback(
    (error: unknown) => {
      if (isApiError(error, 'seat_taken')) {
        const ids = seatsNamedBy(error);
        const names = seats.seats.filter(({ id }) => ids.includes(id)).map(seatName);
        update((before) => setPending(before, ids, 'lost'));
        report(names.length > 0 ? text.seats.taken(names) : sentenceFor(error));
      } else {
        report(sentenceFor(error));
        // It may have been asked of another price list, or of a showtime that is no longer on.
        void queryClient.invalidateQueries({ queryKey: showtimeKey(showtimeId) });
      }
      // What was refused was asked of other seats than there are, and what nobody answered may have been done.
      readAgain();
    },
    [queryClient, readAgain, seats.seats, showtimeId, report, update],
  );

  /** Holds it once there is a session to hold it for; until then the tap shows as one that is not answered yet. */
  const lockAsGuest = useCallback(
    async (seat: Seat) => {
      setProblem(undefined);
      update((before) => setPending(before, [seat.id], 'lock'));
      setWaiting((before) => [...before, seat]);
      try {
        await session.openGuest();
      } catch (error) {
        setWaiting([]);
        update((before) => clearPending(before, [seat.id]));
        const sentence = sentenceFor(error);
        report(isApiError(error, 'too_many_attempts') ? text.seats.orSignIn(sentence) : sentence);
      }
    },
    [report, update],
  );

  const lock = useCallback(
    async (seat: Seat) => {
      setProblem(undefined);
      update((before) => setPending(before, [seat.id], 'lock'));
      try {
        const selection = await lockSeats(showtimeId, [seat.id]);
        const receivedAt = performance.now();
        update((before) => applyLock(before, [seat.id], selection, receivedAt));
        const left = formatCountdown((selection.expiresAt ?? serverNow()) - serverNow());
        announce(text.seats.said.held(seatName(seat), left));
      } catch (error) {
        update((before) => clearPending(before, [seat.id]));
        if (isApiError(error, 'sign_in_required', 'session_ended')) {
          // Who had an account here has to say so again; a guest is simply another one from now on.
          if (isGuest && session.state.get().status === 'signed-out') void lockAsGuest(seat);
          else signIn(seat.id);
        } else if (!isApiError(error, 'human_check_required')) refused(error);
        else if (humanCheckIsConfigured()) setCheckFor(seat);
        else report(text.seats.human.missing);
      }
    },
    [isGuest, lockAsGuest, refused, report, showtimeId, signIn, update],
  );

  useEffect(() => {
    if (!signedIn || waiting.length === 0) return;
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the choice was made before there was a session
    setWaiting([]);
    for (const seat of waiting) void lock(seat);
  }, [lock, signedIn, waiting]);

  const closeCheck = useCallback(() => setCheckFor(undefined), []);
  const passedCheck = useCallback(() => {
    setCheckFor(undefined);
    if (checkFor) void lock(checkFor);
  }, [checkFor, lock]);

  const release = useCallback(
    async (given: readonly Seat[]) => {
      const ids = given.map(({ id }) => id);
      setProblem(undefined);
      update((before) => setPending(before, ids, 'release'));
      try {
        await releaseSeats(showtimeId, ids);
        const receivedAt = performance.now();
        update((before) => applyRelease(before, ids, receivedAt));
        const [only] = given;
        announce(
          only && given.length === 1 ? text.seats.said.released(seatName(only)) : text.seats.said.releasedAll,
        );
      } catch (error) {
        update((before) => clearPending(before, ids));
        refused(error);
      }
    },
    [refused, showtimeId, update],
  );

  const choose = useCallback(
    (seat: Seat) => {
      if (seats.pending.has(seat.id)) return;
      const state = stateOf(seats, seat, serverNow());
      if (state !== 'free' && state !== 'mine') {
        announce(text.seats.notFree(seatName(seat), text.seats.states[state]));
      } else if (pendingId !== null) report(text.errors.booking_pending);
      else if (!navigator.onLine) report(text.seats.offline);
      else if (state === 'mine') void release([seat]);
      else if (taken(seats) >= seats.seatLimit) report(text.seats.limit(seats.seatLimit));
      else void (signedIn ? lock(seat) : lockAsGuest(seat));
    },
    [lock, lockAsGuest, pendingId, release, seats, signedIn, report],
  );

  // The seat that was wanted before signing in.
  useEffect(() => {
    if (!signedIn || seats.seats.length === 0) return;
    const wanted = takeWanted(showtimeId);
    const seat = seats.seats.find(({ id }) => id === wanted);
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the choice was made on the page before
    if (seat && stateOf(seats, seat, serverNow()) !== 'mine') choose(seat);
  }, [choose, seats, showtimeId, signedIn]);

  // A selection that ran out, or is gone for another reason than our own.
  const expiresAt = selectionExpiry(seats, now);
  const before = useRef<number>(undefined);
  useEffect(() => {
    const ended = before.current;
    before.current = expiresAt;
    if (ended === undefined || expiresAt !== undefined || ended > now + CLOCK_ERROR) return;
    report(text.seats.expired);
    readAgain();
  }, [expiresAt, now, readAgain, report]);

  const continueToPayment = useCallback(() => {
    book(undefined, {
      onSuccess: ({ id }) => {
        update((before) => ({ ...before, pendingBookingId: id }));
        void navigate(paths.checkout(id));
      },
      onError: (error) =>
        isApiError(error, 'sign_in_required', 'session_ended') ? signIn() : refused(error),
    });
  }, [book, navigate, refused, signIn, update]);

  return {
    problem,
    pendingId,
    expiresAt,
    choose,
    release,
    checking: checkFor !== undefined,
    closeCheck,
    passedCheck,
    continueToPayment,
    continuing: createBooking.isPending,
  };
}

function taken(seats: Seats): number {
  const now = serverNow();
  return seats.seats.filter((seat) => ['mine', 'bought'].includes(stateOf(seats, seat, now))).length;
}
