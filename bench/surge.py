"""The sale opens: a crowd of buyers at one new showtime, all in the same seconds, through the Data API and Flask.

Each reads the map, wants some seats beside each other, tries again when somebody was faster, books, pays, and looks
until the booking is confirmed; some give their seats back, some have a card that is declined. Told "busy, try again"
they do so after the time that the answer names. Everything is bounded: attempts, patience, and the crowd.
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
from bench.probe import Probe, Seen
from bench.stack import BenchStack
from dev.config import LocalConfig
from dev.keys import Keys

T = TypeVar("T")

BUYERS = 2_000
SEATS = 300
_ALL_HERE = 2.0
"""Seconds in which the crowd arrives."""
_PATIENCE = 90.0
_SETTLING = 60.0
_BEFORE = 5.0
"""Seconds."""
_ATTEMPTS = 6
_DECLINED, _GIVES_BACK = 0.05, 0.05
_BUSY = {"503 busy", "503 payment_unavailable"}
_EXPECTED = {"409 seat_taken", "402 card_declined"}


@dataclass
class Surge:
    """What came of it."""

    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter[str])
    """How many buyers ended how."""
    counters: Counters = field(default_factory=Counters)
    paid: list[str] = field(default_factory=list[str])
    """The bookings whose money Stripe took."""
    wrong: Counter[str] = field(default_factory=Counter[str])
    """What nobody may meet: answers without a way on, and none at all."""
    waits: list[float] = field(default_factory=list[float])

    def calls(self) -> Run:
        """All calls, refused ones as well."""
        return run_of((each for of in self.counters.latencies.values() for each in of), self.seconds)

    def times_busy(self) -> int:
        """How often somebody was told to try again."""
        return sum(number for code, number in self.counters.refusals.items() if code in _BUSY)


class PatienceError(Exception):
    """The buyer was told to try again for too long."""


class Buyer:
    """One of the crowd."""

    def __init__(self, surge: Surge, customer: Customer, showtime: int, number: int) -> None:
        self._surge, self._customer, self._showtime = surge, customer, showtime
        self._dice = random.Random(number)
        self._until = 0.0

    async def buy(self) -> None:
        """Come, and leave with an end that is counted."""
        await asyncio.sleep(self._dice.uniform(0, _ALL_HERE))
        self._until = time.perf_counter() + _PATIENCE
        try:
            end = await self._go_through()
        except PatienceError:
            end = "lost patience"
        except RefusedError as refused:
            end = f"turned away: {refused}"
            self._surge.wrong[f"turned away: {refused}"] += 1
        except UnansweredError as unanswered:
            end = "no answer"
            self._surge.wrong[str(unanswered)] += 1
        self._surge.ends[end] += 1

    async def _go_through(self) -> str:
        customer, dice = self._customer, self._dice
        for _ in range(_ATTEMPTS):
            seats = (await self._patiently("seat_map"))["seats"]
            free = [seat["id"] for seat in seats if seat["state"] == "free"]
            if not free:
                return "found it sold out"
            first = dice.randrange(len(free))
            if await self._lock(free[first : first + dice.randint(1, 4)]):
                break
        else:
            return "was always too late"
        if dice.random() < _GIVES_BACK:
            await self._patiently("release_seats", showtime_id=self._showtime)
            return "gave seats back"
        booking = await self._patiently("create_booking", showtime_id=self._showtime)
        intent = await self._again(lambda: customer.create_intent(booking))
        if dice.random() < _DECLINED:
            await self._again(lambda: customer.pay(intent, "pm_card_chargeDeclined"))
            await self._patiently("cancel_booking", booking_id=booking["id"])
            return "was declined and cancelled"
        paid = await self._again(lambda: customer.pay(intent))
        if paid != "succeeded":
            return f"paid: {paid}"
        self._surge.paid.append(booking["id"])
        return await self._watch(booking)

    async def _lock(self, seats: Sequence[int]) -> bool:
        try:
            await self._patiently("lock_seats", showtime_id=self._showtime, seat_ids=seats)
        except RefusedError as refused:
            if refused.code != "seat_taken":
                raise
            return False
        return True

    async def _watch(self, booking: Json) -> str:
        since = time.perf_counter()
        while (status := await self._again(lambda: self._customer.status(booking))) == "pending":
            if time.perf_counter() > self._until:
                raise PatienceError
            await asyncio.sleep(0.5)
        self._surge.waits.append((time.perf_counter() - since) * 1000)
        return f"{status} and paid"

    async def _patiently(self, function: str, **arguments: object) -> Any:
        if function == "seat_map":
            return await self._again(lambda: self._customer.seat_map(self._showtime))
        return await self._again(lambda: self._customer.rpc(function, **arguments))

    async def _again(self, ask: Any) -> Any:
        """Ask again whenever the answer is to try again later, until patience ends."""
        while True:
            try:
                return await ask()
            except RefusedError as refused:
                if f"{refused.status} {refused.code}" not in _BUSY or refused.retry_after is None:
                    raise
                pause = float(refused.retry_after) * self._dice.uniform(1, 2)
            if time.perf_counter() + pause > self._until:
                raise PatienceError
            await asyncio.sleep(pause)


async def rush(config: LocalConfig, keys: Keys, showtime: int, tokens: Sequence[str]) -> Surge:
    """As many buyers as there are tokens, at once."""
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


def settled(place: BenchStack, surge: Surge, showtime: int) -> int:
    """Confirmed bookings, once every payment's webhook had its time: some buyers left before."""
    deadline = time.monotonic() + _SETTLING
    while True:
        confirmed = place.number(
            "select count(*) from public.bookings where showtime_id = %s and status = 'confirmed'", showtime
        )
        if confirmed >= len(surge.paid) or time.monotonic() > deadline:
            return confirmed
        time.sleep(1)


