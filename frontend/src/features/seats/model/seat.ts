import type { Database } from '@/api/database.types';

export type SeatKind = Database['public']['Enums']['seat_kind'];

export const SEAT_KINDS = [
  'standard',
  'premium',
  'love',
  'wheelchair',
  'companion',
] as const satisfies SeatKind[];

/** A seat where it stands; x and y are in seat widths. */
export interface Place {
  readonly id: number;
  readonly row: string;
  readonly number: number;
  readonly x: number;
  readonly y: number;
  readonly kind: SeatKind;
}

/** A seat at a showtime; the price is in minor units, and null when it is not for sale. */
export interface Seat extends Place {
  readonly price: number | null;
}

/**
 * free, mine (held by the viewer), held (by someone else), booked (sold to someone else), bought (sold to the viewer),
 * closed (not for sale).
 */
export type SeatState = 'free' | 'mine' | 'held' | 'booked' | 'bought' | 'closed';

export const SEAT_STATES = ['free', 'mine', 'held', 'booked', 'bought'] as const satisfies SeatState[];

export const seatName = ({ row, number }: Pick<Seat, 'row' | 'number'>): string => `${row}${number}`;
