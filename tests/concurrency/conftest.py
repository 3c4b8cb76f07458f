"""Fixtures for calls that run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.concurrency.parallel import Start


@pytest.fixture
def start() -> Iterator[Start]:
    """Runs functions on threads of their own."""
    with ThreadPoolExecutor(128) as threads:
        yield threads.submit
