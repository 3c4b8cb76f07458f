"""The database that is measured: a durable PostgreSQL of its own with a large cinema in it, and pgbench to load it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from bench.figures import Run, run_of
from dev import schema
from dev.config import free_ports, throwaway_folder
from dev.postgres import ADMIN, Cluster, RunningCluster
from tests.cinema import NO_LIMITS_ON_HOLDING

SHOWTIMES = 2_000
SEATS = 300
CUSTOMERS = 5_000
SLOTS = SHOWTIMES * (SEATS // 3)
"""How many times three seats can be locked that were not locked before."""

NO_LIMITS = """
update private.settings
set sign_in_attempts_per_account_and_address = 1000000, sign_in_attempts_per_account = 1000000,
    sign_in_attempts_per_address = 1000000, registrations_per_address = null, payment_starts_per_customer = null,
    seats_chosen_per_minute = null, guests_per_address = null
where true
"""
"""Lets one machine be all customers, each asking for more than a person can."""

CINEMA = f"""
insert into public.users (id, email, full_name)
  select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n || '@example.com', 'Customer ' || n
  from generate_series(1, {CUSTOMERS}) n;
insert into public.theaters (slug, name, city, country, address, time_zone, currency)
  values ('dataset', 'Dataset', 'Wien', 'AT', 'Ring 1', 'Europe/Vienna', 'EUR');
insert into public.movies (slug, title, release_year, directors, genres, language, certificate, length_minutes,
                           synopsis, rights)
  values ('wings', 'Wings', 1927, '{{William A. Wellman}}', '{{War}}', 'zxx', '12', 144, '-', 'public domain');
insert into public.auditoriums (theater_id, name) select 1, 'Hall ' || n from generate_series(1, {SHOWTIMES}) n;
insert into public.seats (auditorium_id, row_label, number, x, y)
  select 1, 'R' || r, n, n, r from generate_series(1, {SEATS // 20}) r, generate_series(1, 20) n order by r, n;
insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)
  select 1, 1, s, s + interval '150 minutes', s + interval '165 minutes'
  from (select now() + interval '1 day' + n * interval '3 hours' as s from generate_series(1, {SHOWTIMES}) n) x;
insert into public.showtime_prices select id, 'standard', 1200 from public.showtimes;
{NO_LIMITS};
{NO_LIMITS_ON_HOLDING};
create sequence public.bench_slots;
create table public.bench_plain (
  showtime_id bigint, seat_id bigint, user_id uuid, expires_at timestamptz, primary key (showtime_id, seat_id));
alter table public.bench_plain enable row level security;
vacuum analyze;
"""

_TAKEN = f"""
insert into public.seat_locks (showtime_id, id, seat_id, booking_id, user_id, held)
  select t, extract(epoch from now()) * 1000000 + n / 6, n, gen_random_uuid(),
         ('00000000-0000-4000-8000-' || lpad(to_hex({CUSTOMERS} + 1 + (t + n / 6) % {CUSTOMERS}), 12, '0'))::uuid,
         tstzrange(now(), case when n / 6 % 3 = 0 then now() + interval '1 hour' end)
  from generate_series(1, {SHOWTIMES}) t, generate_series(1, {SEATS}, 2) n
  where n > {{after}}
  order by n / 6, t, n
"""
"""Every second seat after that one, as it sells: three seats to a customer, now at this showtime and now at another."""


class Dataset:
    """A running cluster with the cinema in it."""

    def __init__(self, cluster: Cluster, folder: Path, database: str = "postgres") -> None:
        self.cluster = cluster
        self.folder = folder
        self.database = database
        self.url = cluster.url(database)

    def twin(self, name: str) -> Dataset:
        """Copy the database, as it is now, into another of the same cluster."""
        self.cluster.create_database(name, template=self.database)
        return Dataset(self.cluster, self.folder, name)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url, autocommit=True)

    def execute(self, *statements: str) -> None:
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def empty(self, *, afresh: bool = True) -> None:
        """Delete locks and messages, free all slots, and write a checkpoint, so that every run starts alike.

        Not afresh, the table of locks and its indexes keep what rows leave behind when they go.
        """
        self.execute(
            "truncate public.bench_plain",
            "alter sequence public.bench_slots restart",
            "truncate public.seat_locks" if afresh else "delete from public.seat_locks",
            "vacuum public.seat_locks",
        )
        with psycopg.connect(self.cluster.url(self.database, ADMIN), autocommit=True) as connection:
            connection.execute("truncate realtime.messages")
            connection.execute("checkpoint")

    def take_half(self) -> None:
        """Take every second seat of every showtime, afresh: two of three are sold, the others being paid for.

        Each has three of them, so what seat_states groups is grouped; nobody of the dataset's customers has any.
        """
        self.empty()
        self.execute(_TAKEN.format(after=0), "vacuum analyze public.seat_locks")

    def hold_the_last_seats(self) -> None:
        """Hold the last thirty seats of every showtime, afresh: 60,000 locks that no slot asks for before the 90th."""
        self.empty()
        self.execute(_TAKEN.format(after=SEATS - 60), "vacuum analyze public.seat_locks")

    def pgbench(self, script: str, clients: int, seconds: int) -> Run:
        """Run a script with so many clients; latencies come from pgbench's own log of every transaction."""
        path = self.folder / "script.sql"
        path.write_text(script)
        for old in self.folder.glob("latency.*"):
            old.unlink()
        slots = self._slots_taken()
        run = subprocess.run(
            [
                *(self.cluster.binary("pgbench"), "-n", "-M", "prepared", "-f", path, "-T", str(seconds)),
                *("-c", str(clients), "-j", "2", "-l", f"--log-prefix={self.folder / 'latency'}", self.url),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise RuntimeError(f"pgbench: {run.stderr[-2000:]}")
        latencies = [
            int(line.split()[2]) / 1000
            for log in self.folder.glob("latency.*")
            for line in log.read_text().splitlines()
            if line.split()[2].isdigit()
        ]
        if slots < SLOTS <= self._slots_taken():
            raise RuntimeError(f"all {SLOTS:,} slots were taken, so what came then was no work: measure for less long")
        tps = re.search(r"tps = ([\d.]+) \(without", run.stdout)
        failed = re.search(r"number of failed transactions: (\d+)", run.stdout)
        assert tps is not None, run.stdout
        return replace(run_of(latencies, failed=int(failed[1]) if failed else 0), rate=float(tps[1]))

    def _slots_taken(self) -> int:
        with self.connect() as connection:
            row = connection.execute("select last_value from public.bench_slots").fetchone()
        assert row is not None
        return int(str(row[0]))


def build(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Insert the cinema into a database that has Frontrow's schema."""
    for statement in CINEMA.split(";\n"):
        if statement.strip():
            connection.execute(statement.encode())


@contextmanager
def dataset() -> Generator[Dataset]:
    """Build the dataset, and take it down again."""
    with throwaway_folder() as folder, RunningCluster(Cluster(folder / "postgres", free_ports(1)[0])) as cluster:
        cluster.apply_supabase_shim()
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute(schema.script().encode())
            build(connection)
        yield Dataset(cluster, folder)
