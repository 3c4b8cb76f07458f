"""The demo catalog: complete, drawn sensibly, true to each theater's own clock, and loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from dev.postgres import Cluster

SEED = Path(__file__).parents[2] / "supabase" / "seed.sql"
DAYS = 14
Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def database(cluster: Cluster, template: str) -> Iterator[Connection]:
    """A database with the seed, loaded as the CLI does: by `postgres`, which is no superuser. Nothing here writes."""
    cluster.create_database("seeded", template)
    with psycopg.connect(cluster.url("seeded"), autocommit=True) as connection:
        connection.execute("update private.test_clock set fixed = clock_timestamp()")  # no midnight strikes in between
        connection.execute(SEED.read_bytes())
        yield connection
    cluster.drop_database("seeded")


@pytest.fixture
def empty_database(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def rows(database: Connection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query.encode()).fetchall()


def value(database: Connection, query: str) -> Any:
    [[only]] = rows(database, query)
    return only


LOCAL = """
  select showtime.id, theater.slug as theater, auditorium.id as auditorium_id, theater.time_zone, movie.slug as movie,
         movie.length_minutes, showtime.starts_at, showtime.ends_at, showtime.available_from,
         (showtime.starts_at at time zone theater.time_zone)::date as day,
         (showtime.starts_at at time zone theater.time_zone)::time as hour
  from showtimes as showtime
  join movies as movie on movie.id = showtime.movie_id
  join auditoriums as auditorium on auditorium.id = showtime.auditorium_id
  join theaters as theater on theater.id = auditorium.theater_id
"""
"""Every showtime with the day and the hour that a clock on the theater's wall shows."""


def test_there_is_enough_to_choose_from(database: Connection) -> None:
    assert value(database, "select count(*) from movies") >= 24
    assert value(database, "select count(distinct language) from movies") >= 4
    assert value(database, "select count(distinct certificate) from movies") == 5
    assert value(database, "select count(*) from movies where length_minutes <= 45") >= 3
    theaters = rows(database, "select count(*), count(distinct time_zone), count(distinct currency) from theaters")
    assert theaters == [(3, 3, 3)]
    halls = rows(database, "select count(*) from auditoriums group by theater_id")
    assert all(2 <= count <= 4 for (count,) in halls)
    sizes = [size for (size,) in rows(database, "select count(*) from seats group by auditorium_id order by 1")]
    assert sizes[0] <= 50
    assert sizes[-1] >= 300
    assert value(database, "select count(distinct kind) from seats") == 5


def test_rights_match_the_release_year(database: Connection) -> None:
    """In 2026 the American term of 95 years is over for what was published in 1930 or before."""
    for slug, year, rights in rows(database, "select slug, release_year, rights from movies"):
        assert rights.startswith("United States: published in "), slug
        assert str(year) in rights, slug
        assert ("95 years has ended" in rights) == (year <= 1930), slug


def test_a_theater_shows_only_what_is_free_where_it_stands(database: Connection) -> None:
    countries = {"AT": "Austria", "GB": "United Kingdom", "US": "United States"}
    shown = rows(
        database,
        """
        select distinct theater.country, movie.slug, movie.rights from showtimes as showtime
        join movies as movie on movie.id = showtime.movie_id
        join auditoriums as auditorium on auditorium.id = showtime.auditorium_id
        join theaters as theater on theater.id = auditorium.theater_id
        """,
    )
    assert [(country, slug) for country, slug, rights in shown if countries[country] not in rights] == []


def test_every_film_is_shown_at_least_thrice(database: Connection) -> None:
    seldom = rows(
        database,
        """
        select movie.slug from movies as movie left join showtimes as showtime on showtime.movie_id = movie.id
        group by movie.id having count(showtime.id) < 3
        """,
    )
    assert seldom == []


def test_no_two_seats_are_too_near(database: Connection) -> None:
    crowded = rows(
        database,
        """
        select one.auditorium_id, one.row_label, one.number, other.row_label, other.number
        from seats as one
        join seats as other on other.auditorium_id = one.auditorium_id and other.id > one.id
        where (one.x - other.x) ^ 2 + (one.y - other.y) ^ 2 < 0.95 ^ 2
        """,
    )
    assert crowded == []


