"""The server's settings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_REQUIRED = ("REALTIME_PORT", "DATABASE_URL", "JWT_JWKS")
_LIMITS = ("REALTIME_MAX_MESSAGES_PER_SECOND", "REALTIME_MAX_JOINS_PER_SECOND")


class SettingsError(ValueError):
    """The environment lacks a variable or holds an invalid one; the message names the variables, not their values."""


@dataclass(frozen=True)
class Settings:
    """Port on 127.0.0.1, connection URL of a superuser, the keys (JWK dicts) of tokens, and the plan's rate limits."""

    port: int
    database_url: str
    keys: tuple[dict[str, Any], ...]
    max_messages_per_second: float = math.inf
    max_joins_per_second: float = math.inf


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read REALTIME_PORT, DATABASE_URL, JWT_JWKS (`{"keys": [...]}`) and, where set, the two limits.

    Raises SettingsError naming all faults.
    """
    faults = [f"{name} is not set" for name in _REQUIRED if not environment.get(name)]
    numbers: dict[str, float] = {}
    for name in ("REALTIME_PORT", *_LIMITS):
        try:
            numbers[name] = int(environment.get(name) or 0) or math.inf
        except ValueError:
            faults.append(f"{name} is not a number")
    keys: tuple[dict[str, Any], ...] = ()
    try:
        keys = tuple(dict(key) for key in json.loads(environment.get("JWT_JWKS") or '{"keys": []}')["keys"])
    except (ValueError, TypeError, KeyError):
        faults.append('JWT_JWKS is not a JSON object {"keys": [...]}')
    if faults:
        raise SettingsError("; ".join(faults))
    return Settings(int(numbers["REALTIME_PORT"]), environment["DATABASE_URL"], keys, *(numbers[n] for n in _LIMITS))
