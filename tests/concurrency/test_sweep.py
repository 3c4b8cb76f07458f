"""The sweep beside everything else: it waits for nobody, and two of them announce nothing twice."""

from __future__ import annotations

from tests.cinema import NO_LIMITS_ON_HOLDING, Caller, CinemaFixture, Json
from tests.concurrency.parallel import Start, outcome, rewrite, succeeded, wait_until_it_waits

SWEEP = "public.release_expired_locks(integer)"
NOTHING_DONE = {"seats_released": 0, "bookings_expired": 0, "locks_archived": 0, "availability_broadcast": 0}
TRY_CUSTOMER = "private.try_lock_customer(bigint,uuid)"
ONLY_IF_FREE = "pg_try_advisory_xact_lock(hashtextextended(p_user_id::text, 0))"
WHEN_IT_IS_FREE = "pg_advisory_xact_lock(hashtextextended(p_user_id::text, 0)) is not null"


def ran_out(cinema: CinemaFixture) -> tuple[Caller, Json]:
    """A customer and her booking of seats 0 and 1, the end of which no call in flight can move any more."""
    ada = cinema.customer()
    cinema.owner.execute(NO_LIMITS_ON_HOLDING)
    booking = cinema.book(ada, 0, 1)
    cinema.start_payment(ada, booking, "pi_ada")
    cinema.advance("10 minutes 10 seconds")
    return ada, booking


def test_sweep_skips_a_customer_who_is_booking(cinema: CinemaFixture, start: Start) -> None:
    ada, old = ran_out(cinema)
    cinema.lock(ada, 2)
    ada.begin()
    new = ada.call_in_transaction("create_booking", showtime_id=cinema.showtime_id)
    assert outcome(start(cinema.sweep))["bookings_expired"] == 0
    ada.commit()
    assert (cinema.status(old), cinema.status(new)) == ("expired", "pending")
    assert cinema.sweep()["bookings_expired"] == 0
    assert len(cinema.outbox("cancel_intent")) == 1
    assert cinema.violations() == []


def test_sweep_takes_skipped_rows_the_next_time(cinema: CinemaFixture, start: Start) -> None:
    ada, old = ran_out(cinema)
    cinema.lock(ada, 2)
    ada.begin()
    ada.call_in_transaction("create_booking", showtime_id=cinema.showtime_id)
    assert outcome(start(cinema.sweep))["bookings_expired"] == 0
    ada.rollback()
    assert cinema.status(old) == "pending"
    assert cinema.sweep()["bookings_expired"] == 1
    assert cinema.status(old) == "expired"
    assert cinema.violations() == []


def test_booking_waits_for_the_sweep(cinema: CinemaFixture, start: Start) -> None:
    ada, old = ran_out(cinema)
    cinema.lock(ada, 0)
    worker = cinema.service()
    worker.begin()
    assert worker.call_in_transaction("release_expired_locks")["bookings_expired"] == 1
    call = start(ada.call, "create_booking", showtime_id=cinema.showtime_id)
    wait_until_it_waits(cinema, call, waiter=ada, holder=worker)
    worker.commit()
    assert outcome(call)["id"] != old["id"]
    assert cinema.status(old) == "expired"
    assert len(cinema.outbox("cancel_intent")) == 1
    assert cinema.violations() == []


def test_sweep_skips_a_booking_that_is_being_paid(cinema: CinemaFixture, start: Start) -> None:
    _, booking = ran_out(cinema)
    stripe = cinema.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, "pi_ada", "evt_1"))
    assert outcome(start(cinema.sweep))["bookings_expired"] == 0
    stripe.commit()
    assert cinema.sweep()["bookings_expired"] == 0
    assert cinema.status(booking) == "confirmed"
    assert cinema.outbox("cancel_intent") == []
    assert cinema.violations() == []


