import { isExtended, isLive, newer, type Hold } from './hold';
import type { Seat, SeatState } from './seat';
import type { SeatEvent } from './seat-event';

/** What seat_states says of a showtime, with times in milliseconds. What it names nowhere is free. */
export interface SeatStates {
  /** The viewer's booking that waits for its payment. */
  readonly pendingBookingId: string | null;
  readonly booked: readonly number[];
  /** By others; the ends are rounded up to the minute. */
  readonly locked: readonly { seatIds: readonly number[]; lockId: number; expiresAt: number }[];
  /** Bought where it has no end. */
  readonly mine: readonly { seatId: number; lockId: number; expiresAt: number | null }[];
  /** Taken off sale. */
  readonly blocked: readonly number[];
}

/** What lock_seats answers: all that the viewer holds and has not bought. */
export interface Selection {
  readonly seatIds: readonly number[];
  readonly lockIds: readonly number[];
  readonly expiresAt: number | null;
}

/** Asked of the server and not answered yet; or lost to a faster customer, until the states say to whom. */
export type Pending = 'lock' | 'release' | 'lost';

/** What the page knows of who has a showtime's seats. Immutable. */
export interface Knowledge {
  /** When the states were asked for, on the clock of performance.now(); -Infinity before the first. */
  readonly askedAt: number;
  readonly pendingBookingId: string | null;
  readonly holds: ReadonlyMap<number, Hold>;
  readonly blocked: ReadonlySet<number>;
  readonly pending: ReadonlyMap<number, Pending>;
  /** When news and states contradicted each other last, and which is newer nobody here could tell; on that clock. */
  readonly doubtedAt: number;
}

/** That, with the seats and what there is to know for choosing some. */
export interface Seats extends Knowledge {
  readonly seats: readonly Seat[];
  readonly currency: string;
  /** How many seats one person may have there. */
  readonly seatLimit: number;
}

export const NOTHING_KNOWN: Knowledge = {
  askedAt: -Infinity,
  pendingBookingId: null,
  holds: new Map(),
  blocked: new Set(),
  pending: new Map(),
  doubtedAt: -Infinity,
};

/** The states must be read again: those that are known were asked for before the doubt and cannot settle it. */
export const isDoubtful = ({ askedAt, doubtedAt }: Knowledge): boolean => doubtedAt > askedAt;

/**
 * The states that were asked for at `askedAt`. They were read from the database after everything that the page knew by
 * then, so they override that, whatever an event had claimed: a release that was sent too late, or one that was lost.
 * What was received since may be newer than the states and takes its place in the order of events. States that were
 * asked for before others, and overtaken by them, say nothing.
 */
export function applyStates(before: Knowledge, states: SeatStates, askedAt: number): Knowledge {
  if (askedAt < before.askedAt) return before;
  let { doubtedAt } = before;
  const holds = new Map<number, Hold>();
  const read = holdsOf(states, askedAt);
  for (const seatId of new Set([...before.holds.keys(), ...read.keys()])) {
    const [known, said] = [before.holds.get(seatId), read.get(seatId)];
    const isNews = known !== undefined && known.receivedAt > askedAt;
    const isDoubt = isNews && contradicts(known, said);
    if (isDoubt || (isNews && said && isExtended(known, said)))
      doubtedAt = Math.max(doubtedAt, known.receivedAt);
    if (isNews && !isDoubt) {
      holds.set(seatId, said && !said.unnamed ? newer(known, sameHolder(known, said)) : known);
      continue;
    }
    if (!said) {
      // Its id stays, so that what comes late about it is recognized.
      if (known) holds.set(seatId, { ...known, unnamed: undefined, phase: 'ended', receivedAt: askedAt });
    } else
      holds.set(seatId, said.unnamed ? { ...said, lockId: known?.lockId ?? 0 } : sameHolder(known, said));
  }
  return {
    askedAt,
    pendingBookingId: states.pendingBookingId,
    holds,
    blocked: new Set(states.blocked),
    pending: new Map([...before.pending].filter(([, pending]) => pending !== 'lost')),
    doubtedAt,
  };
}

function holdsOf(states: SeatStates, receivedAt: number): Map<number, Hold> {
  const holds = new Map<number, Hold>();
  for (const seatId of states.booked)
    holds.set(seatId, {
      ...{ lockId: 0, phase: 'booked', expiresAt: Infinity, mine: false, receivedAt },
      unnamed: true,
    });
  for (const { seatIds, lockId, expiresAt } of states.locked)
    for (const seatId of seatIds)
      holds.set(seatId, { lockId, phase: 'held', expiresAt, mine: false, receivedAt });
  for (const { seatId, lockId, expiresAt } of states.mine)
    holds.set(seatId, {
      ...{ lockId, mine: true, receivedAt },
      ...(expiresAt === null ? { phase: 'booked', expiresAt: Infinity } : { phase: 'held', expiresAt }),
    });
  return holds;
}

/** Where one of the two does not name its lock, ids cannot tell which is newer. Both booked is no contradiction. */
function contradicts(news: Hold, said: Hold | undefined): boolean {
  if (news.phase === 'booked' && said?.unnamed) return false;
  return news.unnamed === true || said?.unnamed === true;
}

