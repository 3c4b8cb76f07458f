"""64 clients fighting for one showtime of 300 seats, as the customers of a premiere do."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psycopg

from bench.arena import SEATS, Arena


@dataclass
class Tally:
    """What one client saw: latencies of its calls in milliseconds, and answers by code."""

    latencies: list[float] = field(default_factory=list[float])
    answers: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True)
class Crowd:
    """What the crowd did. calls are lock_seats and release_seats alike; double_locks and deadlocks must be 0."""

    clients: int
    seconds: float
    calls: int
    calls_per_second: float
    p50: float
    p99: float
    answers: dict[str, int]
    double_locks: int
    deadlocks: int

    @property
    def is_clean(self) -> bool:
        """Nobody held what another had, and nobody heard anything but seat_taken."""
        return not (self.double_locks or self.deadlocks or set(self.answers) - {"done", "done (release)", "seat_taken"})

    def told(self) -> str:
        """For the table."""
        return (
            f"{self.clients} clients at one showtime of {SEATS} seats for {self.seconds} s: {self.calls:,} calls,"
            f" {self.calls_per_second:,.0f}/s, p50 {self.p50} ms, p99 {self.p99} ms\n"
            f"  answers {self.answers}; seats held twice {self.double_locks}; deadlocks {self.deadlocks}"
        )


def _client(arena: Arena, number: int, until: float, tally: Tally) -> None:
    """Lock one to four seats beside each other; give them back one time in two; begin again."""
    chance = random.Random(number)
    claims = json.dumps({"role": "authenticated", "sub": f"00000000-0000-4000-8000-{number:012x}"})
    with psycopg.connect(arena.url, autocommit=True) as connection:
        connection.execute(
            "select set_config('request.jwt.claims', %s, false), set_config('role', %s, false)",
            [claims, "authenticated"],
        )
        held = 0
        while time.perf_counter() < until:
            first, count = chance.randint(1, SEATS - 4), chance.randint(1, 4)
            wanted = list(range(first, first + count))
            chance.shuffle(wanted)
            tally.answers[_call(connection, tally, "select public.lock_seats(1, %s)", [wanted])] += 1
            held = held + 1
            if held == 2 or chance.random() < 0.5:  # two selections of four stay below ten seats
                held = 0
                tally.answers[_call(connection, tally, "select public.release_seats(1)", []) + " (release)"] += 1


def _call(connection: psycopg.Connection[tuple[object, ...]], tally: Tally, sql: str, arguments: list[object]) -> str:
    start = time.perf_counter()
    try:
        connection.execute(sql.encode(), arguments)
        answer = "done"
    except psycopg.Error as error:
        frontrow = (error.diag.sqlstate or "").startswith("PT")
        answer = str(error.diag.message_primary if frontrow else error.diag.sqlstate)
    tally.latencies.append((time.perf_counter() - start) * 1000)
    return answer


def fight(arena: Arena, clients: int = 64, seconds: float = 20) -> Crowd:
    """Let them fight, and look whether anybody got what another has. Locks live 2 seconds: seats change hands."""
    arena.empty()
    arena.execute("update private.settings set lock_duration = '2 seconds'")
    before = _deadlocks(arena)
    tallies = [Tally() for _ in range(clients)]
    until = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=_client, args=(arena, number, until, tally))
        for number, tally in enumerate(tallies, start=1)
    ]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    latencies = sorted(latency for tally in tallies for latency in tally.latencies)
    with arena.connect() as connection:
        connection.execute("update private.settings set lock_duration = '10 minutes'")
        row = connection.execute(
            "select count(*) from public.seat_locks a join public.seat_locks b"
            " on b.showtime_id = a.showtime_id and b.seat_id = a.seat_id and b.id > a.id and b.held && a.held"
        ).fetchone()
    assert row is not None
    return Crowd(
        clients,
        round(took, 1),
        len(latencies),
        round(len(latencies) / took, 1),
        round(latencies[len(latencies) // 2], 2),
        round(latencies[len(latencies) * 99 // 100], 2),
        dict(sum((tally.answers for tally in tallies), Counter[str]())),
        int(str(row[0])),
        _deadlocks(arena) - before,
    )


def _deadlocks(arena: Arena) -> int:
    with arena.connect() as connection:
        connection.execute("select pg_stat_force_next_flush()")
        row = connection.execute("select deadlocks from pg_stat_database where datname = current_database()").fetchone()
    assert row is not None
    return int(str(row[0]))
