"""Which database this release needs: the newest migration that must have been pushed before Flask is deployed.

Migrations named pre_ run before a deployment, those named post_ after it, when no older Flask is left that a change
could break. A database may be newer than this release, never older.
"""

from __future__ import annotations

import logging
from typing import Final

from backend.database import Database

REQUIRED_SCHEMA: Final = "20261128000400"
"""The timestamp of the newest pre_ migration, or of the first one where there is none; a test compares it with
supabase/migrations."""

_log = logging.getLogger(__name__)


def is_outdated(version: str) -> bool:
    """Compare a database's version, the timestamp of its newest migration, with the required one."""
    return version < REQUIRED_SCHEMA


def log_if_outdated(database: Database) -> None:
    """Say at start in the log that migrations are missing. A database that does not answer yet says so elsewhere."""
    try:
        version = database.schema_version()
    except Exception:  # /readyz reports it, or the log line of what the worker could not do
        return
    if is_outdated(version):
        _log.error(
            "the database is older than this release: push the migrations",
            extra={"schema": version or "unknown", "required": REQUIRED_SCHEMA},
        )
