-- The human check (Turnstile or hCaptcha, whichever Flask is set up with), off by default. Nobody is asked on an
-- ordinary day: lock_seats asks where a showtime is under pressure, that is while most of the seats that it has left
-- are held and not paid for, which costs somebody with many accounts and no money nothing.
--
-- Flask verifies the check with its provider and has it recorded on the session. The access token carries until when it
-- counts: the claim human_until, in seconds since 1970. A claim is signed, so what reads it reads no table.

-- True for a caller whose token says that a check was passed and still counts.
create function private.is_human(p_now timestamptz) returns boolean
language plpgsql stable set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
begin
  return jsonb_typeof(v_claims -> 'human_until') = 'number'
    and (v_claims ->> 'human_until')::numeric > extract(epoch from p_now);
end
$$;

-- True while more of the showtime's unsold seats are held than settings.human_check_held_share allows. What one
-- customer may hold is never pressure: else the last seats of every showtime would be.
create function private.under_pressure(p_showtime_id bigint, p_now timestamptz) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
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
$$;

-- Lets pass who is a person as far as we know, and everybody while the showtime is not under pressure. Raises
-- human_check_required.
create function private.require_human(p_showtime_id bigint, p_now timestamptz) returns void
language plpgsql stable set search_path = '' as $$
begin
  if private.is_human(p_now) is not true and private.under_pressure(p_showtime_id, p_now) then
    perform private.raise_api_error('human_check_required');
  end if;
end
$$;

-- A customer's own session that has not ended. Raises session_ended.
create function private.live_session(p_session_id uuid, p_user_id uuid) returns private.sessions
language plpgsql volatile set search_path = '' as $$
declare
  v_session private.sessions;
begin
  select s.* into v_session from private.sessions s where s.id = p_session_id and s.user_id = p_user_id for update;
  if not found or v_session.ended_at is not null or v_session.expires_at <= private.now() then
    perform private.raise_api_error('session_ended');
  end if;
  return v_session;
end
$$;

-- Counts a check that Flask is about to verify: {status: 'admitted'}, or {status: 'limited', retry_after} in seconds.
-- Asked before the provider is; it answers instead of raising, or what it counted would be rolled back. Raises
-- session_ended.
create function public.begin_human_check(session_id uuid, user_id uuid, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- Records that a session passed: its access tokens say so until then, the next ones too. Answers as rotate_session
-- does, without a status. Raises session_ended.
create function public.pass_human_check(session_id uuid, user_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

grant execute on function
  public.begin_human_check(uuid, uuid, text),
  public.pass_human_check(uuid, uuid)
to service_role;
