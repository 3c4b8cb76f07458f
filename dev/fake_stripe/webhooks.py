"""Delivers events to the endpoint, signed, and makes happen what is due later.

Events of one payment go in the order of their creation; one that fails waits for its next try without holding the
others up. Any answer but 2xx, redirects too, counts as a failure.
"""

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

import httpx

from dev.fake_stripe.settings import Settings
from dev.fake_stripe.store import Delivery, Store, Timer

PARALLEL = 8


def signature(secret: str, moment: int, body: bytes) -> str:
    """The Stripe-Signature header: HMAC-SHA256 over "<epoch seconds>.<raw body>"."""
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, sha256).hexdigest()
    return f"t={moment},v1={signed}"


class Worker:
    """One background task. `happen` does what a timer says, inside a transaction."""

    def __init__(self, settings: Settings, store: Store, happen: Callable[[Timer], None]) -> None:
        self._settings = settings
        self._store = store
        self._happen = happen
        self._awake = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        self._awake.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    async def _run(self) -> None:
        timeout = httpx.Timeout(self._settings.webhook_timeout)
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
            try:
                while True:
                    self._awake.clear()
                    now = time.time()
                    for timer in self._store.timers(now):
                        with self._store.transaction():
                            self._store.drop_timer(timer.id)
                            self._happen(timer)
                    self._start(client, now)
                    due = self._store.next_due(now)
                    # Not wait_for, which in Python 3.11 can swallow the cancellation that ends this loop.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(None if due is None else due - now):
                            await self._awake.wait()
            except Exception:
                logging.getLogger("fake_stripe").exception("no event is delivered any more")
                raise
            finally:
                tasks = list(self._under_way.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, client: httpx.AsyncClient, now: float) -> None:
        if len(self._under_way) >= PARALLEL:
            return
        for delivery in self._store.deliveries(due_by=now, limit=10 * PARALLEL):
            if len(self._under_way) < PARALLEL and delivery.lane not in self._under_way:
                self._under_way[delivery.lane] = asyncio.create_task(self._deliver(client, delivery))

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        try:
            await self._attempt(client, delivery)
        finally:
            del self._under_way[delivery.lane]
            self.wake()

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        event = self._store.get(delivery.event_id)
        assert event is not None
        body = json.dumps(event).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(self._settings.webhook_secret, int(time.time()), body),
            "User-Agent": "Stripe/1.0 (stand-in)",
        }
        status, error = None, None
        try:
            status = (await client.post(self._settings.webhook_url, content=body, headers=headers)).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            error = f"{type(problem).__name__}: {problem}"
        attempt, settings = delivery.attempts + 1, self._settings
        if status is not None and 200 <= status < 300:
            state = "delivered"
        else:
            state = "pending" if attempt < settings.webhook_attempts else "given_up"
        wait = min(settings.retry_seconds * 2 ** (attempt - 1), settings.retry_longest_seconds)
        with self._store.transaction():
            self._store.record_attempt(delivery.id, state, time.time() + wait, status, error)
            if state == "delivered":
                self._store.put(event | {"pending_webhooks": 0})
