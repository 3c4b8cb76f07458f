-- What people read of their own bookings. Answers are theirs alone, so no cache keeps them.

-- {id, reference, status, total, currency, created_at, expires_at, confirmed_at, cancelled_at,
--  seats: [{seat_id, row, number, kind, price}], refunds: [{id, amount, currency, reason, status, created_at,
--  updated_at}], showtime: {id, starts_at, ends_at, status, revision}, movie: {slug, title, certificate,
--  length_minutes}, theater: {slug, name, address, city, time_zone}, auditorium}
-- Seats stand in the order of rows and numbers, refunds in the order of time. A pending booking past expires_at has
-- expired, whether a sweep has come by or not.
create function private.booking_summary(p_booking public.bookings) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', (p_booking).id, 'reference', (p_booking).reference, 'status', (p_booking).status,
    'total', (p_booking).total, 'currency', (p_booking).currency, 'created_at', (p_booking).created_at,
    'expires_at', (p_booking).expires_at, 'confirmed_at', (p_booking).confirmed_at,
    'cancelled_at', (p_booking).cancelled_at,
    'seats', (
      select jsonb_agg(jsonb_build_object('seat_id', s.seat_id, 'row', s.row_label, 'number', s.number,
                                          'kind', s.kind, 'price', s.price)
                       order by char_length(s.row_label), s.row_label, s.number)
      from public.booking_seats s
      where s.showtime_id = (p_booking).showtime_id and s.booking_id = (p_booking).id),
    'refunds', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', r.id, 'amount', r.amount, 'currency', r.currency, 'reason', r.reason, 'status', r.status,
        'created_at', r.created_at, 'updated_at', r.updated_at) order by r.created_at, r.id), '[]')
      from public.refunds r
      where r.showtime_id = (p_booking).showtime_id and r.booking_id = (p_booking).id),
    'showtime', jsonb_build_object('id', t.id, 'starts_at', t.starts_at, 'ends_at', t.ends_at, 'status', t.status,
                                   'revision', t.revision),
    'movie', jsonb_build_object('slug', m.slug, 'title', m.title, 'certificate', m.certificate,
                                'length_minutes', m.length_minutes),
    'theater', jsonb_build_object('slug', h.slug, 'name', h.name, 'address', h.address, 'city', h.city,
                                  'time_zone', h.time_zone),
    'auditorium', a.name)
  from public.showtimes t
  join public.movies m on m.id = t.movie_id
  join public.auditoriums a on a.id = t.auditorium_id
  join public.theaters h on h.id = a.theater_id
  where t.id = (p_booking).showtime_id
$$;

-- What private.booking_summary says, and {cancellable_until, moved_from, refundable_amount, payments: [{id,
-- payment_intent_id, amount, currency, status, amount_received, currency_received, settles_booking, failure_code,
-- created_at, paid_at}], disputes: [{id, amount, currency, reason, status, created_at, updated_at, closed_at}]}
create function private.booking_details(p_booking public.bookings) returns jsonb
language sql stable set search_path = '' as $$
  select private.booking_summary(p_booking) || jsonb_build_object(
    'cancellable_until', private.cancellable_until(p_booking), 'moved_from', private.moved_from(p_booking),
    'refundable_amount', private.refundable_amount(p_booking),
    'payments', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', p.id, 'payment_intent_id', p.payment_intent_id, 'amount', p.amount, 'currency', p.currency,
        'status', p.status, 'amount_received', p.amount_received, 'currency_received', p.currency_received,
        'settles_booking', p.settles_booking, 'failure_code', p.failure_code, 'created_at', p.created_at,
        'paid_at', p.paid_at) order by p.created_at, p.id), '[]')
      from public.payments p
      where p.showtime_id = (p_booking).showtime_id and p.booking_id = (p_booking).id),
    'disputes', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', d.id, 'amount', d.amount, 'currency', d.currency, 'reason', d.reason, 'status', d.status,
        'created_at', d.created_at, 'updated_at', d.updated_at, 'closed_at', d.closed_at)
        order by d.created_at, d.id), '[]')
      from public.disputes d
      where d.showtime_id = (p_booking).showtime_id and d.booking_id = (p_booking).id))
$$;

-- The caller's bookings, the latest first: {server_time, bookings: [private.booking_summary], more, after}. more:
-- whether older ones are left; after: what gets them when it is asked with, or null. A page holds 100 at the most.
-- Raises sign_in_required, invalid_request with the argument.
create function public.my_bookings(after text default null, max_rows integer default 20) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' set enable_seqscan = off as $$
declare
  v_user uuid := private.require_user_id();
  v_question constant text := 'my_bookings';
  v_place jsonb;
  v_page public.bookings[];
  v_more boolean;
begin
  perform private.set_cache_control('private, no-store');
  if my_bookings.max_rows is null or my_bookings.max_rows not between 1 and 100 then
    perform private.refuse_argument('max_rows');
  end if;
  v_place := private.read_cursor(my_bookings.after, v_question, '{"created_at": "timestamptz", "id": "uuid"}');
  v_page := array(
    select b from public.bookings b
    where b.user_id = v_user and (b.created_at, b.id) < (
      coalesce((v_place ->> 'created_at')::timestamptz, 'infinity'),
      coalesce((v_place ->> 'id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
    order by b.created_at desc, b.id desc limit my_bookings.max_rows + 1);
  v_more := cardinality(v_page) > my_bookings.max_rows;
  return jsonb_build_object(
    'server_time', private.now(),
    'bookings', (
      select coalesce(jsonb_agg(private.booking_summary(v_page[n]) order by n), '[]')
      from generate_series(1, least(cardinality(v_page), my_bookings.max_rows)) n),
    'more', v_more,
    'after', case when v_more then private.write_cursor(v_question, jsonb_build_object(
      'created_at', v_page[my_bookings.max_rows].created_at, 'id', v_page[my_bookings.max_rows].id)) end);
end
$$;

-- One of the caller's bookings: private.booking_details and {server_time}. Raises sign_in_required, unknown_booking.
create function public.my_booking(booking_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' set enable_seqscan = off as $$
declare
  v_user uuid := private.require_user_id();
  v_booking public.bookings;
begin
  perform private.set_cache_control('private, no-store');
  select * into v_booking from public.bookings b where b.id = my_booking.booking_id and b.user_id = v_user;
  if not found then
    perform private.raise_api_error('unknown_booking');
  end if;
  return private.booking_details(v_booking) || jsonb_build_object('server_time', private.now());
end
$$;

grant execute on function public.my_bookings(text, integer), public.my_booking(uuid) to anon, authenticated;
