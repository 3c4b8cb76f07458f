"""The sale opens: 2,000 buyers at one new showtime, all in the same seconds, through the Data API and Flask.

Each opens the page (showtime, layout, states), locks some adjacent seats, tries again when somebody was faster, books,
pays, and polls until the booking is confirmed; some release their seats, some have a card that is declined. An answer
"busy, try again" is followed after the time that it names. Everything is bounded: attempts, time, and the number of
buyers.
"""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bench.customer import Counters, Customer, Json, RefusedError, UnansweredError, session
from bench.figures import Figure, Outcome, Run, Wrong, run_of
from bench.monitor import Monitor
from bench.probe import Probe, Samples
from bench.stack import BenchStack
from dev.config import LocalConfig
from dev.keys import Keys

T = TypeVar("T")

BUYERS = 2_000
SEATS = 300
_ARRIVAL = 2.0
"""Seconds within which all buyers arrive."""
_TIMEOUT = 90.0
_SETTLING = 60.0
_BEFORE = 5.0
"""Seconds."""
_ATTEMPTS = 6
_DECLINED, _RELEASES = 0.05, 0.05
_BUSY = {"503 busy", "503 payment_unavailable"}
_EXPECTED = {"409 seat_taken", "402 card_declined"}


@dataclass
class Surge:
    """The outcome of a sale."""

    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter[str])
    """Count the buyers by outcome."""
    counters: Counters = field(default_factory=Counters)
    paid: list[str] = field(default_factory=list[str])
    """The bookings whose money Stripe took."""
    wrong: Counter[str] = field(default_factory=Counter[str])
    """List what must not happen: answers that leave no way on, and none at all."""
    waits: list[float] = field(default_factory=list[float])

    def calls(self) -> Run:
        """Summarize all calls, refused ones as well."""
        return run_of((each for of in self.counters.latencies.values() for each in of), self.seconds)

    def times_busy(self) -> int:
        """Count the answers that ask to try again."""
        return sum(number for code, number in self.counters.refusals.items() if code in _BUSY)


class TimedOutError(Exception):
    """The servers were busy for longer than a buyer waits."""


class Buyer:
    """One of the buyers."""

    def __init__(self, surge: Surge, customer: Customer, showtime: int, number: int) -> None:
        self._surge, self._customer, self._showtime = surge, customer, showtime
        self._rng = random.Random(number)
        self._until = 0.0

    async def buy(self) -> None:
        """Arrive, try to buy, and count how it ended."""
        await asyncio.sleep(self._rng.uniform(0, _ARRIVAL))
        self._until = time.perf_counter() + _TIMEOUT
        try:
            end = await self._try()
        except TimedOutError:
            end = "timed out"
        except RefusedError as refused:
            end = f"refused: {refused}"
            self._surge.wrong[f"refused: {refused}"] += 1
        except UnansweredError as unanswered:
            end = "no answer"
            self._surge.wrong[str(unanswered)] += 1
        self._surge.ends[end] += 1

    async def _try(self) -> str:
        customer, rng = self._customer, self._rng
        seats = await self._open_page()
        for _ in range(_ATTEMPTS):
            free = await self._free(seats)
            if not free:
                return "sold out"
            first = rng.randrange(len(free))
            if await self._lock(free[first : first + rng.randint(1, 4)]):
                break
        else:
            return "always too late"
        if rng.random() < _RELEASES:
            await self._call("release_seats", showtime_id=self._showtime)
            return "released"
        booking = await self._call("create_booking", showtime_id=self._showtime)
        intent = await self._retry(lambda: customer.create_intent(booking))
        if rng.random() < _DECLINED:
            await self._retry(lambda: customer.pay(intent, "pm_card_chargeDeclined"))
            await self._call("cancel_booking", booking_id=booking["id"])
            return "declined and canceled"
        paid = await self._retry(lambda: customer.pay(intent))
        if paid != "succeeded":
            return f"paid: {paid}"
        self._surge.paid.append(booking["id"])
        return await self._watch(booking)

    async def _open_page(self) -> list[int]:
        """Read what a page reads once; return the seats that are on sale."""
        showtime = await self._read("showtime", showtime_id=self._showtime)
        auditorium, kinds = showtime["auditorium"], {each["kind"] for each in showtime["prices"]}
        version = auditorium["layout_version"]
        layout = await self._read("seat_layout", auditorium_id=auditorium["id"], version=version)
        return [seat for seat, *_, kind in layout["seats"] if kind in kinds]

    async def _free(self, seats: Sequence[int]) -> list[int]:
        """Read the states, and return those of the seats that nobody has."""
        states = await self._read("seat_states", showtime_id=self._showtime)
        taken = {*states["booked"], *(seat for seats in states["locked"] for seat in seats)}
        return [seat for seat in seats if seat not in taken]

    async def _lock(self, seats: Sequence[int]) -> bool:
        try:
            await self._call("lock_seats", showtime_id=self._showtime, seat_ids=seats)
        except RefusedError as refused:
            if refused.code != "seat_taken":
                raise
            return False
        return True

    async def _watch(self, booking: Json) -> str:
        since = time.perf_counter()
        while (status := await self._retry(lambda: self._customer.status(booking))) == "pending":
            if time.perf_counter() > self._until:
                raise TimedOutError
            await asyncio.sleep(0.5)
        self._surge.waits.append((time.perf_counter() - since) * 1000)
        return f"{status} and paid"

    async def _read(self, function: str, **arguments: object) -> Any:
        return await self._retry(lambda: self._customer.read(function, **arguments))

    async def _call(self, function: str, **arguments: object) -> Any:
        return await self._retry(lambda: self._customer.rpc(function, **arguments))

    async def _retry(self, ask: Any) -> Any:
        """Repeat a call while the answer asks to try again later, until the buyer times out."""
        while True:
            try:
                return await ask()
            except RefusedError as refused:
                if f"{refused.status} {refused.code}" not in _BUSY or refused.retry_after is None:
                    raise
                pause = float(refused.retry_after) * self._rng.uniform(1, 2)
            if time.perf_counter() + pause > self._until:
                raise TimedOutError
            await asyncio.sleep(pause)


