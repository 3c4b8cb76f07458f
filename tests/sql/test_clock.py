"""One clock, and where it may be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dev import schema

# What ends a WHERE clause. `filter (where ...)` of an aggregate is none: it chooses no plan.
CLAUSE = re.compile(
    r"\bwhere\b(?P<condition>.*?)"
    r"(?=;|\$\$|\bgroup by\b|\border by\b|\breturning\b|\blimit\b|\bloop\b|\bthen\b|\bunion\b|$)",
    re.DOTALL,
)


def clauses_that_read_the_clock(script: str) -> list[str]:
    """WHERE clauses that call private.now(). It is volatile, so that no index answers a comparison with it."""
    code = re.sub(r"--[^\n]*", "", script)
    code = re.sub(r"filter\s*\(\s*where", "filter (", code)
    return [
        " ".join(clause["condition"].split())
        for clause in CLAUSE.finditer(code)
        if "private.now()" in clause["condition"]
    ]


@pytest.mark.parametrize("file", schema.files(), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_no_where_reads_the_clock(file: Path) -> None:
    """It is read once, into v_now."""
    assert clauses_that_read_the_clock(file.read_text()) == []


@pytest.mark.parametrize(
    "script",
    [
        "select 1 from t where a < private.now() - interval '1 day';",
        "delete from t\nwhere a = 1\n  and b < private.now() order by c",
        "update t set a = 1 where b = 2 and (c is null or c < private.now()) returning a",
        "select (select 1 from t where a > private.now() limit 1), private.now() as b",
    ],
)
def test_mutant_a_clock_in_a_where_is_found(script: str) -> None:
    assert len(clauses_that_read_the_clock(script)) == 1


@pytest.mark.parametrize(
    "script",
    [
        "update t set a = private.now() where b = 1;",
        "select count(*) filter (where a > private.now()) from t",
        "select 1 from t where a < v_now; select private.now()",
        "select 1 from t where true -- private.now() would read all of it",
    ],
)
def test_a_clock_elsewhere_is_left_alone(script: str) -> None:
    assert clauses_that_read_the_clock(script) == []
