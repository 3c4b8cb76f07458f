"""Whether we are alive, whether we can work, and the counts: /healthz, /readyz, /metrics."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Generic, TypeVar

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from backend.database import Database
from backend.errors import ApiError
from backend.metrics import Metrics
from backend.stripe_gateway import Payments

_KEPT_SECONDS = 2.0
_BELIEVED_SECONDS = 5.0
"""How long the previous answer stands while the next one is awaited."""
_SIGNS_OF_A_PROXY = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")

T = TypeVar("T")


class CachedProbe(Generic[T]):
    """Asks a part something, at most once in two seconds however often we are asked ourselves.

    One thread asks; the others take the previous answer meanwhile, for a part that hangs must not take them all.
    """

    def __init__(self, ask: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._asking = threading.Lock()
        self._began_at = 0.0
        self._answered_at: float | None = None
        self._answer: T | None = None

    def latest(self) -> T | None:
        """The answer; None when there was none, or when the first one is still awaited."""
        if self._is_fresh():
            return self._answer
        if not self._asking.acquire(blocking=False):
            # Whoever asks may not have noted yet that they have begun.
            since = max(self._began_at, self._answered_at or 0.0)
            return self._answer if self._clock() - since < _BELIEVED_SECONDS else None
        try:
            return self._answer if self._is_fresh() else self._asked()
        finally:
            self._asking.release()

    def _is_fresh(self) -> bool:
        return self._answered_at is not None and self._clock() - self._answered_at < _KEPT_SECONDS

    def _asked(self) -> T | None:
        self._began_at = self._clock()
        try:
            self._answer = self._ask()
        except Exception:  # whatever went wrong, it did not answer
            self._answer = None
        self._answered_at = self._clock()
        return self._answer


class HealthCheck:
    """Whether a part answers."""

    def __init__(self, ping: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        def pong() -> bool:
            ping()
            return True

        self._kept = CachedProbe(pong, clock)

    def answers(self) -> bool:
        """Whether it did, now or a moment ago."""
        return self._kept.latest() is True


def blueprint(database: Database, stripe: Payments, metrics: Metrics, metrics_token: str | None) -> Blueprint:
    """The three addresses; /metrics is for the bearer of the token, or without one for neighbours. `database` is one
    that gives up early."""
    health = Blueprint("health", __name__)
    figures = CachedProbe(database.operational_metrics)
    checks: Mapping[str, HealthCheck] = {"database": HealthCheck(database.ping), "stripe": HealthCheck(stripe.ping)}

    @health.get("/healthz")
    def alive() -> Response:  # pyright: ignore[reportUnusedFunction]
        return jsonify(status="alive")

    @health.get("/readyz")
    def ready() -> Response:  # pyright: ignore[reportUnusedFunction]
        answers = {name: check.answers() for name, check in checks.items()}
        # Without Stripe, sign-ins and tickets go on, and a balancer that takes every process away helps nobody.
        status = "not ready" if not answers["database"] else "ready" if all(answers.values()) else "degraded"
        parts = {name: "answers" if does else "does not answer" for name, does in answers.items()}
        response = jsonify(status=status, **parts)
        response.status_code = 503 if status == "not ready" else 200
        return response

    @health.get("/metrics")
    def counts() -> Response:  # pyright: ignore[reportUnusedFunction]
        if not (_is_a_neighbour() if metrics_token is None else _bears(metrics_token)):
            raise ApiError("not_found")  # nobody's business, not even that it is here
        text = metrics.text(figures.latest(), stripe_answers=checks["stripe"].answers())
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    return health


def _bears(token: str) -> bool:
    given = request.headers.get("Authorization", "").encode()
    return hmac.compare_digest(given, f"Bearer {token}".encode())


def _is_a_neighbour() -> bool:
    """Whether the request came straight from this machine or a private network. Through a proxy anybody may have."""
    if any(name in request.headers for name in _SIGNS_OF_A_PROXY):
        return False
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_private
