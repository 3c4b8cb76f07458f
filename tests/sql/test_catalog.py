"""The rules of the catalog: showtimes that do not overlap, prices, zones."""

from __future__ import annotations

import psycopg
import pytest

from tests.cinema import CinemaFixture


def test_one_auditorium_shows_one_film_at_a_time_cleaning_included(cinema: CinemaFixture) -> None:
    cinema.add_showtime("1 day 125 minutes")  # the very moment in which the room is clean
    with pytest.raises(psycopg.errors.ExclusionViolation, match="one_film_at_a_time"):
        cinema.add_showtime("1 day 115 minutes")
    cinema.add_showtime("1 day 10 minutes", cinema.add_auditorium("Saal 2", 1, 1))


def test_cancelled_showtime_frees_its_slot(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    cinema.add_showtime("1 day")
    with pytest.raises(psycopg.errors.ExclusionViolation):
        cinema.owner.execute("update public.showtimes set status = 'scheduled' where id = %s", [cinema.showtime_id])


@pytest.mark.parametrize("price", [0, -1])
def test_a_price_is_positive(cinema: CinemaFixture, price: int) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="price_is_positive"):
        cinema.owner.execute("update public.showtime_prices set price = %s", [price])


def test_a_theater_has_a_time_zone_that_exists(cinema: CinemaFixture) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="Europe/Wien is no time zone"):
        cinema.owner.execute("update public.theaters set time_zone = 'Europe/Wien'")
    cinema.owner.execute("update public.theaters set time_zone = 'America/New_York'")


def test_the_secret_key_keeps_the_catalog(cinema: CinemaFixture) -> None:
    service = cinema.service()
    (theater,) = service.query(
        "insert into public.theaters (slug, name, city, country, address, time_zone, currency)"
        " values ('rex', 'Rex', 'Paris', 'FR', 'Rue 1', 'Europe/Paris', 'EUR') returning id"
    )
    service.query("update public.theaters set time_zone = 'Europe/Berlin' where id = %s", [theater["id"]])
    with pytest.raises(psycopg.errors.CheckViolation):
        service.query("update public.theaters set time_zone = 'Mars/Olympus' where id = %s", [theater["id"]])


def test_a_showtime_with_holds_stays_where_it_is(cinema: CinemaFixture) -> None:
    other = cinema.add_auditorium("Saal 2", 1, 1)
    spare = cinema.add_showtime("3 days")
    cinema.lock(cinema.customer(), 0)
    service = cinema.service()
    for statement in (
        "delete from public.showtimes where id = %s",
        f"update public.showtimes set auditorium_id = {other} where id = %s",
    ):
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="held or booked"):
            service.query(statement, [cinema.showtime_id])
    service.query(f"update public.showtimes set auditorium_id = {other} where id = %s", [spare])
    service.query("delete from public.showtimes where id = %s", [spare])


def test_there_is_one_row_of_settings(cinema: CinemaFixture) -> None:
    for statement in ("insert into private.settings default values", "insert into private.settings values (false)"):
        with pytest.raises(psycopg.errors.IntegrityError):
            cinema.owner.execute(statement)


@pytest.mark.parametrize(
    ("setting", "value", "violates"),
    [
        *(("cinema_name", name, "cinema_is_named") for name in ("", " ", " Scala", "Sca\nla", "x" * 101)),
        *(("contact_email", email, "contact_email_is") for email in ("", "office", "a@b@c", "A <a@b.example>")),
        *(("contact_url", url, "contact_url_is") for url in ("", "scala.example", "javascript:alert(1)", 'https://"')),
        *(("postal_address", address, "postal_address_is") for address in ("", "\n", "x" * 501)),
    ],
)
def test_a_cinema_without_name_or_with_odd_contacts_is_refused(
    cinema: CinemaFixture, setting: str, value: str, violates: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=violates):
        cinema.owner.execute(f"update private.settings set {setting} = %s", [value])
