import { expect, test } from 'vitest';

import type { Seat } from './seat';
import { toSeatEvent, type SeatEvent } from './seat-event';
import {
  applyEvent,
  applyLock,
  applyRelease,
  applyStates,
  clearPending,
  isDoubtful,
  nextExpiry,
  NOTHING_KNOWN,
  selectionExpiry,
  setPending,
  stateOf,
  type Knowledge,
  type SeatStates,
} from './seats';

const MINUTE = 60_000;
const LATER = 600_000;

const seat = (id: number, price: number | null = 1200): Seat => ({
  ...{ id, row: 'A', number: id, x: id, y: 1, kind: 'standard', price },
});

const states = (rest: Partial<SeatStates> = {}): SeatStates => ({
  ...{ pendingBookingId: null, booked: [], locked: [], mine: [], blocked: [] },
  ...rest,
});
const free = states();
const sold = states({ booked: [1] });
const heldBy = (lockId: number) => states({ locked: [{ seatIds: [1], lockId, expiresAt: LATER }] });
const ours = (lockId: number, expiresAt: number | null = LATER) =>
  states({ mine: [{ seatId: 1, lockId, expiresAt }] });

const lock = (lockId: number, expiresAt = LATER): SeatEvent => ({
  kind: 'seat:lock',
  seatIds: [1],
  lockIds: [lockId],
  expiresAt,
});
const book = (lockId: number): SeatEvent => ({ kind: 'seat:book', seatIds: [1], lockIds: [lockId] });
const release = (lockId: number): SeatEvent => ({ kind: 'seat:release', seatIds: [1], lockIds: [lockId] });

const start = () => applyStates(NOTHING_KNOWN, free, 0);
const after = (...events: SeatEvent[]) =>
  events.reduce((seats, event) => applyEvent(seats, event, 10), start());
const stateAt = (known: Knowledge, now = 1000, id = 1) => stateOf(known, seat(id), now);

