"""The rules of the catalogue: showtimes that do not overlap, prices, zones."""

from __future__ import annotations

import psycopg
import pytest

from tests.house import House


def test_one_auditorium_shows_one_film_at_a_time_cleaning_included(house: House) -> None:
    house.add_showtime("1 day 125 minutes")  # the very moment in which the room is clean
    with pytest.raises(psycopg.errors.ExclusionViolation, match="one_film_at_a_time"):
        house.add_showtime("1 day 115 minutes")
    house.add_showtime("1 day 10 minutes", house.add_auditorium("Saal 2", 1, 1))


def test_a_cancelled_showtime_gives_its_place_back(house: House) -> None:
    house.owner.execute("update public.showtimes set status = 'cancelled'")
    house.add_showtime("1 day")
    with pytest.raises(psycopg.errors.ExclusionViolation):
        house.owner.execute("update public.showtimes set status = 'scheduled' where id = %s", [house.showtime_id])


@pytest.mark.parametrize("price", [0, -1])
def test_a_price_is_positive(house: House, price: int) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="price_is_positive"):
        house.owner.execute("update public.showtime_prices set price = %s", [price])


def test_a_theater_has_a_time_zone_that_exists(house: House) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="Europe/Wien is no time zone"):
        house.owner.execute("update public.theaters set time_zone = 'Europe/Wien'")
    house.owner.execute("update public.theaters set time_zone = 'America/New_York'")


def test_the_secret_key_keeps_the_catalogue(house: House) -> None:
    service = house.service()
    (theater,) = service.query(
        "insert into public.theaters (slug, name, city, country, address, time_zone, currency)"
        " values ('rex', 'Rex', 'Paris', 'FR', 'Rue 1', 'Europe/Paris', 'EUR') returning id"
    )
    service.query("update public.theaters set time_zone = 'Europe/Berlin' where id = %s", [theater["id"]])
    with pytest.raises(psycopg.errors.CheckViolation):
        service.query("update public.theaters set time_zone = 'Mars/Olympus' where id = %s", [theater["id"]])


def test_a_showtime_with_holds_stays_where_it_is(house: House) -> None:
    other = house.add_auditorium("Saal 2", 1, 1)
    spare = house.add_showtime("3 days")
    house.lock(house.customer(), 0)
    service = house.service()
    for statement in (
        "delete from public.showtimes where id = %s",
        f"update public.showtimes set auditorium_id = {other} where id = %s",
    ):
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="held or booked"):
            service.query(statement, [house.showtime_id])
    service.query(f"update public.showtimes set auditorium_id = {other} where id = %s", [spare])
    service.query("delete from public.showtimes where id = %s", [spare])


def test_there_is_one_row_of_settings(house: House) -> None:
    for statement in ("insert into private.settings default values", "insert into private.settings values (false)"):
        with pytest.raises(psycopg.errors.IntegrityError):
            house.owner.execute(statement)
