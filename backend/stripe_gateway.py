"""The port to Stripe: the calls we make, over the real client with a pinned API version, time limits and retries.

The client sends each retry of a POST under the same idempotency key, so a lost answer never doubles anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import stripe

from backend.errors import UnavailableError
from backend.settings import Settings

API_VERSION: Final = "2026-10-28.endive"
"""Pinned: what Stripe sends changes when we read its changelog, not when it writes one."""

_CONNECT_SECONDS: Final = 3.0
_READ_SECONDS: Final = 10.0
_RETRIES: Final = 2
SLOWEST_CALL_SECONDS: Final = (1 + _RETRIES) * (_CONNECT_SECONDS + _READ_SECONDS) + _RETRIES * float(
    stripe.HTTPClient.MAX_DELAY
)
"""The longest that one call may take: each try up to its time limits, and the client's pauses between them."""


class StripeUnavailableError(UnavailableError):
    """Stripe does not answer, or answers that it cannot. Whether the call had an effect is unknown."""


class ReplayedFailureError(StripeUnavailableError):
    """The idempotency key is spent: Stripe keeps answering the failure that its first request ended in."""


class StripeRefusedError(Exception):
    """Stripe understood and refused; `code` is Stripe's word for it, such as charge_already_refunded."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason = message


@dataclass(frozen=True)
class Intent:
    """A PaymentIntent: amounts in minor units, currency in capitals, status in Stripe's words."""

    id: str
    status: str
    amount: int
    amount_received: int
    currency: str
    client_secret: str = field(repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    failure_code: str | None = None
    failure_message: str | None = None


@dataclass(frozen=True)
class Refund:
    """A Refund, in the same words."""

    id: str
    status: str
    amount: int
    payment_intent_id: str | None
    failure_reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    def fact(self) -> dict[str, object]:
        """Return it as the database takes facts about refunds."""
        return {
            "id": self.id,
            "amount": self.amount,
            "status": self.status,
            "failure_reason": self.failure_reason,
            "metadata": dict(self.metadata),
        }


class Payments(Protocol):
    """The calls that we make. Every one may raise StripeUnavailableError and StripeRefusedError."""

    def create_intent(self, *, amount: int, currency: str, metadata: Mapping[str, str], key: str) -> Intent:
        """Make a PaymentIntent; `key` is the idempotency key. Raises ReplayedFailureError for a spent one."""
        ...

    def retrieve_intent(self, payment_intent_id: str) -> Intent:
        """Return an intent as it stands."""
        ...

    def cancel_intent(self, payment_intent_id: str) -> Intent:
        """Take no money by it any more. Refused (payment_intent_unexpected_state) for one that has ended."""
        ...

    def create_refund(self, *, payment_intent_id: str, amount: int, metadata: Mapping[str, str], key: str) -> Refund:
        """Refund money; `key` is the idempotency key. Raises ReplayedFailureError for a spent one."""
        ...

    def retrieve_refund(self, stripe_refund_id: str) -> Refund:
        """Return a refund as it stands."""
        ...

    def refunds_of(self, payment_intent_id: str) -> list[Refund]:
        """Return the refunds of a payment, at most a hundred, newest first."""
        ...

    def intents_since(self, moment: datetime) -> Iterator[Intent]:
        """Yield all intents made since then, newest first."""
        ...

    def refunds_since(self, moment: datetime) -> Iterator[Refund]:
        """Yield all refunds made since then, newest first."""
        ...

    def ping(self) -> None:
        """Raise unless Stripe answers and takes our key; asks once and waits shortly."""
        ...


class StripeGateway:
    """Payments at Stripe, or at whatever speaks its protocol at STRIPE_API_BASE."""

    def __init__(self, settings: Settings) -> None:
        self._client = _client(settings, _READ_SECONDS)
        self._short_timeout = _client(settings, 2.0)

    def create_intent(self, *, amount: int, currency: str, metadata: Mapping[str, str], key: str) -> Intent:
        """As Payments says."""
        try:
            return _intent(
                self._client.v1.payment_intents.create(
                    {
                        "amount": amount,
                        "currency": currency.lower(),
                        "automatic_payment_methods": {"enabled": True},
                        "metadata": dict(metadata),
                    },
                    {"idempotency_key": key},
                )
            )
        except stripe.StripeError as error:
            raise _translated(error) from error

    def retrieve_intent(self, payment_intent_id: str) -> Intent:
        """As Payments says."""
        try:
            return _intent(self._client.v1.payment_intents.retrieve(payment_intent_id))
        except stripe.StripeError as error:
            raise _translated(error) from error

    def cancel_intent(self, payment_intent_id: str) -> Intent:
        """As Payments says."""
        try:
            return _intent(self._client.v1.payment_intents.cancel(payment_intent_id))
        except stripe.StripeError as error:
            raise _translated(error) from error

    def create_refund(self, *, payment_intent_id: str, amount: int, metadata: Mapping[str, str], key: str) -> Refund:
        """As Payments says."""
        try:
            return _refund(
                self._client.v1.refunds.create(
                    {"payment_intent": payment_intent_id, "amount": amount, "metadata": dict(metadata)},
                    {"idempotency_key": key},
                )
            )
        except stripe.StripeError as error:
            raise _translated(error) from error

    def retrieve_refund(self, stripe_refund_id: str) -> Refund:
        """As Payments says."""
        try:
            return _refund(self._client.v1.refunds.retrieve(stripe_refund_id))
        except stripe.StripeError as error:
            raise _translated(error) from error

    def refunds_of(self, payment_intent_id: str) -> list[Refund]:
        """As Payments says."""
        try:
            page = self._client.v1.refunds.list({"payment_intent": payment_intent_id, "limit": 100})
            return [_refund(refund) for refund in page.data]
        except stripe.StripeError as error:
            raise _translated(error) from error

    def intents_since(self, moment: datetime) -> Iterator[Intent]:
        """As Payments says."""
        try:
            page = self._client.v1.payment_intents.list({"created": {"gte": int(moment.timestamp())}, "limit": 100})
            for intent in page.auto_paging_iter():
                yield _intent(intent)
        except stripe.StripeError as error:
            raise _translated(error) from error

    def refunds_since(self, moment: datetime) -> Iterator[Refund]:
        """As Payments says."""
        try:
            page = self._client.v1.refunds.list({"created": {"gte": int(moment.timestamp())}, "limit": 100})
            for refund in page.auto_paging_iter():
                yield _refund(refund)
        except stripe.StripeError as error:
            raise _translated(error) from error

    def ping(self) -> None:
        """As Payments says."""
        try:
            self._short_timeout.v1.balance.retrieve(options={"max_network_retries": 0})
        except stripe.StripeError as error:
            raise _translated(error) from error


def _client(settings: Settings, read_seconds: float) -> stripe.StripeClient:
    return stripe.StripeClient(
        settings.stripe_secret_key,
        stripe_version=API_VERSION,
        base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else None,
        max_network_retries=_RETRIES,
        # Keeps a connection for each thread.
        http_client=stripe.RequestsClient(timeout=(_CONNECT_SECONDS, read_seconds)),
    )


def _translated(error: stripe.StripeError) -> Exception:
    replayed = {name.lower(): value for name, value in (error.headers or {}).items()}.get("idempotent-replayed")
    if isinstance(error, stripe.APIConnectionError | stripe.APIError | stripe.RateLimitError):
        return ReplayedFailureError() if replayed == "true" else StripeUnavailableError()
    if (error.http_status or 500) >= 500 or error.http_status in (401, 403, 409):
        # A key that Stripe does not take is for an operator to replace; its work is to be tried again then.
        return StripeUnavailableError()
    return StripeRefusedError(error.code or type(error).__name__, error.user_message or "")


def _intent(intent: stripe.PaymentIntent) -> Intent:
    # As a dict: Stripe leaves fields out where they have nothing to say.
    data = intent.to_dict()
    failure: dict[str, Any] = data.get("last_payment_error") or {}
    return Intent(
        id=data["id"],
        status=data["status"],
        amount=data["amount"],
        amount_received=data.get("amount_received") or 0,
        currency=data["currency"].upper(),
        client_secret=data.get("client_secret") or "",
        metadata=data.get("metadata") or {},
        failure_code=failure.get("decline_code") or failure.get("code"),
        failure_message=failure.get("message"),
    )


def _refund(refund: stripe.Refund) -> Refund:
    data = refund.to_dict()
    return Refund(
        id=data["id"],
        status=data.get("status") or "pending",
        amount=data["amount"],
        payment_intent_id=data.get("payment_intent"),
        failure_reason=data.get("failure_reason"),
        metadata=data.get("metadata") or {},
    )
