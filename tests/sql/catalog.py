"""The catalog of a Frontrow database, to compare two of them."""

from __future__ import annotations

# One row for everything in our schemas that a migration can get wrong, as text that does not depend on OIDs or on the
# order in which things were made.
CATALOG = r"""
with ours as (select oid, nspname from pg_namespace where nspname in ('public', 'private')),
-- Their names say when a database was made, and tests/sql/test_retention.py compares each with its table.
months as (select inhrelid from pg_inherits)
select 'schema ' || nspname, (select array_agg(a::text order by a::text) from unnest(nspacl) a)::text
from pg_namespace where oid in (select oid from ours)
union all
select 'extension ' || e.extname, n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace
union all
select 'relation ' || c.oid::regclass,
       concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
                 pg_get_userbyid(c.relowner), (select array_agg(o order by o) from unnest(c.reloptions) o),
                 (select array_agg(a::text order by a::text) from unnest(c.relacl) a),
                 obj_description(c.oid, 'pg_class'))
from pg_class c join ours on ours.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'S') and not c.relispartition
union all
select 'column ' || c.oid::regclass || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                 a.attcollation, pg_get_expr(d.adbin, d.adrelid),
                 -- Its place among the columns that there are: one that was dropped leaves a gap.
                 (select count(*) from pg_attribute b
                  where b.attrelid = a.attrelid and b.attnum between 1 and a.attnum and not b.attisdropped),
                 (select array_agg(x::text order by x::text) from unnest(a.attacl) x), col_description(c.oid, a.attnum))
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join ours on ours.oid = c.relnamespace
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and a.attnum > 0 and not a.attisdropped
union all
select 'constraint ' || conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) || convalidated::text
from pg_constraint
where connamespace in (select oid from ours) and not exists (select from months m where m.inhrelid = conrelid)
union all
select 'index ' || indexrelid::regclass, pg_get_indexdef(indexrelid) || indisvalid::text
from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relnamespace in (select oid from ours) and not exists (select from months m where m.inhrelid = i.indrelid)
union all
select 'policy ' || schemaname || '.' || tablename || '.' || policyname,
       concat_ws(' ', permissive, (select array_agg(r order by r) from unnest(roles) r), cmd, qual, with_check)
from pg_policies where schemaname in ('public', 'private', 'realtime')
union all
select 'function ' || p.oid::regprocedure,
       concat_ws(' ', p.prokind, p.prosecdef, p.provolatile, p.proparallel, p.proisstrict, p.proconfig,
                 pg_get_function_result(p.oid), pg_get_function_arguments(p.oid), p.prosrc,
                 pg_get_userbyid(p.proowner), obj_description(p.oid, 'pg_proc'),
                 (select array_agg(a::text order by a::text) from unnest(p.proacl) a))
from pg_proc p where p.pronamespace in (select oid from ours)
union all
select 'type ' || t.oid::regtype, string_agg(e.enumlabel, ',' order by e.enumsortorder)
from pg_type t join pg_enum e on e.enumtypid = t.oid where t.typnamespace in (select oid from ours) group by t.oid
union all
select 'trigger ' || tgrelid::regclass || '.' || tgname, pg_get_triggerdef(t.oid) || tgenabled::text
from pg_trigger t join pg_class c on c.oid = tgrelid
where not tgisinternal and c.relnamespace in (select oid from ours) and not c.relispartition
union all
select concat_ws(' ', 'default privileges of', defaclrole::regrole, 'in', n.nspname, 'on', defaclobjtype),
       (select array_agg(a::text order by a::text) from unnest(defaclacl) a)::text
from pg_default_acl left join pg_namespace n on n.oid = defaclnamespace
where defaclrole = (select datdba from pg_database where datname = current_database())
union all
select 'settings', s::text from private.settings s
union all
select 'sweeps', (to_jsonb(s) - 'created_at')::text from private.sweeps s
order by 1, 2
"""
