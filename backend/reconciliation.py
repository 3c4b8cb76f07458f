"""Reconciliation: finds what became of payments and refunds whose webhook was lost.

Asks Stripe about payments that stay open and refunds that stay pending, each less often the longer that lasts
(sql/payments/reconciliation.sql), looks through the refunds that were made lately, and applies what it finds through
the same functions as the webhook.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from backend import logs
from backend.answers import OpenPayment, PendingRefund
from backend.database import Database
from backend.request_body import as_uuid
from backend.stripe_gateway import Intent, Payments, Refund, StripeRefusedError

_log = logging.getLogger("backend.reconciliation")

_Row = TypeVar("_Row", OpenPayment, PendingRefund)

_FIRST_LOOK_BACK: Final = timedelta(days=3)
"""How far back a worker that has just started looks through Stripe's refunds: as long as Stripe repeats an event."""
_OVERLAP: Final = timedelta(minutes=10)
_A_BANK_MAY_REFUSE_FOR: Final = timedelta(days=35)
"""How long after a refund the customer's bank may send it back; Stripe says up to 30 days."""

_BATCH: Final = 20
"""Claimed at a time: those of a worker that stops meanwhile wait for their next turn."""
_LIMIT: Final = 200
"""Payments, and refunds, that one run asks about at the most."""


def apply_intent(database: Database, intent: Intent) -> bool:
    """Apply an intent's state as its webhook would have; the event id makes it happen once. False while the intent
    has not ended."""
    event_id = f"reconcile:{intent.id}:{intent.status}"
    match intent.status:
        case "succeeded":
            outcome = database.confirm_booking(
                event_id=event_id,
                event_type="reconcile",
                payment_intent_id=intent.id,
                amount=intent.amount_received,
                currency=intent.currency,
                booking_id=as_uuid(intent.metadata.get("booking_id")),
            )
            _log.info("reconciled", extra={"intent": intent.id, "outcome": outcome["outcome"]})
            return True
        case "canceled":
            # Without an event id: noting it twice is harmless, and a payment that was opened again must not stay open
            # because the ledger knows the event.
            database.record_payment_failure(
                event_id=None, event_type="worker", payment_intent_id=intent.id, canceled=True
            )
            return True
        case "requires_payment_method" if intent.failure_code is not None:
            database.record_payment_failure(
                event_id=event_id,
                event_type="reconcile",
                payment_intent_id=intent.id,
                canceled=False,
                failure_code=intent.failure_code,
                failure_message=intent.failure_message,
            )
            return False
        case _:
            return False


def record_stripe_refund(database: Database, refund: Refund, event_id: str | None, event_type: str) -> str:
    """Record a refund as it stands at Stripe, ours or one made at its dashboard; return the outcome."""
    attempt = refund.metadata.get("attempt", "")
    return database.record_refund(
        event_id=event_id,
        event_type=event_type,
        stripe_refund_id=refund.id,
        payment_intent_id=refund.payment_intent_id,
        amount=refund.amount,
        status=refund.status,
        failure_reason=refund.failure_reason,
        refund_id=as_uuid(refund.metadata.get("refund_id")),
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() and len(attempt) < 9 else None,
    )["outcome"]


