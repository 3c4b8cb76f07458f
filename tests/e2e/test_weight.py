"""The size of a page: only what it shows, and the list of films no more than 200 kB of JavaScript."""

from __future__ import annotations

import gzip
import re

from playwright.sync_api import Page, Response, expect

from tests.e2e.visitor import Visitor

LIMIT = 200_000
"""Bytes of JavaScript, compressed, that the list of films may take."""

# What a chunk has in it that only this part of the page has.
PAYMENT_FORM = b"4242 4242 4242 4242"  # the local stack's; what is built for production has Stripe's own
MAP = b"data-seat"
QR_CODE = b"crispEdges"


class Loaded:
    """The scripts that a tab has fetched, by address."""

    def __init__(self, page: Page) -> None:
        self.responses: dict[str, Response] = {}
        page.on("response", self._note)

    def _note(self, response: Response) -> None:
        if response.request.resource_type == "script":
            self.responses[response.url] = response

    def scripts(self) -> dict[str, bytes]:
        return {url: response.body() for url, response in self.responses.items()}

    def having(self, mark: bytes) -> list[str]:
        """The scripts in which the mark stands, or that come from where it points."""
        return [url for url, body in self.scripts().items() if mark in body or mark in url.encode()]


def test_the_list_of_films_loads_little_and_nothing_of_other_pages(visitor: Visitor) -> None:
    loaded = Loaded(visitor.page)
    visitor.open("/")
    visitor.sees("What’s on")
    expect(visitor.page.get_by_role("link", name="Nosferatu").first).to_be_visible(timeout=30_000)
    visitor.page.wait_for_load_state("networkidle")
    scripts = loaded.scripts()
    weights = {url.rsplit("/", 1)[-1]: len(gzip.compress(body)) for url, body in scripts.items()}
    assert len(weights) > 1, "the page and its entry are chunks of their own"
    assert sum(weights.values()) < LIMIT, weights
    assert [loaded.having(mark) for mark in (PAYMENT_FORM, MAP, QR_CODE)] == [[], [], []]


def test_the_seats_load_the_map_and_no_payment_form(visitor: Visitor) -> None:
    loaded = Loaded(visitor.page)
    visitor.open_seats()
    expect(visitor.seat("A1")).to_be_visible()
    visitor.page.wait_for_load_state("networkidle")
    assert loaded.having(MAP) != []
    assert [loaded.having(mark) for mark in (PAYMENT_FORM, QR_CODE)] == [[], []]


def test_each_mark_stands_in_a_script_of_the_built_page(visitor: Visitor) -> None:
    """Otherwise the tests above would look for what nobody loads."""
    assets = visitor.frontrow.stack.config.local / "page/assets"
    built = [script.read_bytes() for script in assets.glob("*.js")]
    missing = [mark for mark in (PAYMENT_FORM, MAP, QR_CODE) if not any(re.search(mark, script) for script in built)]
    assert missing == []
