"""`make up`: everything on this machine until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

import psycopg

from dev import accounts
from dev.config import ConfigError, LocalConfig
from dev.stack import Stack
from dev.supervisor import StartError


def main() -> int:
    """Run what the environment asks for; the exit status."""
    try:
        stack = Stack(LocalConfig.from_environment(), report=_say)
    except (ConfigError, OSError) as error:
        _say(str(error))
        return 1
    return run(stack)


def run(stack: Stack) -> int:
    """Run a stack until a signal; 0 after a stop that was asked for, 1 with a sentence when it could not start."""
    _stop_on_signals(stack)
    _say("Starting ...")
    try:
        with stack:
            if "api" in stack.supervisor.services:
                accounts.open_accounts(stack.cluster.url())
            _say(welcome(stack))
            stack.supervisor.wait_until_stopping()
            _say("Stopping ...")
    except (StartError, OSError, RuntimeError, psycopg.Error) as error:
        _say(str(error))
        return 1
    return 0


def welcome(stack: Stack) -> str:
    """Return the addresses of everything."""
    config = stack.config
    places = {
        "page": ("The page", config.app_url),
        "api": ("API", config.api_url),
        "gateway": ("Supabase", config.supabase_url),
        "postgres": ("Database", stack.cluster.url()),
        "mail": ("Mail", config.mail_url),
        "stripe": ("Stripe", config.stripe_url),
    }
    has_accounts = "api" in stack.supervisor.services
    lines = [f"  {name:<10}{url}" for part, (name, url) in places.items() if part in stack.supervisor.services]
    return "\n".join(
        [
            "",
            "Frontrow is up.",
            *lines,
            f"  {'Settings':<10}{config.local / 'env'}",
            f"  {'Logs':<10}{config.local / 'log'}",
            *([f"  {'Accounts':<10}{' and '.join(accounts.EMAILS)}, password: {accounts.PASSWORD}"] * has_accounts),
            "Ctrl-C ends it; `make reset` forgets its data.",
            "",
        ]
    )


def _stop_on_signals(stack: Stack) -> None:
    """Stop the stack on Ctrl-C, SIGTERM, or when the terminal is closed, also while it still starts."""
    # Python runs handlers in the main thread, which may miss a signal just as it falls asleep. A pipe misses none.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ignore)

    def wait() -> None:
        os.read(reader, 1)
        stack.supervisor.request_stop()

    threading.Thread(target=wait, daemon=True).start()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The handler that lets Python write the pipe."""


def _say(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    sys.exit(main())
