"""The human check: asked where most of a showtime's seats are held and unpaid, and by the claim of a signed token."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from tests.cinema import Caller, CinemaFixture, Json, Refused

ADDRESS = "192.0.2.1"
SEATS_OF_ONE = 10


@pytest.fixture
def asked(cinema: CinemaFixture) -> CinemaFixture:
    """The check is switched on, at half of the fifty seats."""
    set_setting(cinema, "human_check", True)
    cinema.freeze()
    return cinema


def set_setting(cinema: CinemaFixture, name: str, value: Any) -> None:
    cinema.owner.execute(f"update private.settings set {name} = %s".encode(), [value])


def hold(cinema: CinemaFixture, count: int, first: int = 0) -> None:
    """Have strangers hold that many seats, each of them as many as one may."""
    for start in range(first, first + count, SEATS_OF_ONE):
        cinema.lock(as_human(cinema, cinema.customer()), *range(start, min(start + SEATS_OF_ONE, first + count)))


def as_human(cinema: CinemaFixture, who: Caller, lasts: int = 1800) -> Caller:
    """Have a token whose claim counts for so many seconds."""
    now = cinema.value("select ceil(extract(epoch from private.now()))::integer")
    who.claims["human_until"] = now + lasts
    return who


def refused(cinema: CinemaFixture, who: Caller, *seats: int) -> Refused:
    with pytest.raises(Refused, match="PT403 human_check_required") as error:
        cinema.lock(who, *seats)
    return error.value


def begin_session(cinema: CinemaFixture, who: Caller) -> Json:
    return cinema.call_service("open_session", user_id=who.user_id, token_hash=uuid.uuid4().hex * 2)


def test_nobody_is_asked_while_it_is_off(cinema: CinemaFixture) -> None:
    assert cinema.value("select human_check from private.settings") is False
    hold(cinema, 40)
    assert cinema.lock(cinema.customer(), 40)["seat_ids"] == [cinema.seats[40]]


def test_a_selection_is_refused_once_more_than_the_share_is_held(asked: CinemaFixture) -> None:
    ada = asked.customer()
    hold(asked, 25)
    assert asked.lock(ada, 25)["seat_ids"] == [asked.seats[25]], "25 of 50 are half and not more"
    error = refused(asked, ada, 26)
    assert error.hint == "Please confirm that you are a person, then choose again."
    assert asked.states()[26] == "free"
    assert asked.lock(as_human(asked, ada), 26)["seat_ids"] == [asked.seats[25], asked.seats[26]]


def test_the_share_is_a_setting(asked: CinemaFixture) -> None:
    set_setting(asked, "human_check_held_share", 80)
    hold(asked, 40)
    asked.lock(asked.customer(), 40)
    refused(asked, asked.customer(), 41)
    for wrong in (-1, 101):
        with pytest.raises(psycopg.errors.CheckViolation, match="human_check_is_possible"):
            set_setting(asked, "human_check_held_share", wrong)


def test_what_is_sold_is_no_pressure_and_leaves_fewer_that_are(asked: CinemaFixture) -> None:
    for first in (0, 10, 20):
        asked.buy(asked.customer(), *range(first, first + 10))
    hold(asked, 10, first=30)
    asked.lock(asked.customer(), 40)
    refused(asked, asked.customer(), 41)  # 11 of the 20 that are left


def test_what_one_customer_may_hold_is_never_pressure(asked: CinemaFixture) -> None:
    for first in (0, 10, 20, 30):
        asked.buy(asked.customer(), *range(first, first + (10 if first < 30 else 5)))
    asked.lock(asked.customer(), *range(35, 45))  # ten of the fifteen that are left
    asked.lock(asked.customer(), 45)


def test_seats_that_are_not_for_sale_do_not_count(asked: CinemaFixture) -> None:
    asked.owner.execute("delete from public.showtime_prices where kind = 'premium'")
    hold(asked, 20)
    asked.lock(asked.customer(), 20)
    refused(asked, asked.customer(), 21)  # 21 of the forty that have a price


def test_holds_that_ended_are_no_pressure(asked: CinemaFixture) -> None:
    hold(asked, 30)
    refused(asked, asked.customer(), 30)
    asked.advance("10 minutes")
    asked.lock(asked.customer(), 30)


def test_seats_of_unpaid_bookings_are_pressure(asked: CinemaFixture) -> None:
    for first in (0, 10, 20):
        asked.book(as_human(asked, asked.customer()), *range(first, first + 10))
    refused(asked, asked.customer(), 30)


def test_pressure_is_that_of_the_showtime(asked: CinemaFixture) -> None:
    hold(asked, 30)
    other = asked.add_showtime("2 days")
    assert asked.lock(asked.customer(), 30, showtime_id=other)["seat_ids"] == [asked.seats[30]]


def test_what_is_held_already_succeeds_without_a_check(asked: CinemaFixture) -> None:
    ada = asked.customer()
    asked.lock(ada, 49)
    hold(asked, 30)
    assert asked.lock(ada, 49)["seat_ids"] == [asked.seats[49]]


def test_a_wrong_selection_is_told_so_before_a_check(asked: CinemaFixture) -> None:
    hold(asked, 30)
    with pytest.raises(Refused, match="no_seats"):
        asked.lock(asked.customer())
    with pytest.raises(Refused, match="sign_in_required"):
        asked.lock(asked.anonymous(), 30)


def test_a_claim_ends_by_the_databases_clock(asked: CinemaFixture) -> None:
    hold(asked, 30)
    ada = as_human(asked, asked.customer(), lasts=60)
    asked.advance("59 seconds")
    asked.lock(ada, 30)
    asked.advance("2 seconds")
    refused(asked, ada, 31)


@pytest.mark.parametrize("claim", [None, True, "4102444800", "infinity", [4102444800], {"at": 4102444800}, -1, 0, 1.5])
def test_a_claim_that_is_no_time_ahead_is_none(asked: CinemaFixture, claim: Any) -> None:
    hold(asked, 30)
    ada = asked.customer()
    ada.claims["human_until"] = claim
    refused(asked, ada, 30)


def test_a_huge_claim_is_no_error(asked: CinemaFixture) -> None:
    hold(asked, 30)
    ada = asked.customer()
    ada.claims["human_until"] = 10**300
    asked.lock(ada, 30)


def test_a_session_that_passed_says_so_until_then(cinema: CinemaFixture) -> None:
    cinema.freeze()
    ada = cinema.customer()
    session = begin_session(cinema, ada)
    assert session["human_until"] is None
    passed = cinema.call_service("pass_human_check", session_id=session["session_id"], user_id=ada.user_id)
    assert passed == {**session, "human_until": passed["human_until"]}
    assert (
        cinema.value("select %s::timestamptz = private.now() + interval '30 minutes'", [passed["human_until"]]) is True
    )


def test_the_next_tokens_of_a_session_carry_the_check(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    first, second = "a" * 64, "b" * 64
    session = cinema.call_service("open_session", user_id=ada.user_id, token_hash=first)
    passed = cinema.call_service("pass_human_check", session_id=session["session_id"], user_id=ada.user_id)
    rotated = cinema.call_service("rotate_session", token_hash=first, new_token_hash=second)
    assert rotated == {"status": "rotated", **passed}


def test_a_new_session_starts_without_one(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    session = begin_session(cinema, ada)
    cinema.call_service("pass_human_check", session_id=session["session_id"], user_id=ada.user_id)
    assert begin_session(cinema, ada)["human_until"] is None


@pytest.mark.parametrize("function", ["begin_human_check", "pass_human_check"])
def test_only_the_owner_of_a_living_session_passes(cinema: CinemaFixture, function: str) -> None:
    ada, grace = cinema.customer("Ada"), cinema.customer("Grace")
    session_id = begin_session(cinema, ada)["session_id"]

    def call(session: object, user: object) -> None:
        more = {"address": ADDRESS} if function == "begin_human_check" else {}
        cinema.call_service(function, session_id=session, user_id=user, **more)

    for session, user in ((session_id, grace.user_id), (uuid.uuid4(), ada.user_id), (None, ada.user_id)):
        with pytest.raises(Refused, match="PT401 session_ended"):
            call(session, user)
    call(session_id, ada.user_id)
    cinema.call_service("end_all_sessions")
    with pytest.raises(Refused, match="PT401 session_ended"):
        call(session_id, ada.user_id)


def test_a_session_that_ran_out_passes_no_more(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    session_id = begin_session(cinema, ada)["session_id"]
    cinema.advance("30 days")
    with pytest.raises(Refused, match="session_ended"):
        cinema.call_service("pass_human_check", session_id=session_id, user_id=ada.user_id)


@pytest.mark.parametrize("limit", ["human_checks_per_customer", "human_checks_per_address"])
def test_checks_are_limited_per_customer_and_per_address(cinema: CinemaFixture, limit: str) -> None:
    cinema.freeze()
    set_setting(cinema, limit, 2)
    ada, grace = cinema.customer("Ada"), cinema.customer("Grace")

    def begin(who: Caller, address: str) -> Json:
        session_id = begin_session(cinema, who)["session_id"]
        return cinema.call_service("begin_human_check", session_id=session_id, user_id=who.user_id, address=address)

    by_customer = limit == "human_checks_per_customer"
    again = (ada, "192.0.2.7") if by_customer else (grace, ADDRESS)
    other = (grace, ADDRESS) if by_customer else (ada, "192.0.2.7")
    assert [begin(ada, ADDRESS)["status"] for _ in range(2)] == ["admitted", "admitted"]
    assert begin(*again) == {"status": "limited", "retry_after": 900}
    assert begin(*other) == {"status": "admitted"}
    with pytest.raises(psycopg.errors.CheckViolation, match="human_check_is_possible"):
        set_setting(cinema, limit, 0)
