"""Signed tokens: access tokens with Supabase's claims, and tickets. One key signs both; their audiences differ, so that
neither is taken for the other.

A ticket carries no `role` and no `sub`: the Data API, which knows the same key, would take it for nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import jwt
from jwt.utils import base64url_encode

from backend.settings import Settings

ACCESS_TOKEN_SECONDS = 15 * 60
_ACCESS = "authenticated"
_TICKET = "frontrow-ticket"
_LATE = timedelta(hours=6)
"""Doors read tickets of a show that runs late."""


class TokenError(Exception):
    """The token is not ours, is for something else, or its time is over."""


@dataclass(frozen=True)
class Person:
    """Whom an access token speaks for."""

    id: UUID
    email: str
    session_id: str
    role: str
    """The house's own role: customer, staff or admin; goes to app_metadata."""


@dataclass(frozen=True)
class Ticket:
    """What the QR code of a ticket says."""

    booking_id: UUID
    reference: str
    showtime_id: int


@dataclass(frozen=True)
class Tokens:
    """Signs and verifies. `clock` gives epoch seconds."""

    issuer: str
    algorithm: str
    key_id: str | None
    public_jwk: Mapping[str, str] | None
    signing_key: Any = field(repr=False)
    verifying_key: Any = field(repr=False)
    clock: Callable[[], float] = time.time

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], float] = time.time) -> Tokens:
        """ES256 where JWT_SIGNING_KEY is set, HS256 with JWT_SECRET otherwise."""
        if settings.jwt_signing_key is None:
            secret = settings.jwt_secret
            assert secret is not None, "Settings asks for one of the two"
            return cls(settings.issuer, "HS256", None, None, secret, secret, clock)
        private = dict(settings.jwt_signing_key)
        public = {name: private[name] for name in ("kty", "crv", "x", "y")}
        key_id = private.get("kid") or _thumbprint(public)
        return cls(
            issuer=settings.issuer,
            algorithm="ES256",
            key_id=key_id,
            public_jwk={**public, "kid": key_id, "alg": "ES256", "use": "sig"},
            signing_key=jwt.PyJWK({**public, "d": private["d"]}, "ES256").key,
            verifying_key=jwt.PyJWK(public, "ES256").key,
            clock=clock,
        )

    def jwks(self) -> dict[str, list[Mapping[str, str]]]:
        """The public keys, as published; none where a shared secret signs."""
        return {"keys": [self.public_jwk] if self.public_jwk else []}

    def access_token(self, person: Person) -> str:
        """A token for 15 minutes that the Data API, Realtime and create-intent accept."""
        now = int(self.clock())
        return self._sign(
            {
                "sub": str(person.id),
                "role": _ACCESS,
                "aud": _ACCESS,
                "iat": now,
                "exp": now + ACCESS_TOKEN_SECONDS,
                "session_id": person.session_id,
                "email": person.email,
                "app_metadata": {"role": person.role},
            }
        )

    def user_id(self, token: str) -> UUID:
        """Whom an access token is for. Raises TokenError."""
        claims = self._verify(token, _ACCESS, ("sub", "role", "exp"))
        if claims["role"] != _ACCESS:
            raise TokenError
        return _uuid(claims["sub"])

    def ticket(self, ticket: Ticket, ends_at: datetime) -> str:
        """What the QR code holds: good until some hours after the show has ended."""
        return self._sign(
            {
                "aud": _TICKET,
                "iat": int(self.clock()),
                "exp": int((ends_at + _LATE).timestamp()),
                "booking_id": str(ticket.booking_id),
                "reference": ticket.reference,
                "showtime_id": ticket.showtime_id,
            }
        )

    def read_ticket(self, token: str) -> Ticket:
        """The ticket in a QR code. Raises TokenError."""
        claims = self._verify(token, _TICKET, ("exp", "booking_id", "reference", "showtime_id"))
        return Ticket(_uuid(claims["booking_id"]), claims["reference"], claims["showtime_id"])

    def _sign(self, claims: dict[str, Any]) -> str:
        headers = {"kid": self.key_id} if self.key_id else None
        return jwt.encode({"iss": self.issuer, **claims}, self.signing_key, self.algorithm, headers)

    def _verify(self, token: str, audience: str, required: tuple[str, ...]) -> dict[str, Any]:
        try:
            claims = jwt.decode(
                token,
                self.verifying_key,
                algorithms=[self.algorithm],
                audience=audience,
                issuer=self.issuer,
                # Times are compared below, by the clock that tests can move.
                options={"require": list(required), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            not_after, not_before = float(claims["exp"]), float(claims.get("nbf", 0))
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            raise TokenError from error
        if not not_before <= self.clock() < not_after:
            raise TokenError
        return claims


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise TokenError from None


def _thumbprint(public: Mapping[str, str]) -> str:
    """The key's own name where it brings none (RFC 7638)."""
    members = ",".join(f'"{name}":"{public[name]}"' for name in ("crv", "kty", "x", "y"))
    return base64url_encode(sha256(f"{{{members}}}".encode()).digest()).decode()
