"""seat_map and seats_left."""

from __future__ import annotations

import pytest

from tests.cinema import Caller, CinemaFixture, Refused


def test_the_map_holds_all_that_a_viewer_needs(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    locked = cinema.lock(ada, 0)
    booking = cinema.buy(bob, 49)
    answer = ada.call("seat_map", showtime_id=cinema.showtime_id)
    assert set(answer) == {"showtime_id", "server_time", "currency", "seat_limit", "pending_booking_id", "seats"}
    assert (answer["showtime_id"], answer["currency"], answer["seat_limit"]) == (cinema.showtime_id, "EUR", 10)
    assert len(answer["seats"]) == 50
    assert answer["seats"][0] == {
        "id": cinema.seats[0],
        "row": "A",
        "number": 1,
        "x": 1.0,
        "y": 1.0,
        "kind": "standard",
        "price": 1200,
        "state": "mine",
        "lock_id": locked["lock_ids"][0],
        "expires_at": locked["expires_at"],
    }
    free, sold = answer["seats"][1], answer["seats"][49]
    assert (free["state"], free["lock_id"], free["expires_at"]) == ("free", None, None)
    assert (sold["state"], sold["kind"], sold["price"], sold["expires_at"]) == ("booked", "premium", 1500, None)
    mine = cinema.map(bob)[cinema.seats[49]]
    assert (mine["state"], mine["expires_at"]) == ("mine", None)
    assert cinema.map(bob)[cinema.seats[0]]["state"] == "locked"
    assert booking["seats"][0]["seat_id"] == cinema.seats[49]


def test_the_map_tells_others_no_beginning_of_a_sale(cinema: CinemaFixture) -> None:
    """A lock id is when its hold began, and seats of one purchase share it."""
    ada, bob = cinema.customer(), cinema.customer("Bob")
    held = cinema.lock(ada, 0)["lock_ids"][0]
    bought = cinema.lock(bob, 1, 2)["lock_ids"]
    cinema.buy(bob, 1, 2)

    def told(who: Caller | None) -> list[int | None]:
        seats = cinema.map(who)
        return [seats[seat]["lock_id"] for seat in cinema.seats[:4]]

    assert told(None) == told(cinema.customer("Eve")) == told(ada) == [held, None, None, None]
    assert told(bob) == [held, *bought, None]


def test_the_map_names_the_booking_that_its_viewer_pays_for(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    elsewhere = cinema.add_showtime("2 days")

    def pending(who: Caller, showtime_id: int = cinema.showtime_id) -> str | None:
        return who.call("seat_map", showtime_id=showtime_id)["pending_booking_id"]

    cinema.lock(ada, 0)
    assert pending(ada) is None
    booking = cinema.book(ada, 0)
    assert pending(ada) == booking["id"]
    assert [pending(bob), pending(cinema.anonymous()), pending(ada, elsewhere)] == [None, None, None]
    cinema.advance("10 minutes")
    assert pending(ada) is None, "by the clock: no sweep has come by"
    cinema.buy(ada, 1)
    assert pending(ada) is None


def test_seat_map_includes_the_seat_limit(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update private.settings set seats_per_customer = 4")
    assert cinema.anonymous().call("seat_map", showtime_id=cinema.showtime_id)["seat_limit"] == 4


def test_seat_map_includes_the_server_time(cinema: CinemaFixture) -> None:
    cinema.freeze()
    cinema.advance("3 days")
    assert cinema.anonymous().query(
        "select public.server_time() = %s as same", [cinema.value("select private.now()")]
    ) == [{"same": True}]


def test_seat_map_names_no_customer(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0)
    assert str(ada.user_id) not in str(cinema.map())


def test_an_unknown_showtime(cinema: CinemaFixture) -> None:
    for showtime_id in (0, -1, 2**62, None):
        with pytest.raises(Refused) as refused:
            cinema.anonymous().call("seat_map", showtime_id=showtime_id)
        assert (refused.value.sqlstate, refused.value.code) == ("PT404", "unknown_showtime")


def test_the_map_of_a_film_that_has_begun_is_still_shown(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0)
    cinema.advance("25 hours")
    assert cinema.states()[:2] == ["booked", "free"]


def test_a_kind_without_a_price_has_none(cinema: CinemaFixture) -> None:
    cinema.owner.execute("delete from public.showtime_prices where kind = 'premium'")
    assert cinema.map()[cinema.seats[49]]["price"] is None


def test_a_guest_sees_no_seat_as_their_own(cinema: CinemaFixture) -> None:
    cinema.lock(cinema.customer(), 0)
    assert cinema.states(cinema.caller("authenticated", "no-uuid"))[0] == "locked"


def test_seats_left_counts_by_the_clock(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0, 1)
    cinema.buy(cinema.customer("Bob"), 2)
    left = f"select * from private.seats_left(array[{cinema.showtime_id}], private.now())"
    assert cinema.rows(left) == [{"showtime_id": cinema.showtime_id, "seats_left": 47}]
    cinema.advance("10 minutes")
    assert cinema.rows(left) == [{"showtime_id": cinema.showtime_id, "seats_left": 49}]
