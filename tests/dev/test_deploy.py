"""docs/deploy.md, followed word by word: the commands are taken out of the page and run by bash in a copy of the
checkout, against a database that has nothing of Frontrow, by somebody who has only that page and .env.example.

Left out are the lines that only install packages and what needs an account."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from postgrest.exceptions import APIError

from backend import concurrency_limit
from backend.passwords import MEMORY_KIB
from backend.settings import Settings
from backend.worker import LEASE_SECONDS
from dev.config import ROOT, LocalConfig, throwaway_folder
from dev.keys import Keys
from dev.stack import Stack
from tests.cinema import CinemaFixture
from tests.http.frontrow import PASSWORD, Frontrow, eventually
from tests.sql.test_schema import catalog

PAGE = (ROOT / "docs/deploy.md").read_text()
_INSTALLS = re.compile(r"pip install|-m venv |npm .* ci ")
_THE_SHOWTIME = """
select s.id from public.showtimes s join public.movies m on m.id = s.movie_id where m.slug = 'the-general'
"""
_TABLES = """
select format('%I.%I', schemaname, tablename) from pg_catalog.pg_tables where schemaname in ('public', 'private')
"""


def commands(name: str) -> str:
    """The block of the page that is marked with this name."""
    found = re.search(rf"<!-- tried: {name} -->\s*```sh\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"deploy.md has no commands marked {name}"
    lines = textwrap.dedent(found[1]).splitlines()
    return "\n".join(line for line in lines if not _INSTALLS.search(line))


def mode(file: Path) -> str:
    """Return the mode of a file, as chmod has it."""
    return f"{file.stat().st_mode & 0o777:o}"


def as_written(variable: str, value: str) -> str:
    """A line of .env as the example shows it."""
    return f"{variable}='{value}'" if re.search(r"[^\w:/.,@+-]", value) else f"{variable}={value}"


@dataclass
class DocReader:
    """An operator with a clone, a shell, and an empty database."""

    clone: Path
    path: str
    variables: dict[str, str] = field(default_factory=dict[str, str])

    def follow(self, name: str, *, before: str = "", after: str = "") -> str:
        """Run a block; what it printed. Fails with all that it said when a command fails."""
        script = f"{before}\n{commands(name)}\n{after}"
        run = subprocess.run(["/bin/bash", "-euo", "pipefail", "-c", script], **self._as_them())
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def fill_in(self, **values: str) -> None:
        """Copy .env.example to .env and write these values into it; every variable must be there."""
        text = (self.clone / ".env.example").read_text()
        for variable, value in values.items():
            text, number = re.subn(rf"(?m)^#?{variable}=.*$", lambda _, v=variable, x=value: as_written(v, x), text)
            assert number == 1, f".env.example lacks {variable}"
        (self.clone / ".env").write_text(text)

    @contextmanager
    def at(self, **variables: str) -> Iterator[None]:
        """With other variables in the shell for a while."""
        before = dict(self.variables)
        self.variables |= variables
        yield
        self.variables.clear()
        self.variables |= before

    def _as_them(self) -> dict[str, object]:
        home = self.clone.parent / "home"
        home.mkdir(exist_ok=True)
        environment = {"PATH": self.path, "HOME": str(home), "PGSSLMODE": "disable", "SUPABASE_NO_KEYRING": "1"}
        return {
            "cwd": self.clone,
            "env": environment | {"DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1"} | self.variables,
            "capture_output": True,
            "text": True,
        }


@pytest.fixture(scope="module")
def reader() -> Iterator[DocReader]:
    with throwaway_folder() as folder:
        clone = folder / "frontrow"
        files = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],  # noqa: S607 - whichever git there is
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for file in files.stdout.splitlines():
            (clone / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, clone / file)
        for installed in (".venv", "dev/node_modules", "frontend/node_modules"):
            (clone / installed).symlink_to((ROOT / installed).resolve())
        yield DocReader(clone, f"{clone}/dev/node_modules/.bin:{os.environ['PATH']}")


@pytest.fixture(scope="module")
def stack(reader: DocReader) -> Iterator[Stack]:
    """Supabase's parts, their database empty, the signing key of the page in their key set; Stripe; a mail server."""
    bare = reader.clone.parent / "bare/supabase"
    bare.mkdir(parents=True)
    (bare / "config.toml").write_text('project_id = "bare"\n[db]\nmajor_version = 17\n')
    local = reader.clone.parent / "local"
    reader.follow("key")
    assert mode(reader.clone / "signing-key.json") == "600"
    reader.variables["JWT_JWKS"] = Keys.kept_in(local / "keys.json").jwks
    key_set = reader.follow("jwks").strip()
    stack = Stack(
        LocalConfig.throwaway(local),
        parts=["postgres", "postgrest", "gateway", "stripe", "mail"],
        project=bare.parent,
        seed=False,
        ephemeral=True,
        environment={"PGRST_JWT_SECRET": key_set},
    )
    with stack:
        reader.path = f"{stack.cluster.binary('psql').parent}:{reader.path}"
        reader.variables["DATABASE_URL"] = stack.cluster.url()
        yield stack
    stack.cluster.erase()


