"""The port to mail: SMTP by the standard library, one connection for each email."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import time
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from backend import email_addresses
from backend.settings import Settings

_TIMEOUT_SECONDS: Final = 15.0
"""For one answer of the server's."""
_CONVERSATION_SECONDS: Final = 60.0
"""For all of them, since none of a dozen slow answers is too slow by itself."""
SLOWEST_SECONDS: Final = _CONVERSATION_SECONDS + 2 * _TIMEOUT_SECONDS
"""The longest that a delivered email may have taken: the last answer, and the message before it, may each
begin in time and take their full limit."""
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Mailer(Protocol):
    """Sends emails."""

    def send(self, message: EmailMessage) -> None:
        """Hand a message over to the one address in its To. Raises OSError (smtplib's errors are such) when the server
        does not take it."""
        ...


class InsecureError(OSError):
    """The server offers no encryption where the settings, or a password, ask for it."""


class RecipientError(OSError):
    """A message is not for one address, or for one that a server may take for two."""


class SmtpMailer:
    """SMTP_URL is smtp://user:password@host:port, or smtps:// for TLS from the first byte.

    With smtp:// the connection turns to TLS where the server offers it. `?starttls=required` sends nothing without,
    `?starttls=never` does not try. A password goes over TLS or to this very machine, or not at all.
    """

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.smtp_url)
        self._implicit = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if self._implicit else 587 if parts.username else 25)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        # Said in EHLO. smtplib would ask DNS for this machine's name, for each email, and wait where there is no DNS.
        self._greeting = parseaddr(settings.mail_from)[1].rpartition("@")[2]
        self._starttls = parts.query.removeprefix("starttls=")

    def send(self, message: EmailMessage) -> None:
        """As Mailer says."""
        recipient = _recipient(message)
        server = self._connect()
        try:
            encrypted = self._implicit
            if not encrypted and self._starttls != "never":
                server.ehlo_or_helo_if_needed()
                if server.has_extn("starttls"):
                    server.starttls(context=ssl.create_default_context())
                    encrypted = True
            if not encrypted and self._starttls == "required":
                raise InsecureError
            if self._user:
                if not encrypted and self._host not in _LOOPBACK:
                    raise InsecureError
                server.login(self._user, self._password)
            # Said outright: smtplib would read them from the headers To, Cc and Bcc, as another program may not.
            server.send_message(message, to_addrs=[recipient])
            with contextlib.suppress(OSError):  # It is handed over; a farewell that fails must not have it sent again.
                server.quit()
        finally:
            server.close()

    def _connect(self) -> smtplib.SMTP:
        options: dict[str, Any] = {"local_hostname": self._greeting, "timeout": _TIMEOUT_SECONDS}
        if self._implicit:
            return _BoundedSmtpSsl(self._host, self._port, context=ssl.create_default_context(), **options)
        return _BoundedSmtp(self._host, self._port, **options)


def _recipient(message: EmailMessage) -> str:
    """Return the one address that a message is for."""
    header = message["To"]
    addresses = [each.addr_spec for each in header.addresses] if isinstance(header, AddressHeader) else []
    others = {name.lower() for name in message.keys()} & {"cc", "bcc", "resent-to"}  # noqa: SIM118 - no mapping
    if len(addresses) != 1 or others or not email_addresses.is_valid(addresses[0]):
        raise RecipientError("the message has no valid recipient")
    return addresses[0]


class _BoundedSmtp(smtplib.SMTP):
    """Ends a conversation that takes too long as a whole with TimeoutError."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._deadline = time.monotonic() + _CONVERSATION_SECONDS
        super().__init__(*arguments, **options)

    def getreply(self) -> tuple[int, bytes]:
        if time.monotonic() > self._deadline:
            self.close()
            raise TimeoutError("the mail server takes too long")
        return super().getreply()


class _BoundedSmtpSsl(_BoundedSmtp, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""
