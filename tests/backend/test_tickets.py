"""The ticket for the page: the same token as in the email, for its customer, and for who has the link of a guest."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any
from uuid import UUID

import icalendar
import pytest
import segno
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend.error_codes import ErrorCode
from backend.errors import ApiError, UnavailableError
from backend.settings import Settings
from backend.tokens import Person, Ticket, Tokens
from tests.backend.ports import FakeDataApi

BOOKING = "5f0c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11"
USER = UUID("7f0c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11")


def context(status: str = "confirmed") -> dict[str, Any]:
    """Return the database's answer about a booking (ticket_context)."""
    return {
        "booking": {
            "id": BOOKING,
            "reference": "ABCD2345",
            "showtime_id": 3,
            "status": status,
            "total": 2400,
            "currency": "EUR",
            "seats": [{"row": "F", "number": 7, "kind": "standard", "price": 2400}],
        },
        "was_confirmed": True,
        "moved_from": None,
        "showtime": {
            "id": 3,
            "starts_at": "2099-12-04T18:30:00+00:00",
            "ends_at": "2099-12-04T20:20:00+00:00",
            "revision": 4,
        },
        "movie": {"title": "Nosferatu", "certificate": "12", "length_minutes": 94},
        "theater": {"name": "Scala", "address": "Ring 1", "city": "Wien", "time_zone": "Europe/Vienna"},
        "auditorium": "Saal 1",
        "customer": {"email": "ada@example.com", "full_name": "Ada Lovelace"},
        "language": "en-US",
        "cinema": {"name": "Scala", "contact_email": None, "contact_url": None, "postal_address": None},
    }


class Holder:
    def __init__(self, client: FlaskClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, what: str = "ticket", booking: str = BOOKING) -> TestResponse:
        return self._client.get(f"/api/bookings/{booking}/{what}", headers=self._headers)


@pytest.fixture
def get(client: FlaskClient, settings: Settings) -> Holder:
    return Holder(client, Tokens.of(settings).access_token(Person(USER, "ada@example.com", "s", "customer")))


def test_the_token_is_the_ticket_that_a_door_reads(get: Holder, data_api: FakeDataApi, settings: Settings) -> None:
    data_api.answers["ticket_context"] = context()
    answer = get()
    assert answer.status_code == 200
    assert answer.get_json()["reference"] == "ABCD2345"
    read = Tokens.of(settings).read_ticket(answer.get_json()["token"])
    assert read == Ticket(UUID(BOOKING), "ABCD2345", 3)
    assert data_api.arguments("ticket_context") == [{"booking_id": BOOKING, "user_id": str(USER)}]
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_path_draws_the_code_of_the_token(get: Holder, data_api: FakeDataApi) -> None:
    data_api.answers["ticket_context"] = context()
    answer = get().get_json()
    drawn = [[0] * answer["qr"]["size"] for _ in range(answer["qr"]["size"])]
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", answer["qr"]["path"]):
        for step in range(int(length)):
            drawn[int(y)][int(x) + step] = 1
    code = segno.make_qr(answer["token"], error="l", boost_error=False)
    assert drawn == [[int(dark > 0) for dark in line] for line in code.matrix_iter(border=4)]


def test_the_calendar_is_a_file_of_its_own(get: Holder, data_api: FakeDataApi) -> None:
    data_api.answers["ticket_context"] = context()
    answer = get("ticket.ics")
    assert answer.content_type == "text/calendar; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="frontrow-ABCD2345.ics"'
    calendar = icalendar.Calendar.from_ical(answer.get_data(as_text=True))
    (event,) = calendar.walk("VEVENT")
    assert (calendar.method, event.sequence) == ("PUBLISH", 4)
    assert event["summary"] == "Nosferatu"
    assert event.start.isoformat() == "2099-12-04T18:30:00+00:00"


@pytest.mark.parametrize("hour", [5, 6])  # 01:30 EDT and 01:30 EST
def test_a_show_in_the_hour_that_autumn_has_twice_has_a_calendar(get: Holder, data_api: FakeDataApi, hour: int) -> None:
    starts_at, ends_at = f"2027-11-07T0{hour}:30:00+00:00", f"2027-11-07T0{hour + 1}:15:00+00:00"
    found = context()
    found["theater"]["time_zone"] = "America/New_York"
    found["showtime"] |= {"starts_at": starts_at, "ends_at": ends_at}
    data_api.answers["ticket_context"] = found
    answer = get("ticket.ics")
    assert answer.status_code == 200
    (event,) = icalendar.Calendar.from_ical(answer.get_data(as_text=True)).walk("VEVENT")
    assert (event.start.isoformat(), event.end.isoformat()) == (starts_at, ends_at)


@pytest.mark.parametrize("what", ["ticket", "ticket.ics"])
@pytest.mark.parametrize("status", ["pending", "expired", "cancelled", "refunded"])
def test_unconfirmed_bookings_have_no_ticket(get: Holder, data_api: FakeDataApi, status: str, what: str) -> None:
    data_api.answers["ticket_context"] = context(status)
    answer = get(what)
    assert (answer.status_code, answer.get_json()["message"]) == (409, "no_ticket")


@pytest.mark.parametrize("what", ["ticket", "ticket.ics"])
def test_bookings_of_others_are_unknown(get: Holder, data_api: FakeDataApi, what: str) -> None:
    data_api.answers["ticket_context"] = ApiError("unknown_booking")
    answer = get(what)
    assert (answer.status_code, answer.get_json()["message"]) == (404, "unknown_booking")


