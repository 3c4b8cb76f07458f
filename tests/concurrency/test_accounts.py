"""Registering, signing in and rotating refresh tokens, twice at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
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
OPEN = "public.open_session(uuid,text,text,text,text,boolean,uuid)"
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


def emails_of_two_who_register_at_once(cinema: CinemaFixture, start: Start) -> int:
    """With one address, which is sent one email an hour. Both have an account."""
    cinema.owner.execute("update private.settings set account_emails_per_recipient = 1")
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("register_user", **ACCOUNT)
    call = start(two.call, "register_user", **{**ACCOUNT, "email": " ADA@example.com"})
    wait_until_it_waits_or_ends(cinema, call, two)
    one.commit()
    assert outcome(call)["email"] == ACCOUNT["email"]
    assert cinema.value("select count(*) from private.credentials") == 2
    return cinema.value("select count(*) from private.outbox")


def test_two_who_register_with_one_address_at_once_fill_no_mailbox(cinema: CinemaFixture, start: Start) -> None:
    assert emails_of_two_who_register_at_once(cinema, start) == 1


def test_mutant_emails_that_are_not_counted_in_turn_fill_it(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, RATE_LIMIT, ("perform pg_advisory_xact_lock(", "perform hashint8("))
    assert emails_of_two_who_register_at_once(cinema, start) == 2


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
    assert outcome(second_guess(cinema, start, ADA_AT_HOME, ADA_ELSEWHERE))["status"] == "known"


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
    rewrite(
        cinema,
        OPEN,
        ("perform pg_advisory_xact_lock(", "perform hashint8("),
        ("u.id = open_session.user_id for no key update;", "u.id = open_session.user_id;"),
    )
    assert live_sessions_of_two_sign_ins_at_once(cinema, start) == 2


# Links ---------------------------------------------------------------------------------------------------------------

TAKE = "private.take_account_token(text,private.account_token_purpose[])"
RESETS = 50


def with_a_link(cinema: CinemaFixture, *, proved: bool = True) -> Json:
    """Open an account whose password is forgotten: the token of its link has the hash OLD."""
    user: Json = cinema.call_service("register_user", **ACCOUNT)
    if proved:
        cinema.owner.execute("update public.users set email_verified_at = private.now() where id = %s", [user["id"]])
    cinema.call_service("request_password_reset", email=ACCOUNT["email"], address="192.0.2.1")
    outbox_id = cinema.value("select id from private.outbox where kind = 'mail_reset_password'")
    cinema.call_service("issue_account_token", outbox_id=outbox_id, purpose="reset_password", token_hash=OLD)
    return user


def resets_at_once(cinema: CinemaFixture, *, proved: bool = True) -> Counter[str]:
    """Return what became of fifty resets by one link, each with a password of its own."""
    with_a_link(cinema, proved=proved)
    people = [cinema.service() for _ in range(RESETS)]
    for who in people:
        who.query("select 1")
    begin = Barrier(RESETS)

    def reset(number: int) -> str:
        begin.wait()
        try:
            people[number].call("reset_password", token_hash=OLD, password_hash=PASSWORD_HASH[:-2] + f"{number:02}")
        except Refused as refused:
            return str(refused.code)
        return "done"

    with ThreadPoolExecutor(RESETS) as pool:
        return Counter(pool.map(reset, range(RESETS)))


@pytest.mark.parametrize("proved", [True, False])
def test_fifty_parallel_resets_by_one_link_give_one(cinema: CinemaFixture, proved: bool) -> None:
    """Also of an account that is not proved, in place of which another is opened."""
    assert resets_at_once(cinema, proved=proved) == {"done": 1, "link_expired": RESETS - 1}
    assert cinema.value("select count(*) from private.credentials") == 1
    assert cinema.value("select count(*) from private.outbox where kind = 'mail_password_changed'") == 1


def test_mutant_a_link_that_is_read_before_it_is_used_up_replaces_the_password_twice(cinema: CinemaFixture) -> None:
    rewrite(
        cinema,
        "private.take_turns_by_token(text)",
        ("perform pg_advisory_xact_lock(hashtextextended('proof:' || v_token.email, 0));", ""),
    )
    rewrite(cinema, "private.take_turns(uuid,uuid[])", ("perform private.lock_customer(null, v_id);", "null;"))
    rewrite(
        cinema,
        TAKE,
        (
            "  perform from public.users u\n",
            "  if exists (select from private.account_tokens t where t.token_hash = p_token_hash"
            " and t.used_at is not null) then perform private.raise_api_error('link_expired'); end if;\n"
            "  perform from public.users u\n",
        ),
        ("and t.used_at is null and t.expires_at > v_now", "and t.expires_at > v_now"),
    )
    assert resets_at_once(cinema)["done"] > 1


def test_a_sign_in_with_a_password_that_is_being_replaced_opens_nothing(cinema: CinemaFixture, start: Start) -> None:
    """The hash was read and compared before; the session would outlive the change that ends all sessions."""
    flask, guest = cinema.service(), cinema.service()
    user = with_a_link(cinema)
    flask.begin()
    flask.call_in_transaction("reset_password", token_hash=OLD, password_hash=PASSWORD_HASH[:-2] + "00")
    call = start(guest.call, "open_session", user_id=user["id"], token_hash=NEW, password_hash=PASSWORD_HASH)
    wait_until_it_waits(cinema, call, waiter=guest, holder=flask)
    flask.commit()
    assert code(call) == "invalid_credentials"
    assert cinema.value("select count(*) from private.sessions") == 0


def test_mutant_a_sign_in_that_locks_no_account_outlives_the_change(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, OPEN, ("u.id = open_session.user_id for no key update;", "u.id = open_session.user_id;"))
    flask, guest = cinema.service(), cinema.service()
    user = with_a_link(cinema)
    flask.begin()
    flask.call_in_transaction("reset_password", token_hash=OLD, password_hash=PASSWORD_HASH[:-2] + "00")
    call = start(guest.call, "open_session", user_id=user["id"], token_hash=NEW, password_hash=PASSWORD_HASH)
    wait_until_it_waits_or_ends(cinema, call, guest)
    flask.commit()
    assert outcome(call)["user"]["email"] == ACCOUNT["email"]
    assert cinema.value("select count(*) from private.sessions where ended_at is null") == 1
