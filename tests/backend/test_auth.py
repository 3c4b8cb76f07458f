"""Sign-ins as seen on the wire: cookies, limits, and what is never answered or logged."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import jwt
import pytest
from argon2 import extract_parameters
from flask import Flask
from flask.testing import FlaskClient

from backend import logs
from backend.app import create_app
from backend.database import Database
from backend.errors import ApiError, UnavailableError
from backend.passwords import Passwords
from backend.schema_version import REQUIRED_SCHEMA
from backend.sessions import COOKIE, PLAIN_COOKIE
from backend.settings import Settings
from backend.tokens import Person, Tokens
from dev.keys import Keys
from tests.backend.ports import GUEST, USER, FakeDataApi, FakeStripe, Json

PASSWORD = "correct horse battery"
LOGIN = {"email": USER["email"], "password": PASSWORD}
SESSION = "0b1a4d6c-2f7e-4b0e-8f19-0a3d5b7c9e21"


def session(user: Json = USER) -> Json:
    """Return an answer of open_session, open_guest_session and rotate_session."""
    expires_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    session = {"session_id": SESSION, "expires_at": expires_at, "human_until": None, "aal": "aal1", "user": user}
    return {"status": "opened" if user["kind"] == "guest" else "rotated", **session}


def known_accounts(*accounts: tuple[Json, str]) -> Json:
    """Return an answer of begin_sign_in."""
    return {
        "status": "known",
        "accounts": [{"user": user, "password_hash": password_hash} for user, password_hash in accounts],
    }


@pytest.fixture
def known(data_api: FakeDataApi, passwords: Passwords) -> FakeDataApi:
    """A database that knows Ada."""
    data_api.answers |= {
        "begin_sign_in": known_accounts((USER, passwords.hash(PASSWORD))),
        "open_session": lambda **_: session(),
        "open_guest_session": lambda **_: session(GUEST),
        "rotate_session": lambda **_: session(),
        "check_registration_limit": {"status": "admitted"},
        "register_user": {**USER, "email_verified": False, "opened": True},
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


@pytest.fixture
def verified(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the hashes that passwords are compared with."""
    verified: list[str] = []
    verify = passwords._hasher.verify

    def counted(stored: str, password: str) -> bool:
        verified.append(stored)
        return verify(stored, password)

    monkeypatch.setattr(type(passwords._hasher), "verify", lambda _self, *arguments: counted(*arguments))
    return verified


SQUATTER: Json = {**USER, "id": "1c5e0b7a-63d2-4f98-9a0c-d4e8f2a6b713", "email_verified": False}


def test_a_wrong_password_costs_the_same_work_whatever_accounts_an_address_has(
    client: FlaskClient, data_api: FakeDataApi, passwords: Passwords, verified: list[str]
) -> None:
    answers = []
    for accounts in ([], [USER], [SQUATTER], [USER, SQUATTER]):
        data_api.answers["begin_sign_in"] = known_accounts(
            *((account, passwords.hash(f"another {PASSWORD}")) for account in accounts)
        )
        verified.clear()
        answers.append(client.post("/api/auth/login", json=LOGIN))
        # Not only as many, but as dear: parameters in the hash decide how much work it is.
        assert [extract_parameters(stored) for stored in verified] == [extract_parameters(passwords.hash(PASSWORD))] * 2
    assert {(answer.status_code, answer.data) for answer in answers} == {(401, answers[0].data)}
    assert not any(answer.headers.getlist("Set-Cookie") for answer in answers)


