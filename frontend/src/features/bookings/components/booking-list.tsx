import { Link } from 'react-router';

import type { BookingSummary } from '@/api/bookings';
import { ButtonLink } from '@/shared/components/button';
import { formatDate, formatMoney, formatTime } from '@/shared/lib/format';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

import { isUnderWay, refundSentence } from '../lib/refund-text';
import { bookingStatus } from '../lib/booking-status';

interface BookingListProps {
  title: string;
  bookings: readonly BookingSummary[];
  /** The server's time in milliseconds. */
  now: number;
}

export function BookingList({ title, bookings, now }: BookingListProps) {
  if (bookings.length === 0) return null;
  return (
    <section className="mt-10 first:mt-0">
      <h2 className="font-display text-2xl">{title}</h2>
      <ul className="mt-4 grid gap-4 lg:grid-cols-2">
        {bookings.map((booking) => (
          <Item key={booking.id} booking={booking} now={now} />
        ))}
      </ul>
    </section>
  );
}

function Item({ booking, now }: { booking: BookingSummary; now: number }) {
  const words = text.bookings;
  const { showtime, movie, theater, auditorium, seats } = booking;
  const status = bookingStatus(booking, now);
  const refund = booking.refunds.find(isUnderWay) ?? booking.refunds.at(-1);
  return (
    <li className="relative flex flex-col rounded-card border border-line bg-surface p-5 hover:border-edge">
      <p className={`text-sm font-semibold ${TONES[status]}`}>{words.status[status]}</p>
      <Link
        to={status === 'pending' ? paths.checkout(booking.id) : paths.booking(booking.id)}
        className="mt-1 font-display text-xl text-balance after:absolute after:inset-0 after:rounded-card hover:underline"
      >
        {movie.title}
      </Link>
      <p className="mt-1">
        {formatDate(showtime.starts_at, theater.time_zone)},{' '}
        {formatTime(showtime.starts_at, theater.time_zone)}
      </p>
      <p className="text-muted">
        {theater.name}, {auditorium}
      </p>
      <p className="text-muted">
        {words.seatCount(seats.length)} · {formatMoney(booking.total, booking.currency)} ·{' '}
        <span className="font-mono tracking-wider">{booking.reference}</span>
      </p>
      {refund && <p className="mt-2 text-sm">{refundSentence(refund, theater.time_zone)}</p>}
      {status === 'pending' && (
        <ButtonLink to={paths.checkout(booking.id)} className="relative z-1 mt-4 self-start">
          {words.finishPaying}
        </ButtonLink>
      )}
    </li>
  );
}

const TONES: Record<ReturnType<typeof bookingStatus>, string> = {
  pending: 'text-warn',
  confirmed: 'text-good',
  past: 'text-muted',
  expired: 'text-muted',
  cancelled: 'text-muted',
  refunded: 'text-muted',
  showtimeCancelled: 'text-bad',
};
