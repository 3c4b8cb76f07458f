"""The real Supabase CLI at work on a database: migrations, seed, types, lints, differences; all without Docker.

The CLI is given a home under .local and may not phone home, so nothing of it is left elsewhere. Databases are named
by connection URLs of the role `postgres`, which migrations run as on a hosted project too.

    python -m dev.migrations types LANGUAGE       print the types of the database that sql/ describes
    python -m dev.migrations draft NAME [VERSION] write what sql/ has and the migrations lack as a new migration, or
                                                  draw the unreleased one of that version anew
    python -m dev.migrations release              note the checksums of all migrations: from now on none may change
    python -m dev.migrations advisors             say what Supabase's lints find in what the migrations make
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import psycopg

from dev import schema
from dev.config import ROOT, free_ports, throwaway_folder
from dev.postgres import EPHEMERAL, Cluster, RunningCluster

_SILENT = {
    "SUPABASE_TELEMETRY_DISABLED": "1",
    "DO_NOT_TRACK": "1",
    "SUPABASE_NO_UPDATE_NOTIFIER": "1",
    "SUPABASE_NO_KEYRING": "1",
    "NO_COLOR": "1",
    # Our PostgreSQL has no certificate, and the CLI warns on each connection that falls back to plain TCP.
    "PGSSLMODE": "disable",
}


class MigrationError(RuntimeError):
    """The CLI refused; the message is what it said."""


def push(database_url: str, *, seed: bool, project: Path = ROOT) -> str:
    """Apply the migrations that the database lacks, and each seed file that it has not seen. Safe to repeat. Answers
    what the CLI said of it, warnings about config.toml included."""
    # Without --include-all a migration that is older than the newest one applied would stop everything.
    arguments = ["--yes", "--include-all", *(["--include-seed"] * seed)]
    return _said(project, "db", "push", f"--remote={database_url}", *arguments).stderr


def diff(from_url: str, to_url: str) -> str:
    """The SQL that turns the one database into the other, for a person to read; empty when they are alike."""
    return _run(ROOT, "db", "diff", "--use-pg-delta", "--from", from_url, "--to", to_url).strip()


def advisors(database_url: str) -> list[dict[str, Any]]:
    """Return all findings of Supabase's lints, of every level: each with name, level, title, detail, remediation."""
    output = _run(ROOT, "db", "advisors", f"--remote={database_url}", "--level=info", "--output-format=json")
    return cast(list[dict[str, Any]], json.loads(output)["results"])


_HEADS = {
    "python": (
        '"""The tables and enums of the database. Generated from sql/ by `make types`; do not edit."""\n\n'
        "# The CLI imports what other databases need, too.\n# pyright: reportUnusedImport=false\n"
    )
}


def types(database_url: str, language: str) -> str:
    """The types of schema public as source code; the language is typescript, python, go, swift or dart."""
    written = _run(ROOT, "gen", "types", f"--remote={database_url}", f"--lang={language}", "--schema=public")
    return _HEADS.get(language, "") + written


_NAME = re.compile(r"(pre|post)_[a-z0-9_]+")
_DEFAULTS = "alter default privileges revoke execute on functions from public;\n"
_BEGINNING = f"""\
-- A database that was restored from a dump of some schemas lacks this: without it everybody may execute a new function.
{_DEFAULTS}\
-- A migration waits for no lock that a long call holds, with every other call waiting behind it: it fails and is pushed
-- again.
set lock_timeout = '2s';
set statement_timeout = '5min';
"""
_END = """\

-- The Data API reads the schema again.
notify pgrst, 'reload schema';
"""


