"""A second factor as people meet it: set up on the account page, asked for at sign-in, replaced by a recovery code."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import findings
from tests.e2e.visitor import Visitor
from tests.http.frontrow import PASSWORD
from tests.http.test_second_factor import code, set_up


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.slow), 360])
def test_second_factor_is_set_up_asked_for_and_turned_off(visit: Callable[..., Visitor], width: int) -> None:
    visitor = visit(width=width)
    customer = visitor.has_account()
    visitor.open("/account")
    visitor.press("Set up")
    visitor.fill(Current_password=PASSWORD)
    visitor.press("Next")
    expect(visitor.page.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    secret = visitor.page.get_by_text(re.compile(r"^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$")).inner_text().replace(" ", "")
    assert findings(visitor.page, f"second factor, {width}") == []
    visitor.fill(Code_shown_by_the_app=code(secret))
    visitor.press("Turn on")
    visitor.sees("Save your recovery codes")
    codes = visitor.page.get_by_role("list", name="Recovery codes").get_by_role("listitem").all_inner_texts()
    assert findings(visitor.page, f"recovery codes, {width}") == []
    with visitor.page.expect_download() as download:
        visitor.press("Download")
    assert download.value.suggested_filename == "frontrow-recovery-codes.txt"
    visitor.press("I have saved them")
    visitor.sees_text(f"{len(codes)} recovery codes left.")

    other = visit(width=width)
    other.expects_complaints("422")
    other.open("/sign-in?return=%2Faccount")
    other.fill(**{"Email address": customer.email}, Password=PASSWORD)
    other.press_in_main("Sign in")
    field = other.page.get_by_label("Code from your authenticator app", exact=True)
    expect(field).to_be_focused()
    assert findings(other.page, f"sign in, code, {width}") == []
    field.fill("000000")
    other.press_in_main("Sign in")
    expect(field).to_have_accessible_description(re.compile("^That code is wrong"))
    field.fill(code(secret, 1))
    other.press_in_main("Sign in")
    other.sees("Your account")
    other.press("Turn off")
    other.press("Use a recovery code instead")
    other.fill(Current_password=PASSWORD, Recovery_code=codes[0])
    other.press("Turn off two-step verification")
    other.gets_announcement("Two-step verification is off.")
    expect(other.page.get_by_role("button", name="Set up")).to_be_visible()


def test_staff_are_told_to_set_one_up_and_then_asked_for_its_code(
    visitor: Visitor, visit: Callable[..., Visitor]
) -> None:
    owner, customer = visitor.frontrow.cinema.owner, visitor.has_account()
    visitor.frontrow.prove(customer)
    owner.execute("update public.users set role = 'staff' where id = %s", [customer.id])
    owner.execute("update private.settings set staff_second_factor = true where true")
    try:
        visitor.open("/account")
        visitor.sees_text("Your cinema asks its staff to use it. Until then you have no staff permissions.")
        secret, _ = set_up(customer)
        other = visit()
        other.open("/sign-in?return=%2Faccount")
        other.fill(**{"Email address": customer.email}, Password=PASSWORD)
        other.press_in_main("Sign in")
        other.page.get_by_label("Code from your authenticator app", exact=True).fill(code(secret, 1))
        with other.page.expect_response("**/api/auth/second-factor") as answer:
            other.press_in_main("Sign in")
        assert answer.value.json()["user"]["role"] == "staff"
        other.sees("Your account")
    finally:
        owner.execute("update private.settings set staff_second_factor = default where true")
