"""What `make types` writes for the page is as sql/ has it."""

from __future__ import annotations

from dev import error_codes, migrations, schema
from dev.config import ROOT

API = ROOT / "frontend" / "src" / "api"


def test_the_error_codes_of_the_page_are_fresh(database_url: str) -> None:
    assert error_codes.generate(database_url, "typescript") == (API / "error-codes.ts").read_text()


def test_the_tables_of_the_page_are_fresh() -> None:
    with migrations.throwaway_databases("described") as (url,):
        migrations.load_schema(url, schema.script())
        assert migrations.types(url, "typescript") == (API / "database.types.ts").read_text()
