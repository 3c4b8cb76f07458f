-- Frontrow's first migration: sql/ as it stood, file by file. Released migrations are never edited; what the database
-- is today is read in sql/.

-- schemas.sql ---------------------------------------------------------------------------------------------------------

-- Frontrow's database, first page: the schemas that everything else stands in.
--
-- `public` is the API: its tables are read through row security, its functions are called as RPC. `private` is what no
-- client ever names: the Data API does not expose it and no API role may use it. Files load in the order that
-- supabase/config.toml lists; each holds one concept: table, constraints, indexes, row security, functions, grants.
--
-- A seat's life is told in seat_locks.sql and bookings.sql, the life of money in payments.sql and refunds.sql.

-- An older PostgreSQL would take all of it, since a function's body is not read before it is called, and then refuse
-- every call of a customer who is signed in: pg_input_is_valid came with 16.
do $$
begin
  if current_setting('server_version_num')::integer < 160000 then
    raise exception 'Frontrow needs PostgreSQL 16 or newer; this is %.', current_setting('server_version')
      using errcode = 'feature_not_supported', hint = 'Upgrade the project''s PostgreSQL, then push the migrations again.';
  end if;
end
$$;

create schema if not exists private;
revoke all on schema private from public;

create extension if not exists btree_gist with schema extensions;

-- Older projects, and self-hosted ones, give the API roles all that a migration creates. Here all is granted by name,
-- so that is taken back first. No `for role`: it is the role that runs this and owns what it makes, on a hosted project
-- `postgres`.
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;
-- And everybody may execute a new function, unless this says otherwise for every schema: defaults of one schema only add
-- to those, and cannot take away from them.
alter default privileges revoke execute on functions from public;

-- schema_version.sql --------------------------------------------------------------------------------------------------

-- Which version of the schema this database has: the timestamp of the newest migration that sql/ is drawn from. The
-- server refuses to start on an older one. `make migration` sets it; a test compares it with supabase/migrations.

create function private.schema_version() returns text
language sql immutable parallel safe set search_path = '' as $$
  select '20261122000000'
$$;

-- The same for the server, which has the secret key.
create function public.schema_version() returns text
language sql stable security definer set search_path = '' as $$
  select private.schema_version()
$$;

grant execute on function public.schema_version() to service_role;

-- clock.sql -----------------------------------------------------------------------------------------------------------

-- The one clock. Every rule about time asks it, once per call, so that tests can move time by replacing it.
--
-- It is the clock on the wall and not the transaction's start: a call that has waited for another to commit must judge
-- by the time it is then, or it would begin a lock in the past.

create function private.now() returns timestamptz
language plpgsql volatile parallel safe set search_path = '' as $$
begin
  return clock_timestamp();
end
$$;

-- For clients, which count down to instants of ours: their own clock may be wrong.
create function public.server_time() returns timestamptz
language sql stable security definer set search_path = '' as $$
  select private.now()
$$;

grant execute on function public.server_time() to anon, authenticated;

-- errors.sql ----------------------------------------------------------------------------------------------------------

-- Every error that a client can meet, in one place. docs/errors.md lists them for people, backend/error_codes.py and
-- the page's types are generated from here.
--
-- `message` carries the code that programs switch on, `detail` JSON, `hint` the sentence for people. The SQLSTATE
-- PTxyz makes the Data API answer with HTTP status xyz. Where the detail says retry_after, in seconds, the answer has
-- the header Retry-After as well; for that alone PostgREST wants all of it as JSON under the SQLSTATE PGRST.

create function private.error_catalog()
returns table (code text, status integer, sentence text)
language sql immutable parallel safe set search_path = '' as $$
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
$$;

-- Raises the error of that code and never returns. An unknown code is a mistake of ours and says so.
create function private.raise_api_error(p_code text, p_detail jsonb default '{}') returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_error record;
begin
  select * into strict v_error from private.error_catalog() where code = p_code;
  if p_detail ? 'retry_after' then
    raise exception using
      errcode = 'PGRST',
      message = json_build_object('code', 'PT' || v_error.status, 'message', p_code, 'details', p_detail::text,
                                  'hint', v_error.sentence),
      detail = json_build_object('status', v_error.status,
                                 'headers', json_build_object('Retry-After', p_detail ->> 'retry_after'));
  end if;
  raise exception using
    errcode = 'PT' || v_error.status, message = p_code, detail = p_detail::text, hint = v_error.sentence;
end
$$;

-- settings.sql --------------------------------------------------------------------------------------------------------

-- What a cinema may choose: one row, changed by whoever owns the database, never by what a client sends.

create table private.settings (
  singleton boolean primary key default true,
  lock_duration interval not null default '10 minutes',
  payment_duration interval not null default '10 minutes',
  seats_per_customer integer not null default 10,
  cancellation_notice interval not null default '2 hours',
  session_duration interval not null default '30 days',
  sign_in_window interval not null default '15 minutes',
  sessions_per_customer integer not null default 20,
  sign_in_attempts_per_account_and_address integer not null default 10,
  sign_in_attempts_per_account integer not null default 100,
  sign_in_attempts_per_address integer not null default 300,
  registrations_per_address integer default 50,
  payment_starts_per_customer integer default 30,
  seats_chosen_per_minute integer default 120,
  constraint there_is_one_row check (singleton),
  constraint durations_are_positive check (
    lock_duration > '0' and payment_duration > '0' and session_duration > '0' and sign_in_window > '0'),
  constraint notice_is_not_negative check (cancellation_notice >= '0'),
  constraint limits_are_positive check (
    seats_per_customer > 0 and sessions_per_customer > 0 and sign_in_attempts_per_account_and_address > 0
    and sign_in_attempts_per_account > 0 and sign_in_attempts_per_address > 0
    and registrations_per_address > 0 and payment_starts_per_customer > 0 and seats_chosen_per_minute > 0)
);
alter table private.settings enable row level security;

comment on column private.settings.lock_duration is 'How long a selection is held, counted from its first seat.';
comment on column private.settings.payment_duration is 'How long a pending booking may take to pay, given once.';
comment on column private.settings.seats_per_customer is 'Seats one person may hold and have booked for a showtime.';
comment on column private.settings.cancellation_notice is 'A confirmed booking may be cancelled until so long before.';
comment on column private.settings.sessions_per_customer is
  'Sessions that one person may have at once; the next ends the oldest. People have fewer browsers than that.';
comment on column private.settings.sign_in_attempts_per_account_and_address is
  'Failures at one account from one address within sign_in_window, until one succeeds there. The one that people meet.';
comment on column private.settings.sign_in_attempts_per_account is
  'Failures at one account from all addresses together within sign_in_window. Whoever reaches it locks its owner out.';
comment on column private.settings.sign_in_attempts_per_address is
  'Sign-ins from one address within sign_in_window, successes included: each costs a hash. Offices share one address.';
comment on column private.settings.registrations_per_address is
  'Accounts that one address may open within sign_in_window; null for no limit. Offices and schools share one address.';
comment on column private.settings.payment_starts_per_customer is
  'How often a customer may ask for the means to pay within sign_in_window, since each asks Stripe; null for no limit.';
comment on column private.settings.seats_chosen_per_minute is
  'Seats that a customer may newly lock at a showtime within a minute; null for no limit.';

insert into private.settings default values;

-- request_context.sql -------------------------------------------------------------------------------------------------

-- Who is calling. The Data API has verified the token and left its claims in the setting request.jwt.claims, and what
-- the request said in request.headers.

-- The signed-in customer, or null. A `sub` that is no UUID is nobody: a token of another system proves nothing here.
create function private.user_id() returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
  v_sub text := v_claims ->> 'sub';
begin
  if v_claims ->> 'role' = 'authenticated' and pg_input_is_valid(v_sub, 'uuid') then
    return v_sub;
  end if;
  return null;
end
$$;

-- The signed-in customer. Raises sign_in_required.
create function private.require_user_id() returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_user uuid := private.user_id();
begin
  if v_user is null then
    perform private.raise_api_error('sign_in_required');
  end if;
  return v_user;
end
$$;

-- Lets only the house's own people pass, and programs with the secret key. Raises staff_only.
create function private.require_staff() returns void
language plpgsql stable set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
begin
  if v_claims ->> 'role' = 'service_role'
    or v_claims ->> 'role' = 'authenticated' and v_claims #>> '{app_metadata,role}' in ('staff', 'admin') then
    return;
  end if;
  perform private.raise_api_error('staff_only');
end
$$;

-- The id under which all logs tell of this call: the header X-Request-Id, where it is one. For a caller who sent none,
-- and outside the Data API, one of the transaction's own, so that what it changed and what the worker makes of that
-- stand under one id all the same. The time is in it because a restored database counts its transactions anew.
create function private.request_id() returns text
language plpgsql stable set search_path = '' as $$
declare
  v_id text := nullif(current_setting('request.headers', true), '')::json ->> 'x-request-id';
begin
  return case when v_id ~ '^[A-Za-z0-9_-]{8,64}$' then v_id
              else format('db-%s-%s', extract(epoch from transaction_timestamp())::bigint, pg_current_xact_id()) end;
end
$$;

-- rate_limits.sql -----------------------------------------------------------------------------------------------------

-- Attempts that are counted, because too many of them do harm, whichever process hears them. How many are too many is
-- in private.settings. (Sign-ins have a table of their own, in users.sql: each counts three times, and a success
-- forgives some.)

create table private.attempts (
  id bigint generated always as identity primary key,
  action text not null,
  subject text not null,
  attempted_at timestamptz not null default private.now(),
  constraint action_is_known check (action in ('registration', 'payment'))
);
create index attempts_by_subject on private.attempts (action, subject, attempted_at);
create index attempts_by_time on private.attempts (attempted_at);
alter table private.attempts enable row level security;

-- Counts an attempt and answers 0; or, after so many within the window, counts nothing and answers in how many seconds
-- the next may come. Without a limit nothing is counted.
create function private.check_rate_limit(p_action text, p_subject text, p_limit integer, p_window interval) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz;
  v_blocking timestamptz;
begin
  if p_limit is null then
    return 0;
  end if;
  perform pg_advisory_xact_lock(hashtextextended(p_action || ' by ' || p_subject, 0));
  v_now := private.now();
  select a.attempted_at into v_blocking from private.attempts a
  where a.action = p_action and a.subject = p_subject and a.attempted_at > v_now - p_window
  order by a.attempted_at desc offset p_limit - 1 limit 1;
  if found then
    return greatest(1, ceil(extract(epoch from v_blocking + p_window - v_now)));
  end if;
  insert into private.attempts (action, subject, attempted_at) values (p_action, p_subject, v_now);
  return 0;
end
$$;

-- Whether somebody at this address may open an account now: {status: 'admitted'}, or {status: 'limited', retry_after}
-- in seconds. Asked before the password is hashed, which is what costs; it answers instead of raising, or what it
-- counted would be rolled back.
create function public.check_registration_limit(address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_seconds integer;
begin
  select private.check_rate_limit('registration', check_registration_limit.address, c.registrations_per_address, c.sign_in_window)
  into strict v_seconds from private.settings c;
  return case when v_seconds = 0 then jsonb_build_object('status', 'admitted')
              else jsonb_build_object('status', 'limited', 'retry_after', v_seconds) end;
end
$$;

revoke execute on function
  private.check_rate_limit(text, text, integer, interval),
  public.check_registration_limit(text)
from public;
grant execute on function public.check_registration_limit(text) to service_role;

-- users.sql -----------------------------------------------------------------------------------------------------------

-- People with an account, and what proves that they are who they say. The password's hash lives in private.credentials,
-- where no API role can read it; hashing itself is Flask's (argon2id).

create type public.user_role as enum (
  'customer',  -- buys seats
  'staff',     -- works in a theater
  'admin'      -- runs the house
);

create table public.users (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  full_name text not null,
  role public.user_role not null default 'customer',
  created_at timestamptz not null default private.now(),
  constraint email_is_unique unique (email),
  constraint email_is_normalized check (email = lower(btrim(email))),
  constraint full_name_is_given check (full_name = btrim(full_name) and char_length(full_name) between 1 and 200)
);

alter table public.users enable row level security;
create policy "people read themselves" on public.users
  for select to authenticated using (id = (select auth.uid()));
create policy "people rename themselves" on public.users
  for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
grant select, update (full_name) on public.users to authenticated;
grant select on public.users to service_role;

-- A name is stored without the spaces around it, whichever way it comes: people rename themselves by a plain update.
-- What is on no keyboard has no place in it: it stands in letters and on lists beside other people's. That is control
-- characters, all kinds of line ends, and what turns the direction of the text after it. Raises invalid_name.
create function private.normalize_full_name() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  new.full_name := btrim(new.full_name);
  if new.full_name is null or char_length(new.full_name) not between 1 and 200
    or new.full_name ~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]' then
    perform private.raise_api_error('invalid_name');
  end if;
  return new;
