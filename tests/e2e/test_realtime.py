"""Realtime fails: the page says so, stays useful, and is right again by itself."""

from __future__ import annotations

import os
import signal

from playwright.sync_api import expect

from dev.stack import Stack
from tests.cinema import Caller, CinemaFixture
from tests.e2e.line import Line
from tests.e2e.visitor import Visitor

CUT_SECONDS = 3
"""Long enough for the page to have tried to rejoin; what follows does not depend on how long."""
DELAYED, LIVE = "Updates are delayed", "Live"


def test_a_cut_heals(visitor: Visitor, cinema: CinemaFixture) -> None:
    """Changes by others meanwhile are on the map afterwards, with nothing done by the viewer."""
    line = Line(visitor.page)
    others = [cinema.customer() for _ in range(3)]
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5")
    cinema.lock(others[0], 0, 1)
    visitor.sees_seat("A2", "on hold")

    line.cut()
    expect(visitor.page.get_by_text(DELAYED)).to_be_attached()
    cinema.lock(others[1], 2, 3)
    give_back(cinema, others[0], 0)
    booked = cinema.book(others[2], 5, 6)
    visitor.holds("C6")
    visitor.page.wait_for_timeout(CUT_SECONDS * 1000)
    expect(visitor.page.get_by_text(DELAYED)).to_be_attached()

    line.restore()
    expect(visitor.page.get_by_text(LIVE, exact=True)).to_be_attached()
    for seat, state in {
        "A1": "free",
        "A2": "on hold",
        "A3": "on hold",
        "A4": "on hold",
        "A6": "on hold",
        "C5": "yours",
        "C6": "yours",
    }.items():
        visitor.sees_seat(seat, state)
    others[2].call("cancel_booking", booking_id=booked["id"])
    visitor.sees_seat("A6", "free")


def test_realtime_dies(visitor: Visitor, cinema: CinemaFixture, stack: Stack) -> None:
    """And is started again: the page joins once more, and reads what it missed."""
    other = cinema.customer()
    visitor.expects_complaints("WebSocket")
    visitor.open_seats()
    starts = stack.supervisor.starts("realtime")
    os.killpg(stack.supervisor.pid("realtime"), signal.SIGKILL)
    cinema.lock(other, 0)
    expect(visitor.page.get_by_text(DELAYED)).to_be_attached()
    stack.supervisor.wait_for_start("realtime", starts + 1)
    expect(visitor.page.get_by_text(LIVE, exact=True)).to_be_attached()
    visitor.sees_seat("A1", "on hold")
    cinema.lock(other, 1)
    visitor.sees_seat("A2", "on hold")


def test_realtime_hangs(visitor: Visitor, cinema: CinemaFixture, stack: Stack) -> None:
    """The connection is open and nothing comes. The server alone refuses a choice; then all messages arrive late."""
    other = cinema.customer()
    visitor.has_account()
    visitor.expects_complaints("409|WebSocket")
    visitor.open_seats()
    group = stack.supervisor.pid("realtime")
    os.killpg(group, signal.SIGSTOP)
    try:
        cinema.lock(other, 0, 1)
        visitor.choose("A1")
        visitor.sees_text("Seat A1 was just taken. Please choose another.")
        visitor.sees_seat("A2", "on hold")
        give_back(cinema, other, 1)
    finally:
        os.killpg(group, signal.SIGCONT)
    visitor.sees_seat("A2", "free")
    visitor.sees_seat("A1", "on hold")


def test_duplicate_and_late_messages_change_nothing(visitor: Visitor, cinema: CinemaFixture) -> None:
    line = Line(visitor.page)
    ada, bob = cinema.customer(), cinema.customer()
    line.twice = True
    visitor.has_account()
    visitor.open_seats()
    cinema.lock(ada, 0, 1)
    visitor.sees_seat("A1", "on hold")
    give_back(cinema, ada, 0, 1)
    visitor.sees_seat("A1", "free")
    cinema.lock(bob, 0)
    visitor.sees_seat("A1", "on hold")
    visitor.holds("A2")

    # The whole past once more, and backwards: Ada's lock and release of what Bob and the viewer hold now.
    past = list(line.received)
    assert len(past) >= 8
    line.repeat(past)
    line.repeat(past[::-1])
    cinema.lock(ada, 2)
    visitor.sees_seat("A3", "on hold")
    visitor.sees_seat("A1", "on hold")
    visitor.sees_seat("A2", "yours")
    visitor.choose("A2")
    visitor.sees_seat("A2", "free")
    line.repeat(list(line.received))
    cinema.lock(ada, 3)
    visitor.sees_seat("A4", "on hold")
    visitor.sees_seat("A2", "free")


def give_back(cinema: CinemaFixture, who: Caller, *seats: int) -> None:
    who.call("release_seats", showtime_id=cinema.showtime_id, seat_ids=[cinema.seats[i] for i in seats])
