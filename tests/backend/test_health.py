"""/readyz and /metrics: who may read them, and what they cost while a part does not answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.app import create_app
from backend.database import SHORT_TIMEOUT, DataApi, Database
from backend.health import CachedProbe
from backend.settings import Settings
from tests.backend.ports import FakeDataApi, FakeStripe
from tests.backend.test_webhook import FIGURES

_THREADS = 12
"""gunicorn's, of one process."""


@pytest.fixture
def silent() -> Iterator[str]:
    """A Data API that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def hanging(settings: Settings, silent: str) -> Iterator[Flask]:
    """The app at that Data API."""
    api = DataApi(silent, settings.supabase_key, SHORT_TIMEOUT)
    yield create_app(settings, stripe=FakeStripe(), database=Database(FakeDataApi()), short_timeout=Database(api))
    api.close()


def test_a_database_that_hangs_is_reported_before_prometheus_gives_up(hanging: Flask) -> None:
    """It gives up after ten seconds, and FrontrowDatabaseSilent has nothing to see without an answer."""
    began = time.monotonic()
    text = hanging.test_client().get("/metrics").get_data(as_text=True)
    assert "frontrow_database_answers 0.0" in text.splitlines()
    assert time.monotonic() - began < 4


def test_a_database_that_hangs_does_not_take_all_threads(hanging: Flask) -> None:
    def ask(_: int) -> tuple[int, float]:
        began = time.monotonic()
        return hanging.test_client().get("/readyz").status_code, time.monotonic() - began

    with ThreadPoolExecutor(_THREADS) as pool:
        answers = list(pool.map(ask, range(_THREADS)))
    assert {status for status, _ in answers} == {503}
    assert sum(seconds < 1.5 for _, seconds in answers) > _THREADS / 2


class Slow:
    """A part that answers when it may, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 100.0
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self) -> int:
        self.asked += 1
        self.entered.set()
        assert self.go.wait(10)
        return self.asked


def test_while_one_asks_the_others_take_the_previous_answer_for_a_while() -> None:
    slow = Slow()
    kept = CachedProbe(slow, clock=lambda: slow.now)
    slow.go.set()
    assert kept.latest() == 1
    slow.now += 1
    assert (kept.latest(), slow.asked) == (1, 1)
    slow.now += 60
    slow.go.clear()
    slow.entered.clear()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(kept.latest)
        assert slow.entered.wait(10)
        assert kept.latest() == 1
        slow.now += 5
        assert kept.latest() is None  # too old to pass on
        slow.go.set()
        assert asking.result() == 2
    assert (kept.latest(), slow.asked) == (2, 2)


def test_the_first_answer_is_not_waited_for() -> None:
    slow = Slow()
    kept = CachedProbe(slow)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(kept.latest)
        assert slow.entered.wait(10)
        assert kept.latest() is None
        slow.go.set()
        assert asking.result() == 1


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.1.2.3", "172.17.0.1", "192.168.1.9", "fd00::7", "::ffff:10.0.0.1"]
)
def test_without_a_token_neighbors_read_the_metrics(client: FlaskClient, data_api: FakeDataApi, address: str) -> None:
    data_api.answers["operational_metrics"] = FIGURES
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 200


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8", "100.64.0.1", "", "unix:"])
def test_without_a_token_strangers_do_not(client: FlaskClient, data_api: FakeDataApi, address: str) -> None:
    answer = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert (answer.status_code, answer.get_json()["message"]) == (404, "not_found")
    assert data_api.calls == []


@pytest.mark.parametrize("proxies", [0, 1])
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_without_a_token_metrics_are_closed_behind_a_proxy(
    settings: Settings, data_api: FakeDataApi, header: str, proxies: int
) -> None:
    app = create_app(
        settings.model_copy(update={"trusted_proxies": proxies}), stripe=FakeStripe(), database=Database(data_api)
    )
    assert app.test_client().get("/metrics", headers={header: "10.0.0.1"}).status_code == 404
    assert data_api.calls == []


def test_the_bearer_of_the_token_may_come_from_anywhere(settings: Settings, data_api: FakeDataApi) -> None:
    data_api.answers["operational_metrics"] = FIGURES
    app = create_app(
        settings.model_copy(update={"metrics_token": "hidden"}), stripe=FakeStripe(), database=Database(data_api)
    )
    there: Any = {"environ_base": {"REMOTE_ADDR": "8.8.8.8"}}
    assert app.test_client().get("/metrics", headers={"Authorization": "Bearer hidden"}, **there).status_code == 200
    near = app.test_client().get("/metrics", headers={"Authorization": "Bearer guessed"})
    assert near.status_code == 404
