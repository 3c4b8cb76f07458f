"""Ends what the supervisor started when the supervisor itself was killed and could not.

Runs as its own process at the other end of a pipe. Each line that comes down it is `+ GROUP SIGNAL` for a process group
that now runs, or `- GROUP` for one that has ended. The pipe closes when the supervisor is gone, however it went; then
every group left gets its signal, and SIGKILL when it has not ended after some seconds. PR_SET_PDEATHSIG would not do:
it is cleared by a change of user, PostgreSQL's here, and does not reach the children of a child.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

_GRACE_SECONDS = 8


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
