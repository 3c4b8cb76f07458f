"""docs/permissions.md says what the database says; and that the comparison would see a right won or lost."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from dev import permissions, schema
from dev.postgres import Cluster


@pytest.fixture(scope="module")
def connection(cluster: Cluster) -> Iterator[psycopg.Connection]:
    """The schema of sql/ as it is, without the clock of tests."""
    cluster.create_database("permitted")
    cluster.dress("permitted")
    with psycopg.connect(cluster.url("permitted")) as connection:
        connection.execute(schema.script().encode())
        connection.commit()
        yield connection
    cluster.drop_database("permitted")


def test_the_page_says_what_the_database_says(connection: psycopg.Connection) -> None:
    assert permissions.PAGE.read_text() == permissions.page(connection), "read what `python -m dev.permissions` changes"


@pytest.mark.parametrize(
    "change",
    [
        "grant insert on public.bookings to authenticated",
        "grant update (email) on public.users to authenticated",
        "revoke update (full_name) on public.users from authenticated",
        "grant select (held) on public.seat_locks to anon",
        "grant select on private.credentials to service_role",
        "grant usage on schema private to public",
        "grant create on schema public to authenticated",
        "grant execute on function private.fail(text, jsonb) to public",
        "revoke execute on function public.seat_map(bigint) from anon",
        "alter function public.seat_map(bigint) security invoker",
        "grant usage on sequence public.seat_locks_id_seq to anon",
        "alter table public.bookings disable row level security",
        "create policy more on public.bookings for select to anon using (true)",
        'alter policy "people read themselves" on public.users using (true)',
        "create table public.forgotten (id bigint)",
        "create function public.forgotten() returns void language sql as ''",
        "alter default privileges in schema public grant select on tables to anon",
    ],
)
def test_no_change_passes_unseen(connection: psycopg.Connection, change: str) -> None:
    before = permissions.tables(connection)
    connection.execute(change.encode())
    after = permissions.tables(connection)
    connection.rollback()
    assert after != before
