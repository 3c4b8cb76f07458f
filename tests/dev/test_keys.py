"""The local keys: their shapes, and that they stay."""

from __future__ import annotations

import json
from pathlib import Path

import jwt

from dev.keys import Keys


def test_keys_have_the_shapes_of_the_real_ones() -> None:
    keys = Keys.generate()
    assert keys.publishable.startswith("sb_publishable_")
    assert keys.secret.startswith("sb_secret_")
    assert keys.stripe_secret.startswith("sk_test_")
    assert keys.stripe_publishable.startswith("pk_test_")
    assert keys.stripe_webhook_secret.startswith("whsec_")
    signing_key = json.loads(keys.signing_key)
    assert signing_key["alg"] == "ES256"
    assert signing_key["use"] == "sig"
    assert {"kid", "d", "x", "y"} <= set(signing_key)


def test_the_jwk_set_verifies_both_kinds_of_token_and_holds_no_private_key() -> None:
    keys = Keys.generate()
    public, shared = (jwt.PyJWK(key) for key in json.loads(keys.jwks)["keys"])
    assert "d" not in json.loads(keys.jwks)["keys"][0]
    token = keys.token({"sub": "somebody"})
    assert jwt.get_unverified_header(token)["kid"] == public.key_id
    assert jwt.decode(token, public.key, algorithms=["ES256"]) == {"sub": "somebody"}
    for legacy, role in ((keys.anon_jwt, "anon"), (keys.service_role_jwt, "service_role")):
        claims = jwt.decode(legacy, shared.key, algorithms=["HS256"])
        assert claims["role"] == role
        assert claims["exp"] - claims["iat"] == 10 * 365 * 24 * 3600


def test_keys_are_made_once_and_read_by_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "local" / "keys.json"
    keys = Keys.kept_in(file)
    assert Keys.kept_in(file) == keys
    assert file.stat().st_mode & 0o777 == 0o600


def test_keys_of_another_shape_are_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    for text in ('{"secret": "old"}', "{"):
        file.write_text(text)
        assert Keys.kept_in(file) == Keys.kept_in(file)
