"""Accounts and sign-ins over HTTP, and what the Data API makes of our tokens."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
import postgrest
import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.http.frontrow import PASSWORD, Customer, Frontrow


def code(answer: requests.Response) -> str:
    """The error's code, once the body has the Data API's shape."""
    body = answer.json()
    assert set(body) == {"code", "message", "details", "hint"}
    assert body["code"] == f"PT{answer.status_code}"
    assert body["hint"]
    return body["message"]


def test_register_answers_tokens_and_sets_the_cookie(frontrow: Frontrow) -> None:
    person = frontrow.stranger("Grace.Hopper@Example.com")
    answer = person.post(
        "/api/auth/register", {"email": person.email, "password": PASSWORD, "full_name": "  Grace Hopper "}
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 900
    assert body["user"]["email"] == "grace.hopper@example.com"
    assert body["user"]["full_name"] == "Grace Hopper"
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("frontrow_refresh=", "HttpOnly", "SameSite=Strict", "Path=/api/auth"))
    max_age = int(cookie.partition("Max-Age=")[2].partition(";")[0])
    assert 29 * 86400 < max_age <= 30 * 86400
    stored = frontrow.cinema.value("select count(*) from private.refresh_tokens where token_hash = %s", [person.cookie])
    assert stored == 0, "only a hash of the refresh token is stored"


def test_the_data_api_takes_the_token(customer: Customer) -> None:
    account = customer.rpc("my_account")
    assert (account["id"], account["email"]) == (customer.id, customer.email)


def test_a_published_key_verifies_the_token(frontrow: Frontrow, customer: Customer) -> None:
    jwks = requests.get(f"{frontrow.api}/.well-known/jwks.json", timeout=10).json()
    assert [key for key in jwks["keys"] if "d" in key or "k" in key] == []
    key = jwt.PyJWKSet.from_dict(jwks)[jwt.get_unverified_header(customer.token)["kid"]]
    claims = jwt.decode(customer.token, key, audience="authenticated")
    assert claims["sub"] == customer.id
    assert claims["role"] == "authenticated"
    assert claims["email"] == customer.email
    assert claims["app_metadata"] == {"role": "customer"}
    assert claims["exp"] - claims["iat"] == 900
    assert claims["iss"] == f"{frontrow.stack.config.supabase_url}/auth/v1"
    assert uuid.UUID(claims["session_id"])


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"email": "no address"}, 422, "invalid_email"),
        ({"email": "a@victim.example>,<b\uff20other.example"}, 422, "invalid_email"),
        ({"password": "1234567890"}, 422, "weak_password"),
        ({"full_name": "URGENT: https://evil.example"}, 422, "invalid_name"),
        ({"password": "too short"}, 422, "weak_password"),
        ({"password": "x" * 201}, 422, "weak_password"),
        ({"full_name": " "}, 422, "invalid_name"),
        ({"full_name": "x" * 201}, 422, "invalid_name"),
        ({"full_name": "Ada\r\nBcc: everybody@example.com"}, 422, "invalid_name"),
        ({"full_name": 7}, 400, "invalid_request"),
        ({"full_name": "\ud800"}, 400, "invalid_request"),
        ({"full_name": "nul \0"}, 400, "invalid_request"),
        ({"role": "admin"}, 400, "invalid_request"),
        ({"email": "x" * 500_000 + "@example.com"}, 422, "invalid_email"),
    ],
)
def test_register_refuses(frontrow: Frontrow, change: dict[str, Any], status: int, message: str) -> None:
    body = {"email": "new@example.com", "password": PASSWORD, "full_name": "New"} | change
    answer = frontrow.stranger().post("/api/auth/register", body)
    assert (answer.status_code, code(answer)) == (status, message)


def test_login(frontrow: Frontrow, customer: Customer) -> None:
    again = frontrow.stranger(customer.email)
    answer = again.post("/api/auth/login", {"email": f" {customer.email} ", "password": PASSWORD})
    assert answer.status_code == 200
    assert again.keep(answer)["user"]["id"] == customer.id
    assert again.cookie != customer.cookie


@pytest.mark.parametrize("email", [None, "nobody@example.com", "no address", "x" * 500_000])
def test_wrong_passwords_and_unknown_addresses_are_answered_alike(
    frontrow: Frontrow, customer: Customer, email: str | None
) -> None:
    answer = frontrow.stranger().post(
        "/api/auth/login", {"email": email or customer.email, "password": "wrong " + PASSWORD}
    )
    assert (answer.status_code, code(answer)) == (401, "invalid_credentials")
    assert answer.json()["details"] == "{}"


class FromAddress(HTTPAdapter):
    """Speaks from another of this machine's loopback addresses, which only a real socket can."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=("127.0.0.9", 0))


