-- Guests: people who buy without an account. A guest is a user like everybody, with a session and no password, so
-- seats, limits, row security and invariants hold for both; name and address are asked for before they pay. What they
-- hold and have bought becomes an account's in three ways:
--
--   register_user, by a guest   the guest becomes the account
--   open_session, by a guest    all that the guest has becomes the account's, seats that are held included
--   open_session, prove_email, reset_password by an address's owner
--                               tickets that were bought with that address become the owner's
--
-- Locks are taken in this order: the turns of all of them by their ids (private.lock_customer), their users, bookings,
-- seat locks.

-- Whose session that is; null for one that has ended.
create function private.person_of(p_session_id uuid) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  return (select s.user_id from private.sessions s
          where s.id = p_session_id and s.ended_at is null and s.expires_at > v_now);
end
$$;

-- Who registers by a session: whose it is, or was until they registered by it: the answer to that may have been lost.
create function private.who_registers(p_session_id uuid) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  return (select s.user_id from private.sessions s
          where s.id = p_session_id and s.expires_at > v_now and (s.ended_at is null or s.end_reason = 'registered'));
end
$$;

-- Who it is that signs in to an account: a guest, or somebody who has just registered with its address, which is not
-- theirs until they prove it. Null for anybody else's session.
create function private.guest_of(p_session_id uuid, p_account_id uuid) returns uuid
language sql stable set search_path = '' as $$
  select u.id from public.users u
  where u.id = private.person_of(p_session_id) and u.id <> p_account_id
    and (u.kind = 'guest'
         or u.email_verified_at is null and u.email = (select a.email from public.users a where a.id = p_account_id))
$$;

-- Begins the session of a new guest: what private.session_json answers and {status: 'opened'}, or {status: 'limited',
-- retry_after} in seconds. It answers instead of raising, or what it counted would be rolled back. Raises
-- invalid_request.
create function public.open_guest_session(token_hash text, user_agent text, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
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
$$;

-- Says where a guest's emails go and how to greet them; the same again changes nothing. Answers the account
-- (private.account_json). Raises sign_in_required, unknown_user, guests_only, invalid_email, invalid_name.
create function public.set_contact(email text, full_name text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
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
$$;

-- Who has tickets that they bought with an address which is not theirs until somebody proves it, or is buying some, the
-- latest first. A hundred are moved at once; whoever bought with it more often signs in again.
create function private.bookers_with(p_email text, p_owner_id uuid) returns uuid[]
language sql stable set search_path = '' as $$
  select array(
    select u.id from public.users u
    where u.email = p_email and u.id <> p_owner_id and u.email_verified_at is null and u.forgotten_at is null
      and exists (select from public.bookings b where b.user_id = u.id and b.status in ('pending', 'confirmed'))
    order by u.created_at desc, u.id limit 100)
$$;

-- Waits for the turns of an account and of others, by their ids, and answers the others.
create function private.take_turns(p_user_id uuid, p_others uuid[]) returns uuid[]
language plpgsql volatile set search_path = '' as $$
declare
  v_id uuid;
begin
  foreach v_id in array array(select distinct t.id from unnest(p_others || p_user_id) t (id) order by t.id) loop
    perform private.lock_customer(null, v_id);
  end loop;
  return p_others;
end
$$;

-- Waits for the turns of all whose bookings a sign-in moves, and answers who they are beside the guest. Most move none,
-- and wait for nobody.
create function private.take_turns_for_bookings(p_user_id uuid, p_guest_id uuid) returns uuid[]
language plpgsql volatile set search_path = '' as $$
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
$$;

-- Makes bookings an account's: of those who bought with its address, if that is proved, the tickets; of a guest who
-- signs in, all, and the session ends. Whoever calls it has taken their turns.
--
-- Tickets alone, since anybody may have typed the address: an order may be somebody's who is paying at this moment, and
-- those that were left unpaid, or returned, count against whoever has them (holding_limits.sql).
create function private.claim_bookings(p_user public.users, p_others uuid[], p_guest_id uuid, p_now timestamptz)
returns void
language plpgsql volatile set search_path = '' as $$
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
$$;

-- Moves tickets with their seats from one person to another; everything else as well where p_all is true. An order that
-- waits for its payment, and seats that are held, stay where the other has a selection of their own at the showtime: a
-- customer has one there. The history keeps who held what.
create function private.move_bookings(p_from uuid, p_to uuid, p_all boolean, p_now timestamptz) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
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
$$;

-- True for who holds seats of a showtime that are not paid for, or has an order there that is pending.
create function private.has_selection(p_user_id uuid, p_showtime_id bigint, p_now timestamptz) returns boolean
language sql stable set search_path = '' as $$
  select exists (select from public.seat_locks l
                 where l.user_id = p_user_id and l.showtime_id = p_showtime_id
                   and upper(l.held) > p_now and not upper_inf(l.held))
      or exists (select from public.bookings b
                 where b.user_id = p_user_id and b.showtime_id = p_showtime_id and b.status = 'pending')
$$;

grant execute on function public.set_contact(text, text) to anon, authenticated;
grant execute on function public.open_guest_session(text, text, text) to service_role;
