"""The worker: `python -m backend.worker`. Empties the outbox, sweeps, deletes what is no longer kept, reconciles with
Stripe, and once a day verifies that all holds which must.

Each job has threads of its own, money and mail among them, so that a mail server that hangs delays no refund and no
sweep. Any number of workers may run: rows and checks are claimed, sweeps exclude each other, and what is reconciled is
ledgered once. Rows are claimed one at a time and completed before a stop, so that none waits out the lease of a worker
that has gone.
"""

from __future__ import annotations

import logging
import math
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from types import FrameType
from typing import Final, cast

from backend import account_emails, database, logs, mailer, stripe_gateway
from backend.account_emails import AccountEmails, AccountGoneError
from backend.answers import EmailContext, OutboxRow, RefundOrder
from backend.database import LONG_TIMEOUT, DataApi, Database
from backend.emails import Emails
from backend.errors import ApiError, UnavailableError
from backend.mailer import Mailer, SmtpMailer
from backend.reconciliation import Reconciliation, apply_intent
from backend.schema_version import log_if_outdated
from backend.sessions import hash_token, new_token
from backend.settings import Settings, SettingsError
from backend.stripe_gateway import Payments, ReplayedFailureError, StripeGateway, StripeRefusedError
from backend.tokens import Tokens
from backend.verification import DAYS, Verification

_log = logging.getLogger("backend.worker")

_COMPLETE_SECONDS: Final = 60.0
"""For how long a row that was done is reported to a database that does not answer; later it will be done again."""
LEASE_SECONDS: Final = math.ceil(
    max(2 * stripe_gateway.SLOWEST_CALL_SECONDS, mailer.SLOWEST_SECONDS)
    + 2 * database.SLOWEST_CALL_SECONDS
    + _COMPLETE_SECONDS
    + 15
)
"""Longer than the slowest row can take, so that no other worker does it again meanwhile: two calls of Stripe or an
email, what Stripe said noted, and completion, which may begin its last try when its time is over; and some to spare."""
_LONGEST_PAUSE: Final = 60.0
_RETENTION_SECONDS: Final = 600.0
_VERIFY_SECONDS: Final = 86_400.0
_ASK_WHETHER_TO_VERIFY_SECONDS: Final = 600.0
_SECOND_LOOK_SECONDS: Final = 300.0
"""Reconciliation has found by then what was merely on its way."""
_MONEY: Final = ("refund", "cancel_intent")
_BOOKING_MAIL: Final = (
    *("mail_confirmation", "mail_refund", "mail_cancellation", "mail_refund_failed"),
    "mail_showtime_moved",
)
_MAIL: Final = (*_BOOKING_MAIL, *account_emails.KINDS)


class WorkError(Exception):
    """The row cannot be done; the message says why and is kept with it."""


