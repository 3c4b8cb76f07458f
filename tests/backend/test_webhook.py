"""The webhook: signatures over raw bytes, what each event becomes, and the answers to Stripe."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import stripe as stripe_library
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend.app import create_app
from backend.database import Database
from backend.errors import ApiError, UnavailableError
from backend.settings import Settings
from backend.stripe_gateway import Refund, StripeRefusedError, StripeUnavailableError
from tests.backend.ports import FakeDataApi, FakeStripe

BOOKING = "5f0c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11"
INTENT = {
    "id": "pi_1",
    "amount_received": 2400,
    "currency": "eur",
    "metadata": {"booking_id": BOOKING},
    "last_payment_error": None,
}


def event(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    """An event as Stripe spells it."""
    return {"id": "evt_1", "object": "event", "type": event_type, "livemode": True, "data": {"object": data}}


class Sender:
    """Posts to the webhook, signed."""

    def __init__(self, client: FlaskClient, secrets: tuple[str, ...]) -> None:
        self._client = client
        self.secrets = secrets

    def __call__(self, body: object, secret: str | None = None, at: int | None = None) -> TestResponse:
        payload = body if isinstance(body, bytes) else json.dumps(body, indent=2).encode()
        header = stripe_library.WebhookSignature.generate_signature_header(
            payload.decode(), secret or self.secrets[0], at
        )
        return self._client.post("/api/payments/webhook", data=payload, headers={"Stripe-Signature": header})


@pytest.fixture
def send(client: FlaskClient, settings: Settings) -> Sender:
    return Sender(client, settings.stripe_webhook_secrets)


@pytest.fixture(autouse=True)
def noted(data_api: FakeDataApi) -> None:
    for function, outcome in (
        ("confirm_booking", "confirmed"),
        ("record_payment_failure", "noted"),
        ("record_refund", "noted"),
    ):
        data_api.answers[function] = {"outcome": outcome, "booking_id": BOOKING, "reason": None}


def test_both_secrets_are_taken_while_one_replaces_the_other(send: Sender) -> None:
    for secret in send.secrets:
        assert send(event("payment_intent.succeeded", INTENT), secret).status_code == 200
    assert send(event("payment_intent.succeeded", INTENT), "whsec_hidden").status_code == 400
    assert send(event("payment_intent.succeeded", INTENT), ",".join(send.secrets)).status_code == 400


def test_the_signature_is_over_the_very_bytes(
    client: FlaskClient, send: Sender, data_api: FakeDataApi, settings: Settings
) -> None:
    body = json.dumps(event("payment_intent.succeeded", INTENT))
    header = stripe_library.WebhookSignature.generate_signature_header(body, settings.stripe_webhook_secrets[0])
    same_json = json.dumps(json.loads(body), indent=1)
    answer = client.post("/api/payments/webhook", data=same_json, headers={"Stripe-Signature": header})
    assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_signature")
    assert data_api.calls == []
    assert client.post("/api/payments/webhook", data=body, headers={"Stripe-Signature": header}).status_code == 200
    del send


@pytest.mark.parametrize("age", [301, 3600, 10**9])
def test_old_ones_are_refused(send: Sender, data_api: FakeDataApi, age: int) -> None:
    answer = send(event("payment_intent.succeeded", INTENT), at=int(time.time()) - age)
    assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_signature")
    assert data_api.calls == []


@pytest.mark.parametrize("ahead", [310, 3600, 86_400, 10**9, 10**30])
def test_those_dated_in_the_future_are_refused(send: Sender, data_api: FakeDataApi, ahead: int) -> None:
    for secret in send.secrets:
        answer = send(event("payment_intent.succeeded", INTENT), secret, at=int(time.time()) + ahead)
        assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_signature")
    assert data_api.calls == []


def test_a_second_time_in_the_header_does_not_count(client: FlaskClient, settings: Settings) -> None:
    body, now = json.dumps(event("payment_intent.succeeded", INTENT)), int(time.time())
    sign, secret = stripe_library.WebhookSignature.generate_signature_header, settings.stripe_webhook_secrets[0]
    for header, status in (
        (f"{sign(body, secret, now + 86_400)},t={now}", 400),
        (f"odd,v0=x,{sign(body, secret, now)},t={now + 86_400}", 200),
    ):
        answer = client.post("/api/payments/webhook", data=body, headers={"Stripe-Signature": header})
        assert answer.status_code == status


@pytest.mark.parametrize("off", [-290, 290])
def test_clocks_may_differ_by_less_than_the_tolerance(send: Sender, off: int) -> None:
    assert send(event("payment_intent.succeeded", INTENT), at=int(time.time()) + off).status_code == 200


def test_money_arrived(send: Sender, data_api: FakeDataApi) -> None:
    answer = send(event("payment_intent.succeeded", INTENT))
    assert (answer.status_code, answer.get_json()) == (200, {"outcome": "confirmed"})
    assert data_api.calls == [
        (
            "confirm_booking",
            {
                "event_id": "evt_1",
                "event_type": "payment_intent.succeeded",
                "payment_intent_id": "pi_1",
                "amount": 2400,
                "currency": "eur",
                "booking_id": BOOKING,
            },
        )
    ]


@pytest.mark.parametrize("metadata", [{}, None, [], {"booking_id": "order-7"}, {"booking_id": 7}])
def test_an_intent_without_our_metadata(send: Sender, data_api: FakeDataApi, metadata: object) -> None:
    assert send(event("payment_intent.succeeded", {**INTENT, "metadata": metadata})).status_code == 200
    assert data_api.arguments("confirm_booking")[0]["booking_id"] is None


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        ({"code": "card_declined", "decline_code": "lost_card", "message": "No."}, "lost_card", "No."),
        ({"code": "processing_error", "message": "No."}, "processing_error", "No."),
        (None, None, None),
        ({"code": None, "decline_code": 7, "message": []}, None, None),
        ([1], None, None),
        ("x", None, None),
        ({"code": "nul\0", "message": "half \ud800"}, None, None),
    ],
)
def test_an_attempt_failed(
    send: Sender, data_api: FakeDataApi, error: object, code: str | None, message: str | None
) -> None:
    assert send(event("payment_intent.payment_failed", {**INTENT, "last_payment_error": error})).status_code == 200
    (arguments,) = data_api.arguments("record_payment_failure")
    assert (arguments["canceled"], arguments["failure_code"], arguments["failure_message"]) == (False, code, message)


def test_an_intent_was_canceled(send: Sender, data_api: FakeDataApi) -> None:
    send(event("payment_intent.canceled", {**INTENT, "cancellation_reason": "abandoned"}))
    (arguments,) = data_api.arguments("record_payment_failure")
    assert (arguments["canceled"], arguments["failure_code"]) == (True, "abandoned")


@pytest.mark.parametrize("event_type", ["refund.created", "refund.updated", "refund.failed"])
def test_how_a_refund_stands(send: Sender, data_api: FakeDataApi, event_type: str) -> None:
    refund = {
        "id": "re_1",
        "payment_intent": "pi_1",
        "amount": 2400,
        "status": "failed",
        "failure_reason": "expired_or_canceled_card",
        "metadata": {"refund_id": BOOKING, "attempt": "2"},
    }
    assert send(event(event_type, refund)).status_code == 200
    assert data_api.arguments("record_refund") == [
        {
            "event_id": "evt_1",
            "event_type": event_type,
            "stripe_refund_id": "re_1",
            "payment_intent_id": "pi_1",
            "amount": 2400,
            "status": "failed",
            "failure_reason": "expired_or_canceled_card",
            "refund_id": BOOKING,
            "attempt": 2,
        }
    ]


@pytest.mark.parametrize("metadata", [{}, {"refund_id": "7", "attempt": "-1"}, {"attempt": "²"}, {"attempt": None}])
def test_a_refund_made_at_the_dashboard(send: Sender, data_api: FakeDataApi, metadata: object) -> None:
    refund = {"id": "re_1", "payment_intent": "pi_1", "amount": 5, "status": "succeeded", "metadata": metadata}
    assert send(event("refund.created", refund)).status_code == 200
    (arguments,) = data_api.arguments("record_refund")
    assert (arguments["refund_id"], arguments["attempt"]) == (None, None)


@pytest.mark.parametrize("event_type", ["created", "updated", "closed"])
def test_a_dispute(send: Sender, data_api: FakeDataApi, event_type: str) -> None:
    data_api.answers["record_dispute"] = {"outcome": "noted"}
    dispute = {
        "id": "dp_1",
        "payment_intent": "pi_1",
        "amount": 2400,
        "currency": "eur",
        "reason": "fraudulent",
        "status": "needs_response",
    }
    assert send(event(f"charge.dispute.{event_type}", dispute)).get_json() == {"outcome": "noted"}
    (arguments,) = data_api.arguments("record_dispute")
    assert (arguments["stripe_dispute_id"], arguments["payment_intent_id"]) == ("dp_1", "pi_1")
    assert (arguments["amount"], arguments["currency"]) == (2400, "eur")
    assert (arguments["reason"], arguments["status"]) == ("fraudulent", "needs_response")


def test_refunded_charge_reports_its_refunds(send: Sender, data_api: FakeDataApi, stripe: FakeStripe) -> None:
    """The event does not say which; Stripe is asked. Each is ledgered by itself, so that one that fails comes again."""
    stripe.refunds = {
        "re_1": Refund("re_1", "succeeded", 5, "pi_1"),
        "re_2": Refund("re_2", "pending", 7, "pi_1", metadata={"refund_id": BOOKING, "attempt": "1"}),
        "re_3": Refund("re_3", "succeeded", 9, "pi_other"),
    }
    charge = {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 12}
    assert send(event("charge.refunded", charge)).get_json() == {"outcome": "noted"}
    recorded = [
        (arguments["event_id"], arguments["stripe_refund_id"], arguments["amount"], arguments["refund_id"])
        for arguments in data_api.arguments("record_refund")
    ]
    assert recorded == [("evt_1:re_1", "re_1", 5, None), ("evt_1:re_2", "re_2", 7, BOOKING)]


def test_a_refunded_charge_without_an_intent_is_none_of_ours(send: Sender, data_api: FakeDataApi) -> None:
    answer = send(event("charge.refunded", {"id": "ch_1", "payment_intent": None}))
    assert (answer.status_code, answer.get_json()) == (200, {"outcome": "unmatched"})
    assert data_api.calls == []


def test_a_refunded_charge_while_stripe_is_away_comes_again(send: Sender, stripe: FakeStripe) -> None:
    stripe.failures = [StripeUnavailableError()]
    assert send(event("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1"})).status_code == 503


@pytest.mark.parametrize("code", ["resource_missing", "account_invalid"])
def test_refunded_charge_without_any_refunds(send: Sender, stripe: FakeStripe, code: str) -> None:
    """Of another account's intent there is nothing to note; after any other refusal the event comes again."""
    stripe.failures = [StripeRefusedError(code, "No.")]
    answer = send(event("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1"}))
    assert answer.status_code == (200 if code == "resource_missing" else 503)


