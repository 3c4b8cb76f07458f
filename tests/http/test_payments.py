"""Money over HTTP: create-intent, Stripe's webhook, the worker's refunds and emails, with nothing faked but Stripe."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, cast

import icalendar
import psycopg
import pytest
import requests
import stripe

from tests.http.frontrow import Customer, Frontrow, Json, eventually

CREATE_INTENT = "/api/payments/create-intent"


def refusal(answer: requests.Response) -> tuple[int, str]:
    """The status and the code."""
    body = answer.json()
    assert set(body) == {"code", "message", "details", "hint"}
    return answer.status_code, body["message"]


def succeeded(booking: Json, intent: Json, **changes: Any) -> Json:
    """A PaymentIntent as payment_intent.succeeded carries it."""
    return {
        "id": intent["payment_intent_id"],
        "object": "payment_intent",
        "amount_received": booking["total"],
        "currency": booking["currency"].lower(),
        "metadata": {"booking_id": booking["id"]},
        "last_payment_error": None,
    } | changes


# create-intent --------------------------------------------------------------------------------------------------------


def test_the_amount_is_the_bookings(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    assert (intent["amount"], intent["currency"]) == (booking["total"], "EUR")
    at_stripe = frontrow.stripe.v1.payment_intents.retrieve(intent["payment_intent_id"])
    assert (at_stripe.amount, at_stripe.currency) == (booking["total"], "eur")
    assert at_stripe.client_secret == intent["client_secret"]
    assert at_stripe.automatic_payment_methods is not None
    assert at_stripe.metadata.to_dict()["booking_id"] == booking["id"]
    assert at_stripe.metadata.to_dict()["reference"] == booking["reference"]


def test_asked_again_it_is_the_same_intent(customer: Customer) -> None:
    booking = customer.book()
    assert customer.intent(booking) == customer.intent(booking)


def test_many_tabs_get_one_intent(customer: Customer) -> None:
    booking = customer.book()
    with ThreadPoolExecutor(8) as pool:
        intents = list(pool.map(lambda _: customer.intent(booking), range(8)))
    assert len({intent["payment_intent_id"] for intent in intents}) == 1


def test_a_crash_before_the_intent_was_noted_finds_it_again(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.cinema.owner.execute(
        "update public.payments set payment_intent_id = null where booking_id = %s", [booking["id"]]
    )
    assert customer.intent(booking) == intent


def test_an_intent_that_stripe_canceled_is_replaced(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    first = customer.intent(booking)
    # As when its webhook is still on the way.
    frontrow.faults({"webhooks": [{"kind": "drop", "probability": 1}]})
    frontrow.stripe.v1.payment_intents.cancel(first["payment_intent_id"])
    second = customer.intent(booking)
    assert second["payment_intent_id"] != first["payment_intent_id"]
    frontrow.faults(None)
    frontrow.pay(second)
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")


def test_a_key_that_stripe_keeps_failing_is_left_behind(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    # Stripe did the work and kept a 500 under the key.
    frontrow.faults({"api": [{"kind": "500", "when": "after", "next": 1, "method": "POST"}]})
    answer = customer.post(CREATE_INTENT, {"booking_id": booking["id"]})
    assert refusal(answer) == (503, "payment_unavailable")
    assert customer.intent(booking)["amount"] == booking["total"]


def test_a_lost_answer_is_asked_for_again(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    frontrow.faults({"api": [{"kind": "drop", "when": "after", "next": 1, "method": "POST"}]})
    intent = customer.intent(booking)
    listed = frontrow.stripe.v1.payment_intents.list({"limit": 100}).data
    ours = [each.id for each in listed if each.metadata.to_dict().get("booking_id") == booking["id"]]
    assert ours == [intent["payment_intent_id"]]


def test_stripe_that_does_not_answer(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    frontrow.faults({"api": [{"kind": "drop", "probability": 1, "method": "POST"}]})
    answer = customer.post(CREATE_INTENT, {"booking_id": booking["id"]})
    assert refusal(answer) == (503, "payment_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_others_cannot_pay_for_it(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    answer = frontrow.register().post(CREATE_INTENT, {"booking_id": booking["id"]})
    assert refusal(answer) == (404, "unknown_booking")


def test_bookings_that_ended_are_not_paid(frontrow: Frontrow, customer: Customer) -> None:
    expired, cancelled = customer.book(), None
    frontrow.let_run_out(expired)
    assert refusal(customer.post(CREATE_INTENT, {"booking_id": expired["id"]})) == (409, "lock_expired")
    cancelled = customer.book()
    customer.rpc("cancel_booking", booking_id=cancelled["id"])
    assert refusal(customer.post(CREATE_INTENT, {"booking_id": cancelled["id"]})) == (409, "not_payable")
    assert refusal(customer.post(CREATE_INTENT, {"booking_id": str(uuid.uuid4())})) == (404, "unknown_booking")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"booking_id": None},
        {"booking_id": 7},
        {"booking_id": "7"},
        {"booking_id": "{4c8d7e8a-6f2e-4e8e-9d5b-3d2b7a1c0f11}"},
        {"booking_id": "' or true --"},
        {"booking_id": ["4c8d7e8a-6f2e-4e8e-9d5b-3d2b7a1c0f11"]},
        [],
        "text",
        7,
        None,
    ],
)
def test_malformed_requests_are_refused(customer: Customer, body: object) -> None:
    answer = customer.browser.post(
        customer._frontrow.api + CREATE_INTENT,
        data=None if body is None else stripe_json(body),
        headers={"Authorization": f"Bearer {customer.token}", "Content-Type": "application/json"},
        timeout=10,
    )
    assert refusal(answer) == (400, "invalid_request")


def stripe_json(body: object) -> bytes:
    """The body as JSON."""
    return requests.models.complexjson.dumps(body).encode()


@pytest.mark.parametrize("amount", [1, -1, 0, "1", None])
def test_an_amount_is_refused_by_name(customer: Customer, amount: object) -> None:
    booking = customer.book()
    answer = customer.post(CREATE_INTENT, {"booking_id": booking["id"], "amount": amount})
    assert refusal(answer) == (400, "invalid_request")
    assert "amount" in answer.json()["details"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_only_json_is_read(customer: Customer, content_type: str) -> None:
    booking = customer.book()
    answer = customer.browser.post(
        customer._frontrow.api + CREATE_INTENT,
        data=stripe_json({"booking_id": booking["id"]}),
        headers={"Authorization": f"Bearer {customer.token}", "Content-Type": content_type},
        timeout=10,
    )
    assert refusal(answer) == (400, "invalid_request")


@pytest.mark.parametrize("payload", [b"{", b"\xff\xfe", b"[" * 100_000, b"NaN", b'{"booking_id": 1e999}'])
def test_malformed_json_is_refused(customer: Customer, payload: bytes) -> None:
    answer = customer.browser.post(
        customer._frontrow.api + CREATE_INTENT,
        data=payload,
        headers={"Authorization": f"Bearer {customer.token}", "Content-Type": "application/json"},
        timeout=10,
    )
    assert refusal(answer) == (400, "invalid_request")


@pytest.mark.parametrize("chunked", [False, True])
def test_ten_megabytes_are_too_much(customer: Customer, chunked: bool) -> None:
    body = b'{"booking_id": "' + b"x" * 10_000_000 + b'"}'
    answer = customer.browser.post(
        customer._frontrow.api + CREATE_INTENT,
        data=iter([body[start : start + 65536] for start in range(0, len(body), 65536)]) if chunked else body,
        headers={"Authorization": f"Bearer {customer.token}", "Content-Type": "application/json"},
        timeout=30,
    )
    assert refusal(answer) == (413, "payload_too_large")


# The webhook ----------------------------------------------------------------------------------------------------------


def test_signatures(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    event = frontrow.event("payment_intent.succeeded", succeeded(booking, customer.intent(booking)))
    url = f"{frontrow.api}/api/payments/webhook"
    json_body = stripe_json(event)
    signature = stripe.WebhookSignature.generate_signature_header(
        json_body.decode(), frontrow.stack.keys.stripe_webhook_secret
    )
    for answer in (
        frontrow.deliver(event, secret="whsec_wrong"),
        frontrow.deliver(event, at=time.time() - 301),
        requests.post(url, data=json_body, timeout=10),
        requests.post(url, data=json_body, headers={"Stripe-Signature": "t=1,v1=ab"}, timeout=10),
        requests.post(url, data=json_body, headers={"Stripe-Signature": "nonsense"}, timeout=10),
        requests.post(url, data=b"\xff\xfe", headers={"Stripe-Signature": signature}, timeout=10),
        # The same event, spelled with other bytes.
        requests.post(url, data=json_body + b" ", headers={"Stripe-Signature": signature}, timeout=10),
    ):
        assert refusal(answer) == (400, "invalid_signature")
    assert customer.booking(booking)["status"] == "pending"
    assert frontrow.ledger(event["id"]) == []
    assert requests.post(url, data=json_body, headers={"Stripe-Signature": signature}, timeout=10).ok
    assert customer.booking(booking)["status"] == "confirmed"


def test_a_duplicate_event_has_no_effect(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    event = frontrow.event("payment_intent.succeeded", succeeded(booking, customer.intent(booking)))
    assert frontrow.deliver(event).json() == {"outcome": "confirmed"}
    again = frontrow.deliver(event)
    assert (again.status_code, again.json()) == (200, {"outcome": "duplicate"})
    assert len(frontrow.outbox(booking, "mail_confirmation")) == 1


def test_a_hundred_deliveries_at_once_have_one_effect(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    event = frontrow.event("payment_intent.succeeded", succeeded(booking, customer.intent(booking)))
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: frontrow.deliver(event), range(100)))
    assert {answer.status_code for answer in answers} == {200}
    outcomes = [answer.json()["outcome"] for answer in answers]
    assert sorted(set(outcomes)) == ["confirmed", "duplicate"]
    assert outcomes.count("confirmed") == 1
    assert len(frontrow.outbox(booking, "mail_confirmation")) == 1
    assert len(frontrow.ledger(event["id"])) == 1
    assert frontrow.outbox(booking, "refund") == []


def test_unknown_types_and_other_peoples_intents(frontrow: Frontrow) -> None:
    for event_type in ("customer.created", "payment_intent.created", "charge.succeeded"):
        answer = frontrow.deliver(frontrow.event(event_type, {"id": "x_1"}))
        assert (answer.status_code, answer.json()) == (200, {"outcome": "ignored"})
    foreign = {"id": "pi_foreign", "amount_received": 5, "currency": "eur", "metadata": {"booking_id": "order 7"}}
    answer = frontrow.deliver(frontrow.event("payment_intent.succeeded", foreign))
    assert (answer.status_code, answer.json()) == (200, {"outcome": "unmatched"})


@pytest.mark.parametrize(
    "change",
    [
        {"amount_received": -1200},
        {"amount_received": 0},
        {"amount_received": 2**40},
        {"amount_received": "1200"},
        {"amount_received": True},
        {"amount_received": None},
        {"currency": None},
        {"id": None},
    ],
)
def test_a_signed_event_that_makes_no_sense(frontrow: Frontrow, customer: Customer, change: Json) -> None:
    booking = customer.book()
    event = frontrow.event("payment_intent.succeeded", succeeded(booking, customer.intent(booking), **change))
    assert refusal(frontrow.deliver(event)) == (400, "invalid_request")
    assert customer.booking(booking)["status"] == "pending"
    assert frontrow.ledger(event["id"]) == []


@pytest.mark.parametrize(
    "payload", [b"[]", b"{}", b"7", b"{", b'{"object":"event","id":"evt_1","type":"refund.created"}']
)
def test_a_signed_body_that_is_no_event(frontrow: Frontrow, payload: bytes) -> None:
    assert refusal(frontrow.deliver(payload)) == (400, "invalid_request")


def test_the_database_goes_away_and_comes_back(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    event = frontrow.event("payment_intent.succeeded", succeeded(booking, intent))
    with psycopg.connect(frontrow.stack.cluster.url(user="supabase_admin"), autocommit=True) as admin:
        admin.execute("alter role authenticator nologin")
        try:
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'authenticator'")
            frontrow.pay(intent)
            answer = frontrow.deliver(event)
            assert answer.status_code == 503, answer.text
            assert "Retry-After" in answer.headers
            eventually(
                lambda: any(delivery["status"] == 503 for delivery in frontrow.deliveries("payment_intent.succeeded"))
            )
            ready = requests.get(frontrow.api + "/readyz", timeout=30)
            assert (ready.status_code, ready.json()["database"]) == (503, "does not answer")
        finally:
            admin.execute("alter role authenticator login")
    # Nobody does anything now: Stripe comes back by itself.
    eventually(lambda: frontrow.cinema.status(booking) == "confirmed", 60)
    eventually(lambda: frontrow.deliver(event).json() == {"outcome": "already_settled"}, 30)
    eventually(lambda: requests.get(frontrow.api + "/readyz", timeout=30).ok)


# Whole bookings -------------------------------------------------------------------------------------------------------


def test_a_whole_booking(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book(3)
    frontrow.pay(customer.intent(booking))
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    (email,) = eventually(lambda: frontrow.mails(customer.email))

    assert booking["reference"] in email["Subject"]
    text = cast(Any, email.get_body(("plain",))).get_content()
    html = cast(Any, email.get_body(("html",))).get_content()
    for part in (booking["reference"], "Nosferatu", "Scala, Saal 1", "Ring 1, Wien", "(Europe/Vienna)", "EUR 36.00"):
        assert part in text
        assert part in html
    (calendar,) = [part for part in email.walk() if part.get_content_type() == "text/calendar"]
    (event,) = icalendar.Calendar.from_ical(cast(str, calendar.get_content())).events
    starts_at = frontrow.cinema.value(
        "select starts_at from public.showtimes where id = %s", [frontrow.cinema.showtime_id]
    )
    assert abs(event.start - starts_at) < timedelta(seconds=1)
    assert event.start.utcoffset() == timedelta(0)
    assert "TZID" not in event["dtstart"].params
    (image,) = [part for part in email.walk() if part.get_content_type() == "image/png"]
    assert cast(bytes, image.get_content()).startswith(b"\x89PNG")
    assert image["Content-ID"].strip("<>") in html
    eventually(lambda: frontrow.outbox(booking, "mail_confirmation")[0]["state"] == "sent")


def test_declined_and_then_paid_with_the_same_intent(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    with pytest.raises(stripe.CardError):
        frontrow.pay(intent, "pm_card_visa_chargeDeclinedInsufficientFunds")

    def failure() -> object:
        return frontrow.cinema.value("select failure_code from public.payments where booking_id = %s", [booking["id"]])

    eventually(lambda: failure() == "insufficient_funds")
    assert customer.booking(booking)["status"] == "pending"
    assert customer.intent(booking)["payment_intent_id"] == intent["payment_intent_id"]
    frontrow.pay(intent)
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    assert failure() is None


def test_a_booking_that_runs_out_cannot_be_paid(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.let_run_out(booking)
    # The worker sweeps, and calls the payment off.
    eventually(lambda: customer.booking(booking)["status"] == "expired")
    eventually(lambda: frontrow.stripe.v1.payment_intents.retrieve(intent["payment_intent_id"]).status == "canceled")
    eventually(
        lambda: (
            frontrow.cinema.value("select status from public.payments where booking_id = %s", [booking["id"]])
            == "canceled"
        )
    )
    with pytest.raises(stripe.InvalidRequestError):
        frontrow.pay(intent)


def test_a_late_payment_for_seats_that_are_gone_is_refunded(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    # Paid in time at Stripe; the event comes late, when another customer has the seats.
    frontrow.faults({"webhooks": [{"kind": "drop", "probability": 1, "type": "payment_intent.succeeded"}]})
    frontrow.pay(intent)
    frontrow.faults(None)
    with frontrow.no_sweep():
        frontrow.let_run_out(booking)
        frontrow.register().rpc(
            "lock_seats",
            showtime_id=booking["showtime_id"],
            seat_ids=[seat["seat_id"] for seat in booking["seats"]],
        )
    event = frontrow.event("payment_intent.succeeded", succeeded(booking, intent))
    # Or the worker, which meant to cancel the intent, found it paid and was first.
    assert frontrow.deliver(event).json()["outcome"] in ("refund_queued", "already_settled")
    assert customer.booking(booking)["status"] == "expired"
    eventually(
        lambda: (
            [
                (refund.amount, refund.status)
                for refund in frontrow.stripe.v1.refunds.list({"payment_intent": intent["payment_intent_id"]}).data
            ]
            == [(booking["total"], "succeeded")]
        )
    )
    eventually(
        lambda: (
            frontrow.cinema.value("select status from public.refunds where booking_id = %s", [booking["id"]])
            == "succeeded"
        )
    )
    (email,) = eventually(lambda: frontrow.mails(customer.email))
    assert "refund of EUR 24.00" in email["Subject"]
    assert "someone else had booked the seats" in cast(Any, email.get_body(("plain",))).get_content()


def test_a_late_payment_for_seats_that_are_free_keeps_them(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.faults({"webhooks": [{"kind": "drop", "probability": 1, "type": "payment_intent.succeeded"}]})
    frontrow.pay(intent)
    frontrow.let_run_out(booking)
    # The webhook never comes. The worker wants to cancel the intent of the booking that ran out, and finds it paid.
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    assert frontrow.outbox(booking, "refund") == []


def test_a_cancelled_booking_is_refunded_once(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.pay(intent)
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    # Cancelled sooner, it would bring no ticket.
    eventually(lambda: frontrow.mails(customer.email))
    customer.rpc("cancel_booking", booking_id=booking["id"])
    eventually(lambda: customer.booking(booking)["status"] == "refunded")
    refunds = frontrow.stripe.v1.refunds.list({"payment_intent": intent["payment_intent_id"]}).data
    assert [refund.amount for refund in refunds] == [booking["total"]]
    eventually(lambda: len(frontrow.mails(customer.email)) == 2)
    subjects = sorted(email["Subject"].split(" ")[1] for email in frontrow.mails(customer.email))
    assert subjects == ["refund", "tickets"]


@pytest.mark.parametrize(
    ("when", "kind"),
    [("after", "drop"), ("after", "500"), pytest.param("before", "429", marks=pytest.mark.slow)],
)
def test_a_refund_survives_what_stripe_does_to_it(frontrow: Frontrow, customer: Customer, when: str, kind: str) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.pay(intent)
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    # Longer than the client's own retries last. The fake keeps no 429, and a 500 under its key for good.
    times = 1 if kind == "500" else 4
    frontrow.faults({"api": [{"kind": kind, "when": when, "next": times, "method": "POST", "path": "/v1/refunds"}]})
    customer.rpc("cancel_booking", booking_id=booking["id"])
    eventually(lambda: customer.booking(booking)["status"] == "refunded", 60)
    refunds = frontrow.stripe.v1.refunds.list({"payment_intent": intent["payment_intent_id"]}).data
    assert [refund.amount for refund in refunds] == [booking["total"]]


def test_money_that_went_back_by_hand_is_not_asked_for_again(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.pay(intent)
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    # At Stripe's dashboard, and its webhook is still on the way when the customer cancels.
    frontrow.faults({"webhooks": [{"kind": "drop", "probability": 1}]})
    by_hand = frontrow.stripe.v1.refunds.create({"payment_intent": intent["payment_intent_id"]})
    customer.rpc("cancel_booking", booking_id=booking["id"])
    eventually(lambda: customer.booking(booking)["status"] == "refunded")
    (row,) = eventually(lambda: frontrow.outbox(booking, "refund"))
    eventually(lambda: frontrow.outbox(booking, "refund")[0]["state"] == "sent")
    assert frontrow.deliver(frontrow.event("refund.created", by_hand.to_dict())).json() == {"outcome": "noted"}
    refunds = frontrow.cinema.rows("select * from public.refunds where booking_id = %s", [booking["id"]])
    assert [(refund["stripe_refund_id"], refund["status"]) for refund in refunds] == [(by_hand.id, "succeeded")]
    assert row["last_error"] is None
