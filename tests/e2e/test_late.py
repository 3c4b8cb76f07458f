"""Time that runs out: on the seat map, in the checkout, and while the bank still thinks."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.cinema import CinemaFixture
from tests.e2e.visitor import Visitor
from tests.http.frontrow import Frontrow, Json, eventually


@pytest.fixture
def durations(cinema: CinemaFixture) -> Callable[..., None]:
    """Shortens what a customer is given: durations(lock="6 seconds", payment="10 seconds")."""

    def shorten(lock: str = "10 minutes", payment: str = "10 minutes") -> None:
        cinema.owner.execute(
            "update private.settings set lock_duration = %s::interval, payment_duration = %s::interval where true",
            [lock, payment],
        )

    return shorten


def booking_of(frontrow: Frontrow) -> Json:
    """The one booking of the test's showtime."""
    cinema = frontrow.cinema
    return cinema.rows("select id, showtime_id from public.bookings where showtime_id = %s", [cinema.showtime_id])[0]


@pytest.fixture
def booking(visitor: Visitor, frontrow: Frontrow) -> Json:
    """The visitor's booking of C5 and C6, whose bank asks for 3-D Secure and has not been answered."""
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5", "C6")
    visitor.goes_to_pay()
    visitor.pays("3-D Secure")
    visitor.sees("3-D Secure test page")
    return booking_of(frontrow)


# On the seat map -----------------------------------------------------------------------------------------------------


@pytest.mark.slow  # it waits for real seconds, and so finds page and database in step
def test_a_selection_runs_out(visitor: Visitor, visit: Callable[..., Visitor], durations: Callable[..., None]) -> None:
    """At zero, by the clock alone. Others can have the seats at once, and who held them can have others."""
    durations(lock="12 seconds")
    other = visit()
    for each in (visitor, other):
        each.has_account()
        each.open_seats()
    visitor.holds("C5", "C6")
    visitor.gets_announcement("Your hold expired and the seats were released. Choose others, or wait a few minutes.")
    visitor.sees_text("Your hold expired and the seats were released. Choose others, or wait a few minutes.")
    expect(visitor.page.get_by_role("timer")).to_have_count(0)
    for each in (visitor, other):
        each.sees_seat("C5", "free")
    durations()
    visitor.expects_complaints("429")
    visitor.choose("C6")
    visitor.gets_announcement("You held one of those seats without buying it. Choose another, or try again in a few")
    visitor.sees_seat("C6", "free")
    other.holds("C6")
    visitor.holds("C7")
    expect(visitor.page.get_by_role("timer")).to_have_text(re.compile("^(10:00|9:5[0-9])$"))


@pytest.mark.slow  # it waits for real seconds
def test_two_minutes_before_the_end_there_is_a_warning(visitor: Visitor, durations: Callable[..., None]) -> None:
    """It is seen and announced, on another page too, with a link back."""
    durations(lock="2 minutes 12 seconds")
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5")
    visitor.page.get_by_role("link", name="Frontrow").click()
    aside = visitor.page.get_by_role("complementary", name="Seats held for you")
    expect(aside).to_contain_text("C5 for Nosferatu")
    visitor.gets_announcement("Your seats are held for 2 more minutes.")
    expect(aside.get_by_role("timer")).to_have_attribute("title", "Time is running out")
    visitor.press("Back to your seats")
    visitor.sees_seat("C5", "yours")
    expect(visitor.page.get_by_role("timer")).to_have_text(re.compile("^(2:00|1:[0-9]{2})$"))


def test_one_person_takes_ten_seats(visitor: Visitor) -> None:
    """The eleventh is refused with a sentence, and the ten stay."""
    visitor.has_account()
    visitor.open_seats()
    visitor.expects_complaints("422")
    visitor.holds(*(f"C{number}" for number in range(1, 11)))
    visitor.choose("C11")
    visitor.sees_text(re.compile("10 seats"))
    visitor.gets_announcement(re.compile("10 seats"))
    visitor.sees_seat("C11", "free")
    visitor.sees_seat("C10", "yours")
    visitor.sees_text("€120.00")


# In the checkout -----------------------------------------------------------------------------------------------------


