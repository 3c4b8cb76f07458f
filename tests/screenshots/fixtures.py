"""The state in the screenshots: a stopped clock, the demo catalog, and customers who hold and have bought seats."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, cast

import httpx
import psycopg
import stripe

from dev.config import ROOT
from dev.stack import Stack

NOW = datetime(2026, 11, 27, 15, 42, tzinfo=UTC)
"""A Friday, late in the afternoon in Vienna. Only what Stripe and the tokens say is of the day of the run."""

PASSWORD = "front row seats"
ADA = "ada@example.com"

_CLOCK = f"""
create or replace function private.now() returns timestamptz
language sql volatile parallel safe set search_path = '' as $$ select timestamptz '{NOW.isoformat()}' $$;
"""

_SHOWTIME = """
select showtime.id, movie.slug
from public.showtimes as showtime
join public.movies as movie on movie.id = showtime.movie_id
join public.auditoriums as auditorium on auditorium.id = showtime.auditorium_id
join public.theaters as theater on theater.id = auditorium.theater_id
where theater.slug = %(theater)s and auditorium.name = %(auditorium)s
  and showtime.starts_at = (%(day)s::date + %(time)s::time) at time zone theater.time_zone
"""

Json = dict[str, Any]


Owner = psycopg.Connection[tuple[Any, ...]]


class FixtureError(RuntimeError):
    """The fixtures could not be made; the message says what was missing."""


@dataclass(frozen=True)
class Fixtures:
    """Ids of what the pages show."""

    film: str
    seats: int
    """A showtime of which somebody else holds seats, and many are sold."""
    held: int
    """A showtime of which Ada holds seats."""
    pending: str
    """A booking of Ada's that awaits payment."""
    booked: str
    cancelled: str


class Customer:
    """An account, and over HTTP what the page does with it."""

    def __init__(self, stack: Stack, email: str, name: str) -> None:
        self._stack = stack
        answer = httpx.post(
            f"{stack.config.api_url}/api/auth/register",
            json={"email": email, "password": PASSWORD, "full_name": name},
            timeout=20,
        )
        token = answer.raise_for_status().json()["access_token"]
        self._http = httpx.Client(
            headers={"apikey": stack.keys.publishable, "Authorization": f"Bearer {token}"}, timeout=20
        )

    def rpc(self, function: str, **arguments: Any) -> Any:
        answer = self._http.post(f"{self._stack.config.supabase_url}/rest/v1/rpc/{function}", json=arguments)
        return answer.raise_for_status().json()

    def hold(self, showtime: int, *names: str) -> None:
        """Lock the seats of those names: hold(42, "F7", "F8")."""
        seats = self.rpc("seat_map", showtime_id=showtime)["seats"]
        ids = [seat["id"] for seat in seats if f"{seat['row']}{seat['number']}" in names]
        self.rpc("lock_seats", showtime_id=showtime, seat_ids=ids)

    def book(self, showtime: int) -> str:
        """Turn the held seats into a booking; return its id."""
        return cast(str, self.rpc("create_booking", showtime_id=showtime)["id"])

    def pay(self, booking: str) -> None:
        """Give Stripe a card that works, and wait for the webhook's effect."""
        config, keys = self._stack.config, self._stack.keys
        answer = self._http.post(f"{config.api_url}/api/payments/create-intent", json={"booking_id": booking})
        intent = answer.raise_for_status().json()["payment_intent_id"]
        client = stripe.StripeClient(keys.stripe_secret, base_addresses={"api": config.stripe_url})
        client.v1.payment_intents.confirm(
            intent, {"payment_method": "pm_card_visa", "return_url": f"{config.app_url}/"}
        )
        self._until(booking, "confirmed")

    def cancel(self, booking: str) -> None:
        """Cancel a paid booking, and wait until it is refunded."""
        self.rpc("cancel_booking", booking_id=booking)
        self._until(booking, "refunded")

    def _until(self, booking: str, status: str) -> None:
        deadline = time.monotonic() + 30
        while self.rpc("my_booking", booking_id=booking)["status"] != status:
            if time.monotonic() > deadline:
                raise FixtureError(f"Booking {booking} was never {status}.")
            time.sleep(0.1)


