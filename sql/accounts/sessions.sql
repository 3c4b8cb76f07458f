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
  aal text not null default 'aal1',
  constraint an_end_has_a_reason check ((ended_at is null) = (end_reason is null)),
  constraint end_reason_is_known check (
    end_reason in ('signed_out', 'token_reused', 'too_many', 'ended_by_operator', 'password_changed', 'blocked',
                   'email_proved', 'registered', 'signed_in',
                   'second_factor_confirmed', 'account_deleted')),
  constraint aal_is_known check (aal in ('aal1', 'aal2'))
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
comment on column private.sessions.aal is
  'What was proven: aal1 for one factor, the password; aal2 for a second one as well. Access tokens carry it.';
comment on column private.refresh_tokens.parent_hash is 'The token that this one was exchanged for.';
comment on column private.refresh_tokens.used_at is 'Since when it may not be used any more, or a sibling was instead.';

-- Signs somebody in. Clears what was counted against the account at this address. password_hash: of the password that
-- was given, which may have been changed meanwhile. Who has a second factor must have used a code of it just before
-- (second_factor is true). guest_session_id: of a guest who signs in: what they hold and have bought becomes the
-- account's (guests.sql). Answers as private.session_json does. Raises unknown_user, invalid_credentials,
-- account_blocked, second_factor_required, busy.
create function public.open_session(
  user_id uuid, token_hash text, user_agent text default null, address text default null,
  password_hash text default null, second_factor boolean default false, guest_session_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
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
$$;

-- Begins a session with its first refresh token, and ends the customer's oldest where there are too many.
create function private.begin_session(
  p_user_id uuid, p_token_hash text, p_user_agent text, p_aal text, p_now timestamptz) returns private.sessions
language plpgsql volatile set search_path = '' as $$
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
$$;

-- The role that a session's tokens carry: its user's, or customer for staff who are demanded to have a second factor,
-- while the session has not proven one.
create function private.session_role(p_session private.sessions, p_user public.users) returns public.user_role
language sql stable set search_path = '' as $$
  select case when c.staff_second_factor and (p_session).aal <> 'aal2' then 'customer' else private.proved_role(p_user) end
  from private.settings c
$$;

-- What Flask makes tokens of: {session_id, expires_at, human_until, aal, user}, the user in the session's role.
create function private.session_json(p_session private.sessions, p_user public.users) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('session_id', p_session.id, 'expires_at', p_session.expires_at,
                            'human_until', p_session.human_until, 'aal', p_session.aal,
                            'user', private.user_json(p_user)
                                    || jsonb_build_object('role', private.session_role(p_session, p_user)))
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

-- Ends the sessions of somebody, for that reason; all but one, where one is kept.
create function private.end_sessions(p_user_id uuid, p_reason text, p_kept_session_id uuid default null) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  update private.sessions s set ended_at = v_now, end_reason = p_reason
  where s.user_id = p_user_id and s.ended_at is null and s.id is distinct from p_kept_session_id;
end
$$;

-- The caller's sessions, the latest used first: {server_time, sessions: [{id, user_agent, created_at, last_used_at,
-- current}]}. Raises sign_in_required.
create function public.my_sessions() returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
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
$$;

-- Ends one of the caller's sessions; one that is not theirs, or has ended, is no error. Raises sign_in_required.
create function public.end_my_session(session_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := private.require_user_id();
  v_now timestamptz := private.now();
begin
  update private.sessions s set ended_at = v_now, end_reason = 'signed_out'
  where s.id = end_my_session.session_id and s.user_id = v_user_id and s.ended_at is null;
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

-- Deletes sessions that ended before that time, with their tokens, and guests who have none left and never booked.
create function private.delete_old_sessions(
  p_until timestamptz, p_max_rows integer, out sessions integer, out guests integer)
language plpgsql volatile set search_path = '' as $$
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
$$;

grant execute on function public.my_sessions(), public.end_my_session(uuid) to anon, authenticated;
grant execute on function
  public.open_session(uuid, text, text, text, text, boolean, uuid),
  public.rotate_session(text, text),
  public.close_session(text, boolean),
  public.end_all_sessions()
to service_role;
