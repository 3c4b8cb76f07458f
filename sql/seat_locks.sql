-- Seat locks: who has a seat of a showtime, and for how long. One row is one hold of one seat, from its first moment to
-- its last, and one exclusion constraint makes two holds of a seat at one instant impossible, sold seats included:
--
--   lock_seats       held = [now, now + lock_duration)       the whole selection shares one end
--   create_booking   held = [.., now + payment_duration)     once, so that there is time to pay
--   confirm_booking  held = [.., )                           sold: no upper bound
--   release_seats, cancel_booking   held = [.., now)         closed early, with the reason
--
-- Nobody has to end a lock: past its upper bound it conflicts with nothing, so the next viewer takes the seat whether a
-- sweep has run or not. The sweep (sweep.sql) only tells viewers and carries ended rows into the history.
--
-- Locks taken in this order, always: the customer at a showtime (private.serialise_customer), then the booking, then
-- seat locks in the order of seat ids.

create table public.seat_locks (
  showtime_id bigint not null,
  id bigint generated always as identity,
  seat_id bigint not null,
  user_id uuid not null,
  booking_id uuid,
  held tstzrange not null,
  end_reason text,
  -- The user stands in the key so that "what do I hold here" needs no index of its own; the id alone is unique.
  primary key (showtime_id, user_id, id),
  constraint one_holder_at_a_time exclude using gist (showtime_id with =, seat_id with =, held with &&),
  constraint held_has_a_beginning check (not isempty(held) and not lower_inf(held)),
  constraint end_reason_is_known check (end_reason in ('released', 'cancelled', 'refunded')),
  constraint what_is_sold_is_booked check (not upper_inf(held) or booking_id is not null)
) with (
  -- Rows come and go by the thousand while the table stays small; wait for no fifth of it to be dead.
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500
);
comment on table public.seat_locks is 'Holds of seats, live and just ended. Ids grow, so the highest is the newest.';
comment on column public.seat_locks.end_reason is 'Why it ended before its time; null for a lock that ran or runs out.';

-- The sweep finds what has run out.
create index seat_locks_by_end on public.seat_locks (upper(held)) where not upper_inf(held);

alter table public.seat_locks enable row level security;
grant select on public.seat_locks to service_role;

-- Ended locks, for good: who had F7 at 19:02?
create table private.seat_lock_history (
  showtime_id bigint not null,
  id bigint not null,
  seat_id bigint not null,
  user_id uuid not null,
  booking_id uuid,
  held tstzrange not null,
  end_reason text not null,
  primary key (showtime_id, seat_id, id),
  constraint end_reason_is_known check (end_reason in ('released', 'expired', 'cancelled', 'refunded', 'shown'))
);
alter table private.seat_lock_history enable row level security;

-- Makes a customer's own calls on one showtime take turns, so that limits and the one clock of a selection hold when two
-- tabs ask at once. Ends with the transaction.
create function private.serialise_customer(p_showtime_id bigint, p_user_id uuid) returns void
language sql volatile set search_path = '' as $$
  select pg_advisory_xact_lock(hashtextextended(p_user_id::text, p_showtime_id))
$$;

-- The range of a lock that ends now. A lock that began this very instant keeps a microsecond, so that it is not empty.
create function private.ended(p_held tstzrange, p_now timestamptz) returns tstzrange
language sql stable set search_path = '' as $$
  select tstzrange(lower(p_held), greatest(p_now, lower(p_held) + interval '1 microsecond'))
$$;

-- What a customer holds and has not bought at a showtime: {showtime_id, seat_ids, lock_ids, expires_at}.
create function private.selection_json(p_showtime_id bigint, p_user_id uuid, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'showtime_id', p_showtime_id,
      'seat_ids', coalesce(jsonb_agg(l.seat_id order by l.seat_id), '[]'),
      'lock_ids', coalesce(jsonb_agg(l.id order by l.seat_id), '[]'),
      'expires_at', min(upper(l.held)))
    from public.seat_locks l
    where l.showtime_id = p_showtime_id and l.user_id = p_user_id and l.held @> p_now and not upper_inf(l.held));
