import type { Row } from './keyboard-nav';

export type Half = 'left' | 'right';

/** Which halves of love seats belong together: neighbours within a row, taken two by two from the left. */
export function halvesOf(rows: readonly Row[]): ReadonlyMap<number, Half> {
  const halves = new Map<number, Half>();
  for (const { seats } of rows) {
    seats.forEach((seat, index) => {
      const before = seats[index - 1];
      if (seat.kind !== 'love' || before?.kind !== 'love' || halves.has(before.id)) return;
      if (seat.x - before.x > 1.2) return;
      halves.set(before.id, 'left');
      halves.set(seat.id, 'right');
    });
  }
  return halves;
}
