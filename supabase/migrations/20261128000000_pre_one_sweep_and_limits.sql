-- A database that was restored from a dump of some schemas lacks this: without it everybody may execute a new function.
alter default privileges revoke execute on functions from public;
-- A migration waits for no lock that a long call holds, with every other call waiting behind it: it fails and is pushed
-- again.
set lock_timeout = '2s';
set statement_timeout = '5min';

SET local check_function_bodies = off;

DROP FUNCTION "private"."archive_shown"(timestamp WITH time zone);

DROP FUNCTION "public"."check_invariants"();

DROP FUNCTION "public"."operational_metrics"();

CREATE TABLE "private"."settings_log" (
  "id"          bigint                   GENERATED ALWAYS AS IDENTITY NOT NULL,
  "row_data"    jsonb                    NOT NULL,
  CONSTRAINT "settings_log_pkey" PRIMARY KEY (id),
  "replaced_at" timestamp with time zone NOT NULL DEFAULT private.now()
);

ALTER TABLE "private"."settings_log"
  ENABLE ROW LEVEL SECURITY;

CREATE TABLE "private"."sweep_failures" (
  "step"            text                     NOT NULL,
  "booking_id"      uuid,
  "error_code"      text                     NOT NULL,
  "message"         text                     NOT NULL,
  "times"           integer                  NOT NULL DEFAULT 1,
  "first_failed_at" timestamp with time zone NOT NULL,
  "last_failed_at"  timestamp with time zone NOT NULL,
  "retry_at"        timestamp with time zone NOT NULL,
  CONSTRAINT "one_row_per_step_and_booking" UNIQUE NULLS NOT DISTINCT (step, booking_id)
);

ALTER TABLE "private"."sweep_failures"
  ENABLE ROW LEVEL SECURITY;

