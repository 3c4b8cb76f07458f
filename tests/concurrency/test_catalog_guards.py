"""The catalog's guards beside customers' calls: a hold that begins while its showtime or its seat is being changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation

from tests.cinema import CinemaFixture
from tests.concurrency.parallel import (
    SHOWTIME_KEY,
    Start,
    broken_rules,
    code,
    holding,
    lock,
    outcome,
    rewrite,
    wait_until_it_waits,
)

CUSTOMER = "private.lock_customer(bigint,uuid)"
TRY_CUSTOMER = "private.try_lock_customer(bigint,uuid)"
SHARED = f"pg_advisory_xact_lock_shared({SHOWTIME_KEY}),"
TRY_SHARED = f"pg_try_advisory_xact_lock_shared({SHOWTIME_KEY})"

ELSEWHERE = "I3 a seat is held in an auditorium that it is not in"
RESUME = "update public.showtimes set status = 'scheduled'"
PLAN = """insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)
          select movie_id, auditorium_id, starts_at + interval '1 day', ends_at + interval '1 day',
                 available_from + interval '1 day' from public.showtimes"""
RENAME = "update public.seats set row_label = 'Z' where row_label = 'A' and number = 1"


def nobody_shares_a_showtime(cinema: CinemaFixture) -> None:
    rewrite(cinema, CUSTOMER, (SHARED, ""))
    rewrite(cinema, TRY_CUSTOMER, (TRY_SHARED, "true"))


def move(cinema: CinemaFixture) -> str:
    """The statement that moves the showtime to another auditorium."""
    return f"update public.showtimes set auditorium_id = {cinema.add_auditorium('Saal 2', 1, 1)}"


# A hold that begins while the showtime moves -------------------------------------------------------------------------


def test_a_hold_waits_while_its_showtime_moves(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    with holding(cinema, move(cinema)) as owner:
        call = start(cinema.lock, ada, 0)
        wait_until_it_waits(cinema, call, waiter=ada, holder=owner)
    assert code(call) == "unknown_seat"
    assert cinema.violations() == []


def test_a_showtime_does_not_move_once_a_hold_in_flight_has_begun(cinema: CinemaFixture, start: Start) -> None:
    ada, owner = cinema.customer(), cinema.caller("postgres")
    statement = move(cinema)
    ada.begin()
    lock(cinema, ada, 0)
    call = start(owner.query, statement)
    wait_until_it_waits(cinema, call, waiter=owner, holder=ada)
    ada.commit()
    with pytest.raises(ForeignKeyViolation, match="held or booked"):
        outcome(call)
    assert cinema.states()[0] == "locked"
    assert cinema.violations() == []


def test_a_showtime_moves_when_the_hold_in_flight_rolls_back(cinema: CinemaFixture, start: Start) -> None:
    ada, owner = cinema.customer(), cinema.caller("postgres")
    statement = move(cinema)
    ada.begin()
    lock(cinema, ada, 0)
    call = start(owner.query, statement)
    wait_until_it_waits(cinema, call, waiter=owner, holder=ada)
    ada.rollback()
    assert outcome(call) == []
    assert cinema.violations() == []


def test_mutant_a_hold_that_shares_no_showtime_is_left_behind(cinema: CinemaFixture) -> None:
    nobody_shares_a_showtime(cinema)
    with holding(cinema, move(cinema)):
        cinema.lock(cinema.customer(), 0)
    assert broken_rules(cinema) == {ELSEWHERE}


def test_mutant_a_showtime_moves_away_from_a_hold_in_flight(cinema: CinemaFixture) -> None:
    nobody_shares_a_showtime(cinema)
    statement, ada = move(cinema), cinema.customer()
    ada.begin()
    lock(cinema, ada, 0)
    cinema.owner.execute(statement.encode())
    ada.commit()
    assert broken_rules(cinema) == {ELSEWHERE}


def test_showtimes_that_nobody_changes_wait_for_nothing(cinema: CinemaFixture) -> None:
    """Customers share a showtime with each other, and other showtimes are no concern of a guard."""
    spare = cinema.add_showtime("3 days")
    ada = cinema.customer()
    ada.begin()
    lock(cinema, ada, 0)
    cinema.lock(cinema.customer("Bob"), 1)
    with holding(cinema, f"delete from public.showtimes where id = {spare}"):
        cinema.lock(cinema.customer("Carol"), 2)
    ada.commit()
    assert cinema.states()[:3] == ["locked"] * 3


# A hold that begins while its seat is renamed ------------------------------------------------------------------------


def test_a_seat_is_not_renamed_once_a_hold_in_flight_has_begun(cinema: CinemaFixture, start: Start) -> None:
    ada, owner = cinema.customer(), cinema.caller("postgres")
    ada.begin()
    lock(cinema, ada, 0)
    call = start(owner.query, RENAME)
    wait_until_it_waits(cinema, call, waiter=owner, holder=ada)
    ada.commit()
    with pytest.raises(ForeignKeyViolation, match="seat A1 is held"):
        outcome(call)


def test_a_hold_waits_while_its_seat_is_renamed(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    with holding(cinema, RENAME) as owner:
        call = start(cinema.lock, ada, 0)
        wait_until_it_waits(cinema, call, waiter=ada, holder=owner)
    outcome(call)
    booking = ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert [(seat["row"], seat["number"]) for seat in booking["seats"]] == [("Z", 1)]


def test_mutant_a_seat_is_renamed_under_a_hold_in_flight(cinema: CinemaFixture) -> None:
    nobody_shares_a_showtime(cinema)
    ada = cinema.customer()
    ada.begin()
    lock(cinema, ada, 0)
    cinema.owner.execute(RENAME)
    ada.commit()
    assert [seat["state"] for seat in cinema.map().values() if seat["row"] == "Z"] == ["locked"]


def test_no_showtime_is_planned_where_a_seat_is_being_renamed(cinema: CinemaFixture, start: Start) -> None:
    """Its holds would not be waited for."""
    planner = cinema.caller("postgres")
    with holding(cinema, RENAME) as owner:
        call = start(planner.query, PLAN)
        wait_until_it_waits(cinema, call, waiter=planner, holder=owner)
    assert outcome(call) == []


def test_a_held_seat_is_refused_without_waiting_for_its_booking(cinema: CinemaFixture, start: Start) -> None:
    """By then the guard has the seat's row, which the booking wants: neither may wait for the other in a circle."""
    ada, owner = cinema.customer(), cinema.caller("postgres")
    cinema.lock(ada, 0)
    with holding(cinema, "lock table public.bookings in share row exclusive mode") as table:
        call = start(ada.call, "create_booking", showtime_id=cinema.showtime_id)
        wait_until_it_waits(cinema, call, waiter=ada, holder=table)
        with pytest.raises(ForeignKeyViolation, match="seat A1 is held"):
            owner.query(RENAME)
    assert outcome(call)["status"] == "pending"


