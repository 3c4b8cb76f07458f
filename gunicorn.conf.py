"""How gunicorn serves the app; options on its command line win. WEB_CONCURRENCY, gunicorn's own, sets the processes."""

import os
import shutil
import tempfile
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):
    """Closes its listening sockets as soon as it is asked to stop, after it has accepted the connections that wait.

    gunicorn's own worker stops accepting and leaves the sockets open until all requests are answered: the kernel goes
    on queueing connections, and resets them in the end. A proxy cannot know then if a POST was done, and must not
    repeat it. Refused a connection, it can turn to the next process, or wait for that (deploy/Caddyfile). A connection
    may still come in the microseconds between the last accept and the close.
    """

    def set_accept_enabled(self, enabled: bool | None) -> None:
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            listener.setblocking(False)
            before = -1
            while before != self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()


bind = f"0.0.0.0:{os.environ.get('PORT') or '5000'}"
worker_class = Worker
# More than MAX_CONCURRENT of backend/concurrency_limit.py.
threads = 12
# A request waits for Stripe at most three times ten seconds, with pauses.
timeout = 60
graceful_timeout = 40
keepalive = 15
# The app writes its own access log, without the queries and addresses of gunicorn's.
accesslog = None
# What gunicorn says itself, and any library that has no logger of its own, becomes a line like ours.
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "backend.logs.ServerFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "json"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
}
control_socket_disable = True

# Inherited by all processes; see backend/metrics.py. prometheus_client looks when it is imported, so not before this.
_folder = tempfile.mkdtemp(prefix="frontrow-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _folder


def child_exit(_server: Any, worker: Any) -> None:
    """Forget the gauges of a process that has ended; its counts stay."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # pyright: ignore[reportUnknownMemberType] - it has no types


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    shutil.rmtree(_folder, ignore_errors=True)