def test_money_that_comes_while_it_expires_the_booking(cinema: CinemaFixture, start: Start) -> None:
    _, booking = ran_out(cinema)
    worker, stripe = cinema.service(), cinema.service()
    worker.begin()
    assert worker.call_in_transaction("release_expired_locks")["bookings_expired"] == 1
    call = start(stripe.call, "confirm_booking", **succeeded(booking, "pi_ada", "evt_1"))
    wait_until_it_waits(cinema, call, waiter=stripe, holder=worker)
    worker.commit()
    assert outcome(call)["outcome"] == "confirmed"  # nobody else has wanted the seats
    assert cinema.status(booking) == "confirmed"
    assert cinema.states()[:2] == ["booked", "booked"]
    assert cinema.violations() == []


def test_mutant_a_sweep_that_takes_turns_waits_for_a_customer(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, TRY_CUSTOMER, (ONLY_IF_FREE, WHEN_IT_IS_FREE))
    _, booking = ran_out(cinema)
    stripe, worker = cinema.service(), cinema.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, "pi_ada", "evt_1"))
    call = start(worker.call, "release_expired_locks")
    wait_until_it_waits(cinema, call, waiter=worker, holder=stripe)
    stripe.commit()
    assert outcome(call)["bookings_expired"] == 0
    assert cinema.status(booking) == "confirmed"


def test_mutant_a_sweep_that_looks_at_no_lock_expires_what_was_paid(cinema: CinemaFixture, start: Start) -> None:
    """Neither the customer's turn nor the booking's row: it judges by what it read before the payment committed."""
    rewrite(cinema, TRY_CUSTOMER, (ONLY_IF_FREE, "true"))
    rewrite(cinema, "private.expire_if_unlocked(bigint,uuid,uuid,timestamptz)", ("\n  for update skip locked", ""))
    rewrite(cinema, "private.expire_booking(public.bookings)", (" and b.status = 'pending'", ""))
    _, booking = ran_out(cinema)
    stripe, worker = cinema.service(), cinema.service()
    stripe.begin()
    stripe.call_in_transaction("confirm_booking", **succeeded(booking, "pi_ada", "evt_1"))
    call = start(worker.call, "release_expired_locks")
    wait_until_it_waits(cinema, call, waiter=worker, holder=stripe)
    stripe.commit()
    assert outcome(call)["bookings_expired"] == 1
    assert cinema.status(booking) == "expired"
    assert {row["invariant"][:2] for row in cinema.violations()} == {"I2", "I3"}


def test_a_second_sweep_leaves_at_once(cinema: CinemaFixture, start: Start) -> None:
    ran_out(cinema)
    one, two = cinema.service(), cinema.service()
    one.begin()
    assert one.call_in_transaction("release_expired_locks")["seats_released"] == 2
    assert outcome(start(two.call, "release_expired_locks")) == NOTHING_DONE
    one.commit()
    assert [event["payload"]["reason"] for event in cinema.events("seat:release")] == ["expired"]


def test_a_sweep_after_one_that_failed_does_it_all(cinema: CinemaFixture, start: Start) -> None:
    ran_out(cinema)
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("release_expired_locks")
    assert outcome(start(two.call, "release_expired_locks")) == NOTHING_DONE
    one.rollback()
    assert two.call("release_expired_locks")["seats_released"] == 2
    assert len(cinema.events("seat:release")) == 1


def test_mutant_sweeps_that_do_not_exclude_each_other_broadcast_twice(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, SWEEP, ("from private.sweeps for update skip locked", "from private.sweeps"))
    ada = cinema.customer()
    cinema.lock(ada, 0, 1)
    cinema.advance("10 minutes 10 seconds")
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("release_expired_locks")
    call = start(two.call, "release_expired_locks")
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    one.commit()
    assert outcome(call)["seats_released"] == 2
    assert len(cinema.events("seat:release")) == 2


def test_it_archives_beside_a_customer_who_locks_the_same_seat(cinema: CinemaFixture, start: Start) -> None:
    cinema.lock(cinema.customer(), 0)
    cinema.advance("11 minutes")
    bob = cinema.customer("Bob")
    bob.begin()
    bob.call_in_transaction("lock_seats", showtime_id=cinema.showtime_id, seat_ids=cinema.seats[:1])
    assert outcome(start(cinema.sweep))["locks_archived"] == 1
    bob.commit()
    assert cinema.states(bob)[0] == "mine"
    assert cinema.violations() == []
