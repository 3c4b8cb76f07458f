"""64 clients competing for one showtime of 300 seats, as the customers of a premiere do."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psycopg

from bench.dataset import SEATS, Dataset
from bench.figures import Figure, Outcome, Run, Wrong, run_of


@dataclass
class Counters:
    """The results of one client: latencies of its calls in milliseconds, and answers by code."""

    latencies: list[float] = field(default_factory=list[float])
    answers: Counter[str] = field(default_factory=Counter[str])


def _client(dataset: Dataset, number: int, showtime: int, until: float, counters: Counters) -> None:
    """Lock one to four seats beside each other; release them one time in two; begin again."""
    rng = random.Random(number)
    claims = json.dumps({"role": "authenticated", "sub": f"00000000-0000-4000-8000-{number:012x}"})
    with psycopg.connect(dataset.url, autocommit=True) as connection:
        connection.execute(
            "select set_config('request.jwt.claims', %s, false), set_config('role', %s, false)",
            [claims, "authenticated"],
        )
        held = 0
        while time.perf_counter() < until:
            first, count = rng.randint(1, SEATS - 4), rng.randint(1, 4)
            wanted = list(range(first, first + count))
            rng.shuffle(wanted)
            counters.answers[_call(connection, counters, "select public.lock_seats(%s, %s)", [showtime, wanted])] += 1
            held = held + 1
            if held == 2 or rng.random() < 0.5:  # two selections of four stay below ten seats
                held = 0
                released = _call(connection, counters, "select public.release_seats(%s)", [showtime])
                counters.answers[f"{released} (release)"] += 1


def _call(
    connection: psycopg.Connection[tuple[object, ...]], counters: Counters, sql: str, arguments: list[object]
) -> str:
    start = time.perf_counter()
    try:
        connection.execute(sql.encode(), arguments)
        answer = "done"
    except psycopg.Error as error:
        frontrow = (error.diag.sqlstate or "").startswith("PT")
        answer = str(error.diag.message_primary if frontrow else error.diag.sqlstate)
    counters.latencies.append((time.perf_counter() - start) * 1000)
    return answer


def compete(dataset: Dataset, clients: int = 64, seconds: float = 20) -> Iterator[Outcome]:
    """Measure all at one showtime against each at one of their own. No seat is held twice, and nothing deadlocks.

    Locks live 2 seconds, so seats change hands.
    """
    dataset.empty()
    dataset.execute("update private.settings set lock_duration = '2 seconds'")
    before = _deadlocks(dataset)
    together, answers = _run(dataset, [1] * clients, seconds)
    twice, deadlocks = _held_twice(dataset), _deadlocks(dataset) - before
    dataset.empty()
    apart, _ = _run(dataset, range(1, clients + 1), seconds)
    dataset.execute("update private.settings set lock_duration = '10 minutes'")
    yield Figure(f"{clients} clients at one showtime of {SEATS} seats", together, apart, "each at one of their own")
    yield f"answers {dict(answers)}; seats held twice {twice}; deadlocks {deadlocks}"
    if twice or deadlocks:
        yield Wrong(f"{twice} seats were held twice, {deadlocks} deadlocks")
    if unknown := set(answers) - {"done", "done (release)", "seat_taken"}:
        yield Wrong(f"unexpected answers: {', '.join(sorted(unknown))}")


def _run(dataset: Dataset, showtimes: Sequence[int], seconds: float) -> tuple[Run, Counter[str]]:
    """Run one client for each of the showtimes."""
    counts = [Counters() for _ in showtimes]
    start = time.perf_counter()
    threads = [
        threading.Thread(target=_client, args=(dataset, number, showtime, start + seconds, counters))
        for number, (showtime, counters) in enumerate(zip(showtimes, counts, strict=True), start=1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    answers = sum((counters.answers for counters in counts), Counter[str]())
    return run_of((latency for counters in counts for latency in counters.latencies), took), answers


def _held_twice(dataset: Dataset) -> int:
    with dataset.connect() as connection:
        row = connection.execute(
            "select count(*) from public.seat_locks a join public.seat_locks b"
            " on b.showtime_id = a.showtime_id and b.seat_id = a.seat_id and b.id > a.id and b.held && a.held"
        ).fetchone()
    assert row is not None
    return int(str(row[0]))


def _deadlocks(dataset: Dataset) -> int:
    with dataset.connect() as connection:
        connection.execute("select pg_stat_force_next_flush()")
        row = connection.execute("select deadlocks from pg_stat_database where datname = current_database()").fetchone()
    assert row is not None
    return int(str(row[0]))
