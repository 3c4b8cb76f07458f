"""What an email address and a name are, by the examples that Python and the page share (tests/data)."""

from __future__ import annotations

import unicodedata

import psycopg
import pytest

from tests.cinema import PASSWORD_HASH, Caller, CinemaFixture, Json, Refused
from tests.data import EMAILS, NAMES


def register(cinema: CinemaFixture, email: str | None = "ada@example.com", full_name: str | None = "Ada") -> Json:
    user = cinema.call_service("register_user", email=email, password_hash=PASSWORD_HASH, full_name=full_name)
    assert user.pop("opened")
    return user


def test_the_stored_form_of_an_address_is_one(cinema: CinemaFixture) -> None:
    stored = sorted({stored for _, stored in EMAILS.accepted})
    for email in stored:
        assert register(cinema, email)["email"] == email
    assert [row["email"] for row in cinema.rows('select email from public.users order by email collate "C"')] == stored


def test_whatever_is_typed_for_a_local_part_leads_to_the_stored_form(cinema: CinemaFixture) -> None:
    """A domain in letters of its own is Flask's to encode; SQL takes it for none."""
    for typed, stored in EMAILS.accepted:
        if typed.rpartition("@")[2].isascii():
            assert cinema.value("select private.normalize_email(%s)", [typed]) == stored
        else:
            with pytest.raises(Refused, match="PT422 invalid_email"):
                register(cinema, typed)


def test_what_is_no_address_is_refused(cinema: CinemaFixture) -> None:
    for email in [*EMAILS.refused, None]:
        with pytest.raises(Refused, match="PT422 invalid_email"):
            register(cinema, email)
    assert cinema.rows("select from public.users") == []


def test_no_way_but_register_stores_a_bad_address_either(cinema: CinemaFixture) -> None:
    for email in (
        "a@victim.example>,<b\uff20other.example",
        "ada@straße.example",
        "zoe\u0308@example.com",
        "A@b.example",
    ):
        with pytest.raises(psycopg.errors.CheckViolation, match="email_is"):
            cinema.owner.execute("insert into public.users (email, full_name) values (%s, 'Ada')", [email])


def test_an_address_composed_and_decomposed_is_one_address(cinema: CinemaFixture) -> None:
    user = register(cinema, "zo\u00eb@example.com")
    assert register(cinema, "zoe\u0308@example.com")["email"] == user["email"]
    cinema.owner.execute("update public.users set email_verified_at = private.now() where id = %s", [user["id"]])
    signing_in = cinema.call_service("begin_sign_in", email=" ZOE\u0308@example.com", address="192.0.2.1")
    assert signing_in["accounts"][0]["user"] == {**user, "email_verified": True}
    with pytest.raises(psycopg.errors.UniqueViolation, match="an_address_has_one_owner"):
        cinema.owner.execute("update public.users set email_verified_at = private.now() where true")


def test_an_account_without_a_password_is_signed_in_to_like_an_unknown_one(cinema: CinemaFixture) -> None:
    register(cinema)
    cinema.owner.execute("delete from private.credentials where true")
    answer = cinema.call_service("begin_sign_in", email="ada@example.com", address="192.0.2.1")
    assert answer == {"status": "known", "accounts": []}


@pytest.mark.parametrize(("typed", "stored"), NAMES.accepted)
def test_names_of_all_scripts_are_stored_in_one_form(cinema: CinemaFixture, typed: str, stored: str) -> None:
    assert register(cinema, full_name=typed)["full_name"] == stored
    ada = cinema.customer("Ada")
    for again in (typed, stored, typed + " " * 1_000_000):
        assert ada.call("rename_me", full_name=again)["full_name"] == stored


def test_what_is_no_name_is_refused(cinema: CinemaFixture) -> None:
    ada = cinema.customer("Ada")
    for full_name in [*NAMES.refused, None, " " * 900_000, "x" * 900_000]:
        with pytest.raises(Refused, match="PT422 invalid_name"):
            register(cinema, full_name=full_name)
        with pytest.raises(Refused, match="PT422 invalid_name"):
            ada.call("rename_me", full_name=full_name)
    assert cinema.rows("select full_name from public.users") == [{"full_name": "Ada"}]


