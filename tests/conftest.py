"""Fixtures that every test may use: a PostgreSQL of one's own, and a fresh Frontrow database for each test.

One throw-away cluster serves a test process. A template database is made once from sql/; each test gets a copy, which
takes some thirty milliseconds, and may do to it what it likes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from dev import schema
from dev.config import free_ports, throwaway_folder
from dev.postgres import EPHEMERAL, Cluster, RunningCluster
from tests.cinema import CinemaFixture

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A throw-away PostgreSQL 17."""
    settings = {**EPHEMERAL, "shared_buffers": "128MB", "deadlock_timeout": "200ms"}
    with (
        throwaway_folder() as folder,
        RunningCluster(Cluster(folder / "postgres", free_ports(1)[0], settings)) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """A database with the schema of sql/ and nothing in it, to be copied."""
    name = "frontrow_template"
    cluster.create_database(name)
    cluster.apply_supabase_shim(name)
    with psycopg.connect(cluster.url(name), autocommit=True) as connection:
        connection.execute(schema.script().encode())
        connection.execute(CLOCK)
    return name


@pytest.fixture
def database_url(cluster: Cluster, template: str) -> Iterator[str]:
    """A fresh Frontrow database, reached as the role that owns it."""
    name = f"test_{next(_numbers)}"
    cluster.create_database(name, template)
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
def cinema(database_url: str) -> Iterator[CinemaFixture]:
    """A cinema with one small auditorium, a showtime tomorrow, prices, and a clock that tests may move."""
    with CinemaFixture(database_url) as cinema:
        yield cinema


# Replaces the one clock. The offset is a row, so that a test moves time for every connection at once.
CLOCK = """
create table private.test_clock (ahead interval not null, fixed timestamptz);
alter table private.test_clock enable row level security;
insert into private.test_clock values ('0', null);
create or replace function private.now() returns timestamptz
language plpgsql volatile set search_path = '' as $$
begin
  return (select coalesce(fixed, clock_timestamp()) + ahead from private.test_clock);
end
$$;
"""
