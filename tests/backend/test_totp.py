"""Codes of authenticator apps against RFC 6238, recovery codes, and the encryption of secrets."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest

from backend import totp
from backend.totp import SecretBox, SecretError
from dev.keys import Keys

ADA, BOB = UUID(int=1), UUID(int=2)
SECRET = b"12345678901234567890"
VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
"""RFC 6238, appendix B, SHA-1: eight digits, of which apps show the last six."""


def key() -> str:
    return Keys.generate().second_factor_key


@pytest.mark.parametrize("at", VECTORS)
def test_codes_are_those_of_the_rfc(at: int) -> None:
    assert totp.matching_step(SECRET, VECTORS[at][2:], at) == at // 30


@pytest.mark.parametrize(("late", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_differ_by_one_step(late: int, accepted: bool) -> None:
    for second in (0, 29):
        at = 1111111110 - 1111111110 % 30 + second
        step = totp.matching_step(SECRET, "050471", at + 30 * late)
        assert step == (1111111110 // 30 if accepted else None)


def test_spaces_in_a_code_do_not_count() -> None:
    assert totp.matching_step(SECRET, " 287 082\n", 59) == 1


@pytest.mark.parametrize("code", ["", "28708", "0287082", "94287082", "287083", "\u0662\u0668\u0667\u0660\u0668\u0662"])
def test_what_is_no_such_code_matches_nothing(code: str) -> None:
    assert totp.matching_step(SECRET, code, 59) is None


def test_secrets_are_as_long_as_the_hash_and_never_the_same() -> None:
    secrets = {totp.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {20}
    assert totp.as_typed(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def test_the_uri_is_what_apps_scan() -> None:
    parts = urlsplit(totp.uri(SECRET, "ada+1@example.com"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Frontrow:ada+1@example.com"
    assert parse_qs(parts.query) == {
        "secret": [totp.as_typed(SECRET)],
        "issuer": ["Frontrow"],
        "digits": ["6"],
        "period": ["30"],
        "algorithm": ["SHA1"],
    }


def test_ten_recovery_codes_of_eighty_bits() -> None:
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", code) for code in codes)


def test_a_recovery_code_is_one_however_it_is_typed_and_for_one_person() -> None:
    kept = totp.recovery_code_hash(ADA, "ABCD-EFGH-IJKL-MN27")
    assert re.fullmatch("[0-9a-f]{64}", kept)
    for typed in ("abcdefghijklmn27", " abcd efgh ijkl mn27 ", "ABCD_EFGH_IJKL_MN27"):
        assert totp.recovery_code_hash(ADA, typed) == kept
    assert totp.recovery_code_hash(BOB, "ABCD-EFGH-IJKL-MN27") != kept
    assert totp.recovery_code_hash(ADA, "ABCD-EFGH-IJKL-MN22") != kept


def test_a_sealed_secret_is_opened_by_its_key_for_its_owner() -> None:
    mine = key()
    sealed = SecretBox([mine]).seal(ADA, SECRET)
    assert SecretBox([mine]).open(ADA, sealed) == SECRET
    assert SecretBox([mine]).seal(ADA, SECRET) != sealed, "one cannot tell who has the same"
    for box, owner in ((SecretBox([key()]), ADA), (SecretBox([mine]), BOB)):
        with pytest.raises(SecretError):
            box.open(owner, sealed)


@pytest.mark.parametrize("sealed", ["", "gAAAAA", "x" * 120, "é"])
def test_what_was_never_sealed_is_not_opened(sealed: str) -> None:
    box = SecretBox([key()])
    with pytest.raises(SecretError):
        box.open(ADA, sealed)
    with pytest.raises(SecretError):
        box.reseal(sealed)


def test_keys_follow_each_other() -> None:
    """While processes restart, some have the new key already, and all know both."""
    old, new = key(), key()
    before, first, second, after = (SecretBox(keys) for keys in ([old], [old, new], [new, old], [new]))
    for sealing, opening in ((before, first), (first, before), (first, second), (second, first)):
        assert opening.open(ADA, sealing.seal(ADA, SECRET)) == SECRET
    sealed = before.seal(ADA, SECRET)
    with pytest.raises(SecretError):
        after.open(ADA, sealed)
    assert after.open(ADA, second.reseal(sealed)) == SECRET
