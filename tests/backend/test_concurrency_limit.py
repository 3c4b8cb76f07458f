"""The gate of the Flask app: so many at a time, and the others are told to come back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from flask import Blueprint, Flask

from backend import concurrency_limit, errors


def app_with(barrier: threading.Barrier, places: int) -> Flask:
    """An app that holds its requests at a barrier, with a webhook that answers."""
    app = Flask(__name__)
    errors.register(app)
    concurrency_limit.register(app, places)
    webhook = Blueprint("webhook", __name__)

    @app.get("/slow")
    def slow() -> str:
        barrier.wait(20)
        return "done"

    @app.get("/quick")
    def quick() -> str:
        return "done"

    @webhook.get("/webhook")
    def hear() -> str:
        return "heard"

    app.register_blueprint(webhook)
    return app


def test_beyond_its_places_it_answers_busy_and_news_of_money_passes() -> None:
    barrier = threading.Barrier(3)
    app = app_with(barrier, places=2)
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(lambda: app.test_client().get("/slow").status_code) for _ in range(2)]
        while barrier.n_waiting < 2:
            pass
        refused = app.test_client().get("/quick")
        heard = app.test_client().get("/webhook")
        barrier.wait(20)
        assert [each.result() for each in slow] == [200, 200]
    assert (refused.status_code, refused.get_json()["message"], refused.headers["Retry-After"]) == (503, "busy", "2")
    assert heard.status_code == 200


def test_a_place_is_given_back_whatever_happens() -> None:
    app = app_with(threading.Barrier(1), places=1)
    for path, status in [("/slow", 200), ("/nowhere", 404), ("/slow", 200), ("/slow", 200)]:
        assert app.test_client().get(path).status_code == status
