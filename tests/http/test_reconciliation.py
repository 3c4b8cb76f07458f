"""Every webhook lost: what Stripe knows is asked for, and comes to the same."""

from __future__ import annotations

from backend.reconciliation import Reconciliation
from tests.http.frontrow import Customer, Frontrow, eventually


def test_a_payment_without_webhooks_is_reconciled(
    frontrow: Frontrow, customer: Customer, reconciliation: Reconciliation
) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.pay(intent)
    assert customer.booking(booking)["status"] == "pending"
    assert reconciliation.run() >= 1
    assert customer.booking(booking)["status"] == "confirmed"
    (event,) = frontrow.ledger(f"reconcile:{intent['payment_intent_id']}:succeeded")
    assert event["outcome"] == "confirmed"
    reconciliation.run()
    assert len(frontrow.outbox(booking, "mail_confirmation")) == 1


def test_an_intent_that_was_canceled_at_stripe(
    frontrow: Frontrow, customer: Customer, reconciliation: Reconciliation
) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.stripe.v1.payment_intents.cancel(intent["payment_intent_id"])
    reconciliation.run()
    status = frontrow.cinema.value(
        "select status from public.payments where payment_intent_id = %s", [intent["payment_intent_id"]]
    )
    assert status == "canceled"
    assert customer.intent(booking)["payment_intent_id"] != intent["payment_intent_id"]


def test_a_refund_that_took_its_time(frontrow: Frontrow, customer: Customer, reconciliation: Reconciliation) -> None:
    booking = customer.book()
    frontrow.pay(customer.intent(booking), "pm_card_pendingRefund")
    reconciliation.run()
    assert customer.booking(booking)["status"] == "confirmed"
    customer.rpc("cancel_booking", booking_id=booking["id"])

    def statuses() -> list[str]:
        rows = frontrow.cinema.rows("select status from public.refunds where booking_id = %s", [booking["id"]])
        return [row["status"] for row in rows]

    eventually(lambda: statuses() == ["pending"])
    assert customer.booking(booking)["status"] == "cancelled"
    eventually(lambda: reconciliation.run() >= 0 and statuses() == ["succeeded"])
    assert customer.booking(booking)["status"] == "refunded"
