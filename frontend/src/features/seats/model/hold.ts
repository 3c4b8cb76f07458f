/** What a lock goes through, in this order and never back. */
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
  /** When the page came to know of it, on the clock of performance.now(). */
  readonly receivedAt: number;
}

/**
 * The newer of two. What is known grows along (lock, phase, expiry), so late, doubled and reordered news all come out
 * the same. No event says whose a lock is; whoever knows it tells the other.
 */
export function newer(known: Hold | undefined, told: Hold): Hold {
  if (!known || told.lockId > known.lockId) return told;
  if (told.lockId < known.lockId) return known;
  const order = PHASES.indexOf(told.phase) - PHASES.indexOf(known.phase) || told.expiresAt - known.expiresAt;
  const mine = known.mine || told.mine;
  const winner = order > 0 ? told : known;
  return winner.mine === mine ? winner : { ...winner, mine };
}

export const isLive = (hold: Hold, now: number): boolean =>
  hold.phase === 'booked' || (hold.phase === 'held' && hold.expiresAt > now);
