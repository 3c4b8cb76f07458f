"""The accounts that `make up` opens for visitors."""

from __future__ import annotations

from dev import accounts
from tests.http.frontrow import Frontrow


def test_own_accounts_do_not_meet_the_limit_of_strangers(frontrow: Frontrow) -> None:
    """A start after many registrations from this machine opens them all the same, and a second start counts nothing."""
    owner = frontrow.cinema.owner
    frontrow.cinema.forget_attempts()
    owner.execute("update private.settings set registrations_per_address = 1 where true")
    try:
        frontrow.register()
        for _ in range(2):
            accounts.open_accounts(frontrow.stack.cluster.url())
        attempts = frontrow.cinema.rows("select from private.rate_limit_hits")
    finally:
        owner.execute("update private.settings set registrations_per_address = default where true")
    assert len(attempts) == 2  # the registration, and the email to it
    for email in accounts.EMAILS:
        person = frontrow.stranger(email)
        answer = person.post("/api/auth/login", {"email": email, "password": accounts.PASSWORD})
        assert answer.status_code == 200, answer.text