end
$$;
revoke execute on function private.normalize_full_name() from public;
create trigger normalize_full_name before insert or update of full_name on public.users
  for each row execute function private.normalize_full_name();

create table private.credentials (
  user_id uuid primary key references public.users on delete cascade,
  password_hash text not null,
  constraint password_is_hashed_with_argon2id check (password_hash like '$argon2id$%')
);
alter table private.credentials enable row level security;

-- Sign-in attempts. Every one counts for its address, since each costs a hash; for its account only those count that no
-- success at the same address has cleared. What they limit is in private.settings.
create table private.sign_in_attempts (
  id bigint generated always as identity primary key,
  email text not null,
  address text not null,
  attempted_at timestamptz not null default private.now(),
  cleared boolean not null default false
);
create index sign_in_attempts_by_email on private.sign_in_attempts (email, attempted_at) where not cleared;
create index sign_in_attempts_by_address on private.sign_in_attempts (address, attempted_at);
create index sign_in_attempts_by_time on private.sign_in_attempts (attempted_at);
alter table private.sign_in_attempts enable row level security;

create function private.normalize_email(p_email text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select lower(btrim(p_email))
$$;

-- {id, email, full_name, role} of a user.
create function private.user_json(p_user public.users) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('id', (p_user).id, 'email', (p_user).email, 'full_name', (p_user).full_name,
                            'role', (p_user).role)
$$;

-- Opens an account. Answers {id, email, full_name, role}. Raises invalid_email, invalid_name, email_taken.
create function public.register_user(email text, password_hash text, full_name text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_email text := private.normalize_email(register_user.email);
  v_user public.users;
begin
  if v_email is null or char_length(v_email) > 254 or v_email !~ '^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$' then
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
$$;

-- What a sign-in needs: {status: 'known', user, password_hash}, {status: 'unknown'}, or {status: 'limited',
-- retry_after} in seconds. The attempt is recorded in this very call, before the password is looked at, so parallel
-- guesses count too; open_session forgives it. It answers instead of raising, or the record would be rolled back. What
-- is refused is not recorded, so that asking again does not prolong the wait.
--
-- An account has a tight limit for each address and a wide one over all: with the tight one alone, many addresses could
-- guess for ever; without it, anybody anywhere could keep its owner out.
create function public.begin_sign_in(email text, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_email text := left(private.normalize_email(begin_sign_in.email), 254);
  v_settings private.settings;
  v_now timestamptz;
  v_since timestamptz;
  v_blocking timestamptz;
  v_user public.users;
  v_hash text;
begin
  select * into strict v_settings from private.settings;
  perform pg_advisory_xact_lock(hashtextextended('sign-in by ' || v_email, 0));
  perform pg_advisory_xact_lock(hashtextextended('sign-in from ' || begin_sign_in.address, 0));
  v_now := private.now();
  v_since := v_now - v_settings.sign_in_window;
  -- Of each limit that is reached, the attempt that has to leave the window first. All of them must.
  v_blocking := greatest(
    (select a.attempted_at from private.sign_in_attempts a
     where a.email = v_email and not a.cleared and a.attempted_at > v_since and a.address = begin_sign_in.address
     order by a.attempted_at desc offset v_settings.sign_in_attempts_per_account_and_address - 1 limit 1),
    (select a.attempted_at from private.sign_in_attempts a
     where a.email = v_email and not a.cleared and a.attempted_at > v_since
     order by a.attempted_at desc offset v_settings.sign_in_attempts_per_account - 1 limit 1),
    (select a.attempted_at from private.sign_in_attempts a
     where a.address = begin_sign_in.address and a.attempted_at > v_since
     order by a.attempted_at desc offset v_settings.sign_in_attempts_per_address - 1 limit 1));
  if v_blocking is not null then
    return jsonb_build_object('status', 'limited', 'retry_after',
                              greatest(1, ceil(extract(epoch from v_blocking - v_since))));
  end if;
  insert into private.sign_in_attempts (email, address, attempted_at) values (v_email, begin_sign_in.address, v_now);
  select u.* into v_user from public.users u where u.email = v_email;
  if not found then
    return jsonb_build_object('status', 'unknown');
  end if;
  select c.password_hash into strict v_hash from private.credentials c where c.user_id = v_user.id;
  return jsonb_build_object('status', 'known', 'user', private.user_json(v_user), 'password_hash', v_hash);
end
$$;

revoke execute on function
  private.normalize_email(text),
  private.user_json(public.users),
  public.register_user(text, text, text),
  public.begin_sign_in(text, text)
from public;
grant execute on function public.register_user(text, text, text), public.begin_sign_in(text, text) to service_role;

-- sessions.sql --------------------------------------------------------------------------------------------------------

-- Sign-ins. A session is a family of refresh tokens: each use of a token ends it and begets the next. Whoever shows one
-- that was used before holds a copy, so the whole family ends. Only hashes are stored (SHA-256 in hex, made by Flask).

create table private.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users on delete cascade,
  user_agent text,
  created_at timestamptz not null default private.now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  constraint an_end_has_a_reason check ((ended_at is null) = (end_reason is null)),
  constraint end_reason_is_known check (end_reason in ('signed_out', 'token_reused', 'too_many'))
);
create index sessions_by_user on private.sessions (user_id);
alter table private.sessions enable row level security;

create table private.refresh_tokens (
  token_hash text primary key,
  session_id uuid not null references private.sessions on delete cascade,
  created_at timestamptz not null default private.now(),
  used_at timestamptz,
  constraint token_is_hashed check (token_hash ~ '^[0-9a-f]{64}$')
);
create index refresh_tokens_by_session on private.refresh_tokens (session_id);
alter table private.refresh_tokens enable row level security;

-- Begins a session with its first refresh token, and ends the customer's oldest where there are too many. Forgives what
-- the account failed at this address, and nothing that was tried elsewhere: the owner's success must not give a guesser
-- new guesses. Answers {session_id, expires_at, user}. Raises unknown_user.
create function public.open_session(
  user_id uuid, token_hash text, user_agent text default null, address text default null) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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
  perform pg_advisory_xact_lock(hashtextextended('sign-in by ' || v_user.email, 0));
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
  update private.sign_in_attempts a set cleared = true
  where a.email = v_user.email and a.address = open_session.address and not a.cleared
    and a.attempted_at > v_now - v_settings.sign_in_window;
  return jsonb_build_object('session_id', v_session.id, 'expires_at', v_session.expires_at,
                            'user', private.user_json(v_user));
end
$$;

-- Exchanges a refresh token for the next. Answers {status: 'rotated', session_id, expires_at, user} or {status:
-- 'refused'}; a token seen before also ends its family, which is why a refusal is an answer and no error: an error
-- would roll that back.
create function public.rotate_session(token_hash text, new_token_hash text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_token private.refresh_tokens;
  v_session private.sessions;
  v_user public.users;
begin
  -- The session before its token, as when old sessions are deleted with theirs: two orders would be a deadlock.
  select s.* into v_session from private.sessions s
  where s.id = (select t.session_id from private.refresh_tokens t where t.token_hash = rotate_session.token_hash)
  for update;
  if not found or v_session.ended_at is not null or v_session.expires_at <= private.now() then
    return jsonb_build_object('status', 'refused');
  end if;
  select t.* into strict v_token from private.refresh_tokens t where t.token_hash = rotate_session.token_hash;
  if v_token.used_at is not null then
    update private.sessions s set ended_at = private.now(), end_reason = 'token_reused' where s.id = v_session.id;
    return jsonb_build_object('status', 'refused');
  end if;
  update private.refresh_tokens t set used_at = private.now() where t.token_hash = v_token.token_hash;
  insert into private.refresh_tokens (token_hash, session_id) values (rotate_session.new_token_hash, v_session.id);
  select u.* into strict v_user from public.users u where u.id = v_session.user_id;
  return jsonb_build_object('status', 'rotated', 'session_id', v_session.id, 'expires_at', v_session.expires_at,
                            'user', private.user_json(v_user));
end
$$;

-- Ends the session of a refresh token, or all sessions of its owner. An unknown token is no error: it is signed out.
create function public.close_session(token_hash text, everywhere boolean default false) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  update private.sessions s set ended_at = private.now(), end_reason = 'signed_out'
  from private.refresh_tokens t
  join private.sessions mine on mine.id = t.session_id
  where t.token_hash = close_session.token_hash
    and s.ended_at is null
    and (s.id = mine.id or close_session.everywhere and s.user_id = mine.user_id);
end
$$;

-- Forgets sessions and attempts that no longer matter to anyone. Attempts a minute late: a sign-in may be about to
-- forgive those that run out now, and would wait for us while we wait for it.
create function private.purge_old_sign_ins() returns void
language plpgsql volatile set search_path = '' as $$
begin
  delete from private.sessions s where least(s.expires_at, s.ended_at) < private.now() - interval '7 days';
  delete from private.sign_in_attempts a using private.settings c
  where a.attempted_at < private.now() - c.sign_in_window - interval '1 minute';
  delete from private.attempts a using private.settings c
  where a.attempted_at < private.now() - c.sign_in_window;
end
$$;

revoke execute on function
  public.open_session(uuid, text, text, text),
  public.rotate_session(text, text),
  public.close_session(text, boolean),
  private.purge_old_sign_ins()
from public;
grant execute on function
  public.open_session(uuid, text, text, text),
  public.rotate_session(text, text),
  public.close_session(text, boolean)
to service_role;

-- movies.sql ----------------------------------------------------------------------------------------------------------

-- Films. What a certificate says is the house's own age limit, since three countries do not share one board.

create type public.certificate as enum (
  'U',   -- everyone
  'PG',  -- children with a parent
  '12',  -- from twelve years
  '15',  -- from fifteen years
  '18'   -- adults
);

create table public.movies (
  id bigint generated always as identity primary key,
  slug text not null,
  title text not null,
  original_title text,
  release_year integer not null,
  directors text[] not null,
  cast_members text[] not null default '{}',
  genres text[] not null,
  language text not null,
  certificate public.certificate not null,
  length_minutes integer not null,
  synopsis text not null,
  rights text not null,
  constraint slug_is_unique unique (slug),
  constraint slug_fits_an_address check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint title_is_not_empty check (title <> ''),
  constraint release_year_is_plausible check (release_year between 1888 and 2200),
  constraint length_is_positive check (length_minutes between 1 and 1000),
  constraint somebody_directed check (cardinality(directors) > 0),
  constraint there_is_a_genre check (cardinality(genres) > 0)
);
comment on column public.movies.language is 'BCP 47 tag of what is spoken; zxx for a silent film.';
comment on column public.movies.rights is 'Why the film may be shown: the rights as far as known.';

create index movies_by_genre on public.movies using gin (genres);

alter table public.movies enable row level security;
create policy "anyone reads films" on public.movies for select to anon, authenticated using (true);
grant select on public.movies to anon, authenticated;
grant select, insert, update, delete on public.movies to service_role;

-- theaters.sql --------------------------------------------------------------------------------------------------------

-- Theaters. Times are stored as instants; the theater's zone decides how they are shown.

create table public.theaters (
  id bigint generated always as identity primary key,
  slug text not null,
  name text not null,
  city text not null,
  country text not null,
  address text not null,
  time_zone text not null,
  currency text not null,
  constraint theater_slug_is_unique unique (slug),
  constraint theater_slug_fits_an_address check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint country_is_iso_3166 check (country ~ '^[A-Z]{2}$'),
  constraint currency_is_iso_4217 check (currency ~ '^[A-Z]{3}$')
);
comment on column public.theaters.time_zone is 'IANA name, such as Europe/Vienna.';
comment on column public.theaters.currency is 'ISO 4217 code in which this theater sells; prices in its minor unit.';

-- A trigger and no check: a dump must restore even where the time zone files are older.
create function private.check_time_zone() returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if not exists (select from pg_catalog.pg_timezone_names z where z.name = new.time_zone) then
    raise check_violation using message = format('%s is no time zone', new.time_zone), constraint = 'time_zone_exists';
  end if;
  return new;
end
$$;

create trigger time_zone_exists before insert or update of time_zone on public.theaters
  for each row execute function private.check_time_zone();

alter table public.theaters enable row level security;
create policy "anyone reads theaters" on public.theaters for select to anon, authenticated using (true);
grant select on public.theaters to anon, authenticated;
grant select, insert, update, delete on public.theaters to service_role;

-- auditoriums.sql -----------------------------------------------------------------------------------------------------

-- Auditoriums: a room of a theater with its own screen and seats.

create table public.auditoriums (
  id bigint generated always as identity primary key,
  theater_id bigint not null references public.theaters,
  name text not null,
  constraint auditorium_name_is_unique_in_its_theater unique (theater_id, name)
);

alter table public.auditoriums enable row level security;
create policy "anyone reads auditoriums" on public.auditoriums for select to anon, authenticated using (true);
grant select on public.auditoriums to anon, authenticated;
grant select, insert, update, delete on public.auditoriums to service_role;

-- seats.sql -----------------------------------------------------------------------------------------------------------

-- Seats, where they stand and of what kind they are.

create type public.seat_kind as enum (
  'standard',
  'premium',     -- wider, better placed
  'wheelchair',  -- a place without a chair
  'companion',   -- beside a wheelchair place
  'love'         -- half of a seat for two
);

create table public.seats (
  id bigint generated always as identity primary key,
  auditorium_id bigint not null references public.auditoriums,
  row_label text not null,
  number integer not null,
  x numeric(6, 2) not null,
  y numeric(6, 2) not null,
  kind public.seat_kind not null default 'standard',
  constraint seat_is_named_once unique (auditorium_id, row_label, number),
  constraint seat_stands_alone unique (auditorium_id, x, y),
  constraint row_label_is_not_empty check (row_label <> ''),
  constraint number_is_positive check (number > 0)
);
comment on column public.seats.x is 'Centre of the seat in seat widths, growing to the right as one faces the screen.';
comment on column public.seats.y is 'Centre of the seat in seat widths, growing away from the screen.';

alter table public.seats enable row level security;
create policy "anyone reads seats" on public.seats for select to anon, authenticated using (true);
grant select on public.seats to anon, authenticated;
grant select, insert, update, delete on public.seats to service_role;

-- showtimes.sql -------------------------------------------------------------------------------------------------------

-- Showtimes: a film in an auditorium at a time. Sales close when it starts.

create type public.showtime_status as enum (
  'scheduled',  -- will be shown; seats are sold until it starts
  'cancelled'   -- will not be shown
);

create table public.showtimes (
  id bigint generated always as identity primary key,
  movie_id bigint not null references public.movies,
  auditorium_id bigint not null references public.auditoriums,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  available_from timestamptz not null,
  status public.showtime_status not null default 'scheduled',
  constraint it_ends_after_it_starts check (ends_at > starts_at),
  constraint it_is_available_after_it_ends check (available_from >= ends_at),
  constraint one_film_at_a_time exclude using gist (
    auditorium_id with =, tstzrange(starts_at, available_from) with &&) where (status <> 'cancelled')
);
comment on column public.showtimes.available_from is 'When the auditorium is clean and free for the next film.';

create index showtimes_by_movie on public.showtimes (movie_id, starts_at);
create index showtimes_by_auditorium on public.showtimes (auditorium_id, starts_at);
create index showtimes_by_start on public.showtimes (starts_at);

alter table public.showtimes enable row level security;
create policy "anyone reads showtimes" on public.showtimes for select to anon, authenticated using (true);
grant select on public.showtimes to anon, authenticated;
grant select, insert, update, delete on public.showtimes to service_role;

-- The showtime if its seats are on sale. Raises unknown_showtime, showtime_closed.
create function private.showtime_on_sale(p_showtime_id bigint) returns public.showtimes
language plpgsql stable set search_path = '' as $$
declare
  v_showtime public.showtimes;
begin
  select * into v_showtime from public.showtimes where id = p_showtime_id;
  if not found then
    perform private.raise_api_error('unknown_showtime');
  end if;
  if v_showtime.status <> 'scheduled' or v_showtime.starts_at <= private.now() then
    perform private.raise_api_error('showtime_closed');
  end if;
  return v_showtime;
end
$$;

-- showtime_prices.sql -------------------------------------------------------------------------------------------------

-- What a seat of each kind costs at a showtime, in the minor unit of the theater's currency. A kind without a price is
-- not for sale there.

create table public.showtime_prices (
  showtime_id bigint not null references public.showtimes on delete cascade,
  kind public.seat_kind not null,
  price integer not null,
  primary key (showtime_id, kind),
  constraint price_is_positive check (price > 0)
);

alter table public.showtime_prices enable row level security;
create policy "anyone reads prices" on public.showtime_prices for select to anon, authenticated using (true);
grant select on public.showtime_prices to anon, authenticated;
grant select, insert, update, delete on public.showtime_prices to service_role;

-- seat_locks.sql ------------------------------------------------------------------------------------------------------

-- Seat locks: who has a seat of a showtime, and for how long. One row is one hold of one seat, from its first moment to
-- its last, and one exclusion constraint makes two holds of a seat at one instant impossible, sold seats included:
--
--   lock_seats       held = [now, now + lock_duration)       the whole selection shares one end
--   create_booking   held = [.., now + payment_duration)     once, so that there is time to pay
--   confirm_booking  held = [.., )                           sold: no upper bound
--   release_seats, cancel_booking   held = [.., now)         closed early, with the reason
--
-- (docs/lifecycle.md draws the states; lock.created and so on are its letters.)
--
-- Nobody has to end a lock (lock.expired): past its upper bound it conflicts with nothing, so the next viewer takes the seat
-- whether a sweep has run or not. The sweep (sweep.sql) only tells viewers and carries ended rows into the history.
--
-- Locks taken in this order, always: the customer at a showtime (private.lock_customer), then the booking, then
-- seat locks in the order of seat ids.

create type public.lock_end as enum (
  'released',   -- given back by its holder
  'expired',    -- ran out by the clock
  'cancelled',  -- its booking was cancelled
  'refunded',   -- its booking was refunded at Stripe
  'shown'       -- the film was shown; sold seats end so
);

create table public.seat_locks (
  showtime_id bigint not null,
  id bigint generated always as identity,
  seat_id bigint not null,
  user_id uuid not null,
  booking_id uuid,
  held tstzrange not null,
  end_reason public.lock_end,
  -- The user stands in the key so that "what do I hold here" needs no index of its own; the id alone is unique.
  primary key (showtime_id, user_id, id),
  constraint one_holder_at_a_time exclude using gist (showtime_id with =, seat_id with =, held with &&),
  -- One check and not one a rule: PostgreSQL prepares each anew for every insert, on the path that must be quick.
  constraint held_begins_and_what_is_sold_is_booked check (
    not isempty(held) and not lower_inf(held) and (booking_id is not null or not upper_inf(held)))
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
  end_reason public.lock_end not null,
  primary key (showtime_id, seat_id, id)
);
alter table private.seat_lock_history enable row level security;

-- Makes a customer's own calls on one showtime take turns, so that limits and a selection's one clock hold when two
-- tabs ask at once. Ends with the transaction.
create function private.lock_customer(p_showtime_id bigint, p_user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(p_user_id::text, p_showtime_id));
end
$$;

-- The same if it is their turn right now, and false if not. The sweep takes many turns one after another and keeps them
-- until it commits, so it must never wait for one, and take some hundreds at the most.
create function private.try_lock_customer(p_showtime_id bigint, p_user_id uuid) returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  return pg_try_advisory_xact_lock(hashtextextended(p_user_id::text, p_showtime_id));
end
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

-- Says which rule a selection breaks, once lock_seats has seen that it breaks one. Always raises: sign_in_required,
-- no_seats, too_many_seats, unknown_showtime, showtime_closed, duplicate_seat, unknown_seat with the seats.
create function private.refuse_selection(p_showtime_id bigint, p_user_id uuid, p_seat_ids bigint[], p_limit integer)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_showtime public.showtimes;
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
  perform private.raise_api_error('unknown_seat', jsonb_build_object('seat_ids', array(
    select u from unnest(p_seat_ids) u
    where not exists (select from public.seats s where s.id = u and s.auditorium_id = v_showtime.auditorium_id)
    order by u)));
end
$$;

-- Holds seats of a showtime for the caller: all of them or none (lock.created). The first lock of a selection starts its clock,
-- adding seats does not restart it. Locking what the caller holds already succeeds and changes nothing.
--
-- Answers what the caller now holds there: {showtime_id, seat_ids, lock_ids, expires_at}.
-- Raises sign_in_required, no_seats, duplicate_seat, unknown_seat, too_many_seats, unknown_showtime, showtime_closed,
-- booking_pending, seat_taken with the seats, too_many_attempts, busy.
--
-- The limit on how fast somebody may choose is read from the locks that are there anyway (each stays a minute past its
-- end, see sweep.sql), so it costs no write.
--
-- The time zone is pinned, here and in the other functions that send: a client may ask the Data API for one, and
-- realtime.messages takes its timestamps from the session.
--
-- A premiere brings this call by the thousand, so it calls few helpers (each costs as much as a row) and reads all that
-- it only reads in one query; what is refused takes the slow way round to find out why.
create function public.lock_seats(showtime_id bigint, seat_ids bigint[]) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
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
    where l.showtime_id = lock_seats.showtime_id and l.user_id = v_user) mine;
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
$$;

-- Gives back some of the caller's seats at a showtime, or all (lock.released). Seats of others, or nobody's, are left alone and
-- that is no error. Answers what the caller still holds, as lock_seats does. Raises sign_in_required, unknown_showtime,
-- booking_pending for seats that are being paid for (cancel_booking frees those), busy.
create function public.release_seats(showtime_id bigint, seat_ids bigint[] default null) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
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
$$;

-- A showtime that has holds keeps its auditorium and stays. (Bookings have a foreign key; holds have none, because it
-- would lock the showtime's row in every call.)
create function private.protect_held_showtime() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  if exists (select from public.seat_locks l where l.showtime_id = old.id)
    or exists (select from public.bookings b where b.showtime_id = old.id) then
    raise foreign_key_violation using
      message = 'seats of this showtime are held or booked', constraint = 'held_showtimes_stay';
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

create trigger held_showtimes_stay before delete on public.showtimes
  for each row execute function private.protect_held_showtime();
create trigger held_showtimes_keep_their_auditorium before update of auditorium_id on public.showtimes
  for each row when (old.auditorium_id is distinct from new.auditorium_id)
  execute function private.protect_held_showtime();

-- anon too: a caller without a token is told to sign in, in our words, by the function itself.
grant execute on function public.lock_seats(bigint, bigint[]), public.release_seats(bigint, bigint[])
  to anon, authenticated;

-- broadcasts.sql ------------------------------------------------------------------------------------------------------

-- What the database tells all who watch. A showtime's viewers listen on the private topic showtime:<id>, listings
-- on movie:<id>; nobody but the database may send there. One message per call, never one per seat, and never who.
--
-- Broadcasts can be lost, so they are hints: a client reads the seat map again whenever it may have missed one.

create policy "anyone follows showtimes and films" on realtime.messages for select to anon, authenticated
  using (extension = 'broadcast'
         and ((select realtime.topic()) like 'showtime:%' or (select realtime.topic()) like 'movie:%'));

-- What listings were last told of a showtime, and when.
create table private.availability_broadcasts (
  showtime_id bigint primary key references public.showtimes on delete cascade,
  seats_left integer not null,
  status public.showtime_status not null,
  sent_at timestamptz not null
);
alter table private.availability_broadcasts enable row level security;

-- Tells a showtime's viewers what happened, when the transaction commits.
create function private.broadcast_showtime(p_showtime_id bigint, p_event text, p_payload jsonb) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform realtime.send(p_payload, p_event, 'showtime:' || p_showtime_id, true);
end
$$;

-- Seats of a showtime that nobody holds or has booked. A computed column of showtimes for the Data API:
-- select=*,seats_left. Definer, because locks are nobody's to read.
create function public.seats_left(showtime public.showtimes) returns integer
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  return (select count(*) from public.seats s where s.auditorium_id = (showtime).auditorium_id)
       - (select count(*) from public.seat_locks l where l.showtime_id = (showtime).id and l.held @> v_now);
end
$$;

-- Tells listings which showtimes have other seats left than they were told: showtime:update on movie:<id> and
-- showtime:<id>, at most once per showtime in five seconds. Which showtimes to look at is read from what was broadcast
-- since the last sweep, so that nobody who locks a seat writes a row for it. It looks back twenty seconds at the least,
-- longer than any transaction may last.
create function private.broadcast_availability(p_since timestamptz) returns integer
language plpgsql volatile set search_path = '' as $$
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
      and not exists (select from private.availability_broadcasts told
                      where told.showtime_id = t.id and told.sent_at > v_now - interval '5 seconds')
    order by t.id
  loop
    insert into private.availability_broadcasts as told (showtime_id, seats_left, status, sent_at)
    values (v_row.id, v_row.seats_left, v_row.status, v_now)
    on conflict (showtime_id) do update
      set seats_left = excluded.seats_left, status = excluded.status, sent_at = excluded.sent_at
      where (told.seats_left, told.status) is distinct from (excluded.seats_left, excluded.status);
    if found then
      perform private.broadcast_update(v_row.id, v_row.movie_id, v_row.seats_left, v_row.status);
      v_sent := v_sent + 1;
    end if;
  end loop;
  return v_sent;
end
$$;

-- Sends showtime:update to a showtime's viewers and to its film's listings.
create function private.broadcast_update(
  p_showtime_id bigint, p_movie_id bigint, p_seats_left integer, p_status public.showtime_status) returns void
language sql volatile set search_path = '' as $$
  select realtime.send(
    jsonb_build_object('showtime_id', p_showtime_id, 'seats_left', p_seats_left, 'status', p_status),
    'showtime:update', t.topic, true)
  from unnest(array['movie:' || p_movie_id, 'showtime:' || p_showtime_id]) t (topic)
$$;

-- A showtime that is cancelled, or on again, is told at once.
create function private.broadcast_status() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform private.broadcast_update(new.id, new.movie_id, public.seats_left(new), new.status);
  return null;
end
$$;

create trigger status_is_broadcast after update of status on public.showtimes
  for each row when (old.status is distinct from new.status) execute function private.broadcast_status();

grant execute on function public.seats_left(public.showtimes) to anon, authenticated, service_role;

-- seat_map.sql --------------------------------------------------------------------------------------------------------

-- The seat map of a showtime as one viewer sees it, in one round trip.

-- {showtime_id, server_time, currency, seat_limit, pending_booking_id,
--  seats: [{id, row, number, x, y, kind, price, state, lock_id, expires_at}]}
-- seat_limit: seats that one person may have there. pending_booking_id: the caller's booking that waits to be paid, or
-- null. state: free; locked (held by another); booked (sold to another); mine (held by the caller, or sold to them
-- when expires_at is null). price is null for a seat that is not for sale. Raises unknown_showtime.
-- A seat is aggregated as a row, which takes two thirds of the time of json_build_object.
create function public.seat_map(showtime_id bigint) returns json
language plpgsql stable security definer set search_path = '' as $$
declare
  v_user uuid := private.user_id();
  v_now timestamptz := private.now();
  v_map json;
begin
  select json_build_object(
    'showtime_id', t.id, 'server_time', v_now, 'currency', h.currency,
    'seat_limit', (select c.seats_per_customer from private.settings c),
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
$$;

grant execute on function public.seat_map(bigint) to anon, authenticated;

-- bookings.sql --------------------------------------------------------------------------------------------------------

-- Bookings: seats that somebody pays for or has paid for. docs/lifecycle.md draws the states:
--
--   pending --paid--> confirmed --cancelled by the customer--> cancelled --money is back--> refunded
--   pending --not paid in time--> expired            pending --given up--> cancelled
--
-- Prices are copied into booking_seats when the booking is made; later changes of the price list do not touch it.

create type public.booking_status as enum (
  'pending',    -- waits for its payment until expires_at
  'confirmed',  -- paid; its seats are sold
  'expired',    -- was not paid in time
  'cancelled',  -- given up; a paid one waits for its refund
  'refunded'    -- cancelled, and the money is back
);

create table public.bookings (
  showtime_id bigint not null references public.showtimes,
  id uuid not null default gen_random_uuid(),
  reference text not null,
  user_id uuid not null references public.users,
  status public.booking_status not null default 'pending',
  total integer not null,
  currency text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  confirmed_at timestamptz,
  cancelled_at timestamptz,
  primary key (showtime_id, id),
  constraint booking_id_is_unique unique (id),
  constraint reference_is_unique unique (reference),
  constraint total_is_positive check (total > 0),
  constraint confirmed_when_it_says_so check (status <> 'confirmed' or confirmed_at is not null),
  constraint cancelled_when_it_says_so check (status not in ('cancelled', 'refunded') or cancelled_at is not null)
);
comment on column public.bookings.reference is 'What people read aloud at the counter: eight letters and digits.';
comment on column public.bookings.expires_at is 'Until when a pending booking may be paid.';

create unique index one_pending_booking_per_customer on public.bookings (showtime_id, user_id) where status = 'pending';
create index bookings_by_user on public.bookings (user_id, created_at desc);
create index bookings_running_out on public.bookings (expires_at) where status = 'pending';

create table public.booking_seats (
  showtime_id bigint not null,
  booking_id uuid not null,
  seat_id bigint not null references public.seats,
  row_label text not null,
  number integer not null,
  kind public.seat_kind not null,
  price integer not null,
  sold_at timestamptz,
  released_at timestamptz,
  primary key (showtime_id, booking_id, seat_id),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint price_is_positive check (price > 0),
  constraint what_is_released_was_sold check (released_at is null or sold_at is not null)
);
create index booking_seats_by_seat on public.booking_seats (seat_id);
-- The second guard against selling a seat twice, independent of seat_locks. A booking that is merely pending does not
-- count: it must never stand in the way of the next buyer.
create unique index a_seat_is_sold_once on public.booking_seats (showtime_id, seat_id)
  where sold_at is not null and released_at is null;

alter table public.bookings enable row level security;
create policy "people read their own bookings" on public.bookings
  for select to authenticated using (user_id = (select auth.uid()));
grant select on public.bookings to authenticated, service_role;

alter table public.booking_seats enable row level security;
create policy "people read the seats of their own bookings" on public.booking_seats
  for select to authenticated
  using (exists (select from public.bookings b
                 where b.showtime_id = booking_seats.showtime_id and b.id = booking_seats.booking_id
                   and b.user_id = (select auth.uid())));
grant select on public.booking_seats to authenticated, service_role;

-- Eight characters without those that are mistaken for each other (0 O, 1 I L, U V).
create function private.new_reference() returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_reference text;
begin
  loop
    select string_agg(substr('23456789ABCDEFGHJKMNPQRSTWXYZ', 1 + get_byte(b, i) % 29, 1), '') into v_reference
    from (select sha256(uuid_send(gen_random_uuid())) as b) random, generate_series(0, 7) i;
    exit when not exists (select from public.bookings b where b.reference = v_reference);
  end loop;
  return v_reference;
end
$$;

-- {id, reference, showtime_id, status, total, currency, expires_at, seats: [{seat_id, row, number, kind, price}]}
create function private.booking_json(p_booking public.bookings) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', (p_booking).id, 'reference', (p_booking).reference, 'showtime_id', (p_booking).showtime_id,
    'status', (p_booking).status, 'total', (p_booking).total, 'currency', (p_booking).currency,
    'expires_at', (p_booking).expires_at,
    'seats', (select jsonb_agg(jsonb_build_object('seat_id', s.seat_id, 'row', s.row_label, 'number', s.number,
                                                  'kind', s.kind, 'price', s.price) order by s.seat_id)
              from public.booking_seats s
              where s.showtime_id = (p_booking).showtime_id and s.booking_id = (p_booking).id))
$$;

-- The booking, locked for this transaction after its customer, in the order that everything takes. No row when there is
-- no such booking.
create function private.booking_for_update(p_booking_id uuid) returns public.bookings
language plpgsql volatile set search_path = '' as $$
declare
  v_booking public.bookings;
begin
  select * into v_booking from public.bookings b where b.id = p_booking_id;
  if found then
    perform private.lock_customer(v_booking.showtime_id, v_booking.user_id);
    select * into strict v_booking from public.bookings b
    where b.showtime_id = v_booking.showtime_id and b.id = p_booking_id for update;
  end if;
  return v_booking;
end
$$;

-- Ends a booking's live locks for that reason (lock.cancelled not yet sold, lock.returned sold), takes sold seats back, and tells the viewers.
create function private.free_seats(p_booking public.bookings, p_reason public.lock_end, p_now timestamptz) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_freed record;
begin
  update public.booking_seats s set released_at = p_now
  where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id
    and s.sold_at is not null and s.released_at is null;
  with freed as (
    update public.seat_locks l set held = private.ended(l.held, p_now), end_reason = p_reason
    where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
      and l.booking_id = p_booking.id and l.held @> p_now
    returning l.seat_id, l.id
  )
  select array_agg(f.seat_id order by f.seat_id) as seat_ids, array_agg(f.id order by f.seat_id) as lock_ids
  into v_freed from freed f;
  if v_freed.seat_ids is not null then
    perform private.broadcast_showtime(p_booking.showtime_id, 'seat:release', jsonb_build_object(
      'seat_ids', v_freed.seat_ids, 'lock_ids', v_freed.lock_ids, 'reason', p_reason));
  end if;
end
$$;

-- A pending booking whose time is over becomes expired (booking.expired), its payment is called off. Its locks died by the clock.
create function private.expire_booking(p_booking public.bookings) returns void
language plpgsql volatile set search_path = '' as $$
begin
  update public.bookings b set status = 'expired'
  where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id and b.status = 'pending';
  if found then
    perform private.cancel_payment_intent(p_booking);
  end if;
end
$$;

-- Turns the caller's live locks at a showtime into one pending booking (booking.created) at today's prices and gives them, once, the
-- time to pay (lock.extended). Called again it answers the same booking. Answers the booking (private.booking_json).
-- Raises sign_in_required, unknown_showtime, showtime_closed, lock_expired, seat_not_for_sale with the seats, busy.
create function public.create_booking(showtime_id bigint) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
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
  from private.settings c
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
$$;

-- Gives a customer's live locks (a booking's, or with null those that have none) to a booking and moves their end,
-- to infinity when it is null. Row by row in the order of seat ids: a longer range can meet a lock that somebody begins
-- in this very instant, and then both must come to the seats in the same order. Answers how many; raises
-- exclusion_violation when somebody was faster.
create function private.extend_locks(
  p_booking public.bookings, p_of uuid, p_until timestamptz, p_now timestamptz) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_id bigint;
  v_locks integer := 0;
begin
  for v_id in
    select l.id from public.seat_locks l
    where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
      and l.booking_id is not distinct from p_of and l.held @> p_now
    order by l.seat_id
  loop
    update public.seat_locks l set booking_id = p_booking.id, held = tstzrange(lower(l.held), p_until)
    where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id and l.id = v_id and l.held @> p_now;
    v_locks := v_locks + found::integer;
  end loop;
  return v_locks;
end
$$;

-- {seat_ids, lock_ids, expires_at} of a booking's live locks, as events carry them.
create function private.locks_json(p_booking public.bookings, p_now timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('seat_ids', jsonb_agg(l.seat_id order by l.seat_id),
                            'lock_ids', jsonb_agg(l.id order by l.seat_id), 'expires_at', max(upper(l.held)))
  from public.seat_locks l
  where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id and l.booking_id = p_booking.id
    and l.held @> p_now
$$;

-- Cancels a pending (booking.cancelled_unpaid) or confirmed (booking.cancelled) booking: frees its seats, calls its payment off or returns the money for
-- that reason. Answers it as it is then.
create function private.end_booking(p_booking public.bookings, p_reason text, p_now timestamptz) returns public.bookings
language plpgsql volatile set search_path = '' as $$
begin
  perform private.free_seats(p_booking, 'cancelled', p_now);
  if p_booking.status = 'confirmed' then
    perform private.refund_booking(p_booking, p_reason);
  else
    perform private.cancel_payment_intent(p_booking);
  end if;
  update public.bookings b set status = 'cancelled', cancelled_at = p_now
  where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id
  returning b.* into p_booking;
  return p_booking;
end
$$;

-- Until when a confirmed booking can be cancelled: the notice that private.settings asks for before the showtime, or
-- infinity when the house has cancelled that. Null for other bookings. A computed column of bookings for the Data API:
-- select=*,cancellable_until. Definer, because settings are nobody's to read.
create function public.cancellable_until(booking public.bookings) returns timestamptz
language plpgsql stable security definer set search_path = '' as $$
begin
  if (booking).status <> 'confirmed' then
    return null;
  end if;
  return (select case when s.status = 'cancelled' then 'infinity' else s.starts_at - c.cancellation_notice end
          from public.showtimes s, private.settings c where s.id = (booking).showtime_id);
end
$$;

-- Gives up one of the caller's bookings. A pending one frees its seats; a confirmed one, until cancellable_until, frees
-- them and queues a full refund. Cancelling what is cancelled answers it again.
-- Answers the booking. Raises sign_in_required, unknown_booking, not_cancellable, busy.
create function public.cancel_booking(booking_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
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
$$;

grant execute on function
  public.cancellable_until(public.bookings), public.create_booking(bigint), public.cancel_booking(uuid)
to anon, authenticated;

-- outbox.sql ----------------------------------------------------------------------------------------------------------

-- The outbox: what the world outside has to hear of a transaction, written in that transaction. The worker claims rows,
-- does what they say at least once and settles them; keys make the effect happen once.
--
--   queued --claimed, done--> sent      queued --failed--> queued, later      --an email, for days--> failed

create type private.outbox_kind as enum (
  'mail_confirmation',  -- the ticket
  'mail_refund',        -- money is on its way back, and why
  'refund',             -- ask Stripe to return money
  'cancel_intent'       -- ask Stripe to take no money for what has ended
);

create type private.outbox_state as enum (
  'queued',  -- waits for its time or is being done
  'sent',    -- done
  'failed',  -- an email that was given up; a person looks at last_error
  'discarded'  -- an email of which a person said that it shall not be sent
);

create table private.outbox (
  id bigint generated always as identity primary key,
  kind private.outbox_kind not null,
  key text not null,
  booking_id uuid not null,
  payload jsonb not null,
  state private.outbox_state not null default 'queued',
  attempts integer not null default 0,
  due_at timestamptz not null default private.now(),
  claimed_until timestamptz,
  abandoned_claims integer not null default 0,
  last_error text,
  created_at timestamptz not null default private.now(),
  completed_at timestamptz,
  request_id text default private.request_id(),
  constraint key_is_unique unique (key),
  constraint completed_when_it_says_so check ((state = 'queued') = (completed_at is null))
);
create index outbox_due on private.outbox (due_at) where state = 'queued';
create index outbox_not_done on private.outbox (kind, state) where state in ('queued', 'failed');
create index outbox_by_booking on private.outbox (booking_id);
alter table private.outbox enable row level security;

comment on column private.outbox.key is 'Says what it is about; posting the same key again does nothing.';
comment on column private.outbox.claimed_until is 'A worker is at it until then; past that it died, and another may.';
comment on column private.outbox.request_id is 'The call that left this word; the worker goes on under the same id.';
comment on column private.outbox.abandoned_claims is 'How many workers claimed it and were not heard of again.';

-- Leaves word in the outbox (outbox.enqueued). The same key again is the same word and does nothing.
create function private.enqueue(
  p_kind private.outbox_kind, p_key text, p_booking public.bookings, p_payload jsonb default '{}',
  p_delay interval default '0') returns void
language sql volatile set search_path = '' as $$
  insert into private.outbox (kind, key, booking_id, payload, due_at)
  values (p_kind, p_key, p_booking.id, p_payload, private.now() + p_delay)
  on conflict on constraint key_is_unique do nothing
$$;

-- Everything an email about a booking says: {booking, showtime: {id, starts_at, ends_at}, movie: {title, certificate,
-- length_minutes}, theater: {name, address, city, time_zone}, auditorium, customer: {email, full_name}}.
create function private.email_context(p_booking_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'booking', private.booking_json(b),
    'showtime', jsonb_build_object('id', s.id, 'starts_at', s.starts_at, 'ends_at', s.ends_at),
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
$$;

-- Claims due rows for a worker, of those kinds or of any, for so many seconds. Several workers never get the same row,
-- and one whose worker was lost comes again when its lease has run out (outbox.reclaimed).
-- Answers [{id, attempt, kind, key, booking_id, request_id, payload, email (for mail), refund (for mail_refund and
-- refund)}].
create function public.claim_outbox(
  max_rows integer default 10, lease_seconds integer default 60, kinds text[] default null) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_claimed jsonb;
begin
  with due as (
    select o.id from private.outbox o
    where o.state = 'queued' and o.due_at <= v_now and (o.claimed_until is null or o.claimed_until <= v_now)
      and (claim_outbox.kinds is null or o.kind::text = any (claim_outbox.kinds))
      and (o.abandoned_claims < 9 or o.kind not in ('mail_confirmation', 'mail_refund'))  -- see abandon_emails
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
    'email', case when c.kind in ('mail_confirmation', 'mail_refund') then private.email_context(c.booking_id) end,
    'refund', case when c.kind in ('mail_refund', 'refund')
                   then private.refund_context((c.payload ->> 'refund_id')::uuid) end) order by c.id), '[]')
  into v_claimed from claimed c;
  return v_claimed;
end
$$;

-- Ends a claim: done (outbox.completed), or to be tried again (outbox.retried) after a growing and slightly random pause of two hours at most.
-- Money is never given up; an email is (outbox.failed), three days after it was written, and then a person must look
-- (requeue_outbox). attempt is what claim_outbox gave; a worker that was so slow that another has claimed the row since
-- settles nothing. Answers whether it did.
create function public.complete_outbox(id bigint, attempt integer, error text default null) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  update private.outbox o
  set state = private.next_state(o, complete_outbox.error, v_now),
      completed_at = case when private.next_state(o, complete_outbox.error, v_now) <> 'queued' then v_now end,
      due_at = v_now + make_interval(secs => least(2 ^ least(o.attempts, 20), 7200) * (0.75 + random() / 2)),
      claimed_until = null,
      abandoned_claims = 0,
      last_error = left(complete_outbox.error, 1000)
  where o.id = complete_outbox.id and o.state = 'queued' and o.attempts = complete_outbox.attempt;
  return found;
end
$$;

-- What becomes of a row that was tried, with that error or none.
create function private.next_state(p_row private.outbox, p_error text, p_now timestamptz) returns private.outbox_state
language sql stable set search_path = '' as $$
  select case when p_error is null then 'sent'
              when (p_row).kind in ('mail_confirmation', 'mail_refund')
                and p_now - (p_row).created_at > interval '3 days' then 'failed'
              else 'queued' end::private.outbox_state
$$;

-- Gives up (outbox.failed) emails that ten workers in a row claimed and never settled: they die of it. The sweep calls it.
create function private.abandon_emails(p_now timestamptz) returns void
language sql volatile set search_path = '' as $$
  update private.outbox o
  set state = 'failed', completed_at = p_now, claimed_until = null,
      last_error = 'claimed by ' || o.abandoned_claims + 1 || ' workers, none of which came back'
  where o.state = 'queued' and o.kind in ('mail_confirmation', 'mail_refund')
    and o.abandoned_claims >= 9 and o.claimed_until <= p_now
$$;

-- Sends the ticket of a confirmed booking once more, three times in a day at the most. An email that is on its way is
-- answered as it is. Answers {sent_to, state}. Raises sign_in_required, unknown_booking, no_ticket, too_many_attempts.
create function public.send_ticket_again(booking_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user_id();
  v_booking public.bookings := private.booking_for_update(
    (select b.id from public.bookings b where b.id = send_ticket_again.booking_id and b.user_id = v_user));
  v_emails integer;
  v_recent integer;
  v_waiting boolean;
  v_oldest timestamptz;
begin
  if v_booking.id is null then
    perform private.raise_api_error('unknown_booking');
  elsif v_booking.status <> 'confirmed' then
    perform private.raise_api_error('no_ticket');
  end if;
  select count(*), count(*) filter (where o.created_at > private.now() - interval '1 day'
                                      and o.key <> 'mail:confirmation:' || v_booking.id),
         coalesce(bool_or(o.state = 'queued'), false),
         min(o.created_at) filter (where o.created_at > private.now() - interval '1 day'
                                     and o.key <> 'mail:confirmation:' || v_booking.id)
  into v_emails, v_recent, v_waiting, v_oldest
  from private.outbox o where o.booking_id = v_booking.id and o.kind = 'mail_confirmation';
  if not v_waiting then
    if v_recent >= 3 then
      perform private.raise_api_error('too_many_attempts', jsonb_build_object(
        'retry_after', ceil(extract(epoch from v_oldest + interval '1 day' - private.now()))));
    end if;
    perform private.enqueue('mail_confirmation', 'mail:confirmation:' || v_booking.id || ':' || v_emails + 1, v_booking);
  end if;
  return jsonb_build_object('sent_to', (select u.email from public.users u where u.id = v_user), 'state', 'queued');
end
$$;

-- Drops an email that was given up (outbox.discarded), because it can never arrive. Answers whether there was one.
create function public.discard_email(id bigint) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update private.outbox o set state = 'discarded' where o.state = 'failed' and o.id = discard_email.id;
  return found;
end
$$;

-- Tries again what was given up (outbox.requeued): that row, or all. Answers how many.
create function public.requeue_outbox(id bigint default null) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_rows integer;
begin
  update private.outbox o
  set state = 'queued', completed_at = null, due_at = private.now(), created_at = private.now(), claimed_until = null,
      abandoned_claims = 0
  where o.state = 'failed' and (requeue_outbox.id is null or o.id = requeue_outbox.id);
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;

revoke execute on function
  private.next_state(private.outbox, text, timestamptz),
  public.requeue_outbox(bigint),
  public.discard_email(bigint),
  private.enqueue(private.outbox_kind, text, public.bookings, jsonb, interval),
  private.email_context(uuid),
  public.claim_outbox(integer, integer, text[]),
  public.complete_outbox(bigint, integer, text),
  private.abandon_emails(timestamptz),
  public.send_ticket_again(uuid)
from public;
grant execute on function public.send_ticket_again(uuid) to anon, authenticated;
grant execute on function
  public.claim_outbox(integer, integer, text[]), public.complete_outbox(bigint, integer, text),
  public.requeue_outbox(bigint),
  public.discard_email(bigint)
to service_role;

-- payments.sql --------------------------------------------------------------------------------------------------------

-- Payments: what was asked of Stripe for a booking and what arrived. Money that arrives is never lost sight of: every
-- succeeded payment is kept by one confirmed booking, or a refund of it is queued in the same transaction.
--
--   open --money arrived--> succeeded        open --can no longer be paid--> canceled

create type public.payment_status as enum (
  'open',       -- asked for, or about to be; declined cards leave it open
  'succeeded',  -- the money is here
  'canceled'    -- Stripe will take no money for it any more (Stripe's spelling)
);

create table public.payments (
  showtime_id bigint not null,
  id uuid not null default gen_random_uuid(),
  booking_id uuid not null,
  payment_intent_id text,
  amount integer not null,
  currency text not null,
  status public.payment_status not null default 'open',
  amount_received integer,
  currency_received text,
  settles_booking boolean not null default false,
  failure_code text,
  failure_message text,
  created_at timestamptz not null default private.now(),
  paid_at timestamptz,
  primary key (showtime_id, id),
  constraint payment_id_is_unique unique (id),
  constraint payment_intent_is_unique unique (payment_intent_id),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint amount_is_positive check (amount > 0),
  constraint money_received_is_known check (
    (status = 'succeeded') = (amount_received is not null and currency_received is not null and paid_at is not null)),
  constraint only_money_settles_a_booking check (not settles_booking or status = 'succeeded')
);
comment on column public.payments.amount is 'What was asked, in minor units: the total of the booking.';
comment on column public.payments.settles_booking is 'This is the money that confirmed the booking; all other goes back.';
comment on column public.payments.failure_code is 'Why the last attempt failed, in Stripe''s words; null if none did.';

create index payments_by_booking on public.payments (showtime_id, booking_id);
create unique index one_payment_settles_a_booking on public.payments (showtime_id, booking_id) where settles_booking;
create unique index one_open_payment_per_booking on public.payments (showtime_id, booking_id) where status = 'open';
create index payments_open on public.payments (created_at) where status = 'open';
create index payments_paid on public.payments (paid_at) where status = 'succeeded';

alter table public.payments enable row level security;
create policy "people read the payments of their own bookings" on public.payments
  for select to authenticated
  using (exists (select from public.bookings b
                 where b.showtime_id = payments.showtime_id and b.id = payments.booking_id
                   and b.user_id = (select auth.uid())));
grant select on public.payments to authenticated, service_role;

-- Begins to take money for a customer's pending booking (payment.started), or goes on with it: one payment, whatever happens, until
-- it is paid or can no longer be. Answers {payment_id, booking_id, reference, amount, currency, payment_intent_id (null
-- until attached), email, expires_at}. Raises unknown_booking, lock_expired, not_payable, too_many_attempts.
create function public.start_payment(booking_id uuid, user_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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
  select private.check_rate_limit('payment', v_booking.user_id::text, c.payment_starts_per_customer, c.sign_in_window)
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
$$;

-- Notes which PaymentIntent was made for a payment. Where the booking has ended meanwhile, the intent is called off.
-- Answers {attached}: false when the payment carries another intent already. Raises not_payable for an unknown payment.
create function public.attach_payment_intent(payment_id uuid, payment_intent_id text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_booking public.bookings;
  v_payment public.payments;
begin
  v_booking := private.booking_for_update(
    (select p.booking_id from public.payments p where p.id = attach_payment_intent.payment_id));
  if v_booking.id is null then
    perform private.raise_api_error('not_payable');
  end if;
  -- A payment called off while it had no intent is open again now that it has one: that intent must be called off too.
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
$$;

-- Sees to it that nobody pays for a booking that has ended (payment.canceled): its open intent is cancelled at Stripe by the worker.
-- The payment stays open until Stripe agrees, since a card may be paying this very moment.
create function private.cancel_payment_intent(p_booking public.bookings) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.payments;
begin
  select * into v_payment from public.payments p
  where p.showtime_id = p_booking.showtime_id and p.booking_id = p_booking.id and p.status = 'open' for update;
  if v_payment.payment_intent_id is not null then
    perform private.enqueue('cancel_intent', 'cancel:' || v_payment.payment_intent_id, p_booking,
                         jsonb_build_object('payment_intent_id', v_payment.payment_intent_id));
  elsif v_payment.id is not null then
    -- No intent is known, so nobody was given the means to pay.
    update public.payments p set status = 'canceled'
    where p.showtime_id = v_payment.showtime_id and p.id = v_payment.id;
  end if;
end
$$;

-- The payment that a PaymentIntent stands for, locked. It may be unknown so far: the webhook can overtake
-- attach_payment_intent, and somebody may pay a second time for a booking.
create function private.payment_of_intent(
  p_booking public.bookings, p_payment_intent_id text, p_amount integer, p_currency text) returns public.payments
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.payments;
begin
  update public.payments p set payment_intent_id = p_payment_intent_id
  where not exists (select from public.payments known where known.payment_intent_id = p_payment_intent_id)
    and p.showtime_id = p_booking.showtime_id
    and p.id = (select latest.id from public.payments latest
                where latest.showtime_id = p_booking.showtime_id and latest.booking_id = p_booking.id
                  and latest.payment_intent_id is null
                order by latest.created_at desc limit 1);
  select * into v_payment from public.payments p where p.payment_intent_id = p_payment_intent_id for update;
  if not found then
    insert into public.payments as p (showtime_id, booking_id, payment_intent_id, amount, currency, status)
    values (p_booking.showtime_id, p_booking.id, p_payment_intent_id, p_amount, p_currency, 'canceled')
    returning p.* into v_payment;
  end if;
  return v_payment;
end
$$;

-- Makes a booking's seats sold and answers null; or changes nothing and answers why not: showtime_cancelled,
-- showtime_closed, seats_gone, too_many_seats. Paid in time, its live locks lose their end (lock.sold). Paid later, the very
-- same seats are taken again (lock.sold_late) if all of them are free and still on sale, and their customer has not filled up with
-- others.
create function private.sell_seats(p_booking public.bookings, p_now timestamptz) returns text
language plpgsql volatile set search_path = '' as $$
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
    get diagnostics v_sold = row_count;
  end if;
  if v_sold < v_seats then
    raise exclusion_violation;  -- undoes what was taken
  end if;

  update public.booking_seats s set sold_at = p_now
  where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id;
  return null;
exception
  when exclusion_violation or unique_violation then
    return 'seats_gone';
end
$$;

-- Money for a booking has arrived. Why it cannot be kept, or null: then the booking's seats are sold.
create function private.settle_booking(p_booking public.bookings, p_payment public.payments, p_now timestamptz)
returns text
language plpgsql volatile set search_path = '' as $$
begin
  if p_booking.status = 'confirmed' then
    return 'second_payment';
  elsif p_booking.status in ('cancelled', 'refunded') then
    return 'booking_cancelled';
  elsif (p_payment.amount_received, p_payment.currency_received)
    is distinct from (p_booking.total, p_booking.currency) then
    return 'amount_differs';
  end if;
  return private.sell_seats(p_booking, p_now);
end
$$;

-- Stripe says that a PaymentIntent succeeded (payment.succeeded, or payment.paid_after_cancel for one called off); webhook and reconciliation both come here.
-- The event, its effect and the mail are one transaction. Money in time (booking.paid), or late with the seats still free (booking.paid_late),
-- confirms. Money that cannot be kept is refunded: the seats are gone (booking.paid_too_late), the booking was cancelled or paid already,
-- the amount or currency differs. Never a swap of seats.
--
-- amount in minor units; booking_id from the intent's metadata, for an intent not yet attached.
-- Answers {outcome, booking_id, reason}: outcome confirmed, refund_queued (with a reason), already_settled, duplicate,
-- or unmatched when the money is for no booking of ours. Raises invalid_request.
create function public.confirm_booking(
  event_id text, event_type text, payment_intent_id text, amount integer, currency text, booking_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_booking public.bookings;
  v_payment public.payments;
  v_now timestamptz;
  v_reason text;
begin
  if confirm_booking.payment_intent_id is null or confirm_booking.currency is null
    or confirm_booking.amount is null or confirm_booking.amount <= 0 then
    perform private.raise_api_error('invalid_request');
  end if;
  if not private.record_event(confirm_booking.event_id, confirm_booking.event_type, confirm_booking.payment_intent_id) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  v_booking := private.booking_for_update(coalesce(
    (select p.booking_id from public.payments p where p.payment_intent_id = confirm_booking.payment_intent_id),
    confirm_booking.booking_id));
  if v_booking.id is null then
    return private.event_outcome(confirm_booking.event_id, 'unmatched');
  end if;
  v_payment := private.payment_of_intent(v_booking, confirm_booking.payment_intent_id,
                                         confirm_booking.amount, upper(confirm_booking.currency));
  if v_payment.status = 'succeeded' then
    return private.event_outcome(confirm_booking.event_id, 'already_settled', v_booking.id);
  end if;

  v_now := private.now();
  update public.payments p
  set status = 'succeeded', amount_received = confirm_booking.amount,
      currency_received = upper(confirm_booking.currency), paid_at = v_now, failure_code = null, failure_message = null
  where p.showtime_id = v_payment.showtime_id and p.id = v_payment.id
  returning p.* into v_payment;
  v_reason := private.settle_booking(v_booking, v_payment, v_now);
  if v_reason is not null then
    if v_booking.status in ('pending', 'expired') and v_reason <> 'amount_differs' then
      perform private.free_seats(v_booking, 'cancelled', v_now);
      perform private.expire_booking(v_booking);
    end if;
    perform private.refund_payment(v_payment, v_reason);
    return private.event_outcome(confirm_booking.event_id, 'refund_queued', v_booking.id, v_reason);
  end if;

  update public.bookings b set status = 'confirmed', confirmed_at = v_now
  where b.showtime_id = v_booking.showtime_id and b.id = v_booking.id;
  update public.payments p set settles_booking = true
  where p.showtime_id = v_payment.showtime_id and p.id = v_payment.id;
  perform private.cancel_payment_intent(v_booking);  -- another intent may be open when this money came by a second one
  perform private.enqueue('mail_confirmation', 'mail:confirmation:' || v_booking.id, v_booking);
  perform private.broadcast_showtime(v_booking.showtime_id, 'seat:book',
                                private.locks_json(v_booking, v_now) - 'expires_at');
  return private.event_outcome(confirm_booking.event_id, 'confirmed', v_booking.id);
end
$$;

-- Stripe says that an attempt to pay failed (payment.declined), or, with canceled, that the intent can no longer be paid (payment.canceled). The
-- booking keeps its seats until its time is over. event_id is null when the worker reports what it did itself. Answers
-- {outcome, booking_id}: noted, duplicate, unmatched.
create function public.record_payment_failure(
  event_id text, event_type text, payment_intent_id text, canceled boolean default false,
  failure_code text default null, failure_message text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_payment public.payments;
begin
  if not private.record_event(record_payment_failure.event_id, record_payment_failure.event_type,
                            record_payment_failure.payment_intent_id) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  update public.payments p
  set status = case when record_payment_failure.canceled then 'canceled' else p.status end::public.payment_status,
      failure_code = coalesce(record_payment_failure.failure_code, p.failure_code),
      failure_message = coalesce(left(record_payment_failure.failure_message, 500), p.failure_message)
  where p.payment_intent_id = record_payment_failure.payment_intent_id and p.status = 'open'
  returning p.* into v_payment;
  return private.event_outcome(record_payment_failure.event_id,
                               case when v_payment.id is null then 'unmatched' else 'noted' end,
                               v_payment.booking_id);
end
$$;

-- Payments that are open longer than that, for a reconciliation that asks Stripe about each, oldest first; after is the
-- payment_id that the last page ended with. [{payment_id, booking_id, payment_intent_id, amount, currency, created_at}]
create function public.payments_to_reconcile(
  older_than interval default '2 minutes', max_rows integer default 100, after uuid default null)
returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'payment_id', p.id, 'booking_id', p.booking_id, 'payment_intent_id', p.payment_intent_id,
    'amount', p.amount, 'currency', p.currency, 'created_at', p.created_at) order by p.created_at, p.id), '[]')
  from (select * from public.payments open
        where open.status = 'open' and open.payment_intent_id is not null
          and open.created_at < private.now() - payments_to_reconcile.older_than
          and (payments_to_reconcile.after is null or (open.created_at, open.id) > (
            select seen.created_at, seen.id from public.payments seen where seen.id = payments_to_reconcile.after))
        order by open.created_at, open.id limit payments_to_reconcile.max_rows) p
$$;

revoke execute on function
  public.start_payment(uuid, uuid),
  public.attach_payment_intent(uuid, text),
  private.cancel_payment_intent(public.bookings),
  private.payment_of_intent(public.bookings, text, integer, text),
  private.sell_seats(public.bookings, timestamptz),
  private.settle_booking(public.bookings, public.payments, timestamptz),
  public.confirm_booking(text, text, text, integer, text, uuid),
  public.record_payment_failure(text, text, text, boolean, text, text),
  public.payments_to_reconcile(interval, integer, uuid)
from public;
grant execute on function
  public.start_payment(uuid, uuid),
  public.attach_payment_intent(uuid, text),
  public.confirm_booking(text, text, text, integer, text, uuid),
  public.record_payment_failure(text, text, text, boolean, text, text),
  public.payments_to_reconcile(interval, integer, uuid)
to service_role;

-- refunds.sql ---------------------------------------------------------------------------------------------------------

-- Refunds: money on its way back. Queued in the transaction that decides it, sent to Stripe by the worker under an
-- idempotency key of its own, followed until Stripe says succeeded or failed. A failure is visible and tried again.
--
--   queued --Stripe took it--> pending --> succeeded        any --> failed --tried again--> queued
--   queued --the money had gone back already--> void

create type public.refund_status as enum (
  'queued',     -- decided here, not yet taken by Stripe
  'pending',    -- taken by Stripe, not yet with the customer's bank
  'succeeded',  -- sent to the customer's bank
  'failed',     -- refused; waits for the next try
  'void'        -- there was nothing left to return: it had gone back by another refund
);

create table public.refunds (
  showtime_id bigint not null,
  id uuid not null default gen_random_uuid(),
  booking_id uuid not null,
  payment_id uuid not null,
  amount integer not null,
  currency text not null,
  reason text not null,
  status public.refund_status not null default 'queued',
  attempt integer not null default 1,
  stripe_refund_id text,
  failure_reason text,
  created_at timestamptz not null default private.now(),
  updated_at timestamptz not null default private.now(),
  primary key (showtime_id, id),
  constraint refund_id_is_unique unique (id),
  constraint stripe_refund_is_unique unique (stripe_refund_id),
  constraint its_payment foreign key (showtime_id, payment_id) references public.payments (showtime_id, id),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint amount_is_positive check (amount > 0),
  constraint reason_is_known check (reason in (
    'cancelled_by_customer', 'showtime_cancelled', 'showtime_closed', 'seats_gone', 'too_many_seats',
    'booking_cancelled', 'second_payment', 'amount_differs', 'made_at_stripe'))
);
comment on column public.refunds.attempt is 'Counts the tries; part of the idempotency key that Stripe sees.';

create index refunds_by_payment on public.refunds (showtime_id, payment_id);
create index refunds_by_booking on public.refunds (showtime_id, booking_id);
create index refunds_unfinished on public.refunds (created_at) where status not in ('succeeded', 'void');

alter table public.refunds enable row level security;
create policy "people read the refunds of their own bookings" on public.refunds
  for select to authenticated
  using (exists (select from public.bookings b
                 where b.showtime_id = refunds.showtime_id and b.id = refunds.booking_id
                   and b.user_id = (select auth.uid())));
grant select on public.refunds to authenticated, service_role;

-- Queues the return of what is left of a payment (refund.queued), with the mail that says so. Nothing is left: nothing happens.
create function private.refund_payment(p_payment public.payments, p_reason text) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_booking public.bookings;
  v_refund public.refunds;
  v_left integer := p_payment.amount_received - private.committed_refund_amount(p_payment);
begin
  if v_left <= 0 then
    return;
  end if;
  insert into public.refunds as r (showtime_id, booking_id, payment_id, amount, currency, reason)
  values (p_payment.showtime_id, p_payment.booking_id, p_payment.id, v_left, p_payment.currency_received, p_reason)
  returning r.* into v_refund;
  select * into strict v_booking from public.bookings b
  where b.showtime_id = p_payment.showtime_id and b.id = p_payment.booking_id;
  perform private.enqueue_refund(v_booking, v_refund, interval '0');
  perform private.enqueue('mail_refund', 'mail:refund:' || v_refund.id, v_booking,
                       jsonb_build_object('refund_id', v_refund.id));
end
$$;

-- Hands a refund to the worker.
create function private.enqueue_refund(p_booking public.bookings, p_refund public.refunds, p_delay interval) returns void
language sql volatile set search_path = '' as $$
  select private.enqueue('refund', 'refund:' || p_refund.id || ':' || p_refund.attempt, p_booking,
                      jsonb_build_object('refund_id', p_refund.id), p_delay)
$$;

-- What the worker needs to do a refund: {id, attempt, amount, currency, reason, status, payment_intent_id}.
create function private.refund_context(p_refund_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', r.id, 'attempt', r.attempt, 'amount', r.amount, 'currency', r.currency,
                            'reason', r.reason, 'status', r.status, 'payment_intent_id', p.payment_intent_id)
  from public.refunds r
  join public.payments p on p.showtime_id = r.showtime_id and p.id = r.payment_id
  where r.id = p_refund_id
$$;

-- Queues the return of everything that was paid for a booking.
create function private.refund_booking(p_booking public.bookings, p_reason text) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.payments;
begin
  for v_payment in
    select * from public.payments p
    where p.showtime_id = p_booking.showtime_id and p.booking_id = p_booking.id and p.status = 'succeeded'
  loop
    perform private.refund_payment(v_payment, p_reason);
  end loop;
end
$$;

-- Stripe says how a refund stands: the answer to our request (event_id null) or a refund event. One that nobody here
-- asked for was made at Stripe's dashboard and is recorded all the same; when it returns a confirmed booking's whole
-- price, the seats come free.
--
-- status in Stripe's words: pending, requires_action, succeeded, failed, canceled; or void, from the worker, if Stripe
-- has nothing left to return. refund_id and attempt are ours, from the refund's metadata.
-- Answers {outcome, booking_id}: noted, duplicate, unmatched. Raises invalid_request.
create function public.record_refund(
  event_id text, event_type text, stripe_refund_id text, payment_intent_id text, amount integer, status text,
  failure_reason text default null, refund_id uuid default null, attempt integer default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_booking public.bookings;
  v_payment public.payments;
  v_refund public.refunds;
  v_status public.refund_status;
begin
  v_status := case record_refund.status when 'succeeded' then 'succeeded' when 'pending' then 'pending'
              when 'requires_action' then 'pending' when 'failed' then 'failed' when 'canceled' then 'failed'
              when 'void' then 'void' end;
  if v_status is null or record_refund.amount is null or record_refund.amount <= 0 then
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

  select * into v_refund from public.refunds r
  where r.payment_id = v_payment.id and r.showtime_id = v_payment.showtime_id
    and (r.stripe_refund_id = record_refund.stripe_refund_id or r.id = record_refund.refund_id)
  order by r.id = record_refund.refund_id desc nulls last limit 1 for update;
  if v_refund.id is null then
    if exists (select from public.refunds r where r.stripe_refund_id = record_refund.stripe_refund_id) then
      perform private.raise_api_error('invalid_request');  -- a refund is of one payment for ever, and this one is of another
    end if;
    insert into public.refunds as r (showtime_id, booking_id, payment_id, amount, currency, reason, stripe_refund_id)
    values (v_payment.showtime_id, v_booking.id, v_payment.id, record_refund.amount, v_payment.currency_received,
            'made_at_stripe', record_refund.stripe_refund_id)
    returning r.* into v_refund;
    if v_status <> 'failed' then  -- of what failed before we heard of it there is nothing to tell
      perform private.enqueue('mail_refund', 'mail:refund:' || v_refund.id, v_booking,
                           jsonb_build_object('refund_id', v_refund.id));
    end if;
  end if;
  if coalesce(record_refund.attempt, v_refund.attempt) = v_refund.attempt then
    perform private.apply_refund_status(v_booking, v_refund, v_status, record_refund.stripe_refund_id,
                                  record_refund.failure_reason);
    v_booking := private.sync_booking_status(v_booking, v_payment);
    if v_status <> 'void' then  -- what others have returned is not to be returned again before we know how
      perform private.rebalance_refunds(v_booking, v_payment);
    end if;
  end if;
  return private.event_outcome(record_refund.event_id, 'noted', v_booking.id);
end
$$;

-- Moves a refund to the status that Stripe reports: refund.accepted taken, refund.succeeded sent, refund.failed refused, refund.retried tried again. Events come in any
-- order: after succeeded only failed is news (the bank sent it back), after void or the failure of one made at the
-- dashboard nothing is. A failure of ours is tried again an hour later as the next attempt, which has a key of its own.
create function private.apply_refund_status(
  p_booking public.bookings, p_refund public.refunds, p_status public.refund_status, p_stripe_refund_id text,
  p_failure_reason text) returns void
language plpgsql volatile set search_path = '' as $$
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
end
$$;

-- A booking whose price went back as a whole is refunded (booking.refunded); were its seats still sold, they come free (booking.refunded_at_stripe). One
-- whose refund was sent back by the bank is merely cancelled again (booking.refund_bounced). Money that never kept the booking does not
-- touch it. Answers it as it is then.
create function private.sync_booking_status(p_booking public.bookings, p_payment public.payments) returns public.bookings
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_whole boolean := p_payment.amount_received <= (
    select sum(r.amount) from public.refunds r
    where r.showtime_id = p_payment.showtime_id and r.payment_id = p_payment.id and r.status = 'succeeded');
begin
  if p_payment.settles_booking and v_whole and p_booking.status in ('confirmed', 'cancelled') then
    perform private.free_seats(p_booking, 'refunded', v_now);
    update public.bookings b set status = 'refunded', cancelled_at = coalesce(b.cancelled_at, v_now)
    where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id
    returning b.* into p_booking;
  elsif p_payment.settles_booking and v_whole is not true and p_booking.status = 'refunded' then
    update public.bookings b set status = 'cancelled'
    where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id
    returning b.* into p_booking;
  end if;
  return p_booking;
end
$$;

-- Brings what we mean to return of a payment in line with what is left of it, after a refund made at the dashboard came
-- or failed: the rest is queued where nothing may be kept, and what is still queued shrinks or is void where others
-- were faster (refund.voided).
create function private.rebalance_refunds(p_booking public.bookings, p_payment public.payments) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_over integer;
  v_refund public.refunds;
  v_changed public.refunds;
begin
  if not p_payment.settles_booking or p_booking.status <> 'confirmed' then
    perform private.refund_payment(p_payment, coalesce(
      (select min(r.reason) from public.refunds r
       where r.showtime_id = p_payment.showtime_id and r.payment_id = p_payment.id and r.reason <> 'made_at_stripe'),
      'booking_cancelled'));
  end if;
  v_over := private.committed_refund_amount(p_payment) - p_payment.amount_received;
  for v_refund in
    select * from public.refunds r
    where r.showtime_id = p_payment.showtime_id and r.payment_id = p_payment.id
      and r.reason <> 'made_at_stripe' and r.status in ('queued', 'failed')
    order by r.created_at desc
  loop
    exit when v_over <= 0;
    update public.refunds r
    set amount = case when r.amount > v_over then r.amount - v_over else r.amount end,
        status = case when r.amount > v_over then r.status else 'void' end,
        attempt = r.attempt + 1, updated_at = private.now()
    where r.showtime_id = v_refund.showtime_id and r.id = v_refund.id
    returning r.* into v_changed;
    if v_changed.status <> 'void' then
      -- A worker may be asking for the old amount this very moment; what it reports is stale and its row is settled.
      perform private.enqueue_refund(p_booking, v_changed, interval '0');
    end if;
    v_over := v_over - v_refund.amount;
  end loop;
end
$$;

-- How much of a payment has gone back, was lost in a dispute, is on its way, or will be tried until it has gone.
create function private.committed_refund_amount(p_payment public.payments) returns integer
language plpgsql stable set search_path = '' as $$
begin
  return (
    select coalesce(sum(m.amount), 0) from (
      select r.amount from public.refunds r
      where r.showtime_id = p_payment.showtime_id and r.payment_id = p_payment.id
        and r.status <> 'void' and not (r.status = 'failed' and r.reason = 'made_at_stripe')
      union all
      select d.amount from public.disputes d
      where d.showtime_id = p_payment.showtime_id and d.payment_id = p_payment.id and d.status = 'lost') m);
end
$$;

-- Refunds that Stripe has taken and not told us about for longer than that: [{id, attempt, stripe_refund_id}], oldest
-- first; after is the id that the page before ended with.
create function public.refunds_to_reconcile(
  older_than interval default '2 minutes', max_rows integer default 100, after uuid default null)
returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'attempt', r.attempt, 'stripe_refund_id', r.stripe_refund_id)
                            order by r.created_at, r.id), '[]')
  from (select * from public.refunds pending
        where pending.status = 'pending' and pending.stripe_refund_id is not null
          and pending.updated_at < private.now() - refunds_to_reconcile.older_than
          and (refunds_to_reconcile.after is null or (pending.created_at, pending.id) > (
            select seen.created_at, seen.id from public.refunds seen where seen.id = refunds_to_reconcile.after))
        order by pending.created_at, pending.id limit refunds_to_reconcile.max_rows) r
$$;

revoke execute on function
  private.refund_payment(public.payments, text),
  private.enqueue_refund(public.bookings, public.refunds, interval),
  private.refund_context(uuid),
  private.refund_booking(public.bookings, text),
  public.record_refund(text, text, text, text, integer, text, text, uuid, integer),
  private.apply_refund_status(public.bookings, public.refunds, public.refund_status, text, text),
  private.sync_booking_status(public.bookings, public.payments),
  private.rebalance_refunds(public.bookings, public.payments),
  private.committed_refund_amount(public.payments),
  public.refunds_to_reconcile(interval, integer, uuid)
from public;
grant execute on function public.refunds_to_reconcile(interval, integer, uuid) to service_role;
grant execute on function public.record_refund(text, text, text, text, integer, text, text, uuid, integer)
to service_role;

-- disputes.sql --------------------------------------------------------------------------------------------------------

-- Disputes: a customer's bank takes a payment back until it is settled who is right. Recorded, shown, never acted upon
-- by themselves: whether somebody who disputes may still see the film is for people to say. Money that is lost has gone
-- back, so nothing more of it is returned.

create table public.disputes (
  showtime_id bigint not null,
  id text not null,
  booking_id uuid not null,
  payment_id uuid not null,
  amount integer not null,
  currency text not null,
  reason text not null,
  status text not null,
  created_at timestamptz not null default private.now(),
  updated_at timestamptz not null default private.now(),
  closed_at timestamptz,
  primary key (showtime_id, id),
  constraint stripe_dispute_is_unique unique (id),
  constraint its_payment foreign key (showtime_id, payment_id) references public.payments (showtime_id, id),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint amount_is_positive check (amount > 0)
);
comment on column public.disputes.id is 'Stripe''s.';
comment on column public.disputes.status is 'In Stripe''s words: needs_response, under_review, won, lost, ...';

create index disputes_by_payment on public.disputes (showtime_id, payment_id);
create index disputes_by_booking on public.disputes (showtime_id, booking_id);
create index disputes_open on public.disputes (created_at) where closed_at is null;

alter table public.disputes enable row level security;
create policy "people read the disputes of their own bookings" on public.disputes
  for select to authenticated
  using (exists (select from public.bookings b
                 where b.showtime_id = disputes.showtime_id and b.id = disputes.booking_id
                   and b.user_id = (select auth.uid())));
grant select on public.disputes to authenticated, service_role;

-- Stripe says how a dispute stands. Events come in any order: one that is closed stays closed. (dispute.opened opened, dispute.closed closed)
-- Answers {outcome, booking_id}: noted, duplicate, unmatched. Raises invalid_request, and busy when the news of the
-- payment has yet to come.
create function public.record_dispute(
  event_id text, event_type text, stripe_dispute_id text, payment_intent_id text, amount integer, currency text,
  reason text, status text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_closed boolean := record_dispute.status in ('won', 'lost', 'warning_closed', 'prevented');
  v_booking public.bookings;
  v_payment public.payments;
begin
  if record_dispute.stripe_dispute_id is null or record_dispute.currency is null or v_closed is null
    or record_dispute.amount is null or record_dispute.amount <= 0 then
    perform private.raise_api_error('invalid_request');
  end if;
  if not private.record_event(record_dispute.event_id, record_dispute.event_type, record_dispute.payment_intent_id) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  v_booking := private.booking_for_update(
    (select p.booking_id from public.payments p where p.payment_intent_id = record_dispute.payment_intent_id));
  if v_booking.id is null then
    return private.event_outcome(record_dispute.event_id, 'unmatched');
  end if;
  select * into v_payment from public.payments p
  where p.payment_intent_id = record_dispute.payment_intent_id and p.status = 'succeeded';
  if not found then
    perform private.raise_api_error('busy');
  end if;
  insert into public.disputes as d (showtime_id, id, booking_id, payment_id, amount, currency, reason, status, closed_at)
  values (v_booking.showtime_id, record_dispute.stripe_dispute_id, v_booking.id, v_payment.id, record_dispute.amount,
          upper(record_dispute.currency), coalesce(record_dispute.reason, 'general'), record_dispute.status,
          case when v_closed then private.now() end)
  on conflict on constraint stripe_dispute_is_unique do update
    set amount = excluded.amount, reason = excluded.reason, status = excluded.status, updated_at = private.now(),
        closed_at = excluded.closed_at
    where d.closed_at is null;
  perform private.rebalance_refunds(v_booking, v_payment);
  return private.event_outcome(record_dispute.event_id, 'noted', v_booking.id);
end
$$;

revoke execute on function
  public.record_dispute(text, text, text, text, integer, text, text, text)
from public;
grant execute on function
  public.record_dispute(text, text, text, text, integer, text, text, text)
to service_role;

-- stripe_events.sql ---------------------------------------------------------------------------------------------------

-- The ledger of what Stripe told us: one row per event id, written in the transaction of its effect. Stripe delivers at
-- least once and in any order; the primary key makes the effect happen once, parallel deliveries included.

create table private.stripe_events (
  id text primary key,
  type text not null,
  payment_intent_id text,
  received_at timestamptz not null default private.now(),
  outcome text,
  reason text,
  booking_id uuid
);
create index stripe_events_by_intent on private.stripe_events (payment_intent_id);
alter table private.stripe_events enable row level security;

-- False when the event was dealt with before. Waits for a parallel delivery to end one way or the other. Null, for what
-- the worker reports of its own doing, is no event and always true.
create function private.record_event(p_event_id text, p_event_type text, p_payment_intent_id text) returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  if p_event_id is null then
    return true;
  end if;
  insert into private.stripe_events (id, type, payment_intent_id)
  values (p_event_id, p_event_type, p_payment_intent_id)
  on conflict do nothing;
  return found;
end
$$;

-- Notes what an event came to, and is the answer: {outcome, booking_id, reason}.
create function private.event_outcome(
  p_event_id text, p_outcome text, p_booking_id uuid default null, p_reason text default null) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  update private.stripe_events e set outcome = p_outcome, booking_id = p_booking_id, reason = p_reason
  where e.id = p_event_id;
  return jsonb_build_object('outcome', p_outcome, 'booking_id', p_booking_id, 'reason', p_reason);
end
$$;

revoke execute on function
  private.record_event(text, text, text),
  private.event_outcome(text, text, uuid, text)
from public;

-- audit.sql -----------------------------------------------------------------------------------------------------------

-- The record of what happened, for good: who had this seat at that time, what became of a booking. Rows are added and
-- never changed. Seats: seat_locks while a hold lives, private.seat_lock_history once it ended. Bookings, with their
-- payments, refunds and disputes: private.booking_log, a row for every change.

create table private.booking_log (
  showtime_id bigint not null,
  booking_id uuid not null,
  id bigint generated always as identity,
  at timestamptz not null default private.now(),
  entity text not null,
  status text not null,
  row_data jsonb not null,
  request_id text default private.request_id(),
  primary key (showtime_id, booking_id, id),
  constraint entity_is_known check (entity in ('booking', 'payment', 'refund', 'dispute'))
);
comment on column private.booking_log.request_id is 'The call that changed it, as the logs name it.';

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

-- Keeps a record what it is, against our own mistakes too.
create function private.forbid_changes() returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  raise exception '% is only added to', tg_table_name using errcode = 'object_not_in_prerequisite_state';
end
$$;

create trigger rows_are_only_added before update or delete or truncate on private.booking_log
  for each statement execute function private.forbid_changes();
create trigger rows_are_only_added before update or delete or truncate on private.seat_lock_history
  for each statement execute function private.forbid_changes();

-- Who had this seat at this time, for staff: {seat_id, at, user: {id, email, full_name}, lock_id, held_from, held_until
-- (null while sold), end_reason (null while it lives), booking: {id, reference, status} as it was then, or null for a
-- seat that was only chosen}; null when nobody had it. Raises staff_only.
create function public.seat_holder(showtime_id bigint, seat_id bigint, at timestamptz default null) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_at timestamptz := coalesce(seat_holder.at, private.now());
begin
  perform private.require_staff();
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

-- All that happened to a booking, for staff, oldest first: [{at, entity, status, request_id, row_data}]. Raises
-- staff_only, unknown_booking.
create function public.booking_history(booking_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
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
                                        'request_id', g.request_id, 'row_data', g.row_data) order by g.id)
    from private.booking_log g
    where g.showtime_id = v_showtime_id and g.booking_id = booking_history.booking_id);
end
$$;

grant execute on function public.seat_holder(bigint, bigint, timestamptz), public.booking_history(uuid)
  to anon, authenticated, service_role;

-- sweep.sql -----------------------------------------------------------------------------------------------------------

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

-- invariants.sql ------------------------------------------------------------------------------------------------------

-- What must always hold, as one query that returns the violations: (invariant, violation). No row: all hold. The tests,
-- the worker's nightly run and `make verify` (backend/verification.py) ask this one function.
--
-- It takes one snapshot, so it may run while the house sells; what is a matter of time (a refund on its way) is no
-- violation until the time is over. It reads all there is, so it may take longer than the Data API grants other calls.

create function public.check_invariants() returns table (invariant text, violation jsonb)
language sql stable security definer set search_path = '' set statement_timeout = '10min' as $$
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
)

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

-- I4: no lock outlives its time: a selection and the time to pay together, as they are set now.
union all
select 'I4 a lock outlives its time', jsonb_build_object('showtime_id', l.showtime_id, 'lock_id', l.id)
from public.seat_locks l, private.settings c
where not upper_inf(l.held) and upper(l.held) - lower(l.held) > c.lock_duration + c.payment_duration
  and (l.end_reason is null or l.end_reason = 'released')  -- the others were sold before they ended

union all
select 'I4 a booking outlives its time', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.status = 'pending' and b.expires_at < private.now() - interval '10 minutes'

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
$$;

-- Money that arrived since then, for a comparison with Stripe's books, oldest first; after is
-- the payment_id that the page before ended with:
-- [{payment_id, booking_id, payment_intent_id, amount, currency, refunds: [{stripe_refund_id, amount, status}]}]
create function public.payments_to_verify(since timestamptz, max_rows integer default 100, after uuid default null)
returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'payment_id', p.id, 'booking_id', p.booking_id, 'payment_intent_id', p.payment_intent_id,
    'amount', p.amount_received, 'currency', p.currency_received,
    'refunds', (select coalesce(jsonb_agg(jsonb_build_object(
                  'stripe_refund_id', r.stripe_refund_id, 'amount', r.amount, 'status', r.status)), '[]')
                from public.refunds r
                where r.showtime_id = p.showtime_id and r.payment_id = p.id and r.stripe_refund_id is not null))
    order by p.paid_at, p.id), '[]')
  from (select * from public.payments paid
        where paid.status = 'succeeded' and paid.paid_at >= payments_to_verify.since
          and (payments_to_verify.after is null or (paid.paid_at, paid.id) > (
            select seen.paid_at, seen.id from public.payments seen where seen.id = payments_to_verify.after))
        order by paid.paid_at, paid.id limit payments_to_verify.max_rows) p
