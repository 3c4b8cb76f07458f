"""The human check: what the provider is asked, which of its answers count, and the claim of an access token."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import jwt
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend import logs
from backend.app import create_app
from backend.database import Database
from backend.errors import ApiError, UnavailableError
from backend.human_check import Siteverify
from backend.passwords import Passwords
from backend.sessions import COOKIE
from backend.settings import Settings, SettingsError
from backend.tokens import Person, TokenError, Tokens
from tests.backend.ports import USER, FakeDataApi, FakeHumanCheck, FakeStripe

TOKEN = "token"
SESSION = UUID("4b1c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11")
KEYS = {"HUMAN_CHECK_SITE_KEY": "site-key", "HUMAN_CHECK_SECRET_KEY": "hidden-check"}
TURNSTILE = {"HUMAN_CHECK": "turnstile", **KEYS}
HCAPTCHA = {"HUMAN_CHECK": "hcaptcha", **KEYS}
OURS = {"success": True, "hostname": "frontrow.example", "challenge_ts": "2026-11-28T06:00:00Z", "error-codes": []}


class Provider:
    """A siteverify endpoint with one answer. Keeps what it was asked."""

    def __init__(self, answer: Any, status: int = 200) -> None:
        self.answer, self.status = answer, status
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        self.asked.append((str(request.url), dict(parse_qsl(request.content.decode()))))
        if isinstance(self.answer, Exception):
            raise self.answer
        return httpx.Response(
            self.status, text=self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        )


def siteverify(environment: dict[str, str], provider: Provider) -> Siteverify:
    return Siteverify(Settings.from_environment(environment), httpx.MockTransport(provider))


# The provider ---------------------------------------------------------------------------------------------------------


def test_turnstile_is_asked_for_the_token(environment: dict[str, str]) -> None:
    provider = Provider(OURS)
    assert siteverify({**environment, **TURNSTILE}, provider).passed("token", "192.0.2.1") is True
    assert provider.asked == [
        (
            "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            {"secret": "hidden-check", "response": "token", "remoteip": "192.0.2.1"},
        )
    ]


def test_hcaptcha_is_asked_for_our_site_key_and_not_for_a_host(environment: dict[str, str]) -> None:
    provider = Provider({"success": True, "hostname": "not-provided"})
    assert siteverify({**environment, **HCAPTCHA}, provider).passed("token", None) is True
    assert provider.asked == [
        (
            "https://api.hcaptcha.com/siteverify",
            {"secret": "hidden-check", "sitekey": "site-key", "response": "token"},
        )
    ]


def test_another_server_may_be_asked(environment: dict[str, str]) -> None:
    provider = Provider(OURS)
    other = {**environment, **TURNSTILE, "HUMAN_CHECK_VERIFY_URL": "http://127.0.0.1:12111/siteverify"}
    siteverify(other, provider).passed("token", None)
    assert provider.asked[0][0] == "http://127.0.0.1:12111/siteverify"


@pytest.mark.parametrize(
    "code", ["timeout-or-duplicate", "invalid-input-response", "already-seen-response", "new-word"]
)
def test_a_refused_token_is_worth_nothing(environment: dict[str, str], code: str) -> None:
    provider = Provider({"success": False, "error-codes": [code]})
    assert siteverify({**environment, **TURNSTILE}, provider).passed("token", None) is False


@pytest.mark.parametrize("host", ["evil.example", "frontrow.example.evil.example", "", None, 7])
def test_a_check_on_another_host_is_worth_nothing(environment: dict[str, str], host: object) -> None:
    provider = Provider({**OURS, "hostname": host})
    assert siteverify({**environment, **TURNSTILE}, provider).passed("token", None) is False


def test_every_origin_of_the_page_counts(environment: dict[str, str]) -> None:
    more = {**environment, **TURNSTILE, "CORS_ORIGINS": "https://tickets.example:8443"}
    assert siteverify(more, Provider({**OURS, "hostname": "tickets.example"})).passed("token", None) is True


NO_ANSWERS = [
    (httpx.ConnectError("no"), 200),
    (httpx.ReadTimeout("no"), 200),
    ("<html>", 200),
    ("", 200),
    ("[]", 200),
    ({}, 200),
    ({"success": "true"}, 200),
    ({"success": 1}, 200),
    (OURS, 503),
    ({"success": False, "error-codes": ["internal-error"]}, 200),
    ({"success": False, "error-codes": ["invalid-input-secret"]}, 200),
    ({"success": False, "error-codes": ["sitekey-secret-mismatch"]}, 200),
]


@pytest.mark.parametrize(("answer", "status"), NO_ANSWERS)
def test_a_provider_that_does_not_answer_lets_nobody_pass(
    environment: dict[str, str], answer: object, status: int
) -> None:
    with pytest.raises(UnavailableError):
        siteverify({**environment, **TURNSTILE}, Provider(answer, status)).passed("token", None)


@pytest.mark.parametrize("said", [None, "bad", [7, None, {"a": 1}], ["hidden token!"]])
def test_odd_error_codes_are_a_refusal_and_not_repeated(environment: dict[str, str], said: object) -> None:
    stream = io.StringIO()
    logs.configure("DEBUG", stream)
    try:
        provider = Provider({"success": False, "error-codes": said})
        assert siteverify({**environment, **TURNSTILE}, provider).passed("hidden", None) is False
    finally:
        logs.configure("INFO")
    assert "hidden" not in stream.getvalue()


# The settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", list(TURNSTILE))
def test_a_half_given_check_is_named(environment: dict[str, str], missing: str) -> None:
    half = {name: value for name, value in TURNSTILE.items() if name != missing}
    with pytest.raises(SettingsError, match=rf"^{missing} is missing\.$"):
        Settings.from_environment({**environment, **half})


def test_an_unknown_provider_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"^HUMAN_CHECK "):
        Settings.from_environment({**environment, **TURNSTILE, "HUMAN_CHECK": "recaptcha"})


def test_it_is_off_by_default(settings: Settings) -> None:
    assert Siteverify.of(settings) is None


# The address ----------------------------------------------------------------------------------------------------------


def session(human_until: datetime | None = None) -> dict[str, Any]:
    return {
        "session_id": str(SESSION),
        "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        "human_until": human_until.isoformat() if human_until else None,
        "aal": "aal1",
        "user": USER,
    }


@pytest.fixture
def half_past() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=30)


@pytest.fixture
def known(data_api: FakeDataApi, half_past: datetime) -> FakeDataApi:
    data_api.answers |= {"begin_human_check": {"status": "admitted"}, "pass_human_check": session(half_past)}
    return data_api


@pytest.fixture
def check() -> FakeHumanCheck:
    return FakeHumanCheck()


@pytest.fixture
def client(settings: Settings, known: FakeDataApi, passwords: Passwords, check: FakeHumanCheck) -> FlaskClient:
    app = create_app(settings, stripe=FakeStripe(), database=Database(known), passwords=passwords, human_check=check)
    return app.test_client()


@pytest.fixture
def send(settings: Settings, client: FlaskClient) -> Callable[..., TestResponse]:
    """Send a token as Ada."""
    access = Tokens.of(settings).access_token(Person(UUID(USER["id"]), USER["email"], str(SESSION), "customer"))

    def post(token: object = TOKEN, client: FlaskClient = client, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {access}"}
        return client.post("/api/auth/human", json={"token": token}, headers=headers, **options)

    return post


def claims(answer: TestResponse) -> dict[str, Any]:
    return jwt.decode(answer.get_json()["access_token"], options={"verify_signature": False})


def message(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["message"]


def test_who_passes_gets_a_token_that_says_so(
    send: Callable[..., TestResponse], known: FakeDataApi, check: FakeHumanCheck, half_past: datetime
) -> None:
    answer = send(environ_overrides={"REMOTE_ADDR": "2001:db8::1"})
    assert answer.status_code == 200
    found = claims(answer)
    assert found["human_until"] == int(half_past.timestamp())
    assert (found["session_id"], found["sub"]) == (str(SESSION), USER["id"])
    assert check.asked == [("token", "2001:db8::1")]
    mine = {"session_id": str(SESSION), "user_id": USER["id"]}
    assert known.arguments("begin_human_check") == [{**mine, "address": "2001:db8::/64"}]
    assert known.arguments("pass_human_check") == [mine]
    assert not answer.headers.getlist("Set-Cookie"), "the refresh token stays as it is"


def test_a_token_is_good_once(send: Callable[..., TestResponse], known: FakeDataApi, check: FakeHumanCheck) -> None:
    assert send().status_code == 200
    assert message(send()) == (422, "human_check_failed")
    assert len(known.arguments("pass_human_check")) == 1
    assert [token for token, _ in check.asked] == ["token", "token"]


def test_a_refused_check_leaves_the_session_as_it_was(
    send: Callable[..., TestResponse], known: FakeDataApi, check: FakeHumanCheck
) -> None:
    check.spent.add("token")
    assert message(send()) == (422, "human_check_failed")
    assert known.arguments("pass_human_check") == []


def test_a_provider_that_is_away_is_503_and_no_pass(
    send: Callable[..., TestResponse], known: FakeDataApi, check: FakeHumanCheck
) -> None:
    check.failure = UnavailableError()
    answer = send()
    assert message(answer) == (503, "human_check_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert known.arguments("pass_human_check") == []


def test_without_a_provider_nobody_passes(
    settings: Settings, send: Callable[..., TestResponse], data_api: FakeDataApi, passwords: Passwords
) -> None:
    off = create_app(settings, stripe=FakeStripe(), database=Database(data_api), passwords=passwords)
    assert message(send(client=off.test_client())) == (503, "human_check_unavailable")
    assert data_api.calls == []


def test_a_limited_customer_costs_no_question(
    send: Callable[..., TestResponse], known: FakeDataApi, check: FakeHumanCheck
) -> None:
    known.answers["begin_human_check"] = {"status": "limited", "retry_after": 321}
    answer = send()
    assert message(answer) == (429, "too_many_attempts")
    assert answer.headers["Retry-After"] == "321"
    assert check.asked == []


def test_an_ended_session_passes_nothing(
    send: Callable[..., TestResponse], known: FakeDataApi, check: FakeHumanCheck
) -> None:
    known.answers["begin_human_check"] = ApiError("session_ended")
    assert message(send()) == (401, "session_ended")
    assert check.asked == []


@pytest.mark.parametrize("token", ["", "x" * 8193, "nul \0", 7, None, ["token"]])
def test_what_is_no_token_is_refused_unasked(
    send: Callable[..., TestResponse], known: FakeDataApi, token: object
) -> None:
    assert message(send(token)) == (400, "invalid_request")
    assert known.calls == []


@pytest.mark.parametrize("authorization", ["", "Basic x", "Bearer", "Bearer a.b.c"])
def test_it_is_for_who_is_signed_in(client: FlaskClient, known: FakeDataApi, authorization: str) -> None:
    answer = client.post("/api/auth/human", json={"token": "t"}, headers={"Authorization": authorization})
    assert message(answer) == (401, "sign_in_required")
    assert known.calls == []


def test_pages_of_other_sites_are_refused(client: FlaskClient, known: FakeDataApi) -> None:
    answer = client.post("/api/auth/human", json={"token": "t"}, headers={"Origin": "https://evil.example"})
    assert message(answer) == (400, "invalid_request")
    assert known.calls == []


# The claim ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ahead", "carried"), [(timedelta(minutes=9), True), (timedelta(seconds=-1), False)])
def test_a_refresh_keeps_the_claim_while_it_counts(
    client: FlaskClient, data_api: FakeDataApi, ahead: timedelta, carried: bool
) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + ahead
    data_api.answers["rotate_session"] = {"status": "rotated", **session(until)}
    client.set_cookie(COOKIE, "token")
    found = claims(client.post("/api/auth/refresh"))
    assert found.get("human_until") == (int(until.timestamp()) if carried else None)


def test_an_ordinary_sign_in_claims_nothing(client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["rotate_session"] = {"status": "rotated", **session()}
    client.set_cookie(COOKIE, "token")
    assert "human_until" not in claims(client.post("/api/auth/refresh"))


def test_a_session_is_read_from_access_tokens_alone(settings: Settings) -> None:
    tokens = Tokens.of(settings)
    person = Person(UUID(USER["id"]), USER["email"], str(SESSION), "customer")
    assert tokens.session(tokens.access_token(person)) == (SESSION, person.id)
    for wrong in ("4b1c", ""):
        with pytest.raises(TokenError):
            tokens.session(tokens.access_token(Person(person.id, person.email, wrong, "customer")))
