"""What waits to be written to one socket, bounded, so that a slow reader costs nobody but itself."""

from __future__ import annotations

import asyncio
from collections import deque

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from dev.realtime.frames import Version

MAX_WAITING = 8 * 1024 * 1024
"""Bytes that may wait for one socket."""
STALLED_SECONDS = 10.0
"""How long a reader may take nothing at all."""
TOO_SLOW = 1013


class SocketOutbox:
    """Messages for one socket, in order. `send` and `close` never wait; `write` runs as a task of its own."""

    def __init__(self, websocket: WebSocket, version: Version) -> None:
        self._websocket = websocket
        self._version: Version = version
        self._waiting: deque[str | bytes] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._end: tuple[int, str] | None = None

    @property
    def version(self) -> Version:
        return self._version

    def send(self, data: str | bytes) -> None:
        if self._end is not None:
            return
        self._size += len(data)
        if self._size > MAX_WAITING:
            self._waiting.clear()
            self.close(TOO_SLOW, "You read more slowly than messages come; connect again.")
            return
        self._waiting.append(data)
        self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """Close the socket once what waits has been written."""
        if self._end is None:
            self._end = (code, reason)
            self._wake.set()

    async def write(self) -> None:
        """Write until closed. Raises WebSocketDisconnect when the socket is gone."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                data = self._waiting.popleft()
                self._size -= len(data)
                kind = "text" if isinstance(data, str) else "bytes"
                await self._websocket.send({"type": "websocket.send", kind: data})
            if self._end is not None:
                await self._websocket.close(*self._end)
                return


class ImpatientProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which would wait for ever for a reader that takes nothing; this one hangs up."""

    _stalled: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._calm()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._calm()

    def _calm(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
