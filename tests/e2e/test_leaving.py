"""Deleting an account on its page: at once, or when all that is open is over."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import findings
from tests.e2e.visitor import Visitor
from tests.http.frontrow import PASSWORD, eventually


def deletes(visitor: Visitor, password: str = PASSWORD) -> None:
    visitor.press("Delete account")
    visitor.fill(Current_password=password)
    visitor.press("Delete my account")


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.slow), 360])
def test_account_with_nothing_open_is_deleted_at_once(visit: Callable[..., Visitor], width: int) -> None:
    """Past a wrong password. Nobody is signed in after it, and nobody can be."""
    visitor = visit(width=width)
    visitor.expects_complaints("401")
    customer = visitor.has_account()
    # Until its email has left, something is open.
    eventually(lambda: visitor.frontrow.all_mails(customer.email))
    visitor.open("/account")
    deletes(visitor, "wrong horse battery")
    password = visitor.page.get_by_label("Current password", exact=True)
    expect(password).to_have_accessible_description("This password is incorrect.")
    assert findings(visitor.page, f"delete account, {width}") == []
    visitor.fill(Current_password=PASSWORD)
    visitor.press("Delete my account")
    visitor.sees_text(re.compile("^Your account (has been|will be) deleted"))
    assert findings(visitor.page, f"goodbye, {width}") == []
    visitor.open("/account")
    visitor.sees("Sign in")


def test_account_with_a_ticket_is_kept_by_signing_in(visitor: Visitor) -> None:
    customer = visitor.has_account()
    booking = customer.book(1)
    visitor.frontrow.pay(customer.intent(booking))
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    visitor.open("/account")
    deletes(visitor)
    visitor.sees_text(re.compile("^Your account will be deleted after "))
    visitor.open("/bookings")
    visitor.fill(**{"Email address": customer.email}, Password=PASSWORD)
    visitor.press_in_main("Sign in")
    visitor.sees("My tickets")
    expect(visitor.page.get_by_role("link", name="Nosferatu")).to_be_visible()
