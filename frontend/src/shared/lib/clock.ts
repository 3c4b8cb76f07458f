import { useEffect, useState } from 'react';

import { createStore } from './store';

/** What the server's clock has more than the device's; undefined until a server has said. */
const offset = createStore<number | undefined>(undefined);

/**
 * Set the clock of the page by a time that a server just gave. Half of the time that the question took is added, when
 * it is known since when (performance.now()) the page had been waiting.
 */
export function adjustClock(serverTime: string | Date, askedAt?: number): void {
  const underway = askedAt === undefined ? 0 : (performance.now() - askedAt) / 2;
  offset.set(new Date(serverTime).getTime() + underway - deviceNow());
}

/** Do so where nothing is known yet: a cache may have kept this time, so it is better than the device's and no more. */
export function setClockUnlessSet(serverTime: string | Date, askedAt: number): void {
  if (offset.get() === undefined) adjustClock(serverTime, askedAt);
}

/** The server's time in milliseconds, as far as a server has given it. */
export function serverNow(): number {
  return deviceNow() + clockOffset();
}

/** By how many milliseconds the device's clock is slow, as far as a server has said. */
function clockOffset(): number {
  return offset.get() ?? 0;
}

/** The device's time, which may be any: only for spans that begin and end on this device. */
export function deviceNow(): number {
  return Date.now();
}

/** The server's time in milliseconds, again and again; the component renders each time. */
export function useNow(everyMilliseconds = 1000): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const tick = () => setNow(serverNow());
    tick();
    const timer = setInterval(tick, everyMilliseconds);
    const unsubscribe = offset.subscribe(tick);
    return () => {
      clearInterval(timer);
      unsubscribe();
    };
  }, [everyMilliseconds]);
  return now;
}
