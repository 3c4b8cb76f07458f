"""`make verify` and `make retry-emails`: the commands of backend/__main__.py, for what `make up` runs here."""

from __future__ import annotations

import os
import sys

from backend.__main__ import main as backend_command
from dev.config import LocalConfig
from dev.keys import Keys
from dev.services import backend_environment


def main() -> int:
    """Run the command given; its exit status."""
    config = LocalConfig.from_environment()
    keys = config.local / "keys.json"
    if not keys.exists():
        print("Nothing runs here yet: start it with `make up`.", file=sys.stderr)
        return 2
    return backend_command(sys.argv[1:], {**os.environ, **backend_environment(config, Keys.kept_in(keys))})


if __name__ == "__main__":
    sys.exit(main())
