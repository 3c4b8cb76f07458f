"""The settings, read from the environment."""

from collections.abc import Mapping

from pydantic import BaseModel, NonNegativeFloat, PositiveInt, ValidationError


class Settings(BaseModel, frozen=True):
    """Each is an environment variable, STRIPE_ before its name. Times are in seconds."""

    secret_key: str
    publishable_key: str
    webhook_secret: str
    webhook_url: str = ""
    """Without it, events are only stored."""
    state: str = ":memory:"
    """Path of the SQLite file that survives a restart."""
    port: PositiveInt = 12111
    settle_seconds: NonNegativeFloat = 2.0
    """How long a slow payment stays processing, and a slow refund pending."""
    retry_seconds: NonNegativeFloat = 1.0
    """Wait before the second delivery of an event, doubled each time. Stripe retries over hours to three days."""
    retry_longest_seconds: NonNegativeFloat = 60.0
    webhook_attempts: PositiveInt = 12
    webhook_timeout: NonNegativeFloat = 10.0


class SettingsError(Exception):
    """Names every setting that is missing or unreadable."""


def from_environment(env: Mapping[str, str]) -> Settings:
    """Read STRIPE_* variables. Raises SettingsError."""
    variables = {name: f"STRIPE_{name.upper()}" for name in Settings.model_fields}
    try:
        return Settings.model_validate({name: env[each] for name, each in variables.items() if env.get(each)})
    except ValidationError as error:
        wrong = (f"{variables[str(each['loc'][0])]}: {each['msg']}" for each in error.errors())
        raise SettingsError("; ".join(wrong)) from error
