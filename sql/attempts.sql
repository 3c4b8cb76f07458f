-- Attempts that are counted, because too many of them do harm, whichever process hears them. How many are too many is
-- in private.settings. (Sign-ins have a table of their own, in users.sql: each counts three times, and a success
-- forgives some.)

create table private.attempts (
  id bigint generated always as identity primary key,
  what text not null,
  who text not null,
  attempted_at timestamptz not null default private.now(),
  constraint what_is_known check (what in ('registration', 'payment'))
);
create index attempts_by_who on private.attempts (what, who, attempted_at);
create index attempts_by_time on private.attempts (attempted_at);
alter table private.attempts enable row level security;

-- Counts an attempt and answers 0; or, after so many within the window, counts nothing and answers in how many seconds
-- the next may come. Without a limit nothing is counted.
create function private.seconds_to_wait(p_what text, p_who text, p_limit integer, p_window interval) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz;
  v_in_the_way timestamptz;
begin
  if p_limit is null then
    return 0;
  end if;
  perform pg_advisory_xact_lock(hashtextextended(p_what || ' by ' || p_who, 0));
  v_now := private.now();
  select a.attempted_at into v_in_the_way from private.attempts a
  where a.what = p_what and a.who = p_who and a.attempted_at > v_now - p_window
  order by a.attempted_at desc offset p_limit - 1 limit 1;
  if found then
    return greatest(1, ceil(extract(epoch from v_in_the_way + p_window - v_now)));
  end if;
  insert into private.attempts (what, who, attempted_at) values (p_what, p_who, v_now);
  return 0;
end
$$;

-- Whether somebody at this address may open an account now: {status: 'admitted'}, or {status: 'limited', retry_after}
-- in seconds. Asked before the password is hashed, which is what costs; it answers instead of raising, or what it
-- counted would be rolled back.
create function public.admit_registration(address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_seconds integer;
begin
  select private.seconds_to_wait('registration', admit_registration.address, c.registrations_per_address, c.sign_in_window)
  into strict v_seconds from private.settings c;
  return case when v_seconds = 0 then jsonb_build_object('status', 'admitted')
              else jsonb_build_object('status', 'limited', 'retry_after', v_seconds) end;
end
$$;

revoke execute on function
  private.seconds_to_wait(text, text, integer, interval),
  public.admit_registration(text)
from public;
grant execute on function public.admit_registration(text) to service_role;
