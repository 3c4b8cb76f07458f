"""The Flask app with its ports in memory: what goes over the wire is looked at here, what it comes to in tests/http."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from backend.app import create_app
from backend.database import Database
from backend.passwords import Passwords
from backend.settings import Settings
from dev.keys import Keys
from tests.backend.ports import FakeDataApi, FakeMailer, FakeStripe

PAGE = "https://frontrow.example"


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """All that is required, and a signing key."""
    return {
        "APP_URL": PAGE,
        "CORS_ORIGINS": PAGE,
        "SUPABASE_URL": "https://project.supabase.example",
        "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_hidden-supabase",
        "JWT_SIGNING_KEY": Keys.generate().signing_key,
        "SECOND_FACTOR_KEY": Keys.generate().second_factor_key,
        "STRIPE_SECRET_KEY": "sk_test_hidden-stripe",
        "STRIPE_WEBHOOK_SECRET": "whsec_hidden-old,whsec_hidden-new",
        "SMTP_URL": "smtp://user:hidden-smtp@127.0.0.1:2525",
        "MAIL_FROM": "Frontrow <tickets@frontrow.example>",
    }


@pytest.fixture(scope="session")
def settings(environment: dict[str, str]) -> Settings:
    return Settings.from_environment(environment)


@pytest.fixture
def data_api() -> FakeDataApi:
    return FakeDataApi()


@pytest.fixture
def stripe() -> FakeStripe:
    return FakeStripe()


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    """Cheap ones."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def app(settings: Settings, data_api: FakeDataApi, stripe: FakeStripe, passwords: Passwords) -> Flask:
    return create_app(settings, stripe=stripe, database=Database(data_api), passwords=passwords)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
