"""Text that others chose, made fit for an email."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LONGEST_GREETED: Final = 40
_MOST_WORDS_GREETED: Final = 5
_WORD: Final = re.compile(r"(?:[^\W\d_]\.)+|(?:[^\W\d_]\.)*[^\W\d_]+(?:['’\u2010·-][^\W\d_]+)*\.?")
"""Letters with apostrophes and hyphens between them, initials with their dots, and an abbreviation's dot."""


def greeted(full_name: str | None) -> str | None:
    """Return a name to greet by where it is plainly one, of a few words of letters. Anybody may register with somebody
    else's address, and the name is theirs to choose: no number to call, no domain, no sentence of theirs gets into our
    email."""
    words = _bare(full_name or "").split()
    plain = (
        full_name is not None
        and 0 < len(words) <= _MOST_WORDS_GREETED
        and len(full_name) <= _LONGEST_GREETED
        and all(_WORD.fullmatch(word) for word in words)
    )
    return full_name if plain else None


def _bare(name: str) -> str:
    """Return a name without marks and joiners, which are no letters to a regular expression."""
    return "".join(c for c in name if unicodedata.category(c) not in ("Mn", "Mc") and c not in "\u200c\u200d")


def one_line(text: str) -> str:
    """Replace line breaks and other control characters, which a header must not have."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
