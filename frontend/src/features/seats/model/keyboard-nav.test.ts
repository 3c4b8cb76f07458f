import { expect, test } from 'vitest';

import { halvesOf } from './love-seats';
import type { Seat, SeatKind } from './seat';
import { rowsOf, seatInDirection } from './keyboard-nav';

const seat = (id: number, row: string, x: number, y: number, kind: SeatKind = 'standard'): Seat => ({
  id,
  row,
  number: id,
  x,
  y,
  kind,
  price: 1,
});

// A bowed front row, a row with an aisle behind it, two love seats at the back.
const rows = rowsOf([
  seat(21, 'B', 1, 2),
  seat(22, 'B', 2, 2.3),
  seat(23, 'B', 5, 2),
  seat(11, 'A', 1.5, 0.5),
  seat(12, 'A', 2.5, 1),
  ...[31, 32, 33, 34].map((id, index) => seat(id, 'C', [1, 2, 3.5, 4.5][index] ?? 0, 4, 'love')),
]);

test.each([
  [11, 'ArrowRight', 12],
  [12, 'ArrowRight', undefined],
  [22, 'ArrowRight', 23],
  [23, 'ArrowUp', 12],
  [12, 'ArrowDown', 22],
  [23, 'ArrowDown', 34],
  [11, 'ArrowUp', undefined],
  [22, 'Home', 21],
  [21, 'End', 23],
  [22, 'a', undefined],
  [99, 'ArrowUp', undefined],
])('from %i, %s leads to %s', (from, key, to) => expect(seatInDirection(rows, from, key)?.id).toBe(to));

test('with Ctrl to the corners of the room', () => {
  expect([seatInDirection(rows, 22, 'Home', true)?.id, seatInDirection(rows, 22, 'End', true)?.id]).toEqual([
    11, 34,
  ]);
});

test('love seats come in twos', () => {
  expect([...halvesOf(rows)]).toEqual([
    [31, 'left'],
    [32, 'right'],
    [33, 'left'],
    [34, 'right'],
  ]);
});