async def rush(config: LocalConfig, keys: Keys, showtime: int, tokens: Sequence[str]) -> Surge:
    """Run as many buyers as there are tokens, at once."""
    surge = Surge()
    start = time.perf_counter()
    async with session() as http:
        buyers = [
            Buyer(surge, Customer(http, config, keys, surge.counters, token), showtime, number)
            for number, token in enumerate(tokens)
        ]
        await asyncio.gather(*(buyer.buy() for buyer in buyers))
    surge.seconds = time.perf_counter() - start
    return surge


def confirmed_bookings(bench: BenchStack, surge: Surge, showtime: int) -> int:
    """Count confirmed bookings once every payment's webhook had its time: some buyers left before."""
    deadline = time.monotonic() + _SETTLING
    while True:
        confirmed = bench.number(
            "select count(*) from public.bookings where showtime_id = %s and status = 'confirmed'", showtime
        )
        if confirmed >= len(surge.paid) or time.monotonic() > deadline:
            return confirmed
        time.sleep(1)


def open_the_sale(bench: BenchStack, waves: int = 3, buyers: int = BUYERS) -> Iterator[Outcome]:
    """Run some sales one after the other, so that memory which is never freed shows.

    The same customers come to each: PostgREST 12.0 remembers every token that it has seen for as long as it lives.
    """
    with many_files():
        tokens = bench.tokens(1, buyers)
        with _probe(bench, bench.open_showtime(SEATS)) as before:
            time.sleep(_BEFORE)
        quiet = run_of(before.samples.answered)
        memory: list[dict[str, float]] = []
        for wave in range(1, waves + 1):
            showtime = bench.open_showtime(SEATS)
            with Monitor(bench.stack.supervisor) as monitor, _probe(bench, showtime) as probe:
                surge = asyncio.run(rush(bench.stack.config, bench.stack.keys, showtime, tokens))
            memory.append(monitor.peaks)
            yield from _figures(f"sale {wave}, {buyers:,} buyers", surge, probe.samples, quiet)
            yield f"ends {dict(surge.ends.most_common())}"
            yield f"processor in s: {_listed(monitor.processor)}"
            yield f"memory, peak in MB: {_listed(monitor.peaks)}"
            yield from map(Wrong, [*judge(bench, surge, showtime), *probe.samples.wrong])
        yield from map(Wrong, _grown(memory))


@contextmanager
def many_files() -> Generator[None]:
    """Raise the limit on open files: each buyer has a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _probe(bench: BenchStack, showtime: int) -> Probe:
    url = f"{bench.stack.config.supabase_url}/rest/v1/rpc/seat_states?showtime_id={showtime}"
    return Probe(url, {"apikey": bench.stack.keys.publishable})


def judge(bench: BenchStack, surge: Surge, showtime: int) -> list[str]:
    """Find what was wrong: sold twice, charged without a seat, no way on, or timed out beside free seats."""
    found = [f"{number} times: {what}" for what, number in surge.wrong.items()]
    confirmed = confirmed_bookings(bench, surge, showtime)
    found += [str(violation) for violation in bench.violations()]
    if confirmed != len(surge.paid):
        found.append(f"{len(surge.paid)} have paid and {confirmed} bookings are confirmed")
    if not surge.paid:
        found.append("nothing was bought")
    sold = bench.number(
        "select count(*) from public.booking_seats where showtime_id = %s and sold_at is not null", showtime
    )
    timed_out = surge.ends["timed out"]
    if timed_out and sold < SEATS:
        found.append(f"{timed_out} timed out though only {sold} of {SEATS} seats are sold")
    return found


def _figures(name: str, surge: Surge, probe: Samples, quiet: Run) -> Iterator[Figure]:
    calls = surge.calls()
    remark = f"done in {surge.seconds:.0f} s; asked to try again {surge.times_busy():,} times"
    yield Figure(f"{name}: all calls", calls, None, remark)
    for call, latencies in surge.counters.latencies.items():
        yield Figure(f"{name}: {call}", run_of(latencies), calls, "all calls", by="p50")
    for answer, latencies in (("states", probe.answered), ("busy", probe.busy)):
        if latencies:
            yield Figure(f"{name}: probe, {answer}", run_of(latencies), quiet, "the states before the sale", by="p99")


def _grown(memory: Sequence[dict[str, float]]) -> list[str]:
    first, last = memory[0], memory[-1]
    return [
        f"{part} grew from {first[part]:.0f} to {last[part]:.0f} MB"
        for part in first
        if last[part] > 1.25 * first[part] + 16
    ]


def _listed(parts: dict[str, float]) -> str:
    return ", ".join(f"{part} {number:,.1f}" for part, number in parts.items())
