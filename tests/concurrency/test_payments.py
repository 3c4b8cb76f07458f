"""Stripe reports twice, or while somebody takes the seats: what is sold, what is refunded, what is said once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest

from tests.cinema import Caller, CinemaFixture, Json
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

PAYMENTS_ARE_NOT_LOCKED = (
    "private.payment_of_intent(public.bookings,text,integer,text)",
    ("p.payment_intent_id = p_payment_intent_id for update", "p.payment_intent_id = p_payment_intent_id"),
)


def reported_twice(
    cinema: CinemaFixture, start: Start, first: Json, second: Json, *, roll_back: bool = False
) -> tuple[Json, Json]:
    """Return the answers of confirm_booking to two reports, the second during the transaction of the first."""
    one, two = cinema.service(), cinema.service()
    one.begin()
    answer = one.call_in_transaction("confirm_booking", **first)
    call = start(two.call, "confirm_booking", **second)
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    if roll_back:
        one.rollback()
    else:
        one.commit()
    return answer, outcome(call)


def test_one_event_delivered_twice_at_once(cinema: CinemaFixture, start: Start) -> None:
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    event = succeeded(booking, cinema.start_payment(ada, booking), "evt_1")
    first, second = reported_twice(cinema, start, event, event)
    assert (first["outcome"], second["outcome"]) == ("confirmed", "duplicate")
    assert len(cinema.events("seat:book")) == len(cinema.outbox("mail_confirmation")) == 1
    assert cinema.violations() == []


def test_the_second_delivery_does_it_when_the_first_fails(cinema: CinemaFixture, start: Start) -> None:
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    event = succeeded(booking, cinema.start_payment(ada, booking), "evt_1")
    _, second = reported_twice(cinema, start, event, event, roll_back=True)
    assert second["outcome"] == "confirmed"
    assert cinema.violations() == []


def test_mutant_without_the_ledgers_key_the_payment_knows_that_it_was_settled(
    cinema: CinemaFixture, start: Start
) -> None:
    cinema.owner.execute("alter table private.stripe_events drop constraint stripe_events_pkey")
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    event = succeeded(booking, cinema.start_payment(ada, booking), "evt_1")
    first, second = reported_twice(cinema, start, event, event)
    assert (first["outcome"], second["outcome"]) == ("confirmed", "already_settled")
    assert cinema.value("select count(*) from private.stripe_events") == 2


def test_two_events_for_one_intent(cinema: CinemaFixture, start: Start) -> None:
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    intent = cinema.start_payment(ada, booking)
    first, second = reported_twice(
        cinema, start, succeeded(booking, intent, "evt_1"), succeeded(booking, intent, "evt_2")
    )
    assert (first["outcome"], second["outcome"]) == ("confirmed", "already_settled")
    assert len(cinema.events("seat:book")) == 1
    assert cinema.violations() == []


def test_mutant_unlocked_two_events_for_one_intent_confirm_twice(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    rewrite(cinema, *PAYMENTS_ARE_NOT_LOCKED)
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    intent = cinema.start_payment(ada, booking)
    first, second = reported_twice(
        cinema, start, succeeded(booking, intent, "evt_1"), succeeded(booking, intent, "evt_2")
    )
    assert (first["outcome"], second["outcome"]) == ("confirmed", "confirmed")
    assert len(cinema.events("seat:book")) == 2


def test_two_intents_for_one_booking(cinema: CinemaFixture, start: Start) -> None:
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    intent = cinema.start_payment(ada, booking)
    first, second = reported_twice(
        cinema, start, succeeded(booking, intent, "evt_1"), succeeded(booking, "pi_second", "evt_2")
    )
    assert first["outcome"] == "confirmed"
    assert (second["outcome"], second["reason"]) == ("refund_queued", "second_payment")
    assert cinema.violations() == []


def test_mutant_unlocked_two_intents_meet_the_index(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    intent = cinema.start_payment(ada, booking)
    with pytest.raises(psycopg.errors.UniqueViolation, match="one_payment_settles_a_booking"):
        reported_twice(cinema, start, succeeded(booking, intent, "evt_1"), succeeded(booking, "pi_second", "evt_2"))
    assert cinema.violations() == []


def test_mutant_without_the_index_too_both_payments_are_kept(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    cinema.owner.execute("drop index public.one_payment_settles_a_booking")
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    intent = cinema.start_payment(ada, booking)
    first, second = reported_twice(
        cinema, start, succeeded(booking, intent, "evt_1"), succeeded(booking, "pi_second", "evt_2")
    )
    assert (first["outcome"], second["outcome"]) == ("confirmed", "confirmed")
    assert cinema.rows("select * from public.refunds") == []
    assert cinema.value("select count(*) from public.payments where settles_booking") == 2


def test_a_hundred_deliveries_of_one_event(cinema: CinemaFixture, start: Start) -> None:
    booking = cinema.book(ada := cinema.customer(), 0, 1)
    event = succeeded(booking, cinema.start_payment(ada, booking), "evt_1")
    deliverers = [cinema.service() for _ in range(100)]
    with holding(cinema, "lock table private.stripe_events in exclusive mode") as owner:
        calls = [start(who.call, "confirm_booking", **event) for who in deliverers]
        for who, call in zip(deliverers, calls, strict=True):
            wait_until_it_waits(cinema, call, waiter=who, holder=owner)
    assert Counter(outcome(call)["outcome"] for call in calls) == {"confirmed": 1, "duplicate": 99}
    assert len(cinema.events("seat:book")) == len(cinema.outbox("mail_confirmation")) == 1
    assert cinema.value("select count(*) from private.stripe_events") == 1
    assert cinema.violations() == []


# Paid when the time was over, while another customer reaches for the seats ------------------------------------------


def ran_out(cinema: CinemaFixture) -> tuple[Caller, Json, str]:
    """A customer, her booking of seats 0 and 1 whose time is over, and the intent that may still be paid."""
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 1)
    intent = cinema.start_payment(ada, booking)
    cinema.advance("10 minutes")
    return ada, booking, intent


def paid_late_while_locking(cinema: CinemaFixture, start: Start, *, roll_back: bool = False) -> Future[Any]:
    """Ada's late confirm_booking, begun while Bob's lock of one of her seats was not committed."""
    _, booking, intent = ran_out(cinema)
    bob, stripe = cinema.customer("Bob"), cinema.service()
    bob.begin()
    lock(cinema, bob, 1, 2)
    call = start(stripe.call, "confirm_booking", **succeeded(booking, intent, "evt_1"))
    wait_until_it_waits(cinema, call, waiter=stripe, holder=bob)
    if roll_back:
        bob.rollback()
    else:
        bob.commit()
    return call


def test_paid_late_while_another_locks_the_seat(cinema: CinemaFixture, start: Start) -> None:
    answer = outcome(paid_late_while_locking(cinema, start))
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "seats_gone")
    assert cinema.states()[:3] == ["free", "locked", "locked"]
    assert cinema.violations() == []


def test_paid_late_while_another_fails_to_lock_the_seat(cinema: CinemaFixture, start: Start) -> None:
    assert outcome(paid_late_while_locking(cinema, start, roll_back=True))["outcome"] == "confirmed"
    assert cinema.states()[:3] == ["booked", "booked", "free"]
    assert cinema.violations() == []


def test_a_seat_that_is_being_sold_late_is_taken(cinema: CinemaFixture, start: Start) -> None:
    _, booking, intent = ran_out(cinema)
    bob, stripe = cinema.customer("Bob"), cinema.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, intent, "evt_1"))
    call = start(cinema.lock, bob, 1, 2)
    wait_until_it_waits(cinema, call, waiter=bob, holder=stripe)
    stripe.commit()
    assert code(call) == "seat_taken"
    assert outcome(call).details == {"seat_ids": seat_ids(cinema, 1)}
    assert cinema.violations() == []


def test_a_late_sale_that_fails_leaves_the_seat_to_the_next(cinema: CinemaFixture, start: Start) -> None:
    _, booking, intent = ran_out(cinema)
    bob, stripe = cinema.customer("Bob"), cinema.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, intent, "evt_1"))
    call = start(cinema.lock, bob, 1, 2)
    wait_until_it_waits(cinema, call, waiter=bob, holder=stripe)
    stripe.rollback()
    assert outcome(call)["seat_ids"] == seat_ids(cinema, 1, 2)
    assert cinema.violations() == []


def both_paid(cinema: CinemaFixture, start: Start, *, wait: bool) -> tuple[Json, Json]:
    """Bob has locked and booked what was Ada's; both are paid for at the same time, Bob first."""
    _, late, late_intent = ran_out(cinema)
    bob, one, two = cinema.customer("Bob"), cinema.service(), cinema.service()
    booking = cinema.book(bob, 1, 2)
    intent = cinema.start_payment(bob, booking)
    one.begin()
    first = one.call_in_transaction("confirm_booking", **succeeded(booking, intent, "evt_1"))
    call = start(two.call, "confirm_booking", **succeeded(late, late_intent, "evt_2"))
    if wait:
        wait_until_it_waits(cinema, call, waiter=two, holder=one)
    else:
        outcome(call)
    one.commit()
    return first, outcome(call)


