import type { Seat } from './seat';
import { rowsOf } from './walk';

interface Label {
  readonly label: string;
  readonly x: number;
  readonly y: number;
}

/** The frame of the picture in seat widths, with the screen above the seats and the rows' letters beside them. */
export interface Room {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly middle: number;
  /** The screen as an SVG path. */
  readonly screen: string;
  readonly labels: readonly Label[];
}

const MARGIN = { side: 1.6, above: 2.9, below: 1.1 };
const LABEL_APART = 0.95;

export function roomOf(seats: readonly Seat[]): Room {
  const xs = seats.map(({ x }) => x);
  const ys = seats.map(({ y }) => y);
  const [left, right] = [Math.min(...xs) - MARGIN.side, Math.max(...xs) + MARGIN.side];
  const [top, bottom] = [Math.min(...ys) - MARGIN.above, Math.max(...ys) + MARGIN.below];
  const middle = (left + right) / 2;
  const half = (right - left) * 0.32;
  const labels = rowsOf(seats).flatMap((row): Label[] => {
    const [first, last] = [row.seats[0], row.seats.at(-1)];
    if (!first || !last) return [];
    return [
      { label: row.label, x: first.x - LABEL_APART, y: first.y },
      { label: row.label, x: last.x + LABEL_APART, y: last.y },
    ];
  });
  return {
    left,
    top,
    width: right - left,
    height: bottom - top,
    middle,
    screen: `M${middle - half} ${top + 0.95}Q${middle} ${top + 0.2} ${middle + half} ${top + 0.95}`,
    labels,
  };
}
