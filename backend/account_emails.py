"""Emails about accounts, with the links that they carry.

The worker makes the token of a link while it writes the email, and the database learns only its hash. Whether an
address has an account shows here for the first time, where only its owner reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Final

from backend.answers import AccountEmailContext, OutboxRow
from backend.database import Database
from backend.emails import AccountEmail, Emails
from backend.sessions import hash_token, new_token

_PAGES: Final[dict[str, tuple[AccountEmail, str]]] = {
    "mail_verify_email": ("verify_email", "verify"),
    "mail_change_email": ("change_email", "verify"),
    "mail_reset_password": ("reset_password", "reset"),
}
"""The emails with a link that proves something, and the page that it leads to. The purpose of a token is the kind."""
_NOTICES: Final[dict[str, tuple[AccountEmail, str | None]]] = {
    "mail_email_changed": ("email_changed", None),
    "mail_password_changed": ("password_changed", "forgot"),
    "mail_second_factor_changed": ("second_factor_changed", None),
}
"""The emails that say what has happened, and the page where one can do something about it."""
KINDS: Final = (*_PAGES, *_NOTICES)


class AccountGoneError(Exception):
    """There is no account any more that the email is about."""


@dataclass(frozen=True)
class AccountEmails:
    """Writes them."""

    database: Database
    emails: Emails

    def write(self, row: OutboxRow, now: datetime) -> EmailMessage:
        """Write the email of a row of the outbox. Raises AccountGoneError."""
        context = row.get("account")
        if context is None:
            raise AccountGoneError
        if row["kind"] in _NOTICES:
            kind, page = _NOTICES[row["kind"]]
            return self.emails.account(kind, row["key"], context, now, link=page and self._address(page))
        return self._with_link(row, context, now)

    def _with_link(self, row: OutboxRow, context: AccountEmailContext, now: datetime) -> EmailMessage:
        kind, page = _PAGES[row["kind"]]
        if kind == "reset_password" and not context["known"]:
            return self.emails.account("no_account", row["key"], context, now)
        if kind != "reset_password" and context["taken"]:
            return self.emails.account("account_exists", row["key"], context, now, link=self._address("sign-in"))
        token = new_token()
        valid_minutes = self.database.issue_account_token(row["id"], kind, hash_token(token))["valid_minutes"]
        if valid_minutes is None:
            raise AccountGoneError
        # What follows the # is sent to no server, and stands in nobody's log.
        link = f"{self._address(page)}#{token}"
        return self.emails.account(kind, row["key"], context, now, link=link, valid_minutes=valid_minutes)

    def _address(self, page: str) -> str:
        return f"{self.emails.settings.app_url}/{page}"
