"""Registering, signing in and rotating refresh tokens, twice at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from typing import Any

import pytest

from tests.cinema import PASSWORD_HASH, CinemaFixture, Json, Refused
from tests.concurrency.parallel import (
    Start,
    code,
    holding,
    outcome,
    rewrite,
    wait_until_it_waits,
    wait_until_it_waits_or_ends,
)

ROTATE = "public.rotate_session(text,text)"
REGISTER = "public.register_user(text,text,text)"
OPEN = "public.open_session(uuid,text,text,text)"
RATE_LIMIT = "private.check_rate_limit(private.rate_limit[],text)"
OLD, NEW, OTHER = ("a" * 64, "b" * 64, "c" * 64)
ACCOUNT: Json = {"email": "ada@example.com", "password_hash": PASSWORD_HASH, "full_name": "Ada"}


def rotated_twice(cinema: CinemaFixture, start: Start) -> tuple[Json, Json]:
    """Return the answers of rotate_session when two tabs show one token at once."""
    one, two = cinema.service(), cinema.service()
    one.call("open_session", user_id=cinema.customer().user_id, token_hash=OLD)
    one.begin()
    first = one.call_in_transaction("rotate_session", token_hash=OLD, new_token_hash=NEW)
    call = start(two.call, "rotate_session", token_hash=OLD, new_token_hash=OTHER)
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    one.commit()
    return first, outcome(call)


def test_one_token_shown_by_two_tabs_at_once_signs_nobody_out(cinema: CinemaFixture, start: Start) -> None:
    first, second = rotated_twice(cinema, start)
    assert (first["status"], second["status"]) == ("rotated", "rotated")
    # The browser keeps one of the two cookies; once it is used the other one is a copy.
    service = cinema.service()
    assert service.call("rotate_session", token_hash=OTHER, new_token_hash="d" * 64)["status"] == "rotated"
    assert service.call("rotate_session", token_hash=NEW, new_token_hash="e" * 64) == {"status": "refused"}
    assert service.call("rotate_session", token_hash="d" * 64, new_token_hash="f" * 64) == {"status": "refused"}
    assert cinema.value("select end_reason from private.sessions") == "token_reused"


def copied_while_the_family_rotates(cinema: CinemaFixture, start: Start) -> Json:
    """Return the answer to a copy of a token that is shown while its child is used, within the ten seconds."""
    tab, thief = cinema.service(), cinema.service()
    tab.call("open_session", user_id=cinema.customer().user_id, token_hash=OLD)
    tab.call("rotate_session", token_hash=OLD, new_token_hash=NEW)
    tab.begin()
    assert tab.call_in_transaction("rotate_session", token_hash=NEW, new_token_hash=OTHER)["status"] == "rotated"
    call = start(thief.call, "rotate_session", token_hash=OLD, new_token_hash="d" * 64)
    wait_until_it_waits_or_ends(cinema, call, thief)
    tab.commit()
    return outcome(call)


def test_a_stolen_token_shown_while_the_family_rotates(cinema: CinemaFixture, start: Start) -> None:
    """The thief's copy of an old token ends the family, and the rotation that is under way is the last."""
    assert copied_while_the_family_rotates(cinema, start) == {"status": "refused"}
    again = cinema.service().call("rotate_session", token_hash=OTHER, new_token_hash="e" * 64)
    assert again == {"status": "refused"}


def test_mutant_tokens_whose_session_is_not_locked_have_two_heirs(cinema: CinemaFixture, start: Start) -> None:
    rewrite(
        cinema,
        ROTATE,
        ("rotate_session.token_hash)\n  for update;", "rotate_session.token_hash);"),
    )
    assert copied_while_the_family_rotates(cinema, start)["status"] == "rotated"
    assert cinema.value("select count(*) from private.refresh_tokens where used_at is null") == 2


def test_one_address_registers_once(cinema: CinemaFixture, start: Start) -> None:
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("register_user", **ACCOUNT)
    call = start(two.call, "register_user", **{**ACCOUNT, "email": " ADA@example.com"})
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    one.commit()
    assert code(call) == "email_taken"
    assert cinema.value("select count(*) from public.users") == 1


def test_the_second_registers_when_the_first_rolls_back(cinema: CinemaFixture, start: Start) -> None:
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("register_user", **ACCOUNT)
    call = start(two.call, "register_user", **ACCOUNT)
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    one.rollback()
    assert outcome(call)["email"] == ACCOUNT["email"]
    assert cinema.value("select count(*) from private.credentials") == 1


def test_mutant_without_the_constraint_there_are_two_accounts(cinema: CinemaFixture, start: Start) -> None:
    cinema.owner.execute("alter table public.users drop constraint email_is_unique")
    rewrite(cinema, REGISTER, ("on conflict on constraint email_is_unique do nothing", ""))
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("register_user", **ACCOUNT)
    outcome(start(two.call, "register_user", **ACCOUNT))
    one.commit()
    assert cinema.value("select count(*) from public.users") == 2


