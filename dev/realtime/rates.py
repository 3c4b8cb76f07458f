"""Rates that a plan limits, counted as the real server counts them."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

_WINDOW = 60
_IDLE_SECONDS = 600


class Rate:
    """Events per second, averaged over the seconds since the first event, at most the last minute.

    The average is renewed once a second: a burst shows with the next second, and as long as the minute remembers it.
    """

    def __init__(self, limit: float = math.inf, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._seconds: deque[int] = deque(maxlen=_WINDOW)
        self._count = 0
        self._next = -math.inf

    def add(self) -> bool:
        """Count one event; true when the limit was reached before it."""
        if self._limit == math.inf:
            return False
        now = self._clock()
        if now - self._next > _IDLE_SECONDS:
            self._seconds.clear()
            self._count, self._next = 0, now + 1
        while now >= self._next:
            self._seconds.append(self._count)
            self._count, self._next = 0, self._next + 1
        self._count += 1
        return bool(self._seconds) and sum(self._seconds) / len(self._seconds) >= self._limit
