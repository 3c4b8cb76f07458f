"""Without a mouse, and without seeing the picture: keys alone, the list, and what a screen reader announces."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Locator, expect

from tests.cinema import CinemaFixture
from tests.e2e.test_forgotten_password import new_address
from tests.e2e.visitor import Visitor
from tests.http.frontrow import Frontrow

_MOST_TABS = 60

LISTEN = """() => {
  globalThis.announced = [];
  const region = document.querySelector('[aria-live=polite].sr-only');
  new MutationObserver(() => announced.push(region.textContent)).observe(
    region, { childList: true, characterData: true, subtree: true });
}"""


class Typist:
    """A visitor with a keyboard and nothing else."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.keys = visitor, visitor.page.keyboard

    def tabs_to(self, target: Locator, key: str = "Tab") -> None:
        """Presses Tab until the target has the focus."""
        expect(target).to_be_attached()
        for _ in range(_MOST_TABS):
            if target.evaluate("(element) => element === document.activeElement"):
                return
            self.keys.press(key)
        pytest.fail(f"{key} never leads to {target}")

    def presses(self, name: str | re.Pattern[str]) -> None:
        """A button or a link, by its name: Tab until it has the focus, then Enter."""
        page, exact = self.visitor.page, isinstance(name, str)
        self.tabs_to(
            page.get_by_role("button", name=name, exact=exact).or_(page.get_by_role("link", name=name, exact=exact))
        )
        self.keys.press("Enter")

    def fills(self, label: str, words: str) -> None:
        self.tabs_to(self.visitor.page.get_by_label(label, exact=True))
        self.keys.type(words)

    def is_at_the_heading(self, title: str) -> None:
        """The new page's heading has the focus, so that it is read out and Tab goes on from there."""
        expect(self.visitor.page.get_by_role("heading", name=title, level=1)).to_be_focused()

    def is_on(self, seat: str) -> None:
        expect(self.visitor.seat(seat)).to_be_focused()

    def walks(self, *keys: str) -> None:
        for key in keys:
            self.keys.press(key)


def test_a_booking_by_keyboard_alone(visitor: Visitor, frontrow: Frontrow) -> None:
    """From the list of films to the ticket, without an account."""
    page, showtime = visitor.page, frontrow.cinema.showtime_id
    typist = Typist(visitor)
    visitor.open("/")
    visitor.sees("Nosferatu")
    typist.fills("Search films", "Nosferatu")
    typist.keys.press("Enter")
    typist.tabs_to(page.locator('h2 a[href="/films/nosferatu-at-the-scala"]'))
    typist.keys.press("Enter")
    typist.is_at_the_heading("Nosferatu")
    typist.tabs_to(page.locator(f'a[href="/showtimes/{showtime}"]'))
    typist.keys.press("Enter")
    visitor.is_at(f"/showtimes/{showtime}")
    typist.is_at_the_heading("Nosferatu")

    typist.tabs_to(visitor.seat("A1"))
    typist.walks("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    typist.is_on("C5")
    typist.keys.press("Enter")
    visitor.gets_announcement(re.compile("^Seat C5 is yours for "))
    visitor.sees_seat("C5", "yours")
    typist.is_on("C5")

    typist.walks("End", "Home")
    typist.is_on("C1")
    typist.walks("Control+End")
    typist.is_on("H12")
    typist.walks("Control+Home", "ArrowDown", "ArrowDown", *["ArrowRight"] * 5)
    typist.keys.press("Space")
    visitor.sees_seat("C6", "yours")
    visitor.gets_announcement(re.compile("^Seat C6 is yours for "))
    typist.walks("ArrowRight", "Enter")
    visitor.gets_announcement(re.compile("^Seat C7 is yours for "))
    typist.keys.press("Enter")
    visitor.sees_seat("C7", "free")
    visitor.gets_announcement("Seat C7 removed.")

    typist.presses("Continue to payment")
    typist.is_at_the_heading("Checkout")
    typist.fills("Your name", "Ada Lovelace")
    typist.fills("Email address", new_address())
    typist.keys.press("Enter")
    expect(page.get_by_role("heading", name="Your details")).to_be_focused()
    typist.presses("Succeeds")
    typist.presses(re.compile("^Pay "))
    visitor.has_ticket()
    typist.is_at_the_heading("Your seats are booked")
    visitor.sees_text("Row C, seat 6")


def test_the_list_does_the_same_job(visitor: Visitor, cinema: CinemaFixture) -> None:
    """By row, without the picture, and by keyboard."""
    cinema.lock(cinema.customer(), 2)
    visitor.has_account()
    visitor.open_seats()
    typist, page = Typist(visitor), visitor.page
    typist.presses("List")
    row = page.get_by_role("region", name="Row A")
    expect(row.get_by_role("button")).to_have_count(12)
    free = row.get_by_role("button", name="Row A, seat 1, Standard, €12.00, free")
    typist.tabs_to(free)
    typist.keys.press("Enter")
    mine = row.get_by_role("button", name="Row A, seat 1, Standard, €12.00", exact=True, pressed=True)
    expect(mine).to_be_focused()
    visitor.gets_announcement(re.compile("^Seat A1 is yours for "))
    taken = row.get_by_role("button", name="Row A, seat 3, Standard, €12.00, on hold")
    expect(taken).to_have_attribute("aria-disabled", "true")
    typist.tabs_to(taken)
    typist.keys.press("Enter")
    visitor.gets_announcement("Seat A3 is on hold.")
    typist.tabs_to(mine, "Shift+Tab")
    typist.keys.press("Enter")
    expect(free).to_be_focused()
    visitor.gets_announcement("Seat A1 removed.")


@pytest.mark.slow
def test_changes_by_others_are_announced_in_summary(visitor: Visitor, cinema: CinemaFixture) -> None:
    """A hundred changes by others are a few sentences, which add up, and do not interrupt."""
    visitor.open_seats()
    visitor.page.evaluate(LISTEN)
    others = [cinema.customer() for _ in range(9)]
    began = time.monotonic()
    for number, other in enumerate(others):
        for place in range(10):
            cinema.lock(other, number * 10 + place)
    for place in range(10):
        others[0].call("release_seats", showtime_id=cinema.showtime_id, seat_ids=[cinema.seats[place]])
    visitor.sees_seat("H6", "on hold")
    visitor.sees_seat("A10", "free")
    # The last sentence is said four seconds after the last change.
    visitor.page.wait_for_function("announced.join(' ').match(/([0-9]+) seats? became available/g)")
    visitor.page.wait_for_timeout(4_500)
    took = time.monotonic() - began
    sentences: list[str] = visitor.evaluate("announced")
    counts = [
        [int(n) for n in re.findall(rf"(\d+) seats? {what}", " ".join(sentences))] for what in ("w", "became available")
    ]
    # A seat taken and released between two reads of the page is not a change that can be announced.
    taken, freed = sum(counts[0]), sum(counts[1])
    assert taken - freed == 80
    assert 80 <= taken <= 90
    assert len(sentences) <= took / 4 + 1
    expect(visitor.page.locator("[aria-live=assertive], [role=alert]")).to_have_count(0)
