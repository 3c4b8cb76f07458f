"""Sixty-four people want three hundred seats at once. FRONTROW_CROWD_SECONDS says for how long; by default five."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from queue import Empty, Queue

import psycopg

from tests.cinema import NO_LIMITS_ON_HOLDING, PASSWORD_HASH, Caller, CinemaFixture, Json, Refused
from tests.concurrency.parallel import PATIENCE, Start, succeeded

SECONDS = float(os.environ.get("FRONTROW_CROWD_SECONDS", "5"))
CLIENTS = 64
CASHIERS = 6
ROWS, SEATS = 15, 20
REFUSALS = {"seat_taken", "lock_expired", "booking_pending", "too_many_seats"}


class Crowd:
    """A cinema full of people for a while; what happened to them is counted."""

    def __init__(self, cinema: CinemaFixture) -> None:
        self.cinema = cinema
        self.counts: Counter[str] = Counter()
        self.to_pay: Queue[tuple[Caller, Json]] = Queue()
        self.over = threading.Event()
        self._lock = threading.Lock()

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def attempt(self, name: str, call: Callable[[], Json]) -> Json | None:
        """Do it and count how it went; only the refusals that such a crowd must meet are no failure."""
        try:
            answer = call()
        except Refused as refused:
            if refused.code not in REFUSALS:
                raise
            self.count(f"{name}: {refused.code}")
            return None
        self.count(name)
        return answer

    def visit(self, who: Caller, seed: int) -> None:
        """A customer: chooses seats side by side, thinks again, books, and more often than not forgets to pay."""
        chance = random.Random(seed)  # noqa: S311 - guards nothing
        cinema, here = self.cinema, {"showtime_id": self.cinema.showtime_id}
        while not self.over.is_set():
            size = chance.randint(1, 4)
            first = chance.randrange(ROWS) * SEATS + chance.randint(0, SEATS - size)
            seats = list(range(first, first + size))
            chance.shuffle(seats)
            self.attempt("lock", lambda seats=seats: cinema.lock(who, *seats))
            what = chance.random()
            if what < 0.25:
                self.attempt("release", lambda: who.call("release_seats", **here))
            elif what < 0.5:
                booking = self.attempt("book", lambda: who.call("create_booking", **here))
                if booking is not None and chance.random() < 0.1:
                    self.to_pay.put((who, booking))
                elif booking is not None and chance.random() < 0.3:
                    self.cancel(who, booking)

    def cancel(self, who: Caller, booking: Json) -> None:
        try:
            who.call("cancel_booking", booking_id=booking["id"])
            self.count("cancel")
        except Refused as refused:
            if refused.code != "not_cancellable":
                raise
            self.count(f"cancel: {refused.code}")

    def take_money(self, stripe: Caller, seed: int) -> None:
        """Stripe's webhook: in time or late, and now and then twice."""
        chance = random.Random(seed)  # noqa: S311
        while not (self.over.is_set() and self.to_pay.empty()):
            try:
                _, booking = self.to_pay.get(timeout=0.05)
            except Empty:
                continue
            self.over.wait(chance.choice([0, 0, 0.8, 1.2]))  # the time to pay is one second
            event = succeeded(booking, f"pi_{booking['id']}", f"evt_{booking['id']}")
            for _ in range(chance.choice([1, 1, 2])):
                self.count("pay: " + stripe.call("confirm_booking", **event)["outcome"])

    def sweep(self, worker: Caller) -> None:
        while not self.over.is_set():
            self.count("sweep")
            worker.call("release_expired_locks")
            worker.call("claim_outbox")
            self.over.wait(0.1)


def register(cinema: CinemaFixture, people: int) -> list[Caller]:
    """As many customers, who cost one connection each."""
    flask = cinema.service()
    return [
        cinema.caller(
            "authenticated",
            flask.call(
                "register_user", email=f"{n}@example.com", password_hash=PASSWORD_HASH, full_name=f"Customer {n}"
            )["id"],
        )
        for n in range(people)
    ]


def deadlocks(url: str) -> int:
    """Count those in this database, once all connections are closed: each backend counts its own as it goes."""
    Caller.close_idle(url)
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(url, autocommit=True) as connection:
        others = (
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and usename = current_user and pid <> pg_backend_pid()"
        )
        while connection.execute(others).fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        row = connection.execute("select deadlocks from pg_stat_database where datname = current_database()").fetchone()
    assert row is not None
    return row[0]


def test_sixty_four_customers_at_one_showtime(database_url: str, start: Start) -> None:
    before = deadlocks(database_url)
    with CinemaFixture(database_url, ROWS, SEATS) as cinema:
        # A few customers stand for a crowd that chooses, lets go and cancels all day.
        cinema.owner.execute(NO_LIMITS_ON_HOLDING)
        cinema.owner.execute("update private.settings set lock_duration = '1 second', payment_duration = '1 second'")
        crowd = Crowd(cinema)
        customers = register(cinema, CLIENTS)
        calls: list[Future[None]] = [start(crowd.visit, who, seed) for seed, who in enumerate(customers)]
        calls += [start(crowd.take_money, cinema.service(), 1000 + n) for n in range(CASHIERS)]
        calls += [start(crowd.sweep, cinema.service()) for _ in range(2)]
        wait(calls, SECONDS, FIRST_EXCEPTION)
        crowd.over.set()
        for call in calls:
            call.result(60)
        print("\n" + "\n".join(f"{count:7,} {what}" for what, count in sorted(crowd.counts.items())))
        assert cinema.violations() == []
        sold = cinema.value(
            "select count(*) from public.booking_seats where sold_at is not null and released_at is null"
        )
        assert cinema.states().count("booked") == sold
    assert deadlocks(database_url) == before
    assert all(crowd.counts[what] > 0 for what in ("lock", "lock: seat_taken", "release", "book", "pay: confirmed"))