@pytest.fixture(scope="module")
def deployed(reader: DocReader, stack: Stack) -> Iterator[Frontrow]:
    """The migrations pushed, .env filled in, app and worker started as the page says."""
    said = reader.follow("push")
    assert "20261122000000" in said
    reader.follow("catalog")
    config, keys = stack.config, stack.keys
    reader.fill_in(
        PORT=str(config.api.number),
        APP_URL=config.app_url,
        API_URL=config.api_url,
        CORS_ORIGINS=config.app_url,
        SUPABASE_URL=config.supabase_url,
        SUPABASE_SERVICE_ROLE_KEY=keys.secret,
        JWT_SIGNING_KEY=json.dumps(json.loads((reader.clone / "signing-key.json").read_text())),
        SECOND_FACTOR_KEY=keys.second_factor_key,
        STRIPE_SECRET_KEY=keys.stripe_secret,
        STRIPE_WEBHOOK_SECRET=f"whsec_the_next_one,{keys.stripe_webhook_secret}",
        STRIPE_API_BASE=config.stripe_url,
        SMTP_URL=config.smtp_url,
        METRICS_TOKEN="scrape me",
        VITE_API_URL=config.api_url,
        VITE_SUPABASE_URL=config.supabase_url,
        VITE_SUPABASE_ANON_KEY=keys.publishable,
        VITE_STRIPE_PUBLISHABLE_KEY=keys.stripe_publishable,
    )
    reader.follow("run", before="exec >log 2>&1", after='echo "$app $worker" > pids')
    started = [int(pid) for pid in (reader.clone / "pids").read_text().split()]
    try:
        eventually(lambda: _ready(config.api_url), 120)
        with CinemaFixture(stack.cluster.url()) as cinema:
            cinema.showtime_id = cinema.value(_THE_SHOWTIME)
            with Frontrow(stack, cinema) as frontrow:
                yield frontrow
    finally:
        print((reader.clone / "log").read_text())  # pytest shows it when a test fails
        for pid in started:
            os.kill(pid, signal.SIGTERM)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.slow
def test_a_deployment_by_the_page_sells_a_ticket(reader: DocReader, deployed: Frontrow) -> None:
    customer = deployed.register()
    booking = customer.book()
    deployed.pay(customer.intent(booking))
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")
    emails = eventually(lambda: deployed.mails(customer.email))
    assert "The General" in emails[0].as_string()
    assert emails[0]["From"] == "Frontrow <tickets@frontrow.example>"
    said = reader.follow("check")
    assert '"status":"ready"' in said.replace(" ", "")
    assert "all hold" in said


@pytest.mark.slow
def test_the_catalog_has_a_price_for_each_seat_and_the_theaters_own_evening(deployed: Frontrow) -> None:
    seats = deployed.cinema.map().values()
    assert sorted({(seat["kind"], seat["price"]) for seat in seats}) == [("premium", 1500), ("standard", 1200)]
    assert len(seats) == 50
    starts_at = "select to_char(starts_at at time zone 'Europe/Vienna', 'HH24:MI') from public.showtimes where id = %s"
    assert deployed.cinema.value(starts_at, [deployed.cinema.showtime_id]) == "20:00"


