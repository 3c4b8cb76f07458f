"""The real parts under the supervisor: what is killed comes back, what is stopped is gone."""

from __future__ import annotations

import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from dev import services
from dev.config import LocalConfig, throwaway_folder
from dev.postgres import EPHEMERAL, Cluster
from dev.stack import Lock, Stack
from dev.supervisor import StartError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("part", ["postgres", "postgrest", "gateway", "mail"])
def test_a_part_that_is_killed_comes_back(stack: Stack, part: str) -> None:
    starts = stack.supervisor.starts(part)
    os.kill(stack.supervisor.pid(part), signal.SIGKILL)
    stack.supervisor.wait_for_start(part, starts + 1)
    with httpx.Client(base_url=stack.config.supabase_url, headers={"apikey": stack.keys.publishable}) as http:
        # PostgREST notices that its connections are gone when it uses them, and says 503 meanwhile.
        answers = (http.get("/rest/v1/movies?limit=1") for _ in range(10_000))
        assert next(answer for answer in answers if answer.status_code != 503).status_code == 200
    with smtplib.SMTP("127.0.0.1", stack.config.smtp.number) as smtp:
        smtp.sendmail("a@example.com", ["b@example.com"], f"Subject: {part} was killed\n\nHello")
    mails = httpx.get(f"{stack.config.mail_url}/email").json()
    assert f"{part} was killed" in [mail["subject"] for mail in mails]


def test_a_request_while_postgrest_is_down_is_a_503(stack: Stack) -> None:
    starts = stack.supervisor.starts("postgrest")
    with httpx.Client(base_url=stack.config.supabase_url, headers={"apikey": stack.keys.publishable}) as http:
        os.kill(stack.supervisor.pid("postgrest"), signal.SIGKILL)
        refused = http.get("/rest/v1/movies")
        assert refused.status_code == 503
        assert refused.json()["message"] == "busy"
        stack.supervisor.wait_for_start("postgrest", starts + 1)
        assert http.get("/rest/v1/movies").status_code == 200


def test_the_environment_file_can_be_sourced(stack: Stack) -> None:
    file = stack.config.local / "env"
    assert file.stat().st_mode & 0o777 == 0o600
    shell = subprocess.run(
        ["/bin/sh", "-c", '. "$1"; echo "$SUPABASE_URL $SUPABASE_SERVICE_ROLE_KEY"', "sh", file],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == f"{stack.config.supabase_url} {stack.keys.secret}\n"


def test_a_second_stack_in_the_same_folder_is_refused(stack: Stack, project: Path) -> None:
    config = LocalConfig.throwaway(stack.config.local)
    with pytest.raises(StartError, match=rf"^Frontrow runs here already \(process {os.getpid()}\)\.$"):
        Stack(config, parts=["postgres"], project=project, ephemeral=True).start()


_UP = """
import sys
from pathlib import Path
from dev import up
from dev.config import LocalConfig
from dev.stack import Stack
stack = Stack(
    LocalConfig.throwaway(Path(sys.argv[1])),
    parts=["postgres", "gateway"],
    project=Path(sys.argv[2]),
    ephemeral=True,
    report=lambda line: print(line, flush=True),
)
up.welcome = lambda stack: " ".join(
    str(pid) for pid in (stack.supervisor.reaper_pid, *map(stack.supervisor.pid, ("postgres", "gateway")))
)
sys.exit(up.run(stack))
"""


@contextmanager
def up(local: Path, project: Path) -> Generator[tuple[subprocess.Popen[str], list[int]]]:
    """Run what `make up` runs, in another process; yield it and the ids of its reaper, database and gateway."""
    command = [sys.executable, "-c", _UP, str(local), str(project)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Starting ...\n"
        yield process, [int(word) for word in process.stdout.readline().split()]


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_it_all(project: Path, number: signal.Signals) -> None:
    with throwaway_folder() as local, up(local, project) as (process, pids):
        assert (local / "env").exists()
        process.send_signal(number)
        rest, _ = process.communicate()
        assert rest == "Stopping ...\n"
        assert process.returncode == 0
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
        assert not (local / "env").exists()
        Cluster(local / "postgres", 1).erase()


@pytest.mark.slow  # it starts two stacks
def test_a_postgres_that_outlived_everything_is_ended(project: Path) -> None:
    """Supervisor and reaper are both killed; the next start finds the server and ends it."""
    with throwaway_folder() as local:
        with up(local, project) as (process, (reaper, server, gateway)):
            os.kill(reaper, signal.SIGKILL)
            process.kill()
        os.kill(gateway, signal.SIGKILL)
        said: list[str] = []
        config = LocalConfig.throwaway(local)
        with Stack(config, parts=["postgres"], project=project, ephemeral=True, report=said.append) as stack:
            assert said == [f"Ended PostgreSQL (process {server}), left by a run that was killed."]
            with psycopg.connect(stack.cluster.url()) as connection:
                assert connection.execute("select count(*) from public.movies").fetchone() == (2,)
        stack.cluster.erase()


def test_a_lock_file_whose_process_is_another_one_now_is_removed() -> None:
    with throwaway_folder() as local:
        cluster = Cluster(local / "postgres", 1, EPHEMERAL)
        cluster.home.mkdir(parents=True)
        (cluster.home / "postmaster.pid").write_text(f"{os.getpid()}\n")
        assert services.end_stale_server(cluster) is None
        assert not (cluster.home / "postmaster.pid").exists()
        cluster.erase()


def test_the_lock_is_free_once_released(tmp_path: Path) -> None:
    first, second = Lock(tmp_path), Lock(tmp_path)
    first.take()
    with pytest.raises(StartError):
        second.take()
    first.release()
    second.take()
    second.release()
