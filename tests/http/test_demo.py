"""`make demo` runs to its end."""

from __future__ import annotations

import asyncio

import pytest

from tests import demo
from tests.http.frontrow import Frontrow


def test_every_step_of_the_demo_goes_well(frontrow: Frontrow, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(demo.run(frontrow.stack.environment()))
    printed = capsys.readouterr().out
    for step in ("receives seat:lock", "seat_taken", "receives seat:book", "reads confirmed", ".ics", "by the clock"):
        assert step in printed
