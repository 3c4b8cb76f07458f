"""The id of a call is written down with what the call changed."""

from __future__ import annotations

import json

import pytest

from tests.house import Caller, House, Json


def call_as(caller: Caller, request_id: object, function: str, **arguments: object) -> Json:
    """A call that came with that X-Request-Id, as PostgREST passes it on."""
    caller.begin()
    headers = json.dumps({"accept": "*/*", "x-request-id": request_id})
    caller.connection.execute("select set_config('request.headers', %s, true)", [headers])
    answer = caller.call_in_transaction(function, **arguments)
    caller.commit()
    return answer


def test_a_booking_is_followed_by_its_calls(house: House) -> None:
    ada, service = house.customer(), house.service()
    house.lock(ada, 0)
    booking = call_as(ada, "page-created-1", "create_booking", showtime_id=house.showtime_id)
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
    assert [(row["what"], row["status"], row["request_id"]) for row in history] == [
        ("booking", "pending", "page-created-1"),
        ("payment", "open", "flask-started-1"),
        ("payment", "open", "stripe-paid-1"),
        ("payment", "succeeded", "stripe-paid-1"),
        ("booking", "confirmed", "stripe-paid-1"),
        ("payment", "succeeded", "stripe-paid-1"),
    ]
    (letter,) = service.call("claim_outbox")
    assert (letter["kind"], letter["request_id"]) == ("mail_confirmation", "stripe-paid-1")


@pytest.mark.parametrize("given", ["short", "x" * 65, "with a space", "inj'ected--", None, 7])
def test_what_is_no_id_is_not_written_down(house: House, given: object) -> None:
    ada = house.customer()
    house.lock(ada, 0)
    call_as(ada, given, "create_booking", showtime_id=house.showtime_id)
    assert house.rows("select distinct request_id from private.booking_log") == [{"request_id": None}]


def test_a_call_without_one_is_as_good(house: House) -> None:
    house.buy(house.customer(), 0)
    assert house.rows("select distinct request_id from private.booking_log") == [{"request_id": None}]
    assert house.service().call("claim_outbox")[0]["request_id"] is None
