"""The record of what happened: who had this seat at that time, and what became of a booking."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.house import Caller, House, Json, Refused


def staff(house: House, role: str = "staff") -> Caller:
    caller = house.customer("Carol")
    caller.claims["app_metadata"] = {"role": role}
    return caller


def now(house: House) -> datetime:
    moment: datetime = house.value("select private.now()")
    return moment


def holder(house: House, at: datetime | None = None, seat: int = 0) -> Any:
    return house.service().call("seat_holder", showtime_id=house.showtime_id, seat_id=house.seats[seat], at=at)


def test_who_had_this_seat_at_this_time(house: House) -> None:
    """A seat goes from hand to hand; each moment has its own answer, archived or not."""
    ada, bob = house.customer(), house.customer("Bob")
    before = now(house)
    house.advance("1 second")
    house.lock(ada, 0)
    chosen = now(house)
    house.advance("11 minutes")
    nobody = now(house)
    house.sweep()
    house.advance("1 second")
    booking = house.book(bob, 0)
    paying = now(house)
    house.advance("1 minute")
    house.pay(booking, house.start_payment(bob, booking))
    sold = now(house)
    house.advance("1 minute")
    bob.call("cancel_booking", booking_id=booking["id"])
    house.advance("2 minutes")
    house.sweep()
    assert house.value("select count(*) from public.seat_locks") == 0

    assert holder(house, before) is None
    first = holder(house, chosen)
    assert (first["user"]["full_name"], first["booking"], first["end_reason"]) == ("Ada", None, "expired")
    assert holder(house, nobody) is None
    expected = {"id": booking["id"], "reference": booking["reference"]}
    assert holder(house, paying)["booking"] == {**expected, "status": "pending"}
    assert holder(house, sold)["booking"] == {**expected, "status": "confirmed"}
    assert holder(house, sold)["end_reason"] == "cancelled"
    assert holder(house) is None


def test_who_has_it_now(house: House) -> None:
    ada = house.customer()
    house.buy(ada, 0)
    answer = holder(house)
    assert answer["user"]["id"] == str(ada.user_id)
    assert (answer["held_until"], answer["end_reason"], answer["booking"]["status"]) == (None, None, "confirmed")


def test_a_booking_tells_all_that_happened_to_it(house: House) -> None:
    ada = house.customer()
    booking = house.buy(ada, 0)
    ada.call("cancel_booking", booking_id=booking["id"])
    story = staff(house).call("booking_history", booking_id=booking["id"])
    told = [(each["what"], each["status"]) for each in story]
    assert [status for what, status in told if what == "booking"] == ["pending", "confirmed", "cancelled"]
    payments = [status for what, status in told if what == "payment"]
    assert (payments[0], payments[-1]) == ("open", "succeeded")
    assert [status for what, status in told if what == "refund"] == ["queued"]
    assert [each["at"] for each in story] == sorted(each["at"] for each in story)
    assert story[0]["as_it_was_then"]["total"] == booking["total"]


def test_what_does_not_change_a_row_is_not_logged(house: House) -> None:
    house.buy(house.customer(), 0)
    before = house.value("select count(*) from private.booking_log")
    house.owner.execute("update public.bookings set total = total")
    assert house.value("select count(*) from private.booking_log") == before


@pytest.mark.parametrize("role", ["staff", "admin"])
def test_the_people_of_the_house_may_ask(house: House, role: str) -> None:
    answer = staff(house, role).call("seat_holder", showtime_id=house.showtime_id, seat_id=house.seats[0])
    assert answer is None


@pytest.mark.parametrize("metadata", [None, {"role": "customer"}, {"role": "Staff"}, {}, "staff"])
def test_nobody_else_may(house: House, metadata: Json | str | None) -> None:
    booking = house.buy(house.customer(), 0)
    curious = house.customer("Bob")
    curious.claims["app_metadata"] = metadata
    for caller in (curious, house.anonymous()):
        with pytest.raises(Refused, match="staff_only"):
            caller.call("seat_holder", showtime_id=house.showtime_id, seat_id=house.seats[0])
        with pytest.raises(Refused, match="staff_only"):
            caller.call("booking_history", booking_id=booking["id"])


def test_a_token_of_no_signed_in_user_proves_nothing(house: House) -> None:
    forged = house.anonymous()
    forged.claims["app_metadata"] = {"role": "staff"}
    with pytest.raises(Refused, match="staff_only"):
        forged.call("seat_holder", showtime_id=house.showtime_id, seat_id=house.seats[0])


def test_a_booking_that_nobody_made(house: House) -> None:
    with pytest.raises(Refused, match="unknown_booking"):
        house.service().call("booking_history", booking_id="00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize("table", ["booking_log", "seat_lock_history"])
@pytest.mark.parametrize(
    "statement", ["update private.{} set booking_id = null", "delete from private.{}", "truncate private.{}"]
)
def test_the_record_is_only_added_to(house: House, table: str, statement: str) -> None:
    """Not even the owner of the tables changes it by mistake."""
    house.lock(house.customer(), 1)
    house.buy(house.customer(), 0)
    house.advance(str(timedelta(minutes=12)))
    house.sweep()
    before = house.rows(f"select * from private.{table}")
    assert before
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="is only added to"):
        house.owner.execute(statement.format(table).encode())
    assert house.rows(f"select * from private.{table}") == before
