"""sql/ as one script, in the load order that supabase/config.toml gives it.

`python -m dev.schema` prints it with the head of a migration: that is how the first migration was drawn. Later ones
are drafted by `supabase db diff` and read by a person.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "supabase" / "config.toml"

_HEAD = """\
-- Frontrow's first migration: sql/ as it stood, file by file. Released migrations are never edited; what the database
-- is today is read in sql/.
"""
_FOOT = """
-- The Data API reads the schema again.
notify pgrst, 'reload schema';
"""


def files() -> list[Path]:
    """The files of sql/ that make the schema, in load order."""
    paths: list[str] = tomllib.loads(CONFIG.read_text())["db"]["migrations"]["schema_paths"]
    return [(CONFIG.parent / path).resolve() for path in paths]


def script() -> str:
    """The whole schema as SQL, each file under its name."""
    return "\n".join(f"-- {path.name} {'-' * (116 - len(path.name))}\n\n{path.read_text()}" for path in files())


if __name__ == "__main__":
    sys.stdout.write(f"{_HEAD}\n{script()}{_FOOT}")
