-- The seat map of a showtime as one viewer sees it, in one round trip.

-- {showtime_id, server_time, currency, seat_limit, pending_booking_id,
--  seats: [{id, row, number, x, y, kind, price, state, lock_id, expires_at}]}
-- seat_limit: seats that one person may have there. pending_booking_id: the caller's booking that waits to be paid, or
-- null. state: free; locked (held by another); booked (sold to another); mine (held by the caller, or sold to them
-- when expires_at is null). price is null for a seat that is not for sale. lock_id is null for what is free or booked:
-- it would tell when each sale began, and who bought together. expires_at is exact for what is the caller's and rounded
-- up to the minute for what is not. Raises unknown_showtime. Kept as long as seat_states. Who reads it again and again
-- is answered a twentieth of it by seat_states.
-- A seat is aggregated as a row, which takes two thirds of the time of json_build_object. Locks are read at once and
-- not for each seat, and private.expiry_for_others is written out: a call of it costs as much as a seat.
create function public.seat_map(showtime_id bigint) returns json
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_user uuid := private.user_id();
  v_now timestamptz := private.now();
  v_map json;
begin
  select json_build_object(
    'showtime_id', t.id, 'server_time', v_now, 'currency', h.currency,
    'seat_limit', (select c.seats_per_customer from private.settings c where c.singleton),
    'pending_booking_id', (
      select b.id from public.bookings b
      where b.showtime_id = t.id and b.user_id = v_user and b.status = 'pending' and b.expires_at > v_now),
    'seats', (
      select coalesce(json_agg(seat order by seat.y, seat.x), '[]')
      from (
        select s.id, s.row_label as row, s.number, s.x, s.y, s.kind, p.price,
               case when l.id is null then 'free' when l.user_id = v_user then 'mine'
                    when upper_inf(l.held) then 'booked' else 'locked' end as state,
               case when l.user_id = v_user or not upper_inf(l.held) then l.id end as lock_id,
               case when l.user_id = v_user then upper(l.held)
                    else to_timestamp(ceil(extract(epoch from upper(l.held)) / 60) * 60) end as expires_at
        from public.seats s
        left join public.showtime_prices p on p.showtime_id = t.id and p.kind = s.kind
        left join (
          select * from public.seat_locks o where o.showtime_id = seat_map.showtime_id and o.held @> v_now offset 0) l
          on l.seat_id = s.id
        where s.auditorium_id = t.auditorium_id) seat))
  into v_map
  from public.showtimes t
  join public.auditoriums a on a.id = t.auditorium_id
  join public.theaters h on h.id = a.theater_id
  where t.id = seat_map.showtime_id;
  if v_map is null then
    perform private.raise_api_error('unknown_showtime');
  end if;
  perform private.set_cache_control_by_caller(v_user);
  return v_map;
end
$$;

grant execute on function public.seat_map(bigint) to anon, authenticated;
