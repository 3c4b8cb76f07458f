"""Fixtures that every test may use: a PostgreSQL of one's own, and a fresh Frontrow database for each test.

One throw-away cluster serves a test process. A template database is made once from sql/; each test gets a database that
is as the template was (tests/databases.py), and may do to it what it likes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from xdist.scheduler import LoadScopeScheduling

from dev import schema
from dev.config import free_ports, throwaway_folder
from dev.postgres import EPHEMERAL, Cluster, RunningCluster
from tests import browser
from tests.cinema import CinemaFixture
from tests.databases import Databases

# A failed assertion of the machine says what it compared, as those of test files do.
pytest.register_assert_rewrite("tests.properties.lifecycle")

# Tests of these folders and files share a stack or a server, so one worker runs them all.
GROUPS = {
    "http": "tests/http",
    "e2e": "tests/e2e",
    "dev": "tests/dev",
    "durability": "tests/durability",
    "realtime": "tests/contract/test_realtime",
    "stripe": "tests/contract/test_stripe",
}


class GroupScheduling(LoadScopeScheduling):
    """Hands each group to one worker, and all other tests to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for group, prefix in GROUPS.items() if nodeid.startswith(prefix)), nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        """Assign the browser's tests before all others: they take longest, and nothing should wait for them alone."""
        if "e2e" in self.workqueue:
            self.workqueue.move_to_end("e2e", last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """Schedule by group. (xdist's own --dist loadgroup writes into a node id that pytest 9.2 computes.)"""
    return GroupScheduling(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: a test often waits for a part of a stack, and leaves its core idle."""
    return (os.cpu_count() or 1) + 1


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave the mutants, which test the tests, to `make test-slow`."""
    if "test_mutant_" in item.nodeid or item.get_closest_marker("alone"):
        item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say at the very end that tests were left out for want of a browser; a summary of skips is easily overlooked."""
    skipped = sum(browser.MISSING in str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    if skipped:
        terminalreporter.section("no browser", sep="!", red=True)
        terminalreporter.line(f"{skipped} tests of the page in a browser did NOT run. {browser.MISSING}")


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Fail a test that leaves the environment changed, in place of whichever test came next in the process."""
    before = dict(os.environ)
    yield
    after = dict(os.environ)
    os.environ.clear()
    os.environ.update(before)
    for variables in (before, after):
        variables.pop("PYTEST_CURRENT_TEST", None)
    assert after == before


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


@pytest.fixture(scope="session")
def empty_databases(cluster: Cluster, template: str) -> Iterator[Databases]:
    """The pool that `database_url` draws on."""
    databases = Databases(cluster, template)
    yield databases
    databases.drop()


@pytest.fixture(scope="session")
def cinema_databases(cluster: Cluster, template: str) -> Iterator[Databases]:
    """The pool that `cinema` draws on: copies of a template that has a theater, a film and an auditorium."""
    name = "cinema_template"
    cluster.create_database(name, template)
    with CinemaFixture(cluster.url(name)) as cinema:
        cinema.owner.execute("delete from public.showtimes where true")
    databases = Databases(cluster, name)
    yield databases
    databases.drop()


@pytest.fixture
def database_url(empty_databases: Databases) -> str:
    """A Frontrow database with nothing in it, reached as the role that owns it."""
    return empty_databases.fresh()


@pytest.fixture
def cinema(cinema_databases: Databases) -> Iterator[CinemaFixture]:
    """A cinema with one small auditorium, a showtime tomorrow, prices, and a clock that tests may move."""
    with CinemaFixture(cinema_databases.fresh()) as cinema:
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
