"""`python -m dev.fake_stripe`: serves on 127.0.0.1 with settings from the environment, some of them as options."""

import argparse
import os
import sys

import uvicorn

from dev.fake_stripe.app import create_app
from dev.fake_stripe.settings import SettingsError, from_environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.fake_stripe", description="A stand-in for Stripe's API.")
    parser.add_argument("--port", help="port on 127.0.0.1 (STRIPE_PORT, 12111)")
    parser.add_argument("--state", help="SQLite file that survives a restart (STRIPE_STATE, in memory)")
    parser.add_argument("--webhook-url", help="where events are posted (STRIPE_WEBHOOK_URL, nowhere)")
    options = {f"STRIPE_{name.upper()}": value for name, value in vars(parser.parse_args()).items() if value}
    try:
        settings = from_environment({**os.environ, **options})
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
