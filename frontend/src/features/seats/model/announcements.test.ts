import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { milestoneBetween } from '@/shared/lib/countdown';

import { changesBetween, createChangeAnnouncer, GATHER } from './seat-changes';
import { firstToEnd } from './held-seats';
import type { SeatState } from './seat';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const states = (...all: SeatState[]) => new Map(all.map((state, id) => [id, state]));

test('only what others do is counted', () => {
  expect(
    changesBetween(
      states('free', 'free', 'free', 'held', 'mine', 'held'),
      states('held', 'booked', 'mine', 'free', 'free', 'booked'),
    ),
  ).toEqual({ taken: 2, freed: 1 });
  expect(changesBetween(states(), states('held'))).toEqual({ taken: 0, freed: 0 });
});

test('many changes are one sentence', () => {
  const tell = vi.fn();
  const teller = createChangeAnnouncer(tell);
  teller.add({ taken: 0, freed: 0 });
  for (let i = 0; i < 3; i += 1) teller.add({ taken: 1, freed: 0 });
  teller.add({ taken: 0, freed: 2 });
  expect(tell).not.toHaveBeenCalled();
  vi.advanceTimersByTime(GATHER);
  expect(tell.mock.calls).toEqual([[{ taken: 3, freed: 2 }]]);
  vi.advanceTimersByTime(GATHER);
  teller.add({ taken: 1, freed: 0 });
  teller.stop();
  vi.advanceTimersByTime(GATHER);
  expect(tell).toHaveBeenCalledTimes(1);
});

test('the time left is told at a few moments', () => {
  let before = 600_000;
  const told: number[] = [];
  for (let left = before; left >= -5000; left -= 1000) {
    const moment = milestoneBetween(before, left);
    if (moment !== undefined) told.push(moment / 1000);
    before = left;
  }
  expect(told).toEqual([300, 120, 60, 30]);
});

test('a tab that slept past several moments tells the last', () => {
  expect(milestoneBetween(400_000, 50_000)).toBe(60_000);
  expect(milestoneBetween(400_000, -1)).toBeUndefined();
});

test('the way back leads to one’s own seats that end first', () => {
  const held = (showtimeId: number, userId: string, expiresAt: number) => ({
    showtimeId,
    userId,
    expiresAt,
    title: 'Faust',
    seats: ['F7'],
  });
  const all = [held(1, 'ada', 50), held(2, 'ada', 30), held(3, 'bob', 20), held(4, 'ada', 10)];
  expect(firstToEnd(all, 'ada', 15)?.showtimeId).toBe(2);
  expect(firstToEnd(all, 'ada', 60)).toBeUndefined();
});
