"""argon2id, and the rule for passwords."""

from __future__ import annotations

import pytest

from backend.errors import ApiError
from backend.passwords import Passwords


def test_the_default_is_argon2id_at_costs_that_owasp_takes_for_enough() -> None:
    assert Passwords().hash("correct horse").startswith("$argon2id$v=19$m=47104,t=1,p=1$")


def test_hashes_match_their_password_only(passwords: Passwords) -> None:
    stored = passwords.hash("correct horse")
    assert stored != passwords.hash("correct horse")
    assert passwords.matches("correct horse", stored)
    assert not passwords.matches("Correct horse", stored)
    assert not passwords.matches("correct horse", None)
    assert not passwords.matches("correct horse", "$argon2id$broken")


@pytest.mark.parametrize(("length", "fits"), [(9, False), (10, True), (200, True), (201, False)])
def test_lengths_are_counted_in_characters(passwords: Passwords, length: int, fits: bool) -> None:
    password = "ß" * length
    if fits:
        assert passwords.matches(password, passwords.hash(password))
    else:
        with pytest.raises(ApiError) as refused:
            passwords.hash(password)
        assert refused.value.code == "weak_password"


def test_a_password_of_a_megabyte_is_not_hashed_whole(passwords: Passwords) -> None:
    stored = passwords.hash("x" * 200)
    assert not passwords.matches("x" * 1_000_000, stored)
