-- What a hosted Supabase project already has and a plain PostgreSQL 17 lacks: roles, schemas, grants, the claims
-- helpers and the tables of Realtime. Run once by the superuser supabase_admin before any migration; runs again
-- without harm. Roles belong to the cluster, the rest to the database. Nothing here is part of the product.

-- Roles ---------------------------------------------------------------------------------------------------------------

do $$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role', 'authenticator', 'postgres',
                                'supabase_auth_admin', 'supabase_realtime_admin']
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      execute format('create role %I', v_role);
    end if;
  end loop;
end
$$;

alter role service_role bypassrls;
alter role authenticator login noinherit password 'postgres';
-- As hosted: the role that runs migrations is no superuser.
alter role postgres login nosuperuser createdb createrole replication bypassrls password 'postgres';
alter role supabase_admin password 'postgres';
grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to postgres with admin option;
-- Hosted, postgres is no member, and an extension lets it write policies on realtime.messages all the same. A plain
-- PostgreSQL asks for the owner's rights: postgres inherits them here, and a trigger below refuses all but policies.
grant supabase_realtime_admin to postgres with inherit true, set false;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

-- A project is born with these, and a migration may change them: they must survive the next run of this file.
do $$
declare
  v_role text;
  v_timeout text;
begin
  for v_role, v_timeout in values ('anon', '3s'), ('authenticated', '8s') loop
    if not exists (select from pg_catalog.pg_roles r, unnest(r.rolconfig) c
                   where r.rolname = v_role and c like 'statement_timeout=%') then
      execute format('alter role %I set statement_timeout = %L', v_role, v_timeout);
    end if;
  end loop;
end
$$;
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';

-- Schemas -------------------------------------------------------------------------------------------------------------

do $$
begin
  execute format('alter database %I owner to postgres', current_database());
end
$$;

create schema if not exists extensions;
create schema if not exists auth authorization supabase_auth_admin;
create schema if not exists realtime authorization supabase_realtime_admin;
create schema if not exists graphql_public;
grant usage on schema public, extensions, auth, realtime, graphql_public to anon, authenticated, service_role, postgres;
grant all on schema extensions to postgres;
grant create on schema public to postgres;

-- Since 30 October 2026 the API roles can neither read nor write what a migration creates until it says so. Hosted
-- projects revoked just that from a grant of everything, so the rest is still granted; PUBLIC keeps EXECUTE on new
-- functions. What supabase_admin creates is granted as before, which pg_dump writes down for a restore.
alter default privileges for role postgres in schema public
  grant truncate, references, trigger, maintain on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant update on sequences to anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on functions to postgres, anon, authenticated, service_role;

-- Claims --------------------------------------------------------------------------------------------------------------

create or replace function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim', true), ''),
                  nullif(current_setting('request.jwt.claims', true), ''))::jsonb
$$;

create or replace function auth.uid() returns uuid language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
                  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$$;

create or replace function auth.role() returns text language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.role', true), ''),
                  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
$$;

-- Realtime ------------------------------------------------------------------------------------------------------------

create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default now(),
  inserted_at timestamp not null default now(),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  primary key (id, inserted_at)
) partition by range (inserted_at);

alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
grant select, insert, update on realtime.messages to anon, authenticated, service_role, postgres;
create index if not exists messages_inserted_at_topic_index on realtime.messages (inserted_at desc, topic)
  where extension = 'broadcast' and private;

-- The real server makes tomorrow's partitions and drops those older than 72 hours; so does ours, by calling this.
create or replace function realtime.maintain_partitions() returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_day date;
  v_old record;
begin
  for v_day in select generate_series(now() - interval '1 day', now() + interval '4 days', interval '1 day') loop
    if to_regclass(format('realtime.messages_%s', to_char(v_day, 'YYYY_MM_DD'))) is null then
      execute format('create table realtime.%I partition of realtime.messages for values from (%L) to (%L)',
                     'messages_' || to_char(v_day, 'YYYY_MM_DD'), v_day, v_day + 1);
      execute format('alter table realtime.%I owner to supabase_realtime_admin',
                     'messages_' || to_char(v_day, 'YYYY_MM_DD'));
      execute format('alter table realtime.%I enable row level security', 'messages_' || to_char(v_day, 'YYYY_MM_DD'));
    end if;
  end loop;
  for v_old in
    select c.relname from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'realtime.messages'::regclass
      and to_date(right(c.relname, 10), 'YYYY_MM_DD') < current_date - 3
  loop
    execute format('drop table realtime.%I', v_old.relname);
  end loop;
