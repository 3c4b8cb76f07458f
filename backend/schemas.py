"""The JSON that Flask takes and answers, one model for each body. The OpenAPI document is generated from them."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from backend.passwords import LONGEST, SHORTEST
from backend.request_body import as_text, as_uuid

UUID_PATTERN: Final = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_TOKEN_PATTERN: Final = r"^[\w-]+\.[\w-]+\.[\w-]+$"  # noqa: S105 - the form of a token


def _storable(value: str) -> str:
    if as_text(value) is None:
        raise ValueError("must be a string")
    return value


def _uuid(value: object) -> UUID:
    if (parsed := value if isinstance(value, UUID) else as_uuid(value)) is None:
        raise ValueError("must be a UUID")
    return parsed


Text = Annotated[str, AfterValidator(_storable)]
"""A string that PostgreSQL can store: without NUL."""

Uuid = Annotated[UUID, BeforeValidator(_uuid), WithJsonSchema({"type": "string", "pattern": UUID_PATTERN})]
"""A UUID in its usual form; uuid.UUID itself takes braces, URNs and digits alone as well."""


LinkToken = Annotated[str, AfterValidator(_storable), Field(min_length=1, max_length=200)]
"""What the link of an email has after its #."""


class Request(BaseModel):
    """A request body. An unknown field is refused: a client that sends an amount believes that it counts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Registration(Request):
    """A new account. What an address and a name must be, the database decides."""

    email: Text = Field(examples=["ada@example.com"])
    # Not refused here: weak_password is an error of its own, with a sentence for people.
    password: Text = Field(json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST})
    full_name: Text = Field(json_schema_extra={"minLength": 1, "maxLength": 200})


class Login(Request):
    """A sign-in."""

    email: Text
    password: Text


class ForgottenPassword(Request):
    """Whose password is forgotten."""

    email: Text


class NewPassword(Request):
    """The token of a link, and the password that replaces the forgotten one."""

    token: LinkToken
    password: Text = Field(json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST})


class TicketLink(Request):
    """The two parts of a link to a ticket: the reference of the booking, and the key behind the #."""

    reference: Text = Field(min_length=1, max_length=20)
    key: LinkToken


class EmailProof(Request):
    """The token of a link that was sent to the address which it proves, and the password of the account that asked for
    it, from who is not signed in to that."""

    token: LinkToken
    password: Text | None = None


class PasswordChange(Request):
    """A password and the one that replaces it."""

    current_password: Text
    new_password: Text = Field(json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST})


class EmailChange(Request):
    """The address that an account is to have."""

    password: Text
    email: Text


class Logout(Request):
    """Which sessions end: this one, or all of its owner's."""

    everywhere: bool = False


class HumanToken(Request):
    """What the human check's widget gave the page. Providers issue some two thousand characters."""

    token: Text = Field(min_length=1, max_length=8192)


class Password(Request):
    """The password of who is signed in, once more."""

    password: Text


class SecondFactorCode(Request):
    """A code of the authenticator app that is being set up. Spaces in it do not count."""

    code: Text = Field(min_length=1, max_length=32, examples=["123 456"])


class SecondFactorProof(Request):
    """A code of the authenticator app, or else a recovery code, whose letters may be small and without hyphens."""

    code: Text | None = Field(default=None, min_length=1, max_length=32, examples=["123456"])
    recovery_code: Text | None = Field(default=None, min_length=1, max_length=64, examples=["ABCD-EFGH-IJKL-MNOP"])


class SecondFactorSignIn(SecondFactorProof):
    """The challenge that answered the password, and a code or a recovery code."""

    challenge: Text = Field(min_length=1, max_length=4096)


class SecondFactorRemoval(SecondFactorProof):
    """The password, and a code or a recovery code."""

    password: Text


class AccountDeletion(Request):
    """Proof of who deletes an account. A guest has no password."""

    password: Text | None = None


class BookingId(Request):
    """The booking to pay for."""

    booking_id: Uuid


