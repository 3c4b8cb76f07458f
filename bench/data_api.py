"""What the Data API adds to a function: PostgREST, the gateway, and the verification of tokens that are new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.dataset import SEATS, SHOWTIMES, SLOTS
from bench.figures import Figure, Run, median
from bench.locks import LOCK
from bench.seat_map import MAP, STATES
from bench.stack import BenchStack
from bench.wrk import Load, Request, load

_CLIENTS = 16
_ROUNDS = 3
_PEOPLE = 2_000
"""So many customers with tokens that PostgREST has seen."""

MakeRequest = Callable[[int, str], Request]


@dataclass(frozen=True)
class Call:
    """A function as it is called in SQL and by HTTP, and what each of its runs finds in the table of locks."""

    name: str
    script: str
    request: MakeRequest
    prepare: Callable[[], None]
    prepared_once: bool
    """False where a run leaves the table other than it found it."""


def round_trip(bench: BenchStack, seconds: int) -> Iterator[Figure | str]:
    """Measure lock_seats of three seats, seat_states and seat_map of 300 half taken: in SQL, PostgREST and gateway.

    Seats are locked in a table that has just been emptied, as at the beginning of a sale, when every plan was made for
    no rows, and in one that is full of other seats' locks.
    """
    data = bench.dataset
    calls = (
        Call("lock_seats, table just emptied", LOCK, _lock, data.empty, False),
        Call("lock_seats, table warm", LOCK, _lock, data.hold_the_last_seats, False),
        Call(f"seat_states of {SEATS}", STATES, _read("seat_states"), data.take_half, True),
        Call(f"seat_map of {SEATS}", MAP, _read("seat_map"), data.take_half, True),
    )
    known = bench.tokens(1, _PEOPLE)
    of = {call.name: _along_the_way(bench, seconds, call, known) for call in calls}
    for name, way in of.items():
        for ours, other in (
            ("PostgREST, known tokens", "SQL"),
            ("gateway, known tokens", "SQL"),
            ("gateway, known tokens", "PostgREST, known tokens"),
            ("PostgREST, new tokens", "PostgREST, known tokens"),
            ("gateway, new tokens", "gateway, known tokens"),
        ):
            yield Figure(f"{name}, {ours}", way[ours], way[other], other)
    emptied, warm, states, whole = of
    for way in of[states]:
        yield Figure(f"{states}, {way}", of[states][way], of[whole][way], whole)
    for way in of[emptied]:
        yield Figure(f"{emptied}, {way}", of[emptied][way], of[warm][way], warm)
    yield f"mean size of an answer, headers included: {states} {_size(bench, known, 'seat_states'):,.0f} bytes"
    yield f"{whole} {_size(bench, known, 'seat_map'):,.0f} bytes"
    data.empty()


def _along_the_way(bench: BenchStack, seconds: int, call: Call, known: list[str]) -> dict[str, Run]:
    """Measure each part of the way, in turn, so that a slow minute affects all."""
    config = bench.stack.config
    ways = {
        "gateway": (config.supabase_url, "/rest/v1"),
        "PostgREST": (f"http://127.0.0.1:{config.postgrest.number}", ""),
    }
    call.prepare()
    for address, prefix in ways.values():  # PostgREST verifies the tokens, and its connections plan the functions
        _read_for_a_while(bench, address, prefix, known)
    runs: dict[str, list[Run]] = {}
    for _ in range(_ROUNDS):
        if not call.prepared_once:
            call.prepare()
        runs.setdefault("SQL", []).append(bench.dataset.pgbench(call.script, _CLIENTS, seconds))
        for way, (address, prefix) in ways.items():
            for tokens in ("known", "new"):
                if not call.prepared_once:
                    call.prepare()
                people = known if tokens == "known" else bench.tokens(1, 1_000 * seconds)
                requests = (
                    call.request(number, people[number % len(people)]).under(prefix)
                    for number in range(len(people) if tokens == "new" else min(SLOTS, 4_000 * seconds))
                )
                measured = load(
                    *(address, bench.stack.keys.publishable, requests),
                    clients=_CLIENTS,
                    seconds=seconds,
                    again=False,
                )
                runs.setdefault(f"{way}, {tokens} tokens", []).append(measured.run)
    return {way: median(each) for way, each in runs.items()}


def _read_for_a_while(
    bench: BenchStack, address: str, prefix: str, tokens: list[str], function: str = "seat_map"
) -> Load:
    requests = [_read(function)(number, token).under(prefix) for number, token in enumerate(tokens)]
    return load(address, bench.stack.keys.publishable, requests, clients=4, seconds=5, again=True)


def _size(bench: BenchStack, known: list[str], function: str) -> float:
    postgrest = f"http://127.0.0.1:{bench.stack.config.postgrest.number}"
    return _read_for_a_while(bench, postgrest, "", known, function).answer_bytes


def _lock(number: int, token: str) -> Request:
    """Lock three seats that no other request asks for, each time at the next showtime."""
    first = 3 * (number // SHOWTIMES % (SEATS // 3))
    body = f'{{"showtime_id":{1 + number % SHOWTIMES},"seat_ids":[{first + 1},{first + 2},{first + 3}]}}'
    return Request("POST", "/rpc/lock_seats", token, body)


def _read(function: str) -> MakeRequest:
    return lambda number, token: Request("GET", f"/rpc/{function}?showtime_id={1 + number % SHOWTIMES}", token)
