"""What happens in a run: counted, noted and promised, from all threads."""

from __future__ import annotations

import random
import threading
from collections import Counter


def chance(seed: int, *names: object) -> random.Random:
    """The dice of one part of the run. Each has its own, so that threads do not disturb each other's throws."""
    return random.Random(f"{seed}/{'/'.join(map(str, names))}")  # noqa: S311 - repeatable on purpose, guards nothing


class Counters:
    """Counts by name, what was wrong at once, and what the database has answered and so must never forget."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: Counter[str] = Counter()
        self._deeds: Counter[str] = Counter()
        self._wrong: list[str] = []
        self._locks: set[int] = set()
        self._bookings: dict[str, int] = {}
        self._paid: set[str] = set()

    def fault(self, kind: str, times: int = 1) -> None:
        """A fault was injected."""
        with self._lock:
            self._faults[kind] += times

    def deed(self, what: str) -> None:
        """Somebody did something, or something befell them."""
        with self._lock:
            self._deeds[what] += 1

    def wrong(self, what: str) -> None:
        """Something happened that must not, whatever is broken."""
        with self._lock:
            self._wrong.append(what)

    def promised_locks(self, lock_ids: list[int]) -> None:
        """A customer was told of these locks."""
        with self._lock:
            self._locks.update(lock_ids)

    def promised_booking(self, booking_id: str, total: int) -> None:
        """A customer was told of this booking, at that price."""
        with self._lock:
            self._bookings[booking_id] = total

    def promised_payment(self, payment_intent_id: str) -> None:
        """A customer was told by Stripe that the money is taken."""
        with self._lock:
            self._paid.add(payment_intent_id)

    @property
    def faults(self) -> Counter[str]:
        """Faults so far, by kind."""
        with self._lock:
            return Counter(self._faults)

    @property
    def deeds(self) -> Counter[str]:
        """What was done so far, by name."""
        with self._lock:
            return Counter(self._deeds)

    @property
    def wrongs(self) -> list[str]:
        """What was wrong at once."""
        with self._lock:
            return list(self._wrong)

    @property
    def locks(self) -> list[int]:
        """The ids of all promised locks."""
        with self._lock:
            return sorted(self._locks)

    @property
    def bookings(self) -> dict[str, int]:
        """The promised bookings and their totals."""
        with self._lock:
            return dict(self._bookings)

    @property
    def paid(self) -> set[str]:
        """The intents that customers know to be paid."""
        with self._lock:
            return set(self._paid)
