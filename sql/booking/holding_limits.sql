-- Limits on holding seats and not buying them, so that nobody keeps a showtime from others for nothing: what is
-- refused, and why. The numbers are in private.settings; what needs no look into the past (seats per customer, seats
-- a minute) is in lock_seats itself.
--
--   too_many_held      seats held and unpaid, over all showtimes
--   holding_paused     time for which seats of a showtime were held within an hour and not bought; the last selection,
--                      and the time to pay, are cut to what is left of it
--   seat_cooldown      the same seat, by who held it for long and did not buy it; other seats they may have at once
--   too_many_unpaid    bookings left unpaid, in a day
--   too_many_returned  bookings paid and cancelled, in a month: Stripe keeps its fees, so staff decide
--
-- Time is counted and not holds, so that neither releasing just before the end, nor choosing other seats, nor passing
-- seats on among accounts gains any. Ended holds are read where they are: some in seat_locks, older ones in the
-- history.
-- All is exact, because a customer's calls take turns at all showtimes (private.lock_customer).

-- What somebody held at a showtime, or holds, and has not bought, as far as the limits look back.
create function private.unbought_holds(p_showtime_id bigint, p_user_id uuid, p_now timestamptz)
returns table (seat_id bigint, held tstzrange, ran_out boolean)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_since timestamptz;
begin
  select p_now - interval '1 hour' - c.lock_duration - c.payment_duration into strict v_since
  from private.settings c where c.singleton;
  return query
  select h.seat_id, h.held, upper(h.held) <= p_now and (h.end_reason is null or h.end_reason = 'expired')
  from (select l.seat_id, l.booking_id, l.held, l.end_reason from public.seat_locks l
        where l.user_id = p_user_id and l.showtime_id = p_showtime_id and not upper_inf(l.held)
        union all
        select a.seat_id, a.booking_id, a.held, a.end_reason from private.seat_lock_history a
        where a.user_id = p_user_id and a.showtime_id = p_showtime_id
          and a.id > extract(epoch from v_since) * 1000000) h
  where h.end_reason is null or h.end_reason in ('released', 'expired')
    -- Of a booking that was given up. What was paid and cancelled had been bought.
    or h.end_reason = 'cancelled'
      and not exists (select from public.bookings b
                      where b.showtime_id = p_showtime_id and b.id = h.booking_id and b.confirmed_at is not null);
end
$$;

-- The times of the last hour in which somebody held any seat of a showtime that they have not bought; null for none.
create function private.holding_times(p_showtime_id bigint, p_user_id uuid, p_now timestamptz) returns tstzmultirange
language plpgsql stable set search_path = '' as $$
begin
  return (select range_agg(h.held) * tstzmultirange(tstzrange(p_now - interval '1 hour', p_now))
          from private.unbought_holds(p_showtime_id, p_user_id, p_now) h);
end
$$;

-- How long somebody may hold those seats now who held some there before: p_new when it is a new selection. One that is
-- there keeps its end, whatever is added. Raises seat_cooldown, holding_paused.
create function private.selection_time(
  p_showtime_id bigint, p_user_id uuid, p_seat_ids bigint[], p_new boolean, p_now timestamptz) returns interval
language plpgsql stable set search_path = '' as $$
declare
  -- A selection shorter than that is of no use to anybody.
  c_shortest constant interval := '2 minutes';
  v_settings private.settings;
  v_shortest interval;
  v_cooling bigint[];
  v_until timestamptz;
  v_used interval;
begin
  select * into strict v_settings from private.settings c where c.singleton;
  -- A seat that was held to the end, or half a selection's time in all. Less is an ordinary change of mind.
  select array_agg(s.seat_id order by s.seat_id), max(s.until) into v_cooling, v_until
  from (select h.seat_id, max(upper(h.held)) + v_settings.seat_cooldown as until
        from private.unbought_holds(p_showtime_id, p_user_id, p_now) h
        where h.seat_id = any (p_seat_ids)
        group by h.seat_id
        having bool_or(h.ran_out) or sum(upper(h.held) - lower(h.held)) >= v_settings.lock_duration / 2) s
  where s.until > p_now;
  if v_cooling is not null then
    perform private.raise_api_error('seat_cooldown', jsonb_build_object(
      'seat_ids', v_cooling, 'retry_after', ceil(extract(epoch from v_until - p_now))));
  elsif not p_new or v_settings.holding_time_per_hour is null then
    return v_settings.lock_duration;
  end if;
  v_shortest := least(c_shortest, v_settings.holding_time_per_hour);

  -- The time of the last hour in which anything was held, and when enough of it will have left the hour.
  select max(t.used), min(t.ends - (t.used_till_then - t.excess)) filter (where t.used_till_then >= t.excess)
  into v_used, v_until
  from (select s.*, s.used - (v_settings.holding_time_per_hour - v_shortest) as excess
        from (select upper(r) as ends, sum(upper(r) - lower(r)) over (order by lower(r)) as used_till_then,
                     sum(upper(r) - lower(r)) over () as used
              from unnest(private.holding_times(p_showtime_id, p_user_id, p_now)) r) s) t;
  if v_used > v_settings.holding_time_per_hour - v_shortest then
    perform private.raise_api_error('holding_paused', jsonb_build_object(
      'retry_after', ceil(extract(epoch from v_until + interval '1 hour' - p_now))));
  end if;
  return least(v_settings.lock_duration, v_settings.holding_time_per_hour - coalesce(v_used, '0'));
