"""The port to mail: SMTP from the standard library, one connection for each email."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from backend.settings import Settings

_TIMEOUT_SECONDS: Final = 15.0
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Mailer(Protocol):
    """Hands an email on."""

    def send(self, message: EmailMessage) -> None:
        """Return once somebody has taken it over. Raises OSError (smtplib's errors are such) when nobody has."""
        ...


class InsecureError(OSError):
    """The server offers no encryption where the settings, or a password, ask for it."""


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
        with self._connect() as server:
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
            server.send_message(message)

    def _connect(self) -> smtplib.SMTP:
        if self._implicit:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, self._greeting, timeout=_TIMEOUT_SECONDS, context=context)
        return smtplib.SMTP(self._host, self._port, self._greeting, timeout=_TIMEOUT_SECONDS)
