"""`python -m tests.chaos`: one run; 0 when nothing was violated, 1 otherwise."""

from __future__ import annotations

import argparse
import secrets
import sys

from dev.config import ConfigError
from dev.supervisor import StartError
from tests.chaos.run import run


def main() -> int:
    """Read the command line, run, print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long faults are injected (default: 600)")
    parser.add_argument("--clients", type=int, default=12, help="how many customers at once (default: 12)")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run, as far as threads allow")
    options = parser.parse_args()
    seed: int = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    try:
        report = run(options.seconds, options.clients, seed, _say)
    except (StartError, ConfigError, TimeoutError) as error:
        print(f"{error}\nseed {seed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped, without a report; seed {seed}", file=sys.stderr)
        return 130
    print(f"\n{report.table()}")
    return 0 if report.good else 1


def _say(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main())