def test_two_customers_pay_for_one_seat(cinema: CinemaFixture, start: Start) -> None:
    first, second = both_paid(cinema, start, wait=True)
    assert first["outcome"] == "confirmed"
    assert (second["outcome"], second["reason"]) == ("refund_queued", "seats_gone")
    assert cinema.violations() == []


def test_mutant_without_the_constraint_the_second_guard_refuses(cinema: CinemaFixture, start: Start) -> None:
    """With holds unguarded, a_seat_is_sold_once alone keeps the seat from being sold twice, and the money goes back."""
    let_seats_have_any_number_of_holders(cinema)
    first, second = both_paid(cinema, start, wait=True)
    assert first["outcome"] == "confirmed"
    assert (second["outcome"], second["reason"]) == ("refund_queued", "seats_gone")
    assert cinema.violations() == []


def test_mutant_without_either_guard_a_seat_is_sold_twice(cinema: CinemaFixture, start: Start) -> None:
    let_seats_have_any_number_of_holders(cinema)
    cinema.owner.execute(SEATS_ARE_SOLD_AGAIN)
    first, second = both_paid(cinema, start, wait=False)
    assert (first["outcome"], second["outcome"]) == ("confirmed", "confirmed")
    assert broken_rules(cinema) == {"I1 a seat is held twice", "I1 a seat is sold twice"}


