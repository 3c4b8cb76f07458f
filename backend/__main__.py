"""Commands for operators, run in the environment of the backend:

python -m backend verify [--days 30]   check all invariants and compare with Stripe; status 1 on a violation; with three
                                       days or more, the metrics and FrontrowViolation go by it from then on
python -m backend retry-emails [ID]    try emails again that were given up: that one, or all
python -m backend discard-email ID     discard an email that was given up
python -m backend block EMAIL          keep somebody out: no sign-in, no session, no seats; tickets stay valid
python -m backend unblock EMAIL        let them in again
python -m backend end-sessions          sign everyone out, as after a restore: every browser has to sign in again
python -m backend rotate-second-factor-keys
                                       encrypt the secrets of second factors with the first key of SECOND_FACTOR_KEY;
                                       status 1 where no key opens one
python -m backend forget-user WHO       forget all who have that address, or the one with that id, now or when all that
                                       they booked is over
python -m backend figures              print what is waiting, failed or open, as JSON
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

from backend.database import LONG_TIMEOUT, DataApi, Database
from backend.errors import AnswerError, ApiError, UnavailableError
from backend.second_factor import rotate_keys
from backend.settings import Settings, SettingsError
from backend.stripe_gateway import StripeGateway
from backend.totp import SecretBox
from backend.verification import DAYS, Verification, notices


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run a command and return its exit status: 2 when the environment lacks something, 3 when a part does not answer,
    or not as it should."""
    options = _options(arguments)
    try:
        settings = Settings.from_environment(environment)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        with closing(DataApi(settings.supabase_url, settings.supabase_key, LONG_TIMEOUT)) as data_api:
            return _run(options, Database(data_api), settings)
    except UnavailableError as error:
        print(f"Not all parts answer: {error}", file=sys.stderr)
        return 3
    except AnswerError as error:
        print(f"Is this the right database? {error}", file=sys.stderr)
        return 3


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m backend", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify")
    verify.add_argument("--days", type=int, default=30, help="how far back to compare with Stripe (default 30)")
    verify.add_argument(
        "--second-look", type=float, default=60.0, help="seconds after which what looks wrong is looked at again"
    )
    retry = commands.add_parser("retry-emails")
    retry.add_argument("id", type=int, nargs="?", help="the row of the outbox; all without it")
    drop = commands.add_parser("discard-email")
    drop.add_argument("id", type=int, help="the row of the outbox, as verify names it")
    for command in ("block", "unblock"):
        commands.add_parser(command).add_argument("email", help="the address of the account")
    commands.add_parser("end-sessions")
    commands.add_parser("rotate-second-factor-keys")
    forget = commands.add_parser("forget-user")
    forget.add_argument("who", help="an address, or the id of a user")
    commands.add_parser("figures")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace, database: Database, settings: Settings) -> int:
    match options.command:
        case "verify":
            return _verify(database, settings, options.days, options.second_look)
        case "retry-emails":
            print(f"{database.requeue_outbox(options.id)} emails are queued again")
        case "discard-email":
            discarded = database.discard_email(options.id)
            print("discarded" if discarded else f"no email {options.id} was given up")
            return 0 if discarded else 1
        case "block" | "unblock":
            known = database.block_user(options.email, blocked=options.command == "block")
            print(f"{options.command}ed" if known else f"nobody has the address {options.email}")
            return 0 if known else 1
        case "end-sessions":
            print(f"{database.end_all_sessions()} sessions have ended")
        case "rotate-second-factor-keys":
            resealed, unreadable = rotate_keys(database, SecretBox(settings.second_factor_keys))
            print(f"{resealed} secrets are encrypted with the first key; no key opens {unreadable}")
            return 1 if unreadable else 0
        case "forget-user":
            return _forget(database, options.who)
        case _:
            print(json.dumps(database.operational_metrics(), indent=2))
    return 0


def _forget(database: Database, who: str) -> int:
    try:
        departures = database.forget_user(who)
    except ApiError as error:
        if error.code != "unknown_user":
            raise
        print("nobody has that address or id", file=sys.stderr)
        return 1
    for each in departures:
        until = each.get("until")
        when = f"will be forgotten when all is over, not before {until}" if until else "is forgotten"
        print(f"{each['user_id']} {when}")
    return 0


def _verify(database: Database, settings: Settings, days: int, second_look: float) -> int:
    since = datetime.now(UTC) - timedelta(days=days)
    violations = Verification(database, StripeGateway(settings)).run(since, second_look)
    if days >= DAYS:  # a shorter one does not replace the daily one's result
        database.finish_verification(len(violations), daily=False)
    for line in notices(database):
        print(f"note: {line}")
    for sentence in violations:
        print(f"VIOLATION {sentence}")
    print("all hold" if not violations else f"violations: {len(violations)}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
