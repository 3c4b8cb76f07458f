-- The sweep. Nothing waits for it: locks die by the clock. It tells viewers that seats came free, ends unpaid bookings,
-- keeps the hot tables small and the listings fresh. Run every five seconds by pg_cron and by the worker; it may run
-- twice at once, or not for an hour.

-- What the sweep has told so far: one row.
create table private.sweeps (
  singleton boolean primary key default true,
  created_at timestamptz not null default private.now(),
  swept_until timestamptz not null default '-infinity',
  cleaned_at timestamptz not null default '-infinity',
  constraint there_is_one_row check (singleton)
);
alter table private.sweeps enable row level security;
insert into private.sweeps default values;

-- Tells viewers of each showtime which locks ran out since the last sweep.
create function private.broadcast_expired(p_since timestamptz, p_until timestamptz) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_row record;
  v_seats integer := 0;
begin
  for v_row in
    select l.showtime_id, array_agg(l.seat_id order by l.seat_id) as seat_ids, array_agg(l.id order by l.seat_id) as lock_ids
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

-- Carries locks that ended into the history. They stay a minute longer than their life, so that no lock which a stalled
-- transaction is still about to write, with a beginning in the past, can miss them.
create function private.archive_ended_locks(p_now timestamptz, p_max_rows integer) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_archived integer;
begin
  with ended as (
    select l.showtime_id, l.user_id, l.id from public.seat_locks l
    where upper(l.held) <= p_now - interval '1 minute' and not upper_inf(l.held)
    order by upper(l.held) limit p_max_rows for update skip locked
  ), moved as (
    delete from public.seat_locks l using ended e
    where l.showtime_id = e.showtime_id and l.user_id = e.user_id and l.id = e.id
    returning l.*
  )
  insert into private.seat_lock_history (showtime_id, id, seat_id, user_id, booking_id, held, end_reason)
  select m.showtime_id, m.id, m.seat_id, m.user_id, m.booking_id, m.held, coalesce(m.end_reason, 'expired') from moved m;
  get diagnostics v_archived = row_count;
  return v_archived;
end
$$;

-- Once a film was shown its sold seats are history as well, a day later (lock.shown).
create function private.archive_shown(p_now timestamptz) returns void
language sql volatile set search_path = '' as $$
  with moved as (
    delete from public.seat_locks l using public.showtimes s
    where s.id = l.showtime_id and s.ends_at < p_now - interval '1 day' and upper_inf(l.held)
    returning l.*, s.ends_at
  )
  insert into private.seat_lock_history (showtime_id, id, seat_id, user_id, booking_id, held, end_reason)
  select m.showtime_id, m.id, m.seat_id, m.user_id, m.booking_id,
         tstzrange(lower(m.held), greatest(m.ends_at, lower(m.held) + interval '1 microsecond')), 'shown'
  from moved m
$$;

-- Cancels what was sold or is being paid for showtimes that the house has called off, and returns the money.
create function private.refund_cancelled_showtimes(p_now timestamptz) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_row record;
  v_booking public.bookings;
begin
  for v_row in
    select b.id, b.showtime_id, b.user_id
    from public.showtimes t
    join public.bookings b on b.showtime_id = t.id and b.status in ('pending', 'confirmed')
    where t.status = 'cancelled' and t.starts_at > p_now - interval '30 days' limit 200
  loop
    if private.try_lock_customer(v_row.showtime_id, v_row.user_id) then
      select * into strict v_booking from public.bookings b
      where b.showtime_id = v_row.showtime_id and b.id = v_row.id for update;
      if v_booking.status in ('pending', 'confirmed') then
        perform private.end_booking(v_booking, 'showtime_cancelled', p_now);
      end if;
    end if;
  end loop;
end
$$;

-- One sweep. A second one at the same time finds the row taken and leaves. Answers {seats_released, bookings_expired,
-- locks_archived, availability_broadcast}.
create function public.release_expired_locks(max_rows integer default 10000) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_now timestamptz;
  v_sweep private.sweeps;
  v_booking record;
  v_expired integer := 0;
  v_released integer;
  v_archived integer;
begin
  select * into v_sweep from private.sweeps for update skip locked;
  if not found then
    return jsonb_build_object('seats_released', 0, 'bookings_expired', 0, 'locks_archived', 0, 'availability_broadcast', 0);
  end if;
  v_now := private.now();
  for v_booking in
    select b.id, b.showtime_id, b.user_id from public.bookings b
    where b.status = 'pending' and b.expires_at <= v_now order by b.expires_at limit 500
  loop
    v_expired := v_expired + private.expire_if_unlocked(v_booking.showtime_id, v_booking.user_id, v_booking.id, v_now);
  end loop;
  perform private.refund_cancelled_showtimes(v_now);
  v_released := private.broadcast_expired(v_sweep.swept_until, v_now);
  v_archived := private.archive_ended_locks(v_now, release_expired_locks.max_rows);
  if v_sweep.cleaned_at < v_now - interval '1 hour' then
    perform private.archive_shown(v_now);
    perform private.purge_old_sign_ins();
    perform private.abandon_emails(v_now);
    v_sweep.cleaned_at := v_now;
  end if;
  update private.sweeps s set swept_until = v_now, cleaned_at = v_sweep.cleaned_at where s.singleton;
  return jsonb_build_object('seats_released', v_released, 'bookings_expired', v_expired, 'locks_archived', v_archived,
                            'availability_broadcast', private.broadcast_availability(v_sweep.swept_until));
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
