-- A database that was restored from a dump of some schemas lacks this: without it everybody may execute a new function.
alter default privileges revoke execute on functions from public;
-- A migration waits for no lock that a long call holds, with every other call waiting behind it: it fails and is pushed
-- again.
set lock_timeout = '2s';
set statement_timeout = '5min';

SET local check_function_bodies = off;

DROP POLICY "anyone follows showtimes and films" ON "realtime"."messages";

ALTER TABLE "private"."sessions"
  DROP CONSTRAINT "end_reason_is_known";

ALTER TABLE "public"."showtimes"
  DROP CONSTRAINT "one_film_at_a_time";

ALTER TABLE "public"."showtimes"
  ADD COLUMN "cancelled_at" timestamp WITH time zone;

ALTER TABLE "public"."showtimes"
  ADD COLUMN "revision" integer NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION private.actor()
  RETURNS text
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
begin
  return coalesce(private.user_id()::text, v_claims ->> 'role', session_user);
end
$function$;

CREATE OR REPLACE FUNCTION private.check_currency()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  if not exists (select from private.currencies() c where c.code = new.currency) then
    raise check_violation using
      message = format('Stripe takes no payment in %s', new.currency), constraint = 'currency_is_payable';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.check_length()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_minutes integer;
begin
  select m.length_minutes into v_minutes from public.movies m where m.id = new.movie_id for share;
  if new.ends_at < new.starts_at + make_interval(mins => v_minutes) then
    raise check_violation using
      message = format('the film lasts %s minutes', v_minutes), constraint = 'it_ends_after_its_film';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.check_prices()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_refused record;
begin
  select w.price, t.currency, c.minimum, c.maximum, c.step into v_refused
  from written w
  join public.showtimes s on s.id = w.showtime_id
  join public.auditoriums a on a.id = s.auditorium_id
  join public.theaters t on t.id = a.theater_id
  left join private.currencies() c on c.code = t.currency
  where (w.price between c.minimum and c.maximum and w.price % c.step = 0) is not true
  limit 1;
  if found then
    raise check_violation using
      message = format('Stripe takes no payment of %s minor units of %s', v_refused.price, v_refused.currency),
      detail = format('It takes %s to %s, in steps of %s.', v_refused.minimum, v_refused.maximum, v_refused.step),
      constraint = 'price_is_payable', schema = tg_table_schema, table = tg_table_name;
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION private.check_prices_of_theater()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
  v_price integer;