@dataclass(frozen=True)
class Outbox:
    """Does the rows of the outbox of some kinds, one at a time."""

    kinds: Sequence[str]
    database: Database
    stripe: Payments
    mailer: Mailer
    emails: Emails
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep

    def step(self) -> bool:
        """Claim, do and complete one row; false when there was none. Raises UnavailableError without the database."""
        rows = self.database.claim_outbox(1, LEASE_SECONDS, self.kinds)
        for row in rows:
            logs.begin(row.get("request_id"))
            if row["booking_id"] is not None:
                logs.add(booking_id=row["booking_id"])
            error = self._attempt(row)
            self._complete(row, error)
        return bool(rows)

    def _attempt(self, row: OutboxRow) -> str | None:
        """Do a row; return the error in words that a person can use, or None."""
        try:
            self._do(row)
        except WorkError as error:
            return str(error)
        except AccountGoneError:
            return "the account is gone"
        except StripeRefusedError as error:
            return f"Stripe refused: {error.code}: {error.reason}"
        except Exception as error:
            _log.error("failed", extra={"key": row["key"], "attempt": row["attempt"], **logs.describe(error)})
            return type(error).__name__ + (f": {error.code}" if isinstance(error, ApiError) else "")
        _log.info("done", extra={"key": row["key"], "attempt": row["attempt"]})
        return None

    def _do(self, row: OutboxRow) -> None:
        match row["kind"]:
            case kind if kind in _BOOKING_MAIL:
                self.mailer.send(self._about_booking(row))
            case kind if kind in account_emails.KINDS:
                writer = AccountEmails(self.database, self.emails)
                self.mailer.send(writer.write(row, self.clock()))
            case "refund":
                if row["refund"] is None:
                    raise WorkError("the refund is gone")
                self._refund(row["refund"])
            case "cancel_intent":
                self._cancel_intent(str(row["payload"]["payment_intent_id"]))
            case _:
                raise WorkError("this release does not know the kind")

    def _about_booking(self, row: OutboxRow) -> EmailMessage:
        """Write an email about a booking. A guest's leads to the booking by a link of its own, whose key the database
        learns the hash of."""
        context = row["email"]
        if context is None:
            raise WorkError("the booking is gone")
        if context["customer"].get("kind") == "guest":
            key = new_token()
            self.database.add_ticket_link(context["booking"]["id"], hash_token(key))
            page = f"{self.emails.settings.app_url}/t/{context['booking']['reference']}#{key}"
            context = cast(EmailContext, {**context, "booking_page": page})
        match row["kind"]:
            case "mail_confirmation":
                return self.emails.confirmation(row["key"], context, self.clock())
            case "mail_cancellation":
                return self.emails.cancellation(row["key"], context, str(row["payload"].get("reason")), self.clock())
            case "mail_showtime_moved":
                return self.emails.showtime_moved(row["key"], context, str(row["payload"]["from"]), self.clock())
            case _:
                write = self.emails.refund if row["kind"] == "mail_refund" else self.emails.refund_failed
                if row["refund"] is None:
                    raise WorkError("the refund is gone")
                return write(row["key"], context, row["refund"], self.clock())

    def _refund(self, order: RefundOrder) -> None:
        """Ask Stripe for a refund, and report what it made of that or why it made nothing; the database decides what
        follows."""
        if order["status"] not in ("queued", "failed"):
            return
        code: str | None = None
        try:
            refund = self.stripe.create_refund(
                payment_intent_id=order["payment_intent_id"],
                amount=order["amount"],
                metadata={"refund_id": order["id"], "attempt": str(order["attempt"])},
                key=f"refund:{order['id']}:{order['attempt']}",
            )
            refunds = [refund]
        except ReplayedFailureError:
            code = "idempotency_key_spent"
            refunds = self.stripe.refunds_of(order["payment_intent_id"])
        except StripeRefusedError as error:
            code = error.code
            refunds = self.stripe.refunds_of(order["payment_intent_id"])
        facts = [refund.fact() for refund in refunds]
        outcome = self.database.settle_refund_attempt(order["id"], order["attempt"], code, facts)
        _log.log(
            logging.WARNING if outcome == "failed" else logging.INFO,
            "refund",
            extra={"refund_id": order["id"], "outcome": outcome, "stripe_code": code},
        )

    def _cancel_intent(self, payment_intent_id: str) -> None:
        try:
            intent = self.stripe.cancel_intent(payment_intent_id)
        except StripeRefusedError as error:
            if error.code == "resource_missing":
                raise WorkError("Stripe does not know the intent; is this its account's key?") from error
            intent = self.stripe.retrieve_intent(payment_intent_id)
        if not apply_intent(self.database, intent):
            raise WorkError(f"the intent is {intent.status} and cannot be cancelled now")

    def _complete(self, row: OutboxRow, error: str | None) -> None:
        """Report a row as done, with retries, and even while the process is stopping: an email that was sent and not
        reported would be sent again."""
        deadline = self.monotonic() + _COMPLETE_SECONDS
        pause = 0.2
        while True:
            try:
                if not self.database.complete_outbox(row, error):
                    _log.warning("completed by another", extra={"key": row["key"]})
                return
            except UnavailableError:
                if self.monotonic() + pause > deadline:
                    raise
                self.sleep(pause)
                pause = min(pause * 2, 5.0)


