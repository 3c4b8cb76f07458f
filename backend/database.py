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
from typing import Any, Final, Protocol, TypeVar, cast
from uuid import UUID

import httpx
import postgrest
from supabase import Client, create_client
from supabase.lib.client_options import SyncClientOptions

from backend import logs
from backend.answers import (
    Account,
    Admission,
    Attachment,
    Attempt,
    Departure,
    EmailContext,
    EncryptedSecret,
    Figures,
    IssuedToken,
    KnownPayment,
    LinkedTicket,
    NamedDeparture,
    OpenPayment,
    OutboxRow,
    Outcome,
    PasswordCheck,
    Payment,
    PendingRefund,
    ProvedEmail,
    RefundDifference,
    Registered,
    Request,
    ResetAttempt,
    Retention,
    Rotation,
    SecondFactorAttempt,
    SecondFactorCheck,
    Session,
    Settlement,
    SignInAttempt,
    Violation,
    checked,
)
from backend.error_codes import ERRORS
from backend.errors import ApiError, UnavailableError

_log = logging.getLogger(__name__)

# Short: a gunicorn thread that waits serves no request. The Data API itself gives up after 8 s.
_TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)
LONG_TIMEOUT: Final = httpx.Timeout(620.0, connect=3.0)
"""For `check_invariants`, which the database grants ten minutes."""
SLOWEST_CALL_SECONDS: Final = 33.0
"""The maximum time of one call: a connection of the pool, connecting, asking and answering, each up to its limit."""
SHORT_TIMEOUT: Final = httpx.Timeout(2.0, connect=1.0)
"""For health checks: their callers give up after ten seconds, and need the answer before that."""
_PAUSE_BEFORE_RETRY: Final = 0.2
_PAGE: Final = 200
_NO_SUCH_FUNCTION: Final = "PGRST202"

