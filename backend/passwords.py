"""Passwords: argon2id, and the same work for known and unknown accounts."""

from __future__ import annotations

import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.errors import ApiError

SHORTEST, LONGEST = 10, 200
"""In characters. The upper end keeps a request from making the hash read a megabyte."""

MEMORY_KIB: Final = 46 * 1024
"""Of a hash, with one pass in one lane: the first of the costs that OWASP's password storage cheat sheet takes for
equally good. RFC 9106's for little memory (64 MiB, three passes) take three times the processor, and
when many customers sign in at once, hashing is most of the load."""


class Passwords:
    """Hashes and compares."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=1, memory_cost=MEMORY_KIB, parallelism=1)
        self._dummy_hash = self._hasher.hash(secrets.token_urlsafe(24))

    def hash(self, password: str) -> str:
        """Return the hash to store. Raises weak_password."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise ApiError("weak_password", {"shortest": SHORTEST, "longest": LONGEST})
        return self._hasher.hash(password)

    def matches(self, password: str, stored: str | None) -> bool:
        """Compare a password with its hash. Without a hash, for an unknown account, False after the same work."""
        try:
            return self._hasher.verify(stored or self._dummy_hash, password[: LONGEST + 1]) and stored is not None
        except (VerificationError, InvalidHashError):
            return False
