-- Leaving: a person is forgotten, at once or when the last of what they have here is over.
--
-- Forgotten is who somebody was: name and address, and all by which they could sign in. What they bought stays, as
-- figures under an id that stands for nobody: the books of the cinema and of Stripe still agree. docs/privacy.md says
-- it to people.
--
--   delete_my_account, forget_user --nothing is open--> forgotten
--                                  --something is--> a departure --it is over--> forgotten
--   a departure --they sign in again--> none
--
-- Until then emails about what is open still arrive, so name and address stay. Sessions end at once.
--
-- Locks are taken in this order, as everywhere in accounts: the customer's turn (as in booking/seat_locks.sql, but
-- without a showtime, since no seat is touched), then their row of users, then their sessions.

-- Who has asked to be forgotten and is not yet. A row goes with what it waits for.
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

-- Until when a person has something here that needs their name or address; null for nothing. That is a selection that
-- is held, a booking that is pending or whose show is not over, money on its way or in dispute, and work for the world
-- outside that has not been done: emails, and orders to Stripe. What has no known end is looked at again in a while: in
-- some minutes what is ours to do, in a day what a bank decides.
create function private.open_until(p_user_id uuid, p_now timestamptz) returns timestamptz
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
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
$$;

-- Waits until nothing else is done for or by a person, and answers their row of users; no row for nobody.
create function private.lock_person(p_user_id uuid) returns public.users
language plpgsql volatile set search_path = '' as $$
declare
  v_user public.users;
begin
  perform private.lock_customer(null, p_user_id);
  select * into v_user from public.users u where u.id = p_user_id for update;
  perform from private.sessions s where s.user_id = p_user_id order by s.id for update;
  return v_user;
end
$$;

-- Forgets a person, unless something of theirs is open. Answers until when it is; null for who is forgotten. Again it
-- changes nothing.
--
-- It waits for their calls, so that a booking which is being made counts as open, and keeps later ones waiting, which
-- then find nobody. What goes with the account is every table that refers to users `on delete cascade`: a new one has
-- only to say so.
create function private.forget_person(p_user_id uuid) returns timestamptz
language plpgsql volatile set search_path = '' as $$
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
$$;

-- The name of those whose name is forgotten.
create function private.forgotten_name() returns text
language sql immutable parallel safe set search_path = '' as $$
  select 'Former customer'
$$;

-- Cleans what the emails to a person left behind, those to their address among them that were for whoever has it: that
-- there was one stays, what was said and what a mail server answered goes. What was given up can arrive no more.
create function private.clean_outbox(p_user public.users) returns void
language sql volatile set search_path = '' as $$
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
$$;

-- Lets a person leave: forgets them, or ends their sessions and has them forgotten when all is over. Answers {status:
-- 'deleted'} or {status: 'scheduled', until}. Raises unknown_user.
create function private.leave(p_user_id uuid) returns jsonb
language plpgsql volatile set search_path = '' as $$
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
$$;

-- What deleting an account needs: {status: 'known', password_hash}, {status: 'unknown'} for who has no password,
-- {status: 'limited', retry_after} in seconds. A try is counted as a sign-in, since it is one more way to guess a
-- password. Raises session_ended.
create function public.begin_leaving(session_id uuid, user_id uuid, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

-- A person deletes their own account; Flask has checked who it is. With them go guests with their address, if that is
-- proved: it was them, or somebody who used it. Answers as private.leave does. Raises unknown_user, busy.
create function public.delete_my_account(user_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
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
$$;

-- An operator has somebody forgotten who asked for it: all who have that address, guests among them, or the one with
-- that id. Answers [{user_id, status, until}] as private.leave does. Raises unknown_user, busy.
create function public.forget_user(who text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
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
$$;

-- Forgets who has left and for whom all is over by now. Who is busy at this moment, or still has something open, comes
-- later. One that raises keeps no other from being forgotten: it is tried again in an hour, and check_invariants()
-- names it after a day. Answers how many are forgotten.
create function private.forget_departed(p_now timestamptz, p_max_people integer) returns integer
language plpgsql volatile set search_path = '' as $$
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
$$;

-- Forgets guests who came before that time and whose last show was over by then. Who is busy at this moment, or has
-- something open, comes later. Answers how many.
create function private.forget_old_guests(p_until timestamptz, p_now timestamptz, p_max_people integer) returns integer
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
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
$$;

-- Signing in again ends a departure. Nobody signs in as who is forgotten: a password may have been looked at before.
create function private.return_by_signing_in() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Waits for whoever forgets them, and keeps that waiting.
  perform from public.users u where u.id = new.user_id and u.forgotten_at is null for key share;
  if not found then
    perform private.raise_api_error('unknown_user');
  end if;
  delete from private.departures d where d.user_id = new.user_id;
  return new;
end
$$;

create trigger signing_in_ends_a_departure before insert on private.sessions
  for each row execute function private.return_by_signing_in();

-- Who is forgotten stays forgotten: an access token may outlive its account by a quarter of an hour. Raises
-- unknown_user.
create function private.keep_forgotten() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform private.raise_api_error('unknown_user');
  return null;
end
$$;

create trigger who_is_forgotten_stays_forgotten before update on public.users
  for each row when (old.forgotten_at is not null) execute function private.keep_forgotten();

-- An email to who is forgotten is written down and discarded: a refund made at Stripe years later, for instance.
create function private.discard_email_to_nobody() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
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
$$;

create trigger emails_to_nobody_are_discarded before insert on private.outbox
  for each row when (private.is_mail(new.kind)) execute function private.discard_email_to_nobody();

grant execute on function
  public.begin_leaving(uuid, uuid, text),
  public.delete_my_account(uuid),
  public.forget_user(text)
to service_role;
