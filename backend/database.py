"""The port to the database: one typed method for each SQL function that only the secret key may call.

`Database` knows the functions; how a call travels is a `Transport`: `DataApi` here, something in memory in tests. One
instance serves all threads of a process.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NotRequired, Protocol, TypedDict, cast
from uuid import UUID

import httpx
import postgrest
from supabase import Client, create_client
from supabase.lib.client_options import SyncClientOptions

from backend import logs
from backend.database_types import (
    PrivateOutboxKind,
    PrivateOutboxState,
    PublicBookingStatus,
    PublicCertificate,
    PublicRefundStatus,
    PublicSeatKind,
    PublicUserRole,
)
from backend.error_codes import ERRORS
from backend.errors import ApiError, UnavailableError

_log = logging.getLogger(__name__)

# Short ones: a gunicorn thread that waits serves nobody. The Data API itself gives up after 8 s.
_TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)
LONG_TIMEOUT: Final = httpx.Timeout(620.0, connect=3.0)
"""For `violations`, which the database grants ten minutes."""
SLOWEST_CALL_SECONDS: Final = 33.0
"""What one call may take: a connection of the pool, connecting, asking and answering, each up to its limit."""
SHORT_TIMEOUT: Final = httpx.Timeout(2.0, connect=1.0)
"""For questions after our health: whoever asks those gives up after ten seconds, and wants the answer until then."""
_PAUSE_BEFORE_RETRY: Final = 0.2
_PAGE: Final = 200


class User(TypedDict):
    """An account, as the functions answer it."""

    id: str
    email: str
    full_name: str
    role: PublicUserRole


class Credentials(TypedDict):
    """What a sign-in needs; `retry_after` is in seconds."""

    status: Literal["known", "unknown", "limited"]
    user: NotRequired[User]
    password_hash: NotRequired[str]
    retry_after: NotRequired[float]


class Admission(TypedDict):
    """Whether one more account may be opened; `retry_after` is in seconds."""

    status: Literal["admitted", "limited"]
    retry_after: NotRequired[int]


class Session(TypedDict):
    """A sign-in; `expires_at` is ISO 8601."""

    session_id: str
    expires_at: str
    user: User


class Payment(TypedDict):
    """A payment that may be made; amounts are in minor units, currencies ISO 4217 in capitals."""

    payment_id: str
    booking_id: str
    reference: str
    amount: int
    currency: str
    payment_intent_id: str | None


class Outcome(TypedDict):
    """What an event came to."""

    outcome: Literal["confirmed", "refund_queued", "already_settled", "duplicate", "unmatched", "noted"]
    booking_id: NotRequired[str | None]
    reason: NotRequired[str | None]


class OpenPayment(TypedDict):
    """A payment that Stripe is asked about."""

    payment_id: str
    booking_id: str
    payment_intent_id: str


class RefundOrder(TypedDict):
    """A refund to ask for, or one that an email is about; `kept` is what is left of its payment after all refunds."""

    id: str
    attempt: int
    amount: int
    currency: str
    reason: str
    status: PublicRefundStatus
    payment_intent_id: str
    kept: int


class PendingRefund(TypedDict):
    """A refund that Stripe has taken and not finished."""

    id: str
    attempt: int
    stripe_refund_id: str


class RefundDifference(TypedDict):
    """A refund at Stripe that we know otherwise: its status `here`, None for one we do not know, and `at_stripe`."""

    id: str
    here: PublicRefundStatus | None
    at_stripe: str


class KnownRefund(TypedDict):
    """A refund of ours that Stripe has taken; `status` in our words."""

    stripe_refund_id: str
    amount: int
    status: PublicRefundStatus


class KnownPayment(TypedDict):
    """Money that arrived, and what went back of it."""

    payment_id: str
    booking_id: str
    payment_intent_id: str
    amount: int
    currency: str
    refunds: list[KnownRefund]


class Violation(TypedDict):
    """Something that must not be: the invariant it breaks, and where."""

    invariant: str
    violation: dict[str, Any]


class OutboxFigures(TypedDict):
    """Rows of the outbox of one kind and state; in seconds the age of the oldest, and how long one waits for a worker
    to take it."""

    kind: PrivateOutboxKind
    state: PrivateOutboxState
    rows: int
    oldest_seconds: float
    overdue_seconds: float


class OpenDispute(TypedDict):
    """A dispute that is not closed; `id` and `status` are Stripe's, `reference` the booking's."""

    id: str
    reference: str
    status: str
    amount: int
    currency: str


class Figures(TypedDict):
    """What an operator watches; refunds that are not finished, by status, and for how many seconds the oldest has it;
    `recent` is the last five minutes."""

    outbox: list[OutboxFigures]
    refunds: dict[str, int]
    refund_ages: dict[str, float]
    payments_open: int
    disputes_open: int
    disputes: list[OpenDispute]
    violations: int | None
    verified_seconds_ago: float
    sweep_seconds_ago: float
    locks_held: int
    lock_ids: int
    bookings_recent: dict[str, int]
    payments_recent: dict[str, int]


class EmailSeat(TypedDict):
    """A seat of an email's booking."""

    row: str
    number: int
    kind: PublicSeatKind
    price: int


