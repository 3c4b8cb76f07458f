-- The record of what happened: who had this seat at that time, what became of a booking. Rows are added and never
-- changed; what is older than private.settings says is deleted (retention.sql). Seats: seat_locks while a hold lives,
-- private.seat_lock_history once it ended. Bookings, with their payments, refunds and disputes: private.booking_log, a
-- row for every change. Showtimes that changed their time or place: private.showtime_revisions
-- (booking/moved_showtimes.sql).

-- A partition a month (log_partitions.sql), so that the oldest goes at once and leaves no holes. Who reads says from
-- when on, else every month there is would be looked into.
create table private.booking_log (
  showtime_id bigint not null,
  booking_id uuid not null,
  id bigint generated always as identity,
  at timestamptz not null default private.now(),
  entity text not null,
  status text not null,
  row_data jsonb not null,
  request_id text default private.request_id(),
  actor text default private.actor(),
  session_id uuid default private.session_id(),
  primary key (showtime_id, booking_id, id, at),
  constraint entity_is_known check (entity in ('booking', 'payment', 'refund', 'dispute'))
) partition by range (at);
comment on column private.booking_log.request_id is 'The call that changed it, as the logs name it.';
comment on column private.booking_log.actor is
  'Who changed it: the id of a user, or the role of a program. Null before 28 November 2026.';
comment on column private.booking_log.session_id is
  'The sign-in of that user. No reference: sessions are deleted, and this stays.';

-- Rows stand in the order of time, so this index takes a page where others take a tree.
create index booking_log_by_time on private.booking_log using brin (at) with (pages_per_range = 16);
create index booking_log_by_request on private.booking_log (request_id) where request_id is not null;
alter table private.booking_log enable row level security;

-- Writes down a change of a row that belongs to a booking; the argument says what it is.
create function private.log_change() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_row jsonb := to_jsonb(new);
begin
  if tg_op = 'INSERT' or new is distinct from old then
    insert into private.booking_log (showtime_id, booking_id, entity, status, row_data)
    values (new.showtime_id, coalesce(v_row ->> 'booking_id', v_row ->> 'id')::uuid, tg_argv[0], v_row ->> 'status',
            v_row);
  end if;
  return null;
end
$$;

create trigger changes_are_logged after insert or update on public.bookings
  for each row execute function private.log_change('booking');
create trigger changes_are_logged after insert or update on public.payments
  for each row execute function private.log_change('payment');
create trigger changes_are_logged after insert or update on public.refunds
  for each row execute function private.log_change('refund');
create trigger changes_are_logged after insert or update on public.disputes
  for each row execute function private.log_change('dispute');

-- Keeps a record what it is, against our own mistakes too. The functions that keep retention say so in a setting.
create function private.forbid_changes() returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if tg_op = 'DELETE' and current_setting('frontrow.deletes_old_rows', true) = 'on' then
    return null;
  end if;
  raise exception '% is only added to', tg_table_name using errcode = 'object_not_in_prerequisite_state';
end
$$;

create trigger rows_are_only_added before update or delete or truncate on private.booking_log
  for each statement execute function private.forbid_changes();
create trigger rows_are_only_added before update or delete or truncate on private.settings_log
  for each statement execute function private.forbid_changes();
create trigger rows_are_only_added before update or delete or truncate on private.seat_lock_history
  for each statement execute function private.forbid_changes();
create trigger rows_are_only_added before update or delete or truncate on private.showtime_revisions
  for each statement execute function private.forbid_changes();

-- Deletes holds that ended before that time, the oldest first.
create function private.delete_old_holds(p_until timestamptz, p_max_rows integer) returns integer
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_deleted integer;
begin
  perform set_config('frontrow.deletes_old_rows', 'on', true);
  delete from private.seat_lock_history h where h.ctid = any (array(
    select old.ctid from private.seat_lock_history old where upper(old.held) < p_until
    order by upper(old.held) limit p_max_rows));
  get diagnostics v_deleted = row_count;
  perform set_config('frontrow.deletes_old_rows', 'off', true);
  return v_deleted;
end
$$;

-- Who had this seat at this time, for staff: {seat_id, at, user: {id, email, full_name}, lock_id, held_from, held_until
-- (null while sold), end_reason (null while it lives), booking: {id, reference, status} as it was then, or null for a
-- seat that was only chosen}; null when nobody had it. Raises staff_only.
create function public.seat_holder(showtime_id bigint, seat_id bigint, at timestamptz default null) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_at timestamptz := coalesce(seat_holder.at, private.now());
begin
  perform private.require_staff();
  perform private.set_cache_control('private, no-store');
  return (
    select jsonb_build_object(
      'seat_id', h.seat_id, 'at', v_at, 'lock_id', h.id,
      'user', (select jsonb_build_object('id', u.id, 'email', u.email, 'full_name', u.full_name)
               from public.users u where u.id = h.user_id),
      'held_from', lower(h.held), 'held_until', upper(h.held), 'end_reason', h.end_reason,
      'booking', (select jsonb_build_object('id', g.booking_id, 'reference', g.row_data ->> 'reference',
                                            'status', g.status)
                  from private.booking_log g
                  where g.showtime_id = h.showtime_id and g.booking_id = h.booking_id and g.entity = 'booking'
                    and g.at <= v_at
                  order by g.id desc limit 1))
    from (select l.showtime_id, l.id, l.seat_id, l.user_id, l.booking_id, l.held, l.end_reason from public.seat_locks l
          union all
          select a.showtime_id, a.id, a.seat_id, a.user_id, a.booking_id, a.held, a.end_reason
          from private.seat_lock_history a) h
    where h.showtime_id = seat_holder.showtime_id and h.seat_id = seat_holder.seat_id and h.held @> v_at);
end
$$;

-- All that happened to a booking, for staff, oldest first: [{at, entity, status, request_id, row_data, actor,
-- session_id}]. Among it are the moves of its showtime since it was booked (entity showtime, status moved or, where it
-- still starts when it did, changed). Raises staff_only, unknown_booking.
create function public.booking_history(booking_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_booking public.bookings;
begin
  perform private.require_staff();
  select * into v_booking from public.bookings b where b.id = booking_history.booking_id;
  if not found then
    perform private.raise_api_error('unknown_booking');
  end if;
  perform private.set_cache_control('private, no-store');
  return (
    select jsonb_agg(jsonb_build_object('at', g.at, 'entity', g.entity, 'status', g.status,
                                        'request_id', g.request_id, 'row_data', g.row_data, 'actor', g.actor,
                                        'session_id', g.session_id) order by g.at, g.id)
    from (select l.at, l.id, l.entity, l.status, l.request_id, l.row_data, l.actor, l.session_id
          from private.booking_log l
          where l.showtime_id = v_booking.showtime_id and l.booking_id = v_booking.id
            and l.at >= v_booking.created_at - interval '1 day'
          union all
          select r.at, null, 'showtime', case when r.old_starts_at = r.starts_at then 'changed' else 'moved' end,
                 r.request_id, to_jsonb(r), r.actor, r.session_id
          from private.showtime_revisions r
          where r.showtime_id = v_booking.showtime_id and r.revision > v_booking.revision) g);
end
$$;

grant execute on function public.seat_holder(bigint, bigint, timestamptz), public.booking_history(uuid)
  to anon, authenticated, service_role;
