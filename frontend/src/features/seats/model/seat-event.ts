import { z } from 'zod';

const seats = { seat_ids: z.array(z.number()), lock_ids: z.array(z.number()) };
const instant = z.string().transform((value) => new Date(value).getTime());

const schemas = {
  'seat:lock': z.object({ ...seats, expires_at: instant }),
  'seat:release': z.object(seats),
  'seat:book': z.object(seats),
};

interface Named {
  readonly seatIds: readonly number[];
  readonly lockIds: readonly number[];
}

/** An event of sql/booking/broadcasts.sql that changes seats. */
export type SeatEvent =
  | (Named & { readonly kind: 'seat:lock'; readonly expiresAt: number })
  | (Named & { readonly kind: 'seat:release' | 'seat:book' });

/** The event as the model takes it; undefined for what is none, or not of a shape that this page knows. */
export function toSeatEvent(event: string, payload: unknown): SeatEvent | undefined {
  switch (event) {
    case 'seat:lock': {
      const read = schemas[event].safeParse(payload);
      if (!read.success || Number.isNaN(read.data.expires_at)) return undefined;
      const { seat_ids: seatIds, lock_ids: lockIds, expires_at: expiresAt } = read.data;
      return { kind: event, seatIds, lockIds, expiresAt };
    }
    case 'seat:release':
    case 'seat:book': {
      const read = schemas[event].safeParse(payload);
      return read.success
        ? { kind: event, seatIds: read.data.seat_ids, lockIds: read.data.lock_ids }
        : undefined;
    }
    default:
      return undefined;
  }
}
