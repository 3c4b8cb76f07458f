"""Metrics of all processes in Prometheus' format.

gunicorn runs several processes, and a scrape meets only one of them. gunicorn.conf.py therefore gives them a folder
(PROMETHEUS_MULTIPROC_DIR) in which each keeps its counts in a mapped file, and a scrape adds the files up: no shared
memory of ours, no sidecar. Without the folder, as in tests, a process counts for itself.

All series that an alert asks about are there from the start, at zero: what is missing compares with nothing, and a
counter that appears with its first event has not increased by it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from backend.answers import Figures, OutboxFigures
from backend.database_types import PrivateOutboxKind
from backend.error_codes import ERRORS

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LAG_BUCKETS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0)
METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS")
_STATUSES_OF_ALERTS = (500, 503)
_OUTCOMES = ("confirmed", "refund_queued", "already_settled", "duplicate", "unmatched", "noted")
_REFUND_STATUSES = ("queued", "pending", "failed")
_BOOKING_STATUSES = ("pending", "confirmed", "expired", "cancelled", "refunded")
_PAYMENT_OUTCOMES = ("open", "declined", "succeeded", "canceled")


class Metrics:
    """Requests by route and status, how long they took, errors, and what webhooks came to; docs/metrics.md."""

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
        self._lag = Histogram(
            "frontrow_webhook_lag_seconds",
            "From the making of an event at Stripe to our answer.",
            buckets=_LAG_BUCKETS,
            registry=self._registry,
        )
        self._errors = Counter(
            "frontrow_errors_total", "Refusals and failures by code.", ["code"], registry=self._registry
        )
        self._uncounted_proxies = Counter(
            "frontrow_uncounted_proxy_requests_total",
            "Requests that a proxy forwarded while TRUSTED_PROXIES is 0.",
            registry=self._registry,
        )

    def begin(self, routes: Iterable[tuple[str, Collection[str]]], event_types: Iterable[str]) -> None:
        """Start all series at zero: of the addresses (rule and methods), the handled events, and all error codes."""
        for route, methods in routes:
            for method in set(methods) & set(METHODS):
                for status in _STATUSES_OF_ALERTS:
                    self._requests.labels(method, route, str(status))
        for event_type in event_types:
            for outcome in _OUTCOMES:
                self._events.labels(event_type, outcome)
        self._events.labels("other", "ignored")
        for code in ERRORS:
            self._errors.labels(code)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; the route is a rule of ours, never a path that a client made up."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def error(self, code: str) -> None:
        """Count a refusal by its code of the catalog."""
        self._errors.labels(code).inc()

    def uncounted_proxy(self) -> None:
        """Count a request that came through a proxy of which TRUSTED_PROXIES does not know."""
        self._uncounted_proxies.inc()

    def event(self, event_type: str, outcome: str, lag_seconds: float | None) -> None:
        """Count a Stripe event, that long after it was made."""
        self._events.labels(event_type, outcome).inc()
        if lag_seconds is not None:
            self._lag.observe(max(0.0, lag_seconds))

    def text(self, figures: Figures | None, *, stripe_answers: bool) -> bytes:
        """Return all of it, of all processes, with the figures of the database; None when it does not answer."""
        registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        asked = CollectorRegistry()
        asked.register(_Asked(figures, stripe_answers))
        return generate_latest(registry) + generate_latest(asked)


class _Asked(Collector):
    """The figures of the database, and which part answers."""

    def __init__(self, figures: Figures | None, stripe_answers: bool) -> None:
        self._figures = figures
        self._stripe_answers = stripe_answers

    def collect(self) -> Iterator[Metric]:
        """One family each."""
        yield GaugeMetricFamily("frontrow_database_answers", "1 if the database answered.", self._figures is not None)
        yield GaugeMetricFamily("frontrow_stripe_answers", "1 if Stripe answered.", self._stripe_answers)
        if self._figures is None:
            return
        yield from self._outbox(self._figures["outbox"])
        refunds = GaugeMetricFamily("frontrow_refunds_unfinished", "Refunds not finished.", labels=["status"])
        ages = GaugeMetricFamily("frontrow_refunds_oldest_seconds", "Since one has stood so.", labels=["status"])
        for status in _REFUND_STATUSES:
            refunds.add_metric([status], self._figures["refunds"].get(status, 0))
            ages.add_metric([status], self._figures["refund_ages"].get(status, 0))
        yield refunds
        yield ages
        yield GaugeMetricFamily("frontrow_payments_open", "Payments begun.", self._figures["payments_open"])
        yield GaugeMetricFamily("frontrow_disputes_open", "Disputes not closed.", self._figures["disputes_open"])
        yield GaugeMetricFamily("frontrow_locks_held", "Seats held and not sold.", self._figures["locks_held"])
        yield CounterMetricFamily("frontrow_locks_begun_total", "Seat locks ever begun.", self._figures["locks_begun"])
        bookings = GaugeMetricFamily("frontrow_bookings_recent", "Became so in five minutes.", labels=["status"])
        for status in _BOOKING_STATUSES:
            bookings.add_metric([status], self._figures["bookings_recent"].get(status, 0))
        yield bookings
        payments = GaugeMetricFamily("frontrow_payments_recent", "Became so in five minutes.", labels=["outcome"])
        for outcome in _PAYMENT_OUTCOMES:
            payments.add_metric([outcome], self._figures["payments_recent"].get(outcome, 0))
        yield payments
        yield GaugeMetricFamily(
            "frontrow_sweep_seconds_ago", "Since the last sweep.", self._figures["sweep_seconds_ago"]
        )
        yield GaugeMetricFamily(
            "frontrow_sweep_failures", "Bookings and steps that raise.", self._figures.get("sweep_failures", 0)
        )
        if (seconds := self._figures.get("retention_seconds_ago")) is not None:
            yield GaugeMetricFamily("frontrow_retention_seconds_ago", "Since what is old was deleted.", seconds)
        yield GaugeMetricFamily(
            "frontrow_departures_overdue", "People to be forgotten.", self._figures.get("departures_overdue", 0)
        )
        yield GaugeMetricFamily(
            "frontrow_verified_seconds_ago",
            "Since the last daily verification ended.",
            self._figures["verified_seconds_ago"],
        )
        if (violations := self._figures["violations"]) is not None:
            yield GaugeMetricFamily("frontrow_violations", "What the last verification found.", violations)

    def _outbox(self, figures: list[OutboxFigures]) -> Iterator[Metric]:
        rows = GaugeMetricFamily("frontrow_outbox_rows", "Rows of the outbox not done.", labels=["kind", "state"])
        ages = GaugeMetricFamily("frontrow_outbox_oldest_seconds", "Age of the oldest.", labels=["kind", "state"])
        overdue = GaugeMetricFamily("frontrow_outbox_overdue_seconds", "Since one waits for a worker.", labels=["kind"])
        known = {(row["kind"], row["state"]): row for row in figures}
        for kind in get_args(PrivateOutboxKind):
            for state in ("queued", "failed"):
                row = known.get((kind, state))
                rows.add_metric([kind, state], row["rows"] if row else 0)
                ages.add_metric([kind, state], row["oldest_seconds"] if row else 0)
            waiting = known.get((kind, "queued"))
            overdue.add_metric([kind], waiting["overdue_seconds"] if waiting else 0)
        yield from (rows, ages, overdue)
