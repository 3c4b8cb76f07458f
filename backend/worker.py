"""The worker: `python -m backend.worker`. Empties the outbox, sweeps, asks Stripe about what it never told us, and once
a day looks whether all that must hold does.

Each duty has threads of its own, money and mail among them, so that a mail server that hangs delays no refund and no
sweep. Any number of workers may run: rows are claimed, sweeps exclude each other, and what is reconciled is ledgered
once. A row is claimed one at a time and finished before a stop, so none waits out the lease of a worker that has gone.
"""

from __future__ import annotations

import logging
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Final
from uuid import UUID

from backend import logs
from backend.answers import OutboxRow, RefundOrder
from backend.database import LONG_TIMEOUT, DataApi, Database
from backend.emails import Emails
from backend.errors import ApiError, UnavailableError
from backend.mailer import Mailer, SmtpMailer
from backend.reconciliation import Reconciliation, agrees, apply_intent, record_refund_news
from backend.schema_version import log_if_outdated
from backend.settings import Settings, SettingsError
from backend.stripe_gateway import Payments, Refund, ReplayedFailureError, StripeGateway, StripeRefusedError
from backend.tokens import Tokens
from backend.verification import DAYS, Verification

_log = logging.getLogger("backend.worker")

_LEASE_SECONDS: Final = 180
"""Longer than the slowest row can take: Stripe with its retries, or SMTP with its time limits."""
_SETTLE_SECONDS: Final = 60.0
"""How long a row that is done is tried to be settled; afterwards it will be done a second time."""
_LONGEST_PAUSE: Final = 60.0
_VERIFY_SECONDS: Final = 86_400.0
_ASK_WHETHER_TO_VERIFY_SECONDS: Final = 600.0
_SECOND_LOOK_SECONDS: Final = 300.0
"""Reconciliation has mended by then what was merely on its way."""
_MONEY: Final = ("refund", "cancel_intent")
_MAIL: Final = ("mail_confirmation", "mail_refund")


class WorkError(Exception):
    """The row cannot be done; the message says why and is kept with it."""


