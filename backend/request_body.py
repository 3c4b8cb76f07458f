"""What clients send: JSON objects, with the fields that an address knows and no others."""

from __future__ import annotations

import json
import re
import sys
from typing import cast
from uuid import UUID

from flask import request

from backend.errors import ApiError

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class JsonBody:
    """The request's JSON object. Every refusal is invalid_request and says in its details what is wrong."""

    def __init__(self, *known: str) -> None:
        """Read it. An unknown field is refused by name: whoever sends an amount believes that it counts."""
        if not request.is_json:
            # This also keeps forms of other sites out: they cannot send JSON without asking first.
            raise ApiError("invalid_request", {"content_type": "application/json"})
        try:
            parsed: object = json.loads(raw_body())
        except (ValueError, RecursionError):
            raise ApiError("invalid_request", {"body": "is no JSON"}) from None
        if not isinstance(parsed, dict):
            raise ApiError("invalid_request", {"body": "is no JSON object"})
        self._fields = cast(dict[str, object], parsed)
        if unknown := sorted(set(self._fields) - set(known)):
            raise ApiError("invalid_request", {"unknown": [_printable(name)[:100] for name in unknown[:10]]})

    def text(self, name: str) -> str:
        """A required string, such as PostgreSQL can store."""
        value = as_text(self._fields.get(name))
        if value is None:
            raise ApiError("invalid_request", {name: "must be a string"})
        return value

    def uuid(self, name: str) -> UUID:
        """A required UUID."""
        value = self.text(name)
        if not _UUID.fullmatch(value):
            raise ApiError("invalid_request", {name: "must be a UUID"})
        return UUID(value)

    def flag(self, name: str) -> bool:
        """A boolean; false where it is left out."""
        value = self._fields.get(name, False)
        if not isinstance(value, bool):
            raise ApiError("invalid_request", {name: "must be true or false"})
        return value


def raw_body() -> bytes:
    """The bytes as they came. Raises payload_too_large."""
    body = request.get_data(cache=False)
    # Without a Content-Length, Werkzeug cuts a body off at the limit and says nothing.
    if len(body) >= (request.max_content_length or sys.maxsize) and request.content_length is None:
        raise ApiError("payload_too_large")
    return body


def as_uuid(value: object) -> UUID | None:
    """The UUID that a string spells, if it does."""
    return UUID(value) if isinstance(value, str) and _UUID.fullmatch(value) else None


def as_text(value: object) -> str | None:
    """The string, if it is one that PostgreSQL can store: without NUL and halves of surrogate pairs."""
    return value if isinstance(value, str) and "\0" not in value and _printable(value) == value else None


def _printable(text: str) -> str:
    """Without halves of surrogate pairs, which JSON can spell and UTF-8 cannot."""
    return text.encode(errors="replace").decode()
