"""A showtime that is moved beside the calls of those who pay, cancel and book: nobody keeps a ticket with another time
than they were told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.cinema import Caller, CinemaFixture, Json
from tests.concurrency.parallel import (
    SHOWTIME_KEY,
    Start,
    broken_rules,
    holding,
    outcome,
    rewrite,
    succeeded,
    wait_until_it_waits,
)

FOLLOW = "private.follow_revision()"
CUSTOMER = "private.lock_customer(bigint,uuid)"
MOVE = """update public.showtimes set starts_at = starts_at + interval '1 hour', ends_at = ends_at + interval '1 hour',
          available_from = available_from + interval '1 hour'"""
NO_MAIL = "A2 a move has no mail"


def a_move_takes_no_showtime(cinema: CinemaFixture) -> None:
    rewrite(cinema, FOLLOW, ("perform private.lock_showtime(new.id);", ""))


def customers_share_no_showtime(cinema: CinemaFixture) -> None:
    rewrite(cinema, CUSTOMER, (f"pg_advisory_xact_lock_shared({SHOWTIME_KEY}),", ""))


def paying(cinema: CinemaFixture) -> tuple[Caller, Json, Json]:
    """A customer, their booking, and the arguments of its confirmation."""
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    return ada, booking, succeeded(booking, cinema.start_payment(ada, booking), "evt_1")


def moved(cinema: CinemaFixture) -> list[str]:
    return [
        row["booking_id"]
        for row in cinema.rows("select booking_id::text from private.outbox where kind = 'mail_showtime_moved'")
    ]


def test_a_move_waits_for_the_confirmation_in_flight(cinema: CinemaFixture, start: Start) -> None:
    _, booking, event = paying(cinema)
    service, owner = cinema.service(), cinema.caller("postgres")
    service.begin()
    assert service.call_in_transaction("confirm_booking", **event)["outcome"] == "confirmed"
    call = start(owner.query, MOVE)
    wait_until_it_waits(cinema, call, waiter=owner, holder=service)
    service.commit()
    outcome(call)
    assert moved(cinema) == [booking["id"]]
    assert cinema.violations() == []


def test_a_confirmation_waits_while_its_showtime_moves(cinema: CinemaFixture, start: Start) -> None:
    """Its ticket has the new time and says that it is new."""
    _, booking, event = paying(cinema)
    before: datetime = cinema.value("select starts_at from public.showtimes")
    service = cinema.service()
    with holding(cinema, MOVE) as owner:
        call = start(service.call, "confirm_booking", **event)
        wait_until_it_waits(cinema, call, waiter=service, holder=owner)
    assert outcome(call)["outcome"] == "confirmed"
    assert moved(cinema) == []
    (row,) = cinema.call_service("claim_outbox", kinds=["mail_confirmation"])
    assert row["booking_id"] == booking["id"]
    assert datetime.fromisoformat(row["email"]["moved_from"]) == before
    assert datetime.fromisoformat(row["email"]["showtime"]["starts_at"]) == before + timedelta(hours=1)
    assert cinema.violations() == []


@pytest.mark.parametrize("mutant", [a_move_takes_no_showtime, customers_share_no_showtime])
def test_mutant_a_confirmation_in_flight_is_moved_without_an_email(
    cinema: CinemaFixture, mutant: Callable[[CinemaFixture], None]
) -> None:
    mutant(cinema)
    _, _, event = paying(cinema)
    service = cinema.service()
    service.begin()
    service.call_in_transaction("confirm_booking", **event)
    cinema.owner.execute(MOVE)
    service.commit()
    assert broken_rules(cinema) == {NO_MAIL}


def test_who_cancels_while_the_showtime_moves_has_no_email(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    owner = cinema.caller("postgres")
    ada.begin()
    ada.call_in_transaction("cancel_booking", booking_id=booking["id"])
    call = start(owner.query, MOVE)
    wait_until_it_waits(cinema, call, waiter=owner, holder=ada)
    ada.commit()
    outcome(call)
    assert moved(cinema) == []
    assert cinema.violations() == []


def test_who_books_while_the_showtime_moves_books_by_the_new_time(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0)
    with holding(cinema, MOVE) as owner:
        call = start(ada.call, "create_booking", showtime_id=cinema.showtime_id)
        wait_until_it_waits(cinema, call, waiter=ada, holder=owner)
    assert outcome(call)["status"] == "pending"
    assert cinema.rows("select b.revision, private.moved_from(b) from public.bookings b") == [
        {"revision": 1, "moved_from": None}
    ]


def test_a_move_that_is_rolled_back_was_none(cinema: CinemaFixture, start: Start) -> None:
    _, _, event = paying(cinema)
    service, owner = cinema.service(), cinema.caller("postgres")
    owner.begin()
    owner.connection.execute(MOVE.encode())
    call = start(service.call, "confirm_booking", **event)
    wait_until_it_waits(cinema, call, waiter=service, holder=owner)
    owner.rollback()
    assert outcome(call)["outcome"] == "confirmed"
    assert cinema.rows("select private.moved_from(b) from public.bookings b") == [{"moved_from": None}]
    assert cinema.violations() == []


def test_two_moves_take_turns(cinema: CinemaFixture, start: Start) -> None:
    cinema.buy(cinema.customer(), 0)
    second = cinema.caller("postgres")
    with holding(cinema, MOVE) as first:
        call = start(second.query, MOVE)
        wait_until_it_waits(cinema, call, waiter=second, holder=first)
    outcome(call)
    rows = cinema.outbox("mail_showtime_moved")
    assert [(row["payload"]["revision"], row["state"]) for row in rows] == [(1, "discarded"), (2, "queued")]
    assert cinema.violations() == []
