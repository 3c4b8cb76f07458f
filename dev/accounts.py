"""Two customers that a fresh stack knows, so that a visitor can sign in at once."""

from __future__ import annotations

import psycopg

from backend.passwords import Passwords

PASSWORD = "front row seats"  # noqa: S105 - printed at every start, for this machine alone
EMAILS = ("ada@example.com", "bob@example.com")


def open_accounts(database_url: str) -> None:
    """Register those that are missing, as the database's owner: the limits of strangers do not concern them."""
    with psycopg.connect(database_url) as owner:
        known = {
            email for (email,) in owner.execute("select email from public.users where email = any (%s)", [[*EMAILS]])
        }
        for email in EMAILS:
            if email not in known:
                account = [email, Passwords().hash(PASSWORD), email.split("@")[0].title()]
                owner.execute("select public.register_user(%s, %s, %s)", account)