def test_the_time_to_pay_runs_out(visitor: Visitor, frontrow: Frontrow) -> None:
    """The page says so by itself, and leads back to seats that can be chosen again."""
    visitor.has_a_clock()
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5", "C6")
    visitor.goes_to_pay()
    frontrow.let_run_out(booking_of(frontrow))
    visitor.waits(10 * 60)
    visitor.gets_announcement("Time’s up")
    visitor.sees_text("Time’s up")
    visitor.sees_text(re.compile("^You have not been charged"))
    expect(visitor.page.get_by_role("button", name=re.compile("^Pay "))).to_have_count(0)
    visitor.press("Choose seats again")
    visitor.sees_seat("C5", "free")
    visitor.holds("C5", "C6")
    visitor.goes_to_pay()
    visitor.pays()
    visitor.has_ticket()


# At the bank ---------------------------------------------------------------------------------------------------------


def test_late_bank_confirmation_is_not_charged(visitor: Visitor, booking: Json, frontrow: Frontrow) -> None:
    """An unpaid intent is cancelled at Stripe when the time is over, so the bank's page leads nowhere."""
    visitor.expects_complaints("410")
    frontrow.let_run_out(booking)
    eventually(lambda: [row["state"] for row in frontrow.outbox(booking, "cancel_intent")] == ["sent"])
    visitor.press("Complete")
    visitor.sees_text("This payment is not waiting for you any more.")
    visitor.open(f"/checkout/{booking['id']}")
    visitor.sees_text("Time’s up")
    visitor.press("Choose seats again")
    visitor.sees_seat("C5", "free")


def test_a_late_payment_finds_the_seats_free(visitor: Visitor, booking: Json, frontrow: Frontrow) -> None:
    """The customer keeps the seats, and the page says that the payment was late."""
    with frontrow.no_sweep():
        frontrow.let_run_out(booking)
        visitor.press("Complete")
        visitor.has_ticket()
    visitor.sees_text(
        "Your payment arrived after your hold had expired. Your seats were still available, so they are yours."
    )


def test_a_late_payment_finds_the_seats_gone(visitor: Visitor, booking: Json, frontrow: Frontrow) -> None:
    """While nobody knows it yet the page says what may come; then that the money goes back, and how far it is."""
    cinema = frontrow.cinema
    other = frontrow.register()
    frontrow.faults({"webhooks": [{"kind": "drop", "type": "payment_intent.succeeded", "probability": 1}]})
    with frontrow.no_sweep():
        frontrow.let_run_out(booking)
        seat = cinema.value(
            "select seat_id from public.booking_seats where booking_id = %s order by seat_id limit 1", [booking["id"]]
        )
        other.rpc("lock_seats", showtime_id=cinema.showtime_id, seat_ids=[seat])
        visitor.press("Complete")
        visitor.sees_text("Your payment arrived after your hold had expired")
        visitor.sees_text(
            re.compile("^If your seats are still available, they are yours. If not, you will be refunded")
        )
        frontrow.faults(None)
        frontrow.resend("payment_intent.succeeded")
        visitor.sees_text("Nothing was booked, and you will be refunded")
    visitor.sees_text(re.compile("someone else had taken your seats"))
    visitor.sees_text(re.compile("^€24.00 was sent to your bank on "))
    visitor.page.reload()
    visitor.sees_text(re.compile("^€24.00 was sent to your bank on "))
    visitor.press("Choose seats again")
    visitor.sees_seat("C5", "on hold")


def test_a_webhook_that_is_lost(visitor: Visitor, frontrow: Frontrow) -> None:
    """The page does not pretend: paid, not booked yet; and it says when it takes long. Then the ticket opens."""
    visitor.has_a_clock()
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5")
    visitor.goes_to_pay()
    frontrow.faults({"webhooks": [{"kind": "drop", "type": "payment_intent.succeeded", "probability": 1}]})
    visitor.pays()
    visitor.sees_text("Payment received. Booking your seats …")
    visitor.gets_announcement("This takes a moment. Your ticket will open automatically.")
    visitor.waits(15)
    visitor.sees_text(re.compile("^This is taking longer than usual. You can close this page"))
    frontrow.faults(None)
    frontrow.resend("payment_intent.succeeded")
    visitor.has_ticket()
