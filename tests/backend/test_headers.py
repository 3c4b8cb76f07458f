"""Headers of every answer, good or bad: security, CORS and caching."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend.app import create_app
from backend.database import Database
from backend.errors import UnavailableError
from backend.openapi import document
from backend.passwords import Passwords
from backend.schema_version import REQUIRED_SCHEMA
from backend.sessions import COOKIE
from backend.settings import Settings
from tests.backend.ports import USER, FakeDataApi, FakeStripe

PAGE = "https://frontrow.example"
ADMIN = "https://admin.frontrow.example"
BOOKING = "0b5c3c1e-3f6b-4a52-9c43-0c4f8f1f7c55"
ROUTES = [(path, method) for path, methods in document()["paths"].items() for method in methods]
JSON = {"Content-Type": "application/json"}
LOGIN = {"email": USER["email"], "password": "correct horse battery"}


@pytest.fixture
def behind_tls(
    environment: dict[str, str], data_api: FakeDataApi, stripe: FakeStripe, passwords: Passwords
) -> FlaskClient:
    """The app behind a proxy that speaks https to the world, with a second origin of ours."""
    listed = {"TRUSTED_PROXIES": "1", "CORS_ORIGINS": f"{PAGE}, {ADMIN}"}
    settings = Settings.from_environment({**environment, **listed})
    data_api.answers |= {
        "operational_metrics": UnavailableError(),
        "compare_refunds": [],
        "open_guest_session": {"status": "limited", "retry_after": 60},
        "schema_version": REQUIRED_SCHEMA,
    }
    return create_app(settings, stripe=stripe, database=Database(data_api), passwords=passwords).test_client()


def protected(answer: TestResponse) -> None:
    """Check the headers that every answer carries."""
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["X-Request-Id"]
    assert "Origin" in headers["Vary"]


@pytest.mark.parametrize(("path", "method"), ROUTES)
@pytest.mark.parametrize("asked_as", ["itself", "preflight", "wrong method", "somebody else's page"])
def test_every_answer_carries_the_security_headers(
    behind_tls: FlaskClient, path: str, method: str, asked_as: str
) -> None:
    headers = {"X-Forwarded-Proto": "https", "Origin": PAGE}
    if asked_as == "preflight":
        headers["Access-Control-Request-Method"] = method
    if asked_as == "somebody else's page":
        headers["Origin"] = "https://evil.example"
    method = {"preflight": "options", "wrong method": "delete"}.get(asked_as, method)
    answer = behind_tls.open(path.replace("{booking_id}", BOOKING), method=method, headers=headers)
    assert answer.status_code < 500
    protected(answer)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    assert allowed == (None if asked_as == "somebody else's page" else PAGE)
    kept = path in ("/.well-known/jwks.json", "/api/openapi.json") and answer.status_code == 200 and method == "get"
    assert answer.headers["Cache-Control"] == ("public, max-age=600" if kept else "no-store")


def test_errors_carry_the_security_headers(behind_tls: FlaskClient, data_api: FakeDataApi) -> None:
    https = {"X-Forwarded-Proto": "https"}
    data_api.answers["begin_sign_in"] = RuntimeError()
    for answer, status in (
        (behind_tls.post("/api/auth/login", json=LOGIN, headers=https), 500),
        (behind_tls.get("/nothing", headers=https), 404),
        (behind_tls.post("/api/auth/login", data=b"x" * 1_000_001, headers={**https, **JSON}), 413),
    ):
        assert answer.status_code == status
        protected(answer)
    data_api.answers["begin_sign_in"] = UnavailableError()
    answer = behind_tls.post("/api/auth/login", json=LOGIN, headers=https)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    protected(answer)


def test_hsts_is_sent_over_https_only(behind_tls: FlaskClient, client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in behind_tls.get("/healthz").headers
    # Nobody vouches for this header: there is no proxy of ours.
    assert "Strict-Transport-Security" not in client.get("/healthz", headers={"X-Forwarded-Proto": "https"}).headers


@pytest.mark.parametrize("origin", [PAGE, ADMIN])
def test_every_listed_origin_may_call(behind_tls: FlaskClient, origin: str) -> None:
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    headers = behind_tls.options("/api/auth/login", headers=asks).headers
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, X-Request-Id"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://frontrow.example",
        "https://frontrow.example:8443",
        "https://frontrow.example.evil.example",
        "https://evilfrontrow.example",
        "https://FRONTROW.example",
        f"{PAGE}, {PAGE}",
        "*",
    ],
)
@pytest.mark.parametrize("path", ["register", "login", "refresh", "logout"])
def test_a_cross_site_request_is_refused_before_the_database(
    behind_tls: FlaskClient, data_api: FakeDataApi, origin: str, path: str
) -> None:
    """SameSite=Strict keeps the cookie from other sites; the origin is looked at for those that a browser counts as the
    same site, and a form cannot send JSON."""
    behind_tls.set_cookie(COOKIE, "stolen ride")
    answer = behind_tls.post(f"/api/auth/{path}", json=LOGIN, headers={"Origin": origin})
    assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_request")
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control") or name == "Set-Cookie"]
    assert data_api.calls == []


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
@pytest.mark.parametrize("path", ["auth/register", "auth/login", "auth/logout"])
def test_a_form_is_not_read(client: FlaskClient, data_api: FakeDataApi, kind: str, path: str) -> None:
    """A page of another site can send this without a preflight."""
    answer = client.post(f"/api/{path}", data=b'{"email": "ada@example.com", "x": "="}', content_type=kind)
    assert (answer.status_code, answer.get_json()["message"]) == (400, "invalid_request")
    assert data_api.calls == []