def draft(name: str, described: str, project: Path = ROOT, version: str | None = None) -> Path | None:
    """Write what the described schema (SQL) has and the migrations lack as a new migration; None without any. Its
    version is the time, or the one given: an unreleased migration of that version is drawn anew. Where the schema has
    a function that answers its version, the migration makes it answer the new one.

    Raises MigrationError for a name that does not say whether it comes before the deployment of new code or after it
    (docs/upgrades.md), and for a version that is released."""
    if not _NAME.fullmatch(name):
        raise MigrationError(
            f"A migration is called pre_... when it is pushed before the new code is deployed, post_... when after it "
            f"(docs/upgrades.md); {name!r} says neither."
        )
    folder = project / "supabase" / "migrations"
    version = version or f"{datetime.now(UTC):%Y%m%d%H%M%S}"
    for earlier in folder.glob(f"{version}_*.sql"):
        if earlier.name in released(project):
            raise MigrationError(f"{earlier.name} is released and never changes again.")
        earlier.unlink()
    with throwaway_databases("migrated", "described") as (before, after):
        push(before, seed=False, project=project)
        load_schema(before, _DEFAULTS)
        load_schema(after, _DEFAULTS + described)
        if not diff(before, after):
            return None
        load_schema(after, schema.version_function(described, version))
        difference = diff(before, after)
    file = folder / f"{version}_{name}.sql"
    file.write_text(f"{_BEGINNING}\n{difference}\n{_END}")
    return file


def released(project: Path = ROOT) -> dict[str, str]:
    """The checksum (SHA-256) of each released migration, by file name."""
    checksums = _checksums(project)
    lines = checksums.read_text().splitlines() if checksums.exists() else []
    return {name: checksum for checksum, name in (line.split() for line in lines)}


def release(project: Path = ROOT) -> list[str]:
    """Note the checksums of all migrations that have none yet; answer their names."""
    before = released(project)
    files = sorted((project / "supabase" / "migrations").glob("*.sql"))
    new = [file for file in files if file.name not in before]
    with _checksums(project).open("a") as checksums:
        checksums.writelines(f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in new)
    return [file.name for file in new]


def _checksums(project: Path) -> Path:
    """Return the path of the checksums, in the format of `sha256sum --check`."""
    return project / "supabase" / "migrations" / "checksums.txt"


def load_schema(database_url: str, script: str) -> None:
    """Run a schema's SQL, such as schema.script(), on an empty database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(script.encode())


@contextmanager
def throwaway_databases(*names: str) -> Generator[list[str]]:
    """URLs of databases prepared as Supabase's that live as long as the block."""
    with throwaway_folder() as folder:
        cluster = Cluster(folder / "postgres", free_ports(1)[0], EPHEMERAL)
        try:
            with RunningCluster(cluster):
                for name in names:
                    cluster.create_database(name)
                    cluster.apply_supabase_shim(name)
                yield [cluster.url(name) for name in names]
        finally:
            cluster.erase()


@contextmanager
def described_database() -> Generator[str]:
    """The URL of a database as sql/ describes it, for as long as the block."""
    with throwaway_databases("described") as (url,):
        load_schema(url, schema.script())
        yield url


def _run(project: Path, *arguments: str) -> str:
    """Run the CLI and return its standard output."""
    return _said(project, *arguments).stdout


def _said(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the CLI on the project's supabase folder. Raises MigrationError with all that it said."""
    home = ROOT / ".local" / "supabase-cli"
    home.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SUPABASE_", "PG"))}
    run = subprocess.run(
        [ROOT / "dev/node_modules/.bin/supabase", "--workdir", project, "--agent=no", *arguments],
        env={**inherited, **_SILENT, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=home,
    )
    if run.returncode != 0:
        said = (run.stdout + run.stderr).strip()
        raise MigrationError(f"supabase {' '.join(arguments[:2])} failed:\n{said}")
    return run


def main() -> int:
    """The command line."""
    match sys.argv[1:]:
        case ["types", language]:
            with described_database() as url:
                print(types(url, language), end="")
        case ["draft", name, *version] if len(version) <= 1:
            try:
                file = draft(name, schema.script(), version=version[0] if version else None)
            except MigrationError as error:
                print(error, file=sys.stderr)
                return 1
            if file:
                schema.set_version(file.name.partition("_")[0])
            print(f"Read and edit {file.relative_to(ROOT)}." if file else "The migrations already make what sql/ says.")
        case ["release"]:
            print("\n".join(release()) or "All migrations are released.")
        case ["advisors"]:
            with throwaway_databases("migrated") as (url,):
                push(url, seed=False)
                found = [f"{lint['name']}: {lint['detail']}" for lint in advisors(url) if lint["level"] != "INFO"]
            print("\n".join(found) or "supabase db advisors: nothing found")
            return int(bool(found))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
