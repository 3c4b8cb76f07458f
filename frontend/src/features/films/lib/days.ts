import { dayOf } from '@/shared/lib/format';

export const DAYS = 14;

const DAY = 24 * 60 * 60_000;

export interface Span {
  from: Date;
  to: Date;
}

/** Everything that a calendar anywhere on Earth calls that day. */
export function widestDay(day: string): Span {
  const last = new Date(`${day}T00:00:00-12:00`);
  return { from: new Date(`${day}T00:00:00+14:00`), to: new Date(last.getTime() + DAY) };
}

/** From now to the end of the last day on offer, wherever the theater. */
export function daysAhead(now: Date): Span {
  return { from: now, to: new Date(now.getTime() + (DAYS + 1) * DAY) };
}

/** The coming days as 2026-12-02, from the first that is today in one of the zones. `now` is in milliseconds. */
export function comingDays(now: number, timeZones: readonly string[]): string[] {
  const zones = timeZones.length > 0 ? timeZones : [viewersZone()];
  const [today = ''] = zones.map((zone) => dayOf(now, zone)).sort();
  return Array.from({ length: DAYS }, (_, index) =>
    new Date(Date.parse(`${today}T12:00:00Z`) + index * DAY).toISOString().slice(0, 10),
  );
}

export function viewersZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
