"""What `make types` writes is as sql/ has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import database_types
from dev import currencies, error_codes, migrations
from dev.config import ROOT

PAGE = ROOT / "frontend" / "src" / "api"
SHARED = ROOT / "frontend" / "src" / "shared" / "lib"


@pytest.fixture(scope="module")
def described() -> Iterator[str]:
    """A database that sql/ made."""
    with migrations.described_database() as url:
        yield url


def test_the_error_codes_of_the_page_are_fresh(described: str) -> None:
    assert error_codes.generate(described, "typescript") == (PAGE / "error-codes.ts").read_text()


@pytest.mark.parametrize(
    ("language", "file"), [("typescript", SHARED / "currencies.ts"), ("python", ROOT / "backend" / "currencies.py")]
)
def test_the_currencies_are_fresh(described: str, language: str, file: Path) -> None:
    assert currencies.generate(described, language) == file.read_text()


@pytest.mark.parametrize(
    ("language", "file"),
    [("typescript", PAGE / "database.types.ts"), ("python", ROOT / "backend" / "database_types.py")],
)
def test_the_tables_are_fresh(described: str, language: str, file: Path) -> None:
    assert migrations.types(described, language) == file.read_text()


def test_a_row_of_the_data_api_fits_its_type() -> None:
    price = database_types.PublicShowtimePrices.model_validate_json('{"showtime_id": 3, "kind": "love", "price": 1500}')
    assert (price.kind, price.price) == ("love", 1500)
    with pytest.raises(ValueError, match="kind"):
        database_types.PublicShowtimePrices.model_validate({"showtime_id": 3, "kind": "balcony", "price": 1500})