class EmailBooking(TypedDict):
    """The booking of an email."""

    id: str
    reference: str
    showtime_id: int
    status: PublicBookingStatus
    total: int
    currency: str
    seats: list[EmailSeat]


class EmailShowtime(TypedDict):
    """When the film runs; ISO 8601."""

    id: int
    starts_at: str
    ends_at: str


class EmailMovie(TypedDict):
    """The film."""

    title: str
    certificate: PublicCertificate
    length_minutes: int


class EmailTheater(TypedDict):
    """Where; time_zone is an IANA name."""

    name: str
    address: str
    city: str
    time_zone: str


class EmailCustomer(TypedDict):
    """To whom."""

    email: str
    full_name: str


class EmailContext(TypedDict):
    """Everything that an email about a booking says (private.email_context)."""

    booking: EmailBooking
    showtime: EmailShowtime
    movie: EmailMovie
    theater: EmailTheater
    auditorium: str
    customer: EmailCustomer


class OutboxRow(TypedDict):
    """A claimed piece of work."""

    id: int
    attempt: int
    kind: PrivateOutboxKind
    key: str
    booking_id: str
    request_id: str | None
    payload: dict[str, Any]
    email: EmailContext | None
    refund: RefundOrder | None


class Transport(Protocol):
    """Carries a call. Raises ApiError for a refusal, UnavailableError where the database does not answer."""

    def call(self, function: str, arguments: Mapping[str, object], *, idempotent: bool) -> object:
        """Call a function; `idempotent` allows a second try where the connection was refused."""
        ...


