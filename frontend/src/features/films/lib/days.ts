import { dayOf, formatDay } from '@/shared/lib/format';
import { viewersZone } from '@/shared/lib/time-zone';
import { text } from '@/shared/text';

export const DAYS = 14;

const DAY = 24 * 60 * 60_000;

/** The coming days as 2026-12-02, from the first that is today in one of the zones. `now` is in milliseconds. */
export function comingDays(now: number, timeZones: readonly string[]): string[] {
  const zones = timeZones.length > 0 ? timeZones : [viewersZone()];
  const [today = ''] = zones.map((zone) => dayOf(now, zone)).sort();
  return Array.from({ length: DAYS }, (_, index) =>
    new Date(Date.parse(noon(today)) + index * DAY).toISOString().slice(0, 10),
  );
}

/**
 * Today or Tomorrow, where that day is it on the calendar of every one of the zones; else undefined. Which day it is
 * where the viewer is says nothing about a show elsewhere. `now` is in milliseconds.
 */
export function nameOfDay(day: string, timeZones: readonly string[], now: number): string | undefined {
  const names = new Set(timeZones.map((zone) => nameFrom(dayOf(now, zone), day)));
  return names.size === 1 ? [...names][0] : undefined;
}

/**
 * The same for a choice of days, which must begin somewhere: where the zones disagree about today, the viewer's own day
 * is it if it is one of theirs, else the first of theirs.
 */
export function nameOfChoice(day: string, timeZones: readonly string[], now: number): string | undefined {
  const days = timeZones.map((zone) => dayOf(now, zone)).sort();
  const own = dayOf(now, viewersZone());
  return nameFrom(days.includes(own) ? own : (days[0] ?? own), day);
}

function nameFrom(today: string, day: string): string | undefined {
  const name = formatDay(noon(day), 'UTC', Date.parse(noon(today)));
  return name === text.common.day.today || name === text.common.day.tomorrow ? name : undefined;
}

/** An instant of that day in UTC, to format the day itself by. */
export const noon = (day: string) => `${day}T12:00:00Z`;
