import { expect, test } from 'vitest';

import { auditoriumLayout } from './auditorium-layout';
import type { Seat } from './seat';

const seat = (id: number, row: string, x: number, y: number): Seat => ({
  id,
  row,
  number: id,
  x,
  y,
  kind: 'standard',
  price: 1,
});

const labels = (seats: Seat[]) =>
  auditoriumLayout(seats).labels.map(({ label, x, y }) => [label, Math.round(x * 100) / 100, y]);

test('a row has its letter at both ends, also with an aisle in it', () => {
  expect(labels([seat(1, 'A', 1, 1), seat(2, 'A', 4, 1.2)])).toEqual([
    ['A', 0.05, 1],
    ['A', 4.95, 1.2],
  ]);
});

test('a row that goes on lower beyond an aisle has its letter there, too', () => {
  const wings = [seat(1, 'G', 1, 1), seat(2, 'G', 4, 3), seat(3, 'G', 5, 3), seat(4, 'G', 8, 1)];
  expect(labels(wings)).toEqual([
    ['G', 0.05, 1],
    ['G', 3.05, 3],
    ['G', 5.95, 3],
    ['G', 8.95, 1],
  ]);
});
