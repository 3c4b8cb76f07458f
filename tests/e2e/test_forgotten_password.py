"""What people do about an account by the links of emails, and on its page: password, address, devices, data."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.visitor import Visitor
from tests.http.frontrow import PASSWORD, Customer, Frontrow, eventually

ANOTHER_PASSWORD = "staple battery horse"


def link_of(frontrow: Frontrow, recipient: str, page: str, among: int = 1) -> str:
    """Wait for so many emails with a link to that page, and return the newest: /reset#token."""
    pattern = re.compile(rf"{re.escape(frontrow.page)}({page}#[\w-]+)")

    def links() -> list[str]:
        bodies = [mail.get_body(("plain",)) for mail in frontrow.all_mails(recipient)]
        return [link for body in bodies if body for link in pattern.findall(body.get_content())]

    return eventually(lambda: links()[among - 1 :])[-1]


def new_address() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.slow), 360])
def test_forgotten_password_is_replaced_by_the_link_of_an_email(visit: Callable[..., Visitor], width: int) -> None:
    """From the form that asks for it to the page that was wanted; the link counts once."""
    visitor = visit(width=width)
    customer = visitor.frontrow.register()
    visitor.open("/account")
    visitor.sees("Sign in")
    visitor.fill(**{"Email address": customer.email})
    visitor.press("Forgot your password?")
    visitor.sees("Forgot your password?")
    address = visitor.page.get_by_label("Email address", exact=True)
    expect(address).to_have_value(customer.email)
    visitor.press("Send link")
    visitor.sees_text(f"If {customer.email} has an account, we have sent it a link. It is good for 30 minutes.")

    link = link_of(visitor.frontrow, customer.email, "/reset")
    visitor.open(link)
    visitor.sees("Choose a new password")
    expect(visitor.page).to_have_url(f"{visitor.frontrow.page}/reset")
    visitor.fill(New_password=ANOTHER_PASSWORD)
    visitor.sees_text("Strong.")
    visitor.press("Change password")
    visitor.sees_text("Password changed. Sign in with your new password.")
    expect(address).to_have_value(customer.email)
    visitor.fill(Password=ANOTHER_PASSWORD)
    visitor.press_in_main("Sign in")
    visitor.sees("What’s on")

    visitor.expects_complaints("410")
    visitor.open(link)
    visitor.fill(New_password=PASSWORD)
    visitor.press("Change password")
    visitor.sees_text("This link has expired or was used already")
    visitor.press("Send a new link")
    visitor.sees("Forgot your password?")


def test_forgetting_says_the_same_of_an_unknown_address(visitor: Visitor) -> None:
    visitor.open("/forgot")
    visitor.fill(**{"Email address": (stranger := new_address())})
    visitor.press("Send link")
    visitor.sees_text(f"If {stranger} has an account, we have sent it a link. It is good for 30 minutes.")


def test_reset_signs_out_every_device(visitor: Visitor, visit: Callable[..., Visitor]) -> None:
    customer = visitor.has_account()
    visitor.open("/account")
    visitor.press("Change password")
    visitor.page.get_by_role("link", name="Forgot your password?").click()
    visitor.press("Send link")
    visitor.sees_text(f"If {customer.email} has an account")
    other = visit()
    other.open(link_of(visitor.frontrow, customer.email, "/reset"))
    other.fill(New_password=ANOTHER_PASSWORD)
    other.press("Change password")
    other.sees("Sign in")
    visitor.expects_complaints("401")
    visitor.open("/account")
    visitor.sees("Sign in")


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.slow), 360])
def test_address_is_changed_by_the_link_of_an_email(visit: Callable[..., Visitor], width: int) -> None:
    """Past a wrong password; the link asks for the password on a device where nobody is signed in."""
    visitor = visit(width=width)
    customer = visitor.has_account()
    address = new_address()
    visitor.expects_complaints("401")
    visitor.open("/account")
    visitor.press("Change email address")
    visitor.fill(**{"New email address": address, "Current password": "wrong horse battery"})
    visitor.press("Send link")
    password = visitor.page.get_by_label("Current password", exact=True)
    expect(password).to_have_accessible_description("This password is incorrect.")
    expect(password).to_be_focused()
    visitor.fill(**{"Current password": PASSWORD})
    visitor.press("Send link")
    visitor.sees_text(f"We have sent a link to {address}.")
    visitor.sees_text(customer.email)

    other = visit(width=width)
    other.expects_complaints("403")
    other.open(link_of(visitor.frontrow, address, "/verify"))
    other.press("Confirm email address")
    other.fill(Password=PASSWORD)
    other.press("Confirm email address")
    other.sees_text(f"Your email address is now {address}.")
    other.page.get_by_role("main").get_by_role("link", name="Sign in").click()
    expect(other.page.get_by_label("Email address", exact=True)).to_have_value(address)
    other.fill(Password=PASSWORD)
    other.press_in_main("Sign in")
    other.sees("What’s on")
    visitor.page.reload()
    visitor.sees_text(address)
    visitor.sees_text(re.compile("^Confirmed$"))


