"""Rows of realtime.messages, after commit and in commit order, through a temporary logical slot.

psycopg has no replication protocol, but libpq underneath has the one mode that it needs (COPY in both directions).
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
from collections.abc import Callable, Generator
from contextlib import contextmanager

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from dev.realtime.pgoutput import Commit, Insert, Reader, Row

logger = logging.getLogger(__name__)

PUBLICATION = "supabase_realtime_messages"
_REPORT_SECONDS = 10.0
_BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)


class Replication:
    """Follows the database for ever and hands each inserted row to `deliver`; comes back by itself when cut off.

    What is committed while it is cut off is lost, as with the real server: clients read the state again.
    """

    def __init__(self, database_url: str, deliver: Callable[[Row], None]) -> None:
        self._conninfo = make_conninfo(
            database_url, replication="database", application_name="realtime", connect_timeout=5
        )
        self._deliver = deliver
        self._slot = f"frontrow_realtime_{os.getpid()}"
        self.ready = False
        """Whether a message committed from now on will be delivered."""

    async def run(self) -> None:
        """Follow until cancelled."""
        failures, said = 0, ""
        while True:
            try:
                await self._follow()
            except (psycopg.Error, ValueError, OSError) as error:
                failures = 0 if self.ready else failures + 1
                words = str(error).partition("\n")[0]
                if self.ready or words != said:  # a database that is down is worth one line, not one a second
                    logger.warning("Replication is cut off: %s", words)
                said = words
            finally:
                self.ready = False
            await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])

    async def _follow(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        try:
            stream = _Stream(connection.pgconn)
            with stream.watched():
                await stream.command(
                    f"CREATE_REPLICATION_SLOT {self._slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT"
                )
                await stream.command(
                    f"START_REPLICATION SLOT {self._slot} LOGICAL 0/0 "
                    f"(proto_version '1', publication_names '{PUBLICATION}')"
                )
                self.ready = True
                await self._read(stream)
        finally:
            await connection.close()

    async def _read(self, stream: _Stream) -> None:
        reader, settled, inside = Reader(), 0, False
        while True:
            message = await stream.receive(_REPORT_SECONDS)
            if message is None:
                stream.report(settled)
            elif message[:1] == b"k":
                end, _time, asked = struct.unpack_from(">QqB", message, 1)
                # Log that holds nothing for us passes by too; unless it is reported, the server keeps it.
                settled = settled if inside else max(settled, end)
                if asked:
                    stream.report(settled)
            elif message[:1] == b"w":
                inside = True
                match reader.read(message[25:]):
                    case Insert("realtime.messages", row):
                        self._deliver(row)
                        await asyncio.sleep(0)  # let the sockets write before the next row
                    case Commit(end):
                        settled, inside = end, False
                    case _:
                        pass


class _Stream:
    """One replication connection, driven by the event loop."""

    def __init__(self, connection: pq.abc.PGconn) -> None:
        self._connection = connection
        self._readable = asyncio.Event()

    @contextmanager
    def watched(self) -> Generator[None]:
        loop, socket = asyncio.get_running_loop(), self._connection.socket
        loop.add_reader(socket, self._readable.set)
        try:
            yield
        finally:
            loop.remove_reader(socket)

    async def command(self, text: str) -> None:
        """Run one replication command. Raises psycopg.OperationalError with the server's words."""
        self._connection.send_query(text.encode())
        while self._connection.is_busy():
            await self._wait(None)
        result = self._connection.get_result()
        if result is None or result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COPY_BOTH):
            raise psycopg.OperationalError(result.get_error_message() if result else "no answer")
        while result.status == pq.ExecStatus.TUPLES_OK and self._connection.get_result() is not None:
            pass

    async def receive(self, seconds: float) -> bytes | None:
        """The next message; None after that many seconds of silence."""
        while True:
            size, data = self._connection.get_copy_data(1)
            if size > 0:
                return bytes(data)
            if size < 0:
                result = self._connection.get_result()
                words = result.get_error_message() if result else ""
                raise psycopg.OperationalError(words or "the server ended the stream")
            try:
                await self._wait(seconds)
            except TimeoutError:
                return None

    def report(self, position: int) -> None:
        """Tell the server that everything before that position is done with."""
        status = struct.pack(">cQQQqB", b"r", position, position, position, 0, 0)
        self._connection.put_copy_data(status)
        self._connection.flush()

    async def _wait(self, seconds: float | None) -> None:
        await asyncio.wait_for(self._readable.wait(), seconds)
        self._readable.clear()
        self._connection.consume_input()