test('the states are believed, and what they do not name is free', () => {
  const known = applyStates(
    NOTHING_KNOWN,
    states({
      pendingBookingId: 'b7',
      booked: [3],
      locked: [{ seatIds: [1, 7], lockId: 5, expiresAt: LATER }],
      mine: [
        { seatId: 2, lockId: 5, expiresAt: LATER },
        { seatId: 4, lockId: 8, expiresAt: null },
      ],
      blocked: [8],
    }),
    0,
  );
  expect([1, 2, 3, 4, 6, 7, 8].map((id) => stateAt(known, 1000, id))).toEqual([
    ...['held', 'mine', 'booked', 'bought', 'free', 'held', 'closed'],
  ]);
  expect(stateOf(known, seat(6, null), 1000)).toBe('closed');
  expect(known.pendingBookingId).toBe('b7');
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

test('an event that arrives while the states are on their way is kept', () => {
  const seats = applyEvent(start(), lock(5), 20);
  expect(stateAt(applyStates(seats, free, 15))).toBe('held');
});

test('a lost release is made up for by the next states', () => {
  const seats = applyEvent(start(), lock(5), 20);
  const healed = applyStates(seats, free, 25);
  expect(stateAt(healed)).toBe('free');
  expect(stateAt(applyEvent(healed, lock(5), 30))).toBe('free');
});

// A sweep reads which locks have ended while a booking in flight extends them, and announces the sold seat as free.
test.each(orders([lock(5), book(5), release(5)]))(
  'states that are asked for afterwards are right, whatever was announced: %o, %o, %o',
  (...events) => {
    const seats = after(...events);
    expect(stateAt(applyStates(seats, sold, 20))).toBe('booked');
    expect(stateAt(applyStates(seats, heldBy(5), 20))).toBe('held');
    expect(stateAt(applyStates(seats, free, 20))).toBe('free');
  },
);

test('a sale or a release that comes while the states are on their way counts, and the next states again', () => {
  for (const [event, state] of [
    [book(5), 'booked'],
    [release(5), 'free'],
  ] as const) {
    const seats = applyStates(applyEvent(after(lock(5)), event, 30), heldBy(5), 20);
    expect(stateAt(seats)).toBe(state);
    expect(stateAt(applyStates(seats, sold, 40))).toBe('booked');
  }
});

test('states that were overtaken by later ones say nothing', () => {
  const seats = applyStates(after(lock(5)), free, 30);
  expect(applyStates(seats, heldBy(5), 20)).toBe(seats);
  expect(stateAt(applyStates(applyStates(start(), sold, 30), heldBy(5), 20))).toBe('booked');
});

test('states that were asked for before seats were released do not bring them back', () => {
  const gone = applyRelease(applyStates(start(), ours(5), 5), [1], 30);
  expect(stateAt(applyStates(gone, ours(5), 20))).toBe('free');
});

test('states that do not know yet whose a lock is leave it the viewer’s, to the exact end', () => {
  const mine = applyLock(start(), [1], { seatIds: [1], lockIds: [5], expiresAt: LATER - 1 }, 10);
  const read = applyStates(mine, heldBy(5), 20);
  expect([stateAt(read), selectionExpiry(read, 1000)]).toEqual(['mine', LATER - 1]);
  expect(stateAt(applyStates(mine, heldBy(6), 20))).toBe('held');
});

test('states that were overtaken by a release do not bring the lock back', () => {
  expect(stateAt(applyStates(after(release(5)), heldBy(5), 5))).toBe('free');
});

test.each(orders(['answer', 'event', 'states']))(
  'an end that is rounded for others never overwrites the viewer’s own: %s, %s, %s',
  (...steps) => {
    const exact = LATER - 30_000;
    const known = steps.reduce((before, step) => {
      if (step === 'event') return applyEvent(before, lock(5, LATER), 10);
      if (step === 'states') return applyStates(before, ours(5, exact), 10);
      return applyLock(before, [1], { seatIds: [1], lockIds: [5], expiresAt: exact }, 10);
    }, start());
    expect([selectionExpiry(known, 1000), isDoubtful(known)]).toEqual([exact, false]);
  },
);

test('more time for the viewer’s own, given elsewhere, is a reason to ask for its end', () => {
  const mine = applyStates(start(), ours(5, LATER), 5);
  const extended = applyEvent(mine, lock(5, LATER + MINUTE), 10);
  expect([selectionExpiry(extended, 1000), isDoubtful(extended)]).toEqual([LATER, true]);
  const read = applyStates(extended, ours(5, LATER + 1), 20);
  expect([selectionExpiry(read, 1000), isDoubtful(read)]).toEqual([LATER + 1, false]);
});

test('more time that was heard of before its lock was known as the viewer’s own is a reason to ask, too', () => {
  const heard = applyEvent(after(lock(5)), lock(5, LATER + MINUTE), 20);
  const known = applyStates(heard, ours(5, LATER), 15);
  expect([selectionExpiry(known, 1000), isDoubtful(known)]).toEqual([LATER, true]);
  expect(isDoubtful(applyStates(known, ours(5, LATER + 1), 30))).toBe(false);
});

test('seats that were locked together share an id, and each is released alone', () => {
  const both = { kind: 'seat:lock', seatIds: [1, 2], lockIds: [5, 5], expiresAt: LATER } as const;
  const known = applyEvent(applyEvent(start(), both, 10), release(5), 11);
  expect([stateAt(known), stateAt(known, 1000, 2)]).toEqual(['free', 'held']);
});

test.each<[string, SeatEvent, boolean]>([
  ['its release', release(5), true],
  ['the next holder', lock(6), true],
  ['its sale, late', book(5), false],
])(
  'the states name no lock of a sold seat, so %s shows nothing new before they are read again',
  (_, event, doubt) => {
    const known = applyEvent(applyStates(NOTHING_KNOWN, sold, 0), event, 10);
    expect([stateAt(known), isDoubtful(known)]).toEqual(['booked', doubt]);
    const read = applyStates(known, free, 20);
    expect([stateAt(read), isDoubtful(read)]).toEqual(['free', false]);
    // Once more, late: it says nothing of the seat as it is now.
    expect(stateAt(applyEvent(read, event, 30))).toBe('free');
  },
);

test('news of locks that are older than what was heard of a sold seat is no reason to ask', () => {
  const known = applyStates(after(lock(5), book(5)), sold, 20);
  for (const late of [lock(5), release(4), book(5), lock(4)])
    expect(isDoubtful(applyEvent(known, late, 30))).toBe(false);
  expect(isDoubtful(applyEvent(known, release(5), 30))).toBe(true);
});

test('a sale in the states against a release that came meanwhile is asked about again', () => {
  for (const news of [release(5), lock(6)]) {
    const known = applyStates(applyEvent(after(lock(5)), news, 30), sold, 20);
    expect([stateAt(known), isDoubtful(known)]).toEqual(['booked', true]);
  }
  const agreed = applyStates(applyEvent(after(lock(5)), book(5), 30), sold, 20);
  expect([stateAt(agreed), isDoubtful(agreed)]).toEqual(['booked', false]);
});

test('states that were asked for before a doubt do not settle it', () => {
  const mine = applyStates(start(), ours(5, LATER), 5);
  const extended = applyEvent(mine, lock(5, LATER + MINUTE), 10);
  const bought = applyEvent(applyStates(NOTHING_KNOWN, sold, 5), release(5), 10);
  for (const [known, said] of [
    [extended, ours(5, LATER)],
    [bought, sold],
  ] as const) {
    const early = applyStates(known, said, 7);
    expect([isDoubtful(known), isDoubtful(early)]).toEqual([true, true]);
    expect(isDoubtful(applyStates(early, said, 20))).toBe(false);
  }
});

test('a sale that is heard of after another is newer than states that were asked for before it came', () => {
  const known = applyEvent(applyStates(NOTHING_KNOWN, sold, 0), book(6), 10);
  for (const said of [free, heldBy(6)]) expect(isDoubtful(applyStates(known, said, 5))).toBe(true);
  const agreed = applyStates(known, sold, 5);
  expect([stateAt(agreed), isDoubtful(agreed)]).toEqual(['booked', false]);
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

test('a seat lost to another customer is not shown as free until the states say more', () => {
  const lost = setPending(start(), [1], 'lost');
  expect(stateAt(lost)).toBe('held');
  expect(stateAt(applyStates(lost, free, 20))).toBe('free');
});

test('giving back is shown at once, undone by a refusal, and outlives a late event', () => {
  const mine = applyStates(start(), ours(5), 5);
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
