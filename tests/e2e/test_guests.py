"""Buying without an account: the ticket by the link of an email, and an account afterwards, if at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.test_devices import DESKTOP, PHONE, fits
from tests.e2e.test_forgotten_password import link_of, new_address
from tests.e2e.visitor import Visitor
from tests.http.frontrow import PASSWORD, Customer, Frontrow, Json, eventually

TICKET = r"/t/[2-9A-Z]{8}"


def bought(frontrow: Frontrow) -> tuple[Customer, Json]:
    """Buy two tickets as a new guest, over the wire."""
    guest = frontrow.stranger()
    answer = guest.post("/api/auth/guest")
    assert answer.status_code == 201, answer.text
    guest.keep(answer)
    guest.rpc("set_contact", email=guest.email, full_name="Ada Lovelace")
    booking = guest.book(2)
    frontrow.pay(guest.intent(booking))
    eventually(lambda: guest.booking(booking)["status"] == "confirmed")
    return guest, booking


@pytest.mark.parametrize("screen", [pytest.param(PHONE, id="phone"), pytest.param(DESKTOP, id="desktop")])
def test_a_guest_buys_and_has_the_ticket_on_another_device(
    visit: Callable[..., Visitor], screen: dict[str, Any]
) -> None:
    """By the link of the email; and in an account, which takes one password more."""
    email = new_address()
    guest = visit(**screen)
    guest.open_seats()
    if screen is PHONE:
        # The first tap comes closer, the next one chooses.
        guest.choose("C5")
        guest.gets_announcement("Zoomed in. Tap a seat to choose it.")
    guest.holds("C5", "C6")
    fits(guest, "seats of a guest")
    guest.goes_to_pay_as_guest(email)
    fits(guest, "checkout of a guest")
    assert guest.evaluate("document.querySelector('header').offsetHeight") <= 66
    guest.pays()
    guest.has_ticket()
    guest.sees_text(re.compile(f"We emailed your ticket to {re.escape(email)}"))
    fits(guest, "ticket of a guest")

    other = visit(**screen)
    link = link_of(guest.frontrow, email, TICKET)
    other.open(link)
    other.has_ticket()
    expect(other.page).to_have_url(guest.frontrow.page + link.partition("#")[0])
    expect(other.page.get_by_role("img", name=re.compile("^QR code for booking "))).to_be_visible()
    fits(other, "ticket by its link")
    other.page.reload()
    other.has_ticket()

    guest.fill(Password=PASSWORD)
    guest.press("Create account")
    guest.sees_text(f"Open the link we sent to {email} to confirm it.")
    other.open("/bookings")
    other.fill(Email_address=email, Password=PASSWORD)
    other.press_in_main("Sign in")
    other.sees("My tickets")
    expect(other.page.get_by_role("link", name="Nosferatu")).to_be_visible()


def test_a_guest_cancels_by_the_link(visitor: Visitor, frontrow: Frontrow) -> None:
    """After a question. A link that was never sent shows nothing."""
    guest, booking = bought(frontrow)
    visitor.open(link_of(frontrow, guest.email, TICKET))
    visitor.has_ticket()
    visitor.press("Cancel this booking")
    visitor.press("Cancel and refund €24.00")
    visitor.gets_announcement("Booking cancelled.")
    visitor.sees(re.compile("^Cancelled"))
    eventually(lambda: guest.booking(booking)["status"] in {"cancelled", "refunded"})
    visitor.expects_complaints("410")
    visitor.open(f"/t/{booking['reference']}#another")
    visitor.sees_text("This link does not open a ticket any more")


def test_proof_of_an_address_brings_what_was_bought_with_it(
    visitor: Visitor, visit: Callable[..., Visitor], frontrow: Frontrow
) -> None:
    """In an account that somebody opens elsewhere; not before it is proved, and by the link alone nowhere else."""
    guest, _ = bought(frontrow)
    visitor.open("/register?return=%2Fbookings")
    visitor.fill(Your_name="Ada Lovelace", Email_address=guest.email, Password=PASSWORD)
    visitor.press("Create account")
    visitor.press("Continue")
    visitor.sees_text("No tickets yet")

    other = visit()
    for complaint in ("403", "401"):
        other.expects_complaints(complaint)
    other.open(link_of(frontrow, guest.email, "/verify"))
    other.press("Confirm email address")
    other.sees_text("To confirm, enter the password you chose for this account.")
    visitor.page.reload()
    visitor.sees_text("No tickets yet")
    password = other.page.get_by_label("Password", exact=True)
    expect(password).to_be_focused()
    other.fill(Password="wrong horse battery")
    other.press("Confirm email address")
    expect(password).to_have_accessible_description("This password is incorrect.")
    other.fill(Password=PASSWORD)
    other.press("Confirm email address")
    other.sees_text(f"{guest.email} is confirmed.")
    visitor.page.reload()
    expect(visitor.page.get_by_role("link", name="Nosferatu")).to_be_visible()