begin
  select p.price into v_price
  from public.auditoriums a
  join public.showtimes s on s.auditorium_id = a.id and s.starts_at > v_now
  join public.showtime_prices p on p.showtime_id = s.id
  join private.currencies() c on c.code = new.currency
  where a.theater_id = new.id and not (p.price between c.minimum and c.maximum and p.price % c.step = 0)
  limit 1;
  if found then
    raise check_violation using
      message = format('Stripe takes no payment of %s minor units of %s, a price of this theater',
                       v_price, new.currency),
      constraint = 'price_is_payable';
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION private.check_room_for_length()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  if exists (select from public.showtimes t
             where t.movie_id = new.id and t.ends_at > v_now
               and t.ends_at < t.starts_at + make_interval(mins => new.length_minutes)) then
    raise check_violation using
      message = 'a showtime to come ends before the film would', constraint = 'films_fit_their_showtimes';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.check_time_zone()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  if new.time_zone !~ '^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/'
    or not exists (select from pg_catalog.pg_timezone_names z where z.name = new.time_zone) then
    raise check_violation using message = format('%s is no time zone', new.time_zone), constraint = 'time_zone_exists';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.count_revision()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  new.revision := old.revision + 1;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.currencies()
  RETURNS TABLE (
    code    text,
    digits  integer,
    step    integer,
    minimum integer,
    maximum integer
  )
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  values
    ('AED', 2,   1,   200,   99999999),
    ('AFN', 2,   1,     1,   99999999),
    ('ALL', 2,   1,     1,   99999999),
    ('AMD', 2,   1,     1,   99999999),
    ('ANG', 2,   1,     1,   99999999),
    ('AOA', 2,   1,     1,   99999999),
    ('ARS', 2,   1,    50,   99999999),
    ('AUD', 2,   1,    50,   99999999),
    ('AWG', 2,   1,     1,   99999999),
    ('AZN', 2,   1,     1,   99999999),
    ('BAM', 2,   1,     1,   99999999),
    ('BBD', 2,   1,     1,   99999999),
    ('BDT', 2,   1,     1,   99999999),
    ('BHD', 3,  10,    10,   99999999),
    ('BIF', 0,   1,     1,   99999999),
    ('BMD', 2,   1,     1,   99999999),
    ('BND', 2,   1,     1,   99999999),
    ('BOB', 2,   1,     1,   99999999),
    ('BRL', 2,   1,    50,   99999999),
    ('BSD', 2,   1,     1,   99999999),
    ('BWP', 2,   1,     1,   99999999),
    ('BYN', 2,   1,     1,   99999999),
    ('BZD', 2,   1,     1,   99999999),
    ('CAD', 2,   1,    50,   99999999),
    ('CDF', 2,   1,     1,   99999999),
    ('CHF', 2,   1,    50,   99999999),
    ('CLP', 0,   1,     1,   99999999),
    ('CNY', 2,   1,     1,   99999999),
    ('COP', 2,   1,    50, 2147483647),
    ('CRC', 2,   1,     1,   99999999),
    ('CVE', 2,   1,     1,   99999999),
    ('CZK', 2,   1,  1500,   99999999),
    ('DJF', 0,   1,     1,   99999999),
    ('DKK', 2,   1,   250,   99999999),
    ('DOP', 2,   1,     1,   99999999),
    ('DZD', 2,   1,     1,   99999999),
    ('EGP', 2,   1,     1,   99999999),
    ('ETB', 2,   1,     1,   99999999),
    ('EUR', 2,   1,    50,   99999999),
    ('FJD', 2,   1,     1,   99999999),
    ('FKP', 2,   1,     1,   99999999),
    ('GBP', 2,   1,    30,   99999999),
    ('GEL', 2,   1,     1,   99999999),
    ('GIP', 2,   1,     1,   99999999),
    ('GMD', 2,   1,     1,   99999999),
    ('GNF', 0,   1,     1,   99999999),
    ('GTQ', 2,   1,     1,   99999999),
    ('GYD', 2,   1,     1,   99999999),
    ('HKD', 2,   1,   400,   99999999),
    ('HNL', 2,   1,     1,   99999999),
    ('HTG', 2,   1,     1,   99999999),
    ('HUF', 2,   1, 17500, 2147483647),
    ('IDR', 2,   1,    50, 2147483647),
    ('ILS', 2,   1,    50,   99999999),
    ('INR', 2,   1,    50,  999999999),
    ('ISK', 2, 100,   100,   99999999),
    ('JMD', 2,   1,     1,   99999999),
    ('JOD', 3,  10,    10,   99999999),
    ('JPY', 0,   1,    50, 2147483647),
    ('KES', 2,   1,     1,   99999999),
    ('KGS', 2,   1,     1,   99999999),
    ('KHR', 2,   1,     1,   99999999),
    ('KMF', 0,   1,     1,   99999999),
    ('KRW', 0,   1,    50,   99999999),
    ('KWD', 3,  10,    10,   99999999),
    ('KYD', 2,   1,     1,   99999999),
    ('KZT', 2,   1,     1,   99999999),
    ('LAK', 2,   1,     1,   99999999),
    ('LBP', 2,   1,     1, 2147483647),
    ('LKR', 2,   1,     1,   99999999),
    ('LRD', 2,   1,     1,   99999999),
    ('LSL', 2,   1,     1,   99999999),
    ('MAD', 2,   1,     1,   99999999),
    ('MDL', 2,   1,     1,   99999999),
    ('MGA', 0,   1,     1,   99999999),
    ('MKD', 2,   1,     1,   99999999),
    ('MMK', 2,   1,     1,   99999999),
    ('MNT', 2,   1,     1,   99999999),
    ('MOP', 2,   1,     1,   99999999),
    ('MUR', 2,   1,     1,   99999999),
    ('MVR', 2,   1,     1,   99999999),
    ('MWK', 2,   1,     1,   99999999),
    ('MXN', 2,   1,  1000,   99999999),
    ('MYR', 2,   1,   200,   99999999),
    ('MZN', 2,   1,     1,   99999999),
    ('NAD', 2,   1,     1,   99999999),
    ('NGN', 2,   1,     1,   99999999),
    ('NIO', 2,   1,     1,   99999999),
    ('NOK', 2,   1,   300,   99999999),
    ('NPR', 2,   1,     1,   99999999),
    ('NZD', 2,   1,    50,   99999999),
    ('OMR', 3,  10,    10,   99999999),
    ('PAB', 2,   1,     1,   99999999),
    ('PEN', 2,   1,     1,   99999999),
    ('PGK', 2,   1,     1,   99999999),
    ('PHP', 2,   1,    50,   99999999),
    ('PKR', 2,   1,     1,   99999999),
    ('PLN', 2,   1,   200,   99999999),
    ('PYG', 0,   1,     1,   99999999),
    ('QAR', 2,   1,     1,   99999999),
    ('RON', 2,   1,   200,   99999999),
    ('RSD', 2,   1,     1,   99999999),
    ('RUB', 2,   1,    50,   99999999),
    ('RWF', 0,   1,     1,   99999999),
    ('SAR', 2,   1,     1,   99999999),
    ('SBD', 2,   1,     1,   99999999),
    ('SCR', 2,   1,     1,   99999999),
    ('SEK', 2,   1,   300,   99999999),
    ('SGD', 2,   1,    50,   99999999),
    ('SHP', 2,   1,     1,   99999999),
    ('SLE', 2,   1,     1,   99999999),
    ('SRD', 2,   1,     1,   99999999),
    ('SZL', 2,   1,     1,   99999999),
    ('THB', 2,   1,  1000,   99999999),
    ('TJS', 2,   1,     1,   99999999),
    ('TND', 3,  10,    10,   99999999),
    ('TRY', 2,   1,     1,   99999999),
    ('TTD', 2,   1,     1,   99999999),
    ('TWD', 2,   1,     1,   99999999),
    ('TZS', 2,   1,     1,   99999999),
    ('UAH', 2,   1,     1,   99999999),
    ('UGX', 2, 100,   100,   99999999),
    ('USD', 2,   1,    50,   99999999),
    ('UYU', 2,   1,     1,   99999999),
    ('UZS', 2,   1,     1,   99999999),
    ('VND', 0,   1,     1,   99999999),
    ('VUV', 0,   1,     1,   99999999),
    ('WST', 2,   1,     1,   99999999),
    ('XAF', 0,   1,     1,   99999999),
    ('XCD', 2,   1,     1,   99999999),
    ('XCG', 2,   1,     1,   99999999),
    ('XOF', 0,   1,     1,   99999999),
    ('XPF', 0,   1,     1,   99999999),
    ('YER', 2,   1,     1,   99999999),
    ('ZAR', 2,   1,    50,   99999999),
    ('ZMW', 2,   1,     1,   99999999)
