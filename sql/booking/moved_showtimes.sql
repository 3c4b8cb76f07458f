-- Moved showtimes: what follows when whoever it is, the owner's plain SQL and the secret key included, changes the time
-- of a showtime that is sold. Its tickets stay valid; each confirmed booking has an email with the new time, viewers
-- are informed (broadcasts.sql), and everybody who booked by an earlier time may cancel until the new start
-- (private.cancellable_until).
--
-- A change of the end alone is a revision as well, which is recorded and broadcast: nobody has to come earlier or
-- later, so it has no email and frees nobody.

-- What each revision of a showtime changed, and who made it. No reference: a showtime that nobody booked may be
-- deleted, and this stays.
create table private.showtime_revisions (
  showtime_id bigint not null,
  revision integer not null,
  at timestamptz not null,
  old_auditorium_id bigint not null,
  old_starts_at timestamptz not null,
  old_ends_at timestamptz not null,
  auditorium_id bigint not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  request_id text default private.request_id(),
  actor text default private.actor(),
  session_id uuid default private.session_id(),
  primary key (showtime_id, revision)
);
alter table private.showtime_revisions enable row level security;

-- When the showtime of a booking was to start as its customer booked it, if it was moved since (and perhaps back);
-- null otherwise. The revision by which somebody booked is that of create_booking: who pays later, even after a move,
-- has chosen by the earlier time.
create function private.moved_from(p_booking public.bookings) returns timestamptz
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return (
    select r.old_starts_at from private.showtime_revisions r
    where r.showtime_id = (p_booking).showtime_id and r.revision > (p_booking).revision
      and r.old_starts_at <> r.starts_at
    order by r.revision limit 1);
end
$$;

-- Discards the email about an earlier move that has not left (outbox.superseded): the new one says it all.
-- Answers which time that customer knows: the one before it, or p_known where a worker has just claimed it and may be
-- sending it.
create function private.supersede_move_email(p_booking_id uuid, p_known timestamptz) returns timestamptz
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_row record;
begin
  select * into v_row from private.outbox o
  where o.booking_id = p_booking_id and o.kind = 'mail_showtime_moved' and o.state in ('queued', 'failed') for update;
  update private.outbox o
  set state = 'discarded', completed_at = private.now(), claimed_until = null,
      last_error = 'superseded: the showtime was moved again'
  where o.id = v_row.id;
  return case when v_row.claimed_until is null then coalesce((v_row.payload ->> 'from')::timestamptz, p_known)
              else p_known end;
end
$$;

-- Enqueues the email of one booking about a move: {revision, from, to}. Moved back before
-- anybody was told, the row stands there discarded, since there is nothing to say.
create function private.enqueue_move_email(
  p_booking public.bookings, p_old public.showtimes, p_new public.showtimes) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_key text := 'mail:showtime_moved:' || (p_booking).id || ':' || (p_new).revision;
  v_from timestamptz := private.supersede_move_email((p_booking).id, (p_old).starts_at);
begin
  perform private.enqueue('mail_showtime_moved', v_key, p_booking, jsonb_build_object(
    'revision', (p_new).revision, 'from', v_from, 'to', (p_new).starts_at));
  if v_from = (p_new).starts_at then
    update private.outbox o
    set state = 'discarded', completed_at = private.now(),
        last_error = 'the showtime was moved back before the customer was told'
    where o.key = v_key;
  end if;
end
$$;

-- Records a revision and informs those who have a ticket. It takes the showtime alone before it looks and before it
-- reads the clock: a confirmation in flight is waited for and has its email; one that comes later reads the new time.
create function private.follow_revision() returns trigger
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' set enable_seqscan = off as $$
declare
  v_booking public.bookings;
begin
  perform private.lock_showtime(new.id);
  insert into private.showtime_revisions (
    showtime_id, revision, at, old_auditorium_id, old_starts_at, old_ends_at, auditorium_id, starts_at, ends_at)
  values (new.id, new.revision, private.now(), old.auditorium_id, old.starts_at, old.ends_at,
          new.auditorium_id, new.starts_at, new.ends_at);
  if old.starts_at <> new.starts_at then
    for v_booking in
      select * from public.bookings b where b.showtime_id = new.id and b.status = 'confirmed' order by b.id
    loop
      perform private.enqueue_move_email(v_booking, old, new);
    end loop;
  end if;
  return null;
end
$$;

create trigger revisions_are_followed after update on public.showtimes
  for each row when (old.revision is distinct from new.revision) execute function private.follow_revision();