def elsewhere(frontrow: Frontrow, email: str) -> Customer:
    """A customer at an IP address of its own."""
    person = frontrow.stranger(email)
    person.browser.mount("http://", FromAddress())
    return person


def test_attempts_are_limited(frontrow: Frontrow, customer: Customer) -> None:
    frontrow.prove(customer)
    wrong = {"email": customer.email, "password": "wrong " + PASSWORD}
    right = {"email": customer.email, "password": PASSWORD}
    for _ in range(10):
        assert frontrow.stranger().post("/api/auth/login", wrong).status_code == 401
    answer = frontrow.stranger().post("/api/auth/login", right)
    assert (answer.status_code, code(answer)) == (429, "too_many_attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    # Guesses lock out only those who share the address.
    ada = elsewhere(frontrow, customer.email)
    for _ in range(9):
        assert ada.post("/api/auth/login", wrong).status_code == 401
    assert ada.post("/api/auth/login", right).status_code == 200
    # Her success clears her own mistakes, and none of the guesses.
    assert ada.post("/api/auth/login", wrong).status_code == 401
    assert frontrow.stranger().post("/api/auth/login", right).status_code == 429


def test_right_passwords_are_limited_too(frontrow: Frontrow, customer: Customer) -> None:
    limit = frontrow.cinema.value("select sign_in_attempts_per_address from private.settings")
    frontrow.cinema.owner.execute("update private.settings set sign_in_attempts_per_address = 3")
    try:
        right = {"email": customer.email, "password": PASSWORD}
        answers = [frontrow.stranger().post("/api/auth/login", right) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert elsewhere(frontrow, customer.email).post("/api/auth/login", right).status_code == 200
    finally:
        frontrow.cinema.owner.execute("update private.settings set sign_in_attempts_per_address = %s", [limit])


def test_a_name_is_kept_as_register_would_keep_it(customer: Customer) -> None:
    assert customer.rpc("rename_me", full_name="A" + " " * 900_000)["full_name"] == "A"
    for full_name in (" " * 900_000, "x" * 101, "Ada\nBcc: everybody@example.com"):
        with pytest.raises(postgrest.APIError) as refused:
            customer.rpc("rename_me", full_name=full_name)
        assert (refused.value.code, refused.value.message) == ("PT422", "invalid_name")


def test_a_refresh_rotates_the_token(customer: Customer) -> None:
    before, token = customer.cookie, customer.token
    answer = customer.post("/api/auth/refresh")
    assert answer.status_code == 200
    customer.keep(answer)
    assert customer.cookie != before
    claims = [jwt.decode(each, options={"verify_signature": False}) for each in (token, customer.token)]
    assert claims[0]["session_id"] == claims[1]["session_id"]
    assert customer.post("/api/auth/refresh").status_code == 200


def test_reuse_of_an_old_token_ends_the_family(customer: Customer) -> None:
    old = customer.cookie
    for _ in range(2):  # once might be an answer that was lost
        assert customer.post("/api/auth/refresh").status_code == 200
    thief = requests.post(
        customer._frontrow.api + "/api/auth/refresh", cookies={"frontrow_refresh": old or ""}, timeout=10
    )
    assert (thief.status_code, code(thief)) == (401, "session_ended")
    answer = customer.post("/api/auth/refresh")
    assert (answer.status_code, code(answer)) == (401, "session_ended")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert customer.cookie is None


def test_a_refresh_whose_answer_was_lost_signs_nobody_out(customer: Customer) -> None:
    lost = customer.cookie
    url = customer._frontrow.api + "/api/auth/refresh"
    assert requests.post(url, cookies={"frontrow_refresh": lost or ""}, timeout=10).status_code == 200
    answer = customer.post("/api/auth/refresh")
    assert (customer.cookie == lost, answer.status_code) == (False, 200)
    assert customer.post("/api/auth/refresh").status_code == 200


def test_without_a_cookie_there_is_no_session(frontrow: Frontrow) -> None:
    answer = frontrow.stranger().post("/api/auth/refresh")
    assert (answer.status_code, answer.content) == (204, b"")


def test_logout_ends_this_session_only(frontrow: Frontrow, customer: Customer) -> None:
    elsewhere = frontrow.stranger(customer.email)
    elsewhere.keep(elsewhere.post("/api/auth/login", {"email": customer.email, "password": PASSWORD}))
    token = customer.cookie
    answer = customer.post("/api/auth/logout")
    assert (answer.status_code, answer.content) == (204, b"")
    assert customer.cookie is None
    again = requests.post(frontrow.api + "/api/auth/refresh", cookies={"frontrow_refresh": token or ""}, timeout=10)
    assert code(again) == "session_ended"
    assert elsewhere.post("/api/auth/refresh").status_code == 200


def test_logout_everywhere(frontrow: Frontrow, customer: Customer) -> None:
    elsewhere = frontrow.stranger(customer.email)
    elsewhere.keep(elsewhere.post("/api/auth/login", {"email": customer.email, "password": PASSWORD}))
    assert customer.post("/api/auth/logout", {"everywhere": True}).status_code == 204
    assert code(elsewhere.post("/api/auth/refresh")) == "session_ended"


@pytest.mark.parametrize("path", ["refresh", "logout"])
def test_other_origins_cannot_use_the_cookie(frontrow: Frontrow, customer: Customer, path: str) -> None:
    for origin in ("https://evil.example", "null", frontrow.page + ".evil.example"):
        answer = customer.post(f"/api/auth/{path}", headers={"Origin": origin})
        assert (answer.status_code, code(answer)) == (400, "invalid_request")
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert customer.post("/api/auth/refresh", headers={"Origin": frontrow.page}).status_code == 200


def test_the_page_may_call_with_credentials(frontrow: Frontrow) -> None:
    answer = requests.options(
        frontrow.api + "/api/auth/login",
        headers={"Origin": frontrow.page, "Access-Control-Request-Method": "POST"},
        timeout=10,
    )
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == frontrow.page
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Origin" in answer.headers["Vary"]


def _claims(customer: Customer, **changes: Any) -> dict[str, Any]:
    claims = jwt.decode(customer.token, options={"verify_signature": False}) | changes
    return {name: value for name, value in claims.items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 60},
        {"sub": "not-a-uuid"},
        {"sub": None},
        {"aud": "frontrow-ticket"},
        {"role": "service_role"},
        {"iss": "https://elsewhere.example"},
        {"exp": None},
    ],
)
def test_create_intent_refuses_tokens_that_are_not_for_it(
    frontrow: Frontrow, customer: Customer, changes: dict[str, Any]
) -> None:
    customer.token = frontrow.stack.keys.token(_claims(customer, **changes))
    answer = customer.post("/api/payments/create-intent", {"booking_id": str(uuid.uuid4())})
    assert (answer.status_code, code(answer)) == (401, "sign_in_required")


