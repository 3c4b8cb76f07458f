"""Stripe reports twice, or while somebody takes the seats: what is sold, what is refunded, what is said once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest

from tests.concurrency.parallel import (
    BOOKINGS_ARE_NOT_LOCKED,
    SEATS_ARE_SOLD_AGAIN,
    Start,
    broken_rules,
    code,
    holding,
    let_seats_have_any_number_of_holders,
    lock,
    outcome,
    rewrite,
    seat_ids,
    succeeded,
    wait_until_it_waits,
)
from tests.house import Caller, House, Json

PAYMENTS_ARE_NOT_LOCKED = (
    "private.payment_of_intent(public.bookings,text,integer,text)",
    ("p.payment_intent_id = p_payment_intent_id for update", "p.payment_intent_id = p_payment_intent_id"),
)


def reported_twice(
    house: House, start: Start, first: Json, second: Json, *, roll_back: bool = False
) -> tuple[Json, Json]:
    """What confirm_booking answers to two reports, the second of which comes while the first is being dealt with."""
    one, two = house.service(), house.service()
    one.begin()
    answer = one.call_in_transaction("confirm_booking", **first)
    call = start(two.call, "confirm_booking", **second)
    wait_until_it_waits(house, call, waiter=two, holder=one)
    if roll_back:
        one.rollback()
    else:
        one.commit()
    return answer, outcome(call)


def test_one_event_delivered_twice_at_once(house: House, start: Start) -> None:
    booking = house.book(ada := house.customer(), 0, 1)
    event = succeeded(booking, house.start_payment(ada, booking), "evt_1")
    first, second = reported_twice(house, start, event, event)
    assert (first["outcome"], second["outcome"]) == ("confirmed", "duplicate")
    assert len(house.events("seat:book")) == len(house.outbox("mail_confirmation")) == 1
    assert house.violations() == []


def test_the_second_delivery_does_it_when_the_first_fails(house: House, start: Start) -> None:
    booking = house.book(ada := house.customer(), 0, 1)
    event = succeeded(booking, house.start_payment(ada, booking), "evt_1")
    _, second = reported_twice(house, start, event, event, roll_back=True)
    assert second["outcome"] == "confirmed"
    assert house.violations() == []


def test_control_without_the_ledgers_key_the_payment_knows_that_it_was_settled(house: House, start: Start) -> None:
    house.owner.execute("alter table private.stripe_events drop constraint stripe_events_pkey")
    booking = house.book(ada := house.customer(), 0, 1)
    event = succeeded(booking, house.start_payment(ada, booking), "evt_1")
    first, second = reported_twice(house, start, event, event)
    assert (first["outcome"], second["outcome"]) == ("confirmed", "already_settled")
    assert house.value("select count(*) from private.stripe_events") == 2


def test_two_events_for_one_intent(house: House, start: Start) -> None:
    booking = house.book(ada := house.customer(), 0, 1)
    intent = house.start_payment(ada, booking)
    first, second = reported_twice(
        house, start, succeeded(booking, intent, "evt_1"), succeeded(booking, intent, "evt_2")
    )
    assert (first["outcome"], second["outcome"]) == ("confirmed", "already_settled")
    assert len(house.events("seat:book")) == 1
    assert house.violations() == []


def test_control_unlocked_two_events_for_one_intent_confirm_twice(house: House, start: Start) -> None:
    house.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    rewrite(house, *PAYMENTS_ARE_NOT_LOCKED)
    booking = house.book(ada := house.customer(), 0, 1)
    intent = house.start_payment(ada, booking)
    first, second = reported_twice(
        house, start, succeeded(booking, intent, "evt_1"), succeeded(booking, intent, "evt_2")
    )
    assert (first["outcome"], second["outcome"]) == ("confirmed", "confirmed")
    assert len(house.events("seat:book")) == 2


def test_two_intents_for_one_booking(house: House, start: Start) -> None:
    booking = house.book(ada := house.customer(), 0, 1)
    intent = house.start_payment(ada, booking)
    first, second = reported_twice(
        house, start, succeeded(booking, intent, "evt_1"), succeeded(booking, "pi_second", "evt_2")
    )
    assert first["outcome"] == "confirmed"
    assert (second["outcome"], second["reason"]) == ("refund_queued", "second_payment")
    assert house.violations() == []


def test_control_unlocked_two_intents_meet_the_index(house: House, start: Start) -> None:
    house.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    booking = house.book(ada := house.customer(), 0, 1)
    intent = house.start_payment(ada, booking)
    with pytest.raises(psycopg.errors.UniqueViolation, match="one_payment_keeps_a_booking"):
        reported_twice(house, start, succeeded(booking, intent, "evt_1"), succeeded(booking, "pi_second", "evt_2"))
    assert house.violations() == []


def test_control_without_the_index_too_both_payments_are_kept(house: House, start: Start) -> None:
    house.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    house.owner.execute("drop index public.one_payment_keeps_a_booking")
    booking = house.book(ada := house.customer(), 0, 1)
    intent = house.start_payment(ada, booking)
    first, second = reported_twice(
        house, start, succeeded(booking, intent, "evt_1"), succeeded(booking, "pi_second", "evt_2")
    )
    assert (first["outcome"], second["outcome"]) == ("confirmed", "confirmed")
    assert house.rows("select * from public.refunds") == []
    assert house.value("select count(*) from public.payments where keeps_booking") == 2


def test_a_hundred_deliveries_of_one_event(house: House, start: Start) -> None:
    booking = house.book(ada := house.customer(), 0, 1)
    event = succeeded(booking, house.start_payment(ada, booking), "evt_1")
    deliverers = [house.service() for _ in range(100)]
    with holding(house, "lock table private.stripe_events in exclusive mode") as owner:
        calls = [start(who.call, "confirm_booking", **event) for who in deliverers]
        for who, call in zip(deliverers, calls, strict=True):
            wait_until_it_waits(house, call, waiter=who, holder=owner)
    assert Counter(outcome(call)["outcome"] for call in calls) == {"confirmed": 1, "duplicate": 99}
    assert len(house.events("seat:book")) == len(house.outbox("mail_confirmation")) == 1
    assert house.value("select count(*) from private.stripe_events") == 1
    assert house.violations() == []


# Paid when the time was over, while another customer reaches for the seats ------------------------------------------


def ran_out(house: House) -> tuple[Caller, Json, str]:
    """A customer, her booking of seats 0 and 1 whose time is over, and the intent that may still be paid."""
    ada = house.customer()
    booking = house.book(ada, 0, 1)
    intent = house.start_payment(ada, booking)
    house.advance("10 minutes")
    return ada, booking, intent


def paid_late_while_locking(house: House, start: Start, *, roll_back: bool = False) -> Future[Any]:
    """Ada's late confirm_booking, begun while Bob's lock of one of her seats was not committed."""
    _, booking, intent = ran_out(house)
    bob, stripe = house.customer("Bob"), house.service()
    bob.begin()
    lock(house, bob, 1, 2)
    call = start(stripe.call, "confirm_booking", **succeeded(booking, intent, "evt_1"))
    wait_until_it_waits(house, call, waiter=stripe, holder=bob)
    if roll_back:
        bob.rollback()
    else:
        bob.commit()
    return call


def test_paid_late_while_another_locks_the_seat(house: House, start: Start) -> None:
    answer = outcome(paid_late_while_locking(house, start))
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "seats_gone")
    assert house.states()[:3] == ["free", "locked", "locked"]
    assert house.violations() == []


def test_paid_late_while_another_fails_to_lock_the_seat(house: House, start: Start) -> None:
    assert outcome(paid_late_while_locking(house, start, roll_back=True))["outcome"] == "confirmed"
    assert house.states()[:3] == ["booked", "booked", "free"]
    assert house.violations() == []


def test_a_seat_that_is_being_sold_late_is_taken(house: House, start: Start) -> None:
    _, booking, intent = ran_out(house)
    bob, stripe = house.customer("Bob"), house.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, intent, "evt_1"))
    call = start(house.lock, bob, 1, 2)
    wait_until_it_waits(house, call, waiter=bob, holder=stripe)
    stripe.commit()
    assert code(call) == "seat_taken"
    assert outcome(call).details == {"seat_ids": seat_ids(house, 1)}
    assert house.violations() == []


def test_a_late_sale_that_fails_leaves_the_seat_to_the_next(house: House, start: Start) -> None:
    _, booking, intent = ran_out(house)
    bob, stripe = house.customer("Bob"), house.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, intent, "evt_1"))
    call = start(house.lock, bob, 1, 2)
    wait_until_it_waits(house, call, waiter=bob, holder=stripe)
    stripe.rollback()
    assert outcome(call)["seat_ids"] == seat_ids(house, 1, 2)
    assert house.violations() == []


def both_paid(house: House, start: Start, *, wait: bool) -> tuple[Json, Json]:
    """Bob has locked and booked what was Ada's; both are paid for at the same time, Bob first."""
    _, late, late_intent = ran_out(house)
    bob, one, two = house.customer("Bob"), house.service(), house.service()
    booking = house.book(bob, 1, 2)
    intent = house.start_payment(bob, booking)
    one.begin()
    first = one.call_in_transaction("confirm_booking", **succeeded(booking, intent, "evt_1"))
    call = start(two.call, "confirm_booking", **succeeded(late, late_intent, "evt_2"))
    if wait:
        wait_until_it_waits(house, call, waiter=two, holder=one)
    else:
        outcome(call)
    one.commit()
    return first, outcome(call)


