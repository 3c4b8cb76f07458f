"""Several people, or one in several tabs, lock the same seats at once."""

from __future__ import annotations

import psycopg
import pytest

from tests.cinema import CinemaFixture, Json, Refused
from tests.concurrency.parallel import (
    NOBODY_TAKES_TURNS,
    SPECULATIVELY,
    Start,
    another_tab,
    broken_rules,
    code,
    holding,
    let_seats_have_any_number_of_holders,
    lock,
    outcome,
    rewrite,
    seat_ids,
    wait_until_it_waits,
)

LOCK_SEATS = "public.lock_seats(bigint,bigint[])"
IN_SEAT_ORDER = "unnest(v_wanted) s order by s"
DEADLOCKS_ARE_CAUGHT = "when deadlock_detected or lock_not_available then"


def test_second_lock_waits_and_names_the_taken_seat(cinema: CinemaFixture, start: Start) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    ada.begin()
    lock(cinema, ada, 0, 1)
    call = start(cinema.lock, bob, 1, 2)
    wait_until_it_waits(cinema, call, waiter=bob, holder=ada)
    ada.commit()
    refused = outcome(call)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.details) == ("seat_taken", {"seat_ids": seat_ids(cinema, 1)})
    assert cinema.states()[:4] == ["locked", "locked", "free", "free"]
    assert cinema.violations() == []


def test_the_second_gets_the_seat_when_the_first_rolls_back(cinema: CinemaFixture, start: Start) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    ada.begin()
    lock(cinema, ada, 0, 1)
    call = start(cinema.lock, bob, 1, 2)
    wait_until_it_waits(cinema, call, waiter=bob, holder=ada)
    ada.rollback()
    assert outcome(call)["seat_ids"] == seat_ids(cinema, 1, 2)
    assert cinema.states(bob)[:4] == ["free", "mine", "mine", "free"]
    assert cinema.violations() == []


def test_mutant_without_the_exclusion_constraint_both_hold_the_seat(cinema: CinemaFixture, start: Start) -> None:
    let_seats_have_any_number_of_holders(cinema)
    ada, bob = cinema.customer(), cinema.customer("Bob")
    ada.begin()
    lock(cinema, ada, 0, 1)
    assert outcome(start(cinema.lock, bob, 1, 2))["seat_ids"] == seat_ids(cinema, 1, 2)
    ada.commit()
    assert broken_rules(cinema) == {"I1 a seat is held twice"}


def test_overlapping_selections_in_opposite_order_do_not_deadlock(cinema: CinemaFixture, start: Start) -> None:
    results = _opposite_orders(cinema, start)
    assert sorted(results) == ["all of them", "seat_taken"]
    assert cinema.violations() == []


@pytest.mark.parametrize("how", ["speculatively", "plainly"])
def test_mutant_selections_locked_in_the_order_of_the_caller_deadlock(
    cinema: CinemaFixture, start: Start, how: str
) -> None:
    """The order is what prevents it; only then does catching 40P01 decide what the client is answered."""
    rewrite(cinema, LOCK_SEATS, (IN_SEAT_ORDER, "unnest(v_wanted) s"))
    if how == "plainly":
        rewrite(
            cinema,
            LOCK_SEATS,
            (SPECULATIVELY, ""),
            (
                DEADLOCKS_ARE_CAUGHT,
                "when exclusion_violation then\n    perform private.raise_api_error('seat_taken');\n  "
                + DEADLOCKS_ARE_CAUGHT,
            ),
        )
    assert "busy" in _opposite_orders(cinema, start)
    rewrite(cinema, LOCK_SEATS, (DEADLOCKS_ARE_CAUGHT, "when division_by_zero then"))
    assert "DeadlockDetected" in _opposite_orders(cinema, start)


def _opposite_orders(cinema: CinemaFixture, start: Start) -> list[str]:
    """Ada wants seats 1, 2, 3 and Bob 3, 2, 1, and both stand before seat 2, which Carol has for the moment."""
    ada, bob, carol = (cinema.customer(name) for name in ("Ada", "Bob", "Carol"))
    carol.begin()
    lock(cinema, carol, 2)
    first = start(ada.call, "lock_seats", showtime_id=cinema.showtime_id, seat_ids=seat_ids(cinema, 1, 2, 3))
    wait_until_it_waits(cinema, first, waiter=ada, holder=carol)
    second = start(bob.call, "lock_seats", showtime_id=cinema.showtime_id, seat_ids=seat_ids(cinema, 3, 2, 1))
    # In the order of the seats Bob stands behind Ada at seat 1; in the order that he gave, behind Carol at seat 2.
    in_order = IN_SEAT_ORDER in cinema.value("select pg_get_functiondef(%s::regprocedure)", [LOCK_SEATS])
    wait_until_it_waits(cinema, second, waiter=bob, holder=ada if in_order else carol)
    carol.rollback()
    results: list[str] = []
    for call in (first, second):
        try:
            results.append(code(call) or "all of them")
        except psycopg.errors.DeadlockDetected:
            results.append("DeadlockDetected")
    for who in (ada, bob):
        who.call("release_seats", showtime_id=cinema.showtime_id)
    return results