end
$$;
select realtime.maintain_partitions();
revoke execute on function realtime.maintain_partitions() from public;

create or replace function realtime.topic() returns text language sql stable as $$
  select nullif(current_setting('realtime.topic', true), '')
$$;

-- A failed broadcast warns and never aborts its caller, which costs a subtransaction, here as there.
create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void language plpgsql as $$
declare
  v_id uuid := gen_random_uuid();
begin
  begin
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (v_id, case when payload ? 'id' then payload else payload || jsonb_build_object('id', v_id) end,
            event, topic, private, 'broadcast');
  exception when others then
    raise warning 'realtime.send: %', sqlerrm;
  end;
end
$$;

create or replace function realtime.send_binary(payload bytea, event text, topic text, private boolean default true)
returns void language plpgsql as $$
begin
  begin
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (binary_payload, event, topic, private, extension)
    values (payload, event, topic, private, 'broadcast');
  exception when others then
    raise warning 'realtime.send_binary: %', sqlerrm;
  end;
end
$$;

create or replace function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text,
  new record, old record, level text default 'ROW')
returns void language plpgsql as $$
begin
  if level = 'STATEMENT' then
    raise exception 'function can only be triggered for each row, not for each statement';
  end if;
  begin
    perform realtime.send(
      jsonb_build_object('schema', table_schema, 'table', table_name, 'operation', operation,
                         'record', to_jsonb(new), 'old_record', to_jsonb(old)),
      event_name, topic_name);
  exception when others then
    raise exception 'realtime.broadcast_changes: %', sqlerrm;
  end;
end
$$;

do $$
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
    alter publication supabase_realtime owner to postgres;
  end if;
  -- What the Realtime server reads, through a temporary logical slot. Its root is published so that a partition
  -- made tomorrow needs no new publication.
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime_messages') then
    create publication supabase_realtime_messages for table realtime.messages
      with (publish = 'insert', publish_via_partition_root = true);
  end if;
end
$$;

-- As hosted, postgres may write policies and triggers on realtime.messages and change nothing else in the schema.
create or replace function extensions.protect_realtime() returns event_trigger
language plpgsql set search_path = '' as $$
declare
  v_refused text;
begin
  if current_user <> 'postgres' then
    return;
  elsif tg_event = 'sql_drop' then
    select d.object_identity into v_refused from pg_catalog.pg_event_trigger_dropped_objects() d
    where d.schema_name = 'realtime' and d.original and d.object_type not in ('policy', 'trigger');
  else
    select c.object_identity into v_refused from pg_catalog.pg_event_trigger_ddl_commands() c
    where c.schema_name = 'realtime' and c.object_type not in ('policy', 'trigger')
      or c.command_tag = 'COMMENT' and c.object_identity like '% on realtime.messages';
  end if;
  if v_refused is not null then
    raise insufficient_privilege using message = format('must be owner of %s', v_refused);
  end if;
end
$$;

do $$
begin
  if not exists (select from pg_catalog.pg_event_trigger where evtname = 'realtime_is_protected') then
    create event trigger realtime_is_protected on ddl_command_end execute function extensions.protect_realtime();
    create event trigger realtime_is_protected_from_drops on sql_drop execute function extensions.protect_realtime();
  end if;
end
$$;

-- The Data API reloads its schema after DDL, as hosted ---------------------------------------------------------------

create or replace function extensions.pgrst_watch() returns event_trigger language plpgsql as $$
begin
  notify pgrst, 'reload schema';
end
$$;

do $$
begin
  if not exists (select from pg_catalog.pg_event_trigger where evtname = 'pgrst_ddl_watch') then
    create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_watch();
    create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_watch();
  end if;
end
$$;