$$;

-- When the worker last looked, and what was found last, by it or by hand: one row.
create table private.verifications (
  singleton boolean primary key default true,
  created_at timestamptz not null default private.now(),
  started_at timestamptz not null default '-infinity',
  ended_at timestamptz not null default '-infinity',
  violations integer,
  constraint there_is_one_row check (singleton)
);
alter table private.verifications enable row level security;
insert into private.verifications default values;

-- Whether a verification is due, for one of all the workers that ask: whoever hears true does it. One that did not come
-- to its end within an hour is due again.
create function public.start_verification(every interval default '1 day') returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update private.verifications v set started_at = private.now()
  where v.singleton and v.ended_at <= private.now() - start_verification.every
    and v.started_at <= private.now() - least(start_verification.every, interval '1 hour');
  return found;
end
$$;

-- Notes what a verification found, for the metrics. One by hand (daily is false) puts off no daily one, with which the
-- worker also looks back at Stripe.
create function public.finish_verification(violations integer, daily boolean default true) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  update private.verifications v
  set violations = finish_verification.violations,
      ended_at = case when finish_verification.daily then private.now() else v.ended_at end
  where v.singleton;
end
$$;

-- Since when each refund that is not finished has stood as it does, by the record: a refusal that comes again is the
-- same one.
create function private.unfinished_refunds() returns table (status public.refund_status, since timestamptz)
language sql stable set search_path = '' as $$
  select r.status, coalesce((
    select min(g.at) from private.booking_log g
    where g.showtime_id = r.showtime_id and g.booking_id = r.booking_id and g.entity = 'refund'
      and g.row_data ->> 'id' = r.id::text
      and g.id > coalesce((
        select max(other.id) from private.booking_log other
        where other.showtime_id = r.showtime_id and other.booking_id = r.booking_id and other.entity = 'refund'
          and other.row_data ->> 'id' = r.id::text and other.status <> r.status::text), 0)), r.created_at)
  from public.refunds r where r.status not in ('succeeded', 'void')
