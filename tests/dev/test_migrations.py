"""The Supabase CLI on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dev.migrations import MigrationError, advisors, diff, draft, push, types
from dev.stack import Stack
from tests.dev.conftest import MIGRATION


@pytest.fixture
def database(stack: Stack) -> Iterator[str]:
    """The URL of an empty database prepared as Supabase's."""
    stack.cluster.create_database("migrations_test")
    stack.cluster.apply_supabase_shim("migrations_test")
    yield stack.cluster.url("migrations_test")
    stack.cluster.drop_database("migrations_test")


def titles(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [title for (title,) in connection.execute("select title from public.movies order by id")]


def test_pushing_twice_changes_nothing(database: str, project: Path) -> None:
    for _ in range(2):
        push(database, seed=True, project=project)
        assert titles(database) == ["Metropolis", "Playtime"]


def test_seed_is_left_out_on_request(database: str, project: Path) -> None:
    push(database, seed=False, project=project)
    assert titles(database) == []


def test_a_migration_that_fails_says_why(database: str, own_project: Path) -> None:
    (own_project / "supabase/migrations/20260102000000_wrong.sql").write_text("select * from public.nowhere;")
    with pytest.raises(MigrationError, match=r'relation "public\.nowhere" does not exist'):
        push(database, seed=True, project=own_project)


@pytest.mark.slow  # the CLI compares two databases; make migration does the same
def test_differences_are_printed_as_sql(database: str, stack: Stack, project: Path) -> None:
    push(database, seed=False, project=project)
    assert diff(stack.cluster.url(), database) == ""
    with psycopg.connect(database) as connection:
        connection.execute("alter table public.movies add minutes int")
    assert 'ADD COLUMN "minutes" integer' in diff(stack.cluster.url(), database)


@pytest.mark.slow  # tests/sql/test_schema.py asks the lints in every run
def test_the_lints_find_a_table_without_row_security(database: str) -> None:
    assert [finding["name"] for finding in advisors(database)] == []
    with psycopg.connect(database) as connection:
        connection.execute("create table public.open (id int primary key); grant select on public.open to anon")
    assert "rls_disabled_in_public" in [finding["name"] for finding in advisors(database)]


@pytest.mark.slow  # test_types.py generates them in every run
def test_types_are_generated(stack: Stack) -> None:
    assert '"title": string' in types(stack.cluster.url(), "typescript")
    assert "class PublicMovies(BaseModel)" in types(stack.cluster.url(), "python")


@pytest.mark.slow  # the CLI compares two databases three times
def test_missing_schema_changes_are_drafted(own_project: Path) -> None:
    described = MIGRATION + "create table public.showtimes (id bigint primary key);"
    file = draft("pre_showtimes", described, own_project)
    assert file is not None
    assert file.name.endswith("_pre_showtimes.sql")
    assert 'CREATE TABLE "public"."showtimes"' in file.read_text()
    assert draft("post_nothing", described, own_project) is None
