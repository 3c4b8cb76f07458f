"""docs/lifecycle.md and the code speak of the same transitions: each is drawn, named in sql/, and marks a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRANSITION = re.compile(r"\b(?:lock|booking|payment|refund|dispute|outbox)\.[a-z_]+\b")


def drawn() -> set[str]:
    """The transitions of the diagrams."""
    diagrams = re.findall(r"```mermaid\n(.*?)```", (ROOT / "docs/lifecycle.md").read_text(), re.DOTALL)
    return {transition for diagram in diagrams for transition in TRANSITION.findall(diagram)}


def test_diagrams_name_transitions() -> None:
    assert len(drawn()) > 30


def test_each_transition_is_named_where_it_happens_and_no_other() -> None:
    lines = [line for path in (ROOT / "sql").rglob("*.sql") for line in path.read_text().splitlines()]
    named = {transition for line in lines for transition in TRANSITION.findall(line.partition("--")[2])}
    assert named == drawn()


def test_each_transition_marks_a_test_and_no_other() -> None:
    marks = [
        mark
        for path in (ROOT / "tests").rglob("test_*.py")
        for mark in re.findall(r"^@pytest\.mark\.transition\((.*)\)$", path.read_text(), re.MULTILINE)
    ]
    assert {transition for mark in marks for transition in re.findall(r'"([\w.]+)"', mark)} == drawn()
