"""The worker's duties with ports in memory, and its process with a real SIGTERM."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast, get_args

import pytest

from backend import database as database_module
from backend import worker as worker_module
from backend.answers import EmailContext
from backend.database import Database
from backend.database_types import PrivateOutboxKind
from backend.emails import Emails
from backend.errors import UnavailableError
from backend.reconciliation import Reconciliation
from backend.settings import Settings
from backend.stripe_gateway import (
    Intent,
    Refund,
    ReplayedFailureError,
    StripeRefusedError,
    StripeUnavailableError,
)
from backend.tokens import Tokens
from backend.worker import LEASE_SECONDS, Loop, Outbox, Worker, backoff
from tests.backend.ports import FakeDataApi, FakeMailer, FakeStripe, turns
from tests.backend.test_emails import CONTEXT, REFUND, Read
from tests.emails.examples import ACCOUNT, changed

ROOT = Path(__file__).resolve().parents[2]
ORDER = {**REFUND, "amount": 2400}


def row(kind: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    """A claimed row."""
    return {
        "id": number,
        "attempt": 1,
        "kind": kind,
        "key": f"{kind}:{number}",
        "booking_id": CONTEXT["booking"]["id"],
        "payload": {"payment_intent_id": "pi_1", "from": "2026-12-03T19:00:00+00:00"},
        "email": CONTEXT if kind.startswith("mail") else None,
        "refund": ORDER if "refund" in kind else None,
        **changes,
    }


def intent(status: str, **changes: Any) -> Intent:
    metadata = {"booking_id": CONTEXT["booking"]["id"]}
    return replace(Intent("pi_1", status, 2400, 0, "EUR", "secret", metadata), **changes)


@pytest.fixture
def outbox(data_api: FakeDataApi, stripe: FakeStripe, mailer: FakeMailer, settings: Settings) -> Outbox:
    data_api.answers |= {
        "complete_outbox": True,
        "record_refund": {"outcome": "noted"},
        "settle_refund_attempt": {"outcome": "made"},
        "record_payment_failure": {"outcome": "noted"},
        "confirm_booking": {"outcome": "confirmed"},
    }
    return Outbox(["refund", "mail_refund"], Database(data_api), stripe, mailer, Emails(settings, Tokens.of(settings)))


@pytest.fixture
def reconciliation(outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe) -> Reconciliation:
    data_api.answers |= {
        "claim_payments_to_reconcile": [],
        "claim_refunds_to_reconcile": [],
        "compare_refunds": [],
    }
    return Reconciliation(outbox.database, stripe, 120)


def settled(data_api: FakeDataApi) -> list[str | None]:
    """The errors that rows were settled with."""
    return [arguments["error"] for arguments in data_api.arguments("complete_outbox")]


# The outbox ---------------------------------------------------------------------------------------------------------


def test_an_empty_outbox(outbox: Outbox, data_api: FakeDataApi) -> None:
    data_api.answers["claim_outbox"] = []
    assert outbox.step() is False
    assert data_api.calls == [
        ("claim_outbox", {"max_rows": 1, "lease_seconds": LEASE_SECONDS, "kinds": ["refund", "mail_refund"]})
    ]


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("mail_confirmation", "Your tickets"),
        ("mail_refund", "Your refund"),
        ("mail_refund_failed", "Your bank refused"),
        ("mail_cancellation", "Your booking for"),
        ("mail_showtime_moved", "New time for"),
    ],
)
def test_mail_is_sent_and_settled(
    outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer, kind: str, subject: str
) -> None:
    data_api.answers["claim_outbox"] = [row(kind, 7)]
    assert outbox.step() is True
    (email,) = mailer.sent
    assert email["Subject"].startswith(subject)
    assert data_api.arguments("complete_outbox") == [{"id": 7, "attempt": 1, "error": None}]


def test_a_move_is_mailed_once_with_its_calendar(outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer) -> None:
    data_api.answers["claim_outbox"] = turns([row("mail_showtime_moved", 7)], [])
    assert outbox.step() is True
    assert outbox.step() is False
    (email,) = mailer.sent
    (calendar,) = [part for part in email.walk() if part.get_content_type() == "text/calendar"]
    assert "SEQUENCE:4" in calendar.get_content()
    assert "Thursday, December 3, 2026, 8:00 PM" in email.as_string()


def of_a(kind: str) -> EmailContext:
    """What an email says of a booking of somebody of that kind."""
    return changed(customer={"kind": kind})


@pytest.mark.parametrize("kind", ["mail_confirmation", "mail_showtime_moved"])
def test_an_email_to_a_guest_leads_to_the_booking_by_a_key_of_its_own(
    outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer, kind: str
) -> None:
    """Also when it is sent again: the database knows no key that could be sent once more."""
    data_api.answers["add_ticket_link"] = True
    data_api.answers["claim_outbox"] = turns(*([row(kind, number, email=of_a("guest"))] for number in (7, 7)))
    assert outbox.step()
    assert outbox.step()
    keys = []
    for email in mailer.sent:
        read = Read.of(email)
        links = set(re.findall(rf"{outbox.emails.settings.app_url}/t/ABCD2345#([\w-]+)", read.text + read.html))
        assert len(links) == 1
        assert "/bookings/" not in read.text + read.html
        keys += links
    assert len(set(keys)) == 2
    assert {len(key) for key in keys} == {43}, "256 bits"
    assert data_api.arguments("add_ticket_link") == [
        {"booking_id": CONTEXT["booking"]["id"], "key_hash": sha256(key.encode()).hexdigest()} for key in keys
    ]


@pytest.mark.parametrize("kind", ["mail_confirmation", "mail_showtime_moved"])
def test_an_email_to_an_account_leads_to_its_page(
    outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer, kind: str
) -> None:
    data_api.answers["claim_outbox"] = [row(kind, email=of_a("registered"))]
    assert outbox.step()
    (email,) = mailer.sent
    read = Read.of(email)
    assert f"{outbox.emails.settings.app_url}/bookings/{CONTEXT['booking']['id']}" in read.text
    assert "/t/" not in read.text + read.html
    assert data_api.arguments("add_ticket_link") == []


def test_no_link_is_sent_that_the_database_has_not_noted(
    outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer
) -> None:
    data_api.answers["add_ticket_link"] = UnavailableError()
    data_api.answers["claim_outbox"] = [row("mail_confirmation", email=of_a("guest"))]
    assert outbox.step()
    assert (mailer.sent, settled(data_api)) == ([], ["UnavailableError"])


ACCOUNT_LINKS = {
    "mail_verify_email": ("verify_email", "verify", 1440),
    "mail_change_email": ("change_email", "verify", 1440),
    "mail_reset_password": ("reset_password", "reset", 30),
}


def about_an_account(kind: str, **account: object) -> dict[str, Any]:
    return row(kind, 7, booking_id=None, email=None, account={**ACCOUNT, **account})


@pytest.mark.parametrize("kind", ACCOUNT_LINKS)
def test_the_database_learns_the_hash_of_what_an_email_about_an_account_carries(
    outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer, kind: str
) -> None:
    purpose, page, minutes = ACCOUNT_LINKS[kind]
    data_api.answers["issue_account_token"] = {"valid_minutes": minutes}
    data_api.answers["claim_outbox"] = [about_an_account(kind)]
    assert outbox.step()
    (email,) = mailer.sent
    (token,) = set(re.findall(rf"{outbox.emails.settings.app_url}/{page}#([\w-]+)", Read.of(email).text))
    assert data_api.arguments("issue_account_token") == [
        {"outbox_id": 7, "purpose": purpose, "token_hash": sha256(token.encode()).hexdigest()}
    ]


@pytest.mark.parametrize(
    ("kind", "account", "leads_to"),
    [
        ("mail_verify_email", {"taken": True}, "sign-in"),
        ("mail_change_email", {"taken": True}, "sign-in"),
        ("mail_reset_password", {"known": False}, None),
    ],
)
def test_an_email_to_who_has_no_such_account_or_another_carries_no_token(
    outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer, kind: str, account: dict[str, bool], leads_to: str | None
) -> None:
    """Only the owner of the mailbox learns which."""
    data_api.answers["claim_outbox"] = [about_an_account(kind, **account)]
    assert outbox.step()
    (email,) = mailer.sent
    links = re.findall(rf"{outbox.emails.settings.app_url}/([\w-]+#?)", Read.of(email).text)
    assert (set(links), settled(data_api)) == ({leads_to} - {None}, [None])


@pytest.mark.parametrize("gone", ["the row", "the account"])
def test_an_email_about_an_account_that_is_gone(
    outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer, gone: str
) -> None:
    data_api.answers["issue_account_token"] = {"valid_minutes": None}
    waiting = about_an_account("mail_verify_email")
    data_api.answers["claim_outbox"] = [{**waiting, "account": None} if gone == "the row" else waiting]
    assert outbox.step()
    assert (mailer.sent, settled(data_api)) == ([], ["the account is gone"])


def test_a_worker_does_every_kind_of_work() -> None:
    assert sorted((*worker_module._MONEY, *worker_module._MAIL)) == sorted(get_args(PrivateOutboxKind))


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionRefusedError("hidden"),
        smtplib.SMTPRecipientsRefused({"ada@example.com": (550, b"hidden")}),
        RuntimeError("hidden"),
    ],
)
def test_a_row_that_fails_is_settled_with_an_error_and_the_next_one_done(
    outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer, failure: Exception
) -> None:
    mailer.failures = [failure]
    data_api.answers["claim_outbox"] = turns([row("mail_confirmation", 1)], [row("mail_confirmation", 2)])
    assert outbox.step()
    assert outbox.step()
    assert settled(data_api) == [type(failure).__name__, None]
    assert len(mailer.sent) == 1


def test_an_email_for_a_booking_that_is_gone(outbox: Outbox, data_api: FakeDataApi) -> None:
    data_api.answers["claim_outbox"] = [row("mail_confirmation", email=None)]
    outbox.step()
    assert settled(data_api) == ["the booking is gone"]


def test_a_refund(outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe) -> None:
    data_api.answers["claim_outbox"] = [row("refund")]
    outbox.step()
    (refund,) = stripe.refunds.values()
    assert (refund.payment_intent_id, refund.amount) == ("pi_1", 2400)
    assert refund.metadata == {"refund_id": ORDER["id"], "attempt": "1"}
    assert stripe.keys == [f"refund:{ORDER['id']}:1"]
    assert data_api.arguments("settle_refund_attempt") == [
        {"refund_id": ORDER["id"], "attempt": 1, "code": None, "refunds": [refund.fact()]}
    ]
    assert settled(data_api) == [None]


def test_a_refund_when_stripe_is_away_is_tried_again_as_it_is(
    outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    stripe.failures = [StripeUnavailableError()]
    data_api.answers["claim_outbox"] = [row("refund")]
    outbox.step()
    assert data_api.arguments("settle_refund_attempt") == []
    assert settled(data_api) == ["StripeUnavailableError"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (StripeRefusedError("charge_already_refunded", "Done."), "charge_already_refunded"),
        (StripeRefusedError("charge_disputed", "Charged back."), "charge_disputed"),
        (ReplayedFailureError(), "idempotency_key_spent"),
    ],
)
def test_where_stripe_makes_no_refund_the_database_is_given_the_facts(
    outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe, failure: Exception, code: str
) -> None:
    """What they mean, sql/payments/refund_attempts.sql decides (tests/sql/test_refund_attempts.py)."""
    stripe.failures = [failure]
    stripe.refunds = {
        "re_ours": Refund("re_ours", "pending", 2400, "pi_1", metadata={"refund_id": ORDER["id"], "attempt": "1"}),
        "re_hand": Refund("re_hand", "failed", 100, "pi_1", "declined"),
        "re_shop": Refund("re_shop", "succeeded", 100, "pi_shop"),
    }
    data_api.answers["claim_outbox"] = [row("refund", refund={**ORDER, "attempt": 2})]
    outbox.step()
    (reported,) = data_api.arguments("settle_refund_attempt")
    assert (reported["refund_id"], reported["attempt"], reported["code"]) == (ORDER["id"], 2, code)
    assert reported["refunds"] == [
        {
            "id": "re_ours",
            "amount": 2400,
            "status": "pending",
            "failure_reason": None,
            "metadata": {"refund_id": ORDER["id"], "attempt": "1"},
        },
        {"id": "re_hand", "amount": 100, "status": "failed", "failure_reason": "declined", "metadata": {}},
    ]
    assert settled(data_api) == [None]


@pytest.mark.parametrize("status", ["pending", "succeeded", "void"])
def test_a_refund_that_is_settled_already_is_not_asked_for(
    outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe, status: str
) -> None:
    data_api.answers["claim_outbox"] = [row("refund", refund={**ORDER, "status": status})]
    outbox.step()
    assert stripe.keys == []
    assert settled(data_api) == [None]


def test_an_intent_is_cancelled(outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe) -> None:
    stripe.put(intent("requires_payment_method"))
    data_api.answers["claim_outbox"] = [row("cancel_intent")]
    outbox.step()
    assert stripe.intents["pi_1"].status == "canceled"
    (noted,) = data_api.arguments("record_payment_failure")
    assert (noted["payment_intent_id"], noted["canceled"]) == ("pi_1", True)
    assert settled(data_api) == [None]


def test_an_intent_that_was_canceled_already_is_done(outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe) -> None:
    stripe.put(intent("canceled"))
    data_api.answers["claim_outbox"] = [row("cancel_intent")]
    outbox.step()
    assert data_api.arguments("record_payment_failure")[0]["canceled"] is True
    assert settled(data_api) == [None]


def test_an_intent_that_was_paid_meanwhile_is_settled(
    outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    stripe.put(intent("succeeded", amount_received=2400))
    data_api.answers["claim_outbox"] = [row("cancel_intent")]
    outbox.step()
    assert data_api.arguments("confirm_booking") == [
        {
            "event_id": "reconcile:pi_1:succeeded",
            "event_type": "reconcile",
            "payment_intent_id": "pi_1",
            "amount": 2400,
            "currency": "EUR",
            "booking_id": CONTEXT["booking"]["id"],
        }
    ]
    assert settled(data_api) == [None]


def test_an_intent_that_is_processing_is_tried_again(outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe) -> None:
    stripe.put(intent("processing"))
    data_api.answers["claim_outbox"] = [row("cancel_intent")]
    outbox.step()
    assert settled(data_api) == ["the intent is processing and cannot be cancelled now"]


def test_intent_unknown_to_stripe(outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe) -> None:
    stripe.failures = [StripeRefusedError("resource_missing", "No such intent.")]
    data_api.answers["claim_outbox"] = [row("cancel_intent")]
    outbox.step()
    assert data_api.arguments("record_payment_failure") == []  # it may be another account's key that we have
    assert settled(data_api) == ["Stripe does not know the intent; is this its account's key?"]


class Time:
    """A clock that only sleeping and calls move."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_an_email_that_was_sent_is_completed_through_a_blip_of_the_database(
    outbox: Outbox, data_api: FakeDataApi, mailer: FakeMailer
) -> None:
    """Even while the process is stopping: its Outbox does not know of that."""
    time = Time()
    data_api.answers["claim_outbox"] = [row("mail_confirmation")]
    data_api.answers["complete_outbox"] = lambda **_: True if time.now > 50 else _raise(UnavailableError())
    assert replace(outbox, monotonic=time.monotonic, sleep=time.sleep).step()
    assert len(mailer.sent) == 1
    assert settled(data_api)[-1] is None
    assert 50 < time.now < 60


