"""States of a showtime and of the page: sold out, cancelled, begun, unknown, offline."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect

from tests.cinema import CinemaFixture
from tests.e2e.visitor import Visitor
from tests.http.frontrow import Frontrow, eventually


@pytest.fixture
def two_seats(cinema: CinemaFixture) -> int:
    """A showtime in a room of two seats."""
    room = cinema.add_auditorium(f"Kammer {uuid.uuid4().hex[:6]}", rows=1, seats=2)
    cinema.showtime_id = cinema.add_showtime("30 hours", room)
    return cinema.showtime_id


def test_sold_out_ends_when_a_seat_is_released(two_seats: int, visitor: Visitor, frontrow: Frontrow) -> None:
    """On the film's page and on the seat map, which shows the seat at once when it comes free."""
    owner = frontrow.register()
    booking = owner.book(2)
    frontrow.pay(owner.intent(booking))
    eventually(lambda: frontrow.cinema.status(booking) == "confirmed")
    visitor.has_account()
    visitor.open("/films/nosferatu-at-the-scala")
    expect(visitor.page.get_by_text("Sold out").first).to_be_visible()
    visitor.open_seats(two_seats)
    visitor.sees_text("No seats left")
    visitor.sees_text("Sold out")
    visitor.sees_seat("A1", "sold")
    visitor.seat("A1").click(force=True)
    visitor.gets_announcement("Seat A1 is sold.")
    owner.rpc("cancel_booking", booking_id=booking["id"])
    visitor.sees_seat("A1", "free")
    expect(visitor.page.get_by_text("Sold out")).to_have_count(0)
    visitor.holds("A1")


def test_showtime_cancelled_while_choosing_seats(visitor: Visitor, cinema: CinemaFixture) -> None:
    """The page says so by itself."""
    visitor.has_account()
    visitor.open_seats()
    visitor.holds("C5")
    cinema.owner.execute("update public.showtimes set status = 'cancelled' where id = %s", [cinema.showtime_id])
    visitor.sees_text("This showtime has been cancelled")
    expect(visitor.page.get_by_role("grid")).to_have_count(0)
    visitor.press("Other showtimes of Nosferatu")
    visitor.sees("Nosferatu")
    visitor.is_at("/films/nosferatu-at-the-scala")


def test_sales_close_when_the_film_begins(two_seats: int, visitor: Visitor, cinema: CinemaFixture) -> None:
    """For who looks at the seats already, at the first try; for who comes then, at once."""
    visitor.has_account()
    visitor.expects_complaints("409")
    visitor.open_seats(two_seats)
    # No showtime moves into the past, so it begins in a moment.
    cinema.owner.execute(
        "update public.showtimes set starts_at = private.now() + interval '500 milliseconds' where id = %s", [two_seats]
    )
    cinema.owner.execute("select pg_sleep_until(starts_at) from public.showtimes where id = %s", [two_seats])
    visitor.choose("A1")
    visitor.sees_text("This showtime is no longer on sale")
    visitor.page.reload()
    visitor.sees_text("This showtime is no longer on sale")
    visitor.sees_text("It has started. There may be another showtime.")
    expect(visitor.page.get_by_role("grid")).to_have_count(0)
    visitor.press("Other showtimes of Nosferatu")
    visitor.is_at("/films/nosferatu-at-the-scala")


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/nowhere", "Page not found"),
        ("/showtimes/999999999", "Showtime not found"),
        ("/showtimes/seven", "Showtime not found"),
        ("/films/no-such-film", "Film not found"),
    ],
)
def test_unknown_pages_lead_on(visitor: Visitor, path: str, heading: str) -> None:
    """It says so, and there is a way on."""
    visitor.expects_complaints("status of 404")
    visitor.open(path)
    visitor.sees(heading)
    visitor.press("See what’s on")
    visitor.sees("What’s on")


@pytest.mark.parametrize("path", ["/bookings/", "/checkout/"])
@pytest.mark.parametrize("booking", [str(uuid.UUID(int=7)), "seven"])
def test_unknown_booking(visitor: Visitor, path: str, booking: str) -> None:
    visitor.has_account()
    visitor.expects_complaints("404")
    visitor.open(path + booking)
    visitor.sees_text("Booking not found.")
    visitor.page.get_by_role("main").get_by_role("link", name="My tickets").click()
    visitor.sees("My tickets")


def test_offline_and_back(visitor: Visitor, cinema: CinemaFixture) -> None:
    """A banner, no choice that would hang in the air, and a map that is right again once the network is back."""
    visitor.has_account()
    visitor.expects_complaints("ERR_INTERNET_DISCONNECTED|WebSocket")
    visitor.open_seats()
    visitor.page.context.set_offline(True)
    visitor.gets_announcement("You are offline. What you see may be out of date.")
    visitor.choose("C5")
    visitor.sees_text("You are offline. You can choose seats again once you are back online.")
    visitor.sees_seat("C5", "free")
    cinema.lock(cinema.customer(), 0)
    visitor.page.context.set_offline(False)
    expect(visitor.page.get_by_text("You are offline. What you see may be out of date.")).to_have_count(0)
    visitor.sees_seat("A1", "on hold")
    visitor.holds("C5")


def test_the_data_api_is_down(visitor: Visitor) -> None:
    """A sentence and a button that tries again, which works once it is back."""
    visitor.expects_complaints("503|ERR_FAILED")
    visitor.page.route("**/rest/v1/**", lambda route: route.abort())
    visitor.open("/")
    visitor.gets_announcement("Frontrow is not responding. Please check your connection and try again.")
    visitor.page.unroute("**/rest/v1/**")
    visitor.press("Try again")
    visitor.sees("Nosferatu")
