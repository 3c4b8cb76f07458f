-- A database that was restored from a dump of some schemas lacks this: without it everybody may execute a new function.
alter default privileges revoke execute on functions from public;
-- A migration waits for no lock that a long call holds, with every other call waiting behind it: it fails and is pushed
-- again.
set lock_timeout = '2s';
set statement_timeout = '5min';

SET local check_function_bodies = off;

REVOKE ALL ON SEQUENCE "public"."seat_locks_id_seq" FROM "postgres";

DROP POLICY "anyone follows showtimes and films" ON "realtime"."messages";

DROP TRIGGER "status_is_broadcast" ON "public"."showtimes";

ALTER TABLE "private"."sessions"
  DROP CONSTRAINT "end_reason_is_known";

ALTER TABLE "public"."seat_locks"
  DROP CONSTRAINT "seat_locks_pkey";

ALTER TABLE "public"."showtimes"
  DROP CONSTRAINT "one_film_at_a_time";

ALTER TABLE "public"."users"
  DROP CONSTRAINT "email_is_normalized";

DROP FUNCTION "private"."broadcast_status"();

DROP FUNCTION "private"."broadcast_update"(bigint, bigint, integer, public.showtime_status);

DROP FUNCTION "public"."server_time"();

CREATE EXTENSION IF NOT EXISTS "pg_trgm" SCHEMA "extensions";

CREATE EXTENSION IF NOT EXISTS "unaccent" SCHEMA "extensions";

ALTER TABLE "public"."seat_locks"
  ALTER COLUMN "id" DROP IDENTITY;

-- What is held has its new id. The history keeps its old ones, which are smaller than any beginning.
update public.seat_locks set id = extract(epoch from lower(held)) * 1000000 where true;

CREATE TABLE "private"."showtime_revisions" (
  "showtime_id"       bigint                   NOT NULL,
  "revision"          integer                  NOT NULL,
  "at"                timestamp with time zone NOT NULL,
  "old_auditorium_id" bigint                   NOT NULL,
  "old_starts_at"     timestamp with time zone NOT NULL,
  "old_ends_at"       timestamp with time zone NOT NULL,
  "auditorium_id"     bigint                   NOT NULL,
  "starts_at"         timestamp with time zone NOT NULL,
  "ends_at"           timestamp with time zone NOT NULL,
  CONSTRAINT "showtime_revisions_pkey" PRIMARY KEY (showtime_id, revision),
  "request_id"        text                     DEFAULT private.request_id()
);

ALTER TABLE "private"."showtime_revisions"
  ENABLE ROW LEVEL SECURITY;

ALTER TABLE "private"."sessions"
  ADD COLUMN "human_until" timestamp WITH time zone;

ALTER TABLE "private"."settings"
  ADD COLUMN "seats_held_per_customer" integer DEFAULT 20;

ALTER TABLE "private"."settings"
  ADD COLUMN "holding_time_per_hour" interval DEFAULT '00:20:00'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "seat_cooldown" interval DEFAULT '00:05:00'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "unpaid_bookings_per_day" integer DEFAULT 10;

ALTER TABLE "private"."settings"
  ADD COLUMN "returned_bookings_per_month" integer DEFAULT 5;

ALTER TABLE "private"."settings"
  ADD COLUMN "human_check" boolean NOT NULL DEFAULT false;

ALTER TABLE "private"."settings"
  ADD COLUMN "human_check_held_share" integer NOT NULL DEFAULT 50;

ALTER TABLE "private"."settings"
  ADD COLUMN "human_check_duration" interval NOT NULL DEFAULT '00:30:00'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "human_checks_per_customer" integer DEFAULT 20;

ALTER TABLE "private"."settings"
  ADD COLUMN "human_checks_per_address" integer DEFAULT 300;

ALTER TABLE "public"."auditoriums"
  ADD COLUMN "layout_version" integer NOT NULL DEFAULT 1;

ALTER TABLE "public"."bookings"
  ADD COLUMN "revision" integer NOT NULL DEFAULT 0;

ALTER TABLE "public"."movies"
  ADD COLUMN "search_text" text NOT NULL DEFAULT ''::text;

ALTER TABLE "public"."showtimes"
  ADD COLUMN "cancelled_at" timestamp WITH time zone;

ALTER TABLE "public"."showtimes"
  ADD COLUMN "revision" integer NOT NULL DEFAULT 0;

ALTER TYPE "private"."outbox_kind" ADD VALUE 'mail_showtime_moved' AFTER 'mail_refund_failed';


SET local check_function_bodies = off;

CREATE OR REPLACE FUNCTION private.account_json (
  p_user_id uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_user public.users;
begin
  select u.* into v_user from public.users u where u.id = p_user_id;
  if not found then
    perform private.raise_api_error('unknown_user');
  end if;
  return private.user_json(v_user) || jsonb_build_object('created_at', v_user.created_at);
end
$function$;

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
$function$;

CREATE OR REPLACE FUNCTION private.attempts_json (
  p_user     public.users,
  p_max_rows integer
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('kind', h.kind, 'address', h.source, 'at', h.hit_at)
                            order by h.hit_at desc), '[]')
  from (
    select k.kind, a.source, a.hit_at
    from (values ('sign_in', private.sign_in_key((p_user).email)), ('payment', 'payment_start:' || (p_user).id))
      k (kind, key)
    join private.rate_limit_hits a on a.key = k.key
    order by a.hit_at desc limit p_max_rows) h
$function$;

CREATE OR REPLACE FUNCTION private.booking_details (
  p_booking public.bookings
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select private.booking_summary(p_booking) || jsonb_build_object(
    'cancellable_until', private.cancellable_until(p_booking), 'moved_from', private.moved_from(p_booking),
    'refundable_amount', private.refundable_amount(p_booking),
    'payments', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', p.id, 'payment_intent_id', p.payment_intent_id, 'amount', p.amount, 'currency', p.currency,
        'status', p.status, 'amount_received', p.amount_received, 'currency_received', p.currency_received,
        'settles_booking', p.settles_booking, 'failure_code', p.failure_code, 'created_at', p.created_at,
        'paid_at', p.paid_at) order by p.created_at, p.id), '[]')
      from public.payments p
      where p.showtime_id = (p_booking).showtime_id and p.booking_id = (p_booking).id),
    'disputes', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', d.id, 'amount', d.amount, 'currency', d.currency, 'reason', d.reason, 'status', d.status,
        'created_at', d.created_at, 'updated_at', d.updated_at, 'closed_at', d.closed_at)
        order by d.created_at, d.id), '[]')
      from public.disputes d
      where d.showtime_id = (p_booking).showtime_id and d.booking_id = (p_booking).id))
$function$;

CREATE OR REPLACE FUNCTION private.booking_log_json (
  p_bookings public.bookings[],
  p_max_rows integer
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select coalesce(jsonb_agg(jsonb_build_object(
    'at', e.at, 'booking_id', e.booking_id, 'entity', e.entity, 'status', e.status, 'request_id', e.request_id,
    'session_id', case when e.is_own then e.session_id end,
    'actor', case when e.is_own or not pg_input_is_valid(e.actor, 'uuid') then e.actor else 'staff' end,
    'row_data', e.row_data) order by e.id desc), '[]')
  from (
    select g.*, g.actor = b.user_id::text as is_own
    from unnest(p_bookings) b
    join private.booking_log g on g.showtime_id = b.showtime_id and g.booking_id = b.id
    order by g.id desc limit p_max_rows) e
$function$;

CREATE OR REPLACE FUNCTION private.booking_summary (
  p_booking public.bookings
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select jsonb_build_object(
    'id', (p_booking).id, 'reference', (p_booking).reference, 'status', (p_booking).status,
    'total', (p_booking).total, 'currency', (p_booking).currency, 'created_at', (p_booking).created_at,
    'expires_at', (p_booking).expires_at, 'confirmed_at', (p_booking).confirmed_at,
    'cancelled_at', (p_booking).cancelled_at,
    'seats', (
      select jsonb_agg(jsonb_build_object('seat_id', s.seat_id, 'row', s.row_label, 'number', s.number,
                                          'kind', s.kind, 'price', s.price)
                       order by char_length(s.row_label), s.row_label, s.number)
      from public.booking_seats s
      where s.showtime_id = (p_booking).showtime_id and s.booking_id = (p_booking).id),
    'refunds', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', r.id, 'amount', r.amount, 'currency', r.currency, 'reason', r.reason, 'status', r.status,
        'created_at', r.created_at, 'updated_at', r.updated_at) order by r.created_at, r.id), '[]')
      from public.refunds r
      where r.showtime_id = (p_booking).showtime_id and r.booking_id = (p_booking).id),
    'showtime', jsonb_build_object('id', t.id, 'starts_at', t.starts_at, 'ends_at', t.ends_at, 'status', t.status,
                                   'revision', t.revision),
    'movie', jsonb_build_object('slug', m.slug, 'title', m.title, 'certificate', m.certificate,
                                'length_minutes', m.length_minutes),
    'theater', jsonb_build_object('slug', h.slug, 'name', h.name, 'address', h.address, 'city', h.city,
                                  'time_zone', h.time_zone),
    'auditorium', a.name)
  from public.showtimes t
  join public.movies m on m.id = t.movie_id
  join public.auditoriums a on a.id = t.auditorium_id
  join public.theaters h on h.id = a.theater_id
  where t.id = (p_booking).showtime_id
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
  v_changed bigint[];
  v_row record;
  v_sent integer := 0;
begin
  v_changed := array(
    select t.id from public.showtimes t
    where t.id in (select substr(m.topic, 10)::bigint from realtime.messages m
                   where m.inserted_at > (least(p_since, now() - interval '20 seconds') at time zone 'utc')
                     and m.topic ~ '^showtime:[0-9]{1,18}$' and m.event like 'seat:%' and m.private
                     and m.extension = 'broadcast')
      and not exists (select from private.availability_broadcasts last
                      where last.showtime_id = t.id and last.sent_at > v_now - interval '5 seconds'));
  for v_row in
    select t.id, t.status, s.seats_left, t as showtime
    from private.seats_left(v_changed, v_now) s
    join public.showtimes t on t.id = s.showtime_id
    order by s.showtime_id
  loop
    insert into private.availability_broadcasts as last (showtime_id, seats_left, status, sent_at)
    values (v_row.id, v_row.seats_left, v_row.status, v_now)
    on conflict (showtime_id) do update
      set seats_left = excluded.seats_left, status = excluded.status, sent_at = excluded.sent_at
      where (last.seats_left, last.status) is distinct from (excluded.seats_left, excluded.status);
    if found then
      perform private.broadcast_update(v_row.showtime, v_row.seats_left);
      v_sent := v_sent + 1;
    end if;
  end loop;
  return v_sent;
end
$function$;

