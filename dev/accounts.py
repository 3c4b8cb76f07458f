"""Two customers that a fresh stack knows, so that a visitor can sign in at once; opened through Flask like any."""

from __future__ import annotations

import httpx

PASSWORD = "front row seats"  # noqa: S105 - printed at every start, for this machine alone
EMAILS = ("ada@example.com", "bob@example.com")


def open_accounts(api_url: str) -> None:
    """Register them unless they are there. Raises RuntimeError with what Flask answers instead."""
    for email in EMAILS:
        person = {"email": email, "password": PASSWORD, "full_name": email.split("@")[0].title()}
        answer = httpx.post(f"{api_url}/api/auth/register", json=person, timeout=20)
        if answer.status_code not in (201, 409):
            raise RuntimeError(f"The demo account {email} could not be opened: {answer.status_code} {answer.text}")
