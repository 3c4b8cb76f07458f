-- A showtime as the page of its seats needs it, in one call.

-- {id, starts_at, ends_at, status, revision, movie: {slug, title}, auditorium: {id, name, layout_version},
--  theater: {slug, name, city, country, time_zone, currency}, prices: [{kind, price}], seat_limit, pending_booking_id,
--  server_time}
-- A kind without a price is not on sale. seat_limit: seats that one person may have there. pending_booking_id: the
-- caller's booking that waits to be paid, or null. revision: how often its time or its place has changed. Raises
-- unknown_showtime. Kept as long as seat_states.
create function public.showtime(showtime_id bigint) returns json
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_user uuid := private.user_id();
  v_now timestamptz := private.now();
  v_showtime json;
begin
  select json_build_object(
    'id', t.id, 'starts_at', t.starts_at, 'ends_at', t.ends_at, 'status', t.status, 'revision', t.revision,
    'movie', json_build_object('slug', m.slug, 'title', m.title),
    'auditorium', json_build_object('id', a.id, 'name', a.name, 'layout_version', a.layout_version),
    'theater', json_build_object('slug', h.slug, 'name', h.name, 'city', h.city, 'country', h.country,
                                 'time_zone', h.time_zone, 'currency', h.currency),
    'prices', (
      select coalesce(json_agg(json_build_object('kind', p.kind, 'price', p.price) order by p.kind), '[]')
      from public.showtime_prices p where p.showtime_id = t.id),
    'seat_limit', (select c.seats_per_customer from private.settings c where c.singleton),
    'pending_booking_id', (
      select b.id from public.bookings b
      where b.showtime_id = t.id and b.user_id = v_user and b.status = 'pending' and b.expires_at > v_now),
    'server_time', v_now)
  into v_showtime
  from public.showtimes t
  join public.movies m on m.id = t.movie_id
  join public.auditoriums a on a.id = t.auditorium_id
  join public.theaters h on h.id = a.theater_id
  where t.id = showtime.showtime_id;
  if v_showtime is null then
    perform private.raise_api_error('unknown_showtime');
  end if;
  perform private.set_cache_control_by_caller(v_user);
  return v_showtime;
end
$$;

grant execute on function public.showtime(bigint) to anon, authenticated;
