"""Waiting times in the browser itself: seats after their answer, another's lock after its message.

The page is the built one, the browser Chromium; the clock is the page's own (bench/page.js). A phone is a narrow screen
and a processor made four times slower.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.figures import Figure, Run, run_of
from bench.stack import BenchStack
from tests import browser as chromium

SEATS = 600
_OPENINGS = 8
_LOCKS = 100
_HELD = ", on hold"
_SCRIPTS = Path(__file__).parent


@dataclass(frozen=True)
class Device:
    """A kind of screen. `slower` divides the processor's speed."""

    name: str
    width: int
    height: int
    slower: int


DEVICES = (Device("desktop", 1280, 800, 1), Device("phone, 4x slower", 360, 740, 4))


def against_bare_rectangles(bench: BenchStack) -> Iterator[Figure]:
    """Measure the first paint of the map, and of another customer's lock, on each device."""
    showtime = bench.open_showtime(SEATS)
    with _browser() as browser:
        for device in DEVICES:
            maps, bare_maps, locks, bare_locks = _measure(bench, browser, device, showtime)
            name = f"{SEATS} seats, {device.name}"
            yield Figure(f"answer to painted map, {name}", maps, bare_maps, f"{SEATS} bare rectangles", by="p50")
            within = sum(lock["frames"] <= 1 for lock in locks)
            took = run_of(lock["painted"] - lock["heard"] for lock in locks)
            yield Figure(
                f"message to painted lock, {name}",
                took,
                bare_locks,
                f"one bare rectangle; in the next frame {within} of {len(locks)}, later {len(locks) - within}",
                by="p50",
            )


def paint_of(bench: BenchStack, seats: int) -> Run:
    """Measure from the answer to the painted map, on a desktop, for an auditorium of that many seats."""
    showtime = bench.open_showtime(seats)
    with _browser() as browser:
        return run_of(_paint(bench, browser, DEVICES[0], showtime, seats) for _ in range(_OPENINGS))


def _measure(
    bench: BenchStack, browser: Browser, device: Device, showtime: int
) -> tuple[Run, Run, list[dict[str, float]], Run]:
    """Measure everything on one device: painted maps, bare ones, locks as page.js notes them, bare ones."""
    maps: list[float] = []
    bare: list[dict[str, Any]] = []
    for _ in range(_OPENINGS):
        maps.append(_paint(bench, browser, device, showtime, SEATS))
        with _page(browser, device) as page:
            page.set_content("<!doctype html><body></body>")
            bare.append(page.evaluate(_script("page_bare.js"), {"seats": SEATS, "changes": _LOCKS // _OPENINGS}))
    with _page(browser, device) as page:
        _open(bench, page, showtime, SEATS)
        expect(page.get_by_text("Live", exact=True)).to_be_attached()
        page.wait_for_timeout(1_000)
        _lock_seats(bench, showtime)
        page.wait_for_timeout(500)
        locks: list[dict[str, float]] = page.evaluate("bench.locks")
    assert len(locks) > _LOCKS * 0.9, f"only {len(locks)} of {_LOCKS} locks were seen"
    return (
        run_of(maps),
        run_of(each["map"] for each in bare),
        locks,
        run_of(lock for each in bare for lock in each["locks"]),
    )


def _paint(bench: BenchStack, browser: Browser, device: Device, showtime: int, seats: int) -> float:
    """Open the seats in a fresh browser; return the milliseconds from the answer to their paint."""
    with _page(browser, device) as page:
        _open(bench, page, showtime, seats)
        noted = page.evaluate("bench")
        return float(noted["mapPainted"] - noted["responses"][0])


def _open(bench: BenchStack, page: Page, showtime: int, seats: int) -> None:
    page.add_init_script(f"window.benchSeats = {seats}; window.benchHeld = {json.dumps(_HELD)};")
    page.add_init_script(_script("page.js"))
    page.goto(f"{bench.stack.config.app_url}/showtimes/{showtime}")
    page.wait_for_function("bench.mapPainted !== null")


def _lock_seats(bench: BenchStack, showtime: int) -> None:
    """Lock and release one seat after the other, not in step with the browser's frames."""
    rng = random.Random(7)
    claims = '{"role":"authenticated","sub":"00000000-0000-4000-8000-000000000001"}'
    with psycopg.connect(bench.stack.cluster.url(), autocommit=True) as customer:
        customer.execute("select set_config('request.jwt.claims', %s, false)", [claims])
        seats = customer.execute(
            "select s.id from public.seats s join public.showtimes t using (auditorium_id) where t.id = %s", [showtime]
        ).fetchall()
        for (seat,) in rng.sample(seats, _LOCKS):
            customer.execute("select public.lock_seats(%s, %s)", [showtime, [seat]])
            time.sleep(rng.uniform(0.08, 0.16))
            customer.execute("select public.release_seats(%s)", [showtime])
            time.sleep(rng.uniform(0.04, 0.08))


def _script(name: str) -> str:
    return (_SCRIPTS / name).read_text()


@contextmanager
def _browser() -> Generator[Browser]:
    path = chromium.executable()
    if path is None:
        raise RuntimeError(chromium.MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def _page(browser: Browser, device: Device) -> Generator[Page]:
    """Open a page in a browser context of its own: nothing is cached."""
    context = browser.new_context(viewport={"width": device.width, "height": device.height}, locale="en-GB")
    page = context.new_page()
    if device.slower > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": device.slower})  # pyright: ignore[reportUnknownMemberType]
    yield page
    context.close()
