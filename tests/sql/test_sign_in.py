"""Accounts, sign-in attempts and sessions."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from tests.house import PASSWORD_HASH, House, Refused


def register(house: House, email: str = "ada@example.com", full_name: str = "Ada") -> dict[str, str]:
    return house.service().call("register_user", email=email, password_hash=PASSWORD_HASH, full_name=full_name)


def test_addresses_are_kept_in_one_form_and_once(house: House) -> None:
    user = register(house, "  Ada@Example.COM ", "  Ada Lovelace ")
    assert user["email"] == "ada@example.com"
    assert user["full_name"] == "Ada Lovelace"
    assert user["role"] == "customer"
    with pytest.raises(Refused) as refused:
        register(house, "ADA@example.com")
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "email_taken")
    assert house.value("select count(*) from private.credentials") == 1


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.com", "a da@example.com", "ada@example", "a" * 250 + "@x.at", None]
)
def test_what_is_no_address_is_refused(house: House, email: str) -> None:
    with pytest.raises(Refused, match="invalid_email"):
        register(house, email)


NO_NAMES = [
    "",
    "   ",
    "x" * 201,
    None,
    "A\nda",
    "Ada\r",
    "A\tda",
    "\x1b[31mAda",
    "A\x7fda",
    "A\x85da",
    "A\u2028da",
    "\u202eadA",
]


@pytest.mark.parametrize("full_name", NO_NAMES)
def test_what_is_no_name_is_refused(house: House, full_name: str) -> None:
    with pytest.raises(Refused, match="PT422 invalid_name"):
        register(house, full_name=full_name)
    ada = house.customer("Ada")
    with pytest.raises(Refused, match="PT422 invalid_name"):
        ada.query("update public.users set full_name = %s where true", [full_name])
    assert house.rows("select full_name from public.users") == [{"full_name": "Ada"}]


@pytest.mark.parametrize(
    "full_name",
    ["x" * 200, "Øystein Ævar", "זהבה", "می\u200cنو", "\U0001f469\u200d\U0001f680 Ada", "O'Neil-Smith, Jr."],
)
def test_names_are_stored_without_what_surrounds_them(house: House, full_name: str) -> None:
    assert register(house, full_name=f"  {full_name} ")["full_name"] == full_name
    ada = house.customer("Ada")
    ada.query("update public.users set full_name = %s where true", [full_name + " " * 1_000_000])
    assert house.value("select full_name from public.users where id = %s", [ada.user_id]) == full_name


def test_no_name_is_longer_than_it_looks_even_without_the_trigger(house: House) -> None:
    register(house)
    house.owner.execute("alter table public.users disable trigger user")
    for full_name in ("A" + " " * 1_000_000, "", "x" * 201):
        with pytest.raises(psycopg.errors.CheckViolation, match="full_name_is_given"):
            house.owner.execute("update public.users set full_name = %s", [full_name])


def test_credentials_are_found_by_any_spelling(house: House) -> None:
    user = register(house)
    answer = house.service().call("credentials_for", email=" ADA@example.com", address="192.0.2.1")
    assert answer == {"status": "known", "user": user, "password_hash": PASSWORD_HASH}
    answer = house.service().call("credentials_for", email="bob@example.com", address="192.0.2.1")
    assert answer == {"status": "unknown"}


def test_attempts_are_limited_per_account_and_forgiven_by_a_success(house: House) -> None:
    user = register(house)
    service = house.service()
    attempt = {"email": "ada@example.com", "address": "192.0.2.1"}
    for _ in range(10):
        assert service.call("credentials_for", **attempt)["status"] == "known"
    assert service.call("credentials_for", **attempt) == {"status": "limited", "retry_after": 900}
    assert service.call("credentials_for", email="bob@example.com", address="192.0.2.1")["status"] == "unknown"
    house.advance("15 minutes")
    assert service.call("credentials_for", **attempt)["status"] == "known"
    service.call("open_session", user_id=user["id"], token_hash="a" * 64)
    assert house.value("select count(*) from private.sign_in_attempts where email = 'ada@example.com'") == 0


def test_unknown_addresses_are_limited_alike(house: House) -> None:
    service = house.service()
    answers = [service.call("credentials_for", email="x@example.com", address="192.0.2.1") for _ in range(11)]
    assert [answer["status"] for answer in answers] == ["unknown"] * 10 + ["limited"]


def test_attempts_are_limited_per_address(house: House) -> None:
    house.owner.execute("update private.settings set sign_in_attempts_per_address = 3")
    service = house.service()
    for n in range(3):
        service.call("credentials_for", email=f"{n}@example.com", address="192.0.2.1")
    assert service.call("credentials_for", email="9@example.com", address="192.0.2.1")["status"] == "limited"
    assert service.call("credentials_for", email="9@example.com", address="192.0.2.2")["status"] == "unknown"


def test_a_session_lives_by_rotation(house: House) -> None:
    user = register(house)
    service = house.service()
    opened = service.call("open_session", user_id=user["id"], token_hash="a" * 64, user_agent="Lynx")
    assert opened["user"] == user
    rotated = service.call("rotate_session", token_hash="a" * 64, new_token_hash="b" * 64)
    assert rotated == {"status": "rotated", **opened}
    assert service.call("rotate_session", token_hash="b" * 64, new_token_hash="c" * 64)["status"] == "rotated"


def test_a_token_used_twice_ends_the_family(house: House) -> None:
    user = register(house)
    service = house.service()
    service.call("open_session", user_id=user["id"], token_hash="a" * 64)
    service.call("open_session", user_id=user["id"], token_hash="e" * 64)
    service.call("rotate_session", token_hash="a" * 64, new_token_hash="b" * 64)
    assert service.call("rotate_session", token_hash="a" * 64, new_token_hash="c" * 64) == {"status": "refused"}
    assert service.call("rotate_session", token_hash="b" * 64, new_token_hash="d" * 64) == {"status": "refused"}
    assert service.call("rotate_session", token_hash="e" * 64, new_token_hash="f" * 64)["status"] == "rotated"
    assert house.rows("select end_reason from private.sessions where ended_at is not null") == [
        {"end_reason": "token_reused"}
    ]


def test_a_session_ends_by_time(house: House) -> None:
    user = register(house)
    service = house.service()
    service.call("open_session", user_id=user["id"], token_hash="a" * 64)
    house.advance("30 days")
    assert service.call("rotate_session", token_hash="a" * 64, new_token_hash="b" * 64) == {"status": "refused"}


@pytest.mark.parametrize(("everywhere", "left"), [(False, 1), (True, 0)])
def test_signing_out_here_or_everywhere(house: House, everywhere: bool, left: int) -> None:
    user = register(house)
    service = house.service()
    service.call("open_session", user_id=user["id"], token_hash="a" * 64)
    service.call("open_session", user_id=user["id"], token_hash="b" * 64)
    for _ in range(2):
        service.call("close_session", token_hash="a" * 64, everywhere=everywhere)
    assert service.call("rotate_session", token_hash="a" * 64, new_token_hash="c" * 64) == {"status": "refused"}
    assert house.value("select count(*) from private.sessions where ended_at is null") == left
    service.call("close_session", token_hash="f" * 64)


def test_sessions_are_for_known_users_and_hashed_tokens(house: House) -> None:
    with pytest.raises(Refused, match="unknown_user"):
        house.service().call("open_session", user_id=uuid.uuid4(), token_hash="a" * 64)
    user = register(house)
    with pytest.raises(Exception, match="token_is_hashed"):
        house.service().call("open_session", user_id=user["id"], token_hash="a plain token")
    with pytest.raises(Exception, match="password_is_hashed_with_argon2id"):
        house.service().call("register_user", email="b@example.com", password_hash="plain", full_name="B")
