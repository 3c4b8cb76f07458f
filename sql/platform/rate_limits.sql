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
