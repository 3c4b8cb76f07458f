import { expect, test } from 'vitest';

import { comingDays, nameOfChoice, nameOfDay } from './days';

test('the days begin with the first that is today somewhere', () => {
  const lateInNewYork = Date.parse('2026-12-31T02:00:00Z');
  const days = comingDays(lateInNewYork, ['Europe/Vienna', 'America/New_York']);
  expect(days).toHaveLength(14);
  expect(days[0]).toBe('2026-12-30');
  expect(days.at(-1)).toBe('2027-01-12');
  expect(comingDays(lateInNewYork, ['Europe/Vienna'])[0]).toBe('2026-12-31');
});

test('a day is Today where it is today in all of its theaters, wherever the viewer is', () => {
  const nightInNewYork = Date.parse('2026-12-03T02:00:00Z'); // Thursday in London, where the viewer is
  const named = (day: string, ...zones: string[]) => nameOfDay(day, zones, nightInNewYork);
  expect(named('2026-12-02', 'America/New_York')).toBe('Today');
  expect(named('2026-12-03', 'America/New_York')).toBe('Tomorrow');
  expect(named('2026-12-03', 'Europe/Vienna', 'Europe/London')).toBe('Today');
  expect(named('2026-12-03', 'Europe/Vienna', 'America/New_York')).toBeUndefined();
  expect(named('2026-12-05', 'America/New_York')).toBeUndefined();
});

test('a choice of days begins with the viewer’s own where the theaters disagree, if it is one of theirs', () => {
  const nightInNewYork = Date.parse('2026-12-03T02:00:00Z');
  const named = (day: string, ...zones: string[]) => nameOfChoice(day, zones, nightInNewYork);
  expect(named('2026-12-02', 'America/New_York')).toBe('Today');
  expect(named('2026-12-03', 'America/New_York', 'Europe/Vienna')).toBe('Today');
  expect(named('2026-12-02', 'America/New_York', 'Pacific/Honolulu')).toBe('Today');
  expect(named('2026-12-03')).toBe('Today');
});
