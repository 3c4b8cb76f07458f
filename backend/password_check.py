"""The password of somebody who is signed in, asked once more before what an unlocked computer must not do."""

from __future__ import annotations

from uuid import UUID

from backend.answers import PasswordCheck
from backend.client_address import client_address
from backend.database import Database
from backend.errors import ApiError
from backend.passwords import Passwords


def require_password(database: Database, passwords: Passwords, user_id: UUID, password: str) -> str:
    """Return the hash that somebody's password has; the try is counted with those at signing in. Raises
    invalid_credentials, also for a guest, who has none; too_many_attempts."""
    stored = compare(passwords, database.begin_password_check(user_id, client_address()), password)
    if stored is None:
        raise ApiError("invalid_credentials")
    return stored


def compare(passwords: Passwords, check: PasswordCheck, password: str) -> str | None:
    """Return the hash that a password has; None for who has none. Raises invalid_credentials."""
    stored = check.get("password_hash")
    if not passwords.matches(password, stored) and check["status"] == "known":
        raise ApiError("invalid_credentials")
    return stored
