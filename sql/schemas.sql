-- Frontrow's database, first page: the schemas that everything else stands in.
--
-- `public` is the API: its tables are read through row security, its functions are called as RPC. `private` is what no
-- client ever names: the Data API does not expose it and no API role may use it. Files load in the order that
-- supabase/config.toml lists; each holds one concept: table, constraints, indexes, row security, functions, grants.
--
-- A seat's life is told in seat_locks.sql and bookings.sql, the life of money in payments.sql and refunds.sql.

create schema if not exists private;
revoke all on schema private from public;

create extension if not exists btree_gist with schema extensions;
