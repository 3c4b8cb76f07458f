import { z } from 'zod';

/** What lock_seats and release_seats answer: all that the caller holds and has not bought. */
export const selectionSchema = z
  .object({
    seat_ids: z.array(z.number()),
    lock_ids: z.array(z.number()),
    expires_at: z.string().nullable(),
  })
  .transform(({ seat_ids, lock_ids, expires_at }) => ({
    seatIds: seat_ids,
    lockIds: lock_ids,
    expiresAt: expires_at === null ? null : new Date(expires_at).getTime(),
  }));
