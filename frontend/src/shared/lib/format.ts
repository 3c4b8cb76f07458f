import { text } from '@/shared/text';

import { CURRENCY_DIGITS } from './currencies';
import { knownZone, viewersZone } from './time-zone';

const { locale } = text;

export type Instant = Date | string | number;

/** An amount in Stripe's minor units (cents) as money: formatMoney(1250, 'eur') is €12.50. */
export function formatMoney(minorUnits: number, currency: string): string {
  const { format, digits } = moneyIn(currency.toUpperCase());
  return format.format(minorUnits / 10 ** digits);
}

/** Wednesday 2 December 2026, as the calendar stands in that time zone. */
export function formatDate(instant: Instant, timeZone: string): string {
  return inZone(
    timeZone,
    { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' },
    instant,
  ).replace(',', '');
}

/** Today, Tomorrow, or Wed 2 Dec, in that time zone. `now` is in milliseconds. */
export function formatDay(instant: Instant, timeZone: string, now: number): string {
  const day = dayOf(instant, timeZone);
  if (day === dayOf(now, timeZone)) return text.common.day.today;
  if (day === dayAfter(dayOf(now, timeZone))) return text.common.day.tomorrow;
  return inZone(timeZone, { weekday: 'short', day: 'numeric', month: 'short' }, instant).replace(',', '');
}

/** 19:30, and 19:30 CET to a viewer whose clock shows another time. */
export function formatTime(instant: Instant, timeZone: string, viewerZone = viewersZone()): string {
  const { time, zone } = timeParts(instant, timeZone, viewerZone);
  return zone ? `${time} ${zone}` : time;
}

/**
 * The two halves of formatTime, where they stand apart. No zone for a viewer whose clock shows the same time, but in the
 * hour that autumn has twice, and where the theater's own time is not to be had from this browser.
 */
export function timeParts(instant: Instant, timeZone: string, viewerZone = viewersZone()) {
  const clear =
    (knownZone(timeZone) !== 'UTC' || timeZone === 'UTC') &&
    clock(timeZone, instant) === clock(viewerZone, instant) &&
    !isDoubled(timeZone, instant);
  return { time: inZone(timeZone, TIME, instant), zone: clear ? '' : zoneName(timeZone, instant) };
}

const TIME = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;

const clock = (timeZone: string, instant: Instant) => inZone(timeZone, { ...TIME, day: 'numeric' }, instant);

/** By how much clocks are put back: half an hour on Lord Howe, two at Troll. */
const PUT_BACK = [0.5, 1, 2].flatMap((hours) => [hours * 3_600_000, -hours * 3_600_000]);

/** Whether the clocks there show this time twice, before and after they are put back. */
function isDoubled(timeZone: string, instant: Instant): boolean {
  const at = new Date(instant).getTime();
  return PUT_BACK.some((apart) => clock(timeZone, at + apart) === clock(timeZone, at));
}

function zoneName(timeZone: string, instant: Instant): string {
  const parts = dates(locale, { timeZone, timeZoneName: 'short' }).formatToParts(new Date(instant));
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

/** The calendar day in that time zone as 2026-12-02, to group and compare by. */
export function dayOf(instant: Instant, timeZone: string): string {
  return dates('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(
    new Date(instant),
  );
}

/** 107 minutes are 1 h 47 min. */
export function formatDuration(minutes: number): string {
  return text.common.duration(Math.floor(minutes / 60), minutes % 60);
}

/** What is left of so many milliseconds as 9:05; never less than 0:00. */
export function formatCountdown(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function dayAfter(day: string): string {
  const date = new Date(`${day}T12:00:00Z`);
  date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, 10);
}

function inZone(timeZone: string, options: Intl.DateTimeFormatOptions, instant: Instant): string {
  return dates(locale, { ...options, timeZone }).format(new Date(instant));
}

// To make a formatter takes longer than to draw a seat, and a map asks for one 600 times. So each is made once.

const moneyIn = once((currency: string) => {
  // Never the browser's own digits: they differ from Stripe's, and from browser to browser.
  const digits = CURRENCY_DIGITS[currency] ?? 2;
  const shown = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return { format: new Intl.NumberFormat(locale, { style: 'currency', currency, ...shown }), digits };
});

const dates = once(
  (of: string, { timeZone, ...options }: Intl.DateTimeFormatOptions & { timeZone: string }) =>
    new Intl.DateTimeFormat(of, { ...options, timeZone: knownZone(timeZone) }),
);

function once<A extends unknown[], F>(make: (...asked: A) => F): (...asked: A) => F {
  const made = new Map<string, F>();
  return (...asked) => {
    const key = JSON.stringify(asked);
    const known = made.get(key);
    if (known) return known;
    const format = make(...asked);
    made.set(key, format);
    return format;
  };
}
