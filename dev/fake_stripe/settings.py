"""The settings, read from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Times are in seconds. Without webhook_url, events are only stored."""

    secret_key: str
    publishable_key: str
    webhook_secret: str = ""
    webhook_url: str = ""
    state: str = ":memory:"
    """Path of the SQLite file that survives a restart."""
    port: int = 12111
    settle_seconds: float = 2.0
    """How long a slow payment stays processing, and a slow refund pending."""
    retry_seconds: float = 1.0
    """Wait before the second delivery of an event, doubled each time. Stripe retries over hours to three days."""
    retry_longest_seconds: float = 60.0
    webhook_attempts: int = 12
    webhook_timeout: float = 10.0


class SettingsError(Exception):
    """Names every setting that is missing or unreadable."""


def from_environment(env: Mapping[str, str]) -> Settings:
    """Read STRIPE_* variables. Raises SettingsError naming all that are wrong."""
    wrong = [f"{name} is missing" for name in ("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY") if not env.get(name)]
    if env.get("STRIPE_WEBHOOK_URL") and not env.get("STRIPE_WEBHOOK_SECRET"):
        wrong.append("STRIPE_WEBHOOK_SECRET is missing, and STRIPE_WEBHOOK_URL needs it to sign events")

    def number(name: str, default: float) -> float:
        try:
            value = float(env.get(name) or default)
        except ValueError:
            value = -1.0
        if value < 0:
            wrong.append(f"{name} is not a positive number")
        return value

    settings = Settings(
        secret_key=env.get("STRIPE_SECRET_KEY", ""),
        publishable_key=env.get("STRIPE_PUBLISHABLE_KEY", ""),
        webhook_secret=env.get("STRIPE_WEBHOOK_SECRET", ""),
        webhook_url=env.get("STRIPE_WEBHOOK_URL", ""),
        state=env.get("STRIPE_STATE") or ":memory:",
        port=int(number("STRIPE_PORT", 12111)),
        settle_seconds=number("STRIPE_SETTLE_SECONDS", 2.0),
        retry_seconds=number("STRIPE_RETRY_SECONDS", 1.0),
        retry_longest_seconds=number("STRIPE_RETRY_LONGEST_SECONDS", 60.0),
        webhook_attempts=int(number("STRIPE_WEBHOOK_ATTEMPTS", 12)),
        webhook_timeout=number("STRIPE_WEBHOOK_TIMEOUT", 10.0),
    )
    if wrong:
        raise SettingsError("; ".join(wrong))
    return settings
