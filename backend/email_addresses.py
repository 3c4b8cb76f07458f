"""What an email address is, and the one form in which it is stored.

sql/accounts/users.sql (private.is_email) and the page (frontend/src/shared/lib/email.ts) say the same. The rule is ours
and not a library's, because three languages must agree on it; examples for all three are in tests/data/emails.json.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import idna

from backend.errors import ApiError

_LONGEST_TYPED: Final = 1000
"""In characters; composed and encoded, an address has 254 bytes at the most."""
_LETTERS: Final = (
    "\u00df-\u00f6\u00f8-\u034e\u0350-\u061b\u061d-\u115e\u1161-\u167f\u1681-\u17b3\u17b6-\u180a\u1810-\u1fff"
    "\u2c00-\u2dff\u3005-\u3007\u3021-\u3029\u3031-\u3163\u3165-\ud7ff\U00020000-\U0003fffd"
)
"""Beyond ASCII, without signs, without what is invisible, and without private use."""
_WORD: Final = rf"[a-z0-9!#$%&'*+/=?^_`{{|}}~{_LETTERS}-]+"
_LABEL: Final = r"(?!(?!xn)..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_LAST_LABEL: Final = r"(?!(?!xn)..--)[a-z][a-z0-9-]{0,61}[a-z0-9]"
_ADDRESS: Final = re.compile(
    rf"(?P<local>(?![\u0300-\u036f]){_WORD}(?:\.{_WORD})*)@(?:{_LABEL}\.)+{_LAST_LABEL}",
)


def normalize(typed: str) -> str | None:
    """Return what is stored for an address as typed; None where it is none. Its letters are composed (NFC) and in lower
    case, its domain is in ASCII by IDNA 2008, in which straße is not strasse."""
    if len(typed) > _LONGEST_TYPED:
        return None
    address = simplify(typed)
    local, _, domain = address.rpartition("@")
    if unicodedata.normalize("NFKC", address) != address:
        return None  # it would turn into another one on its way: U+FF20 into an @
    try:
        domain = idna.encode(domain, strict=True, std3_rules=True).decode()
    except UnicodeError:
        return None
    address = f"{local}@{domain}"
    return address if is_valid(address) else None


def require_address(typed: str) -> str:
    """Return the one form of an address that somebody typed. Raises invalid_email."""
    address = normalize(typed)
    if address is None:
        raise ApiError("invalid_email")
    return address


def simplify(typed: str) -> str:
    """Compose letters (NFC) and lower them, as SQL does before it looks an address up."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", typed.strip()).lower())


def is_valid(address: str) -> bool:
    """Tell whether this is an address as it is stored, which a mail server takes for one and for nothing more."""
    found = _ADDRESS.fullmatch(address)
    return (
        found is not None
        and len(address.encode()) <= 254
        and len(found["local"].encode()) <= 64
        and unicodedata.normalize("NFKC", address) == address
    )
