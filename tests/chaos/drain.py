"""After the faults: wait until nothing is under way. Reconciliation repairs what was lost; retries are hurried."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from typing import Final

import httpx
import psycopg

from dev.stack import Stack
from tests.chaos.counters import Counters

_TIMEOUT: Final = 300.0
_PAUSE: Final = 1.0

_UNFINISHED: Final = """
select 'outbox rows queued', count(*) from private.outbox where state = 'queued'
union all select 'bookings pending', count(*) from public.bookings where status = 'pending'
union all select 'payments open', count(*) from public.payments where status = 'open'
union all select 'refunds unfinished', count(*) from public.refunds where status not in ('succeeded', 'void')
"""


def drain(stack: Stack, counters: Counters) -> float:
    """Wait until all is done, at most five minutes, and note what is unfinished then; return the seconds it took."""
    began = time.monotonic()
    wait_until_all_answer(stack)
    _clear_dead_claims(stack)
    while True:
        try:
            _bring_retries_forward(stack)
            left = _left(stack)
        except (psycopg.OperationalError, sqlite3.OperationalError) as error:
            left = {f"no answer: {type(error).__name__}": 1}
        took = time.monotonic() - began
        if not left:
            return took
        if took > _TIMEOUT:
            for what, number in left.items():
                counters.wrong(f"not finished after {_TIMEOUT:.0f} s: {what}: {number}")
            return took
        time.sleep(_PAUSE)


def wait_until_all_answer(stack: Stack, seconds: float = 120) -> None:
    """Wait until database, Data API, Flask and Stripe answer. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(f"{stack.config.api_url}/readyz", timeout=10, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"Flask was not ready within {seconds:.0f} s")
        time.sleep(0.2)


def _clear_dead_claims(stack: Stack) -> None:
    """Kill the worker once more: every claim in the outbox is then a dead process's and need not run out its lease."""
    starts = stack.supervisor.starts("worker")
    os.kill(stack.supervisor.pid("worker"), signal.SIGKILL)
    time.sleep(0.05)
    _execute(stack, "update private.outbox set claimed_until = null where state = 'queued'")
    stack.supervisor.wait_for_start("worker", starts + 1)


def _bring_retries_forward(stack: Stack) -> None:
    """Make everything that waits for its next attempt due now, as an operator would."""
    _execute(
        stack,
        "update private.outbox set due_at = private.now()"
        " where state = 'queued' and claimed_until is null and due_at > private.now()",
    )


def _left(stack: Stack) -> dict[str, int]:
    """Count what is still under way, by name."""
    with psycopg.connect(stack.cluster.url(), connect_timeout=5) as connection:
        left: dict[str, int] = dict(connection.execute(_UNFINISHED).fetchall())
    # Its own list of deliveries ends after the first thousand.
    with contextlib.closing(sqlite3.connect(stack.config.local / "stripe.sqlite", timeout=20)) as stripe:
        (pending,) = stripe.execute("select count(*) from deliveries where state = 'pending'").fetchone()
    left["webhooks on their way"] = pending
    return {what: number for what, number in left.items() if number}


def _execute(stack: Stack, statement: str) -> None:
    with psycopg.connect(stack.cluster.url(), autocommit=True, connect_timeout=5) as connection:
        connection.execute(statement.encode())
