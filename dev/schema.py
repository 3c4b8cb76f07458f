"""sql/ as one script, in the load order that supabase/config.toml gives it.

`python -m dev.schema` prints it with the head of a migration: that is how the first migration was drawn, which is
released and never changes. Later ones are drafted by `make migration` and read by a person.
"""

from __future__ import annotations

import re
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


_VERSION_FILE = ROOT / "sql" / "platform" / "schema_version.sql"
_VERSION_FUNCTION = re.compile(r"create (function private\.schema_version\(\).*?')(\d{14})('.*?\$\$;\n)", re.DOTALL)


def files() -> list[Path]:
    """The files of sql/ that make the schema, in load order."""
    paths: list[str] = tomllib.loads(CONFIG.read_text())["db"]["migrations"]["schema_paths"]
    return [(CONFIG.parent / path).resolve() for path in paths]


def script() -> str:
    """The whole schema as SQL, each file under its name."""
    return "\n".join(f"-- {path.name} {'-' * (116 - len(path.name))}\n\n{path.read_text()}" for path in files())


def version_function(described: str, version: str) -> str:
    """The statement that makes a schema's own function answer that version; empty where the schema has none."""
    found = _VERSION_FUNCTION.search(described)
    return f"create or replace {found[1]}{version}{found[3]}" if found else ""


def set_version(version: str) -> None:
    """Make sql/ describe a schema of that version."""
    text = _VERSION_FILE.read_text()
    _VERSION_FILE.write_text(_VERSION_FUNCTION.sub(rf"create \g<1>{version}\g<3>", text))


if __name__ == "__main__":
    sys.stdout.write(f"{_HEAD}\n{script()}{_FOOT}")
