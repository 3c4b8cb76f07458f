"""The second factor over the wire: one code opens one session, and the tokens say what was proven."""

from __future__ import annotations

import base64
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tests.http.frontrow import PASSWORD, Customer, Frontrow

AT_ONCE = 50


def code(secret: str, steps: int = 0) -> str:
    """Return what an app shows, or will show so many steps from now."""
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(time.time()) + 30 * steps).decode()  # noqa: S303


def set_up(person: Customer) -> tuple[str, list[str]]:
    """Return the secret and the recovery codes."""
    begun = person.post("/api/auth/second-factor/begin", {"password": PASSWORD})
    assert begun.status_code == 200, begun.text
    secret = begun.json()["secret"]
    confirmed = person.post("/api/auth/second-factor/confirm", {"code": code(secret)})
    assert confirmed.status_code == 200, confirmed.text
    return secret, confirmed.json()["recovery_codes"]


def challenge(frontrow: Frontrow, person: Customer) -> str:
    answer = frontrow.stranger(person.email).post("/api/auth/login", {"email": person.email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return answer.json()["challenge"]


def answer(frontrow: Frontrow, **body: object) -> requests.Response:
    return requests.post(f"{frontrow.api}/api/auth/second-factor", json=body, timeout=30)


def allow_attempts(frontrow: Frontrow, at_once: int, in_a_day: int) -> None:
    frontrow.cinema.owner.execute(
        "update private.settings set second_factor_attempts_per_account = %s, second_factor_attempts_per_day = %s"
        " where true",
        [at_once, in_a_day],
    )


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_password_and_code_open_a_session_and_the_data_api_takes_it(frontrow: Frontrow, customer: Customer) -> None:
    secret, codes = set_up(customer)
    assert customer.rpc("my_second_factor")["recovery_codes_left"] == 10
    other = frontrow.stranger(customer.email)
    given = challenge(frontrow, customer)
    # The next step: the present one has confirmed the factor.
    other.keep(other.post("/api/auth/second-factor", {"challenge": given, "code": code(secret, 1)}))
    assert (claims(other.token)["aal"], claims(other.token)["amr"]) == ("aal2", ["pwd", "otp"])
    other.keep(other.post("/api/auth/refresh"))
    assert claims(other.token)["aal"] == "aal2"
    assert other.rpc("my_account")["email"] == customer.email
    other.keep(other.post("/api/auth/second-factor", {"challenge": given, "recovery_code": codes[0]}))
    assert other.rpc("my_second_factor")["recovery_codes_left"] == 9


def test_a_challenge_is_nobody_to_the_data_api(frontrow: Frontrow, customer: Customer) -> None:
    set_up(customer)
    stack = frontrow.stack
    headers = {"apikey": stack.keys.publishable, "Authorization": f"Bearer {challenge(frontrow, customer)}"}
    refused = requests.get(f"{stack.config.supabase_url}/rest/v1/rpc/my_account", headers=headers, timeout=10)
    assert refused.status_code == 401


def test_one_code_sent_fifty_times_at_once_opens_one_session(frontrow: Frontrow, customer: Customer) -> None:
    secret, _ = set_up(customer)
    allow_attempts(frontrow, 2 * AT_ONCE, 2 * AT_ONCE)
    try:
        given, shown = challenge(frontrow, customer), code(secret, 1)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = list(threads.map(lambda _: answer(frontrow, challenge=given, code=shown), range(AT_ONCE)))
    finally:
        allow_attempts(frontrow, 5, 30)
    outcomes = Counter(each.json().get("message", "signed in") for each in answers if each.status_code != 503)
    assert outcomes.pop("signed in") == 1
    assert set(outcomes) == {"invalid_code"}
    live = "select count(*) from private.sessions where user_id = %s and ended_at is null"
    assert frontrow.cinema.value(live, [customer.id]) == 2, "the one that set it up, and one more"
