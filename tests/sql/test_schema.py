"""The migrations make what sql/ says; and what the Supabase CLI's lints say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from dev import migrations, schema
from dev.postgres import Cluster
from tests.sql.catalog import CATALOG


def catalog(url: str) -> list[tuple[str, str | None]]:
    with psycopg.connect(url) as connection:
        connection.execute("set search_path = ''")
        return [(name, value) for name, value in connection.execute(CATALOG)]


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
    assert catalog(migrated) == catalog(described)
    assert migrations.diff(migrated, described) == ""


# One breakage for each kind of object. The CLI's own diff overlooks some of them; the catalog must see them all.
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
    "a default privilege": "alter default privileges grant execute on functions to public",
    "a storage parameter": "alter table public.seat_locks reset (autovacuum_vacuum_threshold)",
    "a comment": "comment on table public.seat_locks is 'something else'",
    "a row of settings": "update private.settings set seats_per_customer = 11",
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_every_kind_of_difference_is_detected(cluster: Cluster, described: str, breakage: str) -> None:
    cluster.create_database("broken", "described")
    try:
        with psycopg.connect(cluster.url("broken"), autocommit=True) as connection:
            connection.execute(BREAKAGES[breakage].encode())
        assert catalog(cluster.url("broken")) != catalog(described)
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
    names = [name.rsplit(".", 1)[1] for name, _ in catalog(described) if name.startswith("constraint ")]
    generated = re.compile(r"_(check|excl|key\d*)$")
    assert [name for name in names if generated.search(name)] == []
