"""The limit on concurrent requests: beyond it the answer is busy, except for webhooks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from flask import Blueprint, Flask

from backend import concurrency_limit, errors


def app_with(barrier: threading.Barrier, limit: int) -> Flask:
    """An app that holds its requests at a barrier, with a webhook that answers."""
    app = Flask(__name__)
    errors.register(app)
    concurrency_limit.register(app, limit)
    webhook = Blueprint("webhook", __name__)

    @app.get("/slow")
    def slow() -> str:
        barrier.wait(20)
        return "done"

    @app.get("/quick")
    def quick() -> str:
        return "done"

    @webhook.get("/webhook")
    def receive() -> str:
        return "received"

    app.register_blueprint(webhook)
    return app


def test_beyond_the_limit_the_answer_is_busy_and_webhooks_pass() -> None:
    barrier = threading.Barrier(3)
    app = app_with(barrier, limit=2)
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(lambda: app.test_client().get("/slow").status_code) for _ in range(2)]
        while barrier.n_waiting < 2:
            pass
        refused = app.test_client().get("/quick")
        received = app.test_client().get("/webhook")
        barrier.wait(20)
        assert [each.result() for each in slow] == [200, 200]
    assert (refused.status_code, refused.get_json()["message"], refused.headers["Retry-After"]) == (503, "busy", "2")
    assert received.status_code == 200


def test_a_slot_is_released_after_every_request() -> None:
    app = app_with(threading.Barrier(1), limit=1)
    for path, status in [("/slow", 200), ("/nowhere", 404), ("/slow", 200), ("/slow", 200)]:
        assert app.test_client().get(path).status_code == status
