"""The whole story by clicks: from the list of films to the ticket in hand and the email in the inbox."""

from __future__ import annotations

import re
import uuid

from playwright.sync_api import expect

from tests.e2e.visitor import Visitor
from tests.http.frontrow import PASSWORD, eventually


def test_from_the_films_to_the_ticket(visitor: Visitor) -> None:
    """A guest chooses a film, a showtime and a seat, registers when the first seat asks for it, and pays."""
    email = f"{uuid.uuid4().hex[:12]}@example.com"
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
    visitor.choose("C5")
    visitor.sees("Sign in")
    visitor.press("Create an account")
    visitor.fill(Your_name="Ada Lovelace", **{"Email address": email}, Password=PASSWORD)
    visitor.press("Create account")
    visitor.sees_seat("C5", "yours")
    visitor.holds("C6")
    visitor.goes_to_pay()
    visitor.pays("Succeeds")
    visitor.has_ticket()
    expect(page.get_by_role("img", name=re.compile("^QR code for booking "))).to_be_visible()
    email_message = eventually(lambda: visitor.frontrow.mails(email))[0]
    assert "Nosferatu" in email_message["Subject"]
    visitor.press("My tickets")
    visitor.sees("My tickets")
    expect(page.get_by_role("link", name="Nosferatu")).to_be_visible()
    expect(page.get_by_role("complementary", name="Seats held for you")).to_have_count(0)
