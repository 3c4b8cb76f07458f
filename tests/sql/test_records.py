"""The record of what happened: who had this seat at that time, and what became of a booking."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.cinema import Caller, CinemaFixture, Json, Refused


def staff(cinema: CinemaFixture, role: str = "staff") -> Caller:
    caller = cinema.customer("Carol")
    caller.claims["app_metadata"] = {"role": role}
    return caller


def now(cinema: CinemaFixture) -> datetime:
    moment: datetime = cinema.value("select private.now()")
    return moment


def holder(cinema: CinemaFixture, at: datetime | None = None, seat: int = 0) -> Any:
    return cinema.service().call("seat_holder", showtime_id=cinema.showtime_id, seat_id=cinema.seats[seat], at=at)


def test_seat_holder_at_a_past_time(cinema: CinemaFixture) -> None:
    """A seat goes from hand to hand; each moment has its own answer, archived or not."""
    ada, bob = cinema.customer(), cinema.customer("Bob")
    before = now(cinema)
    cinema.advance("1 second")
    cinema.lock(ada, 0)
    chosen = now(cinema)
    cinema.advance("11 minutes")
    nobody = now(cinema)
    cinema.sweep()
    cinema.advance("1 second")
    booking = cinema.book(bob, 0)
    paying = now(cinema)
    cinema.advance("1 minute")
    cinema.pay(booking, cinema.start_payment(bob, booking))
    sold = now(cinema)
    cinema.advance("1 minute")
    bob.call("cancel_booking", booking_id=booking["id"])
    cinema.advance("2 minutes")
    cinema.sweep()
    assert cinema.value("select count(*) from public.seat_locks") == 0

    assert holder(cinema, before) is None
    first = holder(cinema, chosen)
    assert (first["user"]["full_name"], first["booking"], first["end_reason"]) == ("Ada", None, "expired")
    assert holder(cinema, nobody) is None
    expected = {"id": booking["id"], "reference": booking["reference"]}
    assert holder(cinema, paying)["booking"] == {**expected, "status": "pending"}
    assert holder(cinema, sold)["booking"] == {**expected, "status": "confirmed"}
    assert holder(cinema, sold)["end_reason"] == "cancelled"
    assert holder(cinema) is None


def test_current_seat_holder(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.buy(ada, 0)
    answer = holder(cinema)
    assert answer["user"]["id"] == str(ada.user_id)
    assert (answer["held_until"], answer["end_reason"], answer["booking"]["status"]) == (None, None, "confirmed")


def test_booking_history_is_complete(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    ada.call("cancel_booking", booking_id=booking["id"])
    story = staff(cinema).call("booking_history", booking_id=booking["id"])
    entries = [(each["entity"], each["status"]) for each in story]
    assert [status for what, status in entries if what == "booking"] == [
        "pending",
        "pending",  # with the time to pay
        "confirmed",
        "cancelled",
    ]
    payments = [status for what, status in entries if what == "payment"]
    assert (payments[0], payments[-1]) == ("open", "succeeded")
    assert [status for what, status in entries if what == "refund"] == ["queued"]
    assert [each["at"] for each in story] == sorted(each["at"] for each in story)
    assert story[0]["row_data"]["total"] == booking["total"]


def test_the_history_names_who_changed_what_in_which_session(cinema: CinemaFixture) -> None:
    """A customer by their id and session, the backend by its role, and an operator by the database's."""
    ada, session = cinema.customer(), str(uuid.uuid4())
    ada.claims["session_id"] = session
    booking = cinema.book(ada, 0)
    cinema.pay(booking, cinema.start_payment(ada, booking))
    cinema.owner.execute("update public.bookings set expires_at = expires_at + interval '1 second' where true")
    ada.call("cancel_booking", booking_id=booking["id"])

    story = staff(cinema).call("booking_history", booking_id=booking["id"])
    of_the_booking = [
        (each["status"], each["actor"], each["session_id"]) for each in story if each["entity"] == "booking"
    ]
    assert of_the_booking == [
        ("pending", str(ada.user_id), session),
        ("pending", "service_role", None),
        ("confirmed", "service_role", None),
        ("confirmed", "postgres", None),
        ("cancelled", str(ada.user_id), session),
    ]
    assert {each["actor"] for each in story if each["entity"] == "payment"} == {"service_role"}


