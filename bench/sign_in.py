"""Compare the time of a sign-in for known and unknown accounts: `python -m bench.sign_in [ROUNDS]`, on its own stack.

Signs in with a wrong password as somebody who is known and as somebody who is not, in turn, and compares the two by
Welch's t. Below 4.5, the threshold of those who look for leaks in cryptography, nothing was seen.
"""

from __future__ import annotations

import statistics
import sys
import time

import httpx
import psycopg

from bench.dataset import NO_LIMITS
from dev.config import LocalConfig, throwaway_folder
from dev.stack import Stack

_PARTS = ("postgres", "postgrest", "gateway", "stripe", "api")
_KNOWN, _UNKNOWN = "known@example.com", "nobody@example.com"
_SUSPICIOUS = 4.5


def measure(api_url: str, rounds: int) -> tuple[list[float], list[float]]:
    """Time so many sign-ins of each kind, in milliseconds."""
    times: dict[str, list[float]] = {_KNOWN: [], _UNKNOWN: []}
    with httpx.Client(base_url=api_url, timeout=30) as client:
        body = {"email": _KNOWN, "password": "correct horse battery", "full_name": "Known"}
        client.post("/api/auth/register", json=body).raise_for_status()
        for number in range(rounds):
            for email in (_KNOWN, _UNKNOWN) if number % 2 else (_UNKNOWN, _KNOWN):
                began = time.perf_counter()
                answer = client.post("/api/auth/login", json={"email": email, "password": "wrong horse battery"})
                times[email].append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 401, answer.text
    return times[_KNOWN], times[_UNKNOWN]


def welch(one: list[float], other: list[float]) -> float:
    """Return how many standard errors the means are apart."""
    variance = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return abs(statistics.fmean(one) - statistics.fmean(other)) / variance**0.5


def main() -> int:
    """Run it; 1 when the two differ."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with throwaway_folder() as folder:
        stack = Stack(LocalConfig.throwaway(folder), parts=_PARTS, seed=False, ephemeral=True)
        with stack:
            with psycopg.connect(stack.cluster.url()) as connection:
                connection.execute(NO_LIMITS)
            known, unknown = measure(stack.config.api_url, rounds)
        stack.cluster.erase()
    for name, times in (("known", known), ("unknown", unknown)):
        print(f"{name:8} median {statistics.median(times):7.2f} ms   mean {statistics.fmean(times):7.2f} ms")
    apart = welch(known, unknown)
    print(f"t = {apart:.2f}: {'they differ' if apart > _SUSPICIOUS else 'no difference seen'} in {rounds} of each")
    return int(apart > _SUSPICIOUS)


if __name__ == "__main__":
    sys.exit(main())
