"""What the processes count, in Prometheus' words.

gunicorn runs several processes, and a scrape meets only one of them. gunicorn.conf.py therefore gives them a folder
(PROMETHEUS_MULTIPROC_DIR) in which each keeps its counts in a mapped file, and a scrape adds the files up: no shared
memory of ours, no sidecar. Without the folder, as in tests, a process counts for itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from backend.database import Figures

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

    def text(self, figures: Figures | None) -> bytes:
        """All of it, of all processes, with what the database says is waiting; None when it does not answer."""
        registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        waiting = CollectorRegistry()
        waiting.register(_Waiting(figures))
        return generate_latest(registry) + generate_latest(waiting)


class _Waiting(Collector):
    """The figures of the database as gauges."""

    def __init__(self, figures: Figures | None) -> None:
        self._figures = figures

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family each."""
        yield GaugeMetricFamily(
            "frontrow_database_answers", "Whether the database answered.", self._figures is not None
        )
        if self._figures is None:
            return
        rows = GaugeMetricFamily("frontrow_outbox_rows", "Rows of the outbox not done.", labels=["kind", "state"])
        ages = GaugeMetricFamily("frontrow_outbox_oldest_seconds", "Age of the oldest.", labels=["kind", "state"])
        for row in self._figures["outbox"]:
            rows.add_metric([row["kind"], row["state"]], row["rows"])
            ages.add_metric([row["kind"], row["state"]], row["oldest_seconds"])
        yield rows
        yield ages
        refunds = GaugeMetricFamily("frontrow_refunds_unfinished", "Refunds not finished.", labels=["status"])
        for status in ("queued", "pending", "failed"):
            refunds.add_metric([status], self._figures["refunds"].get(status, 0))
        yield refunds
        yield GaugeMetricFamily("frontrow_payments_open", "Payments begun.", self._figures["payments_open"])
        yield GaugeMetricFamily("frontrow_disputes_open", "Disputes not closed.", self._figures["disputes_open"])
        if (violations := self._figures["violations"]) is not None:
            yield GaugeMetricFamily("frontrow_violations", "What the last verification found.", violations)
        if (age := self._figures["verified_seconds_ago"]) is not None:
            yield GaugeMetricFamily("frontrow_verified_seconds_ago", "Since the last verification ended.", age)
