-- A database that was restored from a dump of some schemas lacks this: without it everybody may execute a new function.
alter default privileges revoke execute on functions from public;
-- A migration waits for no lock that a long call holds, with every other call waiting behind it: it fails and is pushed
-- again.
set lock_timeout = '2s';
set statement_timeout = '5min';

SET local check_function_bodies = off;

ALTER TABLE "private"."sessions"
  DROP CONSTRAINT "end_reason_is_known";

ALTER TABLE "public"."users"
  DROP CONSTRAINT "email_is_unique";

ALTER TABLE "public"."users"
  DROP CONSTRAINT "email_is_valid";

DROP FUNCTION "private"."emails_json"(uuid[], integer);

DROP FUNCTION "private"."purge_old_sign_ins"();

DROP FUNCTION "public"."open_session"(uuid, text, text, text);

DROP FUNCTION "public"."register_user"(text, text, text);

ALTER TABLE "private"."outbox"
  ADD COLUMN "user_id" uuid;

ALTER TABLE "private"."sessions"
  ADD COLUMN "aal" text NOT NULL DEFAULT 'aal1'::text;

ALTER TABLE "private"."settings"
  ADD COLUMN "verification_duration" interval NOT NULL DEFAULT '24:00:00'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "password_reset_duration" interval NOT NULL DEFAULT '00:30:00'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "account_emails_per_recipient" integer DEFAULT 3;

ALTER TABLE "private"."settings"
  ADD COLUMN "account_emails_per_address" integer DEFAULT 30;

ALTER TABLE "private"."settings"
  ADD COLUMN "staff_second_factor" boolean NOT NULL DEFAULT false;

ALTER TABLE "private"."settings"
  ADD COLUMN "second_factor_attempts_per_account" integer NOT NULL DEFAULT 5;

ALTER TABLE "private"."settings"
  ADD COLUMN "second_factor_attempts_per_day" integer NOT NULL DEFAULT 30;

ALTER TABLE "private"."settings"
  ADD COLUMN "second_factor_attempts_per_address" integer NOT NULL DEFAULT 100;

ALTER TABLE "private"."settings"
  ADD COLUMN "cinema_name" text NOT NULL DEFAULT 'Frontrow'::text;

ALTER TABLE "private"."settings"
  ADD COLUMN "contact_email" text;

ALTER TABLE "private"."settings"
  ADD COLUMN "contact_url" text;

ALTER TABLE "private"."settings"
  ADD COLUMN "postal_address" text;

ALTER TABLE "private"."settings"
  ADD COLUMN "sessions_kept" interval DEFAULT '30 days'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "outbox_kept" interval DEFAULT '90 days'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "availability_kept" interval DEFAULT '30 days'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "stripe_events_kept" interval DEFAULT '1 year 1 mon'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "seat_lock_history_kept" interval DEFAULT '1 year 1 mon'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "booking_log_kept" interval DEFAULT '10 years'::interval;

ALTER TABLE "private"."settings"
  ADD COLUMN "guests_per_address" integer DEFAULT 100;

ALTER TABLE "private"."settings"
  ADD COLUMN "unproved_seats_held" integer DEFAULT 10;

ALTER TABLE "private"."settings"
  ADD COLUMN "unproved_unpaid_bookings_per_day" integer DEFAULT 5;

ALTER TABLE "private"."settings"
  ADD COLUMN "guests_kept" interval DEFAULT '1 year 1 mon'::interval;

ALTER TABLE "public"."users"
  ADD COLUMN "email_verified_at" timestamp WITH time zone;

ALTER TABLE "public"."users"
  ADD COLUMN "blocked_at" timestamp WITH time zone;

ALTER TABLE "public"."users"
  ADD COLUMN "language" text NOT NULL DEFAULT 'en-US'::text;

ALTER TABLE "public"."users"
  ADD COLUMN "forgotten_at" timestamp WITH time zone;

ALTER TABLE "private"."outbox"
  ALTER COLUMN "booking_id" DROP NOT NULL;

ALTER TABLE "public"."users"
  ALTER COLUMN "email" DROP NOT NULL;

ALTER TABLE "public"."users"
  ALTER COLUMN "full_name" DROP NOT NULL;

CREATE TYPE "private"."account_token_purpose" AS ENUM (
  'verify_email',
  'change_email',
  'reset_password'
);

ALTER TYPE "private"."outbox_kind" ADD VALUE 'mail_verify_email' AFTER 'mail_showtime_moved';

ALTER TYPE "private"."outbox_kind" ADD VALUE 'mail_change_email' AFTER 'mail_verify_email';

ALTER TYPE "private"."outbox_kind" ADD VALUE 'mail_email_changed' AFTER 'mail_change_email';

ALTER TYPE "private"."outbox_kind" ADD VALUE 'mail_reset_password' AFTER 'mail_email_changed';

ALTER TYPE "private"."outbox_kind" ADD VALUE 'mail_password_changed' AFTER 'mail_reset_password';

ALTER TYPE "private"."outbox_kind" ADD VALUE 'mail_second_factor_changed' AFTER 'mail_password_changed';


create table private.account_tokens (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.users on delete cascade,
  purpose private.account_token_purpose not null,
  email text not null,
  token_hash text not null,
  created_at timestamptz not null default private.now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  constraint token_hash_is_unique unique (token_hash),
  constraint token_is_hashed check (token_hash ~ '^[0-9a-f]{64}$')
);

create unique index one_unused_token_for_each_purpose on private.account_tokens (user_id, purpose)
  where used_at is null;

create index account_tokens_by_expiry on private.account_tokens (expires_at);

alter table private.account_tokens enable row level security;

comment on column private.account_tokens.email is 'The address that the link was sent to, and that it proves.';

create table private.second_factors (
  user_id uuid primary key references public.users on delete cascade,
  secret text not null,
  created_at timestamptz not null default private.now(),
  confirmed_at timestamptz,
  last_counter bigint not null default 0,
  constraint secret_is_encrypted check (secret like 'gAAAAA%')
);

alter table private.second_factors enable row level security;

comment on column private.second_factors.secret is 'Encrypted by Flask (Fernet), together with the id of its owner.';

comment on column private.second_factors.confirmed_at is 'Since when codes are asked for; null until one was right.';

comment on column private.second_factors.last_counter is
  'The time step of the last code that was taken. That one and all before it are taken no more.';

create table private.recovery_codes (
  user_id uuid not null references private.second_factors on delete cascade,
  code_hash text not null,
  used_at timestamptz,
  primary key (user_id, code_hash),
  constraint code_is_hashed check (code_hash ~ '^[0-9a-f]{64}$')
);

alter table private.recovery_codes enable row level security;

comment on column private.recovery_codes.code_hash is 'SHA-256 in hex of owner and code, made by Flask.';

create table private.departures (
  user_id uuid primary key references public.users on delete cascade,
  requested_at timestamptz not null,
  due_at timestamptz not null,
  retry_at timestamptz
);

create index departures_by_time on private.departures (due_at);

alter table private.departures enable row level security;

comment on column private.departures.due_at is
  'When what is open is over, as far as one knows; what has no known end is looked at again then.';

comment on column private.departures.retry_at is 'Passed by until then, after forgetting has raised.';

create table private.retention_runs (
  singleton boolean primary key default true,
  created_at timestamptz not null default private.now(),
  ended_at timestamptz not null default '-infinity',
  constraint there_is_one_row check (singleton)
);

alter table private.retention_runs enable row level security;

insert into private.retention_runs default values;

create table private.ticket_links (
  key_hash text primary key,
  showtime_id bigint not null,
  booking_id uuid not null,
  created_at timestamptz not null default private.now(),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint key_is_hashed check (key_hash ~ '^[0-9a-f]{64}$')
);

create index ticket_links_by_age on private.ticket_links (created_at);

create index ticket_links_by_booking on private.ticket_links (showtime_id, booking_id);

alter table private.ticket_links enable row level security;

CREATE TYPE "public"."user_kind" AS ENUM (
  'guest',
  'registered'
);

ALTER TABLE "public"."users"
  ADD COLUMN "kind" public.user_kind NOT NULL DEFAULT 'registered'::public.user_kind;

