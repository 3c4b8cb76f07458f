"""Accounts and sign-ins: register, login, refresh, logout, and the human check of a session.

An access token goes to the page's memory. The refresh token, 256 random bits of which the database knows only a hash,
goes into a cookie that no script reads and that no other site's page sends.
"""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import UUID

from flask import Blueprint, Response, jsonify, request

from backend import email_addresses, schemas
from backend.answers import Session, User
from backend.database import Database
from backend.errors import ApiError, UnavailableError
from backend.human_check import HumanCheck
from backend.passwords import Passwords
from backend.payments import bearer_token
from backend.request_body import read_json
from backend.settings import Settings
from backend.tokens import ACCESS_TOKEN_SECONDS, Person, TokenError, Tokens

_log = logging.getLogger(__name__)

COOKIE = "__Host-frontrow_refresh"
"""Where it is secure: no other host of the site, and no page that was tampered with on the way, can set one of that
name."""
PLAIN_COOKIE = "frontrow_refresh"
"""By plain HTTP, on one's own machine. Where the other one is due it counts for nothing: a neighbor may have set it."""
_PATH = "/api/auth"
_LONGEST_EMAIL = 254
_RETRY_AFTER_SECONDS = 5


def blueprint(
    settings: Settings, database: Database, tokens: Tokens, passwords: Passwords, human_check: HumanCheck | None
) -> Blueprint:
    """The five addresses under /api/auth."""
    auth = Blueprint("auth", __name__, url_prefix=_PATH)

    def signed_in(user: User, status: int) -> Response:
        """Open a session and answer with its tokens."""
        token = _new_refresh_token()
        session = database.open_session(user["id"], _hash(token), request.headers.get("User-Agent"), client_address())
        return answer(session, token, status)

    def access(session: Session) -> Response:
        """Answer with an access token of a session, and leave its cookie alone."""
        user, until = session["user"], session["human_until"]
        human_until = int(datetime.fromisoformat(until).timestamp()) if until else None
        person = Person(UUID(user["id"]), user["email"], session["session_id"], user["role"], human_until)
        body = schemas.SignIn(
            access_token=tokens.access_token(person),
            expires_in=ACCESS_TOKEN_SECONDS,
            user=schemas.User.model_validate(user),
        )
        return jsonify(body.model_dump())

    def answer(session: Session, refresh_token: str, status: int) -> Response:
        response = access(session)
        response.status_code = status
        left = datetime.fromisoformat(session["expires_at"]) - datetime.now(UTC)
        set_cookie(response, refresh_token, max(0, int(left.total_seconds())))
        return response

    def set_cookie(response: Response, value: str, max_age: int) -> None:
        """Set the refresh cookie; max age is in seconds, 0 deletes it."""
        secure = cookie_is_secure()
        # Browsers take the name only with this path, by HTTPS and without a domain.
        name, path = (COOKIE, "/") if secure else (PLAIN_COOKIE, _PATH)
        response.set_cookie(name, value, max_age=max_age, path=path, httponly=True, samesite="Strict", secure=secure)

    def cookie_is_secure() -> bool:
        served_by_https = request.is_secure or (settings.api_url or settings.app_url).startswith("https:")
        return served_by_https if settings.cookie_secure is None else settings.cookie_secure

    def refresh_token() -> str | None:
        """Return the refresh token that a browser sent. Two cookies of one name are refused: one of them was set by
        somebody else, and nothing says which. Raises invalid_request."""
        values = request.cookies.getlist(COOKIE if cookie_is_secure() else PLAIN_COOKIE)
        if len(values) > 1:
            raise ApiError("invalid_request", {"cookie": "was sent twice"})
        return values[0] if values else None

    @auth.before_request
    def refuse_other_sites() -> None:  # pyright: ignore[reportUnusedFunction]
        # SameSite=Strict lets a neighbor on the same site through: another port of this host, a sister domain.
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {*settings.allowed_origins, request.host_url.rstrip("/")}:
            raise ApiError("invalid_request", {"origin": "is not a page of this site"})

    @auth.post("/register")
    def register() -> Response:  # pyright: ignore[reportUnusedFunction]
        body = read_json(schemas.Registration)
        email = email_addresses.normalize(body.email)
        if email is None:
            raise ApiError("invalid_email")
        admission = database.check_registration_limit(client_address())
        if admission["status"] == "limited":
            raise ApiError("too_many_attempts", retry_after=admission.get("retry_after", 60))
        user = database.register_user(email, passwords.hash(body.password), body.full_name)
        return signed_in(user, 201)

    @auth.post("/login")
    def login() -> Response:  # pyright: ignore[reportUnusedFunction]
        body = read_json(schemas.Login)
        # What is no address today may have been one when its account was made. No account has a longer one, and an
        # index cannot hold a very long one.
        email = email_addresses.normalize(body.email) or body.email.strip()[: _LONGEST_EMAIL + 1]
        credentials = database.begin_sign_in(email, client_address())
        if credentials["status"] == "limited":
            raise ApiError("too_many_attempts", retry_after=int(credentials.get("retry_after", 60)))
        matches = passwords.matches(body.password, credentials.get("password_hash"))
        user = credentials.get("user")
        if not matches or user is None:
            raise ApiError("invalid_credentials")
        return signed_in(user, 200)

    @auth.post("/refresh")
    def refresh() -> Response:  # pyright: ignore[reportUnusedFunction]
        token, following = refresh_token(), _new_refresh_token()
        if not token:
            return Response(status=204)  # a guest: no session has ended, and a browser's console stays quiet
        session = database.rotate_session(_hash(token), _hash(following))
        if session is None:
            response = ApiError("session_ended").response()
            set_cookie(response, "", 0)
            return response
        return answer(session, following, 200)

    @auth.post("/human")
    def human() -> Response:  # pyright: ignore[reportUnusedFunction]
        try:
            session_id, user_id = tokens.session(bearer_token())
        except TokenError:
            raise ApiError("sign_in_required") from None
        token = read_json(schemas.HumanToken).token
        if human_check is None:
            _log.error("a human check was sent, and HUMAN_CHECK is not set")
            raise ApiError("human_check_unavailable", retry_after=_RETRY_AFTER_SECONDS)
        admission = database.begin_human_check(session_id, user_id, client_address())
        if admission["status"] == "limited":
            raise ApiError("too_many_attempts", retry_after=admission.get("retry_after", 60))
        try:
            passed = human_check.passed(token, str(address) if (address := _visitor()) else None)
        except UnavailableError as error:
            raise ApiError("human_check_unavailable", retry_after=_RETRY_AFTER_SECONDS) from error
        if not passed:
            raise ApiError("human_check_failed")
        return access(database.pass_human_check(session_id, user_id))

    @auth.post("/logout")
    def logout() -> Response:  # pyright: ignore[reportUnusedFunction]
        everywhere = read_json(schemas.Logout).everywhere if request.content_length else False
        if token := refresh_token():
            database.close_session(_hash(token), everywhere=everywhere)
        response = Response(status=204)
        set_cookie(response, "", 0)
        return response

    return auth


def client_address() -> str:
    """Return the address that the limit on attempts counts by: IPv4, or the /64 that one IPv6 customer has alone."""
    address = _visitor()
    if address is None:
        return "unknown"
    if address.version == 6:
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((address, 64), strict=False))
    return str(address)


def _visitor() -> IPv4Address | IPv6Address | None:
    """Return the visitor's own address; None where a proxy says nonsense."""
    try:
        return ip_address(request.remote_addr or "")
    except ValueError:
        return None


def _new_refresh_token() -> str:
    return secrets.token_urlsafe(32)


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
