"""Resource use of the stack's parts: memory, as the proportional set size of their processes, and processor time."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import Self

from dev.supervisor import Supervisor

_PARTS = ("postgres", "postgrest", "gateway", "api", "realtime", "worker")
"""Frontrow's own parts, whose memory must not grow."""
_STAND_IN = "stripe"
_OURSELVES = "the load itself"
_EVERY = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Monitor:
    """Samples while its block lasts. What processes share is counted once."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peaks: dict[str, float] = dict.fromkeys(_PARTS, 0.0)
        """Megabytes by part."""
        self.processor: dict[str, float] = {}
        """Seconds by part, the stand-in for Stripe and this process among them."""

    def __enter__(self) -> Self:
        self._before = self._spent()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.processor = {part: spent - self._before[part] for part, spent in self._spent().items()}

    def _spent(self) -> dict[str, float]:
        children = _children()
        trees = {part: _tree(self._supervisor.pid(part), children) for part in (*_PARTS, _STAND_IN)}
        parts = {part: sum(map(_seconds, pids)) for part, pids in trees.items()}
        return {**parts, _OURSELVES: time.process_time()}

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
    """Return a process's megabytes; 0 for one that has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _seconds(pid: int) -> float:
    """Return a process's processor time, its reaped children's included; 0 for one that has ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(each) for each in fields[11:15]) / _TICKS
    return 0.0
