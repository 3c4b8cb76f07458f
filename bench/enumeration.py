"""Compare the time of an answer about an address that has an owner and about one that nobody has:
`python -m bench.enumeration [ROUNDS]`, on its own stack.

Signs in with a wrong password, registers, forgets a password, and asks for another address, with each of the two in
turn, and compares them by Welch's t. Below 4.5, the threshold of those who look for leaks in cryptography, nothing was
seen.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping

import httpx
import psycopg

from bench.dataset import NO_LIMITS
from dev.config import LocalConfig, throwaway_folder
from dev.stack import Stack

_PARTS = ("postgres", "postgrest", "gateway", "stripe", "api")
_KNOWN, _UNKNOWN = "known@example.com", "nobody@example.com"
_PASSWORD = "correct horse battery"  # noqa: S105 - of accounts that live for minutes
_SUSPICIOUS = 4.5
_NO_LIMITS_ON_EMAILS = """
update private.settings set account_emails_per_recipient = null, account_emails_per_address = null where true
"""
_PROVED = "update public.users set email_verified_at = private.now() where email = %s"
_FORGET_STRANGERS = "delete from public.users where email = %s and email_verified_at is null"
"""So that the unknown address stays unknown, and both lead to as many accounts as before."""

Ask = Callable[[httpx.Client, str, str], httpx.Response]


def _sign_in(client: httpx.Client, email: str, _token: str) -> httpx.Response:
    return client.post("/api/auth/login", json={"email": email, "password": "wrong horse battery"})


def _register(client: httpx.Client, email: str, _token: str) -> httpx.Response:
    return client.post("/api/auth/register", json={"email": email, "password": _PASSWORD, "full_name": "Eve"})


def _forget(client: httpx.Client, email: str, _token: str) -> httpx.Response:
    return client.post("/api/auth/forgot", json={"email": email})


def _change(client: httpx.Client, email: str, token: str) -> httpx.Response:
    body = {"password": _PASSWORD, "email": email}
    return client.post("/api/auth/change-email", json=body, headers={"Authorization": f"Bearer {token}"})


_ASKED: Mapping[str, tuple[Ask, int]] = {
    "login": (_sign_in, 401),
    "register": (_register, 201),
    "forgot": (_forget, 202),
    "change-email": (_change, 202),
}


def measure(
    client: httpx.Client, owner: psycopg.Connection[tuple[object, ...]], what: str, token: str, rounds: int
) -> tuple[list[float], list[float]]:
    """Time so many answers about each of the two, in milliseconds."""
    ask, status = _ASKED[what]
    times: dict[str, list[float]] = {_KNOWN: [], _UNKNOWN: []}
    for number in range(rounds):
        for email in (_KNOWN, _UNKNOWN) if number % 2 else (_UNKNOWN, _KNOWN):
            client.cookies.clear()
            began = time.perf_counter()
            answer = ask(client, email, token)
            times[email].append((time.perf_counter() - began) * 1000)
            assert answer.status_code == status, answer.text
            owner.execute(_FORGET_STRANGERS, [email])
    return times[_KNOWN], times[_UNKNOWN]


def welch(one: list[float], other: list[float]) -> float:
    """Return how many standard errors the means are apart."""
    variance = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return abs(statistics.fmean(one) - statistics.fmean(other)) / variance**0.5


def _report(what: str, known: list[float], unknown: list[float]) -> bool:
    """Print one comparison; True where the two differ."""
    apart = welch(known, unknown)
    print(
        f"{what:12} known {statistics.median(known):7.2f} ms, unknown {statistics.median(unknown):7.2f} ms (medians), "
        f"t = {apart:4.2f}: {'they differ' if apart > _SUSPICIOUS else 'no difference seen'} in {len(known)} of each"
    )
    return apart > _SUSPICIOUS


def main() -> int:
    """Run it; 1 when any two differ."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    differ = False
    with throwaway_folder() as folder:
        stack = Stack(LocalConfig.throwaway(folder), parts=_PARTS, seed=False, ephemeral=True)
        with (
            stack,
            psycopg.connect(stack.cluster.url(), autocommit=True) as owner,
            httpx.Client(base_url=stack.config.api_url, timeout=30) as client,
        ):
            owner.execute(NO_LIMITS)
            owner.execute(_NO_LIMITS_ON_EMAILS)
            for email in (_KNOWN, "mallory@example.com"):
                body = {"email": email, "password": _PASSWORD, "full_name": "Known"}
                token = client.post("/api/auth/register", json=body).raise_for_status().json()["access_token"]
                owner.execute(_PROVED, [email])
            for what in _ASKED:
                differ |= _report(what, *measure(client, owner, what, token, rounds))
        stack.cluster.erase()
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
