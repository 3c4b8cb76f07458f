"""Accounts, sign-in attempts and sessions."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

import psycopg
import pytest

from tests.cinema import PASSWORD_HASH, CinemaFixture, Refused


def register(cinema: CinemaFixture, email: str = "ada@example.com", full_name: str = "Ada") -> dict[str, str]:
    user = cinema.service().call("register_user", email=email, password_hash=PASSWORD_HASH, full_name=full_name)
    assert user.pop("opened")
    return user


def test_addresses_are_kept_in_one_form(cinema: CinemaFixture) -> None:
    user = register(cinema, "  Ada@Example.COM ", "  Ada Lovelace ")
    assert user == {
        "id": user["id"],
        "kind": "registered",
        "email": "ada@example.com",
        "full_name": "Ada Lovelace",
        "role": "customer",
        "email_verified": False,
    }


@pytest.mark.parametrize("proved", [False, True])
def test_registering_does_not_tell_whether_an_address_has_an_account(cinema: CinemaFixture, proved: bool) -> None:
    """Same answer, same rows; only the mailbox hears of it."""
    first, other = register(cinema), register(cinema, "bob@example.com")
    if proved:
        cinema.owner.execute("update public.users set email_verified_at = private.now() where id = %s", [first["id"]])
    second = register(cinema, "ADA@example.com")
    assert {**second, "id": None, "email": None} == {**other, "id": None, "email": None}
    assert cinema.value("select count(*) from private.credentials") == 3
    assert [row["kind"] for row in cinema.outbox()] == ["mail_verify_email"] * 3
    rows = cinema.call_service("claim_outbox", max_rows=100, lease_seconds=0)
    assert [row["account"]["taken"] for row in rows] == [False, False, proved]


def test_no_name_is_longer_than_it_looks_even_without_the_trigger(cinema: CinemaFixture) -> None:
    register(cinema)
    cinema.owner.execute("alter table public.users disable trigger user")
    for full_name in ("A" + " " * 1_000_000, "", "x" * 201):
        with pytest.raises(psycopg.errors.CheckViolation, match="full_name_is_given"):
            cinema.owner.execute("update public.users set full_name = %s", [full_name])


def test_credentials_are_found_by_any_spelling(cinema: CinemaFixture) -> None:
    user = register(cinema)
    answer = cinema.service().call("begin_sign_in", email=" ADA@example.com", address="192.0.2.1")
    assert answer == {"status": "known", "accounts": [{"user": user, "password_hash": PASSWORD_HASH}]}
    answer = cinema.service().call("begin_sign_in", email="bob@example.com", address="192.0.2.1")
    assert answer == {"status": "known", "accounts": []}


def test_an_address_leads_to_its_owner_and_then_to_the_latest_who_typed_it(cinema: CinemaFixture) -> None:
    """However many there are, two passwords are compared."""
    cinema.freeze()
    users = []
    for _ in range(4):
        users.append(register(cinema)["id"])
        cinema.advance("1 second")
    guest = cinema.guest("ada@example.com")

    def accounts() -> list[str]:
        return [account["user"]["id"] for account in attempt(cinema)["accounts"]]

    assert accounts() == [users[3]]
    cinema.owner.execute("update public.users set email_verified_at = private.now() where id = %s", [users[1]])
    assert accounts() == [users[1], users[3]]
    assert guest.user_id not in users


def own(cinema: CinemaFixture, email: str = "ada@example.com", full_name: str = "Ada") -> dict[str, str]:
    """Somebody who has registered with that address and proved it."""
    user = register(cinema, email, full_name)
    cinema.owner.execute("update public.users set email_verified_at = private.now() where id = %s", [user["id"]])
    return user


HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def attempt(cinema: CinemaFixture, email: str = "ada@example.com", address: str = HOME) -> dict[str, Any]:
    return cinema.service().call("begin_sign_in", email=email, address=address)


def statuses(cinema: CinemaFixture, times: int, email: str = "ada@example.com", address: str = HOME) -> list[str]:
    return [attempt(cinema, email, address)["status"] for _ in range(times)]


def sign_in(cinema: CinemaFixture, user: dict[str, str], address: str = HOME) -> dict[str, Any]:
    """With the right password, as Flask does it."""
    assert attempt(cinema, user["email"], address)["status"] == "known"
    return open_session(cinema, user, address)


def open_session(cinema: CinemaFixture, user: dict[str, str], address: str = HOME) -> dict[str, Any]:
    return cinema.service().call("open_session", user_id=user["id"], token_hash=secrets.token_hex(32), address=address)


def set_limits(cinema: CinemaFixture, **limits: int) -> None:
    for name, value in limits.items():
        cinema.owner.execute(f"update private.settings set {name} = %s".encode(), [value])


def test_guesses_at_an_account_are_limited_per_address(cinema: CinemaFixture) -> None:
    register(cinema)
    assert statuses(cinema, 11) == ["known"] * 10 + ["limited"]
    assert statuses(cinema, 1, "bob@example.com") == ["known"]


def test_guesses_from_elsewhere_do_not_lock_the_account(cinema: CinemaFixture) -> None:
    register(cinema)
    assert statuses(cinema, 12, address=ELSEWHERE)[-2:] == ["limited"] * 2
    assert statuses(cinema, 10) == ["known"] * 10


def test_unknown_accounts_are_limited_alike(cinema: CinemaFixture) -> None:
    cinema.freeze()
    user = register(cinema)
    set_limits(cinema, sign_in_attempts_per_account=12)
    said: dict[str, list[object]] = {user["email"]: [], "nobody@example.com": []}
    for _ in range(11):
        for email, answers in said.items():
            for address in (HOME, ELSEWHERE):
                answer = attempt(cinema, email, address)
                answers.append(answer.get("retry_after", "admitted"))
        cinema.advance("7 seconds")
    assert said[user["email"]] == said["nobody@example.com"]
    assert said[user["email"]].count("admitted") == 12


def test_guesses_at_an_account_are_limited_over_all_addresses(cinema: CinemaFixture) -> None:
    register(cinema)
    for n in range(10):
        assert set(statuses(cinema, 10, address=f"198.51.100.{n}")) == {"known"}
    assert statuses(cinema, 1, address="198.51.100.10") == ["limited"]
    assert statuses(cinema, 1, "bob@example.com", "198.51.100.10") == ["known"]


def test_the_wait_is_what_is_left_of_it(cinema: CinemaFixture) -> None:
    cinema.freeze()
    set_limits(cinema, sign_in_attempts_per_account_and_address=2)
    for _ in range(2):
        attempt(cinema)
        cinema.advance("1 minute")
    # The first of the two leaves the window of 15 minutes in 13. Asking meanwhile does not prolong it.
    assert attempt(cinema) == {"status": "limited", "retry_after": 780}
    cinema.advance("779.5 seconds")
    assert attempt(cinema) == {"status": "limited", "retry_after": 1}
    cinema.advance("0.5 seconds")
    assert attempt(cinema)["status"] == "known"
    assert attempt(cinema) == {"status": "limited", "retry_after": 60}


def test_of_several_limits_the_longest_wait_is_answered(cinema: CinemaFixture) -> None:
    cinema.freeze()
    set_limits(cinema, sign_in_attempts_per_account_and_address=1, sign_in_attempts_per_address=2)
    attempt(cinema)
    cinema.advance("5 minutes")
    attempt(cinema, "bob@example.com")
    assert attempt(cinema) == {"status": "limited", "retry_after": 600}
    assert attempt(cinema, "bob@example.com") == {"status": "limited", "retry_after": 900}
    assert attempt(cinema, "carl@example.com") == {"status": "limited", "retry_after": 600}


def test_attempts_are_limited_per_address(cinema: CinemaFixture) -> None:
    set_limits(cinema, sign_in_attempts_per_address=3)
    for n in range(3):
        attempt(cinema, f"{n}@example.com")
    assert statuses(cinema, 1, "9@example.com") == ["limited"]
    assert statuses(cinema, 1, "9@example.com", ELSEWHERE) == ["known"]


def test_successes_count_for_their_address(cinema: CinemaFixture) -> None:
    """Each costs a hash, right or wrong."""
    user = own(cinema)
    set_limits(cinema, sign_in_attempts_per_address=12)
    for _ in range(12):
        sign_in(cinema, user)
    assert statuses(cinema, 1) == ["limited"]
    assert statuses(cinema, 1, address=ELSEWHERE) == ["known"]


def test_a_success_clears_an_accounts_failures_at_that_address(cinema: CinemaFixture) -> None:
    ada, bob = own(cinema), own(cinema, "bob@example.com", "Bob")
    for _ in range(3):
        assert set(statuses(cinema, 9)) == {"known"}
        sign_in(cinema, ada)
    # Somebody else's success is none of hers, and hers at home is none of a guesser's elsewhere.
    statuses(cinema, 9)
    statuses(cinema, 10, address=ELSEWHERE)
    sign_in(cinema, bob)
    sign_in(cinema, bob, ELSEWHERE)
    sign_in(cinema, ada)
    assert statuses(cinema, 1, address=ELSEWHERE) == ["limited"]
    assert statuses(cinema, 11) == ["known"] * 10 + ["limited"]


@pytest.mark.parametrize("owned", [False, True])
def test_the_success_of_an_account_that_is_not_proved_clears_nothing(cinema: CinemaFixture, owned: bool) -> None:
    """Whether its address has an owner or not: else a stranger opens an account with it, finds out by signing in
    whether there is one, and has ten new guesses at the owner's password each time."""
    if owned:
        own(cinema)
    strangers = register(cinema)
    statuses(cinema, 9)
    sign_in(cinema, strangers)
    assert statuses(cinema, 1) == ["limited"]