class Loop:
    """Repeats an action until the stop: at once while there is more, after `interval` seconds otherwise, and after a
    growing pause when it fails."""

    def __init__(self, name: str, action: Callable[[], bool], interval: float, stop: threading.Event) -> None:
        self.name = name
        self._action = action
        self._interval = interval
        self._stop = stop

    def run(self) -> None:
        """Return when the stop is set and the action in hand has ended."""
        failures = 0
        while not self._stop.is_set():
            logs.begin()
            try:
                pause = 0.0 if self._action() else self._interval
                if failures:
                    _log.info("works again", extra={"loop": self.name})
                failures = 0
            except Exception as error:
                failures += 1
                pause = backoff(failures, self._interval)
                _log.error("loop failed", extra={"loop": self.name, "pause": round(pause, 1), **logs.describe(error)})
            if pause:
                self._stop.wait(pause)


def backoff(failures: int, interval: float) -> float:
    """Return the seconds to wait after so many failures in a row: doubled each time, up to a minute, slightly random so
    that workers which failed together do not come back together."""
    longest = min(interval * 2 ** min(failures, 10), _LONGEST_PAUSE)
    return longest * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing


class Worker:
    """All jobs of one process."""

    def __init__(
        self, settings: Settings, *, database: Database, long_timeout: Database, stripe: Payments, mailer: Mailer
    ) -> None:
        """`long_timeout` is the database again, over a transport that waits for minutes."""
        self.stop = threading.Event()
        emails = Emails(settings, Tokens.of(settings))
        money = Outbox(_MONEY, database, stripe, mailer, emails)
        mail = Outbox(_MAIL, database, stripe, mailer, emails)
        reconciliation = Reconciliation(database, stripe, settings.reconcile_after_seconds, stop=self.stop)
        verification = Verification(long_timeout, stripe)

        def sweep() -> bool:
            done = database.release_expired_locks()
            if any(done.values()):
                _log.info("swept", extra=done)
            return False

        def retain() -> bool:
            retention = database.keep_retention()
            if any(retention["done"].values()):
                _log.info("retention", extra=retention["done"])
            return retention["more"]

        def reconcile() -> bool:
            if asked := reconciliation.run():
                _log.info("reconciliation", extra={"asked": asked})
            return False

        def verify() -> bool:
            if database.start_verification(_VERIFY_SECONDS):
                reconciliation.look_back()
                since = datetime.now(UTC) - timedelta(days=DAYS)
                found = verification.run(since, _SECOND_LOOK_SECONDS, self.stop.wait)
                if self.stop.is_set():
                    return False  # the second look came too early; another worker will do it
                for sentence in found:
                    _log.error("violation", extra={"violation": sentence})
                _log.info("verified", extra={"violations": len(found)})
                database.finish_verification(len(found), daily=True)
            return False

        threads = range(1, settings.worker_threads + 1)
        self._loops: Sequence[Loop] = [
            *(Loop(f"money-{number}", money.step, settings.worker_poll_seconds, self.stop) for number in threads),
            *(Loop(f"mail-{number}", mail.step, settings.worker_poll_seconds, self.stop) for number in threads),
            Loop("sweep", sweep, settings.sweep_seconds, self.stop),
            Loop("retention", retain, _RETENTION_SECONDS, self.stop),
            Loop("reconcile", reconcile, settings.reconcile_seconds, self.stop),
            Loop("verify", verify, _ASK_WHETHER_TO_VERIFY_SECONDS, self.stop),
        ]

    def run(self) -> None:
        """Work until `stop` is set; return when each thread has finished what it had in hand."""
        threads = [threading.Thread(target=loop.run, name=loop.name) for loop in self._loops]
        for thread in threads:
            thread.start()
        _log.info("working", extra={"loops": [loop.name for loop in self._loops]})
        for thread in threads:
            thread.join()
        _log.info("stopped")


def main() -> int:
    """Run the command line; SIGTERM and SIGINT stop it gracefully."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        print(f"The worker cannot start:\n{error}", file=sys.stderr)
        return 2
    logs.configure(settings.log_level)
    database = Database(DataApi(settings.supabase_url, settings.supabase_key))
    long_timeout = Database(DataApi(settings.supabase_url, settings.supabase_key, LONG_TIMEOUT))
    worker = Worker(
        settings,
        database=database,
        long_timeout=long_timeout,
        stripe=StripeGateway(settings),
        mailer=SmtpMailer(settings),
    )

    def stop(_number: int, _frame: FrameType | None) -> None:
        worker.stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    log_if_outdated(database)
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
