"""The id of a call is written down with what the call changed."""

from __future__ import annotations

import json
import re

import pytest

from backend import logs
from tests.cinema import Caller, CinemaFixture, Json

OWN = re.compile(r"db-[0-9]{10}-[0-9]+")


def call_as(caller: Caller, request_id: object, function: str, **arguments: object) -> Json:
    """A call that came with that X-Request-Id, as PostgREST passes it on."""
    caller.begin()
    headers = json.dumps({"accept": "*/*", "x-request-id": request_id})
    caller.connection.execute("select set_config('request.headers', %s, true)", [headers])
    answer = caller.call_in_transaction(function, **arguments)
    caller.commit()
    return answer


def test_a_booking_is_followed_by_its_calls(cinema: CinemaFixture) -> None:
    ada, service = cinema.customer(), cinema.service()
    cinema.lock(ada, 0)
    booking = call_as(ada, "page-created-1", "create_booking", showtime_id=cinema.showtime_id)
    payment = call_as(service, "flask-started-1", "start_payment", booking_id=booking["id"], user_id=ada.user_id)
    call_as(
        service,
        "stripe-paid-1",
        "confirm_booking",
        event_id="evt_1",
        event_type="payment_intent.succeeded",
        payment_intent_id="pi_1",
        amount=booking["total"],
        currency="eur",
        booking_id=booking["id"],
    )
    assert payment["booking_id"] == booking["id"]
    history = service.call("booking_history", booking_id=booking["id"])
    assert [(row["entity"], row["status"], row["request_id"]) for row in history] == [
        ("booking", "pending", "page-created-1"),
        ("booking", "pending", "flask-started-1"),
        ("payment", "open", "flask-started-1"),
        ("payment", "open", "stripe-paid-1"),
        ("payment", "succeeded", "stripe-paid-1"),
        ("booking", "confirmed", "stripe-paid-1"),
        ("payment", "succeeded", "stripe-paid-1"),
    ]
    (order,) = service.call("claim_outbox")
    assert (order["kind"], order["request_id"]) == ("mail_confirmation", "stripe-paid-1")


def ids(cinema: CinemaFixture) -> list[str]:
    """Under which ids the changes to bookings stand, in order."""
    return [row["request_id"] for row in cinema.rows("select request_id from private.booking_log order by id")]


@pytest.mark.parametrize("given", ["short", "x" * 65, "with a space", "inj'ected--", None, 7])
def test_invalid_request_ids_are_not_stored(cinema: CinemaFixture, given: object) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0)
    call_as(ada, given, "create_booking", showtime_id=cinema.showtime_id)
    assert [OWN.fullmatch(found) is not None for found in ids(cinema)] == [True]


def test_a_call_without_an_id_leads_to_the_worker_all_the_same(cinema: CinemaFixture) -> None:
    """A customer's browser sends none; what the call changed and what the worker makes of it stand under one."""
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    before = ids(cinema)
    ada.call("cancel_booking", booking_id=booking["id"])
    (cancelled,) = set(ids(cinema)[len(before) :])
    assert OWN.fullmatch(cancelled)
    assert cancelled not in before
    orders = cinema.service().call("claim_outbox", kinds=["refund", "mail_refund"])
    assert [order["request_id"] for order in orders] == [cancelled, cancelled]


def test_the_worker_takes_such_an_id_for_its_own_lines(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0)
    (order,) = cinema.service().call("claim_outbox")
    assert logs.begin(order["request_id"]) == order["request_id"]


def test_each_call_without_an_id_has_another(cinema: CinemaFixture) -> None:
    for seat in (0, 1):
        cinema.book(cinema.customer(), seat)
    assert len(set(ids(cinema))) == 2
