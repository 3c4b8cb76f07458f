import { expect, test } from 'vitest';

import type { Refund } from '@/api/bookings';

import { cancellableUntil } from './cancellation-deadline';
import { isUnderWay, refundReason, refundSentence } from './refund-text';
import { sortBookings, bookingStatus } from './booking-status';

const refund = (changes: Partial<Refund>): Refund => ({
  id: 'r',
  amount: 2400,
  currency: 'EUR',
  reason: 'cancelled_by_customer',
  status: 'queued',
  updated_at: '2026-12-02T10:00:00Z',
  ...changes,
});

test.each([
  [{ status: 'queued' }, /^€24\.00 will be refunded/, true],
  [{ status: 'pending' }, /on its way/, true],
  [{ status: 'succeeded' }, /sent to your bank on Wednesday 2 December 2026/, false],
  [{ status: 'failed' }, /retry every hour/, true],
  [{ status: 'failed', reason: 'made_at_stripe' }, /The cinema has been notified/, false],
  [{ status: 'void' }, /already been refunded/, false],
] as const)('a refund that is %j', (changes, sentence, underWay) => {
  expect(refundSentence(refund(changes), 'Europe/Vienna')).toMatch(sentence);
  expect(isUnderWay(refund(changes))).toBe(underWay);
});

test('a reason that this page does not know yet still gives a sentence', () => {
  expect(refundReason({ reason: 'seats_gone' })).toMatch(/someone else/);
  expect(refundReason({ reason: 'toString' })).toBe('The cinema has refunded you.');
});

const show = {
  starts_at: '2026-12-02T19:00:00Z',
  ends_at: '2026-12-02T21:00:00Z',
  status: 'scheduled',
} as const;

test.each([
  ['2026-12-02T17:00:00+00:00', Date.UTC(2026, 11, 2, 17)],
  ['infinity', Infinity],
])('a booking that can be cancelled until %s', (value, until) => {
  expect(cancellableUntil(value)).toBe(until);
});

const at = (time: string) => Date.parse(`2026-12-02T${time}Z`);
const confirmed = { status: 'confirmed', expires_at: '2026-12-01T10:00:00Z', showtime: show } as const;
const pending = { ...confirmed, status: 'pending', expires_at: '2026-12-02T18:00:00Z' } as const;

test('the clock ends a pending booking and a show, before any sweep', () => {
  expect(bookingStatus(pending, at('17:59:59'))).toBe('pending');
  expect(bookingStatus(pending, at('18:00:00'))).toBe('expired');
  expect(bookingStatus(confirmed, at('20:59:59'))).toBe('confirmed');
  expect(bookingStatus(confirmed, at('21:00:00'))).toBe('past');
});

test('soonest first, what is over apart', () => {
  const later = {
    ...confirmed,
    showtime: { ...show, starts_at: '2026-12-03T19:00:00Z', ends_at: '2026-12-03T21:00:00Z' },
  };
  const cancelled = { ...confirmed, status: 'cancelled' } as const;
  expect(sortBookings([later, cancelled, pending], at('17:00:00'))).toEqual({
    upcoming: [pending, later],
    past: [cancelled],
  });
});