def test_address_is_proven_by_a_button(visitor: Visitor, frontrow: Frontrow) -> None:
    """Not by opening the link, as mail servers do; the link of the email that was sent again counts.

    Where the account is signed in to, that is enough.
    """
    customer = visitor.has_account()
    visitor.open("/account")
    visitor.sees_text("Not confirmed yet")
    visitor.press("Send the link again")
    visitor.sees_text(f"We have sent a link to {customer.email}.")
    visitor.open(link_of(frontrow, customer.email, "/verify", among=2))
    visitor.sees("Confirm your email address")
    expect(visitor.page).to_have_url(f"{frontrow.page}/verify")
    tab = visitor.tab()
    tab.open("/account")
    tab.sees_text("Not confirmed yet")
    visitor.press("Confirm email address")
    visitor.sees_text(f"{customer.email} is confirmed.")
    visitor.press("Go to your account")
    visitor.sees_text(re.compile("^Confirmed$"))


def test_changed_password_ends_other_sessions(visitor: Visitor, visit: Callable[..., Visitor]) -> None:
    customer = visitor.has_account()
    other = visit()
    signed_in(other, customer)
    visitor.open("/account")
    visitor.press("Change password")
    visitor.fill(**{"Current password": PASSWORD, "New password": ANOTHER_PASSWORD})
    visitor.press("Save password")
    visitor.gets_announcement("Password changed. Your other devices were signed out.")
    visitor.page.reload()
    visitor.sees("Your account")
    other.page.reload()
    other.sees("Sign in")


def test_device_is_signed_out_from_another(visitor: Visitor, visit: Callable[..., Visitor]) -> None:
    customer = visitor.has_account()
    other = visit()
    signed_in(other, customer)
    visitor.open("/account")
    visitor.sees_text("This device")
    visitor.press(re.compile("^Sign out Chrome on "))
    visitor.gets_announcement(re.compile(r"^Chrome on .* was signed out\.$"))
    expect(visitor.page.get_by_role("button", name=re.compile("^Sign out Chrome on "))).to_have_count(0)
    other.page.reload()
    other.sees("Sign in")
    visitor.page.reload()
    visitor.sees("Your account")


def test_own_data_are_downloaded(visitor: Visitor, tmp_path: Path) -> None:
    customer = visitor.has_account()
    visitor.open("/account")
    with visitor.page.expect_download() as download:
        visitor.press("Download my data")
    assert re.fullmatch(r"frontrow-my-data-\d{4}-\d\d-\d\d\.json", download.value.suggested_filename)
    download.value.save_as(file := tmp_path / "data.json")
    data = json.loads(file.read_text())
    assert data["account"]["email"] == customer.email
    assert [session["end_reason"] for session in data["sessions"]] == [None, None]


def signed_in(visitor: Visitor, customer: Customer) -> None:
    """Sign a customer in there and show the account, until the server ends it."""
    visitor.expects_complaints("401")
    visitor.enters_as(customer)
    visitor.open("/account")
    visitor.sees_text(customer.email)
