"""Settings from the environment, read once at start. .env.example lists every variable; a test keeps the two equal."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from hashlib import sha256
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import urlsplit

import jwt
from jwt.utils import base64url_encode
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict


class SettingsError(ValueError):
    """The environment lacks something or says something impossible; the message has a line for each variable."""


def _parts(value: str) -> tuple[str, ...]:
    """The parts between commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https URL")
    return value.rstrip("/")


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(part.rstrip("/") for part in _parts(value))
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
            raise ValueError("must be origins such as https://frontrow.example, separated by commas")
    return origins


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


def _second_factor_keys(value: str) -> tuple[str, ...]:
    keys = tuple(part.replace("+", "-").replace("/", "_") for part in _parts(value))
    try:
        sizes = {len(base64.b64decode(key, b"-_", validate=True)) for key in keys}
    except ValueError:
        sizes = set[int]()
    if sizes != {32}:
        raise ValueError("must be 32 random bytes in base64 (openssl rand -base64 32), or several, separated by commas")
    return keys


def _webhook_secrets(value: str) -> tuple[str, ...]:
    secrets = _parts(value)
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


def _parsed(parse: Callable[[str], object]) -> BeforeValidator:
    """Have a function read the variable's text; what it has read passes a second time as it is."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


_HUMAN_CHECK = ("HUMAN_CHECK", "HUMAN_CHECK_SITE_KEY", "HUMAN_CHECK_SECRET_KEY")
"""All of them or none."""
_VERIFY_URLS = {
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
}

Url = Annotated[str, AfterValidator(_url)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, lt=1_000_000)]
PublicKeys = Annotated[tuple[Mapping[str, str], ...], NoDecode, _parsed(_accepted_keys)]
"""As a key set or a list gives them. NoDecode: our own function reads the JSON, and says what is wrong with it."""


def _variable(name: str, *, secret: bool = False, **more: Any) -> Any:
    """A field that is read from a variable; required where it has no default, hidden in repr where it is secret."""
    return Field(validation_alias=name, repr=not secret, **more)


class Settings(BaseSettings):
    """All settings of the Flask app and the worker. URLs have no slash at the end; times are in seconds."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, hide_input_in_errors=True, extra="forbid")

    port: Port = _variable("PORT", default=5000)
    app_url: Url = _variable("APP_URL")
    api_url: Url | None = _variable("API_URL", default=None)
    cors_origins: Annotated[tuple[str, ...], NoDecode, _parsed(_origins)] = _variable("CORS_ORIGINS", default=())
    cookie_secure: bool | None = _variable("COOKIE_SECURE", default=None)
    trusted_proxies: int = _variable("TRUSTED_PROXIES", default=0, ge=0)
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], _parsed(str.upper)] = _variable(
        "LOG_LEVEL", default="INFO"
    )
    metrics_token: str | None = _variable("METRICS_TOKEN", secret=True, default=None)

    supabase_url: Url = _variable("SUPABASE_URL")
    supabase_key: Annotated[str, AfterValidator(_secret_key)] = _variable("SUPABASE_SERVICE_ROLE_KEY", secret=True)

    jwt_signing_key: Annotated[Mapping[str, str] | None, NoDecode, _parsed(_signing_key)] = _variable(
        "JWT_SIGNING_KEY", secret=True, default=None
    )
    jwt_accepted_keys: PublicKeys = _variable("JWT_ACCEPTED_KEYS", default=())
    jwt_secret: Annotated[str | None, _parsed(_jwt_secret)] = _variable("JWT_SECRET", secret=True, default=None)
    jwt_issuer: str | None = _variable("JWT_ISSUER", default=None)

    second_factor_keys: Annotated[tuple[str, ...], NoDecode, _parsed(_second_factor_keys)] = _variable(
        "SECOND_FACTOR_KEY", secret=True
    )

    stripe_secret_key: str = _variable("STRIPE_SECRET_KEY", secret=True)
    stripe_webhook_secrets: Annotated[tuple[str, ...], NoDecode, _parsed(_webhook_secrets)] = _variable(
        "STRIPE_WEBHOOK_SECRET", secret=True
    )
    stripe_api_base: Url | None = _variable("STRIPE_API_BASE", default=None)

    human_check: Literal["turnstile", "hcaptcha"] | None = _variable("HUMAN_CHECK", default=None)
    human_check_site_key: str | None = _variable("HUMAN_CHECK_SITE_KEY", default=None)
    human_check_secret_key: str | None = _variable("HUMAN_CHECK_SECRET_KEY", secret=True, default=None)
    human_check_other_url: Url | None = _variable("HUMAN_CHECK_VERIFY_URL", default=None)

    smtp_url: Annotated[str, AfterValidator(_smtp_url)] = _variable("SMTP_URL", secret=True)
    mail_from: Annotated[str, AfterValidator(_mail_from)] = _variable("MAIL_FROM")

    worker_threads: int = _variable("WORKER_THREADS", default=2, ge=1)
    worker_poll_seconds: Seconds = _variable("WORKER_POLL_SECONDS", default=1.0)
    sweep_seconds: Seconds = _variable("SWEEP_SECONDS", default=5.0)
    reconcile_seconds: Seconds = _variable("RECONCILE_SECONDS", default=60.0)
    reconcile_after_seconds: Seconds = _variable("RECONCILE_AFTER_SECONDS", default=120.0)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read everything. An empty variable counts as missing. Raises SettingsError naming all that is wrong at once,
        and never quoting a value, which may be a secret."""
        source = EnvSettingsSource(cls)
        source.env_vars = {name: value for name, given in environment.items() if (value := given.strip())}
        problems: list[str] = []
        if not {"JWT_SIGNING_KEY", "JWT_SECRET"} & source.env_vars.keys():
            problems.append("JWT_SIGNING_KEY or JWT_SECRET is missing.")
        if any(name.startswith("HUMAN_CHECK") for name in source.env_vars):
            problems += [f"{name} is missing." for name in _HUMAN_CHECK if name not in source.env_vars]
        try:
            settings = cls(**source())
        except ValidationError as error:
            problems = [*map(_problem, error.errors(include_input=False, include_url=False)), *problems]
        else:
            if not problems:
                return settings
        raise SettingsError("\n".join(problems))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing by ourselves: from_environment says which environment counts."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @model_validator(mode="after")
    def _kids_name_one_key(self) -> Self:
        keys = self.public_keys
        if len({key["kid"] for key in keys}) < len(keys):
            raise ValueError("JWT_ACCEPTED_KEYS has two keys of one kid, or one of JWT_SIGNING_KEY's")
        return self

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """The names of all variables that are read."""
        return tuple(str(field.validation_alias) for field in cls.model_fields.values())

    @property
    def issuer(self) -> str:
        """The `iss` of access tokens; a project's own tokens name its auth server, and ours stand in for those."""
        return self.jwt_issuer or f"{self.supabase_url}/auth/v1"

    @property
    def human_check_verify_url(self) -> str:
        """Where tokens of the human check are verified; empty where it is off."""
        return self.human_check_other_url or _VERIFY_URLS.get(self.human_check or "", "")

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


def _problem(error: Mapping[str, Any]) -> str:
    """A sentence about a variable, or about several."""
    if error["type"] == "missing":
        said = "is missing"
    elif error["type"] == "value_error":
        said = str(error["ctx"]["error"])  # one of ours
    else:
        said = error["msg"].removeprefix("Input ")
    return " ".join((*map(str, error["loc"][:1]), said)) + "."
