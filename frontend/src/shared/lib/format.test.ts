import { expect, test } from 'vitest';

import { formatCountdown, formatDate, formatDay, formatDuration, formatMoney, formatTime } from './format';

const EVENING = '2026-12-02T18:30:00Z';

test.each([
  [1250, 'EUR', '€12.50'],
  [1250, 'gbp', '£12.50'],
  [1250, 'JPY', 'JP¥1,250'],
  [1250, 'KWD', 'KWD 1.250'],
  // As Stripe counts, whatever the browser knows of the currency.
  [250_000, 'HUF', 'HUF 2,500.00'],
  [50_000, 'TWD', 'NT$500.00'],
  [150_000, 'ISK', 'ISK 1,500.00'],
  [2_500_000, 'UGX', 'UGX 25,000.00'],
  [1250, 'HRK', 'HRK 12.50'],
])('%i minor units of %s are %s', (amount, currency, money) => {
  expect(formatMoney(amount, currency).replace(/\u00a0/g, ' ')).toBe(money);
});

test('a date is the one of the cinema, not of the viewer', () => {
  expect(formatDate('2026-12-02T23:30:00Z', 'Europe/Vienna')).toBe('Thursday 3 December 2026');
  expect(formatDate('2026-12-02T23:30:00Z', 'Europe/London')).toBe('Wednesday 2 December 2026');
});

test('a time names its zone only to those whose clock shows another time', () => {
  expect(formatTime(EVENING, 'Europe/Vienna', 'Europe/Berlin')).toBe('19:30');
  expect(formatTime(EVENING, 'Europe/Vienna', 'Europe/London')).toBe('19:30 CET');
  expect(formatTime(EVENING, 'Pacific/Auckland', 'Pacific/Auckland')).toBe('07:30');
});

test('the same hour of another day is another time', () => {
  expect(formatTime(EVENING, 'Pacific/Kiritimati', 'Pacific/Honolulu')).toBe('08:30 GMT+14');
});

test('in the hour that autumn has twice the zone says which one it is, to everybody', () => {
  const inNewYork = (utc: string) => formatTime(`2027-11-07T${utc}Z`, 'America/New_York', 'America/New_York');
  expect(inNewYork('04:30:00')).toBe('00:30');
  expect(inNewYork('05:30:00')).toMatch(/^01:30 (EDT|GMT-4)$/);
  expect(inNewYork('06:30:00')).toMatch(/^01:30 (EST|GMT-5)$/);
  expect(inNewYork('07:30:00')).toBe('02:30');
  // Half an hour on Lord Howe.
  expect(formatTime('2027-04-03T14:45:00Z', 'Australia/Lord_Howe', 'Australia/Lord_Howe')).toBe(
    '01:45 GMT+11',
  );
});

test('midnight is 00:00', () => {
  expect(formatTime('2026-12-02T23:00:00Z', 'Europe/Vienna', 'Europe/Vienna')).toBe('00:00');
});

test('a day is named relative to now, in the zone of the cinema', () => {
  const lateInLondon = Date.parse('2026-12-01T23:30:00Z');
  expect(formatDay(EVENING, 'Europe/Vienna', lateInLondon)).toBe('Today');
  expect(formatDay(EVENING, 'Europe/London', lateInLondon)).toBe('Tomorrow');
  expect(formatDay('2026-12-05T18:30:00Z', 'Europe/London', lateInLondon)).toBe('Sat 5 Dec');
});

test('tomorrow comes also on the night when clocks change', () => {
  const before = Date.parse('2026-10-24T22:30:00Z'); // 00:30 on the 25th, which has 25 hours
  expect(formatDay('2026-10-26T10:00:00Z', 'Europe/Vienna', before)).toBe('Tomorrow');
});

test.each([
  [45, '45 min'],
  [60, '1 h'],
  [107, '1 h 47 min'],
])('%i minutes are %s', (minutes, words) => {
  expect(formatDuration(minutes)).toBe(words);
});

test.each([
  [545_000, '9:05'],
  [59_001, '1:00'],
  [1, '0:01'],
  [-5, '0:00'],
])('%i ms are left as %s', (left, words) => {
  expect(formatCountdown(left)).toBe(words);
});
