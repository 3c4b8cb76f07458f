import type { Seat } from './seat';

export interface Row {
  readonly label: string;
  readonly seats: readonly Seat[];
}

/** The rows from the screen to the back, each from left to right. */
export function rowsOf(seats: readonly Seat[]): Row[] {
  const byLabel = new Map<string, Seat[]>();
  for (const seat of seats) {
    const row = byLabel.get(seat.row);
    if (row) row.push(seat);
    else byLabel.set(seat.row, [seat]);
  }
  const depth = (row: Row) => row.seats.reduce((sum, { y }) => sum + y, 0) / row.seats.length;
  return [...byLabel]
    .map(([label, of]) => ({ label, seats: of.toSorted((a, b) => a.x - b.x) }))
    .sort((a, b) => depth(a) - depth(b));
}

/** Which seat a key leads to from this one; undefined where there is none, or the key leads nowhere. */
export function seatInDirection(
  rows: readonly Row[],
  from: number,
  key: string,
  far = false,
): Seat | undefined {
  const at = rows.findIndex(({ seats }) => seats.some(({ id }) => id === from));
  const row = rows[at];
  if (!row) return undefined;
  const place = row.seats.findIndex(({ id }) => id === from);
  const x = row.seats[place]?.x ?? 0;
  switch (key) {
    case 'ArrowLeft':
      return row.seats[place - 1];
    case 'ArrowRight':
      return row.seats[place + 1];
    case 'ArrowUp':
      return nearest(rows[at - 1], x);
    case 'ArrowDown':
      return nearest(rows[at + 1], x);
    case 'Home':
      return (far ? rows[0] : row)?.seats[0];
    case 'End':
      return (far ? rows.at(-1) : row)?.seats.at(-1);
    default:
      return undefined;
  }
}

function nearest(row: Row | undefined, x: number): Seat | undefined {
  return row?.seats.reduce((best, seat) => (Math.abs(seat.x - x) < Math.abs(best.x - x) ? seat : best));
}
