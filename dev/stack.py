"""The whole of Frontrow on one machine, or a part of it, as a context manager: for `make up`, tests and benches.

with Stack(LocalConfig.throwaway(folder), parts=["postgres", "postgrest", "gateway"], ephemeral=True) as stack:
    create_client(stack.config.supabase_url, stack.keys.secret)
"""

from __future__ import annotations

import fcntl
import os
import shlex
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from dev import services
from dev.config import LocalConfig
from dev.keys import Keys
from dev.migrations import push
from dev.postgres import EPHEMERAL, Cluster
from dev.supervisor import Service, StartError, Supervisor

PARTS = ("postgres", "postgrest", "gateway", "realtime", "stripe", "mail", "api", "worker", "page")


class Stack:
    """Parts that run together while the block lasts; what they keep is in config.local and outlives it."""

    def __init__(
        self,
        config: LocalConfig,
        *,
        parts: Collection[str] = PARTS,
        project: Path | None = None,
        seed: bool = True,
        ephemeral: bool = False,
        environment: Mapping[str, str] | None = None,
        report: Callable[[str], None] = print,
    ) -> None:
        """`project` holds the supabase folder to migrate from; `ephemeral` trades the database's safety for speed.

        `environment` is added to every part's own, and wins.
        """
        self.config = config
        self.keys = Keys.kept_in(config.local / "keys.json")
        self.cluster = Cluster(config.local / "postgres", config.database.number, EPHEMERAL if ephemeral else {})
        self._project = project or config.root
        self._seed = seed
        self._report = report
        self._lock = Lock(config.local)
        self.supervisor = Supervisor(self._services(parts, environment or {}), config.local / "log", report)

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything, then write the environment file. Raises StartError, with nothing left running."""
        self._lock.take()
        try:
            if (pid := services.end_stale_server(self.cluster)) is not None:
                self._report(f"Ended PostgreSQL (process {pid}), left by a run that was killed.")
            # The reaper holds the lock as long as it has something to end.
            self.supervisor.start(reaper_keeps_open=[self._lock.descriptor])
        except BaseException:
            self._lock.release()
            raise
        self._write_environment()

    def stop(self) -> None:
        """Stop everything. Safe to repeat."""
        self._environment_file.unlink(missing_ok=True)
        self.supervisor.stop()
        self._lock.release()

    def environment(self) -> dict[str, str]:
        """Return the variables that a client on this machine needs, as in the environment file."""
        return {
            "SUPABASE_URL": self.config.supabase_url,
            "SUPABASE_ANON_KEY": self.keys.publishable,
            "SUPABASE_SERVICE_ROLE_KEY": self.keys.secret,
            "API_URL": self.config.api_url,
            "APP_URL": self.config.app_url,
            "DATABASE_URL": self.cluster.url(),
            "MAIL_URL": self.config.mail_url,
            "STRIPE_API_BASE": self.config.stripe_url,
            "STRIPE_SECRET_KEY": self.keys.stripe_secret,
            "STRIPE_PUBLISHABLE_KEY": self.keys.stripe_publishable,
            "STRIPE_WEBHOOK_SECRET": self.keys.stripe_webhook_secret,
        }

    @property
    def _environment_file(self) -> Path:
        return self.config.local / "env"

    def _write_environment(self) -> None:
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in self.environment().items()]
        # Renamed into place: the file is never read half written.
        partial = self._environment_file.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text("".join(lines))
        partial.rename(self._environment_file)

    def _services(self, parts: Collection[str], environment: Mapping[str, str]) -> list[Service]:
        """The services of the wanted parts, each waiting only for those that are wanted too."""
        makers: dict[str, Callable[[], Service]] = {
            "postgres": lambda: services.postgres(self.config, self.cluster, self._prepare_database),
            "postgrest": lambda: services.postgrest(self.config, self.keys, self.cluster),
            "gateway": lambda: services.gateway(self.config, self.keys),
            "realtime": lambda: services.realtime(self.config, self.keys, self.cluster),
            "stripe": lambda: services.stripe(self.config, self.keys),
            "mail": lambda: services.mail(self.config),
            "api": lambda: services.api(self.config, self.keys),
            "worker": lambda: services.worker(self.config, self.keys),
            "page": lambda: services.page(self.config, self.keys),
        }
        if unknown := set(parts) - set(makers):
            raise ValueError(f"no such part: {', '.join(sorted(unknown))}")
        return [
            maker().among(parts, environment) for name, maker in makers.items() if name in parts and self._has(name)
        ]

    def _has(self, part: str) -> bool:
        """Say whether the part is in the checkout, and wanted."""
        if part != "page":
            return True
        there = (self.config.root / "frontend/package.json").exists()
        if self.config.ui != "none" and not there:
            self._report("Left out: the page, because there is no frontend/package.json.")
        return self.config.ui != "none" and there

    def _prepare_database(self) -> None:
        self.cluster.apply_supabase_shim()
        push(self.cluster.url(), seed=self._seed, project=self._project)


class Lock:
    """Makes sure that one stack at a time uses a folder. The system releases it with its last holder."""

    def __init__(self, local: Path) -> None:
        self._file = local / "lock"
        self.descriptor = -1

    def take(self) -> None:
        """Raises StartError naming the process that has it."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self.descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self.descriptor, 20).decode()
            self.release()
            raise StartError(f"Frontrow runs here already (process {holder}).") from None
        os.truncate(self.descriptor, 0)
        os.write(self.descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        """Safe to repeat."""
        if self.descriptor != -1:
            os.close(self.descriptor)
            self.descriptor = -1
