"""Leaving beside everything else: no call that is under way leaves somebody with a booking and without an address."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from tests.cinema import PASSWORD_HASH, Caller, CinemaFixture, Json
from tests.concurrency.parallel import (
    NOBODY_TAKES_TURNS,
    Start,
    another_tab,
    code,
    outcome,
    rewrite,
    seat_ids,
    succeeded,
    wait_until_it_waits,
    wait_until_it_waits_or_ends,
)

EMAIL = "ada@example.com"
TOKEN = "a" * 64
RETURN = "private.return_by_signing_in()"


def ada(cinema: CinemaFixture) -> Caller:
    user = cinema.call_service("register_user", email=EMAIL, password_hash=PASSWORD_HASH, full_name="Ada")
    cinema.owner.execute("update private.outbox set state = 'sent', completed_at = private.now() where true")
    return cinema.caller("authenticated", user["id"])


def begin_leaving(cinema: CinemaFixture, start: Start, who: Caller) -> tuple[Caller, Future[Any]]:
    service = cinema.service()
    return service, start(service.call, "delete_my_account", user_id=who.user_id)


def name_and_address(cinema: CinemaFixture, who: Caller) -> tuple[str | None, str]:
    (user,) = cinema.rows("select email, full_name from public.users where id = %s", [who.user_id])
    return user["email"], user["full_name"]


def choosing(cinema: CinemaFixture, _: Caller) -> Callable[[Caller], object]:
    return lambda tab: tab.call_in_transaction(
        "lock_seats", showtime_id=cinema.showtime_id, seat_ids=seat_ids(cinema, 0, 1)
    )


def booking(cinema: CinemaFixture, who: Caller) -> Callable[[Caller], object]:
    cinema.lock(who, 0, 1)
    return lambda tab: tab.call_in_transaction("create_booking", showtime_id=cinema.showtime_id)


def paying(cinema: CinemaFixture, who: Caller) -> Callable[[Caller], object]:
    """Late: nothing was open, and Stripe says that the money came after all."""
    booked = cinema.book(who, 0, 1)
    intent = cinema.start_payment(who, booked)
    cinema.advance("11 minutes")
    cinema.sweep()
    cinema.owner.execute("update public.payments set status = 'canceled' where true")
    cinema.owner.execute("update private.outbox set state = 'sent', completed_at = private.now() where true")

    def confirm(tab: Caller) -> object:
        tab.claims = {"role": "service_role"}
        tab.role = "service_role"
        tab.connection.execute("select set_config('role', 'service_role', true)")
        return tab.call_in_transaction("confirm_booking", **succeeded(booked, intent, "evt_late"))

    return confirm


UNDER_WAY: dict[str, Callable[[CinemaFixture, Caller], Callable[[Caller], object]]] = {
    "lock_seats": choosing,
    "create_booking": booking,
    "confirm_booking": paying,
}


def left_while(cinema: CinemaFixture, start: Start, what: str) -> tuple[Caller, Json, bool]:
    """Somebody who leaves while a call of theirs is not committed: who, the answer, and whether it waited."""
    who = ada(cinema)
    tab = another_tab(cinema, who)
    call = UNDER_WAY[what](cinema, who)
    if what == "create_booking":  # the selection would be open by itself
        cinema.owner.execute("update public.seat_locks set held = tstzrange(lower(held), lower(held) + '10 minutes')")
    tab.begin()
    call(tab)
    service, leaving = begin_leaving(cinema, start, who)
    wait_until_it_waits_or_ends(cinema, leaving, service)
    waited = not leaving.done()
    tab.commit()
    return who, outcome(leaving), waited


@pytest.mark.parametrize("what", UNDER_WAY)
def test_who_leaves_waits_for_their_own_calls_and_what_they_make_counts(
    cinema: CinemaFixture, start: Start, what: str
) -> None:
    who, answer, waited = left_while(cinema, start, what)
    assert (answer["status"], waited) == ("scheduled", True)
    assert name_and_address(cinema, who) == (EMAIL, "Ada")
    assert cinema.violations() == []


@pytest.mark.parametrize("what", ["lock_seats", "confirm_booking"])
def test_mutant_who_takes_no_turn_is_forgotten_with_something_open(
    cinema: CinemaFixture, start: Start, what: str
) -> None:
    cinema.owner.execute(NOBODY_TAKES_TURNS.encode())
    who, answer, waited = left_while(cinema, start, what)
    assert (answer["status"], waited) == ("deleted", False)
    assert name_and_address(cinema, who) == (None, "Former customer")
    assert cinema.value("select private.open_until(%s, private.now()) is not null", [who.user_id])


def test_a_call_that_waits_for_the_leaving_finds_nobody(cinema: CinemaFixture, start: Start) -> None:
    who = ada(cinema)
    tab, service = another_tab(cinema, who), cinema.service()
    service.begin()
    service.call_in_transaction("delete_my_account", user_id=who.user_id)
    call = start(tab.call, "lock_seats", showtime_id=cinema.showtime_id, seat_ids=seat_ids(cinema, 0))
    wait_until_it_waits(cinema, call, waiter=tab, holder=service)
    service.commit()
    assert code(call) == "sign_in_required"
    assert cinema.value("select count(*) from public.seat_locks") == 0


def renamed_while_leaving(cinema: CinemaFixture, start: Start) -> tuple[Caller, Future[Any]]:
    who = ada(cinema)
    tab, service = another_tab(cinema, who), cinema.service()
    service.begin()
    service.call_in_transaction("delete_my_account", user_id=who.user_id)
    call = start(tab.call, "rename_me", full_name="Ada King")
    wait_until_it_waits(cinema, call, waiter=tab, holder=service)
    service.commit()
    return who, call


def test_a_name_that_comes_while_it_is_forgotten_is_refused(cinema: CinemaFixture, start: Start) -> None:
    who, call = renamed_while_leaving(cinema, start)
    assert code(call) == "unknown_user"
    assert name_and_address(cinema, who) == (None, "Former customer")


def test_mutant_without_the_guard_a_name_comes_back(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute("drop trigger who_is_forgotten_stays_forgotten on public.users")
    rewrite(cinema, "private.account_json(uuid)", (" and u.forgotten_at is null", ""))
    who, call = renamed_while_leaving(cinema, start)
    assert code(call) is None, outcome(call)
    assert name_and_address(cinema, who) == (None, "Ada King")


def sign_in_while_leaving(cinema: CinemaFixture, start: Start) -> tuple[Caller, Future[Any]]:
    """The password was looked at before; its session comes while they are forgotten."""
    who = ada(cinema)
    service, flask = cinema.service(), cinema.service()
    service.begin()
    service.call_in_transaction("delete_my_account", user_id=who.user_id)
    call = start(flask.call, "open_session", user_id=who.user_id, token_hash=TOKEN, user_agent="Ada's")
    wait_until_it_waits_or_ends(cinema, call, flask)
    service.commit()
    return who, call


def test_a_session_that_comes_while_somebody_is_forgotten_is_refused(cinema: CinemaFixture, start: Start) -> None:
    _, call = sign_in_while_leaving(cinema, start)
    assert code(call) == "unknown_user"
    assert cinema.value("select count(*) from private.sessions") == 0
    assert cinema.violations() == []


def test_mutant_a_sign_in_that_does_not_look_leaves_a_session_of_nobody(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, RETURN, ("if not found then", "if false then"))
    _, call = sign_in_while_leaving(cinema, start)
    assert code(call) is None
    assert cinema.value("select count(*) from private.sessions") == 1
    assert cinema.violations() != []


def job_beside_a_sign_in(cinema: CinemaFixture, start: Start) -> tuple[Caller, Json]:
    """The time of a departure has come; its owner signs in while the job begins. Who, and what the job did."""
    who = ada(cinema)
    cinema.lock(who, 0)
    assert cinema.call_service("delete_my_account", user_id=who.user_id)["status"] == "scheduled"
    cinema.advance("11 minutes")
    flask, worker = cinema.service(), cinema.service()
    flask.begin()
    flask.call_in_transaction("open_session", user_id=who.user_id, token_hash=TOKEN)
    call = start(worker.call, "keep_retention")
    wait_until_it_waits(cinema, call, waiter=worker, holder=flask)
    flask.commit()
    return who, outcome(call)["done"]


def test_who_signs_in_at_the_last_moment_stays(cinema: CinemaFixture, start: Start) -> None:
    who, done = job_beside_a_sign_in(cinema, start)
    assert done["forget_departed"] == 0
    assert name_and_address(cinema, who) == (EMAIL, "Ada")


def test_mutant_a_job_that_does_not_look_again_forgets_who_has_come_back(cinema: CinemaFixture, start: Start) -> None:
    rewrite(
        cinema,
        "private.forget_departed(timestamptz,integer)",
        ("if exists (select from private.departures d where d.user_id = v_id) then", "if true then"),
    )
    who, done = job_beside_a_sign_in(cinema, start)
    assert done["forget_departed"] == 1
    assert name_and_address(cinema, who) == (None, "Former customer")


def test_the_job_waits_for_no_customer(cinema: CinemaFixture, start: Start) -> None:
    who = ada(cinema)
    cinema.lock(who, 0)
    cinema.call_service("delete_my_account", user_id=who.user_id)
    cinema.advance("11 minutes")
    tab = another_tab(cinema, who)
    tab.begin()
    tab.call_in_transaction("lock_seats", showtime_id=cinema.showtime_id, seat_ids=seat_ids(cinema, 1))
    worker = cinema.service()
    assert outcome(start(worker.call, "keep_retention"))["done"]["forget_departed"] == 0
    tab.commit()
    assert name_and_address(cinema, who) == (EMAIL, "Ada")


def test_two_jobs_do_not_meet(cinema: CinemaFixture, start: Start) -> None:
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("keep_retention")
    assert outcome(start(two.call, "keep_retention")) == {"more": False, "done": {}}
    one.commit()


def test_fifty_requests_at_once_forget_once(cinema: CinemaFixture, start: Start) -> None:
    who = ada(cinema)
    services = [cinema.service() for _ in range(50)]
    calls = [start(service.call, "delete_my_account", user_id=who.user_id) for service in services]
    assert [outcome(call) for call in calls] == [{"status": "deleted"}] * 50
    assert name_and_address(cinema, who) == (None, "Former customer")
