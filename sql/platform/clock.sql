-- The one clock. Every rule about time asks it, once per call, so that tests can move time by replacing it.
--
-- It is the clock on the wall and not the transaction's start: a call that has waited for another to commit must judge
-- by the time it is then, or it would begin a lock in the past.

create function private.now() returns timestamptz
language plpgsql volatile parallel safe set search_path = '' as $$
begin
  return clock_timestamp();
end
$$;

-- For clients, which count down to instants of ours: their own clock may be wrong. A kept time would be, too.
create function public.server_time() returns timestamptz
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.set_cache_control('no-store');
  return private.now();
end
$$;

grant execute on function public.server_time() to anon, authenticated;
