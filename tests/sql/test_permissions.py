"""docs/permissions.md says what the database says; and that the comparison would see a right won or lost."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from dev import schema
from dev.postgres import ADMIN, Cluster
from tests.sql import permissions


@pytest.fixture(scope="module")
def connection(cluster: Cluster) -> Iterator[psycopg.Connection]:
    """The schema of sql/ as it is, without the clock of tests."""
    cluster.create_database("permitted")
    cluster.apply_supabase_shim("permitted")
    # The role that runs migrations; one change below needs the superuser behind it.
    with psycopg.connect(cluster.url("permitted", ADMIN), options="-c role=postgres") as connection:
        connection.execute(schema.script().encode())
        connection.commit()
        yield connection
    cluster.drop_database("permitted")


# A role of which the page does not know yet, such as the postgres of the tests may make an owner.
SOMEBODY = "create role mallory; grant mallory to postgres; grant create on schema public to mallory"


def test_the_page_says_what_the_database_says(connection: psycopg.Connection) -> None:
    assert permissions.PAGE.read_text() == permissions.page(connection), "run `make types` and read what changes"


@pytest.mark.parametrize(
    "change",
    [
        "grant insert on public.bookings to authenticated",
        "grant update (email) on public.users to authenticated",
        "grant select on public.users to authenticated",
        "grant select (held) on public.seat_locks to anon",
        "grant select on private.credentials to service_role",
        "grant usage on schema private to public",
        "grant create on schema public to authenticated",
        "grant execute on function private.raise_api_error(text, jsonb) to public",
        "revoke execute on function public.seat_map(bigint) from anon",
        "alter function public.seat_map(bigint) security invoker",
        "grant usage on sequence public.seats_id_seq to anon",
        "alter table public.bookings disable row level security",
        "create policy more on public.bookings for select to anon using (true)",
        'alter policy "people read themselves" on public.users using (true)',
        "create table public.forgotten (id bigint)",
        "create function public.forgotten() returns void language sql as ''",
        "alter default privileges in schema public grant select on tables to anon",
        "alter default privileges in schema private grant usage on types to anon",
        "grant delete on realtime.messages to anon",
        "revoke select on realtime.messages from authenticated",
        "grant update (payload) on realtime.messages to public",
        "set role none; alter table realtime.messages disable row level security",
        "grant usage on schema realtime to public",
        "grant select on public.movies to anon with grant option",
        # To a role that the page does not know.
        "grant usage on schema private to mallory",
        "grant select on public.bookings to mallory",
        "grant select (password_hash) on private.credentials to mallory",
        "grant usage on sequence public.seats_id_seq to mallory",
        "grant execute on function public.confirm_booking to mallory",
        "grant usage on type public.user_role to mallory",
        "grant insert on realtime.messages to mallory",
        "alter default privileges in schema public grant select on tables to mallory",
        "alter default privileges for role mallory grant select on tables to anon",
        "grant service_role to mallory",
        "alter table public.movies owner to mallory",
        "alter function public.seat_map(bigint) owner to mallory",
    ],
)
def test_every_change_of_permissions_is_detected(connection: psycopg.Connection, change: str) -> None:
    connection.execute(SOMEBODY)
    before = permissions.tables(connection)
    try:
        connection.execute(change.encode())
        after = permissions.tables(connection)
    finally:
        connection.rollback()
    assert after != before


# PUBLIC is everybody who is a role at all; grantee 0. A function without a list of rights has the built-in one.
EXECUTABLE_BY_PUBLIC = """
select p.oid::regprocedure::text from pg_proc p
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and a.grantee = 0
  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
"""


def test_no_function_is_granted_to_public(connection: psycopg.Connection) -> None:
    assert connection.execute(EXECUTABLE_BY_PUBLIC).fetchall() == []


@pytest.mark.parametrize("schema_name", ["public", "private"])
def test_ungranted_functions_cannot_be_called(connection: psycopg.Connection, schema_name: str) -> None:
    """By the default rights that sql/platform/schemas.sql takes away: no file need revoke anything."""
    try:
        connection.execute(f"create function {schema_name}.forgotten() returns void language sql as ''".encode())
        assert connection.execute(EXECUTABLE_BY_PUBLIC).fetchall() == []
        for role in ("anon", "authenticated", "service_role", "authenticator"):
            asked = connection.execute(
                "select has_function_privilege(%s, %s, 'execute')", [role, f"{schema_name}.forgotten()"]
            ).fetchone()
            assert (role, asked) == (role, (False,))
    finally:
        connection.rollback()


def test_mutant_a_default_of_one_schema_takes_nothing_away(connection: psycopg.Connection) -> None:
    """Why schemas.sql says it for all schemas at once."""
    try:
        connection.execute("alter default privileges grant execute on functions to public")
        connection.execute("alter default privileges in schema public revoke execute on functions from public")
        connection.execute("create function public.forgotten() returns void language sql as ''")
        assert connection.execute(EXECUTABLE_BY_PUBLIC).fetchall() == [("forgotten()",)]
    finally:
        connection.rollback()


def test_an_older_postgresql_is_not_asked_about_what_it_does_not_know() -> None:
    assert "maintain" not in permissions.table_privileges(160009)
    assert "maintain" in permissions.table_privileges(170000)
