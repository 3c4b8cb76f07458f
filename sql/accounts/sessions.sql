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
