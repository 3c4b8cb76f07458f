"""One customer's calls about one booking, at once: in two tabs, or in a tab while Stripe reports."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import psycopg
import pytest

from tests.concurrency.parallel import (
    BOOKINGS_ARE_NOT_LOCKED,
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
from tests.house import Caller, House


def test_two_tabs_make_one_booking(house: House, start: Start) -> None:
    ada = house.customer()
    tab = another_tab(house, ada)
    house.lock(ada, 0, 1)
    ada.begin()
    first = ada.call_in_transaction("create_booking", showtime_id=house.showtime_id)
    call = start(tab.call, "create_booking", showtime_id=house.showtime_id)
    wait_until_it_waits(house, call, waiter=tab, holder=ada)
    ada.commit()
    assert outcome(call) == first
    assert house.value("select count(*) from public.bookings") == 1
    assert len(house.events("seat:lock")) == 2  # choosing, and the longer time to pay
    assert house.violations() == []


def test_the_second_tab_makes_the_booking_when_the_first_rolls_back(house: House, start: Start) -> None:
    ada = house.customer()
    tab = another_tab(house, ada)
    house.lock(ada, 0, 1)
    ada.begin()
    first = ada.call_in_transaction("create_booking", showtime_id=house.showtime_id)
    call = start(tab.call, "create_booking", showtime_id=house.showtime_id)
    wait_until_it_waits(house, call, waiter=tab, holder=ada)
    ada.rollback()
    assert outcome(call)["id"] != first["id"]
    assert house.violations() == []


def test_control_without_taking_turns_the_index_refuses_rawly(house: House, start: Start) -> None:
    house.owner.execute(NOBODY_TAKES_TURNS)
    call = _second_booking_in_parallel(house, start)
    with pytest.raises(psycopg.errors.UniqueViolation, match="one_pending_booking_per_customer"):
        outcome(call)
    assert house.violations() == []


def test_control_without_the_index_too_there_are_two_bookings(house: House, start: Start) -> None:
    house.owner.execute(NOBODY_TAKES_TURNS)
    house.owner.execute("drop index public.one_pending_booking_per_customer")
    outcome(_second_booking_in_parallel(house, start))
    assert house.value("select count(*) from public.bookings where status = 'pending'") == 2
    assert house.value("select count(*) from public.booking_seats") == 2 * house.states().count("locked")


def _second_booking_in_parallel(house: House, start: Start) -> Future[Any]:
    ada = house.customer()
    tab = another_tab(house, ada)
    house.lock(ada, 0, 1)
    ada.begin()
    ada.call_in_transaction("create_booking", showtime_id=house.showtime_id)
    call = start(tab.call, "create_booking", showtime_id=house.showtime_id)
    wait_until_it_waits(house, call, waiter=tab, holder=ada)
    ada.commit()
    return call


def test_seats_that_are_being_booked_are_not_released(house: House, start: Start) -> None:
    ada = house.customer()
    tab = another_tab(house, ada)
    house.lock(ada, 0, 1)
    ada.begin()
    booking = ada.call_in_transaction("create_booking", showtime_id=house.showtime_id)
    call = start(tab.call, "release_seats", showtime_id=house.showtime_id)
    wait_until_it_waits(house, call, waiter=tab, holder=ada)
    ada.commit()
    assert code(call) == "booking_pending"
    assert outcome(call).details == {"booking_id": booking["id"]}
    assert house.violations() == []


def test_seats_that_are_being_released_are_not_booked(house: House, start: Start) -> None:
    ada = house.customer()
    call = _booking_while_releasing(house, start, ada)
    assert code(call) == "lock_expired"
    assert house.value("select count(*) from public.bookings") == 0
    assert house.states()[:2] == ["free", "free"]


def test_control_without_taking_turns_the_count_refuses(house: House, start: Start) -> None:
    """What was read as held is counted again when it is extended."""
    house.owner.execute(NOBODY_TAKES_TURNS)
    assert code(_booking_while_releasing(house, start, house.customer())) == "lock_expired"
    assert house.value("select count(*) from public.bookings") == 0


def test_control_without_either_released_seats_are_booked(house: House, start: Start) -> None:
    house.owner.execute(NOBODY_TAKES_TURNS)
    rewrite(
        house,
        "private.extend_locks(public.bookings,uuid,timestamptz,timestamptz)",
        ("l.id = v_id and l.held @> p_now;", "l.id = v_id;"),
    )
    assert outcome(_booking_while_releasing(house, start, house.customer()))["total"] == 2400
    assert house.states()[:2] == ["locked", "locked"]


def _booking_while_releasing(house: House, start: Start, ada: Caller) -> Future[Any]:
    tab = another_tab(house, ada)
    house.lock(ada, 0, 1)
    ada.begin()
    ada.call_in_transaction("release_seats", showtime_id=house.showtime_id)
    call = start(tab.call, "create_booking", showtime_id=house.showtime_id)
    wait_until_it_waits(house, call, waiter=tab, holder=ada)
    ada.commit()
    return call


def test_a_seat_added_while_the_booking_is_made_stays_out_of_it(house: House, start: Start) -> None:
    ada = house.customer()
    tab = another_tab(house, ada)
    house.lock(ada, 0, 1)
    ada.begin()
    booking = ada.call_in_transaction("create_booking", showtime_id=house.showtime_id)
    call = start(house.lock, tab, 2)
    wait_until_it_waits(house, call, waiter=tab, holder=ada)
    ada.commit()
    assert code(call) == "booking_pending"
    assert [seat["seat_id"] for seat in booking["seats"]] == seat_ids(house, 0, 1)
    assert house.violations() == []


def test_a_booking_waits_for_the_seat_that_is_being_added(house: House, start: Start) -> None:
    ada = house.customer()
    tab = another_tab(house, ada)
    house.lock(ada, 0)
    ada.begin()
    lock(house, ada, 1)
    call = start(tab.call, "create_booking", showtime_id=house.showtime_id)
    wait_until_it_waits(house, call, waiter=tab, holder=ada)
    ada.commit()
    assert [seat["seat_id"] for seat in outcome(call)["seats"]] == seat_ids(house, 0, 1)
    assert house.violations() == []


@pytest.mark.parametrize(
    "change",
    [
        "update public.showtime_prices set price = price + 100",
        "delete from public.showtime_prices",
    ],
)
def test_prices_that_change_while_a_booking_is_made(house: House, start: Start, change: str) -> None:
    """Total and lines are of one moment, whichever it is. The table lock stops the call between the two."""
    ada = house.customer()
    house.lock(ada, 0, 1)
    with holding(house, "lock table public.bookings in share row exclusive mode") as owner:
        call = start(ada.call, "create_booking", showtime_id=house.showtime_id)
        wait_until_it_waits(house, call, waiter=ada, holder=owner)
        cashier = house.caller("postgres")
        changed = start(cashier.query, change)
        wait_until_it_waits_or_ends(house, changed, cashier)
    outcome(changed)
    booking = outcome(call)
    assert booking["total"] == sum(seat["price"] for seat in booking["seats"] or [])
    assert house.violations() == []


def test_paid_while_it_is_cancelled(house: House, start: Start) -> None:
    ada, stripe = house.customer(), house.service()
    booking = house.book(ada, 0, 1)
    intent = house.start_payment(ada, booking)
    ada.begin()
    ada.call_in_transaction("cancel_booking", booking_id=booking["id"])
    call = start(stripe.call, "confirm_booking", **succeeded(booking, intent, "evt_1"))
    wait_until_it_waits(house, call, waiter=stripe, holder=ada)
    ada.commit()
    assert outcome(call) == {
        "outcome": "refund_queued",
        "booking_id": booking["id"],
        "reason": "booking_cancelled",
    }
    assert house.status(booking) == "cancelled"
    assert house.states()[:2] == ["free", "free"]
    assert house.violations() == []


def test_paid_after_a_cancellation_that_rolled_back(house: House, start: Start) -> None:
    ada, stripe = house.customer(), house.service()
    booking = house.book(ada, 0, 1)
    intent = house.start_payment(ada, booking)
    ada.begin()
    ada.call_in_transaction("cancel_booking", booking_id=booking["id"])
    call = start(stripe.call, "confirm_booking", **succeeded(booking, intent, "evt_1"))
    wait_until_it_waits(house, call, waiter=stripe, holder=ada)
    ada.rollback()
    assert outcome(call)["outcome"] == "confirmed"
    assert house.violations() == []


def test_cancelled_while_it_is_paid(house: House, start: Start) -> None:
    ada = house.customer()
    call = _cancelled_while_it_is_paid(house, start, ada)
    assert outcome(call)["status"] == "cancelled"
    assert [refund["reason"] for refund in house.rows("select * from public.refunds")] == ["cancelled_by_customer"]
    assert house.states()[:2] == ["free", "free"]
    assert house.violations() == []


def test_control_a_booking_that_is_not_locked_is_cancelled_without_its_refund(house: House, start: Start) -> None:
    house.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    assert outcome(_cancelled_while_it_is_paid(house, start, house.customer()))["status"] == "cancelled"
    assert house.rows("select * from public.refunds") == []
    assert broken_rules(house) == {
        "I2 money is kept without a confirmed booking",
        "I3 a seat is sold without a confirmed booking",
    }


def _cancelled_while_it_is_paid(house: House, start: Start, ada: Caller) -> Future[Any]:
    stripe = house.service()
    booking = house.book(ada, 0, 1)
    intent = house.start_payment(ada, booking)
    stripe.begin()
    answer = stripe.call_in_transaction("confirm_booking", **succeeded(booking, intent, "evt_1"))
    assert answer["outcome"] == "confirmed"
    call = start(ada.call, "cancel_booking", booking_id=booking["id"])
    wait_until_it_waits(house, call, waiter=ada, holder=stripe)
    stripe.commit()
    return call


def test_two_tabs_cancel_once(house: House, start: Start) -> None:
    ada = house.customer()
    tab = another_tab(house, ada)
    booking = house.buy(ada, 0, 1)
    ada.begin()
    ada.call_in_transaction("cancel_booking", booking_id=booking["id"])
    call = start(tab.call, "cancel_booking", booking_id=booking["id"])
    wait_until_it_waits(house, call, waiter=tab, holder=ada)
    ada.commit()
    assert outcome(call)["status"] == "cancelled"
    assert house.value("select count(*) from public.refunds") == 1
    assert len(house.events("seat:release")) == 1
    assert house.violations() == []


def test_two_requests_begin_one_payment(house: House, start: Start) -> None:
    ada, first, second = house.customer(), house.service(), house.service()
    booking = house.book(ada, 0)
    first.begin()
    answer = first.call_in_transaction("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    call = start(second.call, "start_payment", booking_id=booking["id"], user_id=ada.user_id)
    wait_until_it_waits(house, call, waiter=second, holder=first)
    first.commit()
    assert outcome(call) == answer
    assert house.value("select count(*) from public.payments") == 1


def test_control_unlocked_bookings_get_a_second_payment_but_for_the_index(house: House, start: Start) -> None:
    house.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    ada, first, second = house.customer(), house.service(), house.service()
    booking = house.book(ada, 0)
    first.begin()
    first.call_in_transaction("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    call = start(second.call, "start_payment", booking_id=booking["id"], user_id=ada.user_id)
    wait_until_it_waits(house, call, waiter=second, holder=first)
    first.commit()
    with pytest.raises(psycopg.errors.UniqueViolation, match="one_open_payment_per_booking"):
        outcome(call)
