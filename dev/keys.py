"""The local project's keys: made once, kept in a file that only its owner reads, never meant for anything deployed."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_encode

_TEN_YEARS = 10 * 365 * 24 * 3600


@dataclass(frozen=True)
class Keys:
    """The keys that the parts of one local stack share. JWKs are JSON text, as they travel in the environment."""

    publishable: str
    secret: str
    signing_key: str
    """The private ES256 JWK that the Flask app signs access tokens with (JWT_SIGNING_KEY)."""
    jwt_secret: str
    """The shared HS256 secret of a project with older keys (JWT_SECRET)."""
    second_factor_key: str
    """Encrypts the secrets of second factors (SECOND_FACTOR_KEY)."""
    anon_jwt: str
    service_role_jwt: str
    stripe_secret: str
    stripe_publishable: str
    stripe_webhook_secret: str

    @property
    def jwks(self) -> str:
        """The JWK set that tokens are verified against: the public ES256 key and the shared secret."""
        private = cast(dict[str, str], json.loads(self.signing_key))
        public = {name: value for name, value in private.items() if name != "d"} | {"key_ops": ["verify"]}
        shared = {"kty": "oct", "k": base64url_encode(self.jwt_secret.encode()).decode(), "alg": "HS256"}
        return json.dumps({"keys": [public, shared]})

    def token(self, claims: dict[str, Any]) -> str:
        """Sign claims as the Flask app does, for tests and demos."""
        private = cast(dict[str, str], json.loads(self.signing_key))
        return jwt.encode(claims, jwt.PyJWK(private).key, algorithm="ES256", headers={"kid": private["kid"]})

    @classmethod
    def generate(cls) -> Keys:
        """A new set."""
        jwt_secret = secrets.token_urlsafe(48)
        return cls(
            publishable=f"sb_publishable_{secrets.token_urlsafe(24)}",
            secret=f"sb_secret_{secrets.token_urlsafe(24)}",
            signing_key=json.dumps(_signing_key()),
            jwt_secret=jwt_secret,
            second_factor_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            anon_jwt=_legacy_key("anon", jwt_secret),
            service_role_jwt=_legacy_key("service_role", jwt_secret),
            stripe_secret=f"sk_test_{secrets.token_hex(24)}",
            stripe_publishable=f"pk_test_{secrets.token_hex(24)}",
            stripe_webhook_secret=f"whsec_{secrets.token_hex(24)}",
        )

    @classmethod
    def kept_in(cls, file: Path) -> Keys:
        """The set in the file; a new one, written there, where there is none or one of another shape."""
        try:
            return cls(**json.loads(file.read_text()))
        except (FileNotFoundError, TypeError, json.JSONDecodeError):
            keys = cls.generate()
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "w", opener=_private) as output:
            json.dump(asdict(keys), output, indent=2)
        return keys


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _signing_key() -> dict[str, str]:
    """A private key in the shape of `supabase gen signing-key --algorithm ES256`."""
    key = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    return {**key, "alg": "ES256", "use": "sig", "kid": secrets.token_hex(16)}


def _legacy_key(role: str, secret: str) -> str:
    now = int(time.time())
    claims = {"iss": "supabase", "role": role, "iat": now, "exp": now + _TEN_YEARS}
    return jwt.encode(claims, secret, algorithm="HS256")
