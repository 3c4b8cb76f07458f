"""A day on which no webhook arrives: customers pay, fail to pay, pay too late and change their minds, and all that
Frontrow ever learns of it is what it asks Stripe for itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests
import stripe

from backend.worker import Reconciliation
from tests.http.frontrow import Customer, Frontrow, Json, eventually

DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"


@dataclass
class Case:
    """A customer's booking, the intent to pay for it, and what must come of it."""

    frontrow: Frontrow
    customer: Customer
    booking: Json
    intent: Json
    due: str

    @property
    def status(self) -> str:
        return self.frontrow.cinema.status(self.booking)

    @property
    def at_stripe(self) -> stripe.PaymentIntent:
        return self.frontrow.stripe.v1.payment_intents.retrieve(self.intent["payment_intent_id"])

    @property
    def kept(self) -> int:
        """Return what Stripe has of this customer's money after all refunds."""
        refunds = self.frontrow.stripe.v1.refunds.list({"payment_intent": self.intent["payment_intent_id"]}).data
        gone = sum(refund.amount for refund in refunds if refund.status in ("succeeded", "pending"))
        return self.at_stripe.amount_received - gone

    def pay(self) -> None:
        self.frontrow.pay(self.intent)

    def decline(self) -> None:
        with pytest.raises(stripe.CardError):
            self.frontrow.pay(self.intent, DECLINED)


# What may become of a booking while no webhook arrives. Each answers what must have come of it in the end. ------------


def paid(case: Case) -> str:
    case.pay()
    return "confirmed"


def declined_and_then_paid(case: Case) -> str:
    case.decline()
    case.pay()
    return "confirmed"


def paid_after_the_page_was_asked_twice(case: Case) -> str:
    assert case.customer.intent(case.booking) == case.intent
    case.pay()
    return "confirmed"


def declined_and_given_up(case: Case) -> str:
    case.decline()
    return "expired"


def never_paid(_: Case) -> str:
    return "expired"


def paid_late_with_the_seats_free(case: Case) -> str:
    case.pay()
    case.frontrow.let_run_out(case.booking)
    return "confirmed"


def paid_late_with_the_seats_gone(case: Case) -> str:
    case.pay()
    case.frontrow.let_run_out(case.booking)
    case.frontrow.register().rpc(
        "lock_seats",
        showtime_id=case.booking["showtime_id"],
        seat_ids=[seat["seat_id"] for seat in case.booking["seats"]][:1],
    )
    return "expired"


def cancelled_while_paying(case: Case) -> str:
    case.pay()
    case.customer.rpc("cancel_booking", booking_id=case.booking["id"])
    return "cancelled"


def paid_and_cancelled_later(case: Case) -> str:
    case.pay()
    return "refunded"


def canceled_at_stripe(case: Case) -> str:
    case.frontrow.stripe.v1.payment_intents.cancel(case.intent["payment_intent_id"])
    return "expired"