def test_completing_is_given_up_after_a_minute(outbox: Outbox, data_api: FakeDataApi) -> None:
    time = Time()
    data_api.answers["claim_outbox"] = [row("mail_confirmation")]
    data_api.answers["complete_outbox"] = UnavailableError()
    with pytest.raises(UnavailableError):
        replace(outbox, monotonic=time.monotonic, sleep=time.sleep).step()
    assert 50 < time.now <= 60


def _raise(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize("kind", ["refund", "cancel_intent", "mail_confirmation"])
def test_the_lease_outlasts_the_slowest_row(
    outbox: Outbox, data_api: FakeDataApi, stripe: FakeStripe, kind: str
) -> None:
    """Everything takes as long as its limits allow, and the database answers at the very last try."""
    time, last_try = Time(), 0.0
    calls = database_module._TIMEOUT
    database_call = sum(cast(float, limit) for limit in (calls.pool, calls.connect, calls.write, calls.read))

    def slow_stripe() -> None:
        time.now += (1 + 2) * (3 + 10) + 2 * 5  # three tries, and what stripe-python waits between them at the most

    def slow_database(**_: object) -> Any:
        time.now += database_call
        return {"outcome": "noted"}

    def completed(**_: object) -> Any:
        nonlocal last_try
        last_try = last_try or time.now
        time.now += database_call
        return True if time.now > last_try + 60 else _raise(UnavailableError())

    class SlowMailer:
        def send(self, message: Any) -> None:
            del message
            time.now += 60 + 15 + 15

    stripe.before = slow_stripe
    stripe.failures = [StripeRefusedError("payment_intent_unexpected_state", "No.")]
    stripe.put(intent("canceled"))
    data_api.answers |= {
        "claim_outbox": [row(kind)],
        "settle_refund_attempt": slow_database,
        "record_payment_failure": slow_database,
        "complete_outbox": completed,
    }
    slow = replace(outbox, mailer=SlowMailer(), monotonic=time.monotonic, sleep=time.sleep)
    assert slow.step()
    assert 150 < time.now < LEASE_SECONDS


# Reconciliation -------------------------------------------------------------------------------------------------------


def test_stripe_status_is_applied_once(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    data_api.answers["claim_payments_to_reconcile"] = [{"payment_id": "p", "payment_intent_id": "pi_1"}]
    stripe.put(intent("succeeded", amount_received=2400))
    assert reconciliation.run() == 1
    assert data_api.arguments("claim_payments_to_reconcile") == [{"older_than": "120 seconds", "max_rows": 20}]
    (confirmed,) = data_api.arguments("confirm_booking")
    assert (confirmed["event_id"], confirmed["amount"]) == ("reconcile:pi_1:succeeded", 2400)

    stripe.put(intent("canceled"))
    reconciliation.run()
    assert data_api.arguments("record_payment_failure")[-1]["canceled"] is True

    stripe.put(intent("requires_payment_method", failure_code="lost_card"))
    reconciliation.run()
    declined = data_api.arguments("record_payment_failure")[-1]
    assert (declined["event_id"], declined["canceled"], declined["failure_code"]) == (
        "reconcile:pi_1:requires_payment_method",
        False,
        "lost_card",
    )

    before = len(data_api.arguments("record_payment_failure"))
    for status in ("requires_payment_method", "requires_action", "processing"):
        stripe.put(intent(status))
        reconciliation.run()
    assert len(data_api.arguments("record_payment_failure")) == before


def test_one_that_fails_does_not_stop_the_others(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    data_api.answers["claim_payments_to_reconcile"] = [
        {"payment_id": "a", "payment_intent_id": "pi_away"},
        {"payment_id": "b", "payment_intent_id": "pi_1"},
    ]
    stripe.put(intent("succeeded", amount_received=2400))
    assert reconciliation.run() == 2
    assert len(data_api.arguments("confirm_booking")) == 1


def test_a_run_claims_a_few_at_a_time_and_ends_at_its_limit(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    """However many are due, a run asks Stripe about 200; and a worker that stops has claimed few of them in vain."""
    data_api.answers["claim_payments_to_reconcile"] = [{"payment_id": "p", "payment_intent_id": "pi_1"}] * 20
    stripe.put(intent("processing"))
    assert reconciliation.run() == 200
    assert len(data_api.arguments("claim_payments_to_reconcile")) == 10
    stop = threading.Event()
    data_api.calls.clear()
    stripe.before = stop.set
    assert Reconciliation(Database(data_api), stripe, 120, stop=stop).run() == 1
    assert len(data_api.arguments("claim_payments_to_reconcile")) == 1


def test_pending_refunds_are_asked_about(
    reconciliation: Reconciliation, data_api: FakeDataApi, stripe: FakeStripe
) -> None:
    data_api.answers["claim_refunds_to_reconcile"] = [
        {"id": ORDER["id"], "attempt": 2, "stripe_refund_id": "re_1"},
        {"id": ORDER["id"], "attempt": 1, "stripe_refund_id": "re_2"},
    ]
    stripe.refunds = {
        "re_1": Refund("re_1", "failed", 2400, "pi_1", "lost_or_stolen_card"),
        "re_2": Refund("re_2", "pending", 2400, "pi_1"),
    }
    data_api.answers["compare_refunds"] = turns(
        [{"id": "re_1", "here": "pending", "at_stripe": "failed"}],
        [],  # the second is as we know it
        [],  # and so is all that Stripe made lately
    )
    assert reconciliation.run() == 2
    (recorded,) = data_api.arguments("record_refund")
    assert recorded["event_id"] == "reconcile:re_1:failed"
    assert (recorded["status"], recorded["failure_reason"], recorded["attempt"]) == (
        "failed",
        "lost_or_stolen_card",
        2,
    )


# Loops and the process ------------------------------------------------------------------------------------------------


def test_pauses_grow_to_a_minute_and_differ() -> None:
    longest = [max(backoff(failures, 1) for _ in range(50)) for failures in range(1, 20)]
    assert 1.5 <= longest[0] <= 2.5
    assert all(pause <= 75 for pause in longest)
    assert min(backoff(15, 1) for _ in range(50)) >= 45
    assert len({backoff(3, 1) for _ in range(10)}) > 1


def test_a_loop_outlives_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, results = threading.Event(), iter([UnavailableError(), RuntimeError(), False, True, None])
    pauses: list[float] = []
    monkeypatch.setattr(stop, "wait", lambda seconds: pauses.append(seconds))

    def action() -> bool:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        if result is None:
            stop.set()
        return bool(result)

    Loop("x", action, 1.0, stop).run()
    first, second, idle, last = pauses
    assert 1.5 <= first <= 2.5
    assert 3 <= second <= 5
    assert (idle, last) == (1.0, 1.0)


def test_a_stop_lets_the_row_in_hand_finish(
    data_api: FakeDataApi, stripe: FakeStripe, mailer: FakeMailer, settings: Settings
) -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        at_work.set()
        assert go_on.wait(10)

    stripe.put(intent("requires_payment_method"))
    stripe.before = hold
    claims = iter([[row("cancel_intent")]])
    lock = threading.Lock()

    def claim(**_: object) -> list[dict[str, Any]]:
        with lock:
            return next(claims, [])

    data_api.answers |= {
        "claim_outbox": claim,
        "complete_outbox": True,
        "record_payment_failure": {"outcome": "noted"},
        "release_expired_locks": {"seats_released": 0},
        "keep_retention": {"more": False, "done": {"delete_old_outbox": 0}},
        "claim_payments_to_reconcile": [],
        "claim_refunds_to_reconcile": [],
        "compare_refunds": [],
        "start_verification": False,
    }
    worker = Worker(
        settings, database=Database(data_api), long_timeout=Database(data_api), stripe=stripe, mailer=mailer
    )
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert at_work.wait(10)
    worker.stop.set()
    assert settled(data_api) == []
    go_on.set()
    thread.join(10)
    assert not thread.is_alive()
    assert settled(data_api) == [None]


class _Away(BaseHTTPRequestHandler):
    """A Data API that is starting for ever."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = json.dumps({"code": "PGRST001", "message": "hidden"}).encode()
        self.send_response(503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        del format, args


@contextlib.contextmanager
def away() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Away)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_waits_for_the_database_and_ends_on_a_signal(
    environment: dict[str, str], number: signal.Signals
) -> None:
    with away() as url:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "backend.worker"],
            cwd=ROOT,
            env={**os.environ, **environment, "SUPABASE_URL": url, "WORKER_POLL_SECONDS": "0.01"},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        with process:
            failed = 0
            lines: list[str] = []
            for line in process.stderr:
                lines.append(line)
                failed += json.loads(line)["event"] == "loop failed"
                if failed == 5:
                    break
            process.send_signal(number)
            began = time.monotonic()
            lines += process.stderr.read().splitlines()
            assert process.wait(10) == 0
            assert time.monotonic() - began < 10
    assert json.loads(lines[-1])["event"] == "stopped"
    assert "hidden" not in "".join(lines)


def test_a_worker_that_cannot_start_says_why() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "backend.worker"], cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert "STRIPE_SECRET_KEY is missing." in run.stderr