@pytest.mark.parametrize("text", ["pi_\0", "pi_\ud800", "p" * 256, "", 7, None])
def test_values_that_cannot_be_stored_are_refused(send: Sender, data_api: FakeDataApi, text: object) -> None:
    for changed in ({"id": text}, {"currency": text}):
        answer = send(event("payment_intent.succeeded", {**INTENT, **changed}))
        assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_request")
    assert send({**event("payment_intent.succeeded", INTENT), "id": text}).status_code == 400
    assert data_api.calls == []


@pytest.mark.parametrize("event_type", ["charge.succeeded", "payment_intent.created", "made.up", "invoice.paid"])
def test_other_event_types_are_ignored(send: Sender, data_api: FakeDataApi, event_type: str) -> None:
    answer = send(event(event_type, {}))
    assert (answer.status_code, answer.get_json()) == (200, {"outcome": "ignored"})
    assert data_api.calls == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (UnavailableError(), 503),
        (RuntimeError(), 500),
        (ApiError("busy"), 503),
        (ApiError("invalid_request"), 400),
    ],
)
def test_stripe_comes_back_after_a_failure_of_ours(
    send: Sender, data_api: FakeDataApi, failure: Exception, status: int
) -> None:
    data_api.answers["confirm_booking"] = failure
    assert send(event("payment_intent.succeeded", INTENT)).status_code == status