def test_mutant_without_the_constraint_a_held_seat_is_sold_to_another(cinema: CinemaFixture) -> None:
    """What the second guard cannot see: a seat that is merely held. Its holder's money will go back."""
    let_seats_have_any_number_of_holders(cinema)
    _, late, late_intent = ran_out(cinema)
    bob = cinema.customer("Bob")
    booking = cinema.book(bob, 1, 2)
    intent = cinema.start_payment(bob, booking)
    assert cinema.pay(late, late_intent)["outcome"] == "confirmed"
    assert broken_rules(cinema) == {"I1 a seat is held twice"}
    assert cinema.pay(booking, intent)["reason"] == "seats_gone"


# The order in which seat locks are taken ------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [(1, 3), (3, 1)])
def test_paid_at_the_last_moment_while_another_takes_over(
    cinema: CinemaFixture, start: Start, chosen: tuple[int, int]
) -> None:
    """Whichever seat she chose first: Ada's sale and Bob's lock go through the seats in the same order."""
    cinema.freeze()
    ada, bob, stripe = cinema.customer(), cinema.customer("Bob"), cinema.service()
    for seat in chosen:
        cinema.lock(ada, seat)
    booking = ada.call("create_booking", showtime_id=cinema.showtime_id)
    intent = cinema.start_payment(ada, booking)
    with holding(cinema, "lock table public.booking_seats in access exclusive mode") as owner:
        sale = start(stripe.call, "confirm_booking", **succeeded(booking, intent, "evt_1"))
        wait_until_it_waits(cinema, sale, waiter=stripe, holder=owner)  # in time by its clock, and then it stalls
        cinema.advance("10 minutes")
        bob.begin()
        lock(cinema, bob, 1)
    wait_until_it_waits(cinema, sale, waiter=stripe, holder=bob)
    lock(cinema, bob, 3)
    bob.commit()
    assert (outcome(sale)["outcome"], outcome(sale)["reason"]) == ("refund_queued", "seats_gone")
    assert cinema.violations() == []
