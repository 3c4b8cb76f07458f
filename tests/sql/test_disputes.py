"""record_dispute: what a customer's bank takes back is recorded, shown, and never returned a second time."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.cinema import Caller, CinemaFixture, Json, Refused


def paid(cinema: CinemaFixture) -> tuple[Caller, Json, str]:
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 1)
    intent = cinema.start_payment(ada, booking)
    cinema.pay(booking, intent)
    return ada, booking, intent


def dispute(cinema: CinemaFixture, intent: str | None, status: str = "needs_response", **more: Any) -> Json:
    said = {
        "event_id": f"evt_{uuid.uuid4().hex}",
        "event_type": "charge.dispute.created",
        "stripe_dispute_id": "dp_1",
        "payment_intent_id": intent,
        "amount": 2400,
        "currency": "eur",
        "reason": "fraudulent",
        "status": status,
    }
    return cinema.service().call("record_dispute", **{**said, **more})


def recorded(cinema: CinemaFixture) -> Json:
    (row,) = cinema.rows("select * from public.disputes")
    return row


@pytest.mark.transition("dispute.opened")
def test_a_dispute_is_recorded_and_its_customer_sees_it(cinema: CinemaFixture) -> None:
    ada, booking, intent = paid(cinema)
    assert dispute(cinema, intent) == {"outcome": "noted", "booking_id": booking["id"], "reason": None}
    row = recorded(cinema)
    assert (row["amount"], row["currency"], row["reason"], row["closed_at"]) == (2400, "EUR", "fraudulent", None)
    assert [seen["id"] for seen in ada.call("my_booking", booking_id=booking["id"])["disputes"]] == ["dp_1"]
    figures = cinema.service().call("operational_metrics")
    assert figures["disputes_open"] == 1
    assert figures["disputes"] == [
        {
            "id": "dp_1",
            "reference": booking["reference"],
            "status": "needs_response",
            "amount": 2400,
            "currency": "EUR",
        }
    ]
    assert cinema.status(booking) == "confirmed"
    assert cinema.violations() == []


def test_the_same_event_twice_is_a_duplicate(cinema: CinemaFixture) -> None:
    _, _, intent = paid(cinema)
    dispute(cinema, intent, event_id="evt_1")
    assert dispute(cinema, intent, event_id="evt_1", status="lost")["outcome"] == "duplicate"
    assert recorded(cinema)["status"] == "needs_response"


@pytest.mark.transition("dispute.closed")
def test_closed_disputes_ignore_older_events(cinema: CinemaFixture) -> None:
    _, _, intent = paid(cinema)
    dispute(cinema, intent, "won", event_type="charge.dispute.closed")
    closed_at = recorded(cinema)["closed_at"]
    dispute(cinema, intent, "needs_response")
    dispute(cinema, intent, "under_review", event_type="charge.dispute.updated")
    assert (recorded(cinema)["status"], recorded(cinema)["closed_at"]) == ("won", closed_at)
    assert cinema.service().call("operational_metrics")["disputes_open"] == 0


def test_lost_disputes_are_not_refunded(cinema: CinemaFixture) -> None:
    ada, booking, intent = paid(cinema)
    dispute(cinema, intent, "lost")
    ada.call("cancel_booking", booking_id=booking["id"])
    assert cinema.rows("select * from public.refunds") == []
    assert cinema.violations() == []


def test_a_refund_that_waits_is_void_once_the_dispute_is_lost(cinema: CinemaFixture) -> None:
    ada, booking, intent = paid(cinema)
    dispute(cinema, intent)
    ada.call("cancel_booking", booking_id=booking["id"])
    assert cinema.value("select status from public.refunds") == "queued"
    dispute(cinema, intent, "lost", event_type="charge.dispute.closed")
    assert cinema.value("select status from public.refunds") == "void"
    assert cinema.violations() == []


def test_money_that_was_refunded_and_lost_is_a_loss_and_no_violation(cinema: CinemaFixture) -> None:
    """It could not be corrected, so verify would never pass again."""
    ada, booking, intent = paid(cinema)
    ada.call("cancel_booking", booking_id=booking["id"])
    cinema.service().call(
        "record_refund",
        event_id=None,
        event_type="worker",
        stripe_refund_id="re_1",
        payment_intent_id=intent,
        amount=2400,
        status="succeeded",
        refund_id=cinema.value("select id from public.refunds"),
        attempt=1,
    )
    dispute(cinema, intent, "lost")
    assert cinema.violations() == []


def test_a_dispute_that_is_won_leaves_the_refund(cinema: CinemaFixture) -> None:
    ada, booking, intent = paid(cinema)
    dispute(cinema, intent)
    ada.call("cancel_booking", booking_id=booking["id"])
    dispute(cinema, intent, "won", event_type="charge.dispute.closed")
    assert cinema.value("select status from public.refunds") == "queued"


def test_disputes_of_unknown_payments_are_ignored(cinema: CinemaFixture) -> None:
    assert dispute(cinema, "pi_of_a_shop")["outcome"] == "unmatched"
    assert dispute(cinema, None)["outcome"] == "unmatched"


def test_dispute_event_before_payment_is_retried(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    intent = cinema.start_payment(ada, booking)
    with pytest.raises(Refused, match="busy"):
        dispute(cinema, intent, event_id="evt_1")
    cinema.pay(booking, intent)
    assert dispute(cinema, intent, event_id="evt_1")["outcome"] == "noted"


@pytest.mark.parametrize(
    "nonsense", [{"amount": 0}, {"amount": None}, {"status": None}, {"currency": None}, {"stripe_dispute_id": None}]
)
def test_invalid_disputes_are_refused(cinema: CinemaFixture, nonsense: Json) -> None:
    _, _, intent = paid(cinema)
    with pytest.raises(Refused, match="invalid_request"):
        dispute(cinema, intent, event_id="evt_1", **nonsense)
    assert cinema.value("select count(*) from private.stripe_events where id = 'evt_1'") == 0