@pytest.mark.parametrize(
    ("passwords_of", "signed_in"),
    [
        ((PASSWORD, "another"), USER),
        (("another", PASSWORD), SQUATTER),
        ((PASSWORD, PASSWORD), USER),
        ((PASSWORD,), USER),
    ],
)
def test_a_right_password_leads_to_its_account_the_owners_first_after_the_same_work(
    client: FlaskClient,
    known: FakeDataApi,
    passwords: Passwords,
    verified: list[str],
    passwords_of: tuple[str, ...],
    signed_in: Json,
) -> None:
    hashes = [passwords._hasher.hash(password) for password in passwords_of]
    known.answers["begin_sign_in"] = known_accounts(*zip((USER, SQUATTER), hashes, strict=False))
    assert client.post("/api/auth/login", json=LOGIN).status_code == 200
    assert len(verified) == 2
    (opened,) = known.arguments("open_session")
    assert opened["user_id"] == signed_in["id"]
    assert opened["password_hash"] == hashes[[USER, SQUATTER].index(signed_in)]


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


@pytest.mark.parametrize("path", ["guest", "register", "login", "refresh", "logout"])
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
    person = Person(UUID(USER["id"]), USER["email"], SESSION, "customer")
    bearer = Tokens.of(settings).access_token(person)
    secrets = [PASSWORD, USER["email"], "Lovelace", bearer, settings.supabase_key, settings.stripe_secret_key]
    for path, body in (
        ("register", {**LOGIN, "full_name": "Ada Lovelace"}),
        ("login", LOGIN),
        ("refresh", None),
        ("logout", {"everywhere": True}),
        (f"nothing/{PASSWORD}?token={PASSWORD}", LOGIN),
    ):
        answer = client.post(f"/api/auth/{path}", json=body, headers={"Authorization": f"Bearer {bearer}"})
        secrets += [header.split("=")[1].split(";")[0] for header in answer.headers.getlist("Set-Cookie")]
        secrets.append((answer.get_json(silent=True) or {}).get("access_token") or PASSWORD)
    known.answers["register_user"] = ValueError(f"Key (email)=({USER['email']}) {PASSWORD}")
    assert client.post("/api/auth/register", json={**LOGIN, "full_name": "Ada"}).status_code == 500
    known.answers["register_user"] = ApiError("invalid_name")
    assert client.post("/api/auth/register", json={**LOGIN, "full_name": "Ada"}).status_code == 422
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


# Guests --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def guest(settings: Settings) -> dict[str, str]:
    """The headers of a guest's requests."""
    person = Person(UUID(GUEST["id"]), None, SESSION, "customer", is_guest=True)
    return {"Authorization": f"Bearer {Tokens.of(settings).access_token(person)}"}


def test_a_guest_gets_a_session_like_everybody(client: FlaskClient, known: FakeDataApi, settings: Settings) -> None:
    answer = client.post("/api/auth/guest", headers={"User-Agent": "a browser"})
    assert (answer.status_code, answer.get_json()["user"]) == (201, GUEST)
    (opened,) = known.arguments("open_guest_session")
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    assert opened == {
        "token_hash": hashlib.sha256(cookie.value.encode()).hexdigest(),
        "user_agent": "a browser",
        "address": "127.0.0.1",
    }
    claims = jwt.decode(answer.get_json()["access_token"], options={"verify_signature": False})
    assert (claims["is_anonymous"], claims["sub"], claims["session_id"]) == (True, GUEST["id"], SESSION)
    assert Tokens.of(settings).session(answer.get_json()["access_token"]) == (UUID(SESSION), UUID(GUEST["id"]))


def test_too_many_guests_of_an_address_are_answered_429_with_the_wait(
    client: FlaskClient, data_api: FakeDataApi
) -> None:
    data_api.answers["open_guest_session"] = {"status": "limited", "retry_after": 1800}
    answer = client.post("/api/auth/guest")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1800")
    assert answer.get_json()["message"] == "too_many_attempts"
    assert not answer.headers.getlist("Set-Cookie")


def test_the_guest_who_registers_becomes_the_account(
    client: FlaskClient, known: FakeDataApi, guest: dict[str, str]
) -> None:
    assert client.post("/api/auth/register", json={**LOGIN, "full_name": "Ada"}, headers=guest).status_code == 201
    assert [asked["guest_session_id"] for asked in known.arguments("register_user")] == [SESSION]


