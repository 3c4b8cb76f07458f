"""What the server is told from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast


class SettingsError(ValueError):
    """The environment lacks something or holds nonsense; the message names the variables, never their values."""


@dataclass(frozen=True)
class Settings:
    """Port on 127.0.0.1, connection URL of a superuser, and the keys (JWK dicts) that tokens are signed with."""

    port: int
    database_url: str
    keys: tuple[dict[str, Any], ...]


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read REALTIME_PORT, DATABASE_URL and JWT_JWKS (`{"keys": [...]}`). Raises SettingsError naming all faults."""
    faults = [
        f"{name} is not set" for name in ("REALTIME_PORT", "DATABASE_URL", "JWT_JWKS") if not environment.get(name)
    ]
    port, keys = 0, ()
    try:
        port = int(environment.get("REALTIME_PORT") or 0)
    except ValueError:
        faults.append("REALTIME_PORT is not a number")
    try:
        keys = _keys(environment.get("JWT_JWKS") or '{"keys": []}')
    except (ValueError, TypeError, KeyError):
        faults.append('JWT_JWKS is not a JSON object {"keys": [...]}')
    if faults:
        raise SettingsError("; ".join(faults))
    return Settings(port=port, database_url=environment["DATABASE_URL"], keys=keys)


def _keys(text: str) -> tuple[dict[str, Any], ...]:
    keys = json.loads(text)["keys"]
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in cast("list[Any]", keys)):
        raise ValueError("no list of keys")
    return tuple(cast("list[dict[str, Any]]", keys))
