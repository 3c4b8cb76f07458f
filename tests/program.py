"""A program for tests: films, theaters and showtimes by the dozen, and what of it is on by a plain reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.cinema import Caller, CinemaFixture, Json


def add_theater(cinema: CinemaFixture, slug: str, time_zone: str = "Europe/Vienna", screens: int = 1) -> list[int]:
    """Make a theater; return its id and those of its auditoriums, which have no seats."""
    theater_id: int = cinema.value(
        "insert into public.theaters (slug, name, city, country, address, time_zone, currency)"
        " values (%(slug)s, initcap(%(slug)s), 'Town', 'AT', 'Ring 1', %(zone)s, 'EUR') returning id",
        {"slug": slug, "zone": time_zone},
    )
    rooms = cinema.rows(
        "insert into public.auditoriums (theater_id, name) select %s, 'Screen ' || n from generate_series(1, %s) n"
        " returning id",
        [theater_id, screens],
    )
    return [theater_id, *(room["id"] for room in rooms)]


def add_movie(cinema: CinemaFixture, title: str, **facts: Any) -> int:
    """Make a film with that title, and with such facts as differ from these."""
    row: Json = {
        "slug": "film-" + title.encode().hex(),
        "title": title,
        "original_title": None,
        "release_year": 1950,
        "directors": ["Jane Doe"],
        "cast_members": [],
        "genres": ["drama"],
        "language": "en",
        "certificate": "U",
        "length_minutes": 90,
        "synopsis": "-",
        "rights": "-",
    } | facts
    columns = ", ".join(row)
    values = ", ".join(f"%({name})s" for name in row)
    return cinema.value(f"insert into public.movies ({columns}) values ({values}) returning id", row)


def show(cinema: CinemaFixture, movie_id: int, auditorium_id: int, starts_at: Any, status: str = "scheduled") -> int:
    """Show a film at an instant, or so long from now where that is an interval's text."""
    at = "private.now() + %(at)s::interval" if isinstance(starts_at, str) else "%(at)s::timestamptz"
    return cinema.value(
        "insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from, status)"
        " select %(movie)s, %(room)s, s, s + make_interval(mins => m.length_minutes),"
        " s + make_interval(mins => m.length_minutes), %(status)s"
        f" from public.movies m, (select {at} as s) x where m.id = %(movie)s returning id",
        {"movie": movie_id, "room": auditorium_id, "at": starts_at, "status": status},
    )


def pages(caller: Caller, **question: Any) -> list[Json]:
    """Every page of an answer of whats_on or movie, in order."""
    function = question.pop("function", "whats_on")
    found: list[Json] = []
    after: str | None = None
    while not found or after:
        found.append(caller.call(function, **question, **({"after": after} if after else {})))
        after = found[-1]["after"]
        assert (after is not None) == found[-1]["more"]
    return found


def titles(answers: Json | Sequence[Json]) -> list[str]:
    """The titles of the films of one page, or of several."""
    every = [answers] if isinstance(answers, dict) else answers
    return [film["title"] for answer in every for film in answer["films"]]


LARGE = """
set session_replication_role = replica;
insert into public.theaters (slug, name, city, country, address, time_zone, currency)
  select 'theater-' || n, 'Picture House ' || n, 'City ' || n % 12, 'AT', 'High Street ' || n,
         (array['Europe/Vienna', 'Europe/London', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland'])[1 + n % 5],
         'EUR'
  from generate_series(1, {theaters}) n;
insert into public.auditoriums (theater_id, name)
  select h.id, 'Screen ' || n from public.theaters h, generate_series(1, 5) n;
insert into public.seats (auditorium_id, row_label, number, x, y)
  select a.id, chr(65 + n / 10), 1 + n % 10, n % 10, n / 10 from public.auditoriums a, generate_series(0, 49) n
  on conflict do nothing;
set session_replication_role = origin;
insert into public.movies (slug, title, original_title, release_year, directors, cast_members, genres, language,
                           certificate, length_minutes, synopsis, rights)
  select 'long-night-' || n, 'The Long Night of the Pedestrian ' || n, 'Die lange Nacht der Fußgänger ' || n,
         1920 + n % 100, array['Władysław Ślesicki ' || n % 50],
         array['Zoë Ångström ' || n, 'Ann Other', 'Łucja Nowak', 'Jürgen Groß'],
         array[(array['drama', 'comedy', 'horror', 'western', 'science fiction'])[1 + n % 5]],
         (array['en', 'de', 'zxx'])[1 + n % 3], (array['U', 'PG', '12', '15', '18'])[1 + n % 5]::public.certificate,
         20 + n % 120, repeat('A long synopsis. ', 20), 'Public domain.'
  from generate_series(1, {films}) n;
set session_replication_role = replica;
with room as (select id, row_number() over (order by id) - 1 as n from public.auditoriums),
film as (select id, row_number() over (order by id) - 1 as n from public.movies where slug like 'long-night-%')
insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)
  select film.id, room.id, s, s + interval '2 hours', s + interval '2 hours'
  from generate_series(0, {showtimes} - 1) t (n)
  join room on room.n = t.n % (select count(*) from room)
  join film on film.n = (t.n * 7919) % (select count(*) from film)
  cross join lateral (
    select now() + interval '1 hour' + (t.n / (select count(*) from room)) * interval '5 hours' as s) x;
insert into public.showtime_prices select t.id, 'standard', 1200 from public.showtimes t on conflict do nothing;
set session_replication_role = origin;
analyze;
"""
"""A catalog of a size to be chosen; run it as a superuser, since triggers would look at each row."""
