"""create-intent's ways around a Stripe that fails, and around other requests for the same booking."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend.errors import ApiError, UnavailableError
from backend.settings import Settings
from backend.stripe_gateway import Intent, ReplayedFailureError, StripeRefusedError, StripeUnavailableError
from backend.tokens import Person, Tokens
from tests.backend.ports import FakeDataApi, FakeStripe, turns

BOOKING = "5f0c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11"
USER = UUID("7f0c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11")


def payment(number: int = 1, intent: str | None = None) -> dict[str, Any]:
    """Return an answer of start_payment."""
    return {
        "payment_id": f"payment-{number}",
        "booking_id": BOOKING,
        "reference": "ABCD2345",
        "amount": 2400,
        "currency": "EUR",
        "payment_intent_id": intent,
        "expires_at": "2026-12-02T10:00:00+00:00",
    }


def at_stripe(intent_id: str, status: str = "requires_payment_method") -> Intent:
    return Intent(intent_id, status, 2400, 0, "EUR", f"{intent_id}_secret_x")


class Payer:
    def __init__(self, client: FlaskClient, token: str) -> None:
        self._client = client
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, body: object | None = None) -> TestResponse:
        return self._client.post(
            "/api/payments/create-intent", json=body or {"booking_id": BOOKING}, headers=self.headers
        )


@pytest.fixture
def pay(client: FlaskClient, settings: Settings) -> Payer:
    return Payer(client, Tokens.of(settings).access_token(Person(USER, "ada@example.com", "s", "customer")))


def test_an_intent_is_created_and_attached(pay: Payer, data_api: FakeDataApi, stripe: FakeStripe) -> None:
    data_api.answers |= {"start_payment": payment(), "attach_payment_intent": {"attached": True}}
    answer = pay()
    assert answer.status_code == 200
    assert answer.get_json() == {
        "payment_intent_id": "pi_1",
        "client_secret": "pi_1_secret_x",
        "amount": 2400,
        "currency": "EUR",
        "expires_at": "2026-12-02T10:00:00+00:00",
    }
    assert data_api.arguments("start_payment") == [{"booking_id": BOOKING, "user_id": str(USER)}]
    assert data_api.arguments("attach_payment_intent") == [{"payment_id": "payment-1", "payment_intent_id": "pi_1"}]
    assert stripe.keys == ["payment:payment-1"]
    assert stripe.intents["pi_1"].metadata == {
        "booking_id": BOOKING,
        "payment_id": "payment-1",
        "reference": "ABCD2345",
    }


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_action", "processing", "succeeded"])
def test_an_existing_intent_is_returned(pay: Payer, data_api: FakeDataApi, stripe: FakeStripe, status: str) -> None:
    stripe.put(at_stripe("pi_9", status))
    data_api.answers["start_payment"] = payment(intent="pi_9")
    assert pay().get_json()["payment_intent_id"] == "pi_9"
    assert stripe.keys == []


def test_a_canceled_intent_is_noted_and_replaced(pay: Payer, data_api: FakeDataApi, stripe: FakeStripe) -> None:
    stripe.put(at_stripe("pi_9", "canceled"))
    data_api.answers |= {
        "start_payment": turns(payment(1, "pi_9"), payment(2)),
        "record_payment_failure": {"outcome": "noted"},
        "attach_payment_intent": {"attached": True},
    }
    assert pay().get_json()["payment_intent_id"] == "pi_2"
    (noted,) = data_api.arguments("record_payment_failure")
    assert (noted["event_id"], noted["payment_intent_id"], noted["canceled"]) == (None, "pi_9", True)
    assert stripe.keys == ["payment:payment-2"]


def test_a_secret_is_given_only_for_the_intent_that_was_attached(
    pay: Payer, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    stripe.put(at_stripe("pi_9"))
    data_api.answers |= {
        "start_payment": turns(payment(), payment(intent="pi_9")),
        # Another request, whose key was another, was first.
        "attach_payment_intent": {"attached": False},
    }
    assert pay().get_json()["client_secret"] == "pi_9_secret_x"


def test_spent_keys_are_left_behind(pay: Payer, data_api: FakeDataApi, stripe: FakeStripe) -> None:
    data_api.answers |= {"start_payment": payment(), "attach_payment_intent": {"attached": True}}
    stripe.failures = [ReplayedFailureError(), ReplayedFailureError()]
    assert pay().status_code == 200
    assert stripe.keys == ["payment:payment-1", "payment:payment-1:2", "payment:payment-1:3"]


@pytest.mark.parametrize(
    "failures",
    [[StripeUnavailableError()], [ReplayedFailureError()] * 3, [StripeRefusedError("account_invalid", "No.")]],
)
def test_stripe_failures_are_payment_unavailable(
    pay: Payer, data_api: FakeDataApi, stripe: FakeStripe, failures: list[Exception]
) -> None:
    data_api.answers["start_payment"] = payment()
    stripe.failures = list(failures)
    answer = pay()
    assert (answer.status_code, answer.get_json()["message"]) == (503, "payment_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert data_api.arguments("attach_payment_intent") == []


@pytest.mark.parametrize("code", ["amount_too_small", "amount_too_large"])
def test_an_amount_that_stripe_refuses_is_no_outage(
    pay: Payer, data_api: FakeDataApi, stripe: FakeStripe, code: str
) -> None:
    data_api.answers["start_payment"] = payment()
    stripe.failures = [StripeRefusedError(code, "Amount must convert to at least 50 cents.")]
    answer = pay()
    assert (answer.status_code, answer.get_json()["message"]) == (422, "amount_not_payable")
    assert "Retry-After" not in answer.headers
    assert data_api.arguments("attach_payment_intent") == []


def test_canceled_intents_are_given_up_after_three_rounds(
    pay: Payer, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    stripe.put(replace(at_stripe("pi_9"), status="canceled"))
    data_api.answers |= {"start_payment": payment(intent="pi_9"), "record_payment_failure": {"outcome": "noted"}}
    assert pay().status_code == 503
    assert len(data_api.arguments("start_payment")) == 3


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ApiError("unknown_booking"), 404, "unknown_booking"),
        (ApiError("lock_expired"), 409, "lock_expired"),
        (ApiError("not_payable"), 409, "not_payable"),
        (UnavailableError(), 503, "busy"),
    ],
)
def test_refusals_of_the_database_are_passed_on(
    pay: Payer, data_api: FakeDataApi, error: Exception, status: int, message: str
) -> None:
    data_api.answers["start_payment"] = error
    answer = pay()
    assert (answer.status_code, answer.get_json()["message"]) == (status, message)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer sb_secret_hidden-supabase"]
)
def test_a_missing_or_foreign_token_is_refused(client: FlaskClient, data_api: FakeDataApi, header: str) -> None:
    answer = client.post("/api/payments/create-intent", json={"booking_id": BOOKING}, headers={"Authorization": header})
    assert (answer.status_code, answer.get_json()["message"]) == (401, "sign_in_required")
    assert data_api.calls == []


def test_unknown_fields_are_refused_by_name(pay: Payer, data_api: FakeDataApi) -> None:
    answer = pay({"booking_id": BOOKING, "amount": 1, "currency": "EUR"})
    assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_request")
    assert answer.get_json()["details"] == '{"unknown": ["amount", "currency"]}'
    assert data_api.calls == []
