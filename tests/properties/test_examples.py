"""Short lives that the state machine found worth telling, each with what must come of it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.house import House, Json, Refused


def stripe_says(house: House, intent: str, status: str, amount: int, refund: str = "re_1", **more: Any) -> Json:
    """record_refund for an event; without refund_id it is one that somebody made at Stripe's dashboard."""
    return house.service().call(
        "record_refund",
        event_id=f"evt_{uuid.uuid4().hex}",
        event_type="refund.updated",
        stripe_refund_id=refund,
        payment_intent_id=intent,
        amount=amount,
        status=status,
        **more,
    )


def bought(house: House) -> tuple[Json, str]:
    """A confirmed booking of one seat for 12 euros, and its intent."""
    booking = house.buy(house.customer(), 0)
    return booking, house.value("select payment_intent_id from public.payments")


def owner_of(house: House, booking: Json) -> Any:
    who = house.value("select user_id from public.bookings where id = %s", [booking["id"]])
    return house.caller("authenticated", who)


def test_cancelled_long_after_it_was_paid(house: House) -> None:
    booking, _ = bought(house)
    house.advance("1 hour")
    owner_of(house, booking).call("cancel_booking", booking_id=booking["id"])
    assert house.violations() == []


def test_a_whole_refund_from_the_dashboard_on_its_way(house: House) -> None:
    booking, intent = bought(house)
    stripe_says(house, intent, "pending", 1200)
    assert house.violations() == []
    stripe_says(house, intent, "failed", 1200)
    assert house.status(booking) == "confirmed"
    assert house.violations() == []


def test_part_of_it_returned_by_hand_before_the_worker_asks(house: House) -> None:
    """Stripe would refuse to return 12 euros of the 9 that are left, today and at every later try."""
    booking, intent = bought(house)
    owner_of(house, booking).call("cancel_booking", booking_id=booking["id"])
    stripe_says(house, intent, "succeeded", 300)
    assert house.violations() == []
    orders = [row for row in house.service().call("claim_outbox", max_rows=100) if row["kind"] == "refund"]
    assert {order["refund"]["amount"] for order in orders} == {900}


def test_all_of_it_returned_by_hand_before_the_worker_asks(house: House) -> None:
    booking, intent = bought(house)
    owner_of(house, booking).call("cancel_booking", booking_id=booking["id"])
    stripe_says(house, intent, "succeeded", 1200)
    assert house.violations() == []
    assert house.status(booking) == "refunded"
    assert house.value("select sum(amount) from public.refunds where status = 'succeeded'") == 1200


@pytest.mark.parametrize("amount", [300, 1200])
@pytest.mark.parametrize("first", ["pending", "succeeded"])
def test_a_refund_by_hand_that_fails_after_the_booking_is_over(house: House, amount: int, first: str) -> None:
    """What it should have returned is returned by us; it is nobody's booking that keeps it."""
    booking, intent = bought(house)
    stripe_says(house, intent, first, amount)
    if house.status(booking) == "confirmed":
        owner_of(house, booking).call("cancel_booking", booking_id=booking["id"])
    stripe_says(house, intent, "failed", amount)
    assert house.violations() == []


def test_a_refund_by_hand_that_succeeded_and_then_failed_told_in_the_other_order(house: House) -> None:
    """The bank has sent it back. The older news comes last and changes nothing: what failed has failed."""
    booking, intent = bought(house)
    stripe_says(house, intent, "failed", 1200)
    stripe_says(house, intent, "succeeded", 1200)
    assert house.value("select status from public.refunds") == "failed"
    assert house.status(booking) == "confirmed"
    assert house.violations() == []


def test_the_refund_of_a_payment_that_was_not_kept_leaves_the_booking_that_another_paid(house: House) -> None:
    """Paid late when the seat was gone, paid again when it was free once more: the first money goes back, no more."""
    ada = house.customer()
    booking = house.book(ada, 0)
    intent = house.start_payment(ada, booking)
    house.advance("10 minutes")
    house.lock(house.customer("Bob"), 0)
    assert house.pay(booking, intent)["reason"] == "seats_gone"
    house.advance("10 minutes")
    assert house.pay(booking, "pi_second")["outcome"] == "confirmed"
    refund_id = house.value("select id from public.refunds")
    stripe_says(house, intent, "succeeded", 1200, refund_id=refund_id, attempt=1)
    assert house.status(booking) == "confirmed"
    assert house.violations() == []


def test_a_refund_that_is_told_before_the_payment(house: House) -> None:
    """Events come in any order. Whether Stripe is asked to come back or it is remembered: it is not forgotten."""
    ada = house.customer()
    booking = house.book(ada, 0)
    intent = house.start_payment(ada, booking)
    try:
        stripe_says(house, intent, "succeeded", 1200)
    except Refused:
        house.pay(booking, intent)
        stripe_says(house, intent, "succeeded", 1200)
    else:
        house.pay(booking, intent)
    assert house.value("select coalesce(sum(amount), 0) from public.refunds where status = 'succeeded'") == 1200
    assert house.status(booking) != "confirmed"
    assert house.violations() == []


def test_an_intent_that_is_attached_after_its_money_came_late(house: House) -> None:
    """Flask was so slow that the booking expired and the webhook overtook it. That is an answer, no raw 23505."""
    ada, flask = house.customer(), house.service()
    booking = house.book(ada, 0)
    payment = flask.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    house.advance("10 minutes")
    house.sweep()
    assert house.pay(booking, "pi_slow")["outcome"] == "confirmed"
    answer = flask.call("attach_payment_intent", payment_id=payment["payment_id"], payment_intent_id="pi_slow")
    assert answer == {"attached": True}  # the webhook has given it to this very payment
    assert house.violations() == []
