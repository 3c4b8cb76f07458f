"""Codes of a second factor, many at once: one of a kind counts, and no sign-in slips past a factor being confirmed."""

from __future__ import annotations

from collections import Counter

from tests.cinema import Caller, CinemaFixture, Json, Refused
from tests.concurrency.parallel import (
    Start,
    holding,
    outcome,
    rewrite,
    wait_until_it_waits,
    wait_until_it_waits_or_ends,
)

USE = "public.use_second_factor(uuid,text,text,bigint)"
USE_RECOVERY_CODE = "public.use_recovery_code(uuid,text,text)"
OPEN = "public.open_session(uuid,text,text,text,text,boolean,uuid)"
ADDRESS, SECRET, STEP = "192.0.2.1", "gAAAAA" + "s" * 90, 59_000_000
CODE = "c" * 64
AT_ONCE = 50


def begun(cinema: CinemaFixture, who: Caller) -> Json:
    """Begin to set up a factor; return the arguments that confirm it."""
    session = cinema.call_service("open_session", user_id=who.user_id, token_hash="a" * 64)
    said = {"user_id": who.user_id, "session_id": session["session_id"], "address": ADDRESS, "secret": SECRET}
    cinema.call_service("begin_second_factor", **said)
    return {**said, "counter": STEP, "recovery_code_hashes": [CODE]}


def used_at_once(cinema: CinemaFixture, start: Start, function: str, **code: object) -> Counter[bool]:
    """The answers to one code that many show at once, all of whom wait for the row before the first goes on."""
    ada = cinema.customer()
    cinema.call_service("confirm_second_factor", **begun(cinema, ada))
    callers = [cinema.service() for _ in range(AT_ONCE)]
    table = "second_factors" if function == "use_second_factor" else "recovery_codes"
    with holding(cinema, f"select from private.{table} for update"):
        calls = [start(who.call, function, user_id=ada.user_id, address=ADDRESS, **code) for who in callers]
        for who, call in zip(callers, calls, strict=True):
            wait_until_it_waits_or_ends(cinema, call, who)
    return Counter(outcome(call) for call in calls)


def test_one_code_shown_fifty_times_at_once_counts_once(cinema: CinemaFixture, start: Start) -> None:
    answers = used_at_once(cinema, start, "use_second_factor", secret=SECRET, counter=STEP + 1)
    assert answers == {True: 1, False: AT_ONCE - 1}


def test_mutant_codes_whose_row_is_not_locked_count_every_time(cinema: CinemaFixture, start: Start) -> None:
    rewrite(
        cinema, USE, ("f.user_id = use_second_factor.user_id for update;", "f.user_id = use_second_factor.user_id;")
    )
    answers = used_at_once(cinema, start, "use_second_factor", secret=SECRET, counter=STEP + 1)
    assert answers == {True: AT_ONCE}


def test_one_recovery_code_shown_fifty_times_at_once_counts_once(cinema: CinemaFixture, start: Start) -> None:
    assert used_at_once(cinema, start, "use_recovery_code", code_hash=CODE) == {True: 1, False: AT_ONCE - 1}


def test_mutant_recovery_codes_that_are_looked_at_first_count_every_time(cinema: CinemaFixture, start: Start) -> None:
    rewrite(
        cinema,
        USE_RECOVERY_CODE,
        (
            "begin\n  update",
            "begin\n  if exists (select from private.recovery_codes c where c.user_id ="
            " use_recovery_code.user_id and c.used_at is not null) then return false; end if;\n  update",
        ),
        (" and c.used_at is null", ""),
    )
    assert used_at_once(cinema, start, "use_recovery_code", code_hash=CODE) == {True: AT_ONCE}


def attempts_at_once(cinema: CinemaFixture, start: Start) -> Counter[str]:
    """What forty guessers at one account are answered, each from an address of its own."""
    ada = cinema.customer()
    guessers = [cinema.service() for _ in range(40)]
    with holding(cinema, "lock table private.rate_limit_hits in access exclusive mode"):
        calls = [
            start(who.call, "begin_second_factor_check", user_id=ada.user_id, address=f"192.0.2.{n}")
            for n, who in enumerate(guessers)
        ]
        for who, call in zip(guessers, calls, strict=True):
            wait_until_it_waits_or_ends(cinema, call, who)
    return Counter(outcome(call)["status"] for call in calls)


def test_parallel_guesses_at_a_code_are_counted(cinema: CinemaFixture, start: Start) -> None:
    assert attempts_at_once(cinema, start) == {"known": 5, "limited": 35}


def signed_in_while_confirming(cinema: CinemaFixture, start: Start) -> object:
    """The outcome of a sign-in by the password alone that begins before the factor's confirmation has committed."""
    ada = cinema.customer()
    said = begun(cinema, ada)
    owner, thief = cinema.service(), cinema.service()
    owner.begin()
    owner.call_in_transaction("confirm_second_factor", **said)
    call = start(thief.call, "open_session", user_id=ada.user_id, token_hash="b" * 64)
    wait_until_it_waits_or_ends(cinema, call, thief)
    owner.commit()
    return outcome(call)


def test_a_sign_in_during_the_confirmation_is_asked_for_a_code(cinema: CinemaFixture, start: Start) -> None:
    answer = signed_in_while_confirming(cinema, start)
    assert isinstance(answer, Refused)
    assert answer.code == "second_factor_required"


def test_mutant_sign_ins_that_do_not_wait_slip_past_the_confirmation(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, OPEN, ("perform pg_advisory_xact_lock(", "perform hashint8("))
    assert not isinstance(signed_in_while_confirming(cinema, start), Refused)


def test_a_sign_in_that_was_first_is_ended_by_the_confirmation(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    said = begun(cinema, ada)
    owner, thief = cinema.service(), cinema.service()
    thief.begin()
    thief.call_in_transaction("open_session", user_id=ada.user_id, token_hash="b" * 64)
    call = start(owner.call, "confirm_second_factor", **said)
    wait_until_it_waits(cinema, call, waiter=owner, holder=thief)
    thief.commit()
    outcome(call)
    assert cinema.call_service("rotate_session", token_hash="b" * 64, new_token_hash="d" * 64) == {"status": "refused"}


def test_of_two_confirmations_at_once_one_counts(cinema: CinemaFixture, start: Start) -> None:
    ada = cinema.customer()
    said = begun(cinema, ada)
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("confirm_second_factor", **said)
    call = start(two.call, "confirm_second_factor", **{**said, "recovery_code_hashes": ["d" * 64]})
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    one.commit()
    answer = outcome(call)
    assert isinstance(answer, Refused)
    assert answer.code == "no_second_factor"
    assert cinema.rows("select code_hash from private.recovery_codes") == [{"code_hash": CODE}]
