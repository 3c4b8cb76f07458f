import { describe, expect, test } from 'vitest';

import { checkoutView, refetchInterval, type BookingState } from './checkout-view';

const EXPIRES = '2026-12-02T19:00:00Z';
const IN_TIME = Date.parse(EXPIRES) - 1;
const TOO_LATE = Date.parse(EXPIRES);

const booking = (changes: Partial<BookingState> = {}): BookingState => ({
  status: 'pending',
  expires_at: EXPIRES,
  confirmed_at: null,
  refunds: [],
  ...changes,
});

describe('what the checkout shows', () => {
  test.each([
    ['to be paid', booking(), undefined, IN_TIME, 'pay'],
    ['declined', booking(), 'requires_payment_method', IN_TIME, 'pay'],
    ['left the bank’s page', booking(), 'requires_action', IN_TIME, 'pay'],
    ['paid, no webhook yet', booking(), 'succeeded', IN_TIME, 'booking'],
    ['the bank takes its time', booking(), 'processing', IN_TIME, 'processing'],
    ['the bank takes too long', booking({ status: 'expired' }), 'processing', TOO_LATE, 'processing'],
    ['time over, not swept', booking(), 'requires_payment_method', TOO_LATE, 'time-over'],
    ['time over', booking({ status: 'expired' }), undefined, TOO_LATE, 'time-over'],
    ['paid late', booking({ status: 'expired' }), 'succeeded', TOO_LATE, 'late'],
    ['paid late, not swept', booking(), 'succeeded', TOO_LATE, 'late'],
    ['late, seats gone', booking({ status: 'expired', refunds: [{}] }), 'succeeded', TOO_LATE, 'returned'],
    ['given up', booking({ status: 'cancelled' }), 'requires_payment_method', IN_TIME, 'given-up'],
    ['given up while paying', booking({ status: 'cancelled' }), 'succeeded', IN_TIME, 'late'],
    ['confirmed', booking({ status: 'confirmed', confirmed_at: EXPIRES }), 'succeeded', IN_TIME, 'ticket'],
    [
      'confirmed once, cancelled since',
      booking({ status: 'cancelled', confirmed_at: EXPIRES, refunds: [{}] }),
      undefined,
      TOO_LATE,
      'ticket',
    ],
  ] as const)('%s', (_name, state, intent, now, view) => {
    expect(checkoutView({ booking: state, intent, paying: false, now })).toBe(view);
  });

  test('a card that is being charged keeps its form when the time runs out', () => {
    expect(checkoutView({ booking: booking(), intent: undefined, paying: true, now: TOO_LATE })).toBe('pay');
  });
});

test('nothing is read again and again when no money may come', () => {
  expect(refetchInterval('time-over', false)).toBe(false);
  expect(refetchInterval('time-over', true)).not.toBe(false);
  expect(refetchInterval('ticket', true)).toBe(false);
});
