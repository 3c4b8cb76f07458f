"""Signed tokens: access tokens with Supabase's claims, tickets, and challenges of a sign-in that wants a second factor.
One key signs all; their audiences differ, so that none is taken for another. Tokens of other keys are valid, too, while
those are among the accepted ones: a key can change while many processes run and many tickets are out.

A ticket carries no `role` and no `sub`: the Data API, which knows the same key, would treat its bearer as signed out.
Nor does it expire: its showtime may be moved after it was sent. It proves which booking and which showtime it is for;
whether that booking is confirmed and that showtime is now, the database says (docs/adr/0060).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import jwt

from backend.settings import Settings

ACCESS_TOKEN_SECONDS = 15 * 60
_ACCESS = "authenticated"
_TICKET = "frontrow-ticket"
CHALLENGE_SECONDS = 5 * 60
_CHALLENGE = "frontrow-second-factor"


class TokenError(Exception):
    """The token is not ours, is for something else, or has expired."""


@dataclass(frozen=True)
class Person:
    """The user of an access token."""

    id: UUID
    email: str | None
    """None for a guest who has not given one yet."""
    session_id: str
    role: str
    """Frontrow's own role: customer, staff or admin; goes to app_metadata."""
    human_until: int | None = None
    """Until when a passed human check counts, in epoch seconds."""
    is_guest: bool = False
    """Whether they have no account; Supabase's claim is_anonymous."""
    aal: str = "aal1"
    """Supabase's authenticator assurance level of the session: aal2 where a second factor was proven."""


@dataclass(frozen=True)
class Ticket:
    """The content of a ticket's QR code."""

    booking_id: UUID
    reference: str
    showtime_id: int


@dataclass(frozen=True)
class Challenge:
    """A right password that waits for its code."""

    user_id: UUID
    password: str
    """What names the password that was right, so that a changed one ends the challenge."""


@dataclass(frozen=True)
class Tokens:
    """Signs and verifies. `clock` gives epoch seconds."""

    issuer: str
    algorithm: str
    key_id: str | None
    public_jwks: tuple[Mapping[str, str], ...]
    signing_key: Any = field(repr=False)
    verifying_keys: Mapping[tuple[str, str | None], Any] = field(repr=False)
    """By algorithm and kid, so that no token chooses how a key is used."""
    clock: Callable[[], float] = time.time

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], float] = time.time) -> Tokens:
        """ES256 where JWT_SIGNING_KEY is set, HS256 with JWT_SECRET otherwise. Whichever signs, tokens of any
        key that is set are valid."""
        verifying: dict[tuple[str, str | None], Any] = {
            ("ES256", key["kid"]): jwt.PyJWK(dict(key), "ES256").key for key in settings.public_keys
        }
        if settings.jwt_secret is not None:
            verifying["HS256", None] = settings.jwt_secret
        private = settings.jwt_signing_key
        return cls(
            issuer=settings.issuer,
            algorithm="ES256" if private else "HS256",
            key_id=private["kid"] if private else None,
            public_jwks=tuple({**key, "alg": "ES256", "use": "sig"} for key in settings.public_keys),
            signing_key=jwt.PyJWK(dict(private), "ES256").key if private else settings.jwt_secret,
            verifying_keys=verifying,
            clock=clock,
        )

    def jwks(self) -> dict[str, list[Mapping[str, str]]]:
        """Return the public keys, as published; a shared secret is not among them."""
        return {"keys": list(self.public_jwks)}

    def access_token(self, person: Person) -> str:
        """Sign a token for 15 minutes that the Data API, Realtime and create-intent accept."""
        now = int(self.clock())
        counts = person.human_until is not None and person.human_until > now
        return self._sign(
            {
                "sub": str(person.id),
                "role": _ACCESS,
                "aud": _ACCESS,
                "iat": now,
                "exp": now + ACCESS_TOKEN_SECONDS,
                "session_id": person.session_id,
                "email": person.email or "",
                "is_anonymous": person.is_guest,
                "app_metadata": {"role": person.role},
                "aal": person.aal,
                "amr": _methods(person),
                **({"human_until": person.human_until} if counts else {}),
            }
        )

    def user_id(self, token: str) -> UUID:
        """Return the user id of an access token. Raises TokenError."""
        return _uuid(self._access_claims(token, "sub")["sub"])

    def session(self, token: str) -> tuple[UUID, UUID]:
        """Return the session id of an access token and its user's. Raises TokenError."""
        claims = self._access_claims(token, "sub", "session_id")
        return _uuid(claims["session_id"]), _uuid(claims["sub"])

    def ticket(self, ticket: Ticket) -> str:
        """Sign what the QR code holds."""
        return self._sign(
            {
                "aud": _TICKET,
                "iat": int(self.clock()),
                "booking_id": str(ticket.booking_id),
                "reference": ticket.reference,
                "showtime_id": ticket.showtime_id,
            }
        )

    def read_ticket(self, token: str) -> Ticket:
        """Read the ticket in a QR code. An expiry, which earlier ones carry, is that of the time for which they were
        sold, and does not count. Raises TokenError."""
        claims = self._verify(token, _TICKET, ("booking_id", "reference", "showtime_id"))
        return Ticket(_uuid(claims["booking_id"]), claims["reference"], claims["showtime_id"])

    def challenge(self, challenge: Challenge) -> str:
        """Sign what opens a session together with a code, within five minutes. As a ticket, it has no
        `role` and no `sub`."""
        now = int(self.clock())
        return self._sign(
            {
                "aud": _CHALLENGE,
                "iat": now,
                "exp": now + CHALLENGE_SECONDS,
                "user_id": str(challenge.user_id),
                "password": challenge.password,
            }
        )

    def read_challenge(self, token: str) -> Challenge:
        """Read a challenge. Raises TokenError."""
        claims = self._verify(token, _CHALLENGE, ("exp", "user_id", "password"))
        if not self.clock() < _seconds(claims["exp"]):
            raise TokenError
        return Challenge(_uuid(claims["user_id"]), str(claims["password"]))

    def _access_claims(self, token: str, *required: str) -> dict[str, Any]:
        claims = self._verify(token, _ACCESS, (*required, "role", "exp"))
        if claims["role"] != _ACCESS or not self.clock() < _seconds(claims["exp"]):
            raise TokenError
        return claims

    def _sign(self, claims: dict[str, Any]) -> str:
        headers = {"kid": self.key_id} if self.key_id else None
        return jwt.encode({"iss": self.issuer, **claims}, self.signing_key, self.algorithm, headers)

    def _verify(self, token: str, audience: str, required: tuple[str, ...]) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm, key_id = str(header.get("alg")), header.get("kid")
            claims = jwt.decode(
                token,
                self.verifying_keys[algorithm, key_id],
                algorithms=[algorithm],
                audience=audience,
                issuer=self.issuer,
                # Times are compared here and by the callers, by the clock that tests can move.
                options={"require": list(required), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise TokenError from error
        if not _seconds(claims.get("nbf", 0)) <= self.clock():
            raise TokenError
        return claims


def _seconds(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TokenError from None


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise TokenError from None


def _methods(person: Person) -> list[str]:
    """Return how somebody has proven who they are, in Supabase's words."""
    if person.is_guest:
        return ["anonymous"]
    return ["pwd", "otp"] if person.aal == "aal2" else ["pwd"]