@pytest.mark.slow
def test_staff_see_the_history_of_a_booking(reader: DocReader, deployed: Frontrow) -> None:
    booking = deployed.register().book()
    ada = deployed.stranger("ada@frontrow.example")
    account = {"email": ada.email, "password": PASSWORD, "full_name": "Ada Lovelace"}
    ada.keep(ada.post("/api/auth/register", account))
    with pytest.raises(APIError, match="staff_only"):
        ada.rpc("booking_history", booking_id=booking["id"])
    deployed.prove(ada)
    assert "ada@frontrow.example | staff" in reader.follow("staff")
    ada.keep(ada.post("/api/auth/login", {"email": ada.email, "password": PASSWORD}))
    assert ada.rpc("booking_history", booking_id=booking["id"])[0]["status"] == "pending"


def test_the_page_is_installed_from_its_lock_alone() -> None:
    """`npm ci` takes what the lock has the hash of, and refuses one that lacks anything that a package names."""
    assert re.search(r"(?m)^npm --prefix frontend ci ", PAGE)
    assert not re.search(r"(?m)^npm .* install\b", PAGE)
    packages: dict[str, dict[str, Any]] = json.loads((ROOT / "frontend/package-lock.json").read_text())["packages"]
    for place, package in packages.items():
        inside = package.get("inBundle") or not place
        assert inside or package["integrity"].startswith("sha512-"), place
        for name in {**package.get("dependencies", {}), **package.get("optionalDependencies", {})}:
            assert any(f"{folder}node_modules/{name}" in packages for folder in _folders(place)), f"{place}: {name}"


def _folders(place: str) -> list[str]:
    """Return where Node looks for what a package at that place needs: in it, and in all folders around it."""
    parts = place.split("/node_modules/")
    return [*("/node_modules/".join(parts[:depth]) + "/" for depth in range(len(parts), 0, -1) if place), ""]


@pytest.mark.slow
@pytest.mark.usefixtures("deployed")
def test_the_page_is_built_as_the_page_says(reader: DocReader, stack: Stack) -> None:
    reader.follow("page")
    built = reader.clone / "frontend/dist"
    script = "".join(file.read_text() for file in (built / "assets").glob("*.js"))
    assert 'src="/assets/' in (built / "index.html").read_text()
    assert stack.config.api_url in script
    assert stack.keys.publishable in script
    assert stack.keys.secret not in script
    assert stack.keys.stripe_secret not in script

    reader.follow("publish")
    page = reader.clone / "page"
    assert _files(page) == _files(built)
    # The next version: a part has another name, and what was there stays there for those who have the old page open.
    old = next((built / "assets").glob("index-*.js"))
    old.rename(old.with_name("index-of-the-next.js"))
    (built / "index.html").write_text(f"the next, with /assets/{old.name}")
    reader.follow("publish")
    assert _files(page) == _files(built) | {f"assets/{old.name}"}
    assert (page / "index.html").read_text().startswith("the next")
    reader.follow("tidy")
    assert _files(page) == _files(built)
    assert not (reader.clone / "page.next").exists()


