-- A database that was restored from a dump of some schemas lacks this: without it everybody may execute a new function.
alter default privileges revoke execute on functions from public;
-- A migration waits for no lock that a long call holds, with every other call waiting behind it: it fails and is pushed
-- again.
set lock_timeout = '2s';
set statement_timeout = '5min';

SET local check_function_bodies = off;

DROP FUNCTION "private"."archive_shown"(timestamp WITH time zone);

DROP FUNCTION "private"."check_rate_limit"(text, text, integer, interval);

DROP FUNCTION "private"."refund_payment"(public.payments, text);

DROP FUNCTION "public"."check_invariants"();

DROP FUNCTION "public"."operational_metrics"();

DROP FUNCTION "public"."payments_to_reconcile"(interval, integer, uuid);

DROP FUNCTION "public"."refunds_to_reconcile"(interval, integer, uuid);

DROP TABLE "private"."attempts";

DROP TABLE "private"."sign_in_attempts";

CREATE TABLE "private"."rate_limit_hits" (
  "id"         bigint                   GENERATED ALWAYS AS IDENTITY NOT NULL,
  "key"        text                     NOT NULL,
  "source"     text,
  "expires_at" timestamp with time zone NOT NULL,
  CONSTRAINT "rate_limit_hits_pkey" PRIMARY KEY (id),
  "hit_at"     timestamp with time zone NOT NULL DEFAULT private.now()
);

ALTER TABLE "private"."rate_limit_hits"
  ENABLE ROW LEVEL SECURITY;

CREATE TABLE "private"."settings_log" (
  "id"          bigint                   GENERATED ALWAYS AS IDENTITY NOT NULL,
  "row_data"    jsonb                    NOT NULL,
  CONSTRAINT "settings_log_pkey" PRIMARY KEY (id),
  "replaced_at" timestamp with time zone NOT NULL DEFAULT private.now()
);

ALTER TABLE "private"."settings_log"
  ENABLE ROW LEVEL SECURITY;

CREATE TABLE "private"."stripe_checks" (
  "subject_id"      uuid                     NOT NULL,
  "checks"          integer                  NOT NULL,
  "last_checked_at" timestamp with time zone NOT NULL,
  "next_check_at"   timestamp with time zone NOT NULL,
  CONSTRAINT "stripe_checks_pkey" PRIMARY KEY (subject_id)
);

ALTER TABLE "private"."stripe_checks"
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

ALTER TABLE "private"."refresh_tokens"
  ADD COLUMN "parent_hash" text;

ALTER TYPE "private"."outbox_kind" ADD VALUE 'mail_cancellation' AFTER 'cancel_intent';


SET local check_function_bodies = off;

ALTER TYPE "private"."outbox_kind" ADD VALUE 'mail_refund_failed' AFTER 'mail_cancellation';


SET local check_function_bodies = off;

CREATE TYPE "private"."rate_limit" AS (
  "key"      text,
  "max_hits" integer,
  "span"     interval
);