class Reconciliation:
    """Runs again and again; each run continues where the one before ended."""

    def __init__(
        self,
        database: Database,
        stripe: Payments,
        older_than_seconds: float,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stop: threading.Event | None = None,
    ) -> None:
        self._database = database
        self._stripe = stripe
        self._older_than_seconds = older_than_seconds
        self._clock = clock
        self._stop = stop or threading.Event()
        self._refunds_seen_until = clock() - _FIRST_LOOK_BACK

    def run(self) -> int:
        """Ask about what is due, once; return how many that were. One that fails is logged, the others go on."""
        asked = 0
        for payment in self._claimed(self._database.claim_payments_to_reconcile):
            asked += self._ask_claimed("payment", payment["payment_id"], lambda payment=payment: self._payment(payment))
        for refund in self._claimed(self._database.claim_refunds_to_reconcile):
            asked += self._ask_claimed("refund", refund["id"], lambda refund=refund: self._pending_refund(refund))
        return asked + self._refunds_made_lately()

    def _claimed(self, claim: Callable[[float, int], list[_Row]]) -> Iterator[_Row]:
        """Yield what is due and no other worker asks about, up to the limit of a run."""
        for _ in range(_LIMIT // _BATCH):
            rows = [] if self._stop.is_set() else claim(self._older_than_seconds, _BATCH)
            yield from rows
            if len(rows) < _BATCH:
                return

    def _ask_claimed(self, what: str, subject_id: str, question: Callable[[], object]) -> int:
        """Ask about what was claimed. A question that was not answered does not count: it is due again soon."""

        def ask() -> None:
            try:
                question()
            except Exception:
                self._database.release_check(subject_id, self._older_than_seconds)
                raise

        return self._ask(what, subject_id, ask)

    def _ask(self, what: str, name: str, question: Callable[[], object]) -> int:
        if self._stop.is_set():
            return 0
        logs.begin()
        try:
            question()
        except Exception as error:
            _log.error("not reconciled", extra={what: name, **logs.describe(error)})
        return 1

    def _payment(self, payment: OpenPayment) -> None:
        try:
            intent = self._stripe.retrieve_intent(payment["payment_intent_id"])
        except StripeRefusedError as error:
            # Not even when Stripe does not know it: that may be another account's key, and somebody may pay by it yet.
            _log.error("refused", extra={"intent": payment["payment_intent_id"], "stripe_code": error.code})
            return
        apply_intent(self._database, intent)

    def _pending_refund(self, pending: PendingRefund) -> None:
        refund = self._stripe.retrieve_refund(pending["stripe_refund_id"])
        if not self._database.compare_refunds([refund.fact()]):
            return
        self._database.record_refund(
            event_id=f"reconcile:{refund.id}:{refund.status}",
            event_type="reconcile",
            stripe_refund_id=refund.id,
            payment_intent_id=refund.payment_intent_id,
            amount=refund.amount,
            status=refund.status,
            failure_reason=refund.failure_reason,
            refund_id=UUID(pending["id"]),
            attempt=pending["attempt"],
        )

    def _refunds_made_lately(self) -> int:
        """Compare those of Stripe since the last run. The next one begins where this one did, if nothing failed."""
        began = self._clock() - _OVERLAP
        asked, failed = self._compare_refunds(self._refunds_seen_until)
        if not failed:
            self._refunds_seen_until = began
        return asked

    def look_back(self) -> int:
        """Ask once a day about what no run asks: refunds young enough for a bank to send them back, and money that
        arrived for a payment that is no longer open. Return how many differed."""
        return self._compare_refunds(self._clock() - _A_BANK_MAY_REFUSE_FOR)[0] + self._compare_payments()

    def _compare_payments(self) -> int:
        since = self._clock() - _FIRST_LOOK_BACK
        known = {payment["payment_intent_id"] for payment in self._database.payments_to_verify(since)}
        asked = 0
        for intent in self._stripe.intents_since(since):
            if intent.status == "succeeded" and "booking_id" in intent.metadata and intent.id not in known:
                asked += self._ask("intent", intent.id, lambda intent=intent: apply_intent(self._database, intent))
        return asked

    def _compare_refunds(self, since: datetime) -> tuple[int, int]:
        """Compare Stripe's refunds with ours and note what differs: those of its dashboard, and those sent back, of
        which the event was lost. Return how many did, and how many of them could not be recorded."""
        asked = failed = 0
        for refunds in in_batches(self._stripe.refunds_since(since)):
            differences = self._database.compare_refunds([refund.fact() for refund in refunds])
            for refund in refunds:
                if refund.payment_intent_id is None or refund.id not in differences:
                    continue
                asked += 1
                logs.begin()
                try:
                    record_stripe_refund(self._database, refund, None, "reconcile")
                except Exception as error:
                    failed += 1
                    _log.error("not reconciled", extra={"refund": refund.id, **logs.describe(error)})
        return asked, failed


def in_batches(refunds: Iterable[Refund], size: int = 100) -> Iterator[list[Refund]]:
    """Yield the refunds in lists of so many, as they arrive."""
    rest = iter(refunds)
    while batch := list(islice(rest, size)):
        yield batch