DAY: list[tuple[int, Callable[[Case], str]]] = [
    (6, paid),
    (3, declined_and_then_paid),
    (1, paid_after_the_page_was_asked_twice),
    (2, declined_and_given_up),
    (2, never_paid),
    (3, paid_late_with_the_seats_free),
    (3, paid_late_with_the_seats_gone),
    (3, cancelled_while_paying),
    (2, paid_and_cancelled_later),
    (1, canceled_at_stripe),
]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_without_any_webhook_all_that_was_paid_is_confirmed_or_goes_back(
    frontrow: Frontrow, reconciliation: Reconciliation
) -> None:
    customers = [frontrow.register() for _ in range(8)]
    cases: list[Case] = []
    with frontrow.no_sweep():
        # No sweep sees what ran out before it is asked about: reconciliation alone finds it paid.
        for times, happens in DAY:
            for _ in range(times):
                customer = customers[len(cases) % len(customers)]
                # A showtime for each, so that a customer may have several bookings under way.
                frontrow.cinema.showtime_id = frontrow.cinema.add_showtime(f"{2000 + len(cases)} days")
                booking = customer.book()
                case = Case(frontrow, customer, booking, customer.intent(booking), "")
                case.due = happens(case)
                cases.append(case)
        assert {frontrow.cinema.status(case.booking) for case in cases} <= {"pending", "cancelled"}, (
            "A webhook arrived."
        )
        reconciliation.run()
        assert {case.status for case in cases if case.due in ("confirmed", "refunded")} == {"confirmed"}
        assert {case.status for case in cases if case.due == "expired"} == {"pending", "expired"}

    for case in cases:
        if case.due == "refunded":
            case.customer.rpc("cancel_booking", booking_id=case.booking["id"])
        elif case.status == "pending":  # the time of those who never paid is over as well
            frontrow.let_run_out(case.booking)

    def at_rest() -> bool:
        reconciliation.run()
        return not frontrow.cinema.value(
            "select exists (select from private.outbox o join public.bookings b on b.id = o.booking_id"
            "               where b.showtime_id = %(ours)s and o.state = 'queued')"
            " or exists (select from public.payments where showtime_id = %(ours)s and status = 'open')"
            " or exists (select from public.refunds where showtime_id = %(ours)s"
            "            and status not in ('succeeded', 'void'))",
            {"ours": frontrow.cinema.showtime_id},
        )

    eventually(lambda: all(case.status == case.due for case in cases) and at_rest(), 120)
    for case in cases:
        arrived, keeps = case.at_stripe.amount_received, case.due == "confirmed"
        assert case.kept == (case.booking["total"] if keeps else 0), case.due
        assert case.at_stripe.status in ("succeeded", "canceled"), "It could still be paid."
        assert len(frontrow.outbox(case.booking, "mail_confirmation")) == (case.due in ("confirmed", "refunded"))
        assert len(frontrow.outbox(case.booking, "mail_refund")) == (not keeps and arrived > 0)
    assert Counter(case.due for case in cases) == {"confirmed": 13, "expired": 8, "cancelled": 3, "refunded": 2}
    assert frontrow.cinema.violations() == []
    faults = requests.get(f"{frontrow.stack.config.stripe_url}/_fake/faults", timeout=10).json()
    assert faults["injected"]["webhooks.drop"] > len(cases), "Webhooks did arrive."


# What becomes of money at Stripe after it was booked here ------------------------------------------------------------


def confirmed(frontrow: Frontrow, customer: Customer, reconciliation: Reconciliation, card: str) -> tuple[Json, str]:
    """A booking that reconciliation confirmed, and its intent."""
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.pay(intent, card)
    reconciliation.run()
    assert customer.booking(booking)["status"] == "confirmed"
    return booking, intent["payment_intent_id"]


def test_a_refund_from_the_dashboard_is_found(
    frontrow: Frontrow, customer: Customer, reconciliation: Reconciliation
) -> None:
    booking, intent = confirmed(frontrow, customer, reconciliation, "pm_card_visa")
    frontrow.stripe.v1.refunds.create({"payment_intent": intent})
    for _ in range(3):
        reconciliation.run()
    assert customer.booking(booking)["status"] == "refunded"


def test_a_refund_that_the_bank_sent_back_is_found(
    frontrow: Frontrow, customer: Customer, reconciliation: Reconciliation
) -> None:
    booking, intent = confirmed(frontrow, customer, reconciliation, "pm_card_refundFail")
    customer.rpc("cancel_booking", booking_id=booking["id"])

    def at_stripe() -> list[str | None]:
        return [refund.status for refund in frontrow.stripe.v1.refunds.list({"payment_intent": intent}).data]

    eventually(lambda: at_stripe() == ["failed"])
    for _ in range(3):
        reconciliation.run()
    assert customer.booking(booking)["status"] == "cancelled"
    statuses = frontrow.cinema.rows("select status from public.refunds where booking_id = %s", [booking["id"]])
    assert [row["status"] for row in statuses] == ["failed"]
