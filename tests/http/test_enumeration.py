"""Nobody finds out by asking whether an address has an account: neither by an answer nor by what is sent where. How
long answers take is measured by `python -m bench.enumeration`."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
import requests

from tests.http.frontrow import PASSWORD, Customer, Frontrow, Json, eventually

Ask = Callable[[Frontrow, str], requests.Response]


def address() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


def owner_of_an_address(frontrow: Frontrow) -> Customer:
    person = frontrow.register()
    frontrow.prove(person)
    return person


def register(frontrow: Frontrow, email: str) -> requests.Response:
    body = {"email": email, "password": "another one's password", "full_name": "Eve"}
    return frontrow.stranger().post("/api/auth/register", body)


def log_in(frontrow: Frontrow, email: str) -> requests.Response:
    """Register with the address first, as whoever wants to find out can."""
    assert register(frontrow, email).status_code == 201
    return frontrow.stranger().post("/api/auth/login", {"email": email, "password": "another one's password"})


def forget(frontrow: Frontrow, email: str) -> requests.Response:
    return frontrow.stranger().post("/api/auth/forgot", {"email": email})


def change(frontrow: Frontrow, email: str) -> requests.Response:
    return frontrow.register().post("/api/auth/change-email", {"password": PASSWORD, "email": email})


@pytest.mark.parametrize("ask", [register, log_in, forget, change])
def test_answer_is_the_same_for_an_address_that_has_an_owner(frontrow: Frontrow, ask: Ask) -> None:
    known, unknown = owner_of_an_address(frontrow).email, address()
    assert told(ask(frontrow, known), known) == told(ask(frontrow, unknown), unknown)


def told(answer: requests.Response, email: str) -> tuple[int, Json, list[str]]:
    """What an answer tells: all but what is another for everybody."""
    body = answer.json()
    for secret in ("access_token",):
        body.pop(secret, None)
    if "user" in body:
        body["user"].pop("id")
        assert body["user"].pop("email") == email
    return answer.status_code, body, sorted(set(answer.headers) - {"Content-Length"})


@pytest.mark.parametrize(
    ("ask", "known_subject", "unknown_subject"),
    [
        (register, "You already have an account", "Confirm your email address"),
        (forget, "Reset your password", "No account with this email address"),
        (change, "You already have an account", "Confirm your new email address"),
    ],
)
def test_each_address_has_one_email_that_says_what_is(
    frontrow: Frontrow, ask: Ask, known_subject: str, unknown_subject: str
) -> None:
    known, unknown = owner_of_an_address(frontrow).email, address()
    eventually(lambda: frontrow.all_mails(known))
    ask(frontrow, known)
    ask(frontrow, unknown)
    eventually(lambda: len(frontrow.all_mails(known)) == 2 and len(frontrow.all_mails(unknown)) == 1)
    assert frontrow.all_mails(known)[-1]["Subject"] == known_subject
    assert frontrow.all_mails(unknown)[-1]["Subject"] == unknown_subject
