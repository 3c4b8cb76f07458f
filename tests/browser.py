"""The browser that tests, screenshots and benches look through: the machine's own Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil

# The shell draws into memory and has no window to keep: it takes about half the processor time of the whole browser.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

ARGUMENTS = [
    # Root, as in CI, gets no sandbox; only pages of this checkout are opened.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    # It calls home for nothing.
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

MISSING = "There is no Chromium here: on Debian, apt-get install chromium-headless-shell; or let CHROMIUM name one."


def executable() -> str | None:
    """Return the path of Chromium: what CHROMIUM names, or the first one on the path."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)
