"""What waits to be written to one socket, bounded, so that a slow reader delays nobody else."""

from __future__ import annotations

import asyncio
from collections import deque

from starlette.websockets import WebSocket

from dev.realtime.frames import Version

_MAX_WAITING = 8 * 1024 * 1024
"""Bytes that may wait for one socket."""
_TOO_SLOW = 1013


class SocketOutbox:
    """Messages for one socket, in order. `send` and `close` never wait; `write` runs as a task of its own."""

    def __init__(self, websocket: WebSocket, version: Version) -> None:
        self.version: Version = version
        self._websocket = websocket
        self._waiting: deque[str | bytes] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._end: tuple[int, str] | None = None

    def send(self, data: str | bytes) -> None:
        """Queue a message, or close a socket that reads more slowly than messages come."""
        if self._end is not None:
            return
        self._size += len(data)
        if self._size > _MAX_WAITING:
            self._waiting.clear()
            self.close(_TOO_SLOW, "You read more slowly than messages come; connect again.")
            return
        self._waiting.append(data)
        self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """Close the socket once what waits has been written."""
        self._end = self._end or (code, reason)
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
