"""What a client may do on a private topic: row security on realtime.messages decides, asked with rows never kept."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from dev.realtime.tokens import Claims, RefusalError

logger = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

_ROLES = {"anon", "authenticated", "service_role"}
_EXTENSIONS = ("broadcast", "presence")
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


@dataclass(frozen=True)
class Access:
    """What is allowed, by extension."""

    broadcast: bool
    presence: bool


NOTHING = Access(broadcast=False, presence=False)
EVERYTHING = Access(broadcast=True, presence=True)


class Database:
    """Questions to the database. Each raises DatabaseUnavailableError when it does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def may_read(self, topic: str, claims: Claims) -> Access:
        """Insert a row of each extension, impersonate the client, and see which of the two it sees."""
        return await self._probe(topic, claims, write=False)

    async def may_write(self, topic: str, claims: Claims) -> Access:
        """Impersonate the client and try to insert a row of each extension."""
        return await self._probe(topic, claims, write=True)

    async def maintain_partitions(self) -> None:
        """Create the coming days' partitions of realtime.messages, drop those that are too old."""
        try:
            async with self._pool.connection() as connection:
                await connection.execute("select realtime.maintain_partitions()")
        except psycopg.Error as error:
            raise DatabaseUnavailableError from error

    async def _probe(self, topic: str, claims: Claims, *, write: bool) -> Access:
        if claims["role"] not in _ROLES:
            return NOTHING
        client, rows = (claims["role"], topic, json.dumps(claims)), [(topic, name, uuid4()) for name in _EXTENSIONS]
        try:
            async with self._pool.connection() as connection, connection.transaction(force_rollback=True):
                if write:
                    await connection.execute(_IMPERSONATE, client)
                    return Access(*[await _inserts(connection, row) for row in rows])
                for row in rows:
                    await connection.execute(_INSERT, row)
                await connection.execute(_IMPERSONATE, client)
                seen = await (await connection.execute(_SELECT, (topic, [row[2] for row in rows]))).fetchall()
                return Access(*[(name,) in seen for name in _EXTENSIONS])
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