def _files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_a_backup_is_restored_whole(reader: DocReader, deployed: Frontrow) -> None:
    cluster = deployed.stack.cluster
    cluster.create_database("restored")
    cluster.apply_supabase_shim("restored")
    reader.variables["NEW_DATABASE_URL"] = cluster.url("restored")
    with psycopg.connect(cluster.url("restored")) as connection:
        connection.execute(_AS_BEFORE_NOVEMBER_2026)
        for role, timeout in _TIMEOUTS_OF_A_NEW_PROJECT.items():
            connection.execute(f"alter role {role} set statement_timeout = '{timeout}'".encode())
    with deployed.no_sweep():  # what is compared must stand still
        reader.follow("backup")
        before, kept = _catalog(cluster.url()), _rows(cluster.url())
    assert mode(reader.clone / "frontrow.dump") == "600"
    reader.follow("restore")
    assert _catalog(cluster.url("restored")) == before
    assert _rows(cluster.url("restored")) == kept
    with psycopg.connect(cluster.url("restored")) as connection:
        assert connection.execute("select public.check_invariants()").fetchall() == [([],)]
        limits = connection.execute(
            "select rolname, rolconfig from pg_roles where rolname = any (%s) order by 1",
            (list(_TIMEOUTS_OF_A_NEW_PROJECT),),
        )
        expected = [("anon", ["statement_timeout=1s"]), ("authenticated", ["statement_timeout=3s"])]
        assert limits.fetchall() == expected
    # Nothing is left to push.
    with reader.at(DATABASE_URL=cluster.url("restored")):
        assert "20261122000000" in reader.follow("push")


@pytest.mark.slow
def test_no_session_outlives_a_restore(reader: DocReader, deployed: Frontrow) -> None:
    customer = deployed.register()
    assert customer.post("/api/auth/refresh").status_code == 200
    said = reader.follow("end-sessions", before="set -a; . ./.env; set +a")
    assert re.fullmatch(r"[1-9]\d* sessions have ended\n", said)
    assert customer.post("/api/auth/refresh").status_code == 401


@pytest.mark.slow
def test_a_closed_data_api_serves_the_secret_key_alone(reader: DocReader, deployed: Frontrow) -> None:
    address = f"{deployed.stack.config.supabase_url}/rest/v1"
    keys = deployed.stack.keys
    with reader.at(NEW_DATABASE_URL=deployed.stack.cluster.url()):
        reader.follow("shut")
        assert httpx.get(f"{address}/rpc/theaters", headers={"apikey": keys.publishable}).json()["code"] == "42501"
        assert httpx.get(f"{address}/movies", headers={"apikey": keys.secret}).status_code == 200
        assert _ready(deployed.api)
        reader.follow("open")
        assert httpx.get(f"{address}/rpc/theaters", headers={"apikey": keys.publishable}).status_code == 200


_TIMEOUTS_OF_A_NEW_PROJECT = {"anon": "3s", "authenticated": "8s"}

# What each project had until then: whatever the owner creates is everybody's.
_AS_BEFORE_NOVEMBER_2026 = """
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to anon, authenticated, service_role;
"""


def _catalog(url: str) -> list[tuple[str, str | None]]:
    """All objects and grants; that an owner may use what is theirs needs no saying, and a dump does not say it."""
    return [(name, None if value == "{postgres=UC/postgres}" else value) for name, value in catalog(url)]


def _rows(url: str) -> dict[str, str]:
    """For each table a digest of its rows."""
    with psycopg.connect(url) as connection:
        tables = [name for (name,) in connection.execute(_TABLES)]
        query = "select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {} t"
        return {name: str(connection.execute(query.format(name).encode()).fetchone()) for name in tables}


# The page, the example and the files that start things say the same ---------------------------------------------------


