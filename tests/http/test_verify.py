"""`python -m backend verify` and its neighbours, as an operator runs them: against the real parts."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout

import pytest
import requests

from backend.__main__ import main
from dev.services import backend_environment
from tests.http.frontrow import Customer, Frontrow, eventually

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def backend(frontrow: Frontrow) -> Command:
    """Runs a command in the environment of the backend; in this process, since to import the backend takes a second."""
    stack = frontrow.stack

    environment = backend_environment(stack.config, stack.keys)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as errors:
            status = main(arguments, environment)
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), errors.getvalue())

    return run


@pytest.fixture
def no_webhooks(frontrow: Frontrow) -> Iterator[None]:
    frontrow.faults({"webhooks": [{"kind": "drop", "probability": 1}]})
    yield
    frontrow.faults(None)


def bought(frontrow: Frontrow, customer: Customer) -> tuple[dict[str, object], dict[str, str]]:
    """A confirmed booking and its intent."""
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.pay(intent)
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    return booking, intent


def forge_total(frontrow: Frontrow, booking: dict[str, object], by: int) -> None:
    """Change the total of a booking, which the database refuses as long as its triggers are on."""
    with frontrow.cinema.owner.transaction():
        frontrow.cinema.owner.execute("alter table public.bookings disable trigger booked_totals_stay")
        frontrow.cinema.owner.execute(
            "update public.bookings set total = total + %s where id = %s", [by, booking["id"]]
        )
        frontrow.cinema.owner.execute("alter table public.bookings enable trigger booked_totals_stay")


def verified(backend: Command, about: str) -> tuple[list[str], list[str]]:
    """The violations that name something, and all lines. Other tests forge events for the same database, so what they
    left is neither counted nor expected; the last line and the status agree with the whole all the same."""
    run = backend("verify", "--second-look", "0.1")
    lines = run.stdout.splitlines()
    violations = [line for line in lines if line.startswith("VIOLATION ")]
    last = f"violations: {len(violations)}" if violations else "all hold"
    assert (run.returncode, lines[-1], run.stderr) == (1 if violations else 0, last, "")
    return [line for line in violations if about in line], lines


def test_verify_finds_no_violation(frontrow: Frontrow, customer: Customer, backend: Command) -> None:
    booking, _ = bought(frontrow, customer)
    customer.rpc("cancel_booking", booking_id=booking["id"])
    eventually(lambda: customer.booking(booking)["status"] == "refunded")
    found, _ = verified(backend, about=str(booking["id"]))
    assert found == []


def test_verify_finds_a_payment_without_webhooks(
    frontrow: Frontrow, customer: Customer, backend: Command, no_webhooks: None
) -> None:
    """Reconciliation of this stack runs once a day, so nothing corrects it before the second look."""
    del no_webhooks
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.pay(intent)
    found, _ = verified(backend, about=str(booking["id"]))
    assert found == [f"VIOLATION {intent['payment_intent_id']} is paid at Stripe and not here, booking {booking['id']}"]

    paid = frontrow.stripe.v1.payment_intents.retrieve(intent["payment_intent_id"]).to_dict()
    assert frontrow.deliver(frontrow.event("payment_intent.succeeded", paid)).status_code == 200
    found, _ = verified(backend, about=str(booking["id"]))
    assert found == []


def test_a_violated_invariant_is_named(frontrow: Frontrow, customer: Customer, backend: Command) -> None:
    booking, _ = bought(frontrow, customer)
    forge_total(frontrow, booking, +1)
    try:
        found, _ = verified(backend, about=str(booking["id"]))
    finally:
        forge_total(frontrow, booking, -1)
    assert f"VIOLATION I5 a total is not the sum of its lines: booking_id {booking['id']}" in found


def test_manual_verification_raises_and_clears_the_alert(
    frontrow: Frontrow, customer: Customer, backend: Command
) -> None:
    """A verification by hand after a repair counts at once, before the worker's next day."""
    booking, _ = bought(frontrow, customer)

    def found(*options: str) -> int:
        run = backend("verify", "--second-look", "0.1", *options)
        return sum(line.startswith("VIOLATION ") for line in run.stdout.splitlines())

    def alerting() -> float:
        text = requests.get(f"{frontrow.api}/metrics", timeout=10).text
        violations = re.search(r"^frontrow_violations (.*)$", text, re.MULTILINE)
        assert violations is not None
        return float(violations[1])

    well = found()
    forge_total(frontrow, booking, +1)
    try:
        assert found() > well
        eventually(lambda: alerting() > well)
    finally:
        forge_total(frontrow, booking, -1)
    noted = frontrow.cinema.value("select violations from private.verifications")
    found("--days", "2")  # looks less far than the daily one, and is not noted
    assert frontrow.cinema.value("select violations from private.verifications") == noted
    assert found() == well
    eventually(lambda: alerting() == well)


