"""Passwords: argon2id, and the same work for known and unknown accounts."""

from __future__ import annotations

import secrets
import unicodedata
from pathlib import Path
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


_COMMON: Final = frozenset(
    line
    for line in (Path(__file__).parent / "common_passwords.txt").read_text().splitlines()
    if not line.startswith("#")
)
"""What guessers try first, in lower case. Shorter ones are refused for their length."""


class Passwords:
    """Hashes and compares. One password typed on two keyboards can be two sequences of characters, so what is hashed is
    its one form (NFKC)."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=1, memory_cost=MEMORY_KIB, parallelism=1)
        self._dummy_hash = self._hasher.hash(secrets.token_urlsafe(24))

    def hash(self, password: str) -> str:
        """Return the hash to store. Raises weak_password."""
        password = _one_form(password)
        if not SHORTEST <= len(password) <= LONGEST or password.casefold() in _COMMON:
            raise ApiError("weak_password", {"shortest": SHORTEST, "longest": LONGEST})
        return self._hasher.hash(password)

    def matches(self, password: str, stored: str | None) -> bool:
        """Compare a password with its hash. Without a hash, for an unknown account, False after the same work."""
        # As typed, too: until 28 November 2026 that was hashed.
        forms = dict.fromkeys((_one_form(password), password[: LONGEST + 1]))
        return any(self._verifies(form, stored) for form in forms)

    def _verifies(self, password: str, stored: str | None) -> bool:
        try:
            return self._hasher.verify(stored or self._dummy_hash, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def _one_form(password: str) -> str:
    """Compose it, a character more than may be at the most. What is too long by far is not looked at."""
    if len(password) <= 4 * LONGEST:
        password = unicodedata.normalize("NFKC", password)
    return password[: LONGEST + 1]
