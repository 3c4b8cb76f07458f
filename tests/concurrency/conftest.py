"""Fixtures for calls that run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from tests.concurrency.parallel import Start


@pytest.fixture
def database_url(database_url: str) -> str:
    """A fresh Frontrow database in which no call waits for ever, should a test fail while it holds a lock."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("alter database {} set statement_timeout = '20s'").format(name))
    return database_url


@pytest.fixture
def start() -> Iterator[Start]:
    """Runs functions on threads of their own."""
    with ThreadPoolExecutor(128) as threads:
        yield threads.submit
