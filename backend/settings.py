"""What the environment decides, read once at start. .env.example lists every variable; a test keeps the two equal."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any, cast
from urllib.parse import urlsplit

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
    if not value.startswith("sb_secret_") and value.count(".") != 2:
        raise ValueError("must be a secret key (sb_secret_...) or the older service_role JWT")
    return value


def _signing_key(value: str) -> Mapping[str, str]:
    try:
        key: object = json.loads(value)
    except ValueError:
        raise ValueError("must be a JWK as JSON") from None
    # `supabase gen signing-key` prints one key; signing_keys_path wants a list of them.
    if isinstance(key, list) and len(cast(list[object], key)) == 1:
        key = cast(list[object], key)[0]
    if not isinstance(key, dict):
        raise ValueError("must be one JWK as JSON")
    jwk = {str(name): str(part) for name, part in cast(dict[Any, Any], key).items()}
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or not {"x", "y", "d"} <= set(jwk):
        raise ValueError("must be a private ES256 key: kty EC, crv P-256, with x, y and d")
    return jwk


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
        return cls(**cast(Any, values))

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """The names of all variables that are read."""
        return tuple(each.metadata["variable"] for each in dataclasses.fields(cls))

    @property
    def issuer(self) -> str:
        """The `iss` of access tokens; a project's own tokens name its auth server, and ours stand in for those."""
        return self.jwt_issuer or f"{self.supabase_url}/auth/v1"

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins of pages that may call with cookies: CORS_ORIGINS and the page's own."""
        parts = urlsplit(self.app_url)
        return frozenset({*self.cors_origins, f"{parts.scheme}://{parts.netloc}"})
