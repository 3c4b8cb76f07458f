"""An email of every kind, for the previews in docs/emails and for tests."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, cast

from backend.answers import AccountEmailContext, EmailCinema, EmailContext, RefundOrder
from backend.emails import AccountEmail, Emails
from backend.settings import Settings
from backend.tokens import Tokens

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WAS = "2026-12-03T19:00:00+00:00"
CINEMA: EmailCinema = {
    "name": "Scala Wien",
    "contact_email": "office@scala.example",
    "contact_url": "https://scala.example/contact",
    "postal_address": "Scala Kinos KG\nRing 1\n1010 Wien",
}
BOOKING: EmailContext = {
    "booking": {
        "id": "5f0c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11",
        "reference": "ABCD2345",
        "showtime_id": 3,
        "status": "confirmed",
        "total": 123_450,
        "currency": "EUR",
        "seats": [
            {"row": "F", "number": 7, "kind": "standard", "price": 61_725},
            {"row": "F", "number": 8, "kind": "love", "price": 61_725},
        ],
    },
    "was_confirmed": True,
    "moved_from": None,
    "showtime": {
        "id": 3,
        "starts_at": "2026-12-04T18:30:00+00:00",
        "ends_at": "2026-12-04T20:20:00+00:00",
        "revision": 4,
    },
    "movie": {"title": "Nosferatu <1922> & more", "certificate": "12", "length_minutes": 94},
    "theater": {"name": "Scala", "address": "Ring 1, Top 2", "city": "Wien", "time_zone": "Europe/Vienna"},
    "auditorium": "Saal 1",
    "customer": {"email": "ada@example.com", "full_name": "Ada Lovelace"},
    "language": "en-US",
    "cinema": CINEMA,
}
REFUND: RefundOrder = {
    "id": "c0f7c0de-0b9c-4b57-9d6c-4c1d6a1b9d11",
    "attempt": 1,
    "amount": 123_450,
    "currency": "EUR",
    "status": "queued",
    "reason": "seats_gone",
    "payment_intent_id": "pi_1",
    "kept": 0,
}
ACCOUNT: AccountEmailContext = {
    "customer": BOOKING["customer"],
    "language": "en-US",
    "cinema": CINEMA,
    "known": True,
    "taken": False,
}
PAGE = "https://frontrow.example"


def example_emails() -> Emails:
    """As a cinema has them, with a secret for tickets that is none."""
    settings = Settings.from_environment(
        {
            "APP_URL": PAGE,
            "SUPABASE_URL": "https://project.supabase.example",
            "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_example",
            "JWT_SECRET": "an example that is long enough, and no secret",
            "SECOND_FACTOR_KEY": base64.b64encode(bytes(32)).decode(),
            "STRIPE_SECRET_KEY": "sk_test_example",
            "STRIPE_WEBHOOK_SECRET": "whsec_example",
            "SMTP_URL": "smtp://127.0.0.1:2525",
            "MAIL_FROM": "Frontrow <tickets@frontrow.example>",
        }
    )
    return Emails(settings, Tokens.of(settings, lambda: NOW.timestamp()))


def changed(**changes: Any) -> EmailContext:
    """BOOKING with other parts."""
    parts: dict[str, Any] = {**BOOKING}
    for name, change in changes.items():
        parts[name] = {**parts[name], **change} if isinstance(change, dict) else change
    return cast(EmailContext, parts)


@dataclass(frozen=True)
class Example:
    """One email: its template, and how to write it from what is known of a booking and of an account."""

    kind: str
    write: Callable[[Emails, EmailContext, AccountEmailContext], EmailMessage]


def _account(kind: AccountEmail, path: str | None = None, valid_minutes: int | None = None) -> Example:
    link = None if path is None else PAGE + path
    return Example(
        kind,
        lambda emails, _, account: emails.account(
            kind, f"mail:{kind}:1", account, NOW, link=link, valid_minutes=valid_minutes
        ),
    )


def _ended(booking: EmailContext) -> EmailContext:
    return cast(EmailContext, {**booking, "booking": {**booking["booking"], "status": "cancelled"}})


EXAMPLES: Mapping[str, Example] = {
    "confirmation": Example("confirmation", lambda emails, b, _: emails.confirmation("mail:confirmation:1", b, NOW)),
    "confirmation-of-a-moved-showtime": Example(
        "confirmation",
        lambda emails, b, _: emails.confirmation(
            "mail:confirmation:2", cast(EmailContext, {**b, "moved_from": WAS}), NOW
        ),
    ),
    "confirmation-of-a-cancelled-booking": Example(
        "confirmation", lambda emails, b, _: emails.confirmation("mail:confirmation:3", _ended(b), NOW)
    ),
    "showtime_moved": Example(
        "showtime_moved", lambda emails, b, _: emails.showtime_moved("mail:showtime_moved:1", b, WAS, NOW)
    ),
    "showtime_moved-of-a-cancelled-booking": Example(
        "showtime_moved", lambda emails, b, _: emails.showtime_moved("mail:showtime_moved:2", _ended(b), WAS, NOW)
    ),
    "refund": Example("refund", lambda emails, b, _: emails.refund("mail:refund:1", _ended(b), REFUND, NOW)),
    "refund-of-a-part": Example(
        "refund",
        lambda emails, b, _: emails.refund(
            "mail:refund:2", b, {**REFUND, "amount": 5_000, "reason": "made_at_stripe", "kept": 118_450}, NOW
        ),
    ),
    "refund_failed": Example(
        "refund_failed", lambda emails, b, _: emails.refund_failed("mail:refund_failed:1", _ended(b), REFUND, NOW)
    ),
    "cancellation": Example(
        "cancellation",
        lambda emails, b, _: emails.cancellation("mail:cancellation:1", _ended(b), "showtime_cancelled", NOW),
    ),
    "verify_email": _account("verify_email", "/verify#example", 24 * 60),
    "reset_password": _account("reset_password", "/reset#example", 30),
    "change_email": _account("change_email", "/verify#example", 24 * 60),
    "email_changed": _account("email_changed"),
    "password_changed": _account("password_changed", "/forgot"),
    "account_exists": _account("account_exists", "/sign-in"),
    "no_account": _account("no_account"),
    "second_factor_changed": _account("second_factor_changed"),
}
"""By the name of the preview: the kind, and what is special about it."""


def write(name: str, language: str = "en-US", cinema: EmailCinema = CINEMA) -> EmailMessage:
    """Write that example, in that language, of that cinema."""
    told: dict[str, Any] = {"language": language, "cinema": cinema}
    booking, account = cast(EmailContext, {**BOOKING, **told}), cast(AccountEmailContext, {**ACCOUNT, **told})
    return EXAMPLES[name].write(example_emails(), booking, account)