CREATE OR REPLACE FUNCTION private.archive_ended_locks (
  p_now      timestamp with time zone,
  p_max_rows integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION private.archive_shown (
  p_now      timestamp with time zone,
  p_max_rows integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_archived integer;
begin
  with shown as (
    select l.showtime_id, l.user_id, l.id, s.ends_at
    from public.showtimes s
    join public.seat_locks l on l.showtime_id = s.id
    where s.ends_at < p_now - interval '1 day' and upper_inf(l.held) limit p_max_rows
  ), moved as (
    delete from public.seat_locks l using shown s
    where l.showtime_id = s.showtime_id and l.user_id = s.user_id and l.id = s.id
    returning l.*, s.ends_at
  )
  insert into private.seat_lock_history (showtime_id, id, seat_id, user_id, booking_id, held, end_reason)
  select m.showtime_id, m.id, m.seat_id, m.user_id, m.booking_id,
         tstzrange(lower(m.held), greatest(m.ends_at, lower(m.held) + interval '1 microsecond')), 'shown'
  from moved m;
  get diagnostics v_archived = row_count;
  return v_archived;
end
$function$;

CREATE OR REPLACE FUNCTION private.broadcast_availability (
  p_since timestamp with time zone
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
  v_row record;
  v_sent integer := 0;
begin
  for v_row in
    select t.id, t.movie_id, t.status, public.seats_left(t) as seats_left
    from public.showtimes t
    where t.id in (select substr(m.topic, 10)::bigint from realtime.messages m
                   where m.inserted_at > (least(p_since, now() - interval '20 seconds') at time zone 'utc')
                     and m.topic ~ '^showtime:[0-9]{1,18}$' and m.event like 'seat:%' and m.private
                     and m.extension = 'broadcast')
      and not exists (select from private.availability_broadcasts last
                      where last.showtime_id = t.id and last.sent_at > v_now - interval '5 seconds')
    order by t.id
  loop
    insert into private.availability_broadcasts as last (showtime_id, seats_left, status, sent_at)
    values (v_row.id, v_row.seats_left, v_row.status, v_now)
    on conflict (showtime_id) do update
      set seats_left = excluded.seats_left, status = excluded.status, sent_at = excluded.sent_at
      where (last.seats_left, last.status) is distinct from (excluded.seats_left, excluded.status);
    if found then
      perform private.broadcast_update(v_row.id, v_row.movie_id, v_row.seats_left, v_row.status);
      v_sent := v_sent + 1;
    end if;
  end loop;
  return v_sent;
end
$function$;

CREATE OR REPLACE FUNCTION private.broadcast_expired (
  p_since timestamp with time zone,
  p_until timestamp with time zone
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION private.clear_sweep_failure (
  p_step       text,
  p_booking_id uuid
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  delete from private.sweep_failures f
  where f.step = p_step and f.booking_id is not distinct from p_booking_id
$function$;

CREATE OR REPLACE FUNCTION private.error_catalog()
  RETURNS TABLE (
    code     text,
    status   integer,
    sentence text
  )
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  values
    -- who you are
    ('sign_in_required',      401, 'Sign in first.'),
    ('invalid_credentials',   401, 'The email address or password is wrong.'),
    ('session_ended',         401, 'Your session has ended. Please sign in again.'),
    ('too_many_attempts',     429, 'Too many attempts. Please wait a while and try again.'),
    ('email_taken',           409, 'This email already has an account. Sign in instead?'),
    ('invalid_email',         422, 'Enter a valid email address.'),
    ('invalid_name',          422, 'Enter a name of 1 to 200 characters, on one line.'),
    ('weak_password',         422, 'Choose a password of 10 to 200 characters.'),
    ('unknown_user',          404, 'Account not found.'),
    ('staff_only',            403, 'Staff only.'),
    -- choosing seats
    ('unknown_showtime',      404, 'Showtime not found.'),
    ('showtime_closed',       409, 'This showtime is no longer on sale.'),
    ('no_seats',              422, 'Select at least one seat.'),
    ('duplicate_seat',        422, 'Select each seat only once.'),
    ('too_many_seats',        422, 'That is more seats than you can book for a showtime.'),
    ('unknown_seat',          422, 'One of those seats is not in this auditorium.'),
    ('seat_taken',            409, 'One of those seats was just taken.'),
    ('seat_not_for_sale',     409, 'One of those seats is not for sale for this showtime.'),
    ('booking_pending',       409, 'You have an unpaid order for this showtime. Pay for it or cancel it first.'),
    -- booking and paying
    ('lock_expired',          409, 'Your seats are no longer held for you. Please choose again.'),
    ('unknown_booking',       404, 'Booking not found.'),
    ('not_cancellable',       409, 'This booking can no longer be cancelled.'),
    ('not_payable',           409, 'This booking can no longer be paid for.'),
    ('no_ticket',             409, 'There is no ticket for this booking.'),
    ('payment_unavailable',   503, 'Payments are unavailable right now. You have not been charged; please try again.'),
    -- how you ask
    ('invalid_request',       400, 'Invalid request.'),
    ('invalid_signature',     400, 'The signature of this message is wrong.'),
    ('not_found',             404, 'Not found.'),
    ('method_not_allowed',    405, 'This address does not answer to that method.'),
    ('payload_too_large',     413, 'The request is too large.'),
    ('busy',                  503, 'Frontrow is busy right now. Please try again in a moment.'),
    ('internal',              500, 'Something went wrong on our side. Nothing was charged or changed.')
$function$;

CREATE OR REPLACE FUNCTION private.expire_bookings (
  p_now timestamp with time zone
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION private.log_settings()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  insert into private.settings_log (row_data) values (to_jsonb(old));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION private.record_sweep_failure (
  p_step       text,
  p_booking_id uuid,
  p_error_code text,
  p_message    text,
  p_now        timestamp with time zone
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  raise warning 'sweep: % of booking % failed: % %', p_step, p_booking_id, p_error_code, p_message;
  insert into private.sweep_failures as f
    (step, booking_id, error_code, message, first_failed_at, last_failed_at, retry_at)
  values (p_step, p_booking_id, p_error_code, left(p_message, 1000), p_now, p_now, p_now + interval '10 seconds')
  on conflict on constraint one_row_per_step_and_booking do update
  set error_code = excluded.error_code, message = excluded.message, times = f.times + 1,
      last_failed_at = excluded.last_failed_at,
      retry_at = p_now + least(interval '10 seconds' * 2 ^ least(f.times, 20), interval '1 hour');
end
$function$;

CREATE OR REPLACE FUNCTION private.refund_cancelled_showtimes (
  p_now timestamp with time zone
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
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
        if v_booking.status in ('pending', 'confirmed') then
          perform private.end_booking(v_booking, 'showtime_cancelled', p_now);
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
$function$;

CREATE OR REPLACE FUNCTION private.schema_version()
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select '20261128000000'
$function$;

CREATE OR REPLACE FUNCTION public.cancel_booking (
  booking_id uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_user uuid := private.require_user_id();
  v_booking public.bookings;
  v_now timestamptz;
begin
  v_booking := private.booking_for_update(cancel_booking.booking_id);
  v_now := private.now();
  if v_booking.user_id is distinct from v_user then
    perform private.raise_api_error('unknown_booking');
  end if;
  if v_booking.status in ('cancelled', 'refunded') then
    return private.booking_json(v_booking);
  end if;
  if v_booking.status = 'expired' or v_booking.status = 'pending' and v_booking.expires_at <= v_now
    or v_now > public.cancellable_until(v_booking) then
    perform private.raise_api_error('not_cancellable');
  end if;

  return private.booking_json(private.end_booking(v_booking, 'cancelled_by_customer', v_now));
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

CREATE OR REPLACE FUNCTION public.cancellable_until (
  booking public.bookings
)
  RETURNS timestamp WITH time zone
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  if (booking).status <> 'confirmed' then
    return null;
  end if;
  return (select case when s.status = 'cancelled' then 'infinity' else s.starts_at - c.cancellation_notice end
          from public.showtimes s, private.settings c where s.id = (booking).showtime_id and c.singleton);
end
$function$;

CREATE OR REPLACE FUNCTION public.check_invariants()
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET statement_timeout TO '10min'
  AS $function$
declare
  v_now timestamptz := private.now();
begin
return (
with holds as (
  -- Every hold of a seat there ever was, live, ended and archived.
  select showtime_id, id, seat_id, user_id, booking_id, held from public.seat_locks
  union all
  select showtime_id, id, seat_id, user_id, booking_id, held from private.seat_lock_history
), sold as (
  select s.* from public.booking_seats s where s.sold_at is not null and s.released_at is null
), returned as (
  -- What went back of each payment, or is on its way, or was lost in a dispute.
  select m.showtime_id, m.payment_id, sum(m.amount) as amount, sum(m.refunded) as refunded
  from (select r.showtime_id, r.payment_id, r.amount, r.amount as refunded from public.refunds r
        where r.status <> 'void' and not (r.status = 'failed' and r.reason = 'made_at_stripe')
        union all
        select d.showtime_id, d.payment_id, d.amount, 0 from public.disputes d where d.status = 'lost') m
  group by m.showtime_id, m.payment_id
), promises as (
  -- How long a hold could be promised, selection and payment together, and when: settings as they were and as they are.
  -- One that was promised in the very moment of a change may go by either.
  select tstzrange(lag(g.replaced_at) over (order by g.replaced_at, g.id), g.replaced_at + interval '1 minute') as during,
         (g.row_data ->> 'lock_duration')::interval + (g.row_data ->> 'payment_duration')::interval as longest
  from private.settings_log g
  union all
  select tstzrange((select max(g.replaced_at) from private.settings_log g), null), c.lock_duration + c.payment_duration
  from private.settings c
), found as (

-- I1: no seat of a showtime is in two holds at any instant of its history.
select 'I1 a seat is held twice' as invariant,
       jsonb_build_object('showtime_id', a.showtime_id, 'seat_id', a.seat_id, 'lock_ids', array[a.id, b.id]) as violation
from holds a
join holds b on b.showtime_id = a.showtime_id and b.seat_id = a.seat_id and b.id > a.id and b.held && a.held

union all
select 'I1 a seat is sold twice', jsonb_build_object('showtime_id', s.showtime_id, 'seat_id', s.seat_id)
from sold s group by s.showtime_id, s.seat_id having count(*) > 1

-- I2: a confirmed booking is paid by exactly one payment that it keeps; any other money that arrived goes back.
union all
select 'I2 a confirmed booking is not paid', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.status = 'confirmed'
  and (select count(*) from public.payments p
       where p.showtime_id = b.showtime_id and p.booking_id = b.id and p.settles_booking
         and (p.amount_received, p.currency_received) = (b.total, b.currency)
         and p.amount_received > (select coalesce(sum(r.amount), 0) from public.refunds r
                                  where r.showtime_id = p.showtime_id and r.payment_id = p.id
                                    and r.status = 'succeeded')) <> 1

union all
select 'I2 money is kept without a confirmed booking', jsonb_build_object('payment_id', p.id, 'booking_id', b.id)
from public.payments p
join public.bookings b on b.showtime_id = p.showtime_id and b.id = p.booking_id
left join returned r on r.showtime_id = p.showtime_id and r.payment_id = p.id
where p.status = 'succeeded' and not (p.settles_booking and b.status = 'confirmed')
  and coalesce(r.amount, 0) < p.amount_received

union all
select 'I2 more goes back than came', jsonb_build_object('payment_id', p.id)
from public.payments p
join returned r on r.showtime_id = p.showtime_id and r.payment_id = p.id
-- But for a dispute that is lost for money which had been refunded: a loss, and nothing that we could put right.
where r.amount > coalesce(p.amount_received, 0)
  and (r.refunded > coalesce(p.amount_received, 0)
       or exists (select from public.refunds open
                  where open.showtime_id = p.showtime_id and open.payment_id = p.id
                    and open.reason <> 'made_at_stripe' and open.status in ('queued', 'failed')))

union all
select 'I2 a refund is queued and nobody will do it', jsonb_build_object('refund_id', r.id)
from public.refunds r
where (r.status = 'queued' or r.status = 'failed' and r.reason <> 'made_at_stripe')
  and not exists (select from private.outbox o
                  where o.kind = 'refund' and o.state = 'queued' and o.payload ->> 'refund_id' = r.id::text)

-- I3: the seats that are booked are the seats of confirmed bookings, by both guards.
union all
select 'I3 a confirmed booking lacks a seat', jsonb_build_object('booking_id', b.id, 'seat_id', s.seat_id)
from public.bookings b
join public.booking_seats s on s.showtime_id = b.showtime_id and s.booking_id = b.id
where b.status = 'confirmed'
  and (s.sold_at is null or s.released_at is not null
       or not exists (select from holds h
                      where h.showtime_id = s.showtime_id and h.seat_id = s.seat_id and h.booking_id = b.id
                        and (upper_inf(h.held) or upper(h.held) >= (select t.ends_at from public.showtimes t
                                                                    where t.id = b.showtime_id))))

union all
select 'I3 a seat is sold without a confirmed booking', jsonb_build_object('booking_id', s.booking_id, 'seat_id', s.seat_id)
from sold s
join public.bookings b on b.showtime_id = s.showtime_id and b.id = s.booking_id
where b.status <> 'confirmed'

union all
select 'I3 a hold without end is not sold', jsonb_build_object('showtime_id', l.showtime_id, 'lock_id', l.id)
from public.seat_locks l
where upper_inf(l.held)
  and not exists (select from sold s
                  where s.showtime_id = l.showtime_id and s.seat_id = l.seat_id and s.booking_id = l.booking_id)

union all
select 'I3 a seat is held in an auditorium that it is not in', jsonb_build_object('showtime_id', h.showtime_id, 'lock_id', h.id)
from holds h
left join public.showtimes t on t.id = h.showtime_id
left join public.seats s on s.id = h.seat_id
where t.id is null or s.auditorium_id is distinct from t.auditorium_id

-- I4: no lock outlives its promised end: a selection and the time to pay together, as they were set when it began.
union all
select 'I4 a lock outlives its time', jsonb_build_object('showtime_id', l.showtime_id, 'lock_id', l.id)
from public.seat_locks l
where not upper_inf(l.held)
  and upper(l.held) - lower(l.held) > (select max(p.longest) from promises p where p.during @> lower(l.held))
  and (l.end_reason is null or l.end_reason = 'released')  -- the others were sold before they ended

union all
select 'I4 a booking outlives its time', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.status = 'pending' and b.expires_at < v_now - interval '10 minutes'

union all
select 'I4 the sweep cannot do its work', jsonb_strip_nulls(jsonb_build_object(
  'step', f.step, 'booking_id', f.booking_id, 'error_code', f.error_code, 'message', f.message, 'times', f.times))
from private.sweep_failures f
-- It is tried again within an hour, so that what has not failed for two no longer fails.
where f.first_failed_at < v_now - interval '1 hour' and f.last_failed_at > v_now - interval '2 hours'

-- I5: totals are the sum of their lines and what Stripe was asked for.
union all
select 'I5 a total is not the sum of its lines', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.total is distinct from (select sum(s.price) from public.booking_seats s
                                where s.showtime_id = b.showtime_id and s.booking_id = b.id)

union all
select 'I5 Stripe was asked for another amount', jsonb_build_object('payment_id', p.id, 'booking_id', b.id)
from public.payments p
join public.bookings b on b.showtime_id = p.showtime_id and b.id = p.booking_id
where (p.amount, p.currency) is distinct from (b.total, b.currency) and p.status <> 'succeeded'

-- I6: one mail for each confirmation and each refund. (Once is the outbox's unique key.)
union all
select 'I6 a confirmation has no mail', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.confirmed_at is not null
  and not exists (select from private.outbox o where o.key = 'mail:confirmation:' || b.id)

union all
select 'I6 a refund has no mail', jsonb_build_object('refund_id', r.id)
from public.refunds r
where not (r.reason = 'made_at_stripe' and r.status = 'failed')
  and not exists (select from private.outbox o where o.key = 'mail:refund:' || r.id)

union all
select 'I6 an email was given up', jsonb_build_object('outbox_id', o.id, 'key', o.key, 'last_error', coalesce(o.last_error, '-'))
from private.outbox o where o.state = 'failed'

-- I7: no API role writes a table of the booking path, and all of them have row security.
union all
select 'I7 a client may write a table', jsonb_build_object('table', t.name, 'role', r.name, 'privilege', p.name)
from unnest(array['seat_locks', 'bookings', 'booking_seats', 'payments', 'refunds', 'disputes']) t (name),
     unnest(array['anon', 'authenticated']) r (name),
     unnest(array['insert', 'update', 'delete', 'truncate']) p (name)
where has_table_privilege(r.name, 'public.' || t.name, p.name)
   or p.name in ('insert', 'update') and has_any_column_privilege(r.name, 'public.' || t.name, p.name)

union all
select 'I7 a client may call what is not for clients', jsonb_build_object('function', p.oid::regprocedure::text, 'role', r.name)
from pg_catalog.pg_proc p, unnest(array['anon', 'authenticated']) r (name)
where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
  and has_function_privilege(r.name, p.oid, 'execute')
  and p.proname <> all (array['lock_seats', 'release_seats', 'seat_map', 'seats_left', 'server_time', 'create_booking',
                              'cancel_booking', 'cancellable_until', 'send_ticket_again', 'seat_holder',
                              'booking_history'])
  and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')  -- of an extension

union all
select 'I7 a table has no row security', jsonb_build_object('table', c.oid::regclass::text)
from pg_catalog.pg_class c
where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p')
  and not c.relrowsecurity
)
select coalesce(jsonb_agg(jsonb_build_object('invariant', f.invariant, 'violation', f.violation)), '[]') from found f);
end
$function$;

REVOKE ALL ON FUNCTION "public"."check_invariants"() FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.create_booking (
  showtime_id bigint
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_user uuid := private.require_user_id();
  v_showtime public.showtimes := private.showtime_on_sale(create_booking.showtime_id);
  v_booking public.bookings;
  v_now timestamptz;
  v_unpriced bigint[];
  v_total integer;
  v_currency text;
  v_lines jsonb;
begin
  perform private.lock_customer(v_showtime.id, v_user);
  v_now := private.now();
  select * into v_booking from public.bookings b
  where b.showtime_id = v_showtime.id and b.user_id = v_user and b.status = 'pending' for update;
  if v_booking.expires_at > v_now then
    return private.booking_json(v_booking);
  elsif v_booking.id is not null then
    perform private.expire_booking(v_booking);
  end if;

  -- The lines are read once, so that a price list which changes meanwhile cannot part the total from its lines.
  select array_agg(s.id order by s.id) filter (where p.price is null), sum(p.price), min(t.currency),
         jsonb_agg(jsonb_build_object('seat_id', s.id, 'row_label', s.row_label, 'number', s.number, 'kind', s.kind,
                                      'price', p.price))
  into v_unpriced, v_total, v_currency, v_lines
  from public.seat_locks l
  join public.seats s on s.id = l.seat_id
  join public.auditoriums a on a.id = s.auditorium_id
  join public.theaters t on t.id = a.theater_id
  left join public.showtime_prices p on p.showtime_id = v_showtime.id and p.kind = s.kind
  where l.showtime_id = v_showtime.id and l.user_id = v_user and l.booking_id is null and l.held @> v_now;
  if v_lines is null then
    perform private.raise_api_error('lock_expired');
  elsif v_unpriced is not null then
    perform private.raise_api_error('seat_not_for_sale', jsonb_build_object('seat_ids', v_unpriced));
  end if;

  insert into public.bookings as b (showtime_id, reference, user_id, total, currency, created_at, expires_at)
  select v_showtime.id, private.new_reference(), v_user, v_total, v_currency, v_now, v_now + c.payment_duration
  from private.settings c where c.singleton
  returning b.* into v_booking;
  insert into public.booking_seats (showtime_id, booking_id, seat_id, row_label, number, kind, price)
  select v_showtime.id, v_booking.id, line.seat_id, line.row_label, line.number, line.kind, line.price
  from jsonb_populate_recordset(null::public.booking_seats, v_lines) line;
  if private.extend_locks(v_booking, null, v_booking.expires_at, v_now) < jsonb_array_length(v_lines) then
    perform private.raise_api_error('lock_expired');
  end if;
  perform private.broadcast_showtime(v_showtime.id, 'seat:lock', private.locks_json(v_booking, v_now));
  return private.booking_json(v_booking);
exception
  -- Somebody took a seat in the instant in which its lock ran out.
  when exclusion_violation then
    perform private.raise_api_error('lock_expired');
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

CREATE OR REPLACE FUNCTION public.lock_seats (
  showtime_id bigint,
  seat_ids    bigint[]
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_user uuid := private.user_id();
  v_now timestamptz;
  v_limit integer;
  v_open boolean;
  v_known integer;
  v_mine bigint[];
  v_booking_id uuid;
  v_expires_at timestamptz;
  v_recent integer;
  v_per_minute integer;
  v_wanted bigint[] := lock_seats.seat_ids;
  v_got bigint[];
  v_lock_ids bigint[];
begin
  perform private.lock_customer(lock_seats.showtime_id, v_user);
  v_now := private.now();
  select c.seats_per_customer,
         u.id is not null and t.status = 'scheduled' and t.starts_at > v_now,
         (select count(*) from public.seats s
          where cardinality(v_wanted) <= c.seats_per_customer
            and s.id = any (v_wanted) and s.auditorium_id = t.auditorium_id),
         mine.seat_ids, mine.booking_id, coalesce(mine.expires_at, v_now + c.lock_duration),
         mine.lately, c.seats_chosen_per_minute
  into strict v_limit, v_open, v_known, v_mine, v_booking_id, v_expires_at, v_recent, v_per_minute
  from private.settings c
  left join public.showtimes t on t.id = lock_seats.showtime_id
  left join public.users u on u.id = v_user
  cross join lateral (
    select array_agg(l.seat_id) filter (where l.live) as seat_ids,
           min(upper(l.held)) filter (where l.live and l.booking_id is null) as expires_at,
           min(l.booking_id::text)
             filter (where l.live and l.booking_id is not null and not upper_inf(l.held))::uuid as booking_id,
           count(*) filter (where lower(l.held) > v_now - interval '1 minute') as lately
    -- Not `held @> now`: it would draw the planner to the GiST index, which is slower than the primary key.
    from (select *, (upper(any_of_mine.held) > v_now) is not false as live from public.seat_locks any_of_mine) l
    where l.showtime_id = lock_seats.showtime_id and l.user_id = v_user) mine
  where c.singleton;
  if v_open is not true or v_known is distinct from cardinality(v_wanted) or v_known not between 1 and v_limit then
    perform private.refuse_selection(lock_seats.showtime_id, v_user, v_wanted, v_limit);
  end if;
  if v_mine is not null then
    v_wanted := array(select s from unnest(v_wanted) s where s <> all (v_mine));
    if cardinality(v_wanted) = 0 then
      return private.selection_json(lock_seats.showtime_id, v_user, v_now);
    elsif v_booking_id is not null then
      perform private.raise_api_error('booking_pending', jsonb_build_object('booking_id', v_booking_id));
    elsif cardinality(v_mine) + cardinality(v_wanted) > v_limit then
      perform private.raise_api_error('too_many_seats', jsonb_build_object('limit', v_limit));
    end if;
  end if;
  if v_recent + cardinality(v_wanted) > v_per_minute then
    perform private.raise_api_error('too_many_attempts', '{"retry_after": 60}');
  end if;

  -- Not `insert` and catch: two such inserts can wait for each other. `do nothing` inserts speculatively and, in the
  -- order of seat ids, nobody waits in a circle. Naming the constraint spares a look into the primary key.
  with inserted as (
    insert into public.seat_locks as l (showtime_id, seat_id, user_id, held)
    select lock_seats.showtime_id, s, v_user, tstzrange(v_now, v_expires_at) from unnest(v_wanted) s order by s
    on conflict on constraint one_holder_at_a_time do nothing
    returning l.seat_id, l.id
  )
  select array_agg(i.seat_id), array_agg(i.id) into v_got, v_lock_ids from inserted i;
  if cardinality(v_wanted) > coalesce(cardinality(v_got), 0) then
    perform private.raise_api_error('seat_taken', jsonb_build_object('seat_ids', array(
      select s from unnest(v_wanted) s where s <> all (coalesce(v_got, '{}')) order by s)));
  end if;

  perform realtime.send(
    jsonb_build_object('seat_ids', v_got, 'lock_ids', v_lock_ids, 'expires_at', v_expires_at),
    'seat:lock', 'showtime:' || lock_seats.showtime_id, true);
  if v_mine is not null then
    return private.selection_json(lock_seats.showtime_id, v_user, v_now);
  end if;
  return jsonb_build_object('showtime_id', lock_seats.showtime_id, 'seat_ids', v_got, 'lock_ids', v_lock_ids,
                            'expires_at', v_expires_at);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

CREATE OR REPLACE FUNCTION public.operational_metrics()
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  return (
  with refunds as (
    select r.status, count(*) as n, round(extract(epoch from max(v_now - r.since))::numeric, 1) as age
    from private.unfinished_refunds() r group by r.status)
  select jsonb_build_object(
    'outbox', (select coalesce(jsonb_agg(to_jsonb(o)), '[]') from (
      select o.kind, o.state, count(*) as rows,
             round(extract(epoch from max(v_now - o.created_at))::numeric, 1) as oldest_seconds,
             greatest(0, round(extract(epoch from max(v_now - greatest(o.due_at, o.claimed_until))
                                                  filter (where o.state = 'queued'))::numeric, 1)) as overdue_seconds
      from private.outbox o where o.state in ('queued', 'failed') group by o.kind, o.state) o),
    'refunds', (select coalesce(jsonb_object_agg(r.status, r.n), '{}') from refunds r),
    'refund_ages', (select coalesce(jsonb_object_agg(r.status, r.age), '{}') from refunds r),
    'payments_open', (select count(*) from public.payments p where p.status = 'open'),
    'disputes_open', (select count(*) from public.disputes d where d.closed_at is null),
    'disputes', (select coalesce(jsonb_agg(to_jsonb(d)), '[]') from (
      select d.id, b.reference, d.status, d.amount, d.currency
      from public.disputes d
      join public.bookings b on b.showtime_id = d.showtime_id and b.id = d.booking_id
      where d.closed_at is null order by d.created_at limit 20) d),
    'violations', (select v.violations from private.verifications v),
    'verified_seconds_ago', (
      select round(extract(epoch from v_now - greatest(v.ended_at, v.created_at))::numeric, 1)
      from private.verifications v),
    'sweep_seconds_ago', (
      select round(extract(epoch from v_now - greatest(s.swept_until, s.created_at))::numeric, 1)
      from private.sweeps s),
    'sweep_failures', (select count(*) from private.sweep_failures f where f.last_failed_at > v_now - interval '2 hours'),
    'locks_held', (select count(*) from public.seat_locks l
                   where upper(l.held) > v_now and not upper_inf(l.held)),
    'lock_ids', coalesce(pg_sequence_last_value(pg_get_serial_sequence('public.seat_locks', 'id')::regclass), 0),
    'bookings_recent', (select coalesce(jsonb_object_agg(r.status, r.n), '{}') from (
      select g.status, count(distinct g.booking_id) as n
      from private.booking_log g
      where g.entity = 'booking' and g.at > v_now - interval '5 minutes' group by g.status) r),
    'payments_recent', (select coalesce(jsonb_object_agg(r.outcome, r.n), '{}') from (
      select case when g.status = 'open' and g.row_data ->> 'failure_code' is not null then 'declined'
                  else g.status end as outcome,
             count(distinct g.row_data ->> 'id') as n
      from private.booking_log g
      where g.entity = 'payment' and g.at > v_now - interval '5 minutes' group by 1) r)));
end
$function$;

REVOKE ALL ON FUNCTION "public"."operational_metrics"() FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.release_expired_locks (
  max_rows integer DEFAULT 10000
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET enable_seqscan TO 'off'
  AS $function$
declare
  c_longest_call constant interval := '10 seconds';
  -- The tidying has time for an hour.
  c_steps constant text[] := array['broadcast_expired', 'archive_ended_locks', 'broadcast_availability'];
  c_hourly_steps constant text[] := array['archive_shown', 'purge_old_sign_ins', 'abandon_emails', 'forget_failures'];
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
        when 'purge_old_sign_ins' then
          perform private.purge_old_sign_ins();
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
$function$;

CREATE OR REPLACE FUNCTION public.release_seats (
  showtime_id bigint,
  seat_ids    bigint[] DEFAULT NULL::bigint[]
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_user uuid := private.require_user_id();
  v_now timestamptz;
  v_booking_id uuid;
  v_released record;
begin
  if not exists (select from public.showtimes s where s.id = release_seats.showtime_id) then
    perform private.raise_api_error('unknown_showtime');
  end if;
  perform private.lock_customer(release_seats.showtime_id, v_user);
  v_now := private.now();
  select l.booking_id into v_booking_id
  from public.seat_locks l
  where l.showtime_id = release_seats.showtime_id and l.user_id = v_user and l.held @> v_now
    and l.booking_id is not null and not upper_inf(l.held)
    and (release_seats.seat_ids is null or l.seat_id = any (release_seats.seat_ids))
  limit 1;
  if found then
    perform private.raise_api_error('booking_pending', jsonb_build_object('booking_id', v_booking_id));
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
    perform private.broadcast_showtime(release_seats.showtime_id, 'seat:release', jsonb_build_object(
      'seat_ids', v_released.seat_ids, 'lock_ids', v_released.lock_ids, 'reason', 'released'));
  end if;
  return private.selection_json(release_seats.showtime_id, v_user, private.now());
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

CREATE OR REPLACE FUNCTION public.seat_map (
  showtime_id bigint
)
  RETURNS json
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
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
               l.id as lock_id, upper(l.held) as expires_at
        from public.seats s
        left join public.showtime_prices p on p.showtime_id = t.id and p.kind = s.kind
        left join public.seat_locks l on l.showtime_id = t.id and l.seat_id = s.id and l.held @> v_now
        where s.auditorium_id = t.auditorium_id) seat))
  into v_map
  from public.showtimes t
  join public.auditoriums a on a.id = t.auditorium_id
  join public.theaters h on h.id = a.theater_id
  where t.id = seat_map.showtime_id;
  if v_map is null then
    perform private.raise_api_error('unknown_showtime');
  end if;
  return v_map;
end
$function$;

CREATE OR REPLACE FUNCTION public.seats_left (
  showtime public.showtimes
)
  RETURNS integer
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  return (select count(*) from public.seats s where s.auditorium_id = (showtime).auditorium_id)
       - (select count(*) from public.seat_locks l where l.showtime_id = (showtime).id and l.held @> v_now);
end
$function$;

CREATE OR REPLACE FUNCTION public.start_verification (
  every interval DEFAULT '1 day'::interval
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  update private.verifications v set started_at = v_now
  where v.singleton and v.ended_at <= v_now - start_verification.every
    and v.started_at <= v_now - least(start_verification.every, interval '1 hour');
  return found;
end
$function$;

CREATE INDEX showtimes_cancelled ON public.showtimes USING btree (starts_at)
  WHERE (status = 'cancelled'::public.showtime_status);

CREATE TRIGGER changes_are_logged
  AFTER UPDATE ON private.settings
  FOR EACH ROW
  WHEN ((old.* IS DISTINCT FROM new.*))
  EXECUTE FUNCTION private.log_settings();

CREATE TRIGGER rows_are_only_added
  BEFORE DELETE OR UPDATE OR TRUNCATE ON private.settings_log
  FOR EACH STATEMENT
  EXECUTE FUNCTION private.forbid_changes();

COMMENT ON COLUMN "private"."settings"."sign_in_attempts_per_account" IS 'Failures at one account from all addresses together within sign_in_window. Reaching it locks its owner out.';

COMMENT ON COLUMN "private"."sweep_failures"."error_code" IS 'SQLSTATE.';

COMMENT ON COLUMN "private"."sweep_failures"."retry_at" IS 'A booking is passed by until then, so that one that always fails does not stand before all others.';

REVOKE ALL ON FUNCTION "private"."archive_shown"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."archive_shown"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."archive_shown"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."clear_sweep_failure"(text, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."clear_sweep_failure"(text, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."clear_sweep_failure"(text, uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."expire_bookings"(timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."expire_bookings"(timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."expire_bookings"(timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."log_settings"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."log_settings"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."log_settings"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."record_sweep_failure"(text, uuid, text, text, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."record_sweep_failure"(text, uuid, text, text, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."record_sweep_failure"(text, uuid, text, text, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "public"."check_invariants"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."check_invariants"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."check_invariants"() TO "service_role";

REVOKE ALL ON FUNCTION "public"."operational_metrics"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."operational_metrics"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."operational_metrics"() TO "service_role";

-- The Data API reads the schema again.
notify pgrst, 'reload schema';
