"""`make demo` plays to its end."""

from __future__ import annotations

import asyncio

import pytest

from dev import demo
from tests.http.frontrow import Frontrow


def test_the_demo_shows_every_scene(frontrow: Frontrow, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(demo.story(frontrow.stack.environment()))
    said = capsys.readouterr().out
    for scene in ("hears seat:lock", "seat_taken", "hears seat:book", "reads confirmed", ".ics", "by the clock"):
        assert scene in said
