"""A limit on concurrent requests in one process: beyond it the answer is `busy`, with Retry-After.

A queue would keep requests whose clients have long given up. gunicorn's threads outnumber the limit, so that one is
always left to refuse, and for what is never refused: webhooks and health checks.
"""

from __future__ import annotations

import threading

from flask import Flask, g, request

from backend.errors import ApiError

MAX_CONCURRENT = 8
_RETRY_AFTER_SECONDS = 2
_NEVER_REFUSED = ("webhook.", "health.")


def register(app: Flask, limit: int = MAX_CONCURRENT) -> None:
    """Answer busy while that many requests are in progress."""
    slots = threading.BoundedSemaphore(limit)

    @app.before_request
    def acquire_slot() -> None:  # pyright: ignore[reportUnusedFunction]
        if (request.endpoint or "").startswith(_NEVER_REFUSED):
            return
        if not slots.acquire(blocking=False):
            raise ApiError("busy", retry_after=_RETRY_AFTER_SECONDS)
        g.has_slot = True

    @app.teardown_request
    def release_slot(_: BaseException | None) -> None:  # pyright: ignore[reportUnusedFunction]
        if g.pop("has_slot", False):
            slots.release()
