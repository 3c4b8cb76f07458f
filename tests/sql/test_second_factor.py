"""The second factor in the database: who is asked for a code, that none counts twice, and how often one may guess."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.cinema import PASSWORD_HASH, Caller, CinemaFixture, Json, Refused

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"
SECRET, OTHER = "gAAAAA" + "s" * 90, "gAAAAA" + "o" * 90
CODES = [f"{n:064x}" for n in range(10)]
STEP = 59_000_000
"""The time step of the code that confirms."""


def open_session(cinema: CinemaFixture, who: Caller, **more: Any) -> Json:
    return cinema.call_service("open_session", user_id=who.user_id, token_hash=uuid.uuid4().hex * 2, **more)


def begin(cinema: CinemaFixture, who: Caller, session_id: str, secret: str = SECRET) -> None:
    cinema.call_service("begin_second_factor", user_id=who.user_id, session_id=session_id, address=HOME, secret=secret)


def confirm(cinema: CinemaFixture, who: Caller, session_id: str, **changes: Any) -> None:
    said = {"address": HOME, "secret": SECRET, "counter": STEP, "recovery_code_hashes": CODES}
    cinema.call_service("confirm_second_factor", user_id=who.user_id, session_id=session_id, **{**said, **changes})


def set_up(cinema: CinemaFixture, who: Caller) -> Json:
    """Confirm a second factor; return the session that did."""
    session = open_session(cinema, who)
    begin(cinema, who, session["session_id"])
    confirm(cinema, who, session["session_id"])
    return session


def check(cinema: CinemaFixture, who: Caller, address: str = HOME, session_id: str | None = None) -> Json:
    return cinema.call_service("begin_second_factor_check", user_id=who.user_id, address=address, session_id=session_id)


def use(cinema: CinemaFixture, who: Caller, counter: int, secret: str | None = SECRET, address: str = HOME) -> bool:
    return cinema.call_service(
        "use_second_factor", user_id=who.user_id, address=address, secret=secret, counter=counter
    )


def use_recovery_code(cinema: CinemaFixture, who: Caller, code_hash: str) -> bool:
    return cinema.call_service("use_recovery_code", user_id=who.user_id, address=HOME, code_hash=code_hash)


def make_staff(cinema: CinemaFixture, who: Caller) -> None:
    cinema.owner.execute("update public.users set role = 'staff' where id = %s", [who.user_id])


def set_setting(cinema: CinemaFixture, name: str, value: object) -> None:
    cinema.owner.execute(f"update private.settings set {name} = %s".encode(), [value])


# Setting up -----------------------------------------------------------------------------------------------------------


def test_nobody_is_asked_before_a_factor_is_confirmed(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    session = open_session(cinema, ada)
    begin(cinema, ada, session["session_id"])
    assert open_session(cinema, ada)["aal"] == "aal1"
    assert use(cinema, ada, STEP) is False
    assert check(cinema, ada)["is_confirmed"] is False


def test_a_confirmed_factor_is_asked_for_wherever_a_session_opens(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    set_up(cinema, ada)
    for said in ({}, {"second_factor": False}, {"second_factor": None}):
        with pytest.raises(Refused, match="PT403 second_factor_required"):
            open_session(cinema, ada, **said)
    assert open_session(cinema, ada, second_factor=True)["aal"] == "aal2"
    assert open_session(cinema, bob)["aal"] == "aal1"


def test_a_session_without_a_factor_is_never_taken_for_one_with_it(cinema: CinemaFixture) -> None:
    assert open_session(cinema, cinema.customer(), second_factor=True)["aal"] == "aal1"


def test_what_is_begun_again_replaces_what_was_not_confirmed(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    session_id = open_session(cinema, ada)["session_id"]
    begin(cinema, ada, session_id, OTHER)
    begin(cinema, ada, session_id, SECRET)
    with pytest.raises(Refused, match="PT409 no_second_factor"):
        confirm(cinema, ada, session_id, secret=OTHER)
    confirm(cinema, ada, session_id)
    assert cinema.value("select secret from private.second_factors") == SECRET


def test_a_confirmed_factor_is_not_replaced(cinema: CinemaFixture) -> None:
    """Or a stolen session and a password would be enough to change it."""
    ada = cinema.customer()
    session_id = set_up(cinema, ada)["session_id"]
    with pytest.raises(Refused, match="PT409 second_factor_exists"):
        begin(cinema, ada, session_id, OTHER)
    for secret in (SECRET, OTHER):
        with pytest.raises(Refused, match="PT409 no_second_factor"):
            confirm(cinema, ada, session_id, secret=secret, recovery_code_hashes=["f" * 64])
    assert cinema.value("select count(*) from private.recovery_codes") == 10


def test_confirming_ends_all_other_sessions_and_raises_its_own(cinema: CinemaFixture) -> None:
    """Somebody else may have opened one of them, by the password alone."""
    ada, bob = cinema.customer(), cinema.customer("Bob")
    mine = cinema.call_service("open_session", user_id=ada.user_id, token_hash="a" * 64)
    cinema.call_service("open_session", user_id=ada.user_id, token_hash="b" * 64)
    cinema.call_service("open_session", user_id=bob.user_id, token_hash="c" * 64)
    begin(cinema, ada, mine["session_id"])
    confirm(cinema, ada, mine["session_id"])
    rotated = {
        token: cinema.call_service("rotate_session", token_hash=token * 64, new_token_hash=uuid.uuid4().hex * 2)
        for token in "abc"
    }
    assert [rotated[token]["status"] for token in "abc"] == ["rotated", "refused", "rotated"]
    assert (rotated["a"]["aal"], rotated["c"]["aal"]) == ("aal2", "aal1")
    ended = cinema.rows("select end_reason from private.sessions where ended_at is not null")
    assert ended == [{"end_reason": "second_factor_confirmed"}]


@pytest.mark.parametrize("function", ["begin_second_factor_check", "begin_second_factor", "confirm_second_factor"])
def test_only_the_owner_of_a_living_session_changes_it(cinema: CinemaFixture, function: str) -> None:
    calls: dict[str, Callable[[CinemaFixture, Caller, str], object]] = {
        "begin_second_factor_check": lambda cinema, who, session_id: check(cinema, who, session_id=session_id),
        "begin_second_factor": begin,
        "confirm_second_factor": confirm,
    }
    ada, bob = cinema.customer(), cinema.customer("Bob")
    begin(cinema, ada, open_session(cinema, ada)["session_id"])
    of_bob = open_session(cinema, bob)["session_id"]
    ended = cinema.call_service("open_session", user_id=ada.user_id, token_hash="a" * 64)["session_id"]
    cinema.call_service("close_session", token_hash="a" * 64)
    for session_id in (of_bob, ended, str(uuid.uuid4())):
        with pytest.raises(Refused, match="PT401 session_ended"):
            calls[function](cinema, ada, session_id)
    assert cinema.value("select count(*) from private.second_factors where confirmed_at is not null") == 0


def test_there_are_at_most_ten_recovery_codes(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    session_id = open_session(cinema, ada)["session_id"]
    begin(cinema, ada, session_id)
    with pytest.raises(Refused, match="invalid_request"):
        confirm(cinema, ada, session_id, recovery_code_hashes=[*CODES, "f" * 64])
    confirm(cinema, ada, session_id)


def test_nothing_that_can_be_read_is_stored(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    session_id = open_session(cinema, ada)["session_id"]
    with pytest.raises(psycopg.errors.CheckViolation, match="secret_is_encrypted"):
        begin(cinema, ada, session_id, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    begin(cinema, ada, session_id)
    with pytest.raises(psycopg.errors.CheckViolation, match="code_is_hashed"):
        confirm(cinema, ada, session_id, recovery_code_hashes=["ABCD-EFGH"])


# Codes ----------------------------------------------------------------------------------------------------------------


def test_a_code_and_all_before_it_are_taken_once(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    set_up(cinema, ada)
    assert use(cinema, ada, STEP) is False, "it has confirmed the factor"
    assert use(cinema, ada, STEP + 2) is True
    assert [use(cinema, ada, STEP + n) for n in (0, 1, 2)] == [False, False, False]
    assert use(cinema, ada, STEP + 3) is True


def test_a_code_of_another_secret_is_not_taken(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    set_up(cinema, ada)
    for secret in (OTHER, None):
        assert use(cinema, ada, STEP + 1, secret) is False
    assert use(cinema, bob, STEP + 1) is False
    assert use(cinema, ada, STEP + 1) is True


def test_a_recovery_code_is_taken_once(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    set_up(cinema, ada)
    set_up(cinema, bob)
    assert [use_recovery_code(cinema, ada, CODES[0]) for _ in range(3)] == [True, False, False]
    assert use_recovery_code(cinema, ada, "f" * 64) is False
    assert use_recovery_code(cinema, ada, CODES[1]) is True
    assert use_recovery_code(cinema, bob, CODES[0]) is True, "each has their own"
    assert ada.call("my_second_factor")["recovery_codes_left"] == 8


def test_removing_takes_the_recovery_codes_along(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    mine = cinema.call_service("open_session", user_id=ada.user_id, token_hash="a" * 64)
    begin(cinema, ada, mine["session_id"])
    confirm(cinema, ada, mine["session_id"])
    assert cinema.call_service("remove_second_factor", user_id=ada.user_id) is True
    assert cinema.call_service("remove_second_factor", user_id=ada.user_id) is False
    assert use(cinema, ada, STEP + 1) is False
    assert use_recovery_code(cinema, ada, CODES[0]) is False
    assert open_session(cinema, ada)["aal"] == "aal1"
    rotated = cinema.call_service("rotate_session", token_hash="a" * 64, new_token_hash="b" * 64)
    assert (rotated["status"], rotated["aal"]) == ("rotated", "aal1")
    assert cinema.rows("select * from private.recovery_codes") == []


@pytest.mark.parametrize(("proved", "emails"), [(True, 2), (False, 0)])
def test_who_changes_it_over_and_over_fills_no_strangers_mailbox(
    cinema: CinemaFixture, proved: bool, emails: int
) -> None:
    """Whose address nobody has proved may be anybody's: each change would be one email more to them."""
    ada = cinema.customer()
    if not proved:
        cinema.owner.execute("update public.users set email_verified_at = null where id = %s", [ada.user_id])
    set_up(cinema, ada)
    cinema.call_service("remove_second_factor", user_id=ada.user_id)
    assert [row["kind"] for row in cinema.outbox()] == ["mail_second_factor_changed"] * emails


