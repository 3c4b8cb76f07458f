"""dev/postgres.py: clusters that end with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from dev.config import ROOT, free_ports, throwaway_folder

STARTER = """
import sys, time
from pathlib import Path
from dev.postgres import ADMIN, EPHEMERAL, Cluster, RunningCluster
with RunningCluster(Cluster(Path(sys.argv[1]) / "postgres", int(sys.argv[2]), EPHEMERAL)) as cluster:
    print(cluster.url(user=ADMIN), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_cluster_ends_with_the_process_that_started_it(how: signal.Signals) -> None:
    with throwaway_folder() as folder:
        url, process = _started(folder)
        with process:
            psycopg.connect(url).close()
            os.kill(process.pid, how)
        deadline = time.monotonic() + 20
        while (folder / "postgres" / "postmaster.pid").exists():
            assert time.monotonic() < deadline, "PostgreSQL outlives its starter"
            time.sleep(0.05)


def _started(folder: Path) -> tuple[str, subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder), str(free_ports(1)[0])],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    return process.stdout.readline().strip(), process
