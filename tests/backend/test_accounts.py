"""Forgotten passwords, proofs and changes of an address as seen on the wire."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from backend.errors import ApiError
from backend.passwords import Passwords
from backend.settings import Settings
from backend.tokens import Person, Tokens
from tests.backend.ports import USER, FakeDataApi

PASSWORD, ANOTHER = "correct horse battery", "staple battery horse"
SESSION_ID = "0b1a4d6c-2f7e-4b0e-8f19-0a3d5b7c9e21"


@pytest.fixture
def known(data_api: FakeDataApi, passwords: Passwords) -> FakeDataApi:
    """A database that knows Ada and takes every link."""
    data_api.answers |= {
        "begin_password_check": {"status": "known", "password_hash": passwords.hash(PASSWORD)},
        "request_password_reset": {"status": "sent"},
        "request_email_change": {"status": "sent"},
        "begin_password_reset": {"status": "good"},
        "begin_proof": {"status": "known", "password_hash": passwords.hash(PASSWORD)},
        "reset_password": {"email": USER["email"]},
        "prove_email": {"email": USER["email"], "purpose": "verify_email"},
        "change_password": None,
    }
    return data_api


@pytest.fixture
def signed_in(settings: Settings) -> dict[str, str]:
    """The headers of Ada's requests."""
    person = Person(UUID(USER["id"]), USER["email"], SESSION_ID, "customer")
    return {"Authorization": f"Bearer {Tokens.of(settings).access_token(person)}"}


def test_a_forgotten_password_is_answered_202_and_no_more(client: FlaskClient, known: FakeDataApi) -> None:
    answer = client.post("/api/auth/forgot", json={"email": " Ada@Example.com "})
    assert (answer.status_code, answer.json, answer.headers.getlist("Set-Cookie")) == (202, {}, [])
    (asked,) = known.arguments("request_password_reset")
    assert asked == {"email": "ada@example.com", "address": "127.0.0.1"}


@pytest.mark.parametrize("email", ["", "no address", "a@b", "ada@example.com, eve@example.com"])
def test_what_is_no_address_is_never_looked_up(client: FlaskClient, known: FakeDataApi, email: str) -> None:
    answer = client.post("/api/auth/forgot", json={"email": email})
    assert (answer.status_code, answer.json and answer.json["message"]) == (422, "invalid_email")
    assert known.calls == []


