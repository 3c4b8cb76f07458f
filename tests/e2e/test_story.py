"""The whole story by clicks: from the list of films to the ticket in hand and the email in the inbox."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.test_forgotten_password import new_address
from tests.e2e.visitor import Visitor
from tests.http.frontrow import eventually


def test_from_the_films_to_the_ticket(visitor: Visitor) -> None:
    """A stranger chooses a film, a showtime and seats, and pays without an account."""
    email = new_address()
    page = visitor.page
    visitor.open("/")
    visitor.sees("What’s on")
    page.get_by_role("combobox", name="Theater").select_option(label="Scala, Wien")
    visitor.sees_text("1 film")
    page.get_by_role("link", name="Nosferatu").first.click()
    visitor.sees("Nosferatu")
    visitor.sees_text("96 seats left")
    showtime = visitor.frontrow.cinema.showtime_id
    page.locator(f'a[href="/showtimes/{showtime}"]').click()
    visitor.holds("C5", "C6")
    visitor.goes_to_pay_as_guest(email)
    visitor.pays("Succeeds")
    visitor.has_ticket()
    expect(page.get_by_role("img", name=re.compile("^QR code for booking "))).to_be_visible()
    email_message = eventually(lambda: visitor.frontrow.mails(email))[0]
    assert "Nosferatu" in email_message["Subject"]
    visitor.press("My tickets")
    visitor.sees("My tickets")
    expect(page.get_by_role("link", name="Nosferatu")).to_be_visible()
    expect(page.get_by_role("complementary", name="Seats held for you")).to_have_count(0)
