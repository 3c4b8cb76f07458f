"""Where a request comes from, for the limits on attempts."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from flask import request


def client_address() -> str:
    """Return the address that the limits count by: IPv4, or the /64 that one IPv6 customer has alone."""
    address = visitor()
    if address is None:
        return "unknown"
    if address.version == 6:
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((address, 64), strict=False))
    return str(address)


def visitor() -> IPv4Address | IPv6Address | None:
    """Return the visitor's own address; None where a proxy says nonsense."""
    try:
        return ip_address(request.remote_addr or "")
    except ValueError:
        return None
