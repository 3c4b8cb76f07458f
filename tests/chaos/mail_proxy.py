"""An unreliable mail server before the real catcher: it forwards emails, or refuses them, or hangs up.

It follows SMTP just far enough to know where in an email it is. A connection's fault is drawn when it opens.
"""

from __future__ import annotations

import random
import socket
import socketserver
import threading
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from tests.chaos.counters import Counters

FAULTS: Final = (
    "421 at the greeting",
    "451 at MAIL",
    "550 at RCPT",
    "554 after DATA",
    "hangs up before it took it",
    "hangs up after it took it",
)
_REPLIES: Final = {
    "421 at the greeting": (b"", b"421 4.3.2 Too busy\r\n"),
    "451 at MAIL": (b"MAIL", b"451 4.7.1 Try again later\r\n"),
    "550 at RCPT": (b"RCPT", b"550 5.1.1 No such mailbox here\r\n"),
}
_SHARE: Final = 0.4
_SECONDS: Final = 20.0


class _HungUpError(Exception):
    """One side is gone."""


class MailProxy:
    """Listens on a free port of 127.0.0.1 while the block lasts, and forwards to another port."""

    def __init__(self, forward_to: int, counters: Counters, rng: random.Random) -> None:
        self.forward_to = forward_to
        self.flaky = False
        self._counters = counters
        self._rng = rng
        self._lock = threading.Lock()
        self._deck: list[str] = []
        self._server = _Server(self)

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="mail proxy", daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def draw(self) -> str | None:
        """Draw the fault of the next connection from a shuffled deck, so that a short run sees each."""
        with self._lock:
            if not self.flaky or self._rng.random() >= _SHARE:
                return None
            if not self._deck:
                self._deck = list(FAULTS)
                self._rng.shuffle(self._deck)
            return self._deck.pop()

    def injected(self, fault: str) -> None:
        """Count a fault that took effect."""
        self._counters.fault(f"mail: {fault}")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, proxy: MailProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Connection)


class _Connection(socketserver.StreamRequestHandler):
    timeout = _SECONDS

    def handle(self) -> None:
        proxy = cast(_Server, self.server).proxy
        try:
            with (
                socket.create_connection(("127.0.0.1", proxy.forward_to), timeout=_SECONDS) as upstream,
                upstream.makefile("rwb") as server,
            ):
                _converse(proxy, cast(BinaryIO, self.rfile), cast(BinaryIO, self.wfile), cast(BinaryIO, server))
        except (OSError, _HungUpError):
            return  # the client sees a closed connection, as it would with any mail server that dies


def _converse(proxy: MailProxy, client: BinaryIO, answer: BinaryIO, server: BinaryIO) -> None:
    """Pass commands and replies to and fro until one side leaves or the fault ends it."""
    fault = proxy.draw()
    at, refusal = _REPLIES.get(fault or "", (None, b""))
    greeting = _reply(server)
    if at == b"":
        proxy.injected(str(fault))
        _send(answer, refusal)
        return
    _send(answer, greeting)
    while True:
        command = _line(client)
        if at is not None and command.upper().startswith(at):
            proxy.injected(str(fault))
            _send(answer, refusal)
            return
        _send(server, command)
        reply = _reply(server)
        _send(answer, reply)
        if command.upper().startswith(b"DATA") and reply.startswith(b"354"):
            if not _email(proxy, fault, client, answer, server):
                return
        elif command.upper().startswith(b"QUIT"):
            return


def _email(proxy: MailProxy, fault: str | None, client: BinaryIO, answer: BinaryIO, server: BinaryIO) -> bool:
    """Take an email; whether the conversation goes on."""
    email = [_line(client)]
    while email[-1] != b".\r\n":
        email.append(_line(client))
    if fault == "554 after DATA":
        proxy.injected(fault)
        _send(answer, b"554 5.7.1 This email is refused\r\n")
        return False
    if fault == "hangs up before it took it":
        proxy.injected(fault)
        return False
    _send(server, b"".join(email))
    reply = _reply(server)
    if fault == "hangs up after it took it" and reply.startswith(b"250"):
        proxy.injected(fault)
        return False
    _send(answer, reply)
    return True


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise _HungUpError
    return line


def _reply(server: BinaryIO) -> bytes:
    """A reply, which may have several lines: all but the last have a hyphen after the code."""
    lines = [_line(server)]
    while lines[-1][3:4] == b"-":
        lines.append(_line(server))
    return b"".join(lines)


def _send(stream: BinaryIO, data: bytes) -> None:
    stream.write(data)
    stream.flush()
