"""Ends what a program started when the program itself was killed and could not.

This file runs as its own process at the other end of a pipe; class Reaper is the program's end. Each line that comes
down it is `+ GROUP SIGNAL` for a process group that now runs, or `- GROUP` for one that has ended. The pipe closes when
the program is gone, however it went; then every group left gets its signal, and SIGKILL when it has not ended after
some seconds. PR_SET_PDEATHSIG would not do: it is cleared by a change of user, PostgreSQL's here, and does not reach
the children of a child.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_GRACE_SECONDS = 8


class Reaper:
    """The program's end of the pipe. The program goes on when the reaper is killed."""

    def __init__(self, keeps_open: Sequence[int] = ()) -> None:
        """Start it. It inherits these file descriptors, and so holds a lock for as long as anything may run."""
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(Path(__file__))],
            stdin=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd="/",
            start_new_session=True,
            pass_fds=keeps_open,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def watch(self, group: int, with_signal: int) -> None:
        """End this process group with that signal, should the program be gone."""
        self._write(f"+ {group} {int(with_signal)}")

    def forget(self, group: int) -> None:
        """Forget a group that has ended; its number may soon be another's."""
        self._write(f"- {group}")

    def close(self) -> None:
        """End it, and with it all that it watches still. Returns when nothing is left."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _write(self, line: str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()


def _send(group: int, number: int) -> bool:
    """Signal the group; false when nothing is left of it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Listen until the pipe closes, then end what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    for line in sys.stdin:
        match line.split():
            case ["+", group, number]:
                groups[int(group)] = int(number)
            case ["-", group]:
                groups.pop(int(group), None)
            case _:
                pass
    for group, number in groups.items():
        _send(group, number)
    deadline = time.monotonic() + _GRACE_SECONDS
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = {group: number for group, number in groups.items() if _send(group, 0)}
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
