"""What people do about their accounts: prove an address, replace a forgotten password, change either.

The links that prove an address are made and sent by the worker (backend/account_emails.py). Whether an address has an
account decides nothing here, so neither an answer nor its time tells.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from backend import schemas
from backend.client_address import client_address
from backend.database import Database
from backend.email_addresses import require_address
from backend.errors import ApiError
from backend.password_check import compare, require_password
from backend.passwords import Passwords
from backend.request_body import read_json
from backend.sessions import PATH, Sessions, hash_token


def blueprint(sessions: Sessions, database: Database, passwords: Passwords) -> Blueprint:
    """forgot, reset, verify, change-password and change-email under /api/auth."""
    accounts = Blueprint("accounts", __name__, url_prefix=PATH)
    accounts.before_request(sessions.refuse_other_sites)

    @accounts.post("/forgot")
    def forgot() -> Response:  # pyright: ignore[reportUnusedFunction]
        body = read_json(schemas.ForgottenPassword)
        database.request_password_reset(require_address(body.email), client_address())
        return _requested()

    @accounts.post("/reset")
    def reset() -> Response:  # pyright: ignore[reportUnusedFunction]
        body = read_json(schemas.NewPassword)
        token_hash = hash_token(body.token)
        if database.begin_password_reset(token_hash, client_address())["status"] == "expired":
            raise ApiError("link_expired")
        account = database.reset_password(token_hash, passwords.hash(body.password))
        return jsonify(schemas.Account.model_validate(account).model_dump())

    @accounts.post("/verify")
    def verify() -> Response:  # pyright: ignore[reportUnusedFunction]
        body = read_json(schemas.EmailProof)
        session_id, token_hash, password_hash = sessions.presented(), hash_token(body.token), None
        if body.password is not None:
            password_hash = compare(passwords, database.begin_proof(token_hash, client_address()), body.password)
        proved = database.prove_email(token_hash, session_id, password_hash)
        return jsonify(schemas.ProvedEmail.model_validate(proved).model_dump())

    @accounts.post("/change-password")
    def change_password() -> Response:  # pyright: ignore[reportUnusedFunction]
        session_id, user_id = sessions.signed_in()
        body = read_json(schemas.PasswordChange)
        stored = require_password(database, passwords, user_id, body.current_password)
        database.change_password(user_id, session_id, stored, passwords.hash(body.new_password), client_address())
        return Response(status=204)

    @accounts.post("/change-email")
    def change_email() -> Response:  # pyright: ignore[reportUnusedFunction]
        _, user_id = sessions.signed_in()
        body = read_json(schemas.EmailChange)
        stored = require_password(database, passwords, user_id, body.password)
        database.request_email_change(user_id, stored, require_address(body.email), client_address())
        return _requested()

    return accounts


def _requested() -> Response:
    """Answer the same whatever was sent to whom."""
    response = jsonify({})
    response.status_code = 202
    return response
