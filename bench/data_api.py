"""The Data API's round trip: gateway, token, PostgREST and function, against the same function in SQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from bench.customer import Counters, Customer, session
from bench.dataset import SHOWTIMES
from bench.figures import Figure, Run, run_of
from bench.locks import LOCK
from bench.seat_map import MAP
from bench.stack import BenchStack

_CLIENTS = 16


def round_trip(bench: BenchStack, seconds: int) -> Iterator[Figure]:
    """Measure lock_seats of three free seats and seat_map of 300, over HTTP and by pgbench in the same database."""
    bench.dataset.empty()
    over_http = asyncio.run(_run(bench, seconds, "lock_seats", _lock))
    bench.dataset.empty()
    yield Figure(
        f"Data API, lock_seats, {_CLIENTS} clients",
        over_http,
        bench.dataset.pgbench(LOCK, _CLIENTS, seconds),
        "the same function in SQL",
    )
    over_http = asyncio.run(_run(bench, seconds, "seat_map", _read))
    yield Figure(
        f"Data API, seat_map of 300, {_CLIENTS} clients",
        over_http,
        bench.dataset.pgbench(MAP, _CLIENTS, seconds),
        "the same function in SQL",
    )


Call = Callable[[Customer, int, int], Awaitable[object]]


async def _lock(customer: Customer, number: int, turn: int) -> object:
    """Lock three seats that no other client asks for, at the next showtime."""
    seats = [3 * number + i for i in (1, 2, 3)]
    return await customer.rpc("lock_seats", showtime_id=1 + turn % SHOWTIMES, seat_ids=seats)


async def _read(customer: Customer, _: int, turn: int) -> object:
    return await customer.seat_map(1 + turn % SHOWTIMES)


async def _run(bench: BenchStack, seconds: int, what: str, call: Call) -> Run:
    """Let clients repeat a call for so long. PostgREST has seen their tokens: to verify one takes longer."""
    counters = Counters()
    async with session() as http:
        customers = [
            Customer(http, bench.stack.config, bench.stack.keys, counters, token) for token in bench.tokens(1, _CLIENTS)
        ]
        for customer in customers:
            await customer.seat_map(1)
        counters.latencies.clear()
        until = time.perf_counter() + seconds

        async def repeat(number: int) -> None:
            turn = 0
            while time.perf_counter() < until:
                await call(customers[number], number, turn)
                turn += 1
            if what == "lock_seats" and turn > SHOWTIMES:
                raise RuntimeError("a client came around to seats that it holds already: measure for less long")

        await asyncio.gather(*(repeat(number) for number in range(_CLIENTS)))
    return run_of(counters.latencies[what], seconds)
