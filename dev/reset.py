"""`make reset`: forget everything that the local stack keeps."""

from __future__ import annotations

import shutil
import sys

from dev.config import LocalConfig
from dev.postgres import Cluster
from dev.stack import Lock
from dev.supervisor import StartError


def main() -> int:
    """Delete .local; 1 with a sentence while the stack runs."""
    config = LocalConfig.from_environment()
    if not config.local.exists():
        return 0
    lock = Lock(config.local)
    try:
        lock.take()
    except StartError as error:
        print(f"{error} Stop it first.", file=sys.stderr)
        return 1
    # Root's cluster may stand outside .local.
    Cluster(config.local / "postgres", config.database.number).erase()
    shutil.rmtree(config.local)
    lock.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
