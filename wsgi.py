"""What gunicorn serves: `gunicorn wsgi:app`. The settings come from the environment."""

import sys
import threading

from backend import logs
from backend.app import create_app
from backend.database import SHORT_TIMEOUT, DataApi, Database
from backend.human_check import Siteverify
from backend.schema_version import log_if_outdated
from backend.settings import Settings, SettingsError
from backend.stripe_gateway import StripeGateway

try:
    settings = Settings.from_environment()
except SettingsError as error:
    sys.exit(f"Frontrow cannot start:\n{error}")

logs.configure(settings.log_level)
short_timeout = Database(DataApi(settings.supabase_url, settings.supabase_key, SHORT_TIMEOUT))
app = create_app(
    settings,
    stripe=StripeGateway(settings),
    database=Database(DataApi(settings.supabase_url, settings.supabase_key)),
    short_timeout=short_timeout,
    human_check=Siteverify.of(settings),
)
# In a thread, so that a database that is away does not hold up the start.
threading.Thread(target=log_if_outdated, args=(short_timeout,), daemon=True).start()
