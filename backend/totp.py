"""Codes of authenticator apps (TOTP, RFC 6238), recovery codes, and the encryption of the secrets behind the former.

The apps of phones know one kind of code: six digits, a step of thirty seconds, HMAC-SHA-1. (SHA-1's weakness is
collisions, on which an HMAC does not depend.)
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS: Final = 30
DRIFT: Final = 1
"""Steps that a phone's clock may be early or late."""
RECOVERY_CODES: Final = 10
_DIGITS: Final = 6
_ISSUER: Final = "Frontrow"
_SECRET_BYTES: Final = 20
"""As long as the hash (RFC 4226, 4)."""
_RECOVERY_BYTES: Final = 10
"""80 bits, 16 letters: nobody guesses one, whoever has its hash."""


class SecretError(Exception):
    """No key opens it, or it is somebody else's."""


class SecretBox:
    """Encrypts secrets together with the id of their owner. The first key encrypts, every key opens."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, user_id: UUID, secret: bytes) -> str:
        """Return what the database may keep."""
        return self._fernet.encrypt(user_id.bytes + secret).decode()

    def open(self, user_id: UUID, sealed: str) -> bytes:
        """Return the secret. Raises SecretError, also for one that was stored in another's row."""
        try:
            content = self._fernet.decrypt(sealed.encode())
        except InvalidToken:
            raise SecretError from None
        owner, secret = content[:16], content[16:]
        if owner != user_id.bytes:
            raise SecretError
        return secret

    def reseal(self, sealed: str) -> str:
        """Return the same secret as the first key encrypts it. Raises SecretError."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken:
            raise SecretError from None


def new_secret() -> bytes:
    """Return a secret for an authenticator app."""
    return secrets.token_bytes(_SECRET_BYTES)


def as_typed(secret: bytes) -> str:
    """Return a secret as people type it into an app that has no camera."""
    return base64.b32encode(secret).decode()


def uri(secret: bytes, account: str) -> str:
    """Return what the QR code holds: the secret, and whose it is."""
    return _totp(secret).get_provisioning_uri(account, _ISSUER)


def matching_step(secret: bytes, code: str, at: int) -> int | None:
    """Return the time step whose code that is, one early or late included; None where it is none. `at` is in seconds
    since 1970."""
    totp, typed, found = _totp(secret), "".join(code.split()).encode(), None
    for step in range(at // STEP_SECONDS - DRIFT, at // STEP_SECONDS + DRIFT + 1):
        if constant_time.bytes_eq(totp.generate(step * STEP_SECONDS), typed):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Return ten codes, in groups of four letters."""
    return [_grouped(as_typed(secrets.token_bytes(_RECOVERY_BYTES))) for _ in range(RECOVERY_CODES)]


def recovery_code_hash(user_id: UUID, code: str) -> str:
    """Return what the database keeps of a recovery code, however it is typed."""
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    return sha256(f"{user_id}:{letters}".encode()).hexdigest()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, _DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - apps know no other; see above


def _grouped(letters: str) -> str:
    return "-".join(letters[place : place + 4] for place in range(0, len(letters), 4))
