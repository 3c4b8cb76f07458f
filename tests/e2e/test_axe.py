"""axe-core on every page and in every state that people meet, by day and by night, at a desk and on a phone.

Each walk goes through the states of one page and names each when it stands before it. Where the one layout lacks a
state, the walk passes it by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.axe import findings
from tests.e2e.test_forgotten_password import new_address
from tests.e2e.visitor import Visitor
from tests.http.frontrow import PASSWORD, Customer, eventually

Walk = Callable[[Visitor], Iterator[str]]

NO_CONNECTION = "Failed to load resource"
READS_OF_FILMS = "**/rest/v1/rpc/{whats_on,movie}?*"


def films(visitor: Visitor) -> Iterator[str]:
    page = visitor.page
    unanswered = hold(page, READS_OF_FILMS)
    visitor.open("/")
    visitor.sees("What’s on")
    yield "films, being read"
    for route in unanswered:
        route.continue_()
    page.unroute(READS_OF_FILMS)
    visitor.sees_text(re.compile(r"^\d+ films$"))
    yield "films"
    if is_phone(page):
        visitor.press("Filters")
    page.get_by_role("combobox", name="Genre").select_option(value="horror")
    visitor.sees("The Cabinet of Dr. Caligari")
    yield "films, filtered"
    visitor.open("/?q=zardoz")
    visitor.sees_text("No films match")
    yield "films, none fits"
    page.get_by_role("link", name="Tomorrow").click()
    visitor.press("Clear filters")
    visitor.sees_text(re.compile(r"^\d+ films$"))
    yield "films of one day"


def films_out_of_reach(visitor: Visitor) -> Iterator[str]:
    visitor.expects_complaints(NO_CONNECTION)
    visitor.page.route(READS_OF_FILMS, lambda route: route.abort())
    visitor.open("/")
    visitor.sees_text("We couldn’t load the films", timeout=30_000)
    yield "films, not loaded"
    visitor.open("/films/metropolis")
    visitor.sees_text("We couldn’t load this film", timeout=30_000)
    yield "film, not loaded"


def film(visitor: Visitor) -> Iterator[str]:
    unanswered = hold(visitor.page, READS_OF_FILMS)
    visitor.open("/films/metropolis")
    visitor.sees("Film")
    yield "film, being read"
    for route in unanswered:
        route.continue_()
    visitor.page.unroute(READS_OF_FILMS)
    visitor.sees("Showtimes")
    yield "film"
    visitor.expects_complaints(NO_CONNECTION)  # the browser's own, of a 404
    visitor.open("/films/a-film-that-never-was")
    visitor.sees("Film not found")
    yield "film, unknown"


def seats_of_a_guest(visitor: Visitor) -> Iterator[str]:
    cinema, page = visitor.frontrow.cinema, visitor.page
    cinema.lock(cinema.customer("Bob"), 3, 4, 5)
    cinema.buy(cinema.customer("Eve"), 40, 41)
    visitor.open_seats()
    visitor.sees_seat("A4", "on hold")
    yield "seats, guest"
    visitor.press("Zoom in")
    visitor.press("Zoom in")
    yield "seats, zoomed"
    visitor.press("List")
    yield "seats, as a list"
    page.context.set_offline(True)
    visitor.sees_text(re.compile("^You are offline"))
    yield "seats, offline"


def seats_of_mine(visitor: Visitor) -> Iterator[str]:
    cinema, page = visitor.frontrow.cinema, visitor.page
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C4", "C5")
    yield "seats, held"
    if is_phone(page):
        visitor.press("Show seats")
        yield "seats, sheet open"
        visitor.press("Hide seats")
    visitor.press("List")
    yield "seats, list with mine"
    visitor.press("Map")
    visitor.expects_complaints("409")
    rival = cinema.customer("Bob")
    page.route("**/rpc/lock_seats", lambda route: (cinema.lock(rival, 27), route.continue_()), times=1)
    visitor.choose("C4")
    visitor.choose("C4")
    visitor.sees_text(re.compile("was just taken"))
    yield "seats, one was taken"
    visitor.open("/")
    visitor.sees("What’s on")
    visitor.press(re.compile("Back to your seats"))
    visitor.goes_to_pay()
    visitor.open_seats()
    visitor.sees_text("You have an unpaid order for this showtime")
    yield "seats, being paid for"


def held_elsewhere(visitor: Visitor) -> Iterator[str]:
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C4", "C5")
    visitor.open("/sitemap")
    visitor.sees("Page not found")
    expect(visitor.page.get_by_role("complementary")).to_be_visible()
    yield "the way back to held seats"


def seats_not_sold(visitor: Visitor) -> Iterator[str]:
    cinema = visitor.frontrow.cinema
    small = cinema.add_auditorium(f"Saal {cinema.showtime_id}", 2, 3)
    gone, begun, cancelled = (cinema.add_showtime(when, small) for when in ("60 hours", "-10 minutes", "80 hours"))
    everybody = cinema.customer("Eve")
    everybody.call("lock_seats", showtime_id=gone, seat_ids=cinema.seats_of(small))
    cinema.owner.execute("update public.showtimes set status = 'cancelled' where id = %s", [cancelled])
    for showtime, title in {gone: "Sold out", begun: "no longer on sale", cancelled: "has been cancelled"}.items():
        visitor.open(f"/showtimes/{showtime}")
        visitor.sees_text(re.compile(title))
        yield f"seats, {title}"
    visitor.expects_complaints("status of 404")
    visitor.open("/showtimes/999999999")
    visitor.sees("Showtime not found")
    yield "seats, unknown"


def seats_out_of_reach(visitor: Visitor) -> Iterator[str]:
    visitor.expects_complaints(NO_CONNECTION)
    visitor.page.route("**/rpc/seat_states*", lambda route: route.abort())
    visitor.open(f"/showtimes/{visitor.frontrow.cinema.showtime_id}")
    visitor.sees("Nosferatu")
    yield "seats, being read"
    visitor.sees_text("We couldn’t load the seat map", timeout=30_000)
    yield "seats, not read"


def auth_forms(visitor: Visitor) -> Iterator[str]:
    visitor.open("/sign-in")
    visitor.sees("Sign in")
    yield "sign in"
    button(visitor, "Sign in").click()
    visitor.sees_text("Enter your password.")
    yield "sign in, nothing filled in"
    visitor.expects_complaints("401")
    visitor.fill(**{"Email address": "nobody@example.com"}, Password=PASSWORD)
    button(visitor, "Sign in").click()
    visitor.sees_text(re.compile("Incorrect email address or password"))
    yield "sign in, refused"
    visitor.press("Create an account")
    visitor.sees("Create an account")
    yield "register"
    visitor.press("Create account")
    visitor.sees_text(re.compile("^Choose a password"))
    yield "register, nothing filled in"
    visitor.fill(Password="password2026!")
    visitor.sees_text(re.compile("^Weak"))
    visitor.press("Show password")
    yield "register, a weak password shown"
    visitor.fill(Your_name="Ada", Email_address=new_address(), Password=PASSWORD)
    visitor.press("Create account")
    visitor.sees_text("Check your email")
    yield "register, done"


def links_of_emails(visitor: Visitor) -> Iterator[str]:
    visitor.open("/forgot")
    visitor.sees("Forgot your password?")
    visitor.press("Send link")
    visitor.sees_text("Enter a valid email address.")
    yield "forgot, nothing filled in"
    visitor.fill(**{"Email address": "nobody@example.com"})
    visitor.press("Send link")
    visitor.sees_text(re.compile("^If nobody@example.com has an account"))
    yield "forgot, sent"
    visitor.expects_complaints("410")
    visitor.open("/reset#a-link-that-was-never-sent")
    visitor.sees("Choose a new password")
    yield "reset"
    visitor.fill(New_password=PASSWORD)
    visitor.press("Change password")
    visitor.sees_text("This link has expired or was used already")
    yield "reset, too late"
    visitor.open("/verify#a-link-that-was-never-sent")
    visitor.sees("Confirm your email address")
    yield "verify"
    visitor.press("Confirm email address")
    visitor.sees_text("This link has expired or was used already")
    yield "verify, too late"
    visitor.open("/verify")
    visitor.sees_text("This link is not complete")
    yield "verify, without a token"


def account(visitor: Visitor) -> Iterator[str]:
    visitor.has_account()
    visitor.open("/account")
    visitor.sees("Your account")
    visitor.sees_text("This device")
    visitor.sees_text("Not confirmed yet")
    yield "account"
    for form in ("Change name", "Change email address", "Change password"):
        visitor.press(form)
    expect(visitor.page.get_by_role("button", name="Cancel")).to_have_count(3)
    yield "account, every form open"
    visitor.expects_complaints(NO_CONNECTION)
    visitor.page.route("**/api/auth/refresh", lambda route: route.abort())
    visitor.page.reload()
    visitor.sees_text("We can’t check your sign-in")
    yield "account, nobody answers"


def guest(visitor: Visitor) -> Iterator[str]:
    visitor.open_seats()
    visitor.holds("C4")
    visitor.press("Continue to payment")
    visitor.sees("Your details")
    yield "checkout, guest"
    visitor.press("Continue to payment")
    visitor.sees_text("Enter a valid email address.")
    yield "checkout, guest, nothing filled in"
    visitor.open("/account")
    visitor.press("Delete my data")
    visitor.sees_text("Delete your name and your email address?")
    yield "account, guest"
    visitor.open("/bookings")
    visitor.sees_text("Awaiting payment")
    yield "bookings, guest"
    visitor.expects_complaints("410")
    visitor.open("/t/ABCD2345#a-link-that-was-never-sent")
    visitor.sees_text("This link does not open a ticket any more")
    yield "ticket, of no link"


def checkout(visitor: Visitor) -> Iterator[str]:
    begins_to_pay(visitor)
    yield "checkout"
    visitor.press(re.compile("^Pay "))
    visitor.sees_text("Enter the 3 or 4 digits.")
    yield "checkout, nothing filled in"
    visitor.expects_complaints("402")
    visitor.pays("Declined")
    visitor.sees_text("Payment declined")
    yield "checkout, declined"
    visitor.press("Release these seats")
    visitor.sees("Release these seats?")
    yield "checkout, the question before it is given up"
    visitor.press("Yes, release them")
    visitor.sees_text("You released the seats")
    yield "checkout, given up"
    visitor.expects_complaints("404")
    visitor.open("/bookings/00000000-0000-4000-8000-000000000000")
    visitor.sees_text("Booking not found.")
    yield "booking, unknown"


def checkout_too_late(visitor: Visitor) -> Iterator[str]:
    booking = begins_to_pay(visitor)
    visitor.frontrow.let_run_out(booking)
    visitor.sees_text("Time’s up", timeout=30_000)
    yield "checkout, time over"
    visitor.open(f"/bookings/{booking['id']}")
    visitor.sees("Not paid in time")
    yield "booking, expired"


def checkout_paid_too_late(visitor: Visitor) -> Iterator[str]:
    frontrow, cinema = visitor.frontrow, visitor.frontrow.cinema
    frontrow.faults({"webhooks": [{"kind": "drop", "probability": 1}]})
    booking = begins_to_pay(visitor)
    visitor.pays("Succeeds")
    visitor.sees_text(re.compile("^Payment received. Booking"))
    yield "checkout, waiting for Stripe's word"
    # A sweep would cancel the payment intent, and so learn that it was paid.
    with frontrow.no_sweep():
        frontrow.let_run_out(booking)
        cinema.lock(cinema.customer("Bob"), 27, 28)
        visitor.sees_text("Your payment arrived after your hold had expired", timeout=30_000)
        yield "checkout, late"
    frontrow.faults(None)
    visitor.sees_text("Nothing was booked, and you will be refunded", timeout=30_000)
    yield "checkout, money goes back"


def ticket(visitor: Visitor) -> Iterator[str]:
    customer = visitor.has_account()
    booking = bought(visitor, customer)
    visitor.open(f"/bookings/{booking['id']}")
    expect(visitor.page.get_by_role("img", name=re.compile("^QR code for booking "))).to_be_visible()
    yield "ticket"
    visitor.press("Email it again")
    visitor.sees_text(re.compile("^Your ticket is on its way"))
    yield "ticket, sent again"
    visitor.press("Cancel this booking")
    visitor.sees("Cancel this booking?")
    yield "ticket, the question before it is cancelled"
    visitor.press(re.compile("^Cancel and refund"))
    visitor.sees(re.compile("^Cancelled"))
    yield "booking, cancelled"


def bookings(visitor: Visitor) -> Iterator[str]:
    customer = visitor.has_account()
    visitor.open("/bookings")
    visitor.sees_text("No tickets yet")
    yield "bookings, none"
    cancelled = bought(visitor, customer)
    customer.rpc("cancel_booking", booking_id=cancelled["id"])
    pending = customer.book(1)
    visitor.page.reload()
    visitor.sees("Past and cancelled")
    yield "bookings"
    visitor.open(f"/bookings/{pending['id']}")
    visitor.sees_text("Complete payment")
    yield "booking, pending"


def nowhere(visitor: Visitor) -> Iterator[str]:
    visitor.open("/nowhere")
    visitor.sees("Page not found")
    yield "an address that is none"
    visitor.expects_complaints("page-|dynamically imported|Failed to")
    visitor.page.route(re.compile(r"/assets/sign-in-page-"), lambda route: route.abort())
    visitor.press("Sign in")
    visitor.sees("Something went wrong")
    yield "a page that broke"


WALKS: list[Walk] = [
    films,
    films_out_of_reach,
    film,
    seats_of_a_guest,
    seats_of_mine,
    held_elsewhere,
    seats_not_sold,
    seats_out_of_reach,
    auth_forms,
    links_of_emails,
    account,
    guest,
    checkout,
    checkout_too_late,
    checkout_paid_too_late,
    ticket,
    bookings,
    nowhere,
]


@pytest.mark.slow  # the flow tests look at most of these states, too (test_devices.py)
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.__name__)
def test_axe_finds_nothing_in_any_state(visit: Callable[..., Visitor], walk: Walk, width: int) -> None:
    visitor = visit(width=width)
    found = [finding for state in walk(visitor) for finding in findings(visitor.page, f"{state}, {width}")]
    assert not found, "\n".join(map(str, found))


def test_axe_finds_a_planted_violation(visitor: Visitor) -> None:
    """The control: a picture without a text, and text that only the dark scheme swallows."""
    visitor.open("/nowhere")
    visitor.sees("Page not found")
    visitor.evaluate(
        """() => document.querySelector('main').insertAdjacentHTML('beforeend',
        '<img src="/favicon.svg"><p style="color: #333">Black as the night</p>')"""
    )
    found = findings(visitor.page, "a mutant")
    assert {(finding.rule, finding.where) for finding in found} == {
        ("image-alt", "a mutant, light"),
        ("color-contrast", "a mutant, dark"),
    }
    assert {finding.impact for finding in found} == {"critical", "serious"}


# What the walks have in common ----------------------------------------------------------------------------------------


def is_phone(page: Page) -> bool:
    return page.evaluate("innerWidth") < 640


def button(visitor: Visitor, name: str) -> Any:
    """A button where a link of the same name stands on the page, too."""
    return visitor.page.get_by_role("main").get_by_role("button", name=name, exact=True)


def hold(page: Page, pattern: str) -> list[Route]:
    """Let questions wait for their answer."""
    held: list[Route] = []
    page.route(pattern, lambda route: held.append(route))
    return held


def begins_to_pay(visitor: Visitor) -> dict[str, Any]:
    """A new customer at the checkout with two seats of row C: the booking."""
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C4", "C5")
    visitor.goes_to_pay()
    return {"id": visitor.page.url.rsplit("/", 1)[1]}


def bought(visitor: Visitor, customer: Customer) -> dict[str, Any]:
    booking = customer.book(2)
    visitor.frontrow.pay(customer.intent(booking))
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    return booking
