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
    """Record the status of a refund at Stripe, as an event."""
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
def test_refund_lifecycle(cinema: CinemaFixture) -> None:
    ada, booking, intent = cancelled(cinema)
    ours = refund(cinema)
    assert say(cinema, intent, "pending", refund_id=ours["id"], attempt=1) == "noted"
    assert refund(cinema)["status"] == "pending"
    assert cinema.status(booking) == "cancelled"
    assert say(cinema, intent, "succeeded") == "noted"
    assert refund(cinema)["status"] == "succeeded"
    assert cinema.status(booking) == "refunded"
    (seen,) = ada.call("my_booking", booking_id=booking["id"])["refunds"]
    assert (seen["status"], seen["amount"]) == ("succeeded", 2400)
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


def test_reports_of_earlier_attempts_are_stale(cinema: CinemaFixture) -> None:
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


def test_a_refund_that_failed_before_it_was_known_is_noted_without_an_email(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    intent = cinema.value("select payment_intent_id from public.payments")
    assert say(cinema, intent, "failed", "re_hand", amount=1200) == "noted"
    say(cinema, intent, "succeeded", "re_hand", amount=1200)  # older news
    assert refund(cinema)["status"] == "failed"
    assert cinema.outbox("mail_refund") == []
    assert cinema.status(booking) == "confirmed"
    assert cinema.violations() == []


def test_the_same_failure_reported_twice_counts_once(cinema: CinemaFixture) -> None:
    """refund.updated and refund.failed report the same, without our attempt where the refund was made by hand."""
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


# The refund of a cancellation -----------------------------------------------------------------------------------------


def promised(who: Caller, booking: Json) -> int | None:
    """Return the refund that the page promises for a cancellation."""
    amount: int | None = who.call("my_booking", booking_id=booking["id"])["refundable_amount"]
    return amount


def dispute(cinema: CinemaFixture, intent: str, amount: int, status: str) -> None:
    cinema.service().call(
        "record_dispute",
        event_id=f"evt_{uuid.uuid4().hex}",
        event_type="charge.dispute.updated",
        stripe_dispute_id="dp_1",
        payment_intent_id=intent,
        amount=amount,
        currency="eur",
        reason="fraudulent",
        status=status,
    )


@pytest.mark.parametrize(
    ("meanwhile", "left"),
    [
        ([], 2400),
        ([("succeeded", 500)], 1900),
        ([("pending", 500)], 1900),
        ([("failed", 500)], 2400),
        ([("succeeded", 500), ("pending", 300)], 1600),
        ([("lost", 400)], 2000),
        ([("under_review", 400)], 2400),
        ([("lost", 2400)], 0),
    ],
)
def test_promised_refund_is_the_refund_made(cinema: CinemaFixture, meanwhile: list[tuple[str, int]], left: int) -> None:
    """Paid minus all that has gone back, whichever way it went."""
    ada = cinema.customer()
    booking = cinema.buy(ada, 0, 1)
    intent = cinema.value("select payment_intent_id from public.payments")
    for number, (status, amount) in enumerate(meanwhile):
        if status in ("lost", "under_review"):
            dispute(cinema, intent, amount, status)
        else:
            say(cinema, intent, status, f"re_{number}", amount=amount)
    assert promised(ada, booking) == left
    ada.call("cancel_booking", booking_id=booking["id"])
    queued = cinema.value(
        "select coalesce(sum(amount), 0)::integer from public.refunds where reason = 'cancelled_by_customer'"
    )
    assert queued == left
    assert promised(ada, booking) is None
    assert cinema.violations() == []


def test_refunded_second_payment_is_not_promised(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0, 1)
    cinema.pay(booking, "pi_second")
    assert promised(ada, booking) == 2400


# Emails ---------------------------------------------------------------------------------------------------------------


def test_a_cancellation_with_nothing_left_to_refund_has_an_email(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0, 1)
    intent = cinema.value("select payment_intent_id from public.payments")
    dispute(cinema, intent, 2400, "lost")
    ada.call("cancel_booking", booking_id=booking["id"])
    ada.call("cancel_booking", booking_id=booking["id"])
    (email,) = cinema.outbox("mail_cancellation")
    assert email["payload"] == {"reason": "cancelled_by_customer"}
    assert cinema.outbox("mail_refund") == []
    assert cinema.violations() == []


def test_refund_email_announces_the_cancellation(cinema: CinemaFixture) -> None:
    cancelled(cinema)
    assert len(cinema.outbox("mail_refund")) == 1
    assert cinema.outbox("mail_cancellation") == []


def test_the_email_of_a_refund_knows_what_is_kept(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0, 1)
    intent = cinema.value("select payment_intent_id from public.payments")
    say(cinema, intent, "pending", "re_hand", amount=500)
    (order,) = cinema.service().call("claim_outbox", kinds=["mail_refund"])
    assert (order["email"]["booking"]["status"], order["refund"]["kept"]) == ("confirmed", 1900)


@pytest.mark.parametrize("before", ["pending", "succeeded"])
def test_a_refund_that_a_bank_refuses_has_an_email_once(cinema: CinemaFixture, before: str) -> None:
    _, _, intent = cancelled(cinema)
    ours = refund(cinema)
    for attempt, stripe_refund_id in ((1, "re_1"), (2, "re_2")):
        say(cinema, intent, before, stripe_refund_id, refund_id=ours["id"], attempt=attempt)
        say(cinema, intent, "failed", stripe_refund_id, refund_id=ours["id"], attempt=attempt)
    (email,) = cinema.service().call("claim_outbox", kinds=["mail_refund_failed"])
    assert email["refund"]["id"] == str(ours["id"])
    assert email["email"]["customer"]["full_name"] == "Ada"
    assert cinema.violations() == []


def test_a_refund_of_the_dashboard_that_a_bank_refuses_has_an_email(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0, 1)
    intent = cinema.value("select payment_intent_id from public.payments")
    say(cinema, intent, "succeeded", "re_hand", amount=500)
    say(cinema, intent, "failed", "re_hand", amount=500)
    assert len(cinema.outbox("mail_refund_failed")) == 1
    assert cinema.violations() == []


def test_refused_refund_attempts_send_no_email(cinema: CinemaFixture) -> None:
    _, _, intent = cancelled(cinema)
    say(cinema, intent, "failed", None, refund_id=refund(cinema)["id"], attempt=1, failure_reason="charge_disputed")
    assert cinema.outbox("mail_refund_failed") == []
    assert cinema.violations() == []
