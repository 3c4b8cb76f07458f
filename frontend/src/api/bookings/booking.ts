import { queryOptions } from '@tanstack/react-query';

import { query } from '../data';
import { ApiError } from '../errors';
import { clockSet } from '../server-clock';
import { supabase } from '../supabase';

const WITH_ALL =
  '*, cancellable_until, moved_from, refundable_amount, booking_seats(*), payments(*), refunds(*), disputes(*), showtimes(id, starts_at, ends_at, status, movies(title, slug, certificate, length_minutes), auditoriums(name, theaters(name, address, city, time_zone)))';

/** A booking of the viewer's own, with its seats, its money, and what it is for. */
export type Booking = Awaited<ReturnType<typeof fetchBooking>>;
export type Refund = Booking['refunds'][number];
export type Dispute = Booking['disputes'][number];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MOST = 200;

/** Raises unknown_booking for another customer's booking, too. */
async function fetchBooking(id: string) {
  if (!UUID.test(id)) throw new ApiError('unknown_booking');
  const reading = query(
    supabase
      .from('bookings')
      .select(WITH_ALL)
      .eq('id', id)
      .order('seat_id', { referencedTable: 'booking_seats' })
      .order('created_at', { referencedTable: 'refunds' }),
  );
  // Whether it is over, or may still be paid or cancelled, is told by the time.
  const [rows] = await Promise.all([reading, clockSet()]);
  const [booking] = rows;
  if (!booking) throw new ApiError('unknown_booking');
  return booking;
}

/** The latest of the viewer's bookings. */
async function fetchBookings() {
  const reading = query(
    supabase
      .from('bookings')
      .select(WITH_ALL)
      .order('created_at', { ascending: false })
      .order('seat_id', { referencedTable: 'booking_seats' })
      .limit(MOST),
  );
  const [rows] = await Promise.all([reading, clockSet()]);
  return rows;
}

const KEY = 'bookings';

export const allBookings = { queryKey: [KEY] };

export const bookingQuery = (id: string) =>
  queryOptions({ queryKey: [KEY, id], queryFn: () => fetchBooking(id), staleTime: 0 });

export const bookingsQuery = queryOptions({ queryKey: [KEY, 'all'], queryFn: fetchBookings, staleTime: 0 });