CREATE OR REPLACE FUNCTION private.broadcast_change()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
begin
  perform private.broadcast_update(
    new, (select s.seats_left from private.seats_left(array[new.id], private.now()) s));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION private.broadcast_update (
  p_showtime   public.showtimes,
  p_seats_left integer
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  select realtime.send(
    jsonb_build_object(
      'showtime_id', (p_showtime).id, 'seats_left', p_seats_left, 'status', (p_showtime).status,
      'starts_at', (p_showtime).starts_at, 'ends_at', (p_showtime).ends_at, 'revision', (p_showtime).revision),
    'showtime:update', t.topic, true)
  from unnest(array['movie:' || (p_showtime).movie_id, 'showtime:' || (p_showtime).id]) t (topic)
$function$;

CREATE OR REPLACE FUNCTION private.cancellable_until (
  p_booking public.bookings
)
  RETURNS timestamp WITH time zone
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  if (p_booking).status <> 'confirmed' then
    return null;
  end if;
  return (select case when s.status = 'cancelled' then 'infinity'
                      when private.moved_from(p_booking) is not null then s.starts_at
                      else s.starts_at - c.cancellation_notice end
          from public.showtimes s, private.settings c where s.id = (p_booking).showtime_id and c.singleton);
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

CREATE OR REPLACE FUNCTION private.check_day_and_theaters (
  p_day         date,
  p_theater_ids bigint[],
  p_now         timestamp with time zone
)
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_today date := (p_now at time zone 'UTC')::date;
begin
  if p_day not between v_today - 1 and v_today + 366 then
    perform private.refuse_argument('day');
  elsif cardinality(p_theater_ids) not between 1 and 500 then
    perform private.refuse_argument('theater_ids');
  end if;
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

CREATE OR REPLACE FUNCTION private.check_prices_of (
  p_theater_id    bigint,
  p_auditorium_id bigint,
  p_showtime_id   bigint
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
  v_refused record;
begin
  select p.price, t.currency, p.showtime_id into v_refused
  from public.theaters t
  join public.auditoriums a on a.theater_id = t.id and a.id = coalesce(p_auditorium_id, a.id)
  join public.showtimes s on s.auditorium_id = a.id and s.id = coalesce(p_showtime_id, s.id) and s.starts_at > v_now
  join public.showtime_prices p on p.showtime_id = s.id
  left join private.currencies() c on c.code = t.currency
  where t.id = p_theater_id and (p.price between c.minimum and c.maximum and p.price % c.step = 0) is not true
  limit 1;
  if found then
    raise check_violation using
      message = format('Stripe takes no payment of %s minor units of %s, a price of showtime %s',
                       v_refused.price, v_refused.currency, v_refused.showtime_id),
      constraint = 'price_is_payable';
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION private.check_prices_of_auditorium()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform private.check_prices_of(new.theater_id, new.id, null);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION private.check_prices_of_showtime()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform private.check_prices_of(a.theater_id, a.id, new.id)
  from public.auditoriums a where a.id = new.auditorium_id;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION private.check_prices_of_theater()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform private.check_prices_of(new.id, null, null);
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

CREATE OR REPLACE FUNCTION private.count_layout_version()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_auditorium_ids bigint[];
begin
  case tg_op
    when 'INSERT' then
      v_auditorium_ids := array(select distinct w.auditorium_id from written w);
    when 'DELETE' then
      v_auditorium_ids := array(select distinct g.auditorium_id from gone g);
    else
      v_auditorium_ids := array(
        select distinct c.auditorium_id
        from ((select * from gone except select * from written)
              union all (select * from written except select * from gone)) c);
  end case;
  perform from public.auditoriums a where a.id = any (v_auditorium_ids) order by a.id for no key update;
  update public.auditoriums a set layout_version = a.layout_version + 1 where a.id = any (v_auditorium_ids);
  return null;
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

CREATE OR REPLACE FUNCTION private.day_span (
  p_day date,
  p_now timestamp with time zone
)
  RETURNS tstzrange
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select case when p_day is null then tstzrange(p_now, 'infinity')
              else tstzrange(greatest(p_now, p_day::timestamp at time zone 'UTC' - interval '15 hours'),
                             greatest(p_now, (p_day + 1)::timestamp at time zone 'UTC' + interval '12 hours')) end
$function$;

CREATE OR REPLACE FUNCTION private.email_context (
  p_booking_id uuid
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select jsonb_build_object(
    'booking', private.booking_json(b),
    'was_confirmed', b.confirmed_at is not null,
    'moved_from', private.moved_from(b),
    'showtime', jsonb_build_object('id', s.id, 'starts_at', s.starts_at, 'ends_at', s.ends_at, 'revision', s.revision),
    'movie', jsonb_build_object('title', m.title, 'certificate', m.certificate, 'length_minutes', m.length_minutes),
    'theater', jsonb_build_object('name', t.name, 'address', t.address, 'city', t.city, 'time_zone', t.time_zone),
    'auditorium', a.name,
    'customer', jsonb_build_object('email', u.email, 'full_name', u.full_name))
  from public.bookings b
  join public.users u on u.id = b.user_id
  join public.showtimes s on s.id = b.showtime_id
  join public.movies m on m.id = s.movie_id
  join public.auditoriums a on a.id = s.auditorium_id
  join public.theaters t on t.id = a.theater_id
  where b.id = p_booking_id
$function$;

CREATE OR REPLACE FUNCTION private.emails_json (
  p_booking_ids uuid[],
  p_max_rows    integer
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select coalesce(jsonb_agg(jsonb_build_object(
    'booking_id', e.booking_id, 'kind', e.kind, 'state', e.state, 'created_at', e.created_at,
    'completed_at', e.completed_at) order by e.id desc), '[]')
  from (
    select o.* from private.outbox o
    where o.booking_id = any (p_booking_ids) and private.is_mail(o.kind)
    order by o.id desc limit p_max_rows) e
$function$;

CREATE OR REPLACE FUNCTION private.enqueue_move_email (
  p_booking public.bookings,
  p_old     public.showtimes,
  p_new     public.showtimes
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
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
    ('invalid_name',          422, 'Enter a name of 1 to 100 characters, on one line and without links.'),
    ('weak_password',         422, 'Choose a password of 10 to 200 characters that is not easy to guess.'),
    ('unknown_user',          404, 'Account not found.'),
    ('staff_only',            403, 'Staff only.'),
    -- what is on
    ('unknown_movie',         404, 'Film not found.'),
    ('unknown_theater',       404, 'Theater not found.'),
    ('human_check_failed',    422, 'That check did not succeed. Please try again.'),
    ('human_check_unavailable', 503, 'The check is unavailable right now. Please try again in a moment.'),
    -- choosing seats
    ('unknown_showtime',      404, 'Showtime not found.'),
    ('unknown_auditorium',    404, 'Auditorium not found.'),
    ('layout_outdated',       409, 'The seats of this auditorium have changed. Please load the page again.'),
    ('showtime_closed',       409, 'Seats for this showtime are no longer on sale.'),
    ('no_seats',              422, 'Select at least one seat.'),
    ('duplicate_seat',        422, 'Select each seat only once.'),
    ('too_many_seats',        422, 'That is more seats than you can book for one showtime.'),
    ('unknown_seat',          422, 'One of those seats is not in this auditorium.'),
    ('seat_taken',            409, 'One of those seats was just taken.'),
    ('seat_not_for_sale',     409, 'One of those seats is not on sale for this showtime.'),
    ('human_check_required',  403, 'Please confirm that you are a person, then choose again.'),
    ('booking_pending',       409, 'You have an unpaid order for this showtime. Pay for it or cancel it first.'),
    ('too_many_held',         409, 'You hold as many unpaid seats as one person may. Pay for some or release some first.'),
    ('seat_cooldown',         429, 'You held one of those seats and did not buy it. Choose another, or try again later.'),
    ('holding_paused',        429, 'You have held seats for this showtime for a while. Others get a turn; try again later.'),
    -- booking and paying
    ('too_many_unpaid',       429, 'You left several orders unpaid. Please try again later.'),
    ('too_many_returned',     409, 'You returned several orders lately. Please try again later, or contact the cinema.'),
    ('lock_expired',          409, 'Your hold expired and the seats were released. Choose others, or wait a few minutes.'),
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

CREATE OR REPLACE FUNCTION private.expiry_for_others (
  p_expires_at timestamp with time zone
)
  RETURNS timestamp WITH time zone
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select date_bin('1 minute', p_expires_at + interval '1 minute' - interval '1 microsecond', timestamptz '2000-01-01')
$function$;

CREATE OR REPLACE FUNCTION private.extend_locks (
  p_booking public.bookings,
  p_of      uuid,
  p_until   timestamp with time zone,
  p_now     timestamp with time zone
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_lock record;
  v_locks integer := 0;
begin
  for v_lock in
    select l.seat_id, l.id from public.seat_locks l
    where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
      and l.booking_id is not distinct from p_of and l.held @> p_now
    order by l.seat_id
  loop
    update public.seat_locks l set booking_id = p_booking.id, held = tstzrange(lower(l.held), p_until)
    where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
      and l.seat_id = v_lock.seat_id and l.id = v_lock.id and l.held @> p_now;
    v_locks := v_locks + found::integer;
  end loop;
  return v_locks;
end
$function$;

CREATE OR REPLACE FUNCTION private.film_filters (
  p_filters jsonb
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_text text := case jsonb_typeof(p_filters) when 'string' then p_filters #>> '{}' end;
  v_filters jsonb := case when pg_input_is_valid(v_text, 'jsonb') then v_text::jsonb else p_filters end;
begin
  if jsonb_typeof(v_filters) <> 'object'
    or exists (select from jsonb_each(case jsonb_typeof(v_filters) when 'object' then v_filters end) f
               where f.key not in ('genre', 'language', 'certificate', 'length')
                  or jsonb_typeof(f.value) <> 'string'
                  or length(f.value #>> '{}') not between 1 and 100)
    or not pg_input_is_valid(coalesce(v_filters ->> 'certificate', 'U'), 'public.certificate')
    or v_filters ->> 'length' not in ('short', 'feature', 'long') then
    perform private.refuse_argument('filters');
  end if;
  return v_filters;
end
$function$;

CREATE OR REPLACE FUNCTION private.fold (
  p_text text
)
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  STRICT
  SET search_path TO ''
  AS $function$
  select btrim(regexp_replace(
    regexp_replace(
      lower(extensions.unaccent(
        'extensions.unaccent'::regdictionary, regexp_replace(normalize(p_text, nfkd), '[\u0300-\u036f]', '', 'g'))),
      '[\u0027\u0060\u02bc\u2018\u2019]', '', 'g'),
    '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u2000-\u206f\u2e00-\u2e7f\u3000-\u303f\ufffd]+',
    ' ', 'g'))
$function$;

CREATE OR REPLACE FUNCTION private.fold_search (
  p_search text
)
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  STRICT
  SET search_path TO ''
  AS $function$
  select btrim(left(private.fold(left(p_search, 100)), 100))
$function$;

CREATE OR REPLACE FUNCTION private.follow_revision()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET enable_seqscan TO 'off'
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION private.forbid_lower_version()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  raise check_violation using message = 'the version of a layout only rises', constraint = tg_name;
end
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

CREATE OR REPLACE FUNCTION private.give_time_to_pay (
  p_booking public.bookings,
  p_now     timestamp with time zone
)
  RETURNS public.bookings
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  update public.bookings b
  set expires_at = greatest(b.expires_at, p_now + private.time_to_pay(b.showtime_id, b.user_id, p_now))
  where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id
  returning b.* into p_booking;
  perform private.extend_locks(p_booking, p_booking.id, p_booking.expires_at, p_now);
  if not private.holds_its_seats(p_booking, p_now) then
    perform private.raise_api_error('lock_expired');
  end if;
  perform private.broadcast_showtime(p_booking.showtime_id, 'seat:lock', private.locks_json(p_booking, p_now));
  return p_booking;
exception
  -- Somebody took a seat in the instant in which its lock ran out.
  when exclusion_violation then
    perform private.raise_api_error('lock_expired');
end
$function$;

CREATE OR REPLACE FUNCTION private.holding_times (
  p_showtime_id bigint,
  p_user_id     uuid,
  p_now         timestamp with time zone
)
  RETURNS tstzmultirange
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
begin
  return (select range_agg(h.held) * tstzmultirange(tstzrange(p_now - interval '1 hour', p_now))
          from private.unbought_holds(p_showtime_id, p_user_id, p_now) h);
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
      and s.auditorium_id = (select a.id from public.showtimes t
                             join public.auditoriums a on a.id = t.auditorium_id
                             join public.theaters h on h.id = a.theater_id and h.currency = p_booking.currency
                             where t.id = p_booking.showtime_id)
    where hold.seat_id is null or s.id is null);
end
$function$;

CREATE OR REPLACE FUNCTION private.holds_json (
  p_user_id  uuid,
  p_max_rows integer
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select coalesce(jsonb_agg(jsonb_build_object(
    'showtime_id', h.showtime_id, 'seat_id', h.seat_id, 'booking_id', h.booking_id, 'held_from', lower(h.held),
    'held_until', upper(h.held), 'end_reason', h.end_reason) order by lower(h.held) desc, h.seat_id), '[]')
  from (
    select * from (
      select l.showtime_id, l.seat_id, l.booking_id, l.held, l.end_reason
      from public.seat_locks l where l.user_id = p_user_id
      union all
      select a.showtime_id, a.seat_id, a.booking_id, a.held, a.end_reason
      from private.seat_lock_history a where a.user_id = p_user_id) o
    order by lower(o.held) desc, o.seat_id limit p_max_rows) h
$function$;

CREATE OR REPLACE FUNCTION private.is_email (
  p_email text
)
  RETURNS boolean
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select coalesce(
    octet_length(p_email) <= 254 and octet_length(split_part(p_email, '@', 1)) <= 64
    and p_email = private.normalize_email(p_email) and p_email = normalize(p_email, NFKC)
    and split_part(p_email, '@', 1) ~ (
      '^(?![\u0300-\u036f])' || word || '(\.' || word || ')*$')
    and substr(p_email, strpos(p_email, '@')) ~
      '^@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$'
    and p_email !~ '[@.]([^x.].|x[^n.])--[^@]*$', false)
  from (
    select '[a-z0-9!#$%&''*+/=?^_`{|}~\u00df-\u00f6\u00f8-\u034e\u0350-\u061b\u061d-\u115e\u1161-\u167f\u1681-\u17b3'
      || '\u17b6-\u180a\u1810-\u1fff\u2c00-\u2dff\u3005-\u3007\u3021-\u3029\u3031-\u3163\u3165-\ud7ff'
      || '\U00020000-\U0003fffd-]+') words (word)
$function$;

CREATE OR REPLACE FUNCTION private.is_human (
  p_now timestamp with time zone
)
  RETURNS boolean
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
begin
  return jsonb_typeof(v_claims -> 'human_until') = 'number'
    and (v_claims ->> 'human_until')::numeric > extract(epoch from p_now);
end
$function$;

CREATE OR REPLACE FUNCTION private.is_name (
  p_name text
)
  RETURNS boolean
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select coalesce(
    char_length(p_name) <= 200
    and char_length(
      regexp_replace(p_name, '[\u0300-\u036f\u1ab0-\u1aff\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f]', '', 'g'))
      between 1 and 100
    and p_name ~ ('[^\u0001-/:-@\[-`{-\u00bf\u0300-\u036f\u1ab0-\u1aff\u200c\u200d\u2010-\u2027\u2030-\u205e'
      || '\u20d0-\u20ff\ufe00-\ufe0f]')
    and regexp_replace(p_name, '\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f', '', 'g') !~  -- flags of a country's part
      '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2065-\u206f\ue000-\uf8ff\ufff0-\uffff\U000e0000-\U0010ffff]'
    and normalize(p_name, NFKC) !~* '://|(^|[^a-z0-9])www\.|[a-z0-9]\.[a-z]{2,}/', false)
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

CREATE OR REPLACE FUNCTION private.keep_search_text()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  new.search_text := private.search_text(new);
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.keep_time_while_cancelled()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform private.lock_showtime(old.id);
  if exists (select from public.bookings b where b.showtime_id = old.id and b.status = 'confirmed') then
    raise check_violation using
      message = 'bookings of this cancelled showtime are being refunded', constraint = tg_name;
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.listed_film (
  p_movie_id    bigint,
  p_showtimes   integer,
  p_day         date,
  p_theater_ids bigint[],
  p_now         timestamp with time zone
)
  RETURNS TABLE (
    film        json,
    theater_ids bigint[]
  )
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
#variable_conflict use_column
declare
  v_span tstzrange := private.day_span(p_day, p_now);
begin
  return query
    with next as materialized (
      select t.id, t.starts_at, h.id as theater_id
      from public.showtimes t
      join public.auditoriums a on a.id = t.auditorium_id
      join public.theaters h on h.id = a.theater_id
      where t.movie_id = p_movie_id and t.starts_at > lower(v_span) and t.starts_at < upper(v_span)
        and t.status = 'scheduled' and (p_theater_ids is null or h.id = any (p_theater_ids))
        and (p_day is null or (t.starts_at at time zone h.time_zone)::date = p_day)
      order by t.starts_at, t.id limit 3)
    select json_build_object(
             'id', m.id, 'slug', m.slug, 'title', m.title, 'original_title', m.original_title,
             'release_year', m.release_year, 'directors', m.directors, 'genres', m.genres, 'language', m.language,
             'certificate', m.certificate, 'length_minutes', m.length_minutes,
             'showtimes', (select json_agg(n order by n.starts_at, n.id) from next n),
             'more_showtimes', p_showtimes - (select count(*) from next)),
           array(select distinct n.theater_id from next n)
    from public.movies m where m.id = p_movie_id;
end
$function$;

CREATE OR REPLACE FUNCTION private.live_session (
  p_session_id uuid,
  p_user_id    uuid
)
  RETURNS private.sessions
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_session private.sessions;
begin
  select s.* into v_session from private.sessions s where s.id = p_session_id and s.user_id = p_user_id for update;
  if not found or v_session.ended_at is not null or v_session.expires_at <= private.now() then
    perform private.raise_api_error('session_ended');
  end if;
  return v_session;
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
  perform pg_advisory_xact_lock_shared((p_showtime_id >> 32)::integer, p_showtime_id::bit(32)::integer),
          pg_advisory_xact_lock(hashtextextended(p_user_id::text, 0));
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
  perform pg_advisory_xact_lock((p_showtime_id >> 32)::integer, p_showtime_id::bit(32)::integer);
end
$function$;

CREATE OR REPLACE FUNCTION private.locks_json (
  p_booking public.bookings,
  p_now     timestamp with time zone
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select jsonb_build_object('seat_ids', jsonb_agg(l.seat_id order by l.seat_id),
                            'lock_ids', jsonb_agg(l.id order by l.seat_id),
                            'expires_at', private.expiry_for_others(max(upper(l.held))))
  from public.seat_locks l
  where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id and l.booking_id = p_booking.id
    and l.held @> p_now
$function$;

CREATE OR REPLACE FUNCTION private.moved_from (
  p_booking public.bookings
)
  RETURNS timestamp WITH time zone
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  return (
    select r.old_starts_at from private.showtime_revisions r
    where r.showtime_id = (p_booking).showtime_id and r.revision > (p_booking).revision
      and r.old_starts_at <> r.starts_at
    order by r.revision limit 1);
end
$function$;

CREATE OR REPLACE FUNCTION private.movies_on (
  p_day         date,
  p_theater_ids bigint[],
  p_as_of       timestamp with time zone,
  p_now         timestamp with time zone
)
  RETURNS TABLE (
    movie_id  bigint,
    next_at   timestamp with time zone,
    showtimes integer
  )
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_span tstzrange := private.day_span(p_day, p_as_of);
begin
  -- Of the whole program nothing has to be asked about places.
  if p_day is null and p_theater_ids is null then
    return query
      select t.movie_id, min(t.starts_at), (count(*) filter (where t.starts_at > p_now))::integer
      from public.showtimes t
      where t.starts_at > p_as_of and t.status = 'scheduled'
      group by t.movie_id
      having max(t.starts_at) > p_now;
    return;
  end if;
  return query
    select t.movie_id, min(t.starts_at), (count(*) filter (where t.starts_at > p_now))::integer
    from public.showtimes t
    join public.auditoriums a on a.id = t.auditorium_id
    join public.theaters h on h.id = a.theater_id
    where t.starts_at > lower(v_span) and t.starts_at < upper(v_span) and t.status = 'scheduled'
      and (p_theater_ids is null or h.id = any (p_theater_ids))
      and (p_day is null or (t.starts_at at time zone h.time_zone)::date = p_day)
    group by t.movie_id
    having max(t.starts_at) > p_now;
end
$function$;

CREATE OR REPLACE FUNCTION private.normalize_email (
  p_email text
)
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select case when octet_length(btrim(p_email)) <= 1000 then lower(normalize(btrim(p_email), NFC)) else p_email end
$function$;

CREATE OR REPLACE FUNCTION private.normalize_full_name()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  new.full_name := private.normalize_name(new.full_name);
  if not private.is_name(new.full_name) then
    perform private.raise_api_error('invalid_name');
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.normalize_name (
  p_name text
)
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select case when octet_length(btrim(p_name)) <= 2000 then regexp_replace(
    regexp_replace(
      regexp_replace(
        normalize(btrim(p_name), NFC), '[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\ufeff]', '', 'g'),
      '[\u200c\u200d]*[ \u00a0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]'
        || '[ \u00a0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0\u200c\u200d]*', ' ', 'g'),
    '^[ \u200c\u200d]+|[ \u200c\u200d]+$', '', 'g') end
$function$;

CREATE OR REPLACE FUNCTION private.price_from (
  p_showtime_id bigint
)
  RETURNS integer
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select coalesce(min(p.price) filter (where p.kind not in ('wheelchair', 'companion')), min(p.price))
  from public.showtime_prices p where p.showtime_id = p_showtime_id
$function$;

CREATE OR REPLACE FUNCTION private.program (
  p_day         date,
  p_theater_ids bigint[],
  p_search      text,
  p_filters     jsonb,
  p_sort        text,
  p_as_of       timestamp with time zone,
  p_now         timestamp with time zone
)
  RETURNS TABLE (
    movie_id  bigint,
    showtimes integer,
    fits      boolean,
    key       bigint,
    title     text
  )
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
#variable_conflict use_column
begin
  return query
    with on_show as materialized (
      select o.movie_id, o.next_at, o.showtimes from private.movies_on(p_day, p_theater_ids, p_as_of, p_now) o),
    fitting as materialized (
      select f.movie_id, f.rank
      from private.search_movies(p_search, array(select o.movie_id from on_show o)) f
      where p_search is not null)
    select o.movie_id, o.showtimes,
           (p_search is null or f.movie_id is not null)
           and (p_filters ->> 'genre' is null or m.genres @> array[p_filters ->> 'genre'])
           and (p_filters ->> 'language' is null or m.language = p_filters ->> 'language')
           and (p_filters ->> 'certificate' is null
                or m.certificate <= (p_filters ->> 'certificate')::public.certificate)
           and (p_filters ->> 'length' is null
                or p_filters ->> 'length' = case when m.length_minutes <= 45 then 'short'
                                                 when m.length_minutes <= 120 then 'feature' else 'long' end),
           case p_sort when 'soonest' then (extract(epoch from o.next_at) * 1000000)::bigint
                       when 'relevance' then f.rank else 0 end,
           left(regexp_replace(split_part(m.search_text, E'\n', 1), '^(the|an?) ', ''), 200) collate "C"
    from on_show o
    join public.movies m on m.id = o.movie_id
    left join fitting f on f.movie_id = o.movie_id;
end
$function$;

CREATE OR REPLACE FUNCTION private.program_days (
  p_theater_ids bigint[],
  p_now         timestamp with time zone
)
  RETURNS date[]
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  return array(
    select d.day
    from (select (p_now at time zone 'UTC')::date + n as day from generate_series(-1, 31) n) d
    cross join lateral (select private.day_span(d.day, p_now) as span offset 0) s
    where (
      select true from public.showtimes t
      join public.auditoriums a on a.id = t.auditorium_id
      join public.theaters h on h.id = a.theater_id
      where t.starts_at > lower(s.span) and t.starts_at < upper(s.span) and t.status = 'scheduled'
        and (p_theater_ids is null or h.id = any (p_theater_ids))
        and (t.starts_at at time zone h.time_zone)::date = d.day
      limit 1)
    order by d.day);
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

CREATE OR REPLACE FUNCTION private.protect_held_auditorium()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform private.protect_held_auditoriums(array[old.id], tg_name);
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.protect_held_auditoriums (
  p_auditorium_ids bigint[],
  p_constraint     text
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_now timestamptz;
begin
  for v_look in 1..2 loop
    v_now := private.now();
    if exists (select from public.showtimes t
               where t.auditorium_id = any (p_auditorium_ids) and t.ends_at > v_now
                 and (private.showtime_is_held(t.id, v_now) or private.showtime_may_be_paid(t.id))) then
      raise foreign_key_violation using
        message = 'seats are held or booked at a showtime to come', constraint = p_constraint;
    end if;
    -- The auditoriums first, so that no showtime is added there meanwhile.
    perform from public.auditoriums a where a.id = any (p_auditorium_ids) order by a.id for update;
    perform private.lock_showtime(t.id)
    from (select s.id from public.showtimes s
          where s.auditorium_id = any (p_auditorium_ids) and s.ends_at > v_now order by s.id) t;
  end loop;
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
    if private.showtime_is_held(old.id, private.now())
      or tg_name = 'held_showtimes_keep_their_film'
        and (private.showtime_was_sold(old.id) or private.showtime_may_be_paid(old.id)) then
      raise foreign_key_violation using message = 'seats of this showtime are held or booked', constraint = tg_name;
    end if;
    perform private.lock_showtime(old.id);
  end loop;
  return case tg_op when 'DELETE' then old else new end;
end
$function$;

CREATE OR REPLACE FUNCTION private.protect_held_theater()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform from public.theaters h where h.id = old.id for update;
  perform private.protect_held_auditoriums(
    array(select a.id from public.auditoriums a where a.theater_id = old.id), tg_name);
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.read_cursor (
  p_after    text,
  p_question text,
  p_types    jsonb
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_place jsonb;
begin
  if p_after is null then
    return null;
  end if;
  begin
    if length(p_after) <= 4000 then
      v_place := convert_from(decode(p_after, 'hex'), 'UTF8')::jsonb;
    end if;
  exception when data_exception then
    null;
  end;
  if v_place ->> 'question' is distinct from md5(p_question)
    or exists (select from jsonb_each_text(p_types) t
               where pg_input_is_valid(v_place ->> t.key, t.value) is not true) then
    perform private.refuse_argument('after');
  end if;
  return v_place;
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

CREATE OR REPLACE FUNCTION private.refundable_amount (
  booking public.bookings
)
  RETURNS integer
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
begin
  if (booking).status <> 'confirmed' then
    return null;
  end if;
  return (
    select coalesce(sum(private.refundable_of_payment(p)), 0) from public.payments p
    where p.showtime_id = (booking).showtime_id and p.booking_id = (booking).id and p.status = 'succeeded');
end
$function$;

CREATE OR REPLACE FUNCTION private.refuse_argument (
  p_name text
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  perform private.raise_api_error('invalid_request', jsonb_build_object('argument', p_name));
end
$function$;

CREATE OR REPLACE FUNCTION private.refuse_more_held (
  p_user_id uuid,
  p_limit   integer,
  p_now     timestamp with time zone
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  perform private.raise_api_error('too_many_held', jsonb_build_object('limit', p_limit, 'showtime_ids', array(
    select distinct l.showtime_id from public.seat_locks l
    where l.user_id = p_user_id and upper(l.held) > p_now and not upper_inf(l.held) order by l.showtime_id)));
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

CREATE OR REPLACE FUNCTION private.require_bookings_left (
  p_user_id uuid,
  p_now     timestamp with time zone
)
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_settings private.settings;
  v_unpaid timestamptz[];
  v_returned timestamptz[];
begin
  select * into strict v_settings from private.settings c where c.singleton;
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
  elsif cardinality(v_unpaid) >= v_settings.unpaid_bookings_per_day then
    perform private.raise_api_error('too_many_unpaid', jsonb_build_object(
      'limit', v_settings.unpaid_bookings_per_day,
      'retry_after',
      ceil(extract(epoch from v_unpaid[v_settings.unpaid_bookings_per_day] + interval '1 day' - p_now))));
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION private.require_human (
  p_showtime_id bigint,
  p_now         timestamp with time zone
)
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
begin
  if private.is_human(p_now) is not true and private.under_pressure(p_showtime_id, p_now) then
    perform private.raise_api_error('human_check_required');
  end if;
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

CREATE OR REPLACE FUNCTION private.search_movies (
  p_search text,
  p_among  bigint[]
)
  RETURNS TABLE (
    movie_id bigint,
    rank     integer
  )
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_words text[] := private.search_words(p_search);
  v_patterns text[] := array(select '%' || w.word || '%' from unnest(v_words) w (word));
  -- The index goes by the longest word, which is the rarest.
  v_longest text := (select p.pattern from unnest(v_patterns) p (pattern) order by length(p.pattern) desc limit 1);
begin
  return query
    select m.id, (
      select case when l.line[1] = p_search then 0 else sum(
        case when strpos(' ' || l.line[1], ' ' || w.word) > 0 then 1
             when strpos(' ' || l.line[2], ' ' || w.word) > 0 then 2
             when strpos(concat_ws(E'\n', l.line[1], l.line[2], l.line[3]), w.word) > 0 then 3
             when strpos(l.line[4], w.word) > 0 then 5
             when strpos(l.line[5], w.word) > 0 then 7
             else 9 end)::integer end
      from unnest(v_words) w (word))
    from public.movies m
    cross join lateral (select string_to_array(m.search_text, E'\n') as line) l
    where m.search_text like v_longest and m.search_text like all (v_patterns);
  if found then
    return;
  end if;
  -- Of three letters, one slip leaves nothing to go by.
  return query
    select m.id, (100 * s.slips)::integer
    from public.movies m
    cross join lateral (
      select sum(1 - f.fit) as slips, min(f.fit) as worst
      from unnest(v_words) w (word)
      cross join lateral (
        select case when strpos(m.search_text, w.word) > 0 then 1
                    when length(w.word) <= 3 then 0
                    else extensions.word_similarity(w.word, m.search_text) end as fit) f) s
    where m.id = any (p_among) and s.worst >= 0.5;
end
$function$;

CREATE OR REPLACE FUNCTION private.search_text (
  p_movie public.movies
)
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select concat_ws(
    E'\n', f.title, f.original, replace(f.title, ' ', '') || ' ' || replace(f.original, ' ', ''),
    private.fold(array_to_string((p_movie).directors, ' ')),
    private.fold(array_to_string((p_movie).cast_members, ' ')),
    private.fold(array_to_string((p_movie).genres, ' ')) || ' ' || (p_movie).release_year)
  from (select private.fold((p_movie).title) as title,
               private.fold(coalesce((p_movie).original_title, '')) as original) f
$function$;

CREATE OR REPLACE FUNCTION private.search_words (
  p_folded text
)
  RETURNS text[]
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  STRICT
  SET search_path TO ''
  AS $function$
  select array(
    select w.word from string_to_table(p_folded, ' ') with ordinality w (word, n)
    group by w.word order by min(w.n) limit 6)
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

CREATE OR REPLACE FUNCTION private.seats_left (
  p_showtime_ids bigint[],
  p_now          timestamp with time zone
)
  RETURNS TABLE (
    showtime_id bigint,
    seats_left  integer
  )
  LANGUAGE plpgsql
  STABLE
  ROWS 20
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  return query
    with shown as materialized (
      select t.id, t.auditorium_id from public.showtimes t where t.id = any (p_showtime_ids)),
    rooms as materialized (
      select s.auditorium_id, s.kind, count(*) as seats
      from public.seats s where s.auditorium_id in (select w.auditorium_id from shown w)
      group by s.auditorium_id, s.kind),
    on_sale as (
      select w.id, sum(r.seats) as seats
      from shown w
      join rooms r on r.auditorium_id = w.auditorium_id
      join public.showtime_prices p on p.showtime_id = w.id and p.kind = r.kind
      group by w.id),
    taken as (
      select w.id, count(*) as seats
      from shown w
      join public.seat_locks l on l.showtime_id = w.id and l.held @> p_now
      join public.seats s on s.id = l.seat_id and s.auditorium_id = w.auditorium_id
      join public.showtime_prices p on p.showtime_id = w.id and p.kind = s.kind
      group by w.id)
    select w.id, (coalesce(o.seats, 0) - coalesce(k.seats, 0))::integer
    from shown w left join on_sale o on o.id = w.id left join taken k on k.id = w.id;
end
$function$;

CREATE OR REPLACE FUNCTION private.selection_time (
  p_showtime_id bigint,
  p_user_id     uuid,
  p_seat_ids    bigint[],
  p_new         boolean,
  p_now         timestamp with time zone
)
  RETURNS interval
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
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
    insert into public.seat_locks (showtime_id, id, seat_id, user_id, booking_id, held)
    select s.showtime_id, extract(epoch from p_now) * 1000000, s.seat_id, p_booking.user_id, p_booking.id,
           tstzrange(p_now, null)
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

CREATE OR REPLACE FUNCTION private.session_json (
  p_session private.sessions,
  p_user    public.users
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select jsonb_build_object('session_id', p_session.id, 'expires_at', p_session.expires_at,
                            'human_until', p_session.human_until, 'user', private.user_json(p_user))
$function$;

CREATE OR REPLACE FUNCTION private.sessions_json (
  p_user_id uuid
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', s.id, 'user_agent', s.user_agent, 'created_at', s.created_at,
    'refreshed_at', (select max(t.created_at) from private.refresh_tokens t where t.session_id = s.id),
    'expires_at', s.expires_at, 'ended_at', s.ended_at, 'end_reason', s.end_reason, 'human_until', s.human_until)
    order by s.created_at desc, s.id), '[]')
  from private.sessions s where s.user_id = p_user_id
$function$;

CREATE OR REPLACE FUNCTION private.set_cache_control (
  p_value text,
  p_vary  text DEFAULT NULL::text
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_headers jsonb := nullif(current_setting('request.headers', true), '');
begin
  perform set_config('response.headers', json_build_array(
    json_build_object('Cache-Control', case
      when v_headers ->> 'accept' not in ('*/*', 'application/json') or v_headers ?| array['range', 'prefer']
        then 'no-store' else p_value end),
    json_build_object('Vary', concat_ws(', ', 'Accept, Prefer, Range', p_vary)))::text, true);
end
$function$;

CREATE OR REPLACE FUNCTION private.set_cache_control_by_caller (
  p_user_id uuid
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  perform private.set_cache_control(
    case when p_user_id is null then 'public, max-age=0, s-maxage=1' else 'private, no-store' end, 'Authorization');
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
  return exists (select from public.bookings b
                 where b.showtime_id = p_showtime_id
                   and (b.status = 'confirmed' or b.status = 'pending' and b.expires_at > p_now))
    or exists (select from public.seat_locks l where l.showtime_id = p_showtime_id and l.held @> p_now);
end
$function$;

CREATE OR REPLACE FUNCTION private.showtime_may_be_paid (
  p_showtime_id bigint
)
  RETURNS boolean
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  return exists (select from public.payments p where p.showtime_id = p_showtime_id and p.status = 'open');
end
$function$;

CREATE OR REPLACE FUNCTION private.showtime_was_sold (
  p_showtime_id bigint
)
  RETURNS boolean
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  return exists (select from public.bookings b where b.showtime_id = p_showtime_id and b.confirmed_at is not null);
end
$function$;

CREATE OR REPLACE FUNCTION private.supersede_move_email (
  p_booking_id uuid,
  p_known      timestamp with time zone
)
  RETURNS timestamp WITH time zone
  LANGUAGE plpgsql
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION private.time_to_pay (
  p_showtime_id bigint,
  p_user_id     uuid,
  p_now         timestamp with time zone
)
  RETURNS interval
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
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
  return pg_try_advisory_xact_lock_shared((p_showtime_id >> 32)::integer, p_showtime_id::bit(32)::integer)
    and pg_try_advisory_xact_lock(hashtextextended(p_user_id::text, 0));
end
$function$;

CREATE OR REPLACE FUNCTION private.unbought_holds (
  p_showtime_id bigint,
  p_user_id     uuid,
  p_now         timestamp with time zone
)
  RETURNS TABLE (
    seat_id bigint,
    held    tstzrange,
    ran_out boolean
  )
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION private.under_pressure (
  p_showtime_id bigint,
  p_now         timestamp with time zone
)
  RETURNS boolean
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_settings private.settings;
  v_held integer;
  v_sold integer;
  v_for_sale integer;
begin
  select c.* into strict v_settings from private.settings c where c.singleton;
  select count(*) filter (where upper(l.held) > p_now), count(*) filter (where upper_inf(l.held)) into v_held, v_sold
  from public.seat_locks l
  where l.showtime_id = p_showtime_id;
  if v_held <= v_settings.seats_per_customer then
    return false;
  end if;
  select count(*) into v_for_sale
  from public.showtimes t
  join public.seats s on s.auditorium_id = t.auditorium_id
  join public.showtime_prices p on p.showtime_id = t.id and p.kind = s.kind
  where t.id = p_showtime_id;
  return v_held * 100 > (v_for_sale - v_sold) * v_settings.human_check_held_share;
end
$function$;

CREATE OR REPLACE FUNCTION private.write_cursor (
  p_question text,
  p_place    jsonb
)
  RETURNS text
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select encode(convert_to((p_place || jsonb_build_object('question', md5(p_question)))::text, 'UTF8'), 'hex')
$function$;

CREATE OR REPLACE FUNCTION public.begin_human_check (
  session_id uuid,
  user_id    uuid,
  address    text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_seconds integer;
begin
  perform private.live_session(begin_human_check.session_id, begin_human_check.user_id);
  select private.check_rate_limit(array[
    row('human_check:' || begin_human_check.user_id, c.human_checks_per_customer, c.sign_in_window),
    row('human_check_from:' || begin_human_check.address, c.human_checks_per_address, c.sign_in_window)
  ]::private.rate_limit[])
  into strict v_seconds from private.settings c;
  return case when v_seconds = 0 then jsonb_build_object('status', 'admitted')
              else jsonb_build_object('status', 'limited', 'retry_after', v_seconds) end;
end
$function$;

REVOKE ALL ON FUNCTION "public"."begin_human_check"(uuid, uuid, text) FROM PUBLIC, "anon", "authenticated";

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
  select c.password_hash into v_hash from private.credentials c where c.user_id = v_user.id;
  if v_hash is null then
    return jsonb_build_object('status', 'unknown');
  end if;
  return jsonb_build_object('status', 'known', 'user', private.user_json(v_user), 'password_hash', v_hash);
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
          union all
          select r.at, null, 'showtime', case when r.old_starts_at = r.starts_at then 'changed' else 'moved' end,
                 r.request_id, to_jsonb(r), r.actor, r.session_id
          from private.showtime_revisions r
          where r.showtime_id = v_booking.showtime_id and r.revision > v_booking.revision) g);
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
  SET lock_timeout TO '1s'
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
    or v_now > private.cancellable_until(v_booking) then
    perform private.raise_api_error('not_cancellable');
  end if;

  return private.booking_json(private.end_booking(v_booking, 'cancelled_by_customer', v_now));
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
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
join holds b on b.showtime_id = a.showtime_id and b.seat_id = a.seat_id and b.held && a.held
  and (b.id, b.user_id) > (a.id, a.user_id)

-- Not of the history, which has holds from before ids were made so.
union all
select 'I1 the id of a lock is not its beginning', jsonb_build_object(
  'showtime_id', l.showtime_id, 'seat_id', l.seat_id, 'lock_id', l.id)
from public.seat_locks l where l.id <> extract(epoch from lower(l.held)) * 1000000

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
select 'I3 a hold without end is not sold', jsonb_build_object(
  'showtime_id', l.showtime_id, 'seat_id', l.seat_id, 'lock_id', l.id)
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
select 'I4 a lock outlives its time', jsonb_build_object(
  'showtime_id', l.showtime_id, 'seat_id', l.seat_id, 'lock_id', l.id)
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

-- I5: totals are the sum of their lines and what Stripe was asked for, in the currency of the theater.
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

union all
select 'I5 a booking is in a currency that its theater does not take', jsonb_build_object(
  'booking_id', b.id, 'currency', b.currency)
from public.bookings b
join public.showtimes t on t.id = b.showtime_id
join public.auditoriums a on a.id = t.auditorium_id
join public.theaters h on h.id = a.theater_id
-- Not what has ended: a theater may change its currency then.
where t.ends_at > v_now and b.currency <> h.currency
  and (b.status = 'confirmed' or b.status = 'pending' and b.expires_at > v_now)

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

-- A2: every change of a showtime is recorded, and each move has one email for each booking that was confirmed then.
-- (Once is the outbox's unique key. What was changed before there was a record is not looked for.)
union all
select 'A2 a change of a showtime is not recorded', jsonb_build_object('showtime_id', t.id, 'revision', t.revision)
from public.showtimes t
join (select r.showtime_id, min(r.revision) as first, max(r.revision) as last, count(*) as revisions
      from private.showtime_revisions r group by r.showtime_id) known on known.showtime_id = t.id
where known.last <> t.revision or known.revisions <> known.last - known.first + 1

union all
select 'A2 a move has no mail', jsonb_build_object('booking_id', b.id, 'revision', r.revision)
from private.showtime_revisions r
join public.bookings b on b.showtime_id = r.showtime_id and b.revision < r.revision
where r.old_starts_at <> r.starts_at and b.confirmed_at < r.at and (b.cancelled_at > r.at) is not false
  and not exists (select from private.outbox o where o.key = 'mail:showtime_moved:' || b.id || ':' || r.revision)

-- A3: a showtime to come has time for its film.
union all
select 'A3 a showtime ends before its film', jsonb_build_object('showtime_id', t.id)
from public.showtimes t
join public.movies m on m.id = t.movie_id
where t.ends_at > v_now and t.ends_at < t.starts_at + make_interval(mins => m.length_minutes)

-- I7: clients call functions and have no privilege on any table or sequence; and all tables have row security.
union all
select 'I7 a client may use a table', jsonb_build_object('table', c.oid::regclass::text, 'role', r.name, 'privilege', p.name)
from pg_catalog.pg_class c,
     unnest(array['anon', 'authenticated']) r (name),
     unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p (name)
where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (has_table_privilege(r.name, c.oid, p.name)
       or p.name in ('select', 'insert', 'update', 'references') and has_any_column_privilege(r.name, c.oid, p.name))

union all
select 'I7 a client may use a sequence', jsonb_build_object('sequence', c.oid::regclass::text, 'role', r.name)
from pg_catalog.pg_class c, unnest(array['anon', 'authenticated']) r (name)
where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind = 'S'
  and has_sequence_privilege(r.name, c.oid, 'usage, select, update')

union all
select 'I7 a client may call what is not for clients', jsonb_build_object('function', p.oid::regprocedure::text, 'role', r.name)
from pg_catalog.pg_proc p, unnest(array['anon', 'authenticated']) r (name)
where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
  and has_function_privilege(r.name, p.oid, 'execute')
  and p.proname <> all (array[
    'whats_on', 'movie', 'theaters', 'theater', 'showtime', 'seat_layout', 'seat_states', 'seat_map', 'server_time',
    'lock_seats', 'release_seats', 'create_booking', 'cancel_booking', 'send_ticket_again',
    'my_bookings', 'my_booking', 'my_account', 'rename_me', 'my_data', 'seat_holder', 'booking_history'])
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
  SET lock_timeout TO '1s'
  AS $function$
declare
  v_user uuid := private.require_user_id();
  v_showtime public.showtimes;
  v_booking public.bookings;
  v_now timestamptz;
  v_elsewhere bigint[];
  v_unpriced bigint[];
  v_expires_at timestamptz;
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
         array_agg(l.seat_id order by l.seat_id) filter (where p.price is null), min(upper(l.held)), sum(p.price),
         min(t.currency),
         jsonb_agg(jsonb_build_object('seat_id', s.id, 'row_label', s.row_label, 'number', s.number, 'kind', s.kind,
                                      'price', p.price))
  into v_elsewhere, v_unpriced, v_expires_at, v_total, v_currency, v_lines
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
  perform private.require_bookings_left(v_user, v_now);

  insert into public.bookings as b (showtime_id, reference, user_id, total, currency, created_at, expires_at, revision)
  values (v_showtime.id, private.new_reference(), v_user, v_total, v_currency, v_now, v_expires_at,
          v_showtime.revision)
  returning b.* into v_booking;
  insert into public.booking_seats (showtime_id, booking_id, seat_id, row_label, number, kind, price)
  select v_showtime.id, v_booking.id, line.seat_id, line.row_label, line.number, line.kind, line.price
  from jsonb_populate_recordset(null::public.booking_seats, v_lines) line;
  if private.extend_locks(v_booking, null, v_booking.expires_at, v_now) <> jsonb_array_length(v_lines) then
    perform private.raise_api_error('lock_expired');
  end if;
  return private.booking_json(v_booking);
exception
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
  SET lock_timeout TO '1s'
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
  v_unpaid integer;
  v_unpaid_limit integer;
  v_new boolean;
  v_returns boolean;
  v_human_check boolean;
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
         mine.seat_ids, mine.booking_id,
         coalesce(mine.expires_at, v_now + least(c.lock_duration, c.holding_time_per_hour)),
         mine.lately, c.seats_chosen_per_minute, mine.unpaid, c.seats_held_per_customer, c.human_check,
         mine.expires_at is null,
         mine.ended or exists (
           select from private.seat_lock_history h
           where h.user_id = v_user and h.showtime_id = lock_seats.showtime_id
             and h.id > extract(epoch from v_now - interval '1 hour' - c.lock_duration - c.payment_duration) * 1000000)
  into strict v_limit, v_open, v_known, v_mine, v_booking_id, v_expires_at, v_recent, v_per_minute, v_unpaid,
              v_unpaid_limit, v_human_check, v_new, v_returns
  from private.settings c
  left join public.showtimes t on t.id = lock_seats.showtime_id
  left join public.users u on u.id = v_user
  cross join lateral (
    select array_agg(l.seat_id) filter (where l.live and l.here) as seat_ids,
           min(upper(l.held)) filter (where l.live and l.here and l.booking_id is null) as expires_at,
           min(l.booking_id::text) filter (
             where l.live and l.here and l.booking_id is not null and not upper_inf(l.held))::uuid as booking_id,
           count(*) filter (where l.here and lower(l.held) > v_now - interval '1 minute') as lately,
           count(*) filter (where l.live and not upper_inf(l.held)) as unpaid,
           bool_or(l.here and not l.live) is true as ended
    -- Not `held @> now`: it would draw the planner to the GiST index, which is slower than the primary key.
    from (select *, (upper(any_of_mine.held) > v_now) is not false as live,
                 any_of_mine.showtime_id = lock_seats.showtime_id as here
          from public.seat_locks any_of_mine) l
    where l.user_id = v_user) mine
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
  elsif v_unpaid + cardinality(v_wanted) > v_unpaid_limit then
    perform private.refuse_more_held(v_user, v_unpaid_limit, v_now);
  elsif v_human_check then
    perform private.require_human(lock_seats.showtime_id, v_now);
  end if;
  if v_returns then
    v_expires_at := least(v_expires_at, v_now + private.selection_time(
      lock_seats.showtime_id, v_user, v_wanted, v_new, v_now));
  end if;

  -- Not `insert` and catch: two such inserts can wait for each other. `do nothing` inserts speculatively and, in the
  -- order of seat ids, nobody waits in a circle. Naming the constraint spares a look into the primary key.
  with inserted as (
    insert into public.seat_locks as l (showtime_id, id, seat_id, user_id, held)
    select lock_seats.showtime_id, extract(epoch from v_now) * 1000000, s, v_user, tstzrange(v_now, v_expires_at)
    from unnest(v_wanted) s order by s
    on conflict on constraint one_holder_at_a_time do nothing
    returning l.seat_id, l.id
  )
  select array_agg(i.seat_id), array_agg(i.id) into v_got, v_lock_ids from inserted i;
  if cardinality(v_wanted) > coalesce(cardinality(v_got), 0) then
    perform private.raise_api_error('seat_taken', jsonb_build_object('seat_ids', array(
      select s from unnest(v_wanted) s where s <> all (coalesce(v_got, '{}')) order by s)));
  end if;

  perform realtime.send(
    jsonb_build_object('seat_ids', v_got, 'lock_ids', v_lock_ids,
                       'expires_at', private.expiry_for_others(v_expires_at)),
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

CREATE OR REPLACE FUNCTION public.movie (
  slug        text,
  day         date     DEFAULT NULL::date,
  theater_ids bigint[] DEFAULT NULL::bigint[],
  after       text     DEFAULT NULL::text
)
  RETURNS json
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
  v_question text := json_build_array(movie.slug, movie.day, movie.theater_ids)::text;
  v_cursor jsonb;
  v_movie public.movies;
  v_answer json;
begin
  perform private.check_day_and_theaters(movie.day, movie.theater_ids, v_now);
  v_cursor := private.read_cursor(
    movie.after, v_question, '{"day": "date", "starts_at": "timestamptz", "id": "bigint"}');
  select * into v_movie from public.movies m where m.slug = movie.slug;
  if not found then
    perform private.raise_api_error('unknown_movie');
  end if;
  with coming as materialized (
    select t.id, t.starts_at, t.status, (t.starts_at at time zone h.time_zone)::date as day, h.id as theater_id,
           a.name as auditorium
    from public.showtimes t
    join public.auditoriums a on a.id = t.auditorium_id
    join public.theaters h on h.id = a.theater_id
    where t.movie_id = v_movie.id and t.ends_at > v_now
      and (movie.theater_ids is null or h.id = any (movie.theater_ids))),
  numbered as (
    select c.*, row_number() over (order by c.day, c.starts_at, c.id) as n
    from coming c
    where (movie.day is null or c.day = movie.day)
      and (v_cursor is null or (c.day, c.starts_at, c.id) > (
        (v_cursor ->> 'day')::date, (v_cursor ->> 'starts_at')::timestamptz, (v_cursor ->> 'id')::bigint))
    order by n limit 201),
  listed as materialized (
    select n.* from numbered n
    where n.n <= 200 and (n.day is distinct from (select c.day from numbered c where c.n = 201)
                          or n.day = (select f.day from numbered f where f.n = 1))),
  showtimes as (
    select l.id, l.day, l.starts_at, l.status, l.theater_id, l.auditorium, s.seats_left,
           private.price_from(l.id) as price_from
    from listed l
    join private.seats_left(array(select l.id from listed l), v_now) s on s.showtime_id = l.id),
  rest as (
    select jsonb_build_object('day', l.day, 'starts_at', l.starts_at, 'id', l.id) as place,
           exists (select from numbered n where n.n > l.n) as more
    from listed l order by l.n desc limit 1)
  select json_build_object(
    'server_time', v_now,
    'movie', json_build_object(
      'id', v_movie.id, 'slug', v_movie.slug, 'title', v_movie.title, 'original_title', v_movie.original_title,
      'release_year', v_movie.release_year, 'directors', v_movie.directors, 'cast_members', v_movie.cast_members,
      'genres', v_movie.genres, 'language', v_movie.language, 'certificate', v_movie.certificate,
      'length_minutes', v_movie.length_minutes, 'synopsis', v_movie.synopsis, 'rights', v_movie.rights),
    'days', (select coalesce(json_agg(d order by d.day), '[]')
             from (select c.day, count(*) as showtimes from coming c group by c.day order by c.day limit 366) d),
    'showtimes', (select coalesce(json_agg(s order by s.day, s.starts_at, s.id), '[]') from showtimes s),
    'theaters', (select coalesce(json_agg(h order by h.id), '[]')
                 from (select h.id, h.slug, h.name, h.city, h.address, h.time_zone, h.currency from public.theaters h
                       where h.id in (select l.theater_id from listed l)) h),
    'more', coalesce((select r.more from rest r), false),
    'after', (select private.write_cursor(v_question, r.place) from rest r where r.more))
  into v_answer;
  -- Pages learn from broadcasts what changes meanwhile, and read again what they may have missed: only a CDN may answer
  -- in our place, a crowd once in two seconds.
  perform private.set_cache_control('public, max-age=0, s-maxage=2');
  return v_answer;
end
$function$;

REVOKE ALL ON FUNCTION "public"."movie"(text, date, bigint[], text) FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.my_account()
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
begin
  perform private.set_cache_control('private, no-store');
  return private.account_json(private.require_user_id());
end
$function$;

REVOKE ALL ON FUNCTION "public"."my_account"() FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.my_booking (
  booking_id uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_user uuid := private.require_user_id();
  v_booking public.bookings;
begin
  perform private.set_cache_control('private, no-store');
  select * into v_booking from public.bookings b where b.id = my_booking.booking_id and b.user_id = v_user;
  if not found then
    perform private.raise_api_error('unknown_booking');
  end if;
  return private.booking_details(v_booking) || jsonb_build_object('server_time', private.now());
end
$function$;

REVOKE ALL ON FUNCTION "public"."my_booking"(uuid) FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.my_bookings (
  after    text    DEFAULT NULL::text,
  max_rows integer DEFAULT 20
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_user uuid := private.require_user_id();
  v_question constant text := 'my_bookings';
  v_place jsonb;
  v_page public.bookings[];
  v_more boolean;
begin
  perform private.set_cache_control('private, no-store');
  if my_bookings.max_rows is null or my_bookings.max_rows not between 1 and 100 then
    perform private.refuse_argument('max_rows');
  end if;
  v_place := private.read_cursor(my_bookings.after, v_question, '{"created_at": "timestamptz", "id": "uuid"}');
  v_page := array(
    select b from public.bookings b
    where b.user_id = v_user and (b.created_at, b.id) < (
      coalesce((v_place ->> 'created_at')::timestamptz, 'infinity'),
      coalesce((v_place ->> 'id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
    order by b.created_at desc, b.id desc limit my_bookings.max_rows + 1);
  v_more := cardinality(v_page) > my_bookings.max_rows;
  return jsonb_build_object(
    'server_time', private.now(),
    'bookings', (
      select coalesce(jsonb_agg(private.booking_summary(v_page[n]) order by n), '[]')
      from generate_series(1, least(cardinality(v_page), my_bookings.max_rows)) n),
    'more', v_more,
    'after', case when v_more then private.write_cursor(v_question, jsonb_build_object(
      'created_at', v_page[my_bookings.max_rows].created_at, 'id', v_page[my_bookings.max_rows].id)) end);
end
$function$;

REVOKE ALL ON FUNCTION "public"."my_bookings"(text, integer) FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.my_data()
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_max_bookings constant integer := 1000;
  v_max_rows constant integer := 10000;
  v_user public.users;
  v_account jsonb := private.account_json(private.require_user_id());
  v_bookings public.bookings[];
  v_data jsonb;
begin
  perform private.set_cache_control('private, no-store');
  select * into strict v_user from public.users u where u.id = (v_account ->> 'id')::uuid;
  v_bookings := array(
    select b from public.bookings b where b.user_id = v_user.id
    order by b.created_at desc, b.id desc limit v_max_bookings);
  v_data := jsonb_build_object(
    'sessions', private.sessions_json(v_user.id),
    'attempts', private.attempts_json(v_user, v_max_rows),
    'bookings', (
      select coalesce(jsonb_agg(private.booking_details(v_bookings[n]) order by n), '[]')
      from generate_series(1, cardinality(v_bookings)) n),
    'holds', private.holds_json(v_user.id, v_max_rows),
    'emails', private.emails_json(array(select b.id from unnest(v_bookings) b), v_max_rows),
    'log', private.booking_log_json(v_bookings, v_max_rows));
  return v_data || jsonb_build_object(
    'exported_at', private.now(), 'account', v_account,
    'truncated', (
      select coalesce(jsonb_agg(l.key order by l.key), '[]') from jsonb_each(v_data) l
      where jsonb_array_length(l.value) >= case l.key when 'bookings' then v_max_bookings else v_max_rows end));
end
$function$;

REVOKE ALL ON FUNCTION "public"."my_data"() FROM PUBLIC, "service_role";

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
  return private.session_json(v_session, v_user);
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
    'locks_begun', pg_stat_get_tuples_inserted('public.seat_locks'::regclass),
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

CREATE OR REPLACE FUNCTION public.pass_human_check (
  session_id uuid,
  user_id    uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_session private.sessions := private.live_session(pass_human_check.session_id, pass_human_check.user_id);
  v_user public.users;
  v_now timestamptz := private.now();
begin
  update private.sessions s set human_until = v_now + c.human_check_duration
  from private.settings c
  where s.id = v_session.id
  returning s.* into v_session;
  select u.* into strict v_user from public.users u where u.id = v_session.user_id;
  return private.session_json(v_session, v_user);
end
$function$;

REVOKE ALL ON FUNCTION "public"."pass_human_check"(uuid, uuid) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.register_user (
  email         text,
  password_hash text,
  full_name     text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_email text := private.normalize_email(register_user.email);
  v_user public.users;
begin
  if not private.is_email(v_email) then
    perform private.raise_api_error('invalid_email');
  end if;
  insert into public.users as u (email, full_name) values (v_email, register_user.full_name)
  on conflict on constraint email_is_unique do nothing
  returning u.* into v_user;
  if v_user.id is null then
    perform private.raise_api_error('email_taken');
  end if;
  insert into private.credentials (user_id, password_hash) values (v_user.id, register_user.password_hash);
  return private.user_json(v_user);
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
  SET lock_timeout TO '1s'
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

CREATE OR REPLACE FUNCTION public.rename_me (
  full_name text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_user uuid := private.require_user_id();
begin
  perform private.set_cache_control('private, no-store');
  begin
    update public.users u set full_name = rename_me.full_name where u.id = v_user;
  exception when check_violation then  -- of the address, since a name is checked by its trigger before
    perform private.raise_api_error('invalid_email');
  end;
  return private.account_json(v_user);
end
$function$;

REVOKE ALL ON FUNCTION "public"."rename_me"(text) FROM PUBLIC, "service_role";

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
  return jsonb_build_object('status', 'rotated') || private.session_json(v_session, v_user);
end
$function$;

CREATE OR REPLACE FUNCTION public.seat_holder (
  showtime_id bigint,
  seat_id     bigint,
  at          timestamp with time zone DEFAULT NULL::timestamp WITH time zone
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.seat_layout (
  auditorium_id bigint,
  version       integer
)
  RETURNS json
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_present integer;
  v_layout json;
begin
  -- One statement, so that the seats are those of the version.
  select a.layout_version, json_build_object(
    'auditorium_id', a.id, 'version', a.layout_version,
    'seats', (
      select coalesce(json_agg(json_build_array(s.id, s.row_label, s.number, trim_scale(s.x), trim_scale(s.y), s.kind)
                               order by s.y, s.x), '[]')
      from public.seats s
      where s.auditorium_id = a.id and a.layout_version = seat_layout.version))
  into v_present, v_layout
  from public.auditoriums a
  where a.id = seat_layout.auditorium_id;
  if v_present is null then
    perform private.raise_api_error('unknown_auditorium');
  elsif v_present is distinct from seat_layout.version then
    perform private.raise_api_error('layout_outdated', jsonb_build_object('version', v_present));
  end if;
  perform private.set_cache_control('public, max-age=31536000, immutable');
  return v_layout;
end
$function$;

REVOKE ALL ON FUNCTION "public"."seat_layout"(bigint, integer) FROM PUBLIC, "service_role";

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
               case when l.user_id = v_user or not upper_inf(l.held) then l.id end as lock_id,
               case when l.user_id = v_user then upper(l.held)
                    else to_timestamp(ceil(extract(epoch from upper(l.held)) / 60) * 60) end as expires_at
        from public.seats s
        left join public.showtime_prices p on p.showtime_id = t.id and p.kind = s.kind
        left join (
          select * from public.seat_locks o where o.showtime_id = seat_map.showtime_id and o.held @> v_now offset 0) l
          on l.seat_id = s.id
        where s.auditorium_id = t.auditorium_id) seat))
  into v_map
  from public.showtimes t
  join public.auditoriums a on a.id = t.auditorium_id
  join public.theaters h on h.id = a.theater_id
  where t.id = seat_map.showtime_id;
  if v_map is null then
    perform private.raise_api_error('unknown_showtime');
  end if;
  perform private.set_cache_control_by_caller(v_user);
  return v_map;
end
$function$;

CREATE OR REPLACE FUNCTION public.seat_states (
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
  v_states json;
begin
  with live as materialized (
    select l.seat_id, l.id, upper(l.held) as ends_at, l.user_id = v_user as mine
    from public.seat_locks l
    where l.showtime_id = seat_states.showtime_id and l.held @> v_now
    order by l.seat_id
  )
  select json_build_object(
    'showtime_id', t.id, 'server_time', v_now, 'revision', t.revision, 'layout_version', a.layout_version,
    'pending_booking_id', (
      select b.id from public.bookings b
      where b.showtime_id = t.id and b.user_id = v_user and b.status = 'pending' and b.expires_at > v_now),
    'booked', coalesce(taken.booked, '{}'),
    'locked', held.seat_ids, 'lock_ids', held.ids, 'expiries', held.expiries,
    'mine', coalesce(taken.mine, '[]'),
    'blocked', json '[]')
  into v_states
  from public.showtimes t
  join public.auditoriums a on a.id = t.auditorium_id
  cross join (
    select array_agg(l.seat_id) filter (where l.ends_at is null and l.mine is not true) as booked,
           json_agg(json_build_object('seat_id', l.seat_id, 'lock_id', l.id, 'expires_at', l.ends_at))
             filter (where l.mine) as mine
    from live l) taken
  cross join (
    select coalesce(json_agg(g.seat_ids), '[]') as seat_ids, coalesce(array_agg(g.id), '{}') as ids,
           coalesce(array_agg(g.expiry), '{}') as expiries
    from (select l.id, ceil(extract(epoch from l.ends_at) / 60)::bigint * 60 as expiry, array_agg(l.seat_id) as seat_ids
          from live l
          where l.ends_at is not null and l.mine is not true
          group by l.id, l.ends_at
          order by l.id, l.ends_at) g) held
  where t.id = seat_states.showtime_id;
  if v_states is null then
    perform private.raise_api_error('unknown_showtime');
  end if;
  perform private.set_cache_control_by_caller(v_user);
  return v_states;
end
$function$;

REVOKE ALL ON FUNCTION "public"."seat_states"(bigint) FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.server_time()
  RETURNS timestamp WITH time zone
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform private.set_cache_control('no-store');
  return private.now();
end
$function$;

REVOKE ALL ON FUNCTION "public"."server_time"() FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.showtime (
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
$function$;

REVOKE ALL ON FUNCTION "public"."showtime"(bigint) FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.start_payment (
  booking_id uuid,
  user_id    uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_booking public.bookings := private.booking_for_update(start_payment.booking_id);
  v_now timestamptz := private.now();
  v_payment public.payments;
  v_seconds integer;
begin
  if v_booking.user_id is distinct from start_payment.user_id or v_booking.id is null then
    perform private.raise_api_error('unknown_booking');
  elsif v_booking.status = 'expired' or v_booking.status = 'pending' and v_booking.expires_at <= v_now then
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
  if not exists (select from public.payments p
                 where p.showtime_id = v_booking.showtime_id and p.booking_id = v_booking.id) then
    v_booking := private.give_time_to_pay(v_booking, v_now);
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

CREATE OR REPLACE FUNCTION public.theater (
  slug text
)
  RETURNS json
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
  v_theater public.theaters;
  v_answer json;
begin
  select * into v_theater from public.theaters h where h.slug = theater.slug;
  if not found then
    perform private.raise_api_error('unknown_theater');
  end if;
  with coming as materialized (
    select t.id, t.starts_at, a.name as auditorium, t.movie_id
    from public.auditoriums a
    join public.showtimes t on t.auditorium_id = a.id
    where a.theater_id = v_theater.id and t.starts_at > v_now and t.status = 'scheduled'),
  next as (
    select c.id, c.starts_at, c.auditorium, json_build_object('slug', m.slug, 'title', m.title) as movie
    from coming c join public.movies m on m.id = c.movie_id
    order by c.starts_at, c.id limit 20)
  select json_build_object(
    'server_time', v_now, 'id', v_theater.id, 'slug', v_theater.slug, 'name', v_theater.name,
    'city', v_theater.city, 'country', v_theater.country, 'address', v_theater.address,
    'time_zone', v_theater.time_zone, 'currency', v_theater.currency,
    'auditoriums', (
      select coalesce(json_agg(r order by r.name), '[]')
      from (select a.id, a.name, (select count(*) from public.seats s where s.auditorium_id = a.id) as seats
            from public.auditoriums a where a.theater_id = v_theater.id order by a.name limit 100) r),
    'showtimes', (select coalesce(json_agg(n order by n.starts_at, n.id), '[]') from next n),
    'more_showtimes', (select count(*) from coming) - (select count(*) from next))
  into v_answer;
  perform private.set_cache_control('public, max-age=30');
  return v_answer;
end
$function$;

REVOKE ALL ON FUNCTION "public"."theater"(text) FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.theaters()
  RETURNS json
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_answer json;
begin
  with listed as (
    select h.id, h.slug, h.name, h.city, h.country, h.time_zone
    from public.theaters h order by h.city, h.name, h.id limit 500)
  select json_build_object(
    'theaters', (select coalesce(json_agg(l order by l.city, l.name, l.id), '[]') from listed l),
    'more', (select count(*) > 500 from public.theaters))
  into v_answer;
  perform private.set_cache_control('public, max-age=300');
  return v_answer;
end
$function$;

REVOKE ALL ON FUNCTION "public"."theaters"() FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.whats_on (
  day         date     DEFAULT NULL::date,
  theater_ids bigint[] DEFAULT NULL::bigint[],
  search      text     DEFAULT NULL::text,
  filters     jsonb    DEFAULT NULL::jsonb,
  sort        text     DEFAULT NULL::text,
  after       text     DEFAULT NULL::text,
  max_films   integer  DEFAULT 24
)
  RETURNS json
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
  v_filters jsonb;
  v_search text;
  v_sort text;
  v_question text;
  v_cursor jsonb;
  v_as_of timestamptz;
  v_answer json;
begin
  perform private.check_day_and_theaters(whats_on.day, whats_on.theater_ids, v_now);
  v_filters := private.film_filters(whats_on.filters);
  if length(whats_on.search) > 100 then
    perform private.refuse_argument('search');
  end if;
  v_search := nullif(private.fold_search(whats_on.search), '');
  v_sort := coalesce(whats_on.sort, case when v_search is null then 'title' else 'relevance' end);
  if v_sort not in ('title', 'soonest', 'relevance') or v_sort = 'relevance' and v_search is null then
    perform private.refuse_argument('sort');
  elsif (whats_on.max_films between 1 and 60) is not true then
    perform private.refuse_argument('max_films');
  end if;
  v_question := json_build_array(whats_on.day, whats_on.theater_ids, v_search, v_filters, v_sort)::text;
  v_cursor := private.read_cursor(
    whats_on.after, v_question, '{"as_of": "timestamptz", "key": "bigint", "title": "text", "id": "bigint"}');
  v_as_of := coalesce((v_cursor ->> 'as_of')::timestamptz, v_now);
  if v_as_of not between v_now - interval '1 day' and v_now then
    perform private.refuse_argument('after');
  end if;
  with program as materialized (
    select * from private.program(
      whats_on.day, whats_on.theater_ids, v_search, v_filters, v_sort, v_as_of, v_now)),
  chosen as (
    select p.movie_id, p.showtimes, p.key, p.title, row_number() over (order by p.key, p.title, p.movie_id) as n
    from program p
    where p.fits and (v_cursor is null or (p.key, p.title, p.movie_id) > (
      (v_cursor ->> 'key')::bigint, (v_cursor ->> 'title') collate "C", (v_cursor ->> 'id')::bigint))
    order by n limit whats_on.max_films),
  films as materialized (
    select c.n, c.key, c.title, c.movie_id, f.film, f.theater_ids,
           sum(octet_length(f.film::text)) over (order by c.n) as bytes
    from chosen c cross join lateral private.listed_film(
      c.movie_id, c.showtimes, whats_on.day, whats_on.theater_ids, v_now) f),
  theaters as materialized (
    select f.n, h.id, to_json(h) as theater,
           sum(octet_length(to_json(h)::text)) over (order by f.n) as bytes
    from (select min(f.n) as n, i.id from films f cross join unnest(f.theater_ids) i (id) group by i.id) f
    cross join lateral (
      select h.id, h.slug, h.name, h.city, h.time_zone from public.theaters h where h.id = f.id) h),
  listed as materialized (
    select f.* from films f
    where f.n = 1
      or f.bytes + coalesce((select max(h.bytes) from theaters h where h.n <= f.n), 0) <= 45000)
  select json_build_object(
    'server_time', v_now,
    'total', (select count(*) from program p where p.fits),
    'days', case when v_cursor is null then private.program_days(whats_on.theater_ids, v_now) end,
    'genres', case when v_cursor is null then array(
      select g.genre from program p join public.movies m on m.id = p.movie_id cross join unnest(m.genres) g (genre)
      group by g.genre order by count(*) desc, g.genre limit 100) end,
    'languages', case when v_cursor is null then array(
      select m.language from program p join public.movies m on m.id = p.movie_id
      group by m.language order by count(*) desc, m.language limit 100) end,
    'films', (select coalesce(json_agg(f.film order by f.n), '[]') from listed f),
    'theaters', (select coalesce(json_agg(h.theater order by h.id), '[]')
                 from theaters h where h.n <= (select max(f.n) from listed f)),
    'more', rest.more,
    'after', case when rest.more then private.write_cursor(v_question, rest.place) end)
  into v_answer
  from (select max(p.place::text)::jsonb as place, coalesce(bool_or(p.more), false) as more from (
    select jsonb_build_object('key', f.key, 'title', f.title, 'id', f.movie_id, 'as_of', v_as_of) as place,
           exists (select from program p where p.fits and (p.key, p.title, p.movie_id) > (f.key, f.title, f.movie_id))
             as more
    from listed f order by f.n desc limit 1) p) rest;
  perform private.set_cache_control('public, max-age=30');
  return v_answer;
end
$function$;

REVOKE ALL ON FUNCTION "public"."whats_on"(date, bigint[], text, jsonb, text, text, integer) FROM PUBLIC, "service_role";

ALTER TABLE "private"."sessions"
  ADD CONSTRAINT "end_reason_is_known" CHECK ((end_reason = ANY (ARRAY['signed_out'::text, 'token_reused'::text, 'too_many'::text, 'ended_by_operator'::text])));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "holding_limits_are_positive"
    CHECK
    (((seats_held_per_customer > 0) AND (holding_time_per_hour > '00:00:00'::interval) AND (seat_cooldown > '00:00:00'::interval) AND (unpaid_bookings_per_day > 0) AND
    (returned_bookings_per_month > 0)));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "human_check_is_possible"
    CHECK
    (((human_check_held_share >= 0) AND (human_check_held_share <= 100) AND (human_check_duration > '00:00:00'::interval) AND (human_checks_per_customer > 0) AND
    (human_checks_per_address > 0)));

ALTER TABLE "public"."seat_locks"
  ADD CONSTRAINT "seat_locks_pkey" PRIMARY KEY (user_id, showtime_id, seat_id, id);

ALTER TABLE "public"."showtimes"
  ADD CONSTRAINT "one_film_at_a_time" EXCLUDE USING gist (auditorium_id WITH =, tstzrange(starts_at, available_from) WITH &&)
    WHERE ((status <> 'cancelled'::public.showtime_status)) DEFERRABLE;

CREATE INDEX seat_lock_history_by_user ON private.seat_lock_history USING btree (user_id, showtime_id, id);

CREATE INDEX movies_by_text ON public.movies USING gin (search_text extensions.gin_trgm_ops);

CREATE INDEX showtimes_by_end ON public.showtimes USING btree (ends_at);

CREATE TRIGGER rows_are_only_added
  BEFORE DELETE OR UPDATE OR TRUNCATE ON private.showtime_revisions
  FOR EACH STATEMENT
  EXECUTE FUNCTION private.forbid_changes();

CREATE TRIGGER held_auditoriums_keep_their_theater
  BEFORE UPDATE OF theater_id ON public.auditoriums
  FOR EACH ROW
  WHEN ((old.theater_id IS DISTINCT FROM new.theater_id))
  EXECUTE FUNCTION private.protect_held_auditorium();

CREATE TRIGGER layout_versions_only_rise
  BEFORE UPDATE OF layout_version ON public.auditoriums
  FOR EACH ROW
  WHEN ((new.layout_version < old.layout_version))
  EXECUTE FUNCTION private.forbid_lower_version();

CREATE TRIGGER prices_are_payable_in_the_theater
  AFTER UPDATE OF theater_id ON public.auditoriums
  FOR EACH ROW
  WHEN ((old.theater_id <> new.theater_id))
  EXECUTE FUNCTION private.check_prices_of_auditorium();

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

CREATE TRIGGER search_text_is_kept
  BEFORE INSERT OR UPDATE ON public.movies
  FOR EACH ROW
  EXECUTE FUNCTION private.keep_search_text();

CREATE TRIGGER deleted_seats_change_the_layout
  AFTER DELETE ON public.seats REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT
  EXECUTE FUNCTION private.count_layout_version();

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

CREATE TRIGGER inserted_seats_change_the_layout
  AFTER INSERT ON public.seats REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT
  EXECUTE FUNCTION private.count_layout_version();

CREATE TRIGGER updated_seats_change_the_layout
  AFTER UPDATE ON public.seats REFERENCING OLD TABLE AS gone NEW TABLE AS written
  FOR EACH STATEMENT
  EXECUTE FUNCTION private.count_layout_version();

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

CREATE TRIGGER cancelled_showtimes_keep_their_time
  BEFORE UPDATE ON public.showtimes
  FOR EACH ROW
  WHEN (((new.status = 'cancelled'::public.showtime_status) AND (old.starts_at IS DISTINCT FROM new.starts_at)))
  EXECUTE FUNCTION private.keep_time_while_cancelled();

CREATE TRIGGER changes_are_broadcast
  AFTER UPDATE ON public.showtimes
  FOR EACH ROW
  WHEN (((old.status IS DISTINCT FROM new.status) OR (old.revision IS DISTINCT FROM new.revision)))
  EXECUTE FUNCTION private.broadcast_change();

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

CREATE TRIGGER prices_are_payable_in_the_auditorium
  AFTER UPDATE OF auditorium_id ON public.showtimes
  FOR EACH ROW
  WHEN ((old.auditorium_id <> new.auditorium_id))
  EXECUTE FUNCTION private.check_prices_of_showtime();

CREATE TRIGGER refunded_showtimes_stay_cancelled
  BEFORE UPDATE OF status ON public.showtimes
  FOR EACH ROW
  WHEN (((old.status = 'cancelled'::public.showtime_status) AND (new.status <> 'cancelled'::public.showtime_status)))
  EXECUTE FUNCTION private.keep_refunded_cancelled();

CREATE TRIGGER revisions_are_followed
  AFTER UPDATE ON public.showtimes
  FOR EACH ROW
  WHEN ((old.revision IS DISTINCT FROM new.revision))
  EXECUTE FUNCTION private.follow_revision();

CREATE TRIGGER currency_is_payable
  BEFORE INSERT OR UPDATE OF currency ON public.theaters
  FOR EACH ROW
  EXECUTE FUNCTION private.check_currency();

CREATE TRIGGER held_theaters_keep_their_currency
  BEFORE UPDATE OF currency ON public.theaters
  FOR EACH ROW
  WHEN ((old.currency IS DISTINCT FROM new.currency))
  EXECUTE FUNCTION private.protect_held_theater();

CREATE TRIGGER held_theaters_keep_their_time_zone
  BEFORE UPDATE OF time_zone ON public.theaters
  FOR EACH ROW
  WHEN ((old.time_zone IS DISTINCT FROM new.time_zone))
  EXECUTE FUNCTION private.protect_held_theater();

CREATE TRIGGER prices_are_payable_in_the_currency
  AFTER UPDATE OF currency ON public.theaters
  FOR EACH ROW
  WHEN ((old.currency <> new.currency))
  EXECUTE FUNCTION private.check_prices_of_theater();

CREATE POLICY "anyone follows showtimes and films" ON "realtime"."messages"
  FOR SELECT
  TO "anon", "authenticated"
  USING (((EXTENSION = 'broadcast'::text) AND (( SELECT realtime.topic() AS topic) ~ '^(showtime|movie):[1-9][0-9]{0,18}$'::text)));

COMMENT ON COLUMN "private"."sessions"."human_until" IS 'Until when a passed human check counts; access tokens carry it. Null for a session that was never asked.';

COMMENT ON COLUMN "private"."settings"."holding_time_per_hour" IS 'How long within an hour one may hold seats of a showtime and not buy them, paying included; null for no limit.';

COMMENT ON COLUMN "private"."settings"."human_check" IS 'True where lock_seats asks for a human check while a showtime is under pressure. Flask and the page know one first.';

COMMENT ON COLUMN "private"."settings"."human_check_duration" IS 'For how long a session that passed is not asked again.';

COMMENT ON COLUMN "private"."settings"."human_check_held_share" IS 'A showtime is under pressure while more than so many of a hundred seats that are not sold yet are held.';

COMMENT ON COLUMN "private"."settings"."human_checks_per_address" IS 'The same from one address, which offices and schools share; null for no limit.';

COMMENT ON COLUMN "private"."settings"."human_checks_per_customer" IS 'Human checks that a customer may send within sign_in_window, since each asks the provider; null for no limit.';

COMMENT ON COLUMN "private"."settings"."returned_bookings_per_month" IS 'Paid bookings one person may cancel within 30 days before staff are asked; null for no limit. Stripe keeps fees.';

COMMENT ON COLUMN "private"."settings"."seat_cooldown" IS 'How long somebody cannot have a seat again that they held long and did not buy; null for no limit.';

COMMENT ON COLUMN "private"."settings"."seats_held_per_customer" IS 'Seats one person may hold, and not have paid for, at all showtimes together; null for no limit.';

COMMENT ON COLUMN "private"."settings"."unpaid_bookings_per_day" IS 'Bookings one person may leave unpaid within a day; null for no limit.';

COMMENT ON COLUMN "public"."auditoriums"."layout_version" IS 'How often its seats have changed, and one. What is kept of a layout goes by it (catalog/seat_layout.sql).';

COMMENT ON COLUMN "public"."bookings"."revision" IS 'The revision of the showtime that its customer booked by.';

COMMENT ON COLUMN "public"."movies"."search_text" IS 'What a search looks at, folded as search.sql says. Nobody writes it by hand.';

COMMENT ON COLUMN "public"."showtimes"."cancelled_at" IS 'When it was cancelled, by the database''s clock; null while it is not.';

COMMENT ON COLUMN "public"."showtimes"."revision" IS 'How often its time or its place has changed. Calendars and tickets go by it.';

COMMENT ON EXTENSION "pg_trgm" IS 'text similarity measurement and index searching based on trigrams';

COMMENT ON EXTENSION "unaccent" IS 'text search dictionary that removes accents';

COMMENT ON TABLE "public"."seat_locks" IS 'Holds of seats, live and just ended. A seat''s highest id is its newest hold.';

REVOKE ALL ON FUNCTION "private"."account_json"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."account_json"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."account_json"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."actor"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."actor"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."actor"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."attempts_json"(public.users, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."attempts_json"(public.users, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."attempts_json"(public.users, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."booking_details"(public.bookings) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."booking_details"(public.bookings) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."booking_details"(public.bookings) TO "postgres";

REVOKE ALL ON FUNCTION "private"."booking_log_json"(public.bookings[], integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."booking_log_json"(public.bookings[], integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."booking_log_json"(public.bookings[], integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."booking_summary"(public.bookings) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."booking_summary"(public.bookings) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."booking_summary"(public.bookings) TO "postgres";

REVOKE ALL ON FUNCTION "private"."broadcast_change"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."broadcast_change"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."broadcast_change"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."broadcast_update"(public.showtimes, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."broadcast_update"(public.showtimes, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."broadcast_update"(public.showtimes, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."cancellable_until"(public.bookings) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."cancellable_until"(public.bookings) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."cancellable_until"(public.bookings) TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_currency"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_currency"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_currency"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_day_and_theaters"(date, bigint[], timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_day_and_theaters"(date, bigint[], timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_day_and_theaters"(date, bigint[], timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_length"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_length"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_length"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_prices"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_prices"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_prices"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_prices_of"(bigint, bigint, bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_prices_of"(bigint, bigint, bigint) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_prices_of"(bigint, bigint, bigint) TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_prices_of_auditorium"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_prices_of_auditorium"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_prices_of_auditorium"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_prices_of_showtime"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_prices_of_showtime"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_prices_of_showtime"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_prices_of_theater"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_prices_of_theater"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_prices_of_theater"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_room_for_length"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_room_for_length"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_room_for_length"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."count_layout_version"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."count_layout_version"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."count_layout_version"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."count_revision"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."count_revision"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."count_revision"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."currencies"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."currencies"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."currencies"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."date_cancellation"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."date_cancellation"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."date_cancellation"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."day_span"(date, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."day_span"(date, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."day_span"(date, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."emails_json"(uuid[], integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."emails_json"(uuid[], integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."emails_json"(uuid[], integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."enqueue_move_email"(public.bookings, public.showtimes, public.showtimes) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."enqueue_move_email"(public.bookings, public.showtimes, public.showtimes) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."enqueue_move_email"(public.bookings, public.showtimes, public.showtimes) TO "postgres";

REVOKE ALL ON FUNCTION "private"."expiry_for_others"(timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."expiry_for_others"(timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."expiry_for_others"(timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."film_filters"(jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."film_filters"(jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."film_filters"(jsonb) TO "postgres";

REVOKE ALL ON FUNCTION "private"."fold"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."fold"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."fold"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."fold_search"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."fold_search"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."fold_search"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."follow_revision"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."follow_revision"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."follow_revision"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."forbid_lower_version"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."forbid_lower_version"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."forbid_lower_version"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."forbid_price_change"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."forbid_price_change"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."forbid_price_change"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."give_time_to_pay"(public.bookings, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."give_time_to_pay"(public.bookings, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."give_time_to_pay"(public.bookings, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."holding_times"(bigint, uuid, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."holding_times"(bigint, uuid, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."holding_times"(bigint, uuid, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."holds_its_seats"(public.bookings, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."holds_its_seats"(public.bookings, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."holds_its_seats"(public.bookings, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."holds_json"(uuid, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."holds_json"(uuid, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."holds_json"(uuid, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."is_email"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."is_email"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."is_email"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."is_human"(timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."is_human"(timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."is_human"(timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."is_name"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."is_name"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."is_name"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."keep_refunded_cancelled"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."keep_refunded_cancelled"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."keep_refunded_cancelled"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."keep_search_text"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."keep_search_text"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."keep_search_text"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."keep_time_while_cancelled"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."keep_time_while_cancelled"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."keep_time_while_cancelled"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."listed_film"(bigint, integer, date, bigint[], timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."listed_film"(bigint, integer, date, bigint[], timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."listed_film"(bigint, integer, date, bigint[], timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."live_session"(uuid, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."live_session"(uuid, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."live_session"(uuid, uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."lock_showtime"(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."lock_showtime"(bigint) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."lock_showtime"(bigint) TO "postgres";

REVOKE ALL ON FUNCTION "private"."moved_from"(public.bookings) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."moved_from"(public.bookings) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."moved_from"(public.bookings) TO "postgres";

REVOKE ALL ON FUNCTION "private"."movies_on"(date, bigint[], timestamp WITH time zone, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."movies_on"(date, bigint[], timestamp WITH time zone, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."movies_on"(date, bigint[], timestamp WITH time zone, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."normalize_name"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."normalize_name"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."normalize_name"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."price_from"(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."price_from"(bigint) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."price_from"(bigint) TO "postgres";

REVOKE ALL ON FUNCTION "private"."program"(date, bigint[], text, jsonb, text, timestamp WITH time zone, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."program"(date, bigint[], text, jsonb, text, timestamp WITH time zone, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."program"(date, bigint[], text, jsonb, text, timestamp WITH time zone, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."program_days"(bigint[], timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."program_days"(bigint[], timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."program_days"(bigint[], timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."protect_begun_showtime"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."protect_begun_showtime"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."protect_begun_showtime"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."protect_held_auditorium"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."protect_held_auditorium"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."protect_held_auditorium"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."protect_held_auditoriums"(bigint[], text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."protect_held_auditoriums"(bigint[], text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."protect_held_auditoriums"(bigint[], text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."protect_held_seat"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."protect_held_seat"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."protect_held_seat"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."protect_held_theater"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."protect_held_theater"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."protect_held_theater"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."read_cursor"(text, text, jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."read_cursor"(text, text, jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."read_cursor"(text, text, jsonb) TO "postgres";

REVOKE ALL ON FUNCTION "private"."refundable_amount"(public.bookings) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."refundable_amount"(public.bookings) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."refundable_amount"(public.bookings) TO "postgres";

REVOKE ALL ON FUNCTION "private"."refuse_argument"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."refuse_argument"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."refuse_argument"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."refuse_more_held"(uuid, integer, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."refuse_more_held"(uuid, integer, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."refuse_more_held"(uuid, integer, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."require_bookings_left"(uuid, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."require_bookings_left"(uuid, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."require_bookings_left"(uuid, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."require_human"(bigint, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."require_human"(bigint, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."require_human"(bigint, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."require_payable"(bigint, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."require_payable"(bigint, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."require_payable"(bigint, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."search_movies"(text, bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."search_movies"(text, bigint[]) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."search_movies"(text, bigint[]) TO "postgres";

REVOKE ALL ON FUNCTION "private"."search_text"(public.movies) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."search_text"(public.movies) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."search_text"(public.movies) TO "postgres";

REVOKE ALL ON FUNCTION "private"."search_words"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."search_words"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."search_words"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."seat_is_held"(public.seats, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."seat_is_held"(public.seats, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."seat_is_held"(public.seats, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."seats_left"(bigint[], timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."seats_left"(bigint[], timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."seats_left"(bigint[], timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."selection_time"(bigint, uuid, bigint[], boolean, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."selection_time"(bigint, uuid, bigint[], boolean, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."selection_time"(bigint, uuid, bigint[], boolean, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."session_id"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."session_id"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."session_id"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."session_json"(private.sessions, public.users) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."session_json"(private.sessions, public.users) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."session_json"(private.sessions, public.users) TO "postgres";

REVOKE ALL ON FUNCTION "private"."sessions_json"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."sessions_json"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."sessions_json"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."set_cache_control"(text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."set_cache_control"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."set_cache_control"(text, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."set_cache_control_by_caller"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."set_cache_control_by_caller"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."set_cache_control_by_caller"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."showtime_is_held"(bigint, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."showtime_is_held"(bigint, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."showtime_is_held"(bigint, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."showtime_may_be_paid"(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."showtime_may_be_paid"(bigint) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."showtime_may_be_paid"(bigint) TO "postgres";

REVOKE ALL ON FUNCTION "private"."showtime_was_sold"(bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."showtime_was_sold"(bigint) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."showtime_was_sold"(bigint) TO "postgres";

REVOKE ALL ON FUNCTION "private"."supersede_move_email"(uuid, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."supersede_move_email"(uuid, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."supersede_move_email"(uuid, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."time_to_pay"(bigint, uuid, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."time_to_pay"(bigint, uuid, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."time_to_pay"(bigint, uuid, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."unbought_holds"(bigint, uuid, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."unbought_holds"(bigint, uuid, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."unbought_holds"(bigint, uuid, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."under_pressure"(bigint, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."under_pressure"(bigint, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."under_pressure"(bigint, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."write_cursor"(text, jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."write_cursor"(text, jsonb) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."write_cursor"(text, jsonb) TO "postgres";

REVOKE ALL ON FUNCTION "public"."begin_human_check"(uuid, uuid, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_human_check"(uuid, uuid, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_human_check"(uuid, uuid, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."end_all_sessions"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."end_all_sessions"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."end_all_sessions"() TO "service_role";

GRANT EXECUTE ON FUNCTION "public"."movie"(text, date, bigint[], text) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."movie"(text, date, bigint[], text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."movie"(text, date, bigint[], text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_account"() TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."my_account"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_account"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_booking"(uuid) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."my_booking"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_booking"(uuid) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_bookings"(text, integer) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."my_bookings"(text, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_bookings"(text, integer) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_data"() TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."my_data"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_data"() TO "postgres";

REVOKE ALL ON FUNCTION "public"."pass_human_check"(uuid, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."pass_human_check"(uuid, uuid) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."pass_human_check"(uuid, uuid) TO "service_role";

GRANT EXECUTE ON FUNCTION "public"."rename_me"(text) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."rename_me"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."rename_me"(text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."seat_layout"(bigint, integer) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."seat_layout"(bigint, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."seat_layout"(bigint, integer) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."seat_states"(bigint) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."seat_states"(bigint) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."seat_states"(bigint) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."server_time"() TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."server_time"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."server_time"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."showtime"(bigint) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."showtime"(bigint) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."showtime"(bigint) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."theater"(text) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."theater"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."theater"(text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."theaters"() TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."theaters"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."theaters"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."whats_on"(date, bigint[], text, jsonb, text, text, integer) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."whats_on"(date, bigint[], text, jsonb, text, text, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."whats_on"(date, bigint[], text, jsonb, text, text, integer) TO "postgres";

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

ALTER TABLE "private"."showtime_revisions"
  ADD COLUMN "actor" text DEFAULT private.actor();

ALTER TABLE "private"."showtime_revisions"
  ADD COLUMN "session_id" uuid DEFAULT private.session_id();

-- An address takes its one form, unless another account has that already. What was accepted before and is no address, or
-- has a domain in letters of its own, which only backend/email_addresses.py can encode, needs a person: such rows stay,
-- and the constraints hold for what is written from now on. docs/upgrades.md says how to find and mend them.
update public.users u set email = private.normalize_email(u.email)
where u.email <> private.normalize_email(u.email)
  and not exists (select from public.users other where other.email = private.normalize_email(u.email))
  and private.normalize_email(u.email) not in (
    select private.normalize_email(twin.email) from public.users twin where twin.id <> u.id);

ALTER TABLE "public"."users"
  ADD CONSTRAINT "email_is_normalized" CHECK ((email = private.normalize_email(email))) NOT VALID;

ALTER TABLE "public"."users"
  ADD CONSTRAINT "email_is_valid" CHECK (private.is_email(email)) NOT VALID;

do $$
declare
  v_rows bigint := (select count(*) from public.users u
                    where not private.is_email(u.email) or u.email <> private.normalize_email(u.email));
begin
  if v_rows > 0 then
    raise warning '% accounts have an address that is none any more; see docs/upgrades.md', v_rows;
  else
    alter table public.users validate constraint email_is_normalized;
    alter table public.users validate constraint email_is_valid;
  end if;
end
$$;

-- Fills search_text, by the trigger.
update public.movies set slug = slug where true;

-- A difference of two databases shows no settings of roles, which belong to the whole cluster.
alter role anon set statement_timeout = '1s';
alter role authenticated set statement_timeout = '3s';

-- The Data API reads the schema and the roles' settings again.
notify pgrst, 'reload schema';
notify pgrst, 'reload config';
