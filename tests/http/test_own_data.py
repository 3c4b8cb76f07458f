"""What signed-in people read of their own, through the gateway and the Data API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import requests

from tests.http.frontrow import Customer, Frontrow, Json


def read(frontrow: Frontrow, function: str, token: str | None, **arguments: Any) -> requests.Response:
    """GET a function, as the page does."""
    headers = {"apikey": frontrow.stack.keys.publishable}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    url = f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/{function}"
    return requests.get(url, params=arguments, headers=headers, timeout=10)


OWN: dict[str, Json] = {
    "my_bookings": {"max_rows": 20},
    "my_booking": {"booking_id": str(uuid.uuid4())},
    "my_account": {},
    "my_data": {},
}


@pytest.mark.parametrize("function", OWN)
def test_reading_ones_own_is_a_get_that_no_cache_keeps(frontrow: Frontrow, customer: Customer, function: str) -> None:
    booking = customer.book()
    arguments = {"booking_id": booking["id"]} if function == "my_booking" else OWN[function]
    answer = read(frontrow, function, customer.token, **arguments)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert (function == "my_account") or booking["reference"] in answer.text


@pytest.mark.parametrize("function", OWN)
def test_who_is_not_signed_in_is_told_so(frontrow: Frontrow, function: str) -> None:
    answer = read(frontrow, function, None, **OWN[function])
    assert (answer.status_code, answer.json()["message"]) == (401, "sign_in_required")


def test_a_stranger_reads_nothing_of_a_booking(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    stranger = frontrow.register()
    answer = read(frontrow, "my_booking", stranger.token, booking_id=booking["id"])
    assert (answer.status_code, answer.json()["message"]) == (404, "unknown_booking")
    assert read(frontrow, "my_bookings", stranger.token).json()["bookings"] == []
    for secret in (booking["reference"], booking["id"], customer.id, customer.email):
        assert secret not in read(frontrow, "my_data", stranger.token).text


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [({"after": "no cursor"}, "after"), ({"max_rows": 0}, "max_rows"), ({"max_rows": 101}, "max_rows")],
)
def test_a_page_that_cannot_be_says_why(frontrow: Frontrow, customer: Customer, arguments: Json, argument: str) -> None:
    answer = read(frontrow, "my_bookings", customer.token, **arguments)
    assert (answer.status_code, answer.json()["message"]) == (400, "invalid_request")
    assert answer.json()["details"] == f'{{"argument": "{argument}"}}'


def test_renaming_is_no_get(frontrow: Frontrow, customer: Customer) -> None:
    assert read(frontrow, "rename_me", customer.token, full_name="Eve").status_code == 405
    assert customer.rpc("rename_me", full_name="Ada King")["full_name"] == "Ada King"
    assert read(frontrow, "my_account", customer.token).json()["full_name"] == "Ada King"
