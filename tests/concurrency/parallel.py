"""Calls that run side by side, and how to know that one of them waits for another: the database is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from tests.cinema import Caller, CinemaFixture, Json, Refused

Start = Callable[..., "Future[Any]"]
"""Runs a function with those arguments on a thread of its own, at once."""

PATIENCE = 15
"""Seconds until a call that should have ended or waited is given up."""

# Each control takes a guard away and shows what it guarded against.
NOBODY_TAKES_TURNS = """
create or replace function private.lock_customer(p_showtime_id bigint, p_user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$ begin end $$
"""
BOOKINGS_ARE_NOT_LOCKED = """
create or replace function private.booking_for_update(p_booking_id uuid) returns public.bookings
language sql volatile set search_path = '' as $$ select b from public.bookings b where b.id = p_booking_id $$;
update private.settings set payment_starts_per_customer = null where true
"""
"""Without the limit on payment starts, too: counting a customer's starts waits for his other calls."""
NO_TIME_TO_PAY = """
create or replace function private.give_time_to_pay(p_booking public.bookings, p_now timestamptz)
returns public.bookings language sql volatile set search_path = '' as $$ select p_booking $$
"""
"""Giving more time waits for the row of the booking, so it would hide that nobody locks that."""
SHOWTIME_KEY = "(p_showtime_id >> 32)::integer, p_showtime_id::bit(32)::integer"
"""What private.lock_customer and its like take for a showtime."""
SPECULATIVELY = "on conflict on constraint one_holder_at_a_time do nothing"
SEATS_ARE_SOLD_AGAIN = "drop index public.a_seat_is_sold_once"


def wait_until_it_waits(cinema: CinemaFixture, call: Future[Any], waiter: Caller, holder: Caller) -> None:
    """Return once the waiter's call stands behind a lock that the holder's open transaction has."""
    deadline = time.monotonic() + PATIENCE
    while _pid(holder) not in _blockers(cinema, waiter):
        assert not call.done(), f"It did not wait: {outcome(call)!r}"
        assert time.monotonic() < deadline, "It neither waits nor ends."
        time.sleep(0.002)


def wait_until_it_waits_or_ends(cinema: CinemaFixture, call: Future[Any], caller: Caller) -> None:
    """Return once the caller's call has ended or stands behind anybody's lock, whichever the database chooses."""
    deadline = time.monotonic() + PATIENCE
    while not call.done() and not _blockers(cinema, caller):
        assert time.monotonic() < deadline, "It neither waits nor ends."
        time.sleep(0.002)


def outcome(call: Future[Any]) -> Any:
    """Return the answer of a call, or the Refused that it raised."""
    try:
        return call.result(PATIENCE)
    except Refused as refused:
        return refused


def code(call: Future[Any]) -> str | None:
    """The code of the error that a call was refused with; None when it was not."""
    answer = outcome(call)
    return answer.code if isinstance(answer, Refused) else None


def another_tab(cinema: CinemaFixture, who: Caller) -> Caller:
    """The same customer once more, on another connection."""
    return cinema.caller("authenticated", who.user_id)


def seat_ids(cinema: CinemaFixture, *seats: int) -> list[int]:
    return [cinema.seats[i] for i in seats]


def lock(cinema: CinemaFixture, who: Caller, *seats: int) -> Json:
    """lock_seats in the open transaction of that caller, with the seats in the order given."""
    return who.call_in_transaction("lock_seats", showtime_id=cinema.showtime_id, seat_ids=seat_ids(cinema, *seats))


def succeeded(booking: Json, intent: str, event_id: str, **changes: Any) -> Json:
    """The arguments of confirm_booking for an event that says that a booking was paid."""
    return {
        "event_id": event_id,
        "event_type": "payment_intent.succeeded",
        "payment_intent_id": intent,
        "amount": booking["total"],
        "currency": booking["currency"].lower(),
        "booking_id": booking["id"],
        **changes,
    }


def rewrite(cinema: CinemaFixture, function: str, *changes: tuple[str, str]) -> None:
    """Replace parts of a function's text, each of which must be there."""
    text: str = cinema.value("select pg_get_functiondef(%s::regprocedure)", [function])
    for old, new in changes:
        assert old in text, f"{function} no longer says: {old}"
        text = text.replace(old, new)
    cinema.owner.execute(text.encode())


def let_seats_have_any_number_of_holders(cinema: CinemaFixture) -> None:
    """Take away the exclusion constraint, and the two places that name it."""
    cinema.owner.execute("alter table public.seat_locks drop constraint one_holder_at_a_time")
    rewrite(cinema, "public.lock_seats(bigint,bigint[])", (SPECULATIVELY, ""))
    rewrite(cinema, "private.sell_seats(public.bookings,timestamptz)", (SPECULATIVELY, ""))


def broken_rules(cinema: CinemaFixture) -> set[str]:
    """The names of the invariants that do not hold."""
    return {row["invariant"] for row in cinema.violations()}


@contextmanager
def holding(cinema: CinemaFixture, sql: str) -> Iterator[Caller]:
    """An open transaction of the owner's that has done the statement, to make others wait behind its locks."""
    owner = cinema.caller("postgres")
    owner.begin()
    owner.connection.execute(sql.encode())
    yield owner
    owner.commit()


def _pid(caller: Caller) -> int:
    return caller.connection.info.backend_pid


def _blockers(cinema: CinemaFixture, caller: Caller) -> list[int]:
    return cinema.value("select pg_blocking_pids(%s)", [_pid(caller)])
