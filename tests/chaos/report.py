"""The report: what must hold in the database, and whether Stripe, the mail and the customers agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import httpx
import psycopg
from psycopg.rows import dict_row

from dev.stack import Stack
from tests.chaos.counters import Counters, Lock

Json = dict[str, Any]

_MAIL_DOMAIN: Final = "example.com"
_GONE: Final = ("failed", "canceled")
"""Refunds at Stripe that return nothing."""
_BY_RECONCILIATION: Final = "found by reconciliation, without a webhook"
_BY_CANCELLATION: Final = "found when the payment was canceled"
_FOUND: Final = """
select e.id like 'reconcile:pi%'
       and exists (select from private.outbox o where o.key = 'cancel:' || e.payment_intent_id), count(*)
from private.stripe_events e
where e.id like 'reconcile:pi%' and e.outcome in ('confirmed', 'refund_queued')
   or e.id like 'reconcile:re%' and e.outcome = 'noted'
group by 1
"""


@dataclass(frozen=True)
class Books:
    """Everything that is compared: the database's rows, Stripe's objects, the emails."""

    bookings: Sequence[Json]
    payments: Sequence[Json]
    refunds: Sequence[Json]
    locks: frozenset[Lock]
    intents: Sequence[Json]
    charges: Sequence[Json]
    stripe_refunds: Sequence[Json]
    emails: Sequence[Json]
    """{id, to} of each email that arrived, copies included."""
    account_emails: Sequence[Json]
    """{key, email} of those that are due about accounts."""
    found: Mapping[bool, int]
    """Payments and refunds that no webhook reported: found when the payment was canceled, or by reconciliation."""


@dataclass(frozen=True)
class Report:
    """The outcome of a run."""

    seed: int
    seconds: float
    faults: Counter[str]
    events: Counter[str]
    figures: Mapping[str, str]
    violations: Sequence[str]
    bookings: int
    confirmed: int
    refunded: int
    reconciled: int
    """Payments and refunds whose webhooks were lost, and that reconciliation found."""

    @property
    def good(self) -> bool:
        """True when nothing was violated."""
        return not self.violations

    def table(self) -> str:
        """Format the report for people."""
        parts = [
            _section(f"faults injected: {self.faults.total()}", self.faults),
            _section("what customers did and met", self.events),
            _section("the books", self.figures),
            f"violations: {len(self.violations)}",
            *(f"  {violation}" for violation in self.violations),
            f"seed {self.seed}, {self.seconds:.0f} s",
        ]
        return "\n".join(parts)


def judge(stack: Stack, counters: Counters, seed: int, seconds: float, figures: Mapping[str, str]) -> Report:
    """Read everything and compare. Call it when nothing is under way any more."""
    books = _read(stack)
    violations = [
        *counters.wrongs,
        *broken_invariants(stack),
        *unbalanced_charges(books),
        *mismatched_refunds(books),
        *mismatched_emails(books, counters.contacts),
        *lost_promises(books, counters),
    ]
    states = Counter(booking["status"] for booking in books.bookings)
    confirmed = sum(booking["confirmed_at"] is not None for booking in books.bookings)
    returned = [refund for refund in books.stripe_refunds if refund["status"] == "succeeded"]
    distinct = {email["id"] for email in books.emails}
    return Report(
        seed,
        seconds,
        counters.faults,
        counters.events,
        {
            "bookings tried": str(len(books.bookings)),
            "bookings ever confirmed": str(confirmed),
            **{f"bookings {state} at the end": str(states[state]) for state in sorted(states)},
            "charges at Stripe": str(sum(charge["status"] == "succeeded" for charge in books.charges)),
            "charges refunded": str(len({refund["charge"] for refund in returned})),
            "refunds decided": _by(refund["reason"] for refund in books.refunds),
            "mails (confirmations + refunds)": f"{len(distinct)} ({confirmed} + {len(books.refunds)})",
            "mails that arrived more than once": str(len(books.emails) - len(distinct)),
            _BY_RECONCILIATION: str(books.found.get(False, 0)),
            _BY_CANCELLATION: str(books.found.get(True, 0)),
            **figures,
        },
        violations,
        len(books.bookings),
        confirmed,
        len(returned),
        books.found.get(False, 0),
    )


def broken_invariants(stack: Stack) -> list[str]:
    """I1 to I7, by the function that says what must always hold."""
    with psycopg.connect(stack.cluster.url()) as connection:
        row = connection.execute("select public.check_invariants()").fetchone()
    assert row is not None
    return [f"{found['invariant']}: {found['violation']}" for found in row[0]]


def unbalanced_charges(books: Books) -> list[str]:
    """Check that each charge is kept whole by a confirmed booking, or was refunded whole."""
    found: list[str] = []
    booking_of = {booking["id"]: booking for booking in books.bookings}
    payment_of = {payment["payment_intent_id"]: payment for payment in books.payments}
    charged: set[str] = set()
    for charge in books.charges:
        if charge["status"] != "succeeded":
            continue
        name = f"charge {charge['id']} of {charge['payment_intent']}"
        if charge["payment_intent"] in charged:
            found.append(f"{name}: its intent was charged twice")
        charged.add(charge["payment_intent"])
        payment = payment_of.get(charge["payment_intent"])
        if payment is None or payment["status"] != "succeeded":
            found.append(f"{name}: the database has no such payment")
            continue
        back = sum(
            refund["amount"]
            for refund in books.stripe_refunds
            if refund["charge"] == charge["id"] and refund["status"] not in _GONE
        )
        if back > charge["amount"]:
            found.append(f"{name}: {back} of {charge['amount']} was refunded")
        kept = payment["settles_booking"] and booking_of[payment["booking_id"]]["status"] == "confirmed"
        if back != (0 if kept else charge["amount"]):
            found.append(f"{name}: {back} of {charge['amount']} was refunded, and a booking keeps it: {kept}")
    for payment in books.payments:
        if payment["status"] == "succeeded" and payment["payment_intent_id"] not in charged:
            found.append(f"payment {payment['id']}: Stripe has no such charge")
    charged_or_open = {intent["id"] for intent in books.intents if intent["status"] == "succeeded"}
    if charged_or_open != charged:
        found.append(f"intents that succeeded and charges differ: {sorted(charged_or_open ^ charged)}")
    return found


def mismatched_refunds(books: Books) -> list[str]:
    """Compare the database's refunds with Stripe's; none may be made twice."""
    found: list[str] = []
    at_stripe = {refund["id"]: refund for refund in books.stripe_refunds}
    noted = {refund["stripe_refund_id"]: refund for refund in books.refunds if refund["stripe_refund_id"]}
    of_order: dict[str, list[str]] = defaultdict(list)
    for refund in books.stripe_refunds:
        if refund["status"] in _GONE:
            continue
        of_order[refund["metadata"].get("refund_id", "")].append(refund["id"])
        if refund["id"] not in noted:
            found.append(f"refund {refund['id']} at Stripe is not noted")
    found += [f"refund {order} was made {len(ids)} times: {ids}" for order, ids in of_order.items() if len(ids) > 1]
    for refund in books.refunds:
        other = at_stripe.get(refund["stripe_refund_id"] or "")
        if refund["status"] == "void":
            continue
        if refund["status"] != "succeeded":
            found.append(f"refund {refund['id']} is {refund['status']}: {refund['failure_reason']}")
        elif other is None:
            found.append(f"refund {refund['id']} is not at Stripe")
        elif (other["status"], other["amount"]) != ("succeeded", refund["amount"]):
            found.append(f"refund {refund['id']} is {refund['amount']}, at Stripe {other['status']} {other['amount']}")
    return found


def mismatched_emails(books: Books, contacts: Mapping[str, set[str]]) -> list[str]:
    """Check for one email per confirmation and refund, to the right person, and none for anything else. `contacts` are
    the addresses that guests gave, by booking."""
    emails: dict[str, set[str]] = {
        booking["id"]: {*booking["emails"], *contacts.get(booking["id"], ())} for booking in books.bookings
    }
    due: dict[str, set[str]] = {
        **{
            _message_id(f"mail:confirmation:{booking['id']}"): emails[booking["id"]]
            for booking in books.bookings
            if booking["confirmed_at"] is not None
        },
        **{_message_id(f"mail:refund:{refund['id']}"): emails[refund["booking_id"]] for refund in books.refunds},
        **{_message_id(row["key"]): {row["email"]} for row in books.account_emails},
    }
    found: list[str] = []
    arrived: set[str] = set()
    for email in books.emails:
        arrived.add(email["id"])
        if email["id"] not in due:
            found.append(f"an email to {email['to']} without a cause: {email['id']}")
        elif email["to"] not in due[email["id"]]:
            found.append(f"an email to {email['to']} was meant for {_any_of(due[email['id']])}")
    return found + [
        f"an email to {_any_of(due[missing])} is missing: {missing}" for missing in sorted(due.keys() - arrived)
    ]


def lost_promises(books: Books, counters: Counters) -> list[str]:
    """Check that what customers got as an answer still holds: nothing committed was lost when a database died."""
    total = {booking["id"]: booking["total"] for booking in books.bookings}
    found = [f"lock {lock} was answered and is gone" for lock in counters.locks if lock not in books.locks]
    found += [
        f"booking {booking_id} over {promised} was answered and is {total.get(booking_id)}"
        for booking_id, promised in counters.bookings.items()
        if total.get(booking_id) != promised
    ]
    charged = {charge["payment_intent"] for charge in books.charges if charge["status"] == "succeeded"}
    return found + [f"{intent} was paid and Stripe has no charge of it" for intent in sorted(counters.paid - charged)]


def _message_id(key: str) -> str:
    """As backend/emails/message.py makes it of an outbox key."""
    return f"<{sha256(key.encode()).hexdigest()[:32]}@{_MAIL_DOMAIN}>"


# Reading -------------------------------------------------------------------------------------------------------------


def _read(stack: Stack) -> Books:
    with psycopg.connect(stack.cluster.url()) as connection, connection.cursor(row_factory=dict_row) as cursor:
        bookings = cursor.execute(
            # An email went to who had the booking then: a guest, or the account that it became.
            "select b.id::text, b.status::text, b.total, b.confirmed_at, array("
            "  select distinct u.email from private.booking_log g"
            "  join public.users u on u.id::text = g.row_data ->> 'user_id'"
            "  where g.booking_id = b.id and g.entity = 'booking' and u.email is not null) as emails"
            " from public.bookings b"
        ).fetchall()
        account_emails = cursor.execute(
            "select o.key, u.email from private.outbox o join public.users u on u.id = o.user_id"
        ).fetchall()
        payments = cursor.execute(
            "select id::text, booking_id::text, payment_intent_id, status::text, settles_booking from public.payments"
        ).fetchall()
        refunds = cursor.execute(
            "select id::text, booking_id::text, stripe_refund_id, amount, status::text, reason, failure_reason"
            " from public.refunds"
        ).fetchall()
        locks = cursor.execute(
            "select showtime_id, seat_id, id from public.seat_locks"
            " union all select showtime_id, seat_id, id from private.seat_lock_history"
        ).fetchall()
        found: dict[bool, int] = dict(connection.execute(_FOUND).fetchall())
    stripe = httpx.Client(
        base_url=stack.config.stripe_url,
        headers={"Authorization": f"Bearer {stack.keys.stripe_secret}"},
        timeout=60,
        trust_env=False,
    )
    with stripe:
        intents, charges, stripe_refunds = (_all(stripe, f"/v1/{kind}") for kind in _STRIPE_LISTS)
    return Books(
        bookings,
        payments,
        refunds,
        frozenset((lock["showtime_id"], lock["seat_id"], lock["id"]) for lock in locks),
        intents,
        charges,
        stripe_refunds,
        _emails(stack),
        account_emails,
        found,
    )


_STRIPE_LISTS: Final = ("payment_intents", "charges", "refunds")


def _all(stripe: httpx.Client, path: str) -> list[Json]:
    """Everything of a list of Stripe's, page by page."""
    found: list[Json] = []
    query = {"limit": "100"}
    while True:
        page = stripe.get(path, params=query).raise_for_status().json()
        found += page["data"]
        if not page["has_more"]:
            return found
        query["starting_after"] = found[-1]["id"]


def _emails(stack: Stack) -> list[Json]:
    mails = httpx.get(f"{stack.config.mail_url}/email", timeout=120, trust_env=False).raise_for_status().json()
    return [{"id": mail["headers"]["message-id"], "to": mail["to"][0]["address"]} for mail in mails]


# Showing -------------------------------------------------------------------------------------------------------------


def _section(title: str, rows: Mapping[str, object]) -> str:
    names = sorted(rows) if isinstance(rows, Counter) else list(rows)
    return "\n".join([title, *(f"  {name:<46} {rows[name]:>6}" for name in names), ""])


def _any_of(addresses: Iterable[str]) -> str:
    return " or ".join(sorted(addresses))


def _by(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(Counter(names).items())) or "none"
