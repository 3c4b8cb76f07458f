"""seat_states and showtime: what of a seat map changes, and what does not."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any

import pytest

from tests.cinema import Caller, CinemaFixture, Json, Refused
from tests.sql.test_seat_layout import headers


def states(cinema: CinemaFixture, who: Caller | None = None) -> Json:
    return (who or cinema.anonymous()).call("seat_states", showtime_id=cinema.showtime_id)


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_the_states_name_what_is_not_free(cinema: CinemaFixture) -> None:
    ada, bob, eve = cinema.customer(), cinema.customer("Bob"), cinema.customer("Eve")
    first, second = cinema.lock(ada, 0, 1), cinema.lock(eve, 7)
    cinema.buy(bob, 49)
    answer = states(cinema)
    assert set(answer) == {
        "showtime_id",
        "server_time",
        "revision",
        "layout_version",
        "pending_booking_id",
        "booked",
        "locked",
        "lock_ids",
        "expiries",
        "mine",
        "blocked",
    }
    assert (answer["showtime_id"], answer["revision"], answer["pending_booking_id"]) == (cinema.showtime_id, 0, None)
    assert (answer["booked"], answer["mine"], answer["blocked"]) == ([cinema.seats[49]], [], [])
    others = {
        seat: (lock_id, expires_at)
        for seats, lock_id, expires_at in zip(answer["locked"], answer["lock_ids"], answer["expiries"], strict=True)
        for seat in seats
    }
    assert {seat: lock_id for seat, (lock_id, _) in others.items()} == {
        cinema.seats[0]: first["lock_ids"][0],
        cinema.seats[1]: first["lock_ids"][1],
        cinema.seats[7]: second["lock_ids"][0],
    }
    (mine,) = states(cinema, eve)["mine"]
    assert mine == {"seat_id": cinema.seats[7], "lock_id": second["lock_ids"][0], "expires_at": second["expires_at"]}
    assert [cinema.seats[7]] not in states(cinema, eve)["locked"]
    (sold,) = states(cinema, bob)["mine"]
    assert (sold["seat_id"], sold["expires_at"], states(cinema, bob)["booked"]) == (cinema.seats[49], None, [])


def test_an_empty_auditorium_is_told_in_a_few_bytes(cinema: CinemaFixture) -> None:
    answer = states(cinema)
    assert [answer[key] for key in ("booked", "locked", "lock_ids", "expiries", "mine")] == [[], [], [], [], []]


@pytest.mark.parametrize("second", [1, 59])
def test_others_are_told_the_minute_of_an_end_and_its_holder_the_instant(cinema: CinemaFixture, second: int) -> None:
    cinema.owner.execute(
        "update private.test_clock set fixed = date_trunc('minute', clock_timestamp()) + make_interval(secs => %s)",
        [second + 0.25],
    )
    ada = cinema.customer()
    locked = cinema.lock(ada, 0)
    told = states(cinema)["expiries"][0]
    assert told % 60 == 0
    assert 0 < told - datetime.fromisoformat(locked["expires_at"]).timestamp() < 60
    assert instant(cinema.map()[cinema.seats[0]]["expires_at"]) == told
    assert cinema.map(ada)[cinema.seats[0]]["expires_at"] == locked["expires_at"]
    assert states(cinema, ada)["mine"][0]["expires_at"] == locked["expires_at"]


@pytest.mark.parametrize(
    ("exact", "told"),
    [
        ("2026-12-02 10:00:00+00", "2026-12-02 10:00:00+00"),
        ("2026-12-02 10:00:00.000001+00", "2026-12-02 10:01:00+00"),
        ("2026-12-02 10:59:59.999999+00", "2026-12-02 11:00:00+00"),
        ("1999-12-31 23:59:30+00", "2000-01-01 00:00:00+00"),
        ("infinity", "infinity"),
        (None, None),
    ],
)
def test_an_end_is_rounded_up_to_the_minute(cinema: CinemaFixture, exact: str | None, told: str | None) -> None:
    assert cinema.value("select private.expiry_for_others(%s) is not distinct from %s::timestamptz", [exact, told])


def test_states_change_by_the_clock_alone(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0)
    booking = cinema.book(ada, 1)
    assert states(cinema, ada)["pending_booking_id"] == booking["id"]
    assert [states(cinema, who)["pending_booking_id"] for who in (None, cinema.customer("Bob"))] == [None, None]
    cinema.advance("1 hour")
    answer = states(cinema, ada)
    assert (answer["mine"], answer["pending_booking_id"], states(cinema)["locked"]) == ([], None, [])


def test_states_name_no_customer(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    cinema.lock(ada, 1)
    told = str([states(cinema), states(cinema, cinema.customer("Bob"))])
    assert [secret in told for secret in (str(ada.user_id), booking["id"])] == [False, False]


def test_states_name_the_layout_and_the_revision_that_they_are_of(cinema: CinemaFixture) -> None:
    before = states(cinema)
    cinema.owner.execute("update public.seats set x = x + 0.5 where id = %s", [cinema.seats[0]])
    cinema.owner.execute("update public.showtimes set starts_at = starts_at - interval '1 hour'")
    after = states(cinema)
    assert (after["layout_version"], after["revision"]) == (before["layout_version"] + 1, before["revision"] + 1)
    told = cinema.anonymous().call("showtime", showtime_id=cinema.showtime_id)
    assert (told["auditorium"]["layout_version"], told["revision"]) == (after["layout_version"], after["revision"])


@pytest.mark.parametrize("function", ["seat_states", "showtime"])
def test_an_unknown_showtime(cinema: CinemaFixture, function: str) -> None:
    for showtime_id in (0, -1, 2**62, None):
        with pytest.raises(Refused) as refused:
            cinema.anonymous().call(function, showtime_id=showtime_id)
        assert (refused.value.sqlstate, refused.value.code) == ("PT404", "unknown_showtime")


@pytest.mark.parametrize("function", ["seat_states", "showtime", "seat_map"])
def test_what_everybody_is_answered_may_be_kept_for_a_second(cinema: CinemaFixture, function: str) -> None:
    """By a CDN alone: a browser that keeps it as well would make two seconds of it."""
    assert headers(cinema, function, cinema.showtime_id) == {
        "Cache-Control": "public, max-age=0, s-maxage=1",
        "Vary": "Accept, Prefer, Range, Authorization",
    }


@pytest.mark.parametrize("function", ["seat_states", "showtime", "seat_map"])
def test_what_a_customer_is_answered_is_kept_by_nobody(cinema: CinemaFixture, function: str) -> None:
    ada = cinema.customer()
    ada.begin()
    ada.call_in_transaction(function, showtime_id=cinema.showtime_id)
    row = ada.connection.execute("select current_setting('response.headers')::json ->> 0 as first").fetchone()
    ada.rollback()
    assert row == {"first": '{"Cache-Control" : "private, no-store"}'}


def test_half_of_three_hundred_seats_are_told_in_three_kilobytes(cinema: CinemaFixture) -> None:
    """Two of three taken seats are sold, the others held in twos; ids of locks have sixteen digits."""
    hall = cinema.add_auditorium("Large", 15, 20)
    showtime = cinema.add_showtime("2 days", hall)
    cinema.owner.execute(
        "insert into public.seat_locks (id, showtime_id, seat_id, user_id, booking_id, held) overriding system value"
        " select 1795846404123456 + n / 12, %s, id, gen_random_uuid(), gen_random_uuid(),"
        "   tstzrange(private.now(), case when n %% 12 in (0, 6) then private.now() + interval '10 minutes' end)"
        " from (select s.id, row_number() over (order by s.id) as n from public.seats s where s.auditorium_id = %s) s"
        " where n %% 2 = 0",
        [showtime, hall],
    )
    answer = cinema.anonymous().call("seat_states", showtime_id=showtime)
    assert (len(answer["booked"]), sum(map(len, answer["locked"]))) == (100, 50)
    assert cinema.value("select octet_length(public.seat_states(%s)::text)", [showtime]) <= 3_000


# Both views ----------------------------------------------------------------------------------------------------------


def put_together(cinema: CinemaFixture, who: Caller) -> Json:
    """Make of showtime, seat_layout and seat_states what seat_map answers."""
    showtime = who.call("showtime", showtime_id=cinema.showtime_id)
    now = states(cinema, who)
    layout = who.call(
        "seat_layout", auditorium_id=showtime["auditorium"]["id"], version=showtime["auditorium"]["layout_version"]
    )
    prices = {price["kind"]: price["price"] for price in showtime["prices"]}
    taken: dict[int, tuple[str, int | None, int | None]] = dict.fromkeys(now["booked"], ("booked", None, None))
    for seats, lock_id, expires_at in zip(now["locked"], now["lock_ids"], now["expiries"], strict=True):
        taken |= dict.fromkeys(seats, ("locked", lock_id, expires_at))
    for mine in now["mine"]:
        taken[mine["seat_id"]] = ("mine", mine["lock_id"], mine["expires_at"])
    named = [seat for seats in now["locked"] for seat in seats] + [each["seat_id"] for each in now["mine"]]
    assert len(taken) == len(named) + len(now["booked"]), "a seat is named twice"

    def seat(each: list[Any]) -> Json:
        place = dict(zip(("id", "row", "number", "x", "y", "kind"), each, strict=True))
        state, lock_id, expires_at = taken.pop(each[0], ("free", None, None))
        rest = {"price": prices.get(each[5]), "state": state, "lock_id": lock_id, "expires_at": expires_at}
        return {**place, **rest}

    together = {
        "showtime_id": showtime["id"],
        "server_time": now["server_time"],
        "currency": showtime["theater"]["currency"],
        "seat_limit": showtime["seat_limit"],
        "pending_booking_id": showtime["pending_booking_id"],
        "seats": [seat(each) for each in layout["seats"]],
    }
    assert taken == {}, "states name a seat that the layout does not have"
    assert now["pending_booking_id"] == showtime["pending_booking_id"]
    return together


def seat_map(cinema: CinemaFixture, who: Caller) -> Json:
    """seat_map, less what the states leave out or say otherwise."""
    answer = who.call("seat_map", showtime_id=cinema.showtime_id)
    for seat in answer["seats"]:
        if seat["state"] == "locked":
            seat["expires_at"] = instant(seat["expires_at"])
    return answer


def take_seats(cinema: CinemaFixture, people: list[Caller], random: Random) -> None:
    """Give each seat a random past and present, some of them none."""
    for seat in cinema.seats:
        began = -random.uniform(60, 3600)
        for _ in range(random.randrange(3)):
            ended = began + random.uniform(1, 30)
            insert_lock(cinema, seat, random.choice(people), began, ended)
            began = ended + random.uniform(0, 10)
        live = random.choice(("free", "free", "held", "sold", "begins and ends now"))
        if live != "free":
            until = {"held": random.uniform(1, 1200), "sold": None, "begins and ends now": 0}[live]
            insert_lock(cinema, seat, random.choice(people), began if live != "begins and ends now" else -1, until)


def insert_lock(cinema: CinemaFixture, seat: int, who: Caller, began: float, ends: float | None) -> None:
    cinema.owner.execute(
        "insert into public.seat_locks (showtime_id, id, seat_id, user_id, booking_id, held)"
        " select %s, extract(epoch from b) * 1000000, %s, %s, gen_random_uuid(),"
        "   tstzrange(b, n + make_interval(secs => %s))"
        " from (select private.now() as n) n, lateral (select n + make_interval(secs => %s) as b) b",
        [cinema.showtime_id, seat, who.user_id, ends, began],
    )


@pytest.mark.parametrize("seed", range(8))
def test_layout_and_states_together_are_the_map(cinema: CinemaFixture, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    cinema.freeze()
    people = [cinema.customer(name) for name in ("Ada", "Bob", "Eve")]
    cinema.owner.execute("update public.seats set x = x + 0.25, y = y * 0.5 where number %% 3 = %s", [seed % 3])
    cinema.owner.execute("update public.seats set kind = 'love' where number = %s", [1 + seed])
    if seed % 2:
        cinema.book(people[0], *random.sample(range(50), 4))
    for seat in cinema.rows("select seat_id from public.seat_locks"):
        cinema.seats.remove(seat["seat_id"])
    take_seats(cinema, people, random)
    for who in (*people, cinema.anonymous(), cinema.customer("Somebody else")):
        assert put_together(cinema, who) == seat_map(cinema, who)


def test_the_showtime_is_told_with_all_that_its_page_shows(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.owner.execute("delete from public.showtime_prices where kind = 'premium'")
    booking = cinema.book(ada, 0)
    answer = ada.call("showtime", showtime_id=cinema.showtime_id)
    (row,) = cinema.rows(
        "select to_json(starts_at) #>> '{}' as starts_at, to_json(ends_at) #>> '{}' as ends_at from public.showtimes"
    )
    assert datetime.fromisoformat(answer.pop("server_time")).tzinfo is not None
    assert [datetime.fromisoformat(answer.pop(key)) for key in ("starts_at", "ends_at")] == [
        datetime.fromisoformat(row[key]) for key in ("starts_at", "ends_at")
    ]
    assert answer == {
        "id": cinema.showtime_id,
        "status": "scheduled",
        "revision": 0,
        "movie": {"slug": "nosferatu", "title": "Nosferatu"},
        "auditorium": {"id": cinema.auditorium_id, "name": "Saal 1", "layout_version": 2},
        "theater": {
            "slug": "scala",
            "name": "Scala",
            "city": "Wien",
            "country": "AT",
            "time_zone": "Europe/Vienna",
            "currency": "EUR",
        },
        "prices": [{"kind": "standard", "price": 1200}],
        "seat_limit": 10,
        "pending_booking_id": booking["id"],
    }


def test_a_cancelled_showtime_is_told_as_such(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    assert cinema.anonymous().call("showtime", showtime_id=cinema.showtime_id)["status"] == "cancelled"
    assert states(cinema)["booked"] == []
