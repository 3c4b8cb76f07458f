"""One event, a thousand deliveries: Stripe delivers at least once, and nothing says how often more, or how close."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.http.frontrow import Customer, Frontrow, Json, eventually

DELIVERIES = 1000
AT_ONCE = 100
IN_FLASK = 8
"""So many calls at least can be in the database at one time: gunicorn's threads share the Data API's connections."""

WAITING_FOR_THE_LEDGER = (
    "select count(*) from pg_locks where relation = 'private.stripe_events'::regclass and not granted"
)


@pytest.mark.timeout(600)
def test_a_thousand_deliveries_at_once_have_one_effect(frontrow: Frontrow, customer: Customer) -> None:
    cinema = frontrow.cinema
    booking = customer.book()
    intent = customer.intent(booking)
    event = frontrow.event(
        "payment_intent.succeeded",
        {
            "id": intent["payment_intent_id"],
            "object": "payment_intent",
            "amount_received": booking["total"],
            "currency": "eur",
            "metadata": {"booking_id": booking["id"]},
            "last_payment_error": None,
        },
    )
    answers: Counter[tuple[int, str]] = Counter()
    counting = threading.Lock()

    def deliver(_: int) -> None:
        answer = frontrow.deliver(event)
        with counting:
            answers[answer.status_code, answer.text.strip()] += 1

    with psycopg.connect(cinema.url) as connection, ThreadPoolExecutor(AT_ONCE) as pool:
        # All that Flask lets in stand before the ledger, until it is given free: none has an advantage.
        connection.execute("lock table private.stripe_events in exclusive mode")
        deliveries = pool.map(deliver, range(DELIVERIES))
        eventually(lambda: cinema.value(WAITING_FOR_THE_LEDGER) >= IN_FLASK)
        connection.rollback()
        list(deliveries)

    assert answers == {
        (200, '{"outcome":"confirmed"}'): 1,
        (200, '{"outcome":"duplicate"}'): DELIVERIES - 1,
    }
    assert customer.booking(booking)["status"] == "confirmed"
    assert [row["outcome"] for row in frontrow.ledger(event["id"])] == ["confirmed"]
    assert len(frontrow.outbox(booking, "mail_confirmation")) == 1
    assert frontrow.outbox(booking, "refund") == frontrow.outbox(booking, "cancel_intent") == []
    assert cinema.value("select count(*) from public.refunds where booking_id = %s", [booking["id"]]) == 0
    assert [event["payload"]["seat_ids"] for event in _booked(frontrow)] == [[s["seat_id"] for s in booking["seats"]]]
    # What the worker makes of it: one email.
    eventually(lambda: frontrow.outbox(booking, "mail_confirmation")[0]["state"] == "sent")
    assert len(frontrow.mails(customer.email)) == 1


def _booked(frontrow: Frontrow) -> list[Json]:
    """The seat:book messages to this test's showtime."""
    topic = f"showtime:{frontrow.cinema.showtime_id}"
    return [message for message in frontrow.cinema.events("seat:book") if message["topic"] == topic]
