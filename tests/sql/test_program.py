"""whats_on, movie, theaters and theater: what clients read of the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dev.postgres import ADMIN, Cluster
from tests.cinema import CinemaFixture, Json, Refused
from tests.program import LARGE, add_movie, add_theater, pages, show, titles


def whats_on(cinema: CinemaFixture, **question: Any) -> Json:
    return cinema.anonymous().call("whats_on", **question)


def movie(cinema: CinemaFixture, slug: str = "nosferatu", **question: Any) -> Json:
    return cinema.anonymous().call("movie", slug=slug, **question)


def refused(cinema: CinemaFixture, function: str, **question: Any) -> tuple[str | None, Json]:
    with pytest.raises(Refused) as refusal:
        cinema.anonymous().call(function, **question)
    return refusal.value.code, refusal.value.details


# The list of films ----------------------------------------------------------------------------------------------------


def test_the_program_says_all_that_a_list_of_films_needs(cinema: CinemaFixture) -> None:
    cinema.freeze()
    answer = whats_on(cinema)
    starts_at = cinema.value("select starts_at from public.showtimes")
    assert datetime.fromisoformat(answer.pop("server_time")) == cinema.value("select private.now()")
    [film] = answer["films"]
    [showtime] = film["showtimes"]
    assert datetime.fromisoformat(showtime.pop("starts_at")) == starts_at
    assert answer == {
        "total": 1,
        "days": [str(cinema.value("select (starts_at at time zone 'Europe/Vienna')::date from public.showtimes"))],
        "genres": ["Horror"],
        "languages": ["zxx"],
        "films": [
            {
                "id": cinema.movie_id,
                "slug": "nosferatu",
                "title": "Nosferatu",
                "original_title": None,
                "release_year": 1922,
                "directors": ["F. W. Murnau"],
                "genres": ["Horror"],
                "language": "zxx",
                "certificate": "12",
                "length_minutes": 94,
                "showtimes": [{"id": cinema.showtime_id, "theater_id": cinema.theater_id}],
                "more_showtimes": 0,
            }
        ],
        "theaters": [
            {
                "id": cinema.theater_id,
                "slug": "scala",
                "name": "Scala",
                "city": "Wien",
                "time_zone": "Europe/Vienna",
            }
        ],
        "more": False,
        "after": None,
    }


def test_nothing_is_on_that_has_begun_or_was_cancelled(cinema: CinemaFixture) -> None:
    _, room = add_theater(cinema, "gloria")
    show(cinema, add_movie(cinema, "Cancelled"), room, "2 days", status="cancelled")
    show(cinema, add_movie(cinema, "Over"), room, "5 hours")
    assert titles(whats_on(cinema)) == ["Nosferatu", "Over"]
    cinema.advance("5 hours")
    answer = whats_on(cinema)
    assert (titles(answer), answer["total"], answer["genres"]) == (["Nosferatu"], 1, ["Horror"])
    cinema.advance("20 hours")
    answer = whats_on(cinema)
    empty: Json = {"total": 0, "days": [], "genres": [], "languages": [], "films": [], "theaters": []}
    assert answer == {"server_time": answer["server_time"], **empty, "more": False, "after": None}


def test_a_day_is_the_day_on_the_wall_of_each_theater(cinema: CinemaFixture) -> None:
    cinema.owner.execute("delete from public.showtimes where true")
    at = cinema.value("select date_trunc('day', private.now() at time zone 'UTC') at time zone 'UTC'") + timedelta(
        days=3
    )
    day = at.date()
    zones = ("Pacific/Kiritimati", "Europe/Vienna", "America/New_York", "Pacific/Pago_Pago")
    for zone in zones:
        _, room = add_theater(cinema, zone.lower().replace("/", "-").replace("_", "-"), zone)
        # Two minutes before the day begins, as it begins, a minute before it ends, and as it has ended.
        start = cinema.value("select %s::date::timestamp at time zone %s", [day, zone])
        for name, when in {
            "before": start - timedelta(minutes=100),
            "first": start,
            "last": start + timedelta(hours=23, minutes=59),
            "after": start + timedelta(hours=25, minutes=30),
        }.items():
            show(cinema, add_movie(cinema, f"{zone} {name}"), room, when)
    assert sorted(titles(whats_on(cinema, day=day))) == sorted(f"{z} {n}" for z in zones for n in ("first", "last"))
    days = [date.fromisoformat(day) for day in whats_on(cinema)["days"]]
    assert days == [day - timedelta(days=1), day, day + timedelta(days=1)]


def test_the_hour_that_autumn_has_twice_belongs_to_its_day(cinema: CinemaFixture) -> None:
    """In Havana clocks go back at 01:00, so midnight comes twice: 2027-11-07 00:30 is at 04:30 and at 05:30 UTC."""
    cinema.owner.execute("delete from public.showtimes where true")
    cinema.owner.execute("update private.test_clock set fixed = '2027-11-01 12:00Z'")
    _, room = add_theater(cinema, "yara", "America/Havana")
    film = add_movie(cinema, "Lucía", length_minutes=30)
    shown = [show(cinema, film, room, datetime(2027, 11, 7, hour, 30, tzinfo=UTC)) for hour in (4, 5)]
    show(cinema, film, room, datetime(2027, 11, 7, 3, 30, tzinfo=UTC))
    answer = whats_on(cinema, day=date(2027, 11, 7))
    assert [showtime["id"] for showtime in answer["films"][0]["showtimes"]] == shown
    assert answer["days"] == ["2027-11-06", "2027-11-07"]


def test_theaters_narrow_the_program_and_what_can_be_chosen(cinema: CinemaFixture) -> None:
    here, room = add_theater(cinema, "gloria", "America/New_York")
    show(cinema, add_movie(cinema, "Rain", genres=["musical"], language="fr"), room, "6 days")
    answer = whats_on(cinema, theater_ids=[here])
    assert titles(answer) == ["Rain"]
    assert (answer["genres"], answer["languages"], len(answer["days"])) == (["musical"], ["fr"], 1)
    assert [theater["slug"] for theater in answer["theaters"]] == ["gloria"]
    assert titles(whats_on(cinema, theater_ids=[here, cinema.theater_id])) == ["Nosferatu", "Rain"]
    assert titles(whats_on(cinema, theater_ids=[2**62])) == []


def test_filters_narrow_the_list_and_not_what_can_be_chosen(cinema: CinemaFixture) -> None:
    _, room = add_theater(cinema, "gloria")
    facts: list[Json] = [
        {"title": "Short", "length_minutes": 45, "certificate": "U", "language": "de", "genres": ["comedy", "short"]},
        {"title": "Feature", "length_minutes": 46, "certificate": "PG", "language": "en", "genres": ["comedy"]},
        {"title": "Two hours", "length_minutes": 120, "certificate": "15", "language": "en", "genres": ["drama"]},
        {"title": "Long", "length_minutes": 121, "certificate": "18", "language": "en", "genres": ["drama"]},
    ]
    for n, film in enumerate(facts):
        show(cinema, add_movie(cinema, **film), room, f"{2 + n} days")

    def found(**filters: str) -> list[str]:
        answer = whats_on(cinema, filters=json.dumps(filters))
        assert answer["genres"] == ["comedy", "drama", "Horror", "short"]
        assert answer["total"] == len(answer["films"])
        return titles(answer)

    assert found() == ["Feature", "Long", "Nosferatu", "Short", "Two hours"]
    assert found(genre="comedy") == ["Feature", "Short"]
    assert found(genre="short", language="de") == ["Short"]
    assert found(genre="short", language="en") == []
    assert found(certificate="U") == ["Short"]
    assert found(certificate="12") == ["Feature", "Nosferatu", "Short"]
    assert found(certificate="18") == ["Feature", "Long", "Nosferatu", "Short", "Two hours"]
    assert found(length="short") == ["Short"]
    assert found(length="feature") == ["Feature", "Nosferatu", "Two hours"]
    assert found(length="long") == ["Long"]


def test_films_are_sorted_by_title_without_its_article_or_by_what_is_soonest(cinema: CinemaFixture) -> None:
    _, room = add_theater(cinema, "gloria")
    for n, title in enumerate(["The Zone", "Émile", "An Apple", "Thesis"]):
        show(cinema, add_movie(cinema, title), room, f"{10 - 2 * n} days")
    assert titles(whats_on(cinema)) == ["An Apple", "Émile", "Nosferatu", "Thesis", "The Zone"]
    assert titles(whats_on(cinema, sort="soonest")) == ["Nosferatu", "Thesis", "An Apple", "Émile", "The Zone"]


def test_a_film_lists_its_next_three_showtimes_and_says_how_many_there_are_besides(cinema: CinemaFixture) -> None:
    more = [cinema.add_showtime(f"{days} days") for days in (5, 3, 4, 2)]
    [film] = whats_on(cinema)["films"]
    assert [showtime["id"] for showtime in film["showtimes"]] == [cinema.showtime_id, more[3], more[1]]
    assert film["more_showtimes"] == 2


def test_a_film_whose_next_showtime_begins_between_two_pages_keeps_its_place(cinema: CinemaFixture) -> None:
    _, room = add_theater(cinema, "gloria")
    films = {name: add_movie(cinema, name) for name in ("A", "B", "C")}
    for hours, name in enumerate(["A", "B", "C", "A", "B"], start=1):
        show(cinema, films[name], room, f"{hours * 2} hours")
    first = whats_on(cinema, sort="soonest", max_films=1)
    assert titles(first) == ["A"]
    cinema.advance("4 hours")
    second = whats_on(cinema, sort="soonest", max_films=1, after=first["after"])
    assert (titles(second), len(second["films"][0]["showtimes"])) == (["B"], 1)
    cinema.advance("2 hours")
    assert titles(whats_on(cinema, sort="soonest", max_films=3, after=second["after"])) == ["Nosferatu"], "C is over"


def test_only_the_first_page_says_what_can_be_chosen(cinema: CinemaFixture) -> None:
    _, room = add_theater(cinema, "gloria")
    show(cinema, add_movie(cinema, "Rain"), room, "2 days")
    first, second = pages(cinema.anonymous(), max_films=1)
    assert (first["total"], second["total"]) == (2, 2)
    assert [second["days"], second["genres"], second["languages"]] == [None, None, None]


def test_a_page_is_as_large_as_it_may_be_whatever_films_are_called(cinema: CinemaFixture) -> None:
    theaters = [add_theater(cinema, f"{n}-" + "x" * 1_000) for n in range(30)]
    for n in range(60):
        film = add_movie(cinema, f"{n:02} " + "ß" * 1_000)
        show(cinema, film, theaters[n % 30][1], f"{2 + n} days")
    found = pages(cinema.anonymous(), max_films=60)
    assert len(found) > 2
    assert max(len(json.dumps(page, ensure_ascii=False).encode()) for page in found) < 60_000
    assert len(set(titles(found))) == len(titles(found)) == 61


BAD: list[tuple[str, Json]] = [
    *(("day", {"day": date}) for date in ("1999-12-31", "2999-01-01", "infinity", "-infinity")),
    *(("theater_ids", {"theater_ids": ids}) for ids in ([], list(range(501)))),
    *(("sort", {"sort": sort}) for sort in ("", "price", "relevance", "title desc")),
    ("sort", {"sort": "relevance", "search": " ... "}),
    *(("max_films", {"max_films": films}) for films in (0, -1, 61, None)),
    ("search", {"search": "x" * 101}),
    *(
        ("filters", {"filters": filters})
        for filters in (
            "[]",
            "null",
            '"genre"',
            "7",
            '{"color": "red"}',
            '{"genre": 7}',
            '{"genre": null}',
            '{"genre": ["drama"]}',
            json.dumps('{"color": "red"}'),
            json.dumps('"{}"'),
            '{"genre": ""}',
            json.dumps({"genre": "x" * 101}),
            '{"certificate": "16"}',
            '{"length": "endless"}',
            '{"genre": "drama", "Genre": "drama"}',
        )
    ),
    *(("after", {"after": text}) for text in ("", "0", "zz", "00", "ff", "7b7d", "5b5d", "6e756c6c", "7b" * 4_000)),
]


@pytest.mark.parametrize(("argument", "question"), BAD, ids=lambda value: str(value)[:40])
def test_what_is_no_question_is_refused_with_the_argument(cinema: CinemaFixture, argument: str, question: Json) -> None:
    assert refused(cinema, "whats_on", **question) == ("invalid_request", {"argument": argument})


@pytest.mark.parametrize(
    ("argument", "question"),
    [(name, question) for name, question in BAD if name in ("day", "theater_ids", "after")],
    ids=lambda value: str(value)[:40],
)
def test_a_films_question_is_checked_alike(cinema: CinemaFixture, argument: str, question: Json) -> None:
    assert refused(cinema, "movie", slug="nosferatu", **question) == ("invalid_request", {"argument": argument})


def test_a_cursor_is_good_for_its_own_question_and_for_a_day(cinema: CinemaFixture) -> None:
    _, room = add_theater(cinema, "gloria")
    show(cinema, add_movie(cinema, "Rain"), room, "4 days")
    cinema.add_showtime("5 days")
    after = whats_on(cinema, max_films=1)["after"]
    assert titles(whats_on(cinema, max_films=60, after=after)) == ["Rain"]
    for other in ({"sort": "soonest"}, {"search": "rain"}, {"filters": '{"genre": "drama"}'}, {"theater_ids": [1]}):
        assert refused(cinema, "whats_on", after=after, **other) == ("invalid_request", {"argument": "after"})
    assert refused(cinema, "movie", slug="nosferatu", after=after) == ("invalid_request", {"argument": "after"})
    cinema.advance("25 hours")
    assert refused(cinema, "whats_on", after=after) == ("invalid_request", {"argument": "after"})


@pytest.mark.parametrize("function", ["whats_on", "movie"])
def test_a_forged_cursor_is_refused_like_any_other_text(cinema: CinemaFixture, function: str) -> None:
    """It names the right question, which is no secret, and a place of other types."""
    asked: Json = {"whats_on": {"max_films": 1}, "movie": {"slug": "nosferatu"}}[function]
    if function == "whats_on":
        _, room = add_theater(cinema, "gloria")
        show(cinema, add_movie(cinema, "Rain"), room, "4 days")
    else:
        for n in range(250):
            cinema.add_showtime(f"{2 + n} days")
    after = cinema.anonymous().call(function, **asked)["after"]
    place = json.loads(bytes.fromhex(after))
    for name in place.keys() - {"title"}:
        for value in (None, [], "x" * 9):
            forged = json.dumps({**place, name: value}).encode().hex()
            assert refused(cinema, function, **asked, after=forged) == ("invalid_request", {"argument": "after"})


# All pages together are the truth -------------------------------------------------------------------------------------

ZONES = (
    *("Europe/Vienna", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"),
    *("America/Havana", "Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns", "Asia/Kolkata"),
)
showtimes_drawn = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(-12, 400), st.booleans()), max_size=40
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zones=st.lists(st.sampled_from(ZONES), min_size=4, max_size=4),
    drawn=showtimes_drawn,
    now=st.sampled_from(["2026-10-24 21:00Z", "2026-11-01 03:30Z", "2027-03-13 22:15Z", "2026-12-31 11:45Z"]),
    day=st.one_of(st.none(), st.integers(-1, 5)),
    chosen=st.one_of(st.none(), st.sets(st.integers(0, 3), min_size=1)),
    sort=st.sampled_from(["title", "soonest"]),
    max_films=st.integers(1, 4),
)
def test_the_pages_together_are_the_program_read_plainly(
    cinema: CinemaFixture,
    zones: list[str],
    drawn: list[tuple[int, int, int, bool]],
    now: str,
    day: int | None,
    chosen: set[int] | None,
    sort: str,
    max_films: int,
) -> None:
    with cinema.owner.transaction(force_rollback=True):
        cinema.owner.execute("delete from public.showtimes where true")
        cinema.owner.execute("update private.test_clock set fixed = %s", [now])
        theaters = [add_theater(cinema, f"theater-{n}", zone, screens=50) for n, zone in enumerate(zones)]
        movies = [add_movie(cinema, title, length_minutes=1) for title in ("The A", "B", "b", "An Ö", "É", "Z", "z 2")]
        for n, (film, theater, quarter, cancelled) in enumerate(drawn):
            # Each in an auditorium of its own, around now in steps of a quarter of an hour.
            at = cinema.value("select %s::timestamptz + %s * interval '15 minutes'", [now, quarter])
            show(cinema, movies[film], theaters[theater][1 + n % 50], at, "cancelled" if cancelled else "scheduled")
        question: Json = {
            "day": None if day is None else date.fromisoformat(now[:10]) + timedelta(days=day),
            "theater_ids": None if chosen is None else [theaters[n][0] for n in chosen],
        }
        truth = {
            row["id"]: row["shown"]
            for row in cinema.rows(
                "select t.movie_id as id, array_agg(t.id order by t.starts_at, t.id) as shown"
                " from public.showtimes t join public.auditoriums a on a.id = t.auditorium_id"
                " join public.theaters h on h.id = a.theater_id"
                " where t.status = 'scheduled' and t.starts_at > %(now)s::timestamptz"
                " and (%(day)s::date is null or to_char(t.starts_at at time zone h.time_zone, 'YYYY-MM-DD') ="
                " to_char(%(day)s::date, 'YYYY-MM-DD'))"
                " and (%(theater_ids)s::bigint[] is null or a.theater_id = any (%(theater_ids)s)) group by t.movie_id",
                {"now": now, **question},
            )
        }
        found: list[Json] = []
        after: str | None = None
        while True:
            page = cinema.value(
                "select public.whats_on(day => %(day)s, theater_ids => %(theater_ids)s, sort => %(sort)s,"
                " max_films => %(max_films)s, after => %(after)s)",
                {**question, "sort": sort, "max_films": max_films, "after": after},
            )
            assert page["total"] == len(truth)
            assert page["more"] is (len(found) + len(page["films"]) < len(truth))
            named = {s["theater_id"] for film in page["films"] for s in film["showtimes"]}
            assert [theater["id"] for theater in page["theaters"]] == sorted(named)
            found += page["films"]
            after = page["after"]
            if after is None:
                break
        assert [film["id"] for film in found] == list(dict.fromkeys(film["id"] for film in found))
        shown = {film["id"]: [s["id"] for s in film["showtimes"]] for film in found}
        assert shown == {movie_id: ids[:3] for movie_id, ids in truth.items()}
        assert {f["id"]: f["more_showtimes"] for f in found} == {m: max(0, len(ids) - 3) for m, ids in truth.items()}
        if sort == "soonest":
            starts = [film["showtimes"][0]["starts_at"] for film in found]
            assert starts == sorted(starts)


# A film and its showtimes ---------------------------------------------------------------------------------------------


def test_a_film_comes_with_all_that_its_page_shows(cinema: CinemaFixture) -> None:
    cinema.lock(cinema.customer(), 0, 1)
    cinema.owner.execute("insert into public.showtime_prices values (%s, 'wheelchair', 900)", [cinema.showtime_id])
    answer = movie(cinema)
    facts = ("id", "slug", "title", "original_title", "release_year", "directors", "cast_members", "genres")
    rest = ("language", "certificate", "length_minutes", "synopsis", "rights")
    [row] = cinema.rows(f"select {', '.join([*facts, *rest])} from public.movies")
    assert answer["movie"] == row
    [showtime] = answer["showtimes"]
    assert datetime.fromisoformat(showtime.pop("starts_at")) == cinema.value("select starts_at from public.showtimes")
    day = str(cinema.value("select (starts_at at time zone 'Europe/Vienna')::date from public.showtimes"))
    assert showtime == {
        "id": cinema.showtime_id,
        "day": day,
        "status": "scheduled",
        "theater_id": cinema.theater_id,
        "auditorium": "Saal 1",
        "seats_left": 48,
        "price_from": 1200,
    }
    assert answer["days"] == [{"day": day, "showtimes": 1}]
    assert answer["theaters"] == cinema.rows(
        "select id, slug, name, city, address, time_zone, currency from public.theaters"
    )
    assert (answer["more"], answer["after"]) == (False, None)


def test_a_film_shows_what_has_begun_or_was_cancelled_until_it_would_have_ended(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update public.showtimes set status = 'cancelled' where true")
    begun = cinema.add_showtime("2 hours")
    assert [(s["id"], s["status"]) for s in movie(cinema)["showtimes"]] == [
        (begun, "scheduled"),
        (cinema.showtime_id, "cancelled"),
    ]
    cinema.advance("3 hours")
    assert [s["id"] for s in movie(cinema)["showtimes"]] == [begun, cinema.showtime_id]
    cinema.advance("23 hours")
    assert movie(cinema)["showtimes"] == []
    assert movie(cinema)["movie"]["title"] == "Nosferatu"


def test_the_cheapest_price_is_one_that_anybody_can_pay(cinema: CinemaFixture) -> None:
    def price(*kinds: tuple[str, int]) -> int | None:
        cinema.owner.execute("delete from public.showtime_prices where true")
        for kind, amount in kinds:
            cinema.owner.execute(
                "insert into public.showtime_prices values (%s, %s, %s)", [cinema.showtime_id, kind, amount]
            )
        return movie(cinema)["showtimes"][0]["price_from"]

    assert price(("standard", 1200), ("premium", 1500), ("wheelchair", 900), ("companion", 100)) == 1200
    assert price(("wheelchair", 900)) == 900
    assert price() is None


def test_unknown_films_and_theaters(cinema: CinemaFixture) -> None:
    for slug in ("", "nothing", "NOSFERATU", None):
        assert refused(cinema, "movie", slug=slug) == ("unknown_movie", {})
        assert refused(cinema, "theater", slug=slug) == ("unknown_theater", {})


def test_a_film_lists_whole_days_and_pages_through_the_rest(cinema: CinemaFixture) -> None:
    cinema.owner.execute("delete from public.showtimes where true")
    cinema.freeze()
    film = add_movie(cinema, "Rain", length_minutes=1)
    rooms = [add_theater(cinema, f"theater-{n}", zone, screens=90)[1:] for n, zone in enumerate(ZONES[:3])]
    for day in range(3):
        for room in range(90):
            for theater in rooms:
                show(cinema, film, theater[room], f"{24 * day + room % 20} hours 1 minute")
    slug = cinema.value("select slug from public.movies where title = 'Rain'")
    found = pages(cinema.anonymous(), function="movie", slug=slug)
    ids = [showtime["id"] for page in found for showtime in page["showtimes"]]
    assert len(ids) == len(set(ids)) == 3 * 90 * 3
    listed = [(s["day"], s["starts_at"], s["id"]) for page in found for s in page["showtimes"]]
    assert listed == sorted(listed)
    days = {day["day"]: day["showtimes"] for day in found[0]["days"]}
    assert sum(days.values()) == len(ids)
    assert all(page["days"] == found[0]["days"] for page in found)
    for page in found:
        assert 0 < len(page["showtimes"]) <= 200
        begun = [showtime["day"] for showtime in page["showtimes"]]
        if len(set(begun)) > 1:
            last = begun[-1]
            assert sum(1 for s in listed if s[0] == last) == begun.count(last), "a later day is listed whole"
    [first, *_] = days
    whole = pages(cinema.anonymous(), function="movie", slug=slug, day=date.fromisoformat(first))
    assert sum(len(page["showtimes"]) for page in whole) == days[first]
    assert {s["day"] for page in whole for s in page["showtimes"]} == {first}
    here = cinema.value("select id from public.theaters where slug = 'theater-1'")
    there = pages(cinema.anonymous(), function="movie", slug=slug, theater_ids=[here])
    assert {s["theater_id"] for page in there for s in page["showtimes"]} == {here}
    assert sum(len(page["showtimes"]) for page in there) == 270 == sum(d["showtimes"] for d in there[0]["days"])


def test_seats_left_of_many_showtimes(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    second = cinema.add_showtime("2 days")
    room = cinema.add_auditorium("Saal 2", 3, 4)
    third = cinema.add_showtime("1 day", room)
    cinema.lock(ada, 0, 1)
    cinema.buy(bob, 49)
    cinema.lock(ada, 3, showtime_id=second)
    cinema.owner.execute("delete from public.showtime_prices where showtime_id = %s and kind = 'premium'", [second])
    # Unpriced, and held all the same by who chose it before.
    cinema.owner.execute(
        "insert into public.seat_locks (showtime_id, id, seat_id, user_id, held)"
        " select %s, extract(epoch from n) * 1000000, s.id, gen_random_uuid(), tstzrange(n, n + interval '10 minutes')"
        " from (select private.now() as n) n, public.seats s"
        " where s.auditorium_id = %s and s.kind = 'premium' limit 1",
        [second, cinema.auditorium_id],
    )
    cinema.owner.execute("delete from public.showtime_prices where showtime_id = %s", [third])

    def counts() -> Json:
        rows = cinema.rows(
            "select * from private.seats_left(%s, private.now())", [[cinema.showtime_id, second, third, 2**60]]
        )
        return {row["showtime_id"]: row["seats_left"] for row in rows}

    assert counts() == {cinema.showtime_id: 47, second: 39, third: 0}
    cinema.advance("10 minutes")
    assert counts() == {cinema.showtime_id: 49, second: 40, third: 0}


# Theaters -------------------------------------------------------------------------------------------------------------


def test_theaters_are_listed_by_city_and_name(cinema: CinemaFixture) -> None:
    add_theater(cinema, "gloria")
    add_theater(cinema, "apollo")
    answer = cinema.anonymous().call("theaters")
    assert [theater["slug"] for theater in answer["theaters"]] == ["apollo", "gloria", "scala"]
    assert set(answer["theaters"][0]) == {"id", "slug", "name", "city", "country", "time_zone"}
    assert answer["more"] is False


def test_more_theaters_than_are_listed_are_admitted(cinema: CinemaFixture, cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(cinema.owner.info.dbname, ADMIN)) as superuser:
        superuser.execute("set session_replication_role = replica")  # to know a zone takes long
        superuser.execute(
            "insert into public.theaters (slug, name, city, country, address, time_zone, currency)"
            " select 't-' || n, 'T', 'C', 'AT', 'R', 'Europe/Vienna', 'EUR' from generate_series(1, 500) n"
        )
    answer = cinema.anonymous().call("theaters")
    assert (len(answer["theaters"]), answer["more"]) == (500, True)


def test_a_theater_says_where_it_is_and_what_is_next(cinema: CinemaFixture) -> None:
    next_ids = [cinema.showtime_id, *(cinema.add_showtime(f"{n} days") for n in range(2, 25))]
    elsewhere, room = add_theater(cinema, "gloria")
    show(cinema, cinema.movie_id, room, "1 day")
    answer = cinema.anonymous().call("theater", slug="scala")
    assert [showtime["id"] for showtime in answer["showtimes"]] == next_ids[:20]
    assert answer["more_showtimes"] == 4
    assert answer["showtimes"][0]["movie"] == {"slug": "nosferatu", "title": "Nosferatu"}
    assert answer["showtimes"][0]["auditorium"] == "Saal 1"
    assert answer["auditoriums"] == [{"id": cinema.auditorium_id, "name": "Saal 1", "seats": 50}]
    assert {name: answer[name] for name in ("id", "name", "city", "country", "address", "time_zone", "currency")} == {
        "id": cinema.theater_id,
        "name": "Scala",
        "city": "Wien",
        "country": "AT",
        "address": "Ring 1",
        "time_zone": "Europe/Vienna",
        "currency": "EUR",
    }
    assert elsewhere != answer["id"]


# How large an answer can get ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(cluster: Cluster, template: str) -> Iterator[CinemaFixture]:
    """400 films in 60 theaters with 20,000 showtimes to come. Nothing here writes."""
    cluster.create_database("large", template)
    with psycopg.connect(cluster.url("large", ADMIN), autocommit=True) as superuser:
        superuser.execute(LARGE.format(films=400, theaters=60, showtimes=20_000).encode())
    with CinemaFixture(cluster.url("large")) as cinema:
        yield cinema
    cluster.drop_database("large")


def size(answer: Json) -> int:
    return len(json.dumps(answer, ensure_ascii=False).encode())


def test_a_page_of_a_large_program_stays_small(large: CinemaFixture) -> None:
    every = pages(large.anonymous(), max_films=60)
    assert len(titles(every)) == len(set(titles(every))) == 401 == every[0]["total"]
    assert max(size(page) for page in every) < 60_000
    assert size(whats_on(large)) < 25_000
    tomorrow = large.value("select current_date + 1")
    assert size(whats_on(large, day=tomorrow, search="pedestrian", max_films=60)) < 60_000
    assert size(large.anonymous().call("theaters")) < 10_000


def test_a_film_in_all_theaters_stays_small(cluster: Cluster, template: str) -> None:
    cluster.create_database("one_film", template)
    with psycopg.connect(cluster.url("one_film", ADMIN), autocommit=True) as superuser:
        superuser.execute(LARGE.format(films=1, theaters=60, showtimes=6_000).encode())
    with CinemaFixture(cluster.url("one_film")) as cinema:
        answer = movie(cinema, "long-night-1")
        assert len(answer["showtimes"]) == 200
        assert sum(day["showtimes"] for day in answer["days"]) == 6_000
        assert size(answer) < 60_000
        assert size(whats_on(cinema)) < 5_000
    cluster.drop_database("one_film")
