"""A whole Frontrow for a test process: database, Data API, gateway, Realtime, Flask, worker, fake Stripe, MailDev.

Tests speak to it as browsers, Stripe and mail readers do; the `house` fixture is the owner's view of the same database.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from dev.config import LocalConfig, throwaway_folder
from dev.stack import Stack
from tests.house import House
from tests.http.frontrow import Customer, Frontrow

_PARTS = ("postgres", "postgrest", "gateway", "realtime", "stripe", "mail", "api", "worker")
_FAST = {
    "WORKER_POLL_SECONDS": "0.1",
    "SWEEP_SECONDS": "0.5",
    # So long that no test sees a reconciliation which it did not ask for.
    "RECONCILE_SECONDS": "86400",
    "RECONCILE_AFTER_SECONDS": "86400",
    "STRIPE_RETRY_SECONDS": "0.2",
    "STRIPE_RETRY_LONGEST_SECONDS": "1",
    "STRIPE_WEBHOOK_ATTEMPTS": "100",
}
_numbers = itertools.count(2)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Everything but the page, with an empty catalogue."""
    before = dict(os.environ)
    os.environ.update(_FAST)
    try:
        with throwaway_folder() as local:
            with Stack(LocalConfig.throwaway(local), parts=_PARTS, seed=False, forgetful=True) as stack:
                yield stack
            stack.cluster.erase()
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def cinema(stack: Stack) -> Iterator[House]:
    """A theater with one film and one auditorium of 400 seats."""
    with House(stack.cluster.url(), rows=20, seats=20) as house:
        yield house


@pytest.fixture
def house(cinema: House) -> House:
    """The cinema with a showtime of this test's own (house.showtime_id)."""
    cinema.showtime_id = cinema.add_showtime(f"{next(_numbers)} days")
    cinema.owner.execute("delete from private.sign_in_attempts where true")
    return cinema


@pytest.fixture
def frontrow(stack: Stack, house: House) -> Iterator[Frontrow]:
    """The stack as clients see it. Whatever a test did, the invariants hold after it."""
    with Frontrow(stack, house) as frontrow:
        yield frontrow
    assert house.violations() == []


@pytest.fixture
def customer(frontrow: Frontrow) -> Customer:
    """Somebody who has just registered."""
    return frontrow.register()


@pytest.fixture(autouse=True)
def logs(stack: Stack) -> Iterator[None]:
    """What Flask and the worker wrote during the test; pytest shows it when the test fails."""
    files = [stack.supervisor.log(name) for name in ("api", "worker")]
    sizes = [file.stat().st_size for file in files]
    yield
    for file, size in zip(files, sizes, strict=True):
        print(f"--- {file.name}", file.read_bytes()[size:].decode(), sep="\n")
