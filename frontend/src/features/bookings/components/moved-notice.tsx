import type { Booking } from '@/api/bookings';
import { Notice } from '@/shared/components/notice';
import { formatDate, formatTime } from '@/shared/lib/format';
import { text } from '@/shared/text';

/** Says that a showtime was moved since it was booked, and for how long a ticket can be cancelled therefore. */
export function MovedNotice({ booking }: { booking: Booking }) {
  const { moved_from: before, status, showtime } = booking;
  if (!before || Date.parse(before) === Date.parse(showtime.starts_at)) return null;
  const zone = booking.theater.time_zone;
  const time = (instant: string) => `${formatDate(instant, zone)}, ${formatTime(instant, zone)}`;
  const { title, times, free } = text.bookings.moved;
  return (
    <Notice tone="warn" title={title}>
      <p>{times(time(before), time(showtime.starts_at))}</p>
      {status === 'confirmed' && showtime.status === 'scheduled' && <p>{free}</p>}
    </Notice>
  );
}
