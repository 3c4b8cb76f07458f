"""Runs processes that need each other: in order, restarted when they die, and none left behind.

Knows nothing of Frontrow. A service is a command with a check that says when it is ready; services that depend on each
other start one after the other, the rest at once, and all stop in reverse order. Each runs in a process group of its
own, so that its children end with it; dev/reaper.py ends the groups should the supervisor be killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dev.config import Port
from dev.reaper import Reaper

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_QUOTED_LINES = 15


class StartError(RuntimeError):
    """Something could not start; the message is a sentence for the person who started it."""


@dataclass(frozen=True)
class Service:
    """A program to keep running. `ready` is asked again and again and may raise OSError for no."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] = lambda: True
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Added to the supervisor's own."""
    folder: Path = Path("/")
    identity: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Another account to run as: the arguments user, group and extra_groups of subprocess.Popen."""
    after: Sequence[str] = ()
    """The services that must be ready first."""
    ports: Sequence[Port] = ()
    prepare: Callable[[], None] = lambda: None
    """Done once, before the first start."""
    complete: Callable[[], None] = lambda: None
    """Done once, when first ready, before anything that depends on it starts."""
    stop_signal: signal.Signals = signal.SIGTERM
    start_seconds: float = 30
    stop_seconds: float = 10

    def among(self, names: Collection[str], environment: Mapping[str, str]) -> Service:
        """The same service, waiting only for those of its dependencies that are named, with more environment."""
        return replace(
            self,
            after=[name for name in self.after if name in names],
            environment={**self.environment, **environment},
        )


def answers(url: str) -> Callable[[], bool]:
    """A check that is true once a GET of the URL gives any answer below 500."""

    def check() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - a URL of ours, on loopback
                return response.status < 500
        except urllib.error.HTTPError as error:
            with error:
                return error.code < 500

    return check


class Supervisor:
    """Starts, watches and stops services. Each writes to LOG_FOLDER/NAME.log; `report` gets a sentence per event."""

    def __init__(
        self,
        services: Iterable[Service],
        log_folder: Path,
        report: Callable[[str], None] = print,
    ) -> None:
        self.services = {service.name: service for service in services}
        self._log_folder = log_folder
        self.report = report
        self._changed = threading.Condition()
        self.stopping = False
        self._failure: str | None = None
        self._keepers = {name: _Keeper(self, service) for name, service in self.services.items()}
        self._reaper: Reaper | None = None
        for service in self.services.values():
            if missing := [name for name in service.after if name not in self.services]:
                raise ValueError(f"{service.name} depends on {missing[0]}, which is not there.")

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, reaper_keeps_open: Sequence[int] = ()) -> None:
        """Start everything and return when all is ready. Raises StartError, with nothing left running.

        The reaper inherits the file descriptors, and so holds a lock for as long as anything may run.
        """
        self._check_ports()
        self._log_folder.mkdir(parents=True, exist_ok=True)
        self._reaper = Reaper(reaper_keeps_open)
        try:
            for keeper in self._keepers.values():
                keeper.thread.start()
            with self._changed:
                self._changed.wait_for(lambda: self.stopping or all(keeper.ready for keeper in self._keepers.values()))
                if self.stopping:
                    raise StartError(self._failure or "Stopped before everything was up.")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, what depends on others first. Returns when no process is left; safe to repeat."""
        self.request_stop()
        for keeper in self._keepers.values():
            if keeper.thread.ident is not None:
                keeper.thread.join()
        if self._reaper is not None:
            self._reaper.close()
            self._reaper = None

    def request_stop(self) -> None:
        """Let everything stop, without waiting for it."""
        with self._changed:
            self.stopping = True
            self._changed.notify_all()

    def wait_until_stopping(self) -> None:
        """Block until another thread asks for the stop."""
        self.wait_for(lambda: self.stopping)

    def pid(self, name: str) -> int:
        """Return the process id of a running service. Raises LookupError when it is down."""
        process = self._keepers[name].process
        if process is None:
            raise LookupError(f"{name} is not running")
        return process.pid

    @property
    def reaper_pid(self) -> int | None:
        """The process id of the reaper while there is one."""
        return self._reaper.pid if self._reaper else None

    def starts(self, name: str) -> int:
        """Count how often a service has become ready."""
        return self._keepers[name].times_ready

    def wait_for_start(self, name: str, number: int, seconds: float = 30) -> None:
        """Wait until a service has become ready that many times. Raises TimeoutError."""
        if not self.wait_for(lambda: self._keepers[name].times_ready >= number, seconds):
            raise TimeoutError(f"{name} was not ready {number} times within {seconds} s")

    def log(self, name: str) -> Path:
        """Return the file that a service writes to."""
        return self._log_folder / f"{name}.log"

    def _check_ports(self) -> None:
        taken = [
            f"Port {port.number} ({port.variable}, {port.used_by}) is taken; set {port.variable} to another."
            for service in self.services.values()
            for port in service.ports
            if not port.is_free()
        ]
        if taken:
            raise StartError("\n".join(taken))

    # What the keepers call ---------------------------------------------------------------------------------------

    def spawned(self, process: int, stop_signal: signal.Signals) -> None:
        """Note a process that a keeper started, the leader of its group."""
        with self._changed:
            if self._reaper is not None:
                self._reaper.watch(process, stop_signal)

    def ended(self, process: int) -> None:
        """Note that a keeper's process has ended, and its group with it."""
        with self._changed:
            if self._reaper is not None:
                self._reaper.forget(process)

    def wait_for(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until the condition, asked after each change, holds; false when that takes too long."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def change(self, action: Callable[[], None]) -> None:
        """Change something that others wait for."""
        with self._changed:
            action()
            self._changed.notify_all()

    def fail(self, message: str) -> None:
        """Give up: the first failure is the one that `start` raises."""
        with self._changed:
            if not self.stopping:
                self._failure = message
            self.request_stop()

    def dependencies(self, service: Service) -> list[_Keeper]:
        """List what must be ready before the service starts."""
        return [self._keepers[name] for name in service.after]

    def dependants(self, service: Service) -> list[_Keeper]:
        """List what must have ended before the service stops."""
        return [keeper for keeper in self._keepers.values() if service.name in keeper.service.after]


class _Keeper:
    """The thread that keeps one service running."""

    def __init__(self, supervisor: Supervisor, service: Service) -> None:
        self.supervisor = supervisor
        self.service = service
        self.thread = threading.Thread(target=self._run, name=service.name, daemon=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.times_ready = 0
        self.ended = False
        self._log_offset = 0

    def _run(self) -> None:
        try:
            if self._may_start():
                self.service.prepare()
                self._keep()
        except OSError as error:
            self.supervisor.fail(f"{self.service.name} cannot be run: {error}")
        except Exception as error:
            self.supervisor.fail(f"{self.service.name}: {error}")
        finally:
            self._stop()
            self.supervisor.change(self._end)

    def _may_start(self) -> bool:
        """Wait until what the service depends on is ready; false when all is to stop."""
        needed = self.supervisor.dependencies(self.service)
        self.supervisor.wait_for(lambda: self.supervisor.stopping or all(keeper.ready for keeper in needed))
        return not self.supervisor.stopping

    def _keep(self) -> None:
        """Start the service, and again whenever it dies, until all is to stop."""
        pause = _SHORTEST_PAUSE
        while self._may_start():
            process = self._spawn()
            if self._becomes_ready():
                came_up = time.monotonic()
                self.supervisor.wait_for(lambda: self.supervisor.stopping or self.process is None)
                if time.monotonic() - came_up > _LONGEST_PAUSE:
                    pause = _SHORTEST_PAUSE
            if self.supervisor.stopping:
                return
            how = "did not answer in time" if self.process is not None else _how_it_ended(process.wait())
            trouble = f"{self.service.name} {how}"
            if self.times_ready == 0:
                self.supervisor.fail(f"{trouble} before it was ready.{self._last_lines()}")
                return
            self.supervisor.report(f"{trouble}; starting it again.{self._last_lines()}")
            self._kill()
            self.supervisor.wait_for(lambda: self.supervisor.stopping, pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _spawn(self) -> subprocess.Popen[bytes]:
        path = self.supervisor.log(self.service.name)
        with path.open("ab" if self.times_ready else "wb") as log:
            self._log_offset = log.tell()
            process = subprocess.Popen(
                self.service.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.service.environment},
                cwd=self.service.folder,
                start_new_session=True,
                user=self.service.identity.get("user"),
                group=self.service.identity.get("group"),
                extra_groups=self.service.identity.get("extra_groups"),
            )
        self.supervisor.spawned(process.pid, self.service.stop_signal)
        self.process = process
        threading.Thread(target=self._reap, args=(process,), name=f"{process.pid}", daemon=True).start()
        return process

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the end of a process, and end the children that outlive it."""
        # Not reaped yet, the dead leader still keeps its group's number from being given to anybody else.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self._send(signal.SIGKILL)
        self.supervisor.ended(process.pid)
        self.supervisor.change(self._down)
        process.wait()

    def _becomes_ready(self) -> bool:
        """Ask until the service is ready; false when it died, took too long, or all is to stop."""
        deadline = time.monotonic() + self.service.start_seconds
        while not self._is_ready():
            if self.supervisor.wait_for(lambda: self.supervisor.stopping or self.process is None, 0.05):
                return False
            if time.monotonic() > deadline:
                return False
        if self.times_ready == 0:
            self.service.complete()
        else:
            self.supervisor.report(f"{self.service.name} is back.")
        self.supervisor.change(self._up)
        return True

    def _is_ready(self) -> bool:
        try:
            return self.process is not None and self.service.ready()
        except OSError:
            return False

    def _stop(self) -> None:
        """Stop the process, once nothing that depends on it runs any more."""
        dependants = self.supervisor.dependants(self.service)
        self.supervisor.wait_for(lambda: self.supervisor.stopping and all(keeper.ended for keeper in dependants))
        self._send(self.service.stop_signal)
        if not self.supervisor.wait_for(lambda: self.process is None, self.service.stop_seconds):
            self.supervisor.report(f"{self.service.name} does not stop; killing it.")
            self._kill()

    def _kill(self) -> None:
        self._send(signal.SIGKILL)
        self.supervisor.wait_for(lambda: self.process is None)

    def _send(self, number: signal.Signals) -> None:
        """Signal the process and its children, if there are any."""

        def send() -> None:
            if self.process is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.process.pid, number)

        self.supervisor.change(send)

    def _last_lines(self) -> str:
        """Quote what the service wrote last since it was started."""
        with self.supervisor.log(self.service.name).open("rb") as log:
            log.seek(self._log_offset)
            lines = log.read().decode(errors="replace").splitlines()[-_QUOTED_LINES:]
        return "".join(f"\n    {line}" for line in lines)

    def _up(self) -> None:
        # It may have died between its answer and now.
        self.ready = self.process is not None
        self.times_ready += 1

    def _down(self) -> None:
        self.process = None
        self.ready = False

    def _end(self) -> None:
        self.ended = True


def _how_it_ended(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
