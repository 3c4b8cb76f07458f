"""The ticket and what becomes of it: taken along, sent again, cancelled, and the money followed home."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.visitor import Visitor
from tests.http.frontrow import Customer, Frontrow, eventually

REFUNDED_SLOWLY = "4000 0000 0000 7726"


@pytest.fixture
def owner(visitor: Visitor) -> Customer:
    """Whose ticket for C5 and C6 the visitor looks at."""
    customer = visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5", "C6")
    visitor.goes_to_pay()
    visitor.pays()
    visitor.has_ticket()
    return customer


def test_a_ticket_is_taken_along(visitor: Visitor, owner: Customer, frontrow: Frontrow) -> None:
    """Into the calendar, onto paper, and by mail once more."""
    page = visitor.page
    reference = page.get_by_text(re.compile("^[2-9A-Z]{8}$")).inner_text()
    with page.expect_download() as download:
        visitor.press("Add to calendar")
    assert download.value.suggested_filename == f"frontrow-{reference}.ics"
    calendar = Path(download.value.path()).read_text().replace("\r\n ", "")
    assert "BEGIN:VEVENT" in calendar
    assert "Nosferatu" in calendar
    assert reference in calendar

    eventually(lambda: frontrow.mails(owner.email))
    visitor.press("Email it again")
    visitor.sees_text(f"Your ticket is on its way to {owner.email}.")
    first, again = eventually(lambda: two(frontrow.mails(owner.email)))
    assert again["Subject"] == first["Subject"]

    page.evaluate("print = () => { globalThis.printed = true; }")
    visitor.press("Print")
    assert page.evaluate("globalThis.printed")
    page.emulate_media(media="print")
    expect(page.get_by_role("img", name=f"QR code for booking {reference}")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("banner")).to_have_count(0)


def test_cancellation_refunds_the_booking(visitor: Visitor, visit: Callable[..., Visitor], frontrow: Frontrow) -> None:
    """Each step of the refund is shown, and others can book the seats at once."""
    visitor.has_a_clock()
    customer = visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5", "C6")
    visitor.goes_to_pay()
    visitor.types_card(REFUNDED_SLOWLY)
    visitor.press(re.compile("^Pay "))
    visitor.has_ticket()
    other = visit()
    other.open_seats()
    other.sees_seat("C5", "sold")

    frontrow.faults({"webhooks": [{"kind": "drop", "type": "refund.updated", "probability": 1}]})
    visitor.press("Cancel this booking")
    visitor.sees_text("Your seats will be released and €24.00 refunded to your original payment method.")
    visitor.press("Keep my seats")
    visitor.press("Cancel this booking")
    visitor.press("Cancel and refund €24.00")
    visitor.gets_announcement("Booking cancelled.")
    visitor.sees_text("You cancelled this booking.")
    refunds = "select status from public.refunds where showtime_id = %s"
    eventually(lambda: frontrow.cinema.rows(refunds, [frontrow.cinema.showtime_id]) == [{"status": "pending"}])
    visitor.waits(5)
    visitor.sees_text("€24.00 is on its way. Your bank has not confirmed it yet.")
    other.sees_seat("C5", "free")
    frontrow.faults(None)
    eventually(lambda: frontrow.stripe.v1.refunds.list({"limit": 1}).data[0].status == "succeeded")
    frontrow.resend("refund.updated")
    visitor.waits(5)
    visitor.sees_text(re.compile("^€24.00 was sent to your bank on "))
    visitor.sees("Cancelled and refunded")
    email_message = eventually(lambda: frontrow.mails(customer.email)[1:])[0]
    assert re.match(r"Your refund of .*24\.00.* for Nosferatu", email_message["Subject"])
    visitor.open("/bookings")
    visitor.sees("Past and cancelled")
    visitor.sees_text(re.compile("^€24.00 was sent to your bank on "))


def test_pending_booking_can_be_cancelled(visitor: Visitor) -> None:
    """From the checkout: nothing is charged, and the seats are free again."""
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5")
    visitor.goes_to_pay()
    visitor.press("My tickets")
    visitor.sees("Upcoming")
    visitor.sees_text("Awaiting payment")
    visitor.press("Complete payment")
    visitor.sees("Checkout")
    visitor.press("Release these seats")
    visitor.sees("Release these seats?")
    visitor.press("Yes, release them")
    visitor.sees_text("You have not been charged.")
    visitor.press("Choose seats again")
    visitor.sees_seat("C5", "free")


@pytest.mark.usefixtures("owner")
def test_ticket_is_for_its_owner_only(visitor: Visitor, visit: Callable[..., Visitor]) -> None:
    """Another customer with the address finds no booking, and no checkout for it."""
    address = visitor.page.url
    stranger = visit()
    stranger.has_account()
    stranger.expects_complaints("404")
    for path in (address, address.replace("/bookings/", "/checkout/")):
        stranger.page.goto(path)
        stranger.sees_text("Booking not found.")
        expect(stranger.page.get_by_role("img", name=re.compile("QR"))).to_have_count(0)
    stranger.open("/bookings")
    stranger.sees_text("No tickets yet")


@pytest.mark.usefixtures("owner")
def test_cancelled_showtime_is_refunded(visitor: Visitor, frontrow: Frontrow) -> None:
    cinema = frontrow.cinema
    cinema.owner.execute("update public.showtimes set status = 'cancelled' where id = %s", [cinema.showtime_id])
    eventually(lambda: cinema.rows("select from public.refunds r where r.showtime_id = %s", [cinema.showtime_id]))
    visitor.page.reload()
    visitor.sees_text("The cinema has cancelled this showtime. We’re sorry.")
    visitor.sees_text(re.compile("^€24.00 was sent to your bank on "))


def two(mails: list[EmailMessage]) -> list[EmailMessage] | None:
    return mails if len(mails) == 2 else None