@pytest.mark.parametrize("session", [None, "", "7", 7, {"a": 1}, "not-a-uuid'; drop"])
def test_a_session_that_is_no_uuid_is_not_recorded(cinema: CinemaFixture, session: object) -> None:
    """A token of another system does not keep its bearer from booking."""
    ada = cinema.customer()
    ada.claims["session_id"] = session
    cinema.book(ada, 0)
    assert cinema.rows("select actor, session_id from private.booking_log") == [
        {"actor": str(ada.user_id), "session_id": None}
    ]


def test_a_session_of_nobody_is_not_recorded(cinema: CinemaFixture) -> None:
    """Claims of a token that is no signed-in user's say nothing about a session."""
    ada, service = cinema.customer(), cinema.service()
    service.claims["session_id"] = str(uuid.uuid4())
    booking = cinema.book(ada, 0)
    service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    (payment,) = cinema.rows("select actor, session_id from private.booking_log where entity = 'payment'")
    assert payment == {"actor": "service_role", "session_id": None}


def test_unchanged_rows_are_not_logged(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0)
    before = cinema.value("select count(*) from private.booking_log")
    cinema.owner.execute("update public.bookings set total = total")
    assert cinema.value("select count(*) from private.booking_log") == before


@pytest.mark.parametrize("role", ["staff", "admin"])
def test_staff_may_ask(cinema: CinemaFixture, role: str) -> None:
    answer = staff(cinema, role).call("seat_holder", showtime_id=cinema.showtime_id, seat_id=cinema.seats[0])
    assert answer is None


@pytest.mark.parametrize("metadata", [None, {"role": "customer"}, {"role": "Staff"}, {}, "staff"])
def test_others_may_not_ask(cinema: CinemaFixture, metadata: Json | str | None) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    curious = cinema.customer("Bob")
    curious.claims["app_metadata"] = metadata
    for caller in (curious, cinema.anonymous()):
        with pytest.raises(Refused, match="staff_only"):
            caller.call("seat_holder", showtime_id=cinema.showtime_id, seat_id=cinema.seats[0])
        with pytest.raises(Refused, match="staff_only"):
            caller.call("booking_history", booking_id=booking["id"])


def test_a_token_of_no_signed_in_user_proves_nothing(cinema: CinemaFixture) -> None:
    forged = cinema.anonymous()
    forged.claims["app_metadata"] = {"role": "staff"}
    with pytest.raises(Refused, match="staff_only"):
        forged.call("seat_holder", showtime_id=cinema.showtime_id, seat_id=cinema.seats[0])


def test_a_booking_that_nobody_made(cinema: CinemaFixture) -> None:
    with pytest.raises(Refused, match="unknown_booking"):
        cinema.service().call("booking_history", booking_id="00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize("table", ["booking_log", "seat_lock_history"])
@pytest.mark.parametrize(
    "statement", ["update private.{} set booking_id = null", "delete from private.{}", "truncate private.{}"]
)
def test_audit_log_is_append_only(cinema: CinemaFixture, table: str, statement: str) -> None:
    """Not even the owner of the tables changes it by mistake."""
    cinema.lock(cinema.customer(), 1)
    cinema.buy(cinema.customer(), 0)
    cinema.advance(str(timedelta(minutes=12)))
    cinema.sweep()
    before = cinema.rows(f"select * from private.{table}")
    assert before
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="is only added to"):
        cinema.owner.execute(statement.format(table).encode())
    assert cinema.rows(f"select * from private.{table}") == before
