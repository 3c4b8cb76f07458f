"""Authorization on private topics: row security on realtime.messages decides, asked with rows never kept."""

from __future__ import annotations

import json
import logging
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from dev.realtime.tokens import Claims, RefusalError

logger = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

Access = frozenset[str]
"""The extensions that are allowed."""
EVERYTHING: Access = frozenset({"broadcast", "presence"})
NOTHING: Access = frozenset()

_ROLES = {"anon", "authenticated", "service_role"}
_IMPERSONATE = (
    "select set_config('role', %s, true), set_config('realtime.topic', %s, true), "
    "set_config('request.jwt.claims', %s, true), set_config('statement_timeout', '5s', true)"
)
_INSERT = "insert into realtime.messages (topic, extension, id) values (%s, %s, %s)"
_SELECT = "select extension from realtime.messages where topic = %s and id = any(%s)"


class DatabaseUnavailableError(RefusalError):
    """The database does not answer."""

    def __init__(self) -> None:
        super().__init__("UnableToConnectToProject", "Realtime was unable to connect to the project database")


class Database:
    """Questions to the database. Each raises DatabaseUnavailableError when it does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def maintain_partitions(self) -> None:
        """Create the coming days' partitions of realtime.messages, drop those that are too old."""
        try:
            async with self._pool.connection() as connection:
                await connection.execute("select realtime.maintain_partitions()")
        except psycopg.Error as error:
            raise DatabaseUnavailableError from error

    async def access(self, topic: str, claims: Claims, *, write: bool) -> Access:
        """Impersonate the client and try to insert (`write`) or to see a row of each extension, none of which stays."""
        if claims["role"] not in _ROLES:
            return NOTHING
        client, rows = (claims["role"], topic, json.dumps(claims)), [(topic, name, uuid4()) for name in EVERYTHING]
        try:
            async with self._pool.connection() as connection, connection.transaction(force_rollback=True):
                if write:
                    await connection.execute(_IMPERSONATE, client)
                    return Access([row[1] for row in rows if await _inserts(connection, row)])
                for row in rows:
                    await connection.execute(_INSERT, row)
                await connection.execute(_IMPERSONATE, client)
                seen = await connection.execute(_SELECT, (topic, [row[2] for row in rows]))
                return Access([extension for (extension,) in await seen.fetchall()])
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError from error
        except (psycopg.Error, UnicodeEncodeError) as error:  # a policy that fails allows nothing, there as here
            logger.warning("The policies of realtime.messages failed for topic %r: %s", topic, error)
            return NOTHING


async def _inserts(connection: Connection, row: tuple[str, str, UUID]) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(_INSERT, row)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True
