"""The JSON that Flask takes and answers, one model for each body. The OpenAPI document is generated from them."""

from __future__ import annotations

from typing import Annotated, Final, Literal
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


class Logout(Request):
    """Which sessions end: this one, or all of its owner's."""

    everywhere: bool = False


class HumanToken(Request):
    """What the human check's widget gave the page. Providers issue some two thousand characters."""

    token: Text = Field(min_length=1, max_length=8192)


class BookingId(Request):
    """The booking to pay for."""

    booking_id: Uuid


class Response(BaseModel):
    """A response body."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, json_schema_serialization_defaults_required=True
    )


class User(Response):
    """The account that is signed in."""

    id: Annotated[str, Field(pattern=UUID_PATTERN)]
    email: str
    full_name: str
    # Not the type of the database's roles: a migration that adds one comes before the release that knows it.
    role: str


class SignIn(Response):
    """An access token and its account."""

    access_token: Annotated[str, Field(pattern=_TOKEN_PATTERN)]
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - OAuth's word for the kind
    expires_in: Annotated[int, Field(description="Seconds.")]
    user: User


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


class Ticket(Response):
    """The ticket of a confirmed booking."""

    token: Annotated[str, Field(pattern=_TOKEN_PATTERN)]
    reference: str
    qr: QrCode


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
