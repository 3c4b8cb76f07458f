"""Reconciliation looks through the refunds that Stripe made lately. (What it asks of open payments: test_worker.py.)"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.database import Database
from backend.errors import ApiError
from backend.reconciliation import Reconciliation
from backend.stripe_gateway import Intent, Refund, StripeRefusedError, StripeUnavailableError
from tests.backend.ports import FakeDataApi, FakeStripe

OURS = {"refund_id": "5f0c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11", "attempt": "1"}
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def now() -> list[datetime]:
    """The clock: the last of them."""
    return [NOON]


@pytest.fixture
def reconciliation(data_api: FakeDataApi, stripe: FakeStripe, now: list[datetime]) -> Reconciliation:
    data_api.answers |= {
        "claim_payments_to_reconcile": [],
        "claim_refunds_to_reconcile": [],
        "payments_to_verify": [],
        "compare_refunds": [],
        "record_refund": {"outcome": "noted"},
    }
    return Reconciliation(Database(data_api), stripe, 120, clock=lambda: now[-1])


def differing(*names: str) -> list[dict[str, Any]]:
    """Return the database's answer where it knows none of those."""
    return [{"id": name, "here": None, "at_stripe": "succeeded"} for name in names]


def test_what_stripe_did_not_answer_is_due_again_soon(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    """An answer, even a refusal, is a look; an outage is none."""
    data_api.answers |= {
        "claim_payments_to_reconcile": [
            {"payment_id": name, "payment_intent_id": "pi_1"} for name in ("refused", "down", "answered")
        ],
        "claim_refunds_to_reconcile": [{"id": OURS["refund_id"], "attempt": 1, "stripe_refund_id": "re_1"}],
        "release_check": None,
    }
    stripe.put(Intent("pi_1", "processing", 5, 0, "EUR", "", {}))
    stripe.failures = [StripeRefusedError("resource_missing", "No such intent."), StripeUnavailableError("down")]
    assert reconciliation.run() == 4
    assert data_api.arguments("release_check") == [
        {"subject_id": "down", "older_than": "120 seconds"},
        {"subject_id": OURS["refund_id"], "older_than": "120 seconds"},
    ]


def recorded(data_api: FakeDataApi) -> list[tuple[Any, ...]]:
    return [
        (said["stripe_refund_id"], said["status"], said["refund_id"], said["attempt"], said["event_id"])
        for said in data_api.arguments("record_refund")
    ]


def test_a_refund_of_the_dashboard_of_which_the_event_was_lost(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    stripe.refunds["re_1"] = Refund("re_1", "succeeded", 5, "pi_1")
    data_api.answers["compare_refunds"] = differing("re_1")
    assert reconciliation.run() == 1
    assert recorded(data_api) == [("re_1", "succeeded", None, None, None)]


def test_matching_refunds_are_left_alone(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    stripe.refunds = {
        "re_1": Refund("re_1", "succeeded", 5, "pi_1"),
        "re_4": Refund("re_4", "succeeded", 5, None),
    }
    data_api.answers["compare_refunds"] = differing("re_4")  # of no payment: nobody could note it
    assert reconciliation.run() == 0
    assert recorded(data_api) == []


@pytest.mark.parametrize(("at_stripe", "here"), [("succeeded", "pending"), ("failed", "succeeded")])
def test_a_refund_that_has_moved(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe, at_stripe: str, here: str
) -> None:
    stripe.refunds["re_1"] = Refund("re_1", at_stripe, 5, "pi_1", metadata=OURS)
    data_api.answers["compare_refunds"] = [{"id": "re_1", "here": here, "at_stripe": at_stripe}]
    assert reconciliation.run() == 1
    assert recorded(data_api) == [("re_1", at_stripe, OURS["refund_id"], 1, None)]


def test_each_run_begins_a_little_before_the_last(
    reconciliation: Reconciliation, stripe: FakeStripe, now: list[datetime]
) -> None:
    reconciliation.run()
    now.append(NOON + timedelta(minutes=1))
    reconciliation.run()
    assert stripe.asked_since == [NOON - timedelta(days=3), NOON - timedelta(minutes=10)]


def test_failed_reconciliation_is_repeated(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    """One that fails stops none of the others, and the next run begins where this one did."""
    stripe.refunds = {
        "re_1": Refund("re_1", "succeeded", 5, "pi_1"),
        "re_2": Refund("re_2", "succeeded", 5, "pi_2"),
    }
    data_api.answers["record_refund"] = ApiError("busy")
    data_api.answers["compare_refunds"] = differing("re_1", "re_2")
    assert reconciliation.run() == 2
    assert [said[0] for said in recorded(data_api)] == ["re_1", "re_2"]
    data_api.answers["record_refund"] = {"outcome": "noted"}
    reconciliation.run()
    assert stripe.asked_since == [NOON - timedelta(days=3)] * 2


def test_a_look_back_finds_what_a_bank_sent_back_weeks_later(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    stripe.refunds["re_1"] = Refund("re_1", "failed", 5, "pi_1", "lost_or_stolen_card", OURS)
    data_api.answers["compare_refunds"] = [{"id": "re_1", "here": "succeeded", "at_stripe": "failed"}]
    assert reconciliation.look_back() == 1
    assert recorded(data_api) == [("re_1", "failed", OURS["refund_id"], 1, None)]
    assert stripe.asked_since == [NOON - timedelta(days=35), NOON - timedelta(days=3)]


KNOWN_PAYMENT = {
    "payment_id": "p1",
    "booking_id": "b1",
    "payment_intent_id": "pi_known",
    "amount": 2400,
    "currency": "EUR",
    "refunds": [],
}


def test_a_look_back_finds_money_for_a_payment_that_is_no_longer_open(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    data_api.answers |= {
        "payments_to_verify": [KNOWN_PAYMENT],
        "confirm_booking": {"outcome": "refund_queued"},
    }
    ours = {"booking_id": OURS["refund_id"]}
    for name, status, metadata in (
        ("pi_known", "succeeded", ours),
        ("pi_lost", "succeeded", ours),
        ("pi_open", "requires_payment_method", ours),
        ("pi_shop", "succeeded", {}),
    ):
        stripe.put(Intent(name, status, 2400, 2400, "EUR", "", metadata))
    assert reconciliation.look_back() == 1
    assert [said["payment_intent_id"] for said in data_api.arguments("confirm_booking")] == ["pi_lost"]


def test_more_refunds_than_one_question_may_name(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    stripe.refunds = {f"re_{n}": Refund(f"re_{n}", "succeeded", 5, "pi_1") for n in range(250)}
    data_api.answers["compare_refunds"] = differing(*stripe.refunds)
    assert reconciliation.run() == 250
    assert [len(asked["refunds"]) for asked in data_api.arguments("compare_refunds")] == [100, 100, 50]
