"""What operators see: one booking followed through all logs, the metrics of all processes, and no secret anywhere."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
import requests

from dev.config import ROOT
from tests.http.frontrow import PASSWORD, Customer, Frontrow, Json, eventually


def lines(frontrow: Frontrow, service: str) -> list[Json]:
    """What a service of ours has logged, as far as it is JSON."""
    written = frontrow.stack.supervisor.log(service).read_text(errors="replace").splitlines()
    return [json.loads(line) for line in written if line.startswith("{")]


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

    changes = frontrow.house.rows(
        "select what, status, request_id from private.booking_log where booking_id = %s order by id", [booking["id"]]
    )
    assert ("payment", "open", asked) in [tuple(row.values()) for row in changes]
    assert ("booking", "confirmed", event["request_id"]) in [tuple(row.values()) for row in changes]
    (letter,) = frontrow.outbox(booking, "mail_confirmation")
    assert letter["request_id"] == event["request_id"]

    (done,) = eventually(lambda: [line for line in of_booking("worker") if line["event"] == "done"])
    assert (done["request_id"], done["key"]) == (event["request_id"], letter["key"])


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
    after_a_day = {"frontrow_violations", "frontrow_verified_seconds_ago"}
    assert set(found) | after_a_day == set(documented)
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
    for _ in range(20):
        assert requests.get(f"{frontrow.api}/healthz", timeout=10).ok
    assert [count() for _ in range(6)] == [before + 20] * 6


def test_the_data_api_says_when_to_come_back(frontrow: Frontrow, customer: Customer) -> None:
    house, stack = frontrow.house, frontrow.stack
    house.owner.execute("update private.settings set seats_chosen_per_minute = 1 where true")
    try:
        answer = requests.post(
            f"{stack.config.supabase_url}/rest/v1/rpc/lock_seats",
            json={"showtime_id": house.showtime_id, "seat_ids": house.seats[:2]},
            headers={"apikey": stack.keys.publishable, "Authorization": f"Bearer {customer.token}"},
            timeout=10,
        )
    finally:
        house.owner.execute("update private.settings set seats_chosen_per_minute = default where true")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    body: Any = answer.json()
    assert (body["code"], body["message"], json.loads(body["details"])) == (
        "PT429",
        "too_many_attempts",
        {"retry_after": 60},
    )
    assert body["hint"]


@pytest.mark.parametrize(
    ("limit", "path"),
    [
        ("registrations_per_address", "/api/auth/register"),
        ("payment_starts_per_customer", "/api/payments/create-intent"),
    ],
)
def test_limits_hold_across_processes(frontrow: Frontrow, customer: Customer, limit: str, path: str) -> None:
    booking = customer.book(1)
    frontrow.house.owner.execute("delete from private.attempts where true")
    frontrow.house.owner.execute(f"update private.settings set {limit} = 5 where true".encode())
    person = {"password": PASSWORD, "full_name": "Ada"}
    try:
        answers = [
            # A connection each, so that both processes of gunicorn answer some.
            requests.post(
                frontrow.api + path,
                json={"booking_id": booking["id"]}
                if "payments" in path
                else {**person, "email": f"{uuid.uuid4().hex}@example.com"},
                headers={"Authorization": f"Bearer {customer.token}"},
                timeout=30,
            )
            for _ in range(8)
        ]
    finally:
        frontrow.house.owner.execute(f"update private.settings set {limit} = default where true".encode())
    assert [answer.status_code in (200, 201) for answer in answers] == [True] * 5 + [False] * 3
    for answer in answers[5:]:
        assert (answer.status_code, answer.json()["message"]) == (429, "too_many_attempts")
        assert 0 < int(answer.headers["Retry-After"]) <= 900
