import { expect, test } from 'vitest';

import {
  applyEvent,
  applyLock,
  NO_SEATS,
  nextExpiry,
  applyMap,
  applyRelease,
  selectionExpiry,
  clearPending,
  stateOf,
  setPending,
} from './seats';
import type { MapSeat, Seats } from './seats';
import { toSeatEvent, type SeatEvent } from './seat-event';

const LATER = 600_000;

const place = (id: number, rest: Partial<MapSeat> = {}): MapSeat => ({
  seat: { id, row: 'A', number: id, x: id, y: 1, kind: 'standard', price: 1200 },
  state: 'free',
  lockId: null,
  expiresAt: null,
  ...rest,
});

const map = (...seats: MapSeat[]) => ({
  currency: 'EUR',
  seatLimit: 10,
  pendingBookingId: null,
  seats,
});
const lock = (lockId: number, expiresAt = LATER): SeatEvent => ({
  kind: 'seat:lock',
  seatIds: [1],
  lockIds: [lockId],
  expiresAt,
});
const book = (lockId: number): SeatEvent => ({ kind: 'seat:book', seatIds: [1], lockIds: [lockId] });
const release = (lockId: number): SeatEvent => ({ kind: 'seat:release', seatIds: [1], lockIds: [lockId] });

const start = () => applyMap(NO_SEATS, map(place(1), place(2)), 0);
const after = (...events: SeatEvent[]) =>
  events.reduce((seats, event) => applyEvent(seats, event, 10), start());
const stateAt = (seats: Seats, now = 1000, id = 1) => {
  const seat = seats.seats.find((each) => each.id === id);
  return seat && stateOf(seats, seat, now);
};

test('the map is believed', () => {
  const seats = applyMap(
    NO_SEATS,
    map(
      place(1, { state: 'locked', lockId: 5, expiresAt: LATER }),
      place(2, { state: 'mine', lockId: 6, expiresAt: LATER }),
      place(3, { state: 'booked', lockId: 7 }),
      place(4, { state: 'mine', lockId: 8 }),
      place(5, { seat: { ...place(5).seat, price: null } }),
      place(6),
    ),
    0,
  );
  expect([1, 2, 3, 4, 5, 6].map((id) => stateAt(seats, 1000, id))).toEqual([
    'held',
    'mine',
    'booked',
    'bought',
    'closed',
    'free',
  ]);
});

test.each<[string, SeatEvent[], string]>([
  ['a lock', [lock(5)], 'held'],
  ['and its release', [lock(5), release(5)], 'free'],
  ['a sale', [lock(5), book(5)], 'booked'],
  ['a refund', [lock(5), book(5), release(5)], 'free'],
  ['the next holder', [lock(5), release(5), lock(6)], 'held'],
])('%s, in any order and delivered twice', (_, events, state) => {
  for (const order of orders(events)) expect(stateAt(after(...order, ...order))).toBe(state);
});

test('paying gives a lock more time, and the first message of it takes none away', () => {
  for (const order of orders([lock(5, 2000), lock(5, 9000)]))
    expect(stateAt(after(...order), 5000)).toBe('held');
});

test('locks run out by the clock alone', () => {
  const seats = after(lock(5, 5000));
  expect(nextExpiry(seats, 1000)).toBe(5000);
  expect([stateAt(seats, 4999), stateAt(seats, 5000)]).toEqual(['held', 'free']);
  expect(nextExpiry(seats, 5000)).toBeUndefined();
});

test('an event that arrives while the map is on its way is kept', () => {
  const seats = applyEvent(start(), lock(5), 20);
  expect(stateAt(applyMap(seats, map(place(1), place(2)), 15))).toBe('held');
});

test('a lost release is made up for by the next map', () => {
  const seats = applyEvent(start(), lock(5), 20);
  const healed = applyMap(seats, map(place(1), place(2)), 25);
  expect(stateAt(healed)).toBe('free');
  expect(stateAt(applyEvent(healed, lock(5), 30))).toBe('free');
});

const sold = (lockId: number) => map(place(1, { state: 'booked', lockId }), place(2));
const heldBy = (lockId: number) => map(place(1, { state: 'locked', lockId, expiresAt: LATER }), place(2));

// A sweep reads which locks have ended while a booking in flight extends them, and announces the sold seat as free.
test.each(orders([lock(5), book(5), release(5)]))(
  'a map that is asked for afterwards is right, whatever was announced: %o, %o, %o',
  (...events) => {
    const seats = after(...events);
    expect(stateAt(applyMap(seats, sold(5), 20))).toBe('booked');
    expect(stateAt(applyMap(seats, heldBy(5), 20))).toBe('held');
    expect(stateAt(applyMap(seats, map(place(1), place(2)), 20))).toBe('free');
  },
);

