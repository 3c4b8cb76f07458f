"""The one table of currencies, and what it refuses: currencies, prices and totals that Stripe would."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from tests.cinema import CinemaFixture, Refused

LARGEST = 99_999_999


def sell_in(cinema: CinemaFixture, currency: str, **prices: int) -> None:
    """Give the showtime that currency and those prices by kind, whatever stood there before."""
    cinema.owner.execute("delete from public.showtime_prices where true")
    cinema.owner.execute("update public.theaters set currency = %s", [currency])
    for kind, price in prices.items():
        cinema.owner.execute(
            "insert into public.showtime_prices values (%s, %s, %s)", [cinema.showtime_id, kind, price]
        )


def unguarded(cinema: CinemaFixture, table: str, statement: str, parameters: list[Any]) -> None:
    """Write the catalog as it was written before there were these rules."""
    cinema.owner.execute(f"alter table public.{table} disable trigger user")
    cinema.owner.execute(statement, parameters)
    cinema.owner.execute(f"alter table public.{table} enable trigger user")


def test_the_table_is_sound(cinema: CinemaFixture) -> None:
    rows = {row["code"]: row for row in cinema.rows("select * from private.currencies()")}
    assert len(rows) == cinema.value("select count(*) from private.currencies()")
    assert {row["digits"] for row in rows.values()} == {0, 2, 3}
    for row in rows.values():
        assert re.fullmatch("[A-Z]{3}", row["code"])
        assert 0 < row["minimum"] < row["maximum"]
        assert row["minimum"] % row["step"] == 0


@pytest.mark.parametrize(
    ("code", "digits", "step", "minimum"),
    [
        ("EUR", 2, 1, 50),
        ("GBP", 2, 1, 30),
        ("JPY", 0, 1, 50),
        ("KWD", 3, 10, 10),
        # What Stripe counts in hundredths although nobody pays in them.
        ("HUF", 2, 1, 17_500),
        ("TWD", 2, 1, 1),
        ("ISK", 2, 100, 100),
        ("UGX", 2, 100, 100),
    ],
)
def test_a_currency_is_counted_as_stripe_counts(
    cinema: CinemaFixture, code: str, digits: int, step: int, minimum: int
) -> None:
    (row,) = cinema.rows("select digits, step, minimum from private.currencies() where code = %s", [code])
    assert row == {"digits": digits, "step": step, "minimum": minimum}


@pytest.mark.parametrize("currency", ["XYZ", "BTC", "HRK", "eur"])
def test_a_theater_sells_in_a_currency_that_stripe_takes(cinema: CinemaFixture, currency: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=f"Stripe takes no payment in {currency}") as refused:
        cinema.owner.execute("update public.theaters set currency = %s", [currency])
    assert refused.value.diag.constraint_name == "currency_is_payable"
    with pytest.raises(psycopg.errors.CheckViolation):
        cinema.service().query(
            "insert into public.theaters (slug, name, city, country, address, time_zone, currency)"
            " values ('rex', 'Rex', 'Paris', 'FR', 'Rue 1', 'Europe/Paris', %s)",
            [currency],
        )


@pytest.mark.parametrize(
    ("currency", "price"),
    [
        *(("EUR", 20), ("EUR", 49), ("EUR", LARGEST + 1), ("GBP", 29), ("JPY", 49), ("HUF", 17_499)),
        *(("KWD", 12_345), ("ISK", 150_050), ("UGX", 2_500_001), ("INR", 1_000_000_000)),
    ],
)
def test_a_price_that_stripe_would_refuse_is_refused(cinema: CinemaFixture, currency: str, price: int) -> None:
    sell_in(cinema, currency, love=1_000_000)
    for statement in (
        f"insert into public.showtime_prices values ({cinema.showtime_id}, 'premium', 1000000),"
        f" ({cinema.showtime_id}, 'standard', {price})",
        f"update public.showtime_prices set price = {price} where kind = 'love'",
    ):
        for write in (cinema.owner.execute, cinema.service().query):
            with pytest.raises(psycopg.errors.CheckViolation, match=f"of {price} minor units of {currency}") as refused:
                write(statement)  # pyright: ignore[reportArgumentType]
            assert refused.value.diag.constraint_name == "price_is_payable"
            assert refused.value.diag.table_name == "showtime_prices"
    assert [row["kind"] for row in cinema.rows("select * from public.showtime_prices")] == ["love"]


@pytest.mark.parametrize(
    ("currency", "price"),
    [
        *(("EUR", 50), ("EUR", LARGEST), ("GBP", 30), ("JPY", 50), ("HUF", 17_500), ("HUF", 250_050)),
        *(("KWD", 12_340), ("ISK", 150_000), ("UGX", 2_500_000), ("TWD", 35_050), ("INR", 999_999_999)),
    ],
)
def test_a_price_that_stripe_takes_is_taken(cinema: CinemaFixture, currency: str, price: int) -> None:
    sell_in(cinema, currency, standard=price)
    booking = cinema.book(cinema.customer(), 0)
    assert (booking["total"], booking["currency"]) == (price, currency)


def test_prices_that_are_to_come_forbid_a_currency_that_they_do_not_fit(cinema: CinemaFixture) -> None:
    sell_in(cinema, "USD", standard=1_250)
    with pytest.raises(psycopg.errors.CheckViolation, match="1250 minor units of HUF") as refused:
        cinema.owner.execute("update public.theaters set currency = 'HUF'")
    assert refused.value.diag.constraint_name == "price_is_payable"
    cinema.owner.execute("update public.theaters set currency = 'EUR'")
    cinema.advance("2 days")
    cinema.owner.execute("update public.theaters set currency = 'HUF'")


@pytest.mark.parametrize("price", [20, LARGEST])
def test_a_total_that_stripe_would_refuse_is_refused_before_payment(cinema: CinemaFixture, price: int) -> None:
    """Two seats of 0.20, which stood in the price list before it was guarded; and two of nearly a million."""
    unguarded(cinema, "showtime_prices", "update public.showtime_prices set price = %s", [price])
    ada = cinema.customer()
    cinema.lock(ada, 0, 1)
    with pytest.raises(Refused, match="amount_not_payable") as refused:
        ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert refused.value.sqlstate == "PT422"
    assert refused.value.details == {"amount": 2 * price, "currency": "EUR", "minimum": 50, "maximum": LARGEST}
    assert cinema.rows("select * from public.bookings") == []
    assert [cinema.states(ada)[place] for place in (0, 1)] == ["mine", "mine"]
    ada.call("release_seats", showtime_id=cinema.showtime_id, seat_ids=cinema.seats[:2])


def test_seats_that_cost_enough_together_are_booked(cinema: CinemaFixture) -> None:
    unguarded(cinema, "showtime_prices", "update public.showtime_prices set price = %s", [20])
    assert cinema.book(cinema.customer(), 0, 1, 2)["total"] == 60


def test_a_total_beyond_an_integer_is_refused_by_name(cinema: CinemaFixture) -> None:
    sell_in(cinema, "JPY", standard=2_000_000_000)
    with pytest.raises(Refused, match="amount_not_payable") as refused:
        cinema.book(cinema.customer(), 0, 1)
    assert refused.value.details["amount"] == 4_000_000_000


def test_a_currency_that_stripe_gave_up_is_refused_before_payment(cinema: CinemaFixture) -> None:
    unguarded(cinema, "theaters", "update public.theaters set currency = %s", ["HRK"])
    with pytest.raises(Refused, match="amount_not_payable") as refused:
        cinema.book(cinema.customer(), 0)
    assert refused.value.details == {"amount": 1200, "currency": "HRK", "minimum": None, "maximum": None}
