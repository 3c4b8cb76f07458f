import { expect, test } from 'vitest';

import { comingDays, widestDay } from './days';

test('the days begin with the first that is today somewhere', () => {
  const lateInNewYork = Date.parse('2026-12-31T02:00:00Z');
  const days = comingDays(lateInNewYork, ['Europe/Vienna', 'America/New_York']);
  expect(days).toHaveLength(14);
  expect(days[0]).toBe('2026-12-30');
  expect(days.at(-1)).toBe('2027-01-12');
  expect(comingDays(lateInNewYork, ['Europe/Vienna'])[0]).toBe('2026-12-31');
});

test('a day is 50 hours long until the theater is known', () => {
  const { from, to } = widestDay('2026-12-02');
  expect(from.toISOString()).toBe('2026-12-01T10:00:00.000Z');
  expect(to.toISOString()).toBe('2026-12-03T12:00:00.000Z');
});
