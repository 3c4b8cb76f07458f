"""Reloading the page at any step leads back to that step."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.visitor import Visitor
from tests.http.frontrow import Frontrow

PAY = re.compile("^Pay ")


@pytest.fixture
def holder(visitor: Visitor) -> Visitor:
    """The visitor, who holds C5 and C6."""
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5", "C6")
    return visitor


@pytest.fixture
def payer(holder: Visitor) -> Visitor:
    """The visitor, before the card form."""
    holder.goes_to_pay()
    return holder


def test_the_list_of_films_with_its_filters(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    visitor.sees("Nosferatu")
    visitor.page.get_by_role("combobox", name="Theater").select_option(label="Scala, Wien")
    page.get_by_label("Search films").fill("murnau")
    expect(page).to_have_url(re.compile("q=murnau"))
    page.get_by_role("combobox", name="Language").select_option(label="Silent")
    page.get_by_role("navigation", name="Day").get_by_role("link").nth(3).click()
    expect(page).to_have_url(re.compile(r"\?(?=.*at=scala)(?=.*q=murnau)(?=.*language=zxx)(?=.*day=20)"))
    address = page.url
    page.reload()
    expect(page.get_by_role("combobox", name="Theater")).to_have_value("scala")
    expect(page.get_by_label("Search films")).to_have_value("murnau")
    expect(page.get_by_role("combobox", name="Language")).to_have_value("zxx")
    expect(page.get_by_role("navigation", name="Day").locator("[aria-current]")).to_have_count(1)
    expect(page.get_by_role("navigation", name="Day").get_by_role("link").nth(3)).to_have_attribute(
        "aria-current", "true"
    )
    assert page.url == address


def test_the_seat_map_with_seats_held(holder: Visitor) -> None:
    holder.page.reload()
    for seat in ("C5", "C6"):
        holder.sees_seat(seat, "yours")
    expect(holder.page.get_by_role("timer")).to_have_text(re.compile("^(10:00|9:[0-9]{2})$"))
    holder.goes_to_pay()


def test_the_checkout_before_paying(payer: Visitor) -> None:
    payer.page.reload()
    payer.sees("Checkout")
    payer.sees_text("€24.00")
    expect(payer.page.get_by_role("timer")).to_contain_text(re.compile("(10:00|9:[0-9]{2})"))
    payer.pays()
    payer.has_ticket()


def test_the_seat_map_while_a_booking_waits(payer: Visitor) -> None:
    """It leads back to the payment instead of letting other seats be chosen."""
    payer.open_seats()
    payer.sees_text("You have an unpaid order for this showtime")
    payer.sees_seat("C5", "yours")
    payer.page.reload()
    payer.press("Go to payment")
    payer.sees("Checkout")


def test_the_checkout_after_a_decline(payer: Visitor) -> None:
    """Stripe still knows why, and so the page does."""
    payer.expects_complaints("402")
    payer.pays("Insufficient funds")
    payer.sees_text("This card has insufficient funds. Please try another one.")
    payer.page.reload()
    payer.sees_text("This card has insufficient funds. Please try another one.")
    payer.pays()
    payer.has_ticket()


def test_the_page_of_the_bank(payer: Visitor) -> None:
    payer.pays("3-D Secure")
    payer.sees("3-D Secure test page")
    payer.page.reload()
    payer.sees("3-D Secure test page")
    payer.press("Complete")
    payer.has_ticket()


def test_the_checkout_in_the_middle_of_three_d_secure(payer: Visitor) -> None:
    """Back from the bank without an answer: the page knows that the attempt is unfinished, and another one pays."""
    checkout = payer.page.url
    payer.pays("3-D Secure")
    payer.sees("3-D Secure test page")
    payer.page.goto(checkout)
    payer.sees_text("Your bank has not confirmed the last attempt. Please pay again.")
    payer.page.reload()
    payer.sees_text("Your bank has not confirmed the last attempt. Please pay again.")
    payer.pays("Succeeds")
    payer.has_ticket()


@pytest.mark.parametrize("card", ["Succeeds", "3-D Secure"])
def test_between_paying_and_the_webhook(payer: Visitor, frontrow: Frontrow, card: str) -> None:
    frontrow.faults({"webhooks": [{"kind": "drop", "type": "payment_intent.succeeded", "probability": 1}]})
    payer.pays(card)
    if card == "3-D Secure":
        payer.press("Complete")
    payer.sees_text("Payment received. Booking your seats …")
    assert "?" not in payer.page.url  # the address is copied and remembered, and had Stripe's client secret
    payer.page.reload()
    payer.sees_text("Payment received. Booking your seats …")
    frontrow.faults(None)
    frontrow.resend("payment_intent.succeeded")
    payer.has_ticket()


def test_the_ticket(payer: Visitor) -> None:
    """Also in a new tab, and the way back in the history does not lead to the card form."""
    payer.pays()
    payer.has_ticket()
    address = payer.page.url
    payer.page.reload()
    payer.has_ticket()
    expect(payer.page.get_by_role("img", name=re.compile("QR"))).to_be_visible()
    tab = payer.tab()
    tab.page.goto(address)
    tab.has_ticket()
    payer.page.go_back()
    expect(payer.page.get_by_role("button", name=PAY)).to_have_count(0)
    payer.open_seats()
    payer.sees_seat("C5", "bought by you")
