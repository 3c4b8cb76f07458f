import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { adjustClock, serverNow, setClockUnlessSet, useNow } from './clock';

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => vi.useRealTimers());

test('time is the device’s until a server says, then the server’s, with half of the way added; a time that may be old changes none that is known', () => {
  expect(serverNow()).toBe(1_000_000);
  const asked = performance.now();
  vi.advanceTimersByTime(400);
  setClockUnlessSet(new Date(5_000_000), asked);
  expect(serverNow()).toBe(5_000_200);
  setClockUnlessSet(new Date(3_000_000), asked);
  expect(serverNow()).toBe(5_000_200);
  adjustClock(new Date(3_000_000));
  expect(serverNow()).toBe(3_000_000);
});

test('useNow ticks by it', () => {
  adjustClock(new Date(5_000_000));
  const { result } = renderHook(() => useNow(1000));
  expect(result.current).toBe(5_000_000);
  act(() => void vi.advanceTimersByTime(2000));
  expect(result.current).toBe(5_002_000);
});

test('what is on the page renders as soon as the clock is set', () => {
  adjustClock(new Date(5_000_000));
  const { result } = renderHook(() => useNow(60_000));
  act(() => adjustClock(new Date(9_000_000)));
  expect(result.current).toBe(9_000_000);
});
