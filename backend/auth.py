"""Signing in and out: guests, register, login, its second factor, refresh, logout, and the human check of a session."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request

from backend import email_addresses, schemas
from backend.answers import KnownAccount
from backend.client_address import client_address, visitor
from backend.database import Database
from backend.errors import ApiError, UnavailableError
from backend.human_check import HumanCheck
from backend.password_check import require_password
from backend.passwords import Passwords
from backend.request_body import read_json
from backend.second_factor import SecondFactor
from backend.sessions import PATH, Sessions, hash_token, new_token

_log = logging.getLogger(__name__)

_LONGEST_EMAIL: Final = 254
_RETRY_AFTER_SECONDS: Final = 5
_MOST_ACCOUNTS: Final = 2
"""How many accounts one address may lead to: its owner's, and the latest of whoever has not proved it. As many
passwords are compared at every sign-in, or its time would tell which there are."""


def blueprint(
    sessions: Sessions, database: Database, passwords: Passwords, human_check: HumanCheck | None, factor: SecondFactor
) -> Blueprint:
    """guest, register, login, second-factor, refresh, human and logout under /api/auth."""
    auth = Blueprint("auth", __name__, url_prefix=PATH)
    auth.before_request(sessions.refuse_other_sites)

    def account_with(password: str, accounts: Sequence[KnownAccount]) -> KnownAccount | None:
        """Return the account that has that password, its owner's before others; None after the same work."""
        found: KnownAccount | None = None
        for number in range(_MOST_ACCOUNTS):
            account = accounts[number] if number < len(accounts) else None
            if passwords.matches(password, account and account["password_hash"]) and found is None:
                found = account
        return found

    @auth.post("/guest")
    def guest() -> Response:  # pyright: ignore[reportUnusedFunction]
        token = new_token()
        session = database.open_guest_session(hash_token(token), request.headers.get("User-Agent"), client_address())
        return sessions.answer(session, token, 201)

    @auth.post("/register")
    def register() -> Response:  # pyright: ignore[reportUnusedFunction]
        body = read_json(schemas.Registration)
        guest_session_id = sessions.presented()
        email = email_addresses.require_address(body.email)
        database.check_registration_limit(client_address())
        password_hash = passwords.hash(body.password)
        user = database.register_user(email, password_hash, body.full_name, guest_session_id)
        if not user["opened"]:
            password_hash = require_password(database, passwords, UUID(user["id"]), body.password)
        return sessions.open(user, 201, password_hash)

    @auth.post("/login")
    def login() -> Response:  # pyright: ignore[reportUnusedFunction]
        body = read_json(schemas.Login)
        guest_session_id = sessions.presented()
        # What is no address today may have been one when its account was made. No account has a longer one, and an
        # index cannot hold a very long one.
        email = email_addresses.normalize(body.email) or body.email.strip()[: _LONGEST_EMAIL + 1]
        credentials = database.begin_sign_in(email, client_address())
        account = account_with(body.password, credentials.get("accounts", ()))
        if account is None:
            raise ApiError("invalid_credentials")
        try:
            return sessions.open(account["user"], 200, account["password_hash"], guest_session_id=guest_session_id)
        except ApiError as refusal:
            if refusal.code != "second_factor_required":
                raise
        return factor.challenge(account["user"], account["password_hash"])

    @auth.post("/second-factor")
    def second_factor() -> Response:  # pyright: ignore[reportUnusedFunction]
        guest_session_id = sessions.presented()
        user, password_hash = factor.sign_in(client_address())
        return sessions.open(user, 200, password_hash, guest_session_id=guest_session_id, second_factor=True)

    @auth.post("/refresh")
    def refresh() -> Response:  # pyright: ignore[reportUnusedFunction]
        token, following = sessions.refresh_token(), new_token()
        if not token:
            return Response(status=204)  # no session has ended, and a browser's console stays quiet
        session = database.rotate_session(hash_token(token), hash_token(following))
        if session is None:
            response = ApiError("session_ended").response()
            sessions.delete_cookie(response)
            return response
        return sessions.answer(session, following, 200)

    @auth.post("/human")
    def human() -> Response:  # pyright: ignore[reportUnusedFunction]
        session_id, user_id = sessions.signed_in()
        token = read_json(schemas.HumanToken).token
        if human_check is None:
            _log.error("a human check was sent, and HUMAN_CHECK is not set")
            raise ApiError("human_check_unavailable", retry_after=_RETRY_AFTER_SECONDS)
        database.begin_human_check(session_id, user_id, client_address())
        try:
            passed = human_check.passed(token, str(address) if (address := visitor()) else None)
        except UnavailableError as error:
            raise ApiError("human_check_unavailable", retry_after=_RETRY_AFTER_SECONDS) from error
        if not passed:
            raise ApiError("human_check_failed")
        return sessions.access(database.pass_human_check(session_id, user_id))

    @auth.post("/logout")
    def logout() -> Response:  # pyright: ignore[reportUnusedFunction]
        everywhere = read_json(schemas.Logout).everywhere if request.content_length else False
        if token := sessions.refresh_token():
            database.close_session(hash_token(token), everywhere=everywhere)
        response = Response(status=204)
        sessions.delete_cookie(response)
        return response

    return auth