def set_up(stack: Stack) -> Fixtures:
    """Stop the clock of an empty database, seed it, and hold, buy and cancel seats."""
    with psycopg.connect(stack.cluster.url(), autocommit=True) as owner:
        owner.execute(_CLOCK.encode())
        owner.execute((ROOT / "supabase/seed.sql").read_bytes())
        large, film = _showtime(owner, "morgenstern-vienna", "Großer Saal", "19:00")
        small, _ = _showtime(owner, "lantern-london", "Screen One", "20:30")
        salon, _ = _showtime(owner, "morgenstern-vienna", "Salon", "19:15")
        shown, _ = _showtime(owner, "morgenstern-vienna", "Kleiner Saal", "19:45")
        _occupy(stack, owner, [large, small])
        ada = Customer(stack, ADA, "Ada Lovelace")
        ada.hold(small, "G9", "G10", "G11")
        ada.hold(salon, "C3", "C4")
        pending = ada.book(salon)
        bookings = [_buy(ada, large, "H12", "H13"), _buy(ada, shown, "D5")]
        ada.cancel(bookings[1])
        for booking, reference in zip([pending, *bookings], ["4MXT9KQA", "7HG2RNWP", "B6CEZ83D"], strict=True):
            owner.execute("update public.bookings set reference = %s where id = %s", [reference, booking])
    return Fixtures(film, large, small, pending, *bookings)


def _showtime(owner: Owner, theater: str, auditorium: str, at: str) -> tuple[int, str]:
    """Find tomorrow's showtime in an auditorium at a time: its id, and its film's slug."""
    wanted = {"theater": theater, "auditorium": auditorium, "day": "2026-11-28", "time": at}
    row = owner.execute(_SHOWTIME, wanted).fetchone()
    if row is None:
        raise FixtureError(f"The seed shows nothing in {auditorium} at {at}.")
    return row[0], row[1]


def _buy(customer: Customer, showtime: int, *seats: str) -> str:
    customer.hold(showtime, *seats)
    booking = customer.book(showtime)
    customer.pay(booking)
    return booking


def _occupy(stack: Stack, owner: Owner, showtimes: list[int]) -> None:
    """Sell a third of each auditorium, in groups as people come, and hold some seats."""
    limits = "update private.settings set seats_per_customer = %s, seats_held_per_customer = %s where true"
    crowd, bob = Customer(stack, "crowd@example.com", "Crowd"), Customer(stack, "bob@example.com", "Bob")
    owner.execute(limits, [1000, None])
    for showtime in showtimes:
        groups = _groups(crowd.rpc("seat_map", showtime_id=showtime)["seats"], Random(showtimes.index(showtime)))  # noqa: S311
        sold, held = groups[5:], groups[:5]
        crowd.rpc("lock_seats", showtime_id=showtime, seat_ids=[seat for group in sold for seat in group])
        crowd.pay(crowd.book(showtime))
        bob.rpc("lock_seats", showtime_id=showtime, seat_ids=[seat for group in held for seat in group])
    owner.execute(limits, [10, 20])


_KEPT_FREE = {"C3", "C4", "D5", "G9", "G10", "G11", "H12", "H13"}
"""Ada's."""


def _groups(seats: list[Json], rng: Random) -> list[list[int]]:
    """A third of the seats in groups of two to four neighbours, in any order."""
    groups: list[list[int]] = []
    at = 0
    while at < len(seats):
        group = seats[at : at + rng.choice([2, 2, 2, 3, 4])]
        at += len(group)
        free = all(f"{seat['row']}{seat['number']}" not in _KEPT_FREE for seat in group)
        if free and len({seat["row"] for seat in group}) == 1 and rng.random() < 1 / 3:
            groups.append([seat["id"] for seat in group])
    rng.shuffle(groups)
    return groups
