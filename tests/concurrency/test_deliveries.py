"""One event id from many connections at once, again and again: its effect comes once."""

from __future__ import annotations

from collections import Counter

from tests.cinema import Caller, CinemaFixture, Json
from tests.concurrency.parallel import PATIENCE, Start, broken_rules, holding, rewrite, succeeded, wait_until_it_waits

CONNECTIONS = 32
CALLS = 32

# The guards of one delivery's effect: the ledger, the payment's state, the booking's state.
THE_LEDGER_LETS_ALL_PASS = ("private.record_event(text,text,text)", ("return found;", "return true;"))
SETTLED_PAYMENTS_ARE_SETTLED_AGAIN = (
    "public.confirm_booking(text,text,text,integer,text,uuid)",
    ("if v_payment.status = 'succeeded' then", "if false then"),
)
CONFIRMED_BOOKINGS_ARE_CONFIRMED_AGAIN = (
    "private.settle_booking(public.bookings,public.payments,timestamptz)",
    ("if p_booking.status = 'confirmed' then", "if false then"),
)


def deliveries(cinema: CinemaFixture, start: Start, calls: int = CALLS) -> tuple[Json, Counter[str]]:
    """A booking, and how often its event came to what: from all connections at once, as often as said from each."""
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    event = succeeded(booking, cinema.start_payment(ada, booking), "evt_1")

    def deliver(stripe: Caller) -> list[str]:
        return [stripe.call("confirm_booking", **event)["outcome"] for _ in range(calls)]

    callers = [cinema.service() for _ in range(CONNECTIONS)]
    with holding(cinema, "lock table private.stripe_events in exclusive mode") as owner:
        running = [start(deliver, stripe) for stripe in callers]
        for stripe, call in zip(callers, running, strict=True):
            wait_until_it_waits(cinema, call, waiter=stripe, holder=owner)
    return booking, Counter(outcome for call in running for outcome in call.result(4 * PATIENCE))


def test_a_thousand_calls_with_one_event_id_have_one_effect(cinema: CinemaFixture, start: Start) -> None:
    booking, outcomes = deliveries(cinema, start)
    assert outcomes == {"confirmed": 1, "duplicate": CONNECTIONS * CALLS - 1}
    assert cinema.status(booking) == "confirmed"
    assert len(cinema.events("seat:book")) == len(cinema.outbox()) == 1
    assert cinema.value("select count(*) from private.stripe_events") == 1
    assert cinema.violations() == []


def test_mutant_without_the_ledger_the_payment_says_that_it_was_settled(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, *THE_LEDGER_LETS_ALL_PASS)
    _, outcomes = deliveries(cinema, start, 2)
    assert outcomes == {"confirmed": 1, "already_settled": 2 * CONNECTIONS - 1}
    assert len(cinema.events("seat:book")) == len(cinema.outbox()) == 1
    assert cinema.violations() == []


def test_mutant_without_either_a_second_delivery_refunds(cinema: CinemaFixture, start: Start) -> None:
    """The booking is confirmed, the very payment that it lives on is taken for a second one and returned."""
    rewrite(cinema, *THE_LEDGER_LETS_ALL_PASS)
    rewrite(cinema, *SETTLED_PAYMENTS_ARE_SETTLED_AGAIN)
    booking, outcomes = deliveries(cinema, start, 2)
    assert outcomes == {"confirmed": 1, "refund_queued": 2 * CONNECTIONS - 1}
    assert cinema.status(booking) == "confirmed"
    (refund,) = cinema.rows("select amount, reason from public.refunds")
    assert refund == {"amount": booking["total"], "reason": "second_payment"}
    cinema.owner.execute("update public.refunds set status = 'succeeded'")
    assert broken_rules(cinema) == {"I2 a confirmed booking is not paid"}


def test_mutant_without_any_of_the_three_each_delivery_confirms(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, *THE_LEDGER_LETS_ALL_PASS)
    rewrite(cinema, *SETTLED_PAYMENTS_ARE_SETTLED_AGAIN)
    rewrite(cinema, *CONFIRMED_BOOKINGS_ARE_CONFIRMED_AGAIN)
    _, outcomes = deliveries(cinema, start, 2)
    assert outcomes == {"confirmed": 2 * CONNECTIONS}
    assert len(cinema.events("seat:book")) == 2 * CONNECTIONS
    assert len(cinema.outbox("mail_confirmation")) == 1  # the outbox's own key still says that it is one email