def test_two_tabs_together_stay_within_the_limit(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    ada.begin()
    lock(cinema, ada, *range(6))
    call = start(cinema.lock, tab, *range(6, 12))
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.commit()
    assert code(call) == "too_many_seats"
    assert cinema.states(ada).count("mine") == 6


def test_two_tabs_share_one_clock(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    ada.begin()
    first = lock(cinema, ada, 0)
    call = start(cinema.lock, tab, 1)
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.commit()
    assert outcome(call)["expires_at"] == first["expires_at"]
    assert outcome(call)["seat_ids"] == seat_ids(cinema, 0, 1)


def test_mutant_tabs_that_do_not_take_turns_pass_the_limit(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute(NOBODY_TAKES_TURNS)
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    ada.begin()
    first = lock(cinema, ada, *range(6))
    second = outcome(start(cinema.lock, tab, *range(6, 12)))
    ada.commit()
    assert cinema.states(ada).count("mine") == 12
    assert first["expires_at"] != second["expires_at"]


def test_a_seat_that_is_being_released_is_waited_for(cinema: CinemaFixture, start: Start) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    cinema.lock(ada, 0)
    ada.begin()
    ada.call_in_transaction("release_seats", showtime_id=cinema.showtime_id)
    call = start(cinema.lock, bob, 0)
    wait_until_it_waits(cinema, call, waiter=bob, holder=ada)
    ada.rollback()
    assert code(call) == "seat_taken"
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    cinema.lock(bob, 0)
    assert cinema.violations() == []


# The cap over all showtimes -------------------------------------------------------------------------------------------


def lock_at_two_showtimes(cinema: CinemaFixture, start: Start, waits: bool) -> int:
    """One person, room for two more seats, two showtimes in two tabs at once. Return how many seats they hold then."""
    cinema.owner.execute("update private.settings set seats_held_per_customer = 2")
    ada, second = cinema.customer(), cinema.add_showtime("3 days")
    tab = another_tab(cinema, ada)
    ada.begin()
    lock(cinema, ada, 0, 1)
    call = start(cinema.lock, tab, 0, 1, showtime_id=second)
    if waits:
        wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    else:
        outcome(call)
    ada.commit()
    outcome(call)
    return cinema.value("select count(*)::integer from public.seat_locks where held @> private.now()")


@pytest.mark.parametrize("function", ["lock_seats", "release_seats", "create_booking", "cancel_booking"])
def test_a_call_that_waits_for_the_owner_of_the_database_answers_busy(cinema: CinemaFixture, function: str) -> None:
    ada, here = cinema.customer(), {"showtime_id": cinema.showtime_id}
    arguments: dict[str, Json] = {
        "lock_seats": {**here, "seat_ids": seat_ids(cinema, 1)},
        "release_seats": here,
        "create_booking": here,
        "cancel_booking": {},
    }
    if function == "cancel_booking":
        arguments[function] = {"booking_id": cinema.book(ada, 0)["id"]}
    else:
        cinema.lock(ada, 0)
    longer = "update public.showtimes set ends_at = ends_at + interval '1 minute'"
    with holding(cinema, longer), ada.connection.transaction():
        # As PostgREST sets it for the role.
        ada.connection.execute("set local statement_timeout = '3s'")
        with pytest.raises(Refused) as refused:
            ada.call(function, **arguments[function])
    assert (refused.value.code, refused.value.sqlstate) == ("busy", "PT503")
    assert cinema.violations() == []


def test_two_showtimes_at_once_do_not_exceed_the_seats_that_one_may_hold(cinema: CinemaFixture, start: Start) -> None:
    assert lock_at_two_showtimes(cinema, start, waits=True) == 2


def test_mutant_with_a_turn_at_each_showtime_they_exceed_them(cinema: CinemaFixture, start: Start) -> None:
    rewrite(
        cinema,
        "private.lock_customer(bigint,uuid)",
        ("hashtextextended(p_user_id::text, 0)", "hashtextextended(p_user_id::text, p_showtime_id)"),
    )
    assert lock_at_two_showtimes(cinema, start, waits=False) == 4
