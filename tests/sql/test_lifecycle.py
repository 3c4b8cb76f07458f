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


def test_drawn_states_are_those_of_the_enums() -> None:
    """Every label of the type is a state of its diagram, and no other."""
    documentation = (ROOT / "docs/lifecycle.md").read_text()
    for title, name, file in (
        ("A booking", "public.booking_status", "booking/bookings.sql"),
        ("Work outside the database", "private.outbox_state", "platform/outbox.sql"),
    ):
        diagram = documentation.partition(f"## {title}\n")[2].partition("```mermaid")[2].partition("```")[0]
        states = {state for pair in re.findall(r"(\S+) --> (\w+):", diagram) for state in pair} - {"[*]"}
        declared = (ROOT / "sql" / file).read_text().partition(f"create type {name} as enum (")[2].partition(");")[0]
        assert states == set(re.findall(r"^  '(\w+)'", declared, re.MULTILINE)), title
