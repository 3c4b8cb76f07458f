"""Verification of the invariants, here and against Stripe.

Asks the database for violated invariants, and compares its payments and refunds with Stripe's books. It changes
nothing; what can be put right, reconciliation does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.answers import KnownPayment
from backend.database import Database
from backend.money import money
from backend.reconciliation import in_batches
from backend.stripe_gateway import Intent, Payments, StripeRefusedError

DAYS: Final = 3
"""How far back the daily verification compares payments; one by hand that looks less far says less."""


@dataclass(frozen=True)
class Verification:
    """Compares the database, over a transport with a long timeout, with Stripe."""

    database: Database
    stripe: Payments

    def run(
        self, since: datetime, second_look_after: float = 60.0, wait: Callable[[float], object] = time.sleep
    ) -> list[str]:
        """Return a sentence for each violation. Payments are compared that were made since then.

        Events take a moment, so what looks wrong is looked at a second time after that many seconds,
        and counts if it is wrong still. Raises UnavailableError without the database or Stripe.
        """
        found = list(self._look(since))
        if found:
            wait(second_look_after)
            still = set(self._look(since))
            found = [sentence for sentence in found if sentence in still]
        return found

    def _look(self, since: datetime) -> Iterator[str]:
        for row in self.database.check_invariants():
            where = ", ".join(f"{name} {value}" for name, value in row["violation"].items())
            yield f"{row['invariant']}: {where}"
        ours = {payment["payment_intent_id"]: payment for payment in self.database.payments_to_verify(since)}
        yield from self._payments(since, ours)
        yield from self._refunds(since, ours)

    def _payments(self, since: datetime, ours: Mapping[str, KnownPayment]) -> Iterator[str]:
        """Compare payments: Stripe must know each of ours, and we each that Stripe took for a booking."""
        at_stripe = {intent.id: intent for intent in self.stripe.intents_since(since)}
        for payment in ours.values():
            intent = at_stripe.get(payment["payment_intent_id"]) or self._asked(payment)
            if intent is None:
                yield f"{payment['payment_intent_id']} is unknown at Stripe, booking {payment['booking_id']}"
            elif intent.status != "succeeded":
                yield f"{intent.id} is paid here and {intent.status} at Stripe, booking {payment['booking_id']}"
            elif (intent.amount_received, intent.currency) != (payment["amount"], payment["currency"]):
                yield (
                    f"{intent.id} is {payment['amount']} {payment['currency']} here and"
                    f" {intent.amount_received} {intent.currency} at Stripe, booking {payment['booking_id']}"
                )
        for intent in at_stripe.values():
            if intent.status == "succeeded" and "booking_id" in intent.metadata and intent.id not in ours:
                yield f"{intent.id} is paid at Stripe and not here, booking {intent.metadata['booking_id']}"

    def _asked(self, payment: KnownPayment) -> Intent | None:
        """Return an intent that is older than those looked through."""
        try:
            return self.stripe.retrieve_intent(payment["payment_intent_id"])
        except StripeRefusedError as error:
            if error.code != "resource_missing":
                raise
            return None

    def _refunds(self, since: datetime, ours: Mapping[str, KnownPayment]) -> Iterator[str]:
        """Compare refunds: each at Stripe that is for a payment of ours, as we know it; and each of ours, there."""
        seen: set[str] = set()
        for refunds in in_batches(self.stripe.refunds_since(since)):
            differences = self.database.compare_refunds([refund.fact() for refund in refunds])
            for refund in refunds:
                seen.add(refund.id)
                difference = differences.get(refund.id)
                if difference and (difference["here"] or refund.payment_intent_id in ours):
                    yield (
                        f"{refund.id} of {refund.payment_intent_id} is {difference['here'] or 'unknown'} here and"
                        f" {difference['at_stripe']} ({refund.amount}) at Stripe"
                    )
        for payment in ours.values():
            for refund in payment["refunds"]:
                if refund["stripe_refund_id"] not in seen and not self._exists(refund["stripe_refund_id"]):
                    yield f"{refund['stripe_refund_id']} of {payment['payment_intent_id']} is unknown at Stripe"

    def _exists(self, stripe_refund_id: str) -> bool:
        try:
            self.stripe.retrieve_refund(stripe_refund_id)
        except StripeRefusedError as error:
            if error.code != "resource_missing":
                raise
            return False
        return True


def notices(database: Database) -> list[str]:
    """List what is no violation and needs attention: refunds that Stripe refused, open disputes, emails given up."""
    figures = database.operational_metrics()
    lines = [
        f"{number} {'refund is' if number == 1 else 'refunds are'} {status}"
        + (": Stripe refused, it is tried again every hour" if status == "failed" else "")
        for status, number in sorted(figures["refunds"].items())
    ]
    if figures["disputes_open"]:
        lines.append(f"disputes open: {figures['disputes_open']}")
    lines += [
        f"dispute {dispute['id']} of booking {dispute['reference']} is {dispute['status']}:"
        f" {money(dispute['amount'], dispute['currency'])}"
        for dispute in figures["disputes"]
    ]
    lines += [
        f"{row['kind']}: {row['rows']} {row['state']}, the oldest for {row['oldest_seconds']:.0f} s"
        for row in figures["outbox"]
    ]
    return lines