FIGURES = {
    "outbox": [
        {"kind": "mail_refund", "state": "failed", "rows": 2, "oldest_seconds": 99.5, "overdue_seconds": 0},
        {"kind": "refund", "state": "queued", "rows": 1, "oldest_seconds": 8.5, "overdue_seconds": 7.5},
    ],
    "refunds": {"failed": 1},
    "refund_ages": {"failed": 3600.5},
    "payments_open": 4,
    "disputes_open": 5,
    "disputes": [],
    "violations": 0,
    "verified_seconds_ago": 60.5,
    "sweep_seconds_ago": 2.5,
    "retention_seconds_ago": 300.5,
    "departures_overdue": 3,
    "locks_held": 6,
    "locks_begun": 700,
    "bookings_recent": {"confirmed": 8},
    "payments_recent": {"declined": 9},
}


def test_waiting_rows_are_counted(client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["operational_metrics"] = FIGURES
    text = client.get("/metrics").get_data(as_text=True)
    for line in (
        "frontrow_database_answers 1.0",
        'frontrow_outbox_rows{kind="mail_refund",state="failed"} 2.0',
        'frontrow_outbox_oldest_seconds{kind="mail_refund",state="failed"} 99.5',
        'frontrow_outbox_overdue_seconds{kind="refund"} 7.5',
        'frontrow_outbox_overdue_seconds{kind="mail_refund"} 0.0',
        'frontrow_outbox_rows{kind="mail_confirmation",state="queued"} 0.0',
        'frontrow_refunds_oldest_seconds{status="failed"} 3600.5',
        'frontrow_refunds_oldest_seconds{status="pending"} 0.0',
        'frontrow_refunds_unfinished{status="failed"} 1.0',
        'frontrow_refunds_unfinished{status="queued"} 0.0',
        "frontrow_payments_open 4.0",
        "frontrow_disputes_open 5.0",
        "frontrow_violations 0.0",
        "frontrow_verified_seconds_ago 60.5",
        "frontrow_sweep_seconds_ago 2.5",
        "frontrow_retention_seconds_ago 300.5",
        "frontrow_departures_overdue 3.0",
        "frontrow_locks_held 6.0",
        "frontrow_locks_begun_total 700.0",
        'frontrow_bookings_recent{status="confirmed"} 8.0',
        'frontrow_bookings_recent{status="expired"} 0.0',
        'frontrow_payments_recent{outcome="declined"} 9.0',
        'frontrow_payments_recent{outcome="succeeded"} 0.0',
        "frontrow_stripe_answers 1.0",
    ):
        assert line in text.splitlines()
    client.get("/metrics")
    assert len(data_api.arguments("operational_metrics")) == 1  # however often a stranger asks


def test_violations_are_absent_before_the_first_verification(client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["operational_metrics"] = {**FIGURES, "violations": None}
    assert "frontrow_violations" not in client.get("/metrics").get_data(as_text=True)


def test_metrics_are_for_the_bearer_of_their_token(
    settings: Settings, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    data_api.answers["operational_metrics"] = FIGURES
    guarded = create_app(
        settings.model_copy(update={"metrics_token": "hidden-metrics"}), stripe=stripe, database=Database(data_api)
    ).test_client()
    for header in ({}, {"Authorization": "Bearer guessed"}, {"Authorization": "hidden-metrics"}):
        assert guarded.get("/metrics", headers=header).status_code == 404
    assert guarded.get("/metrics", headers={"Authorization": "Bearer hidden-metrics"}).status_code == 200


def test_without_the_database_the_rest_is_counted(client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["operational_metrics"] = UnavailableError()
    text = client.get("/metrics").get_data(as_text=True)
    assert "frontrow_database_answers 0.0" in text
    assert "frontrow_payments_open" not in text


def test_counts(send: Sender, client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["operational_metrics"] = FIGURES
    before = client.get("/metrics").get_data(as_text=True)
    for zero in (
        'frontrow_errors_total{code="invalid_signature"} 0.0',
        'frontrow_stripe_events_total{outcome="confirmed",type="payment_intent.succeeded"} 0.0',
        'frontrow_stripe_events_total{outcome="ignored",type="other"} 0.0',
        'frontrow_http_requests_total{method="POST",route="/api/auth/login",status="500"} 0.0',
    ):
        assert zero in before.splitlines()  # an increase from nothing is none
    send(event("payment_intent.succeeded", INTENT))
    send(event("made.up", INTENT))
    text = client.get("/metrics").get_data(as_text=True)
    assert 'frontrow_stripe_events_total{outcome="confirmed",type="payment_intent.succeeded"} 1.0' in text
    assert 'frontrow_stripe_events_total{outcome="ignored",type="other"} 1.0' in text
    assert "made.up" not in text
