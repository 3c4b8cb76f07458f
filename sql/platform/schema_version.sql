-- Which version of the schema this database has: the timestamp of the newest migration that sql/ is drawn from. On
-- an older one the server logs an error and /readyz answers 503. `make migration` sets it; a test compares
-- it with supabase/migrations.

create function private.schema_version() returns text
language sql immutable parallel safe set search_path = '' as $$
  select '20261128000400'
$$;

-- The same for the server, which has the secret key.
create function public.schema_version() returns text
language sql stable security definer set search_path = '' as $$
  select private.schema_version()
$$;

grant execute on function public.schema_version() to service_role;
