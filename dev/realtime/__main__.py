"""Serve until interrupted: `python -m dev.realtime`. Settings come from the environment (settings.py)."""

from __future__ import annotations

import logging
import os
import sys

import uvicorn

from dev.realtime.server import create_app
from dev.realtime.settings import SettingsError, from_environment


def main() -> int:
    """Run the server; 2 when its settings are wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s realtime: %(message)s")
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # replication logs the same outage
    logging.getLogger("uvicorn.error").addFilter(  # text that is not UTF-8 closes its socket, which is answer enough
        lambda record: not (record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError))
    )
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        print(f"Realtime cannot start: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(settings),
        host="127.0.0.1",
        port=settings.port,
        log_level="warning",  # a socket's address holds a key, which no log line may show
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=5_000_000,  # bytes; a larger frame closes its socket with code 1009
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
