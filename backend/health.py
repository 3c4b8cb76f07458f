"""Liveness, readiness and counts: /healthz, /readyz, /metrics."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from backend import proxies
from backend.database import Database
from backend.errors import ApiError
from backend.metrics import Metrics
from backend.schema_version import is_outdated
from backend.schemas import OLDER, Alive, DatabaseState, Readiness
from backend.stripe_gateway import Payments

_FRESH_SECONDS = 2.0
_STALE_SECONDS = 5.0
"""How long the previous answer stands while the next one is awaited."""

T = TypeVar("T")


class CachedProbe(Generic[T]):
    """Asks a part something, at most once in two seconds however often we are asked ourselves.

    One thread asks; the others take the previous answer meanwhile, for a part that hangs must not take them all.
    """

    def __init__(self, ask: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        """`ask` raises when the part does not answer."""
        self._ask = ask
        self._clock = clock
        self._asking = threading.Lock()
        self._began_at = 0.0
        self._answered_at: float | None = None
        self._answer: tuple[T] | None = None

    def latest(self) -> T | None:
        """Return the answer; None when there was none, or when the first one is still awaited."""
        answer = self._current()
        return answer[0] if answer is not None else None

    def answers(self) -> bool:
        """Return True when the part answers, now or a moment ago."""
        return self._current() is not None

    def _current(self) -> tuple[T] | None:
        if self._is_fresh():
            return self._answer
        if not self._asking.acquire(blocking=False):
            # The thread that asks may not have noted yet that it has begun.
            since = max(self._began_at, self._answered_at or 0.0)
            return self._answer if self._clock() - since < _STALE_SECONDS else None
        try:
            return self._answer if self._is_fresh() else self._asked()
        finally:
            self._asking.release()

    def _is_fresh(self) -> bool:
        return self._answered_at is not None and self._clock() - self._answered_at < _FRESH_SECONDS

    def _asked(self) -> tuple[T] | None:
        self._began_at = self._clock()
        try:
            self._answer = (self._ask(),)
        except Exception:  # for whatever reason, it did not answer
            self._answer = None
        self._answered_at = self._clock()
        return self._answer


def blueprint(database: Database, stripe: Payments, metrics: Metrics, metrics_token: str | None) -> Blueprint:
    """Serve the three addresses; /metrics is for the bearer of the token, or without one for neighbors. `database`
    gives up early."""
    health = Blueprint("health", __name__)
    figures = CachedProbe(database.operational_metrics)
    schema = CachedProbe(database.schema_version)
    payments = CachedProbe(stripe.ping)

    @health.get("/healthz")
    def alive() -> Response:  # pyright: ignore[reportUnusedFunction]
        return jsonify(Alive().model_dump())

    @health.get("/readyz")
    def ready() -> Response:  # pyright: ignore[reportUnusedFunction]
        version, stripe_answers = schema.latest(), payments.answers()
        state: DatabaseState = "does not answer" if version is None else OLDER if is_outdated(version) else "answers"
        # Without Stripe, sign-ins and tickets go on, and a balancer that takes every process away would end that.
        readiness = Readiness(
            status="not ready" if state != "answers" else "ready" if stripe_answers else "degraded",
            database=state,
            stripe="answers" if stripe_answers else "does not answer",
        )
        response = jsonify(readiness.model_dump())
        response.status_code = 503 if readiness.status == "not ready" else 200
        return response

    @health.get("/metrics")
    def counts() -> Response:  # pyright: ignore[reportUnusedFunction]
        if not (_is_direct() if metrics_token is None else _bears(metrics_token)):
            raise ApiError("not_found")  # do not reveal to strangers that it exists
        text = metrics.text(figures.latest(), stripe_answers=payments.answers())
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    return health


def _bears(token: str) -> bool:
    given = request.headers.get("Authorization", "").encode()
    return hmac.compare_digest(given, f"Bearer {token}".encode())


def _is_direct() -> bool:
    """Recognize a request straight from this machine or a private network; behind a proxy, any might seem to be one."""
    if any(name in request.headers for name in proxies.SIGNS):
        return False
    address = proxies.peer()
    return address is not None and (address.is_loopback or address.is_private)