def test_successes_do_not_use_up_the_accounts_limit(cinema: CinemaFixture) -> None:
    user = own(cinema)
    set_limits(cinema, sign_in_attempts_per_account=4, sign_in_attempts_per_account_and_address=2)
    for n in range(8):
        statuses(cinema, 1, address=f"198.51.100.{n}")
        sign_in(cinema, user, f"198.51.100.{n}")
    assert statuses(cinema, 2) == ["known"] * 2
    assert statuses(cinema, 3, address=ELSEWHERE) == ["known", "known", "limited"]
    assert statuses(cinema, 1, address="198.51.100.1") == ["limited"]


def test_a_person_has_so_many_sessions_and_the_oldest_ends(cinema: CinemaFixture) -> None:
    ada, bob = register(cinema), register(cinema, "bob@example.com", "Bob")
    open_session(cinema, bob)
    opened = []
    for _ in range(22):
        opened.append(open_session(cinema, ada)["session_id"])
        cinema.advance("1 second")
    ended = cinema.rows("select id, end_reason from private.sessions where ended_at is not null order by created_at")
    assert [(str(row["id"]), row["end_reason"]) for row in ended] == [(id_, "too_many") for id_ in opened[:2]]


def test_sessions_that_have_ended_take_no_room(cinema: CinemaFixture) -> None:
    user = register(cinema)
    set_limits(cinema, sessions_per_customer=2)
    for token in ("a" * 64, "b" * 64):
        cinema.service().call("open_session", user_id=user["id"], token_hash=token)
    cinema.service().call("close_session", token_hash="b" * 64)
    open_session(cinema, user)
    assert cinema.service().call("rotate_session", token_hash="a" * 64, new_token_hash="c" * 64)["status"] == "rotated"
    open_session(cinema, user)
    assert cinema.service().call("rotate_session", token_hash="c" * 64, new_token_hash="d" * 64)["status"] == "refused"