test('a sale or a release that comes while the map is on its way counts, and the next map again', () => {
  for (const [event, state] of [
    [book(5), 'booked'],
    [release(5), 'free'],
  ] as const) {
    const seats = applyMap(applyEvent(after(lock(5)), event, 30), heldBy(5), 20);
    expect(stateAt(seats)).toBe(state);
    expect(stateAt(applyMap(seats, sold(5), 40))).toBe('booked');
  }
});

test('a map that was overtaken by a later one says nothing', () => {
  const seats = applyMap(after(lock(5)), map(place(1), place(2)), 30);
  expect(applyMap(seats, heldBy(5), 20)).toBe(seats);
  expect(stateAt(applyMap(applyMap(start(), sold(5), 30), heldBy(5), 20))).toBe('booked');
});

test('a map that was asked for before seats were released does not bring them back', () => {
  const mine = map(place(1, { state: 'mine', lockId: 5, expiresAt: LATER }), place(2));
  const gone = applyRelease(applyMap(start(), mine, 5), [1], 30);
  expect(stateAt(applyMap(gone, mine, 20))).toBe('free');
});

test('a map that does not know yet whose a lock is leaves it the viewer’s', () => {
  const selection = { seatIds: [1], lockIds: [5], expiresAt: LATER };
  const mine = applyLock(start(), [1], selection, 10);
  expect(stateAt(applyMap(mine, heldBy(5), 20))).toBe('mine');
  expect(stateAt(applyMap(mine, heldBy(6), 20))).toBe('held');
});

test('a map that was overtaken by a release does not bring the lock back', () => {
  const seats = after(release(5));
  const stale = map(place(1, { state: 'locked', lockId: 5, expiresAt: LATER }), place(2));
  expect(stateAt(applyMap(seats, stale, 5))).toBe('free');
});

test('a choice is shown at once, and mine when the answer comes, whether before its event or after', () => {
  const wished = setPending(start(), [1], 'lock');
  expect(stateAt(wished)).toBe('mine');
  expect(selectionExpiry(wished, 1000)).toBeUndefined();
  const selection = { seatIds: [1], lockIds: [5], expiresAt: LATER };
  const first = applyEvent(applyLock(wished, [1], selection, 11), lock(5), 12);
  const last = applyLock(applyEvent(wished, lock(5), 11), [1], selection, 12);
  expect([stateAt(first), stateAt(last)]).toEqual(['mine', 'mine']);
  expect(selectionExpiry(first, 1000)).toBe(LATER);
  expect([stateAt(first, LATER), selectionExpiry(first, LATER)]).toEqual(['free', undefined]);
});

test('a refused choice goes back to what is known', () => {
  const faster = applyEvent(setPending(start(), [1], 'lock'), lock(5), 10);
  expect(stateAt(clearPending(faster, [1]))).toBe('held');
  expect(stateAt(clearPending(setPending(start(), [1], 'lock'), [1]))).toBe('free');
});

test('a seat lost to another customer is not shown as free until the map says more', () => {
  const lost = setPending(start(), [1], 'lost');
  expect(stateAt(lost)).toBe('held');
  expect(stateAt(applyMap(lost, map(place(1), place(2)), 20))).toBe('free');
});

test('giving back is shown at once, undone by a refusal, and outlives a late event', () => {
  const mine = applyMap(start(), map(place(1, { state: 'mine', lockId: 5, expiresAt: LATER })), 5);
  const wished = setPending(mine, [1], 'release');
  expect([stateAt(wished), stateAt(clearPending(wished, [1]))]).toEqual(['free', 'mine']);
  const given = applyRelease(wished, [1], 15);
  expect(stateAt(applyEvent(given, lock(5), 20))).toBe('free');
  expect(stateAt(applyEvent(given, lock(6), 20))).toBe('held');
});

test('events of another shape are none', () => {
  expect(
    toSeatEvent('seat:lock', { seat_ids: [1], lock_ids: [2], expires_at: '2026-12-02T10:00:00Z' }),
  ).toEqual({
    kind: 'seat:lock',
    seatIds: [1],
    lockIds: [2],
    expiresAt: Date.UTC(2026, 11, 2, 10),
  });
  for (const payload of [undefined, {}, { seat_ids: ['1'], lock_ids: [] }, { seat_ids: [1], lock_ids: [2] }])
    expect(toSeatEvent('seat:lock', payload)).toBeUndefined();
  expect(toSeatEvent('seat:dance', { seat_ids: [1], lock_ids: [2] })).toBeUndefined();
});

function orders<T>(of: T[]): T[][] {
  if (of.length < 2) return [of];
  return of.flatMap((first, index) => orders(of.toSpliced(index, 1)).map((rest) => [first, ...rest]));
}
