"""Examples that tests of several languages share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple


class Examples(NamedTuple):
    """What is accepted, as typed and as stored, and what is refused."""

    accepted: list[tuple[str, str]]
    refused: list[str]


def _read(name: str) -> Examples:
    examples = json.loads((Path(__file__).parent / name).read_text())
    return Examples([(typed, stored) for typed, stored in examples["accepted"]], examples["refused"])


EMAILS: Final = _read("emails.json")
NAMES: Final = _read("names.json")
