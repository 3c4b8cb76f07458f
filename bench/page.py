"""What a viewer waits for: the seats after their answer, a stranger's lock after its message. In the browser itself.

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
from dev import browser as chromium

SEATS = 600
_OPENINGS = 8
_LOCKS = 100
_HELD = ", on hold"
_SCRIPTS = Path(__file__).parent


@dataclass(frozen=True)
class Device:
    """What somebody looks through. `slower` divides the processor's speed."""

    name: str
    width: int
    height: int
    slower: int


DEVICES = (Device("desktop", 1280, 800, 1), Device("phone, 4x slower", 360, 740, 4))


def against_bare_rectangles(place: BenchStack) -> Iterator[Figure]:
    """The map's first paint, and a foreign lock's, on each device."""
    showtime = place.open_showtime(SEATS)
    with _browser() as browser:
        for device in DEVICES:
            maps, bare_maps, locks, bare_locks = _look(place, browser, device, showtime)
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


def paint_of(place: BenchStack, seats: int) -> Run:
    """From the answer to the painted map, on a desktop, for a cinema of that many seats."""
    showtime = place.open_showtime(seats)
    with _browser() as browser:
        return run_of(_paint(place, browser, DEVICES[0], showtime, seats) for _ in range(_OPENINGS))


def _look(
    place: BenchStack, browser: Browser, device: Device, showtime: int
) -> tuple[Run, Run, list[dict[str, float]], Run]:
    """Everything on one device: painted maps, bare ones, locks as bench.js notes them, bare ones."""
    maps: list[float] = []
    bare: list[dict[str, Any]] = []
    for _ in range(_OPENINGS):
        maps.append(_paint(place, browser, device, showtime, SEATS))
        with _page(browser, device) as page:
            page.set_content("<!doctype html><body></body>")
            bare.append(page.evaluate(_script("page_bare.js"), {"seats": SEATS, "changes": _LOCKS // _OPENINGS}))
    with _page(browser, device) as page:
        _open(place, page, showtime, SEATS)
        expect(page.get_by_text("Live", exact=True)).to_be_attached()
        page.wait_for_timeout(1_000)
        _lock_seats(place, showtime)
        page.wait_for_timeout(500)
        locks: list[dict[str, float]] = page.evaluate("bench.locks")
    assert len(locks) > _LOCKS * 0.9, f"only {len(locks)} of {_LOCKS} locks were seen"
    return (
        run_of(maps),
        run_of(each["map"] for each in bare),
        locks,
        run_of(lock for each in bare for lock in each["locks"]),
    )


def _paint(place: BenchStack, browser: Browser, device: Device, showtime: int, seats: int) -> float:
    """Open the seats in a fresh browser; milliseconds from the answer to their paint."""
    with _page(browser, device) as page:
        _open(place, page, showtime, seats)
        noted = page.evaluate("bench")
        return float(noted["mapPainted"] - noted["responses"][0])


def _open(place: BenchStack, page: Page, showtime: int, seats: int) -> None:
    page.add_init_script(f"window.benchSeats = {seats}; window.benchHeld = {json.dumps(_HELD)};")
    page.add_init_script(_script("page.js"))
    page.goto(f"{place.stack.config.app_url}/showtimes/{showtime}")
    page.wait_for_function("bench.mapPainted !== null")


def _lock_seats(place: BenchStack, showtime: int) -> None:
    """Somebody takes and gives back one seat after the other, not in step with the browser's frames."""
    chance = random.Random(7)
    claims = '{"role":"authenticated","sub":"00000000-0000-4000-8000-000000000001"}'
    with psycopg.connect(place.stack.cluster.url(), autocommit=True) as customer:
        customer.execute("select set_config('request.jwt.claims', %s, false)", [claims])
        seats = customer.execute(
            "select s.id from public.seats s join public.showtimes t using (auditorium_id) where t.id = %s", [showtime]
        ).fetchall()
        for (seat,) in chance.sample(seats, _LOCKS):
            customer.execute("select public.lock_seats(%s, %s)", [showtime, [seat]])
            time.sleep(chance.uniform(0.08, 0.16))
            customer.execute("select public.release_seats(%s)", [showtime])
            time.sleep(chance.uniform(0.04, 0.08))


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
    """A page in a browser context of its own: nothing cached."""
    context = browser.new_context(viewport={"width": device.width, "height": device.height}, locale="en-GB")
    page = context.new_page()
    if device.slower > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": device.slower})  # pyright: ignore[reportUnknownMemberType]
    yield page
    context.close()