$$;

-- What an operator watches: {outbox: [{kind, state, rows, oldest_seconds, overdue_seconds}], refunds: {status: n} and
-- refund_ages: {status: seconds in it, of the oldest} of those unfinished, payments_open, disputes_open,
-- disputes: [{id, reference, status, amount, currency}] of the 20 oldest, violations of the last verification or null,
-- verified_seconds_ago (the daily one) and sweep_seconds_ago, both since the database was made if there was none yet,
-- locks_held (and not sold), lock_ids given out so far, bookings_recent: {status: n} and payments_recent: {outcome: n}
-- of the last five minutes}.
--
-- Overdue is what a worker should have taken: its time has come, and no worker holds it. What waits for its next try is
-- old and not overdue.
create function public.operational_metrics() returns jsonb
language sql stable security definer set search_path = '' as $$
  with refunds as (
    select r.status, count(*) as n, round(extract(epoch from max(private.now() - r.since))::numeric, 1) as age
    from private.unfinished_refunds() r group by r.status)
  select jsonb_build_object(
    'outbox', (select coalesce(jsonb_agg(to_jsonb(o)), '[]') from (
      select o.kind, o.state, count(*) as rows,
             round(extract(epoch from max(private.now() - o.created_at))::numeric, 1) as oldest_seconds,
             greatest(0, round(extract(epoch from max(private.now() - greatest(o.due_at, o.claimed_until))
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
      select round(extract(epoch from private.now() - greatest(v.ended_at, v.created_at))::numeric, 1)
      from private.verifications v),
    'sweep_seconds_ago', (
      select round(extract(epoch from private.now() - greatest(s.swept_until, s.created_at))::numeric, 1)
      from private.sweeps s),
    'locks_held', (select count(*) from public.seat_locks l
                   where upper(l.held) > (select private.now()) and not upper_inf(l.held)),
    'lock_ids', coalesce(pg_sequence_last_value(pg_get_serial_sequence('public.seat_locks', 'id')::regclass), 0),
    'bookings_recent', (select coalesce(jsonb_object_agg(r.status, r.n), '{}') from (
      select g.status, count(distinct g.booking_id) as n
      from private.booking_log g
      where g.entity = 'booking' and g.at > (select private.now() - interval '5 minutes') group by g.status) r),
    'payments_recent', (select coalesce(jsonb_object_agg(r.outcome, r.n), '{}') from (
      select case when g.status = 'open' and g.row_data ->> 'failure_code' is not null then 'declined'
                  else g.status end as outcome,
             count(distinct g.row_data ->> 'id') as n
      from private.booking_log g
      where g.entity = 'payment' and g.at > (select private.now() - interval '5 minutes') group by 1) r))
$$;

grant execute on function
  public.check_invariants(), public.start_verification(interval), public.finish_verification(integer, boolean),
  public.operational_metrics(), public.payments_to_verify(timestamptz, integer, uuid)
to service_role;

-- The Data API reads the schema again.
notify pgrst, 'reload schema';