def test_a_refund_that_stripe_refuses_is_visible(frontrow: Frontrow, customer: Customer, backend: Command) -> None:
    """By a query, a metric and a line of verify; and it is tried again."""
    booking = customer.book()
    intent = customer.intent(booking)
    frontrow.pay(intent, "pm_card_createDispute")
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    eventually(lambda: frontrow.cinema.rows("select * from public.disputes where booking_id = %s", [booking["id"]]))
    assert [dispute["status"] for dispute in customer.booking(booking)["disputes"]] == ["needs_response"]
    customer.rpc("cancel_booking", booking_id=booking["id"])
    (refund,) = eventually(
        lambda: frontrow.cinema.rows(
            "select * from public.refunds where booking_id = %s and status = 'failed'", [booking["id"]]
        )
    )
    assert refund["failure_reason"] == "charge_disputed"
    again = frontrow.outbox(booking, "refund")[-1]
    assert (again["state"], again["key"]) == ("queued", f"refund:{refund['id']}:2")

    found, lines = verified(backend, about=str(booking["id"]))
    assert found == []
    assert any(re.fullmatch(r"note: \d+ refunds? (is|are) failed: Stripe refused, .*", line) for line in lines)
    assert any(f"of booking {booking['reference']} is needs_response" in line for line in lines)

    def failed_refunds() -> float:
        metrics = requests.get(f"{frontrow.api}/metrics", timeout=10).text
        failed = re.search(r'^frontrow_refunds_unfinished\{status="failed"\} (.*)$', metrics, re.MULTILINE)
        assert failed is not None
        return float(failed[1])

    eventually(lambda: failed_refunds() >= 1)


def test_failed_emails_are_retried(frontrow: Frontrow, customer: Customer, backend: Command) -> None:
    booking, _ = bought(frontrow, customer)
    eventually(lambda: frontrow.mails(customer.email))
    frontrow.cinema.owner.execute(
        "update private.outbox set state = 'failed' where booking_id = %s and kind = 'mail_confirmation'",
        [booking["id"]],
    )
    figures = json.loads(backend("figures").stdout)
    assert ("mail_confirmation", "failed", 1) in [(row["kind"], row["state"], row["rows"]) for row in figures["outbox"]]
    run = backend("retry-emails", str(frontrow.outbox(booking, "mail_confirmation")[0]["id"]))
    assert (run.returncode, run.stdout) == (0, "1 emails are queued again\n")
    eventually(lambda: len(frontrow.mails(customer.email)) == 2)
    first, second = frontrow.mails(customer.email)
    assert first["Message-ID"] == second["Message-ID"]


def test_the_ticket_once_more(frontrow: Frontrow, customer: Customer) -> None:
    booking, _ = bought(frontrow, customer)
    eventually(lambda: frontrow.mails(customer.email))
    answer = customer.rpc("send_ticket_again", booking_id=booking["id"])
    assert answer == {"sent_to": customer.email, "state": "queued"}
    eventually(lambda: len(frontrow.mails(customer.email)) == 2)
    first, second = frontrow.mails(customer.email)
    assert first["Subject"] == second["Subject"]
    assert first["Message-ID"] != second["Message-ID"]


def test_commands_name_missing_variables() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "backend", "verify"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert "SUPABASE_URL is missing." in run.stderr


def test_verify_fails_when_the_database_is_unreachable(frontrow: Frontrow) -> None:
    stack = frontrow.stack
    environment = {**backend_environment(stack.config, stack.keys), "SUPABASE_URL": "http://127.0.0.1:9"}
    run = subprocess.run(
        [sys.executable, "-m", "backend", "verify"],
        env={**os.environ, **environment},
        cwd=stack.config.root,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stdout) == (3, "")
    assert "Not all parts answer" in run.stderr
