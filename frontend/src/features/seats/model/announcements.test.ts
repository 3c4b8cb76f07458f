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
  const announce = vi.fn();
  const announcer = createChangeAnnouncer(announce);
  announcer.add({ taken: 0, freed: 0 });
  for (let i = 0; i < 3; i += 1) announcer.add({ taken: 1, freed: 0 });
  announcer.add({ taken: 0, freed: 2 });
  expect(announce).not.toHaveBeenCalled();
  vi.advanceTimersByTime(GATHER);
  expect(announce.mock.calls).toEqual([[{ taken: 3, freed: 2 }]]);
  vi.advanceTimersByTime(GATHER);
  announcer.add({ taken: 1, freed: 0 });
  announcer.stop();
  vi.advanceTimersByTime(GATHER);
  expect(announce).toHaveBeenCalledTimes(1);
});

test('the time left is announced at a few milestones', () => {
  let before = 600_000;
  const announced: number[] = [];
  for (let left = before; left >= -5000; left -= 1000) {
    const moment = milestoneBetween(before, left);
    if (moment !== undefined) announced.push(moment / 1000);
    before = left;
  }
  expect(announced).toEqual([300, 120, 60, 30]);
});

test('a tab that slept past several milestones announces the last', () => {
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
