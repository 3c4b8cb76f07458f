"""The ticket as its customer's page gets it: a token that a door can verify with the published key, and a calendar."""

from __future__ import annotations

import re
from typing import Any

import icalendar
import jwt
import pytest
import requests
import zxingcpp
from jwt import PyJWKClient

from tests.http.frontrow import Customer, Frontrow, Json, eventually

WHAT = ["ticket", "ticket.ics"]


def get(customer: Customer, frontrow: Frontrow, booking: Json, what: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {customer.token}"} if customer.token else {}
    return requests.get(f"{frontrow.api}/api/bookings/{booking['id']}/{what}", headers=headers, timeout=30)


@pytest.fixture
def bought(frontrow: Frontrow, customer: Customer) -> Json:
    """A booking of two seats that is paid for."""
    booking = customer.book()
    frontrow.pay(customer.intent(booking))
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    return booking


def published_claims(frontrow: Frontrow, token: str) -> dict[str, Any]:
    """The claims of a token, verified by what anybody can read: not with our key, and not by our code."""
    keys = PyJWKClient(f"{frontrow.api}/.well-known/jwks.json")
    key = keys.get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["ES256"], audience="frontrow-ticket")


def test_the_code_holds_a_ticket_that_the_published_key_verifies(
    frontrow: Frontrow, customer: Customer, bought: Json
) -> None:
    answer = get(customer, frontrow, bought, "ticket")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    claims = published_claims(frontrow, body["token"])
    assert claims["booking_id"] == bought["id"]
    assert claims["reference"] == body["reference"] == bought["reference"]
    assert claims["showtime_id"] == bought["showtime_id"]
    assert "exp" not in claims
    assert scanned(body["qr"]) == body["token"]
    with pytest.raises(jwt.InvalidSignatureError):
        published_claims(frontrow, forged(body["token"]))


def test_a_ticket_opens_no_door_of_ours(frontrow: Frontrow, customer: Customer, bought: Json) -> None:
    ticket = get(customer, frontrow, bought, "ticket").json()["token"]
    thief = frontrow.stranger()
    thief.token = ticket
    assert get(thief, frontrow, bought, "ticket").status_code == 401


def test_the_calendar_has_the_instants_of_the_show(frontrow: Frontrow, customer: Customer, bought: Json) -> None:
    answer = get(customer, frontrow, bought, "ticket.ics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert bought["reference"] in answer.headers["Content-Disposition"]
    (show,) = frontrow.cinema.rows(
        "select s.starts_at, s.ends_at, m.title from public.showtimes s"
        " join public.movies m on m.id = s.movie_id where s.id = %s",
        [bought["showtime_id"]],
    )
    (event,) = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
    assert event.start == show["starts_at"].replace(microsecond=0)
    assert event.end == show["ends_at"].replace(microsecond=0)
    assert event["summary"] == show["title"]
    # Every calendar shows an instant in its owner's zone, and needs no rules for that.
    assert re.search(r"^DTSTART:\d{8}T\d{6}Z\r?$", answer.text, re.MULTILINE), answer.text


@pytest.mark.parametrize("what", WHAT)
def test_a_ticket_is_for_its_owner_only(frontrow: Frontrow, bought: Json, what: str) -> None:
    other = get(frontrow.register(), frontrow, bought, what)
    assert (other.status_code, other.json()["message"]) == (404, "unknown_booking")
    guest = get(frontrow.stranger(), frontrow, bought, what)
    assert (guest.status_code, guest.json()["message"]) == (401, "sign_in_required")


@pytest.mark.parametrize("what", WHAT)
def test_only_paid_bookings_have_a_ticket(frontrow: Frontrow, customer: Customer, what: str) -> None:
    pending = customer.book()
    answer = get(customer, frontrow, pending, what)
    assert (answer.status_code, answer.json()["message"]) == (409, "no_ticket")
    customer.rpc("cancel_booking", booking_id=pending["id"])
    answer = get(customer, frontrow, pending, what)
    assert (answer.status_code, answer.json()["message"]) == (409, "no_ticket")


def test_a_cancelled_booking_loses_its_ticket(frontrow: Frontrow, customer: Customer, bought: Json) -> None:
    assert customer.rpc("cancel_booking", booking_id=bought["id"])["status"] == "cancelled"
    assert get(customer, frontrow, bought, "ticket").json()["message"] == "no_ticket"
    eventually(lambda: customer.booking(bought)["status"] == "refunded")


def scanned(qr: Json) -> str:
    """Decode the code with an independent reader, as on a screen with four pixels a module."""
    side, pixels = qr["size"], 4
    dark = {
        (int(x) + step, int(y))
        for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", qr["path"])
        for step in range(int(length))
    }
    image = bytes(
        0 if (x // pixels, y // pixels) in dark else 255 for y in range(side * pixels) for x in range(side * pixels)
    )
    found = zxingcpp.read_barcode(memoryview(image).cast("B", (side * pixels, side * pixels)))
    assert found is not None
    return found.text


def forged(token: str) -> str:
    """The same ticket with another reference under the old signature."""
    head, _, signature = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False})
    body = jwt.encode({**claims, "reference": "AAAA2222"}, "x" * 32, "HS256").split(".")[1]
    return f"{head}.{body}.{signature}"