# Limits ---------------------------------------------------------------------------------------------------------------


def test_what_a_code_is_compared_with(cinema: CinemaFixture) -> None:
    ada = cinema.customer("Ada")
    set_up(cinema, ada)
    cinema.freeze()
    email = ada.call("my_account")["email"]
    assert check(cinema, ada) == {
        "status": "known",
        "user": {
            "id": str(ada.user_id),
            "kind": "registered",
            "email": email,
            "full_name": "Ada",
            "role": "customer",
            "email_verified": True,
        },
        "password_hash": PASSWORD_HASH,
        "secret": SECRET,
        "is_confirmed": True,
        "checked_at": cinema.value("select extract(epoch from private.now())::bigint"),
    }
    nobody = cinema.call_service("begin_second_factor_check", user_id=uuid.uuid4(), address=HOME)
    assert nobody == {"status": "unknown"}


@pytest.mark.parametrize("missing", ["user_id", "address"])
def test_an_attempt_that_could_not_be_counted_is_refused(cinema: CinemaFixture, missing: str) -> None:
    said = {"user_id": cinema.customer().user_id, "address": HOME, missing: None}
    with pytest.raises(Refused, match="invalid_request"):
        cinema.call_service("begin_second_factor_check", **said)


def test_attempts_are_counted_by_account_whatever_their_address(cinema: CinemaFixture) -> None:
    cinema.freeze()
    ada, bob = cinema.customer(), cinema.customer("Bob")
    assert [check(cinema, ada, f"198.51.100.{n}")["status"] for n in range(5)] == ["known"] * 5
    assert check(cinema, ada, "198.51.100.9") == {"status": "limited", "retry_after": 900}
    assert check(cinema, bob)["status"] == "known"
    cinema.advance("15 minutes")
    assert check(cinema, ada)["status"] == "known"


