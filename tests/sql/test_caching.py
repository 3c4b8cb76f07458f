"""What browsers and CDNs may keep of an answer, and of which request's."""

from __future__ import annotations

import json

import pytest

from tests.cinema import Caller, CinemaFixture, Json
from tests.sql.test_records import staff

EVERYBODYS = {
    "whats_on": "public, max-age=30",
    "movie": "public, max-age=0, s-maxage=2",
    "theaters": "public, max-age=300",
    "theater": "public, max-age=30",
    "seat_layout": "public, max-age=31536000, immutable",
}
BY_CALLER = dict.fromkeys(("showtime", "seat_states", "seat_map"), "public, max-age=0, s-maxage=1")
PUBLIC = EVERYBODYS | BY_CALLER
PRIVATE = (
    "my_bookings",
    "my_booking",
    "my_account",
    "my_data",
    "my_second_factor",
    "my_sessions",
    "seat_holder",
    "booking_history",
)

PLAIN: dict[str, Json | None] = {
    "outside the Data API": None,
    "no headers": {},
    "a browser's fetch": {"accept": "*/*", "accept-encoding": "gzip", "accept-language": "de"},
    "supabase-js": {"accept": "*/*", "accept-profile": "public", "x-client-info": "supabase-js-web/2"},
    "JSON": {"accept": "application/json", "x-request-id": "page-1234"},
}
NOT_PLAIN: dict[str, Json] = {
    "a range": {"accept": "*/*", "range": "5-9", "range-unit": "items"},
    "a range of nothing": {"range": ""},
    "CSV": {"accept": "text/csv"},
    "one object": {"accept": "application/vnd.pgrst.object+json"},
    "no nulls": {"accept": "application/vnd.pgrst.array+json;nulls=stripped"},
    "the plan": {"accept": 'application/vnd.pgrst.plan+json; for="application/json"'},
    "JSON at least": {"accept": "application/json;q=0.1, text/csv"},
    "anything at least": {"accept": "*/*;q=0.1, text/csv"},
    "no media type": {"accept": ""},
    "another type of JSON": {"accept": "application/json-seq"},
    "a preference": {"accept": "application/json", "prefer": "timezone=Asia/Tokyo"},
    "a count": {"prefer": "count=exact"},
}


def arguments(cinema: CinemaFixture, function: str, booking: Json | None = None) -> Json:
    (place,) = cinema.rows(
        "select a.id, a.layout_version, m.slug as movie, h.slug as theater from public.showtimes t"
        " join public.auditoriums a on a.id = t.auditorium_id join public.theaters h on h.id = a.theater_id"
        " join public.movies m on m.id = t.movie_id where t.id = %s",
        [cinema.showtime_id],
    )
    known: dict[str, Json] = {
        "movie": {"slug": place["movie"]},
        "theater": {"slug": place["theater"]},
        "seat_layout": {"auditorium_id": place["id"], "version": place["layout_version"]},
        "seat_holder": {"showtime_id": cinema.showtime_id, "seat_id": cinema.seats[0]},
        **{each: {"showtime_id": cinema.showtime_id} for each in BY_CALLER},
    }
    if function in ("my_booking", "booking_history"):
        assert booking is not None
        return {"booking_id": booking["id"]}
    return known.get(function, {})


def said(who: Caller, function: str, asked: Json, request: Json | None = None) -> dict[str, str]:
    """Return the headers of the answer to a request with such headers, which reading functions can set, too."""
    with who.connection.transaction(force_rollback=True):
        who.connection.execute("set transaction read only")
        who.begin()
        if request is not None:
            who.connection.execute("select set_config('request.headers', %s, true)", [json.dumps(request)])
        who.call_in_transaction(function, **asked)
        row = who.connection.execute("select current_setting('response.headers', true) as headers").fetchone()
    assert row is not None
    return {name: value for header in json.loads(row["headers"] or "[]") for name, value in header.items()}


@pytest.mark.parametrize("function", PUBLIC)
def test_a_plain_answer_may_be_kept(cinema: CinemaFixture, function: str) -> None:
    asked = arguments(cinema, function)
    told = {
        sent: said(cinema.anonymous(), function, asked, headers)["Cache-Control"] for sent, headers in PLAIN.items()
    }
    assert told == dict.fromkeys(PLAIN, PUBLIC[function])


@pytest.mark.parametrize("function", PUBLIC)
def test_only_a_plain_answer_may_be_kept(cinema: CinemaFixture, function: str) -> None:
    """PostgREST makes something else of the others, at the address that everybody asks."""
    asked = arguments(cinema, function)
    told = {
        sent: said(cinema.anonymous(), function, asked, headers)["Cache-Control"] for sent, headers in NOT_PLAIN.items()
    }
    assert told == dict.fromkeys(NOT_PLAIN, "no-store")


@pytest.mark.parametrize("function", PUBLIC)
def test_an_answer_names_the_headers_that_it_depends_on(cinema: CinemaFixture, function: str) -> None:
    asked = arguments(cinema, function)
    vary = "Accept, Prefer, Range" + (", Authorization" if function in BY_CALLER else "")
    for who in (cinema.anonymous(), cinema.customer()):
        for headers in (None, {"accept": "*/*"}, {"accept": "text/csv"}, {"range": "5-9"}):
            assert said(who, function, asked, headers)["Vary"] == vary


@pytest.mark.parametrize("function", BY_CALLER)
def test_what_a_customer_asks_in_whatever_way_is_kept_by_nobody(cinema: CinemaFixture, function: str) -> None:
    ada, asked = cinema.customer(), arguments(cinema, function)
    for headers in (*PLAIN.values(), *NOT_PLAIN.values()):
        assert "no-store" in said(ada, function, asked, headers)["Cache-Control"]


@pytest.mark.parametrize("function", PRIVATE)
def test_what_is_for_one_reader_is_kept_by_nobody(cinema: CinemaFixture, function: str) -> None:
    who = staff(cinema) if function in ("seat_holder", "booking_history") else cinema.customer()
    asked = arguments(cinema, function, cinema.buy(who, 0))
    assert said(who, function, asked)["Cache-Control"] == "private, no-store"


def test_the_time_is_kept_by_nobody(cinema: CinemaFixture) -> None:
    assert said(cinema.anonymous(), "server_time", {})["Cache-Control"] == "no-store"


def test_every_reading_function_says_how_long_its_answer_may_be_kept(cinema: CinemaFixture) -> None:
    reading = cinema.rows(
        "select p.proname as name from pg_catalog.pg_proc p"
        " where p.pronamespace = 'public'::regnamespace and p.provolatile <> 'v' and p.prosecdef"
        "   and has_function_privilege('anon', p.oid, 'execute')"
    )
    assert {row["name"] for row in reading} == {*PUBLIC, *PRIVATE, "server_time"}
