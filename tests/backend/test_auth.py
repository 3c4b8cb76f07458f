"""Sign-ins as seen on the wire: cookies, limits, and what is never answered or logged."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import extract_parameters
from flask import Flask
from flask.testing import FlaskClient

from backend import logs
from backend.app import create_app
from backend.auth import COOKIE, PLAIN_COOKIE
from backend.database import Database
from backend.errors import ApiError, UnavailableError
from backend.passwords import Passwords
from backend.schema_version import REQUIRED_SCHEMA
from backend.settings import Settings
from tests.backend.ports import USER, FakeDataApi, FakeStripe

PASSWORD = "correct horse battery"
LOGIN = {"email": USER["email"], "password": PASSWORD}


def session() -> dict[str, Any]:
    """Return an answer of open_session and rotate_session."""
    expires_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    return {"status": "rotated", "session_id": "4b1c", "expires_at": expires_at, "human_until": None, "user": USER}


@pytest.fixture
def known(data_api: FakeDataApi, passwords: Passwords) -> FakeDataApi:
    """A database that knows Ada."""
    data_api.answers |= {
        "begin_sign_in": {"status": "known", "user": USER, "password_hash": passwords.hash(PASSWORD)},
        "open_session": lambda **_: session(),
        "rotate_session": lambda **_: session(),
        "check_registration_limit": {"status": "admitted"},
        "register_user": USER,
        "close_session": None,
    }
    return data_api


@pytest.fixture
def lines() -> Iterator[Callable[[], str]]:
    """Return what is logged, at the finest level."""
    stream = io.StringIO()
    logs.configure("DEBUG", stream)
    yield stream.getvalue
    logs.configure("INFO")


def test_the_refresh_cookie_is_http_only_and_strict(client: FlaskClient, known: FakeDataApi) -> None:
    answer = client.post("/api/auth/login", json=LOGIN)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    (header,) = answer.headers.getlist("Set-Cookie")
    name_and_value, *attributes = header.split("; ")
    token = name_and_value.removeprefix("__Host-frontrow_refresh=")
    assert len(token) == 43, "256 bits"
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"} <= set(attributes)
    assert not [part for part in attributes if part.startswith("Domain")]
    (opened,) = known.arguments("open_session")
    assert opened["token_hash"] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("changes", "secure"),
    [
        ({"APP_URL": "http://127.0.0.1:5173"}, False),
        ({"APP_URL": "http://127.0.0.1:5173", "API_URL": "https://api.frontrow.example"}, True),
        ({"APP_URL": "https://frontrow.example", "API_URL": "http://127.0.0.1:5000"}, False),
        ({"APP_URL": "http://127.0.0.1:5173", "COOKIE_SECURE": "1"}, True),
        ({"COOKIE_SECURE": "0"}, False),
    ],
)
def test_when_the_cookie_is_secure(
    environment: dict[str, str], known: FakeDataApi, passwords: Passwords, changes: dict[str, str], secure: bool
) -> None:
    settings = Settings.from_environment({**environment, **changes})
    app = create_app(settings, stripe=FakeStripe(), database=Database(known), passwords=passwords)
    header = app.test_client().post("/api/auth/login", json=LOGIN).headers["Set-Cookie"]
    assert ("Secure" in header) is secure
    assert header.startswith("__Host-") is secure, "browsers take the prefix with Secure alone"
    assert ("Path=/;" in header) is secure


def test_the_cookie_is_secure_on_an_https_request(
    environment: dict[str, str], known: FakeDataApi, passwords: Passwords
) -> None:
    settings = Settings.from_environment({**environment, "APP_URL": "http://page.example", "TRUSTED_PROXIES": "1"})
    app = create_app(settings, stripe=FakeStripe(), database=Database(known), passwords=passwords)
    answer = app.test_client().post("/api/auth/login", json=LOGIN, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "address"),
    [
        ("0", "203.0.113.9", "192.0.2.1", "192.0.2.1"),
        ("1", "203.0.113.9", "192.0.2.1", "203.0.113.9"),
        ("1", "6.6.6.6, 203.0.113.9", "192.0.2.1", "203.0.113.9"),
        ("2", "6.6.6.6, 203.0.113.9, 198.51.100.7", "192.0.2.1", "203.0.113.9"),
        ("1", "garbage", "192.0.2.1", "unknown"),
        ("0", "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("0", "", "::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_attempts_are_counted_by_client_address(
    environment: dict[str, str],
    known: FakeDataApi,
    passwords: Passwords,
    proxies: str,
    forwarded: str,
    remote: str,
    address: str,
) -> None:
    settings = Settings.from_environment({**environment, "TRUSTED_PROXIES": proxies})
    app = create_app(settings, stripe=FakeStripe(), database=Database(known), passwords=passwords)
    app.test_client().post(
        "/api/auth/login",
        json=LOGIN,
        headers={"X-Forwarded-For": forwarded},
        environ_overrides={"REMOTE_ADDR": remote},
    )
    assert known.arguments("begin_sign_in")[0]["address"] == address
    assert known.arguments("open_session")[0]["address"] == address, "what failed there is cleared there"


def test_unknown_accounts_cost_the_same_work(
    settings: Settings, data_api: FakeDataApi, monkeypatch: pytest.MonkeyPatch, passwords: Passwords
) -> None:
    verified: list[str] = []
    verify = passwords._hasher.verify

    def counted(stored: str, password: str) -> bool:
        verified.append(stored)
        return verify(stored, password)

    monkeypatch.setattr(type(passwords._hasher), "verify", lambda _self, *arguments: counted(*arguments))
    known = {"status": "known", "user": USER, "password_hash": passwords.hash("another " + PASSWORD)}
    app = create_app(settings, stripe=FakeStripe(), database=Database(data_api), passwords=passwords)
    answers = []
    for answer in ({"status": "unknown"}, known):
        data_api.answers["begin_sign_in"] = answer
        answers.append(app.test_client().post("/api/auth/login", json=LOGIN))
    assert len(verified) == 2
    # Not only as many, but as dear: parameters in the hash decide how much work it is.
    assert [extract_parameters(stored) for stored in verified] == [extract_parameters(passwords.hash(PASSWORD))] * 2
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].data == answers[1].data
    assert not answers[0].headers.getlist("Set-Cookie")


def test_a_limited_sign_in_answers_retry_after(client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["begin_sign_in"] = {"status": "limited", "retry_after": 900}
    answer = client.post("/api/auth/login", json=LOGIN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "900")
    assert answer.get_json()["message"] == "too_many_attempts"


def test_a_limited_address_opens_no_account_and_costs_no_hash(
    client: FlaskClient, data_api: FakeDataApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_api.answers["check_registration_limit"] = {"status": "limited", "retry_after": 321}
    monkeypatch.setattr(Passwords, "hash", lambda *_: pytest.fail("it was hashed"))
    answer = client.post("/api/auth/register", json={**LOGIN, "full_name": "Ada"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "321")
    assert answer.get_json()["message"] == "too_many_attempts"


def test_refresh_without_a_cookie_is_204(client: FlaskClient) -> None:
    answer = client.post("/api/auth/refresh")
    assert (answer.status_code, answer.data, answer.headers.getlist("Set-Cookie")) == (204, b"", [])


def test_a_refused_refresh_takes_the_cookie_away(client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["rotate_session"] = {"status": "refused"}
    client.set_cookie(COOKIE, "old")
    answer = client.post("/api/auth/refresh")
    assert (answer.status_code, answer.get_json()["message"]) == (401, "session_ended")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert client.get_cookie(COOKIE) is None


@pytest.mark.parametrize("path", ["refresh", "logout"])
def test_two_cookies_of_one_name_are_refused(app: Flask, data_api: FakeDataApi, path: str) -> None:
    """A neighbor of the site can add one, and browsers do not say whose is whose."""
    answer = app.test_client(use_cookies=False).post(
        f"/api/auth/{path}", headers={"Cookie": f"{COOKIE}=mine; {COOKIE}=theirs"}
    )
    assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_request")
    assert data_api.calls == []


def test_a_cookie_without_the_prefix_counts_for_nothing_by_https(app: Flask, data_api: FakeDataApi) -> None:
    """A sister domain may have planted it: whoever took it would buy tickets into the account of an attacker."""
    headers = {"Cookie": f"{PLAIN_COOKIE}=planted"}
    answer = app.test_client(use_cookies=False).post("/api/auth/refresh", headers=headers)
    assert answer.status_code == 204
    assert data_api.calls == []


def test_a_database_that_is_away_ends_no_session(client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["rotate_session"] = UnavailableError()
    client.set_cookie(COOKIE, "token")
    answer = client.post("/api/auth/refresh")
    assert answer.status_code == 503
    assert not answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("path", ["register", "login", "refresh", "logout"])
def test_pages_of_other_sites_are_refused(client: FlaskClient, data_api: FakeDataApi, path: str) -> None:
    answer = client.post(f"/api/auth/{path}", json={}, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_request")
    assert data_api.calls == []


@pytest.mark.parametrize("body", ["[]", '"x"', "{", '{"everywhere": 1}', '{"everything": true}'])
def test_logout_reads_its_body(client: FlaskClient, data_api: FakeDataApi, body: str) -> None:
    answer = client.post("/api/auth/logout", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_request")
    assert data_api.calls == []


def test_no_secret_is_logged(settings: Settings, app: Flask, known: FakeDataApi, lines: Callable[[], str]) -> None:
    client = app.test_client()
    secrets = [PASSWORD, USER["email"], "Lovelace", settings.supabase_key, settings.stripe_secret_key]
    for path, body in (
        ("register", {**LOGIN, "full_name": "Ada Lovelace"}),
        ("login", LOGIN),
        ("refresh", None),
        ("logout", {"everywhere": True}),
        (f"nothing/{PASSWORD}?token={PASSWORD}", LOGIN),
    ):
        answer = client.post(f"/api/auth/{path}", json=body, headers={"Authorization": f"Bearer {PASSWORD}"})
        secrets += [header.split("=")[1].split(";")[0] for header in answer.headers.getlist("Set-Cookie")]
        secrets.append((answer.get_json(silent=True) or {}).get("access_token") or PASSWORD)
    known.answers["register_user"] = ValueError(f"Key (email)=({USER['email']}) {PASSWORD}")
    assert client.post("/api/auth/register", json={**LOGIN, "full_name": "Ada"}).status_code == 500
    known.answers["register_user"] = ApiError("email_taken")
    assert client.post("/api/auth/register", json={**LOGIN, "full_name": "Ada"}).status_code == 409
    written = lines()
    assert written.count('"event": "request"') == 7
    for secret in filter(None, secrets):
        assert secret not in written
    for line in written.splitlines():
        assert json.loads(line)["time"]


def test_an_exception_never_reaches_the_client(client: FlaskClient, known: FakeDataApi) -> None:
    known.answers["begin_sign_in"] = RuntimeError("select secret from private.credentials")
    answer = client.post("/api/auth/login", json=LOGIN)
    assert answer.status_code == 500
    body = answer.get_json()
    assert (body["code"], body["message"], body["details"]) == ("PT500", "internal", "{}")
    assert b"select" not in answer.data
    assert b"Traceback" not in answer.data


def test_request_ids_are_passed_on_or_made(client: FlaskClient) -> None:
    given = client.get("/healthz", headers={"X-Request-Id": "abcDEF-123_45"})
    assert given.headers["X-Request-Id"] == "abcDEF-123_45"
    for bad in ("short", "x" * 65, "with space 1", '{"a": "injected"}'):
        made = client.get("/healthz", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert made != bad
        assert len(made) == 32


def test_cors_is_for_listed_origins(client: FlaskClient) -> None:
    listed = client.get("/healthz", headers={"Origin": "https://frontrow.example"})
    assert listed.headers["Access-Control-Allow-Origin"] == "https://frontrow.example"
    assert listed.headers["Access-Control-Allow-Credentials"] == "true"
    for origin in ("https://evil.example", "null", "https://frontrow.example.evil.example"):
        answer = client.options("/api/auth/login", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_not_found_carries_the_security_headers(client: FlaskClient) -> None:
    headers = client.get("/nothing").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("down", "status", "state"), [("database", 503, "not ready"), ("stripe", 200, "degraded")])
def test_readyz_says_which_part_is_down(
    client: FlaskClient, data_api: FakeDataApi, stripe: FakeStripe, down: str, status: int, state: str
) -> None:
    data_api.answers["schema_version"] = UnavailableError() if down == "database" else REQUIRED_SCHEMA
    stripe.ping_fails = UnavailableError() if down == "stripe" else None
    answer = client.get("/readyz")
    assert answer.status_code == status
    body = answer.get_json()
    assert body.pop("status") == state
    assert [part for part, state in body.items() if state == "does not answer"] == [down]
    assert client.get("/healthz").status_code == 200


def test_an_address_is_stored_and_looked_up_in_one_form(client: FlaskClient, known: FakeDataApi) -> None:
    for typed in ("zoe\u0308@Stra\u00dfe.example", " ZO\u00cb@xn--strae-oqa.example"):
        body = {"email": typed, "password": PASSWORD}
        assert client.post("/api/auth/register", json={**body, "full_name": "Zo\u00eb"}).status_code == 201
        assert client.post("/api/auth/login", json=body).status_code == 200
    for function in ("register_user", "begin_sign_in"):
        assert {call["email"] for call in known.arguments(function)} == {"zo\u00eb@xn--strae-oqa.example"}


def test_what_is_no_address_costs_no_hash_and_no_registration(client: FlaskClient, known: FakeDataApi) -> None:
    body = {"email": "a@victim.example>,<b\uff20other.example", "password": PASSWORD, "full_name": "Ada"}
    answer = client.post("/api/auth/register", json=body)
    assert (answer.status_code, answer.json["message"] if answer.json else None) == (422, "invalid_email")
    assert known.arguments("check_registration_limit") == []


def test_an_account_whose_address_would_be_refused_today_signs_in(client: FlaskClient, known: FakeDataApi) -> None:
    assert client.post("/api/auth/login", json={"email": "a,b@example.com", "password": PASSWORD}).status_code == 200
    assert [call["email"] for call in known.arguments("begin_sign_in")] == ["a,b@example.com"]
