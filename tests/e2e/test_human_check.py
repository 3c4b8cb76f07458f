"""A showtime under pressure at a browser: the check is asked once, and the seat that was wanted is held by itself."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.cinema import CinemaFixture
from tests.e2e.axe import findings
from tests.e2e.visitor import Visitor
from tests.http.frontrow import Frontrow

HELD = 11


@pytest.fixture
def rush(cinema: CinemaFixture, frontrow: Frontrow) -> Iterator[None]:
    """A room of twenty seats, the first eleven of them held by two strangers."""
    room = cinema.add_auditorium(f"Kammer {uuid.uuid4().hex[:6]}", rows=2, seats=10)
    cinema.showtime_id = cinema.add_showtime("30 hours", room)
    seats = cinema.seats_of(room)
    for mine in (seats[:10], seats[10:HELD]):
        frontrow.register().rpc("lock_seats", showtime_id=cinema.showtime_id, seat_ids=mine)
    cinema.owner.execute("update private.settings set human_check = true where true")
    yield
    cinema.owner.execute("update private.settings set human_check = false where true")


@pytest.mark.usefixtures("rush")
def test_a_seat_is_held_after_one_quick_check(visitor: Visitor) -> None:
    """By keyboard alone; who leaves the check is back at the seat, and who passed is not asked again."""
    visitor.has_account()
    visitor.open_seats()
    visitor.expects_complaints("403")
    fetched: list[str] = []
    visitor.page.on("request", lambda request: fetched.append(request.url))
    visitor.seat("B5").focus()
    visitor.page.keyboard.press("Enter")
    dialog = visitor.page.get_by_role("dialog", name="One quick check")
    expect(dialog).to_be_visible()
    box = dialog.get_by_role("checkbox")
    expect(box).to_be_visible()
    assert findings(visitor.page, "human check") == []
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(visitor.seat("B5")).to_be_focused()
    visitor.sees_seat("B5", "free")

    visitor.page.keyboard.press("Enter")
    expect(box).to_be_visible()
    box.focus()
    visitor.page.keyboard.press("Space")
    expect(dialog).to_have_count(0)
    visitor.sees_seat("B5", "yours")
    visitor.holds("B6")
    assert len([url for url in fetched if "/_fake/human/api.js" in url]) == 1
    visitor.goes_to_pay()
    visitor.pays("Succeeds")
    visitor.has_ticket()