CREATE OR REPLACE FUNCTION private.abandon_emails (
  p_now timestamp with time zone
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  update private.outbox o
  set state = 'failed', completed_at = p_now, claimed_until = null,
      last_error = 'claimed by ' || o.abandoned_claims + 1 || ' workers, none of which came back'
  where o.state = 'queued' and private.is_mail(o.kind)
    and o.abandoned_claims >= 9 and o.claimed_until <= p_now
$function$;

CREATE OR REPLACE FUNCTION private.apply_refund_status (
  p_booking          public.bookings,
  p_refund           public.refunds,
  p_status           public.refund_status,
  p_stripe_refund_id text,
  p_failure_reason   text
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_ours boolean := p_refund.reason <> 'made_at_stripe';
begin
  if p_refund.status = 'void' or p_refund.status = 'failed' and not v_ours
    or p_refund.status = 'succeeded' and p_status <> 'failed'
    or p_refund.status = 'failed' and p_status = 'failed' and p_refund.stripe_refund_id = p_stripe_refund_id then
    return;
  end if;
  update public.refunds r
  set status = p_status, stripe_refund_id = p_stripe_refund_id, updated_at = private.now(),
      failure_reason = case p_status when 'failed' then coalesce(p_failure_reason, 'unknown') end,
      attempt = r.attempt + (v_ours and p_status = 'failed')::integer
  where r.showtime_id = p_refund.showtime_id and r.id = p_refund.id
  returning r.* into p_refund;
  if v_ours and p_status = 'failed' then
    perform private.enqueue_refund(p_booking, p_refund, interval '1 hour');
  end if;
  if p_status = 'failed' and p_stripe_refund_id is not null
    and exists (select from private.outbox o where o.key = 'mail:refund:' || p_refund.id) then
    perform private.enqueue('mail_refund_failed', 'mail:refund_failed:' || p_refund.id, p_booking,
                            jsonb_build_object('refund_id', p_refund.id));
  end if;
end
$function$;

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

CREATE OR REPLACE FUNCTION private.attempt_of (
  p_fact jsonb
)
  RETURNS integer
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select case when p_fact #>> '{metadata,attempt}' ~ '^[0-9]{1,8}$' then (p_fact #>> '{metadata,attempt}')::integer end
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

CREATE OR REPLACE FUNCTION private.check_rate_limit (
  p_limits private.rate_limit[],
  p_source text                 DEFAULT NULL::text
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_key text;
  v_now timestamptz;
  v_wait numeric;
begin
  -- In the order of keys, so that two calls which share more than one never wait for each other.
  for v_key in select l.key from unnest(p_limits) l where l.max_hits is not null order by l.key collate "C"
  loop
    perform pg_advisory_xact_lock(hashtextextended(v_key, 0));
  end loop;
  v_now := private.now();
  -- Of each limit that is reached, the hit that has to leave its span first.
  select max(extract(epoch from blocking.hit_at + l.span - v_now)) into v_wait
  from unnest(p_limits) l
  cross join lateral (
    select h.hit_at from private.rate_limit_hits h
    where h.key = l.key and h.hit_at > v_now - l.span
    order by h.hit_at desc offset l.max_hits - 1 limit 1) blocking
  where l.max_hits is not null;
  if v_wait is not null then
    return greatest(1, ceil(v_wait));
  end if;
  insert into private.rate_limit_hits (key, source, hit_at, expires_at)
  select l.key, p_source, v_now, v_now + l.span from unnest(p_limits) l where l.max_hits is not null;
  return 0;
end
$function$;

CREATE OR REPLACE FUNCTION private.claim_checks (
  p_subjects uuid[],
  p_first    interval,
  p_now      timestamp with time zone
)
  RETURNS SETOF uuid
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  insert into private.stripe_checks as c (subject_id, checks, last_checked_at, next_check_at)
  select s.id, case when b.id is null then 1 else 0 end, p_now,
         case when b.id is null then p_now + least(p_first * 2, interval '1 hour')
              when b.expires_at - interval '30 seconds' > p_now
                then least(p_now + p_first, b.expires_at - interval '30 seconds')
              else p_now + p_first end
  from unnest(p_subjects) s (id)
  left join public.payments p on p.id = s.id
  left join public.bookings b
    on b.showtime_id = p.showtime_id and b.id = p.booking_id and b.status = 'pending' and b.expires_at > p_now
  order by s.id
  on conflict (subject_id) do update
    set checks = c.checks + excluded.checks, last_checked_at = p_now,
        next_check_at = case when excluded.checks = 0 then excluded.next_check_at
                             else p_now + least(p_first * 2 ^ least(c.checks + 1, 20), interval '1 hour') end
    where c.next_check_at <= p_now
  returning c.subject_id
$function$;

CREATE OR REPLACE FUNCTION private.clear_rate_limit (
  p_keys   text[],
  p_source text,
  p_now    timestamp with time zone
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  delete from private.rate_limit_hits h where h.key = any (p_keys) and h.source = p_source and h.expires_at > p_now
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
    ('sign_in_required',      401, 'Please sign in first.'),
    ('invalid_credentials',   401, 'Incorrect email or password.'),
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
    ('showtime_closed',       409, 'Seats for this showtime are no longer on sale.'),
    ('no_seats',              422, 'Select at least one seat.'),
    ('duplicate_seat',        422, 'Select each seat only once.'),
    ('too_many_seats',        422, 'That is more seats than you can book for one showtime.'),
    ('unknown_seat',          422, 'One of those seats is not in this auditorium.'),
    ('seat_taken',            409, 'One of those seats was just taken.'),
    ('seat_not_for_sale',     409, 'One of those seats is not on sale for this showtime.'),
    ('booking_pending',       409, 'You have an unpaid order for this showtime. Pay for it or cancel it first.'),
    -- booking and paying
    ('lock_expired',          409, 'Your hold expired and the seats were released. Please choose again.'),
    ('unknown_booking',       404, 'Booking not found.'),
    ('not_cancellable',       409, 'This booking can no longer be cancelled.'),
    ('not_payable',           409, 'This booking can no longer be paid for.'),
    ('no_ticket',             409, 'There is no ticket for this booking.'),
    ('payment_unavailable',   503, 'Payments are unavailable right now. You have not been charged; please try again.'),
    -- how you ask
    ('invalid_request',       400, 'Invalid request.'),
    ('invalid_signature',     400, 'Invalid signature.'),
    ('not_found',             404, 'Not found.'),
    ('method_not_allowed',    405, 'Method not allowed.'),
    ('payload_too_large',     413, 'The request is too large.'),
    ('busy',                  503, 'Frontrow is busy right now. Please try again in a moment.'),
    ('internal',              500, 'Something went wrong on our side. Please try again later.')
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


SET local check_function_bodies = off;

CREATE OR REPLACE FUNCTION private.is_mail (
  p_kind private.outbox_kind
)
  RETURNS boolean
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select p_kind not in ('refund', 'cancel_intent')
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

CREATE OR REPLACE FUNCTION private.next_state (
  p_row   private.outbox,
  p_error text,
  p_now   timestamp with time zone
)
  RETURNS private.outbox_state
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select case when p_error is null then 'sent'
              when private.is_mail((p_row).kind)
                and p_now - (p_row).created_at > interval '3 days' then 'failed'
              else 'queued' end::private.outbox_state
$function$;

CREATE OR REPLACE FUNCTION private.note_refund (
  p_booking   public.bookings,
  p_payment   public.payments,
  p_fact      jsonb,
  p_refund_id uuid,
  p_attempt   integer
)
  RETURNS public.bookings
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_refund public.refunds;
  v_status public.refund_status := private.refund_status_of(p_fact ->> 'status');
begin
  if v_status is null then
    perform private.raise_api_error('invalid_request');
  end if;
  select * into v_refund from public.refunds r
  where r.payment_id = p_payment.id and r.showtime_id = p_payment.showtime_id
    and (r.stripe_refund_id = p_fact ->> 'id' or r.id = p_refund_id)
  order by r.id = p_refund_id desc nulls last limit 1 for update;
  if v_refund.id is null then
    if exists (select from public.refunds r where r.stripe_refund_id = p_fact ->> 'id') then
      perform private.raise_api_error('invalid_request');  -- a refund is of one payment for ever, and this one is of another
    end if;
    insert into public.refunds as r (showtime_id, booking_id, payment_id, amount, currency, reason, stripe_refund_id)
    values (p_payment.showtime_id, p_booking.id, p_payment.id, (p_fact ->> 'amount')::integer,
            p_payment.currency_received, 'made_at_stripe', p_fact ->> 'id')
    returning r.* into v_refund;
    if v_status <> 'failed' then  -- one that failed before we knew of it is no news
      perform private.enqueue('mail_refund', 'mail:refund:' || v_refund.id, p_booking,
                              jsonb_build_object('refund_id', v_refund.id));
    end if;
  end if;
  if coalesce(p_attempt, v_refund.attempt) = v_refund.attempt then
    perform private.apply_refund_status(p_booking, v_refund, v_status, p_fact ->> 'id', p_fact ->> 'failure_reason');
    p_booking := private.sync_booking_status(p_booking, p_payment);
    perform private.rebalance_refunds(p_booking, p_payment);
  end if;
  return p_booking;
end
$function$;

CREATE OR REPLACE FUNCTION private.only_unused_children (
  p_token_hash text
)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select coalesce(bool_and(t.used_at is null), false) from private.refresh_tokens t where t.parent_hash = p_token_hash
$function$;

CREATE OR REPLACE FUNCTION private.purge_checks (
  p_now timestamp with time zone
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  delete from private.stripe_checks c
  where c.subject_id in (select old.subject_id from private.stripe_checks old
                         where old.last_checked_at < p_now - interval '1 day' limit 1000 for update skip locked)
$function$;

CREATE OR REPLACE FUNCTION private.purge_old_sign_ins()
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  delete from private.sessions s where least(s.expires_at, s.ended_at) < v_now - interval '7 days';
  perform private.purge_rate_limits(v_now);
end
$function$;

CREATE OR REPLACE FUNCTION private.purge_rate_limits (
  p_now timestamp with time zone
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  delete from private.rate_limit_hits h where h.expires_at < p_now - interval '1 minute'
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
$function$;

CREATE OR REPLACE FUNCTION private.refund_booking (
  p_booking public.bookings,
  p_reason  text
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_payment public.payments;
  v_queued integer := 0;
begin
  for v_payment in
    select * from public.payments p
    where p.showtime_id = p_booking.showtime_id and p.booking_id = p_booking.id and p.status = 'succeeded'
  loop
    v_queued := v_queued + private.refund_payment(v_payment, p_reason);
  end loop;
  if v_queued = 0 then
    perform private.enqueue('mail_cancellation', 'mail:cancellation:' || p_booking.id, p_booking,
                            jsonb_build_object('reason', p_reason));
  end if;
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

CREATE OR REPLACE FUNCTION private.refund_context (
  p_refund_id uuid
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select jsonb_build_object('id', r.id, 'attempt', r.attempt, 'amount', r.amount, 'currency', r.currency,
                            'reason', r.reason, 'status', r.status, 'payment_intent_id', p.payment_intent_id,
                            'kept', private.refundable_of_payment(p))
  from public.refunds r
  join public.payments p on p.showtime_id = r.showtime_id and p.id = r.payment_id
  where r.id = p_refund_id
$function$;

CREATE OR REPLACE FUNCTION private.refund_id_of (
  p_fact jsonb
)
  RETURNS uuid
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select case when pg_input_is_valid(p_fact #>> '{metadata,refund_id}', 'uuid')
              then (p_fact #>> '{metadata,refund_id}')::uuid end
$function$;

CREATE OR REPLACE FUNCTION private.refund_payment (
  p_payment public.payments,
  p_reason  text
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_booking public.bookings;
  v_refund public.refunds;
  v_left integer := private.refundable_of_payment(p_payment);
begin
  if v_left = 0 then
    return 0;
  end if;
  insert into public.refunds as r (showtime_id, booking_id, payment_id, amount, currency, reason)
  values (p_payment.showtime_id, p_payment.booking_id, p_payment.id, v_left, p_payment.currency_received, p_reason)
  returning r.* into v_refund;
  select * into strict v_booking from public.bookings b
  where b.showtime_id = p_payment.showtime_id and b.id = p_payment.booking_id;
  perform private.enqueue_refund(v_booking, v_refund, interval '0');
  perform private.enqueue('mail_refund', 'mail:refund:' || v_refund.id, v_booking,
                       jsonb_build_object('refund_id', v_refund.id));
  return v_left;
end
$function$;

CREATE OR REPLACE FUNCTION private.refund_status_of (
  p_stripe_status text
)
  RETURNS public.refund_status
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select case p_stripe_status
    when 'succeeded' then 'succeeded'
    when 'pending' then 'pending'
    when 'requires_action' then 'pending'
    when 'failed' then 'failed'
    when 'canceled' then 'failed'
  end::public.refund_status
$function$;

CREATE OR REPLACE FUNCTION private.refund_that_stands_for (
  p_refund  public.refunds,
  p_refunds jsonb
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select given.fact
  from jsonb_array_elements(p_refunds) with ordinality as given (fact, nth),
       lateral (select given.fact #>> '{metadata,refund_id}' as refund_id) said
  where private.refund_status_of(given.fact ->> 'status') is distinct from 'failed'
    and (said.refund_id = (p_refund).id::text
         or said.refund_id is null and (given.fact ->> 'amount')::integer = (p_refund).amount
           and not exists (select from public.refunds known where known.stripe_refund_id = given.fact ->> 'id'))
  order by said.refund_id is null, given.nth limit 1
$function$;

CREATE OR REPLACE FUNCTION private.refundable_of_payment (
  p_payment public.payments
)
  RETURNS integer
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
begin
  return greatest(0, coalesce(p_payment.amount_received, 0) - private.committed_refund_amount(p_payment));
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

CREATE OR REPLACE FUNCTION private.sign_in_key (
  p_email   text,
  p_address text DEFAULT NULL::text
)
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select case when p_address is null then 'sign_in_to:' || p_email
              else 'sign_in_at:' || p_address || ' ' || p_email end
$function$;

CREATE OR REPLACE FUNCTION public.attach_payment_intent (
  payment_id        uuid,
  payment_intent_id text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_booking public.bookings;
  v_payment public.payments;
begin
  v_booking := private.booking_for_update(
    (select p.booking_id from public.payments p where p.id = attach_payment_intent.payment_id));
  if v_booking.id is null then
    perform private.raise_api_error('not_payable');
  end if;
  -- A payment canceled while it had no intent is open again now that it has one: that intent must be canceled too.
  update public.payments p
  set payment_intent_id = attach_payment_intent.payment_intent_id,
      status = case when p.payment_intent_id is null and p.status = 'canceled' then 'open' else p.status end
  where p.showtime_id = v_booking.showtime_id and p.id = attach_payment_intent.payment_id
    and (p.payment_intent_id = attach_payment_intent.payment_intent_id
         or p.payment_intent_id is null
           and not exists (select from public.payments other
                           where other.payment_intent_id = attach_payment_intent.payment_intent_id))
  returning p.* into v_payment;
  if v_payment.status = 'open' and v_booking.status <> 'pending' then
    perform private.cancel_payment_intent(v_booking);
  end if;
  return jsonb_build_object('attached', v_payment.id is not null);
end
$function$;

CREATE OR REPLACE FUNCTION public.begin_sign_in (
  email   text,
  address text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_email text := left(private.normalize_email(begin_sign_in.email), 254);
  v_settings private.settings;
  v_seconds integer;
  v_user public.users;
  v_hash text;
begin
  if begin_sign_in.address is null then  -- its key would be the one of the whole account
    perform private.raise_api_error('invalid_request');
  end if;
  select * into strict v_settings from private.settings;
  v_seconds := private.check_rate_limit(array[
    row(private.sign_in_key(v_email, begin_sign_in.address), v_settings.sign_in_attempts_per_account_and_address,
        v_settings.sign_in_window),
    row(private.sign_in_key(v_email), v_settings.sign_in_attempts_per_account, v_settings.sign_in_window),
    row('sign_in_from:' || begin_sign_in.address, v_settings.sign_in_attempts_per_address, v_settings.sign_in_window)
  ]::private.rate_limit[], begin_sign_in.address);
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  select u.* into v_user from public.users u where u.email = v_email;
  if not found then
    return jsonb_build_object('status', 'unknown');
  end if;
  select c.password_hash into strict v_hash from private.credentials c where c.user_id = v_user.id;
  return jsonb_build_object('status', 'known', 'user', private.user_json(v_user), 'password_hash', v_hash);
end
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

-- I6: one mail for each confirmation, each refund, each refund that a bank refused and each cancellation of what was
-- paid. (Once is the outbox's unique key.)
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
select 'I6 a refund that was refused has no mail', jsonb_build_object('refund_id', r.id)
from public.refunds r
where r.status = 'failed' and r.stripe_refund_id is not null
  and exists (select from private.outbox o where o.key = 'mail:refund:' || r.id)
  and not exists (select from private.outbox o where o.key = 'mail:refund_failed:' || r.id)

union all
select 'I6 a cancellation has no mail', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.confirmed_at is not null and b.status in ('cancelled', 'refunded')
  and not exists (select from private.outbox o
                  where o.booking_id = b.id and o.kind in ('mail_refund', 'mail_cancellation'))

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
                              'cancel_booking', 'cancellable_until', 'refundable_amount', 'send_ticket_again', 'seat_holder',
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

CREATE OR REPLACE FUNCTION public.check_registration_limit (
  address text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_seconds integer;
begin
  select private.check_rate_limit(
    array[row('registration:' || check_registration_limit.address, c.registrations_per_address, c.sign_in_window)
          ::private.rate_limit])
  into strict v_seconds from private.settings c;
  return case when v_seconds = 0 then jsonb_build_object('status', 'admitted')
              else jsonb_build_object('status', 'limited', 'retry_after', v_seconds) end;
end
$function$;

CREATE OR REPLACE FUNCTION public.claim_outbox (
  max_rows      integer DEFAULT 10,
  lease_seconds integer DEFAULT 60,
  kinds         text[]  DEFAULT NULL::text[]
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
  v_claimed jsonb;
begin
  with due as (
    select o.id from private.outbox o
    where o.state = 'queued' and o.due_at <= v_now and (o.claimed_until is null or o.claimed_until <= v_now)
      and (claim_outbox.kinds is null or o.kind::text = any (claim_outbox.kinds))
      and (o.abandoned_claims < 9 or not private.is_mail(o.kind))  -- see abandon_emails
    order by o.due_at limit claim_outbox.max_rows for update skip locked
  ), claimed as (
    update private.outbox o
    set attempts = o.attempts + 1, abandoned_claims = o.abandoned_claims + (o.claimed_until is not null)::integer,
        claimed_until = v_now + make_interval(secs => claim_outbox.lease_seconds)
    from due where o.id = due.id
    returning o.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', c.id, 'attempt', c.attempts, 'kind', c.kind, 'key', c.key, 'booking_id', c.booking_id,
    'request_id', c.request_id, 'payload', c.payload,
    'email', case when private.is_mail(c.kind) then private.email_context(c.booking_id) end,
    'refund', private.refund_context((c.payload ->> 'refund_id')::uuid)) order by c.id), '[]')
  into v_claimed from claimed c;
  return v_claimed;
end
$function$;

CREATE OR REPLACE FUNCTION public.claim_payments_to_reconcile (
  older_than interval,
  max_rows   integer  DEFAULT 20
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_now timestamptz := private.now();
  v_due uuid[];
begin
  perform private.purge_checks(v_now);
  select array_agg(due.id) into v_due from (
    select p.id from public.payments p
    left join private.stripe_checks c on c.subject_id = p.id
    where p.status = 'open' and p.payment_intent_id is not null
      and p.created_at <= v_now - claim_payments_to_reconcile.older_than
      and (c.subject_id is null or c.next_check_at <= v_now)
    order by coalesce(c.next_check_at, p.created_at + claim_payments_to_reconcile.older_than), p.id
    limit claim_payments_to_reconcile.max_rows
    for no key update of p skip locked) due;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'payment_id', p.id, 'booking_id', p.booking_id, 'payment_intent_id', p.payment_intent_id)), '[]')
    from private.claim_checks(v_due, claim_payments_to_reconcile.older_than, v_now) claimed (id)
    join public.payments p on p.id = claimed.id);
end
$function$;

REVOKE ALL ON FUNCTION "public"."claim_payments_to_reconcile"(interval, integer) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.claim_refunds_to_reconcile (
  older_than interval,
  max_rows   integer  DEFAULT 20
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_now timestamptz := private.now();
  v_due uuid[];
begin
  select array_agg(due.id) into v_due from (
    select r.id from public.refunds r
    left join private.stripe_checks c on c.subject_id = r.id
    where r.status = 'pending' and r.stripe_refund_id is not null
      and r.updated_at <= v_now - claim_refunds_to_reconcile.older_than
      and (c.subject_id is null or c.next_check_at <= v_now)
    order by coalesce(c.next_check_at, r.updated_at + claim_refunds_to_reconcile.older_than), r.id
    limit claim_refunds_to_reconcile.max_rows
    for no key update of r skip locked) due;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', r.id, 'attempt', r.attempt, 'stripe_refund_id', r.stripe_refund_id)), '[]')
    from private.claim_checks(v_due, claim_refunds_to_reconcile.older_than, v_now) claimed (id)
    join public.refunds r on r.id = claimed.id);
end
$function$;

REVOKE ALL ON FUNCTION "public"."claim_refunds_to_reconcile"(interval, integer) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.close_session (
  token_hash text,
  everywhere boolean DEFAULT false
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  update private.sessions s set ended_at = v_now, end_reason = 'signed_out'
  from private.refresh_tokens t
  join private.sessions mine on mine.id = t.session_id
  where t.token_hash = close_session.token_hash
    and s.ended_at is null
    and (s.id = mine.id or close_session.everywhere and s.user_id = mine.user_id);
end
$function$;

CREATE OR REPLACE FUNCTION public.compare_refunds (
  refunds jsonb
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', given.id, 'here', known.status,
    'at_stripe', coalesce(private.refund_status_of(given.status)::text, given.status)) order by given.id), '[]')
  from jsonb_to_recordset(compare_refunds.refunds) as given (id text, amount integer, status text)
  left join public.refunds known on known.stripe_refund_id = given.id
  where case when known.id is null then private.refund_status_of(given.status) is distinct from 'failed'
             else (known.amount, known.status) is distinct from
                  (given.amount, private.refund_status_of(given.status)) end
$function$;

REVOKE ALL ON FUNCTION "public"."compare_refunds"(jsonb) FROM PUBLIC, "anon", "authenticated";

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

CREATE OR REPLACE FUNCTION public.open_session (
  user_id    uuid,
  token_hash text,
  user_agent text DEFAULT NULL::text,
  address    text DEFAULT NULL::text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_settings private.settings;
  v_user public.users;
  v_session private.sessions;
  v_now timestamptz;
begin
  select * into strict v_settings from private.settings;
  select u.* into v_user from public.users u where u.id = open_session.user_id;
  if not found then
    perform private.raise_api_error('unknown_user');
  end if;
  -- In turn with each other and with begin_sign_in: two at once would not see each other's session.
  perform pg_advisory_xact_lock(hashtextextended(private.sign_in_key(v_user.email), 0));
  v_now := private.now();
  update private.sessions s set ended_at = v_now, end_reason = 'too_many'
  where s.id in (
    select o.id from private.sessions o
    where o.user_id = v_user.id and o.ended_at is null and o.expires_at > v_now
    order by o.created_at desc, o.id offset v_settings.sessions_per_customer - 1);
  insert into private.sessions as s (user_id, user_agent, created_at, expires_at)
  values (v_user.id, left(open_session.user_agent, 400), v_now, v_now + v_settings.session_duration)
  returning s.* into v_session;
  insert into private.refresh_tokens (token_hash, session_id) values (open_session.token_hash, v_session.id);
  perform private.clear_rate_limit(
    array[private.sign_in_key(v_user.email), private.sign_in_key(v_user.email, open_session.address)],
    open_session.address, v_now);
  return jsonb_build_object('session_id', v_session.id, 'expires_at', v_session.expires_at,
                            'user', private.user_json(v_user));
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

CREATE OR REPLACE FUNCTION public.record_refund (
  event_id          text,
  event_type        text,
  stripe_refund_id  text,
  payment_intent_id text,
  amount            integer,
  status            text,
  failure_reason    text    DEFAULT NULL::text,
  refund_id         uuid    DEFAULT NULL::uuid,
  attempt           integer DEFAULT NULL::integer
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_booking public.bookings;
  v_payment public.payments;
begin
  if private.refund_status_of(record_refund.status) is null
    or record_refund.amount is null or record_refund.amount <= 0 then
    perform private.raise_api_error('invalid_request');
  end if;
  if not private.record_event(record_refund.event_id, record_refund.event_type, record_refund.payment_intent_id) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  v_booking := private.booking_for_update(
    (select p.booking_id from public.payments p where p.payment_intent_id = record_refund.payment_intent_id));
  if v_booking.id is null then
    return private.event_outcome(record_refund.event_id, 'unmatched');
  end if;
  select * into v_payment from public.payments p
  where p.payment_intent_id = record_refund.payment_intent_id and p.status = 'succeeded';
  if not found then
    perform private.raise_api_error('busy');  -- it overtook the news that the money arrived; Stripe will come again
  end if;
  perform private.note_refund(
    v_booking, v_payment,
    jsonb_build_object('id', record_refund.stripe_refund_id, 'amount', record_refund.amount,
                       'status', record_refund.status, 'failure_reason', record_refund.failure_reason),
    record_refund.refund_id, record_refund.attempt);
  return private.event_outcome(record_refund.event_id, 'noted', v_booking.id);
end
$function$;

CREATE OR REPLACE FUNCTION public.refundable_amount (
  booking public.bookings
)
  RETURNS integer
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  if not exists (
    select from public.bookings mine
    where mine.showtime_id = (booking).showtime_id and mine.id = (booking).id and mine.status = 'confirmed'
      and mine.user_id = private.user_id()) then
    return null;
  end if;
  return (
    select coalesce(sum(private.refundable_of_payment(p)), 0) from public.payments p
    where p.showtime_id = (booking).showtime_id and p.booking_id = (booking).id and p.status = 'succeeded');
end
$function$;

REVOKE ALL ON FUNCTION "public"."refundable_amount"(public.bookings) FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.release_check (
  subject_id uuid,
  older_than interval
)
  RETURNS void
  LANGUAGE sql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  update private.stripe_checks c
  set checks = greatest(c.checks - 1, 0),
      next_check_at = least(c.next_check_at, private.now() + release_check.older_than)
  where c.subject_id = release_check.subject_id
$function$;

REVOKE ALL ON FUNCTION "public"."release_check"(uuid, interval) FROM PUBLIC, "anon", "authenticated";

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

CREATE OR REPLACE FUNCTION public.rotate_session (
  token_hash     text,
  new_token_hash text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_token private.refresh_tokens;
  v_session private.sessions;
  v_user public.users;
  v_now timestamptz;
begin
  -- The session before its token, as when old sessions are deleted with theirs: two orders would be a deadlock.
  select s.* into v_session from private.sessions s
  where s.id = (select t.session_id from private.refresh_tokens t where t.token_hash = rotate_session.token_hash)
  for update;
  v_now := private.now();
  if v_session.id is null or v_session.ended_at is not null or v_session.expires_at <= v_now then
    return jsonb_build_object('status', 'refused');
  end if;
  select t.* into strict v_token from private.refresh_tokens t where t.token_hash = rotate_session.token_hash;
  if v_token.used_at is null then
    -- With it its siblings end, which were given out by answers that were lost: one shown now would be a copy.
    update private.refresh_tokens t set used_at = v_now
    where t.session_id = v_session.id and t.used_at is null
      and (t.token_hash = v_token.token_hash or t.parent_hash = v_token.parent_hash);
  elsif v_token.used_at <= v_now - interval '10 seconds' or not private.only_unused_children(v_token.token_hash) then
    update private.sessions s set ended_at = v_now, end_reason = 'token_reused' where s.id = v_session.id;
    return jsonb_build_object('status', 'refused');
  end if;
  insert into private.refresh_tokens (token_hash, session_id, parent_hash)
  values (rotate_session.new_token_hash, v_session.id, v_token.token_hash);
  select u.* into strict v_user from public.users u where u.id = v_session.user_id;
  return jsonb_build_object('status', 'rotated', 'session_id', v_session.id, 'expires_at', v_session.expires_at,
                            'user', private.user_json(v_user));
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

CREATE OR REPLACE FUNCTION public.send_ticket_again (
  booking_id uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_user uuid := private.require_user_id();
  v_booking public.bookings := private.booking_for_update(
    (select b.id from public.bookings b where b.id = send_ticket_again.booking_id and b.user_id = v_user));
  v_emails integer;
  v_waiting boolean;
  v_seconds integer;
begin
  if v_booking.id is null then
    perform private.raise_api_error('unknown_booking');
  elsif v_booking.status <> 'confirmed' then
    perform private.raise_api_error('no_ticket');
  end if;
  select count(*), coalesce(bool_or(o.state = 'queued'), false) into v_emails, v_waiting
  from private.outbox o where o.booking_id = v_booking.id and o.kind = 'mail_confirmation';
  if not v_waiting then
    v_seconds := private.check_rate_limit(
      array[row('ticket_email:' || v_booking.id, 3, interval '1 day')::private.rate_limit]);
    if v_seconds > 0 then
      perform private.raise_api_error('too_many_attempts', jsonb_build_object('retry_after', v_seconds));
    end if;
    perform private.enqueue('mail_confirmation', 'mail:confirmation:' || v_booking.id || ':' || v_emails + 1, v_booking);
  end if;
  return jsonb_build_object('sent_to', (select u.email from public.users u where u.id = v_user), 'state', 'queued');
end
$function$;

CREATE OR REPLACE FUNCTION public.settle_refund_attempt (
  refund_id uuid,
  attempt   integer,
  code      text,
  refunds   jsonb   DEFAULT '[]'::jsonb
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_booking public.bookings := private.booking_for_update(
    (select r.booking_id from public.refunds r where r.id = settle_refund_attempt.refund_id));
  v_refund public.refunds;
  v_payment public.payments;
  v_standing jsonb;
  v_other jsonb;
  v_outcome text;
begin
  if v_booking.id is null or jsonb_typeof(settle_refund_attempt.refunds) is distinct from 'array'
    or settle_refund_attempt.code is null and jsonb_array_length(settle_refund_attempt.refunds) <> 1 then
    perform private.raise_api_error('invalid_request');
  end if;
  select * into strict v_refund from public.refunds r
  where r.showtime_id = v_booking.showtime_id and r.id = settle_refund_attempt.refund_id for update;
  select * into strict v_payment from public.payments p
  where p.showtime_id = v_refund.showtime_id and p.id = v_refund.payment_id;
  if v_refund.attempt is distinct from settle_refund_attempt.attempt
    or settle_refund_attempt.code is not null and v_refund.status not in ('queued', 'failed') then
    return jsonb_build_object('outcome', 'stale', 'booking_id', v_booking.id);
  end if;

  if settle_refund_attempt.code is null then
    v_outcome := 'made';
    v_standing := settle_refund_attempt.refunds -> 0;
  else
    v_outcome := 'adopted';
    v_standing := private.refund_that_stands_for(v_refund, settle_refund_attempt.refunds);
  end if;
  if v_standing is not null then
    perform private.note_refund(v_booking, v_payment, v_standing, v_refund.id, v_refund.attempt);
    return jsonb_build_object('outcome', v_outcome, 'booking_id', v_booking.id);
  end if;

  v_outcome := 'failed';
  if settle_refund_attempt.code = 'charge_already_refunded' then
    v_outcome := 'void';
    for v_other in
      select fact from jsonb_array_elements(settle_refund_attempt.refunds) fact
      join jsonb_to_recordset(public.compare_refunds(settle_refund_attempt.refunds)) as differs (id text)
        on differs.id = fact ->> 'id'
      where private.refund_status_of(fact ->> 'status') is not null  -- what Stripe may call it tomorrow stops nothing
    loop
      v_booking := private.note_refund(v_booking, v_payment, v_other, private.refund_id_of(v_other),
                                       private.attempt_of(v_other));
    end loop;
    select * into strict v_refund from public.refunds r
    where r.showtime_id = v_booking.showtime_id and r.id = settle_refund_attempt.refund_id;
    if v_refund.attempt <> settle_refund_attempt.attempt then  -- those have shrunk or ended ours
      return jsonb_build_object('outcome', v_refund.status, 'booking_id', v_booking.id);
    end if;
  end if;
  perform private.apply_refund_status(v_booking, v_refund, v_outcome::public.refund_status, null,
                                      settle_refund_attempt.code);
  v_booking := private.sync_booking_status(v_booking, v_payment);
  if v_outcome = 'failed' then  -- what others have returned is not to be returned again before we know how
    perform private.rebalance_refunds(v_booking, v_payment);
  end if;
  return jsonb_build_object('outcome', v_outcome, 'booking_id', v_booking.id);
end
$function$;

REVOKE ALL ON FUNCTION "public"."settle_refund_attempt"(uuid, integer, text, jsonb) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.start_payment (
  booking_id uuid,
  user_id    uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_booking public.bookings := private.booking_for_update(start_payment.booking_id);
  v_payment public.payments;
  v_seconds integer;
begin
  if v_booking.user_id is distinct from start_payment.user_id or v_booking.id is null then
    perform private.raise_api_error('unknown_booking');
  elsif v_booking.status = 'expired' or v_booking.status = 'pending' and v_booking.expires_at <= private.now() then
    perform private.raise_api_error('lock_expired');
  elsif v_booking.status <> 'pending' then
    perform private.raise_api_error('not_payable');
  end if;
  select private.check_rate_limit(
    array[row('payment_start:' || v_booking.user_id, c.payment_starts_per_customer, c.sign_in_window)
          ::private.rate_limit])
  into strict v_seconds from private.settings c;
  if v_seconds > 0 then
    perform private.raise_api_error('too_many_attempts', jsonb_build_object('retry_after', v_seconds));
  end if;
  select * into v_payment from public.payments p
  where p.showtime_id = v_booking.showtime_id and p.booking_id = v_booking.id and p.status = 'open';
  if not found then
    insert into public.payments as p (showtime_id, booking_id, amount, currency)
    values (v_booking.showtime_id, v_booking.id, v_booking.total, v_booking.currency)
    returning p.* into v_payment;
  end if;
  return jsonb_build_object(
    'payment_id', v_payment.id, 'booking_id', v_booking.id, 'reference', v_booking.reference,
    'amount', v_payment.amount, 'currency', v_payment.currency, 'payment_intent_id', v_payment.payment_intent_id,
    'email', (select u.email from public.users u where u.id = v_booking.user_id), 'expires_at', v_booking.expires_at);
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

CREATE OR REPLACE FUNCTION public.ticket_context (
  booking_id uuid,
  user_id    uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
begin
  if not exists (select from public.bookings b
                 where b.id = ticket_context.booking_id and b.user_id = ticket_context.user_id) then
    perform private.raise_api_error('unknown_booking');
  end if;
  return private.email_context(ticket_context.booking_id);
end
$function$;

REVOKE ALL ON FUNCTION "public"."ticket_context"(uuid, uuid) FROM PUBLIC, "anon", "authenticated";

CREATE INDEX rate_limit_hits_by_expiry ON private.rate_limit_hits USING btree (expires_at);

CREATE INDEX refresh_tokens_by_parent ON private.refresh_tokens USING btree (parent_hash)
  WHERE (parent_hash IS NOT NULL);

CREATE INDEX sessions_by_end ON private.sessions USING btree (LEAST(expires_at, ended_at));

CREATE INDEX stripe_checks_by_time ON private.stripe_checks USING btree (last_checked_at);

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

COMMENT ON COLUMN "private"."outbox"."abandoned_claims" IS 'How many workers claimed it and never completed it.';

COMMENT ON COLUMN "private"."outbox"."claimed_until" IS 'A worker does it until then; past that it died, and another may.';

COMMENT ON COLUMN "private"."outbox"."key" IS 'Says what it is about; the same key again does nothing.';

COMMENT ON COLUMN "private"."outbox"."request_id" IS 'The call that enqueued it; the worker goes on under the same id.';

COMMENT ON COLUMN "private"."rate_limit_hits"."key" IS 'What is limited and for whom. Only the last part may hold what a stranger wrote, or one limit could name another.';

COMMENT ON COLUMN "private"."rate_limit_hits"."source" IS 'The address that it came from, where a success there clears it.';

COMMENT ON COLUMN "private"."refresh_tokens"."parent_hash" IS 'The token that this one was exchanged for.';

COMMENT ON COLUMN "private"."refresh_tokens"."used_at" IS 'Since when it may not be used any more, or a sibling was instead.';

COMMENT ON COLUMN "private"."settings"."sign_in_attempts_per_account" IS 'Failures at one account from all addresses together within sign_in_window. Reaching it locks its owner out.';

COMMENT ON COLUMN "private"."stripe_checks"."subject_id" IS 'A payment or a refund.';

COMMENT ON COLUMN "private"."sweep_failures"."error_code" IS 'SQLSTATE.';

COMMENT ON COLUMN "private"."sweep_failures"."retry_at" IS 'A booking is passed by until then, so that one that always fails does not stand before all others. A step is not.';

COMMENT ON COLUMN "public"."payments"."settles_booking" IS 'This payment confirmed the booking; all others are refunded.';

COMMENT ON TABLE "private"."stripe_checks" IS 'Beside payments and refunds, not in them: each change of those is written down for good, and a look is no change.';

REVOKE ALL ON FUNCTION "private"."archive_shown"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."archive_shown"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."archive_shown"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."attempt_of"(jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."attempt_of"(jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."attempt_of"(jsonb) TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_rate_limit"(private.rate_limit[], text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_rate_limit"(private.rate_limit[], text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_rate_limit"(private.rate_limit[], text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."claim_checks"(uuid[], interval, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."claim_checks"(uuid[], interval, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."claim_checks"(uuid[], interval, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."clear_rate_limit"(text[], text, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."clear_rate_limit"(text[], text, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."clear_rate_limit"(text[], text, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."clear_sweep_failure"(text, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."clear_sweep_failure"(text, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."clear_sweep_failure"(text, uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."expire_bookings"(timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."expire_bookings"(timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."expire_bookings"(timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."is_mail"(private.outbox_kind) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."is_mail"(private.outbox_kind) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."is_mail"(private.outbox_kind) TO "postgres";

REVOKE ALL ON FUNCTION "private"."log_settings"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."log_settings"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."log_settings"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."note_refund"(public.bookings, public.payments, jsonb, uuid, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."note_refund"(public.bookings, public.payments, jsonb, uuid, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."note_refund"(public.bookings, public.payments, jsonb, uuid, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."only_unused_children"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."only_unused_children"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."only_unused_children"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."purge_checks"(timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."purge_checks"(timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."purge_checks"(timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."purge_rate_limits"(timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."purge_rate_limits"(timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."purge_rate_limits"(timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."record_sweep_failure"(text, uuid, text, text, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."record_sweep_failure"(text, uuid, text, text, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."record_sweep_failure"(text, uuid, text, text, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."refund_id_of"(jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."refund_id_of"(jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."refund_id_of"(jsonb) TO "postgres";

REVOKE ALL ON FUNCTION "private"."refund_payment"(public.payments, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."refund_payment"(public.payments, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."refund_payment"(public.payments, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."refund_status_of"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."refund_status_of"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."refund_status_of"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."refund_that_stands_for"(public.refunds, jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."refund_that_stands_for"(public.refunds, jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."refund_that_stands_for"(public.refunds, jsonb) TO "postgres";

REVOKE ALL ON FUNCTION "private"."refundable_of_payment"(public.payments) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."refundable_of_payment"(public.payments) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."refundable_of_payment"(public.payments) TO "postgres";

REVOKE ALL ON FUNCTION "private"."sign_in_key"(text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."sign_in_key"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."sign_in_key"(text, text) TO "postgres";

REVOKE ALL ON FUNCTION "public"."check_invariants"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."check_invariants"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."check_invariants"() TO "service_role";

REVOKE ALL ON FUNCTION "public"."claim_payments_to_reconcile"(interval, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."claim_payments_to_reconcile"(interval, integer) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."claim_payments_to_reconcile"(interval, integer) TO "service_role";

REVOKE ALL ON FUNCTION "public"."claim_refunds_to_reconcile"(interval, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."claim_refunds_to_reconcile"(interval, integer) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."claim_refunds_to_reconcile"(interval, integer) TO "service_role";

REVOKE ALL ON FUNCTION "public"."compare_refunds"(jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."compare_refunds"(jsonb) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."compare_refunds"(jsonb) TO "service_role";

REVOKE ALL ON FUNCTION "public"."operational_metrics"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."operational_metrics"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."operational_metrics"() TO "service_role";

GRANT EXECUTE ON FUNCTION "public"."refundable_amount"(public.bookings) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."refundable_amount"(public.bookings) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."refundable_amount"(public.bookings) TO "postgres";

REVOKE ALL ON FUNCTION "public"."release_check"(uuid, interval) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."release_check"(uuid, interval) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."release_check"(uuid, interval) TO "service_role";

REVOKE ALL ON FUNCTION "public"."settle_refund_attempt"(uuid, integer, text, jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."settle_refund_attempt"(uuid, integer, text, jsonb) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."settle_refund_attempt"(uuid, integer, text, jsonb) TO "service_role";

REVOKE ALL ON FUNCTION "public"."ticket_context"(uuid, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."ticket_context"(uuid, uuid) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."ticket_context"(uuid, uuid) TO "service_role";

CREATE INDEX rate_limit_hits_by_key ON private.rate_limit_hits USING btree (key, hit_at);

-- The Data API reads the schema again.
notify pgrst, 'reload schema';
