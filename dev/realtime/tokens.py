"""Who somebody is: JSON Web Tokens, checked as the real server checks them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jwt

Claims = dict[str, Any]

ANON: Claims = {"role": "anon"}
"""Who comes without a token, or with a key (`sb_...`) in place of one."""


class TokenError(Exception):
    """A token that counts for nothing. `kind` is the word that a join's reason opens with, `message` the rest."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def is_key(token: str) -> bool:
    """Whether this is one of the project's keys, which are no tokens."""
    return token.startswith("sb_")


class Verifier:
    """Checks signature and expiry of tokens signed with ES256 or HS256."""

    def __init__(self, keys: Iterable[dict[str, Any]]) -> None:
        self._keys = [jwt.PyJWK(key) for key in keys]

    def verify(self, token: str, now: float) -> Claims:
        """The claims, `role` and `exp` (whole seconds) among them, of a token that is good at `now` (Unix seconds).

        Raises TokenError. Expiry has no leeway.
        """
        try:
            header = jwt.get_unverified_header(token)
            claims: Claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise TokenError("MalformedJWT", "The token provided is not a valid JWT") from error
        self._check_signature(token, header)
        expiry = claims.get("exp")
        if isinstance(expiry, int) and expiry <= int(now):
            raise TokenError("InvalidJWTToken", f"Token has expired {int(now) - expiry} seconds ago")
        if not isinstance(expiry, int) or not isinstance(claims.get("role"), str):
            raise TokenError("InvalidJWTToken", "Fields `role` and `exp` are required in JWT")
        return claims

    def _check_signature(self, token: str, header: dict[str, Any]) -> None:
        algorithm, named = str(header.get("alg")), header.get("kid")
        kind = {"ES256": "EC", "HS256": "oct"}.get(algorithm)
        fitting = [key for key in self._keys if key.key_type == kind]
        # A shared secret has no name that its tokens must carry; a public key is found by its name.
        candidates = [key for key in fitting if key.key_id == named] or (fitting if kind == "oct" else [])
        if not candidates:
            raise TokenError(
                "JwtSignerError",
                "Failed to generate JWT signer, check your JWT secret or JWKS configuration",
            )
        for key in candidates:
            try:
                jwt.PyJWS().decode(token, key, algorithms=[algorithm])
            except jwt.PyJWTError:
                continue
            return
        raise TokenError("JwtSignatureError", "Failed to validate JWT signature")
