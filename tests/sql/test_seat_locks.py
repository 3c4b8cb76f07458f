"""lock_seats and release_seats: what they answer, what they refuse, what the clock does."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.house import House, Refused


@pytest.mark.transition("L1")
def test_a_lock_holds_the_seats_for_ten_minutes(house: House) -> None:
    ada = house.customer()
    answer = house.lock(ada, 0, 1, 2)
    assert answer["showtime_id"] == house.showtime_id
    assert answer["seat_ids"] == house.seats[:3]
    assert len(answer["lock_ids"]) == 3
    left = datetime.fromisoformat(answer["expires_at"]) - house.value("select private.now()")
    assert timedelta(minutes=9, seconds=50) < left <= timedelta(minutes=10)
    assert house.states(ada)[:4] == ["mine", "mine", "mine", "free"]
    assert house.states()[:4] == ["locked", "locked", "locked", "free"]


def test_a_taken_seat_is_named_and_nothing_is_locked(house: House) -> None:
    house.lock(house.customer(), 1, 3)
    bob = house.customer("Bob")
    with pytest.raises(Refused) as refused:
        house.lock(bob, 0, 1, 2, 3)
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "seat_taken")
    assert refused.value.details == {"seat_ids": [house.seats[1], house.seats[3]]}
    assert refused.value.hint == "One of those seats was just taken."
    assert house.states(bob)[:4] == ["free", "locked", "free", "locked"]


def test_adding_seats_does_not_restart_the_clock(house: House) -> None:
    ada = house.customer()
    first = house.lock(ada, 0)
    house.advance("4 minutes")
    second = house.lock(ada, 1)
    assert second["expires_at"] == first["expires_at"]
    assert second["seat_ids"] == house.seats[:2]


def test_locking_what_one_holds_changes_nothing(house: House) -> None:
    ada = house.customer()
    first = house.lock(ada, 0, 1)
    assert house.lock(ada, 1, 0) == first
    assert house.lock(ada, 1) == first
    assert len(house.events("seat:lock")) == 1


@pytest.mark.transition("L4")
def test_a_lock_dies_by_the_clock_alone(house: House) -> None:
    ada, bob = house.customer(), house.customer("Bob")
    old = house.lock(ada, 0)
    house.advance("9 minutes 59 seconds")
    with pytest.raises(Refused, match="seat_taken"):
        house.lock(bob, 0)
    house.advance("1 second")
    new = house.lock(bob, 0)  # no sweep has run
    assert new["lock_ids"] > old["lock_ids"]
    assert house.states(ada)[0] == "locked"


def test_the_duration_is_a_setting_of_the_database(house: House) -> None:
    house.owner.execute("update private.settings set lock_duration = '5 seconds'")
    house.lock(house.customer(), 0)
    house.advance("5 seconds")
    assert house.states()[0] == "free"


def test_one_person_takes_ten_seats_at_most(house: House) -> None:
    ada = house.customer()
    house.lock(ada, *range(6))
    with pytest.raises(Refused) as refused:
        house.lock(ada, *range(6, 11))
    assert (refused.value.sqlstate, refused.value.code) == ("PT422", "too_many_seats")
    assert refused.value.details == {"limit": 10}
    house.lock(ada, *range(4, 10))  # six of which two are held already


def test_booked_seats_count_too(house: House) -> None:
    ada = house.customer()
    house.buy(ada, *range(8))
    house.lock(ada, 8, 9)
    with pytest.raises(Refused, match="too_many_seats"):
        house.lock(ada, 10)


def test_expired_seats_do_not_count(house: House) -> None:
    ada = house.customer()
    house.lock(ada, *range(10))
    house.advance("10 minutes")
    house.lock(ada, *range(10, 20))


@pytest.mark.parametrize(
    ("seats", "code"),
    [
        ([], "no_seats"),
        (None, "no_seats"),
        ([-1], "unknown_seat"),
        ([None], "unknown_seat"),
        ([2**62], "unknown_seat"),
        ("duplicate", "duplicate_seat"),
        ("eleven", "too_many_seats"),
        ("elsewhere", "unknown_seat"),
    ],
)
def test_bad_selections_are_refused(house: House, seats: list[int] | str | None, code: str) -> None:
    elsewhere = house.seats_of(house.add_auditorium("Saal 2", 1, 3))
    named = {
        "duplicate": [house.seats[0], house.seats[0]],
        "eleven": house.seats[:11],
        "elsewhere": [house.seats[0], elsewhere[0]],
    }
    ada = house.customer()
    with pytest.raises(Refused) as refused:
        ada.query(
            "select public.lock_seats(%s, %s::bigint[])",
            [house.showtime_id, named[seats] if isinstance(seats, str) else seats],
        )
    assert (refused.value.sqlstate, refused.value.code) == ("PT422", code)
    assert refused.value.hint
    if seats == "elsewhere":
        assert refused.value.details == {"seat_ids": [elsewhere[0]]}
    assert house.states() == ["free"] * len(house.seats)


def test_unknown_and_closed_showtimes(house: House) -> None:
    ada = house.customer()
    with pytest.raises(Refused) as refused:
        house.lock(ada, 0, showtime_id=999_999)
    assert (refused.value.sqlstate, refused.value.code) == ("PT404", "unknown_showtime")
    past = house.add_showtime("-10 minutes")
    with pytest.raises(Refused) as refused:
        house.lock(ada, 0, showtime_id=past)
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "showtime_closed")
    house.owner.execute("update public.showtimes set status = 'cancelled' where id = %s", [house.showtime_id])
    with pytest.raises(Refused, match="showtime_closed"):
        house.lock(ada, 0)


def test_sales_close_the_moment_it_starts(house: House) -> None:
    house.freeze()
    soon = house.add_showtime("5 minutes")
    ada = house.customer()
    house.advance("4 minutes 59.999 seconds")
    house.lock(ada, 0, showtime_id=soon)
    house.advance("0.001 seconds")
    with pytest.raises(Refused, match="showtime_closed"):
        house.lock(ada, 1, showtime_id=soon)


@pytest.mark.parametrize("user_id", [None, "not-a-uuid", "", "00000000-0000-0000-0000-00000000000g"])
def test_nobody_in_particular_is_asked_to_sign_in(house: House, user_id: str | None) -> None:
    stranger = house.caller("authenticated", user_id)
    for call in ("lock_seats", "release_seats"):
        with pytest.raises(Refused) as refused:
            stranger.call(call, showtime_id=house.showtime_id, seat_ids=house.seats[:1])
        assert (refused.value.sqlstate, refused.value.code) == ("PT401", "sign_in_required")
    with pytest.raises(Refused, match="sign_in_required"):
        house.lock(house.anonymous(), 0)


def test_an_account_that_is_gone_cannot_lock(house: House) -> None:
    ghost = house.caller("authenticated", "00000000-0000-4000-8000-000000000000")
    with pytest.raises(Refused, match="sign_in_required"):
        house.lock(ghost, 0)


@pytest.mark.transition("L5")
def test_release_gives_back_some_or_all(house: House) -> None:
    ada, bob = house.customer(), house.customer("Bob")
    house.lock(ada, 0, 1, 2)
    house.lock(bob, 3)
    answer = ada.call("release_seats", showtime_id=house.showtime_id, seat_ids=[house.seats[0], house.seats[3]])
    assert answer["seat_ids"] == house.seats[1:3]
    assert house.states()[:4] == ["free", "locked", "locked", "locked"]
    answer = ada.call("release_seats", showtime_id=house.showtime_id)
    assert answer["seat_ids"] == []
    assert answer["expires_at"] is None
    assert house.states()[:4] == ["free", "free", "free", "locked"]
    house.lock(bob, 0, 1, 2)


def test_release_is_idempotent_and_tells_once(house: House) -> None:
    ada = house.customer()
    lock = house.lock(ada, 0, 1)
    ada.call("release_seats", showtime_id=house.showtime_id)
    ada.call("release_seats", showtime_id=house.showtime_id)
    (told,) = house.events("seat:release")
    assert told["topic"] == f"showtime:{house.showtime_id}"
    assert told["payload"] == {"seat_ids": lock["seat_ids"], "lock_ids": lock["lock_ids"], "reason": "released"}


def test_released_and_locked_again_starts_a_new_clock(house: House) -> None:
    ada = house.customer()
    first = house.lock(ada, 0)
    house.advance("5 minutes")
    ada.call("release_seats", showtime_id=house.showtime_id)
    assert house.lock(ada, 0)["expires_at"] > first["expires_at"]


def test_a_lock_released_in_the_instant_of_its_beginning(house: House) -> None:
    house.freeze()
    ada = house.customer()
    house.lock(ada, 0)
    ada.call("release_seats", showtime_id=house.showtime_id)
    house.advance("1 microsecond")
    house.lock(house.customer("Bob"), 0)


def test_the_event_says_what_was_locked_and_never_by_whom(house: House) -> None:
    ada = house.customer()
    lock = house.lock(ada, 2, 1)
    (told,) = house.events()
    assert told == {
        "topic": f"showtime:{house.showtime_id}",
        "event": "seat:lock",
        "payload": {
            "seat_ids": house.seats[1:3],
            "lock_ids": lock["lock_ids"],
            "expires_at": lock["expires_at"],
        },
    }


def test_seats_of_a_pending_booking_are_neither_added_to_nor_released(house: House) -> None:
    ada = house.customer()
    booking = house.book(ada, 0, 1)
    with pytest.raises(Refused) as refused:
        house.lock(ada, 2)
    assert (refused.value.code, refused.value.details) == ("booking_pending", {"booking_id": booking["id"]})
    with pytest.raises(Refused, match="booking_pending"):
        ada.call("release_seats", showtime_id=house.showtime_id)
    assert house.lock(ada, 0)["seat_ids"] == house.seats[:2]  # holding them already is still no error
