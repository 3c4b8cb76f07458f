"""Accounts: registering, signing in and out, and coming without one."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.test_forgotten_password import new_address
from tests.e2e.visitor import Visitor
from tests.http.frontrow import PASSWORD, Frontrow


def test_password_rules_are_shown_in_advance(visitor: Visitor) -> None:
    visitor.open("/register")
    password = visitor.page.get_by_label("Password", exact=True)
    expect(password).to_have_accessible_description(re.compile("^10 to 200 characters"))
    visitor.fill(Your_name="Ada Lovelace", **{"Email address": new_address()}, Password="short")
    visitor.press("Create account")
    expect(password).to_have_accessible_description(re.compile("Choose a password of 10 to 200 characters."))
    expect(password).to_be_focused()

    visitor.fill(Password=PASSWORD)
    visitor.press("Create account")
    visitor.sees_text("Check your email")
    visitor.press("Continue")
    visitor.sees("What’s on")
    visitor.press("Account")
    visitor.sees_text("Ada Lovelace")


def test_a_name_is_changed_in_every_tab(visitor: Visitor) -> None:
    visitor.has_account()
    visitor.open("/account")
    tab = visitor.tab()
    tab.open("/account")
    visitor.press("Change name")
    visitor.fill(Your_name="Ada King")
    visitor.press("Save name")
    visitor.gets_announcement("Name changed.")
    visitor.sees_text("Ada King")
    tab.sees_text("Ada King")
    tab.page.reload()
    tab.sees_text("Ada King")


def test_a_stranger_signs_in_and_comes_back(visitor: Visitor, frontrow: Frontrow) -> None:
    """To the page that was asked for, past a wrong password; a reload and another tab know who it is."""
    customer = frontrow.register()
    visitor.expects_complaints("401")
    visitor.open("/bookings?from=newsletter")
    visitor.sees("Sign in")
    visitor.fill(**{"Email address": customer.email}, Password="wrong horse battery")
    visitor.press_in_main("Sign in")
    visitor.gets_announcement("Incorrect email address or password.")
    visitor.fill(Password=PASSWORD)
    visitor.press_in_main("Sign in")
    visitor.sees("My tickets")
    visitor.is_at("/bookings?from=newsletter")
    visitor.gets_announcement("Signed in as Ada Lovelace.")
    visitor.page.reload()
    visitor.sees_text("No tickets yet")
    tab = visitor.tab()
    tab.open("/account")
    tab.sees_text(customer.email)


def test_guest_keeps_the_held_seat_after_sign_in(visitor: Visitor, frontrow: Frontrow) -> None:
    """Until the same time, over signing in, and over changing his mind about having an account."""
    customer = frontrow.register()
    held = "select upper(l.held) as until, l.user_id from public.seat_locks l where l.showtime_id = %s"
    visitor.open_seats()
    visitor.holds("D4")
    [before] = frontrow.cinema.rows(held, [frontrow.cinema.showtime_id])
    visitor.press("Sign in")
    visitor.sees("Sign in")
    visitor.press("Create an account")
    visitor.sees("Create an account")
    visitor.page.get_by_role("main").get_by_role("link", name="Sign in").click()
    visitor.fill(**{"Email address": customer.email}, Password=PASSWORD)
    visitor.press_in_main("Sign in")
    visitor.is_at(f"/showtimes/{frontrow.cinema.showtime_id}")
    visitor.sees_seat("D4", "yours")
    [after] = frontrow.cinema.rows(held, [frontrow.cinema.showtime_id])
    assert (after["until"], str(after["user_id"])) == (before["until"], customer.id)


def test_signing_out_ends_it_in_every_tab(visitor: Visitor) -> None:
    visitor.has_account()
    visitor.open("/account")
    tab = visitor.tab()
    tab.open("/bookings")
    tab.sees_text("No tickets yet")
    visitor.press("Sign out")
    visitor.gets_announcement("Signed out.")
    tab.sees("Sign in")
    tab.page.reload()
    tab.sees("Sign in")


def test_signing_out_on_all_devices(visitor: Visitor, visit: Callable[..., Visitor]) -> None:
    """The other browser learns that its session has ended with its next request that needs one."""
    customer = visitor.has_account()
    visitor.open("/account")
    other = visit()
    other.expects_complaints("401")
    other.enters_as(customer)
    other.open("/bookings")
    other.sees_text("No tickets yet")
    visitor.press("Sign out on all devices")
    visitor.gets_announcement("Signed out.")
    other.page.reload()
    other.sees("Sign in")
    visitor.page.reload()
    visitor.press("Sign in")
    visitor.sees("Sign in")


def test_taken_address_signs_in_instead(visitor: Visitor, frontrow: Frontrow) -> None:
    """The page says of it what it says of any, and leads on with the address, and to the page that was asked for."""
    known = frontrow.register()
    visitor.open("/register?return=%2Fbookings")
    visitor.fill(Your_name="Ada Lovelace", **{"Email address": known.email}, Password=PASSWORD)
    visitor.press("Create account")
    visitor.sees_text(f"Open the link we sent to {known.email} to confirm it.")
    visitor.press("Sign in instead")
    visitor.sees("Sign in")
    expect(visitor.page.get_by_label("Email address", exact=True)).to_have_value(known.email)
    visitor.fill(Password=PASSWORD)
    visitor.press_in_main("Sign in")
    visitor.is_at("/bookings")


def test_typed_password_is_shown_on_demand(visitor: Visitor) -> None:
    """And by the keyboard; Enter still sends the form instead of showing it."""
    visitor.expects_complaints("401")
    visitor.open("/sign-in")
    visitor.fill(**{"Email address": "nobody@example.com"}, Password="wrong horse battery")
    password = visitor.page.get_by_label("Password", exact=True)
    password.press("Tab")
    show = visitor.page.get_by_role("button", name="Show password", exact=True)
    expect(show).to_be_focused()
    visitor.page.keyboard.press("Space")
    expect(show).to_have_attribute("aria-pressed", "true")
    expect(password).to_have_attribute("type", "text")
    password.press("Enter")
    visitor.gets_announcement("Incorrect email address or password.")
    expect(password).to_have_attribute("type", "password")
