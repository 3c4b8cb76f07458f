"""Passwords: argon2id, and the same work whether an account exists or not."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.errors import ApiError

SHORTEST, LONGEST = 10, 200
"""In characters. The upper end keeps a request from making the hash read a megabyte."""


class Passwords:
    """Hashes and compares. The default costs are RFC 9106's for little memory: 64 MiB, three passes."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(24))

    def hash(self, password: str) -> str:
        """The hash to store. Raises weak_password."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise ApiError("weak_password", {"shortest": SHORTEST, "longest": LONGEST})
        return self._hasher.hash(password)

    def matches(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; without a hash, for an unknown account, always false after the same work."""
        try:
            return self._hasher.verify(stored or self._nobodys, password[: LONGEST + 1]) and stored is not None
        except (VerificationError, InvalidHashError):
            return False
