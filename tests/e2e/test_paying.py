"""Paying: each answer of the bank, and what the page shows for it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.visitor import Visitor
from tests.http.frontrow import Customer, Frontrow, eventually

PAY = re.compile("^Pay ")
DECLINED = "Payment declined"


@pytest.fixture
def payer(visitor: Visitor) -> Customer:
    """The visitor stands before the card form, for C5 and C6."""
    customer = visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5", "C6")
    visitor.goes_to_pay()
    visitor.sees_text("€24.00")
    return customer


@pytest.mark.usefixtures("payer")
def test_a_decline_and_then_a_success(visitor: Visitor, frontrow: Frontrow) -> None:
    visitor.expects_complaints("402")
    visitor.pays("Declined")
    visitor.gets_announcement(DECLINED)
    visitor.sees_text("Your bank declined the card. Please try another one.")
    visitor.sees_text("You have not been charged. Your seats are held until the timer runs out.")
    visitor.pays("Insufficient funds")
    visitor.sees_text("This card has insufficient funds. Please try another one.")
    visitor.pays("Succeeds")
    visitor.has_ticket()
    assert charges(frontrow) == ["failed", "failed", "succeeded"]


@pytest.mark.usefixtures("payer")
def test_three_d_secure_approved(visitor: Visitor, frontrow: Frontrow) -> None:
    visitor.pays("3-D Secure")
    visitor.sees("3-D Secure test page")
    visitor.sees_text("EUR 24.00")
    visitor.press("Complete")
    visitor.has_ticket()
    assert charges(frontrow) == ["succeeded"]


@pytest.mark.usefixtures("payer")
def test_three_d_secure_failed_and_then_another_card(visitor: Visitor, frontrow: Frontrow) -> None:
    visitor.pays("3-D Secure")
    visitor.press("Fail")
    visitor.sees("Checkout")
    visitor.gets_announcement(DECLINED)
    visitor.sees_text("Your bank could not confirm your identity. Please try again or use another card.")
    visitor.pays("Succeeds")
    visitor.has_ticket()
    assert charges(frontrow)[-1] == "succeeded"


@pytest.mark.usefixtures("payer")
def test_a_double_click_pays_once(visitor: Visitor, frontrow: Frontrow) -> None:
    confirmed: list[str] = []
    visitor.page.on("request", lambda r: confirmed.append(r.url) if r.url.endswith("/confirm") else None)
    visitor.press("Succeeds")
    visitor.page.get_by_role("button", name=PAY).dblclick()
    visitor.has_ticket()
    assert len(confirmed) == 1
    assert charges(frontrow) == ["succeeded"]


@pytest.mark.usefixtures("payer")
def test_two_tabs_pay_once(visitor: Visitor, frontrow: Frontrow) -> None:
    """The form stands open in two tabs. The one that comes second leads to the ticket, too, and charges nothing."""
    second = visitor.tab()
    second.page.goto(visitor.page.url)
    pay = second.page.get_by_role("button", name=PAY)
    expect(pay).to_be_enabled()
    visitor.pays()
    visitor.has_ticket()
    second.has_ticket()
    assert charges(frontrow) == ["succeeded"]


def test_back_from_the_bank_and_signed_out_no_address_has_the_client_secret(visitor: Visitor) -> None:
    """A sign-in repeats in its own address where it leads back to: the secret must be gone before anything reads it."""
    visitor.open("/checkout/b7?payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_x&redirect_status=ok")
    visitor.page.wait_for_url("**/sign-in?return=*")
    assert visitor.page.url.endswith("/sign-in?return=%2Fcheckout%2Fb7")


@pytest.mark.usefixtures("payer")
def test_a_card_that_is_mistyped_is_sent_nowhere(visitor: Visitor) -> None:
    sent: list[str] = []
    visitor.page.on("request", lambda r: sent.append(r.url) if r.url.endswith("/confirm") else None)
    visitor.types_card("4242 4242 4242 4241", expiry="01/20", cvc="1")
    visitor.page.get_by_role("button", name=PAY).click()
    number = visitor.page.get_by_label("Card number")
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(number).to_be_focused()
    visitor.sees_text("This card has expired.")
    visitor.sees_text("Enter the 3 or 4 digits.")
    assert sent == []


@pytest.mark.usefixtures("payer")
def test_stripe_does_not_answer(visitor: Visitor, frontrow: Frontrow) -> None:
    """The answer to the payment is lost, and the page does not call it declined; the ticket opens all the same."""
    # Chromium itself may try once more, and then learns that the payment has succeeded.
    visitor.expects_complaints("ERR_EMPTY_RESPONSE|ERR_CONNECTION|400")
    frontrow.faults(
        {
            "api": [{"kind": "drop", "when": "after", "next": 1, "path": "/confirm$"}],
            "webhooks": [{"kind": "delay", "seconds": 2, "probability": 1}],
        }
    )
    visitor.pays()
    visitor.has_ticket()
    assert charges(frontrow) == ["succeeded"]


def charges(frontrow: Frontrow) -> list[str]:
    """Return how the attempts to pay for the test's showtime ended, in order."""
    [payment] = frontrow.cinema.rows(
        "select payment_intent_id as id from public.payments where showtime_id = %s", [frontrow.cinema.showtime_id]
    )
    found = eventually(lambda: frontrow.stripe.v1.charges.list({"payment_intent": payment["id"]}).data)
    return [charge.status for charge in reversed(found)]
