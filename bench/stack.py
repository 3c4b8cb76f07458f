"""Frontrow as a whole, durable, with the dataset's cinema in it: for benches that go over the wire."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from backend.passwords import Passwords
from bench.customer import access_tokens
from bench.dataset import CUSTOMERS, Dataset, build
from dev.config import LocalConfig, throwaway_folder
from dev.stack import PARTS, Stack

PASSWORD = "ten thousand seats"  # noqa: S105 - of accounts that live for minutes

_ACCOUNTS = """
insert into private.credentials (user_id, password_hash) select id, %s from public.users
"""


class BenchStack:
    """A running Frontrow, and its database as its owner."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.owner = psycopg.connect(stack.cluster.url(), autocommit=True)
        self.dataset = Dataset(stack.cluster, stack.config.local)
        """The same database, for pgbench: what the same work costs at the least."""

    def number(self, sql: str, *parameters: object) -> int:
        """Run a statement that returns one number."""
        row = self.owner.execute(sql.encode(), parameters).fetchone()
        assert row is not None
        return int(str(row[0]))

    def open_showtime(self, seats: int) -> int:
        """Add a showtime tomorrow in an auditorium of its own, with that many seats in rows of 30 at the most."""
        hall = self.number(
            "insert into public.auditoriums (theater_id, name)"
            " select 1, 'Bench hall ' || count(*) from public.auditoriums returning id"
        )
        self.owner.execute(
            "insert into public.seats (auditorium_id, row_label, number, x, y)"
            " select %s, chr(65 + n / 30), 1 + n %% 30, 1 + n %% 30, 1 + n / 30 from generate_series(0, %s - 1) n",
            [hall, seats],
        )
        showtime = self.number(
            "insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)"
            " select 1, %s, s, s + interval '150 minutes', s + interval '165 minutes'"
            " from (select now() + interval '1 day' as s) x returning id",
            hall,
        )
        self.owner.execute("insert into public.showtime_prices values (%s, 'standard', 1200)", [showtime])
        return showtime

    def violations(self) -> list[object]:
        """Check the invariants of sql/platform/invariants.sql."""
        row = self.owner.execute("select public.check_invariants()").fetchone()
        assert row is not None
        return list(row[0])

    def tokens(self, first: int, count: int) -> list[str]:
        """Sign so many access tokens, for the customers from that number on and then from the first again."""
        people = (user_id(1 + (first - 1 + number) % CUSTOMERS) for number in range(count))
        return access_tokens(self.stack.config, self.stack.keys, people)


def user_id(customer: int) -> str:
    """Return the id of a customer by number, from 1."""
    return str(UUID(f"00000000-0000-4000-8000-{customer:012x}"))


@contextmanager
def stack(*, page: bool = False) -> Generator[BenchStack]:
    """Start everything, with the built page or without, and end it again."""
    with throwaway_folder() as folder:
        config = LocalConfig.throwaway(folder, ui="built" if page else "0")
        with Stack(config, parts=PARTS, seed=False, report=lambda _: None) as stack:
            bench = BenchStack(stack)
            build(bench.owner)
            bench.owner.execute(_ACCOUNTS, [Passwords().hash(PASSWORD)])
            try:
                yield bench
            finally:
                bench.owner.close()
        stack.cluster.erase()
