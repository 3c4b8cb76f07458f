-- The sweep. Nothing waits for it: locks die by the clock. It informs viewers that seats came free, ends unpaid
-- bookings, keeps the hot tables small and the listings fresh. Run every five seconds by pg_cron and by the worker; it
-- may run twice at once, or not for an hour.
--
-- Each booking and each step is a subtransaction of its own: one that raises is noted in private.sweep_failures and
-- undoes nothing else. What a sweep does at once is limited, so that it ends long before the Data API would end it.

-- What the sweep has done so far: one row.
create table private.sweeps (
  singleton boolean primary key default true,
  created_at timestamptz not null default private.now(),
  swept_until timestamptz not null default '-infinity',
  cleaned_at timestamptz not null default '-infinity',
  constraint there_is_one_row check (singleton)
);
alter table private.sweeps enable row level security;
insert into private.sweeps default values;

-- What the sweep could not do: a booking, or a whole step (then booking_id is null). A row goes when it succeeds, or a
-- day after it failed last. operational_metrics() counts them, and check_invariants() names those that stay.
create table private.sweep_failures (
  step text not null,
  booking_id uuid,
  error_code text not null,
  message text not null,
  times integer not null default 1,
  first_failed_at timestamptz not null,
  last_failed_at timestamptz not null,
  retry_at timestamptz not null,
  constraint one_row_per_step_and_booking unique nulls not distinct (step, booking_id)
);
comment on column private.sweep_failures.error_code is 'SQLSTATE.';
comment on column private.sweep_failures.retry_at is
  'A booking is passed by until then, so that one that always fails does not stand before all others. A step is not.';
alter table private.sweep_failures enable row level security;

-- Notes that a step, or a booking in it, raised. The pauses between the tries of a booking double up to an hour. A step
-- is tried at every sweep, or every hour, as before: everything depends on it. The database's log has a line for each
-- try of a booking, and for a step the first.
create function private.record_sweep_failure(
  p_step text, p_booking_id uuid, p_error_code text, p_message text, p_now timestamptz) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if p_booking_id is not null
    or not exists (select from private.sweep_failures f where f.step = p_step and f.booking_id is null) then
    raise warning 'sweep: % of booking % failed: % %', p_step, p_booking_id, p_error_code, p_message;
  end if;
  insert into private.sweep_failures as f
    (step, booking_id, error_code, message, first_failed_at, last_failed_at, retry_at)
  values (p_step, p_booking_id, p_error_code, left(p_message, 1000), p_now, p_now, p_now + interval '10 seconds')
  on conflict on constraint one_row_per_step_and_booking do update
  set error_code = excluded.error_code, message = excluded.message, times = f.times + 1,
      last_failed_at = excluded.last_failed_at,
      retry_at = p_now + least(interval '10 seconds' * 2 ^ least(f.times, 20), interval '1 hour');
end
$$;

-- Forgets that a step, or a booking in it, failed before.
create function private.clear_sweep_failure(p_step text, p_booking_id uuid) returns void
language sql volatile set search_path = '' as $$
  delete from private.sweep_failures f
  where f.step = p_step and f.booking_id is not distinct from p_booking_id
$$;

-- Informs viewers of each showtime which locks ran out between the two times.
create function private.broadcast_expired(p_since timestamptz, p_until timestamptz) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_row record;
  v_seats integer := 0;
begin
  for v_row in
    select l.showtime_id, array_agg(l.seat_id order by l.seat_id) as seat_ids,
           array_agg(l.id order by l.seat_id) as lock_ids
    from public.seat_locks l
    where upper(l.held) > p_since and upper(l.held) <= p_until and not upper_inf(l.held) and l.end_reason is null
    group by l.showtime_id order by l.showtime_id
  loop
    perform private.broadcast_showtime(v_row.showtime_id, 'seat:release', jsonb_build_object(
      'seat_ids', v_row.seat_ids, 'lock_ids', v_row.lock_ids, 'reason', 'expired'));
    v_seats := v_seats + cardinality(v_row.seat_ids);
  end loop;
  return v_seats;
end
$$;