def test_a_session_lives_by_rotation(cinema: CinemaFixture) -> None:
    user = register(cinema)
    service = cinema.service()
    opened = service.call("open_session", user_id=user["id"], token_hash="a" * 64, user_agent="Lynx")
    assert opened["user"] == user
    rotated = service.call("rotate_session", token_hash="a" * 64, new_token_hash="b" * 64)
    assert rotated == {"status": "rotated", **opened}
    assert service.call("rotate_session", token_hash="b" * 64, new_token_hash="c" * 64)["status"] == "rotated"


def rotate(cinema: CinemaFixture, token: str, new: str) -> str:
    return cinema.service().call("rotate_session", token_hash=token * 64, new_token_hash=new * 64)["status"]


@pytest.mark.parametrize("copied", ["after ten seconds", "after its child was used", "with nothing to exchange it for"])
def test_a_token_used_twice_ends_the_family(cinema: CinemaFixture, copied: str) -> None:
    user = register(cinema)
    service = cinema.service()
    cinema.freeze()
    service.call("open_session", user_id=user["id"], token_hash="a" * 64)
    service.call("open_session", user_id=user["id"], token_hash="e" * 64)
    assert rotate(cinema, "a", "b") == "rotated"
    if copied == "after ten seconds":
        cinema.advance("10 seconds")
    elif copied == "after its child was used":
        assert rotate(cinema, "b", "9") == "rotated"
    else:  # a token of before there were children
        cinema.owner.execute("update private.refresh_tokens set parent_hash = null where true")
    assert rotate(cinema, "a", "c") == "refused"
    assert rotate(cinema, "b", "d") == "refused"
    assert service.call("rotate_session", token_hash="e" * 64, new_token_hash="f" * 64)["status"] == "rotated"
    assert cinema.rows("select end_reason from private.sessions where ended_at is not null") == [
        {"end_reason": "token_reused"}
    ]


def test_a_session_ends_by_time(cinema: CinemaFixture) -> None:
    user = register(cinema)
    service = cinema.service()
    service.call("open_session", user_id=user["id"], token_hash="a" * 64)
    cinema.advance("30 days")
    assert service.call("rotate_session", token_hash="a" * 64, new_token_hash="b" * 64) == {"status": "refused"}


