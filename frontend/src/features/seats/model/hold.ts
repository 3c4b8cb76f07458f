/** What a lock goes through, in this order. Events may come in any order; a map corrects them (applyMap). */
export const PHASES = ['held', 'booked', 'ended'] as const;
export type Phase = (typeof PHASES)[number];

/** The newest that is known of one seat. */
export interface Hold {
  /** Ids of one seat's locks only grow. */
  readonly lockId: number;
  readonly phase: Phase;
  /** By the server's clock, in milliseconds; matters while the phase is `held`. */
  readonly expiresAt: number;
  readonly mine: boolean;
  /** When it was received, or its map was asked for, on the clock of performance.now(). */
  readonly receivedAt: number;
}

/**
 * The newer of two that may have come in either order. What is known grows along (lock, phase, expiry), so late, doubled
 * and reordered events all come out the same. No event says whose a lock is; if either of the two does, both do.
 */
export function newer(known: Hold | undefined, update: Hold): Hold {
  if (!known || update.lockId > known.lockId) return update;
  if (update.lockId < known.lockId) return known;
  const order =
    PHASES.indexOf(update.phase) - PHASES.indexOf(known.phase) || update.expiresAt - known.expiresAt;
  const mine = known.mine || update.mine;
  const winner = order > 0 ? update : known;
  return winner.mine === mine ? winner : { ...winner, mine };
}

export const isLive = (hold: Hold, now: number): boolean =>
  hold.phase === 'booked' || (hold.phase === 'held' && hold.expiresAt > now);
