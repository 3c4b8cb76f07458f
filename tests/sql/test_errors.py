"""The catalog of errors, and that docs and generated code say the same."""

from __future__ import annotations

import re

import pytest

from dev import error_codes
from dev.config import ROOT
from tests.cinema import CinemaFixture, Refused


def test_an_error_carries_code_detail_and_sentence(cinema: CinemaFixture) -> None:
    with pytest.raises(Refused) as refused:
        cinema.lock(cinema.anonymous(), 0)
    assert refused.value.sqlstate == "PT401"
    assert refused.value.code == "sign_in_required"
    assert refused.value.details == {}
    assert refused.value.hint == "Please sign in first."


def test_every_code_that_sql_raises_is_in_the_catalog(cinema: CinemaFixture) -> None:
    catalog = {row["code"] for row in cinema.rows("select code from private.error_catalog()")}
    raised = {
        code
        for path in (ROOT / "sql").rglob("*.sql")
        for code in re.findall(r"private\.raise_api_error\('(\w+)'", path.read_text())
    }
    assert raised
    assert raised <= catalog


def test_codes_and_statuses_are_sound(cinema: CinemaFixture) -> None:
    rows = cinema.rows("select * from private.error_catalog()")
    assert len({row["code"] for row in rows}) == len(rows)
    assert all(400 <= row["status"] <= 599 for row in rows)
    assert all(re.fullmatch(r"[A-Z].+[.?]", row["sentence"]) for row in rows)


def test_the_documentation_lists_them_all(cinema: CinemaFixture) -> None:
    rows = cinema.rows("select * from private.error_catalog()")
    documented = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+?) \|", (ROOT / "docs" / "errors.md").read_text(), re.M)
    assert documented == [(row["code"], str(row["status"]), row["sentence"]) for row in rows]


def test_the_generated_python_is_fresh(database_url: str) -> None:
    assert error_codes.generate(database_url) == (ROOT / "backend" / "error_codes.py").read_text()