T = TypeVar("T")
Row = TypeVar("Row", bound=Mapping[str, object])


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
        """Count an attempt to open an account there. Raises too_many_attempts."""
        return self._attempt(Admission, "check_registration_limit", address=address)

    def register_user(
        self, email: str, password_hash: str, full_name: str, guest_session_id: UUID | None = None
    ) -> Registered:
        """Open an account, which the guest of that session becomes, or has become. Raises invalid_email,
        invalid_name."""
        return self._ask(
            *(Registered, "register_user"),
            email=email,
            password_hash=password_hash,
            full_name=full_name,
            guest_session_id=_optional(guest_session_id),
        )

    def open_guest_session(self, token_hash: str, user_agent: str | None, address: str) -> Session:
        """Begin the session of a new guest with the SHA-256 of its first refresh token. Raises too_many_attempts."""
        return self._attempt(
            *(Session, "open_guest_session"), token_hash=token_hash, user_agent=user_agent, address=address
        )

    def begin_sign_in(self, email: str, address: str) -> SignInAttempt:
        """Get what proves the accounts of an address; counts as an attempt to sign in."""
        return self._attempt(SignInAttempt, "begin_sign_in", email=email, address=address)

    def open_session(
        self,
        user_id: str,
        token_hash: str,
        user_agent: str | None,
        address: str,
        password_hash: str,
        *,
        second_factor: bool = False,
        guest_session_id: UUID | None = None,
    ) -> Session:
        """Begin a session with the SHA-256 of its first refresh token; what failed there is cleared. `second_factor`
        says that a code was just used; what the guest of the other session has becomes the account's. Raises
        unknown_user, account_blocked, second_factor_required, and invalid_credentials where the password was changed
        since."""
        return self._ask(
            *(Session, "open_session"),
            user_id=user_id,
            token_hash=token_hash,
            user_agent=user_agent,
            address=address,
            password_hash=password_hash,
            second_factor=second_factor,
            guest_session_id=_optional(guest_session_id),
        )

    def rotate_session(self, token_hash: str, new_token_hash: str) -> Session | None:
        """Exchange a refresh token; None when it is refused. Sent once: the browser decides whether to ask again."""
        answer = self._call("rotate_session", token_hash=token_hash, new_token_hash=new_token_hash)
        rotated = checked(Rotation, "rotate_session", answer)["status"] == "rotated"
        return checked(Session, "rotate_session", answer) if rotated else None

    def close_session(self, token_hash: str, *, everywhere: bool) -> None:
        """Sign out of the token's session, or of all sessions of its owner."""
        self._call("close_session", idempotent=True, token_hash=token_hash, everywhere=everywhere)

    def begin_second_factor_check(
        self, user_id: UUID, address: str, session_id: UUID | None = None
    ) -> SecondFactorCheck | None:
        """Get what a code, and a password that is asked again, are compared with; counts as an attempt. None where
        there is no such account. Raises session_ended, too_many_attempts."""
        function = "begin_second_factor_check"
        answer = self._admitted(function, user_id=str(user_id), address=address, session_id=_optional(session_id))
        known = checked(SecondFactorAttempt, function, answer)["status"] == "known"
        return checked(SecondFactorCheck, function, answer) if known else None

    def begin_second_factor(self, user_id: UUID, session_id: UUID, address: str, secret: str) -> None:
        """Keep the encrypted secret of a factor that is to be confirmed. Raises session_ended, second_factor_exists."""
        self._call(
            "begin_second_factor", user_id=str(user_id), session_id=str(session_id), address=address, secret=secret
        )

    def confirm_second_factor(
        self,
        user_id: UUID,
        session_id: UUID,
        address: str,
        secret: str,
        counter: int,
        recovery_code_hashes: Sequence[str],
    ) -> None:
        """Have codes asked for from now on, and end the account's other sessions. Raises session_ended,
        no_second_factor."""
        self._call(
            "confirm_second_factor",
            user_id=str(user_id),
            session_id=str(session_id),
            address=address,
            secret=secret,
            counter=counter,
            recovery_code_hashes=list(recovery_code_hashes),
        )

    def use_second_factor(self, user_id: UUID, address: str, secret: str, counter: int) -> bool:
        """Use up the code of that time step; False where it, or a later one, was used before."""
        return self._ask(
            bool, "use_second_factor", user_id=str(user_id), address=address, secret=secret, counter=counter
        )

    def use_recovery_code(self, user_id: UUID, address: str, code_hash: str) -> bool:
        """Use up a recovery code; False where there is none that is unused."""
        return self._ask(bool, "use_recovery_code", user_id=str(user_id), address=address, code_hash=code_hash)

    def remove_second_factor(self, user_id: UUID) -> bool:
        """Remove a factor and its recovery codes; False where there was none."""
        return self._ask(bool, "remove_second_factor", idempotent=True, user_id=str(user_id))

    def second_factor_secrets(self) -> Iterator[EncryptedSecret]:
        """List the secrets of all second factors."""
        return self._pages(list[EncryptedSecret], "second_factor_secrets", "user_id")

    def replace_second_factor_secret(self, user_id: str, secret: str, new_secret: str) -> bool:
        """Store the same secret in another encryption; False where it is another one by now."""
        return self._ask(
            bool,
            "replace_second_factor_secret",
            user_id=user_id,
            secret=secret,
            new_secret=new_secret,
        )

    def begin_human_check(self, session_id: UUID, user_id: UUID, address: str) -> Admission:
        """Count a human check that is about to be verified, and say if it may be. Raises session_ended."""
        return self._attempt(
            Admission, "begin_human_check", session_id=str(session_id), user_id=str(user_id), address=address
        )

    def pass_human_check(self, session_id: UUID, user_id: UUID) -> Session:
        """Record that a session passed the human check. Raises session_ended."""
        return self._ask(Session, "pass_human_check", idempotent=True, session_id=str(session_id), user_id=str(user_id))

    def request_password_reset(self, email: str, address: str) -> Request:
        """Have a link sent by which a forgotten password is replaced, whether that address has an account or not."""
        return self._attempt(Request, "request_password_reset", email=email, address=address)

    def reset_password(self, token_hash: str, password_hash: str) -> Account:
        """Replace a password by the SHA-256 of a link's token. Raises link_expired, email_taken."""
        return self._ask(Account, "reset_password", token_hash=token_hash, password_hash=password_hash)

    def begin_password_reset(self, token_hash: str, address: str) -> ResetAttempt:
        """Say whether a link resets a password, before one is hashed; counts as an attempt."""
        return self._attempt(ResetAttempt, "begin_password_reset", token_hash=token_hash, address=address)

    def begin_proof(self, token_hash: str, address: str) -> PasswordCheck:
        """Get what proves the account of a link; counts as an attempt to sign in. Raises link_expired."""
        return self._attempt(PasswordCheck, "begin_proof", token_hash=token_hash, address=address)

    def prove_email(
        self, token_hash: str, session_id: UUID | None = None, password_hash: str | None = None
    ) -> ProvedEmail:
        """Prove an address by the SHA-256 of a link's token, and by a session of its account or the hash of its
        password. Raises link_expired, password_required, email_taken."""
        return self._ask(
            *(ProvedEmail, "prove_email"),
            token_hash=token_hash,
            session_id=_optional(session_id),
            password_hash=password_hash,
        )

    def begin_password_check(self, user_id: UUID, address: str) -> PasswordCheck:
        """Get what proves the account of somebody signed in; counts as an attempt to sign in."""
        return self._attempt(PasswordCheck, "begin_password_check", user_id=str(user_id), address=address)

    def change_password(
        self, user_id: UUID, session_id: UUID, password_hash: str, new_password_hash: str, address: str
    ) -> None:
        """Replace the password that has that hash, and end the other sessions. Raises invalid_credentials."""
        self._call(
            "change_password",
            user_id=str(user_id),
            session_id=str(session_id),
            password_hash=password_hash,
            new_password_hash=new_password_hash,
            address=address,
        )

    def request_email_change(self, user_id: UUID, password_hash: str, email: str, address: str) -> Request:
        """Have a link sent to the address that an account is to have. Raises invalid_credentials, invalid_email."""
        return self._attempt(
            *(Request, "request_email_change"),
            user_id=str(user_id),
            password_hash=password_hash,
            email=email,
            address=address,
        )

    def issue_account_token(self, outbox_id: int, purpose: str, token_hash: str) -> IssuedToken:
        """Note the SHA-256 of a link's token that is about to be sent; asked again, the newest counts."""
        return self._ask(
            *(IssuedToken, "issue_account_token"),
            idempotent=True,
            outbox_id=outbox_id,
            purpose=purpose,
            token_hash=token_hash,
        )

    def block_user(self, email: str, *, blocked: bool) -> bool:
        """Keep the owner of an address out, or let them in again; False where nobody has it."""
        return self._ask(bool, "block_user", idempotent=True, email=email, blocked=blocked)

    def end_all_sessions(self) -> int:
        """End the sessions of all customers; return how many there were."""
        return self._ask(int, "end_all_sessions", idempotent=True)

    def begin_leaving(self, session_id: UUID, user_id: UUID, address: str) -> PasswordCheck:
        """Get what proves the owner of an account that is to be deleted; counts as a sign-in. Raises session_ended."""
        return self._attempt(
            PasswordCheck, "begin_leaving", session_id=str(session_id), user_id=str(user_id), address=address
        )

    def delete_my_account(self, user_id: UUID) -> Departure:
        """Forget a person, now or when all is over; their sessions end now. Raises unknown_user."""
        return self._ask(Departure, "delete_my_account", idempotent=True, user_id=str(user_id))

    def forget_user(self, who: str) -> list[NamedDeparture]:
        """Forget all who have that address, or the one with that id. Raises unknown_user."""
        return self._ask(list[NamedDeparture], "forget_user", idempotent=True, who=who)

    def keep_retention(self) -> Retention:
        """Delete some of what is no longer kept."""
        return self._ask(Retention, "keep_retention", idempotent=True)

    def start_payment(self, booking_id: UUID, user_id: UUID) -> Payment:
        """Start the payment of a booking. Raises unknown_booking, lock_expired, not_payable, too_many_attempts."""
        return self._ask(Payment, "start_payment", idempotent=True, booking_id=str(booking_id), user_id=str(user_id))

    def attach_payment_intent(self, payment_id: str, payment_intent_id: str) -> bool:
        """Note the intent of a payment; False when it has another one already. Raises not_payable."""
        answer = self._ask(
            Attachment,
            "attach_payment_intent",
            idempotent=True,
            payment_id=payment_id,
            payment_intent_id=payment_intent_id,
        )
        return answer["attached"]

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
        """Record money that arrived: amount in minor units, booking_id from the intent's metadata. Raises
        invalid_request."""
        answer = self._ask(
            Outcome,
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
        """Record that an attempt failed, or that the intent can no longer be paid. event_id is None for what we did."""
        answer = self._ask(
            Outcome,
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
        """Record how a refund stands, in Stripe's words; refund_id and attempt are ours. Raises invalid_request."""
        answer = self._ask(
            Outcome,
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
        """Sweep once; return what that did, by name."""
        return self._ask(dict[str, int], "release_expired_locks", idempotent=True)

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
        """Record how a dispute stands, in Stripe's words. Raises invalid_request."""
        answer = self._ask(
            Outcome,
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
        """Claim work of these kinds that is due; no other worker gets it until the lease ends."""
        return self._ask(
            list[OutboxRow], "claim_outbox", max_rows=max_rows, lease_seconds=lease_seconds, kinds=list(kinds)
        )

    def complete_outbox(self, row: OutboxRow, error: str | None) -> bool:
        """End a claim: done, or with an error to be tried again later. False when the row is no longer ours."""
        return self._ask(bool, "complete_outbox", idempotent=True, id=row["id"], attempt=row["attempt"], error=error)

    def claim_payments_to_reconcile(self, older_than_seconds: float, max_rows: int) -> list[OpenPayment]:
        """Claim payments that are open for longer and that this caller alone may ask Stripe about now."""
        older_than = f"{older_than_seconds} seconds"
        return self._ask(list[OpenPayment], "claim_payments_to_reconcile", older_than=older_than, max_rows=max_rows)

    def claim_refunds_to_reconcile(self, older_than_seconds: float, max_rows: int) -> list[PendingRefund]:
        """Claim refunds that Stripe has taken and that have not moved for longer, for this caller alone."""
        older_than = f"{older_than_seconds} seconds"
        return self._ask(list[PendingRefund], "claim_refunds_to_reconcile", older_than=older_than, max_rows=max_rows)

    def release_check(self, subject_id: str, older_than_seconds: float) -> None:
        """Take back the look at a claimed payment or refund, since the question was not answered."""
        self._ask(type(None), "release_check", subject_id=subject_id, older_than=f"{older_than_seconds} seconds")

    def payments_to_verify(self, since: datetime) -> Iterator[KnownPayment]:
        """List money that arrived since then, oldest first."""
        return self._pages(list[KnownPayment], "payments_to_verify", "payment_id", since=since.isoformat())

    def compare_refunds(self, refunds: Sequence[Mapping[str, object]]) -> dict[str, RefundDifference]:
        """Return those refunds at Stripe that the database does not know as they are there, by Stripe's id."""
        if not refunds:
            return {}
        rows = self._ask(list[RefundDifference], "compare_refunds", idempotent=True, refunds=list(refunds))
        return {row["id"]: row for row in rows}

    def settle_refund_attempt(
        self, refund_id: str, attempt: int, code: str | None, refunds: Sequence[Mapping[str, object]]
    ) -> str:
        """Report what Stripe made of an attempt to refund: the refund, or why it made none and which there are. Return
        the outcome."""
        return self._ask(
            Settlement,
            "settle_refund_attempt",
            refund_id=refund_id,
            attempt=attempt,
            code=code,
            refunds=list(refunds),
        )["outcome"]

    def check_invariants(self) -> list[Violation]:
        """Return what sql/platform/invariants.sql finds. It reads all there is: use a long_timeout transport."""
        return self._ask(list[Violation], "check_invariants", idempotent=True)

    def start_verification(self, every_seconds: float) -> bool:
        """Take the daily verification over; true for one of all that ask, once in that time."""
        return self._ask(bool, "start_verification", every=f"{every_seconds} seconds")

    def finish_verification(self, violations: int, *, daily: bool) -> None:
        """Record what a verification found, for the metrics; one by hand does not put the daily one off."""
        self._call("finish_verification", idempotent=True, violations=violations, daily=daily)

    def requeue_outbox(self, row_id: int | None) -> int:
        """Try emails again that were given up, that one or all; return how many."""
        return self._ask(int, "requeue_outbox", id=row_id)

    def discard_email(self, row_id: int) -> bool:
        """Discard an email that was given up; False when there is none."""
        return self._ask(bool, "discard_email", id=row_id)

    def operational_metrics(self) -> Figures:
        """Return what an operator watches."""
        return self._ask(Figures, "operational_metrics", idempotent=True)

    def email(self, booking_id: UUID, user_id: UUID) -> EmailContext:
        """Return what an email about a customer's own booking says. Raises unknown_booking."""
        return self._ask(
            EmailContext, "ticket_context", idempotent=True, booking_id=str(booking_id), user_id=str(user_id)
        )

    def add_ticket_link(self, booking_id: str, key_hash: str) -> bool:
        """Note the SHA-256 of the key of a link that is about to be sent; False where the booking is gone."""
        return self._ask(bool, "add_ticket_link", idempotent=True, booking_id=booking_id, key_hash=key_hash)

    def open_ticket(self, reference: str, key_hash: str) -> LinkedTicket:
        """Return the booking of a link, by the SHA-256 of its key. Raises link_expired."""
        return self._ask(LinkedTicket, "open_ticket", idempotent=True, reference=reference, key_hash=key_hash)

    def cancel_by_link(self, reference: str, key_hash: str) -> LinkedTicket:
        """Give up the booking of a link. Raises link_expired, not_cancellable."""
        return self._ask(LinkedTicket, "cancel_by_link", idempotent=True, reference=reference, key_hash=key_hash)

    def schema_version(self) -> str:
        """Return the timestamp of the database's newest migration; empty where it is too old to know."""
        try:
            return self._ask(str, "schema_version", idempotent=True)
        except postgrest.APIError as error:
            if error.code != _NO_SUCH_FUNCTION:
                raise
            return ""

    def _pages(self, expected: type[list[Row]], function: str, key: str, **arguments: object) -> Iterator[Row]:
        """Read all rows page by page, so that no answer is too long and rows that stay do not hide the others."""
        after: object = None
        while True:
            page = self._ask(expected, function, idempotent=True, max_rows=_PAGE, after=after, **arguments)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1][key]

    def _ask(self, expected: type[T], function: str, *, idempotent: bool = False, **arguments: object) -> T:
        """Call a function whose answer has that shape. Raises AnswerError for another one."""
        return checked(expected, function, self._call(function, idempotent=idempotent, **arguments))

    def _attempt(self, expected: type[T], function: str, **arguments: object) -> T:
        """The same of a function that counts attempts. Raises too_many_attempts."""
        return checked(expected, function, self._admitted(function, **arguments))

    def _admitted(self, function: str, **arguments: object) -> object:
        """Call a function that counts attempts: it answers that there were too many, since what it counted would be
        rolled back if it raised. Raises too_many_attempts."""
        answer = self._call(function, idempotent=False, **arguments)
        attempt = checked(Attempt, function, answer)
        if attempt["status"] == "limited":
            raise ApiError("too_many_attempts", retry_after=int(attempt.get("retry_after", 60)))
        return answer

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
    """Pass on the id that our log lines carry; the database records it with what it changes."""
    if (request_id := logs.request_id()) is not None:
        request.headers["X-Request-Id"] = request_id


def _outcome(outcome: Outcome) -> Outcome:
    """Pass on what an event came to; the log lines from here on say whose booking it is about."""
    if booking_id := outcome.get("booking_id"):
        logs.add(booking_id=booking_id)
    return outcome


def _translated(error: postgrest.APIError | httpx.HTTPError) -> Exception:
    """Translate a failed call or a refusal into an error of ours."""
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


def _optional(identifier: UUID | None) -> str | None:
    return str(identifier) if identifier else None
