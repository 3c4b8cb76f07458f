"""lock_seats and release_seats: what they answer, what they refuse, what the clock does."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.cinema import CinemaFixture, Refused


def next_minute(expires_at: str) -> str:
    """As others are told it."""
    exact = datetime.fromisoformat(expires_at)
    return (exact + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0).isoformat()


@pytest.mark.transition("lock.created")
def test_a_lock_holds_the_seats_for_ten_minutes(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    answer = cinema.lock(ada, 0, 1, 2)
    assert answer["showtime_id"] == cinema.showtime_id
    assert answer["seat_ids"] == cinema.seats[:3]
    assert len(answer["lock_ids"]) == 3
    left = datetime.fromisoformat(answer["expires_at"]) - cinema.value("select private.now()")
    assert timedelta(minutes=9, seconds=50) < left <= timedelta(minutes=10)
    assert cinema.states(ada)[:4] == ["mine", "mine", "mine", "free"]
    assert cinema.states()[:4] == ["locked", "locked", "locked", "free"]


def test_a_taken_seat_is_named_and_nothing_is_locked(cinema: CinemaFixture) -> None:
    cinema.lock(cinema.customer(), 1, 3)
    bob = cinema.customer("Bob")
    with pytest.raises(Refused) as refused:
        cinema.lock(bob, 0, 1, 2, 3)
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "seat_taken")
    assert refused.value.details == {"seat_ids": [cinema.seats[1], cinema.seats[3]]}
    assert refused.value.hint == "One of those seats was just taken."
    assert cinema.states(bob)[:4] == ["free", "locked", "free", "locked"]


def test_adding_seats_does_not_restart_the_clock(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    first = cinema.lock(ada, 0)
    cinema.advance("4 minutes")
    second = cinema.lock(ada, 1)
    assert second["expires_at"] == first["expires_at"]
    assert second["seat_ids"] == cinema.seats[:2]


def test_locking_what_one_holds_changes_nothing(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    first = cinema.lock(ada, 0, 1)
    assert cinema.lock(ada, 1, 0) == first
    assert cinema.lock(ada, 1) == first
    assert len(cinema.events("seat:lock")) == 1


@pytest.mark.transition("lock.expired")
def test_a_lock_dies_by_the_clock_alone(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    old = cinema.lock(ada, 0)
    cinema.advance("9 minutes 59 seconds")
    with pytest.raises(Refused, match="seat_taken"):
        cinema.lock(bob, 0)
    cinema.advance("1 second")
    new = cinema.lock(bob, 0)  # no sweep has run
    assert new["lock_ids"] > old["lock_ids"]
    assert cinema.states(ada)[0] == "locked"


def test_the_duration_is_a_setting_of_the_database(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update private.settings set lock_duration = '5 seconds'")
    cinema.lock(cinema.customer(), 0)
    cinema.advance("5 seconds")
    assert cinema.states()[0] == "free"


def test_one_person_takes_ten_seats_at_most(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, *range(6))
    with pytest.raises(Refused) as refused:
        cinema.lock(ada, *range(6, 11))
    assert (refused.value.sqlstate, refused.value.code) == ("PT422", "too_many_seats")
    assert refused.value.details == {"limit": 10}
    cinema.lock(ada, *range(4, 10))  # six of which two are held already


def test_booked_seats_count_too(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.buy(ada, *range(8))
    cinema.lock(ada, 8, 9)
    with pytest.raises(Refused, match="too_many_seats"):
        cinema.lock(ada, 10)


def test_expired_seats_do_not_count(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, *range(10))
    cinema.advance("10 minutes")
    cinema.lock(ada, *range(10, 20))


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
def test_bad_selections_are_refused(cinema: CinemaFixture, seats: list[int] | str | None, code: str) -> None:
    elsewhere = cinema.seats_of(cinema.add_auditorium("Saal 2", 1, 3))
    named = {
        "duplicate": [cinema.seats[0], cinema.seats[0]],
        "eleven": cinema.seats[:11],
        "elsewhere": [cinema.seats[0], elsewhere[0]],
    }
    ada = cinema.customer()
    with pytest.raises(Refused) as refused:
        ada.query(
            "select public.lock_seats(%s, %s::bigint[])",
            [cinema.showtime_id, named[seats] if isinstance(seats, str) else seats],
        )
    assert (refused.value.sqlstate, refused.value.code) == ("PT422", code)
    assert refused.value.hint
    if seats == "elsewhere":
        assert refused.value.details == {"seat_ids": [elsewhere[0]]}
    assert cinema.states() == ["free"] * len(cinema.seats)


def test_unknown_and_closed_showtimes(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    with pytest.raises(Refused) as refused:
        cinema.lock(ada, 0, showtime_id=999_999)
    assert (refused.value.sqlstate, refused.value.code) == ("PT404", "unknown_showtime")
    past = cinema.add_showtime("-10 minutes")
    with pytest.raises(Refused) as refused:
        cinema.lock(ada, 0, showtime_id=past)
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "showtime_closed")
    cinema.owner.execute("update public.showtimes set status = 'cancelled' where id = %s", [cinema.showtime_id])
    with pytest.raises(Refused, match="showtime_closed"):
        cinema.lock(ada, 0)


def test_sales_close_the_moment_it_starts(cinema: CinemaFixture) -> None:
    cinema.freeze()
    soon = cinema.add_showtime("5 minutes")
    ada = cinema.customer()
    cinema.advance("4 minutes 59.999 seconds")
    cinema.lock(ada, 0, showtime_id=soon)
    cinema.advance("0.001 seconds")
    with pytest.raises(Refused, match="showtime_closed"):
        cinema.lock(ada, 1, showtime_id=soon)


@pytest.mark.parametrize("user_id", [None, "not-a-uuid", "", "00000000-0000-0000-0000-00000000000g"])
def test_anonymous_callers_are_asked_to_sign_in(cinema: CinemaFixture, user_id: str | None) -> None:
    stranger = cinema.caller("authenticated", user_id)
    for call in ("lock_seats", "release_seats"):
        with pytest.raises(Refused) as refused:
            stranger.call(call, showtime_id=cinema.showtime_id, seat_ids=cinema.seats[:1])
        assert (refused.value.sqlstate, refused.value.code) == ("PT401", "sign_in_required")
    with pytest.raises(Refused, match="sign_in_required"):
        cinema.lock(cinema.anonymous(), 0)


def test_an_account_that_is_gone_cannot_lock(cinema: CinemaFixture) -> None:
    ghost = cinema.caller("authenticated", "00000000-0000-4000-8000-000000000000")
    with pytest.raises(Refused, match="sign_in_required"):
        cinema.lock(ghost, 0)


@pytest.mark.transition("lock.released")
def test_release_of_some_or_all_seats(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    cinema.lock(ada, 0, 1, 2)
    cinema.lock(bob, 3)
    answer = ada.call("release_seats", showtime_id=cinema.showtime_id, seat_ids=[cinema.seats[0], cinema.seats[3]])
    assert answer["seat_ids"] == cinema.seats[1:3]
    assert cinema.states()[:4] == ["free", "locked", "locked", "locked"]
    answer = ada.call("release_seats", showtime_id=cinema.showtime_id)
    assert answer["seat_ids"] == []
    assert answer["expires_at"] is None
    assert cinema.states()[:4] == ["free", "free", "free", "locked"]
    cinema.lock(bob, 0, 1, 2)


def test_release_is_idempotent_and_broadcast_once(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    lock = cinema.lock(ada, 0, 1)
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    (event,) = cinema.events("seat:release")
    assert event["topic"] == f"showtime:{cinema.showtime_id}"
    assert event["payload"] == {"seat_ids": lock["seat_ids"], "lock_ids": lock["lock_ids"], "reason": "released"}


def test_released_and_locked_again_starts_a_new_clock(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    first = cinema.lock(ada, 0)
    cinema.advance("4 minutes")
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    assert cinema.lock(ada, 0)["expires_at"] > first["expires_at"]


def test_a_lock_released_in_the_instant_of_its_beginning(cinema: CinemaFixture) -> None:
    cinema.freeze()
    ada = cinema.customer()
    cinema.lock(ada, 0)
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    cinema.advance("1 microsecond")
    cinema.lock(cinema.customer("Bob"), 0)


def test_the_event_says_what_was_locked_and_never_by_whom(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    lock = cinema.lock(ada, 2, 1)
    (event,) = cinema.events()
    assert event == {
        "topic": f"showtime:{cinema.showtime_id}",
        "event": "seat:lock",
        "payload": {
            "seat_ids": cinema.seats[1:3],
            "lock_ids": lock["lock_ids"],
            "expires_at": next_minute(lock["expires_at"]),
        },
    }


def test_others_learn_the_end_of_a_hold_to_the_minute(cinema: CinemaFixture) -> None:
    rounded = "select private.expiry_for_others(%s::timestamptz)"
    for exact, told in {
        "2026-12-02 10:00:00.000001+00": "2026-12-02 10:01:00+00",
        "2026-12-02 10:00:59.999999+00": "2026-12-02 10:01:00+00",
        "2026-12-02 10:01:00+00": "2026-12-02 10:01:00+00",
        "1969-12-31 23:59:30+00": "1970-01-01 00:00:00+00",
    }.items():
        assert cinema.value(rounded, [exact]) == datetime.fromisoformat(told)
    assert cinema.value(rounded + " is null", [None])
    assert cinema.value(rounded + " = 'infinity'", ["infinity"])


def test_a_lock_id_is_when_the_hold_began_and_tells_nothing_of_other_sales(cinema: CinemaFixture) -> None:
    cinema.freeze()
    now = cinema.value("select (extract(epoch from private.now()) * 1000000)::bigint")
    assert cinema.lock(cinema.customer(), 0, 1)["lock_ids"] == [now, now]
    cinema.advance("1 minute")
    assert cinema.lock(cinema.customer("Bob"), 2)["lock_ids"] == [now + 60_000_000]
    assert cinema.violations() == []


def test_seats_of_a_pending_booking_are_neither_added_to_nor_released(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 1)
    with pytest.raises(Refused) as refused:
        cinema.lock(ada, 2)
    assert (refused.value.code, refused.value.details) == ("booking_pending", {"booking_id": booking["id"]})
    with pytest.raises(Refused, match="booking_pending"):
        ada.call("release_seats", showtime_id=cinema.showtime_id)
    assert cinema.lock(ada, 0)["seat_ids"] == cinema.seats[:2]  # holding them already is still no error
