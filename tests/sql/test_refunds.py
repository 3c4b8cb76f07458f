"""record_refund: refunds are followed to their end, failures are tried again."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.cinema import Caller, CinemaFixture, Json, Refused


def cancelled(cinema: CinemaFixture) -> tuple[Caller, Json, str]:
    """A booking that was paid and cancelled, with its intent; the refund is queued."""
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 1)
    intent = cinema.start_payment(ada, booking)
    cinema.pay(booking, intent)
    ada.call("cancel_booking", booking_id=booking["id"])
    return ada, booking, intent


def say(cinema: CinemaFixture, intent: str, status: str, stripe_refund_id: str | None = "re_1", **more: Any) -> str:
    """What Stripe says of a refund, as an event."""
    said = {
        "event_id": f"evt_{uuid.uuid4().hex}",
        "event_type": "refund.updated",
        "stripe_refund_id": stripe_refund_id,
        "payment_intent_id": intent,
        "amount": 2400,
        "status": status,
    }
    return cinema.service().call("record_refund", **{**said, **more})["outcome"]


def refund(cinema: CinemaFixture) -> Json:
    (row,) = cinema.rows("select * from public.refunds")
    return row


@pytest.mark.transition("refund.accepted", "refund.succeeded", "booking.refunded")
def test_a_refund_goes_its_way(cinema: CinemaFixture) -> None:
    ada, booking, intent = cancelled(cinema)
    ours = refund(cinema)
    assert say(cinema, intent, "pending", refund_id=ours["id"], attempt=1) == "noted"
    assert refund(cinema)["status"] == "pending"
    assert cinema.status(booking) == "cancelled"
    assert say(cinema, intent, "succeeded") == "noted"
    assert refund(cinema)["status"] == "succeeded"
    assert cinema.status(booking) == "refunded"
    (seen,) = ada.query("select status, amount from public.refunds")
    assert seen == {"status": "succeeded", "amount": 2400}
    assert cinema.violations() == []


@pytest.mark.transition("booking.refund_bounced")
def test_money_that_the_bank_sends_back_is_owed_again(cinema: CinemaFixture) -> None:
    _, booking, intent = cancelled(cinema)
    ours = refund(cinema)
    say(cinema, intent, "succeeded", refund_id=ours["id"], attempt=1)
    assert cinema.status(booking) == "refunded"
    say(cinema, intent, "failed", refund_id=ours["id"], attempt=1, failure_reason="lost_or_stolen_card")
    assert cinema.status(booking) == "cancelled"
    assert (refund(cinema)["status"], refund(cinema)["attempt"]) == ("failed", 2)
    assert cinema.violations() == []


def test_a_refund_is_of_one_payment_for_ever(cinema: CinemaFixture) -> None:
    _, _, intent = cancelled(cinema)
    assert say(cinema, intent, "succeeded") == "noted"
    other = cinema.customer()
    booking = cinema.book(other, 5)
    its_intent = cinema.start_payment(other, booking)
    cinema.pay(booking, its_intent)
    with pytest.raises(Refused, match="invalid_request"):
        say(cinema, its_intent, "succeeded")
    assert cinema.status(booking) == "confirmed"
    assert cinema.violations() == []


def test_pending_never_follows_an_end(cinema: CinemaFixture) -> None:
    _, _, intent = cancelled(cinema)
    ours = refund(cinema)
    say(cinema, intent, "succeeded", refund_id=ours["id"], attempt=1)
    say(cinema, intent, "pending", refund_id=ours["id"], attempt=1)
    assert refund(cinema)["status"] == "succeeded"


@pytest.mark.transition("refund.failed", "refund.retried")
def test_a_failed_refund_is_visible_and_tried_again_under_a_new_key(cinema: CinemaFixture) -> None:
    _, booking, intent = cancelled(cinema)
    ours = refund(cinema)
    say(cinema, intent, "pending", refund_id=ours["id"], attempt=1)
    say(cinema, intent, "failed", refund_id=ours["id"], attempt=1, failure_reason="expired_or_canceled_card")
    now = refund(cinema)
    assert (now["status"], now["failure_reason"], now["attempt"]) == ("failed", "expired_or_canceled_card", 2)
    say(cinema, intent, "failed", refund_id=ours["id"], attempt=1)  # said again: the same failure, no third try
    assert [order["key"] for order in cinema.outbox("refund")] == [f"refund:{ours['id']}:1", f"refund:{ours['id']}:2"]
    assert cinema.outbox("refund")[1]["due_at"] > cinema.value("select private.now() + interval '59 minutes'")
    assert cinema.status(booking) == "cancelled"
    say(cinema, intent, "succeeded", "re_2", refund_id=ours["id"], attempt=2)
    now = refund(cinema)
    assert (now["status"], now["stripe_refund_id"], now["failure_reason"]) == ("succeeded", "re_2", None)
    assert cinema.status(booking) == "refunded"
    assert cinema.violations() == []


def test_what_is_said_of_an_earlier_try_is_stale(cinema: CinemaFixture) -> None:
    _, _, intent = cancelled(cinema)
    ours = refund(cinema)
    say(cinema, intent, "failed", refund_id=ours["id"], attempt=1)
    say(cinema, intent, "pending", "re_2", refund_id=ours["id"], attempt=2)
    say(cinema, intent, "failed", "re_1", refund_id=ours["id"], attempt=1)
    assert (refund(cinema)["status"], refund(cinema)["attempt"]) == ("pending", 2)
    say(cinema, intent, "failed", "re_2", refund_id=ours["id"], attempt=2)
    assert (refund(cinema)["status"], refund(cinema)["attempt"]) == ("failed", 3)


@pytest.mark.transition("booking.refunded_at_stripe")
def test_a_whole_refund_from_the_dashboard_frees_the_seats(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0, 1)
    intent = cinema.value("select payment_intent_id from public.payments")
    assert say(cinema, intent, "succeeded") == "noted"
    assert cinema.status(booking) == "refunded"
    assert cinema.states()[:2] == ["free", "free"]
    assert cinema.events("seat:release")[0]["payload"]["reason"] == "refunded"
    assert refund(cinema)["reason"] == "made_at_stripe"
    assert len(cinema.outbox("mail_refund")) == 1
    assert cinema.violations() == []


def test_a_partial_refund_from_the_dashboard_leaves_the_booking(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0, 1)
    intent = cinema.value("select payment_intent_id from public.payments")
    say(cinema, intent, "succeeded", amount=1000)
    assert cinema.status(booking) == "confirmed"
    assert cinema.violations() == []
    ada.call("cancel_booking", booking_id=booking["id"])
    amounts = cinema.rows("select amount, reason from public.refunds order by created_at")
    assert amounts == [
        {"amount": 1000, "reason": "made_at_stripe"},
        {"amount": 1400, "reason": "cancelled_by_customer"},
    ]
    say(
        cinema,
        intent,
        "succeeded",
        "re_2",
        amount=1400,
        refund_id=cinema.value("select id from public.refunds where reason = 'cancelled_by_customer'"),
        attempt=1,
    )
    assert cinema.status(booking) == "refunded"
    assert cinema.violations() == []


def test_the_refund_of_a_second_payment_leaves_the_booking(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0, 1)
    cinema.pay(booking, "pi_second")
    say(cinema, "pi_second", "succeeded", refund_id=refund(cinema)["id"], attempt=1)
    assert cinema.status(booking) == "confirmed"
    assert cinema.states()[:2] == ["booked", "booked"]
    assert cinema.violations() == []


@pytest.mark.transition("refund.voided")
def test_a_refund_that_found_nothing_left_to_return_is_void(cinema: CinemaFixture) -> None:
    _, booking, intent = cancelled(cinema)
    ours = refund(cinema)
    say(cinema, intent, "succeeded", "re_hand")  # somebody was faster at the dashboard
    say(cinema, intent, "void", None, refund_id=ours["id"], attempt=1, event_id=None)
    statuses = cinema.rows("select reason, status from public.refunds order by reason")
    assert statuses == [
        {"reason": "cancelled_by_customer", "status": "void"},
        {"reason": "made_at_stripe", "status": "succeeded"},
    ]
    assert cinema.status(booking) == "refunded"
    assert [order["kind"] for order in cinema.outbox("refund")] == ["refund"]  # it is not tried again
    assert cinema.violations() == []


def test_a_refund_that_shrinks_while_it_is_asked_for_is_asked_for_again(cinema: CinemaFixture) -> None:
    """The worker is at Stripe with the old amount; what it reports then is stale, and its row is settled."""
    _, _, intent = cancelled(cinema)
    service = cinema.service()
    (order,) = service.call("claim_outbox", kinds=["refund"])
    assert say(cinema, intent, "succeeded", "re_hand", amount=1000) == "noted"
    ours = cinema.rows("select * from public.refunds where reason <> 'made_at_stripe'")[0]
    assert (ours["amount"], ours["attempt"], ours["status"]) == (1400, 2, "queued")
    say(cinema, intent, "failed", None, refund_id=ours["id"], attempt=1, failure_reason="amount_too_large")
    service.call("complete_outbox", id=order["id"], attempt=order["attempt"])
    (again,) = service.call("claim_outbox", kinds=["refund"])
    assert (again["refund"]["amount"], again["refund"]["attempt"]) == (1400, 2)
    assert cinema.violations() == []


def test_what_is_void_is_not_queued_again(cinema: CinemaFixture) -> None:
    """Stripe has returned everything in ways that we have yet to hear of; one email is enough."""
    _, _, intent = cancelled(cinema)
    ours = refund(cinema)
    say(cinema, intent, "void", None, event_id=None, refund_id=ours["id"], attempt=1)
    assert len(cinema.rows("select * from public.refunds")) == 1
    assert len(cinema.outbox("mail_refund")) == 1
    say(cinema, intent, "succeeded", "re_1", amount=1000)
    say(cinema, intent, "succeeded", "re_2", amount=1400)
    assert cinema.violations() == []


def test_a_refund_that_failed_before_we_heard_of_it_is_noted_without_an_email(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    intent = cinema.value("select payment_intent_id from public.payments")
    assert say(cinema, intent, "failed", "re_hand", amount=1200) == "noted"
    say(cinema, intent, "succeeded", "re_hand", amount=1200)  # older news
    assert refund(cinema)["status"] == "failed"
    assert cinema.outbox("mail_refund") == []
    assert cinema.status(booking) == "confirmed"
    assert cinema.violations() == []


def test_the_same_failure_told_twice_counts_once(cinema: CinemaFixture) -> None:
    """refund.updated and refund.failed bring the same news, without our attempt where the refund was made by hand."""
    _, _, intent = cancelled(cinema)
    ours = refund(cinema)
    say(cinema, intent, "pending", "re_hand", event_id=None, refund_id=ours["id"], attempt=1)
    for _ in range(2):
        say(cinema, intent, "failed", "re_hand", failure_reason="lost_or_stolen_card")
    assert (refund(cinema)["attempt"], refund(cinema)["status"]) == (2, "failed")


def test_unknown_and_wrong_refunds(cinema: CinemaFixture) -> None:
    _, _, intent = cancelled(cinema)
    assert say(cinema, "pi_unknown", "succeeded") == "unmatched"
    for wrong in ({"amount": -5}, {"amount": 0}, {"amount": None}):
        with pytest.raises(Refused, match="invalid_request"):
            say(cinema, intent, "succeeded", **wrong)
    with pytest.raises(Refused, match="invalid_request"):
        say(cinema, intent, "lost")
    assert refund(cinema)["status"] == "queued"
