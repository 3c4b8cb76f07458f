import { useEffect, useRef } from 'react';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** From here on the time is shown as running short. */
export const SHORT = 2 * MINUTE;

/** When a screen reader announces how much is left. */
const MOMENTS = [5 * MINUTE, SHORT, MINUTE, 30 * SECOND];

/** The moment that passed between two looks at the clock, both as what was left then; undefined if none did. */
export function milestoneBetween(before: number, left: number): number | undefined {
  return MOMENTS.filter((moment) => before > moment && left <= moment && left > 0).at(-1);
}

/** Call `announce` at a few milestones with how much is left. `left` is in milliseconds; `announce` must be stable. */
export function useMilestones(left: number, announce: (minutes: number, seconds: number) => void): void {
  const before = useRef(left);
  useEffect(() => {
    const moment = milestoneBetween(before.current, left);
    before.current = left;
    if (moment === undefined) return;
    const seconds = Math.round(moment / SECOND);
    announce(Math.floor(seconds / 60), seconds % 60);
  }, [left, announce]);
}
