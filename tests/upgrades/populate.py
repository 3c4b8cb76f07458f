"""Writes a populated copy of the newest released schema: sales of every kind, made by that schema's own functions.

    python -m tests.upgrades.populate     write tests/upgrades/VERSION.sql, and note the migrations' checksums

Run it when a release is tagged. From then on test_upgrades.py pushes every later migration onto that copy. A copy is
never written again: the functions that made it are gone when the next migration is there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import psycopg

from dev import migrations
from dev.config import free_ports, throwaway_folder
from dev.postgres import ADMIN, EPHEMERAL, Cluster, RunningCluster
from tests.cinema import Caller, CinemaFixture, Json
from tests.conftest import CLOCK

FOLDER: Final = Path(__file__).parent
NOON: Final = "2099-06-15 12:00+00"
"""When the sales begin: in the future of every machine, so that nothing of the copy runs out before a test stops the
clock."""
_HEAD: Final = """\
-- Sales of every kind in a database of version {version}, written by `python -m tests.upgrades.populate`; do not edit.
-- The clock stood at {now}.

-- Load it as a superuser: neither triggers nor foreign keys are asked about what they have seen already.
set session_replication_role = replica;
set timezone = 'UTC';
-- A migration makes these rows; the copy brings its own.
delete from private.settings where true;
delete from private.sweeps where true;
delete from private.verifications where true;
"""


class _Sales:
    """Everything that can become of a seat, each with customers of its own."""

    def __init__(self, cinema: CinemaFixture) -> None:
        self.cinema = cinema
        self.seat = 0
        self.service = cinema.service()
        cinema.owner.execute("update private.test_clock set fixed = %s, ahead = '0'", [NOON])
        # What the migration made it made by the wall's clock, and so was the fixture's own showtime.
        for row in ("sweeps", "verifications"):
            cinema.owner.execute(f"update private.{row} set created_at = private.now() where true".encode())
        self.tonight = cinema.add_showtime("6 hours", cinema.add_auditorium("Saal 2", 5, 10))
        self.called_off = cinema.add_showtime("2 days", cinema.add_auditorium("Saal 3", 5, 10))
        cinema.showtime_id = cinema.add_showtime("1 day")

    def make(self) -> None:
        cinema = self.cinema
        self.sign_ins()
        self.shown()
        self.ended_locks()
        self.refunds()
        self.late_money()
        self.disputes()
        self.emails()
        self.called_off_showtime()
        self.live()
        cinema.sweep()
        self.service.call("start_verification")
        self.service.call("finish_verification", violations=0)

    # How sales are made -----------------------------------------------------------------------------------------------

    def book(self, seats: int = 2, showtime_id: int | None = None) -> tuple[Caller, Json]:
        """A pending booking of seats that nobody has, of a new customer."""
        customer = self.cinema.customer(f"Customer {self.seat}")
        chosen = range(self.seat, self.seat + seats)
        self.seat += seats
        if showtime_id is None:
            return customer, self.cinema.book(customer, *chosen)
        auditorium = self.cinema.value("select auditorium_id from public.showtimes where id = %s", [showtime_id])
        rows = self.cinema.seats_of(auditorium)
        customer.call("lock_seats", showtime_id=showtime_id, seat_ids=[rows[i] for i in chosen])
        return customer, customer.call("create_booking", showtime_id=showtime_id)

    def buy(self, seats: int = 2, showtime_id: int | None = None) -> tuple[Caller, Json, str]:
        """A confirmed booking, with its intent."""
        customer, booking = self.book(seats, showtime_id)
        intent = self.cinema.start_payment(customer, booking)
        assert self.cinema.pay(booking, intent)["outcome"] == "confirmed"
        self.cinema.advance("1 second")
        return customer, booking, intent

    def cancel(self) -> tuple[Json, str, Json]:
        """A booking that was paid and cancelled, its intent, and its refund, which is queued."""
        customer, booking, intent = self.buy()
        customer.call("cancel_booking", booking_id=booking["id"])
        (refund,) = self.cinema.rows("select * from public.refunds where booking_id = %s", [booking["id"]])
        return booking, intent, refund

    def say_of_refund(self, intent: str, refund: Json | None, number: int, status: str, amount: int) -> None:
        ours = {"refund_id": refund["id"], "attempt": refund["attempt"]} if refund else {}
        answer = self.service.call(
            "record_refund",
            event_id=f"evt_refund_{number}_{status}",
            event_type="refund.updated",
            stripe_refund_id=f"re_{number}",
            payment_intent_id=intent,
            amount=amount,
            status=status,
            **ours,
        )
        assert answer["outcome"] == "noted"
        self.cinema.advance("1 second")

    def say_of_dispute(self, intent: str, number: int, status: str) -> None:
        answer = self.service.call(
            "record_dispute",
            event_id=f"evt_dispute_{number}_{status}",
            event_type="charge.dispute.updated",
            stripe_dispute_id=f"dp_{number}",
            payment_intent_id=intent,
            amount=2400,
            currency="eur",
            reason="fraudulent",
            status=status,
        )
        assert answer["outcome"] == "noted"

    # What becomes of them ---------------------------------------------------------------------------------------------

    def sign_ins(self) -> None:
        user = self.cinema.customer("Grace").user_id
        for token in "abc":
            self.service.call("open_session", user_id=user, token_hash=token * 64, address="192.0.2.1")
        self.service.call("rotate_session", token_hash="a" * 64, new_token_hash="d" * 64)
        self.service.call("close_session", token_hash="b" * 64)
        self.service.call("begin_sign_in", email="nobody@example.com", address="192.0.2.2")
        self.service.call("check_registration_limit", address="192.0.2.3")
        self.cinema.owner.execute("update private.settings set seats_per_customer = 12 where true")

    def shown(self) -> None:
        """A film that was shown, its seats in the history."""
        self.buy(3, self.tonight)
        self.cinema.advance("2 days 9 hours")
        self.cinema.sweep()
        self.cinema.showtime_id = self.cinema.add_showtime("1 day")
        self.seat = 0

    def ended_locks(self) -> None:
        """Released, expired, and of a booking that was given up or never paid; each becomes history."""
        cinema = self.cinema
        released, expired = cinema.customer("Released"), cinema.customer("Expired")
        cinema.lock(released, 40, 41)
        released.call("release_seats", showtime_id=cinema.showtime_id)
        cinema.lock(expired, 42)
        given_up, booking = self.book()
        cinema.start_payment(given_up, booking)
        given_up.call("cancel_booking", booking_id=booking["id"])
        unpaid, booking = self.book()
        intent = cinema.start_payment(unpaid, booking)
        self.book()  # never began to pay
        cinema.advance("12 minutes")
        cinema.sweep()
        self.service.call(
            "record_payment_failure",
            event_id="evt_canceled",
            event_type="payment_intent.canceled",
            payment_intent_id=intent,
            canceled=True,
        )
        self.seat = 0

    def refunds(self) -> None:
        """Queued, pending, succeeded, failed and tried again; whole and in part at the dashboard."""
        self.cancel()
        for number, statuses in enumerate((["pending"], ["pending", "succeeded"], ["failed"]), 1):
            booking, intent, refund = self.cancel()
            for status in statuses:
                self.say_of_refund(intent, refund, number, status, booking["total"])
        booking, intent, _ = self.cancel()  # void: the dashboard was faster
        self.say_of_refund(intent, None, 9, "succeeded", booking["total"])
        _, _, intent = self.buy()
        self.say_of_refund(intent, None, 10, "succeeded", 500)
        _, booking, intent = self.buy()
        self.say_of_refund(intent, None, 11, "succeeded", booking["total"])

    def late_money(self) -> None:
        """Paid late with the seats still free, too late, twice, and with another amount."""
        cinema = self.cinema
        late, booking = self.book()
        lost, too_late = self.book(1)
        intents = cinema.start_payment(late, booking), cinema.start_payment(lost, too_late)
        cinema.advance("15 minutes")
        cinema.lock(cinema.customer("Faster"), self.seat - 1)
        assert cinema.pay(booking, intents[0])["outcome"] == "confirmed"
        assert cinema.pay(too_late, intents[1])["reason"] == "seats_gone"
        _, booking, _ = self.buy()
        assert cinema.pay(booking, "pi_second")["reason"] == "second_payment"
        customer, booking = self.book()
        intent = cinema.start_payment(customer, booking)
        assert cinema.pay(booking, intent, amount=100)["reason"] == "amount_differs"
        assert cinema.pay({"id": None, "total": 700, "currency": "EUR"}, "pi_of_nobody")["outcome"] == "unmatched"

    def disputes(self) -> None:
        """Open, won, and lost."""
        for number, statuses in enumerate((["needs_response"], ["under_review", "won"], ["needs_response", "lost"]), 1):
            _, _, intent = self.buy()
            for status in statuses:
                self.say_of_dispute(intent, number, status)

    def emails(self) -> None:
        """The outbox in each of its states: queued, claimed, done, waiting for its next try, given up, discarded."""
        rows = self.service.call("claim_outbox", max_rows=7, lease_seconds=60)
        for row in rows[:4]:
            self.service.call("complete_outbox", id=row["id"], attempt=row["attempt"])
        self.service.call("complete_outbox", id=rows[4]["id"], attempt=rows[4]["attempt"], error="451 try later")
        emails = self.cinema.rows(
            "select id from private.outbox where kind = 'mail_confirmation' and state = 'queued'"
            " and claimed_until is null order by id limit 3"
        )
        given_up, discarded, again = (row["id"] for row in emails)
        # Three days of refusals.
        self.cinema.owner.execute(
            "update private.outbox set state = 'failed', attempts = 40, last_error = '550 no such user',"
            " completed_at = private.now() where id = any (%s)",
            [[given_up, discarded]],
        )
        self.service.call("discard_email", id=discarded)
        self.service.call("complete_outbox", id=again, attempt=0)

    def called_off_showtime(self) -> None:
        """One sale was returned by the sweep, one is still to be."""
        cinema = self.cinema
        # The two showtimes that stand beside each other use seats of their own.
        seat, self.seat = self.seat, 0
        self.called_off = cinema.add_showtime(
            "3 days", cinema.value("select auditorium_id from public.showtimes where id = %s", [self.called_off])
        )
        self.buy(2, self.called_off)
        self.book(2, self.called_off)
        cinema.owner.execute("update public.showtimes set status = 'cancelled' where id = %s", [self.called_off])
        cinema.sweep()
        self.seat = seat

    def live(self) -> None:
        """Leave work under way when the copy is made: a selection, bookings in each state of paying."""
        cinema = self.cinema
        cinema.lock(cinema.customer("Choosing"), 48, 49)
        self.book()
        customer, booking = self.book()
        self.service.call("start_payment", booking_id=booking["id"], user_id=customer.user_id)
        customer, booking = self.book()
        cinema.start_payment(customer, booking, "pi_under_way")
        customer, booking = self.book()
        intent = cinema.start_payment(customer, booking)
        self.service.call(
            "record_payment_failure",
            event_id="evt_declined",
            event_type="payment_intent.payment_failed",
            payment_intent_id=intent,
            failure_code="card_declined",
            failure_message="Your card was declined.",
        )
        self.buy(1)


def copy(cluster: Cluster, database: str, version: str) -> str:
    """Fill a database of that version and dump it."""
    with psycopg.connect(cluster.url(database), autocommit=True) as connection:
        connection.execute(CLOCK)
    with CinemaFixture(cluster.url(database), film="the-lodger") as cinema:
        _Sales(cinema).make()
        now: Any = cinema.value("select private.now()")
    run = subprocess.run(
        [
            *(cluster.binary("pg_dump"), "--data-only", "--column-inserts", "--rows-per-insert=50"),
            *("--schema=public", "--schema=private", "--exclude-table=private.test_clock"),
            cluster.url(database, ADMIN),
        ],
        env={**os.environ, "PGTZ": "UTC"},
        capture_output=True,
        text=True,
        check=True,
    )
    # psql's own commands, comments and pg_dump's settings are left out: any client may load the rest.
    lines = (line for line in run.stdout.splitlines() if not re.match(r"\\|--|SET |SELECT pg_catalog.set_config", line))
    data = re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip()
    return f"{_HEAD.format(version=version, now=now.isoformat())}\n{data}\n\nreset session_replication_role;\n"


def main() -> int:
    """The command line."""
    version = max(path.name for path in (migrations.ROOT / "supabase/migrations").glob("*.sql")).partition("_")[0]
    file = FOLDER / f"{version}.sql"
    if file.exists():
        print(f"{file.relative_to(migrations.ROOT)} is there, and a copy is never written again.", file=sys.stderr)
        return 1
    with throwaway_folder() as folder:
        cluster = Cluster(folder / "postgres", free_ports(1)[0], EPHEMERAL)
        with RunningCluster(cluster):
            cluster.create_database("populated")
            cluster.apply_supabase_shim("populated")
            migrations.push(cluster.url("populated"), seed=False)
            file.write_text(copy(cluster, "populated", version))
        cluster.erase()
    migrations.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
