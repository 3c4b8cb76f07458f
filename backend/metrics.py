"""What the processes count, in Prometheus' words.

gunicorn runs several processes, and a scrape meets only one of them. gunicorn.conf.py therefore gives them a folder
(PROMETHEUS_MULTIPROC_DIR) in which each keeps its counts in a mapped file, and a scrape adds the files up: no shared
memory of ours, no sidecar. Without the folder, as in tests, a process counts for itself.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Requests by route and status, how long they took, and what webhooks came to."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "frontrow_http_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "frontrow_http_request_seconds",
            "How long an answer took.",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._events = Counter(
            "frontrow_stripe_events_total", "Stripe events by outcome.", ["type", "outcome"], registry=self._registry
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; the route is a rule of ours, never a path that a client made up."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def event(self, event_type: str, outcome: str) -> None:
        """Count a Stripe event."""
        self._events.labels(event_type, outcome).inc()

    def text(self) -> bytes:
        """All of it, of all processes."""
        registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)
