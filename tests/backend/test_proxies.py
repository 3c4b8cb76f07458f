"""A proxy in front that TRUSTED_PROXIES does not count is reported: all callers would share its address and limits."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient

from backend.app import create_app
from backend.database import Database
from backend.settings import Settings
from tests.backend.ports import FakeDataApi, FakeStripe
from tests.backend.test_webhook import FIGURES

CLIENT = "203.0.113.7"
THROUGH_A_PROXY = {"X-Forwarded-For": CLIENT}


def app_behind(settings: Settings, data_api: FakeDataApi, trusted: int) -> FlaskClient:
    data_api.answers["operational_metrics"] = FIGURES
    counted = settings.model_copy(update={"trusted_proxies": trusted})
    return create_app(counted, stripe=FakeStripe(), database=Database(data_api)).test_client()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def counted(client: FlaskClient) -> float:
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    (line,) = [line for line in lines if line.startswith("frontrow_uncounted_proxy_requests_total ")]
    return float(line.split()[1])


@pytest.fixture(autouse=True)
def lines_reach_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("backend"), "propagate", True)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.1.2.3", "172.17.0.1", "::ffff:192.168.1.9", "100.64.0.2"])
def test_an_uncounted_proxy_is_warned_of_once(
    settings: Settings, data_api: FakeDataApi, caplog: pytest.LogCaptureFixture, header: str, peer: str
) -> None:
    client = app_behind(settings, data_api, trusted=0)
    for _ in range(3):
        client.get("/healthz", headers={header: f"for={CLIENT}"}, environ_base={"REMOTE_ADDR": peer})
    (said,) = warnings(caplog)
    assert "Set TRUSTED_PROXIES to the number of your proxies" in said
    assert CLIENT not in caplog.text
    assert peer not in said
    assert counted(client) == 3


@pytest.mark.parametrize(
    ("trusted", "headers", "peer"),
    [
        (1, THROUGH_A_PROXY, "10.1.2.3"),
        (0, {}, "10.1.2.3"),
        (0, THROUGH_A_PROXY, "8.8.8.8"),  # a client of the Internet may claim anything
        (0, THROUGH_A_PROXY, ""),
    ],
    ids=["counted", "none", "a stranger's header", "no address"],
)
def test_nothing_is_said_without_an_uncounted_proxy(
    settings: Settings,
    data_api: FakeDataApi,
    caplog: pytest.LogCaptureFixture,
    trusted: int,
    headers: dict[str, str],
    peer: str,
) -> None:
    client = app_behind(settings, data_api, trusted)
    client.get("/healthz", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert warnings(caplog) == []
    assert counted(client) == 0
