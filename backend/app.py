"""The Flask app: issues tokens, calls Stripe, takes its webhooks. Everything that it needs is passed in."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, jsonify, request

from backend import (
    accounts,
    auth,
    concurrency_limit,
    errors,
    health,
    leaving,
    logs,
    openapi,
    payments,
    proxies,
    second_factor,
    tickets,
    webhook,
)
from backend.database import Database
from backend.human_check import HumanCheck
from backend.metrics import METHODS, Metrics
from backend.passwords import Passwords
from backend.sessions import Sessions
from backend.settings import Settings
from backend.stripe_gateway import Payments
from backend.tokens import Tokens
from backend.totp import SecretBox

_log = logging.getLogger(__name__)

_LARGEST_BODY = 1_000_000


def create_app(
    settings: Settings,
    *,
    stripe: Payments,
    database: Database,
    short_timeout: Database | None = None,
    passwords: Passwords | None = None,
    human_check: HumanCheck | None = None,
) -> Flask:
    """Build the app. The worker sends all mail. `short_timeout` is the database again, over a transport that gives up
    early, for health checks. Without a `human_check` nobody passes one."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    tokens = Tokens.of(settings)
    passwords = passwords or Passwords()
    secret_box = SecretBox(settings.second_factor_keys)
    factor = second_factor.SecondFactor(database, tokens, secret_box)
    metrics = Metrics()

    errors.register(app)
    _register_access_log(app, metrics)
    proxies.register(app, settings.trusted_proxies, metrics.uncounted_proxy)
    _register_headers(app, settings)
    concurrency_limit.register(app)
    sessions = Sessions(settings, database, tokens)
    app.register_blueprint(auth.blueprint(sessions, database, passwords, human_check, factor))
    app.register_blueprint(second_factor.blueprint(factor, sessions, database, passwords, secret_box))
    app.register_blueprint(accounts.blueprint(sessions, database, passwords))
    app.register_blueprint(leaving.blueprint(sessions, database, passwords))
    app.register_blueprint(payments.blueprint(database, stripe, tokens))
    app.register_blueprint(tickets.blueprint(settings, database, tokens))
    app.register_blueprint(webhook.blueprint(settings, database, stripe, metrics.event))
    app.register_blueprint(health.blueprint(short_timeout or database, stripe, metrics, settings.metrics_token))
    app.register_blueprint(openapi.blueprint())

    @app.get("/.well-known/jwks.json")
    def jwks() -> Response:  # pyright: ignore[reportUnusedFunction]
        response = jsonify(tokens.jwks())
        response.headers["Cache-Control"] = "public, max-age=600"
        return response

    metrics.begin(((rule.rule, rule.methods or ()) for rule in app.url_map.iter_rules()), webhook.TYPES)
    return app


def _register_headers(app: Flask, settings: Settings) -> None:
    """Answer CORS for the listed origins; keep browsers from sniffing, framing and caching."""

    @app.before_request
    def answer_preflight() -> Response | None:  # pyright: ignore[reportUnusedFunction]
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return Response(status=204)
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:  # pyright: ignore[reportUnusedFunction]
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        headers.setdefault("Cache-Control", "no-store")
        if request.is_secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin in settings.allowed_origins:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
            headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
            if request.method == "OPTIONS":
                headers["Access-Control-Allow-Methods"] = "GET, POST"
                headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, X-Request-Id"
                headers["Access-Control-Max-Age"] = "3600"
        return response


def _register_access_log(app: Flask, metrics: Metrics) -> None:
    """Give each request an id, a log line and a count. Queries, headers and bodies are never logged."""

    @app.before_request
    def begin() -> None:  # pyright: ignore[reportUnusedFunction]
        g.request_id = logs.begin(request.headers.get("X-Request-Id"))
        g.started_at = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:  # pyright: ignore[reportUnusedFunction]
        seconds = time.perf_counter() - g.started_at
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        response.headers["X-Request-Id"] = g.request_id
        metrics.request(method, route, response.status_code, seconds)
        line = {"method": method, "route": route, "status": response.status_code}
        if (code := g.get("error_code")) is not None and response.status_code >= 400:
            metrics.error(code)
            line["code"] = code
        _log.info("request", extra={**line, "milliseconds": round(seconds * 1000, 1)})
        return response
