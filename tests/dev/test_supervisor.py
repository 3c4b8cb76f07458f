"""The supervisor with services that are a line of Python each."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.config import Port
from dev.supervisor import Service, StartError, Supervisor

SLEEP = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('.', flush=True); {SLEEP}"
LAST_WORDS = """
import signal, sys, time
def stop(*_):
    with open({file!r}, "a") as file:
        file.write("{name} ")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
print(".", flush=True)
time.sleep(600)
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c", {STUBBORN!r}], stdout=subprocess.PIPE)
child.stdout.read(1)
print(child.pid, flush=True)
child.wait()
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def is_alive(pid: int) -> bool:
    """Return True if the process runs; a zombie, which waits for a parent that may be slow, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_ended(*pids: int) -> None:
    """Block until the processes, children of others, are gone."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        with os.fdopen(descriptor):
            readable, _, _ = select.select([descriptor], [], [], 20)
            assert readable, f"process {pid} still runs"


@pytest.fixture
def reports() -> list[str]:
    return []


def test_services_start_after_what_they_need_and_stop_before_it(tmp_path: Path, reports: list[str]) -> None:
    events: list[str] = []

    def service(name: str, *after: str) -> Service:
        log = tmp_path / "log" / f"{name}.log"
        return Service(
            name,
            python(LAST_WORDS.format(file=str(tmp_path / "stops"), name=name)),
            ready=lambda: log.read_text() == ".\n",
            after=after,
            complete=lambda: events.append(name),
        )

    services = [service("page", "api"), service("api", "database"), service("database")]
    with Supervisor(services, tmp_path / "log", reports.append):
        assert events == ["database", "api", "page"]
    assert (tmp_path / "stops").read_text() == "page api database "
    assert reports == []


def test_a_service_that_dies_is_started_again(tmp_path: Path, reports: list[str]) -> None:
    with Supervisor([Service("api", python(SLEEP))], tmp_path, reports.append) as supervisor:
        for number in (2, 3):
            os.kill(supervisor.pid("api"), signal.SIGKILL)
            supervisor.wait_for_start("api", number)
    assert reports == ["api was ended by SIGKILL; starting it again.", "api is back."] * 2


def test_failures_are_reported_with_their_last_lines(tmp_path: Path, reports: list[str]) -> None:
    lines = python("print('reading the settings'); print('PORT is no number'); raise SystemExit(3)")
    other = Service("database", python(SLEEP))
    supervisor = Supervisor([other, Service("api", lines, ready=lambda: False)], tmp_path, reports.append)
    with pytest.raises(StartError) as failure:
        supervisor.start()
    assert str(failure.value) == (
        "api ended with status 3 before it was ready.\n    reading the settings\n    PORT is no number"
    )
    with pytest.raises(LookupError):
        supervisor.pid("database")


def test_a_service_that_never_answers_is_given_up(tmp_path: Path, reports: list[str]) -> None:
    mute = Service("api", python(SLEEP), ready=lambda: False, start_seconds=0.2)
    with pytest.raises(StartError, match=r"^api did not answer in time before it was ready\.$"):
        Supervisor([mute], tmp_path, reports.append).start()


def test_a_program_that_is_not_there_is_named(tmp_path: Path, reports: list[str]) -> None:
    with pytest.raises(StartError, match=r"^api cannot be run: .*'/nowhere/api'$"):
        Supervisor([Service("api", ["/nowhere/api"])], tmp_path, reports.append).start()


@pytest.mark.parametrize("step", ["prepare", "complete"])
def test_a_step_that_fails_stops_everything(tmp_path: Path, reports: list[str], step: str) -> None:
    def refuse() -> None:
        raise RuntimeError("no room on the disk")

    hooks: dict[str, Callable[[], None]] = {step: refuse}
    with pytest.raises(StartError, match=r"^api: no room on the disk$"):
        Supervisor([Service("api", python(SLEEP), **hooks)], tmp_path, reports.append).start()


def test_a_busy_port_is_named_before_anything_starts(tmp_path: Path, reports: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        service = Service("api", python(SLEEP), ports=[Port(number, "PORT", "the Flask app")])
        with pytest.raises(StartError) as failure:
            Supervisor([service], tmp_path / "log", reports.append).start()
    assert str(failure.value) == f"Port {number} (PORT, the Flask app) is taken; set PORT to another."
    assert not (tmp_path / "log").exists()


def test_children_of_a_service_end_with_it(tmp_path: Path, reports: list[str]) -> None:
    """Also those that ignore the signal to stop."""
    log = tmp_path / "api.log"
    service = Service("api", python(PARENT), ready=lambda: log.read_text().endswith("\n"))
    with Supervisor([service], tmp_path, reports.append):
        child = int(log.read_text())
        assert is_alive(child)
    wait_until_ended(child)


def test_a_service_that_does_not_stop_is_killed(tmp_path: Path, reports: list[str]) -> None:
    log = tmp_path / "api.log"
    service = Service("api", python(STUBBORN), ready=lambda: log.read_text() == ".\n", stop_seconds=0.2)
    with Supervisor([service], tmp_path, reports.append) as supervisor:
        pid = supervisor.pid("api")
    assert not is_alive(pid)
    assert reports == ["api does not stop; killing it."]


def test_nothing_is_left_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from dev.supervisor import *\n"
        f"s = Supervisor([Service(n, [sys.executable, '-S', '-c', {SLEEP!r}]) for n in ('api', 'worker')],"
        f" pathlib.Path({str(tmp_path)!r}))\n"
        "s.start()\nprint(s.pid('api'), s.pid('worker'), flush=True)\ns.wait_until_stopping()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as supervisor:
        assert supervisor.stdout is not None
        pids = [int(word) for word in supervisor.stdout.readline().split()]
        assert len(pids) == 2
        assert all(is_alive(pid) for pid in pids)
        supervisor.kill()
    wait_until_ended(*pids)


def test_a_service_alone_waits_for_none_and_takes_more_environment() -> None:
    api = Service("api", ["api"], environment={"PORT": "1", "LOG_LEVEL": "INFO"}, after=["database", "mail"])
    changed = api.among(["api", "mail"], {"LOG_LEVEL": "DEBUG"})
    assert changed.after == ["mail"]
    assert changed.environment == {"PORT": "1", "LOG_LEVEL": "DEBUG"}
