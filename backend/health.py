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
        answers = {name: check.answers() for name, check in checks.items()}
        # Without Stripe, sign-ins and tickets go on, and a balancer that takes every process away helps nobody.
        status = "not ready" if not answers["database"] else "ready" if all(answers.values()) else "degraded"
        parts = {name: "answers" if does else "does not answer" for name, does in answers.items()}
        response = jsonify(status=status, **parts)
        response.status_code = 503 if status == "not ready" else 200
        return response

    @health.get("/metrics")
    def counts() -> Response:  # pyright: ignore[reportUnusedFunction]
        given = request.headers.get("Authorization", "").encode()
        if metrics_token is not None and not hmac.compare_digest(given, f"Bearer {metrics_token}".encode()):
            raise ApiError("not_found")  # nobody's business, not even that it is here
        text = metrics.text(figures.latest(), stripe_answers=checks["stripe"].answers())
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    return health
