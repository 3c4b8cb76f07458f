"""Inject faults: kill processes of this very stack, make Stripe misbehave, cancel showtimes under sale.

Only processes that the stack's supervisor names, and their children, are ever killed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from dev.postgres import ADMIN
from dev.stack import Stack
from tests.chaos.counters import Counters
from tests.chaos.customers import Program

_KILLS: Final = {
    "postgres": "kill -9: PostgreSQL",
    "backend": "kill -9: a backend of it",
    "postgrest": "kill -9: the Data API",
    "gunicorn": "kill -9: a gunicorn worker",
    "worker": "kill -9: the booking worker",
}
_BACK_WITHIN: Final = 120.0

# kind, when, probability, seconds. The product waits ten seconds for Stripe, so eleven are a time-out for it.
_API: Final = (
    ("500", "before", 0.03, 0.0),
    ("500", "after", 0.02, 0.0),
    ("429", "before", 0.03, 0.0),
    ("timeout", "before", 0.004, 11.0),
    ("timeout", "after", 0.004, 11.0),
    ("drop", "before", 0.02, 0.0),
    ("drop", "after", 0.03, 0.0),
    ("delay", "before", 0.04, 1.5),
)
_WEBHOOKS: Final = (("drop", 0.12, 0.0), ("duplicate", 0.12, 0.0), ("delay", 0.08, 3.0), ("reorder", 0.15, 4.0))

KINDS: Final = (
    *_KILLS.values(),
    *(f"Stripe: {kind} {when}" for kind, when, _, _ in _API),
    *(f"webhook: {kind}" for kind, _, _ in _WEBHOOKS),
)
"""Every kind of fault that is injected here; those of the mail server are mail_proxy.FATES."""


class StripeFaults:
    """The faults of the fake Stripe: on in the block, counted at its end."""

    def __init__(self, stripe_url: str, counters: Counters, seed: int) -> None:
        self._url = f"{stripe_url}/_fake/faults"
        self._counters = counters
        self._seed = seed

    def begin(self) -> None:
        """Turn the faults on."""
        httpx.post(self._url, json=self._rules(), timeout=20).raise_for_status()

    def so_far(self) -> int:
        """Return how many faults it has injected."""
        injected: dict[str, int] = httpx.get(self._url, timeout=20).raise_for_status().json()["injected"]
        return sum(injected.values())

    def end(self) -> None:
        """Turn the faults off and count them."""
        injected: dict[str, int] = httpx.delete(self._url, timeout=20).raise_for_status().json()["injected"]
        for name, times in injected.items():
            where, _, kind = name.partition(".")
            self._counters.fault(("Stripe: " if where == "api" else "webhook: ") + kind.replace(":", " "), times)

    def _rules(self) -> dict[str, Any]:
        """Build the rules: each kind once for certain, so that a short run has it, and then by chance."""
        api = [{"kind": kind, "when": when, "seconds": seconds} for kind, when, _, seconds in _API]
        webhooks = [{"kind": kind, "seconds": seconds} for kind, _, seconds in _WEBHOOKS]
        return {
            "seed": self._seed,
            "api": [
                *({**rule, "next": 1} for rule in api),
                *({**rule, "probability": _API[number][2]} for number, rule in enumerate(api)),
            ],
            "webhooks": [
                # What reconciliation has to repair.
                {"kind": "drop", "next": 6, "type": "payment_intent.succeeded"},
                *({**rule, "next": 1} for rule in webhooks),
                *({**rule, "probability": _WEBHOOKS[number][1]} for number, rule in enumerate(webhooks)),
            ],
        }


class Killer:
    """A thread that kills one thing after the other, or two at once, and sees them come back."""

    def __init__(self, stack: Stack, counters: Counters, rng: random.Random) -> None:
        self.longest_outage = 0.0
        """Seconds from the death of PostgreSQL until it took connections again, at most."""
        self._stack = stack
        self._counters = counters
        self._rng = rng
        self._deck: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Kill nothing more, and wait until what was killed is back."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._rng.uniform(0.5, 3.5)):
            try:
                self._kill({self._deal() for _ in range(2 if self._rng.random() < 0.25 else 1)})
            except Exception as error:
                self._counters.wrong(f"the killer failed itself: {type(error).__name__}: {error}")

    def _deal(self) -> str:
        """Draw from a shuffled deck, so that a short run sees each."""
        if not self._deck:
            self._deck = list(_KILLS)
            self._rng.shuffle(self._deck)
        return self._deck.pop()

    def _kill(self, targets: set[str]) -> None:
        supervisor = self._stack.supervisor
        starts: dict[str, int] = {}
        for target in sorted(targets):
            service = {"backend": "postgres", "gunicorn": "api"}.get(target, target)
            before = supervisor.starts(service)
            pid = self._victim(target, service)
            if pid is None:
                continue
            os.kill(pid, signal.SIGKILL)
            self._counters.fault(_KILLS[target])
            if target == service:
                starts[service] = before + 1
        killed_at = time.monotonic()
        for service, number in starts.items():
            try:
                supervisor.wait_for_start(service, number, _BACK_WITHIN)
            except TimeoutError:
                self._counters.wrong(f"{service} was killed and did not come back within {_BACK_WITHIN:.0f} s")
            if service == "postgres":
                self.longest_outage = max(self.longest_outage, time.monotonic() - killed_at)

    def _victim(self, target: str, service: str) -> int | None:
        """Find the process to kill; None when it is down just now."""
        try:
            pid = self._stack.supervisor.pid(service)
        except LookupError:
            return None
        if target == service:
            return pid
        victims = sorted(children(pid))
        if target == "backend":
            victims = [busy for busy in self._backends() if busy in victims]
        return self._rng.choice(victims) if victims else None

    def _backends(self) -> list[int]:
        """List the client backends that are busy, or else all."""
        try:
            with psycopg.connect(self._stack.cluster.url(user=ADMIN), autocommit=True, connect_timeout=5) as connection:
                rows = connection.execute(
                    "select pid, state <> 'idle' from pg_catalog.pg_stat_activity"
                    " where backend_type = 'client backend' and pid <> pg_backend_pid()"
                ).fetchall()
        except psycopg.OperationalError:
            return []
        return [pid for pid, busy in rows if busy] or [pid for pid, _ in rows]


class Canceler:
    """A thread that now and then cancels a showtime while people buy seats for it."""

    def __init__(self, stack: Stack, program: Program, counters: Counters, rng: random.Random) -> None:
        self._stack = stack
        self._program = program
        self._counters = counters
        self._rng = rng
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="canceler", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Cancel nothing more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._rng.uniform(10.0, 35.0)):
            showtime_id = self._program.choose(self._rng)
            self._program.drop(showtime_id)
            while not self._cancel(showtime_id) and not self._stop.wait(0.5):
                pass

    def _cancel(self, showtime_id: int) -> bool:
        """Cancel a showtime; false when the database is away."""
        try:
            with psycopg.connect(self._stack.cluster.url(), autocommit=True, connect_timeout=5) as connection:
                connection.execute("update public.showtimes set status = 'cancelled' where id = %s", [showtime_id])
        except psycopg.OperationalError:
            return False
        self._counters.event("showtimes canceled")
        return True


def children(parent: int) -> list[int]:
    """The process ids of a process's children."""
    if sys.platform != "linux":
        listed = subprocess.run(["/bin/ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True)
        pairs = [line.split() for line in listed.stdout.splitlines()]
        return [int(pid) for ppid, pid in pairs if int(ppid) == parent]
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything; the parent is the second word after it.
            ppid = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile
        if ppid == parent:
            found.append(int(stat.parent.name))
    return found