CREATE OR REPLACE FUNCTION private.account_email_context (
  p_row private.outbox
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_user public.users := private.account_of_email(p_row);
  v_email text := coalesce(p_row.payload ->> 'email', v_user.email);
  v_taken boolean := v_user.id is not null and exists (
    select from public.users u where u.email = v_email and u.email_verified_at is not null and u.id <> v_user.id);
begin
  return jsonb_build_object(
    'customer', jsonb_build_object('email', v_email, 'full_name', case when not v_taken then v_user.full_name end),
    'language', coalesce(v_user.language, 'en-US'), 'cinema', private.cinema_json(), 'known', v_user.id is not null,
    'taken', v_taken);
end
$function$;

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
  select u.* into v_user from public.users u where u.id = p_user_id and u.forgotten_at is null;
  if not found then
    perform private.raise_api_error('unknown_user');
  end if;
  return private.user_json(v_user) || jsonb_build_object('created_at', v_user.created_at, 'language', v_user.language);
end
$function$;

CREATE OR REPLACE FUNCTION private.account_of (
  p_email text
)
  RETURNS public.users
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select u.* from public.users u
  where u.email = p_email and u.kind = 'registered'
  order by u.email_verified_at is null, u.created_at desc, u.id limit 1
$function$;

CREATE OR REPLACE FUNCTION private.account_of_email (
  p_row private.outbox
)
  RETURNS public.users
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select u.* from public.users u
  where u.id = coalesce(p_row.user_id, (private.account_of(p_row.payload ->> 'email')).id)
$function$;

CREATE OR REPLACE FUNCTION private.add_log_month (
  p_month timestamp with time zone
)
  RETURNS boolean
  LANGUAGE plpgsql
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET lock_timeout TO '1s'
  AS $function$
declare
  v_until timestamptz := p_month + interval '1 month';
  v_name text := 'booking_log_' || to_char(p_month, 'YYYY_MM');
begin
  if to_regclass('private.' || v_name) is not null then
    return false;
  end if;
  execute format('create table private.%I (like private.booking_log including all excluding identity)', v_name);
  execute format('alter table private.%I enable row level security', v_name);
  if exists (select from private.booking_log_default d where d.at >= p_month and d.at < v_until) then
    perform set_config('frontrow.deletes_old_rows', 'on', true);
    execute format(
      'with moved as (delete from private.booking_log_default d where d.at >= $1 and d.at < $2 returning d.*)
       insert into private.%I select * from moved', v_name) using p_month, v_until;
    perform set_config('frontrow.deletes_old_rows', 'off', true);
  end if;
  execute format(
    'create trigger rows_are_only_added before update or delete or truncate on private.%I
     for each statement execute function private.forbid_changes()', v_name);
  execute format('alter table private.booking_log attach partition private.%I for values from (%L) to (%L)',
                 v_name, p_month, v_until);
  return true;
end
$function$;

CREATE OR REPLACE FUNCTION private.add_log_months (
  p_now timestamp with time zone
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_added integer := 0;
begin
  for v_ahead in 0..3 loop
    v_added := v_added + private.add_log_month(date_trunc('month', p_now) + make_interval(months => v_ahead))::integer;
  end loop;
  return v_added;
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
    from (values ('sign_in', case when (p_user).email_verified_at is not null
                                  then private.sign_in_key((p_user).email) end),
                 ('payment', 'payment_start:' || (p_user).id),
                 ('second_factor', 'second_factor_day:' || (p_user).id),
                 ('human_check', 'human_check:' || (p_user).id))
      k (kind, key)
    join private.rate_limit_hits a on a.key = k.key
    order by a.hit_at desc limit p_max_rows) h
$function$;

CREATE OR REPLACE FUNCTION private.begin_session (
  p_user_id    uuid,
  p_token_hash text,
  p_user_agent text,
  p_aal        text,
  p_now        timestamp with time zone
)
  RETURNS private.sessions
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_settings private.settings;
  v_session private.sessions;
begin
  select * into strict v_settings from private.settings;
  update private.sessions s set ended_at = p_now, end_reason = 'too_many'
  where s.id in (
    select o.id from private.sessions o
    where o.user_id = p_user_id and o.ended_at is null and o.expires_at > p_now
    order by o.created_at desc, o.id offset v_settings.sessions_per_customer - 1);
  insert into private.sessions as s (user_id, user_agent, created_at, expires_at, aal)
  values (p_user_id, left(p_user_agent, 400), p_now, p_now + v_settings.session_duration, p_aal)
  returning s.* into v_session;
  insert into private.refresh_tokens (token_hash, session_id) values (p_token_hash, v_session.id);
  return v_session;
end
$function$;

CREATE OR REPLACE FUNCTION private.bookers_with (
  p_email    text,
  p_owner_id uuid
)
  RETURNS uuid[]
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select array(
    select u.id from public.users u
    where u.email = p_email and u.id <> p_owner_id and u.email_verified_at is null and u.forgotten_at is null
      and exists (select from public.bookings b where b.user_id = u.id and b.status in ('pending', 'confirmed'))
    order by u.created_at desc, u.id limit 100)
$function$;

CREATE OR REPLACE FUNCTION private.booking_for_update (
  p_booking_id uuid
)
  RETURNS public.bookings
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_booking public.bookings;
begin
  loop
    select * into v_booking from public.bookings b where b.id = p_booking_id;
    exit when not found;
    perform private.lock_customer(v_booking.showtime_id, v_booking.user_id);
    -- It may have become another's meanwhile (guests.sql), who has the next turn.
    select * into v_booking from public.bookings b
    where b.showtime_id = v_booking.showtime_id and b.id = p_booking_id and b.user_id = v_booking.user_id for update;
    exit when found;
  end loop;
  return v_booking;
end
$function$;

CREATE OR REPLACE FUNCTION private.booking_log_json (
  p_bookings public.bookings[],
  p_max_rows integer
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
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
      and g.at >= b.created_at - interval '1 day'
    order by g.id desc limit p_max_rows) e
$function$;

CREATE OR REPLACE FUNCTION private.cancel_for_customer (
  p_booking public.bookings
)
  RETURNS public.bookings
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  if p_booking.status in ('cancelled', 'refunded') then
    return p_booking;
  elsif private.is_cancellable(p_booking, v_now) is not true then
    perform private.raise_api_error('not_cancellable');
  end if;
  return private.end_booking(p_booking, 'cancelled_by_customer', v_now);
end
$function$;

CREATE OR REPLACE FUNCTION private.check_account_mail_limit (
  p_email   text,
  p_address text DEFAULT NULL::text,
  p_kind    text DEFAULT 'account_mail_to'::text
)
  RETURNS integer
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  select private.check_rate_limit(array[
    row('account_mail_from:' || p_address, case when p_address is not null then c.account_emails_per_address end,
        interval '1 hour'),
    row(p_kind || ':' || p_email, c.account_emails_per_recipient, interval '1 hour')]::private.rate_limit[])
  from private.settings c where c.singleton
$function$;

CREATE OR REPLACE FUNCTION private.check_sign_in_limit (
  p_email   text,
  p_address text
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_settings private.settings;
begin
  if p_address is null then  -- its key would be the one of the whole account
    perform private.raise_api_error('invalid_request');
  end if;
  select * into strict v_settings from private.settings;
  return private.check_rate_limit(array[
    row(private.sign_in_key(p_email, p_address), v_settings.sign_in_attempts_per_account_and_address,
        v_settings.sign_in_window),
    row(private.sign_in_key(p_email), v_settings.sign_in_attempts_per_account, v_settings.sign_in_window),
    row('sign_in_from:' || p_address, v_settings.sign_in_attempts_per_address, v_settings.sign_in_window)
  ]::private.rate_limit[], p_address);
end
$function$;

CREATE OR REPLACE FUNCTION private.cinema_json()
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select jsonb_build_object('name', c.cinema_name, 'contact_email', c.contact_email, 'contact_url', c.contact_url,
                            'postal_address', c.postal_address)
  from private.settings c where c.singleton
$function$;

CREATE OR REPLACE FUNCTION private.claim_bookings (
  p_user     public.users,
  p_others   uuid[],
  p_guest_id uuid,
  p_now      timestamp with time zone
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_other uuid;
begin
  foreach v_other in array p_others loop
    -- Somebody may have proved another address, or this one, while we waited.
    perform private.move_bookings(u.id, p_user.id, false, p_now) from public.users u
    where u.id = v_other and u.email = p_user.email and u.email_verified_at is null;
  end loop;
  if p_guest_id is not null then
    perform private.move_bookings(p_guest_id, p_user.id, true, p_now);
    perform private.end_sessions(p_guest_id, 'signed_in');
  end if;
  -- Nothing says any more who those were that have nothing left here.
  update public.users u set email = null, full_name = null
  where u.id = any (p_others || p_guest_id) and u.kind = 'guest' and u.forgotten_at is null
    and not exists (select from public.bookings b where b.user_id = u.id);
end
$function$;

CREATE OR REPLACE FUNCTION private.clean_outbox (
  p_user public.users
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  update private.outbox o
  set state = case o.state when 'failed' then 'discarded' else o.state end, last_error = null,
      payload = case when private.is_mail(o.kind) then '{}' else o.payload end
  where o.id in (
    select of_booking.id from public.bookings b
    join private.outbox of_booking on of_booking.booking_id = b.id
    where b.user_id = (p_user).id
    union all
    select of_person.id from private.outbox of_person where of_person.user_id = (p_user).id
    union all
    select of_address.id from private.outbox of_address
    where of_address.payload ->> 'email' = (p_user).email and of_address.state <> 'queued')
$function$;

CREATE OR REPLACE FUNCTION private.clear_second_factor_limits (
  p_user_id uuid,
  p_address text,
  p_now     timestamp with time zone
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  select private.clear_rate_limit(
    array['second_factor:' || p_user_id, 'second_factor_day:' || p_user_id], p_address, p_now)
$function$;

CREATE OR REPLACE FUNCTION private.clear_sign_in_limit (
  p_user    public.users,
  p_address text,
  p_now     timestamp with time zone
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  select private.clear_rate_limit(
    array[private.sign_in_key((p_user).email), private.sign_in_key((p_user).email, p_address)], p_address, p_now)
  where (p_user).email_verified_at is not null
$function$;

CREATE OR REPLACE FUNCTION private.delete_old_account_tokens (
  p_until    timestamp with time zone,
  p_max_rows integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_deleted integer;
begin
  delete from private.account_tokens t where t.id = any (array(
    select old.id from private.account_tokens old where old.expires_at < p_until
    order by old.expires_at limit p_max_rows for update skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$function$;

CREATE OR REPLACE FUNCTION private.delete_old_broadcasts (
  p_until    timestamp with time zone,
  p_max_rows integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_deleted integer;
begin
  delete from private.availability_broadcasts a where a.showtime_id = any (array(
    select old.showtime_id from private.availability_broadcasts old
    join public.showtimes t on t.id = old.showtime_id
    where t.ends_at < p_until and old.sent_at < p_until
    limit p_max_rows for update of old skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$function$;

CREATE OR REPLACE FUNCTION private.delete_old_events (
  p_until    timestamp with time zone,
  p_max_rows integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_deleted integer;
begin
  delete from private.stripe_events e where e.id = any (array(
    select old.id from private.stripe_events old where old.received_at < p_until
    order by old.received_at limit p_max_rows for update skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$function$;

CREATE OR REPLACE FUNCTION private.delete_old_holds (
  p_until    timestamp with time zone,
  p_max_rows integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION private.delete_old_outbox (
  p_until    timestamp with time zone,
  p_max_rows integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_deleted integer;
begin
  delete from private.outbox o where o.id = any (array(
    select done.id from private.outbox done
    where done.completed_at < p_until and done.state in ('sent', 'discarded')
      and not exists (
        select from private.outbox other
        where other.booking_id = done.booking_id
          and (other.completed_at >= p_until or other.state in ('queued', 'failed')))
      and not exists (
        select from public.bookings b
        join public.refunds r on r.showtime_id = b.showtime_id and r.booking_id = b.id
        where b.id = done.booking_id and r.status not in ('succeeded', 'void') and r.reason <> 'made_at_stripe')
    order by done.completed_at limit p_max_rows for update skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$function$;

CREATE OR REPLACE FUNCTION private.delete_old_sessions (
  p_until    timestamp with time zone,
  p_max_rows integer,
  OUT        sessions integer,
  OUT        guests integer
)
  RETURNS record
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_users uuid[];
begin
  with gone as (
    delete from private.sessions s where s.id = any (array(
      select o.id from private.sessions o where least(o.expires_at, o.ended_at) < p_until
      order by least(o.expires_at, o.ended_at) limit p_max_rows for update skip locked))
    returning s.user_id
  )
  select count(*), array_agg(distinct g.user_id) into sessions, v_users from gone g;
  delete from public.users u
  where u.id = any (v_users) and u.kind = 'guest' and u.forgotten_at is null
    and not exists (select from private.sessions s where s.user_id = u.id)
    and not exists (select from public.bookings b where b.user_id = u.id);
  get diagnostics guests = row_count;
end
$function$;

CREATE OR REPLACE FUNCTION private.delete_old_ticket_links (
  p_until    timestamp with time zone,
  p_max_rows integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_deleted integer;
begin
  delete from private.ticket_links l where l.key_hash = any (array(
    select old.key_hash from private.ticket_links old
    join public.showtimes t on t.id = old.showtime_id
    where old.created_at < p_until and t.ends_at < p_until
    order by old.created_at limit p_max_rows for update of old skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$function$;

CREATE OR REPLACE FUNCTION private.discard_email_to_nobody()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  if exists (
    select from public.users u
    where u.forgotten_at is not null
      and u.id = coalesce(new.user_id, (select b.user_id from public.bookings b where b.id = new.booking_id))) then
    new.state := 'discarded';
    new.completed_at := private.now();
    new.payload := '{}';
    new.last_error := 'the customer has left';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.drop_log_months (
  p_until timestamp with time zone
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  SET lock_timeout TO '1s'
  AS $function$
declare
  v_name text;
  v_dropped integer := 0;
begin
  for v_name in
    select c.relname from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'private.booking_log'::regclass and c.relname ~ '^booking_log_[0-9]{4}_[0-9]{2}$'
      and to_timestamp(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= p_until
    order by c.relname
  loop
    execute format('alter table private.booking_log detach partition private.%I', v_name);
    execute format('drop table private.%I', v_name);
    v_dropped := v_dropped + 1;
  end loop;
  return v_dropped;
end
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
    'customer', jsonb_build_object('email', u.email, 'full_name', u.full_name, 'kind', u.kind),
    'language', u.language,
    'cinema', private.cinema_json())
  from public.bookings b
  join public.users u on u.id = b.user_id
  join public.showtimes s on s.id = b.showtime_id
  join public.movies m on m.id = s.movie_id
  join public.auditoriums a on a.id = s.auditorium_id
  join public.theaters t on t.id = a.theater_id
  where b.id = p_booking_id
$function$;

CREATE OR REPLACE FUNCTION private.emails_json (
  p_user_id     uuid,
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
    select o.* from (
      select b.* from private.outbox b where b.booking_id = any (p_booking_ids)
      union
      select a.* from private.outbox a where a.user_id = p_user_id) o
    where private.is_mail(o.kind)
    order by o.id desc limit p_max_rows) e
$function$;

CREATE OR REPLACE FUNCTION private.end_sessions (
  p_user_id         uuid,
  p_reason          text,
  p_kept_session_id uuid DEFAULT NULL::uuid
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  update private.sessions s set ended_at = v_now, end_reason = p_reason
  where s.user_id = p_user_id and s.ended_at is null and s.id is distinct from p_kept_session_id;
end
$function$;


SET local check_function_bodies = off;

CREATE OR REPLACE FUNCTION private.enqueue_account_mail (
  p_kind    private.outbox_kind,
  p_user_id uuid,
  p_email   text                DEFAULT NULL::text
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  insert into private.outbox (kind, key, user_id, payload, due_at)
  values (p_kind, 'account:' || gen_random_uuid(), p_user_id, jsonb_strip_nulls(jsonb_build_object('email', p_email)),
          private.now())
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
    ('guests_only',           409, 'You have an account. Change your name and email there.'),
    ('password_required',     403, 'Enter the password of the account that this link belongs to.'),
    ('account_required',      403, 'Please create an account first.'),
    ('invalid_email',         422, 'Enter a valid email address.'),
    ('invalid_name',          422, 'Enter a name of 1 to 100 characters, on one line and without links.'),
    ('weak_password',         422, 'Choose a password of 10 to 200 characters that is not easy to guess.'),
    ('unknown_user',          404, 'Account not found.'),
    ('staff_only',            403, 'Staff only.'),
    ('link_expired',          410, 'This link has been used or has expired. Please ask for a new one.'),
    ('account_blocked',       403, 'This account is blocked. Please contact the cinema.'),
    ('second_factor_required', 403, 'This account asks for a code as well. Please sign in with your password.'),
    ('second_factor_exists',  409, 'This account has two-step verification already. Turn it off first.'),
    ('no_second_factor',      409, 'Two-step verification is not set up here. Please start again.'),
    ('invalid_code',          422, 'That code is not right, or it was used before. Please enter the next one.'),
    ('sign_in_expired',       401, 'That took too long. Please sign in again.'),
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
    ('contact_required',      409, 'Enter your name and email first: your tickets go there.'),
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

CREATE OR REPLACE FUNCTION private.forbid_changes()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  if tg_op = 'DELETE' and current_setting('frontrow.deletes_old_rows', true) = 'on' then
    return null;
  end if;
  raise exception '% is only added to', tg_table_name using errcode = 'object_not_in_prerequisite_state';
end
$function$;

CREATE OR REPLACE FUNCTION private.forget_departed (
  p_now        timestamp with time zone,
  p_max_people integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_id uuid;
  v_until timestamptz;
  v_forgotten integer := 0;
begin
  for v_id in
    select d.user_id from private.departures d
    where d.due_at <= p_now and (d.retry_at <= p_now) is not false
    order by d.due_at limit p_max_people
  loop
    begin
      -- Null is no lock of a showtime, not a refusal.
      if private.try_lock_customer(null, v_id) is not false then
        perform private.lock_person(v_id);
        -- They may have signed in meanwhile.
        if exists (select from private.departures d where d.user_id = v_id) then
          v_until := private.forget_person(v_id);
          v_forgotten := v_forgotten + (v_until is null)::integer;
          update private.departures d set due_at = v_until where d.user_id = v_id;
        end if;
      end if;
    exception when others then
      raise warning 'forgetting % failed: % %', v_id, sqlstate, sqlerrm;
      update private.departures d set retry_at = p_now + interval '1 hour' where d.user_id = v_id;
    end;
  end loop;
  return v_forgotten;
end
$function$;

CREATE OR REPLACE FUNCTION private.forget_old_guests (
  p_until      timestamp with time zone,
  p_now        timestamp with time zone,
  p_max_people integer
)
  RETURNS integer
  LANGUAGE plpgsql
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_id uuid;
  v_forgotten integer := 0;
begin
  for v_id in
    select u.id from public.users u
    where u.kind = 'guest' and u.forgotten_at is null and u.created_at < p_until
      and not exists (
        select from public.bookings b
        join public.showtimes t on t.id = b.showtime_id
        where b.user_id = u.id and t.ends_at >= p_until)
      and not exists (select from private.departures d where d.user_id = u.id)
      and not exists (
        select from private.sessions s where s.user_id = u.id and s.ended_at is null and s.expires_at > p_now)
      -- As many as are taken at once would else keep all later ones from being forgotten.
      and private.open_until(u.id, p_now) is null
    order by u.created_at, u.id limit p_max_people
  loop
    if private.try_lock_customer(null, v_id) is not false then
      v_forgotten := v_forgotten + (private.forget_person(v_id) is null)::integer;
    end if;
  end loop;
  return v_forgotten;
end
$function$;

CREATE OR REPLACE FUNCTION private.forget_person (
  p_user_id uuid
)
  RETURNS timestamp WITH time zone
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_user public.users := private.lock_person(p_user_id);
  v_now timestamptz := private.now();
  v_until timestamptz;
  v_of_account record;
begin
  if v_user.id is null or v_user.forgotten_at is not null then
    return null;
  end if;
  v_until := private.open_until(p_user_id, v_now);
  if v_until is not null then
    return v_until;
  end if;
  update public.users u
  set email = null, full_name = private.forgotten_name(), role = 'customer', kind = 'guest', email_verified_at = null,
      forgotten_at = v_now
  where u.id = p_user_id;
  for v_of_account in
    select c.conrelid::regclass::text as name, a.attname as refers
    from pg_catalog.pg_constraint c
    join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    where c.contype = 'f' and c.confrelid = 'public.users'::regclass and c.confdeltype = 'c'
    order by c.conrelid::regclass::text collate "C"
  loop
    execute format('delete from %s where %I = $1', v_of_account.name, v_of_account.refers) using p_user_id;
  end loop;
  perform private.clean_outbox(v_user);
  -- What is counted under their address or id: the last part of a key. A part of one is another's.
  delete from private.rate_limit_hits h
  where right(h.key, char_length(v_user.email) + 1) in (':' || v_user.email, ' ' || v_user.email)
    or right(h.key, 37) in (':' || p_user_id, ' ' || p_user_id);
  delete from private.ticket_links l
  using public.bookings b
  where b.user_id = p_user_id and l.showtime_id = b.showtime_id and l.booking_id = b.id;
  -- An error's message may quote what it is about.
  delete from private.sweep_failures f
  where f.booking_id in (select b.id from public.bookings b where b.user_id = p_user_id);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION private.forgotten_name()
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select 'Former customer'
$function$;

CREATE OR REPLACE FUNCTION private.good_token (
  p_token_hash text,
  p_purposes   private.account_token_purpose[]
)
  RETURNS private.account_tokens
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_token private.account_tokens;
  v_now timestamptz := private.now();
begin
  select t.* into v_token from private.account_tokens t
  where t.token_hash = p_token_hash and t.purpose = any (p_purposes) and t.used_at is null and t.expires_at > v_now;
  if not found then
    perform private.raise_api_error('link_expired');
  end if;
  return v_token;
end
$function$;

CREATE OR REPLACE FUNCTION private.guest_of (
  p_session_id uuid,
  p_account_id uuid
)
  RETURNS uuid
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select u.id from public.users u
  where u.id = private.person_of(p_session_id) and u.id <> p_account_id
    and (u.kind = 'guest'
         or u.email_verified_at is null and u.email = (select a.email from public.users a where a.id = p_account_id))
$function$;

CREATE OR REPLACE FUNCTION private.has_second_factor (
  p_user_id uuid
)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select exists (select from private.second_factors f where f.user_id = p_user_id and f.confirmed_at is not null)
$function$;

CREATE OR REPLACE FUNCTION private.has_selection (
  p_user_id     uuid,
  p_showtime_id bigint,
  p_now         timestamp with time zone
)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select exists (select from public.seat_locks l
                 where l.user_id = p_user_id and l.showtime_id = p_showtime_id
                   and upper(l.held) > p_now and not upper_inf(l.held))
      or exists (select from public.bookings b
                 where b.user_id = p_user_id and b.showtime_id = p_showtime_id and b.status = 'pending')
$function$;

CREATE OR REPLACE FUNCTION private.is_cancellable (
  p_booking public.bookings,
  p_now     timestamp with time zone
)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select case (p_booking).status
           when 'pending' then (p_booking).expires_at > p_now
           when 'confirmed' then p_now <= private.cancellable_until(p_booking)
           else false end
$function$;

CREATE OR REPLACE FUNCTION private.is_language (
  p_language text
)
  RETURNS boolean
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select coalesce(p_language ~ '^[a-z]{2}(-[A-Z]{2})?$', false)
$function$;

CREATE OR REPLACE FUNCTION private.is_of_guest (
  p_booking public.bookings
)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select exists (select from public.users u where u.id = (p_booking).user_id and u.kind = 'guest')
$function$;

CREATE OR REPLACE FUNCTION private.keep_forgotten()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform private.raise_api_error('unknown_user');
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION private.leave (
  p_user_id uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_user public.users := private.lock_person(p_user_id);
  v_now timestamptz := private.now();
  v_until timestamptz;
begin
  if v_user.id is null then
    perform private.raise_api_error('unknown_user');
  end if;
  v_until := private.forget_person(p_user_id);
  if v_until is null then
    return '{"status": "deleted"}';
  end if;
  update private.sessions s set ended_at = v_now, end_reason = 'account_deleted'
  where s.user_id = p_user_id and s.ended_at is null;
  insert into private.departures as d (user_id, requested_at, due_at) values (p_user_id, v_now, v_until)
  on conflict (user_id) do update set due_at = excluded.due_at;
  return jsonb_build_object('status', 'scheduled', 'until', v_until);
end
$function$;

CREATE OR REPLACE FUNCTION private.linked_booking (
  p_reference text,
  p_key_hash  text
)
  RETURNS public.bookings
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_booking public.bookings;
begin
  select b.* into v_booking
  from private.ticket_links l
  join public.bookings b on b.showtime_id = l.showtime_id and b.id = l.booking_id
  where l.key_hash = p_key_hash and b.reference = upper(p_reference);
  if not found then
    perform private.raise_api_error('link_expired');
  end if;
  return v_booking;
end
$function$;

CREATE OR REPLACE FUNCTION private.lock_person (
  p_user_id uuid
)
  RETURNS public.users
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_user public.users;
begin
  perform private.lock_customer(null, p_user_id);
  select * into v_user from public.users u where u.id = p_user_id for update;
  perform from private.sessions s where s.user_id = p_user_id order by s.id for update;
  return v_user;
end
$function$;

CREATE OR REPLACE FUNCTION private.lock_sign_ins (
  p_user_id uuid
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_email text;
begin
  select u.email into v_email from public.users u where u.id = p_user_id;
  if not found then
    perform private.raise_api_error('unknown_user');
  end if;
  perform pg_advisory_xact_lock(hashtextextended(private.sign_in_key(v_email), 0));
end
$function$;

CREATE OR REPLACE FUNCTION private.move_bookings (
  p_from uuid,
  p_to   uuid,
  p_all  boolean,
  p_now  timestamp with time zone
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
begin
  if p_all then
    -- An order whose time is over is no selection, whether a sweep has come by or not.
    perform private.expire_booking(b) from public.bookings b
    where b.user_id in (p_from, p_to) and b.status = 'pending' and b.expires_at <= p_now;
  end if;
  update public.bookings b set user_id = p_to
  where b.user_id = p_from
    and (b.status = 'confirmed'
         or p_all and (b.status <> 'pending' or not private.has_selection(p_to, b.showtime_id, p_now)));
  update public.seat_locks l set user_id = p_to
  where l.user_id = p_from
    and case when l.booking_id is null
          then p_all and upper(l.held) > p_now and not private.has_selection(p_to, l.showtime_id, p_now)
        else exists (select from public.bookings b
                     where b.showtime_id = l.showtime_id and b.id = l.booking_id and b.user_id = p_to) end;
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
              when (p_row).booking_id is null and p_now - (p_row).created_at > interval '1 day' then 'discarded'
              when private.is_mail((p_row).kind)
                and p_now - (p_row).created_at > interval '3 days' then 'failed'
              else 'queued' end::private.outbox_state
$function$;

CREATE OR REPLACE FUNCTION private.normalize_full_name()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  if new.full_name is null then
    return new;  -- of a guest
  end if;
  new.full_name := private.normalize_name(new.full_name);
  if not private.is_name(new.full_name) then
    perform private.raise_api_error('invalid_name');
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.notify_owner (
  p_kind    private.outbox_kind,
  p_user_id uuid
)
  RETURNS void
  LANGUAGE sql
  SET search_path TO ''
  AS $function$
  select private.enqueue_account_mail(p_kind, u.id) from public.users u
  where u.id = p_user_id and u.email_verified_at is not null
$function$;

CREATE OR REPLACE FUNCTION private.open_until (
  p_user_id uuid,
  p_now     timestamp with time zone
)
  RETURNS timestamp WITH time zone
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
declare
  v_soon timestamptz := p_now + interval '5 minutes';
  v_later timestamptz := p_now + interval '1 day';
begin
  return (
    with mine as (
      select b.showtime_id, b.id, b.status, b.expires_at from public.bookings b where b.user_id = p_user_id
    )
    select max(o.until) from (
      select upper(l.held) as until from public.seat_locks l
      where l.user_id = p_user_id and l.booking_id is null and upper(l.held) > p_now
      union all
      select case when m.status = 'pending' and m.expires_at > p_now then m.expires_at
                  when m.status = 'confirmed' and t.ends_at > p_now then t.ends_at
                  else v_soon end
      from mine m
      join public.showtimes t on t.id = m.showtime_id
      where m.status = 'pending' or m.status = 'confirmed' and (t.ends_at > p_now or t.status = 'cancelled')
      union all
      select v_soon from mine m
      join public.payments p on p.showtime_id = m.showtime_id and p.booking_id = m.id and p.status = 'open'
      union all
      select v_later from mine m
      join public.refunds r on r.showtime_id = m.showtime_id and r.booking_id = m.id
      -- Nobody tries one again that was made at Stripe's dashboard and failed.
      where r.status in ('queued', 'pending') or r.status = 'failed' and r.reason <> 'made_at_stripe'
      union all
      select v_later from mine m
      join public.disputes d on d.showtime_id = m.showtime_id and d.booking_id = m.id and d.closed_at is null
      union all
      select v_soon from mine m
      join private.outbox o on o.booking_id = m.id and o.state = 'queued'
      union all
      select v_soon from private.outbox o where o.user_id = p_user_id and o.state = 'queued'
      union all
      select v_soon from private.outbox o
      where o.payload ->> 'email' = (select u.email from public.users u where u.id = p_user_id)
        and o.state = 'queued') o);
end
$function$;

CREATE OR REPLACE FUNCTION private.own_email (
  p_user   public.users,
  p_token  private.account_tokens,
  p_others uuid[]
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_other uuid;
begin
  if exists (select from public.users u
             where u.email = p_token.email and u.email_verified_at is not null and u.id <> p_user.id) then
    perform private.raise_api_error('email_taken');
  end if;
  update public.users u
  set email = p_token.email,
      email_verified_at = case when u.email = p_token.email then coalesce(u.email_verified_at, p_token.used_at)
                               else p_token.used_at end
  where u.id = p_user.id
  returning u.* into p_user;
  for v_other in
    select u.id from public.users u
    where u.email = p_user.email and u.id <> p_user.id and u.kind = 'registered'
    order by u.id for no key update
  loop
    delete from private.credentials c where c.user_id = v_other;
    delete from private.account_tokens t where t.user_id = v_other and t.used_at is null;
    delete from private.second_factors f where f.user_id = v_other;
    -- Nor is there anybody whom the emails that wait could be written to: nothing may say any more who they were.
    update private.outbox o
    set state = 'discarded', completed_at = private.now(), payload = '{}', last_error = 'the address is another''s'
    where o.user_id = v_other and o.state = 'queued';
    perform private.end_sessions(v_other, 'email_proved');
    update public.users u set kind = 'guest', role = 'customer' where u.id = v_other;
  end loop;
  perform private.claim_bookings(p_user, p_others, null, p_token.used_at);
end
$function$;

CREATE OR REPLACE FUNCTION private.person_of (
  p_session_id uuid
)
  RETURNS uuid
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  return (select s.user_id from private.sessions s
          where s.id = p_session_id and s.ended_at is null and s.expires_at > v_now);
end
$function$;

CREATE OR REPLACE FUNCTION private.proved_role (
  p_user public.users
)
  RETURNS public.user_role
  LANGUAGE sql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
  select case when (p_user).email_verified_at is null then 'customer' else (p_user).role end
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
  v_user public.users;
  v_showtime public.showtimes;
  v_unknown bigint[];
begin
  select u.* into v_user from public.users u where u.id = p_user_id and u.forgotten_at is null;
  if not found then
    perform private.raise_api_error('sign_in_required');  -- no token, or the account is gone and its token lives on
  elsif v_user.blocked_at is not null then
    perform private.raise_api_error('account_blocked');
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
$function$;

CREATE OR REPLACE FUNCTION private.require_password (
  p_user_id       uuid,
  p_password_hash text,
  p_address       text
)
  RETURNS public.users
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_user public.users;
begin
  select u.* into v_user from public.users u where u.id = p_user_id for no key update;
  if not exists (
    select from private.credentials c where c.user_id = v_user.id and c.password_hash = p_password_hash) then
    perform private.raise_api_error('invalid_credentials');
  end if;
  perform private.clear_sign_in_limit(v_user, p_address, private.now());
  return v_user;
end
$function$;

CREATE OR REPLACE FUNCTION private.return_by_signing_in()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  -- Waits for whoever forgets them, and keeps that waiting.
  perform from public.users u where u.id = new.user_id and u.forgotten_at is null for key share;
  if not found then
    perform private.raise_api_error('unknown_user');
  end if;
  delete from private.departures d where d.user_id = new.user_id;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION private.schema_version()
  RETURNS text
  LANGUAGE sql
  IMMUTABLE
  PARALLEL SAFE
  SET search_path TO ''
  AS $function$
  select '20261128000400'
$function$;

CREATE OR REPLACE FUNCTION private.second_factor_json (
  p_user_id uuid
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select jsonb_build_object(
    'created_at', f.created_at, 'confirmed_at', f.confirmed_at,
    'recovery_codes', (
      select coalesce(jsonb_agg(jsonb_build_object('used_at', c.used_at) order by c.used_at), '[]')
      from private.recovery_codes c where c.user_id = f.user_id))
  from private.second_factors f where f.user_id = p_user_id
$function$;

CREATE OR REPLACE FUNCTION private.second_factor_limits (
  p_user_id uuid,
  p_address text
)
  RETURNS private.rate_limit[]
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select array[
    row('second_factor:' || p_user_id, c.second_factor_attempts_per_account, c.sign_in_window),
    row('second_factor_day:' || p_user_id, c.second_factor_attempts_per_day, interval '1 day'),
    row('second_factor_from:' || p_address, c.second_factor_attempts_per_address, c.sign_in_window)
  ]::private.rate_limit[]
  from private.settings c
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
                            'human_until', p_session.human_until, 'aal', p_session.aal,
                            'user', private.user_json(p_user)
                                    || jsonb_build_object('role', private.session_role(p_session, p_user)))
$function$;

CREATE OR REPLACE FUNCTION private.session_role (
  p_session private.sessions,
  p_user    public.users
)
  RETURNS public.user_role
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  AS $function$
  select case when c.staff_second_factor and (p_session).aal <> 'aal2' then 'customer' else private.proved_role(p_user) end
  from private.settings c
$function$;

CREATE OR REPLACE FUNCTION private.set_password (
  p_user            public.users,
  p_password_hash   text,
  p_kept_session_id uuid
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  insert into private.credentials as c (user_id, password_hash) values (p_user.id, p_password_hash)
  on conflict (user_id) do update set password_hash = excluded.password_hash;
  delete from private.account_tokens t
  where t.user_id = p_user.id and t.used_at is null and t.purpose <> 'verify_email';
  update private.outbox o
  set state = 'discarded', completed_at = private.now(), payload = '{}', last_error = 'the password was changed'
  where o.user_id = p_user.id and o.kind = 'mail_change_email' and o.state = 'queued';
  perform private.end_sessions(p_user.id, 'password_changed', p_kept_session_id);
  perform private.notify_owner('mail_password_changed', p_user.id);
end
$function$;

CREATE OR REPLACE FUNCTION private.settle_booking (
  p_booking public.bookings,
  p_payment public.payments,
  p_now     timestamp with time zone
)
  RETURNS text
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  if p_booking.status = 'confirmed' then
    return 'second_payment';
  elsif p_booking.status in ('cancelled', 'refunded')
    -- Nobody is left to have a ticket.
    or exists (select from public.users u where u.id = p_booking.user_id and u.forgotten_at is not null) then
    return 'booking_cancelled';
  elsif (p_payment.amount_received, p_payment.currency_received)
    is distinct from (p_booking.total, p_booking.currency) then
    return 'amount_differs';
  end if;
  return private.sell_seats(p_booking, p_now);
end
$function$;

CREATE OR REPLACE FUNCTION private.take_account_token (
  p_token_hash text,
  p_purposes   private.account_token_purpose[]
)
  RETURNS private.account_tokens
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_token private.account_tokens;
  v_now timestamptz;
begin
  perform from public.users u
  where u.id = (select t.user_id from private.account_tokens t where t.token_hash = p_token_hash)
  for no key update;
  v_now := private.now();
  update private.account_tokens t set used_at = v_now
  where t.token_hash = p_token_hash and t.purpose = any (p_purposes) and t.used_at is null and t.expires_at > v_now
  returning t.* into v_token;
  if not found then
    perform private.raise_api_error('link_expired');
  end if;
  return v_token;
end
$function$;

CREATE OR REPLACE FUNCTION private.take_turns (
  p_user_id uuid,
  p_others  uuid[]
)
  RETURNS uuid[]
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_id uuid;
begin
  foreach v_id in array array(select distinct t.id from unnest(p_others || p_user_id) t (id) order by t.id) loop
    perform private.lock_customer(null, v_id);
  end loop;
  return p_others;
end
$function$;

CREATE OR REPLACE FUNCTION private.take_turns_by_token (
  p_token_hash text
)
  RETURNS uuid[]
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_token private.account_tokens;
begin
  select t.* into v_token from private.account_tokens t where t.token_hash = p_token_hash;
  if not found then
    return '{}';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('proof:' || v_token.email, 0));
  return private.take_turns(v_token.user_id, private.bookers_with(v_token.email, v_token.user_id));
end
$function$;

CREATE OR REPLACE FUNCTION private.take_turns_for_bookings (
  p_user_id  uuid,
  p_guest_id uuid
)
  RETURNS uuid[]
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
declare
  v_others uuid[] := coalesce((
    select private.bookers_with(u.email, u.id) from public.users u
    where u.id = p_user_id and u.email_verified_at is not null), '{}');
begin
  if p_guest_id is not null then
    perform private.take_turns(p_user_id, v_others || p_guest_id);
  elsif v_others <> '{}' then
    perform private.take_turns(p_user_id, v_others);
  end if;
  return v_others;
end
$function$;

CREATE OR REPLACE FUNCTION private.ticket_json (
  p_booking public.bookings
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  return jsonb_build_object(
    'booking', private.booking_details(p_booking) || jsonb_build_object('server_time', v_now),
    'email', private.email_context(p_booking.id),
    'cancellable', private.is_of_guest(p_booking) and private.is_cancellable(p_booking, v_now));
end
$function$;

CREATE OR REPLACE FUNCTION private.unfinished_refunds()
  RETURNS TABLE (
    status public.refund_status,
    since  timestamp with time zone
  )
  LANGUAGE sql
  STABLE
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  AS $function$
  select r.status, coalesce((
    select min(g.at) from private.booking_log g
    where g.showtime_id = r.showtime_id and g.booking_id = r.booking_id and g.entity = 'refund'
      and g.at >= r.created_at - interval '1 day'
      and g.row_data ->> 'id' = r.id::text
      and g.id > coalesce((
        select max(other.id) from private.booking_log other
        where other.showtime_id = r.showtime_id and other.booking_id = r.booking_id and other.entity = 'refund'
          and other.at >= r.created_at - interval '1 day'
          and other.row_data ->> 'id' = r.id::text and other.status <> r.status::text), 0)), r.created_at)
  from public.refunds r where r.status not in ('succeeded', 'void')
$function$;

CREATE OR REPLACE FUNCTION private.user_json (
  p_user public.users
)
  RETURNS jsonb
  LANGUAGE sql
  IMMUTABLE
  SET search_path TO ''
  AS $function$
  select jsonb_build_object(
    'id', (p_user).id, 'kind', (p_user).kind, 'email', (p_user).email, 'full_name', (p_user).full_name,
    'role', private.proved_role(p_user),
    'email_verified', (p_user).email_verified_at is not null)
$function$;

CREATE OR REPLACE FUNCTION private.who_registers (
  p_session_id uuid
)
  RETURNS uuid
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  return (select s.user_id from private.sessions s
          where s.id = p_session_id and s.expires_at > v_now and (s.ended_at is null or s.end_reason = 'registered'));
end
$function$;

CREATE OR REPLACE FUNCTION public.add_ticket_link (
  booking_id uuid,
  key_hash   text
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  insert into private.ticket_links (key_hash, showtime_id, booking_id)
  select add_ticket_link.key_hash, b.showtime_id, b.id from public.bookings b where b.id = add_ticket_link.booking_id
  on conflict on constraint ticket_links_pkey do nothing;
  return found;
end
$function$;

REVOKE ALL ON FUNCTION "public"."add_ticket_link"(uuid, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.begin_leaving (
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
  v_now timestamptz := private.now();
begin
  -- Not private.live_session: it would have the session before sign-ins have had their turn, and open_session after.
  if not exists (
    select from private.sessions s
    where s.id = begin_leaving.session_id and s.user_id = begin_leaving.user_id
      and s.ended_at is null and s.expires_at > v_now) then
    perform private.raise_api_error('session_ended');
  end if;
  return public.begin_password_check(begin_leaving.user_id, begin_leaving.address);
end
$function$;

REVOKE ALL ON FUNCTION "public"."begin_leaving"(uuid, uuid, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.begin_password_check (
  user_id uuid,
  address text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_email text;
  v_hash text;
  v_seconds integer;
begin
  select u.email, c.password_hash into v_email, v_hash
  from public.users u
  join private.credentials c on c.user_id = u.id
  where u.id = begin_password_check.user_id;
  if not found then  -- a guest; Flask does the same work all the same
    select private.check_rate_limit(array[
      row('sign_in_from:' || begin_password_check.address, c.sign_in_attempts_per_address, c.sign_in_window)
    ]::private.rate_limit[])
    into strict v_seconds from private.settings c where c.singleton;
    return case when v_seconds = 0 then '{"status": "unknown"}'
                else jsonb_build_object('status', 'limited', 'retry_after', v_seconds) end;
  end if;
  v_seconds := private.check_sign_in_limit(v_email, begin_password_check.address);
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  return jsonb_build_object('status', 'known', 'password_hash', v_hash);
end
$function$;

REVOKE ALL ON FUNCTION "public"."begin_password_check"(uuid, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.begin_password_reset (
  token_hash text,
  address    text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_seconds integer;
  v_now timestamptz;
begin
  if begin_password_reset.address is null then
    perform private.raise_api_error('invalid_request');
  end if;
  select private.check_rate_limit(array[
    row('link_from:' || begin_password_reset.address, c.sign_in_attempts_per_address, c.sign_in_window)
  ]::private.rate_limit[])
  into strict v_seconds from private.settings c where c.singleton;
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  v_now := private.now();
  return jsonb_build_object('status', case when exists (
    select from private.account_tokens t
    where t.token_hash = begin_password_reset.token_hash and t.purpose = 'reset_password' and t.used_at is null
      and t.expires_at > v_now) then 'good' else 'expired' end);
end
$function$;

REVOKE ALL ON FUNCTION "public"."begin_password_reset"(text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.begin_proof (
  token_hash text,
  address    text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_token private.account_tokens := private.good_token(
    begin_proof.token_hash, array['verify_email', 'change_email']::private.account_token_purpose[]);
begin
  return public.begin_password_check(v_token.user_id, begin_proof.address);
end
$function$;

REVOKE ALL ON FUNCTION "public"."begin_proof"(text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.begin_second_factor (
  user_id    uuid,
  session_id uuid,
  address    text,
  secret     text
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz;
begin
  perform private.lock_sign_ins(begin_second_factor.user_id);
  perform private.live_session(begin_second_factor.session_id, begin_second_factor.user_id);
  v_now := private.now();
  insert into private.second_factors as f (user_id, secret, created_at)
  values (begin_second_factor.user_id, begin_second_factor.secret, v_now)
  on conflict on constraint second_factors_pkey do update
  set secret = excluded.secret, created_at = excluded.created_at, last_counter = 0
  where f.confirmed_at is null;
  if not found then
    perform private.raise_api_error('second_factor_exists');
  end if;
  -- The password was right, and there is no code yet that could be guessed.
  perform private.clear_second_factor_limits(begin_second_factor.user_id, begin_second_factor.address, v_now);
end
$function$;

REVOKE ALL ON FUNCTION "public"."begin_second_factor"(uuid, uuid, text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.begin_second_factor_check (
  user_id    uuid,
  address    text,
  session_id uuid DEFAULT NULL::uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_seconds integer;
  v_user public.users;
  v_factor private.second_factors;
  v_now timestamptz;
begin
  if begin_second_factor_check.user_id is null or begin_second_factor_check.address is null then
    perform private.raise_api_error('invalid_request');  -- nothing would be counted
  end if;
  if begin_second_factor_check.session_id is not null then
    perform private.live_session(begin_second_factor_check.session_id, begin_second_factor_check.user_id);
  end if;
  v_seconds := private.check_rate_limit(
    private.second_factor_limits(begin_second_factor_check.user_id, begin_second_factor_check.address),
    begin_second_factor_check.address);
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  select u.* into v_user from public.users u where u.id = begin_second_factor_check.user_id;
  if not found then
    return jsonb_build_object('status', 'unknown');
  end if;
  select f.* into v_factor from private.second_factors f where f.user_id = v_user.id;
  v_now := private.now();
  return jsonb_build_object(
    'status', 'known', 'user', private.user_json(v_user),
    'password_hash', (select c.password_hash from private.credentials c where c.user_id = v_user.id),
    'secret', v_factor.secret, 'is_confirmed', v_factor.confirmed_at is not null,
    'checked_at', extract(epoch from v_now)::bigint);
end
$function$;

REVOKE ALL ON FUNCTION "public"."begin_second_factor_check"(uuid, text, uuid) FROM PUBLIC, "anon", "authenticated";

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
  v_seconds integer := private.check_sign_in_limit(v_email, begin_sign_in.address);
begin
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  return jsonb_build_object('status', 'known', 'accounts', (
    select coalesce(jsonb_agg(jsonb_build_object('user', private.user_json(a.known), 'password_hash', c.password_hash)
                              order by a.owns desc), '[]')
    from (select distinct on (u.email_verified_at is not null) u as known, u.email_verified_at is not null as owns
          from public.users u
          where u.email = v_email and u.kind = 'registered'
          order by u.email_verified_at is not null, u.created_at desc, u.id) a
    join private.credentials c on c.user_id = (a.known).id));
end
$function$;

CREATE OR REPLACE FUNCTION public.block_user (
  email   text,
  blocked boolean DEFAULT true
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
  v_user_id uuid;
  v_found boolean := false;
begin
  for v_user_id in
    select u.id from public.users u where u.email = private.normalize_email(block_user.email)
    order by u.id for no key update
  loop
    v_found := true;
    update public.users u set blocked_at = case when block_user.blocked then coalesce(u.blocked_at, v_now) end
    where u.id = v_user_id;
    if block_user.blocked then
      perform private.end_sessions(v_user_id, 'blocked');
    end if;
  end loop;
  return v_found;
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

REVOKE ALL ON FUNCTION "public"."block_user"(text, boolean) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.booking_history (
  booking_id uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
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
            and l.at >= v_booking.created_at - interval '1 day'
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
begin
  v_booking := private.booking_for_update(cancel_booking.booking_id);
  if v_booking.user_id is distinct from v_user then
    perform private.raise_api_error('unknown_booking');
  end if;
  return private.booking_json(private.cancel_for_customer(v_booking));
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

CREATE OR REPLACE FUNCTION public.cancel_by_link (
  reference text,
  key_hash  text
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
  v_booking public.bookings := private.linked_booking(cancel_by_link.reference, cancel_by_link.key_hash);
begin
  v_booking := private.booking_for_update(v_booking.id);
  if not private.is_of_guest(v_booking) then
    perform private.raise_api_error('not_cancellable');
  end if;
  -- Two statements: what is read in one does not see what it changes.
  v_booking := private.cancel_for_customer(v_booking);
  return private.ticket_json(v_booking);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

REVOKE ALL ON FUNCTION "public"."cancel_by_link"(text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.change_password (
  user_id           uuid,
  session_id        uuid,
  password_hash     text,
  new_password_hash text,
  address           text
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_user public.users := private.require_password(
    change_password.user_id, change_password.password_hash, change_password.address);
begin
  perform private.set_password(v_user, change_password.new_password_hash, change_password.session_id);
end
$function$;

REVOKE ALL ON FUNCTION "public"."change_password"(uuid, uuid, text, text, text) FROM PUBLIC, "anon", "authenticated";

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
  -- What is older may be deleted (retention.sql), or a little later.
  v_emails_since timestamptz;
  v_holds_since timestamptz;
begin
select coalesce(v_now - c.outbox_kept, '-infinity'), coalesce(v_now - c.seat_lock_history_kept, '-infinity')
into strict v_emails_since, v_holds_since
from private.settings c;
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
       or (select t.ends_at from public.showtimes t where t.id = b.showtime_id) > v_holds_since
       and not exists (select from holds h
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
where b.confirmed_at > v_emails_since
  and not exists (select from private.outbox o where o.key = 'mail:confirmation:' || b.id)

union all
select 'I6 a refund has no mail', jsonb_build_object('refund_id', r.id)
from public.refunds r
where not (r.reason = 'made_at_stripe' and r.status = 'failed') and r.created_at > v_emails_since
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
where b.confirmed_at is not null and b.status in ('cancelled', 'refunded') and b.cancelled_at > v_emails_since
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
where r.old_starts_at <> r.starts_at and r.at > v_emails_since
  and b.confirmed_at < r.at and (b.cancelled_at > r.at) is not false
  and not exists (select from private.outbox o where o.key = 'mail:showtime_moved:' || b.id || ':' || r.revision)

-- A3: a showtime to come has time for its film.
union all
select 'A3 a showtime ends before its film', jsonb_build_object('showtime_id', t.id)
from public.showtimes t
join public.movies m on m.id = t.movie_id
where t.ends_at > v_now and t.ends_at < t.starts_at + make_interval(mins => m.length_minutes)

-- A4: who is forgotten has no name, no address and nothing to sign in with; and who has left is forgotten once it is
-- time.
union all
select 'A4 somebody is forgotten and has a name', jsonb_build_object('user_id', u.id)
from public.users u
where u.forgotten_at is not null
  and (u.email is not null or u.full_name <> private.forgotten_name() or u.role <> 'customer' or u.kind <> 'guest'
       or exists (select from private.credentials c where c.user_id = u.id)
       or exists (select from private.sessions s where s.user_id = u.id))

union all
select 'A4 somebody has left and is not forgotten', jsonb_build_object('user_id', d.user_id, 'due_at', d.due_at)
from private.departures d where d.due_at < v_now - interval '1 day'

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
    'my_bookings', 'my_booking', 'my_account', 'rename_me', 'set_language', 'set_contact', 'my_data', 'my_sessions',
    'end_my_session', 'my_second_factor', 'send_verification_again', 'seat_holder', 'booking_history'])
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
    'account', case when c.booking_id is null then private.account_email_context(c) end,
    'refund', private.refund_context((c.payload ->> 'refund_id')::uuid)) order by c.id), '[]')
  into v_claimed from claimed c;
  return v_claimed;
end
$function$;

CREATE OR REPLACE FUNCTION public.complete_outbox (
  id      bigint,
  attempt integer,
  error   text    DEFAULT NULL::text
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  update private.outbox o
  set state = private.next_state(o, complete_outbox.error, v_now),
      completed_at = case when private.next_state(o, complete_outbox.error, v_now) <> 'queued' then v_now end,
      due_at = v_now + make_interval(secs => least(2 ^ least(o.attempts, 20), 7200) * (0.75 + random() / 2)),
      claimed_until = null,
      abandoned_claims = 0,
      last_error = left(complete_outbox.error, 1000),
      -- The address that somebody typed, who may be nobody here.
      payload = case when o.booking_id is null and private.next_state(o, complete_outbox.error, v_now) <> 'queued'
        then '{}' else o.payload end
  where o.id = complete_outbox.id and o.state = 'queued' and o.attempts = complete_outbox.attempt;
  return found;
end
$function$;

CREATE OR REPLACE FUNCTION public.confirm_second_factor (
  user_id              uuid,
  session_id           uuid,
  address              text,
  secret               text,
  counter              bigint,
  recovery_code_hashes text[]
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_session private.sessions;
  v_now timestamptz;
begin
  if cardinality(recovery_code_hashes) > 10 then
    perform private.refuse_argument('recovery_code_hashes');
  end if;
  perform private.lock_sign_ins(confirm_second_factor.user_id);
  v_session := private.live_session(confirm_second_factor.session_id, confirm_second_factor.user_id);
  v_now := private.now();
  update private.second_factors f set confirmed_at = v_now, last_counter = confirm_second_factor.counter
  where f.user_id = v_session.user_id and f.confirmed_at is null and f.secret = confirm_second_factor.secret;
  if not found then
    perform private.raise_api_error('no_second_factor');
  end if;
  insert into private.recovery_codes (user_id, code_hash)
  select v_session.user_id, h.code_hash from unnest(recovery_code_hashes) h (code_hash);
  update private.sessions s set aal = 'aal2' where s.id = v_session.id;
  update private.sessions s set ended_at = v_now, end_reason = 'second_factor_confirmed'
  where s.user_id = v_session.user_id and s.id <> v_session.id and s.ended_at is null and s.expires_at > v_now;
  perform private.clear_second_factor_limits(v_session.user_id, confirm_second_factor.address, v_now);
  perform private.notify_owner('mail_second_factor_changed', v_session.user_id);
end
$function$;

REVOKE ALL ON FUNCTION "public"."confirm_second_factor"(uuid, uuid, text, text, bigint, text[]) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.delete_my_account (
  user_id uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_guests uuid[] := array(
    select g.id from public.users u
    join public.users g on g.email = u.email and g.kind = 'guest'
    where u.id = delete_my_account.user_id and u.email_verified_at is not null);
  v_id uuid;
begin
  perform private.take_turns(delete_my_account.user_id, v_guests);
  foreach v_id in array v_guests loop
    perform private.leave(v_id);
  end loop;
  return private.leave(delete_my_account.user_id);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

REVOKE ALL ON FUNCTION "public"."delete_my_account"(uuid) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.end_my_session (
  session_id uuid
)
  RETURNS void
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_user_id uuid := private.require_user_id();
  v_now timestamptz := private.now();
begin
  update private.sessions s set ended_at = v_now, end_reason = 'signed_out'
  where s.id = end_my_session.session_id and s.user_id = v_user_id and s.ended_at is null;
end
$function$;

REVOKE ALL ON FUNCTION "public"."end_my_session"(uuid) FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.forget_user (
  who text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_who uuid;
  v_id uuid;
  v_left jsonb := '[]';
begin
  if pg_input_is_valid(forget_user.who, 'uuid') then
    v_who := forget_user.who;
  end if;
  for v_id in
    select u.id from public.users u
    where u.email = private.normalize_email(forget_user.who) or u.id = v_who
    order by u.id
  loop
    v_left := v_left || (jsonb_build_object('user_id', v_id) || private.leave(v_id));
  end loop;
  if v_left = '[]' then
    perform private.raise_api_error('unknown_user');
  end if;
  return v_left;
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

REVOKE ALL ON FUNCTION "public"."forget_user"(text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.issue_account_token (
  outbox_id  bigint,
  purpose    text,
  token_hash text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
#variable_conflict use_column
declare
  v_purpose private.account_token_purpose := issue_account_token.purpose;
  v_settings private.settings;
  v_row private.outbox;
  v_user public.users;
  v_now timestamptz;
  v_valid interval;
begin
  select * into strict v_settings from private.settings c where c.singleton;
  select * into strict v_row from private.outbox o where o.id = issue_account_token.outbox_id;
  select u.* into v_user from public.users u
  where u.id = (private.account_of_email(v_row)).id
  for no key update;
  -- It may have been discarded while we waited: a change of the password takes back what was asked for before it.
  select * into strict v_row from private.outbox o where o.id = issue_account_token.outbox_id;
  v_now := private.now();
  if v_user.id is not null and v_row.state = 'queued' then
    v_valid := case v_purpose when 'reset_password' then v_settings.password_reset_duration
                              else v_settings.verification_duration end;
    insert into private.account_tokens as t (user_id, purpose, email, token_hash, created_at, expires_at)
    values (v_user.id, v_purpose, coalesce(v_row.payload ->> 'email', v_user.email), issue_account_token.token_hash,
            v_now, v_now + v_valid)
    on conflict (user_id, purpose) where used_at is null do update
      set email = excluded.email, token_hash = excluded.token_hash, created_at = excluded.created_at,
          expires_at = excluded.expires_at;
  end if;
  return jsonb_build_object('valid_minutes', floor(extract(epoch from v_valid) / 60)::integer);
end
$function$;

REVOKE ALL ON FUNCTION "public"."issue_account_token"(bigint, text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.keep_retention (
  max_rows integer DEFAULT 2000
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  -- Each takes turns with their calls, and looks through all that is counted.
  c_people constant integer := 20;
  -- The months come last: their locks keep others waiting until the end.
  c_steps constant text[] := array[
    'forget_departed', 'forget_old_guests', 'delete_old_sessions', 'delete_old_account_tokens', 'delete_old_ticket_links',
    'delete_old_outbox', 'delete_old_broadcasts', 'delete_old_events', 'delete_old_holds', 'add_log_months',
    'drop_log_months'];
  v_step text;
  v_settings private.settings;
  v_now timestamptz;
  v_rows integer;
  v_guests integer;
  v_done jsonb := '{}';
  v_more boolean := false;
begin
  perform from private.retention_runs for update skip locked;
  if not found then
    return jsonb_build_object('more', false, 'done', v_done);
  end if;
  select * into strict v_settings from private.settings c where c.singleton;
  v_now := private.now();
  foreach v_step in array c_steps loop
    begin
      case v_step
        when 'forget_departed' then
          v_rows := private.forget_departed(v_now, least(keep_retention.max_rows, c_people));
          v_more := v_more or v_rows >= least(keep_retention.max_rows, c_people);
        when 'forget_old_guests' then
          v_rows := private.forget_old_guests(
            v_now - v_settings.guests_kept, v_now, least(keep_retention.max_rows, c_people));
          v_more := v_more or v_rows >= least(keep_retention.max_rows, c_people);
        when 'delete_old_sessions' then
          select d.sessions, d.guests into v_rows, v_guests
          from private.delete_old_sessions(v_now - v_settings.sessions_kept, keep_retention.max_rows) d;
          v_done := v_done || jsonb_build_object('delete_old_guests', v_guests);
        when 'delete_old_account_tokens' then
          v_rows := private.delete_old_account_tokens(v_now - v_settings.sessions_kept, keep_retention.max_rows);
        when 'delete_old_ticket_links' then
          v_rows := private.delete_old_ticket_links(v_now - v_settings.outbox_kept, keep_retention.max_rows);
        when 'delete_old_outbox' then
          v_rows := private.delete_old_outbox(v_now - v_settings.outbox_kept, keep_retention.max_rows);
        when 'delete_old_broadcasts' then
          v_rows := private.delete_old_broadcasts(v_now - v_settings.availability_kept, keep_retention.max_rows);
        when 'delete_old_events' then
          v_rows := private.delete_old_events(v_now - v_settings.stripe_events_kept, keep_retention.max_rows);
        when 'delete_old_holds' then
          v_rows := private.delete_old_holds(v_now - v_settings.seat_lock_history_kept, keep_retention.max_rows);
        when 'add_log_months' then
          v_rows := private.add_log_months(v_now);
        when 'drop_log_months' then
          v_rows := private.drop_log_months(v_now - v_settings.booking_log_kept);
      end case;
      v_done := v_done || jsonb_build_object(v_step, v_rows);
      v_more := v_more or v_rows >= keep_retention.max_rows;
      perform private.clear_sweep_failure(v_step, null);
    exception when others then
      perform private.record_sweep_failure(v_step, null, sqlstate, sqlerrm, v_now);
    end;
  end loop;
  update private.retention_runs r set ended_at = v_now where r.singleton;
  return jsonb_build_object('more', v_more, 'done', v_done);
end
$function$;

REVOKE ALL ON FUNCTION "public"."keep_retention"(integer) FROM PUBLIC, "anon", "authenticated";

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
         u.id is not null and u.blocked_at is null and u.forgotten_at is null
           and t.status = 'scheduled' and t.starts_at > v_now,
         (select count(*) from public.seats s
          join public.showtime_prices p on p.showtime_id = t.id and p.kind = s.kind
          where cardinality(v_wanted) <= c.seats_per_customer
            and s.id = any (v_wanted) and s.auditorium_id = t.auditorium_id),
         mine.seat_ids, mine.booking_id,
         coalesce(mine.expires_at, v_now + least(c.lock_duration, c.holding_time_per_hour)),
         mine.lately, c.seats_chosen_per_minute, mine.unpaid,
         case when u.email_verified_at is null then least(c.seats_held_per_customer, c.unproved_seats_held)
              else c.seats_held_per_customer end, c.human_check,
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
    'emails', private.emails_json(v_user.id, array(select b.id from unnest(v_bookings) b), v_max_rows),
    'log', private.booking_log_json(v_bookings, v_max_rows));
  return v_data || jsonb_build_object(
    'exported_at', private.now(), 'account', v_account, 'second_factor', private.second_factor_json(v_user.id),
    'truncated', (
      select coalesce(jsonb_agg(l.key order by l.key), '[]') from jsonb_each(v_data) l
      where jsonb_array_length(l.value) >= case l.key when 'bookings' then v_max_bookings else v_max_rows end));
end
$function$;

CREATE OR REPLACE FUNCTION public.my_second_factor()
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_user_id uuid := private.require_user_id();
begin
  perform private.set_cache_control('private, no-store');
  return jsonb_build_object(
    'confirmed_at', (select f.confirmed_at from private.second_factors f where f.user_id = v_user_id),
    'recovery_codes_left', (
      select count(*) from private.recovery_codes c where c.user_id = v_user_id and c.used_at is null),
    'is_demanded', (
      select c.staff_second_factor and exists (
        select from public.users u where u.id = v_user_id and u.role is distinct from 'customer')
      from private.settings c));
end
$function$;

REVOKE ALL ON FUNCTION "public"."my_second_factor"() FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.my_sessions()
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_user_id uuid := private.require_user_id();
  v_session_id uuid := private.session_id();
  v_now timestamptz := private.now();
begin
  perform private.set_cache_control('private, no-store');
  return jsonb_build_object('server_time', v_now, 'sessions', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', s.id, 'user_agent', s.user_agent, 'created_at', s.created_at, 'last_used_at', s.last_used_at,
      'current', s.id is not distinct from v_session_id) order by s.last_used_at desc, s.id), '[]')
    from (select o.*, (select max(t.created_at) from private.refresh_tokens t where t.session_id = o.id) as last_used_at
          from private.sessions o
          where o.user_id = v_user_id and o.ended_at is null and o.expires_at > v_now) s));
end
$function$;

REVOKE ALL ON FUNCTION "public"."my_sessions"() FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.open_guest_session (
  token_hash text,
  user_agent text,
  address    text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_seconds integer;
  v_user public.users;
  v_now timestamptz;
begin
  if open_guest_session.address is null then
    perform private.raise_api_error('invalid_request');
  end if;
  select private.check_rate_limit(array[
    row('guests_from:' || open_guest_session.address, c.guests_per_address, interval '1 hour')]::private.rate_limit[])
  into strict v_seconds from private.settings c where c.singleton;
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  v_now := private.now();
  insert into public.users as u (kind, created_at) values ('guest', v_now) returning u.* into v_user;
  return jsonb_build_object('status', 'opened') || private.session_json(
    private.begin_session(v_user.id, open_guest_session.token_hash, open_guest_session.user_agent, 'aal1', v_now),
    v_user);
end
$function$;

REVOKE ALL ON FUNCTION "public"."open_guest_session"(text, text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.open_session (
  user_id          uuid,
  token_hash       text,
  user_agent       text    DEFAULT NULL::text,
  address          text    DEFAULT NULL::text,
  password_hash    text    DEFAULT NULL::text,
  second_factor    boolean DEFAULT false,
  guest_session_id uuid    DEFAULT NULL::uuid
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_guest_id uuid := private.guest_of(open_session.guest_session_id, open_session.user_id);
  v_others uuid[];
  v_user public.users;
  v_session private.sessions;
  v_has_factor boolean;
  v_now timestamptz;
begin
  v_others := private.take_turns_for_bookings(open_session.user_id, v_guest_id);
  -- In turn with a change of the password, which ends all sessions that there are by then.
  select u.* into v_user from public.users u where u.id = open_session.user_id for no key update;
  if not found then
    perform private.raise_api_error('unknown_user');
  elsif open_session.password_hash <> coalesce((
    select c.password_hash from private.credentials c where c.user_id = v_user.id), '') then
    perform private.raise_api_error('invalid_credentials');
  elsif v_user.blocked_at is not null then
    perform private.raise_api_error('account_blocked');
  end if;
  -- In turn with each other and with begin_sign_in: two at once would not see each other's session.
  perform pg_advisory_xact_lock(hashtextextended(private.sign_in_key(v_user.email), 0));
  v_has_factor := private.has_second_factor(v_user.id);
  if v_has_factor and open_session.second_factor is not true then
    perform private.raise_api_error('second_factor_required');
  end if;
  v_now := private.now();
  v_session := private.begin_session(
    v_user.id, open_session.token_hash, open_session.user_agent, case when v_has_factor then 'aal2' else 'aal1' end,
    v_now);
  perform private.clear_sign_in_limit(v_user, open_session.address, v_now);
  perform private.claim_bookings(v_user, v_others, v_guest_id, v_now);
  return private.session_json(v_session, v_user);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

REVOKE ALL ON FUNCTION "public"."open_session"(uuid, text, text, text, text, boolean, uuid) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.open_ticket (
  reference text,
  key_hash  text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
begin
  return private.ticket_json(private.linked_booking(open_ticket.reference, open_ticket.key_hash));
end
$function$;

REVOKE ALL ON FUNCTION "public"."open_ticket"(text, text) FROM PUBLIC, "anon", "authenticated";

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
    'retention_seconds_ago', (
      select round(extract(epoch from v_now - greatest(r.ended_at, r.created_at))::numeric, 1)
      from private.retention_runs r),
    'departures_overdue', (select count(*) from private.departures d where d.due_at < v_now - interval '1 hour'),
    'sweep_failures', (select count(*) from private.sweep_failures f where f.last_failed_at > v_now - interval '2 hours'),
    'locks_held', (select count(*) from public.seat_locks l
                   where upper(l.held) > v_now and not upper_inf(l.held)),
    'locks_begun', pg_stat_get_tuples_inserted('public.seat_locks'::regclass),
    'bookings_recent', (select coalesce(jsonb_object_agg(r.status, r.n), '{}') from (
      select g.status, count(distinct g.booking_id) as n
      from private.booking_log g
      where g.entity = 'booking' and g.at > v_now - interval '5 minutes' and g.at <= v_now group by g.status) r),
    'payments_recent', (select coalesce(jsonb_object_agg(r.outcome, r.n), '{}') from (
      select case when g.status = 'open' and g.row_data ->> 'failure_code' is not null then 'declined'
                  else g.status end as outcome,
             count(distinct g.row_data ->> 'id') as n
      from private.booking_log g
      where g.entity = 'payment' and g.at > v_now - interval '5 minutes' and g.at <= v_now group by 1) r)));
end
$function$;

CREATE OR REPLACE FUNCTION public.prove_email (
  token_hash    text,
  session_id    uuid DEFAULT NULL::uuid,
  password_hash text DEFAULT NULL::text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_others uuid[];
  v_token private.account_tokens;
  v_user public.users;
begin
  v_others := private.take_turns_by_token(prove_email.token_hash);
  v_token := private.take_account_token(
    prove_email.token_hash, array['verify_email', 'change_email']::private.account_token_purpose[]);
  select u.* into strict v_user from public.users u where u.id = v_token.user_id;
  if v_token.purpose = 'verify_email' and v_token.email <> v_user.email then
    perform private.raise_api_error('link_expired');
  elsif private.person_of(prove_email.session_id) is distinct from v_user.id
    and not exists (select from private.credentials c
                    where c.user_id = v_user.id and c.password_hash = prove_email.password_hash) then
    perform private.raise_api_error('password_required');
  end if;
  perform private.own_email(v_user, v_token, v_others);
  if v_token.email <> v_user.email then
    -- The other links were sent to an address that proves nothing any more.
    delete from private.account_tokens t where t.user_id = v_user.id and t.used_at is null;
    perform private.enqueue_account_mail('mail_email_changed', v_user.id, v_user.email);
  end if;
  return jsonb_build_object('email', v_token.email, 'purpose', v_token.purpose);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

REVOKE ALL ON FUNCTION "public"."prove_email"(text, uuid, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.register_user (
  email            text,
  password_hash    text,
  full_name        text,
  guest_session_id uuid DEFAULT NULL::uuid
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
  elsif register_user.full_name is null then
    perform private.raise_api_error('invalid_name');
  end if;
  select u.* into v_user from public.users u
  where u.id = private.who_registers(register_user.guest_session_id) for no key update;
  if v_user.kind = 'registered' and v_user.email = v_email then
    return private.user_json(v_user) || '{"opened": false}';
  elsif v_user.kind = 'guest' then
    update public.users u set kind = 'registered', email = v_email, full_name = register_user.full_name
    where u.id = v_user.id
    returning u.* into v_user;
    -- Whoever has had a hand on the guest's cookie has no part in the account.
    perform private.end_sessions(v_user.id, 'registered');
  else
    insert into public.users as u (email, full_name) values (v_email, register_user.full_name)
    returning u.* into v_user;
  end if;
  insert into private.credentials (user_id, password_hash) values (v_user.id, register_user.password_hash);
  -- Whoever floods a mailbox by registering is heard, and sends nothing more.
  if private.check_account_mail_limit(v_email) = 0 then
    perform private.enqueue_account_mail('mail_verify_email', v_user.id);
  end if;
  return private.user_json(v_user) || '{"opened": true}';
end
$function$;

REVOKE ALL ON FUNCTION "public"."register_user"(text, text, text, uuid) FROM PUBLIC, "anon", "authenticated";

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
$function$;

CREATE OR REPLACE FUNCTION public.remove_second_factor (
  user_id uuid
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  perform private.lock_sign_ins(remove_second_factor.user_id);
  update private.sessions s set aal = 'aal1' where s.user_id = remove_second_factor.user_id and s.aal <> 'aal1';
  delete from private.second_factors f where f.user_id = remove_second_factor.user_id and f.confirmed_at is not null;
  if found then
    perform private.notify_owner('mail_second_factor_changed', remove_second_factor.user_id);
    return true;
  end if;
  return false;
end
$function$;

REVOKE ALL ON FUNCTION "public"."remove_second_factor"(uuid) FROM PUBLIC, "anon", "authenticated";

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
  if rename_me.full_name is null then
    perform private.raise_api_error('invalid_name');
  end if;
  begin
    update public.users u set full_name = rename_me.full_name where u.id = v_user;
  exception when check_violation then  -- of the address, since a name is checked by its trigger before
    perform private.raise_api_error('invalid_email');
  end;
  return private.account_json(v_user);
end
$function$;

CREATE OR REPLACE FUNCTION public.replace_second_factor_secret (
  user_id    uuid,
  secret     text,
  new_secret text
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
begin
  update private.second_factors f set secret = replace_second_factor_secret.new_secret
  where f.user_id = replace_second_factor_secret.user_id and f.secret = replace_second_factor_secret.secret;
  return found;
end
$function$;

REVOKE ALL ON FUNCTION "public"."replace_second_factor_secret"(uuid, text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.request_email_change (
  user_id       uuid,
  password_hash text,
  email         text,
  address       text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_email text := private.normalize_email(request_email_change.email);
  v_user public.users := private.require_password(
    request_email_change.user_id, request_email_change.password_hash, request_email_change.address);
  v_seconds integer;
begin
  if not private.is_email(v_email) then
    perform private.raise_api_error('invalid_email');
  end if;
  v_seconds := private.check_account_mail_limit(v_email, request_email_change.address);
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  perform private.enqueue_account_mail('mail_change_email', v_user.id, v_email);
  return '{"status": "sent"}';
end
$function$;

REVOKE ALL ON FUNCTION "public"."request_email_change"(uuid, text, text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.request_password_reset (
  email   text,
  address text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_email text := private.normalize_email(request_password_reset.email);
  v_seconds integer;
begin
  if not private.is_email(v_email) or request_password_reset.address is null then
    perform private.raise_api_error('invalid_request');
  end if;
  v_seconds := private.check_account_mail_limit(v_email, request_password_reset.address, 'reset_mail_to');
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  perform private.enqueue_account_mail('mail_reset_password', null, v_email);
  return '{"status": "sent"}';
end
$function$;

REVOKE ALL ON FUNCTION "public"."request_password_reset"(text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.reset_password (
  token_hash    text,
  password_hash text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_others uuid[];
  v_token private.account_tokens;
  v_user public.users;
begin
  v_others := private.take_turns_by_token(reset_password.token_hash);
  v_token := private.take_account_token(
    reset_password.token_hash, array['reset_password']::private.account_token_purpose[]);
  select u.* into v_user from public.users u where u.id = v_token.user_id and u.email = v_token.email;
  if not found then
    perform private.raise_api_error('link_expired');
  end if;
  if v_user.email_verified_at is null then
    v_others := v_others || v_user.id;
    insert into public.users as u (email, full_name, language, blocked_at)
    values (v_user.email, v_user.full_name, v_user.language, v_user.blocked_at)
    returning u.* into v_user;
  end if;
  perform private.own_email(v_user, v_token, v_others);
  select u.* into strict v_user from public.users u where u.id = v_user.id;
  perform private.set_password(v_user, reset_password.password_hash, null);
  -- Failed guesses, the owner's own among them, keep out nobody who has the mailbox.
  delete from private.rate_limit_hits h
  where h.key = private.sign_in_key(v_user.email)
    or h.key like 'sign\_in\_at:%' and split_part(h.key, ' ', 2) = v_user.email;
  return jsonb_build_object('email', v_user.email);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$function$;

REVOKE ALL ON FUNCTION "public"."reset_password"(text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.second_factor_secrets (
  max_rows integer,
  after    uuid    DEFAULT NULL::uuid
)
  RETURNS jsonb
  LANGUAGE sql
  STABLE
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('user_id', s.user_id, 'secret', s.secret) order by s.user_id), '[]')
  from (
    select f.user_id, f.secret from private.second_factors f
    where second_factor_secrets.after is null or f.user_id > second_factor_secrets.after
    order by f.user_id limit second_factor_secrets.max_rows) s
$function$;

REVOKE ALL ON FUNCTION "public"."second_factor_secrets"(integer, uuid) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.send_verification_again()
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_user_id uuid := private.require_user_id();
  v_user public.users;
  v_seconds integer;
begin
  select u.* into v_user from public.users u where u.id = v_user_id;
  if not found then
    perform private.raise_api_error('unknown_user');
  elsif v_user.kind = 'guest' then
    perform private.raise_api_error('account_required');
  elsif v_user.email_verified_at is null then
    v_seconds := private.check_account_mail_limit(v_user.email, 'user ' || v_user.id);
    if v_seconds > 0 then
      perform private.raise_api_error('too_many_attempts', jsonb_build_object('retry_after', v_seconds));
    end if;
    perform private.enqueue_account_mail('mail_verify_email', v_user.id);
  end if;
  return jsonb_build_object('sent_to', v_user.email, 'email_verified', v_user.email_verified_at is not null);
end
$function$;

REVOKE ALL ON FUNCTION "public"."send_verification_again"() FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.set_contact (
  email     text,
  full_name text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET "TimeZone" TO 'UTC'
  AS $function$
declare
  v_user_id uuid := private.require_user_id();
  v_email text := private.normalize_email(set_contact.email);
  v_account jsonb := private.account_json(v_user_id);
begin
  perform private.set_cache_control('private, no-store');
  if not private.is_email(v_email) then
    perform private.raise_api_error('invalid_email');
  elsif set_contact.full_name is null then
    perform private.raise_api_error('invalid_name');
  end if;
  if (v_account ->> 'email') is distinct from v_email then
    -- Links that went to a mistyped address open nothing any more.
    delete from private.ticket_links l
    using public.bookings b
    where b.user_id = v_user_id and l.showtime_id = b.showtime_id and l.booking_id = b.id;
  end if;
  update public.users u set email = v_email, full_name = set_contact.full_name
  where u.id = v_user_id and u.kind = 'guest';
  if not found then
    perform private.raise_api_error('guests_only');
  end if;
  return private.account_json(v_user_id);
end
$function$;

REVOKE ALL ON FUNCTION "public"."set_contact"(text, text) FROM PUBLIC, "service_role";

CREATE OR REPLACE FUNCTION public.set_language (
  language text
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
  if not private.is_language(set_language.language) then
    perform private.refuse_argument('language');
  end if;
  update public.users u set language = set_language.language where u.id = v_user;
  return private.account_json(v_user);
end
$function$;

REVOKE ALL ON FUNCTION "public"."set_language"(text) FROM PUBLIC, "service_role";

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
  v_user public.users;
  v_seconds integer;
begin
  if v_booking.user_id is distinct from start_payment.user_id or v_booking.id is null then
    perform private.raise_api_error('unknown_booking');
  elsif v_booking.status = 'expired' or v_booking.status = 'pending' and v_booking.expires_at <= v_now then
    perform private.raise_api_error('lock_expired');
  elsif v_booking.status <> 'pending' then
    perform private.raise_api_error('not_payable');
  end if;
  select * into v_user from public.users u where u.id = v_booking.user_id;
  if v_user.blocked_at is not null then
    perform private.raise_api_error('account_blocked');
  elsif v_user.email is null then
    perform private.raise_api_error('contact_required');
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
    'email', v_user.email, 'expires_at', v_booking.expires_at);
end
$function$;

CREATE OR REPLACE FUNCTION public.use_recovery_code (
  user_id   uuid,
  address   text,
  code_hash text
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_now timestamptz := private.now();
begin
  update private.recovery_codes c set used_at = v_now
  where c.user_id = use_recovery_code.user_id and c.code_hash = use_recovery_code.code_hash and c.used_at is null;
  if not found then
    return false;
  end if;
  perform private.clear_second_factor_limits(use_recovery_code.user_id, use_recovery_code.address, v_now);
  return true;
end
$function$;

REVOKE ALL ON FUNCTION "public"."use_recovery_code"(uuid, text, text) FROM PUBLIC, "anon", "authenticated";

CREATE OR REPLACE FUNCTION public.use_second_factor (
  user_id uuid,
  address text,
  secret  text,
  counter bigint
)
  RETURNS boolean
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_factor private.second_factors;
begin
  select f.* into v_factor from private.second_factors f where f.user_id = use_second_factor.user_id for update;
  if v_factor.confirmed_at is null or v_factor.secret is distinct from use_second_factor.secret
    or v_factor.last_counter >= use_second_factor.counter then
    return false;
  end if;
  update private.second_factors f set last_counter = use_second_factor.counter where f.user_id = v_factor.user_id;
  perform private.clear_second_factor_limits(v_factor.user_id, use_second_factor.address, private.now());
  return true;
end
$function$;

REVOKE ALL ON FUNCTION "public"."use_second_factor"(uuid, text, text, bigint) FROM PUBLIC, "anon", "authenticated";

ALTER TABLE "private"."outbox"
  ADD CONSTRAINT "about_a_booking_or_an_account" CHECK ((num_nonnulls(booking_id, user_id) <= 1));

ALTER TABLE "private"."outbox"
  ADD CONSTRAINT "outbox_user_id_fkey" FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE "private"."sessions"
  ADD CONSTRAINT "aal_is_known" CHECK ((aal = ANY (ARRAY['aal1'::text, 'aal2'::text])));

ALTER TABLE "private"."sessions"
  ADD CONSTRAINT "end_reason_is_known"
    CHECK
    ((end_reason = ANY (ARRAY['signed_out'::text, 'token_reused'::text, 'too_many'::text, 'ended_by_operator'::text, 'password_changed'::text, 'blocked'::text,
    'email_proved'::text, 'registered'::text, 'signed_in'::text, 'second_factor_confirmed'::text, 'account_deleted'::text])));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "account_emails_are_possible"
    CHECK
    (((verification_duration > '00:00:00'::interval) AND (password_reset_duration > '00:00:00'::interval) AND (account_emails_per_recipient > 0) AND (account_emails_per_address >
    0)));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "cinema_is_named" CHECK (((cinema_name ~ '^\S(.*\S)?$'::text) AND (cinema_name !~ '[\u0001-\u001f\u007f-\u009f]'::text) AND (char_length(cinema_name) <= 100)));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "contact_email_is_an_address" CHECK ((contact_email ~ '^[^@\s<>]+@[^@\s<>]+$'::text));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "contact_url_is_on_the_web" CHECK ((contact_url ~ '^https?://[^\s"<>]+$'::text));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "limits_of_the_unproved_are_positive" CHECK (((guests_per_address > 0) AND (unproved_seats_held > 0) AND (unproved_unpaid_bookings_per_day > 0)));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "postal_address_is_given" CHECK (((postal_address ~ '\S'::text) AND (char_length(postal_address) <= 500)));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "second_factor_limits_are_positive"
    CHECK (((second_factor_attempts_per_account > 0) AND (second_factor_attempts_per_day > 0) AND (second_factor_attempts_per_address > 0)));

ALTER TABLE "private"."settings"
  ADD CONSTRAINT "what_is_kept_lasts_a_while"
    CHECK
    (((sessions_kept >= '1 day'::interval) AND (outbox_kept >= '30 days'::interval) AND (availability_kept >= '1 day'::interval) AND (stripe_events_kept >= '60 days'::interval) AND
    (seat_lock_history_kept >= '60 days'::interval) AND (booking_log_kept >= '60 days'::interval) AND (guests_kept >= '60 days'::interval)));

ALTER TABLE "public"."users"
  ADD CONSTRAINT "an_account_has_an_address_and_a_name" CHECK (((kind = 'guest'::public.user_kind) OR ((email IS NOT NULL) AND (full_name IS NOT NULL))));

ALTER TABLE "public"."users"
  ADD CONSTRAINT "guests_prove_nothing" CHECK (((kind = 'registered'::public.user_kind) OR (email_verified_at IS NULL)));

-- The audit log becomes the partition of its successor that holds all that was before the next month: nothing is copied.
-- Its longer key is built under its lock, so bookings wait for that.
do $$
declare
  v_name text := 'booking_log_' || to_char(now() at time zone 'UTC', 'YYYY_MM');
begin
  execute format('alter table private.booking_log rename to %I', v_name);
  execute format('alter index private.booking_log_by_time rename to %I', v_name || '_at_idx');
  execute format('alter index private.booking_log_by_request rename to %I', v_name || '_request_id_idx');
  execute format('alter table private.%I drop constraint booking_log_pkey, alter column id drop identity', v_name);
  -- It may have been built before, concurrently (docs/adr/0065); renamed as the key of a new partition is named.
  if to_regclass('private.booking_log_by_key') is null then
    execute format('alter table private.%I add primary key (showtime_id, booking_id, id, at)', v_name);
  else
    execute format('alter table private.%I add constraint %I primary key using index booking_log_by_key',
                   v_name, v_name || '_pkey');
  end if;
end
$$;

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

create trigger rows_are_only_added before update or delete or truncate on private.booking_log
  for each statement execute function private.forbid_changes();

create table private.booking_log_default partition of private.booking_log default;
alter table private.booking_log_default enable row level security;
create trigger rows_are_only_added before update or delete or truncate on private.booking_log_default
  for each statement execute function private.forbid_changes();

-- What a clock that went ahead has written is moved; there is hardly any.
do $$
declare
  v_name text := 'booking_log_' || to_char(now() at time zone 'UTC', 'YYYY_MM');
  v_month timestamptz := date_trunc('month', now() at time zone 'UTC') at time zone 'UTC';
  v_next_month timestamptz := (date_trunc('month', now() at time zone 'UTC') + interval '1 month') at time zone 'UTC';
  v_next_id bigint;
  v_older boolean;
begin
  execute format('select coalesce(max(id), 0) + 1 from private.%I', v_name) into v_next_id;
  execute format('alter table private.booking_log alter column id restart with %s', v_next_id);
  perform set_config('frontrow.deletes_old_rows', 'on', true);
  execute format(
    'with moved as (delete from private.%I l where l.at >= $1 returning l.*)
     insert into private.booking_log_default overriding system value select * from moved', v_name) using v_next_month;
  perform set_config('frontrow.deletes_old_rows', 'off', true);
  execute format('select exists (select from private.%I l where l.at < $1)', v_name) into v_older using v_month;
  execute format('alter table private.booking_log attach partition private.%I for values from (%s) to (%L)',
                 v_name, case when v_older then 'minvalue' else quote_literal(v_month) end, v_next_month);
end
$$;

select private.add_log_months(now());

-- Until now an address was whoever's who registered with it, and nobody else could: it counts as proved. Whoever's it
-- really is gets it back by a new password.
update public.users set email_verified_at = created_at where true;

CREATE INDEX outbox_by_completion ON private.outbox USING btree (completed_at)
  WHERE (state = ANY (ARRAY['sent'::private.outbox_state, 'discarded'::private.outbox_state]));

CREATE INDEX outbox_by_email ON private.outbox USING btree (((payload ->> 'email'::text)))
  WHERE ((payload ->> 'email'::text) IS NOT NULL);

CREATE INDEX outbox_by_user ON private.outbox USING btree (user_id)
  WHERE (user_id IS NOT NULL);

CREATE INDEX seat_lock_history_by_end ON private.seat_lock_history USING btree (upper(held));

CREATE INDEX stripe_events_by_time ON private.stripe_events USING btree (received_at);

CREATE UNIQUE INDEX an_address_has_one_owner ON public.users USING btree (email)
  WHERE (email_verified_at IS NOT NULL);

CREATE INDEX guests_by_age ON public.users USING btree (created_at)
  WHERE ((kind = 'guest'::public.user_kind) AND (forgotten_at IS NULL));

CREATE INDEX users_by_email ON public.users USING btree (email)
  WHERE (email IS NOT NULL);

CREATE TRIGGER emails_to_nobody_are_discarded
  BEFORE INSERT ON private.outbox
  FOR EACH ROW
  WHEN (private.is_mail(new.kind))
  EXECUTE FUNCTION private.discard_email_to_nobody();

CREATE TRIGGER signing_in_ends_a_departure
  BEFORE INSERT ON private.sessions
  FOR EACH ROW
  EXECUTE FUNCTION private.return_by_signing_in();

CREATE TRIGGER who_is_forgotten_stays_forgotten
  BEFORE UPDATE ON public.users
  FOR EACH ROW
  WHEN ((old.forgotten_at IS NOT NULL))
  EXECUTE FUNCTION private.keep_forgotten();

COMMENT ON COLUMN "private"."outbox"."booking_id" IS 'Null for an email about an account.';

COMMENT ON COLUMN "private"."outbox"."user_id" IS 'The account that an email is about; null for a booking''s, and where it goes to whom nobody may know.';

COMMENT ON COLUMN "private"."sessions"."aal" IS 'What was proven: aal1 for one factor, the password; aal2 for a second one as well. Access tokens carry it.';

COMMENT ON COLUMN "private"."settings"."account_emails_per_address" IS 'The same asked for from one address on the network, which offices and schools share; null for no limit.';

COMMENT ON COLUMN "private"."settings"."account_emails_per_recipient" IS 'Emails with links that people may have sent to one address within an hour; null for no limit.';

COMMENT ON COLUMN "private"."settings"."availability_kept" IS 'How long after a showtime it is kept what listings were told of it; null for good.';

COMMENT ON COLUMN "private"."settings"."booking_log_kept" IS 'How long the audit log is kept, in whole months; null for good. Books of account have to be kept for so long.';

COMMENT ON COLUMN "private"."settings"."cinema_name" IS 'Whose emails they are: stands above and below each.';

COMMENT ON COLUMN "private"."settings"."contact_email" IS 'Where customers write to; emails name it. Null for none. Where emails come from is MAIL_FROM.';

COMMENT ON COLUMN "private"."settings"."contact_url" IS 'The page where customers find the cinema; emails name it. Null for none.';

COMMENT ON COLUMN "private"."settings"."guests_kept" IS 'How long after their last show guests have a name and an address; null for good. What they bought stays.';

COMMENT ON COLUMN "private"."settings"."guests_per_address" IS 'Guests who may begin at one address within an hour; null for no limit. Offices and schools share one address.';

COMMENT ON COLUMN "private"."settings"."outbox_kept" IS 'How long after its completion an email, or an order to Stripe, is kept; null for good. A booking''s go together.';

COMMENT ON COLUMN "private"."settings"."password_reset_duration" IS 'How long a link that replaces a password is good.';

COMMENT ON COLUMN "private"."settings"."postal_address" IS 'The address of the company, in lines; emails end with it. Null for none.';

COMMENT ON COLUMN "private"."settings"."seat_lock_history_kept" IS 'How long after its end it is kept who held a seat; null for good.';

COMMENT ON COLUMN "private"."settings"."second_factor_attempts_per_account" IS 'Wrong codes for one account within sign_in_window, until one is right there. Who tries them knows the password.';

COMMENT ON COLUMN "private"."settings"."second_factor_attempts_per_address" IS 'Codes tried from one address within sign_in_window, successes included. Offices share one address.';

COMMENT ON COLUMN "private"."settings"."second_factor_attempts_per_day" IS 'The same within a day, which keeps patient guessers from the million codes that there are.';

COMMENT ON COLUMN "private"."settings"."sessions_kept" IS 'How long after its end a session is kept; null for good. A guest who booked nothing goes with the last one.';

COMMENT ON COLUMN "private"."settings"."staff_second_factor" IS 'True where sessions of staff have a customer''s powers only, until they have proven a second factor.';

COMMENT ON COLUMN "private"."settings"."stripe_events_kept" IS 'How long an event is kept, so that it has no effect again; null for good. Stripe sends none after 30 days.';

COMMENT ON COLUMN "private"."settings"."unproved_seats_held" IS 'The same for guests, and for accounts whose address nobody has proved; null for no tighter limit.';

COMMENT ON COLUMN "private"."settings"."unproved_unpaid_bookings_per_day" IS 'The same for guests, and for accounts whose address nobody has proved; null for no tighter limit.';

COMMENT ON COLUMN "private"."settings"."verification_duration" IS 'How long a link that proves an address is good.';

COMMENT ON COLUMN "public"."users"."blocked_at" IS 'Since when the person may neither sign in nor choose seats, or null.';

COMMENT ON COLUMN "public"."users"."email" IS 'Where emails go. Of a guest: null until the checkout asks for it, as the name.';

COMMENT ON COLUMN "public"."users"."email_verified_at" IS 'Since when a link that was sent to the address has been opened; null for one that anybody may have typed.';

COMMENT ON COLUMN "public"."users"."forgotten_at" IS 'Since when nothing but the id says who this was (leaving.sql). The row stays: what they bought refers to it.';

COMMENT ON COLUMN "public"."users"."language" IS 'The language of what is written to them (private.is_language).';

REVOKE ALL ON FUNCTION "private"."account_email_context"(private.outbox) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."account_email_context"(private.outbox) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."account_email_context"(private.outbox) TO "postgres";

REVOKE ALL ON FUNCTION "private"."account_of"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."account_of"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."account_of"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."account_of_email"(private.outbox) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."account_of_email"(private.outbox) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."account_of_email"(private.outbox) TO "postgres";

REVOKE ALL ON FUNCTION "private"."add_log_month"(timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."add_log_month"(timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."add_log_month"(timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."add_log_months"(timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."add_log_months"(timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."add_log_months"(timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."begin_session"(uuid, text, text, text, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."begin_session"(uuid, text, text, text, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."begin_session"(uuid, text, text, text, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."bookers_with"(text, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."bookers_with"(text, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."bookers_with"(text, uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."cancel_for_customer"(public.bookings) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."cancel_for_customer"(public.bookings) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."cancel_for_customer"(public.bookings) TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_account_mail_limit"(text, text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_account_mail_limit"(text, text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_account_mail_limit"(text, text, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."check_sign_in_limit"(text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."check_sign_in_limit"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."check_sign_in_limit"(text, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."cinema_json"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."cinema_json"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."cinema_json"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."claim_bookings"(public.users, uuid[], uuid, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."claim_bookings"(public.users, uuid[], uuid, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."claim_bookings"(public.users, uuid[], uuid, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."clean_outbox"(public.users) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."clean_outbox"(public.users) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."clean_outbox"(public.users) TO "postgres";

REVOKE ALL ON FUNCTION "private"."clear_second_factor_limits"(uuid, text, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."clear_second_factor_limits"(uuid, text, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."clear_second_factor_limits"(uuid, text, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."clear_sign_in_limit"(public.users, text, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."clear_sign_in_limit"(public.users, text, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."clear_sign_in_limit"(public.users, text, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."delete_old_account_tokens"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."delete_old_account_tokens"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."delete_old_account_tokens"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."delete_old_broadcasts"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."delete_old_broadcasts"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."delete_old_broadcasts"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."delete_old_events"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."delete_old_events"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."delete_old_events"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."delete_old_holds"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."delete_old_holds"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."delete_old_holds"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."delete_old_outbox"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."delete_old_outbox"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."delete_old_outbox"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."delete_old_sessions"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."delete_old_sessions"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."delete_old_sessions"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."delete_old_ticket_links"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."delete_old_ticket_links"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."delete_old_ticket_links"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."discard_email_to_nobody"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."discard_email_to_nobody"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."discard_email_to_nobody"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."drop_log_months"(timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."drop_log_months"(timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."drop_log_months"(timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."emails_json"(uuid, uuid[], integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."emails_json"(uuid, uuid[], integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."emails_json"(uuid, uuid[], integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."end_sessions"(uuid, text, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."end_sessions"(uuid, text, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."end_sessions"(uuid, text, uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."enqueue_account_mail"(private.outbox_kind, uuid, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."enqueue_account_mail"(private.outbox_kind, uuid, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."enqueue_account_mail"(private.outbox_kind, uuid, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."forget_departed"(timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."forget_departed"(timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."forget_departed"(timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."forget_old_guests"(timestamp WITH time zone, timestamp WITH time zone, integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."forget_old_guests"(timestamp WITH time zone, timestamp WITH time zone, integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."forget_old_guests"(timestamp WITH time zone, timestamp WITH time zone, integer) TO "postgres";

REVOKE ALL ON FUNCTION "private"."forget_person"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."forget_person"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."forget_person"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."forgotten_name"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."forgotten_name"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."forgotten_name"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."good_token"(text, private.account_token_purpose[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."good_token"(text, private.account_token_purpose[]) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."good_token"(text, private.account_token_purpose[]) TO "postgres";

REVOKE ALL ON FUNCTION "private"."guest_of"(uuid, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."guest_of"(uuid, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."guest_of"(uuid, uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."has_second_factor"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."has_second_factor"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."has_second_factor"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."has_selection"(uuid, bigint, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."has_selection"(uuid, bigint, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."has_selection"(uuid, bigint, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."is_cancellable"(public.bookings, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."is_cancellable"(public.bookings, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."is_cancellable"(public.bookings, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."is_language"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."is_language"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."is_language"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."is_of_guest"(public.bookings) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."is_of_guest"(public.bookings) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."is_of_guest"(public.bookings) TO "postgres";

REVOKE ALL ON FUNCTION "private"."keep_forgotten"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."keep_forgotten"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."keep_forgotten"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."leave"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."leave"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."leave"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."linked_booking"(text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."linked_booking"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."linked_booking"(text, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."lock_person"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."lock_person"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."lock_person"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."lock_sign_ins"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."lock_sign_ins"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."lock_sign_ins"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."move_bookings"(uuid, uuid, boolean, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."move_bookings"(uuid, uuid, boolean, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."move_bookings"(uuid, uuid, boolean, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."notify_owner"(private.outbox_kind, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."notify_owner"(private.outbox_kind, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."notify_owner"(private.outbox_kind, uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."open_until"(uuid, timestamp WITH time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."open_until"(uuid, timestamp WITH time zone) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."open_until"(uuid, timestamp WITH time zone) TO "postgres";

REVOKE ALL ON FUNCTION "private"."own_email"(public.users, private.account_tokens, uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."own_email"(public.users, private.account_tokens, uuid[]) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."own_email"(public.users, private.account_tokens, uuid[]) TO "postgres";

REVOKE ALL ON FUNCTION "private"."person_of"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."person_of"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."person_of"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."proved_role"(public.users) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."proved_role"(public.users) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."proved_role"(public.users) TO "postgres";

REVOKE ALL ON FUNCTION "private"."require_password"(uuid, text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."require_password"(uuid, text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."require_password"(uuid, text, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."return_by_signing_in"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."return_by_signing_in"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."return_by_signing_in"() TO "postgres";

REVOKE ALL ON FUNCTION "private"."second_factor_json"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."second_factor_json"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."second_factor_json"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."second_factor_limits"(uuid, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."second_factor_limits"(uuid, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."second_factor_limits"(uuid, text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."session_role"(private.sessions, public.users) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."session_role"(private.sessions, public.users) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."session_role"(private.sessions, public.users) TO "postgres";

REVOKE ALL ON FUNCTION "private"."set_password"(public.users, text, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."set_password"(public.users, text, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."set_password"(public.users, text, uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."take_account_token"(text, private.account_token_purpose[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."take_account_token"(text, private.account_token_purpose[]) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."take_account_token"(text, private.account_token_purpose[]) TO "postgres";

REVOKE ALL ON FUNCTION "private"."take_turns"(uuid, uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."take_turns"(uuid, uuid[]) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."take_turns"(uuid, uuid[]) TO "postgres";

REVOKE ALL ON FUNCTION "private"."take_turns_by_token"(text) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."take_turns_by_token"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."take_turns_by_token"(text) TO "postgres";

REVOKE ALL ON FUNCTION "private"."take_turns_for_bookings"(uuid, uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."take_turns_for_bookings"(uuid, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."take_turns_for_bookings"(uuid, uuid) TO "postgres";

REVOKE ALL ON FUNCTION "private"."ticket_json"(public.bookings) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."ticket_json"(public.bookings) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."ticket_json"(public.bookings) TO "postgres";

REVOKE ALL ON FUNCTION "private"."who_registers"(uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION "private"."who_registers"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "private"."who_registers"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "public"."add_ticket_link"(uuid, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."add_ticket_link"(uuid, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."add_ticket_link"(uuid, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."begin_leaving"(uuid, uuid, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_leaving"(uuid, uuid, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_leaving"(uuid, uuid, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."begin_password_check"(uuid, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_password_check"(uuid, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_password_check"(uuid, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."begin_password_reset"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_password_reset"(text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_password_reset"(text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."begin_proof"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_proof"(text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_proof"(text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."begin_second_factor"(uuid, uuid, text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_second_factor"(uuid, uuid, text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_second_factor"(uuid, uuid, text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."begin_second_factor_check"(uuid, text, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_second_factor_check"(uuid, text, uuid) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."begin_second_factor_check"(uuid, text, uuid) TO "service_role";

REVOKE ALL ON FUNCTION "public"."block_user"(text, boolean) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."block_user"(text, boolean) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."block_user"(text, boolean) TO "service_role";

REVOKE ALL ON FUNCTION "public"."cancel_by_link"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."cancel_by_link"(text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."cancel_by_link"(text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."change_password"(uuid, uuid, text, text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."change_password"(uuid, uuid, text, text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."change_password"(uuid, uuid, text, text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."confirm_second_factor"(uuid, uuid, text, text, bigint, text[]) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."confirm_second_factor"(uuid, uuid, text, text, bigint, text[]) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."confirm_second_factor"(uuid, uuid, text, text, bigint, text[]) TO "service_role";

REVOKE ALL ON FUNCTION "public"."delete_my_account"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."delete_my_account"(uuid) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."delete_my_account"(uuid) TO "service_role";

GRANT EXECUTE ON FUNCTION "public"."end_my_session"(uuid) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."end_my_session"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."end_my_session"(uuid) TO "postgres";

REVOKE ALL ON FUNCTION "public"."forget_user"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."forget_user"(text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."forget_user"(text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."issue_account_token"(bigint, text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."issue_account_token"(bigint, text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."issue_account_token"(bigint, text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."keep_retention"(integer) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."keep_retention"(integer) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."keep_retention"(integer) TO "service_role";

GRANT EXECUTE ON FUNCTION "public"."my_second_factor"() TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."my_second_factor"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_second_factor"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_sessions"() TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."my_sessions"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."my_sessions"() TO "postgres";

REVOKE ALL ON FUNCTION "public"."open_guest_session"(text, text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."open_guest_session"(text, text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."open_guest_session"(text, text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."open_session"(uuid, text, text, text, text, boolean, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."open_session"(uuid, text, text, text, text, boolean, uuid) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."open_session"(uuid, text, text, text, text, boolean, uuid) TO "service_role";

REVOKE ALL ON FUNCTION "public"."open_ticket"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."open_ticket"(text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."open_ticket"(text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."prove_email"(text, uuid, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."prove_email"(text, uuid, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."prove_email"(text, uuid, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."register_user"(text, text, text, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."register_user"(text, text, text, uuid) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."register_user"(text, text, text, uuid) TO "service_role";

REVOKE ALL ON FUNCTION "public"."remove_second_factor"(uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."remove_second_factor"(uuid) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."remove_second_factor"(uuid) TO "service_role";

REVOKE ALL ON FUNCTION "public"."replace_second_factor_secret"(uuid, text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."replace_second_factor_secret"(uuid, text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."replace_second_factor_secret"(uuid, text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."request_email_change"(uuid, text, text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."request_email_change"(uuid, text, text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."request_email_change"(uuid, text, text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."request_password_reset"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."request_password_reset"(text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."request_password_reset"(text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."reset_password"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."reset_password"(text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."reset_password"(text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."second_factor_secrets"(integer, uuid) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."second_factor_secrets"(integer, uuid) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."second_factor_secrets"(integer, uuid) TO "service_role";

GRANT EXECUTE ON FUNCTION "public"."send_verification_again"() TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."send_verification_again"() FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."send_verification_again"() TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."set_contact"(text, text) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."set_contact"(text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."set_contact"(text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."set_language"(text) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."set_language"(text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."set_language"(text) TO "postgres";

REVOKE ALL ON FUNCTION "public"."use_recovery_code"(uuid, text, text) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."use_recovery_code"(uuid, text, text) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."use_recovery_code"(uuid, text, text) TO "service_role";

REVOKE ALL ON FUNCTION "public"."use_second_factor"(uuid, text, text, bigint) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."use_second_factor"(uuid, text, text, bigint) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."use_second_factor"(uuid, text, text, bigint) TO "service_role";

ALTER TABLE "public"."users"
  ADD CONSTRAINT "email_is_valid" CHECK (((email IS NULL) OR private.is_email(email)));

ALTER TABLE "public"."users"
  ADD CONSTRAINT "language_is_a_tag" CHECK (private.is_language(language));

-- The Data API reads the schema again.
notify pgrst, 'reload schema';