def test_too_many_links_are_answered_429_with_the_wait(client: FlaskClient, known: FakeDataApi) -> None:
    known.answers["request_password_reset"] = {"status": "limited", "retry_after": 7}
    answer = client.post("/api/auth/forgot", json={"email": "ada@example.com"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_a_reset_hands_over_only_hashes(client: FlaskClient, known: FakeDataApi, passwords: Passwords) -> None:
    answer = client.post("/api/auth/reset", json={"token": "a-token", "password": ANOTHER})
    assert (answer.status_code, answer.json) == (200, {"email": USER["email"]})
    (asked,) = known.arguments("reset_password")
    assert asked["token_hash"] == sha256(b"a-token").hexdigest()
    assert passwords.matches(ANOTHER, asked["password_hash"])


def test_a_weak_password_uses_up_no_link(client: FlaskClient, known: FakeDataApi) -> None:
    answer = client.post("/api/auth/reset", json={"token": "a-token", "password": "1234567890"})
    assert (answer.status_code, answer.json and answer.json["message"]) == (422, "weak_password")
    assert not known.arguments("reset_password")


def test_no_password_is_hashed_for_a_link_that_resets_none(
    client: FlaskClient, known: FakeDataApi, passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hash is what costs, and strangers can send any number of links."""
    hashed: list[str] = []
    monkeypatch.setattr(passwords, "hash", hashed.append)
    body = {"token": "a-token", "password": ANOTHER}
    for attempt, status in (({"status": "expired"}, 410), ({"status": "limited", "retry_after": 7}, 429)):
        known.answers["begin_password_reset"] = attempt
        assert client.post("/api/auth/reset", json=body).status_code == status
    assert hashed == []


def test_an_address_is_proved_by_who_has_a_session_of_the_account_or_its_password(
    client: FlaskClient, known: FakeDataApi, signed_in: dict[str, str], passwords: Passwords
) -> None:
    assert client.post("/api/auth/verify", json={"token": "t"}, headers=signed_in).status_code == 200
    assert client.post("/api/auth/verify", json={"token": "t", "password": PASSWORD}).status_code == 200
    wrong = client.post("/api/auth/verify", json={"token": "t", "password": ANOTHER})
    assert (wrong.status_code, wrong.json and wrong.json["message"]) == (401, "invalid_credentials")
    by_session, by_password = known.arguments("prove_email")
    assert (by_session["session_id"], by_session["password_hash"]) == (SESSION_ID, None)
    assert by_password["session_id"] is None
    assert passwords.matches(PASSWORD, by_password["password_hash"])


@pytest.mark.parametrize(
    ("path", "function", "body"),
    [
        ("reset", "reset_password", {"token": "t", "password": ANOTHER}),
        ("verify", "prove_email", {"token": "t"}),
    ],
)
def test_a_link_that_has_ended_is_answered_410(
    client: FlaskClient, known: FakeDataApi, path: str, function: str, body: dict[str, str]
) -> None:
    known.answers[function] = ApiError("link_expired")
    answer = client.post(f"/api/auth/{path}", json=body)
    assert (answer.status_code, answer.json and answer.json["message"]) == (410, "link_expired")


def test_a_password_is_changed_by_who_gives_it(
    client: FlaskClient, known: FakeDataApi, signed_in: dict[str, str], passwords: Passwords
) -> None:
    body = {"current_password": PASSWORD, "new_password": ANOTHER}
    assert client.post("/api/auth/change-password", json=body, headers=signed_in).status_code == 204
    (asked,) = known.arguments("change_password")
    assert (asked["user_id"], asked["session_id"]) == (USER["id"], SESSION_ID)
    assert passwords.matches(PASSWORD, asked["password_hash"])
    assert passwords.matches(ANOTHER, asked["new_password_hash"])


CHANGES: dict[str, dict[str, Any]] = {
    "change-password": {"current_password": "not my password", "new_password": ANOTHER},
    "change-email": {"password": "not my password", "email": "ada@new.example"},
}


@pytest.mark.parametrize("path", CHANGES)
def test_nothing_changes_without_the_password(
    client: FlaskClient, known: FakeDataApi, signed_in: dict[str, str], path: str
) -> None:
    answer = client.post(f"/api/auth/{path}", json=CHANGES[path], headers=signed_in)
    assert (answer.status_code, answer.json and answer.json["message"]) == (401, "invalid_credentials")
    assert known.calls == [("begin_password_check", {"user_id": USER["id"], "address": "127.0.0.1"})]


@pytest.mark.parametrize("path", CHANGES)
def test_a_guest_has_no_password_to_prove_and_costs_the_same_work(
    client: FlaskClient,
    known: FakeDataApi,
    signed_in: dict[str, str],
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known.answers["begin_password_check"] = {"status": "unknown"}
    compared: list[str | None] = []
    monkeypatch.setattr(Passwords, "matches", lambda _self, _password, stored: compared.append(stored))
    answer = client.post(f"/api/auth/{path}", json=CHANGES[path], headers=signed_in)
    assert (answer.status_code, answer.json and answer.json["message"]) == (401, "invalid_credentials")
    assert compared == [None]


@pytest.mark.parametrize("path", CHANGES)
def test_guesses_at_a_signed_in_persons_password_are_limited(
    client: FlaskClient, known: FakeDataApi, signed_in: dict[str, str], path: str
) -> None:
    known.answers["begin_password_check"] = {"status": "limited", "retry_after": 60.5}
    answer = client.post(f"/api/auth/{path}", json=CHANGES[path], headers=signed_in)
    assert (answer.status_code, answer.json and answer.json["message"]) == (429, "too_many_attempts")


@pytest.mark.parametrize("path", CHANGES)
def test_changes_are_for_people_who_are_signed_in(client: FlaskClient, known: FakeDataApi, path: str) -> None:
    answer = client.post(f"/api/auth/{path}", json=CHANGES[path])
    assert (answer.status_code, answer.json and answer.json["message"]) == (401, "sign_in_required")
    assert known.calls == []


@pytest.mark.parametrize("path", ["forgot", "reset", "verify", "change-password", "change-email"])
def test_pages_of_other_sites_are_refused(client: FlaskClient, known: FakeDataApi, path: str) -> None:
    answer = client.post(f"/api/auth/{path}", json={}, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.json and answer.json["message"]) == (400, "invalid_request")
    assert known.calls == []
