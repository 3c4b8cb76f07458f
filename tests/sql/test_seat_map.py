"""seat_map and seats_left."""

from __future__ import annotations

import pytest

from tests.house import Caller, House, Refused


def test_the_map_holds_all_that_a_viewer_needs(house: House) -> None:
    ada, bob = house.customer(), house.customer("Bob")
    locked = house.lock(ada, 0)
    booking = house.buy(bob, 49)
    answer = ada.call("seat_map", showtime_id=house.showtime_id)
    assert set(answer) == {"showtime_id", "server_time", "currency", "seat_limit", "pending_booking_id", "seats"}
    assert (answer["showtime_id"], answer["currency"], answer["seat_limit"]) == (house.showtime_id, "EUR", 10)
    assert len(answer["seats"]) == 50
    assert answer["seats"][0] == {
        "id": house.seats[0],
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
    assert sold["lock_id"] > 0
    mine = house.map(bob)[house.seats[49]]
    assert (mine["state"], mine["expires_at"]) == ("mine", None)
    assert house.map(bob)[house.seats[0]]["state"] == "locked"
    assert booking["seats"][0]["seat_id"] == house.seats[49]


def test_the_map_names_the_booking_that_its_viewer_pays_for(house: House) -> None:
    ada, bob = house.customer(), house.customer("Bob")
    elsewhere = house.add_showtime("2 days")

    def pending(who: Caller, showtime_id: int = house.showtime_id) -> str | None:
        return who.call("seat_map", showtime_id=showtime_id)["pending_booking_id"]

    house.lock(ada, 0)
    assert pending(ada) is None
    booking = house.book(ada, 0)
    assert pending(ada) == booking["id"]
    assert [pending(bob), pending(house.anonymous()), pending(ada, elsewhere)] == [None, None, None]
    house.advance("10 minutes")
    assert pending(ada) is None, "by the clock: no sweep has come by"
    house.buy(ada, 1)
    assert pending(ada) is None


def test_the_map_tells_the_limit_that_is_set(house: House) -> None:
    house.owner.execute("update private.settings set seats_per_customer = 4")
    assert house.anonymous().call("seat_map", showtime_id=house.showtime_id)["seat_limit"] == 4


def test_the_server_tells_its_time(house: House) -> None:
    house.freeze()
    house.advance("3 days")
    assert house.anonymous().query(
        "select public.server_time() = %s as same", [house.value("select private.now()")]
    ) == [{"same": True}]


def test_the_map_never_says_who(house: House) -> None:
    ada = house.customer()
    house.lock(ada, 0)
    assert str(ada.user_id) not in str(house.map())


def test_an_unknown_showtime(house: House) -> None:
    for showtime_id in (0, -1, 2**62, None):
        with pytest.raises(Refused) as refused:
            house.anonymous().call("seat_map", showtime_id=showtime_id)
        assert (refused.value.sqlstate, refused.value.code) == ("PT404", "unknown_showtime")


def test_the_map_of_a_film_that_has_begun_is_still_shown(house: House) -> None:
    house.buy(house.customer(), 0)
    house.advance("25 hours")
    assert house.states()[:2] == ["booked", "free"]


def test_a_kind_without_a_price_has_none(house: House) -> None:
    house.owner.execute("delete from public.showtime_prices where kind = 'premium'")
    assert house.map()[house.seats[49]]["price"] is None


def test_a_nobody_sees_no_seat_as_theirs(house: House) -> None:
    house.lock(house.customer(), 0)
    assert house.states(house.caller("authenticated", "no-uuid"))[0] == "locked"


def test_seats_left_counts_by_the_clock(house: House) -> None:
    ada = house.customer()
    house.lock(ada, 0, 1)
    house.buy(house.customer("Bob"), 2)
    left = "select t.id, t.seats_left from public.showtimes t"
    assert house.anonymous().query(left) == [{"id": house.showtime_id, "seats_left": 47}]
    house.advance("10 minutes")
    assert house.anonymous().query(left) == [{"id": house.showtime_id, "seats_left": 49}]