@pytest.mark.parametrize(("stored", "status"), [(PASSWORD, 201), (f"another {PASSWORD}", 401)])
def test_who_registers_again_after_a_lost_answer_comes_in_with_the_password_that_the_account_has(
    client: FlaskClient, known: FakeDataApi, guest: dict[str, str], passwords: Passwords, stored: str, status: int
) -> None:
    stored_hash = passwords.hash(stored)
    known.answers["register_user"] = {**USER, "email_verified": False, "opened": False}
    known.answers["begin_password_check"] = {"status": "known", "password_hash": stored_hash}
    answer = client.post("/api/auth/register", json={**LOGIN, "full_name": "Ada"}, headers=guest)
    assert answer.status_code == status
    assert [asked["password_hash"] for asked in known.arguments("open_session")] == [stored_hash] * (status == 201)
    assert stored_hash not in answer.get_data(as_text=True)


def test_what_the_guest_who_signs_in_has_becomes_the_accounts(
    client: FlaskClient, known: FakeDataApi, guest: dict[str, str]
) -> None:
    assert client.post("/api/auth/login", json=LOGIN, headers=guest).status_code == 200
    assert [asked["guest_session_id"] for asked in known.arguments("open_session")] == [SESSION]


@pytest.mark.parametrize("path", ["register", "login"])
def test_without_a_guest_nothing_is_taken_over(client: FlaskClient, known: FakeDataApi, path: str) -> None:
    body = {**LOGIN, "full_name": "Ada"} if path == "register" else LOGIN
    assert client.post(f"/api/auth/{path}", json=body).status_code in (200, 201)
    asked = known.arguments("open_session") + known.arguments("register_user")
    assert {each["guest_session_id"] for each in asked} == {None}


@pytest.mark.parametrize("path", ["register", "login"])
@pytest.mark.parametrize("bearer", ["expired", "of somebody else's key", "nonsense"])
def test_an_access_token_that_does_not_count_is_refused_before_anything_is_opened(
    client: FlaskClient, known: FakeDataApi, environment: dict[str, str], settings: Settings, path: str, bearer: str
) -> None:
    """A guest who signed in all the same would lose the seats; the page asks for another token and tries again."""
    person = Person(UUID(GUEST["id"]), None, SESSION, "customer", is_guest=True)
    foreign = Settings.from_environment({**environment, "JWT_SIGNING_KEY": Keys.generate().signing_key})
    token = {
        "expired": Tokens.of(settings, lambda: time.time() - 901).access_token(person),
        "of somebody else's key": Tokens.of(foreign).access_token(person),
        "nonsense": "nonsense",
    }[bearer]
    body = {**LOGIN, "full_name": "Ada"} if path == "register" else LOGIN
    answer = client.post(f"/api/auth/{path}", json=body, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.get_json()["message"]) == (401, "sign_in_required")
    assert not {"register_user", "open_session"} & {function for function, _ in known.calls}
    assert not answer.headers.getlist("Set-Cookie")


def test_registering_is_answered_alike_for_a_known_and_an_unknown_address(app: Flask, known: FakeDataApi) -> None:
    """But for the address that was sent, and for what is new each time."""

    def registered(email: str, **_: object) -> Json:
        return {**USER, "id": str(uuid4()), "email": email, "full_name": "Eve", "email_verified": False}

    known.answers["register_user"] = lambda email, **_: {**registered(email), "opened": True}
    known.answers["open_session"] = lambda user_id, **_: session({**registered(""), "id": user_id})
    answers = []
    for email in (USER["email"], "nobody@example.com"):
        answer = app.test_client().post("/api/auth/register", json={**LOGIN, "email": email, "full_name": "Eve"})
        body = answer.get_json()
        headers = {name: value for name, value in answer.headers.items() if name not in ("Set-Cookie", "X-Request-Id")}
        answers.append(
            (
                answer.status_code,
                {**body, "access_token": "", "user": {**body["user"], "id": ""}},
                {**headers, "Content-Length": ""},
                [function for function, _ in known.calls],
            )
        )
        known.calls.clear()
    assert answers[0] == answers[1]
    assert answers[0][0] == 201
