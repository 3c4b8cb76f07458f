"""The promises of the Dockerfile, read from its text: no engine is needed, and no image is built here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from dev.config import ROOT

Step = tuple[str, str]


def steps() -> list[Step]:
    """The instructions of the Dockerfile with their arguments, continued lines joined and comments left out."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line.strip())]


def final_stage() -> list[Step]:
    every = steps()
    return every[max(place for place, (name, _) in enumerate(every) if name == "FROM") + 1 :]


def copied_from_checkout() -> set[str]:
    sources: set[str] = set()
    for name, rest in steps():
        if name == "COPY" and not rest.startswith("--from"):
            sources |= set(rest.split()[:-1])
    return sources


def ignored(path: str) -> bool:
    """True when .dockerignore keeps the path from the build; as Docker does, the last rule that fits decides."""
    result = False
    parents = ["/".join(path.split("/")[: depth + 1]) for depth in range(path.count("/") + 1)]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!")
        names = [parent.rsplit("/", 1)[-1] for parent in parents] if pattern.startswith("**/") else parents
        if any(fnmatch(name, pattern.removeprefix("**/")) for name in names):
            result = not rule.startswith("!")
    return result


def test_base_is_pinned_and_the_same_in_every_stage() -> None:
    pinned = dict(rest.split("=", 1) for name, rest in steps() if name == "ARG")
    bases = {rest.split()[0] for name, rest in steps() if name == "FROM"}
    assert bases == {"${PYTHON}"}
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", pinned["PYTHON"])


@pytest.mark.parametrize("variable", ["PYTHON_IMAGE", "CADDY_IMAGE"])
def test_each_image_of_the_compose_file_can_be_pinned_by_digest(variable: str) -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    used = {
        "PYTHON_IMAGE": [services[name]["build"]["args"]["PYTHON"] for name in ("api", "worker")],
        "CADDY_IMAGE": [services["web"]["image"]],
    }[variable]
    (default,) = {re.sub(rf"^\$\{{{variable}:-(.+)\}}$", r"\1", image) for image in used}
    assert default not in used, "it is no variable"
    assert f"{variable}={default}@sha256:" in (ROOT / "docs/deploy.md").read_text()
    if variable == "PYTHON_IMAGE":
        assert ("ARG", f"PYTHON={default}") in steps()


def test_production_packages_alone_are_installed_by_hash() -> None:
    installs = [rest for name, rest in steps() if name == "RUN" and "pip install" in rest]
    assert len(installs) == 1
    assert "--require-hashes -r requirements.txt" in installs[0]
    assert "requirements-dev" not in (ROOT / "Dockerfile").read_text()


def test_files_exist_and_get_past_dockerignore() -> None:
    sources = copied_from_checkout()
    assert {"backend", "wsgi.py", "gunicorn.conf.py", "requirements.txt"} == sources
    assert all((ROOT / source).exists() and not ignored(source) for source in sources)
    assert not ignored("backend/app.py")


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.example", ".local/keys.json", ".git/config", ".venv/bin/python", "dev/keys.py"),
        *("tests/cinema.py", "frontend/.env", "backend/app.pyc", "backend/__pycache__/app.cpython-311.pyc"),
        "compose.yaml",
    ],
)
def test_nothing_else_of_the_checkout_reaches_the_build(path: str) -> None:
    assert ignored(path)


def test_it_runs_as_a_numbered_user_who_owns_nothing() -> None:
    stage = final_stage()
    users = [rest for name, rest in stage if name == "USER"]
    assert users == ["10001:10001"]
    after = [name for name, _ in stage[[name for name, _ in stage].index("USER") :]]
    assert not {"COPY", "RUN", "ADD"} & set(after)
    assert not any("--chown" in rest or "--chmod" in rest for _, rest in stage)


def test_commands_are_those_of_the_procfile() -> None:
    (command,) = [json.loads(rest) for name, rest in final_stage() if name == "CMD"]
    procfile = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert command == shlex.split(procfile["web"])
    worker = re.search(r"command: \[(.*)\]", (ROOT / "compose.yaml").read_text())
    assert worker is not None
    assert worker[1].split(", ") == shlex.split(procfile["worker"])


def test_health_check_is_valid_and_asks_the_liveness_endpoint() -> None:
    (check,) = [rest for name, rest in final_stage() if name == "HEALTHCHECK"]
    python, option, script = json.loads(check.partition("CMD ")[2])
    compile(script, "HEALTHCHECK", "exec")
    assert (python, option) == ("python", "-c")
    assert "/healthz" in script


def test_emails_are_written_in_the_image_from_any_folder(tmp_path: Path) -> None:
    """Their templates and catalogs get past .dockerignore, and are found beside the code."""
    files = [path.relative_to(ROOT) for path in (ROOT / "backend").rglob("*") if path.is_file()]
    for file in files:
        if not ignored(str(file)):
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, tmp_path / file)
    script = (
        "import backend.emails.rendering as r, backend.emails.languages as l\n"
        "cinema = dict(name='Scala', contact_email=None, contact_url=None, postal_address=[])\n"
        "print(r.__file__, l.available())\n"
        "print(r.render('no_account', l.language('en-GB'), dict(name='Ada', cinema=cinema)).text)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd="/", env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith(f"{tmp_path}/backend/emails/rendering.py ('en-US', 'en-GB'")
    assert "Hello Ada,\n\nSomebody asked to reset the password" in run.stdout