end
$$;

-- How long somebody has to pay for the seats that they hold: payment_duration, or what is left of the time for which
-- they may hold seats of that showtime. Else beginning to pay would be a way to hold them for longer.
create function private.time_to_pay(p_showtime_id bigint, p_user_id uuid, p_now timestamptz) returns interval
language plpgsql stable set search_path = '' as $$
declare
  -- Whoever chose in time can pay, so all of it together is up to that much longer.
  c_shortest constant interval := '2 minutes';
  v_settings private.settings;
  v_used interval;
begin
  select * into strict v_settings from private.settings c where c.singleton;
  if v_settings.holding_time_per_hour is null then
    return v_settings.payment_duration;
  end if;
  select sum(upper(r) - lower(r)) into v_used from unnest(private.holding_times(p_showtime_id, p_user_id, p_now)) r;
  return least(v_settings.payment_duration,
               greatest(c_shortest, v_settings.holding_time_per_hour - coalesce(v_used, '0')));
end
$$;

-- Refuses more seats to who holds as many as one person may, and says where. Always raises too_many_held.
create function private.refuse_more_held(p_user_id uuid, p_limit integer, p_now timestamptz) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.raise_api_error('too_many_held', jsonb_build_object('limit', p_limit, 'showtime_ids', array(
    select distinct l.showtime_id from public.seat_locks l
    where l.user_id = p_user_id and upper(l.held) > p_now and not upper_inf(l.held) order by l.showtime_id)));
end
$$;

-- Refuses another booking to who left too many unpaid, or returned too many. What the cinema cancelled, and what was
-- paid too late, counts for neither; nor does returning what the cinema moved. Raises account_blocked,
-- too_many_unpaid, too_many_returned.
create function private.require_bookings_left(p_user_id uuid, p_now timestamptz) returns void
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_settings private.settings;
  v_unpaid_limit integer;
  v_unpaid timestamptz[];
  v_returned timestamptz[];
begin
  select * into strict v_settings from private.settings c where c.singleton;
  if exists (select from public.users u where u.id = p_user_id and u.blocked_at is not null) then
    perform private.raise_api_error('account_blocked');
  end if;
  v_unpaid_limit := case
    when exists (select from public.users u where u.id = p_user_id and u.email_verified_at is null)
      then least(v_settings.unpaid_bookings_per_day, v_settings.unproved_unpaid_bookings_per_day)
    else v_settings.unpaid_bookings_per_day end;
  select array_agg(b.created_at order by b.created_at desc) filter (
           where b.confirmed_at is null and b.created_at > p_now - interval '1 day'
             and (b.status in ('expired', 'cancelled') or b.status = 'pending' and b.expires_at <= p_now)
             and not exists (select from public.payments p
                             where p.showtime_id = b.showtime_id and p.booking_id = b.id and p.status = 'succeeded')),
         array_agg(b.cancelled_at order by b.cancelled_at desc) filter (
           where b.cancelled_at > p_now - interval '30 days' and b.confirmed_at is not null
             and private.moved_from(b) is null
             and exists (select from public.refunds r
                         where r.showtime_id = b.showtime_id and r.booking_id = b.id
                           and r.reason = 'cancelled_by_customer'))
  into v_unpaid, v_returned
  from public.bookings b
  join public.showtimes t on t.id = b.showtime_id
  where b.user_id = p_user_id and t.status = 'scheduled';
  if cardinality(v_returned) >= v_settings.returned_bookings_per_month then
    perform private.raise_api_error('too_many_returned', jsonb_build_object(
      'limit', v_settings.returned_bookings_per_month,
      'retry_after',
      ceil(extract(epoch from v_returned[v_settings.returned_bookings_per_month] + interval '30 days' - p_now))));
  elsif cardinality(v_unpaid) >= v_unpaid_limit then
    perform private.raise_api_error('too_many_unpaid', jsonb_build_object(
      'limit', v_unpaid_limit,
      'retry_after', ceil(extract(epoch from v_unpaid[v_unpaid_limit] + interval '1 day' - p_now))));
  end if;
end
$$;
