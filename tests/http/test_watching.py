"""Observability: one booking followed through all logs, the metrics of all processes, and no secret anywhere."""

from __future__ import annotations

import json
import os
import re
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from dev.config import ROOT
from tests.http.frontrow import PASSWORD, Customer, Frontrow, Json, eventually


def lines(frontrow: Frontrow, service: str) -> list[Json]:
    """Return what a service has logged; a line that is no JSON fails the test. The last may be half written."""
    written = frontrow.stack.supervisor.log(service).read_text().splitlines(keepends=True)
    return [json.loads(line) for line in written if line.endswith("\n")]


@contextmanager
def answering(frontrow: Frontrow, number: int) -> Iterator[None]:
    """Only this one of gunicorn's two processes answers; the other stands still."""
    gunicorn = frontrow.stack.supervisor.pid("api")
    processes = sorted(map(int, Path(f"/proc/{gunicorn}/task/{gunicorn}/children").read_text().split()))
    assert len(processes) == 2
    other = processes[1 - number]
    os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(other, signal.SIGCONT)


def test_a_booking_is_followed_through_flask_sql_and_worker(frontrow: Frontrow, customer: Customer) -> None:
    booking, asked = customer.book(), f"page-{uuid.uuid4()}"
    answer = customer.post(
        "/api/payments/create-intent", {"booking_id": booking["id"]}, headers={"X-Request-Id": asked}
    )
    assert answer.headers["X-Request-Id"] == asked
    frontrow.pay(answer.json())
    eventually(lambda: frontrow.mails(customer.email))

    def of_booking(service: str) -> list[Json]:
        return [line for line in lines(frontrow, service) if line.get("booking_id") == booking["id"]]

    flask = of_booking("api")
    (began,) = [line for line in flask if line["event"] == "request" and line["route"] == "/api/payments/create-intent"]
    assert began["request_id"] == asked
    (event,) = [line for line in flask if line["event"] == "event" and line["outcome"] == "confirmed"]
    (received,) = [line for line in flask if line["event"] == "request" and line["request_id"] == event["request_id"]]
    assert received["route"] == "/api/payments/webhook"

    changes = frontrow.cinema.rows(
        "select entity, status, request_id from private.booking_log where booking_id = %s order by id", [booking["id"]]
    )
    made = frontrow.cinema.rows(
        "select actor, session_id from private.booking_log"
        " where booking_id = %s and entity = 'booking' and status = 'pending' order by id",
        [booking["id"]],
    )
    claims = jwt.decode(customer.token, options={"verify_signature": False})
    assert (made[0]["actor"], str(made[0]["session_id"])) == (customer.id, claims["session_id"])
    assert ("payment", "open", asked) in [tuple(row.values()) for row in changes]
    assert ("booking", "confirmed", event["request_id"]) in [tuple(row.values()) for row in changes]
    (email,) = frontrow.outbox(booking, "mail_confirmation")
    assert email["request_id"] == event["request_id"]

    (done,) = eventually(lambda: [line for line in of_booking("worker") if line["event"] == "done"])
    assert (done["request_id"], done["key"]) == (event["request_id"], email["key"])


def test_a_cancellation_without_an_id_leads_to_the_worker(frontrow: Frontrow, customer: Customer) -> None:
    """A browser's own call of the Data API: the refund that comes of it is found under the database's id."""
    booking = customer.book()
    frontrow.pay(customer.intent(booking))
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    customer.rpc("cancel_booking", booking_id=booking["id"])
    (cancelled,) = frontrow.cinema.rows(
        "select request_id from private.booking_log"
        " where booking_id = %s and entity = 'booking' and status = 'cancelled'",
        [booking["id"]],
    )

    def done() -> set[str]:
        found = [line for line in lines(frontrow, "worker") if line.get("request_id") == cancelled["request_id"]]
        return {line["key"].split(":")[0] for line in found if line["event"] == "done"}

    eventually(lambda: done() == {"mail", "refund"})
    assert cancelled["request_id"].startswith("db-")


def test_every_line_of_flask_has_an_id(frontrow: Frontrow, customer: Customer) -> None:
    customer.post("/api/auth/refresh")
    written = [line for line in lines(frontrow, "api") if line["logger"].startswith("backend.")]
    assert written
    assert [line for line in written if not re.fullmatch(r"[A-Za-z0-9_-]{8,64}", line.get("request_id", ""))] == []


