import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';

import { adjustClock } from '@/shared/lib/clock';

import { queryAs } from '../data';
import { ApiError } from '../errors';
import { supabase } from '../supabase';
import { bookingSchema, bookingsPageSchema, type Booking } from './shapes';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ROWS = 50;

/** Raises unknown_booking for another customer's booking, too. */
async function fetchBooking(id: string): Promise<Booking> {
  if (!UUID.test(id)) throw new ApiError('unknown_booking');
  return withClock(() =>
    queryAs(bookingSchema, supabase.rpc('my_booking', { booking_id: id }, { get: true })),
  );
}

/** The viewer's bookings, the latest first, from where an earlier page ended. */
const fetchBookings = (after: string | undefined) =>
  withClock(() =>
    queryAs(
      bookingsPageSchema,
      supabase.rpc('my_bookings', after === undefined ? { max_rows: ROWS } : { after, max_rows: ROWS }, {
        get: true,
      }),
    ),
  );

/** Set the page's clock by an answer: whether a booking is over, or may still be paid, is told by the time. */
async function withClock<T extends { server_time: string }>(read: () => Promise<T>): Promise<T> {
  const askedAt = performance.now();
  const answer = await read();
  adjustClock(answer.server_time, askedAt);
  return answer;
}

const KEY = 'bookings';

export const allBookings = { queryKey: [KEY] };

export const bookingQuery = (id: string) =>
  queryOptions({ queryKey: [KEY, id], queryFn: () => fetchBooking(id), staleTime: 0 });

export const bookingsQuery = infiniteQueryOptions({
  queryKey: [KEY, 'all'],
  queryFn: ({ pageParam }) => fetchBookings(pageParam),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: ({ after }) => after,
  select: ({ pages }) => pages.flatMap(({ bookings }) => bookings),
  staleTime: 0,
});
