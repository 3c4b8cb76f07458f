"""Counts of what happened in a run, and the answers that must never be lost; shared by all threads."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterable

Lock = tuple[int, int, int]
"""Showtime, seat and id."""


def chance(seed: int, *names: object) -> random.Random:
    """Seed the random numbers of one part of the run: a sequence each, so that threads do not disturb each other."""
    return random.Random(f"{seed}/{'/'.join(map(str, names))}")  # noqa: S311 - repeatable on purpose, guards nothing


class Counters:
    """Counts by name, errors seen at once, and the promises: what was answered and so must never be lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._wrong: list[str] = []
        self._locks: set[Lock] = set()
        self._bookings: dict[str, int] = {}
        self._paid: set[str] = set()
        self._contacts: dict[str, set[str]] = {}

    def fault(self, kind: str, times: int = 1) -> None:
        """Count an injected fault."""
        with self._lock:
            self._faults[kind] += times

    def event(self, what: str) -> None:
        """Count something that a customer did or met."""
        with self._lock:
            self._events[what] += 1

    def wrong(self, what: str) -> None:
        """Note what must not happen, whatever is broken."""
        with self._lock:
            self._wrong.append(what)

    def promised_locks(self, locks: Iterable[Lock]) -> None:
        """Note locks that a customer got as an answer."""
        with self._lock:
            self._locks.update(locks)

    def promised_booking(self, booking_id: str, total: int) -> None:
        """Note a booking that a customer got as an answer, with its total."""
        with self._lock:
            self._bookings[booking_id] = total

    def promised_payment(self, payment_intent_id: str) -> None:
        """Note a payment that Stripe confirmed to a customer."""
        with self._lock:
            self._paid.add(payment_intent_id)

    def gave_contact(self, booking_id: str, email: str) -> None:
        """Note where a guest wanted emails about a booking to go: who signs in later leaves no trace of the guest."""
        with self._lock:
            self._contacts.setdefault(booking_id, set()).add(email)

    @property
    def faults(self) -> Counter[str]:
        """Faults so far, by kind."""
        with self._lock:
            return Counter(self._faults)

    @property
    def events(self) -> Counter[str]:
        """Events so far, by name."""
        with self._lock:
            return Counter(self._events)

    @property
    def wrongs(self) -> list[str]:
        """List what must not have happened."""
        with self._lock:
            return list(self._wrong)

    @property
    def locks(self) -> list[Lock]:
        """All promised locks."""
        with self._lock:
            return sorted(self._locks)

    @property
    def bookings(self) -> dict[str, int]:
        """The promised bookings and their totals."""
        with self._lock:
            return dict(self._bookings)

    @property
    def contacts(self) -> dict[str, set[str]]:
        """The addresses that guests gave, by booking."""
        with self._lock:
            return {booking_id: set(emails) for booking_id, emails in self._contacts.items()}

    @property
    def paid(self) -> set[str]:
        """The intents that Stripe confirmed to customers."""
        with self._lock:
            return set(self._paid)
