-- Limits on how often something may be tried, where too often does harm, whichever process is asked. How often is too
-- often is in private.settings. (Seats chosen have a limit that seat_locks.sql reads from its own rows.)

create table private.rate_limit_hits (
  id bigint generated always as identity primary key,
  key text not null,
  source text,
  expires_at timestamptz not null,
  hit_at timestamptz not null default private.now()
);
create index rate_limit_hits_by_key on private.rate_limit_hits (key, hit_at);
create index rate_limit_hits_by_expiry on private.rate_limit_hits (expires_at);
alter table private.rate_limit_hits enable row level security;

comment on column private.rate_limit_hits.key is
  'What is limited and for whom. Only the last part may hold what a stranger wrote, or one limit could name another.';
comment on column private.rate_limit_hits.source is 'The address that it came from, where a success there clears it.';

-- At most so many hits of a key within a span; null for no limit.
create type private.rate_limit as (key text, max_hits integer, span interval);

-- Counts one hit for each of the limits and answers 0; or, where any of them is reached, counts nothing and answers in
-- how many seconds all will let the next pass. Without a limit nothing is counted.
create function private.check_rate_limit(p_limits private.rate_limit[], p_source text default null) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_key text;
  v_now timestamptz;
  v_wait numeric;
begin
  -- In the order of keys, so that two calls which share more than one never wait for each other.
  for v_key in select l.key from unnest(p_limits) l where l.max_hits is not null order by l.key collate "C"
  loop
    perform pg_advisory_xact_lock(hashtextextended(v_key, 0));
  end loop;
  v_now := private.now();
  -- Of each limit that is reached, the hit that has to leave its span first.
  select max(extract(epoch from blocking.hit_at + l.span - v_now)) into v_wait
  from unnest(p_limits) l
  cross join lateral (
    select h.hit_at from private.rate_limit_hits h
    where h.key = l.key and h.hit_at > v_now - l.span
    order by h.hit_at desc offset l.max_hits - 1 limit 1) blocking
  where l.max_hits is not null;
  if v_wait is not null then
    return greatest(1, ceil(v_wait));
  end if;
  insert into private.rate_limit_hits (key, source, hit_at, expires_at)
  select l.key, p_source, v_now, v_now + l.span from unnest(p_limits) l where l.max_hits is not null;
  return 0;
end
$$;

-- Takes back what was counted for those keys and came from there.
create function private.clear_rate_limit(p_keys text[], p_source text, p_now timestamptz) returns void
language sql volatile set search_path = '' as $$
  delete from private.rate_limit_hits h where h.key = any (p_keys) and h.source = p_source and h.expires_at > p_now
$$;

-- Deletes hits that no limit counts any more, a minute late: a success may be about to clear those that run out now,
-- and would wait for this while this waits for it.
create function private.purge_rate_limits(p_now timestamptz) returns void
language sql volatile set search_path = '' as $$
  delete from private.rate_limit_hits h where h.expires_at < p_now - interval '1 minute'
$$;

-- Counts an account that somebody at this address is about to open: {status: 'admitted'}, or {status: 'limited',
-- retry_after} in seconds. Asked before the password is hashed, which is what costs; it answers instead of raising, or
-- what it counted would be rolled back.
create function public.check_registration_limit(address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_seconds integer;
begin
  select private.check_rate_limit(
    array[row('registration:' || check_registration_limit.address, c.registrations_per_address, c.sign_in_window)
          ::private.rate_limit])
  into strict v_seconds from private.settings c;
  return case when v_seconds = 0 then jsonb_build_object('status', 'admitted')
              else jsonb_build_object('status', 'limited', 'retry_after', v_seconds) end;
end
$$;

grant execute on function public.check_registration_limit(text) to service_role;
