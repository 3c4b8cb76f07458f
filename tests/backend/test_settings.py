"""The environment, and .env.example as its description."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.settings import Settings, SettingsError
from dev.keys import Keys

_OF_THE_PAGE = {
    "VITE_API_URL",
    "VITE_HUMAN_CHECK",
    "VITE_HUMAN_CHECK_SITE_KEY",
    "VITE_HUMAN_CHECK_SCRIPT",
    "VITE_STRIPE_PUBLISHABLE_KEY",
    "VITE_STRIPE_API_BASE",
    "VITE_SUPABASE_URL",
    "VITE_SUPABASE_ANON_KEY",
}
_OF_THE_WEB_SERVER = {"PAGE_CONNECTS_TO"}
_EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"


def test_the_example_lists_every_variable_with_a_line_of_meaning() -> None:
    lines = _EXAMPLE.read_text().splitlines()
    listed = [(number, match[1]) for number, line in enumerate(lines) if (match := re.match(r"#?([A-Z0-9_]+)=", line))]
    names = [name for _, name in listed]
    assert sorted(names) == sorted({*Settings.variables(), *_OF_THE_PAGE, *_OF_THE_WEB_SERVER})
    for number, name in listed:
        assert re.match(r"# ?\(?[A-Za-z0-9]", lines[number - 1]), f"{name} has no line of meaning"


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"APP_URL": " ", "PORT": "http"})
    message = str(refused.value)
    for name in (
        *("APP_URL", "SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"),
        *("SECOND_FACTOR_KEY", "SMTP_URL", "MAIL_FROM", "JWT_SIGNING_KEY or JWT_SECRET", "PORT"),
    ):
        assert name in message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "hidden"),
        ("APP_URL", "frontrow.example"),
        ("SUPABASE_URL", "ftp://x"),
        ("SUPABASE_SERVICE_ROLE_KEY", "sb_publishable_x"),
        ("SUPABASE_SERVICE_ROLE_KEY", "secret"),
        ("SUPABASE_SERVICE_ROLE_KEY", "hidden.hidden.hidden"),
        ("SUPABASE_SERVICE_ROLE_KEY", Keys.generate().anon_jwt),
        ("JWT_SIGNING_KEY", "hidden"),
        ("JWT_SIGNING_KEY", '{"kty": "RSA"}'),
        ("JWT_SIGNING_KEY", '{"kty": "EC", "crv": "P-256", "x": "hidden", "y": "hidden"}'),
        ("JWT_SIGNING_KEY", '{"kty": "EC", "crv": "P-256", "x": "hidden", "y": "hidden", "d": "hidden"}'),
        ("JWT_ACCEPTED_KEYS", "hidden"),
        ("JWT_ACCEPTED_KEYS", '"hidden"'),
        ("JWT_ACCEPTED_KEYS", '{"kty": "EC"}'),
        ("JWT_ACCEPTED_KEYS", '["hidden"]'),
        ("JWT_ACCEPTED_KEYS", '{"keys": [{"kty": "oct", "k": "hidden"}]}'),
        ("JWT_ACCEPTED_KEYS", '[{"kty": "EC", "crv": "P-256", "x": "hidden", "y": "hidden"}]'),
        ("JWT_ACCEPTED_KEYS", f"[{Keys.generate().signing_key}]"),
        ("JWT_SECRET", "hidden-but-short"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://frontrow.example/path"),
        ("COOKIE_SECURE", "hidden"),
        ("TRUSTED_PROXIES", "-1"),
        ("SECOND_FACTOR_KEY", ","),
        ("SECOND_FACTOR_KEY", "hidden"),
        ("SECOND_FACTOR_KEY", "aGlkZGVuIGFuZCB0b28gc2hvcnQ="),
        ("STRIPE_WEBHOOK_SECRET", ","),
        ("SMTP_URL", "http://mail"),
        ("SMTP_URL", "smtp://mail:port"),
        ("SMTP_URL", "smtp://mail?starttls=perhaps"),
        ("MAIL_FROM", "Frontrow"),
        ("LOG_LEVEL", "hidden"),
        ("WORKER_THREADS", "0"),
        ("SWEEP_SECONDS", "nan"),
        ("SWEEP_SECONDS", "-1"),
    ],
)
def test_invalid_values_are_refused_without_quoting_them(
    environment: dict[str, str], variable: str, value: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({**environment, variable: value})
    assert str(refused.value).startswith(f"{variable} ")
    assert "hidden" not in str(refused.value)


def test_secrets_are_hidden_in_repr(settings: Settings, environment: dict[str, str]) -> None:
    shown = repr(settings)
    assert "hidden" not in shown
    assert json.loads(environment["JWT_SIGNING_KEY"])["d"] not in shown


def test_secret_keys_and_service_role_jwts_are_accepted(environment: dict[str, str]) -> None:
    keys = Keys.generate()
    for key in (keys.secret, keys.service_role_jwt):
        assert Settings.from_environment({**environment, "SUPABASE_SERVICE_ROLE_KEY": key}).supabase_key == key
    # As the CLI's signing_keys_path wants it.
    listed = Settings.from_environment({**environment, "JWT_SIGNING_KEY": f"[{keys.signing_key}]"})
    assert listed.jwt_signing_key is not None
    assert listed.jwt_signing_key["kid"] == json.loads(keys.signing_key)["kid"]


def test_the_publishable_key_is_refused_as_the_secret_one(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"is a JWT of another role; that of service_role is needed"):
        Settings.from_environment({**environment, "SUPABASE_SERVICE_ROLE_KEY": Keys.generate().anon_jwt})


def test_a_kid_names_one_key(environment: dict[str, str]) -> None:
    own, other = (json.loads(Keys.generate().signing_key) for _ in range(2))
    del other["d"]
    for accepted in ([other | {"kid": own["kid"]}], [other, {**own, "kid": other["kid"]} | {"d": None}]):
        keys = [{name: part for name, part in key.items() if part} for key in accepted]
        with pytest.raises(SettingsError, match=r"^JWT_ACCEPTED_KEYS has two keys of one kid"):
            Settings.from_environment(
                {**environment, "JWT_SIGNING_KEY": json.dumps(own), "JWT_ACCEPTED_KEYS": json.dumps(keys)}
            )


def test_only_the_environment_that_was_passed_counts(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "6000")
    monkeypatch.setenv("JWT_SECRET", "s" * 32)
    settings = Settings.from_environment(environment)
    assert (settings.port, settings.jwt_secret) == (5000, None)


def test_settings_do_not_change(settings: Settings) -> None:
    with pytest.raises(ValidationError):
        settings.port = 6000


def test_defaults(settings: Settings) -> None:
    assert settings.port == 5000
    assert settings.issuer == "https://project.supabase.example/auth/v1"
    assert settings.stripe_webhook_secrets == ("whsec_hidden-old", "whsec_hidden-new")
    assert settings.allowed_origins == {"https://frontrow.example"}
