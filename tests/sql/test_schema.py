"""The migrations make what sql/ says; and what the Supabase CLI's lints say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from dev import migrations, schema
from dev.postgres import Cluster

# One row for everything in our schemas that a migration can get wrong, as text that does not depend on OIDs or on the
# order in which things were made.
CATALOGUE = r"""
with ours as (select oid, nspname from pg_namespace where nspname in ('public', 'private'))
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
from pg_class c join ours on ours.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S')
union all
select 'column ' || c.oid::regclass || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                 a.attcollation, pg_get_expr(d.adbin, d.adrelid), a.attnum,
                 (select array_agg(x::text order by x::text) from unnest(a.attacl) x), col_description(c.oid, a.attnum))
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join ours on ours.oid = c.relnamespace
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
union all
select 'constraint ' || conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) || convalidated::text
from pg_constraint where connamespace in (select oid from ours)
union all
select 'index ' || indexrelid::regclass, pg_get_indexdef(indexrelid) || indisvalid::text
from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace in (select oid from ours)
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
where not tgisinternal and c.relnamespace in (select oid from ours)
union all
select 'settings', s::text from private.settings s
union all
select 'sweeps', (to_jsonb(s) - 'created_at')::text from private.sweeps s
order by 1, 2
"""


def catalogue(url: str) -> list[tuple[str, str | None]]:
    with psycopg.connect(url) as connection:
        connection.execute("set search_path = ''")
        return [(name, value) for name, value in connection.execute(CATALOGUE)]


@pytest.fixture(scope="module")
def described(cluster: Cluster) -> Iterator[str]:
    """A database made from sql/."""
    cluster.create_database("described")
    cluster.apply_supabase_shim("described")
    with psycopg.connect(cluster.url("described"), autocommit=True) as connection:
        connection.execute(schema.script().encode())
    yield cluster.url("described")
    cluster.drop_database("described")


@pytest.fixture(scope="module")
def migrated(cluster: Cluster) -> Iterator[str]:
    """A database made from supabase/migrations by the Supabase CLI."""
    cluster.create_database("migrated")
    cluster.apply_supabase_shim("migrated")
    said = migrations.push(cluster.url("migrated"), seed=False)
    assert "Applying migration" in said
    assert "warn" not in said.lower()  # of config.toml, or of a statement
    yield cluster.url("migrated")
    cluster.drop_database("migrated")


def test_the_migrations_make_what_sql_says(described: str, migrated: str) -> None:
    assert catalogue(migrated) == catalogue(described)
    assert migrations.diff(migrated, described) == ""


# One breakage for each kind of object. The CLI's own diff overlooks some of them; the catalogue must see them all.
BREAKAGES = {
    "a column is gone": "alter table public.payments drop column failure_message",
    "a default differs": "alter table private.settings alter lock_duration set default '9 minutes'",
    "a column may be null": "alter table public.bookings alter reference drop not null",
    "a check is gone": "alter table public.bookings drop constraint total_is_positive",
    "the exclusion is gone": "alter table public.seat_locks drop constraint one_holder_at_a_time",
    "a foreign key is gone": "alter table public.payments drop constraint its_booking",
    "an index is gone": "drop index public.seat_locks_by_end",
    "a partial index is whole": "drop index public.a_seat_is_sold_once;"
    " create unique index a_seat_is_sold_once on public.booking_seats (showtime_id, seat_id)",
    "row security is off": "alter table public.bookings disable row level security",
    "a policy is wider": 'alter policy "people read their own bookings" on public.bookings using (true)',
    "a policy on messages is gone": 'drop policy "anyone follows showtimes and films" on realtime.messages',
    "a table grant more": "grant insert on public.seat_locks to authenticated",
    "a column grant more": "grant update (role) on public.users to authenticated",
    "a function grant more": "grant execute on function public.confirm_booking to anon",
    "a schema grant more": "grant usage on schema private to anon",
    "a function's body": "create or replace function private.now() returns timestamptz language plpgsql volatile"
    " parallel safe set search_path = '' as $$ begin return now(); end $$",
    "a function's rights": "alter function public.seat_map security invoker",
    "a function's volatility": "alter function public.seat_map volatile",
    "a function's path": "alter function public.seat_map reset search_path",
    "an enum's label": "alter type public.seat_kind add value 'beanbag'",
    "a trigger is off": "alter table public.theaters disable trigger time_zone_exists",
    "a storage parameter": "alter table public.seat_locks reset (autovacuum_vacuum_threshold)",
    "a comment": "comment on table public.seat_locks is 'something else'",
    "a row of settings": "update private.settings set seats_per_customer = 11",
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_no_kind_of_difference_goes_unseen(cluster: Cluster, described: str, breakage: str) -> None:
    cluster.create_database("broken", "described")
    try:
        with psycopg.connect(cluster.url("broken"), autocommit=True) as connection:
            connection.execute(BREAKAGES[breakage].encode())
        assert catalogue(cluster.url("broken")) != catalogue(described)
    finally:
        cluster.drop_database("broken")


# Lints at `warn` or above that we live with, each with its reason. There is none.
ACCEPTED: dict[str, str] = {}


def test_the_advisors_find_nothing_that_we_have_not_accepted(migrated: str) -> None:
    found = {(lint["name"], lint["detail"]) for lint in migrations.advisors(migrated) if lint["level"] != "INFO"}
    assert {name for name, _ in found} == set(ACCEPTED), found


@pytest.mark.usefixtures("described")
def test_the_advisors_can_find_something(cluster: Cluster) -> None:
    cluster.create_database("careless", "described")
    try:
        with psycopg.connect(cluster.url("careless"), autocommit=True) as connection:
            connection.execute("alter table public.bookings disable row level security")
        found = {lint["name"] for lint in migrations.advisors(cluster.url("careless")) if lint["level"] != "INFO"}
        assert "policy_exists_rls_disabled" in found
    finally:
        cluster.drop_database("careless")


def test_every_file_of_sql_is_loaded() -> None:
    on_disk = {path.name for path in (schema.ROOT / "sql").rglob("*.sql")}
    assert on_disk == {path.name for path in schema.files()}


def test_constraints_read_as_sentences(described: str) -> None:
    names = [name.rsplit(".", 1)[1] for name, _ in catalogue(described) if name.startswith("constraint ")]
    generated = re.compile(r"_(check|excl|key\d*)$")
    assert [name for name in names if generated.search(name)] == []