# A hold that begins while its theater changes ------------------------------------------------------------------------

PLACE_CHANGES = {
    "theater": """with rex as (insert into public.theaters (slug, name, city, country, address, time_zone, currency)
                                values ('rex', 'Rex', 'Paris', 'FR', 'Rue 1', 'Europe/Paris', 'EUR') returning id)
                  update public.auditoriums set theater_id = (select id from rex)""",
    "currency": "update public.theaters set currency = 'JPY'",
    "time zone": "update public.theaters set time_zone = 'Asia/Tokyo'",
}
each_place_change = pytest.mark.parametrize("statement", PLACE_CHANGES.values(), ids=PLACE_CHANGES.keys())
OTHER_MONEY = "I5 a booking is in a currency that its theater does not take"


@each_place_change
def test_a_theater_does_not_change_once_a_hold_in_flight_has_begun(
    cinema: CinemaFixture, start: Start, statement: str
) -> None:
    ada, owner = cinema.customer(), cinema.caller("postgres")
    ada.begin()
    lock(cinema, ada, 0)
    call = start(owner.query, statement)
    wait_until_it_waits(cinema, call, waiter=owner, holder=ada)
    ada.commit()
    with pytest.raises(ForeignKeyViolation, match="held or booked at a showtime to come"):
        outcome(call)
    assert cinema.violations() == []