def test_no_seat_floats(database: Connection) -> None:
    """Everyone has a neighbour within two seat widths, and the room begins where its first seats do."""
    lonely = rows(
        database,
        """
        select one.auditorium_id, one.row_label, one.number from seats as one
        where not exists (
          select from seats as other
          where other.auditorium_id = one.auditorium_id and other.id <> one.id
            and (one.x - other.x) ^ 2 + (one.y - other.y) ^ 2 <= 2 ^ 2)
        """,
    )
    assert lonely == []
    corners = rows(database, "select min(x), min(y) from seats group by auditorium_id")
    assert {float(x) for x, _ in corners} == {float(y) for _, y in corners} == {0.5}


def test_every_auditorium_has_its_own_shape(database: Connection) -> None:
    shapes = "select array_agg((x, y, kind) order by x, y) as shape from seats group by auditorium_id"
    assert value(database, f"select count(*) - count(distinct shape) from ({shapes}) as shapes") == 0


def test_rows_are_lettered_from_the_screen_and_numbered_from_the_left(database: Connection) -> None:
    for (labels,) in rows(
        database,
        """
        select array_agg(row_label order by middle) from (
          select auditorium_id, row_label, avg(y) as middle from seats group by auditorium_id, row_label) as lines
        group by auditorium_id
        """,
    ):
        assert labels == [chr(ord("A") + place) for place in range(len(labels))]
    for (numbers,) in rows(
        database, "select array_agg(number order by x) from seats group by auditorium_id, row_label"
    ):
        assert numbers == list(range(1, len(numbers) + 1))


NEXT_TO = """
  from seats as one
  where one.kind = '{kind}' and not exists (
    select from seats as other
    where other.auditorium_id = one.auditorium_id and other.row_label = one.row_label
      and abs(other.number - one.number) = 1 and other.kind = '{wanted}'
      and (one.x - other.x) ^ 2 + (one.y - other.y) ^ 2 < 1.2 ^ 2)
"""


@pytest.mark.parametrize(
    ("kind", "wanted"), [("wheelchair", "companion"), ("companion", "wheelchair"), ("love", "love")]
)
def test_a_group_sits_together(database: Connection, kind: str, wanted: str) -> None:
    alone = "select one.auditorium_id, one.row_label, one.number" + NEXT_TO.format(kind=kind, wanted=wanted)
    assert rows(database, alone) == []


def test_every_auditorium_has_room_for_a_wheelchair(database: Connection) -> None:
    places = "select from seats where seats.auditorium_id = auditoriums.id and kind = 'wheelchair'"
    assert value(database, f"select count(*) from auditoriums where not exists ({places})") == 0


def test_love_seats_are_halves_of_pairs_in_the_last_row(database: Connection) -> None:
    halves = "select count(*), min(row_label), max(row_label) from seats where kind = 'love' group by auditorium_id"
    last = "select max(row_label) from seats group by auditorium_id"
    assert all(count % 2 == 0 and first == final for count, first, final in rows(database, halves))
    assert sorted(final for _, _, final in rows(database, halves)) == sorted(label for (label,) in rows(database, last))


def test_every_showtime_is_priced_for_each_kind_in_its_auditorium(database: Connection) -> None:
    differing = rows(
        database,
        """
        select showtime.id, offered.kinds, present.kinds from showtimes as showtime
        cross join lateral (
          select array_agg(kind order by kind) as kinds from showtime_prices where showtime_id = showtime.id) as offered
        cross join lateral (
          select array_agg(distinct kind order by kind) as kinds from seats
          where auditorium_id = showtime.auditorium_id) as present
        where offered.kinds is distinct from present.kinds
        """,
    )
    assert differing == []


def test_prices_rise_with_comfort_and_never_for_a_wheelchair(database: Connection) -> None:
    for prices in database.execute("select json_object_agg(kind, price) from showtime_prices group by showtime_id"):
        price = prices[0]
        assert price["wheelchair"] <= price["standard"] < price["premium"] < price["love"]
        assert price["companion"] <= price["standard"]


def test_evenings_and_weekends_cost_more(database: Connection) -> None:
    [(afternoon, evening, weekend)] = rows(
        database,
        f"""
        select max(price) filter (where extract(isodow from day) < 5 and hour < '17:00'),
               min(price) filter (where extract(isodow from day) < 5 and hour >= '17:00'),
               min(price) filter (where extract(isodow from day) >= 6 and hour < '17:00')
        from ({LOCAL}) as shown
        join showtime_prices on showtime_id = shown.id and kind = 'standard'
        where length_minutes > 45 and theater = 'lantern-london'
        """,
    )
    assert afternoon < evening
    assert afternoon < weekend


