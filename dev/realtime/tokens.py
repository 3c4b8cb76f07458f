"""JSON Web Tokens, checked as the real server checks them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jwt

Claims = dict[str, Any]

ANON: Claims = {"role": "anon"}
"""The claims without a token, or with a key (`sb_...`) in place of one."""

_KEY_TYPES = {"ES256": "EC", "HS256": "oct"}


class RefusalError(Exception):
    """A refused join, token or question. A join's reason is `kind: message`; a system message is `message` alone."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.message = message


def is_key(token: str) -> bool:
    """Recognize the project's keys, which are no tokens."""
    return token.startswith("sb_")


class Verifier:
    """Checks signature and expiry of tokens signed with ES256 or HS256."""

    def __init__(self, keys: Iterable[dict[str, Any]]) -> None:
        self._keys = [jwt.PyJWK(key) for key in keys]

    def verify(self, token: str, now: float) -> Claims:
        """Return the claims, `role` and `exp` (whole seconds) among them, of a token that is valid at Unix time `now`.

        Raises RefusalError. Expiry has no leeway.
        """
        try:
            header = jwt.get_unverified_header(token)
            claims: Claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise RefusalError("MalformedJWT", "The token provided is not a valid JWT") from error
        self._check_signature(token, str(header.get("alg")), header.get("kid"))
        expiry = claims.get("exp")
        if isinstance(expiry, int) and expiry <= int(now):
            raise RefusalError("InvalidJWTToken", f"Token has expired {int(now) - expiry} seconds ago")
        if not isinstance(expiry, int) or not isinstance(claims.get("role"), str):
            raise RefusalError("InvalidJWTToken", "Fields `role` and `exp` are required in JWT")
        return claims

    def _check_signature(self, token: str, algorithm: str, name: str | None) -> None:
        # A public key is found by its name; a shared secret has none that its tokens must carry.
        keys = [key for key in self._keys if key.key_type == _KEY_TYPES.get(algorithm)]
        keys = [key for key in keys if key.key_type == "oct" or key.key_id == name]
        if not keys:
            message = "Failed to generate JWT signer, check your JWT secret or JWKS configuration"
            raise RefusalError("JwtSignerError", message)
        for key in keys:
            try:
                jwt.PyJWS().decode(token, key, algorithms=[algorithm])
            except jwt.PyJWTError:
                continue
            return
        raise RefusalError("JwtSignatureError", "Failed to validate JWT signature")
