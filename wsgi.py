"""What gunicorn serves: `gunicorn wsgi:app`. The settings come from the environment."""

import sys

from backend import logs
from backend.app import create_app
from backend.database import SHORT_TIMEOUT, DataApi, Database
from backend.settings import Settings, SettingsError
from backend.stripe_gateway import StripeGateway

try:
    settings = Settings.from_environment()
except SettingsError as error:
    sys.exit(f"Frontrow cannot start:\n{error}")

logs.configure(settings.log_level)
app = create_app(
    settings,
    stripe=StripeGateway(settings),
    database=Database(DataApi(settings.supabase_url, settings.supabase_key)),
    short_timeout=Database(DataApi(settings.supabase_url, settings.supabase_key, SHORT_TIMEOUT)),
)