end
$$;

-- Refuses a selection that no showtime could accept. Raises no_seats, too_many_seats, unknown_seat, duplicate_seat.
create function private.check_selection(p_seat_ids bigint[], p_limit integer) returns void
language plpgsql immutable set search_path = '' as $$
begin
  if p_seat_ids is null or cardinality(p_seat_ids) = 0 then
    perform private.fail('no_seats');
  elsif cardinality(p_seat_ids) > p_limit then
    perform private.fail('too_many_seats', jsonb_build_object('limit', p_limit));
  elsif array_position(p_seat_ids, null) is not null or array_ndims(p_seat_ids) > 1 then
    perform private.fail('unknown_seat');
  elsif (select count(distinct s) from unnest(p_seat_ids) s) < cardinality(p_seat_ids) then
    perform private.fail('duplicate_seat');
  end if;
end
$$;

-- Holds seats of a showtime for the caller: all of them or none. The first lock of a selection starts its clock, adding
-- seats does not restart it. Locking what the caller holds already succeeds and changes nothing.
--
-- Answers what the caller now holds there: {showtime_id, seat_ids, lock_ids, expires_at}.
-- Raises sign_in_required, no_seats, duplicate_seat, unknown_seat, too_many_seats, unknown_showtime, showtime_closed,
-- booking_pending, seat_taken with the seats, busy.
create function public.lock_seats(showtime_id bigint, seat_ids bigint[]) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user_id();
  v_settings private.settings;
  v_showtime public.showtimes;
  v_now timestamptz;
  v_mine record;
  v_wanted bigint[];
  v_got bigint[];
  v_lock_ids bigint[];
begin
  select * into strict v_settings from private.settings;
  perform private.check_selection(lock_seats.seat_ids, v_settings.seats_per_customer);
  v_showtime := private.showtime_on_sale(lock_seats.showtime_id);
  if (select count(*) from public.seats s
      where s.id = any (lock_seats.seat_ids) and s.auditorium_id = v_showtime.auditorium_id)
     < cardinality(lock_seats.seat_ids) then
    perform private.fail('unknown_seat', private.seats_elsewhere(v_showtime.auditorium_id, lock_seats.seat_ids));
  end if;

  perform private.serialise_customer(v_showtime.id, v_user);
  v_now := private.now();
  select count(*) as seats,
         coalesce(array_agg(l.seat_id), '{}') as seat_ids,
         min(upper(l.held)) filter (where l.booking_id is null) as expires_at,
         (array_agg(l.booking_id) filter (where l.booking_id is not null and not upper_inf(l.held)))[1] as booking_id
  into v_mine
  from public.seat_locks l
  where l.showtime_id = v_showtime.id and l.user_id = v_user and l.held @> v_now;

  v_wanted := array(select s from unnest(lock_seats.seat_ids) s where s <> all (v_mine.seat_ids) order by s);
  if cardinality(v_wanted) = 0 then
    return private.selection_json(v_showtime.id, v_user, v_now);
  elsif v_mine.booking_id is not null then
    perform private.fail('booking_pending', jsonb_build_object('booking_id', v_mine.booking_id));
  elsif v_mine.seats + cardinality(v_wanted) > v_settings.seats_per_customer then
    perform private.fail('too_many_seats', jsonb_build_object('limit', v_settings.seats_per_customer));
  end if;
  v_mine.expires_at := coalesce(v_mine.expires_at, v_now + v_settings.lock_duration);

  -- Not `insert` and catch: two such inserts can wait for each other. `do nothing` inserts speculatively and, in the
  -- order of seat ids, nobody waits in a circle.
  with inserted as (
    insert into public.seat_locks as l (showtime_id, seat_id, user_id, held)
    select v_showtime.id, s, v_user, tstzrange(v_now, v_mine.expires_at) from unnest(v_wanted) s order by s
    on conflict do nothing
    returning l.seat_id, l.id
  )
  select array_agg(i.seat_id order by i.seat_id), array_agg(i.id order by i.seat_id) into v_got, v_lock_ids
  from inserted i;
  if v_got is distinct from v_wanted then
    perform private.fail('seat_taken', jsonb_build_object(
      'seat_ids', array(select s from unnest(v_wanted) s where s <> all (coalesce(v_got, '{}')) order by s)));
  end if;

  perform private.tell_showtime(v_showtime.id, 'seat:lock', jsonb_build_object(
    'seat_ids', v_wanted, 'lock_ids', v_lock_ids, 'expires_at', v_mine.expires_at));
  return private.selection_json(v_showtime.id, v_user, v_now);
