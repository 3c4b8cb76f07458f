"""argon2id, and the rule for passwords."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

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


@pytest.mark.parametrize("password", ["1234567890", "qwertyuiop", "Password123", "\uff11\uff12\uff13\uff14567890"])
def test_what_guessers_try_first_is_refused(passwords: Passwords, password: str) -> None:
    with pytest.raises(ApiError) as refused:
        passwords.hash(password)
    assert refused.value.code == "weak_password"


def test_a_password_composed_and_decomposed_is_one(passwords: Passwords) -> None:
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
    assert passwords.matches(decomposed, passwords.hash(composed))
    assert passwords.matches(composed, passwords.hash(decomposed))


def test_a_password_that_was_hashed_as_it_was_typed_still_fits() -> None:
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    assert Passwords(hasher).matches("cafe\u0301 au lait", hasher.hash("cafe\u0301 au lait"))


def test_no_password_is_cut_to_fit(passwords: Passwords) -> None:
    """Composed, these have 200 letters and more, and each would begin like the other."""
    assert passwords.matches("e\u0301" * 200, passwords.hash("\u00e9" * 200))
    for decomposed in ("e\u0301" * 201, "e\u0301" * 1_000):
        with pytest.raises(ApiError):
            passwords.hash(decomposed)
        assert not passwords.matches(decomposed, passwords.hash("\u00e9" * 200))