def check_schedule(database: Connection, now: datetime) -> None:
    """The rules that the showtimes follow whenever the seed was loaded."""
    for theater, zone in rows(database, "select slug, time_zone from theaters"):
        today = now.astimezone(ZoneInfo(zone)).date()
        days: set[date] = {
            day for (day,) in rows(database, f"select distinct day from ({LOCAL}) as shown where theater = '{theater}'")
        }
        assert days == {today + timedelta(days=ahead) for ahead in range(DAYS)}, theater

    hours = [hour for (hour,) in rows(database, f"select hour from ({LOCAL}) as shown")]
    assert time(10, 0) <= min(hours) <= max(hours) < time.max
    assert all(hour.minute % 5 == 0 and hour.second == 0 for hour in hours)

    counts = rows(database, f"select count(*) from ({LOCAL}) as shown group by auditorium_id, day")
    assert len(counts) == DAYS * value(database, "select count(*) from auditoriums")
    assert all(3 <= count <= 6 for (count,) in counts)

    # The trailers are in, and nobody comes in before the room is clean.
    assert value(
        database,
        f"""
        select bool_and(ends_at - starts_at = make_interval(mins => length_minutes + 15)
                        and available_from - ends_at between interval '15 minutes' and interval '20 minutes')
        from ({LOCAL}) as shown""",
    )
    assert value(
        database,
        """
        select bool_and(available_from <= next_starts_at) from (
          select available_from, lead(starts_at) over (partition by auditorium_id order by starts_at) as next_starts_at
          from showtimes) as shown""",
    )


def test_the_coming_fortnight_is_full(database: Connection) -> None:
    now: datetime = value(database, "select private.now()")
    check_schedule(database, now)
    coming = f"select min(starts_at) from ({LOCAL}) as shown where starts_at > private.now() group by theater"
    assert [soonest < now + timedelta(days=1) for (soonest,) in rows(database, coming)] == [True] * 3


def test_adults_only_films_wait_for_the_evening(database: Connection) -> None:
    early = f"select count(*) from ({LOCAL}) as shown join movies on slug = movie where certificate = '18'"
    assert value(database, early) > 0
    assert value(database, early + " and hour < '18:00'") == 0


@pytest.mark.parametrize(
    "now",
    [
        "2027-03-08 12:00+00",  # New York goes to summer time on the 14th
        "2027-03-19 23:30+00",  # Vienna and London on the 28th; it is Saturday already in Vienna only
        "2026-10-21 03:30+00",  # back on the 25th, and on 1 November; still Tuesday in New York
        "2027-10-28 22:30+00",  # back on the 31st, and on 7 November; in Vienna it is Friday, half past midnight
        "2028-02-24 09:00+00",  # a leap year
    ],
)
def test_it_may_be_loaded_on_any_day(empty_database: Connection, now: str) -> None:
    empty_database.execute("update private.test_clock set fixed = %s", (now,))
    empty_database.execute(SEED.read_bytes())
    check_schedule(empty_database, datetime.fromisoformat(now))
    assert value(empty_database, "select count(*) from movies where id not in (select movie_id from showtimes)") == 0


def contents(database: Connection) -> list[str]:
    """A fingerprint of every table that the seed fills."""
    return [
        value(database, f"select md5(string_agg(whole::text, '|' order by whole::text)) from {table} as whole")
        for table in ("movies", "theaters", "auditoriums", "seats", "showtimes", "showtime_prices")
    ]


def test_loading_again_changes_nothing(database: Connection) -> None:
    before = contents(database)
    database.execute(SEED.read_bytes())
    assert contents(database) == before


def test_seed_leaves_an_existing_catalog_alone(empty_database: Connection) -> None:
    empty_database.execute(
        """
        insert into movies (slug, title, release_year, directors, genres, language, certificate, length_minutes,
                            synopsis, rights)
        values ('ours', 'Ours', 2026, '{Us}', '{drama}', 'en', 'U', 90, 'Ours.', 'Ours.')
        """
    )
    empty_database.execute(SEED.read_bytes())
    assert rows(empty_database, "select slug from movies") == [("ours",)]
    assert value(empty_database, "select count(*) from theaters") == 0
