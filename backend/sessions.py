"""The session of a request: its refresh cookie, its access token, and what answers with new ones.

An access token goes to the page's memory. The refresh token, 256 random bits of which the database knows only a hash,
goes into a cookie that no script reads and that no other site's page sends.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from flask import Response, jsonify, request

from backend import schemas
from backend.answers import Session, User
from backend.client_address import client_address
from backend.database import Database
from backend.errors import ApiError
from backend.payments import bearer_token
from backend.settings import Settings
from backend.tokens import ACCESS_TOKEN_SECONDS, Person, TokenError, Tokens

COOKIE = "__Host-frontrow_refresh"
"""Where it is secure: no other host of the site, and no page that was tampered with on the way, can set one of that
name."""
PLAIN_COOKIE = "frontrow_refresh"
"""By plain HTTP, on one's own machine. Where the other one is due it counts for nothing: a neighbor may have set it."""
PATH = "/api/auth"
"""Where all that needs the cookie is; the plain one is sent nowhere else."""


@dataclass(frozen=True)
class Sessions:
    """Opens sessions and answers with their tokens."""

    settings: Settings
    database: Database
    tokens: Tokens

    def open(
        self,
        user: User,
        status: int,
        password_hash: str,
        *,
        guest_session_id: UUID | None = None,
        second_factor: bool = False,
    ) -> Response:
        """Open a session and answer with its tokens; what the guest of the other session has becomes the account's.
        Raises account_blocked, invalid_credentials where the password was changed since, and second_factor_required
        where a code is due."""
        token = new_token()
        session = self.database.open_session(
            user["id"],
            hash_token(token),
            request.headers.get("User-Agent"),
            client_address(),
            password_hash,
            second_factor=second_factor,
            guest_session_id=guest_session_id,
        )
        return self.answer(session, token, status)

    def answer(self, session: Session, refresh_token: str, status: int) -> Response:
        """Answer with the tokens of a session."""
        response = self.access(session)
        response.status_code = status
        left = datetime.fromisoformat(session["expires_at"]) - datetime.now(UTC)
        self.set_cookie(response, refresh_token, max(0, int(left.total_seconds())))
        return response

    def access(self, session: Session) -> Response:
        """Answer with an access token of a session, and leave its cookie alone."""
        user, until = session["user"], session["human_until"]
        person = Person(
            id=UUID(user["id"]),
            email=user["email"],
            session_id=session["session_id"],
            role=user["role"],
            human_until=int(datetime.fromisoformat(until).timestamp()) if until else None,
            aal=session["aal"],
            is_guest=user["kind"] == "guest",
        )
        body = schemas.SignIn(
            access_token=self.tokens.access_token(person),
            expires_in=ACCESS_TOKEN_SECONDS,
            user=schemas.User.model_validate(user),
        )
        return jsonify(body.model_dump())

    def signed_in(self) -> tuple[UUID, UUID]:
        """Return the session and the user of the request's access token. Raises sign_in_required."""
        try:
            return self.tokens.session(bearer_token())
        except TokenError:
            raise ApiError("sign_in_required") from None

    def presented(self) -> UUID | None:
        """Return the session of the access token that a request may carry; None without one. Raises sign_in_required
        for one that has expired: a guest who signs in would lose their seats if it did not count."""
        return self.signed_in()[0] if "Authorization" in request.headers else None

    def refresh_token(self) -> str | None:
        """Return the refresh token that a browser sent. Two cookies of one name are refused: one of them was set by
        somebody else, and nothing says which. Raises invalid_request."""
        values = request.cookies.getlist(COOKIE if self._is_secure() else PLAIN_COOKIE)
        if len(values) > 1:
            raise ApiError("invalid_request", {"cookie": "was sent twice"})
        return values[0] if values else None

    def set_cookie(self, response: Response, value: str, max_age: int) -> None:
        """Set the refresh cookie; max age is in seconds, 0 deletes it."""
        secure = self._is_secure()
        # Browsers take the name only with this path, by HTTPS and without a domain.
        name, path = (COOKIE, "/") if secure else (PLAIN_COOKIE, PATH)
        response.set_cookie(name, value, max_age=max_age, path=path, httponly=True, samesite="Strict", secure=secure)

    def delete_cookie(self, response: Response) -> None:
        """Have the browser forget its session."""
        self.set_cookie(response, "", 0)

    def refuse_other_sites(self) -> None:
        """Raise invalid_request for a page of another origin. A blueprint whose addresses read the cookie begins so."""
        # SameSite=Strict lets a neighbor on the same site through: another port of this host, a sister domain.
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {*self.settings.allowed_origins, request.host_url.rstrip("/")}:
            raise ApiError("invalid_request", {"origin": "is not a page of this site"})

    def _is_secure(self) -> bool:
        served_by_https = request.is_secure or (self.settings.api_url or self.settings.app_url).startswith("https:")
        return served_by_https if self.settings.cookie_secure is None else self.settings.cookie_secure


def new_token() -> str:
    """Return 256 random bits that fit into a cookie and a link."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return what the database knows of a token."""
    return sha256(token.encode()).hexdigest()