@pytest.mark.parametrize("addresses", [1, 40])
def test_parallel_guesses_at_one_account_are_counted(cinema: CinemaFixture, start: Start, addresses: int) -> None:
    cinema.owner.execute("update private.settings set sign_in_attempts_per_account = 10")
    cinema.service().call("register_user", **ACCOUNT)
    guessers = [cinema.service() for _ in range(40)]
    with holding(cinema, "lock table private.rate_limit_hits in access exclusive mode"):
        calls = [
            start(who.call, "begin_sign_in", email=ACCOUNT["email"], address=f"192.0.2.{n % addresses}")
            for n, who in enumerate(guessers)
        ]
        for who, call in zip(guessers, calls, strict=True):
            wait_until_it_waits_or_ends(cinema, call, who)
    assert Counter(outcome(call)["status"] for call in calls) == {"known": 10, "limited": 30}


def second_guess(cinema: CinemaFixture, start: Start, first: Json, second: Json) -> Future[Any]:
    """The second of two attempts to sign in, made before the first has committed."""
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("begin_sign_in", **first)
    call = start(two.call, "begin_sign_in", **second)
    wait_until_it_waits_or_ends(cinema, call, two)
    one.commit()
    return call


ADA_AT_HOME: Json = {"email": "ada@example.com", "address": "192.0.2.1"}
ADA_ELSEWHERE: Json = {"email": "ada@example.com", "address": "192.0.2.2"}
BOB_AT_HOME: Json = {"email": "bob@example.com", "address": "192.0.2.1"}


@pytest.mark.parametrize(
    ("limit", "second"),
    [
        ("sign_in_attempts_per_account_and_address", ADA_AT_HOME),
        ("sign_in_attempts_per_account", ADA_ELSEWHERE),
        ("sign_in_attempts_per_address", BOB_AT_HOME),
    ],
)
def test_a_guess_that_is_not_committed_counts(cinema: CinemaFixture, start: Start, limit: str, second: Json) -> None:
    cinema.owner.execute(f"update private.settings set {limit} = 1".encode())
    assert outcome(second_guess(cinema, start, ADA_AT_HOME, second))["status"] == "limited"


def test_mutant_guesses_that_do_not_take_turns_pass_the_limit(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, RATE_LIMIT, ("perform pg_advisory_xact_lock(", "perform hashint8("))
    cinema.owner.execute("update private.settings set sign_in_attempts_per_account = 1")
    assert outcome(second_guess(cinema, start, ADA_AT_HOME, ADA_ELSEWHERE))["status"] == "unknown"


def live_sessions_of_two_sign_ins_at_once(cinema: CinemaFixture, start: Start) -> int:
    """Where one session is all that a customer may have."""
    cinema.owner.execute("update private.settings set sessions_per_customer = 1")
    user_id = cinema.customer().user_id
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("open_session", user_id=user_id, token_hash=OLD)
    call = start(two.call, "open_session", user_id=user_id, token_hash=NEW)
    wait_until_it_waits_or_ends(cinema, call, two)
    one.commit()
    assert not isinstance(outcome(call), Refused)
    return cinema.value("select count(*) from private.sessions where ended_at is null")


def test_two_sign_ins_at_once_make_room_for_each_other(cinema: CinemaFixture, start: Start) -> None:
    assert live_sessions_of_two_sign_ins_at_once(cinema, start) == 1


@pytest.mark.parametrize("key", ["private.sign_in_key(u.email)", "u.id::text"])
def test_a_showtime_id_that_equals_the_key_of_somebody_keeps_nobody_waiting(
    cinema: CinemaFixture, start: Start, key: str
) -> None:
    """A client may send any number as the id of a showtime."""
    ada, bob = cinema.customer(), cinema.customer("Bob")
    chosen = cinema.value(f"select hashtextextended({key}, 0) from public.users u where u.id = %s", [ada.user_id])
    with holding(cinema, f"select private.lock_customer({chosen}, '{bob.user_id}')"):
        flask = cinema.service()
        call = start(flask.call, "open_session", user_id=ada.user_id, token_hash=OLD)
        wait_until_it_waits_or_ends(cinema, call, flask)
        signed_in = call.done()
        call = start(cinema.lock, ada, 0)
        wait_until_it_waits_or_ends(cinema, call, ada)
        locked = call.done()
    assert (signed_in, locked) == (True, True)


@pytest.mark.parametrize("showtime_id", [0, 1, -1, 2**31, 2**32, -(2**32) - 1, 2**63 - 1, -(2**63)])
def test_every_showtime_id_that_a_client_may_send_has_a_key_of_its_own(cinema: CinemaFixture, showtime_id: int) -> None:
    with holding(cinema, f"select private.lock_showtime({showtime_id})"):
        (key,) = cinema.rows(
            "select (classid::bigint << 32) | objid::bigint as id, objsubid from pg_locks where locktype = 'advisory'"
            " and database = (select oid from pg_database where datname = current_database())"
        )
        assert key == {"id": showtime_id, "objsubid": 2}


def test_mutant_sign_ins_that_do_not_take_turns_leave_a_session_too_many(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, OPEN, ("perform pg_advisory_xact_lock(", "perform hashint8("))
    assert live_sessions_of_two_sign_ins_at_once(cinema, start) == 2
