"""What a person may do on a private topic: row security on realtime.messages decides, asked with rows never kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from dev.realtime.frames import Broadcast
from dev.realtime.tokens import Claims

logger = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

_Question = Callable[[Connection, str, Claims], Awaitable["Access"]]

_ROLES = {"anon", "authenticated", "service_role"}
_BECOME = (
    "select set_config('role', %(role)s, true), set_config('realtime.topic', %(topic)s, true), "
    "set_config('request.jwt.claims', %(claims)s, true), set_config('statement_timeout', '5s', true)"
)


class DatabaseUnavailableError(Exception):
    """Realtime was unable to connect to the project database"""

    def __str__(self) -> str:
        return str(self.__doc__)


@dataclass(frozen=True)
class Access:
    """What is allowed, by extension."""

    broadcast: bool
    presence: bool


NOTHING = Access(broadcast=False, presence=False)
EVERYTHING = Access(broadcast=True, presence=True)


class Database:
    """Questions to the database about topics. Each raises DatabaseUnavailableError when it does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def may_read(self, topic: str, claims: Claims) -> Access:
        """Insert a row of each kind, become the person, and see which of the two they see."""
        return await self._probe(_read, topic, claims)

    async def may_write(self, topic: str, claims: Claims) -> Access:
        """Become the person and try to insert a row of each kind."""
        return await self._probe(_write, topic, claims)

    async def replay(self, topic: str, since: int, limit: int) -> list[Broadcast]:
        """The last `limit` private broadcasts of a topic since that time (Unix milliseconds), oldest first."""
        query = """
            select id::text, event, payload::text, binary_payload
            from realtime.messages
            where topic = %s and private and extension = 'broadcast' and event is not null
              and inserted_at >= to_timestamp(%s / 1000.0) at time zone 'utc'
            order by inserted_at desc limit %s
        """
        try:
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(query, (topic, since, limit))).fetchall()
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError from error
        return [
            Broadcast(
                event=event,
                body=binary if binary is not None else (payload or "null").encode(),
                is_json=binary is None,
                meta={"replayed": True, "id": name},
            )
            for name, event, payload, binary in reversed(rows)
        ]

    async def maintain_partitions(self) -> None:
        """Make the coming days' partitions of realtime.messages, drop those that are too old."""
        try:
            async with self._pool.connection() as connection:
                await connection.execute("select realtime.maintain_partitions()")
        except psycopg.Error as error:
            raise DatabaseUnavailableError from error

    async def _probe(self, ask: _Question, topic: str, claims: Claims) -> Access:
        if claims["role"] not in _ROLES:
            return NOTHING
        try:
            async with self._pool.connection() as connection, connection.transaction(force_rollback=True):
                return await ask(connection, topic, claims)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError from error
        except (psycopg.Error, UnicodeEncodeError) as error:  # a policy that fails allows nothing, there as here
            logger.warning("The policies of realtime.messages failed for topic %r: %s", topic, error)
            return NOTHING


async def _become(connection: Connection, topic: str, claims: Claims) -> None:
    await connection.execute(sql.SQL(_BECOME), {"role": claims["role"], "topic": topic, "claims": json.dumps(claims)})


async def _read(connection: Connection, topic: str, claims: Claims) -> Access:
    insert = (
        "insert into realtime.messages (topic, extension) values (%(topic)s, 'broadcast'), "
        "(%(topic)s, 'presence') returning id, extension"
    )
    rows = await (await connection.execute(insert, {"topic": topic})).fetchall()
    await _become(connection, topic, claims)
    seen = await connection.execute(
        "select extension from realtime.messages where topic = %s and id = any(%s)",
        (topic, [name for name, _ in rows]),
    )
    extensions = {extension for (extension,) in await seen.fetchall()}
    return Access(broadcast="broadcast" in extensions, presence="presence" in extensions)


async def _write(connection: Connection, topic: str, claims: Claims) -> Access:
    await _become(connection, topic, claims)
    allowed: dict[str, bool] = {}
    for extension in ("broadcast", "presence"):
        try:
            async with connection.transaction():
                await connection.execute(
                    "insert into realtime.messages (topic, extension) values (%s, %s)", (topic, extension)
                )
            allowed[extension] = True
        except psycopg.errors.InsufficientPrivilege:
            allowed[extension] = False
    return Access(**allowed)
