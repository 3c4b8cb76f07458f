"""Realtime through supabase-js, as a browser would use it (protocol 2.0.0). The scenarios are in realtime.mjs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from .realtime_server import (
    ROOT,
    Stack,
)

SCRIPT = Path(__file__).with_name("realtime.mjs")
NAMES = re.findall(r"^  async '(.+)'\(open\)", SCRIPT.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def results(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return the outcome of each scenario, by name."""
    node = shutil.which("node")
    if node is None or not (ROOT / "dev" / "node_modules" / "@supabase" / "supabase-js").exists():
        pytest.skip("needs Node and `npm ci` in dev/")
    asked = {
        "url": stack.url,
        "key": stack.key,
        "token": stack.token(),
        "expired": stack.token(exp=int(time.time()) - 60),
        "seed": str(time.time_ns()),
    }
    stack.database().close()  # skips, where there is none to send from
    with subprocess.Popen([node, SCRIPT, json.dumps(asked)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [json.loads(line) for line in process.stdout if not _sent(stack, line)]
    assert process.returncode == 0
    return {line["name"]: line for line in lines}


def test_every_scenario_was_found(results: dict[str, dict[str, Any]]) -> None:
    assert list(results) == NAMES
    assert len(NAMES) > 5


@pytest.mark.parametrize("name", NAMES)
def test_supabase_js(results: dict[str, dict[str, Any]], name: str) -> None:
    assert results[name]["ok"], results[name]["error"]


def _sent(stack: Stack, line: str) -> bool:
    """Do what the script asks the database for; whether that is what the line was."""
    request = json.loads(line).get("send")
    if request is None:
        return False
    stack.send(request["topic"], request["event"], request["payload"], request["private"])
    return True
