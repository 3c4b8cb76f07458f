-- Sign-ins. A session is a family of refresh tokens: each use of a token ends it and makes the next. A token that is
-- shown after it was used is a copy, so the whole family ends; but for ten seconds, while nobody has used what it was
-- exchanged for: then an answer was lost, or two tabs asked at once. Only hashes are stored (SHA-256 in hex, made by
-- Flask).

create table private.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users on delete cascade,
  user_agent text,
  created_at timestamptz not null default private.now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  human_until timestamptz,
  constraint an_end_has_a_reason check ((ended_at is null) = (end_reason is null)),
  constraint end_reason_is_known check (
    end_reason in ('signed_out', 'token_reused', 'too_many', 'ended_by_operator'))
);
create index sessions_by_user on private.sessions (user_id);
create index sessions_by_end on private.sessions (least(expires_at, ended_at));
alter table private.sessions enable row level security;

create table private.refresh_tokens (
  token_hash text primary key,
  session_id uuid not null references private.sessions on delete cascade,
  created_at timestamptz not null default private.now(),
  used_at timestamptz,
  parent_hash text,
  constraint token_is_hashed check (token_hash ~ '^[0-9a-f]{64}$')
);
create index refresh_tokens_by_session on private.refresh_tokens (session_id);
create index refresh_tokens_by_parent on private.refresh_tokens (parent_hash) where parent_hash is not null;
alter table private.refresh_tokens enable row level security;

comment on column private.sessions.human_until is
  'Until when a passed human check counts; access tokens carry it. Null for a session that was never asked.';
comment on column private.refresh_tokens.parent_hash is 'The token that this one was exchanged for.';
comment on column private.refresh_tokens.used_at is 'Since when it may not be used any more, or a sibling was instead.';

-- Begins a session with its first refresh token, and ends the customer's oldest where there are too many. Clears what
-- was counted against the account at this address, and nothing that was tried elsewhere: the owner's success must not
-- give a guesser new guesses. Answers as private.session_json does. Raises unknown_user.
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
$$;

-- What Flask makes tokens of: {session_id, expires_at, human_until, user}.
create function private.session_json(p_session private.sessions, p_user public.users) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('session_id', p_session.id, 'expires_at', p_session.expires_at,
                            'human_until', p_session.human_until, 'user', private.user_json(p_user))
$$;

-- Exchanges a refresh token for the next. Answers {status: 'rotated'} and what private.session_json does, or {status:
-- 'refused'}; a copy also ends its family, which is why a refusal is an answer and no error: an error would roll that
-- back.
create function public.rotate_session(token_hash text, new_token_hash text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- True for a token that was exchanged for others, none of which has been used.
create function private.only_unused_children(p_token_hash text) returns boolean
language sql stable set search_path = '' as $$
  select coalesce(bool_and(t.used_at is null), false) from private.refresh_tokens t where t.parent_hash = p_token_hash
$$;

-- Ends the session of a refresh token, or all sessions of its owner. An unknown token is no error: it is signed out.
create function public.close_session(token_hash text, everywhere boolean default false) returns void
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- Ends every session: after a restore, in which those live again that have ended since the backup, and after a leak.
-- Access tokens that are out last for their quarter of an hour. Answers how many it has ended.
create function public.end_all_sessions() returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_ended integer;
begin
  update private.sessions s set ended_at = v_now, end_reason = 'ended_by_operator'
  where s.ended_at is null and s.expires_at > v_now;
  get diagnostics v_ended = row_count;
  return v_ended;
end
$$;

-- Forgets sessions and counts that no longer matter to anyone.
create function private.purge_old_sign_ins() returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  delete from private.sessions s where least(s.expires_at, s.ended_at) < v_now - interval '7 days';
  perform private.purge_rate_limits(v_now);
end
$$;

grant execute on function
  public.open_session(uuid, text, text, text),
  public.rotate_session(text, text),
  public.close_session(text, boolean),
  public.end_all_sessions()
to service_role;
