"""Short lives that the state machine found worth telling, each with what must come of it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.cinema import CinemaFixture, Json, Refused


def stripe_says(
    cinema: CinemaFixture, intent: str, status: str, amount: int, refund: str = "re_1", **more: Any
) -> Json:
    """record_refund for an event; without refund_id it is one that somebody made at Stripe's dashboard."""
    return cinema.service().call(
        "record_refund",
        event_id=f"evt_{uuid.uuid4().hex}",
        event_type="refund.updated",
        stripe_refund_id=refund,
        payment_intent_id=intent,
        amount=amount,
        status=status,
        **more,
    )


def bought(cinema: CinemaFixture) -> tuple[Json, str]:
    """A confirmed booking of one seat for 12 euros, and its intent."""
    booking = cinema.buy(cinema.customer(), 0)
    return booking, cinema.value("select payment_intent_id from public.payments")


def owner_of(cinema: CinemaFixture, booking: Json) -> Any:
    who = cinema.value("select user_id from public.bookings where id = %s", [booking["id"]])
    return cinema.caller("authenticated", who)


def test_cancelled_long_after_it_was_paid(cinema: CinemaFixture) -> None:
    booking, _ = bought(cinema)
    cinema.advance("1 hour")
    owner_of(cinema, booking).call("cancel_booking", booking_id=booking["id"])
    assert cinema.violations() == []


def test_a_whole_refund_from_the_dashboard_on_its_way(cinema: CinemaFixture) -> None:
    booking, intent = bought(cinema)
    stripe_says(cinema, intent, "pending", 1200)
    assert cinema.violations() == []
    stripe_says(cinema, intent, "failed", 1200)
    assert cinema.status(booking) == "confirmed"
    assert cinema.violations() == []


def test_part_of_it_returned_by_hand_before_the_worker_asks(cinema: CinemaFixture) -> None:
    """Stripe would refuse to return 12 euros of the 9 that are left, today and at every later try."""
    booking, intent = bought(cinema)
    owner_of(cinema, booking).call("cancel_booking", booking_id=booking["id"])
    stripe_says(cinema, intent, "succeeded", 300)
    assert cinema.violations() == []
    orders = [row for row in cinema.service().call("claim_outbox", max_rows=100) if row["kind"] == "refund"]
    assert {order["refund"]["amount"] for order in orders} == {900}


def test_all_of_it_returned_by_hand_before_the_worker_asks(cinema: CinemaFixture) -> None:
    booking, intent = bought(cinema)
    owner_of(cinema, booking).call("cancel_booking", booking_id=booking["id"])
    stripe_says(cinema, intent, "succeeded", 1200)
    assert cinema.violations() == []
    assert cinema.status(booking) == "refunded"
    assert cinema.value("select sum(amount) from public.refunds where status = 'succeeded'") == 1200


@pytest.mark.parametrize("amount", [300, 1200])
@pytest.mark.parametrize("first", ["pending", "succeeded"])
def test_a_refund_by_hand_that_fails_after_the_booking_is_over(cinema: CinemaFixture, amount: int, first: str) -> None:
    """What it should have returned is returned by us; it is nobody's booking that keeps it."""
    booking, intent = bought(cinema)
    stripe_says(cinema, intent, first, amount)
    if cinema.status(booking) == "confirmed":
        owner_of(cinema, booking).call("cancel_booking", booking_id=booking["id"])
    stripe_says(cinema, intent, "failed", amount)
    assert cinema.violations() == []


def test_dashboard_refund_events_in_reverse_order(cinema: CinemaFixture) -> None:
    """The bank has sent it back. The older news comes last and changes nothing: what failed has failed."""
    booking, intent = bought(cinema)
    stripe_says(cinema, intent, "failed", 1200)
    stripe_says(cinema, intent, "succeeded", 1200)
    assert cinema.value("select status from public.refunds") == "failed"
    assert cinema.status(booking) == "confirmed"
    assert cinema.violations() == []


def test_the_refund_of_a_payment_that_was_not_kept_leaves_the_booking_that_another_paid(cinema: CinemaFixture) -> None:
    """Paid late when the seat was gone, paid again when it was free once more: the first money goes back, no more."""
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    intent = cinema.start_payment(ada, booking)
    cinema.advance("10 minutes")
    cinema.lock(cinema.customer("Bob"), 0)
    assert cinema.pay(booking, intent)["reason"] == "seats_gone"
    cinema.advance("10 minutes")
    assert cinema.pay(booking, "pi_second")["outcome"] == "confirmed"
    refund_id = cinema.value("select id from public.refunds")
    stripe_says(cinema, intent, "succeeded", 1200, refund_id=refund_id, attempt=1)
    assert cinema.status(booking) == "confirmed"
    assert cinema.violations() == []


def test_refund_event_before_payment_is_retried(cinema: CinemaFixture) -> None:
    """Events come in any order. Whether Stripe is asked to come back or it is remembered: it is not forgotten."""
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    intent = cinema.start_payment(ada, booking)
    try:
        stripe_says(cinema, intent, "succeeded", 1200)
    except Refused:
        cinema.pay(booking, intent)
        stripe_says(cinema, intent, "succeeded", 1200)
    else:
        cinema.pay(booking, intent)
    assert cinema.value("select coalesce(sum(amount), 0) from public.refunds where status = 'succeeded'") == 1200
    assert cinema.status(booking) != "confirmed"
    assert cinema.violations() == []


def test_an_intent_that_is_attached_after_its_money_came_late(cinema: CinemaFixture) -> None:
    """Flask was so slow that the booking expired and the webhook overtook it. That is an answer, no raw 23505."""
    ada, flask = cinema.customer(), cinema.service()
    booking = cinema.book(ada, 0)
    payment = flask.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    cinema.advance("10 minutes")
    cinema.sweep()
    assert cinema.pay(booking, "pi_slow")["outcome"] == "confirmed"
    answer = flask.call("attach_payment_intent", payment_id=payment["payment_id"], payment_intent_id="pi_slow")
    assert answer == {"attached": True}  # the webhook has given it to this very payment
    assert cinema.violations() == []
