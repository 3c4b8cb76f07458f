"""Two customers that a fresh stack knows, so that a visitor can sign in at once."""

from __future__ import annotations

import psycopg

from backend.passwords import Passwords

PASSWORD = "front row seats"  # noqa: S105 - printed at every start, for this machine alone
EMAILS = ("ada@example.com", "bob@example.com")
_ACCOUNT = """
with account as (
  insert into public.users (email, full_name, email_verified_at) values (%s, %s, private.now()) returning id
)
insert into private.credentials (user_id, password_hash) select id, %s from account
"""


def open_accounts(database_url: str) -> None:
    """Add those that are missing, as the database's owner: their addresses are proved, and no limit concerns them."""
    with psycopg.connect(database_url) as owner:
        known = {
            email
            for (email,) in owner.execute(
                "select email from public.users where email = any (%s) and email_verified_at is not null", [[*EMAILS]]
            )
        }
        for email in EMAILS:
            if email not in known:
                owner.execute(_ACCOUNT, [email, email.split("@")[0].title(), Passwords().hash(PASSWORD)])