@dataclass(frozen=True)
class Outbox:
    """Does what the outbox says, a row at a time, of some kinds."""

    kinds: Sequence[str]
    database: Database
    stripe: Payments
    mailer: Mailer
    emails: Emails
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    stop: threading.Event = field(default_factory=threading.Event)

    def step(self) -> bool:
        """Claim, do and settle one row; false when there was none. Raises UnavailableError without the database."""
        rows = self.database.claim_outbox(1, _LEASE_SECONDS, self.kinds)
        for row in rows:
            logs.begin(row.get("request_id"), booking_id=row["booking_id"])
            error = self._attempt(row)
            self._settle(row, error)
        return bool(rows)

    def _attempt(self, row: OutboxRow) -> str | None:
        """Do it; the error, in words that a person can use, or None."""
        try:
            self._do(row)
        except WorkError as error:
            return str(error)
        except StripeRefusedError as error:
            return f"Stripe refused: {error.code}: {error.reason}"
        except Exception as error:
            _log.error("failed", extra={"key": row["key"], "attempt": row["attempt"], **logs.describe(error)})
            return type(error).__name__ + (f": {error.code}" if isinstance(error, ApiError) else "")
        _log.info("done", extra={"key": row["key"], "attempt": row["attempt"]})
        return None

    def _do(self, row: OutboxRow) -> None:
        match row["kind"]:
            case "mail_confirmation":
                if row["email"] is None:
                    raise WorkError("the booking is gone")
                self.mailer.send(self.emails.confirmation(row["key"], row["email"], self.clock()))
            case "mail_refund":
                if row["email"] is None or row["refund"] is None:
                    raise WorkError("the booking or the refund is gone")
                self.mailer.send(self.emails.refund(row["key"], row["email"], row["refund"], self.clock()))
            case "refund":
                if row["refund"] is None:
                    raise WorkError("the refund is gone")
                self._refund(row["refund"])
            case "cancel_intent":
                self._cancel_intent(str(row["payload"]["payment_intent_id"]))

    def _refund(self, order: RefundOrder) -> None:
        """Ask Stripe for a refund, unless it is settled already, and note how it stands. What Stripe refuses for good
        is a failure: it is visible, and tried again by the database as the next attempt under a key of its own.
        """
        if order["status"] not in ("queued", "failed"):
            return
        try:
            refund = self.stripe.create_refund(
                payment_intent_id=order["payment_intent_id"],
                amount=order["amount"],
                metadata={"refund_id": order["id"], "attempt": str(order["attempt"])},
                key=f"refund:{order['id']}:{order['attempt']}",
            )
        except ReplayedFailureError:
            self._look_for_refund(order, "idempotency_key_spent")
        except StripeRefusedError as error:
            self._look_for_refund(order, error.code)
        else:
            record_refund(self.database, order, refund, order["payment_intent_id"])

    def _look_for_refund(self, order: RefundOrder, code: str) -> None:
        """Stripe made no new refund: there may be one already, of an earlier attempt whose answer was lost, or made by
        hand at Stripe's dashboard; it stands for ours then. If other refunds have returned everything, ours is void;
        otherwise it has failed."""
        refund = self._same_refund(order)
        if refund is not None:
            record_refund(self.database, order, refund, order["payment_intent_id"])
            return
        _log.warning("no refund was made", extra={"refund_id": order["id"], "stripe_code": code})
        if code == "charge_already_refunded":
            self._note_what_others_returned(order["payment_intent_id"])
        self.database.record_refund(
            event_id=None,
            event_type="worker",
            stripe_refund_id=None,
            payment_intent_id=order["payment_intent_id"],
            amount=order["amount"],
            status="void" if code == "charge_already_refunded" else "failed",
            failure_reason=code,
            refund_id=UUID(order["id"]),
            attempt=order["attempt"],
        )

    def _note_what_others_returned(self, payment_intent_id: str) -> None:
        """Before ours is void for want of money: what was returned at the dashboard and not told yet."""
        refunds = self.stripe.refunds_of(payment_intent_id)
        known = self.database.known_refunds([refund.id for refund in refunds])
        for refund in refunds:
            if not agrees(refund, known.get(refund.id)):
                record_refund_news(self.database, refund, None, "worker")

    def _same_refund(self, order: RefundOrder) -> Refund | None:
        """The refund at Stripe that carries our id, or one of the same amount that nobody has noted yet."""
        refunds = [
            refund
            for refund in self.stripe.refunds_of(order["payment_intent_id"])
            if refund.status not in ("failed", "canceled")
        ]
        for refund in refunds:
            if refund.metadata.get("refund_id") == order["id"]:
                return refund
        known = self.database.known_refunds([refund.id for refund in refunds])
        for refund in refunds:
            if refund.amount == order["amount"] and refund.id not in known and "refund_id" not in refund.metadata:
                return refund
        return None

    def _cancel_intent(self, payment_intent_id: str) -> None:
        try:
            intent = self.stripe.cancel_intent(payment_intent_id)
        except StripeRefusedError as error:
            if error.code == "resource_missing":
                raise WorkError("Stripe does not know the intent; is this its account's key?") from error
            intent = self.stripe.retrieve_intent(payment_intent_id)
        if not apply_intent(self.database, intent):
            raise WorkError(f"the intent is {intent.status} and cannot be cancelled now")

    def _settle(self, row: OutboxRow, error: str | None) -> None:
        """Settle, stubbornly: a mail that is sent and not settled would be sent again."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        pause = 0.2
        while True:
            try:
                if not self.database.complete_outbox(row, error):
                    _log.warning("settled by another", extra={"key": row["key"]})
                return
            except UnavailableError:
                if time.monotonic() > deadline or self.stop.wait(pause):
                    raise
                pause = min(pause * 2, 5.0)


def record_refund(database: Database, order: RefundOrder, refund: Refund, payment_intent_id: str) -> None:
    """Note how a refund of ours stands at Stripe, for the attempt that is under way."""
    database.record_refund(
        event_id=None,
        event_type="worker",
        stripe_refund_id=refund.id,
        payment_intent_id=payment_intent_id,
        amount=refund.amount,
        status=refund.status,
        failure_reason=refund.failure_reason,
        refund_id=UUID(order["id"]),
        attempt=order["attempt"],
    )


class Loop:
    """Does something again and again until the stop: at once while there is more, after `interval` seconds otherwise,
    and after a growing pause when it fails."""

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
    """Seconds to wait after so many failures in a row: doubled each time, up to a minute, slightly random so that
    workers which failed together do not come back together."""
    longest = min(interval * 2 ** min(failures, 10), _LONGEST_PAUSE)
    return longest * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing


class Worker:
    """All duties of one process."""

    def __init__(
        self, settings: Settings, *, database: Database, long_timeout: Database, stripe: Payments, mailer: Mailer
    ) -> None:
        """`long_timeout` is the database again, over a transport that waits for minutes."""
        self.stop = threading.Event()
        emails = Emails(settings, Tokens.of(settings))
        money = Outbox(_MONEY, database, stripe, mailer, emails, stop=self.stop)
        mail = Outbox(_MAIL, database, stripe, mailer, emails, stop=self.stop)
        reconciliation = Reconciliation(database, stripe, settings.reconcile_after_seconds, stop=self.stop)
        verification = Verification(long_timeout, stripe)

        def sweep() -> bool:
            done = database.release_expired_locks()
            if any(done.values()):
                _log.info("swept", extra=done)
            return False

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
    """The command line; SIGTERM and SIGINT stop it gracefully."""
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
