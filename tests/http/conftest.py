"""A whole Frontrow for a test process: database, Data API, gateway, Realtime, Flask, worker, fake Stripe, MailDev.

Tests speak to it as browsers, Stripe and mail readers do; the `cinema` fixture is the owner's view of it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from backend.database import DataApi, Database
from backend.reconciliation import Reconciliation
from backend.settings import Settings
from backend.stripe_gateway import StripeGateway
from dev.config import LocalConfig, throwaway_folder
from dev.stack import Stack
from tests.cinema import CinemaFixture
from tests.http.frontrow import Customer, Frontrow

_PARTS = ("postgres", "postgrest", "gateway", "realtime", "stripe", "mail", "api", "worker")
_FAST = {
    "HUMAN_CHECK": "turnstile",
    # So that no secret stays unwritten only because nobody listens so closely; see test_secrets.py.
    "LOG_LEVEL": "DEBUG",
    "WORKER_POLL_SECONDS": "0.3",
    "SWEEP_SECONDS": "0.5",
    # So long that no test sees a reconciliation which it did not ask for.
    "RECONCILE_SECONDS": "86400",
    "RECONCILE_AFTER_SECONDS": "86400",
    "STRIPE_RETRY_SECONDS": "0.2",
    "STRIPE_RETRY_LONGEST_SECONDS": "1",
    "STRIPE_WEBHOOK_ATTEMPTS": "100",
}
_numbers = itertools.count(2)


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Everything but the page, with an empty catalog."""
    before = dict(os.environ)
    os.environ.update(_FAST)
    try:
        with throwaway_folder() as local:
            with Stack(LocalConfig.throwaway(local), parts=_PARTS, seed=False, ephemeral=True) as stack:
                yield stack
            stack.cluster.erase()
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="package")
def shared_cinema(stack: Stack) -> Iterator[CinemaFixture]:
    """A theater with one film and one auditorium of 400 seats."""
    with CinemaFixture(stack.cluster.url(), rows=20, seats=20) as cinema:
        yield cinema


@pytest.fixture
def cinema(shared_cinema: CinemaFixture) -> CinemaFixture:
    """The shared_cinema with a showtime of this test's own (cinema.showtime_id)."""
    shared_cinema.showtime_id = shared_cinema.add_showtime(f"{next(_numbers)} days")
    shared_cinema.forget_attempts()
    return shared_cinema


@pytest.fixture
def frontrow(stack: Stack, cinema: CinemaFixture) -> Iterator[Frontrow]:
    """The stack as clients see it. Whatever a test did, the invariants hold after it."""
    with Frontrow(stack, cinema) as frontrow:
        yield frontrow
    assert cinema.violations() == []


@pytest.fixture
def customer(frontrow: Frontrow) -> Customer:
    """A customer who has just registered."""
    return frontrow.register()


@pytest.fixture
def reconciliation(frontrow: Frontrow) -> Iterator[Reconciliation]:
    """A worker's reconciliation that waits for nothing, while no webhook arrives."""
    keys, config = frontrow.stack.keys, frontrow.stack.config
    settings = Settings.from_environment(
        {
            "APP_URL": config.app_url,
            "SUPABASE_URL": config.supabase_url,
            # The older kind of key, for once.
            "SUPABASE_SERVICE_ROLE_KEY": keys.service_role_jwt,
            "JWT_SIGNING_KEY": keys.signing_key,
            "SECOND_FACTOR_KEY": keys.second_factor_key,
            "STRIPE_API_BASE": config.stripe_url,
            "STRIPE_SECRET_KEY": keys.stripe_secret,
            "STRIPE_WEBHOOK_SECRET": keys.stripe_webhook_secret,
            "SMTP_URL": config.smtp_url,
            "MAIL_FROM": "tickets@example.com",
        }
    )
    frontrow.faults({"webhooks": [{"kind": "drop", "probability": 1}]})
    api = DataApi(settings.supabase_url, settings.supabase_key)
    yield Reconciliation(Database(api), StripeGateway(settings), older_than_seconds=0)
    api.close()


@pytest.fixture(autouse=True)
def logs(stack: Stack) -> Iterator[None]:
    """Print what Flask and the worker wrote during the test; pytest shows it when the test fails."""
    files = [stack.supervisor.log(name) for name in ("api", "worker")]
    sizes = [file.stat().st_size for file in files]
    yield
    for file, size in zip(files, sizes, strict=True):
        print(f"--- {file.name}", file.read_bytes()[size:].decode(), sep="\n")