@pytest.mark.parametrize("what", ["ticket", "ticket.ics"])
def test_without_a_token(client: FlaskClient, data_api: FakeDataApi, what: str) -> None:
    answer = client.get(f"/api/bookings/{BOOKING}/{what}")
    assert (answer.status_code, answer.get_json()["message"]) == (401, "sign_in_required")
    assert data_api.calls == []


def test_invalid_booking_id(get: Holder, data_api: FakeDataApi) -> None:
    answer = get(booking="42")
    assert (answer.status_code, answer.get_json()["message"]) == (404, "not_found")
    assert data_api.calls == []


def test_a_database_that_is_away(get: Holder, data_api: FakeDataApi) -> None:
    data_api.answers["ticket_context"] = UnavailableError()
    assert get().get_json()["message"] == "busy"


# Links ---------------------------------------------------------------------------------------------------------------

LINK = {"reference": "ABCD2345", "key": "a-key-of-an-email"}
ASKED = {"reference": "ABCD2345", "key_hash": sha256(b"a-key-of-an-email").hexdigest()}
PATHS = {"open": "open_ticket", "calendar": "open_ticket", "cancel": "cancel_by_link"}
"""The addresses of a link under /api/tickets, and the functions that they ask."""


def linked(status: str = "confirmed") -> dict[str, Any]:
    """Return the database's answer about a link (open_ticket, cancel_by_link)."""
    booking = {"id": BOOKING, "reference": "ABCD2345", "status": status, "server_time": "2099-12-04T18:00:00+00:00"}
    return {"booking": booking, "email": context(status), "cancellable": status == "confirmed"}


@pytest.mark.parametrize("path", PATHS)
def test_the_database_is_asked_by_the_hash_of_the_key_and_without_a_token(
    client: FlaskClient, data_api: FakeDataApi, path: str
) -> None:
    data_api.answers |= {"open_ticket": linked(), "cancel_by_link": linked("cancelled")}
    assert client.post(f"/api/tickets/{path}", json=LINK).status_code == 200
    assert data_api.calls == [(PATHS[path], ASKED)]


def test_a_link_shows_the_booking_and_the_ticket_that_a_door_reads(
    client: FlaskClient, data_api: FakeDataApi, settings: Settings
) -> None:
    data_api.answers["open_ticket"] = linked()
    answer = client.post("/api/tickets/open", json=LINK)
    body = answer.get_json()
    assert (body["booking"], body["cancellable"]) == (linked()["booking"], True)
    assert Tokens.of(settings).read_ticket(body["ticket"]["token"]) == Ticket(UUID(BOOKING), "ABCD2345", 3)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ada@example.com" not in answer.get_data(as_text=True), "A link that was passed on names nobody."


@pytest.mark.parametrize("status", ["pending", "expired", "cancelled", "refunded"])
def test_the_link_of_an_unconfirmed_booking_shows_no_ticket(
    client: FlaskClient, data_api: FakeDataApi, status: str
) -> None:
    data_api.answers["open_ticket"] = linked(status)
    body = client.post("/api/tickets/open", json=LINK).get_json()
    assert (body["booking"]["status"], body["ticket"], body["cancellable"]) == (status, None, False)
    answer = client.post("/api/tickets/calendar", json=LINK)
    assert (answer.status_code, answer.get_json()["message"]) == (409, "no_ticket")


def test_the_calendar_of_a_link_is_the_calendar_of_its_customer(
    client: FlaskClient, get: Holder, data_api: FakeDataApi
) -> None:
    data_api.answers |= {"open_ticket": linked(), "ticket_context": context()}
    answer, own = client.post("/api/tickets/calendar", json=LINK), get("ticket.ics")
    assert answer.content_type == "text/calendar; charset=utf-8"
    assert answer.headers["Content-Disposition"] == own.headers["Content-Disposition"]

    def without_its_stamp(calendar: TestResponse) -> str:
        return re.sub(r"DTSTAMP:\w+", "", calendar.get_data(as_text=True))

    assert without_its_stamp(answer) == without_its_stamp(own)


def test_who_cancels_by_a_link_is_shown_what_became_of_it(client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["cancel_by_link"] = linked("cancelled")
    body = client.post("/api/tickets/cancel", json=LINK).get_json()
    assert (body["booking"]["status"], body["ticket"], body["cancellable"]) == ("cancelled", None, False)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("code", "status"), [("link_expired", 410), ("not_cancellable", 409)])
def test_what_a_link_is_refused_with_is_passed_on(
    client: FlaskClient, data_api: FakeDataApi, path: str, code: ErrorCode, status: int
) -> None:
    data_api.answers[PATHS[path]] = ApiError(code)
    answer = client.post(f"/api/tickets/{path}", json=LINK)
    assert (answer.status_code, answer.get_json()["message"]) == (status, code)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [{}, {"reference": "ABCD2345"}, {**LINK, "more": 1}, {**LINK, "key": 7}])
def test_what_is_no_link_is_never_looked_up(
    client: FlaskClient, data_api: FakeDataApi, path: str, body: dict[str, object]
) -> None:
    answer = client.post(f"/api/tickets/{path}", json=body)
    assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_request")
    assert data_api.calls == []