def test_a_token_whose_answer_was_lost_is_exchanged_again(cinema: CinemaFixture) -> None:
    """Within ten seconds and while nobody has used what it was exchanged for, however often."""
    cinema.freeze()
    cinema.service().call("open_session", user_id=register(cinema)["id"], token_hash="a" * 64)
    assert rotate(cinema, "a", "b") == "rotated"
    cinema.advance("4 seconds")
    assert rotate(cinema, "a", "c") == "rotated"
    cinema.advance("5.9 seconds")
    assert rotate(cinema, "a", "d") == "rotated"
    assert rotate(cinema, "d", "e") == "rotated"
    assert cinema.value("select count(*) from private.sessions where ended_at is null") == 1


def test_of_two_answers_to_one_token_only_one_lives_on(cinema: CinemaFixture) -> None:
    """The customer has one of them; who shows the other once the first was used has it from somewhere else."""
    cinema.service().call("open_session", user_id=register(cinema)["id"], token_hash="a" * 64)
    assert (rotate(cinema, "a", "b"), rotate(cinema, "a", "c")) == ("rotated", "rotated")
    assert rotate(cinema, "c", "d") == "rotated"
    assert rotate(cinema, "b", "e") == "refused"
    assert rotate(cinema, "d", "f") == "refused"
    assert cinema.value("select end_reason from private.sessions") == "token_reused"


def test_no_address_can_be_chosen_to_use_up_anothers_limit(cinema: CinemaFixture) -> None:
    """The client's input stands last in a key, and cannot turn it into another key."""
    register(cinema)
    for email in (f"ada@example.com from {HOME}", f"{HOME} ada@example.com", f"sign_in_at:{HOME} ada@example.com"):
        statuses(cinema, 11, email, ELSEWHERE)
    assert statuses(cinema, 11) == ["known"] * 10 + ["limited"]


@pytest.mark.parametrize(("everywhere", "left"), [(False, 1), (True, 0)])
def test_signing_out_here_or_everywhere(cinema: CinemaFixture, everywhere: bool, left: int) -> None:
    user = register(cinema)
    service = cinema.service()
    service.call("open_session", user_id=user["id"], token_hash="a" * 64)
    service.call("open_session", user_id=user["id"], token_hash="b" * 64)
    for _ in range(2):
        service.call("close_session", token_hash="a" * 64, everywhere=everywhere)
    assert service.call("rotate_session", token_hash="a" * 64, new_token_hash="c" * 64) == {"status": "refused"}
    assert cinema.value("select count(*) from private.sessions where ended_at is null") == left
    service.call("close_session", token_hash="f" * 64)


def test_an_operator_ends_all_sessions_that_live(cinema: CinemaFixture) -> None:
    """As after a restore, whose backup has a copied token that was used up, and a session that was left, as alive."""
    ada, bob, service = register(cinema), register(cinema, "bob@example.com", "Bob"), cinema.service()
    service.call("open_session", user_id=bob["id"], token_hash="f" * 64)
    cinema.advance("29 days")
    service.call("open_session", user_id=ada["id"], token_hash="a" * 64)
    service.call("open_session", user_id=ada["id"], token_hash="b" * 64)
    service.call("open_session", user_id=bob["id"], token_hash="c" * 64)
    service.call("close_session", token_hash="c" * 64)
    cinema.advance("1 day")  # Bob's first has run out by itself
    assert service.call("end_all_sessions") == 2
    assert [rotate(cinema, token, new) for token, new in ("ad", "be", "c9")] == ["refused"] * 3
    reasons = "select end_reason from private.sessions order by created_at, end_reason"
    ended = [row["end_reason"] for row in cinema.rows(reasons)]
    assert ended == [None, "ended_by_operator", "ended_by_operator", "signed_out"]
    assert service.call("end_all_sessions") == 0

    service.call("open_session", user_id=ada["id"], token_hash="7" * 64)
    assert rotate(cinema, "7", "8") == "rotated"


def test_sessions_are_for_known_users_and_hashed_tokens(cinema: CinemaFixture) -> None:
    with pytest.raises(Refused, match="unknown_user"):
        cinema.service().call("open_session", user_id=uuid.uuid4(), token_hash="a" * 64)
    user = register(cinema)
    with pytest.raises(Exception, match="token_is_hashed"):
        cinema.service().call("open_session", user_id=user["id"], token_hash="a plain token")
    with pytest.raises(Exception, match="password_is_hashed_with_argon2id"):
        cinema.service().call("register_user", email="b@example.com", password_hash="plain", full_name="B")


def test_a_sign_in_without_an_address_is_refused(cinema: CinemaFixture) -> None:
    """Its key would be the account's own, which any number of addresses share."""
    with pytest.raises(Refused, match="invalid_request"):
        cinema.service().call("begin_sign_in", email="ada@example.com", address=None)
    assert cinema.value("select count(*) from private.rate_limit_hits") == 0
