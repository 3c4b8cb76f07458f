"""What the Data API adds to a function: PostgREST, the gateway, and the verification of tokens that are new."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.dataset import SEATS, SHOWTIMES, SLOTS
from bench.figures import Figure, Run, median
from bench.locks import LOCK
from bench.seat_map import MAP
from bench.stack import BenchStack
from bench.wrk import Request, load

_CLIENTS = 16
_ROUNDS = 3
_PEOPLE = 250
"""So many customers with tokens that PostgREST has seen."""


def round_trip(bench: BenchStack, seconds: int) -> Iterator[Figure]:
    """Measure lock_seats of three free seats and seat_map of 300 in SQL, PostgREST and gateway, and with new tokens."""
    yield from _along_the_way(bench, seconds, "lock_seats", LOCK, _lock)
    bench.dataset.empty()
    bench.dataset.pgbench(LOCK, _CLIENTS, seconds)
    yield from _along_the_way(bench, seconds, f"seat_map of {SEATS}", MAP, _read, empty=False)


MakeRequest = Callable[[int, str], Request]


def _along_the_way(
    bench: BenchStack, seconds: int, name: str, script: str, request: MakeRequest, *, empty: bool = True
) -> Iterator[Figure]:
    """Compare each part of the way with what is behind it, in turn, so that a slow minute affects all."""
    config = bench.stack.config
    ways = {
        "gateway": (config.supabase_url, "/rest/v1"),
        "PostgREST": (f"http://127.0.0.1:{config.postgrest.number}", ""),
    }
    known = bench.tokens(1, _PEOPLE)
    for address, prefix in ways.values():  # PostgREST verifies them, and its connections plan the functions
        load(
            *(address, bench.stack.keys.publishable, [_read(0, each).under(prefix) for each in known]),
            clients=4,
            seconds=2,
            again=True,
        )
    runs: dict[str, list[Run]] = {}
    for _ in range(_ROUNDS):
        if empty:
            bench.dataset.empty()
        runs.setdefault("SQL", []).append(bench.dataset.pgbench(script, _CLIENTS, seconds))
        for way, (address, prefix) in ways.items():
            for tokens in ("known", "new"):
                if empty:
                    bench.dataset.empty()
                people = known if tokens == "known" else bench.tokens(1, 1_000 * seconds)
                requests = (
                    request(number, people[number % len(people)]).under(prefix)
                    for number in range(len(people) if tokens == "new" else min(SLOTS, 4_000 * seconds))
                )
                measured = load(
                    *(address, bench.stack.keys.publishable, requests),
                    clients=_CLIENTS,
                    seconds=seconds,
                    again=False,
                )
                runs.setdefault(f"{way}, {tokens} tokens", []).append(measured.run)
    of = {way: median(each) for way, each in runs.items()}
    for way, behind in (
        ("PostgREST, known tokens", "SQL"),
        ("gateway, known tokens", "SQL"),
        ("gateway, known tokens", "PostgREST, known tokens"),
        ("PostgREST, new tokens", "PostgREST, known tokens"),
        ("gateway, new tokens", "gateway, known tokens"),
    ):
        yield Figure(f"{name}, {way}, {_CLIENTS} clients", of[way], of[behind], behind)


def _lock(number: int, token: str) -> Request:
    """Lock three seats that no other request asks for, each time at the next showtime."""
    first = 3 * (number // SHOWTIMES % (SEATS // 3))
    body = f'{{"showtime_id":{1 + number % SHOWTIMES},"seat_ids":[{first + 1},{first + 2},{first + 3}]}}'
    return Request("POST", "/rpc/lock_seats", token, body)


def _read(number: int, token: str) -> Request:
    return Request("GET", f"/rpc/seat_map?showtime_id={1 + number % SHOWTIMES}", token)