class Response(BaseModel):
    """A response body."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, json_schema_serialization_defaults_required=True
    )


class User(Response):
    """Who is signed in. A guest may have no address and no name yet."""

    id: Annotated[str, Field(pattern=UUID_PATTERN)]
    kind: Literal["guest", "registered"]
    email: str | None
    full_name: str | None
    # Not the type of the database's roles: a migration that adds one comes before the release that knows it.
    role: str
    email_verified: bool
    """Whether a link that was sent to the address has been opened."""


class Account(Response):
    """The account whose password was replaced."""

    email: str


class ProvedEmail(Response):
    """An address that was proved, and whether it was the account's already."""

    email: str
    purpose: Literal["verify_email", "change_email"]


class SignIn(Response):
    """An access token and its account."""

    access_token: Annotated[str, Field(pattern=_TOKEN_PATTERN)]
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - OAuth's word for the kind
    expires_in: Annotated[int, Field(description="Seconds.")]
    user: User


class SecondFactorChallenge(Response):
    """The password was right, and the account asks for a code as well."""

    second_factor: Literal[True] = True
    challenge: Annotated[str, Field(pattern=_TOKEN_PATTERN)]
    expires_in: Annotated[int, Field(description="Seconds.")]


class Departure(Response):
    """An account that is deleted, or will be once all that was booked with it is over. Signing in before that keeps
    it."""

    status: Literal["deleted", "scheduled"]
    until: Annotated[str | None, Field(description="When that is, as far as it is known; null for what is deleted.")]


class Intent(Response):
    """The means to pay at Stripe."""

    payment_intent_id: str
    client_secret: str
    amount: Annotated[int, Field(ge=1, description="In minor units.")]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    expires_at: Annotated[str, Field(description="Until when the booking can be paid for: the first call extends it.")]


class EventOutcome(Response):
    """The outcome of a Stripe event."""

    outcome: Literal["confirmed", "refund_queued", "already_settled", "duplicate", "unmatched", "noted", "ignored"]


class QrCode(Response):
    """A QR code as an SVG path."""

    size: Annotated[int, Field(description="Modules of a side, the quiet zone included.")]
    path: Annotated[str, Field(description="The dark modules as an SVG path.")]


class SecondFactorSecret(Response):
    """What an authenticator app needs, to be scanned or typed."""

    secret: Annotated[str, Field(pattern="^[A-Z2-7]{32}$", description="In base 32.")]
    uri: Annotated[str, Field(pattern="^otpauth://totp/")]
    qr: QrCode


class RecoveryCodes(Response):
    """Each signs in once instead of a code. They are shown this one time."""

    recovery_codes: Annotated[list[str], Field(min_length=1, max_length=10)]


class Ticket(Response):
    """The ticket of a confirmed booking."""

    token: Annotated[str, Field(pattern=_TOKEN_PATTERN)]
    reference: str
    qr: QrCode


class LinkedTicket(Response):
    """The booking of a link in an email."""

    booking: Annotated[dict[str, Any], Field(description="As my_booking of the Data API answers it.")]
    ticket: Annotated[Ticket | None, Field(description="Null for a booking that is not confirmed.")]
    cancellable: Annotated[bool, Field(description="Whether the link cancels it: for bookings of guests.")]


class Key(Response):
    """A public key; its other members depend on its kind (RFC 7517)."""

    model_config = ConfigDict(extra="allow")

    kty: str
    kid: str


class Keys(Response):
    """A JSON Web Key Set."""

    keys: list[Key]


class Alive(Response):
    """The process answers."""

    status: Literal["alive"] = "alive"


OLDER: Final = "is older than this release: push the migrations"
DatabaseState = Literal["answers", "does not answer", "is older than this release: push the migrations"]


class Readiness(Response):
    """The parts that we need, and what that comes to."""

    status: Literal["ready", "degraded", "not ready"]
    database: DatabaseState
    stripe: Literal["answers", "does not answer"]
