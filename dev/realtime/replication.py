"""Rows of realtime.messages, after commit and in commit order, through a temporary logical slot.

A trigger with NOTIFY would be shorter, but its lock on commits would slow down what the stand-in watches.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

import psycopg
from psycopg import generators, pq
from psycopg.conninfo import make_conninfo

logger = logging.getLogger(__name__)

_COLUMNS = ("topic", "extension", "payload", "event", "private", "updated_at", "inserted_at", "id", "binary_payload")
_RECONNECT_SECONDS = 0.25

Row = dict[str, str | None]
"""Column name to its value in text form."""


class Replication:
    """Follows the database and hands each inserted row to `deliver`; reconnects by itself when cut off.

    What is committed while it is cut off is lost, as with the real server: clients read the state again.
    """

    def __init__(self, database_url: str, deliver: Callable[[Row], None]) -> None:
        self._conninfo = make_conninfo(database_url, replication="database", connect_timeout=5)
        self._deliver = deliver
        self.ready = False
        """True while a message that is committed now will be delivered."""

    async def run(self) -> None:
        """Follow until cancelled."""
        logged = ""
        while True:
            try:
                await self._follow()
            except (psycopg.Error, ValueError, OSError) as error:
                message = str(error).partition("\n")[0]
                if self.ready or message != logged:  # a database that is down is worth one line, not four a second
                    logger.warning("Replication is cut off: %s", message)
                logged = message
            finally:
                self.ready = False
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _follow(self) -> None:
        slot = f"frontrow_realtime_{os.getpid()}"
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        try:
            await _execute(connection, f"CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT")
            options = "proto_version '1', publication_names 'supabase_realtime_messages'"
            await _execute(connection, f"START_REPLICATION SLOT {slot} LOGICAL 0/0 ({options})")
            self.ready = True
            while True:
                message = await connection.wait(generators.copy_from(connection.pgconn))
                if not isinstance(message, memoryview):
                    raise psycopg.OperationalError("the server ended the stream")
                message = bytes(message)
                if message[:1] == b"k" and message[17]:  # a keepalive that asks how far we are
                    connection.pgconn.put_copy_data(b"r" + message[1:9] * 3 + bytes(9))
                    connection.pgconn.flush()
                elif message[25:26] == b"I":
                    self._deliver(read_insert(message[25:]))
                    await asyncio.sleep(0)  # let the sockets write before the next row
        finally:
            await connection.close()


async def _execute(connection: psycopg.AsyncConnection[tuple[object, ...]], command: str) -> None:
    connection.pgconn.send_query(command.encode())
    (result,) = await connection.wait(generators.execute(connection.pgconn))
    if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COPY_BOTH):
        raise psycopg.OperationalError(result.get_error_message())


def read_insert(message: bytes) -> Row:
    """Read pgoutput's Insert: `I`, table (4 bytes), `N`, number of columns (2 bytes), then each column's value."""
    values: list[str | None] = []
    position = 8
    while position < len(message):
        kind, position = message[position : position + 1], position + 1
        if kind == b"t":
            start = position + 4
            position = start + int.from_bytes(message[position:start], "big")
            values.append(message[start:position].decode())
        else:
            values.append(None)
    return dict(zip(_COLUMNS, values, strict=True))
