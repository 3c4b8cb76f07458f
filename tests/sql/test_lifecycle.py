"""docs/lifecycle.md and the code speak of the same transitions: each is drawn, named in sql/, and marks a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LETTER = re.compile(r"\b[LBPRDO]\d+\b")


def drawn() -> set[str]:
    """The letters of the diagrams."""
    diagrams = re.findall(r"```mermaid\n(.*?)```", (ROOT / "docs/lifecycle.md").read_text(), re.DOTALL)
    return {letter for diagram in diagrams for letter in LETTER.findall(diagram)}


def test_the_diagrams_have_letters() -> None:
    assert len(drawn()) > 30


def test_each_letter_is_named_where_it_happens_and_no_other() -> None:
    lines = [line for path in (ROOT / "sql").glob("*.sql") for line in path.read_text().splitlines()]
    named = {letter for line in lines for letter in LETTER.findall(line.partition("--")[2])}
    assert named == drawn()


def test_each_letter_marks_a_test_and_no_other() -> None:
    marks = [
        mark
        for path in (ROOT / "tests").rglob("test_*.py")
        for mark in re.findall(r"^@pytest\.mark\.transition\((.*)\)$", path.read_text(), re.MULTILINE)
    ]
    assert {letter for mark in marks for letter in re.findall(r'"(\w+)"', mark)} == drawn()
