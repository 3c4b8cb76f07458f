"""Proxies in front of the app. TRUSTED_PROXIES says how many there are; callers' addresses, by which limits count, are
right only if that is right."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

_log = logging.getLogger(__name__)

SIGNS: Final = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
"""Headers that proxies add."""
_OF_AN_ADDRESS: Final = ("X-Forwarded-For", "Forwarded")


def register(app: Flask, trusted: int, count: Callable[[], None]) -> None:
    """Take callers' addresses from that many proxies. With none, count the requests that seem to have come through one
    all the same, and warn of it once: each of its callers has its address then, and all share one limit."""
    if trusted:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted)
        return
    warned = threading.Lock()  # never released

    @app.before_request
    def look_for_a_proxy() -> None:  # pyright: ignore[reportUnusedFunction]
        # Anyone may send such a header; a proxy that belongs to us has no address of the Internet's.
        address = peer()
        if address is not None and not address.is_global and any(name in request.headers for name in _OF_AN_ADDRESS):
            count()
            if warned.acquire(blocking=False):
                _log.warning(
                    "A proxy forwards requests but TRUSTED_PROXIES is 0, so all callers count as one address and share"
                    " its limits. Set TRUSTED_PROXIES to the number of your proxies."
                )


def peer() -> IPv4Address | IPv6Address | None:
    """Return the address at the other end of the connection, or what a trusted proxy says of it; None for a socket that
    has no address."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
