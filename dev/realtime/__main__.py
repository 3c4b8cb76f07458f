"""`python -m dev.realtime`: serve until interrupted. Settings come from the environment (settings.py)."""

from __future__ import annotations

import logging
import os
import sys

import uvicorn

from dev.realtime.outbox import ImpatientProtocol
from dev.realtime.server import create_app
from dev.realtime.settings import SettingsError, from_environment

_MAX_FRAME = 5_000_000
"""Bytes; a larger frame closes its socket with code 1009."""


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s realtime: %(message)s")
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # replication says it already
    logging.getLogger("uvicorn.error").addFilter(_plainly)
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        print(f"Realtime cannot start: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(settings),
        host="127.0.0.1",
        port=settings.port,
        log_level="warning",  # the address of a socket holds a key, so no line may show it
        access_log=False,
        ws=ImpatientProtocol,
        ws_max_size=_MAX_FRAME,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
    )
    return 0


def _plainly(record: logging.LogRecord) -> bool:
    """A client that sends text which is not UTF-8 is worth a line, not a stack trace."""
    if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
        record.exc_info = None
    return True


if __name__ == "__main__":
    sys.exit(main())
