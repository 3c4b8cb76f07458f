-- What of a showtime changes by the second, apart from what does not: who watches a seat map asks for the layout once
-- (catalog/seat_layout.sql), for the showtime once, and for this again and again.

-- {showtime_id, server_time, revision, layout_version, pending_booking_id, booked: [seat id],
--  locked: [[seat id]], lock_ids: [id], expiries: [seconds since 1970], mine: [{seat_id, lock_id, expires_at}],
--  blocked: [seat id]}
-- Seats that are named nowhere are free, if their kind has a price. locked, lock_ids and expiries are parallel: an
-- entry is a lock of somebody else with its seats, its id and its end, rounded up to the minute. mine is what the
-- caller holds, or has bought when expires_at is null. blocked are seats that are taken off sale; there is no way yet
-- to do so. pending_booking_id: the caller's booking that waits to be paid, or null. revision and layout_version say
-- whether the showtime and the layout that a page has are the present ones. Raises unknown_showtime.
--
-- Aggregates take the order of what they are given, which spares sorting each. Seats are arrays, which become JSON
-- without the blanks that json_agg puts between numbers.
create function public.seat_states(showtime_id bigint) returns json
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_user uuid := private.user_id();
  v_now timestamptz := private.now();
  v_states json;
begin
  with live as materialized (
    select l.seat_id, l.id, upper(l.held) as ends_at, l.user_id = v_user as mine
    from public.seat_locks l
    where l.showtime_id = seat_states.showtime_id and l.held @> v_now
    order by l.seat_id
  )
  select json_build_object(
    'showtime_id', t.id, 'server_time', v_now, 'revision', t.revision, 'layout_version', a.layout_version,
    'pending_booking_id', (
      select b.id from public.bookings b
      where b.showtime_id = t.id and b.user_id = v_user and b.status = 'pending' and b.expires_at > v_now),
    'booked', coalesce(taken.booked, '{}'),
    'locked', held.seat_ids, 'lock_ids', held.ids, 'expiries', held.expiries,
    'mine', coalesce(taken.mine, '[]'),
    'blocked', json '[]')
  into v_states
  from public.showtimes t
  join public.auditoriums a on a.id = t.auditorium_id
  cross join (
    select array_agg(l.seat_id) filter (where l.ends_at is null and l.mine is not true) as booked,
           json_agg(json_build_object('seat_id', l.seat_id, 'lock_id', l.id, 'expires_at', l.ends_at))
             filter (where l.mine) as mine
    from live l) taken
  cross join (
    select coalesce(json_agg(g.seat_ids), '[]') as seat_ids, coalesce(array_agg(g.id), '{}') as ids,
           coalesce(array_agg(g.expiry), '{}') as expiries
    from (select l.id, ceil(extract(epoch from l.ends_at) / 60)::bigint * 60 as expiry, array_agg(l.seat_id) as seat_ids
          from live l
          where l.ends_at is not null and l.mine is not true
          group by l.id, l.ends_at
          order by l.id, l.ends_at) g) held
  where t.id = seat_states.showtime_id;
  if v_states is null then
    perform private.raise_api_error('unknown_showtime');
  end if;
  perform private.set_cache_control_by_caller(v_user);
  return v_states;
end
$$;

grant execute on function public.seat_states(bigint) to anon, authenticated;
