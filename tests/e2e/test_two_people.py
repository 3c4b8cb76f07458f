"""Two visitors, each at a browser of their own, before the same showtime."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.cinema import CinemaFixture
from tests.e2e.line import Line, Withheld
from tests.e2e.visitor import Visitor
from tests.http.frontrow import eventually

PROMISE = 2.0
"""Seconds from the moment in the database to the moment on the other's map."""

SEAT_TAKEN = "Seat E6 was just taken. Please choose another."


@pytest.fixture
def visitors(visit: Callable[..., Visitor]) -> list[Visitor]:
    """Two, with accounts, and nothing open yet."""
    both = [visit(), visit()]
    for visitor in both:
        visitor.has_account()
    return both


def test_changes_appear_on_the_other_map_within_two_seconds(visitors: list[Visitor], cinema: CinemaFixture) -> None:
    """Lock, release, booking and its end: from the database's clock to the seat that changes in the other browser."""
    ada, bob = visitors
    for visitor in visitors:
        visitor.open_seats()
        visitor.keeps_a_diary()

    ada.holds("C5", "C6")
    assert bob.saw("C5", "on hold") - lock(cinema, "C5", "lower") < PROMISE
    bob.holds("D7")
    assert ada.saw("D7", "on hold") - lock(cinema, "D7", "lower") < PROMISE
    bob.press("Remove D7")
    assert ada.saw("D7", "free") - lock(cinema, "D7", "upper") < PROMISE

    ada.goes_to_pay()
    ada.pays()
    ada.has_ticket()
    assert bob.saw("C5", "sold") - booking(cinema, "confirmed_at") < PROMISE
    assert bob.saw("C6", "sold") - booking(cinema, "confirmed_at") < PROMISE
    ada.press("Cancel this booking")
    ada.press(re.compile("^Cancel and refund "))
    ada.sees("Cancelled")
    assert bob.saw("C5", "free") - booking(cinema, "cancelled_at") < PROMISE
    bob.choose("C5")
    bob.sees_seat("C5", "yours")


def test_simultaneous_clicks_have_one_loser(visitors: list[Visitor]) -> None:
    for visitor in visitors:
        visitor.expects_complaints("409")
        visitor.open_seats()
    at = visitors[0].evaluate("Date.now() + 700")
    for visitor in visitors:
        visitor.seat("E6").evaluate(
            """(seat, at) => void setTimeout(
                 () => seat.dispatchEvent(new MouseEvent('click', { bubbles: true })), at - Date.now())""",
            at,
        )
    informed = eventually(
        lambda: [each for each in visitors if each.page.get_by_text(SEAT_TAKEN).filter(visible=True).count()]
    )
    assert len(informed) == 1
    [winner] = [each for each in visitors if each not in informed]
    winner.sees_seat("E6", "yours")
    informed[0].sees_seat("E6", "on hold")


def test_a_lost_race_takes_the_optimistic_seat_back(visitors: list[Visitor]) -> None:
    """Bob gets no message of Ada's lock: his map offers the seat, shows it as his, and then has to undo that."""
    ada, bob = visitors
    line = Line(bob.page)
    bob.open_seats()
    line.mute = True
    ada.open_seats()
    ada.holds("E6")
    bob.sees_seat("E6", "free")

    question = Withheld(bob.page, "**/rpc/lock_seats")
    bob.expects_complaints("409")
    bob.choose("E6")
    bob.sees_seat("E6", "yours")
    question.wait()
    question.let_go()
    bob.sees_text(SEAT_TAKEN)
    bob.gets_announcement(SEAT_TAKEN)
    bob.sees_seat("E6", "on hold")
    bob.holds("E7")


def lock(cinema: CinemaFixture, seat: str, bound: str) -> float:
    """Return when the latest lock of the seat began (lower) or ended (upper), in seconds since 1970."""
    return cinema.value(
        f"select max(extract(epoch from {bound}(l.held)))::float8 from public.seat_locks l"
        " join public.seats s on s.id = l.seat_id"
        " where l.showtime_id = %s and s.row_label = %s and s.number = %s",
        [cinema.showtime_id, seat[0], int(seat[1:])],
    )


def booking(cinema: CinemaFixture, moment: str) -> float:
    """Return when that happened to the one booking of the showtime, in seconds since 1970."""
    return cinema.value(
        f"select extract(epoch from {moment})::float8 from public.bookings where showtime_id = %s",
        [cinema.showtime_id],
    )
