"""The application: routes, and what runs as long as it does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dev.realtime.authorization import Database, DatabaseUnavailableError
from dev.realtime.channels import Hub
from dev.realtime.frames import Broadcast, FrameError, Version
from dev.realtime.http import Endpoints
from dev.realtime.rates import Rate
from dev.realtime.replication import Replication, Row
from dev.realtime.session import MAX_PAYLOAD, Services, Session
from dev.realtime.settings import Settings
from dev.realtime.tokens import Verifier

logger = logging.getLogger(__name__)

_MAX_WAITING = 8 * 1024 * 1024
"""Bytes that may wait for one socket, so that a slow reader delays nobody else."""
_TOO_SLOW = 1013


def create_app(settings: Settings) -> Starlette:
    """Make the server for one database. Nothing is connected before it starts."""
    hub = Hub(Rate(settings.max_messages_per_second))
    replication = Replication(settings.database_url, lambda row: deliver(hub, row))
    pool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]](
        settings.database_url,
        min_size=1,
        max_size=4,
        open=False,
        timeout=10.0,
        reconnect_timeout=2.0,  # then the next question tries at once, where a longer series would make it wait
        kwargs={"autocommit": True, "application_name": "realtime", "connect_timeout": 3},
        check=AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]].check_connection,
    )
    database, joins = Database(pool), Rate(settings.max_joins_per_second)
    services = Services(hub, database, Verifier(settings.keys), joins, lambda: replication.ready)
    endpoints = Endpoints(services)

    async def socket(websocket: WebSocket) -> None:
        await _serve(websocket, services)

    async def health(_request: Request) -> Response:
        return JSONResponse({"ready": replication.ready}, 200 if replication.ready else 503)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        await pool.open(wait=False)
        tasks = [asyncio.create_task(replication.run()), asyncio.create_task(_maintain_partitions(database))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await pool.close()

    routes: list[BaseRoute] = [
        WebSocketRoute("/websocket", socket),
        Route("/api/broadcast", endpoints.handle, methods=["POST"]),
        Route("/api/broadcast/{topic:path}/events/{event}", endpoints.handle, methods=["POST"]),
        Route("/health", health),
    ]
    # The gateway strips the public prefix; without one, clients come to it directly.
    return Starlette(routes=[Mount("/realtime/v1", routes=routes), *routes], lifespan=lifespan)


def deliver(hub: Hub, row: Row) -> None:
    """Send a row of realtime.messages to its topic's channels, unless it is no broadcast."""
    topic, event, payload, binary = (row[name] for name in ("topic", "event", "payload", "binary_payload"))
    if row["extension"] != "broadcast" or topic is None or event is None:
        return
    body = (payload or "null").encode() if binary is None else bytes.fromhex(binary.removeprefix("\\x"))
    if len(body) > MAX_PAYLOAD:
        logger.warning("A broadcast of %d bytes on topic %r exceeds the limit of 3 MB", len(body), topic)
        return
    hub.broadcast((topic, row["private"] == "t"), Broadcast(event, body, binary is None, {"id": row["id"]}))


class SocketOutbox:
    """Messages for one socket, in order. `send` and `close` never wait; `write` runs as a task of its own."""

    def __init__(self, websocket: WebSocket, version: Version) -> None:
        self.version: Version = version
        self._websocket = websocket
        self._waiting: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._size = 0
        self._end: tuple[int, str] | None = None

    def send(self, data: str | bytes) -> None:
        """Queue a message; close a socket that reads more slowly than messages come."""
        if self._end is None:
            self._size += len(data)
            self._waiting.put_nowait(data)
            if self._size > _MAX_WAITING:
                self.close(_TOO_SLOW, "You read more slowly than messages come; connect again.")

    def close(self, code: int, reason: str) -> None:
        """Close the socket once what waits has been written."""
        if self._end is None:
            self._end = (code, reason)
            self._waiting.put_nowait(None)

    async def write(self) -> None:
        """Write until closed. Raises WebSocketDisconnect when the socket is gone."""
        while (data := await self._waiting.get()) is not None:
            self._size -= len(data)
            kind = "text" if isinstance(data, str) else "bytes"
            await self._websocket.send({"type": "websocket.send", kind: data})
        if self._end is not None:
            await self._websocket.close(*self._end)


async def _serve(websocket: WebSocket, services: Services) -> None:
    version = websocket.query_params.get("vsn", "1.0.0")
    if version not in ("1.0.0", "2.0.0"):
        await websocket.close()  # before accepting, so it is answered 403
        return
    await websocket.accept()
    outbox = SocketOutbox(websocket, version)
    session = Session(outbox, services, websocket.query_params.get("apikey") or websocket.headers.get("apikey"))
    writer = asyncio.create_task(outbox.write())
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            data = message.get("text")
            try:
                await session.receive(message["bytes"] if data is None else data)
            except FrameError as error:  # passed over, there as here
                logger.info("A frame could not be read: %s", error)
    finally:
        session.end()
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, OSError):
            await writer


async def _maintain_partitions(database: Database) -> None:
    while True:
        with contextlib.suppress(DatabaseUnavailableError):
            await database.maintain_partitions()
        await asyncio.sleep(60)