$function$;

CREATE OR REPLACE FUNCTION private.date_cancellation()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  new.cancelled_at := case
    when new.status <> 'cancelled' then null
    when tg_op = 'UPDATE' and old.status = 'cancelled' then old.cancelled_at
    else private.now()
  end;
  return new;
end
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
    ('amount_not_payable',    422, 'This total cannot be paid online. Please choose other seats.'),
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

CREATE OR REPLACE FUNCTION private.forbid_price_change()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  raise check_violation using message = 'what is booked keeps its price', constraint = tg_name;
end
$function$;

CREATE OR REPLACE FUNCTION private.holds_its_seats (
  p_booking public.bookings,
  p_now     timestamp with time zone
)
  RETURNS boolean
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  return not exists (
    select
    from (select s.* from public.booking_seats s
          where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id) line
    full join (select l.seat_id from public.seat_locks l
               where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
                 and l.booking_id = p_booking.id and l.held @> p_now) hold on hold.seat_id = line.seat_id
    left join public.seats s on s.id = line.seat_id
      and (s.row_label, s.number, s.kind) = (line.row_label, line.number, line.kind)
      and s.auditorium_id = (select t.auditorium_id from public.showtimes t where t.id = p_booking.showtime_id)
    where hold.seat_id is null or s.id is null);
end
$function$;