def test_a_booking_waits_while_its_theater_changes_its_currency(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    with holding(cinema, PLACE_CHANGES["currency"]) as owner:
        call = start(cinema.book, ada, 0)
        wait_until_it_waits(cinema, call, waiter=ada, holder=owner)
    assert outcome(call)["currency"] == "JPY"
    assert cinema.violations() == []


def test_mutant_a_theater_changes_its_currency_under_a_booking_in_flight(cinema: CinemaFixture) -> None:
    nobody_shares_a_showtime(cinema)
    ada = cinema.customer()
    ada.begin()
    lock(cinema, ada, 0)
    ada.call_in_transaction("create_booking", showtime_id=cinema.showtime_id)
    cinema.owner.execute(PLACE_CHANGES["currency"].encode())
    ada.commit()
    assert broken_rules(cinema) == {OTHER_MONEY}


@each_place_change
def test_no_showtime_is_planned_where_the_theater_changes(cinema: CinemaFixture, start: Start, statement: str) -> None:
    """Its holds would not be waited for."""
    planner = cinema.caller("postgres")
    with holding(cinema, statement) as owner:
        call = start(planner.query, PLAN)
        wait_until_it_waits(cinema, call, waiter=planner, holder=owner)
    assert outcome(call) == []


@pytest.mark.parametrize("change", ["currency", "time zone"])
def test_a_theater_that_changes_is_given_no_auditorium(cinema: CinemaFixture, start: Start, change: str) -> None:
    planner = cinema.caller("postgres")
    insert = "insert into public.auditoriums (theater_id, name) select id, 'Saal 2' from public.theaters"
    with holding(cinema, PLACE_CHANGES[change]) as owner:
        call = start(planner.query, insert)
        wait_until_it_waits(cinema, call, waiter=planner, holder=owner)
    assert outcome(call) == []


# A showtime that is on again while its bookings are refunded ---------------------------------------------------------


def cancelled(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0)
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")


def test_a_showtime_is_not_on_again_while_the_sweep_refunds(cinema: CinemaFixture, start: Start) -> None:
    cancelled(cinema)
    worker, owner = cinema.service(), cinema.caller("postgres")
    worker.begin()
    worker.call_in_transaction("release_expired_locks")
    call = start(owner.query, RESUME)
    wait_until_it_waits(cinema, call, waiter=owner, holder=worker)
    worker.commit()
    with pytest.raises(CheckViolation, match="cancelled or refunded"):
        outcome(call)
    assert cinema.value("select status from public.showtimes") == "cancelled"


def test_the_sweep_passes_by_a_showtime_that_may_be_on_again(cinema: CinemaFixture) -> None:
    cancelled(cinema)
    with holding(cinema, RESUME):
        cinema.sweep()
    cinema.sweep()
    assert cinema.rows("select from public.refunds") == []
    assert cinema.value("select status from public.bookings") == "confirmed"


def test_mutant_a_sweep_that_shares_no_showtime_refunds_what_is_on_again(cinema: CinemaFixture) -> None:
    nobody_shares_a_showtime(cinema)
    cancelled(cinema)
    with holding(cinema, RESUME):
        cinema.sweep()
    assert cinema.value("select status from public.showtimes") == "scheduled"
    assert cinema.value("select status from public.bookings") == "cancelled"


def test_what_a_sweep_ends_counts_as_ended_for_the_cancellation(cinema: CinemaFixture, start: Start) -> None:
    """Though the sweep had begun before the showtime was cancelled."""
    pending = cinema.book(cinema.customer(), 0)
    worker = cinema.service()
    with holding(cinema, "lock table public.showtimes in access exclusive mode") as table:
        call = start(worker.call, "release_expired_locks")
        wait_until_it_waits(cinema, call, waiter=worker, holder=table)
        cinema.advance("1 minute")
        table.connection.execute("update public.showtimes set status = 'cancelled'")
    outcome(call)
    assert cinema.status(pending) == "cancelled"
    with pytest.raises(CheckViolation, match="cancelled or refunded"):
        cinema.owner.execute(RESUME)


# A film that grows while it is planned -------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["plan", "grow"])
def test_a_film_does_not_grow_while_it_is_planned(cinema: CinemaFixture, start: Start, first: str) -> None:
    cinema.owner.execute("delete from public.showtimes")
    statements = {
        "plan": f"""insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)
                    select {cinema.movie_id}, {cinema.auditorium_id}, s, s + interval '94 minutes',
                           s + interval '2 hours' from (select private.now() + interval '1 day' as s) x""",
        "grow": "update public.movies set length_minutes = 95",
    }
    second = cinema.caller("postgres")
    run: Callable[[str], object] = second.query
    with holding(cinema, statements.pop(first)) as holder:
        call = start(run, *statements.values())
        wait_until_it_waits(cinema, call, waiter=second, holder=holder)
    with pytest.raises(CheckViolation):
        outcome(call)
    assert cinema.violations() == []
