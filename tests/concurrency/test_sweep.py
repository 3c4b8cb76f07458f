"""The sweep beside everything else: it waits for nobody, and two of them tell nothing twice."""

from __future__ import annotations

from tests.concurrency.parallel import Start, outcome, rewrite, succeeded, wait_until_it_waits
from tests.house import Caller, House, Json

SWEEP = "public.release_expired_locks(integer)"
NOTHING_DONE = {"seats_released": 0, "bookings_expired": 0, "locks_archived": 0, "listings_told": 0}
TRY_CUSTOMER = "private.try_customer(bigint,uuid)"
ONLY_IF_FREE = "pg_try_advisory_xact_lock(hashtextextended(p_user_id::text, p_showtime_id))"
WHEN_IT_IS_FREE = "pg_advisory_xact_lock(hashtextextended(p_user_id::text, p_showtime_id)) is not null"


def ran_out(house: House) -> tuple[Caller, Json]:
    """A customer and her booking of seats 0 and 1, the time of which is over."""
    ada = house.customer()
    booking = house.book(ada, 0, 1)
    house.start_payment(ada, booking, "pi_ada")
    house.advance("10 minutes")
    return ada, booking


def test_it_passes_by_a_customer_who_books(house: House, start: Start) -> None:
    ada, old = ran_out(house)
    house.lock(ada, 2)
    ada.begin()
    new = ada.call_in_transaction("create_booking", showtime_id=house.showtime_id)
    assert outcome(start(house.sweep))["bookings_expired"] == 0
    ada.commit()
    assert (house.status(old), house.status(new)) == ("expired", "pending")
    assert house.sweep()["bookings_expired"] == 0
    assert len(house.outbox("cancel_intent")) == 1
    assert house.violations() == []


def test_what_it_passed_by_it_does_the_next_time(house: House, start: Start) -> None:
    ada, old = ran_out(house)
    house.lock(ada, 2)
    ada.begin()
    ada.call_in_transaction("create_booking", showtime_id=house.showtime_id)
    assert outcome(start(house.sweep))["bookings_expired"] == 0
    ada.rollback()
    assert house.status(old) == "pending"
    assert house.sweep()["bookings_expired"] == 1
    assert house.status(old) == "expired"
    assert house.violations() == []


def test_a_customer_who_books_waits_for_it(house: House, start: Start) -> None:
    ada, old = ran_out(house)
    house.lock(ada, 0)
    worker = house.service()
    worker.begin()
    assert worker.call_in_transaction("release_expired_locks")["bookings_expired"] == 1
    call = start(ada.call, "create_booking", showtime_id=house.showtime_id)
    wait_until_it_waits(house, call, waiter=ada, holder=worker)
    worker.commit()
    assert outcome(call)["id"] != old["id"]
    assert house.status(old) == "expired"
    assert len(house.outbox("cancel_intent")) == 1
    assert house.violations() == []


def test_it_passes_by_a_booking_that_is_being_paid(house: House, start: Start) -> None:
    _, booking = ran_out(house)
    stripe = house.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, "pi_ada", "evt_1"))
    assert outcome(start(house.sweep))["bookings_expired"] == 0
    stripe.commit()
    assert house.sweep()["bookings_expired"] == 0
    assert house.status(booking) == "confirmed"
    assert house.outbox("cancel_intent") == []
    assert house.violations() == []


def test_money_that_comes_while_it_expires_the_booking(house: House, start: Start) -> None:
    _, booking = ran_out(house)
    worker, stripe = house.service(), house.service()
    worker.begin()
    assert worker.call_in_transaction("release_expired_locks")["bookings_expired"] == 1
    call = start(stripe.call, "confirm_booking", **succeeded(booking, "pi_ada", "evt_1"))
    wait_until_it_waits(house, call, waiter=stripe, holder=worker)
    worker.commit()
    assert outcome(call)["outcome"] == "confirmed"  # nobody else has wanted the seats
    assert house.status(booking) == "confirmed"
    assert house.states()[:2] == ["booked", "booked"]
    assert house.violations() == []


def test_control_a_sweep_that_takes_turns_waits_for_a_customer(house: House, start: Start) -> None:
    rewrite(house, TRY_CUSTOMER, (ONLY_IF_FREE, WHEN_IT_IS_FREE))
    _, booking = ran_out(house)
    stripe, worker = house.service(), house.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, "pi_ada", "evt_1"))
    call = start(worker.call, "release_expired_locks")
    wait_until_it_waits(house, call, waiter=worker, holder=stripe)
    stripe.commit()
    assert outcome(call)["bookings_expired"] == 0
    assert house.status(booking) == "confirmed"


def test_control_a_sweep_that_looks_at_no_lock_expires_what_was_paid(house: House, start: Start) -> None:
    """Neither the customer's turn nor the booking's row: it judges by what it read before the payment committed."""
    rewrite(house, TRY_CUSTOMER, (ONLY_IF_FREE, "true"))
    rewrite(house, "private.expire_if_free(bigint,uuid,uuid,timestamptz)", ("\n  for update skip locked", ""))
    rewrite(house, "private.expire_booking(public.bookings)", (" and b.status = 'pending'", ""))
    _, booking = ran_out(house)
    stripe, worker = house.service(), house.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, "pi_ada", "evt_1"))
    call = start(worker.call, "release_expired_locks")
    wait_until_it_waits(house, call, waiter=worker, holder=stripe)
    stripe.commit()
    assert outcome(call)["bookings_expired"] == 1
    assert house.status(booking) == "expired"
    assert {row["invariant"][:2] for row in house.violations()} == {"I2", "I3"}


def test_a_second_sweep_leaves_at_once(house: House, start: Start) -> None:
    ran_out(house)
    one, two = house.service(), house.service()
    one.begin()
    assert one.call_in_transaction("release_expired_locks")["seats_released"] == 2
    assert outcome(start(two.call, "release_expired_locks")) == NOTHING_DONE
    one.commit()
    assert [event["payload"]["reason"] for event in house.events("seat:release")] == ["expired"]


def test_a_sweep_after_one_that_failed_does_it_all(house: House, start: Start) -> None:
    ran_out(house)
    one, two = house.service(), house.service()
    one.begin()
    one.call_in_transaction("release_expired_locks")
    assert outcome(start(two.call, "release_expired_locks")) == NOTHING_DONE
    one.rollback()
    assert two.call("release_expired_locks")["seats_released"] == 2
    assert len(house.events("seat:release")) == 1


def test_control_sweeps_that_do_not_look_for_each_other_tell_twice(house: House, start: Start) -> None:
    rewrite(house, SWEEP, ("from private.sweeps for update skip locked", "from private.sweeps"))
    ada = house.customer()
    house.lock(ada, 0, 1)
    house.advance("10 minutes")
    one, two = house.service(), house.service()
    one.begin()
    one.call_in_transaction("release_expired_locks")
    call = start(two.call, "release_expired_locks")
    wait_until_it_waits(house, call, waiter=two, holder=one)
    one.commit()
    assert outcome(call)["seats_released"] == 2
    assert len(house.events("seat:release")) == 2


def test_it_archives_beside_a_customer_who_locks_the_same_seat(house: House, start: Start) -> None:
    house.lock(house.customer(), 0)
    house.advance("11 minutes")
    bob = house.customer("Bob")
    bob.begin()
    bob.call_in_transaction("lock_seats", showtime_id=house.showtime_id, seat_ids=house.seats[:1])
    assert outcome(start(house.sweep))["locks_archived"] == 1
    bob.commit()
    assert house.states(bob)[0] == "mine"
    assert house.violations() == []
