"""Leaving: people delete their own account.

What is forgotten, and when, the database decides (sql/accounts/leaving.sql); here is asked who it is. An access token
alone would do for somebody at an unlocked computer, so the password is asked for, and guesses at it are counted with
those at signing in. A guest has none.
"""

from __future__ import annotations

import logging

from flask import Blueprint, Response, jsonify

from backend import schemas
from backend.client_address import client_address
from backend.database import Database
from backend.password_check import compare
from backend.passwords import Passwords
from backend.request_body import read_json
from backend.sessions import PATH, Sessions

_log = logging.getLogger(__name__)


def blueprint(sessions: Sessions, database: Database, passwords: Passwords) -> Blueprint:
    """The one address of leaving."""
    leaving = Blueprint("leaving", __name__, url_prefix=PATH)
    leaving.before_request(sessions.refuse_other_sites)

    @leaving.post("/delete-account")
    def delete_account() -> Response:  # pyright: ignore[reportUnusedFunction]
        session_id, user_id = sessions.signed_in()
        password = read_json(schemas.AccountDeletion).password
        check = database.begin_leaving(session_id, user_id, client_address())
        compare(passwords, check, password or "")
        departure = database.delete_my_account(user_id)
        # The id is nobody's name. After a restore it says who is to be forgotten again (docs/privacy.md).
        _log.info("account deleted", extra={"user_id": str(user_id), "status": departure["status"]})
        response = jsonify(schemas.Departure(status=departure["status"], until=departure.get("until")).model_dump())
        sessions.delete_cookie(response)
        return response

    return leaving