CREATE OR REPLACE FUNCTION private.keep_refunded_cancelled()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform private.lock_showtime(old.id);
  if exists (select from public.bookings b
             where b.showtime_id = old.id and b.cancelled_at >= coalesce(old.cancelled_at, '-infinity'))
    or exists (select from public.refunds r where r.showtime_id = old.id and r.reason = 'showtime_cancelled') then
    raise check_violation using
      message = 'bookings of this showtime were cancelled or refunded', constraint = tg_name;
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.lock_customer (
  p_showtime_id bigint,
  p_user_id     uuid
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  perform pg_advisory_xact_lock_shared(p_showtime_id),
          pg_advisory_xact_lock(hashtextextended(p_user_id::text, p_showtime_id));
end
$function$;

CREATE OR REPLACE FUNCTION private.lock_showtime (
  p_showtime_id bigint
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  perform pg_advisory_xact_lock(p_showtime_id);
end
$function$;

CREATE OR REPLACE FUNCTION private.protect_begun_showtime()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
  v_moved boolean := (old.auditorium_id, old.starts_at, old.status)
    is distinct from (new.auditorium_id, new.starts_at, new.status);
begin
  if old.status <> 'cancelled' and (v_moved and old.starts_at <= v_now or old.ends_at <= v_now) then
    raise check_violation using
      message = 'this showtime has begun', constraint = 'begun_showtimes_stay';
  elsif old.starts_at is distinct from new.starts_at and new.starts_at <= v_now then
    raise check_violation using
      message = 'a showtime cannot be moved into the past', constraint = 'no_showtime_moves_into_the_past';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.protect_held_seat()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz;
begin
  for v_look in 1..2 loop
    v_now := private.now();
    if private.seat_is_held(old, v_now) then
      raise foreign_key_violation using
        message = format('seat %s%s is held or sold at a showtime to come', old.row_label, old.number),
        constraint = tg_name;
    end if;
    -- The auditorium first, so that no showtime is added there meanwhile.
    perform from public.auditoriums a where a.id = old.auditorium_id for update;
    perform private.lock_showtime(t.id)
    from (select s.id from public.showtimes s
          where s.auditorium_id = old.auditorium_id and s.ends_at > v_now order by s.id) t;
  end loop;
  return case tg_op when 'DELETE' then old else new end;
end
$function$;

CREATE OR REPLACE FUNCTION private.protect_held_showtime()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  for v_look in 1..2 loop
    if private.showtime_is_held(old.id, private.now()) then
      raise foreign_key_violation using message = 'seats of this showtime are held or booked', constraint = tg_name;
    end if;
    perform private.lock_showtime(old.id);
  end loop;
  return case tg_op when 'DELETE' then old else new end;
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
$function$;

CREATE OR REPLACE FUNCTION private.refuse_selection (
  p_showtime_id bigint,
  p_user_id     uuid,
  p_seat_ids    bigint[],
  p_limit       integer
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_showtime public.showtimes;
  v_unknown bigint[];
begin
  if not exists (select from public.users u where u.id = p_user_id) then
    perform private.raise_api_error('sign_in_required');  -- no token, or the account is gone and its token lives on
  elsif p_seat_ids is null or cardinality(p_seat_ids) = 0 then
    perform private.raise_api_error('no_seats');
  elsif cardinality(p_seat_ids) > p_limit then
    perform private.raise_api_error('too_many_seats', jsonb_build_object('limit', p_limit));
  end if;
  v_showtime := private.showtime_on_sale(p_showtime_id);
  if (select count(distinct s) < count(s) from unnest(p_seat_ids) s) then
    perform private.raise_api_error('duplicate_seat');
  end if;
  v_unknown := array(
    select u from unnest(p_seat_ids) u
    where not exists (select from public.seats s where s.id = u and s.auditorium_id = v_showtime.auditorium_id)
    order by u);
  if cardinality(v_unknown) > 0 then
    perform private.raise_api_error('unknown_seat', jsonb_build_object('seat_ids', v_unknown));
  end if;
  perform private.raise_api_error('seat_not_for_sale', jsonb_build_object('seat_ids', array(
    select s.id from public.seats s
    where s.id = any (p_seat_ids)
      and not exists (select from public.showtime_prices p where p.showtime_id = p_showtime_id and p.kind = s.kind)
    order by s.id)));
end
$function$;

CREATE OR REPLACE FUNCTION private.require_payable (
  p_amount   bigint,
  p_currency text
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_currency record;
begin
  select * into v_currency from private.currencies() c where c.code = p_currency;
  if (p_amount between v_currency.minimum and v_currency.maximum and p_amount % v_currency.step = 0) is not true then
    perform private.raise_api_error('amount_not_payable', jsonb_build_object(
      'amount', p_amount, 'currency', p_currency, 'minimum', v_currency.minimum, 'maximum', v_currency.maximum));
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION private.schema_version()
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select '20261128000200'
$function$;

CREATE OR REPLACE FUNCTION private.seat_is_held (
  p_seat public.seats,
  p_now  timestamp with time zone
)
  RETURNS boolean
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  return exists (
    select from public.showtimes t
    join public.seat_locks l on l.showtime_id = t.id and l.seat_id = p_seat.id and l.held @> p_now
    where t.auditorium_id = p_seat.auditorium_id and t.ends_at > p_now);
end
$function$;

CREATE OR REPLACE FUNCTION private.sell_seats (
  p_booking public.bookings,
  p_now     timestamp with time zone
)
  RETURNS text
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_showtime public.showtimes;
  v_seats integer;
  v_sold integer;
begin
  select * into strict v_showtime from public.showtimes t where t.id = p_booking.showtime_id;
  select count(*) into v_seats from public.booking_seats s
  where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id;
  if v_showtime.status = 'cancelled' then
    return 'showtime_cancelled';
  end if;

  v_sold := private.extend_locks(p_booking, p_booking.id, null, p_now);

  if v_sold = 0 then
    if v_showtime.starts_at <= p_now then
      return 'showtime_closed';
    elsif (select count(*) + v_seats > min(c.seats_per_customer)
           from private.settings c
           left join public.seat_locks l on l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
             and l.held @> p_now
           having count(l.id) > 0) then
      return 'too_many_seats';  -- others were taken meanwhile in place of these
    end if;
    insert into public.seat_locks (showtime_id, seat_id, user_id, booking_id, held)
    select s.showtime_id, s.seat_id, p_booking.user_id, p_booking.id, tstzrange(p_now, null)
    from public.booking_seats s
    where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id order by s.seat_id
    on conflict on constraint one_holder_at_a_time do nothing;
  end if;
  if not private.holds_its_seats(p_booking, p_now) then
    raise exclusion_violation;  -- undoes what was taken
  end if;

  update public.booking_seats s set sold_at = p_now
  where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id;
  return null;
exception
  when exclusion_violation or unique_violation then
    return 'seats_gone';
end
$function$;

CREATE OR REPLACE FUNCTION private.session_id()
  RETURNS uuid
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
  v_session_id text := v_claims ->> 'session_id';
begin
  return case when private.user_id() is not null and pg_input_is_valid(v_session_id, 'uuid') then v_session_id::uuid end;
end
$function$;

CREATE OR REPLACE FUNCTION private.showtime_is_held (
  p_showtime_id bigint,
  p_now         timestamp with time zone
)
  RETURNS boolean
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  return exists (select from public.bookings b where b.showtime_id = p_showtime_id)
    or exists (select from public.seat_locks l where l.showtime_id = p_showtime_id and l.held @> p_now);
end
$function$;

CREATE OR REPLACE FUNCTION private.try_lock_customer (
  p_showtime_id bigint,
  p_user_id     uuid
)
  RETURNS boolean
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  return pg_try_advisory_xact_lock_shared(p_showtime_id)
    and pg_try_advisory_xact_lock(hashtextextended(p_user_id::text, p_showtime_id));
end
$function$;

CREATE OR REPLACE FUNCTION public.booking_history (
  booking_id uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_showtime_id bigint;
begin
  perform private.require_staff();
  select b.showtime_id into v_showtime_id from public.bookings b where b.id = booking_history.booking_id;
  if not found then
    perform private.raise_api_error('unknown_booking');
  end if;
  return (
    select jsonb_agg(jsonb_build_object('at', g.at, 'entity', g.entity, 'status', g.status,
                                        'request_id', g.request_id, 'row_data', g.row_data, 'actor', g.actor,
                                        'session_id', g.session_id) order by g.id)
    from private.booking_log g
    where g.showtime_id = v_showtime_id and g.booking_id = booking_history.booking_id);
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
select 'I3 a seat is held in an auditorium that it is not in', jsonb_build_object('showtime_id', h.showtime_id, 'seat_id', h.seat_id)
-- Not what has ended: a showtime that nobody holds or has booked may move to another auditorium, or go.
from (select l.showtime_id, l.seat_id from public.seat_locks l where l.held @> v_now
      union
      select s.showtime_id, s.seat_id from sold s) h
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

-- A3: a showtime to come has time for its film.
union all
select 'A3 a showtime ends before its film', jsonb_build_object('showtime_id', t.id)
from public.showtimes t
join public.movies m on m.id = t.movie_id
where t.ends_at > v_now and t.ends_at < t.starts_at + make_interval(mins => m.length_minutes)

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
  v_showtime public.showtimes;
  v_booking public.bookings;
  v_now timestamptz;
  v_elsewhere bigint[];
  v_unpriced bigint[];
  v_total bigint;
  v_currency text;
  v_lines jsonb;
begin
  perform private.lock_customer(create_booking.showtime_id, v_user);
  v_showtime := private.showtime_on_sale(create_booking.showtime_id);
  v_now := private.now();
  select * into v_booking from public.bookings b
  where b.showtime_id = v_showtime.id and b.user_id = v_user and b.status = 'pending' for update;
  if v_booking.expires_at > v_now then
    return private.booking_json(v_booking);
  elsif v_booking.id is not null then
    perform private.expire_booking(v_booking);
  end if;

  -- The lines are read once, so that a price list which changes meanwhile cannot part the total from its lines. Every
  -- hold has one: a seat that is not (or no longer) in the showtime's auditorium is refused and not left out.
  select array_agg(l.seat_id order by l.seat_id) filter (where s.id is null),
         array_agg(l.seat_id order by l.seat_id) filter (where p.price is null), sum(p.price), min(t.currency),
         jsonb_agg(jsonb_build_object('seat_id', s.id, 'row_label', s.row_label, 'number', s.number, 'kind', s.kind,
                                      'price', p.price))
  into v_elsewhere, v_unpriced, v_total, v_currency, v_lines
  from public.seat_locks l
  join public.auditoriums a on a.id = v_showtime.auditorium_id
  join public.theaters t on t.id = a.theater_id
  left join public.seats s on s.id = l.seat_id and s.auditorium_id = a.id
  left join public.showtime_prices p on p.showtime_id = v_showtime.id and p.kind = s.kind
  where l.showtime_id = v_showtime.id and l.user_id = v_user and l.booking_id is null and l.held @> v_now;
  if v_lines is null then
    perform private.raise_api_error('lock_expired');
  elsif v_elsewhere is not null then
    perform private.raise_api_error('unknown_seat', jsonb_build_object('seat_ids', v_elsewhere));
  elsif v_unpriced is not null then
    perform private.raise_api_error('seat_not_for_sale', jsonb_build_object('seat_ids', v_unpriced));
  end if;
  perform private.require_payable(v_total, v_currency);

  insert into public.bookings as b (showtime_id, reference, user_id, total, currency, created_at, expires_at)
  select v_showtime.id, private.new_reference(), v_user, v_total, v_currency, v_now, v_now + c.payment_duration
  from private.settings c where c.singleton
  returning b.* into v_booking;
  insert into public.booking_seats (showtime_id, booking_id, seat_id, row_label, number, kind, price)
  select v_showtime.id, v_booking.id, line.seat_id, line.row_label, line.number, line.kind, line.price
  from jsonb_populate_recordset(null::public.booking_seats, v_lines) line;
  if private.extend_locks(v_booking, null, v_booking.expires_at, v_now) <> jsonb_array_length(v_lines) then
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

CREATE OR REPLACE FUNCTION public.end_all_sessions()
  RETURNS integer
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
  v_ended integer;
begin
  update private.sessions s set ended_at = v_now, end_reason = 'ended_by_operator'
  where s.ended_at is null and s.expires_at > v_now;
  get diagnostics v_ended = row_count;
  return v_ended;
end
$function$;

REVOKE ALL ON FUNCTION "public"."end_all_sessions"() FROM PUBLIC, "anon", "authenticated";

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
          join public.showtime_prices p on p.showtime_id = t.id and p.kind = s.kind
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
  return (
    select count(*)
    from public.seats s
    join public.showtime_prices p on p.showtime_id = (showtime).id and p.kind = s.kind
    where s.auditorium_id = (showtime).auditorium_id
      and not exists (select from public.seat_locks l
                      where l.showtime_id = (showtime).id and l.seat_id = s.id and l.held @> v_now));
end
$function$;

ALTER TABLE "private"."sessions"
  ADD CONSTRAINT "end_reason_is_known" CHECK ((end_reason = ANY (ARRAY['signed_out'::text, 'token_reused'::text, 'too_many'::text, 'ended_by_operator'::text])));

ALTER TABLE "public"."showtimes"
  ADD CONSTRAINT "one_film_at_a_time" EXCLUDE USING gist (auditorium_id WITH =, tstzrange(starts_at, available_from) WITH &&)
    WHERE ((status <> 'cancelled'::public.showtime_status)) DEFERRABLE;

CREATE TRIGGER booked_prices_stay
  BEFORE UPDATE OF price ON public.booking_seats
  FOR EACH ROW
  WHEN ((old.price IS DISTINCT FROM new.price))
  EXECUTE FUNCTION private.forbid_price_change();

CREATE TRIGGER booked_totals_stay
  BEFORE UPDATE OF total, currency ON public.bookings
  FOR EACH ROW
  WHEN (((old.total IS DISTINCT FROM new.total) OR (old.currency IS DISTINCT FROM new.currency)))
  EXECUTE FUNCTION private.forbid_price_change();

CREATE TRIGGER films_fit_their_showtimes
  BEFORE UPDATE OF length_minutes ON public.movies
  FOR EACH ROW
  WHEN ((new.length_minutes > old.length_minutes))
  EXECUTE FUNCTION private.check_room_for_length();

CREATE TRIGGER held_seats_keep_their_name_and_kind
  BEFORE UPDATE ON public.seats
  FOR EACH ROW
  WHEN
    (((old.auditorium_id IS DISTINCT FROM new.auditorium_id) OR (old.row_label IS DISTINCT FROM new.row_label) OR (old.number IS DISTINCT FROM new.number) OR (old.kind IS DISTINCT
    FROM new.kind)))
  EXECUTE FUNCTION private.protect_held_seat();

CREATE TRIGGER held_seats_stay
  BEFORE DELETE ON public.seats
  FOR EACH ROW
  EXECUTE FUNCTION private.protect_held_seat();

CREATE TRIGGER inserted_prices_are_payable
  AFTER INSERT ON public.showtime_prices REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT
  EXECUTE FUNCTION private.check_prices();

CREATE TRIGGER updated_prices_are_payable
  AFTER UPDATE ON public.showtime_prices REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT
  EXECUTE FUNCTION private.check_prices();

CREATE TRIGGER begun_showtimes_stay
  BEFORE UPDATE ON public.showtimes
  FOR EACH ROW
  WHEN
    (((old.auditorium_id IS DISTINCT FROM new.auditorium_id) OR (old.starts_at IS DISTINCT FROM new.starts_at) OR (old.ends_at IS DISTINCT FROM new.ends_at) OR (old.status IS
    DISTINCT FROM new.status)))
  EXECUTE FUNCTION private.protect_begun_showtime();

CREATE TRIGGER cancellations_are_dated
  BEFORE INSERT OR UPDATE ON public.showtimes
  FOR EACH ROW
  EXECUTE FUNCTION private.date_cancellation();

CREATE TRIGGER changes_are_revisions
  BEFORE UPDATE ON public.showtimes
  FOR EACH ROW
  WHEN (((old.auditorium_id IS DISTINCT FROM new.auditorium_id) OR (old.starts_at IS DISTINCT FROM new.starts_at) OR (old.ends_at IS DISTINCT FROM new.ends_at)))
  EXECUTE FUNCTION private.count_revision();

CREATE TRIGGER held_showtimes_keep_their_film
  BEFORE UPDATE OF movie_id ON public.showtimes
  FOR EACH ROW
  WHEN ((old.movie_id IS DISTINCT FROM new.movie_id))
  EXECUTE FUNCTION private.protect_held_showtime();

CREATE TRIGGER it_ends_after_its_film
  BEFORE INSERT OR UPDATE OF movie_id, starts_at, ends_at ON public.showtimes
  FOR EACH ROW
  EXECUTE FUNCTION private.check_length();

CREATE TRIGGER refunded_showtimes_stay_cancelled
  BEFORE UPDATE OF status ON public.showtimes
  FOR EACH ROW
  WHEN (((old.status = 'cancelled'::public.showtime_status) AND (new.status <> 'cancelled'::public.showtime_status)))
  EXECUTE FUNCTION private.keep_refunded_cancelled();

CREATE TRIGGER currency_is_payable
  BEFORE INSERT OR UPDATE OF currency ON public.theaters
  FOR EACH ROW
  EXECUTE FUNCTION private.check_currency();

CREATE TRIGGER prices_are_payable_in_the_currency
  AFTER UPDATE OF currency ON public.theaters
  FOR EACH ROW
  WHEN ((old.currency <> new.currency))
  EXECUTE FUNCTION private.check_prices_of_theater();

CREATE POLICY "anyone follows showtimes and films" ON "realtime"."messages"
  FOR SELECT
  TO "anon", "authenticated"
  USING (((EXTENSION = 'broadcast'::text) AND (( SELECT realtime.topic() AS topic) ~ '^(showtime|movie):[1-9][0-9]{0,18}$'::text)));

COMMENT ON COLUMN "public"."showtimes"."cancelled_at" IS 'When it was cancelled, by the database''s clock; null while it is not.';

COMMENT ON COLUMN "public"."showtimes"."revision" IS 'How often its time or its place has changed. Calendars and tickets go by it.';

REVOKE ALL ON FUNCTION "private"."actor"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."actor"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."actor"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_currency"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_currency"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_currency"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_length"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_length"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_length"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_prices"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_prices"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_prices"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_prices_of_theater"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_prices_of_theater"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_prices_of_theater"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_room_for_length"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_room_for_length"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_room_for_length"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."count_revision"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."count_revision"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."count_revision"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."currencies"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."currencies"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."currencies"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."date_cancellation"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."date_cancellation"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."date_cancellation"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."forbid_price_change"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."forbid_price_change"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."forbid_price_change"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."holds_its_seats"(public.bookings, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."holds_its_seats"(public.bookings, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."holds_its_seats"(public.bookings, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."keep_refunded_cancelled"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."keep_refunded_cancelled"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."keep_refunded_cancelled"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."lock_showtime"(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."lock_showtime"(bigint) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."lock_showtime"(bigint) TO "postgres";

REVOKE ALL ON FUNCTION "private"."protect_begun_showtime"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."protect_begun_showtime"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."protect_begun_showtime"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."protect_held_seat"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."protect_held_seat"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."protect_held_seat"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."require_payable"(bigint, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."require_payable"(bigint, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."require_payable"(bigint, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."seat_is_held"(public.seats, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."seat_is_held"(public.seats, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."seat_is_held"(public.seats, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."session_id"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."session_id"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."session_id"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."showtime_is_held"(bigint, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."showtime_is_held"(bigint, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."showtime_is_held"(bigint, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "public"."end_all_sessions"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."end_all_sessions"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."end_all_sessions"() TO "service_role";

-- Added without their defaults, which would be written into all rows of before: nobody knows who changed those.
ALTER TABLE "private"."booking_log"
  ADD COLUMN "actor" text;

ALTER TABLE "private"."booking_log"
  ALTER COLUMN "actor" SET DEFAULT private.actor();

COMMENT ON COLUMN "private"."booking_log"."actor" IS 'Who changed it: the id of a user, or the role of a program. Null before 28 November 2026.';

ALTER TABLE "private"."booking_log"
  ADD COLUMN "session_id" uuid;

ALTER TABLE "private"."booking_log"
  ALTER COLUMN "session_id" SET DEFAULT private.session_id();

COMMENT ON COLUMN "private"."booking_log"."session_id" IS 'The sign-in of that user. No reference: sessions are deleted, and this stays.';

-- A difference of two databases shows no settings of roles, which belong to the whole cluster.
alter role anon set statement_timeout = '1s';
alter role authenticated set statement_timeout = '3s';

-- The Data API reads the schema and the roles' settings again.
notify pgrst, 'reload schema';
notify pgrst, 'reload config';