def open_the_sale(place: BenchStack, waves: int = 3, buyers: int = BUYERS) -> Iterator[Outcome]:
    """Some sales one after the other, so that memory which does not come back is seen.

    The same crowd comes to each: PostgREST 12.0 remembers every token that it has seen for as long as it lives.
    """
    with many_files():
        tokens = place.tokens(1, buyers)
        with _probe(place, place.open_showtime(SEATS)) as before:
            time.sleep(_BEFORE)
        quiet = run_of(before.seen.answered)
        memory: list[dict[str, float]] = []
        for wave in range(1, waves + 1):
            showtime = place.open_showtime(SEATS)
            with Monitor(place.stack.supervisor) as monitor, _probe(place, showtime) as probe:
                surge = asyncio.run(rush(place.stack.config, place.stack.keys, showtime, tokens))
            memory.append(monitor.peaks)
            yield from _figures(f"sale {wave}, {buyers:,} buyers", surge, probe.seen, quiet)
            yield f"ends {dict(surge.ends.most_common())}"
            yield f"processor in s: {_listed(monitor.processor)}"
            yield f"memory, peak in MB: {_listed(monitor.peaks)}"
            yield from map(Wrong, [*judge(place, surge, showtime), *probe.seen.wrong])
        yield from map(Wrong, _grown(memory))


@contextmanager
def many_files() -> Generator[None]:
    """A crowd has a connection each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _probe(place: BenchStack, showtime: int) -> Probe:
    url = f"{place.stack.config.supabase_url}/rest/v1/rpc/seat_map?showtime_id={showtime}"
    return Probe(url, {"apikey": place.stack.keys.publishable})


def judge(place: BenchStack, surge: Surge, showtime: int) -> list[str]:
    """What was wrong: sold twice, charged without a seat, left without a way on, or kept waiting beside free seats."""
    found = [f"{number} times: {what}" for what, number in surge.wrong.items()]
    confirmed = settled(place, surge, showtime)
    found += [str(violation) for violation in place.violations()]
    if confirmed != len(surge.paid):
        found.append(f"{len(surge.paid)} have paid and {confirmed} bookings are confirmed")
    if not surge.paid:
        found.append("nobody bought anything")
    sold = place.number(
        "select count(*) from public.booking_seats where showtime_id = %s and sold_at is not null", showtime
    )
    impatient = surge.ends["lost patience"]
    if impatient and sold < SEATS:
        found.append(f"{impatient} lost patience though only {sold} of {SEATS} seats are sold")
    return found


def _figures(name: str, surge: Surge, probe: Seen, quiet: Run) -> Iterator[Figure]:
    calls = surge.calls()
    said = f"done in {surge.seconds:.0f} s; told to try again {surge.times_busy():,} times"
    yield Figure(f"{name}: all calls", calls, None, said)
    for call, latencies in surge.counters.latencies.items():
        yield Figure(f"{name}: {call}", run_of(latencies), calls, "all calls", by="p50")
    for answer, latencies in (("map", probe.answered), ("busy", probe.busy)):
        if latencies:
            yield Figure(f"{name}: passer-by, {answer}", run_of(latencies), quiet, "the map before the sale", by="p99")


def _grown(memory: Sequence[dict[str, float]]) -> list[str]:
    first, last = memory[0], memory[-1]
    return [
        f"{part} grew from {first[part]:.0f} to {last[part]:.0f} MB"
        for part in first
        if last[part] > 1.25 * first[part] + 16
    ]


def _listed(parts: dict[str, float]) -> str:
    return ", ".join(f"{part} {number:,.1f}" for part, number in parts.items())