def test_the_documentation_lists_all_metrics(frontrow: Frontrow, customer: Customer) -> None:
    customer.post("/api/auth/login", {"email": customer.email, "password": "wrong " + PASSWORD})
    frontrow.deliver(frontrow.event("made.up", {}))
    booking = customer.book()
    frontrow.pay(customer.intent(booking))
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    found: dict[str, str] = {}

    def all_there() -> bool:
        text = requests.get(f"{frontrow.api}/metrics", timeout=10).text
        found.update(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
        return {"frontrow_outbox_rows", "frontrow_sweep_seconds_ago"} <= set(found)

    eventually(all_there)
    documented = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    assert set(found) | {"frontrow_violations"} == set(documented)  # which is there when something was verified
    assert {name: kind for name, kind in documented.items() if name in found} == found


def test_a_scrape_of_any_process_counts_all(frontrow: Frontrow) -> None:
    """gunicorn runs two processes here; each scrape adds their files up, so counts never go back."""

    def count() -> float:
        text = requests.get(f"{frontrow.api}/metrics", timeout=10).text
        found = re.search(
            r'^frontrow_http_requests_total\{method="GET",route="/healthz",status="200"\} (.*)$', text, re.MULTILINE
        )
        return float(found[1]) if found else 0.0

    before = count()
    for number in (0, 1):
        with answering(frontrow, number):
            for _ in range(10):
                assert requests.get(f"{frontrow.api}/healthz", timeout=10).ok
            assert count() == before + 10 * (number + 1)
    with answering(frontrow, 0):
        assert count() == before + 20


def test_the_data_api_answers_retry_after(frontrow: Frontrow, customer: Customer) -> None:
    cinema, stack = frontrow.cinema, frontrow.stack
    cinema.owner.execute("update private.settings set seats_chosen_per_minute = 1 where true")
    try:
        answer = requests.post(
            f"{stack.config.supabase_url}/rest/v1/rpc/lock_seats",
            json={"showtime_id": cinema.showtime_id, "seat_ids": cinema.seats[:2]},
            headers={"apikey": stack.keys.publishable, "Authorization": f"Bearer {customer.token}"},
            timeout=10,
        )
    finally:
        cinema.owner.execute("update private.settings set seats_chosen_per_minute = default where true")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    body: Any = answer.json()
    assert (body["code"], body["message"], json.loads(body["details"])) == (
        "PT429",
        "too_many_attempts",
        {"retry_after": 60},
    )
    assert body["hint"]


_REGISTRATION = ("registrations_per_address", "/api/auth/register", 201)
_PAYMENT = ("payment_starts_per_customer", "/api/payments/create-intent", 200)
_SIGN_IN = ("sign_in_attempts_per_account", "/api/auth/login", 401)


@pytest.mark.parametrize(("limit", "path", "admitted"), [_SIGN_IN, _REGISTRATION, _PAYMENT])
def test_limits_hold_across_processes(
    frontrow: Frontrow, customer: Customer, limit: str, path: str, admitted: int
) -> None:
    """The two processes take turns, and count together."""
    booking = customer.book(1)
    cinema = frontrow.cinema
    cinema.owner.execute("delete from private.rate_limit_hits where true")
    cinema.owner.execute(f"update private.settings set {limit} = 5 where true".encode())

    def body() -> Json:
        match path:
            case "/api/auth/login":
                return {"email": customer.email, "password": "wrong " + PASSWORD}
            case "/api/auth/register":
                return {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD, "full_name": "Ada"}
            case _:
                return {"booking_id": booking["id"]}

    def ask(number: int) -> requests.Response:
        with answering(frontrow, number % 2):
            headers = {"Authorization": f"Bearer {customer.token}"}
            return requests.post(frontrow.api + path, json=body(), headers=headers, timeout=30)

    try:
        answers = [ask(number) for number in range(8)]
    finally:
        cinema.owner.execute(f"update private.settings set {limit} = default where true".encode())
    assert [answer.status_code for answer in answers] == [admitted] * 5 + [429] * 3
    for answer in answers[5:]:
        assert answer.json()["message"] == "too_many_attempts"
        assert 0 < int(answer.headers["Retry-After"]) <= 900