-- Carries locks that ended before that time into the history. They stay a minute longer than their life, so that no
-- lock which a stalled transaction is still about to write, with a beginning in the past, can miss them.
create function private.archive_ended_locks(p_now timestamptz, p_max_rows integer) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_archived integer;
begin
  -- By their place in the table: joined by their key, a plan for so many rows would read the table whole for none.
  with moved as (
    delete from public.seat_locks l where l.ctid = any (array(
      select e.ctid from public.seat_locks e
      where upper(e.held) <= p_now - interval '1 minute' and not upper_inf(e.held)
      order by upper(e.held) limit p_max_rows for update skip locked))
    returning l.*
  )
  insert into private.seat_lock_history (showtime_id, id, seat_id, user_id, booking_id, held, end_reason)
  select m.showtime_id, m.id, m.seat_id, m.user_id, m.booking_id, m.held, coalesce(m.end_reason, 'expired') from moved m;
  get diagnostics v_archived = row_count;
  return v_archived;
end
$$;

-- Once a film was shown its sold seats are history as well, a day later (lock.shown).
create function private.archive_shown(p_now timestamptz, p_max_rows integer) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_archived integer;
begin
  with shown as (
    select l.showtime_id, l.user_id, l.seat_id, l.id, s.ends_at
    from public.showtimes s
    -- Showtime by showtime; joined at once, a plan would read one of the tables whole.
    cross join lateral (
      select sold.* from public.seat_locks sold
      where sold.showtime_id = s.id and upper_inf(sold.held) limit p_max_rows) l
    where s.ends_at < p_now - interval '1 day' limit p_max_rows
  ), moved as (
    delete from public.seat_locks l using shown s
    where l.showtime_id = s.showtime_id and l.user_id = s.user_id and l.seat_id = s.seat_id and l.id = s.id
    returning l.*, s.ends_at
  )
  insert into private.seat_lock_history (showtime_id, id, seat_id, user_id, booking_id, held, end_reason)
  select m.showtime_id, m.id, m.seat_id, m.user_id, m.booking_id,
         tstzrange(lower(m.held), greatest(m.ends_at, lower(m.held) + interval '1 microsecond')), 'shown'
  from moved m;
  get diagnostics v_archived = row_count;
  return v_archived;
end
$$;

-- Expires bookings whose time is over, the oldest first. Answers how many.
create function private.expire_bookings(p_now timestamptz) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_row record;
  v_done integer;
  v_expired integer := 0;
begin
  for v_row in
    select b.id, b.showtime_id, b.user_id, f.booking_id is not null as failed
    from public.bookings b
    left join private.sweep_failures f on f.step = 'expire_bookings' and f.booking_id = b.id
    where b.status = 'pending' and b.expires_at <= p_now and (f.retry_at <= p_now) is not false
    order by b.expires_at limit 300
  loop
    begin
      v_done := private.expire_if_unlocked(v_row.showtime_id, v_row.user_id, v_row.id, p_now);
      if v_row.failed and v_done > 0 then
        perform private.clear_sweep_failure('expire_bookings', v_row.id);
      end if;
      v_expired := v_expired + v_done;
    exception when others then
      perform private.record_sweep_failure('expire_bookings', v_row.id, sqlstate, sqlerrm, p_now);
    end;
  end loop;
  return v_expired;
end
$$;

-- Expires one booking unless its customer is busy with it at this moment; then the next sweep will. Answers how many.
create function private.expire_if_unlocked(p_showtime_id bigint, p_user_id uuid, p_booking_id uuid, p_now timestamptz)
returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_booking public.bookings;
begin
  if not private.try_lock_customer(p_showtime_id, p_user_id) then
    return 0;
  end if;
  select * into v_booking from public.bookings b
  where b.showtime_id = p_showtime_id and b.id = p_booking_id and b.status = 'pending' and b.expires_at <= p_now
  for update skip locked;
  if not found then
    return 0;
  end if;
  perform private.expire_booking(v_booking);
  return 1;
end
$$;

-- Cancels what was sold or is being paid for showtimes that the cinema has cancelled, and returns the money. Once it is
-- their turn it looks at the showtime anew and reads the clock: it may be on again by now, and what ends because it is
-- cancelled must not seem to have ended before (private.keep_refunded_cancelled).
create function private.refund_cancelled_showtimes(p_now timestamptz) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_row record;
  v_booking public.bookings;
begin
  for v_row in
    select b.id, b.showtime_id, b.user_id, f.booking_id is not null as failed
    from public.showtimes t
    join public.bookings b on b.showtime_id = t.id and b.status in ('pending', 'confirmed')
    left join private.sweep_failures f on f.step = 'refund_cancelled_showtimes' and f.booking_id = b.id
    where t.status = 'cancelled' and t.starts_at > p_now - interval '30 days' and (f.retry_at <= p_now) is not false
    limit 200
  loop
    begin
      if private.try_lock_customer(v_row.showtime_id, v_row.user_id) then
        select * into strict v_booking from public.bookings b
        where b.showtime_id = v_row.showtime_id and b.id = v_row.id for update;
        if v_booking.status in ('pending', 'confirmed')
          and exists (select from public.showtimes t where t.id = v_row.showtime_id and t.status = 'cancelled') then
          perform private.end_booking(v_booking, 'showtime_cancelled', private.now());
        end if;
        if v_row.failed then
          perform private.clear_sweep_failure('refund_cancelled_showtimes', v_row.id);
        end if;
      end if;
    exception when others then
      perform private.record_sweep_failure('refund_cancelled_showtimes', v_row.id, sqlstate, sqlerrm, p_now);
    end;
  end loop;
