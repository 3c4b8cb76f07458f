import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';

import type { Seat, SeatState } from '../model/seat';
import { SeatList } from './seat-list';
import { SeatMap } from './seat-map';

const seat = (id: number, row: string, number: number, x: number, y: number): Seat => ({
  id,
  row,
  number,
  x,
  y,
  kind: 'standard',
  price: 1150,
});

const SEATS = [seat(1, 'A', 1, 1, 1), seat(2, 'A', 2, 2, 1), seat(3, 'B', 1, 1, 2), seat(4, 'B', 2, 2, 2)];

function show(Shown: typeof SeatMap, states: [number, SeatState][] = []) {
  const onChoose = vi.fn();
  const all = new Map<number, SeatState>(SEATS.map(({ id }) => [id, 'free']));
  states.forEach(([id, state]) => all.set(id, state));
  render(<Shown seats={SEATS} states={all} currency="EUR" onChoose={onChoose} />);
  return onChoose;
}

const cell = (name: RegExp) => screen.getByRole('gridcell', { name });

test('Tab focuses one seat, and arrow keys move from there', async () => {
  const onChoose = show(SeatMap);
  await userEvent.tab();
  expect(cell(/^Row A, seat 1,/)).toHaveFocus();
  await userEvent.keyboard('{ArrowDown}{ArrowRight}');
  expect(cell(/^Row B, seat 2,/)).toHaveFocus();
  expect(screen.getAllByRole('gridcell').filter(({ tabIndex }) => tabIndex === 0)).toEqual([
    cell(/^Row B, seat 2,/),
  ]);
  await userEvent.keyboard('{Enter} ');
  expect(onChoose.mock.calls).toEqual([[SEATS[3]], [SEATS[3]]]);
  await userEvent.keyboard('{ArrowRight}');
  expect(cell(/^Row B, seat 2,/)).toHaveFocus();
});

test('a seat says what it is', () => {
  show(SeatMap, [
    [1, 'mine'],
    [2, 'booked'],
  ]);
  expect(cell(/^Row A, seat 1, Standard, €11.50, yours$/)).toHaveAttribute('aria-selected', 'true');
  expect(cell(/^Row A, seat 2, Standard, €11.50, sold$/)).toHaveAttribute('aria-disabled', 'true');
  expect(screen.getAllByRole('row').map((row) => row.getAttribute('aria-label'))).toEqual(['Row A', 'Row B']);
});

test('a click anywhere on a seat chooses it', async () => {
  const onChoose = show(SeatMap);
  await userEvent.click(cell(/^Row B, seat 1,/).firstElementChild ?? document.body);
  expect(onChoose).toHaveBeenCalledWith(SEATS[2]);
});

test('the list does the same without the picture', async () => {
  const onChoose = show(SeatList, [[1, 'mine']]);
  expect(screen.getByRole('button', { name: /^Row A, seat 1,/ })).toHaveAttribute('aria-pressed', 'true');
  await userEvent.click(screen.getByRole('button', { name: 'Row B, seat 2, Standard, €11.50, free' }));
  expect(onChoose).toHaveBeenCalledWith(SEATS[3]);
});
