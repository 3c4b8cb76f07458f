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

revoke execute on function private.now() from public;
