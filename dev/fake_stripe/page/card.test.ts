import { expect, test } from 'vitest';

import { hasExpired, readCard, readExpiry } from './card';
import { TEST_CARDS } from './test-cards';

const NOW = Date.UTC(2026, 11, 2);
const good = { number: '4242 4242 4242 4242', expiry: '12/27', cvc: '123' };
const wrong = (typed: object) => {
  const read = readCard({ ...good, ...typed }, NOW);
  return 'errors' in read ? Object.keys(read.errors) : undefined;
};

test('a card as Stripe takes it', () => {
  expect(readCard(good, NOW)).toEqual({
    card: { number: '4242424242424242', expiry: { month: 12, year: 2027 }, cvc: '123' },
  });
});

test.each(TEST_CARDS)('the number of $name is one', ({ number }) => {
  expect(wrong({ number })).toBeUndefined();
});

test.each(['', '4242 4242 4242 4243', '42', 'card'])('%j is no card number', (number) => {
  expect(wrong({ number })).toEqual(['number']);
});

test.each(['13/27', '00/27', '1', 'soon', '11/26'])('%j is no month to come', (expiry) => {
  expect(wrong({ expiry })).toEqual(['expiry']);
});

test.each(['12', '12345', 'abc'])('%j is no security code', (cvc) => {
  expect(wrong({ cvc })).toEqual(['cvc']);
});

test('expiry as people type it', () => {
  expect(readExpiry('4/29')).toEqual({ month: 4, year: 2029 });
  expect(readExpiry('0429')).toEqual({ month: 4, year: 2029 });
  expect(readExpiry('04 / 2029')).toEqual({ month: 4, year: 2029 });
});

test('a card is good through its month', () => {
  expect(hasExpired({ month: 12, year: 2026 }, Date.UTC(2026, 11, 31, 23, 59))).toBe(false);
  expect(hasExpired({ month: 12, year: 2026 }, Date.UTC(2027, 0, 1))).toBe(true);
});
