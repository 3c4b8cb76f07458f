-- The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for who has lost it. Who has
-- confirmed one is signed in by the password and a code (open_session refuses the password alone), and may be demanded
-- to, if they work here (settings.staff_second_factor; private.session_role).
--
-- Flask makes secrets and compares codes. What it compares with is kept here, and that nothing counts twice is decided
-- here. The database alone opens no account: Flask encrypts a secret with a key that the database never sees
-- (SECOND_FACTOR_KEY), and of a recovery code it stores a hash.

create table private.second_factors (
  user_id uuid primary key references public.users on delete cascade,
  secret text not null,
  created_at timestamptz not null default private.now(),
  confirmed_at timestamptz,
  last_counter bigint not null default 0,
  constraint secret_is_encrypted check (secret like 'gAAAAA%')
);
alter table private.second_factors enable row level security;

create table private.recovery_codes (
  user_id uuid not null references private.second_factors on delete cascade,
  code_hash text not null,
  used_at timestamptz,
  primary key (user_id, code_hash),
  constraint code_is_hashed check (code_hash ~ '^[0-9a-f]{64}$')
);
alter table private.recovery_codes enable row level security;

comment on column private.second_factors.secret is 'Encrypted by Flask (Fernet), together with the id of its owner.';
comment on column private.second_factors.confirmed_at is 'Since when codes are asked for; null until one was right.';
comment on column private.second_factors.last_counter is
  'The time step of the last code that was taken. That one and all before it are taken no more.';
comment on column private.recovery_codes.code_hash is 'SHA-256 in hex of owner and code, made by Flask.';

-- True for who is asked for a code.
create function private.has_second_factor(p_user_id uuid) returns boolean
language sql stable set search_path = '' as $$
  select exists (select from private.second_factors f where f.user_id = p_user_id and f.confirmed_at is not null)
$$;

-- What may be tried of somebody's second factor, from there.
create function private.second_factor_limits(p_user_id uuid, p_address text) returns private.rate_limit[]
language sql stable set search_path = '' as $$
  select array[
    row('second_factor:' || p_user_id, c.second_factor_attempts_per_account, c.sign_in_window),
    row('second_factor_day:' || p_user_id, c.second_factor_attempts_per_day, interval '1 day'),
    row('second_factor_from:' || p_address, c.second_factor_attempts_per_address, c.sign_in_window)
  ]::private.rate_limit[]
  from private.settings c
$$;

-- Takes back what somebody mistyped there, after a success. What was tried elsewhere stays, and what one address did.
create function private.clear_second_factor_limits(p_user_id uuid, p_address text, p_now timestamptz) returns void
language sql volatile set search_path = '' as $$
  select private.clear_rate_limit(
    array['second_factor:' || p_user_id, 'second_factor_day:' || p_user_id], p_address, p_now)
$$;

-- Has changes of an account's second factor take turns with each other and with open_session: a sign-in by the password
-- alone is either refused or ended by the confirmation. Before any row is locked. Raises unknown_user.
create function private.lock_sign_ins(p_user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_email text;
begin
  select u.email into v_email from public.users u where u.id = p_user_id;
  if not found then
    perform private.raise_api_error('unknown_user');
  end if;
  perform pg_advisory_xact_lock(hashtextextended(private.sign_in_key(v_email), 0));
end
$$;

-- What Flask compares a code with, and a password where that is asked again: {status: 'known', user, password_hash,
-- secret, is_confirmed, checked_at}, the latter in seconds since 1970 by the database's clock, secret null for who has
-- no second factor; {status: 'unknown'}; or {status: 'limited', retry_after} in seconds. The attempt is counted in this
-- very call, before anything is compared, and answered instead of raised, as in begin_sign_in. The session is the one
-- of who is signed in already; null while somebody signs in. Raises session_ended, invalid_request.
--
-- The limits are tight, since only who knows the password or has a session comes here: of a million codes three are
-- good at a time.
create function public.begin_second_factor_check(user_id uuid, address text, session_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- Begins to set up a second factor, in place of one that was begun and not confirmed. Nothing is asked for until it is
-- confirmed. Raises session_ended, second_factor_exists, unknown_user.
create function public.begin_second_factor(user_id uuid, session_id uuid, address text, secret text) returns void
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- Confirms the second factor of that secret, of which somebody has shown the code of that time step, with at most ten
-- recovery codes. The session has proven both now; all others of its owner, which have not, end. Raises session_ended,
-- no_second_factor where the secret is another by now, invalid_request, unknown_user.
create function public.confirm_second_factor(
  user_id uuid, session_id uuid, address text, secret text, counter bigint, recovery_code_hashes text[]) returns void
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- Takes the code of that time step: true once, and false for any that is not later than the last one taken, or where
-- the second factor is another by now. Calls wait for each other, so that of many at once one is taken.
create function public.use_second_factor(user_id uuid, address text, secret text, counter bigint) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- Takes a recovery code: true once.
create function public.use_recovery_code(user_id uuid, address text, code_hash text) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- Removes a second factor with its recovery codes; false where there is none. Sessions go on, as ones of a password
-- alone. Who asked has proven the password and a code to Flask, or is an operator. Raises unknown_user.
create function public.remove_second_factor(user_id uuid) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- Secrets, by owner, for `python -m backend rotate-second-factor-keys`: [{user_id, secret}].
create function public.second_factor_secrets(max_rows integer, after uuid default null) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('user_id', s.user_id, 'secret', s.secret) order by s.user_id), '[]')
  from (
    select f.user_id, f.secret from private.second_factors f
    where second_factor_secrets.after is null or f.user_id > second_factor_secrets.after
    order by f.user_id limit second_factor_secrets.max_rows) s
$$;

-- Stores the same secret as another key encrypts it; false where it is another one by now.
create function public.replace_second_factor_secret(user_id uuid, secret text, new_secret text) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update private.second_factors f set secret = replace_second_factor_secret.new_secret
  where f.user_id = replace_second_factor_secret.user_id and f.secret = replace_second_factor_secret.secret;
  return found;
end
$$;

-- The caller's own: {confirmed_at: null without one, recovery_codes_left, is_demanded: true for staff who have a
-- customer's powers only until there is one}. Raises sign_in_required.
create function public.my_second_factor() returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
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
$$;

-- What the export says of it (my_data): {created_at, confirmed_at, recovery_codes: [{used_at}]}; null without one.
create function private.second_factor_json(p_user_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'created_at', f.created_at, 'confirmed_at', f.confirmed_at,
    'recovery_codes', (
      select coalesce(jsonb_agg(jsonb_build_object('used_at', c.used_at) order by c.used_at), '[]')
      from private.recovery_codes c where c.user_id = f.user_id))
  from private.second_factors f where f.user_id = p_user_id
$$;

grant execute on function public.my_second_factor() to anon, authenticated;
grant execute on function
  public.begin_second_factor_check(uuid, text, uuid),
  public.begin_second_factor(uuid, uuid, text, text),
  public.confirm_second_factor(uuid, uuid, text, text, bigint, text[]),
  public.use_second_factor(uuid, text, text, bigint),
  public.use_recovery_code(uuid, text, text),
  public.remove_second_factor(uuid),
  public.second_factor_secrets(integer, uuid),
  public.replace_second_factor_secret(uuid, text, text)
to service_role;
