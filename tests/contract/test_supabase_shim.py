"""What the local database has in common with a hosted project beyond what the schema's own tests use."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from dev.postgres import ADMIN, Cluster

POLICY = "create policy mine on realtime.messages for select to anon using (true)"


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> str:
    cluster.create_database("shim")
    for _ in range(2):  # it may run again
        cluster.apply_supabase_shim("shim")
    return cluster.url("shim")


@pytest.fixture
def postgres(url: str) -> Iterator[psycopg.Connection]:
    """The role that runs migrations; what it does is undone."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


def test_postgres_writes_policies_and_triggers_on_realtime_messages(postgres: psycopg.Connection) -> None:
    postgres.execute("create function public.nothing() returns trigger language plpgsql as 'begin return new; end'")
    for statement in (
        POLICY,
        "alter policy mine on realtime.messages using (false)",
        "drop policy mine on realtime.messages",
        "create trigger mine after insert on realtime.messages for each row execute function public.nothing()",
        "drop trigger mine on realtime.messages",
    ):
        postgres.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "set role supabase_realtime_admin",
        "alter table realtime.messages disable row level security",
        "alter table realtime.messages add column more text",
        "create table realtime.more (id bigint)",
        "create function realtime.more() returns void language sql as ''",
        "create index on realtime.messages (event)",
        "comment on policy mine on realtime.messages is 'mine'",
        "drop table realtime.messages",
        "drop function realtime.topic()",
    ],
)
def test_postgres_changes_nothing_else_in_realtime(postgres: psycopg.Connection, statement: str) -> None:
    postgres.execute(POLICY)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute(statement.encode())


def test_new_tables_are_granted_all_but_reading_and_writing(postgres: psycopg.Connection) -> None:
    postgres.execute("create table public.new (id bigint generated always as identity)")
    for role in ("anon", "authenticated", "service_role"):
        granted = postgres.execute(
            "select p from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger',"
            " 'maintain']) p where has_table_privilege(%s, 'public.new', p)",
            (role,),
        ).fetchall()
        assert [privilege for (privilege,) in granted] == ["truncate", "references", "trigger", "maintain"]
        sequence = postgres.execute(
            "select has_sequence_privilege(%(r)s, 'public.new_id_seq', 'usage'),"
            " has_sequence_privilege(%(r)s, 'public.new_id_seq', 'update')",
            {"r": role},
        ).fetchone()
        assert sequence == (False, True)


def test_send_binary_stores_bytes_and_never_aborts_its_caller(url: str) -> None:
    with psycopg.connect(url) as connection:
        warnings: list[str | None] = []
        connection.add_notice_handler(lambda notice: warnings.append(notice.severity))
        connection.execute("select realtime.send_binary(%s::bytea, 'e', 'topic')", (b"\x00\xff",))
        connection.execute("select realtime.send_binary(%s::bytea, 'e', null)", (b"",))
        rows = connection.execute(
            "select topic, event, private, extension, payload, binary_payload from realtime.messages"
        ).fetchall()
        connection.rollback()
    assert rows == [("topic", "e", True, "broadcast", None, b"\x00\xff")]
    assert warnings == ["WARNING"]


def test_a_role_has_its_timeout_from_supabase_until_a_migration_sets_another(cluster: Cluster, url: str) -> None:
    def timeout() -> list[str]:
        found = connection.execute("select rolconfig from pg_roles where rolname = 'anon'").fetchone()
        return found[0] if found else []

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter role anon reset statement_timeout")
        cluster.apply_supabase_shim("shim")
        assert timeout() == ["statement_timeout=3s"]
        connection.execute("alter role anon set statement_timeout = '1s'")
        cluster.apply_supabase_shim("shim")
        assert timeout() == ["statement_timeout=1s"]


def test_the_superuser_is_not_held_back(cluster: Cluster, url: str) -> None:
    assert url
    with psycopg.connect(cluster.url("shim", ADMIN)) as connection:
        connection.execute("create index on realtime.messages (event)")
        connection.rollback()
