-- Frontrow's database, first page: the schemas that everything else stands in.
--
-- `public` is the API: clients call its functions as RPC and have no privilege on its tables, which have row security
-- all the same. `private` is what no client ever names: the Data API does not expose it and no API role may use it.
-- Files load in the order that supabase/config.toml lists; each holds one concept: table, constraints, indexes, row
-- security, functions, grants.
--
-- Begin with booking/seat_locks.sql and bookings.sql for the life of a seat, with payments/payments.sql and refunds.sql
-- for the life of money.

-- An older PostgreSQL would take all of it, since a function's body is not read before it is called, and then refuse
-- every call of a customer who is signed in: pg_input_is_valid came with 16.
do $$
begin
  if current_setting('server_version_num')::integer < 160000 then
    raise exception 'Frontrow needs PostgreSQL 16 or newer; this is %.', current_setting('server_version')
      using errcode = 'feature_not_supported', hint = 'Upgrade the project''s PostgreSQL, then push the migrations again.';
  end if;
end
$$;

create schema if not exists private;
revoke all on schema private from public;

create extension if not exists btree_gist with schema extensions;
-- For the search of films (catalog/search.sql).
create extension if not exists unaccent with schema extensions;
create extension if not exists pg_trgm with schema extensions;

-- Older projects, and self-hosted ones, give the API roles all that a migration creates. Here all is granted by name,
-- so that is taken back first. No `for role`: it is the role that runs this and owns what it makes, on a hosted project
-- `postgres`.
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;
-- And everybody may execute a new function, unless this says otherwise for every schema: defaults of one schema only
-- add to those, and cannot take away from them.
alter default privileges revoke execute on functions from public;

-- No call of a client may keep a connection for longer: strangers a second, customers three, waits for locks included.
-- A project's own are 3 s and 8 s. What was cancelled is answered 57014, which pages take for `busy`. The secret key
-- has its connection's. Roles belong to the whole cluster, so no dump has this.
alter role anon set statement_timeout = '1s';
alter role authenticated set statement_timeout = '3s';
-- The Data API applies them, and reads them with its configuration.
notify pgrst, 'reload config';