exception
  when deadlock_detected or lock_not_available then
    perform private.fail('busy');
end
$$;

-- {seat_ids}: those that are not in the auditorium.
create function private.seats_elsewhere(p_auditorium_id bigint, p_seat_ids bigint[]) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('seat_ids', array(
    select u from unnest(p_seat_ids) u
    where not exists (select from public.seats s where s.id = u and s.auditorium_id = p_auditorium_id) order by u))
$$;

-- Gives back some of the caller's seats at a showtime, or all. Seats of others, or nobody's, are left alone and that is
-- no error. Answers what the caller still holds, as lock_seats does. Raises sign_in_required, unknown_showtime,
-- booking_pending for seats that are being paid for (cancel_booking frees those), busy.
create function public.release_seats(showtime_id bigint, seat_ids bigint[] default null) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user_id();
  v_now timestamptz;
  v_booking_id uuid;
  v_released record;
begin
  if not exists (select from public.showtimes s where s.id = release_seats.showtime_id) then
    perform private.fail('unknown_showtime');
  end if;
  perform private.serialise_customer(release_seats.showtime_id, v_user);
  v_now := private.now();
  select l.booking_id into v_booking_id
  from public.seat_locks l
  where l.showtime_id = release_seats.showtime_id and l.user_id = v_user and l.held @> v_now
    and l.booking_id is not null and not upper_inf(l.held)
    and (release_seats.seat_ids is null or l.seat_id = any (release_seats.seat_ids))
  limit 1;
  if found then
    perform private.fail('booking_pending', jsonb_build_object('booking_id', v_booking_id));
  end if;

  with released as (
    update public.seat_locks l set held = private.ended(l.held, v_now), end_reason = 'released'
    where l.showtime_id = release_seats.showtime_id and l.user_id = v_user and l.held @> v_now
      and l.booking_id is null
      and (release_seats.seat_ids is null or l.seat_id = any (release_seats.seat_ids))
    returning l.seat_id, l.id
  )
  select coalesce(array_agg(r.seat_id order by r.seat_id), '{}') as seat_ids, array_agg(r.id order by r.seat_id) as lock_ids
  into v_released from released r;
  if cardinality(v_released.seat_ids) > 0 then
    perform private.tell_showtime(release_seats.showtime_id, 'seat:release', jsonb_build_object(
      'seat_ids', v_released.seat_ids, 'lock_ids', v_released.lock_ids, 'reason', 'released'));
  end if;
  return private.selection_json(release_seats.showtime_id, v_user, private.now());
exception
  when deadlock_detected or lock_not_available then
    perform private.fail('busy');
end
$$;

revoke execute on function
  private.serialise_customer(bigint, uuid),
  private.ended(tstzrange, timestamptz),
  private.selection_json(bigint, uuid, timestamptz),
  private.check_selection(bigint[], integer),
  private.seats_elsewhere(bigint, bigint[]),
  public.lock_seats(bigint, bigint[]),
  public.release_seats(bigint, bigint[])
from public;
-- anon too: a caller without a token is told to sign in, in our words, by the function itself.
grant execute on function public.lock_seats(bigint, bigint[]), public.release_seats(bigint, bigint[])
  to anon, authenticated;