@pytest.mark.parametrize("kind", ["none", "garbage", "foreign", "shared secret", "alg none"])
def test_create_intent_refuses_what_is_not_signed_by_us(frontrow: Frontrow, customer: Customer, kind: str) -> None:
    claims = _claims(customer)
    customer.token = {
        "none": "",
        "garbage": "a.b.c",
        "foreign": type(frontrow.stack.keys).generate().token(claims),
        # The project's shared secret signs other tokens, none of which is ours.
        "shared secret": jwt.encode(claims, frontrow.stack.keys.jwt_secret, "HS256"),
        "alg none": jwt.encode(claims, None, "none"),
    }[kind]
    answer = customer.post("/api/payments/create-intent", {"booking_id": str(uuid.uuid4())})
    assert (answer.status_code, code(answer)) == (401, "sign_in_required")


def test_the_data_api_refuses_expired_and_foreign_tokens(frontrow: Frontrow, customer: Customer) -> None:
    own = customer.token
    expired = frontrow.stack.keys.token(_claims(customer, exp=int(time.time()) - 3600))
    foreign = type(frontrow.stack.keys).generate().token(_claims(customer))
    for token in (expired, foreign):
        customer.token = token
        with pytest.raises(postgrest.APIError):
            customer.rpc("my_account")
    customer.token = own
    assert customer.rpc("my_account")["id"] == customer.id


def test_unknown_addresses_and_methods_are_refused(frontrow: Frontrow) -> None:
    answer = requests.get(frontrow.api + "/api/nothing", timeout=10)
    assert (answer.status_code, code(answer)) == (404, "not_found")
    answer = requests.get(frontrow.api + "/api/auth/login", timeout=10)
    assert (answer.status_code, code(answer)) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_health(frontrow: Frontrow) -> None:
    assert requests.get(frontrow.api + "/healthz", timeout=10).json() == {"status": "alive"}
    ready = requests.get(frontrow.api + "/readyz", timeout=10)
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    text = requests.get(frontrow.api + "/metrics", timeout=10).text
    assert 'frontrow_http_requests_total{method="GET",route="/healthz",status="200"}' in text
    assert "frontrow_http_request_seconds_bucket" in text
