import { useEffect, useRef } from 'react';
import { Link } from 'react-router';

import { formatDay } from '@/shared/lib/format';
import { text } from '@/shared/text';

import type { Filters } from '../lib/film-filters';

interface DayStripProps {
  days: readonly string[];
  chosen: string | undefined;
  now: number;
  addressWith: (change: Partial<Filters>) => string;
}

/** The coming days as links, so that each can be shared and opened apart. */
export function DayStrip({ days, chosen, now, addressWith }: DayStripProps) {
  const strip = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const current = strip.current?.querySelector<HTMLElement>('[aria-current]');
    if (current && strip.current) strip.current.scrollLeft = current.offsetLeft - 24;
  }, [chosen]);
  return (
    <nav aria-label={text.films.days.label} className="-mx-4 sm:-mx-1.5">
      <ul ref={strip} className="relative flex gap-2 overflow-x-auto px-4 py-1.5 sm:px-1.5">
        {[undefined, ...days].map((day) => {
          const [top, bottom] =
            day === undefined ? [text.films.days.all, text.films.days.allHint] : words(day, now);
          const current = day === chosen;
          return (
            <li key={day ?? ''} className="shrink-0">
              <Link
                to={addressWith({ day })}
                preventScrollReset
                aria-current={current ? 'true' : undefined}
                className={`flex min-h-14 min-w-17 flex-col items-center justify-center rounded-xl border px-3 py-1.5 whitespace-nowrap ${
                  current
                    ? 'border-accent bg-accent text-on-accent'
                    : 'border-line bg-surface hover:border-edge hover:bg-raised'
                }`}
              >
                <span className="text-sm font-semibold">{top}</span>{' '}
                <span className={`text-xs ${current ? '' : 'text-muted'}`}>{bottom}</span>
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

/** Today over 2 Dec, Sat over 5 Dec: a calendar day, named as the viewer's calendar stands. */
function words(day: string, now: number): [string, string] {
  const noon = `${day}T12:00:00Z`;
  const date = new Date(noon);
  const weekday = date.toLocaleDateString(text.locale, { weekday: 'short', timeZone: 'UTC' });
  const bottom = date.toLocaleDateString(text.locale, { day: 'numeric', month: 'short', timeZone: 'UTC' });
  const shift = viewersDayAsUtc(now);
  const name = formatDay(noon, 'UTC', shift);
  const { today, tomorrow } = text.common.day;
  return [name === today || name === tomorrow ? name : weekday, bottom];
}

/** Noon, in UTC, of the day that the viewer's calendar shows. */
function viewersDayAsUtc(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate(), 12);
}
