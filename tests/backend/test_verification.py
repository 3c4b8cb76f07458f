"""Verification: what the database and Stripe say is compared, and only what stays wrong counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.database import Database
from backend.errors import UnavailableError
from backend.stripe_gateway import Intent, Refund, StripeRefusedError, StripeUnavailableError
from backend.verification import Verification, notices
from tests.backend.ports import FakeDataApi, FakeStripe, turns
from tests.backend.test_webhook import FIGURES

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
PAYMENT: dict[str, Any] = {
    "payment_id": "p1",
    "booking_id": "b1",
    "payment_intent_id": "pi_1",
    "amount": 2400,
    "currency": "EUR",
    "refunds": [],
}
REFUND = {"stripe_refund_id": "re_1", "amount": 200, "status": "succeeded"}


def intent(**changes: Any) -> Intent:
    said: dict[str, Any] = {
        "id": "pi_1",
        "status": "succeeded",
        "amount": 2400,
        "amount_received": 2400,
        "currency": "EUR",
        "client_secret": "",
        "metadata": {"booking_id": "b1"},
    }
    return Intent(**{**said, **changes})


@pytest.fixture
def books(data_api: FakeDataApi, stripe: FakeStripe) -> FakeDataApi:
    """Both books agree: one payment, a part of it returned."""
    data_api.answers |= {
        "check_invariants": [],
        "payments_to_verify": [{**PAYMENT, "refunds": [REFUND]}],
        "compare_refunds": [],
    }
    stripe.put(intent())
    stripe.refunds["re_1"] = Refund("re_1", "succeeded", 200, "pi_1")
    return data_api


def found(books: FakeDataApi, stripe: FakeStripe) -> list[str]:
    waits: list[float] = []
    result = Verification(Database(books), stripe).run(SINCE, 7.0, waits.append)
    assert waits == ([7.0] if result else [])
    return result


def test_all_holds(books: FakeDataApi, stripe: FakeStripe) -> None:
    assert found(books, stripe) == []
    assert books.arguments("payments_to_verify")[0]["since"] == SINCE.isoformat()
    assert set(stripe.asked_since) == {SINCE}


def test_an_invariant_that_does_not_hold(books: FakeDataApi, stripe: FakeStripe) -> None:
    books.answers["check_invariants"] = [{"invariant": "I1 a seat is held twice", "violation": {"seat_id": 7}}]
    assert found(books, stripe) == ["I1 a seat is held twice: seat_id 7"]


@pytest.mark.parametrize(
    ("at_stripe", "sentence"),
    [
        ({"status": "canceled"}, "pi_1 is paid here and canceled at Stripe, booking b1"),
        ({"amount_received": 2300}, "pi_1 is 2400 EUR here and 2300 EUR at Stripe, booking b1"),
        ({"currency": "USD"}, "pi_1 is 2400 EUR here and 2400 USD at Stripe, booking b1"),
    ],
)
def test_a_payment_that_stripe_knows_otherwise(
    books: FakeDataApi, stripe: FakeStripe, at_stripe: dict[str, Any], sentence: str
) -> None:
    stripe.put(intent(**at_stripe))
    assert found(books, stripe) == [sentence]


def test_a_payment_that_stripe_does_not_know(
    books: FakeDataApi, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    del stripe.intents["pi_1"]

    def missing(_: str) -> Intent:
        raise StripeRefusedError("resource_missing", "No such payment_intent")

    monkeypatch.setattr(stripe, "retrieve_intent", missing)
    assert found(books, stripe) == ["pi_1 is unknown at Stripe, booking b1"]


def test_an_intent_older_than_those_listed_is_asked_for(
    books: FakeDataApi, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe, "intents_since", lambda _: iter([]))
    assert found(books, stripe) == []


def test_money_that_only_stripe_knows(books: FakeDataApi, stripe: FakeStripe) -> None:
    stripe.put(intent(id="pi_2", metadata={"booking_id": "b2"}))
    stripe.put(intent(id="pi_shop", metadata={}))  # somebody else's, on the same account
    stripe.put(intent(id="pi_3", status="requires_payment_method", amount_received=0))
    assert found(books, stripe) == ["pi_2 is paid at Stripe and not here, booking b2"]


@pytest.mark.parametrize(
    ("refund", "at_stripe", "sentence"),
    [
        (
            Refund("re_1", "canceled", 200, "pi_1"),
            "failed",
            "re_1 of pi_1 is succeeded here and failed (200) at Stripe",
        ),
        (
            Refund("re_1", "succeeded", 300, "pi_1"),
            "succeeded",
            "re_1 of pi_1 is succeeded here and succeeded (300) at Stripe",
        ),
    ],
)
def test_a_refund_that_stripe_knows_otherwise(
    books: FakeDataApi, stripe: FakeStripe, refund: Refund, at_stripe: str, sentence: str
) -> None:
    stripe.refunds["re_1"] = refund
    books.answers["compare_refunds"] = [{"id": "re_1", "here": "succeeded", "at_stripe": at_stripe}]
    assert found(books, stripe) == [sentence]


def test_a_refund_that_only_stripe_knows(books: FakeDataApi, stripe: FakeStripe) -> None:
    stripe.refunds["re_2"] = Refund("re_2", "pending", 50, "pi_1")
    stripe.refunds["re_shop"] = Refund("re_shop", "succeeded", 50, "pi_shop")
    books.answers["compare_refunds"] = [
        {"id": "re_2", "here": None, "at_stripe": "pending"},
        {"id": "re_shop", "here": None, "at_stripe": "succeeded"},
    ]
    assert found(books, stripe) == ["re_2 of pi_1 is unknown here and pending (50) at Stripe"]


def test_a_refund_that_stripe_does_not_know(
    books: FakeDataApi, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe.refunds.clear()

    def missing(_: str) -> Refund:
        raise StripeRefusedError("resource_missing", "No such refund")

    monkeypatch.setattr(stripe, "retrieve_refund", missing)
    assert found(books, stripe) == ["re_1 of pi_1 is unknown at Stripe"]


def test_changes_in_flight_are_no_violation(books: FakeDataApi, stripe: FakeStripe) -> None:
    books.answers["payments_to_verify"] = turns([], [PAYMENT])
    books.answers["compare_refunds"] = turns([{"id": "re_1", "here": "pending", "at_stripe": "succeeded"}], [])
    waited: list[float] = []
    assert Verification(Database(books), stripe).run(SINCE, 7.0, waited.append) == []
    assert waited == [7.0]


@pytest.mark.parametrize("down", ["database", "stripe"])
def test_a_verification_without_an_answer_raises(books: FakeDataApi, stripe: FakeStripe, down: str) -> None:
    if down == "database":
        books.answers["check_invariants"] = UnavailableError()
    else:
        stripe.failures = [StripeUnavailableError()]
    with pytest.raises(UnavailableError):
        found(books, stripe)


def test_findings_that_need_attention(data_api: FakeDataApi) -> None:
    data_api.answers["operational_metrics"] = {
        **FIGURES,
        "outbox": FIGURES["outbox"][:1],
        "refunds": {"failed": 1, "pending": 3},
        "disputes_open": 1,
        "disputes": [{"id": "dp_1", "reference": "ABCD2345", "status": "lost", "amount": 2400, "currency": "EUR"}],
    }
    assert notices(Database(data_api)) == [
        "1 refund is failed: Stripe refused, it is tried again every hour",
        "3 refunds are pending",
        "disputes open: 1",
        "dispute dp_1 of booking ABCD2345 is lost: EUR 24.00",
        "mail_refund: 2 failed, the oldest for 100 s",
    ]
