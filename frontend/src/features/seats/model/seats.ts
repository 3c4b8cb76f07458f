import { isLive, newer, type Hold } from './hold';
import type { Seat, SeatState } from './seat';
import type { SeatEvent } from './seat-event';

interface Terms {
  readonly currency: string;
  /** How many seats one person may have there. */
  readonly seatLimit: number;
  /** The viewer's booking that waits for its payment. */
  readonly pendingBookingId: string | null;
}

/** What the map of a showtime says, with times in milliseconds. */
export interface SeatMap extends Terms {
  readonly seats: readonly MapSeat[];
}

export interface MapSeat {
  readonly seat: Seat;
  readonly state: 'free' | 'locked' | 'booked' | 'mine';
  readonly lockId: number | null;
  readonly expiresAt: number | null;
}

/** What lock_seats answers: all that the viewer holds and has not bought. */
export interface Selection {
  readonly seatIds: readonly number[];
  readonly lockIds: readonly number[];
  readonly expiresAt: number | null;
}

/** Asked of the server and not answered yet; or lost to a faster customer, until the map says to whom. */
export type Pending = 'lock' | 'release' | 'lost';

/** All that the page knows of a showtime's seats. Immutable. */
export interface Seats extends Terms {
  /** When the map was asked for, on the clock of performance.now(). */
  readonly askedAt: number;
  readonly seats: readonly Seat[];
  readonly holds: ReadonlyMap<number, Hold>;
  readonly pending: ReadonlyMap<number, Pending>;
}

export const NO_SEATS: Seats = {
  currency: 'EUR',
  seatLimit: 0,
  pendingBookingId: null,
  askedAt: -Infinity,
  seats: [],
  holds: new Map(),
  pending: new Map(),
};

/**
 * The map that was asked for at `askedAt`. It was read from the database after everything that the page knew by then, so
 * it overrides that, whatever an event had claimed: a release that was sent too late, or one that was lost. What was
 * received since may be newer than the map and takes its place in the order of events. A map that was asked for before
 * another one, and overtaken by it, says nothing.
 */
export function applyMap(before: Seats, map: SeatMap, askedAt: number): Seats {
  if (askedAt < before.askedAt) return before;
  const holds = new Map(before.holds);
  for (const { seat, state, lockId, expiresAt } of map.seats) {
    const known = holds.get(seat.id);
    const overrides = known === undefined || known.receivedAt <= askedAt;
    if (lockId !== null) {
      const read: Hold = {
        lockId,
        phase: expiresAt === null ? 'booked' : 'held',
        expiresAt: expiresAt ?? Infinity,
        mine: state === 'mine' || (known?.lockId === lockId && known.mine),
        receivedAt: askedAt,
      };
      holds.set(seat.id, overrides ? read : newer(known, read));
    } else if (known && overrides && known.phase !== 'ended') {
      holds.set(seat.id, { ...known, phase: 'ended', receivedAt: askedAt });
    }
  }
  const pending = new Map([...before.pending].filter(([, setPending]) => setPending !== 'lost'));
  const seats = map.seats.map(({ seat }) => seat);
  return {
    currency: map.currency,
    seatLimit: map.seatLimit,
    pendingBookingId: map.pendingBookingId,
    askedAt,
    seats: sameSeats(before.seats, seats) ? before.seats : seats,
    holds,
    pending,
  };
}

/** An event of the showtime's topic, received at that time. */
export function applyEvent(before: Seats, event: SeatEvent, receivedAt: number): Seats {
  const holds = new Map(before.holds);
  const phase = { 'seat:lock': 'held', 'seat:book': 'booked', 'seat:release': 'ended' } as const;
  event.seatIds.forEach((seatId, index) => {
    const lockId = event.lockIds[index];
    if (lockId === undefined) return;
    const expiresAt = event.kind === 'seat:lock' ? event.expiresAt : Infinity;
    const known = holds.get(seatId);
    const next = newer(known, { lockId, phase: phase[event.kind], expiresAt, mine: false, receivedAt });
    if (next === known) return;
    holds.set(seatId, next);
  });
  return { ...before, holds };
}

/** Show it as if the server had agreed already. */
export function setPending(before: Seats, seatIds: readonly number[], what: Pending): Seats {
  const pending = new Map(before.pending);
  seatIds.forEach((id) => pending.set(id, what));
  return { ...before, pending };
}

/** The server has answered, or refused: from now on what is known counts again. */
export function clearPending(before: Seats, seatIds: readonly number[]): Seats {
  const pending = new Map(before.pending);
  seatIds.forEach((id) => pending.delete(id));
  return { ...before, pending };
}

/** What lock_seats answered. */
export function applyLock(
  before: Seats,
  seatIds: readonly number[],
  selection: Selection,
  receivedAt: number,
): Seats {
  const settled = clearPending(before, seatIds);
  const holds = new Map(before.holds);
  const expiresAt = selection.expiresAt ?? Infinity;
  selection.seatIds.forEach((seatId, index) => {
    const lockId = selection.lockIds[index];
    if (lockId === undefined) return;
    holds.set(seatId, newer(holds.get(seatId), { lockId, phase: 'held', expiresAt, mine: true, receivedAt }));
  });
  return { ...settled, holds };
}

/** What release_seats answered: those of the viewer's own are free. */
export function applyRelease(before: Seats, seatIds: readonly number[], receivedAt: number): Seats {
  const holds = new Map(before.holds);
  for (const id of seatIds) {
    const hold = holds.get(id);
    if (hold?.mine === true && hold.phase === 'held') holds.set(id, { ...hold, phase: 'ended', receivedAt });
  }
  return { ...clearPending(before, seatIds), holds };
}

export function stateOf({ holds, pending }: Seats, seat: Seat, now: number): SeatState {
  switch (pending.get(seat.id)) {
    case 'lock':
      return 'mine';
    case 'release':
      return 'free';
    case 'lost':
      return 'held';
    case undefined:
  }
  const hold = holds.get(seat.id);
  if (hold && isLive(hold, now)) {
    if (hold.phase === 'booked') return hold.mine ? 'bought' : 'booked';
    return hold.mine ? 'mine' : 'held';
  }
  return seat.price === null ? 'closed' : 'free';
}

export function statesAt(seats: Seats, now: number): ReadonlyMap<number, SeatState> {
  return new Map(seats.seats.map((seat) => [seat.id, stateOf(seats, seat, now)]));
}

/** When the next lock runs out, or undefined while none will. */
export function nextExpiry({ holds }: Seats, now: number): number | undefined {
  let next: number | undefined;
  for (const hold of holds.values()) {
    if (hold.phase !== 'held' || hold.expiresAt <= now || hold.expiresAt === Infinity) continue;
    if (next === undefined || hold.expiresAt < next) next = hold.expiresAt;
  }
  return next;
}

/** Until when the viewer's selection is held; undefined while the server has confirmed none. */
export function selectionExpiry({ holds, pending }: Seats, now: number): number | undefined {
  const ends = [...holds]
    .filter(([id, hold]) => hold.mine && hold.phase === 'held' && hold.expiresAt > now && !pending.has(id))
    .map(([, hold]) => hold.expiresAt);
  return ends.length > 0 ? Math.min(...ends) : undefined;
}

function sameSeats(before: readonly Seat[], after: readonly Seat[]): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}
