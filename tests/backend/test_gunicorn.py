"""The app as gunicorn serves it: what it writes when it is sent nonsense, and whom a database that hangs holds up."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.config import ROOT, free_ports

_PLACES = 24
"""Two processes, twelve threads each."""


@dataclass(frozen=True)
class Served:
    """A running gunicorn, and what it has written."""

    port: int
    log: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=30, trust_env=False)

    def send(self, request: bytes) -> bytes:
        """Send these very bytes and return the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(4096), b""))

    def lines(self) -> list[dict[str, Any]]:
        """Every line; one that is no JSON fails the test."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture(scope="module")
def served(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """At a Data API that accepts connections and never answers."""
    (port,) = free_ports(1)
    log = tmp_path_factory.mktemp("gunicorn") / "log"
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent, log.open("wb") as written:
        elsewhere = {
            "PORT": str(port),
            "SUPABASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "STRIPE_API_BASE": "http://127.0.0.1:9",
        }
        command = [str(Path(sys.executable).parent / "gunicorn"), "wsgi:app", "--workers", "2"]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment, **elsewhere},
            stdout=written,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                served = Served(port, log)
                wait_for(served, process)
                yield served
            finally:
                process.terminate()
                process.wait(60)


def wait_for(served: Served, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            served.get("/healthz").raise_for_status()
        except httpx.HTTPError:
            assert process.poll() is None, served.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /?token=hidden-query HTTP/9.9",
        b"GET /?token=hidden-query",
        b"hidden-query",
        b"G@T /?token=hidden-query HTTP/1.1",
        b"GET /?token=hidden-query HTTP/1.1\r\nhidden header: x",
        b"POST /api/auth/login?token=hidden-query HTTP/1.1\r\nContent-Length: hidden",
        b"POST /?token=hidden-query HTTP/1.1\r\nTransfer-Encoding: hidden",
    ],
)
def test_a_broken_request_leaves_no_trace_of_itself(served: Served, request_line: bytes) -> None:
    before = len(served.lines())
    assert served.send(request_line + b"\r\n\r\n").split(b"\r\n")[0].split()[1] in (b"400", b"501", b"505")
    warnings = [line for line in served.lines()[before:] if line["logger"] == "gunicorn.error"]
    assert [(line["level"], line["event"]) for line in warnings] == [("warning", "Invalid request from ip")]
    assert "hidden" not in served.log.read_text()
    assert "127.0.0.1" not in json.dumps(warnings)


def test_every_line_is_json_from_the_first_on(served: Served) -> None:
    said = [line["event"] for line in served.lines() if line["logger"] == "gunicorn.error"]
    assert said[0].startswith("Starting gunicorn")
    assert sum(event.startswith("Booting worker") for event in said) == 2


def test_a_database_that_hangs_holds_up_one_thread_of_each_process(served: Served) -> None:
    with ThreadPoolExecutor(_PLACES) as pool:
        asking = [pool.submit(served.send, b"GET /readyz HTTP/1.0\r\n\r\n") for _ in range(_PLACES)]
        time.sleep(0.5)
        assert served.send(b"GET /healthz HTTP/1.0\r\n\r\n").split(b" ")[1] == b"200"
        assert not all(asked.done() for asked in asking), "answered only when the database was given up"
        assert {asked.result().split(b" ")[1] for asked in asking} == {b"503"}


def test_metrics_report_a_database_that_hangs(served: Served) -> None:
    began = time.monotonic()
    assert "frontrow_database_answers 0.0" in served.get("/metrics").text.splitlines()
    assert time.monotonic() - began < 6
