"""One strict form of an email address, by the examples that SQL and the page share."""

from __future__ import annotations

import pytest

from backend import email_addresses
from tests.data import EMAILS


@pytest.mark.parametrize(("typed", "stored"), EMAILS.accepted)
def test_what_is_stored_for_an_address_as_typed(typed: str, stored: str) -> None:
    assert email_addresses.normalize(typed) == stored
    assert email_addresses.is_valid(stored)
    assert email_addresses.normalize(stored) == stored, "once more changes nothing"


@pytest.mark.parametrize("typed", EMAILS.refused)
def test_what_is_no_address(typed: str) -> None:
    assert email_addresses.normalize(typed) is None
    assert not email_addresses.is_valid(typed)


@pytest.mark.parametrize(
    "domain", ["xn--zz.example", "xn--a.example", "xn--strae-oqa-.example", "a\u0301\u0327.\u0660a"]
)
def test_a_domain_that_idna_2008_does_not_know(domain: str) -> None:
    """SQL and the page look at its letters only."""
    assert email_addresses.normalize(f"ada@{domain}") is None


def test_half_a_megabyte_is_no_address() -> None:
    assert email_addresses.normalize("x" * 500_000 + "@example.com") is None
    assert email_addresses.normalize("ada@" + "ü" * 500_000) is None
