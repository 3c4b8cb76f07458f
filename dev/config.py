"""Folders and ports of the local stack: one frozen value, read from the environment once."""

from __future__ import annotations

import os
import random
import socket
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""


class ConfigError(ValueError):
    """The environment asks for something that cannot be; the message names the variable."""


@dataclass(frozen=True)
class Port:
    """A port of 127.0.0.1, the variable that moves it, and what answers there."""

    number: int
    variable: str
    used_by: str

    def is_free(self) -> bool:
        """Say whether a server could take the port now."""
        with socket.socket() as probe:
            # As servers do, so that a port counts as free while the connections of its last owner fade out.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.number))
            except OSError:
                return False
            return True


_PORTS: Mapping[str, tuple[str, int, str]] = {
    "supabase": ("SUPABASE_PORT", 54321, "the Supabase gateway"),
    "database": ("DATABASE_PORT", 54322, "PostgreSQL"),
    "postgrest": ("POSTGREST_PORT", 54331, "PostgREST"),
    "postgrest_admin": ("POSTGREST_ADMIN_PORT", 54332, "PostgREST's readiness"),
    "realtime": ("REALTIME_PORT", 54333, "Realtime"),
    "api": ("PORT", 5000, "the Flask app"),
    "stripe": ("STRIPE_PORT", 12111, "the fake Stripe"),
    "smtp": ("SMTP_PORT", 1025, "MailDev's SMTP"),
    "mail": ("MAIL_PORT", 8025, "MailDev's page"),
    "app": ("APP_PORT", 5173, "the page"),
}

_UI: Mapping[str, Literal["none", "edited", "built"]] = {"": "none", "0": "none", "built": "built"}


@dataclass(frozen=True)
class LocalConfig:
    """Everything about the local stack that the environment decides. URLs have no slash at the end."""

    root: Path
    local: Path
    supabase: Port
    database: Port
    postgrest: Port
    postgrest_admin: Port
    realtime: Port
    api: Port
    stripe: Port
    smtp: Port
    mail: Port
    app: Port
    ui: Literal["none", "edited", "built"] = "edited"
    """The page: left out, rebuilt as it is edited, or built once as it ships."""
    postgrest_binary: Path | None = None
    human_check: bool = False

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, root: Path = ROOT, local: Path | None = None
    ) -> LocalConfig:
        """Read the ports, UI, POSTGREST_BIN, HUMAN_CHECK. Raises ConfigError on a port that is none or named twice."""
        ports = {name: _port(environment, *where) for name, where in _PORTS.items()}
        by_number: dict[int, Port] = {}
        for port in ports.values():
            other = by_number.setdefault(port.number, port)
            if other is not port:
                raise ConfigError(f"{port.variable} and {other.variable} are both {port.number}.")
        binary = environment.get("POSTGREST_BIN")
        return cls(
            root=root,
            local=local or root / ".local",
            ui=_UI.get(environment.get("UI", "1"), "edited"),
            postgrest_binary=Path(binary) if binary else None,
            human_check=environment.get("HUMAN_CHECK") == "turnstile",
            **ports,
        )

    @classmethod
    def throwaway(
        cls, local: Path, root: Path = ROOT, environment: Mapping[str, str] = os.environ, *, ui: str = "0"
    ) -> LocalConfig:
        """A stack of its own for a test: another folder, free ports, no page unless `ui` says "built"."""
        ports = dict(zip((variable for variable, _, _ in _PORTS.values()), free_ports(len(_PORTS)), strict=True))
        moved = {"UI": ui, **{variable: str(port) for variable, port in ports.items()}}
        return cls.from_environment({**environment, **moved}, root=root, local=local)

    @property
    def supabase_url(self) -> str:
        """The gateway, as a Supabase project's URL."""
        return f"http://127.0.0.1:{self.supabase.number}"

    @property
    def api_url(self) -> str:
        """The Flask app."""
        return f"http://127.0.0.1:{self.api.number}"

    @property
    def app_url(self) -> str:
        """The page; on the API's very host, because for SameSite=Strict cookies 127.0.0.1 is not localhost."""
        return f"http://127.0.0.1:{self.app.number}"

    @property
    def mail_url(self) -> str:
        """MailDev's page and API."""
        return f"http://127.0.0.1:{self.mail.number}"

    @property
    def stripe_url(self) -> str:
        """The fake Stripe's API base."""
        return f"http://127.0.0.1:{self.stripe.number}"

    @property
    def smtp_url(self) -> str:
        """Return the address of the mail server."""
        return f"smtp://127.0.0.1:{self.smtp.number}"


@contextmanager
def throwaway_folder() -> Generator[Path]:
    """A folder that is gone after the block. Root's PostgreSQL, another account, can enter it, unlike tempfile's."""
    with tempfile.TemporaryDirectory(prefix="frontrow-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def _port(environment: Mapping[str, str], variable: str, default: int, used_by: str) -> Port:
    value = environment.get(variable) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise ConfigError(f"{variable} is {value!r}; a port is a number from 1 to 65535.")
    return Port(int(value), variable, used_by)


def free_ports(count: int) -> list[int]:
    """So many ports that are free now, below those that the kernel hands to outgoing connections."""
    found: list[int] = []
    # Drawn at random, so that stacks which start at the same moment do not choose alike.
    for number in random.SystemRandom().sample(range(15000, 32000), 200):
        if len(found) < count and Port(number, "", "").is_free():
            found.append(number)
    if len(found) < count:
        raise ConfigError("There are not enough free ports between 15000 and 32000.")
    return found
