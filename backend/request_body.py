"""Request bodies: JSON objects, read into the models of backend/schemas.py, with their fields and no others."""

from __future__ import annotations

import json
import re
import sys
from typing import Final, TypeVar, cast
from uuid import UUID

from flask import request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from backend.errors import ApiError

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PROBLEMS: Final = {
    "missing": "must be a string",
    "string_type": "must be a string",
    "string_unicode": "must be a string",
    "bool_type": "must be true or false",
}
"""By pydantic's own names. What may be left out is no string; all else is."""

M = TypeVar("M", bound=BaseModel)


def read_json(model: type[M]) -> M:
    """Read the request's JSON object. Every refusal is invalid_request and says in its details what is wrong."""
    if not request.is_json:
        # This also keeps forms of other sites out: they cannot send JSON without asking first.
        raise ApiError("invalid_request", {"content_type": "application/json"})
    try:
        parsed: object = json.loads(raw_body())
    except (ValueError, RecursionError):
        raise ApiError("invalid_request", {"body": "is no JSON"}) from None
    if not isinstance(parsed, dict):
        raise ApiError("invalid_request", {"body": "is no JSON object"})
    fields = cast(dict[str, object], parsed)
    if unknown := sorted(set(fields) - set(model.model_fields)):
        raise ApiError("invalid_request", {"unknown": [_printable(name)[:100] for name in unknown[:10]]})
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)
    raise ApiError("invalid_request", {str(each["loc"][0]): _problem(each) for each in wrong})


def _problem(error: ErrorDetails) -> str:
    """Say what is wrong with a field, without quoting it."""
    if error["type"] == "value_error":
        return str(error.get("ctx", {})["error"])
    return _PROBLEMS.get(error["type"], "is not what was expected")


def raw_body() -> bytes:
    """Read the bytes as they came. Raises payload_too_large."""
    body = request.get_data(cache=False)
    # Without a Content-Length, Werkzeug cuts a body off at the limit and says nothing.
    if len(body) >= (request.max_content_length or sys.maxsize) and request.content_length is None:
        raise ApiError("payload_too_large")
    return body


def as_uuid(value: object) -> UUID | None:
    """Read a string as a UUID; None where it is none."""
    return UUID(value) if isinstance(value, str) and _UUID.fullmatch(value) else None


def as_text(value: object) -> str | None:
    """Pass on a string that PostgreSQL can store, without NUL and halves of surrogate pairs; None for all else."""
    return value if isinstance(value, str) and "\0" not in value and _printable(value) == value else None


def _printable(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON can spell and UTF-8 cannot."""
    return text.encode(errors="replace").decode()