end
$$;

-- One sweep. A second one at the same time finds the row taken and leaves. Answers {seats_released, bookings_expired,
-- locks_archived, availability_broadcast}.
--
-- An end is announced only when no call in flight can move it any more: create_booking and confirm_booking judge by the
-- time at which they began, and may take until the end of the longest statement (8 s at the Data API). Else viewers
-- could receive that a seat came free after they received that it was sold. They count down by themselves meanwhile.
create function public.release_expired_locks(max_rows integer default 10000) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' set enable_seqscan = off as $$
declare
  c_longest_call constant interval := '10 seconds';
  -- The tidying has time for an hour.
  c_steps constant text[] := array['broadcast_expired', 'archive_ended_locks', 'broadcast_availability'];
  c_hourly_steps constant text[] := array['archive_shown', 'purge_rate_limits', 'abandon_emails', 'forget_failures'];
  v_step text;
  v_hourly boolean;
  v_now timestamptz;
  v_sweep private.sweeps;
  v_since timestamptz;
  v_expired integer;
  v_released integer := 0;
  v_archived integer := 0;
  v_broadcast integer := 0;
begin
  select * into v_sweep from private.sweeps for update skip locked;
  if not found then
    return jsonb_build_object('seats_released', 0, 'bookings_expired', 0, 'locks_archived', 0,
                              'availability_broadcast', 0);
  end if;
  v_now := private.now();
  v_since := v_sweep.swept_until;
  v_expired := private.expire_bookings(v_now);
  perform private.refund_cancelled_showtimes(v_now);
  v_hourly := v_sweep.cleaned_at < v_now - interval '1 hour';
  if v_hourly then
    v_sweep.cleaned_at := v_now;
  end if;
  foreach v_step in array c_steps || case when v_hourly then c_hourly_steps end loop
    begin
      case v_step
        when 'broadcast_expired' then
          v_released := private.broadcast_expired(v_since - c_longest_call, v_now - c_longest_call);
          v_sweep.swept_until := v_now;
        when 'archive_ended_locks' then
          -- Not what has yet to be announced, should that have failed.
          v_archived := private.archive_ended_locks(v_sweep.swept_until, release_expired_locks.max_rows);
        when 'broadcast_availability' then
          v_broadcast := private.broadcast_availability(v_since);
        when 'archive_shown' then
          if private.archive_shown(v_now, release_expired_locks.max_rows) >= release_expired_locks.max_rows then
            v_sweep.cleaned_at := '-infinity';  -- there may be more
          end if;
        when 'purge_rate_limits' then
          perform private.purge_rate_limits(v_now);
        when 'abandon_emails' then
          perform private.abandon_emails(v_now);
        when 'forget_failures' then
          delete from private.sweep_failures f where f.last_failed_at < v_now - interval '1 day';
      end case;
      perform private.clear_sweep_failure(v_step, null);
    exception when others then
      perform private.record_sweep_failure(v_step, null, sqlstate, sqlerrm, v_now);
    end;
  end loop;
  update private.sweeps s set swept_until = v_sweep.swept_until, cleaned_at = v_sweep.cleaned_at where s.singleton;
  return jsonb_build_object('seats_released', v_released, 'bookings_expired', v_expired, 'locks_archived', v_archived,
                            'availability_broadcast', v_broadcast);
end
$$;

grant execute on function public.release_expired_locks(integer) to service_role;

-- Where pg_cron exists it sweeps by itself; elsewhere the worker does.
do $$
begin
  if exists (select from pg_catalog.pg_available_extensions where name = 'pg_cron') then
    create extension if not exists pg_cron with schema pg_catalog;
    perform cron.schedule('frontrow-sweep', '5 seconds', 'select public.release_expired_locks()');
    -- pg_cron notes every run and forgets none.
    perform cron.schedule('frontrow-tidy-cron', '0 4 * * *',
                          $cron$delete from cron.job_run_details where end_time < now() - interval '2 days'$cron$);
  end if;
end
$$;
