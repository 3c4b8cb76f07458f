import { useEffect, useState } from 'react';

let offset = 0;

/**
 * Set the clock of the page by a time that a server just gave. Half of the time that the question took is added, when
 * it is known since when (performance.now()) the page had been waiting.
 */
export function adjustClock(serverTime: string | Date, askedAt?: number): void {
  const underway = askedAt === undefined ? 0 : (performance.now() - askedAt) / 2;
  offset = new Date(serverTime).getTime() + underway - Date.now();
}

/** The server's time in milliseconds, as far as a server has given it. */
export function serverNow(): number {
  return Date.now() + offset;
}

/** The server's time in milliseconds, again and again; the component renders each time. */
export function useNow(everyMilliseconds = 1000): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const tick = () => setNow(serverNow());
    tick();
    const timer = setInterval(tick, everyMilliseconds);
    return () => clearInterval(timer);
  }, [everyMilliseconds]);
  return now;
}