class Database:
    """The SQL functions. Every method may raise ApiError with the function's own code, and UnavailableError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def check_registration_limit(self, address: str) -> Admission:
        """Whether somebody there may open an account; counts as an attempt."""
        return cast(Admission, self._call("check_registration_limit", address=address))

    def register_user(self, email: str, password_hash: str, full_name: str) -> User:
        """Open an account. Raises invalid_email, invalid_name, email_taken."""
        return cast(User, self._call("register_user", email=email, password_hash=password_hash, full_name=full_name))

    def begin_sign_in(self, email: str, address: str) -> Credentials:
        """What proves an account; counts as an attempt to sign in."""
        return cast(Credentials, self._call("begin_sign_in", email=email, address=address))

    def open_session(self, user_id: str, token_hash: str, user_agent: str | None, address: str) -> Session:
        """Begin a session with the SHA-256 of its first refresh token; what failed there is cleared. Raises
        unknown_user."""
        answer = self._call(
            "open_session", user_id=user_id, token_hash=token_hash, user_agent=user_agent, address=address
        )
        return cast(Session, answer)

    def rotate_session(self, token_hash: str, new_token_hash: str) -> Session | None:
        """Exchange a refresh token; None when it is refused. Sent once: the browser decides whether to ask again."""
        answer = cast(
            dict[str, Any], self._call("rotate_session", token_hash=token_hash, new_token_hash=new_token_hash)
        )
        return cast(Session, answer) if answer["status"] == "rotated" else None

    def close_session(self, token_hash: str, *, everywhere: bool) -> None:
        """Sign out of the token's session, or of all sessions of its owner."""
        self._call("close_session", idempotent=True, token_hash=token_hash, everywhere=everywhere)

    def start_payment(self, booking_id: UUID, user_id: UUID) -> Payment:
        """The payment to make for a booking. Raises unknown_booking, lock_expired, not_payable, too_many_attempts."""
        return cast(
            Payment, self._call("start_payment", idempotent=True, booking_id=str(booking_id), user_id=str(user_id))
        )

    def attach_payment_intent(self, payment_id: str, payment_intent_id: str) -> bool:
        """Note the intent of a payment; False when it has another one already. Raises not_payable."""
        answer = self._call(
            "attach_payment_intent", idempotent=True, payment_id=payment_id, payment_intent_id=payment_intent_id
        )
        return bool(cast(dict[str, Any], answer)["attached"])

    def confirm_booking(
        self,
        *,
        event_id: str,
        event_type: str,
        payment_intent_id: str,
        amount: int,
        currency: str,
        booking_id: UUID | None,
    ) -> Outcome:
        """Money has arrived: amount in minor units, booking_id from the intent's metadata. Raises invalid_request."""
        answer = self._call(
            "confirm_booking",
            idempotent=True,
            event_id=event_id,
            event_type=event_type,
            payment_intent_id=payment_intent_id,
            amount=amount,
            currency=currency,
            booking_id=str(booking_id) if booking_id else None,
        )
        return _outcome(answer)

    def record_payment_failure(
        self,
        *,
        event_id: str | None,
        event_type: str,
        payment_intent_id: str,
        canceled: bool,
        failure_code: str | None = None,
        failure_message: str | None = None,
    ) -> Outcome:
        """An attempt failed, or the intent can no longer be paid. event_id is None for what we did ourselves."""
        answer = self._call(
            "record_payment_failure",
            idempotent=True,
            event_id=event_id,
            event_type=event_type,
            payment_intent_id=payment_intent_id,
            canceled=canceled,
            failure_code=failure_code,
            failure_message=failure_message,
        )
        return _outcome(answer)

    def record_refund(
        self,
        *,
        event_id: str | None,
        event_type: str,
        stripe_refund_id: str | None,
        payment_intent_id: str | None,
        amount: int,
        status: str,
        failure_reason: str | None = None,
        refund_id: UUID | None = None,
        attempt: int | None = None,
    ) -> Outcome:
        """How a refund stands, in Stripe's words; refund_id and attempt are ours. Raises invalid_request."""
        answer = self._call(
            "record_refund",
            idempotent=event_id is not None,
            event_id=event_id,
            event_type=event_type,
            stripe_refund_id=stripe_refund_id,
            payment_intent_id=payment_intent_id,
            amount=amount,
            status=status,
            failure_reason=failure_reason,
            refund_id=str(refund_id) if refund_id else None,
            attempt=attempt,
        )
        return _outcome(answer)

    def release_expired_locks(self) -> dict[str, int]:
        """One sweep; answers what it did."""
        return cast(dict[str, int], self._call("release_expired_locks", idempotent=True))

    def record_dispute(
        self,
        *,
        event_id: str,
        event_type: str,
        stripe_dispute_id: str,
        payment_intent_id: str | None,
        amount: int,
        currency: str,
        reason: str,
        status: str,
    ) -> Outcome:
        """How a dispute stands, in Stripe's words. Raises invalid_request."""
        answer = self._call(
            "record_dispute",
            idempotent=True,
            event_id=event_id,
            event_type=event_type,
            stripe_dispute_id=stripe_dispute_id,
            payment_intent_id=payment_intent_id,
            amount=amount,
            currency=currency,
            reason=reason,
            status=status,
        )
        return _outcome(answer)

    def claim_outbox(self, max_rows: int, lease_seconds: int, kinds: Sequence[str]) -> list[OutboxRow]:
        """Work of these kinds that is due, for nobody else until the lease ends."""
        return cast(
            list[OutboxRow],
            self._call("claim_outbox", max_rows=max_rows, lease_seconds=lease_seconds, kinds=list(kinds)),
        )

    def complete_outbox(self, row: OutboxRow, error: str | None) -> bool:
        """End a claim: done, or with an error to be tried again later. False when the row is no longer ours."""
        return bool(self._call("complete_outbox", idempotent=True, id=row["id"], attempt=row["attempt"], error=error))

    def claim_payments_to_reconcile(self, older_than_seconds: float, max_rows: int) -> list[OpenPayment]:
        """Payments that are open for longer and that this caller alone may ask Stripe about now."""
        answer = self._call(
            "claim_payments_to_reconcile", older_than=f"{older_than_seconds} seconds", max_rows=max_rows
        )
        return cast(list[OpenPayment], answer)

    def claim_refunds_to_reconcile(self, older_than_seconds: float, max_rows: int) -> list[PendingRefund]:
        """Refunds that Stripe has taken and that have not moved for longer, for this caller alone."""
        answer = self._call("claim_refunds_to_reconcile", older_than=f"{older_than_seconds} seconds", max_rows=max_rows)
        return cast(list[PendingRefund], answer)

    def payments_to_verify(self, since: datetime) -> Iterator[KnownPayment]:
        """Money that arrived since then, oldest first."""
        return self._pages("payments_to_verify", "payment_id", since=since.isoformat())

    def compare_refunds(self, refunds: Sequence[Mapping[str, object]]) -> dict[str, RefundDifference]:
        """Those refunds at Stripe that the database does not know as they are there, by Stripe's id."""
        if not refunds:
            return {}
        rows = cast(list[RefundDifference], self._call("compare_refunds", idempotent=True, refunds=list(refunds)))
        return {row["id"]: row for row in rows}

    def settle_refund_attempt(
        self, refund_id: str, attempt: int, code: str | None, refunds: Sequence[Mapping[str, object]]
    ) -> str:
        """Report what Stripe made of an attempt to refund: the refund, or why it made none and which there are. The
        outcome."""
        answer = self._call(
            "settle_refund_attempt", refund_id=refund_id, attempt=attempt, code=code, refunds=list(refunds)
        )
        return cast(str, cast(dict[str, Any], answer)["outcome"])

    def check_invariants(self) -> list[Violation]:
        """What sql/platform/invariants.sql finds. It reads all there is, so ask over a long_timeout transport."""
        return cast(list[Violation], self._call("check_invariants", idempotent=True))

    def start_verification(self, every_seconds: float) -> bool:
        """Whether it is for us to verify now; true for one of all that ask, once in that time."""
        return bool(self._call("start_verification", every=f"{every_seconds} seconds"))

    def finish_verification(self, violations: int, *, daily: bool) -> None:
        """Note what a verification found, for the metrics; one that is not the daily one puts off none."""
        self._call("finish_verification", idempotent=True, violations=violations, daily=daily)

    def requeue_outbox(self, row_id: int | None) -> int:
        """Try emails again that were given up: that one, or all; how many."""
        return cast(int, self._call("requeue_outbox", id=row_id))

    def discard_email(self, row_id: int) -> bool:
        """Send an email that was given up no more; False when there is none."""
        return bool(self._call("discard_email", id=row_id))

    def operational_metrics(self) -> Figures:
        """What an operator watches."""
        return cast(Figures, self._call("operational_metrics", idempotent=True))

    def email(self, booking_id: UUID, user_id: UUID) -> EmailContext:
        """What an email about a customer's own booking says. Raises unknown_booking."""
        answer = self._call("ticket_context", idempotent=True, booking_id=str(booking_id), user_id=str(user_id))
        return cast(EmailContext, answer)

    def ping(self) -> None:
        """Raise unless the database answers and takes our key."""
        self._call("compare_refunds", idempotent=True, refunds=[])

    def _pages(self, function: str, key: str, **arguments: object) -> Iterator[Any]:
        """All rows, asked for page by page, so that none is too long and those that stay do not hide the others."""
        after: object = None
        while True:
            page = cast(
                list[dict[str, Any]],
                self._call(function, idempotent=True, max_rows=_PAGE, after=after, **arguments),
            )
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1][key]

    def _call(self, function: str, *, idempotent: bool = False, **arguments: object) -> object:
        return self._transport.call(function, arguments, idempotent=idempotent)