def test_every_setting_is_in_the_page() -> None:
    example = re.findall(r"(?m)^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text())
    missing = [name for name in {*Settings.variables(), *example} if f"`{name}`" not in PAGE]
    assert missing == []


def test_the_page_names_every_event_that_the_webhook_acts_on() -> None:
    acted_on = set(
        re.findall(r'"((?:payment_intent|refund|charge)\.[a-z_.]+)":', (ROOT / "backend/webhook.py").read_text())
    )
    named = set(re.findall(r"`((?:payment_intent|refund|charge)\.[a-z_.]+)`", PAGE))
    assert len(acted_on) > 5
    assert named == acted_on


def test_the_page_names_the_version_of_stripes_api_that_is_pinned() -> None:
    from backend.stripe_gateway import API_VERSION

    assert f"`{API_VERSION}`" in PAGE


def test_image_compose_file_and_procfile_start_the_same_two_commands() -> None:
    docker = json.loads(re.findall(r"(?m)^CMD (.*)$", (ROOT / "Dockerfile").read_text())[-1])
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    procfile = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert procfile == {"web": " ".join(docker), "worker": " ".join(services["worker"]["command"])}
    assert "command" not in services["api"]
    units = [ROOT / f"deploy/systemd/frontrow-{name}.service" for name in ("api", "worker")]
    started = [re.findall(r"(?m)^ExecStart=/opt/frontrow/.venv/bin/(.*)$", unit.read_text()) for unit in units]
    assert started == [[command] for command in procfile.values()]
    for command in procfile.values():
        assert f".venv/bin/{command} " in commands("run") or f".venv/bin/{command} &" in commands("run")


def test_the_documented_gunicorn_settings_are_those_in_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # the file sets it, for all that comes after in this process
    said = dict(re.findall(r"(?m)^\| (?:`(\w+)`|places[^|]*) \| (\d+)[^|]*\|", PAGE.partition("**gunicorn.**")[2]))
    is_so = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    for setting in ("threads", "timeout", "graceful_timeout", "keepalive"):
        assert int(said[setting]) == is_so[setting]
    assert int(said[""]) == concurrency_limit.MAX_CONCURRENT < is_so["threads"]


def test_a_stopped_worker_has_time_to_finish_its_row() -> None:
    """One that is killed while it sends an email leaves it to be sent again."""
    worker = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["worker"]
    (unit,) = re.findall(r"(?m)^TimeoutStopSec=(\d+)$", (ROOT / "deploy/systemd/frontrow-worker.service").read_text())
    assert LEASE_SECONDS <= int(unit) == int(worker["stop_grace_period"].removesuffix("s"))


def test_memory_suffices_for_as_many_passwords_as_there_are_places() -> None:
    hashing = MEMORY_KIB * 1024
    assert f"100 MB and {concurrency_limit.MAX_CONCURRENT} times {hashing >> 20} MiB" in PAGE
    peak = 100_000_000 + concurrency_limit.MAX_CONCURRENT * hashing
    limit = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["api"]["mem_limit"]
    assert limit == "${API_MEMORY:-768m}"
    assert "MemoryMax=768M\n" in (ROOT / "deploy/systemd/frontrow-api.service").read_text()
    assert peak < 768 << 20


def test_the_sizes_follow_from_the_formulas_and_these_from_the_bench() -> None:
    costs = (ROOT / "docs/bench/README.md").read_text().partition("## What each thing costs")[2]
    ms = dict(re.findall(r"(?m)^\| (\w+) \|.*\| ([\d.]+) ms \|", costs))
    formulas = PAGE.partition("## As it grows")[2]
    for formula in (
        "2 × (S × {password} ms + B × {app} ms) / 60 s",  # noqa: RUF001
        "2 × B × {worker} ms / 60 s",  # noqa: RUF001
        "2 × (W × {token} ms / 15 min + W × {watching} ms / 30 s + B × {calls} ms / 60 s)",  # noqa: RUF001
        "2 × (W × {map} ms / 30 s + B × {ticket} ms / 60 s)",  # noqa: RUF001
    ):
        assert formula.format(**ms) in formulas
    password, app, worker, token, watching, calls, seat_map, ticket = (
        float(ms[name]) / 1000 for name in ("password", "app", "worker", "token", "watching", "calls", "map", "ticket")
    )
    rows = re.findall(r"(?m)^\|[^|]+((?:\| [\d,.]+ ){7})\|", formulas)
    assert len(rows) == 4
    for row in rows:
        b, s, w, *cores = (float(number.replace(",", "")) for number in re.findall(r"[\d,.]+", row))
        assert cores == [
            round(2 * (s * password + b * app) / 60, 2),
            round(2 * b * worker / 60, 2),
            round(2 * (w * token / 900 + w * watching / 30 + b * calls / 60), 2),
            round(2 * (w * seat_map / 30 + b * ticket / 60), 2),
        ]


@pytest.mark.parametrize("service", ["api", "worker", "web"])
def test_compose_services_cannot_gain_privileges(service: str) -> None:
    settings = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"][service]
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert settings["restart"] == "unless-stopped"
    assert settings.get("env_file") == (None if service == "web" else ".env")
