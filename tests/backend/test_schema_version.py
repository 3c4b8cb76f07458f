"""An older database: what is said of it, and that the required version is a migration's."""

from __future__ import annotations

import logging
from pathlib import Path

import postgrest
import pytest
from flask.testing import FlaskClient

from backend.database import Database
from backend.errors import UnavailableError
from backend.schema_version import REQUIRED_SCHEMA, log_if_outdated
from tests.backend.ports import FakeDataApi

MIGRATIONS = Path(__file__).resolve().parents[2] / "supabase" / "migrations"
NO_SUCH_FUNCTION = postgrest.APIError({"code": "PGRST202", "message": "Could not find the function"})
OLDER = "20250101000000"
NEWER = "29990101000000"


def test_the_newest_migration_before_a_deployment_is_required() -> None:
    names = sorted(path.name for path in MIGRATIONS.glob("*.sql"))
    before_deployment = [name for name in names if "_pre_" in name]
    newest = before_deployment[-1] if before_deployment else names[0]
    assert newest.split("_")[0] == REQUIRED_SCHEMA


@pytest.mark.parametrize(
    ("version", "state", "status"),
    [
        (REQUIRED_SCHEMA, "answers", 200),
        (NEWER, "answers", 200),
        (OLDER, "is older than this release: push the migrations", 503),
        (NO_SUCH_FUNCTION, "is older than this release: push the migrations", 503),
        (postgrest.APIError({"code": "42501", "message": "permission denied"}), "does not answer", 503),
        (UnavailableError(), "does not answer", 503),
    ],
)
def test_an_older_database_is_not_ready(
    client: FlaskClient, data_api: FakeDataApi, version: object, state: str, status: int
) -> None:
    data_api.answers["schema_version"] = version
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["database"]) == (status, state)
    assert answer.get_json()["status"] == ("ready" if status == 200 else "not ready")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (REQUIRED_SCHEMA, []),
        (OLDER, [OLDER]),
        (NO_SUCH_FUNCTION, ["unknown"]),
        (UnavailableError(), []),
    ],
)
def test_an_older_database_is_an_error_in_the_log(
    data_api: FakeDataApi, caplog: pytest.LogCaptureFixture, version: object, said: list[str]
) -> None:
    data_api.answers["schema_version"] = version
    with caplog.at_level(logging.INFO, "backend"):
        log_if_outdated(Database(data_api))
    assert [(line.levelname, vars(line)["schema"], vars(line)["required"]) for line in caplog.records] == [
        ("ERROR", schema, REQUIRED_SCHEMA) for schema in said
    ]
