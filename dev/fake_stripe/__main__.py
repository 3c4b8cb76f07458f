"""`python -m dev.fake_stripe`: serves on 127.0.0.1 with settings from the environment."""

import os
import sys

import uvicorn

from dev.fake_stripe.app import create_app
from dev.fake_stripe.settings import SettingsError, from_environment


def main() -> int:
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        print(f"fake Stripe cannot start: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(settings),
        host="127.0.0.1",
        port=settings.port,
        log_level="warning",
        timeout_keep_alive=75,  # longer than a client keeps a connection that it means to use again
        timeout_graceful_shutdown=2,  # a request held by the timeout fault must not hold the shutdown
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
