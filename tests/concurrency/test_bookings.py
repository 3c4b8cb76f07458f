"""One customer's calls about one booking, at once: in two tabs, or in a tab while Stripe reports."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import psycopg
import pytest

from tests.cinema import Caller, CinemaFixture
from tests.concurrency.parallel import (
    BOOKINGS_ARE_NOT_LOCKED,
    NO_TIME_TO_PAY,
    NOBODY_TAKES_TURNS,
    Start,
    another_tab,
    broken_rules,
    code,
    holding,
    lock,
    outcome,
    rewrite,
    seat_ids,
    succeeded,
    wait_until_it_waits,
    wait_until_it_waits_or_ends,
)


def test_two_tabs_make_one_booking(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    cinema.lock(ada, 0, 1)
    ada.begin()
    first = ada.call_in_transaction("create_booking", showtime_id=cinema.showtime_id)
    call = start(tab.call, "create_booking", showtime_id=cinema.showtime_id)
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.commit()
    assert outcome(call) == first
    assert cinema.value("select count(*) from public.bookings") == 1
    assert len(cinema.events("seat:lock")) == 1  # choosing; the longer time to pay comes with the payment
    assert cinema.violations() == []


def test_the_second_tab_makes_the_booking_when_the_first_rolls_back(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    cinema.lock(ada, 0, 1)
    ada.begin()
    first = ada.call_in_transaction("create_booking", showtime_id=cinema.showtime_id)
    call = start(tab.call, "create_booking", showtime_id=cinema.showtime_id)
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.rollback()
    assert outcome(call)["id"] != first["id"]
    assert cinema.violations() == []


def test_mutant_without_taking_turns_the_index_refuses_rawly(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute(NOBODY_TAKES_TURNS)
    call = _second_booking_in_parallel(cinema, start)
    with pytest.raises(psycopg.errors.UniqueViolation, match="one_pending_booking_per_customer"):
        outcome(call)
    assert cinema.violations() == []


def test_mutant_without_the_index_too_there_are_two_bookings(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute(NOBODY_TAKES_TURNS)
    cinema.owner.execute("drop index public.one_pending_booking_per_customer")
    outcome(_second_booking_in_parallel(cinema, start))
    assert cinema.value("select count(*) from public.bookings where status = 'pending'") == 2
    assert cinema.value("select count(*) from public.booking_seats") == 2 * cinema.states().count("locked")


def _second_booking_in_parallel(cinema: CinemaFixture, start: Start) -> Future[Any]:
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    cinema.lock(ada, 0, 1)
    ada.begin()
    ada.call_in_transaction("create_booking", showtime_id=cinema.showtime_id)
    call = start(tab.call, "create_booking", showtime_id=cinema.showtime_id)
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.commit()
    return call


def test_seats_that_are_being_booked_are_not_released(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    cinema.lock(ada, 0, 1)
    ada.begin()
    booking = ada.call_in_transaction("create_booking", showtime_id=cinema.showtime_id)
    call = start(tab.call, "release_seats", showtime_id=cinema.showtime_id)
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.commit()
    assert code(call) == "booking_pending"
    assert outcome(call).details == {"booking_id": booking["id"]}
    assert cinema.violations() == []


def test_seats_that_are_being_released_are_not_booked(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    call = _booking_while_releasing(cinema, start, ada)
    assert code(call) == "lock_expired"
    assert cinema.value("select count(*) from public.bookings") == 0
    assert cinema.states()[:2] == ["free", "free"]


def test_mutant_without_taking_turns_the_count_refuses(cinema: CinemaFixture, start: Start) -> None:
    """What was read as held is counted again when it is extended."""
    cinema.owner.execute(NOBODY_TAKES_TURNS)
    assert code(_booking_while_releasing(cinema, start, cinema.customer())) == "lock_expired"
    assert cinema.value("select count(*) from public.bookings") == 0


def test_mutant_without_either_released_seats_are_booked(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute(NOBODY_TAKES_TURNS)
    rewrite(
        cinema,
        "private.extend_locks(public.bookings,uuid,timestamptz,timestamptz)",
        ("l.id = v_lock.id and l.held @> p_now;", "l.id = v_lock.id;"),
    )
    assert outcome(_booking_while_releasing(cinema, start, cinema.customer()))["total"] == 2400
    assert cinema.states()[:2] == ["locked", "locked"]


def _booking_while_releasing(cinema: CinemaFixture, start: Start, ada: Caller) -> Future[Any]:
    tab = another_tab(cinema, ada)
    cinema.lock(ada, 0, 1)
    ada.begin()
    ada.call_in_transaction("release_seats", showtime_id=cinema.showtime_id)
    call = start(tab.call, "create_booking", showtime_id=cinema.showtime_id)
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.commit()
    return call


def test_a_seat_added_while_the_booking_is_made_stays_out_of_it(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    cinema.lock(ada, 0, 1)
    ada.begin()
    booking = ada.call_in_transaction("create_booking", showtime_id=cinema.showtime_id)
    call = start(cinema.lock, tab, 2)
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.commit()
    assert code(call) == "booking_pending"
    assert [seat["seat_id"] for seat in booking["seats"]] == seat_ids(cinema, 0, 1)
    assert cinema.violations() == []


def test_a_booking_waits_for_the_seat_that_is_being_added(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    cinema.lock(ada, 0)
    ada.begin()
    lock(cinema, ada, 1)
    call = start(tab.call, "create_booking", showtime_id=cinema.showtime_id)
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.commit()
    assert [seat["seat_id"] for seat in outcome(call)["seats"]] == seat_ids(cinema, 0, 1)
    assert cinema.violations() == []


@pytest.mark.parametrize(
    "change",
    [
        "update public.showtime_prices set price = price + 100",
        "delete from public.showtime_prices",
    ],
)
def test_prices_that_change_while_a_booking_is_made(cinema: CinemaFixture, start: Start, change: str) -> None:
    """Total and lines are of one moment, whichever it is. The table lock stops the call between the two."""
    ada = cinema.customer()
    cinema.lock(ada, 0, 1)
    with holding(cinema, "lock table public.bookings in share row exclusive mode") as owner:
        call = start(ada.call, "create_booking", showtime_id=cinema.showtime_id)
        wait_until_it_waits(cinema, call, waiter=ada, holder=owner)
        cashier = cinema.caller("postgres")
        changed = start(cashier.query, change)
        wait_until_it_waits_or_ends(cinema, changed, cashier)
    outcome(changed)
    booking = outcome(call)
    assert booking["total"] == sum(seat["price"] for seat in booking["seats"] or [])
    assert cinema.violations() == []


def test_paid_while_it_is_cancelled(cinema: CinemaFixture, start: Start) -> None:
    ada, stripe = cinema.customer(), cinema.service()
    booking = cinema.book(ada, 0, 1)
    intent = cinema.start_payment(ada, booking)
    ada.begin()
    ada.call_in_transaction("cancel_booking", booking_id=booking["id"])
    call = start(stripe.call, "confirm_booking", **succeeded(booking, intent, "evt_1"))
    wait_until_it_waits(cinema, call, waiter=stripe, holder=ada)
    ada.commit()
    assert outcome(call) == {
        "outcome": "refund_queued",
        "booking_id": booking["id"],
        "reason": "booking_cancelled",
    }
    assert cinema.status(booking) == "cancelled"
    assert cinema.states()[:2] == ["free", "free"]
    assert cinema.violations() == []


def test_paid_after_a_cancellation_that_rolled_back(cinema: CinemaFixture, start: Start) -> None:
    ada, stripe = cinema.customer(), cinema.service()
    booking = cinema.book(ada, 0, 1)
    intent = cinema.start_payment(ada, booking)
    ada.begin()
    ada.call_in_transaction("cancel_booking", booking_id=booking["id"])
    call = start(stripe.call, "confirm_booking", **succeeded(booking, intent, "evt_1"))
    wait_until_it_waits(cinema, call, waiter=stripe, holder=ada)
    ada.rollback()
    assert outcome(call)["outcome"] == "confirmed"
    assert cinema.violations() == []


def test_cancelled_while_it_is_paid(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    call = _cancelled_while_it_is_paid(cinema, start, ada)
    assert outcome(call)["status"] == "cancelled"
    assert [refund["reason"] for refund in cinema.rows("select * from public.refunds")] == ["cancelled_by_customer"]
    assert cinema.states()[:2] == ["free", "free"]
    assert cinema.violations() == []


def test_mutant_a_booking_that_is_not_locked_is_cancelled_without_its_refund(
    cinema: CinemaFixture, start: Start
) -> None:
    cinema.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    assert outcome(_cancelled_while_it_is_paid(cinema, start, cinema.customer()))["status"] == "cancelled"
    assert cinema.rows("select * from public.refunds") == []
    assert broken_rules(cinema) == {
        "I2 money is kept without a confirmed booking",
        "I3 a seat is sold without a confirmed booking",
        "I6 a cancellation has no mail",
    }


def _cancelled_while_it_is_paid(cinema: CinemaFixture, start: Start, ada: Caller) -> Future[Any]:
    stripe = cinema.service()
    booking = cinema.book(ada, 0, 1)
    intent = cinema.start_payment(ada, booking)
    stripe.begin()
    answer = stripe.call_in_transaction("confirm_booking", **succeeded(booking, intent, "evt_1"))
    assert answer["outcome"] == "confirmed"
    call = start(ada.call, "cancel_booking", booking_id=booking["id"])
    wait_until_it_waits(cinema, call, waiter=ada, holder=stripe)
    stripe.commit()
    return call


def test_two_tabs_cancel_once(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    tab = another_tab(cinema, ada)
    booking = cinema.buy(ada, 0, 1)
    ada.begin()
    ada.call_in_transaction("cancel_booking", booking_id=booking["id"])
    call = start(tab.call, "cancel_booking", booking_id=booking["id"])
    wait_until_it_waits(cinema, call, waiter=tab, holder=ada)
    ada.commit()
    assert outcome(call)["status"] == "cancelled"
    assert cinema.value("select count(*) from public.refunds") == 1
    assert len(cinema.events("seat:release")) == 1
    assert cinema.violations() == []


def test_two_requests_begin_one_payment(cinema: CinemaFixture, start: Start) -> None:
    ada, first, second = cinema.customer(), cinema.service(), cinema.service()
    booking = cinema.book(ada, 0)
    first.begin()
    answer = first.call_in_transaction("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    call = start(second.call, "start_payment", booking_id=booking["id"], user_id=ada.user_id)
    wait_until_it_waits(cinema, call, waiter=second, holder=first)
    first.commit()
    assert outcome(call) == answer
    assert cinema.value("select count(*) from public.payments") == 1


def test_mutant_unlocked_bookings_get_a_second_payment_but_for_the_index(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    cinema.owner.execute(NO_TIME_TO_PAY)
    ada, first, second = cinema.customer(), cinema.service(), cinema.service()
    booking = cinema.book(ada, 0)
    first.begin()
    first.call_in_transaction("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    call = start(second.call, "start_payment", booking_id=booking["id"], user_id=ada.user_id)
    wait_until_it_waits(cinema, call, waiter=second, holder=first)
    first.commit()
    with pytest.raises(psycopg.errors.UniqueViolation, match="one_open_payment_per_booking"):
        outcome(call)
