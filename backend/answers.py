"""The shapes of what the database answers: checked when an answer arrives, so that nothing behind this boundary meets
another shape than its types say.

They are dictionaries as they came, without fields that are not listed, and the database's labels are any strings: an
older Flask meets a newer database. Only what decides the next step is one of the labels known here. Numbers, strings
and booleans are taken as they are, and nothing is converted.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Final, Literal, NotRequired, TypeVar

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict  # typing's own lacks before Python 3.12 what pydantic reads

from backend.database_types import PrivateOutboxKind
from backend.errors import AnswerError

_log = logging.getLogger(__name__)

_NAMED_FIELDS: Final = 5
"""How many wrong fields a log line names."""

T = TypeVar("T")


def checked(expected: type[T], function: str, answer: object) -> T:
    """Return the answer of that function in the expected shape. Raises AnswerError, after a log line that names the
    function and the fields, and quotes nothing."""
    try:
        return _adapter(expected).validate_python(answer, strict=True)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        fields = [f"{'.'.join(map(str, each['loc'])) or 'answer'}: {each['type']}" for each in wrong[:_NAMED_FIELDS]]
    _log.error("unexpected answer", extra={"function": function, "fields": fields})
    raise AnswerError(f"{function} answered in another shape: {'; '.join(fields)}")


@cache
def _adapter(expected: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(expected)


class User(TypedDict):
    """A user, as the functions answer it; `kind` is guest or registered. A guest may have no address and name yet."""

    id: str
    kind: str
    email: str | None
    full_name: str | None
    role: str
    email_verified: bool


class Registered(User):
    """An account, and whether it was opened now, not before by the same guest."""

    opened: bool


class Attempt(TypedDict):
    """What every function answers that counts attempts: `limited`, with the seconds to wait in `retry_after`, or a word
    of its own."""

    status: str
    retry_after: NotRequired[float]


class KnownAccount(TypedDict):
    """An account that an address leads to, and the hash of its password."""

    user: User
    password_hash: str


class SignInAttempt(TypedDict):
    """The answer of begin_sign_in: the owner's account before others."""

    status: Literal["known"]
    accounts: NotRequired[list[KnownAccount]]


class Admission(TypedDict):
    """Leave for one more account or human check."""

    status: Literal["admitted"]


class Request(TypedDict):
    """What became of an email that somebody asked for."""

    status: Literal["sent"]


class Account(TypedDict):
    """The address of an account whose password was replaced."""

    email: str


class ProvedEmail(TypedDict):
    """An address that was proved, and whether it was the account's already."""

    email: str
    purpose: Literal["verify_email", "change_email"]


class ResetAttempt(TypedDict):
    """What is to become of the link that resets a password."""

    status: Literal["good", "expired"]


class IssuedToken(TypedDict):
    """For how many minutes a link is good; None where there is no account for one."""

    valid_minutes: int | None


class PasswordCheck(TypedDict):
    """What proves who changes or deletes an account; `unknown` for who has no password."""

    status: Literal["known", "unknown"]
    password_hash: NotRequired[str]


class Departure(TypedDict):
    """Somebody who leaves: forgotten, or scheduled `until` all that they have here is over (ISO 8601)."""

    status: Literal["deleted", "scheduled"]
    until: NotRequired[str]


class NamedDeparture(Departure):
    """A departure, and whose."""

    user_id: str


class Retention(TypedDict):
    """What was deleted, by step, and whether more is to be."""

    more: bool
    done: dict[str, int | None]


class Rotation(TypedDict):
    """The outcome for a refresh token; a Session beside it where it was exchanged."""

    status: Literal["rotated", "refused"]


class Session(TypedDict):
    """A sign-in; `expires_at` and `human_until`, for which a passed human check counts, are ISO 8601; `aal` is aal2
    where a second factor was proven. The user has the role of the session, which may be less than the account's."""

    session_id: str
    expires_at: str
    human_until: str | None
    aal: str
    user: User


class SecondFactorAttempt(TypedDict):
    """Leave to compare a code; a SecondFactorCheck beside it where the account is known."""

    status: Literal["known", "unknown"]


class SecondFactorCheck(TypedDict):
    """What a code is compared with; `secret` is encrypted and None where there is no factor; `checked_at` is the
    database's clock, in seconds since 1970."""

    user: User
    password_hash: str | None
    secret: str | None
    is_confirmed: bool
    checked_at: int


class EncryptedSecret(TypedDict):
    """The secret of somebody's second factor."""

    user_id: str
    secret: str


