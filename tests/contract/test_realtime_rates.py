"""Rate limits of the Realtime server in simulated time: how they count, and that a crowd settles under them."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from dev.config import ROOT
from dev.realtime.authorization import Database
from dev.realtime.channels import Hub
from dev.realtime.frames import Broadcast, Version
from dev.realtime.rates import Rate
from dev.realtime.session import Services, Session
from dev.realtime.tokens import Verifier

Policy = Callable[[random.Random, int], float]
"""Seconds until the next attempt to join, by the number of failures in a row."""

TOPIC = "realtime:showtime:1"


def _page_constant(pattern: str) -> float:
    """A number of milliseconds in the page's own code, in seconds."""
    source = (ROOT / "frontend/src/api/topics.ts").read_text()
    (found,) = re.findall(pattern, source)
    return int(found.replace("_", "")) / 1000


BASE = _page_constant(r"REJOIN = \{ base: ([\d_]+), cap: [\d_]+ \}")
CAP = _page_constant(r"REJOIN = \{ base: [\d_]+, cap: ([\d_]+) \}")
READ_WITHIN = _page_constant(r"READ_WITHIN = ([\d_]+);")
STABLE_AFTER = _page_constant(r"STABLE_AFTER = ([\d_]+);")


def full_jitter(chance: random.Random, failures: int) -> float:
    """As frontend/src/api/backoff.ts."""
    return chance.uniform(0, min(CAP, BASE * 2 ** (failures - 1)))


def fixed_delay(_chance: random.Random, _failures: int) -> float:
    return 5


@dataclass
class Clock:
    now: float = 0
    _events: list[tuple[float, int, Callable[[], Any]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __call__(self) -> float:
        return self.now

    def after(self, seconds: float, action: Callable[[], Any]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), action))

    async def run_until(self, end: float) -> None:
        while self._events and self._events[0][0] <= end:
            self.now, _, action = heapq.heappop(self._events)
            if asyncio.iscoroutine(result := action()):
                await result
        self.now = end


class Page:
    """A page that follows a showtime as frontend/src/api/topics.ts does: joins, reads the seat map once it is live, and
    joins again when closed."""

    version: Version = "2.0.0"

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._session = Session(self, crowd.services, None)
        self._failures = 0
        self._interrupted = False
        self._plan = 0
        self.joined = False

    async def join(self) -> None:
        await self._session.receive(json.dumps(["1", "1", TOPIC, "phx_join", {}]))

    def send(self, data: str | bytes) -> None:
        event, payload = json.loads(data)[3:] if isinstance(data, str) else ("broadcast", {})
        if event == "phx_reply" and payload["status"] == "ok":
            self.joined = True
            self._crowd.joins[int(self._crowd.clock.now)] += 1
            self._after(self._crowd.chance.uniform(0, READ_WITHIN) if self._interrupted else 0, self._go_live)
        elif event == "phx_close":
            self._crowd.closed_at = self._crowd.clock.now
            self._lose()

    def close(self, _code: int, _reason: str) -> None:
        self._session = Session(self, self._crowd.services, None)
        self._lose()

    def _after(self, seconds: float, step: Callable[[], Any]) -> None:
        """Do it then, unless something else is planned meanwhile."""
        self._plan += 1
        plan = self._plan
        self._crowd.clock.after(seconds, lambda: step() if self._plan == plan else None)

    def _go_live(self) -> None:
        self._interrupted = False
        self._crowd.reads[int(self._crowd.clock.now)] += 1
        self._after(STABLE_AFTER, self._forget)

    def _forget(self) -> None:
        self._failures = 0

    def _lose(self) -> None:
        self.joined, self._interrupted = False, True
        self._failures += 1
        self._after(self._crowd.policy(self._crowd.chance, self._failures), self.join)


class Crowd:
    """200 pages on one showtime, on a plan of 100 messages and 100 joins a second."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.chance, self.clock = policy, random.Random(7), Clock()  # noqa: S311
        self.hub = Hub(Rate(100, self.clock))
        joins = Rate(100, self.clock)
        self.services = Services(self.hub, cast(Database, None), Verifier([]), joins, lambda: True)
        self.joins: Counter[int] = Counter()
        self.reads: Counter[int] = Counter()
        """Joins, and reads of the seat map, by second."""
        self.closed_at = 0.0
        self.pages = [Page(self) for _ in range(200)]
        for page in self.pages:
            self.clock.after(self.chance.uniform(0, 20), page.join)

    def broadcast(self, start: float, end: float, interval: float) -> None:
        moment, message = start, Broadcast("seat:lock", b"{}")
        while moment < end:
            self.clock.after(moment, lambda: self.hub.broadcast(("showtime:1", False), message))
            moment += interval

    def run(self) -> None:
        """A rush of 20 seconds, far above the limit, then a quarter of an hour at half the limit."""
        self.broadcast(30, 50, 0.2)
        self.broadcast(50, 950, 4)
        asyncio.run(self.clock.run_until(950))


def test_two_hundred_pages_settle_under_the_limit() -> None:
    crowd = Crowd(full_jitter)
    crowd.run()
    assert crowd.closed_at > 30, "the rush must reach the limit"
    assert all(page.joined for page in crowd.pages)
    assert crowd.closed_at < 300, "no page is closed in the last ten minutes"
    for counted, most in ((crowd.joins, 150), (crowd.reads, 80)):
        after_rush = [count for second, count in counted.items() if second > 30]
        assert max(after_rush) < most
        assert sum(after_rush) < 200 * 12


def test_without_jitter_the_pages_come_all_at_once() -> None:
    """The measure above tells the two policies apart."""
    crowd = Crowd(fixed_delay)
    crowd.run()
    assert max(crowd.joins.values()) == 200


def test_a_rate_is_the_average_since_the_first_event_and_shows_a_second_later() -> None:
    clock = Clock()
    rate = Rate(10, clock)
    assert [rate.add() for _ in range(30)] == [False] * 30
    clock.now = 1
    assert rate.add()  # 30 in one second
    clock.now = 3
    assert rate.add()  # 31 in three seconds
    clock.now = 4
    assert not rate.add()  # 32 in four seconds


def test_a_rate_forgets_after_a_minute_and_starts_anew_after_a_long_pause() -> None:
    clock = Clock()
    rate = Rate(1, clock)
    for _ in range(60):
        rate.add()
    clock.now = 60
    assert rate.add()
    clock.now = 61
    assert not rate.add()
    clock.now = 1000
    assert [rate.add() for _ in range(5)] == [False] * 5
    clock.now = 1001
    assert rate.add()


def test_without_a_limit_nothing_is_too_much() -> None:
    rate = Rate(clock=Clock())
    assert not any(rate.add() for _ in range(1000))