MARKS = "a" + "\u0301\u0316" * 200_000
"""Marks that normalize() would sort for minutes, in quadratic time and deaf to every timeout."""


def hurried(cinema: CinemaFixture, role: str, user_id: object = None) -> Caller:
    """A caller whose statements may take a second, as those of people may."""
    caller = cinema.caller(role, str(user_id) if user_id else None)
    caller.begin()
    caller.connection.execute("set local statement_timeout = '1s'")
    return caller


def test_a_name_of_very_many_marks_is_refused_before_it_is_normalized(cinema: CinemaFixture) -> None:
    ada = cinema.customer("Ada")
    for caller, function, arguments in (
        (hurried(cinema, "authenticated", ada.user_id), "rename_me", {}),
        (
            hurried(cinema, "service_role"),
            "register_user",
            {"email": "eve@example.com", "password_hash": PASSWORD_HASH},
        ),
    ):
        with pytest.raises(Refused, match="PT422 invalid_name"):
            caller.call_in_transaction(function, full_name=MARKS, **arguments)
        caller.rollback()


def test_an_address_of_very_many_marks_is_refused_before_it_is_normalized(cinema: CinemaFixture) -> None:
    service = hurried(cinema, "service_role")
    answer = service.call_in_transaction("begin_sign_in", email=MARKS + "@example.com", address="192.0.2.1")
    assert answer == {"status": "known", "accounts": []}
    with pytest.raises(Refused, match="PT422 invalid_email"):
        service.call_in_transaction(
            "register_user", email=MARKS + "@example.com", password_hash=PASSWORD_HASH, full_name="Eve"
        )
    service.rollback()


def test_a_column_does_not_normalize_very_many_marks_either(cinema: CinemaFixture) -> None:
    cinema.owner.execute("set statement_timeout = '1s'")
    with pytest.raises(psycopg.errors.CheckViolation, match="email_is_valid"):
        cinema.owner.execute("insert into public.users (email, full_name) values (%s, 'Eve')", [MARKS + "@example.com"])


@pytest.mark.parametrize("character", ["\uac01", "\u1f82", "\u0958", "\U0001d15e", "\U00020000"])
def test_no_valid_name_is_too_long_before_it_is_composed(cinema: CinemaFixture, character: str) -> None:
    name = unicodedata.normalize("NFD", character * 100)
    assert cinema.value("select private.normalize_name(%s)", [name]) == unicodedata.normalize("NFC", name)


def test_an_account_with_an_address_of_before_cannot_be_renamed(cinema: CinemaFixture) -> None:
    """The checks stand, but rows from before them are left as they were."""
    ada = cinema.customer("Ada")
    checks = {
        "email_is_valid": "private.is_email(email)",
        "email_is_normalized": "email = private.normalize_email(email)",
    }
    for name in checks:
        cinema.owner.execute(f"alter table public.users drop constraint {name}")
    cinema.owner.execute("update public.users set email = 'ada@stra\u00dfe.example' where id = %s", [ada.user_id])
    for name, check in checks.items():
        cinema.owner.execute(f"alter table public.users add constraint {name} check ({check}) not valid")
    for full_name in ("Ada", "Ada King"):
        with pytest.raises(Refused, match="PT422 invalid_email") as refused:
            ada.call("rename_me", full_name=full_name)
        assert refused.value.details == {}, "no row of the table"
    with pytest.raises(Refused, match="PT422 invalid_name"):
        ada.call("rename_me", full_name="")
    cinema.owner.execute("update public.users set email = 'ada@xn--strae-oqa.example' where id = %s", [ada.user_id])
    assert ada.call("rename_me", full_name="Ada King")["full_name"] == "Ada King"
