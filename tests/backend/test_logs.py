"""Lines of libraries: what they say of themselves stays, what they quote does not."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from backend import logs


def line(level: int, message: object, *arguments: object, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("gunicorn.error", level, "", 0, message, arguments, more.pop("exc_info", None))
    for name, value in more.items():
        setattr(record, name, value)
    return json.loads(logs.ServerFormatter().format(record))


@pytest.mark.parametrize(
    ("message", "arguments", "expected"),
    [
        ("Invalid request from ip=203.0.113.9: Invalid request line: 'GET /?token=x'", (), "Invalid request from ip"),
        ("Error handling request %s %s", ("GET", "/?token=x"), "Error handling request - -"),
        ("Worker (pid:%s) was sent %s!%s", (7, "SIGKILL", " Perhaps?"), "Worker (pid:7) was sent SIGKILL!-"),
        ("/?token=x", (), ""),
        ("broken %s %d", ("template",), "broken %s %d"),
        (ValueError("token"), (), "ValueError"),
    ],
)
def test_warnings_of_libraries_quote_nothing(message: object, arguments: tuple[object, ...], expected: str) -> None:
    for level in (logging.WARNING, logging.ERROR, logging.CRITICAL):
        assert line(level, message, *arguments)["event"] == expected


def test_gunicorn_lifecycle_lines_are_kept() -> None:
    written = line(logging.INFO, "Listening at: %s (%s)", "http://127.0.0.1:5000", 7)
    assert (written["event"], written["level"]) == ("Listening at: http://127.0.0.1:5000 (7)", "info")


def test_an_exception_is_logged_by_its_type_and_place() -> None:
    try:
        raise ValueError("token")
    except ValueError:
        written = line(logging.ERROR, "Error handling request", exc_info=sys.exc_info(), extra_field="token")
    assert written["error"] == "ValueError"
    assert "token" not in json.dumps(written)


def test_server_lines_carry_no_request_id() -> None:
    """A thread goes on to the next connection, whose broken request is not the last one's."""
    logs.begin("the-one-before")
    assert "request_id" not in line(logging.WARNING, "Invalid request")
