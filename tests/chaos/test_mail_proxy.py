"""The flaky mail server: each fault as a mail client meets it, and what the catcher behind it has then."""

from __future__ import annotations

import smtplib
import socketserver
import threading
from collections.abc import Iterator
from typing import BinaryIO, cast

import pytest

from tests.chaos import mail_proxy
from tests.chaos.counters import Counters, chance
from tests.chaos.mail_proxy import FAULTS, MailProxy


class Catcher(socketserver.StreamRequestHandler):
    """As little SMTP as it takes."""

    def handle(self) -> None:
        inbox = cast("list[bytes]", getattr(self.server, "inbox"))  # noqa: B009 - pyright knows no inbox
        reader = cast(BinaryIO, self.rfile)
        self.wfile.write(b"220 hello\r\n")
        while line := reader.readline().upper():
            if line.startswith(b"EHLO"):
                self.wfile.write(b"250-hello\r\n250 8BITMIME\r\n")
            elif line.startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                email = b""
                while (part := reader.readline()) != b".\r\n":
                    if not part:
                        return  # half an email is none
                    email += part
                inbox.append(email)
                self.wfile.write(b"250 taken\r\n")
            elif line.startswith(b"QUIT"):
                self.wfile.write(b"221 good bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")


@pytest.fixture
def catcher() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Catcher) as server:
        server.daemon_threads = True
        server.inbox = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def send(proxy: MailProxy) -> None:
    with smtplib.SMTP("127.0.0.1", proxy.port, timeout=10) as smtp:
        smtp.sendmail("a@example.com", ["b@example.com"], "Subject: hello\r\n\r\n.. and good bye\r\n")


@pytest.mark.parametrize(
    ("fault", "error", "arrives"),
    [
        ("421 at the greeting", smtplib.SMTPConnectError, False),
        ("451 at MAIL", smtplib.SMTPSenderRefused, False),
        ("550 at RCPT", smtplib.SMTPRecipientsRefused, False),
        ("554 after DATA", smtplib.SMTPDataError, False),
        ("hangs up before it took it", smtplib.SMTPServerDisconnected, False),
        ("hangs up after it took it", smtplib.SMTPServerDisconnected, True),
    ],
)
def test_fault_as_a_mail_client_meets_it(
    catcher: socketserver.ThreadingTCPServer,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    error: type[Exception],
    arrives: bool,
) -> None:
    monkeypatch.setattr(mail_proxy, "_SHARE", 1.0)
    monkeypatch.setattr(mail_proxy, "FAULTS", (fault,))
    counters = Counters()
    with MailProxy(catcher.server_address[1], counters, chance(1)) as proxy:
        proxy.flaky = True
        with pytest.raises(error):
            send(proxy)
        assert counters.faults == {f"mail: {fault}": 1}
        assert len(catcher.inbox) == arrives  # type: ignore[attr-defined]
        proxy.flaky = False
        send(proxy)
        assert catcher.inbox[-1] == b"Subject: hello\r\n\r\n... and good bye\r\n"  # type: ignore[attr-defined]


def test_every_fault_comes_once_before_one_comes_twice() -> None:
    with MailProxy(1, Counters(), chance(1)) as proxy:
        assert proxy.draw() is None
        proxy.flaky = True
        dealt = [fault for fault in (proxy.draw() for _ in range(100)) if fault]
    assert sorted(dealt[: len(FAULTS)]) == sorted(FAULTS)
