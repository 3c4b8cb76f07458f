/** What a lock goes through, in this order. Events may come in any order; the states correct them (applyStates). */
export const PHASES = ['held', 'booked', 'ended'] as const;
export type Phase = (typeof PHASES)[number];

/** The newest that is known of one seat. */
export interface Hold {
  /** Ids of one seat's locks only grow. Seats that were locked together share an id: it is a key of one seat alone. */
  readonly lockId: number;
  readonly phase: Phase;
  /** By the server's clock, in milliseconds; matters while the phase is `held`. Others' are rounded up to the minute. */
  readonly expiresAt: number;
  readonly mine: boolean;
  /** When it was received, or its states were asked for, on the clock of performance.now(). */
  readonly receivedAt: number;
  /** Booked, as the states say without naming the lock: it is that of `lockId`, the newest heard of (or 0), or a newer. */
  readonly unnamed?: true | undefined;
}

const MINUTE = 60_000;

/**
 * The newer of two that may have come in either order, both of a known lock. What is known grows along (lock, phase,
 * expiry), so late, doubled and reordered events all come out the same. No event says whose a lock is; if either of the
 * two does, both do, and its end is the exact one.
 */
export function newer(known: Hold | undefined, update: Hold): Hold {
  if (!known || update.lockId > known.lockId) return update;
  if (update.lockId < known.lockId) return known;
  const order =
    PHASES.indexOf(update.phase) - PHASES.indexOf(known.phase) ||
    Number(update.mine) - Number(known.mine) ||
    update.expiresAt - known.expiresAt;
  const mine = known.mine || update.mine;
  const winner = order > 0 ? update : known;
  return winner.mine === mine ? winner : { ...winner, mine };
}

/** The viewer's own hold has got more time than this page was told: an end rounded up is less than a minute off. */
export function isExtended(known: Hold | undefined, update: Hold): boolean {
  return (
    known?.lockId === update.lockId &&
    known.phase === 'held' &&
    update.phase === 'held' &&
    known.mine !== update.mine &&
    (known.mine ? update.expiresAt - known.expiresAt : known.expiresAt - update.expiresAt) >= MINUTE
  );
}

export const isLive = (hold: Hold, now: number): boolean =>
  hold.phase === 'booked' || (hold.phase === 'held' && hold.expiresAt > now);
