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
    """An account, as the functions answer it."""

    id: str
    email: str
    full_name: str
    role: str


class Credentials(TypedDict):
    """The answer of begin_sign_in; `retry_after` is in seconds."""

    status: Literal["known", "unknown", "limited"]
    user: NotRequired[User]
    password_hash: NotRequired[str]
    retry_after: NotRequired[float]


class Admission(TypedDict):
    """Leave for one more account or human check, or not yet; `retry_after` is in seconds."""

    status: Literal["admitted", "limited"]
    retry_after: NotRequired[int]


class Rotation(TypedDict):
    """The outcome for a refresh token; a Session beside it where it was exchanged."""

    status: Literal["rotated", "refused"]


class Session(TypedDict):
    """A sign-in; `expires_at` and `human_until`, for which a passed human check counts, are ISO 8601."""

    session_id: str
    expires_at: str
    human_until: str | None
    user: User


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
    """The recipient."""

    email: str
    full_name: str


class EmailContext(TypedDict):
    """Everything that an email about a booking says (private.email_context). `moved_from` is when the showtime was to
    start as it was booked, if it was moved since."""

    booking: EmailBooking
    was_confirmed: bool
    moved_from: str | None
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
    request_id: NotRequired[str | None]
    payload: dict[str, Any]
    email: EmailContext | None
    refund: RefundOrder | None
