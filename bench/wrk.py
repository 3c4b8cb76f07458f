"""HTTP load by wrk, a client that is not the bound: it costs a hundredth of what the servers do."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from bench.figures import Run

_SCRIPT = Path(__file__).with_name("requests.lua")
_THREADS = 2
"""As in requests.lua."""
_IN_HAND = 1.0
"""Seconds after which what wrk left unanswered has been done, and does nothing to the next run."""


@dataclass(frozen=True)
class Request:
    """One request to the Data API. `path` begins after the server's address."""

    method: str
    path: str
    token: str = ""
    body: str = ""

    def under(self, prefix: str) -> Request:
        """Return the same request below a path, such as the gateway's."""
        return replace(self, path=prefix + self.path)


@dataclass(frozen=True)
class Load:
    """What a run measured: calls a second and latencies, and the mean size of an answer in bytes, headers included."""

    run: Run
    answer_bytes: float


def load(address: str, key: str, requests: Iterable[Request], *, clients: int, seconds: int, again: bool) -> Load:
    """Send the requests in turn over that many connections for that many seconds.

    `again` begins anew at their end. Otherwise each is sent once, and to have too few raises RuntimeError, as any
    refused or broken request does: what is measured is work that is done.
    """
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("This part needs wrk: apt-get install wrk, or brew install wrk.")
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.writelines(f"{each.method}\t{each.path}\t{each.token}\t{each.body}\n" for each in requests)
        file.flush()
        command = [program, f"-t{_THREADS}", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", str(_SCRIPT)]
        done = subprocess.run(
            [*command, address, "--", file.name, key, *(["again"] if again else [])],
            capture_output=True,
            text=True,
            check=False,
        )
    time.sleep(_IN_HAND)
    if done.returncode != 0 or "{" not in done.stdout:
        raise RuntimeError(f"wrk: {done.stdout[-500:]} {done.stderr[-500:]}")
    found = json.loads(done.stdout[done.stdout.rindex("{") :])
    if found["refused"] or found["broken"] or found["ran_out"]:
        raise RuntimeError(f"not every request was new and answered: {found}")
    seconds_taken = found["microseconds"] / 1e6
    p50, p99, worst = (found[name] / 1000 for name in ("p50", "p99", "worst"))
    run = Run(found["requests"] / seconds_taken, p50, p99, worst, found["requests"])
    return Load(run, found["bytes"] / found["requests"])
