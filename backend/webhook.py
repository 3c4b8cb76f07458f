"""What Stripe tells us. The signature is checked on the raw bytes before anything of them is read; the event id and its
effect are one transaction in the database; a failure is answered 5xx, and Stripe comes back for up to three days."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

import stripe
from flask import Blueprint, Response, jsonify, request

from backend.bodies import as_uuid, raw_body
from backend.database import Database
from backend.errors import ApiError
from backend.settings import Settings

_log = logging.getLogger(__name__)

_TOLERANCE_SECONDS = 300
_LARGEST = 2**31 - 1


def blueprint(settings: Settings, database: Database, count: Callable[[str, str], None]) -> Blueprint:
    """POST /api/payments/webhook. `count` is told each event's type and outcome."""
    webhook = Blueprint("webhook", __name__, url_prefix="/api/payments")

    @webhook.post("/webhook")
    def receive() -> Response:  # pyright: ignore[reportUnusedFunction]
        event = _verified(raw_body(), request.headers.get("Stripe-Signature"), settings.stripe_webhook_secrets)
        event_id, event_type = _string(event, "id"), _string(event, "type")
        effect = _EFFECTS.get(event_type)
        outcome = "ignored"
        if effect is not None:
            outcome = effect(database, event_id, event_type, _object(_object(event, "data"), "object"))
        count(event_type if effect is not None else "other", outcome)
        _log.info("event", extra={"stripe_event": event_id, "type": event_type, "outcome": outcome})
        return jsonify(outcome=outcome)

    return webhook


def _verified(payload: bytes, signature: str | None, secrets: tuple[str, ...]) -> Mapping[str, Any]:
    """The event, once one of the secrets proves that Stripe sent it lately. Raises invalid_signature, and
    invalid_request for what is signed and yet no event."""
    for secret in secrets:
        try:
            return stripe.Webhook.construct_event(payload, signature, secret, _TOLERANCE_SECONDS).to_dict()
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        except (ValueError, AttributeError, TypeError, RecursionError):
            raise ApiError("invalid_request", {"body": "is no event"}) from None
    raise ApiError("invalid_signature")


def _succeeded(database: Database, event_id: str, event_type: str, intent: Mapping[str, Any]) -> str:
    answer = database.confirm_booking(
        event_id=event_id,
        event_type=event_type,
        payment_intent_id=_string(intent, "id"),
        amount=_amount(intent, "amount_received"),
        currency=_string(intent, "currency"),
        booking_id=as_uuid(_metadata(intent).get("booking_id")),
    )
    return answer["outcome"]


def _failed(database: Database, event_id: str, event_type: str, intent: Mapping[str, Any]) -> str:
    failure = cast(Mapping[str, Any], intent.get("last_payment_error") or {})
    answer = database.record_payment_failure(
        event_id=event_id,
        event_type=event_type,
        payment_intent_id=_string(intent, "id"),
        canceled=event_type == "payment_intent.canceled",
        failure_code=failure.get("decline_code") or failure.get("code") or intent.get("cancellation_reason"),
        failure_message=failure.get("message"),
    )
    return answer["outcome"]


def _refund(database: Database, event_id: str, event_type: str, refund: Mapping[str, Any]) -> str:
    metadata = _metadata(refund)
    attempt = str(metadata.get("attempt", ""))
    answer = database.record_refund(
        event_id=event_id,
        event_type=event_type,
        stripe_refund_id=_string(refund, "id"),
        payment_intent_id=refund.get("payment_intent"),
        amount=_amount(refund, "amount"),
        status=_string(refund, "status"),
        failure_reason=refund.get("failure_reason"),
        refund_id=as_uuid(metadata.get("refund_id")),
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() and len(attempt) < 9 else None,
    )
    return answer["outcome"]


_EFFECTS: Mapping[str, Callable[[Database, str, str, Mapping[str, Any]], str]] = {
    "payment_intent.succeeded": _succeeded,
    "payment_intent.payment_failed": _failed,
    "payment_intent.canceled": _failed,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
}


def _string(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError("invalid_request", {name: "must be a string"})
    return value


def _amount(values: Mapping[str, Any], name: str) -> int:
    """Minor units; nothing that arrives or goes back is zero or less."""
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST:
        raise ApiError("invalid_request", {name: "must be a positive amount"})
    return value


def _object(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = values.get(name)
    if not isinstance(value, dict):
        raise ApiError("invalid_request", {name: "must be an object"})
    return cast(Mapping[str, Any], value)


def _metadata(values: Mapping[str, Any]) -> Mapping[str, Any]:
    value = values.get("metadata")
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}
