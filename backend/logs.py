"""Log lines: one JSON object a line on standard error, with what a person needs and nothing that is secret.

An exception is logged by its type and by where it was raised, never by its message: messages of databases and HTTP
clients quote the values that they stumbled over.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_ROOT = Path(__file__).resolve().parent.parent


class JsonFormatter(logging.Formatter):
    """{time, level, logger, event, ...}: what was given as `extra` follows the event."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        if record.exc_info and isinstance(record.exc_info[1], Exception):
            line |= describe(record.exc_info[1])
        return json.dumps(line, default=str)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send the lines of `backend` to the stream (standard error). Libraries stay silent below warnings."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("backend")
    for old in list(logger.handlers):
        logger.removeHandler(old)
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    # Stripe's client logs each request, and httpx each URL.
    for name in ("stripe", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def describe(error: BaseException) -> dict[str, object]:
    """The exception's type, those that caused it, and where: nothing of what it says."""
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
