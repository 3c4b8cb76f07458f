import type { ReactNode } from 'react';

import type { Booking } from '@/api/bookings';
import { formatDate, formatMoney, formatTime } from '@/shared/lib/format';
import { text } from '@/shared/text';

/** What was booked: film, place, time there, seats with their prices, total. */
export function BookingFacts({
  booking,
  withReference = false,
}: {
  booking: Booking;
  withReference?: boolean;
}) {
  const { showtime, movie, theater, auditorium, seats, currency } = booking;
  const { facts, kinds, seat: seatName } = text.bookings;
  return (
    <div>
      <p className="font-display text-2xl text-balance">{movie.title}</p>
      <dl className="mt-4 flex flex-col gap-3">
        {withReference && (
          <Fact name={facts.reference}>
            <span className="font-mono text-lg tracking-widest">{booking.reference}</span>
          </Fact>
        )}
        <Fact name={facts.time}>
          {formatDate(showtime.starts_at, theater.time_zone)},{' '}
          <strong>{formatTime(showtime.starts_at, theater.time_zone)}</strong>
        </Fact>
        <Fact name={facts.theater}>
          {theater.name}, {auditorium}
          <span className="block text-sm text-muted">
            {theater.address.includes(theater.city) ? theater.address : `${theater.address}, ${theater.city}`}
          </span>
        </Fact>
        <Fact name={facts.seats(seats.length)}>
          <ul>
            {seats.map((seat) => (
              <li key={seat.seat_id} className="flex justify-between gap-4">
                <span>
                  {seatName(seat.row, seat.number)}
                  {kinds[seat.kind] && <span className="text-muted"> · {kinds[seat.kind]}</span>}
                </span>
                <span className="tabular-nums">{formatMoney(seat.price, currency)}</span>
              </li>
            ))}
          </ul>
        </Fact>
        <div className="flex justify-between gap-4 border-t border-line pt-3 text-lg font-semibold">
          <dt>{facts.total}</dt>
          <dd className="tabular-nums">{formatMoney(booking.total, currency)}</dd>
        </div>
      </dl>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-sm text-muted">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
