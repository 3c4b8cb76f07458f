"""Whether we are alive, whether we can work, and the counts: /healthz, /readyz, /metrics."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from backend.database import Database
from backend.errors import ApiError
from backend.metrics import Metrics
from backend.stripe_gateway import Payments

_KEPT_SECONDS = 2.0

T = TypeVar("T")


class Kept(Generic[T]):
    """Asks a part something, at most once in two seconds however often we are asked ourselves."""

    def __init__(self, ask: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._answer: T | None = None

    def latest(self) -> T | None:
        """The answer; None when there was none."""
        with self._lock:
            if self._asked_at is None or self._clock() - self._asked_at >= _KEPT_SECONDS:
                try:
                    self._answer = self._ask()
                except Exception:  # whatever went wrong, it did not answer
                    self._answer = None
                self._asked_at = self._clock()
            return self._answer


class Check:
    """Whether a part answers."""

    def __init__(self, ping: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        def pong() -> bool:
            ping()
            return True

        self._kept = Kept(pong, clock)

    def answers(self) -> bool:
        """Whether it did, now or two seconds ago."""
        return self._kept.latest() is True


def blueprint(database: Database, stripe: Payments, metrics: Metrics, metrics_token: str | None) -> Blueprint:
    """The three addresses; /metrics is for the bearer of the token, if there is one."""
    health = Blueprint("health", __name__)
    figures = Kept(database.figures)
    checks: Mapping[str, Check] = {"database": Check(database.ping), "stripe": Check(stripe.ping)}

    @health.get("/healthz")
    def alive() -> Response:  # pyright: ignore[reportUnusedFunction]
        return jsonify(status="alive")

    @health.get("/readyz")
    def ready() -> Response:  # pyright: ignore[reportUnusedFunction]
        parts = {name: "answers" if check.answers() else "does not answer" for name, check in checks.items()}
        down = [name for name, state in parts.items() if state != "answers"]
        response = jsonify(status="not ready" if down else "ready", **parts)
        response.status_code = 503 if down else 200
        return response

    @health.get("/metrics")
    def counts() -> Response:  # pyright: ignore[reportUnusedFunction]
        given = request.headers.get("Authorization", "").encode()
        if metrics_token is not None and not hmac.compare_digest(given, f"Bearer {metrics_token}".encode()):
            raise ApiError("not_found")  # nobody's business, not even that it is here
        return Response(metrics.text(figures.latest()), content_type=CONTENT_TYPE_LATEST)

    return health
