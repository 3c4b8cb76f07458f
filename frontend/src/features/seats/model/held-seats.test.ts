import { beforeEach, expect, test } from 'vitest';

import { forgetHeld, heldSeats, rememberHeld } from './held-seats';

const ada = { userId: 'ada', title: 'Faust', expiresAt: 50 };

beforeEach(() => {
  rememberHeld({ ...ada, showtimeId: 1, seats: ['F7', 'F8'] });
  rememberHeld({ ...ada, showtimeId: 2, seats: ['A1'] });
});

const remembered = () => heldSeats.get().map(({ showtimeId }) => showtimeId);

test('seats that were bought are held no more', () => {
  forgetHeld(1, ['F7', 'F8', 'F9']);
  expect(remembered()).toEqual([2]);
  forgetHeld(2);
  expect(remembered()).toEqual([]);
});

test('seats that are held besides those are not forgotten with them', () => {
  forgetHeld(1, ['F7']);
  forgetHeld(3, ['F7']);
  expect(remembered()).toEqual([1, 2]);
});

test('the latest word on a showtime counts, in other tabs, too', () => {
  rememberHeld({ ...ada, showtimeId: 1, expiresAt: 90, seats: ['F7'] });
  expect(remembered()).toEqual([2, 1]);
  expect(localStorage.getItem('frontrow.held-seats')).toBe(JSON.stringify(heldSeats.get()));
});