def test_two_customers_pay_for_one_seat(house: House, start: Start) -> None:
    first, second = both_paid(house, start, wait=True)
    assert first["outcome"] == "confirmed"
    assert (second["outcome"], second["reason"]) == ("refund_queued", "seats_gone")
    assert house.violations() == []


def test_control_without_the_constraint_the_second_guard_refuses(house: House, start: Start) -> None:
    """With holds unguarded, a_seat_is_sold_once alone keeps the seat from being sold twice, and the money goes back."""
    let_seats_have_any_number_of_holders(house)
    first, second = both_paid(house, start, wait=True)
    assert first["outcome"] == "confirmed"
    assert (second["outcome"], second["reason"]) == ("refund_queued", "seats_gone")
    assert house.violations() == []


def test_control_without_either_guard_a_seat_is_sold_twice(house: House, start: Start) -> None:
    let_seats_have_any_number_of_holders(house)
    house.owner.execute(SEATS_ARE_SOLD_AGAIN)
    first, second = both_paid(house, start, wait=False)
    assert (first["outcome"], second["outcome"]) == ("confirmed", "confirmed")
    assert broken_rules(house) == {"I1 a seat is held twice", "I1 a seat is sold twice"}


def test_control_without_the_constraint_a_held_seat_is_sold_to_another(house: House) -> None:
    """What the second guard cannot see: a seat that is merely held. Its holder's money will go back."""
    let_seats_have_any_number_of_holders(house)
    _, late, late_intent = ran_out(house)
    bob = house.customer("Bob")
    booking = house.book(bob, 1, 2)
    intent = house.start_payment(bob, booking)
    assert house.pay(late, late_intent)["outcome"] == "confirmed"
    assert broken_rules(house) == {"I1 a seat is held twice"}
    assert house.pay(booking, intent)["reason"] == "seats_gone"


# The order in which seat locks are taken ------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [(1, 3), (3, 1)])
def test_paid_at_the_last_moment_while_another_takes_over(house: House, start: Start, chosen: tuple[int, int]) -> None:
    """Whichever seat she chose first: Ada's sale and Bob's lock go through the seats in the same order."""
    house.freeze()
    ada, bob, stripe = house.customer(), house.customer("Bob"), house.service()
    for seat in chosen:
        house.lock(ada, seat)
    booking = ada.call("create_booking", showtime_id=house.showtime_id)
    intent = house.start_payment(ada, booking)
    with holding(house, "lock table public.booking_seats in access exclusive mode") as owner:
        sale = start(stripe.call, "confirm_booking", **succeeded(booking, intent, "evt_1"))
        wait_until_it_waits(house, sale, waiter=stripe, holder=owner)  # in time by its clock, and then it stalls
        house.advance("10 minutes")
        bob.begin()
        lock(house, bob, 1)
    wait_until_it_waits(house, sale, waiter=stripe, holder=bob)
    lock(house, bob, 3)
    bob.commit()
    assert (outcome(sale)["outcome"], outcome(sale)["reason"]) == ("refund_queued", "seats_gone")
    assert house.violations() == []