class Payment(TypedDict):
    """A payment that may be made; amounts are in minor units, currencies ISO 4217 in capitals."""

    payment_id: str
    booking_id: str
    reference: str
    amount: int
    currency: str
    payment_intent_id: str | None
    expires_at: str


class Attachment(TypedDict):
    """True when the payment carries the intent, false when it has another one."""

    attached: bool


class Outcome(TypedDict):
    """The outcome of an event."""

    outcome: Literal["confirmed", "refund_queued", "already_settled", "duplicate", "unmatched", "noted"]
    booking_id: NotRequired[str | None]
    reason: NotRequired[str | None]


class OpenPayment(TypedDict):
    """A payment that Stripe is asked about."""

    payment_id: str
    payment_intent_id: str


class RefundOrder(TypedDict):
    """A refund to ask for, or one that an email is about; `kept` is what is left of its payment after all refunds."""

    id: str
    attempt: int
    amount: int
    currency: str
    reason: str
    status: str
    payment_intent_id: str
    kept: int


class Settlement(TypedDict):
    """The outcome of an attempt to refund."""

    outcome: str


class PendingRefund(TypedDict):
    """A refund that Stripe has taken and not finished."""

    id: str
    attempt: int
    stripe_refund_id: str


class RefundDifference(TypedDict):
    """A refund at Stripe that we know otherwise: its status `here`, None for one we do not know, and `at_stripe`."""

    id: str
    here: str | None
    at_stripe: str


class KnownRefund(TypedDict):
    """A refund of ours that Stripe has taken; `status` in our words."""

    stripe_refund_id: str
    amount: int
    status: str


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
    to take it. Kinds of tomorrow are counted as well, and refuse nothing."""

    kind: str
    state: str
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
    """Metrics for operators; refunds that are not finished, by status, and for how many seconds the oldest has it;
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
    sweep_failures: NotRequired[int]
    retention_seconds_ago: NotRequired[float]
    departures_overdue: NotRequired[int]
    locks_held: int
    locks_begun: int
    bookings_recent: dict[str, int]
    payments_recent: dict[str, int]


class EmailSeat(TypedDict):
    """A seat of an email's booking."""

    row: str
    number: int
    kind: str
    price: int


class EmailBooking(TypedDict):
    """The booking of an email."""

    id: str
    reference: str
    showtime_id: int
    status: str
    total: int
    currency: str
    seats: list[EmailSeat]


class EmailShowtime(TypedDict):
    """When the film runs; ISO 8601. `revision` counts its changes of time and place."""

    id: int
    starts_at: str
    ends_at: str
    revision: int


class EmailMovie(TypedDict):
    """The film."""

    title: str
    certificate: str
    length_minutes: int


class EmailTheater(TypedDict):
    """Where; time_zone is an IANA name."""

    name: str
    address: str
    city: str
    time_zone: str


class EmailCustomer(TypedDict):
    """The recipient; who never said a name has none. `kind` is guest or registered, of a booking's customer."""

    email: str
    full_name: str | None
    kind: NotRequired[str]


class EmailCinema(TypedDict):
    """The cinema as emails name it; what it did not set is None. The address may have several lines."""

    name: str
    contact_email: str | None
    contact_url: str | None
    postal_address: str | None


class EmailContext(TypedDict):
    """Everything that an email about a booking says (private.email_context). `moved_from` is when the showtime was to
    start as it was booked, if it was moved since; `language` a tag of BCP 47, for which there need not be texts.
    `booking_page` is the link that the worker gives a guest; others sign in."""

    booking: EmailBooking
    was_confirmed: bool
    moved_from: str | None
    showtime: EmailShowtime
    movie: EmailMovie
    theater: EmailTheater
    auditorium: str
    customer: EmailCustomer
    language: str
    cinema: EmailCinema
    booking_page: NotRequired[str]


class LinkedTicket(TypedDict):
    """What the link of a guest's email shows: a booking as my_booking answers it, and whether it may be cancelled."""

    booking: dict[str, Any]
    email: EmailContext
    cancellable: bool


class AccountEmailContext(TypedDict):
    """The same of an email about an account, which has no booking (private.account_email_context). `known` is False
    where nobody has an account with the address that somebody typed; `taken` is True where the address that an account
    is to have has another."""

    customer: EmailCustomer
    language: str
    cinema: EmailCinema
    known: bool
    taken: bool


class OutboxRow(TypedDict):
    """A claimed piece of work."""

    id: int
    attempt: int
    kind: PrivateOutboxKind
    key: str
    booking_id: str | None
    """None for an email about an account."""
    request_id: NotRequired[str | None]
    payload: dict[str, Any]
    email: EmailContext | None
    account: NotRequired[AccountEmailContext | None]
    refund: RefundOrder | None
