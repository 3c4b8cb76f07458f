"""`make screenshots`: every page at two widths, light and dark. Those that docs/screenshots has are replaced there, the
others go to .local/screenshots.

Nothing but the QR code differs from run to run on one machine. Fonts are the machine's own: Debian's fonts-inter and
fonts-urw-base35 come closest to what readers have.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FloatRect, Page, sync_playwright

from dev.config import ROOT, LocalConfig, throwaway_folder
from dev.stack import Stack
from tests import browser as chromium
from tests.screenshots.fixtures import ADA, NOW, PASSWORD, Fixtures, set_up

_SHOWN, _OTHERS = ROOT / "docs" / "screenshots", ROOT / ".local" / "screenshots"
WINDOWS = {360: 740, 1280: 800}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

_CLOCK = f"""
globalThis.Date = class extends Date {{
  constructor(...given) {{ super(...(given.length > 0 ? given : [{NOW.timestamp() * 1000:.0f}])); }}
  static now() {{ return {NOW.timestamp() * 1000:.0f}; }}
}};
"""
"""Stops the browser's clock, and no timer, as Playwright's own would in part."""


def _open_seat_list(page: Page) -> None:
    show = page.get_by_role("button", name="Show seats")
    if show.is_visible():
        show.click()


@dataclass(frozen=True)
class Shot:
    """One page: its name, its path, who looks at it, and how much of it is shown."""

    name: str
    path: Callable[[Fixtures], str]
    signed_in: bool = True
    most: int = 0
    """Pixels that it may be high; 0 shows what the window shows."""
    then: Callable[[Page], None] = lambda _: None


SHOTS = [
    Shot("films", lambda _: "/", signed_in=False, most=1350),
    Shot("films-none", lambda _: "/?q=zardoz", signed_in=False, most=1500),
    Shot("film", lambda fixtures: f"/films/{fixtures.film}", signed_in=False, most=1800),
    Shot("seats", lambda fixtures: f"/showtimes/{fixtures.seats}", signed_in=False, most=1500),
    Shot("sign-in", lambda _: "/sign-in", signed_in=False),
    Shot(
        "register", lambda _: "/register", signed_in=False, then=lambda page: page.locator("form [type=submit]").click()
    ),
    Shot("ticket", lambda fixtures: f"/bookings/{fixtures.booked}", most=1000),
    Shot(
        "cancelling",
        lambda fixtures: f"/bookings/{fixtures.booked}",
        then=lambda page: _press(page, "Cancel this booking"),
    ),
    Shot("cancelled", lambda fixtures: f"/bookings/{fixtures.cancelled}", most=1500),
    Shot("tickets", lambda _: "/bookings", most=1500),
    Shot("not-found", lambda _: "/nowhere", signed_in=False),
    # From here on the bar of held seats goes along.
    Shot("seats-held", lambda fixtures: f"/showtimes/{fixtures.held}"),
    Shot("seats-chosen", lambda fixtures: f"/showtimes/{fixtures.held}", then=_open_seat_list),
    Shot("seats-list", lambda fixtures: f"/showtimes/{fixtures.held}", then=lambda page: _press(page, "List")),
    Shot("account", lambda _: "/account"),
    # Last: the bar of a booking that awaits payment would go along to the tickets.
    Shot("checkout", lambda fixtures: f"/checkout/{fixtures.pending}", most=1500),
]


def main(names: list[str]) -> int:
    """Take all of them, or those that are named; the exit status."""
    path = chromium.executable()
    if path is None:
        print(chromium.MISSING, file=sys.stderr)
        return 1
    _OTHERS.mkdir(parents=True, exist_ok=True)
    with throwaway_folder() as local:
        with Stack(LocalConfig.throwaway(local, ui="built"), seed=False, ephemeral=True) as stack:
            fixtures = set_up(stack)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
                take(browser, stack, fixtures, [shot for shot in SHOTS if not names or shot.name in names])
        stack.cluster.erase()
    return 0


def take(browser: Browser, stack: Stack, fixtures: Fixtures, shots: list[Shot]) -> None:
    """Take each shot in each window and scheme."""
    for width in WINDOWS:
        for signed_in in (False, True):
            with _window(browser, stack, width, signed_in=signed_in) as page:
                for shot in (shot for shot in shots if shot.signed_in == signed_in):
                    page.goto(shot.path(fixtures))
                    _settle(page)
                    shot.then(page)
                    _settle(page)
                    _write(page, shot, width)
                    if shot.name == "ticket":
                        _print(page, width)


@contextmanager
def _window(browser: Browser, stack: Stack, width: int, *, signed_in: bool) -> Generator[Page]:
    phone = width < 500
    context = browser.new_context(
        base_url=stack.config.app_url,
        viewport={"width": width, "height": WINDOWS[width]},
        device_scale_factor=2 if phone else 1,
        is_mobile=phone,
        has_touch=phone,
        locale="en-GB",
        timezone_id="Europe/Vienna",
        reduced_motion="reduce",
    )
    if signed_in:
        _sign_in(context, stack)
    context.set_default_timeout(90_000)
    context.add_init_script(_CLOCK)
    page = context.new_page()
    # Room for a scroll bar that no picture shows.
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => (document.documentElement.style.scrollbarGutter = 'auto'))"
    )
    yield page
    context.close()


def _sign_in(context: BrowserContext, stack: Stack) -> None:
    answer = context.request.post(
        f"{stack.config.api_url}/api/auth/login",
        data={"email": ADA, "password": PASSWORD},
        headers={"Origin": stack.config.app_url},
    )
    if not answer.ok:
        raise RuntimeError(f"Ada cannot sign in: {answer.text()}")


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def _settle(page: Page) -> None:
    """Wait until nothing is loading and no skeleton is shown."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function("!document.querySelector('[data-skeleton]')")


def _write(page: Page, shot: Shot, width: int) -> None:
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        clip = None
        if shot.most:
            height = page.evaluate("document.documentElement.scrollHeight")
            clip = FloatRect(x=0, y=0, width=width, height=min(shot.most, height))
        picture = page.screenshot(full_page=clip is not None, animations="disabled", clip=clip)
        _keep(picture, f"{shot.name}-{width}-{scheme}.png")


def _print(page: Page, width: int) -> None:
    """Take the ticket as it is printed, on A4 at 96 dots an inch."""
    if width < 500:
        return
    window = page.viewport_size
    page.emulate_media(media="print", color_scheme="light")
    page.set_viewport_size({"width": 794, "height": 1123})
    _keep(page.screenshot(), "ticket-print.png")
    page.emulate_media(media="screen")
    if window:
        page.set_viewport_size(window)


def _keep(picture: bytes, name: str) -> None:
    """Save it with 256 colors, which look the same in a third of the bytes."""
    file = (_SHOWN if (_SHOWN / name).exists() else _OTHERS) / name
    with Image.open(BytesIO(picture)) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.relative_to(ROOT)} ({file.stat().st_size // 1024} kB)", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
