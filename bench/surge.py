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
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

from bench.customer import Customer, Json, RefusedError, Tally, session
from bench.figures import Run, run_of
from bench.memory import Memory
from bench.premises import Premises
from dev.config import LocalConfig
from dev.keys import Keys

T = TypeVar("T")

BUYERS = 2_000
SEATS = 300
_ALL_HERE = 2.0
"""Seconds in which the crowd arrives."""
_PATIENCE = 90.0
_SETTLING = 60.0
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
    tally: Tally = field(default_factory=Tally)
    paid: list[str] = field(default_factory=list[str])
    """The bookings whose money Stripe took."""
    wrong: Counter[str] = field(default_factory=Counter[str])
    """What nobody may meet: answers without a way on, and none at all."""
    waits: list[float] = field(default_factory=list[float])

    def calls(self) -> Run:
        """All calls, refused ones as well."""
        return run_of((each for of in self.tally.latencies.values() for each in of), self.seconds)


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
        except TimeoutError:
            end = "lost patience"
        except RefusedError as refused:
            end = f"turned away: {refused}"
            self._surge.wrong[str(refused)] += 1
        except aiohttp.ClientError as error:
            end = "no answer"
            self._surge.wrong[type(error).__name__] += 1
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
                raise TimeoutError
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
                raise TimeoutError
            await asyncio.sleep(pause)


async def rush(config: LocalConfig, keys: Keys, showtime: int, tokens: Sequence[str]) -> Surge:
    """As many buyers as there are tokens, at once."""
    surge = Surge()
    start = time.perf_counter()
    async with session() as http:
        buyers = [
            Buyer(surge, Customer(http, config, keys, surge.tally, token), showtime, number)
            for number, token in enumerate(tokens)
        ]
        await asyncio.gather(*(buyer.buy() for buyer in buyers))
    surge.seconds = time.perf_counter() - start
    return surge


def settled(place: Premises, surge: Surge, showtime: int) -> int:
    """Confirmed bookings, once every payment's webhook had its time: some buyers left before."""
    deadline = time.monotonic() + _SETTLING
    while True:
        confirmed = place.number(
            "select count(*) from public.bookings where showtime_id = %s and status = 'confirmed'", showtime
        )
        if confirmed >= len(surge.paid) or time.monotonic() > deadline:
            return confirmed
        time.sleep(1)


def open_the_sale(place: Premises, waves: int = 2, buyers: int = BUYERS) -> list[str]:
    """Some sales one after the other, so that memory which does not come back is seen. Answers what was wrong."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found: list[str] = []
    peaks: list[dict[str, float]] = []
    for wave in range(waves):
        showtime = place.open_showtime(SEATS)
        tokens = place.tokens(1 + wave * buyers, buyers)
        with Memory(place.stack.supervisor) as memory:
            surge = asyncio.run(rush(place.stack.config, place.stack.keys, showtime, tokens))
        peaks.append(memory.peaks)
        found += judge(place, surge, showtime)
        print(_told(surge, wave, memory), flush=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    first, last = peaks[0], peaks[-1]
    found += [
        f"{part} grew from {first[part]:.0f} to {last[part]:.0f} MB"
        for part in first
        if last[part] > 1.25 * first[part] + 16
    ]
    return found


def judge(place: Premises, surge: Surge, showtime: int) -> list[str]:
    """What was wrong: sold twice, charged without a seat, or answered without a way on."""
    found = [f"{number} times: {what}" for what, number in surge.wrong.items()]
    confirmed = settled(place, surge, showtime)
    found += [str(violation) for violation in place.violations()]
    if confirmed != len(surge.paid):
        found.append(f"{len(surge.paid)} have paid and {confirmed} bookings are confirmed")
    return found


def _told(surge: Surge, wave: int, memory: Memory) -> str:
    calls = surge.calls()
    busy = sum(number for code, number in surge.tally.refusals.items() if code in _BUSY)
    lines = [
        f"sale {wave + 1}: {sum(surge.ends.values()):,} buyers at {SEATS} seats in {surge.seconds:.0f} s,"
        f" {calls.done:,} calls, {calls.rate:,.0f}/s; p50 {calls.p50:.0f} ms, p99 {calls.p99:.0f} ms,"
        f" worst {calls.worst:.0f} ms; told to try again {busy:,} times",
        f"  ends {dict(surge.ends.most_common())}",
        *(
            f"  {name:<16} {run.done:>6,} calls, p50 {run.p50:>6.0f} ms, p99 {run.p99:>6.0f} ms"
            for name, run in ((name, run_of(each)) for name, each in surge.tally.latencies.items())
        ),
        f"  memory, peak in MB: {', '.join(f'{part} {peak:.0f}' for part, peak in memory.peaks.items())}",
    ]
    return "\n".join(lines)
