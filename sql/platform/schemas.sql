-- Frontrow's database, first page: the schemas that everything else stands in.
--
-- `public` is the API: its tables are read through row security, its functions are called as RPC. `private` is what no
-- client ever names: the Data API does not expose it and no API role may use it. Files load in the order that
-- supabase/config.toml lists; each holds one concept: table, constraints, indexes, row security, functions, grants.
--
-- A seat's life is told in seat_locks.sql and bookings.sql, the life of money in payments.sql and refunds.sql.

create schema if not exists private;
revoke all on schema private from public;

-- Older projects, and self-hosted ones, give the API roles all that a migration creates. Here all is granted by name,
-- so that is taken back first.
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;

create extension if not exists btree_gist with schema extensions;

-- PostgreSQL lets everybody call a function that is created, in any schema. Here who may is granted by name.
alter default privileges revoke execute on functions from public;
