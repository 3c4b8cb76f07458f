"""How much memory the parts of the stack take: the proportional set size of each part's processes, sampled."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Self

from dev.supervisor import Supervisor

_PARTS = ("postgres", "postgrest", "gateway", "api", "realtime", "worker")
_EVERY = 2.0


class Memory:
    """Samples while its block lasts; `peaks` are megabytes by part. What processes share is counted once."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peaks: dict[str, float] = dict.fromkeys(_PARTS, 0.0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            children = _children()
            for part in _PARTS:
                size = sum(_size(pid) for pid in _tree(self._supervisor.pid(part), children))
                self.peaks[part] = max(self.peaks[part], size)
            if self._over.wait(_EVERY):
                return


def _children() -> dict[int, list[int]]:
    """The processes of this machine by their parent."""
    found: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in brackets, may have spaces.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            found.setdefault(parent, []).append(int(stat.parent.name))
    return found


def _tree(pid: int, children: dict[int, list[int]]) -> list[int]:
    return [pid, *(each for child in children.get(pid, []) for each in _tree(child, children))]


def _size(pid: int) -> float:
    """Megabytes; nothing for a process that has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