/** States that do not know yet whose a lock is leave it the viewer's, with its exact end. */
function sameHolder(known: Hold | undefined, said: Hold): Hold {
  if (known?.mine !== true || known.lockId !== said.lockId || said.mine) return said;
  return { ...said, mine: true, expiresAt: known.phase === 'held' ? known.expiresAt : said.expiresAt };
}

/** An event of the showtime's topic, received at that time. */
export function applyEvent(before: Knowledge, event: SeatEvent, receivedAt: number): Knowledge {
  const phase = { 'seat:lock': 'held', 'seat:book': 'booked', 'seat:release': 'ended' } as const;
  const expiresAt = event.kind === 'seat:lock' ? event.expiresAt : Infinity;
  return event.seatIds.reduce((knowledge, seatId, index) => {
    const lockId = event.lockIds[index];
    if (lockId === undefined) return knowledge;
    return applyHold(knowledge, seatId, {
      ...{ lockId, phase: phase[event.kind], expiresAt, mine: false, receivedAt },
    });
  }, before);
}

function applyHold(before: Knowledge, seatId: number, update: Hold): Knowledge {
  const known = before.holds.get(seatId);
  if (known?.unnamed) return applyToUnnamed(before, seatId, known, update);
  const next = newer(known, update);
  const doubtedAt = isExtended(known, update) ? update.receivedAt : before.doubtedAt;
  if (next === known && doubtedAt === before.doubtedAt) return before;
  return { ...before, holds: new Map(before.holds).set(seatId, next), doubtedAt };
}

/** It may be about the lock that is booked, an older one, or the next: only the states can tell. */
function applyToUnnamed(before: Knowledge, seatId: number, known: Hold, update: Hold): Knowledge {
  const { lockId, phase, mine, receivedAt } = update;
  const isOld = lockId < known.lockId || (lockId === known.lockId && phase === 'held' && !mine);
  if (isOld) return before;
  // The viewer was answered that a seat is theirs: it is shown so until the states say otherwise.
  const held = mine ? update : { ...known, lockId, receivedAt };
  const next = phase === 'booked' ? { ...known, lockId, receivedAt } : held;
  const doubtedAt = phase === 'booked' ? before.doubtedAt : receivedAt;
  return { ...before, holds: new Map(before.holds).set(seatId, next), doubtedAt };
}

/** Show it as if the server had agreed already. */
export function setPending(before: Knowledge, seatIds: readonly number[], what: Pending): Knowledge {
  const pending = new Map(before.pending);
  seatIds.forEach((id) => pending.set(id, what));
  return { ...before, pending };
}

/** The server has answered, or refused: from now on what is known counts again. */
export function clearPending(before: Knowledge, seatIds: readonly number[]): Knowledge {
  const pending = new Map(before.pending);
  seatIds.forEach((id) => pending.delete(id));
  return { ...before, pending };
}

/** What lock_seats answered. */
export function applyLock(
  before: Knowledge,
  seatIds: readonly number[],
  selection: Selection,
  receivedAt: number,
): Knowledge {
  const expiresAt = selection.expiresAt ?? Infinity;
  return selection.seatIds.reduce(
    (knowledge, seatId, index) => {
      const lockId = selection.lockIds[index];
      if (lockId === undefined) return knowledge;
      return applyHold(knowledge, seatId, { lockId, phase: 'held', expiresAt, mine: true, receivedAt });
    },
    clearPending(before, seatIds),
  );
}

/** What release_seats answered: those of the viewer's own are free. */
export function applyRelease(before: Knowledge, seatIds: readonly number[], receivedAt: number): Knowledge {
  const holds = new Map(before.holds);
  for (const id of seatIds) {
    const hold = holds.get(id);
    if (hold?.mine === true && hold.phase === 'held') holds.set(id, { ...hold, phase: 'ended', receivedAt });
  }
  return { ...clearPending(before, seatIds), holds };
}

export function stateOf({ holds, pending, blocked }: Knowledge, seat: Seat, now: number): SeatState {
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
  return seat.price === null || blocked.has(seat.id) ? 'closed' : 'free';
}

export function statesAt(
  knowledge: Knowledge,
  seats: readonly Seat[],
  now: number,
): ReadonlyMap<number, SeatState> {
  return new Map(seats.map((seat) => [seat.id, stateOf(knowledge, seat, now)]));
}

/** When the next lock runs out, or undefined while none will. */
export function nextExpiry({ holds }: Knowledge, now: number): number | undefined {
  let next: number | undefined;
  for (const hold of holds.values()) {
    if (hold.phase !== 'held' || hold.expiresAt <= now || hold.expiresAt === Infinity) continue;
    if (next === undefined || hold.expiresAt < next) next = hold.expiresAt;
  }
  return next;
}

/** Until when the viewer's selection is held; undefined while the server has confirmed none. */
export function selectionExpiry({ holds, pending }: Knowledge, now: number): number | undefined {
  const ends = [...holds]
    .filter(([id, hold]) => hold.mine && hold.phase === 'held' && hold.expiresAt > now && !pending.has(id))
    .map(([, hold]) => hold.expiresAt);
  return ends.length > 0 ? Math.min(...ends) : undefined;
}