class DataApi:
    """The transport over supabase-py: one pool of connections, shared by the threads of a process.

    supabase-py sends the secret key as `apikey` and repeats it in `Authorization: Bearer`, for `sb_secret_` keys and
    the older JWT keys alike; gateways take the former kind there for the key itself.
    """

    def __init__(self, url: str, key: str, timeout: httpx.Timeout = _TIMEOUT) -> None:
        # HTTP/1.1: a thread has a connection of its own, and a lost one fails only the call that is on it.
        self._http = httpx.Client(
            timeout=timeout,
            limits=httpx.Limits(max_connections=32, keepalive_expiry=30),
            event_hooks={"request": [_name]},
        )
        options = SyncClientOptions(httpx_client=self._http, auto_refresh_token=False, persist_session=False)
        self._client: Client = create_client(url, key, options)
        # Made lazily, and not under a lock, by the first thread that asks.
        _ = self._client.postgrest

    def call(self, function: str, arguments: Mapping[str, object], *, idempotent: bool) -> object:
        """As Transport says."""
        try:
            return self._once(function, arguments)
        except UnavailableError as error:
            if not (idempotent and isinstance(error.__cause__, httpx.ConnectError)):
                raise
        time.sleep(_PAUSE_BEFORE_RETRY)
        return self._once(function, arguments)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _once(self, function: str, arguments: Mapping[str, object]) -> object:
        try:
            return self._client.rpc(function, dict(arguments)).execute().data
        except (postgrest.APIError, httpx.HTTPError) as error:
            raise _translated(error) from error


