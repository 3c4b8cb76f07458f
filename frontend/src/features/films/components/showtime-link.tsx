import { Link } from 'react-router';

import { formatMoney, timeParts } from '@/shared/lib/format';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import type { Showtime } from '../api/film';
import { saleOf } from '../lib/showtimes';

const words = text.films.showtime;
const FEW = 20;
const SHAPE = 'flex min-h-11 flex-col gap-0.5 rounded-xl border px-4 py-3';

export function ShowtimeLink({ showtime, now }: { showtime: Showtime; now: number }) {
  const { id, starts_at, seats_left, auditorium, theater, price_from: price } = showtime;
  const { time_zone, currency } = theater;
  const { time, zone } = timeParts(starts_at, time_zone);
  const sale = saleOf(showtime, now);
  const facts = (
    <>
      <span className={`text-xl font-semibold tabular-nums ${sale === 'cancelled' ? 'line-through' : ''}`}>
        <time dateTime={starts_at}>{time}</time>
        {zone && <span className="text-sm font-normal whitespace-nowrap text-muted"> {zone}</span>}
      </span>{' '}
      <span className="text-sm text-muted">{auditorium}</span>{' '}
    </>
  );
  if (sale === 'started' || sale === 'cancelled')
    return (
      <div className={`${SHAPE} border-dashed border-line text-muted`}>
        {facts}
        <span className="text-sm font-medium">{sale === 'started' ? words.started : words.cancelled}</span>
      </div>
    );
  return (
    <Link
      to={paths.showtime(id)}
      className={`${SHAPE} transition-colors ${
        sale === 'on'
          ? 'border-line bg-surface hover:border-accent hover:bg-raised'
          : 'border-line bg-raised hover:border-edge'
      }`}
    >
      {facts}
      <span className="flex flex-wrap justify-between gap-x-3 text-sm">
        {sale === 'sold-out' ? (
          <span className="font-semibold text-bad">{words.soldOut}</span>
        ) : (
          <span className={seats_left <= FEW ? 'font-semibold text-warn' : 'text-good'}>
            {words.seatsLeft(seats_left)}
          </span>
        )}{' '}
        {sale === 'on' && price !== null && (
          <span className="text-muted">{words.from(formatMoney(price, currency))}</span>
        )}
      </span>
    </Link>
  );
}
