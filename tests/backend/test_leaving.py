"""POST /api/auth/delete-account: who may, what is asked, and what the browser keeps; and the operator's command."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend import __main__ as commands
from backend.errors import ApiError
from backend.passwords import Passwords
from backend.settings import Settings
from backend.tokens import Person, Tokens
from tests.backend.ports import USER, FakeDataApi

SESSION = "4b1c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11"
PASSWORD = "correct horse battery"
UNTIL = "2026-12-02T21:50:00+00:00"


@pytest.fixture
def known(passwords: Passwords) -> dict[str, Any]:
    return {"status": "known", "password_hash": passwords.hash(PASSWORD)}


def delete(client: FlaskClient, settings: Settings, **body: object) -> TestResponse:
    person = Person(UUID(USER["id"]), USER["email"], SESSION, "customer")
    token = Tokens.of(settings).access_token(person)
    return client.post("/api/auth/delete-account", json=body, headers={"Authorization": f"Bearer {token}"})


def test_the_right_password_deletes_the_account(
    client: FlaskClient,
    settings: Settings,
    data_api: FakeDataApi,
    known: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    data_api.answers |= {"begin_leaving": known, "delete_my_account": {"status": "deleted"}}
    response = delete(client, settings, password=PASSWORD)
    assert (response.status_code, response.json) == (200, {"status": "deleted", "until": None})
    assert data_api.calls == [
        ("begin_leaving", {"session_id": SESSION, "user_id": USER["id"], "address": "127.0.0.1"}),
        ("delete_my_account", {"user_id": USER["id"]}),
    ]
    (cookie,) = response.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-frontrow_refresh=;")
    assert {"Max-Age=0", "Path=/", "HttpOnly", "SameSite=Strict", "Secure"} <= set(cookie.split("; "))
    # After a restore the log says whom to forget again; it names nobody.
    (line,) = [record for record in caplog.records if record.getMessage() == "account deleted"]
    assert vars(line)["user_id"] == USER["id"]
    assert not any(USER["email"] in str(vars(record)) for record in caplog.records)


def test_what_is_open_is_said(
    client: FlaskClient, settings: Settings, data_api: FakeDataApi, known: dict[str, Any]
) -> None:
    data_api.answers |= {"begin_leaving": known, "delete_my_account": {"status": "scheduled", "until": UNTIL}}
    assert delete(client, settings, password=PASSWORD).json == {"status": "scheduled", "until": UNTIL}


def test_a_guest_has_no_password(client: FlaskClient, settings: Settings, data_api: FakeDataApi) -> None:
    data_api.answers |= {"begin_leaving": {"status": "unknown"}, "delete_my_account": {"status": "deleted"}}
    assert delete(client, settings).status_code == 200


@pytest.mark.parametrize("body", [{}, {"password": None}, {"password": ""}, {"password": "something else"}])
def test_another_password_deletes_nothing(
    client: FlaskClient, settings: Settings, data_api: FakeDataApi, known: dict[str, Any], body: dict[str, Any]
) -> None:
    data_api.answers["begin_leaving"] = known
    response = delete(client, settings, **body)
    assert (response.status_code, response.json and response.json["message"]) == (401, "invalid_credentials")
    assert [name for name, _ in data_api.calls] == ["begin_leaving"]


def test_guesses_are_limited(client: FlaskClient, settings: Settings, data_api: FakeDataApi) -> None:
    data_api.answers["begin_leaving"] = {"status": "limited", "retry_after": 300}
    response = delete(client, settings, password=PASSWORD)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "300")


def test_a_session_that_has_ended_deletes_nothing(
    client: FlaskClient, settings: Settings, data_api: FakeDataApi
) -> None:
    data_api.answers["begin_leaving"] = ApiError("session_ended")
    assert delete(client, settings, password=PASSWORD).status_code == 401


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}])
def test_who_is_not_signed_in_is_asked_to(client: FlaskClient, data_api: FakeDataApi, header: dict[str, str]) -> None:
    response = client.post("/api/auth/delete-account", json={"password": PASSWORD}, headers=header)
    assert (response.status_code, response.json and response.json["message"]) == (401, "sign_in_required")
    assert data_api.calls == []


def test_unknown_fields_are_refused(client: FlaskClient, settings: Settings, data_api: FakeDataApi) -> None:
    assert delete(client, settings, user_id=USER["id"]).status_code == 400
    assert data_api.calls == []


# The operator's command -----------------------------------------------------------------------------------------------


def forget(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, answer: object, who: str = USER["email"]
) -> tuple[int, FakeDataApi]:
    api = FakeDataApi({"forget_user": answer})
    monkeypatch.setattr(commands, "DataApi", lambda *_: api)
    return commands.main(["forget-user", who], environment), api


def test_an_operator_forgets_all_who_have_an_address(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = [
        {"user_id": USER["id"], "status": "deleted"},
        {"user_id": SESSION, "status": "scheduled", "until": UNTIL},
    ]
    status, api = forget(environment, monkeypatch, answer)
    assert (status, api.calls) == (0, [("forget_user", {"who": USER["email"]})])
    assert capsys.readouterr().out.splitlines() == [
        f"{USER['id']} is forgotten",
        f"{SESSION} will be forgotten when all is over, not before {UNTIL}",
    ]


def test_an_operator_learns_that_nobody_has_it(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = forget(environment, monkeypatch, ApiError("unknown_user"))
    assert status == 1
    assert capsys.readouterr().err == "nobody has that address or id\n"
