"""No log line of any service holds a secret, whatever happened, at the finest level."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable
from typing import Any, cast

import pytest
import requests
import stripe

from tests.http.frontrow import PASSWORD, Customer, Frontrow, eventually

CARD, CVC = "4242424242424242", "737"


class Secrets:
    """The secrets that must not be written anywhere, by kind."""

    def __init__(self, frontrow: Frontrow) -> None:
        keys = frontrow.stack.keys
        self.all: dict[str, str] = {
            "secret key": keys.secret,
            "service_role JWT": keys.service_role_jwt,
            "shared JWT secret": keys.jwt_secret,
            "signing key": json.loads(keys.signing_key)["d"],
            "key of second factors": keys.second_factor_key,
            "Stripe's key": keys.stripe_secret,
            "webhook secret": keys.stripe_webhook_secret,
            "card": CARD,
        }

    def add(self, what: str, value: str | None) -> None:
        assert value, what
        self.all[f"{what} {len(self.all)}"] = value


@pytest.fixture
def written(frontrow: Frontrow) -> Callable[[], dict[str, str]]:
    """Return what all services log from here on, by file."""
    folder = frontrow.stack.config.local / "log"
    before = {path: path.stat().st_size for path in folder.iterdir()}

    def since() -> dict[str, str]:
        return {
            path.name: path.read_bytes()[before.get(path, 0) :].decode(errors="replace") for path in folder.iterdir()
        }

    return since


def accounts(frontrow: Frontrow, secrets: Secrets) -> Customer:
    """Register, mistype, sign in, refresh, lose the token to a thief, and sign in again."""
    password = f"my very own {uuid.uuid4().hex}"
    secrets.add("password", password)
    person = frontrow.stranger()
    body = {"email": person.email, "password": password, "full_name": "Ada Lovelace"}
    secrets.add("access token", person.keep(person.post("/api/auth/register", body))["access_token"])
    secrets.add("cookie", person.cookie)
    secrets.add(
        "password hash",
        frontrow.cinema.value("select password_hash from private.credentials where user_id = %s", [person.id]),
    )
    mistyped = {**body, "password": f"mistyped {uuid.uuid4().hex}"}
    secrets.add("mistyped password", mistyped["password"])
    for path, content in (
        ("/api/auth/register", {**body, "full_name": ""}),
        ("/api/auth/register", {**body, "password": "x"}),
        ("/api/auth/login", {**mistyped, "full_name": 7}),
        ("/api/auth/login", {"email": person.email, "password": mistyped["password"]}),
        (f"/api/nothing?password={password}", mistyped),
    ):
        assert frontrow.stranger(person.email).post(path, content).status_code >= 400
    stolen = person.cookie
    for name in ("second cookie", "next cookie"):
        person.keep(person.post("/api/auth/refresh"))
        secrets.add(name, person.cookie)
    thief = requests.post(frontrow.api + "/api/auth/refresh", cookies={"frontrow_refresh": stolen or ""}, timeout=10)
    assert thief.status_code == 401
    person.keep(person.post("/api/auth/login", {"email": person.email, "password": password}))
    secrets.add("third cookie", person.cookie)
    secrets.add("third access token", person.token)
    return person


def crash(frontrow: Frontrow, secrets: Secrets) -> None:
    """Flask meets what it did not expect, with a password in its hands."""
    owner, password = frontrow.cinema.owner, f"at the crash {uuid.uuid4().hex}"
    secrets.add("password at the crash", password)
    function = "public.register_user(text, text, text, uuid)"
    owner.execute(f"revoke execute on function {function} from service_role".encode())
    try:
        body = {"email": f"{uuid.uuid4().hex}@example.com", "password": password, "full_name": "Ada"}
        answer = frontrow.stranger().post("/api/auth/register", body)
    finally:
        owner.execute(f"grant execute on function {function} to service_role".encode())
    assert (answer.status_code, answer.json()["message"]) == (500, "internal")


def money(frontrow: Frontrow, person: Customer, secrets: Secrets) -> None:
    """A declined card, a good one, the ticket, and the money back."""
    booking = person.book()
    intent = person.intent(booking)
    secrets.add("client secret", intent["client_secret"])
    with pytest.raises(stripe.CardError):
        frontrow.pay(intent, "pm_card_visa_chargeDeclined")
    page = frontrow.stripe_client(frontrow.stack.keys.stripe_publishable)
    card = {"number": CARD, "exp_month": 12, "exp_year": 2040, "cvc": CVC}
    method = page.v1.payment_methods.create(cast(Any, {"type": "card", "card": card}))
    frontrow.pay(intent, method.id)
    eventually(lambda: person.booking(booking)["status"] == "confirmed")
    headers = {"Authorization": f"Bearer {person.token}"}
    ticket = requests.get(f"{frontrow.api}/api/bookings/{booking['id']}/ticket", headers=headers, timeout=20)
    secrets.add("ticket", ticket.json()["token"])
    frontrow.deliver(frontrow.event("payment_intent.succeeded", {"client_secret": intent["client_secret"]}))
    frontrow.deliver(frontrow.event("payment_intent.succeeded", {}), secret="whsec_of_somebody_else")
    person.rpc("cancel_booking", booking_id=booking["id"])
    eventually(lambda: person.booking(booking)["status"] == "refunded")
    eventually(lambda: len(frontrow.mails(person.email)) == 2)


def test_no_secret_is_in_any_log(frontrow: Frontrow, written: Callable[[], dict[str, str]]) -> None:
    secrets = Secrets(frontrow)
    person = accounts(frontrow, secrets)
    crash(frontrow, secrets)
    money(frontrow, person, secrets)
    bad = {"Authorization": f"Bearer {person.token}x", "apikey": frontrow.stack.keys.publishable}
    requests.get(f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/my_account", headers=bad, timeout=10)
    assert person.post("/api/auth/logout", {"everywhere": True}).status_code == 204

    logs = written()
    assert '"event": "unexpected"' in logs["api.log"], "the crash is there to be seen"
    assert '"event": "done"' in logs["worker.log"]
    found = [f"{what} in {name}" for name, text in logs.items() for what, value in secrets.all.items() if value in text]
    assert found == []
    for name in ("api.log", "worker.log"):
        assert person.email not in logs[name], "lines name people by ids"


def test_a_secret_in_a_log_would_be_seen(frontrow: Frontrow, written: Callable[[], dict[str, str]]) -> None:
    """The control: what the test above looks for, once somebody writes it."""
    secrets = Secrets(frontrow)
    with (frontrow.stack.config.local / "log" / "api.log").open("a") as log:
        log.write(f"{secrets.all['card']}\n")
    assert any(secrets.all["card"] in text for text in written().values())


def test_nobody_who_was_forgotten_is_in_a_log_a_dump_or_the_outbox(
    frontrow: Frontrow, written: Callable[[], dict[str, str]]
) -> None:
    """A guest who bought, registered, mistyped a password, asked for another and had the money back. Emails that have
    arrived are the reader's; what is ours of them says only that there were some."""
    person = frontrow.stranger(f"zoe.quintessa.{uuid.uuid4().hex[:8]}@example.com")
    name = f"Zoe Quintessa {uuid.uuid4().hex[:8]}"
    person.keep(person.post("/api/auth/guest"))
    booking = person.book()
    person.rpc("set_contact", email=person.email, full_name=name)
    frontrow.pay(person.intent(booking))
    eventually(lambda: person.booking(booking)["status"] == "confirmed")
    body = {"email": person.email, "password": PASSWORD, "full_name": name}
    person.keep(person.post("/api/auth/register", body))
    frontrow.stranger().post("/api/auth/login", {**body, "password": "mistyped", "full_name": None})
    frontrow.stranger().post("/api/auth/login", {"email": person.email, "password": "mistyped"})
    frontrow.stranger().post("/api/auth/forgot", {"email": person.email})
    person.rpc("cancel_booking", booking_id=booking["id"])
    eventually(lambda: person.booking(booking)["status"] == "refunded")
    eventually(lambda: len(frontrow.all_mails(person.email)) == 4)
    figures = frontrow.cinema.value("select total from public.bookings where id = %s", [booking["id"]])
    left = eventually(
        lambda: [each for each in frontrow.cinema.call_service("forget_user", who=person.email) if "until" not in each]
    )
    assert [each["status"] for each in left] == ["deleted"]

    dump = subprocess.run(
        [frontrow.stack.cluster.binary("pg_dump"), frontrow.stack.cluster.url()], capture_output=True, check=True
    ).stdout.decode()
    texts = {"the dump": dump, **written()}
    found = [f"{word} in {where}" for where, text in texts.items() for word in (person.email, name) if word in text]
    assert found == []
    assert booking["reference"] in dump, "figures stay"
    assert frontrow.cinema.value("select total from public.bookings where id = %s", [booking["id"]]) == figures
    assert frontrow.cinema.violations() == []
