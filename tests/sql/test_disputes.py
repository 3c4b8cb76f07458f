"""record_dispute: what a customer's bank takes back is recorded, shown, and never returned a second time."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.house import Caller, House, Json, Refused


def paid(house: House) -> tuple[Caller, Json, str]:
    ada = house.customer()
    booking = house.book(ada, 0, 1)
    intent = house.start_payment(ada, booking)
    house.pay(booking, intent)
    return ada, booking, intent


def dispute(house: House, intent: str | None, status: str = "needs_response", **more: Any) -> Json:
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
    return house.service().call("record_dispute", **{**said, **more})


def recorded(house: House) -> Json:
    (row,) = house.rows("select * from public.disputes")
    return row


@pytest.mark.transition("D1")
def test_a_dispute_is_recorded_and_its_customer_sees_it(house: House) -> None:
    ada, booking, intent = paid(house)
    assert dispute(house, intent) == {"outcome": "noted", "booking_id": booking["id"], "reason": None}
    row = recorded(house)
    assert (row["amount"], row["currency"], row["reason"], row["closed_at"]) == (2400, "EUR", "fraudulent", None)
    assert [seen["id"] for seen in ada.query("select id from public.disputes")] == ["dp_1"]
    assert house.customer("Bob").query("select id from public.disputes") == []
    figures = house.service().call("figures")
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
    assert house.status(booking) == "confirmed"
    assert house.violations() == []


def test_the_same_event_twice_is_a_duplicate(house: House) -> None:
    _, _, intent = paid(house)
    dispute(house, intent, event_id="evt_1")
    assert dispute(house, intent, event_id="evt_1", status="lost")["outcome"] == "duplicate"
    assert recorded(house)["status"] == "needs_response"


@pytest.mark.transition("D2")
def test_what_is_closed_stays_closed_though_older_news_comes_later(house: House) -> None:
    _, _, intent = paid(house)
    dispute(house, intent, "won", event_type="charge.dispute.closed")
    closed_at = recorded(house)["closed_at"]
    dispute(house, intent, "needs_response")
    dispute(house, intent, "under_review", event_type="charge.dispute.updated")
    assert (recorded(house)["status"], recorded(house)["closed_at"]) == ("won", closed_at)
    assert house.service().call("figures")["disputes_open"] == 0


def test_what_was_lost_is_not_refunded_as_well(house: House) -> None:
    ada, booking, intent = paid(house)
    dispute(house, intent, "lost")
    ada.call("cancel_booking", booking_id=booking["id"])
    assert house.rows("select * from public.refunds") == []
    assert house.violations() == []


def test_a_refund_that_waits_is_void_once_the_dispute_is_lost(house: House) -> None:
    ada, booking, intent = paid(house)
    dispute(house, intent)
    ada.call("cancel_booking", booking_id=booking["id"])
    assert house.value("select status from public.refunds") == "queued"
    dispute(house, intent, "lost", event_type="charge.dispute.closed")
    assert house.value("select status from public.refunds") == "void"
    assert house.violations() == []


def test_money_that_was_refunded_and_lost_is_a_loss_and_no_violation(house: House) -> None:
    """Nobody could put it right, so verify would never say that all hold again."""
    ada, booking, intent = paid(house)
    ada.call("cancel_booking", booking_id=booking["id"])
    house.service().call(
        "record_refund",
        event_id=None,
        event_type="worker",
        stripe_refund_id="re_1",
        payment_intent_id=intent,
        amount=2400,
        status="succeeded",
        refund_id=house.value("select id from public.refunds"),
        attempt=1,
    )
    dispute(house, intent, "lost")
    assert house.violations() == []


def test_a_dispute_that_is_won_leaves_the_refund(house: House) -> None:
    ada, booking, intent = paid(house)
    dispute(house, intent)
    ada.call("cancel_booking", booking_id=booking["id"])
    dispute(house, intent, "won", event_type="charge.dispute.closed")
    assert house.value("select status from public.refunds") == "queued"


def test_money_of_others_is_none_of_ours(house: House) -> None:
    assert dispute(house, "pi_of_a_shop")["outcome"] == "unattributed"
    assert dispute(house, None)["outcome"] == "unattributed"


def test_news_of_a_dispute_that_overtakes_its_payment_comes_again(house: House) -> None:
    ada = house.customer()
    booking = house.book(ada, 0)
    intent = house.start_payment(ada, booking)
    with pytest.raises(Refused, match="busy"):
        dispute(house, intent, event_id="evt_1")
    house.pay(booking, intent)
    assert dispute(house, intent, event_id="evt_1")["outcome"] == "noted"


@pytest.mark.parametrize(
    "nonsense", [{"amount": 0}, {"amount": None}, {"status": None}, {"currency": None}, {"stripe_dispute_id": None}]
)
def test_nonsense_is_refused_and_nothing_noted(house: House, nonsense: Json) -> None:
    _, _, intent = paid(house)
    with pytest.raises(Refused, match="invalid_request"):
        dispute(house, intent, event_id="evt_1", **nonsense)
    assert house.value("select count(*) from private.stripe_events where id = 'evt_1'") == 0
