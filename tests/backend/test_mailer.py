"""SMTP: no password in the clear, TLS where it is asked for. A whole delivery is in tests/http."""

from __future__ import annotations

import base64
import contextlib
import itertools
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import pytest

from backend import mailer as mailer_module
from backend.mailer import InsecureError, RecipientError, SmtpMailer
from backend.settings import Settings


@contextmanager
def server(extensions: bytes = b"") -> Iterator[tuple[int, list[str]]]:
    """An SMTP server without TLS, for one connection; what it received."""
    received: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            # A client may hang up in the middle of it.
            with contextlib.suppress(ConnectionError), connection, connection.makefile("rwb", buffering=0) as lines:
                lines.write(b"220 test\r\n")
                in_data = False
                while line := lines.readline().decode().strip("\r\n") if not in_data else lines.readline().decode():
                    received.append(line)
                    if in_data:
                        if line == ".\r\n":
                            in_data = False
                            lines.write(b"250 taken\r\n")
                        continue
                    word = line.split(" ")[0].upper()
                    in_data = word == "DATA"
                    lines.write(
                        {
                            "EHLO": b"250-test\r\n" + extensions + b"250 AUTH PLAIN\r\n",
                            "AUTH": b"235 welcome\r\n",
                            "DATA": b"354 go on\r\n",
                            "QUIT": b"221 bye\r\n",
                        }.get(word, b"250 fine\r\n")
                    )

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], received
        thread.join(10)


def email(to: str = "b@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", to, "Hello"
    message.set_content("Hello.")
    return message


def mailer(environment: dict[str, str], url: str) -> SmtpMailer:
    return SmtpMailer(Settings.from_environment({**environment, "SMTP_URL": url}))


def test_to_this_machine_a_password_may_go_in_the_clear(environment: dict[str, str]) -> None:
    with server() as (port, received):
        mailer(environment, f"smtp://user%40host:p%3Aw@127.0.0.1:{port}").send(email())
    assert received[0] == "ehlo frontrow.example"
    assert base64.b64decode(received[1].removeprefix("AUTH PLAIN ")) == b"\0user@host\0p:w"
    assert "Subject: Hello\r\n" in received


def recipients(received: list[str]) -> list[str]:
    return [line for line in received if line.lower().startswith("rcpt to:")]


def test_a_message_goes_to_the_one_address_in_its_to(environment: dict[str, str]) -> None:
    with server() as (port, received):
        mailer(environment, f"smtp://127.0.0.1:{port}").send(email())
    assert recipients(received) == ["rcpt TO:<b@example.com>"]


def test_an_address_beyond_ascii_goes_to_a_server_that_takes_it(environment: dict[str, str]) -> None:
    with server(b"250-8BITMIME\r\n250-SMTPUTF8\r\n") as (port, received):
        mailer(environment, f"smtp://127.0.0.1:{port}").send(email("zo\u00eb@example.com"))
    assert recipients(received) == ["rcpt TO:<zo\u00eb@example.com>"]
    assert "To: zo\u00eb@example.com\r\n" in received
    with server() as (port, received), pytest.raises(smtplib.SMTPNotSupportedError):
        mailer(environment, f"smtp://127.0.0.1:{port}").send(email("zo\u00eb@example.com"))
    assert recipients(received) == []


@pytest.mark.parametrize(
    "to",
    [
        "b@example.com, c@other.example",
        "b@example.com,<c\uff20other.example>",
        '"b c"@example.com',
        "b@example",
        "undisclosed:;",
    ],
)
def test_a_message_to_anything_but_one_strict_address_is_not_sent(environment: dict[str, str], to: str) -> None:
    with pytest.raises(RecipientError):
        mailer(environment, "smtp://127.0.0.1:9").send(email(to))


@pytest.mark.parametrize("header", ["Cc", "Bcc", "Resent-To"])
def test_a_message_with_other_recipients_is_not_sent(environment: dict[str, str], header: str) -> None:
    message = email()
    message[header] = "c@other.example"
    with pytest.raises(RecipientError):
        mailer(environment, "smtp://127.0.0.1:9").send(message)


def test_elsewhere_it_does_not(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailer_module, "_LOOPBACK", ())
    with server() as (port, received):
        sender = mailer(environment, f"smtp://user:hidden@127.0.0.1:{port}")
        with pytest.raises(InsecureError):
            sender.send(email())
    assert not [line for line in received if line.startswith(("AUTH", "mail"))]


def test_tls_that_is_required_and_not_offered(environment: dict[str, str]) -> None:
    with server() as (port, received):
        sender = mailer(environment, f"smtp://127.0.0.1:{port}?starttls=required")
        with pytest.raises(InsecureError):
            sender.send(email())
    assert not [line for line in received if line.startswith("mail")]


def test_unreachable_mail_server(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        mailer(environment, f"smtp://127.0.0.1:{port}").send(email())


def test_a_conversation_that_takes_too_long_as_a_whole_ends(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dozen answers, each just in time, would outlast the worker's claim, and the email be sent twice."""
    clock = itertools.count(0, 15)
    monkeypatch.setattr(mailer_module.time, "monotonic", lambda: next(clock))
    with server() as (port, received):
        sender = mailer(environment, f"smtp://127.0.0.1:{port}")
        with pytest.raises(TimeoutError):
            sender.send(email())
    assert "data" in received
    assert not any(line == ".\r\n" for line in received)


def test_a_farewell_that_fails_does_not_undo_what_was_handed_over(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(mailer_module.smtplib.SMTP, "quit", cut)
    with server() as (port, received):
        mailer(environment, f"smtp://127.0.0.1:{port}").send(email())
    assert ".\r\n" in received
