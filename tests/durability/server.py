"""A PostgreSQL that keeps what it promised to keep, and can be killed and started again on the same data."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from dev.config import free_ports
from dev.postgres import Cluster, RunningCluster
from dev.services import end_stale_server

# What is written is on the disk when COMMIT is answered: nothing here is ephemeral. Only small, to be back soon.
_SETTINGS = {"shared_buffers": "32MB", "max_connections": "40", "max_wal_size": "256MB"}
_TIMEOUT = 20


class KillableServer:
    """One cluster that is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(folder / "postgres", free_ports(1)[0], _SETTINGS)
        self._life: RunningCluster | None = None
        self._postmaster = 0

    def start(self) -> None:
        """Start it; after a death it first recovers from its log."""
        # A pid file names a process that is dead, but whose number may by now be another's.
        assert end_stale_server(self.cluster) is None, "The server outlived kill -9."
        life = RunningCluster(self.cluster)
        life.__enter__()
        self._life = life
        self._postmaster = int((self.cluster.home / "postmaster.pid").read_text().split("\n", 1)[0])

    def kill(self, first: int | None = None) -> None:
        """kill -9 the whole server at once: that backend, then all others and the postmaster. Returns when none is
        left, so that the next start finds no orphan at the data."""
        os.kill(self._postmaster, signal.SIGSTOP)  # it must neither clean up after what dies nor start others
        if first is not None:
            os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + _TIMEOUT
        while children := _living_children(self._postmaster):
            for child in children:
                os.kill(child, signal.SIGKILL)
            assert time.monotonic() < deadline, "Backends outlive kill -9."
        os.kill(self._postmaster, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """Stop it cleanly, or clean up after a killed one. Safe to repeat."""
        if self._life is not None:
            self._life.__exit__()
            self._life = None


def _living_children(parent: int) -> list[int]:
    """The processes that the postmaster has started and that have not died."""
    listed = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return [int(pid) for pid, ppid, stat in rows if int(ppid) == parent and not stat.startswith("Z")]
