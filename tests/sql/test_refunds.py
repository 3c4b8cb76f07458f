"""record_refund: refunds are followed to their end, failures are tried again."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.house import Caller, House, Json, Refused


def cancelled(house: House) -> tuple[Caller, Json, str]:
    """A booking that was paid and cancelled, with its intent; the refund is queued."""
    ada = house.customer()
    booking = house.book(ada, 0, 1)
    intent = house.start_payment(ada, booking)
    house.pay(booking, intent)
    ada.call("cancel_booking", booking_id=booking["id"])
    return ada, booking, intent


def say(house: House, intent: str, status: str, stripe_refund_id: str | None = "re_1", **more: Any) -> str:
    """What Stripe says of a refund, as an event."""
    said = {
        "event_id": f"evt_{uuid.uuid4().hex}",
        "event_type": "refund.updated",
        "stripe_refund_id": stripe_refund_id,
        "payment_intent_id": intent,
        "amount": 2400,
        "status": status,
    }
    return house.service().call("record_refund", **{**said, **more})["outcome"]


def refund(house: House) -> Json:
    (row,) = house.rows("select * from public.refunds")
    return row


@pytest.mark.transition("R2", "R3", "B8")
def test_a_refund_goes_its_way(house: House) -> None:
    ada, booking, intent = cancelled(house)
    ours = refund(house)
    assert say(house, intent, "pending", refund_id=ours["id"], attempt=1) == "noted"
    assert refund(house)["status"] == "pending"
    assert house.status(booking) == "cancelled"
    assert say(house, intent, "succeeded") == "noted"
    assert refund(house)["status"] == "succeeded"
    assert house.status(booking) == "refunded"
    (seen,) = ada.query("select status, amount from public.refunds")
    assert seen == {"status": "succeeded", "amount": 2400}
    assert house.violations() == []


@pytest.mark.transition("B10")
def test_money_that_the_bank_sends_back_is_owed_again(house: House) -> None:
    _, booking, intent = cancelled(house)
    ours = refund(house)
    say(house, intent, "succeeded", refund_id=ours["id"], attempt=1)
    assert house.status(booking) == "refunded"
    say(house, intent, "failed", refund_id=ours["id"], attempt=1, failure_reason="lost_or_stolen_card")
    assert house.status(booking) == "cancelled"
    assert (refund(house)["status"], refund(house)["attempt"]) == ("failed", 2)
    assert house.violations() == []


def test_a_refund_is_of_one_payment_for_ever(house: House) -> None:
    _, _, intent = cancelled(house)
    assert say(house, intent, "succeeded") == "noted"
    other = house.customer()
    booking = house.book(other, 5)
    its_intent = house.start_payment(other, booking)
    house.pay(booking, its_intent)
    with pytest.raises(Refused, match="invalid_request"):
        say(house, its_intent, "succeeded")
    assert house.status(booking) == "confirmed"
    assert house.violations() == []


def test_pending_never_follows_an_end(house: House) -> None:
    _, _, intent = cancelled(house)
    ours = refund(house)
    say(house, intent, "succeeded", refund_id=ours["id"], attempt=1)
    say(house, intent, "pending", refund_id=ours["id"], attempt=1)
    assert refund(house)["status"] == "succeeded"


@pytest.mark.transition("R4", "R5")
def test_a_failed_refund_is_visible_and_tried_again_under_a_new_key(house: House) -> None:
    _, booking, intent = cancelled(house)
    ours = refund(house)
    say(house, intent, "pending", refund_id=ours["id"], attempt=1)
    say(house, intent, "failed", refund_id=ours["id"], attempt=1, failure_reason="expired_or_canceled_card")
    now = refund(house)
    assert (now["status"], now["failure_reason"], now["attempt"]) == ("failed", "expired_or_canceled_card", 2)
    say(house, intent, "failed", refund_id=ours["id"], attempt=1)  # said again: the same failure, no third try
    assert [order["key"] for order in house.outbox("refund")] == [f"refund:{ours['id']}:1", f"refund:{ours['id']}:2"]
    assert house.outbox("refund")[1]["due_at"] > house.value("select private.now() + interval '59 minutes'")
    assert house.status(booking) == "cancelled"
    say(house, intent, "succeeded", "re_2", refund_id=ours["id"], attempt=2)
    now = refund(house)
    assert (now["status"], now["stripe_refund_id"], now["failure_reason"]) == ("succeeded", "re_2", None)
    assert house.status(booking) == "refunded"
    assert house.violations() == []


def test_what_is_said_of_an_earlier_try_is_stale(house: House) -> None:
    _, _, intent = cancelled(house)
    ours = refund(house)
    say(house, intent, "failed", refund_id=ours["id"], attempt=1)
    say(house, intent, "pending", "re_2", refund_id=ours["id"], attempt=2)
    say(house, intent, "failed", "re_1", refund_id=ours["id"], attempt=1)
    assert (refund(house)["status"], refund(house)["attempt"]) == ("pending", 2)
    say(house, intent, "failed", "re_2", refund_id=ours["id"], attempt=2)
    assert (refund(house)["status"], refund(house)["attempt"]) == ("failed", 3)


@pytest.mark.transition("B9")
def test_a_whole_refund_from_the_dashboard_frees_the_seats(house: House) -> None:
    booking = house.buy(house.customer(), 0, 1)
    intent = house.value("select payment_intent_id from public.payments")
    assert say(house, intent, "succeeded") == "noted"
    assert house.status(booking) == "refunded"
    assert house.states()[:2] == ["free", "free"]
    assert house.events("seat:release")[0]["payload"]["reason"] == "refunded"
    assert refund(house)["reason"] == "made_at_stripe"
    assert len(house.outbox("mail_refund")) == 1
    assert house.violations() == []


def test_a_partial_refund_from_the_dashboard_leaves_the_booking(house: House) -> None:
    ada = house.customer()
    booking = house.buy(ada, 0, 1)
    intent = house.value("select payment_intent_id from public.payments")
    say(house, intent, "succeeded", amount=1000)
    assert house.status(booking) == "confirmed"
    assert house.violations() == []
    ada.call("cancel_booking", booking_id=booking["id"])
    amounts = house.rows("select amount, reason from public.refunds order by created_at")
    assert amounts == [
        {"amount": 1000, "reason": "made_at_stripe"},
        {"amount": 1400, "reason": "cancelled_by_customer"},
    ]
    say(
        house,
        intent,
        "succeeded",
        "re_2",
        amount=1400,
        refund_id=house.value("select id from public.refunds where reason = 'cancelled_by_customer'"),
        attempt=1,
    )
    assert house.status(booking) == "refunded"
    assert house.violations() == []


def test_the_refund_of_a_second_payment_leaves_the_booking(house: House) -> None:
    booking = house.buy(house.customer(), 0, 1)
    house.pay(booking, "pi_second")
    say(house, "pi_second", "succeeded", refund_id=refund(house)["id"], attempt=1)
    assert house.status(booking) == "confirmed"
    assert house.states()[:2] == ["booked", "booked"]
    assert house.violations() == []


@pytest.mark.transition("R6")
def test_a_refund_that_found_nothing_left_to_return_is_void(house: House) -> None:
    _, booking, intent = cancelled(house)
    ours = refund(house)
    say(house, intent, "succeeded", "re_hand")  # somebody was faster at the dashboard
    say(house, intent, "void", None, refund_id=ours["id"], attempt=1, event_id=None)
    statuses = house.rows("select reason, status from public.refunds order by reason")
    assert statuses == [
        {"reason": "cancelled_by_customer", "status": "void"},
        {"reason": "made_at_stripe", "status": "succeeded"},
    ]
    assert house.status(booking) == "refunded"
    assert [order["kind"] for order in house.outbox("refund")] == ["refund"]  # it is not tried again
    assert house.violations() == []


def test_a_refund_that_shrinks_while_it_is_asked_for_is_asked_for_again(house: House) -> None:
    """The worker is at Stripe with the old amount; what it reports then is stale, and its row is settled."""
    _, _, intent = cancelled(house)
    service = house.service()
    (order,) = service.call("claim_outbox", kinds=["refund"])
    assert say(house, intent, "succeeded", "re_hand", amount=1000) == "noted"
    ours = house.rows("select * from public.refunds where reason <> 'made_at_stripe'")[0]
    assert (ours["amount"], ours["attempt"], ours["status"]) == (1400, 2, "queued")
    say(house, intent, "failed", None, refund_id=ours["id"], attempt=1, failure_reason="amount_too_large")
    service.call("settle_outbox", id=order["id"], attempt=order["attempt"])
    (again,) = service.call("claim_outbox", kinds=["refund"])
    assert (again["refund"]["amount"], again["refund"]["attempt"]) == (1400, 2)
    assert house.violations() == []


def test_what_is_void_is_not_queued_again(house: House) -> None:
    """Stripe has returned everything in ways that we have yet to hear of; one letter is enough."""
    _, _, intent = cancelled(house)
    ours = refund(house)
    say(house, intent, "void", None, event_id=None, refund_id=ours["id"], attempt=1)
    assert len(house.rows("select * from public.refunds")) == 1
    assert len(house.outbox("mail_refund")) == 1
    say(house, intent, "succeeded", "re_1", amount=1000)
    say(house, intent, "succeeded", "re_2", amount=1400)
    assert house.violations() == []


def test_a_refund_that_failed_before_we_heard_of_it_is_noted_without_a_letter(house: House) -> None:
    ada = house.customer()
    booking = house.buy(ada, 0)
    intent = house.value("select payment_intent_id from public.payments")
    assert say(house, intent, "failed", "re_hand", amount=1200) == "noted"
    say(house, intent, "succeeded", "re_hand", amount=1200)  # older news
    assert refund(house)["status"] == "failed"
    assert house.outbox("mail_refund") == []
    assert house.status(booking) == "confirmed"
    assert house.violations() == []


def test_the_same_failure_told_twice_counts_once(house: House) -> None:
    """refund.updated and refund.failed bring the same news, without our attempt where the refund was made by hand."""
    _, _, intent = cancelled(house)
    ours = refund(house)
    say(house, intent, "pending", "re_hand", event_id=None, refund_id=ours["id"], attempt=1)
    for _ in range(2):
        say(house, intent, "failed", "re_hand", failure_reason="lost_or_stolen_card")
    assert (refund(house)["attempt"], refund(house)["status"]) == (2, "failed")


def test_unknown_and_wrong_refunds(house: House) -> None:
    _, _, intent = cancelled(house)
    assert say(house, "pi_unknown", "succeeded") == "unattributed"
    for wrong in ({"amount": -5}, {"amount": 0}, {"amount": None}):
        with pytest.raises(Refused, match="invalid_request"):
            say(house, intent, "succeeded", **wrong)
    with pytest.raises(Refused, match="invalid_request"):
        say(house, intent, "lost")
    assert refund(house)["status"] == "queued"
