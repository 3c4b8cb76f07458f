"""create-intent: the PaymentIntent of a booking. The amount is the booking's; no client can name another."""

from __future__ import annotations

import logging
from uuid import UUID

from flask import Blueprint, Response, jsonify, request

from backend import logs, schemas
from backend.answers import Payment
from backend.database import Database
from backend.errors import ApiError
from backend.request_body import read_json
from backend.stripe_gateway import Intent, Payments, ReplayedFailureError, StripeRefusedError, StripeUnavailableError
from backend.tokens import TokenError, Tokens

_log = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = 5
_KEYS = 3
"""How many idempotency keys one payment may use up."""
_NOT_PAYABLE = frozenset(("amount_too_small", "amount_too_large"))
"""Stripe knows more than private.currencies(): what the account's own currency asks for, after conversion."""
_ROUNDS = 3
"""A canceled intent and a parallel request each cost a round at most once."""


def blueprint(database: Database, stripe: Payments, tokens: Tokens) -> Blueprint:
    """POST /api/payments/create-intent."""
    payments = Blueprint("payments", __name__, url_prefix="/api/payments")

    @payments.post("/create-intent")
    def create_intent() -> Response:  # pyright: ignore[reportUnusedFunction]
        user_id = signed_in_user(tokens)
        booking_id = read_json(schemas.BookingId).booking_id
        logs.add(booking_id=str(booking_id))
        try:
            payment, intent = _payable(database, stripe, booking_id, user_id)
        except (StripeUnavailableError, StripeRefusedError) as error:
            code = error.code if isinstance(error, StripeRefusedError) else type(error).__name__
            if code in _NOT_PAYABLE:
                _log.warning("Stripe does not take the amount", extra={"stripe_code": code})
                raise ApiError("amount_not_payable") from error
            _log.error("Stripe gave no intent", extra={"stripe_code": code})
            raise ApiError("payment_unavailable", retry_after=_RETRY_AFTER_SECONDS) from error
        answer = schemas.Intent(
            payment_intent_id=intent.id,
            client_secret=intent.client_secret,
            amount=payment["amount"],
            currency=payment["currency"],
            expires_at=payment["expires_at"],
        )
        return jsonify(answer.model_dump())

    return payments


def signed_in_user(tokens: Tokens) -> UUID:
    """Return the user of the request's access token. Raises sign_in_required."""
    try:
        return tokens.user_id(bearer_token())
    except TokenError:
        raise ApiError("sign_in_required") from None


def bearer_token() -> str:
    """Return the access token that the request carries, unread. Raises sign_in_required."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise ApiError("sign_in_required")
    return token.strip()


def _payable(database: Database, stripe: Payments, booking_id: UUID, user_id: UUID) -> tuple[Payment, Intent]:
    """Return the booking's payment and the one intent that may pay it."""
    for _ in range(_ROUNDS):
        payment = database.start_payment(booking_id, user_id)
        if payment["payment_intent_id"] is None:
            intent = _new_intent(stripe, payment)
            # A secret is given out only for the intent that the payment carries, so no booking is paid twice.
            if database.attach_payment_intent(payment["payment_id"], intent.id):
                return payment, intent
            continue
        intent = stripe.retrieve_intent(payment["payment_intent_id"])
        if intent.status != "canceled":
            return payment, intent
        database.record_payment_failure(
            event_id=None, event_type="create_intent", payment_intent_id=intent.id, canceled=True
        )
    raise StripeUnavailableError


def _new_intent(stripe: Payments, payment: Payment) -> Intent:
    """Create the intent of a payment. Its key is the payment's: after a crash before it was attached, the same one is
    found."""
    for number in range(1, _KEYS):
        try:
            return _create(stripe, payment, number)
        except ReplayedFailureError:
            continue
    return _create(stripe, payment, _KEYS)


def _create(stripe: Payments, payment: Payment, number: int) -> Intent:
    return stripe.create_intent(
        amount=payment["amount"],
        currency=payment["currency"],
        metadata={
            "booking_id": payment["booking_id"],
            "payment_id": payment["payment_id"],
            "reference": payment["reference"],
        },
        key=f"payment:{payment['payment_id']}" + (f":{number}" if number > 1 else ""),
    )
