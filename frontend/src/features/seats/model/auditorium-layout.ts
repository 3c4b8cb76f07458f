import type { Seat } from './seat';
import { rowsOf } from './keyboard-nav';

interface Label {
  readonly label: string;
  readonly x: number;
  readonly y: number;
}

/** The frame of the picture in seat widths, with the screen above the seats and the rows' letters beside them. */
export interface AuditoriumLayout {
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
/** In seat widths: what is an aisle, and what makes a row beyond it another line. */
const AISLE = 1.5;
const STEP = 0.5;

export function auditoriumLayout(seats: readonly Seat[]): AuditoriumLayout {
  const xs = seats.map(({ x }) => x);
  const ys = seats.map(({ y }) => y);
  const [left, right] = [Math.min(...xs) - MARGIN.side, Math.max(...xs) + MARGIN.side];
  const [top, bottom] = [Math.min(...ys) - MARGIN.above, Math.max(...ys) + MARGIN.below];
  const middle = (left + right) / 2;
  const half = (right - left) * 0.32;
  const labels = rowsOf(seats).flatMap((row) => labelsOf(row.label, row.seats, middle));
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

/** A row's letter at both its ends; and in an aisle beyond which the row goes on higher or lower, where nobody could
 * follow it, at the inner block. */
function labelsOf(label: string, row: readonly Seat[], middle: number): Label[] {
  const [first, last] = [row[0], row.at(-1)];
  if (!first || !last) return [];
  const before = ({ x, y }: Seat): Label => ({ label, x: x - LABEL_APART, y });
  const after = ({ x, y }: Seat): Label => ({ label, x: x + LABEL_APART, y });
  const inAisles = row.slice(1).flatMap((seat, index) => {
    const neighbour = row[index];
    if (!neighbour || seat.x - neighbour.x < AISLE || Math.abs(seat.y - neighbour.y) < STEP) return [];
    return [(seat.x + neighbour.x) / 2 < middle ? before(seat) : after(neighbour)];
  });
  return [before(first), ...inAisles, after(last)];
}
