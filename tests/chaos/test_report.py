"""Each comparison of the report finds the very fault that it looks for, forged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos import report
from tests.chaos.counters import Counters
from tests.chaos.report import Books

EMAIL = "ada@example.com"


def email(key: str, to: str = EMAIL) -> dict[str, Any]:
    return {"id": report._message_id(key), "to": to}


@pytest.fixture
def books() -> Books:
    """One booking that is confirmed, and one that was cancelled and refunded; all is well."""
    return Books(
        bookings=[
            {"id": "b1", "status": "confirmed", "total": 2400, "confirmed_at": "then", "emails": [EMAIL]},
            {"id": "b2", "status": "refunded", "total": 1200, "confirmed_at": "then", "emails": [EMAIL]},
        ],
        payments=[
            {
                "id": "p1",
                "booking_id": "b1",
                "payment_intent_id": "pi_1",
                "status": "succeeded",
                "settles_booking": True,
            },
            {
                "id": "p2",
                "booking_id": "b2",
                "payment_intent_id": "pi_2",
                "status": "succeeded",
                "settles_booking": True,
            },
        ],
        refunds=[
            {
                "id": "r2",
                "booking_id": "b2",
                "stripe_refund_id": "re_2",
                "amount": 1200,
                "status": "succeeded",
                "reason": "cancelled_by_customer",
                "failure_reason": None,
            }
        ],
        locks=frozenset({(7, 1, 5), (7, 2, 5)}),
        intents=[{"id": "pi_1", "status": "succeeded"}, {"id": "pi_2", "status": "succeeded"}],
        charges=[
            {"id": "ch_1", "payment_intent": "pi_1", "amount": 2400, "status": "succeeded"},
            {"id": "ch_2", "payment_intent": "pi_2", "amount": 1200, "status": "succeeded"},
        ],
        stripe_refunds=[
            {"id": "re_2", "charge": "ch_2", "amount": 1200, "status": "succeeded", "metadata": {"refund_id": "r2"}}
        ],
        emails=[
            *(email("mail:confirmation:b1"), email("mail:confirmation:b2"), email("mail:refund:r2")),
            email("account:a1"),
        ],
        account_emails=[{"key": "account:a1", "email": EMAIL}],
        found={},
    )


@pytest.fixture
def counters() -> Counters:
    """Promises that match the books."""
    promises = Counters()
    promises.promised_locks([(7, 1, 5), (7, 2, 5)])
    promises.promised_booking("b1", 2400)
    promises.promised_payment("pi_1")
    return promises


def found(books: Books, counters: Counters) -> list[str]:
    return [
        *report.unbalanced_charges(books),
        *report.mismatched_refunds(books),
        *report.mismatched_emails(books, {}),
        *report.lost_promises(books, counters),
    ]


def test_a_copy_of_an_email_is_the_same_email(books: Books, counters: Counters) -> None:
    assert found(replace(books, emails=[*books.emails, books.emails[0]]), counters) == []


def without(items: Any, item_id: str) -> list[Any]:
    return [item for item in items if item["id"] != item_id]


def changed(items: Any, item_id: str, **values: Any) -> list[Any]:
    return [{**item, **values} if item["id"] == item_id else item for item in items]


FORGERIES: dict[str, Callable[[Books], Books]] = {
    "the database has no such payment": lambda b: replace(b, payments=without(b.payments, "p1")),
    "0 of 2400 was refunded, and a booking keeps it: False": lambda b: replace(
        b, bookings=changed(b.bookings, "b1", status="expired")
    ),
    "1200 of 1200 was refunded, and a booking keeps it: True": lambda b: replace(
        b, bookings=changed(b.bookings, "b2", status="confirmed")
    ),
    "2400 of 1200 was refunded": lambda b: replace(
        b, stripe_refunds=[*b.stripe_refunds, {**b.stripe_refunds[0], "id": "re_3"}]
    ),
    "refund r2 was made 2 times": lambda b: replace(
        b, stripe_refunds=[*b.stripe_refunds, {**b.stripe_refunds[0], "id": "re_3"}]
    ),
    "its intent was charged twice": lambda b: replace(b, charges=[*b.charges, {**b.charges[0], "id": "ch_3"}]),
    "Stripe has no such charge": lambda b: replace(b, charges=without(b.charges, "ch_1")),
    "intents that succeeded and charges differ": lambda b: replace(b, intents=without(b.intents, "pi_1")),
    "is not noted": lambda b: replace(b, refunds=changed(b.refunds, "r2", stripe_refund_id=None)),
    "refund r2 is pending": lambda b: replace(b, refunds=changed(b.refunds, "r2", status="pending")),
    "refund r2 is not at Stripe": lambda b: replace(b, stripe_refunds=[]),
    "refund r2 is 1200, at Stripe succeeded 1100": lambda b: replace(
        b, stripe_refunds=changed(b.stripe_refunds, "re_2", amount=1100)
    ),
    "is missing": lambda b: replace(b, emails=b.emails[1:]),
    "without a cause": lambda b: replace(b, emails=[*b.emails, email("mail:refund:r1")]),
    "was meant for": lambda b: replace(b, emails=[email("mail:confirmation:b1", "bob@example.com"), *b.emails[1:]]),
    "lock (7, 2, 5) was answered and is gone": lambda b: replace(b, locks=frozenset({(7, 1, 5)})),
    "booking b1 over 2400 was answered and is 2300": lambda b: replace(
        b, bookings=changed(b.bookings, "b1", total=2300)
    ),
    "pi_1 was paid and Stripe has no charge of it": lambda b: replace(b, charges=without(b.charges, "ch_1")),
}


@pytest.mark.parametrize("violation", FORGERIES)
def test_forged_fault_is_found(books: Books, counters: Counters, violation: str) -> None:
    assert found(books, counters) == []
    assert any(violation in each for each in found(FORGERIES[violation](books), counters))
