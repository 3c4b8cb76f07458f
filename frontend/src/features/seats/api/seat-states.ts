import { queryOptions } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { session } from '@/api/session';
import { supabase } from '@/api/supabase';
import { adjustClock } from '@/shared/lib/clock';

import type { SeatStates } from '../model/seats';

const SECOND = 1_000;
/** What strangers are answered may come from a CDN, and be so old: private.set_cache_control_by_caller. */
export const KEPT_FOR = SECOND;

const instant = z.string().transform((value) => new Date(value).getTime());

const schema = z
  .object({
    server_time: instant,
    revision: z.number(),
    layout_version: z.number(),
    pending_booking_id: z.string().nullable(),
    booked: z.array(z.number()),
    locked: z.array(z.array(z.number())),
    lock_ids: z.array(z.number()),
    expiries: z.array(z.number()),
    mine: z.array(z.object({ seat_id: z.number(), lock_id: z.number(), expires_at: instant.nullable() })),
    blocked: z.array(z.number()),
  })
  .transform((answer) => ({
    readAt: answer.server_time,
    revision: answer.revision,
    layoutVersion: answer.layout_version,
    states: {
      pendingBookingId: answer.pending_booking_id,
      booked: answer.booked,
      locked: answer.locked.flatMap((seatIds, index) => {
        const [lockId, expiry] = [answer.lock_ids[index], answer.expiries[index]];
        return lockId === undefined || expiry === undefined
          ? []
          : [{ seatIds, lockId, expiresAt: expiry * SECOND }];
      }),
      mine: answer.mine.map((mine) => ({
        seatId: mine.seat_id,
        lockId: mine.lock_id,
        expiresAt: mine.expires_at,
      })),
      blocked: answer.blocked,
    },
  }));

export interface StatesAnswer {
  states: SeatStates;
  revision: number;
  layoutVersion: number;
  /** On the clock of performance.now(): events received later may be newer than the states. */
  askedAt: number;
  /** By the server's clock. */
  readAt: number;
  /** Answered to a stranger, and so perhaps by a cache. */
  shared: boolean;
}

async function readStates(showtimeId: number, signal: AbortSignal): Promise<StatesAnswer> {
  // Before it is asked: by the time of the answer the viewer may have got a session.
  const shared = (await session.accessToken()) === null;
  const askedAt = performance.now();
  const answer = await queryAs(
    schema,
    supabase.rpc('seat_states', { showtime_id: showtimeId }, { get: true }).abortSignal(signal),
  );
  if (!shared) adjustClock(new Date(answer.readAt), askedAt);
  return { ...answer, askedAt: shared ? askedAt - KEPT_FOR : askedAt, shared };
}

export const seatStatesQuery = (showtimeId: number) =>
  queryOptions({
    queryKey: ['seat-states', showtimeId],
    queryFn: ({ signal }) => readStates(showtimeId, signal),
    staleTime: 0,
    gcTime: 0,
    structuralSharing: false,
    refetchOnWindowFocus: 'always',
    refetchOnReconnect: 'always',
  });
