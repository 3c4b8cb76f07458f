"""Log lines: one JSON object a line on standard error, with what a person needs and nothing that is secret.

An exception is logged by its type and by where it was raised, never by its message: messages of databases and HTTP
clients quote the values that they stumbled over.

What a thread works at has an id, which all its lines carry, and which the database writes down with what it changes.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
import uuid
from collections.abc import Mapping
from contextvars import Context, ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, TextIO

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_ROOT = Path(__file__).resolve().parent.parent
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_WORDS: Final = re.compile(r"[A-Za-z ,.()-]+")
_SIGNAL: Final = re.compile(r"SIG[A-Z0-9]+")
_context: ContextVar[Mapping[str, str]] = ContextVar("context", default=MappingProxyType({}))


def begin(request_id: str | None = None, **fields: str) -> str:
    """Give the lines of this thread this id, or a new one where it is malformed, and these fields from here on; no
    others. Return the id."""
    well_formed = request_id is not None and _REQUEST_ID.fullmatch(request_id)
    chosen = request_id if request_id is not None and well_formed else uuid.uuid4().hex
    _context.set({"request_id": chosen, **fields})
    return chosen


def add(**fields: str) -> None:
    """Add fields to the lines of this thread."""
    _context.set({**_context.get(), **fields})


def request_id() -> str | None:
    """Return the id of what this thread works at."""
    return _context.get().get("request_id")


class JsonFormatter(logging.Formatter):
    """{time, level, logger, event, request_id, ...}: what was given as `extra` follows."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= _context.get()
        line |= {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        if record.exc_info and isinstance(record.exc_info[1], Exception):
            line |= describe(record.exc_info[1])
        return json.dumps(line, default=str)


class ServerFormatter(JsonFormatter):
    """For what is not ours, gunicorn above all: its warnings quote the request, query and address, that they are about.

    Of a warning and worse stays what the library says of itself: the template, with numbers and signals put in, and of
    a sentence that came ready made the words before the first thing that is none.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line, without the id of what this thread was at before."""
        message = record.getMessage() if record.levelno < logging.WARNING else _without_quotations(record)
        redacted = logging.makeLogRecord(
            {name: getattr(record, name) for name in ("name", "levelno", "levelname", "created")}
        )
        redacted.msg, redacted.exc_info = message, record.exc_info
        return Context().run(super().format, redacted)


def _without_quotations(record: logging.LogRecord) -> str:
    if not isinstance(record.msg, str):
        return type(record.msg).__name__
    if not isinstance(record.args, tuple) or not record.args:
        words = _WORDS.match(record.msg)
        return words[0].rstrip() if words else ""
    try:
        return record.msg % tuple(value if _says_nothing(value) else "-" for value in record.args)
    except (TypeError, ValueError):
        return record.msg


def _says_nothing(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and _SIGNAL.fullmatch(value) is not None)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send the lines of `backend` to the stream (standard error). Libraries stay silent below warnings, which become
    lines as well; gunicorn.conf.py has seen to that where gunicorn runs us."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("backend")
    for old in list(logger.handlers):
        logger.removeHandler(old)
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    root = logging.getLogger()
    if not root.handlers:
        theirs = logging.StreamHandler(stream or sys.stderr)
        theirs.setFormatter(ServerFormatter())
        root.addHandler(theirs)
    # Stripe's client logs each request, and httpx each URL.
    for name in ("stripe", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def describe(error: BaseException) -> dict[str, object]:
    """Return the exception's type, those that caused it, and where it was raised: nothing of its message."""
    causes: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < 5:
        code: object = getattr(cause, "code", None)
        causes.append(type(cause).__name__ + (f"({code})" if isinstance(code, str | int) else ""))
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return {
        "error": " < ".join(causes),
        "at": [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _short(filename: str) -> str:
    path = Path(filename)
    try:
        return str(path.relative_to(_ROOT / "backend"))
    except ValueError:
        return path.name
