import { useEffect, useRef } from 'react';
import { Link } from 'react-router';

import { text } from '@/shared/text';

import { nameOfChoice, noon } from '../lib/days';
import type { Filters } from '../lib/film-filters';

interface DayStripProps {
  days: readonly string[];
  /** Of the theaters whose days they are. */
  timeZones: readonly string[];
  chosen: string | undefined;
  now: number;
  addressWith: (change: Partial<Filters>) => string;
}

/** The coming days as links, so that each can be shared and opened apart. */
export function DayStrip({ days, timeZones, chosen, now, addressWith }: DayStripProps) {
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
            day === undefined ? [text.films.days.all, text.films.days.allHint] : words(day, timeZones, now);
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

/** Today over 2 Dec, Sat over 5 Dec: a calendar day, named as the calendars of the theaters stand. */
function words(day: string, timeZones: readonly string[], now: number): [string, string] {
  const date = new Date(noon(day));
  const weekday = date.toLocaleDateString(text.locale, { weekday: 'short', timeZone: 'UTC' });
  const bottom = date.toLocaleDateString(text.locale, { day: 'numeric', month: 'short', timeZone: 'UTC' });
  return [nameOfChoice(day, timeZones, now) ?? weekday, bottom];
}