def _name(request: httpx.Request) -> None:
    """Tell the database under which id the logs speak of this call; it writes it down with what it changes."""
    if (request_id := logs.request_id()) is not None:
        request.headers["X-Request-Id"] = request_id


def _outcome(answer: object) -> Outcome:
    """What an event came to; the lines from here on say whose booking it is about."""
    outcome = cast(Outcome, answer)
    if booking_id := outcome.get("booking_id"):
        logs.add(booking_id=booking_id)
    return outcome


def _translated(error: postgrest.APIError | httpx.HTTPError) -> Exception:
    """What an answer that is none, or a refusal, means to us."""
    if isinstance(error, httpx.HTTPError):
        return UnavailableError("the database does not answer")
    code = error.code or ""
    if code.startswith("PT") and error.message in ERRORS and error.message != "busy":
        details = _details(error.details)
        retry_after = details.get("retry_after")
        return ApiError(error.message, details, retry_after=retry_after if isinstance(retry_after, int) else None)
    # Our own `busy`, a function's or our gateway's; the classes for contention and for a server that is starting,
    # stopping or out of connections; PostgREST's own codes for the same; and bare HTTP statuses, which gateways answer.
    # An empty code, in a 400, is PostgREST's for a server process that was killed in the middle of the call.
    if (
        error.code == ""
        or error.message == "busy"
        or code in ("40001", "40P01", "55P03", "57014", "PGRST000", "PGRST001", "PGRST002", "PGRST003")
        or code.startswith(("53", "57P", "08", "502", "503", "504"))
    ):
        return UnavailableError("the database is busy or away")
    _log.error("the database refused a call", extra={"sqlstate": code})
    return error


def _details(details: Any) -> Mapping[str, object]:
    try:
        parsed: object = json.loads(details) if isinstance(details, str) else details
    except ValueError:
        return {}
    return cast(Mapping[str, object], parsed) if isinstance(parsed, dict) else {}