def test_attempts_are_counted_by_day(cinema: CinemaFixture) -> None:
    cinema.freeze()
    ada = cinema.customer()
    for _ in range(6):
        assert [check(cinema, ada)["status"] for _ in range(5)] == ["known"] * 5
        cinema.advance("15 minutes")
    assert check(cinema, ada) == {"status": "limited", "retry_after": 22 * 3600 + 1800}


def test_attempts_are_counted_by_address_whatever_the_account(cinema: CinemaFixture) -> None:
    set_setting(cinema, "second_factor_attempts_per_address", 2)
    ada, bob, carl = cinema.customer(), cinema.customer("Bob"), cinema.customer("Carl")
    assert [check(cinema, who)["status"] for who in (ada, bob, carl)] == ["known", "known", "limited"]
    assert check(cinema, carl, ELSEWHERE)["status"] == "known"


def test_a_success_clears_what_was_mistyped_there_and_nothing_else(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    set_up(cinema, ada)
    for n in range(1, 4):
        assert [check(cinema, ada)["status"] for _ in range(4)] == ["known"] * 4
        assert use(cinema, ada, STEP + n) is True
    assert [check(cinema, ada, ELSEWHERE)["status"] for _ in range(4)] == ["known"] * 4
    assert use(cinema, ada, STEP + 9) is True
    assert [check(cinema, ada)["status"] for _ in range(2)] == ["known", "limited"]
    assert use_recovery_code(cinema, ada, CODES[0]) is True
    assert check(cinema, ada)["status"] == "known"


def test_a_code_that_is_not_taken_clears_nothing(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    set_up(cinema, ada)
    for _ in range(5):
        check(cinema, ada)
        assert use(cinema, ada, STEP) is False
        assert use_recovery_code(cinema, ada, "f" * 64) is False
    assert check(cinema, ada)["status"] == "limited"


@pytest.mark.parametrize("limit", ["account", "day", "address"])
def test_limits_are_positive(cinema: CinemaFixture, limit: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="second_factor_limits_are_positive"):
        set_setting(cinema, f"second_factor_attempts_per_{limit}", 0)


# Demanded of staff ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["staff", "admin"])
def test_staff_have_a_customers_powers_until_they_prove_a_factor(cinema: CinemaFixture, role: str) -> None:
    ada = cinema.customer()
    cinema.owner.execute("update public.users set role = %s::public.user_role where id = %s", [role, ada.user_id])
    cinema.call_service("open_session", user_id=ada.user_id, token_hash="a" * 64)
    set_setting(cinema, "staff_second_factor", True)
    session = open_session(cinema, ada)
    assert session["user"]["role"] == "customer"
    rotated = cinema.call_service("rotate_session", token_hash="a" * 64, new_token_hash="b" * 64)
    assert rotated["user"]["role"] == "customer", "sessions of before the setting, too"
    assert ada.call("my_second_factor") == {"confirmed_at": None, "recovery_codes_left": 0, "is_demanded": True}
    begin(cinema, ada, rotated["session_id"])
    confirm(cinema, ada, rotated["session_id"])
    rotated = cinema.call_service("rotate_session", token_hash="b" * 64, new_token_hash="c" * 64)
    assert (rotated["user"]["role"], rotated["aal"]) == (role, "aal2")
    assert open_session(cinema, ada, second_factor=True)["user"]["role"] == role
    cinema.call_service("remove_second_factor", user_id=ada.user_id)
    rotated = cinema.call_service("rotate_session", token_hash="c" * 64, new_token_hash="d" * 64)
    assert (rotated["user"]["role"], rotated["aal"]) == ("customer", "aal1")


def test_nothing_is_demanded_by_default_and_of_customers_never(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    make_staff(cinema, ada)
    assert open_session(cinema, ada)["user"]["role"] == "staff"
    assert ada.call("my_second_factor")["is_demanded"] is False
    set_setting(cinema, "staff_second_factor", True)
    assert open_session(cinema, bob)["user"]["role"] == "customer"
    assert bob.call("my_second_factor")["is_demanded"] is False


# What people read of it -----------------------------------------------------------------------------------------------


def test_people_read_the_state_of_their_own_factor(cinema: CinemaFixture) -> None:
    cinema.freeze()
    ada, bob = cinema.customer(), cinema.customer("Bob")
    set_up(cinema, ada)
    now = cinema.value("select to_jsonb(private.now())")
    assert ada.call("my_second_factor") == {
        "confirmed_at": now,
        "recovery_codes_left": 10,
        "is_demanded": False,
    }
    assert bob.call("my_second_factor")["confirmed_at"] is None


def test_the_export_tells_of_it_without_what_proves_it(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    assert ada.call("my_data")["second_factor"] is None
    session = set_up(cinema, ada)
    use_recovery_code(cinema, ada, CODES[3])
    check(cinema, ada, session_id=session["session_id"])
    data = ada.call("my_data")
    confirmed_at = cinema.value("select to_jsonb(confirmed_at) from private.second_factors")
    assert data["second_factor"]["confirmed_at"] == confirmed_at
    used = [code["used_at"] for code in data["second_factor"]["recovery_codes"]]
    assert (len(used), used.count(None)) == (10, 9)
    assert [(each["kind"], each["address"]) for each in data["attempts"]] == [("second_factor", HOME)]
    for secret in (SECRET, *CODES):
        assert secret not in json.dumps(data)


# Keys change ----------------------------------------------------------------------------------------------------------


def test_secrets_are_listed_page_by_page_and_replaced_if_unchanged(cinema: CinemaFixture) -> None:
    people = [cinema.customer() for _ in range(3)]
    for who in people:
        begin(cinema, who, open_session(cinema, who)["session_id"])
    ids = sorted(str(who.user_id) for who in people)
    first = cinema.call_service("second_factor_secrets", max_rows=2)
    assert first == [{"user_id": user_id, "secret": SECRET} for user_id in ids[:2]]
    rest = cinema.call_service("second_factor_secrets", max_rows=2, after=ids[1])
    assert [row["user_id"] for row in rest] == ids[2:]
    for expected in (True, False):
        changed = cinema.call_service("replace_second_factor_secret", user_id=ids[0], secret=SECRET, new_secret=OTHER)
        assert changed is expected
    assert cinema.value("select count(*) from private.second_factors where secret = %s", [OTHER]) == 1
