"""What the environment decides, read once at start. .env.example lists every variable; a test keeps the two equal."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlsplit

import jwt
from jwt.utils import base64url_encode

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(ValueError):
    """The environment lacks something or says something impossible; the message has a line for each variable."""


def _text(value: str) -> str:
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https URL")
    return value.rstrip("/")


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
            raise ValueError("must be origins such as https://frontrow.example, separated by commas")
    return origins


def _whole(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError("must be a whole number that is not negative")
    return int(value)


def _port(value: str) -> int:
    if not 0 < _whole(value) < 65536:
        raise ValueError("must be a port from 1 to 65535")
    return int(value)


def _positive(value: str) -> int:
    if _whole(value) == 0:
        raise ValueError("must be at least 1")
    return int(value)


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1_000_000:
        raise ValueError("must be a positive number of seconds")
    return seconds


def _boolean(value: str) -> bool:
    if value.lower() not in ("1", "0", "true", "false", "yes", "no"):
        raise ValueError("must be 1 or 0")
    return value.lower() in ("1", "true", "yes")


def _secret_key(value: str) -> str:
    if value.startswith("sb_publishable_"):
        raise ValueError("is a publishable key; the secret one is needed")
    if value.startswith("sb_secret_"):
        return value
    try:
        # Supabase verifies it. Here it is only looked at, so that the page's key is not taken for it.
        role: object = jwt.decode(value, options={"verify_signature": False}).get("role")
    except jwt.InvalidTokenError:
        raise ValueError("must be a secret key (sb_secret_...) or the older service_role JWT") from None
    if role != "service_role":
        raise ValueError("is a JWT of another role; that of service_role is needed")
    return value


def _json_of_keys(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("must be JSON") from None


def _jwk(key: object, members: tuple[str, ...], what: str) -> Mapping[str, str]:
    """An ES256 key with these members and its name; where it brings none, its thumbprint (RFC 7638)."""
    parts = cast(dict[Any, Any], key) if isinstance(key, dict) else {}
    jwk = {str(name): part for name, part in parts.items() if isinstance(part, str)}
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or not {*members} <= set(jwk):
        raise ValueError(f"must be {what}: kty EC, crv P-256, with {', '.join(members)}")
    kept = {name: jwk[name] for name in ("kty", "crv", *members)}
    try:
        jwt.PyJWK(kept, "ES256")
    except (jwt.PyJWTError, ValueError):
        raise ValueError(f"must be {what}: that one is damaged") from None
    return {**kept, "kid": jwk.get("kid") or _thumbprint(kept)}


def _thumbprint(key: Mapping[str, str]) -> str:
    members = ",".join(f'"{name}":"{key[name]}"' for name in ("crv", "kty", "x", "y"))
    return base64url_encode(sha256(f"{{{members}}}".encode()).digest()).decode()


def _signing_key(value: str) -> Mapping[str, str]:
    keys = _json_of_keys(value)
    # `supabase gen signing-key` prints one key; signing_keys_path wants a list of them.
    listed = cast(list[object], keys) if isinstance(keys, list) else [keys]
    return _jwk(listed[0] if len(listed) == 1 else None, ("x", "y", "d"), "one private ES256 key as JSON")


def _accepted_keys(value: str) -> tuple[Mapping[str, str], ...]:
    keys = _json_of_keys(value)
    if isinstance(keys, dict):
        keys = cast(dict[Any, Any], keys).get("keys")
    if not isinstance(keys, list):
        raise ValueError("must be a key set as /.well-known/jwks.json gives it, or a list of keys")
    listed = cast(list[object], keys)
    # They are published: a private half must not even be near.
    if any(isinstance(key, dict) and "d" in key for key in listed):
        raise ValueError("must be public keys, without d")
    return tuple(_jwk(key, ("x", "y"), "public ES256 keys") for key in listed)


def _jwt_secret(value: str) -> str:
    # RFC 7518, 3.2: a key of the same size as the hash output, or longer.
    if len(value.encode()) < 32:
        raise ValueError("must have at least 32 bytes")
    return value


def _webhook_secrets(value: str) -> tuple[str, ...]:
    secrets = tuple(part.strip() for part in value.split(",") if part.strip())
    if not secrets:
        raise ValueError("must be a signing secret (whsec_...), or several separated by commas")
    return secrets


def _smtp_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("must be smtp://user:password@host:port or smtps://...")
    if parts.query not in ("", "starttls=required", "starttls=never"):
        raise ValueError("may end in ?starttls=required or ?starttls=never only")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("has a port that is none") from None
    return value


def _mail_from(value: str) -> str:
    address = parseaddr(value)[1]
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
        raise ValueError("must be an address such as Frontrow <tickets@example.com>")
    return value


def _log_level(value: str) -> str:
    if value.upper() not in _LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(_LOG_LEVELS)}")
    return value.upper()


def _from(variable: str, parse: Callable[[str], object], *, secret: bool = False, **default: Any) -> Any:
    """A field that is read from a variable; required where it has no default, hidden in repr where it is secret."""
    return field(metadata={"variable": variable, "parse": parse}, repr=not secret, **default)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of the Flask app and the worker. URLs have no slash at the end; times are in seconds."""

    port: int = _from("PORT", _port, default=5000)
    app_url: str = _from("APP_URL", _url)
    api_url: str | None = _from("API_URL", _url, default=None)
    cors_origins: tuple[str, ...] = _from("CORS_ORIGINS", _origins, default=())
    cookie_secure: bool | None = _from("COOKIE_SECURE", _boolean, default=None)
    trusted_proxies: int = _from("TRUSTED_PROXIES", _whole, default=0)
    log_level: str = _from("LOG_LEVEL", _log_level, default="INFO")
    metrics_token: str | None = _from("METRICS_TOKEN", _text, secret=True, default=None)

    supabase_url: str = _from("SUPABASE_URL", _url)
    supabase_key: str = _from("SUPABASE_SERVICE_ROLE_KEY", _secret_key, secret=True)

    jwt_signing_key: Mapping[str, str] | None = _from("JWT_SIGNING_KEY", _signing_key, secret=True, default=None)
    jwt_accepted_keys: tuple[Mapping[str, str], ...] = _from("JWT_ACCEPTED_KEYS", _accepted_keys, default=())
    jwt_secret: str | None = _from("JWT_SECRET", _jwt_secret, secret=True, default=None)
    jwt_issuer: str | None = _from("JWT_ISSUER", _text, default=None)

    stripe_secret_key: str = _from("STRIPE_SECRET_KEY", _text, secret=True)
    stripe_webhook_secrets: tuple[str, ...] = _from("STRIPE_WEBHOOK_SECRET", _webhook_secrets, secret=True)
    stripe_api_base: str | None = _from("STRIPE_API_BASE", _url, default=None)

    smtp_url: str = _from("SMTP_URL", _smtp_url, secret=True)
    mail_from: str = _from("MAIL_FROM", _mail_from)

    worker_threads: int = _from("WORKER_THREADS", _positive, default=2)
    worker_poll_seconds: float = _from("WORKER_POLL_SECONDS", _seconds, default=1.0)
    sweep_seconds: float = _from("SWEEP_SECONDS", _seconds, default=5.0)
    reconcile_seconds: float = _from("RECONCILE_SECONDS", _seconds, default=60.0)
    reconcile_after_seconds: float = _from("RECONCILE_AFTER_SECONDS", _seconds, default=120.0)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read everything. An empty variable counts as missing. Raises SettingsError naming all that is wrong at once,
        and never quoting a value, which may be a secret."""
        problems: list[str] = []
        values: dict[str, object] = {}
        for each in dataclasses.fields(cls):
            variable: str = each.metadata["variable"]
            value = environment.get(variable, "").strip()
            if value:
                try:
                    values[each.name] = each.metadata["parse"](value)
                except ValueError as error:
                    problems.append(f"{variable} {error}.")
            elif each.default is dataclasses.MISSING:
                problems.append(f"{variable} is missing.")
        if not environment.get("JWT_SIGNING_KEY", "").strip() and not environment.get("JWT_SECRET", "").strip():
            problems.append("JWT_SIGNING_KEY or JWT_SECRET is missing.")
        if problems:
            raise SettingsError("\n".join(problems))
        settings = cls(**cast(Any, values))
        if not _told_apart(settings.public_keys):
            raise SettingsError("JWT_ACCEPTED_KEYS has two keys of one kid, or one of JWT_SIGNING_KEY's.")
        return settings

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """The names of all variables that are read."""
        return tuple(each.metadata["variable"] for each in dataclasses.fields(cls))

    @property
    def issuer(self) -> str:
        """The `iss` of access tokens; a project's own tokens name its auth server, and ours stand in for those."""
        return self.jwt_issuer or f"{self.supabase_url}/auth/v1"

    @property
    def public_keys(self) -> tuple[Mapping[str, str], ...]:
        """The public halves of all keys whose tokens are good: the one that signs first, each once."""
        signing = self.jwt_signing_key
        own = [{name: signing[name] for name in ("kty", "crv", "x", "y", "kid")}] if signing else []
        keys = [*own, *self.jwt_accepted_keys]
        return tuple(key for place, key in enumerate(keys) if key not in keys[:place])

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins of pages that may call with cookies: CORS_ORIGINS and the page's own."""
        parts = urlsplit(self.app_url)
        return frozenset({*self.cors_origins, f"{parts.scheme}://{parts.netloc}"})


def _told_apart(keys: tuple[Mapping[str, str], ...]) -> bool:
    """Whether a token's kid names one key."""
    return len({key["kid"] for key in keys}) == len(keys)
