"""docs/deploy.md, "The signing key": its commands and statements, taken out of the page and run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import dedent

import psycopg

from backend.settings import Settings
from backend.tokens import Tokens
from dev.config import ROOT
from dev.keys import Keys
from tests.cinema import CinemaFixture, Json

PAGE = (ROOT / "docs/deploy.md").read_text()
ENVIRONMENT = {
    "APP_URL": "https://frontrow.example",
    "SUPABASE_URL": "https://project.supabase.example",
    "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x",
    "JWT_SIGNING_KEY": Keys.generate().signing_key,
    "SECOND_FACTOR_KEY": Keys.generate().second_factor_key,
    "STRIPE_SECRET_KEY": "sk_test_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "SMTP_URL": "smtp://127.0.0.1:9",
    "MAIL_FROM": "tickets@frontrow.example",
}


def block(name: str) -> str:
    """The commands of the page that are marked with this name."""
    found = re.search(rf"<!-- tried: {name} -->\s*```(?:sh|sql)\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"deploy.md has no commands marked {name}"
    return dedent("   " + found[1].lstrip())


def run(cinema: CinemaFixture, statement: str) -> None:
    """As psql with the owner's connection string would."""
    with psycopg.connect(cinema.url, autocommit=True) as connection:
        connection.execute(statement.encode())


def process(**settings: str) -> Tokens:
    return Tokens.of(Settings.from_environment({**ENVIRONMENT, **settings}))


def emails(cinema: CinemaFixture, booking: Json) -> list[str]:
    keys = (row["key"] for row in cinema.outbox("mail_confirmation") if str(row["booking_id"]) == booking["id"])
    return [key.removeprefix(f"mail:confirmation:{booking['id']}") for key in keys]


def test_the_next_key_is_made_and_its_public_half_can_be_set_at_once(tmp_path: Path) -> None:
    path = f"{ROOT}/dev/node_modules/.bin:{os.environ['PATH']}"
    home = {"HOME": str(tmp_path), "DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1"}
    made = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", block("next-key")],
        cwd=tmp_path,
        env={"PATH": path, **home},
        capture_output=True,
        text=True,
        check=True,
    )
    file = tmp_path / "next-signing-key.json"
    assert file.stat().st_mode & 0o777 == 0o600
    next_key = file.read_text()
    assert json.loads(next_key)["d"] not in made.stdout
    before = process(JWT_ACCEPTED_KEYS=made.stdout)
    after = process(JWT_SIGNING_KEY=next_key, JWT_ACCEPTED_KEYS=json.dumps(before.jwks()))
    assert {key["kid"] for key in after.jwks()["keys"]} == {key["kid"] for key in before.jwks()["keys"]}
    assert after.key_id != before.key_id
    assert len(after.jwks()["keys"]) == 2


def test_after_a_leak_every_ticket_that_may_be_shown_is_sent_again_once(cinema: CinemaFixture) -> None:
    kept, cancelled, pending = (cinema.customer(name) for name in ("Ada", "Bob", "Eve"))
    booking, other = cinema.buy(kept, 0, 1), cinema.buy(cancelled, 2)
    cancelled.call("cancel_booking", booking_id=other["id"])
    cinema.book(pending, 3)
    before = cinema.outbox("mail_confirmation")
    for _ in range(2):
        run(cinema, block("tickets-again"))
    assert len(cinema.outbox("mail_confirmation")) == len(before) + 1
    assert len(emails(cinema, booking)) == 2
    again = [order for order in cinema.service().call("claim_outbox") if order["booking_id"] == booking["id"]]
    assert [order["email"]["booking"]["reference"] for order in again] == [booking["reference"]] * 2
    # The customer's own "send again" goes on after it.
    for order in again:
        cinema.service().call("complete_outbox", id=order["id"], attempt=order["attempt"])
    kept.call("send_ticket_again", booking_id=booking["id"])
    assert emails(cinema, booking)[2:] == [":3"]
    assert cinema.violations() == []


def test_query_for_last_ticket_of_a_key_adds_six_hours(cinema: CinemaFixture) -> None:
    """It goes by the time as it is: a showtime may have been moved after the tickets were sent."""
    cinema.buy(cinema.customer(), 0)
    cinema.owner.execute(
        "update public.showtimes set starts_at = starts_at + interval '3 days', ends_at = ends_at + interval '3 days',"
        " available_from = available_from + interval '3 days'"
    )
    (sold,) = cinema.rows("select ends_at, (select max(confirmed_at) from public.bookings) as at from public.showtimes")
    question = block("last-ticket")

    def until(moment: datetime) -> object:
        return cinema.value(re.sub(r"'\d{4}-.*?'", f"'{moment.isoformat()}'", question))

    assert until(sold["at"]) == sold["ends_at"] + timedelta(hours=6)
    assert until(sold["at"] - timedelta(seconds=1)) is None
