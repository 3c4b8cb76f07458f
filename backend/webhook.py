"""Stripe's events. The signature is checked on the raw bytes before anything of them is read; the event id and its
effect are one transaction in the database; a failure is answered 5xx, and Stripe comes back for up to three days."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from flask import Blueprint, Response, jsonify, request
from stripe import SignatureVerificationError, Webhook

from backend.database import Database
from backend.errors import ApiError, UnavailableError
from backend.reconciliation import record_stripe_refund
from backend.request_body import as_text, as_uuid, raw_body
from backend.settings import Settings
from backend.stripe_gateway import Payments, Refund, StripeRefusedError

_log = logging.getLogger(__name__)

Effect = Callable[[Database, str, str, Mapping[str, Any]], str]
"""Does what an event says, given its id, its type and the object it is about; returns the outcome."""

Count = Callable[[str, str, float | None], None]
"""Takes each event's type and outcome, and how many seconds ago Stripe made it."""

_TOLERANCE_SECONDS = 300
_LARGEST = 2**31 - 1
_LONGEST = 255
"""Characters of an id, says Stripe."""


def blueprint(settings: Settings, database: Database, stripe: Payments, count: Count) -> Blueprint:
    """POST /api/payments/webhook."""

    def refunded(_: Database, event_id: str, event_type: str, charge: Mapping[str, Any]) -> str:
        """Ask Stripe for the refunds of a charge, whose event does not name them."""
        payment_intent_id = _optional_id(charge, "payment_intent")
        outcomes = [
            record_stripe_refund(database, refund, f"{event_id}:{refund.id}", event_type)
            for refund in (_refunds_of(stripe, payment_intent_id) if payment_intent_id is not None else [])
        ]
        return outcomes[0] if outcomes else "unmatched"

    effects = {**_EFFECTS, "charge.refunded": refunded}
    webhook = Blueprint("webhook", __name__, url_prefix="/api/payments")

    @webhook.post("/webhook")
    def receive() -> Response:  # pyright: ignore[reportUnusedFunction]
        event = _verified(raw_body(), request.headers.get("Stripe-Signature"), settings.stripe_webhook_secrets)
        event_id, event_type = _string(event, "id"), _string(event, "type")
        effect = effects.get(event_type)
        outcome = "ignored"
        if effect is not None:
            outcome = effect(database, event_id, event_type, _object(_object(event, "data"), "object"))
        created = event.get("created")
        lag = time.time() - created if isinstance(created, int) and 0 < created <= _LARGEST else None
        count(event_type if effect is not None else "other", outcome, lag)
        _log.info("event", extra={"stripe_event": event_id, "type": event_type, "outcome": outcome})
        return jsonify(outcome=outcome)

    return webhook


def _refunds_of(stripe: Payments, payment_intent_id: str) -> list[Refund]:
    """Return its refunds; none for an intent of another account. Raises UnavailableError: the event comes again."""
    try:
        return stripe.refunds_of(payment_intent_id)
    except StripeRefusedError as error:
        if error.code == "resource_missing":
            return []
        raise UnavailableError(f"Stripe refused: {error.code}") from error


def _verified(payload: bytes, signature: str | None, secrets: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the event, once one of the secrets proves that Stripe sent it just now. Raises invalid_signature, and
    invalid_request for what is signed and yet no event."""
    for secret in secrets:
        try:
            event = Webhook.construct_event(payload, signature, secret, _TOLERANCE_SECONDS)
        except (SignatureVerificationError, UnicodeDecodeError):
            continue
        except (ValueError, AttributeError, TypeError, RecursionError):
            raise ApiError("invalid_request", {"body": "is no event"}) from None
        # Stripe's library looks at the past only: a signature made for tomorrow would be good until then.
        if _signed_at(signature or "") > time.time() + _TOLERANCE_SECONDS:
            break
        return event.to_dict()
    raise ApiError("invalid_signature")


def _signed_at(signature: str) -> int:
    """Return the time that a verified signature is over, read as Stripe's library reads it: the first `t` counts."""
    items = (item.split("=") for item in signature.split(","))
    return next(int(item[1]) for item in items if item[0] == "t")


def _succeeded(database: Database, event_id: str, event_type: str, intent: Mapping[str, Any]) -> str:
    answer = database.confirm_booking(
        event_id=event_id,
        event_type=event_type,
        payment_intent_id=_string(intent, "id"),
        amount=_amount(intent, "amount_received"),
        currency=_string(intent, "currency"),
        booking_id=as_uuid(_mapping(intent, "metadata").get("booking_id")),
    )
    return answer["outcome"]


def _failed(database: Database, event_id: str, event_type: str, intent: Mapping[str, Any]) -> str:
    failure = _mapping(intent, "last_payment_error")
    codes = (failure.get("decline_code"), failure.get("code"), intent.get("cancellation_reason"))
    answer = database.record_payment_failure(
        event_id=event_id,
        event_type=event_type,
        payment_intent_id=_string(intent, "id"),
        canceled=event_type == "payment_intent.canceled",
        failure_code=next((code for code in map(as_text, codes) if code), None),
        failure_message=as_text(failure.get("message")),
    )
    return answer["outcome"]


def _refund(database: Database, event_id: str, event_type: str, refund: Mapping[str, Any]) -> str:
    reported = Refund(
        id=_string(refund, "id"),
        status=_string(refund, "status"),
        amount=_amount(refund, "amount"),
        payment_intent_id=_optional_id(refund, "payment_intent"),
        failure_reason=as_text(refund.get("failure_reason")),
        metadata={str(name): str(value) for name, value in _mapping(refund, "metadata").items()},
    )
    return record_stripe_refund(database, reported, event_id, event_type)


def _dispute(database: Database, event_id: str, event_type: str, dispute: Mapping[str, Any]) -> str:
    answer = database.record_dispute(
        event_id=event_id,
        event_type=event_type,
        stripe_dispute_id=_string(dispute, "id"),
        payment_intent_id=_optional_id(dispute, "payment_intent"),
        amount=_amount(dispute, "amount"),
        currency=_string(dispute, "currency"),
        reason=_string(dispute, "reason"),
        status=_string(dispute, "status"),
    )
    return answer["outcome"]


_EFFECTS: Mapping[str, Effect] = {
    "payment_intent.succeeded": _succeeded,
    "payment_intent.payment_failed": _failed,
    "payment_intent.canceled": _failed,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.closed": _dispute,
}

TYPES: Final = (*_EFFECTS, "charge.refunded")
"""The events that we act upon."""


def _string(values: Mapping[str, Any], name: str) -> str:
    value = as_text(values.get(name))
    if not value or len(value) > _LONGEST:
        raise ApiError("invalid_request", {name: "must be a string"})
    return value


def _optional_id(values: Mapping[str, Any], name: str) -> str | None:
    """Return an id that Stripe may leave out; anything else counts as left out."""
    value = as_text(values.get(name))
    return value if value and len(value) <= _LONGEST else None


def _amount(values: Mapping[str, Any], name: str) -> int:
    """Return minor units; nothing that arrives or goes back is zero or less."""
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST:
        raise ApiError("invalid_request", {name: "must be a positive amount"})
    return value


def _object(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = values.get(name)
    if not isinstance(value, dict):
        raise ApiError("invalid_request", {name: "must be an object"})
    return cast(Mapping[str, Any], value)


def _mapping(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object that Stripe may leave out."""
    value = values.get(name)
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}
