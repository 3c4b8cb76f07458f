"""The whole of Frontrow with its page as it ships, and people with browsers of their own.

Stack and Playwright last as long as this package does, not the session: Playwright keeps an event loop in the process,
which the asyncio tests of other packages could not run beside, and a stack that nobody uses takes processor time.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType, sync_playwright

from dev.config import LocalConfig, throwaway_folder
from dev.stack import Stack
from tests import browser as chromium
from tests.cinema import CinemaFixture
from tests.e2e.visitor import Visitor
from tests.http.frontrow import Frontrow

_FAST = {
    "WORKER_POLL_SECONDS": "0.3",
    "SWEEP_SECONDS": "0.5",
    "STRIPE_RETRY_SECONDS": "0.2",
    "STRIPE_SETTLE_SECONDS": "1",
}
_hours = itertools.count(30, 3)
"""From now to each test's showtime: one after the other in one auditorium, and within the two weeks that are shown."""


@pytest.fixture(scope="package")
def launch_options() -> dict[str, Any]:
    """Set how the machine's Chromium is started. Without one the tests are skipped, but in CI they fail."""
    path = chromium.executable()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)
    return {"executable_path": path, "args": chromium.ARGUMENTS}


@pytest.fixture(scope="package")
def browser_type() -> Iterator[BrowserType]:
    """Playwright's Chromium, to launch others than the common one."""
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="package")
def browser(browser_type: BrowserType, launch_options: dict[str, Any]) -> Iterator[Browser]:
    """One Chromium for all tests; each visitor gets a context, which shares nothing with others."""
    browser = browser_type.launch(**launch_options)
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Everything, with the catalog of supabase/seed.sql."""
    with throwaway_folder() as local:
        config = LocalConfig.throwaway(local, environment={**os.environ, "HUMAN_CHECK": "turnstile"}, ui="built")
        with Stack(config, ephemeral=True, environment=_FAST) as stack:
            yield stack
        stack.cluster.erase()


@pytest.fixture(scope="package")
def shared_cinema(stack: Stack) -> Iterator[CinemaFixture]:
    """Beside the catalog, the Scala in Vienna: one auditorium of 8 rows of 12, and one film, the test's own."""
    with CinemaFixture(stack.cluster.url(), rows=8, seats=12, film="nosferatu-at-the-scala") as cinema:
        yield cinema


@pytest.fixture
def cinema(shared_cinema: CinemaFixture) -> Iterator[CinemaFixture]:
    """The Scala with a showtime of this test's own (cinema.showtime_id). Settings that a test changes are put back."""
    shared_cinema.showtime_id = shared_cinema.add_showtime(f"{next(_hours)} hours")
    shared_cinema.forget_attempts()
    before = shared_cinema.rows("select lock_duration, payment_duration, seats_per_customer from private.settings")[0]
    yield shared_cinema
    shared_cinema.owner.execute(
        "update private.settings set lock_duration = %(lock_duration)s, payment_duration = %(payment_duration)s,"
        " seats_per_customer = %(seats_per_customer)s where true",
        before,
    )


@pytest.fixture
def frontrow(stack: Stack, cinema: CinemaFixture) -> Iterator[Frontrow]:
    """The stack as clients see it. Whatever a test did, the invariants hold after it."""
    with Frontrow(stack, cinema) as frontrow:
        yield frontrow
    assert cinema.violations() == []


@pytest.fixture
def visit(browser: Browser, frontrow: Frontrow) -> Iterator[Callable[..., Visitor]]:
    """Lets somebody open a browser of their own: visit(), visit(width=360), visit(color_scheme="dark")."""
    visitors: list[Visitor] = []

    def open_browser(width: int = 1280, height: int = 800, **options: Any) -> Visitor:
        context = browser.new_context(
            base_url=frontrow.page, locale="en-GB", viewport={"width": width, "height": height}, **options
        )
        visitor = Visitor(frontrow, context.new_page(), by_finger=options.get("has_touch", False))
        visitors.append(visitor)
        return visitor

    yield open_browser
    for visitor in visitors:
        visitor.page.context.close()
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    assert complaints == []


@pytest.fixture
def visitor(visit: Callable[..., Visitor]) -> Visitor:
    """A visitor at a desktop browser who is not signed in."""
    return visit()
