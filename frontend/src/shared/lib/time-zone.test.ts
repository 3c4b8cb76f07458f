import { beforeEach, expect, test, vi } from 'vitest';

import { lacking } from '@/test/lacking';

// What a browser knows is asked once.
beforeEach(() => vi.resetModules());

test('a zone goes by the name that it had before in a browser that is older than the new one', async () => {
  lacking('Europe/Kyiv');
  const { knownZone } = await import('./time-zone');
  expect(knownZone('Europe/Kyiv')).toBe('Europe/Kiev');
  expect(knownZone('Europe/Vienna')).toBe('Europe/Vienna');
});

test('a zone that the browser knows by no name is UTC, and says so to everybody', async () => {
  lacking('Europe/Kyiv', 'Europe/Kiev');
  const { formatDate, formatDay, formatTime } = await import('./format');
  const { knownZone } = await import('./time-zone');
  expect(knownZone('Europe/Kyiv')).toBe('UTC');
  expect(knownZone('Mars/Olympus')).toBe('UTC');
  expect(formatTime('2026-12-02T18:30:00Z', 'Europe/Kyiv', 'UTC')).toBe('18:30 UTC');
  expect(formatDate('2026-12-02T18:30:00Z', 'Europe/Kyiv')).toBe('Wednesday 2 December 2026');
  expect(formatDay('2026-12-02T18:30:00Z', 'Europe/Kyiv', Date.parse('2026-12-02T10:00:00Z'))).toBe('Today');
  expect(formatTime('2026-12-02T18:30:00Z', 'UTC', 'UTC')).toBe('18:30');
});
