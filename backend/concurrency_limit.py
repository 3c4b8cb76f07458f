"""So many requests at a time in one process, and no more: whoever comes when all places are taken is told to come back.

A queue would make everybody wait for what nobody waits for any longer. gunicorn's threads outnumber the places, so that
there is always one left to say so, and for what is never turned away: news of money, and questions after our health.
"""

from __future__ import annotations

import threading

from flask import Flask, g, request

from backend.errors import ApiError

MAX_CONCURRENT = 8
_RETRY_AFTER_SECONDS = 2
_ALWAYS_OPEN = ("webhook.", "health.")


def register(app: Flask, places: int = MAX_CONCURRENT) -> None:
    """Answer busy when that many requests are in progress."""
    gate = threading.BoundedSemaphore(places)

    @app.before_request
    def enter() -> None:  # pyright: ignore[reportUnusedFunction]
        if (request.endpoint or "").startswith(_ALWAYS_OPEN):
            return
        if not gate.acquire(blocking=False):
            raise ApiError("busy", retry_after=_RETRY_AFTER_SECONDS)
        g.has_place = True

    @app.teardown_request
    def leave(_: BaseException | None) -> None:  # pyright: ignore[reportUnusedFunction]
        if g.pop("has_place", False):
            gate.release()
