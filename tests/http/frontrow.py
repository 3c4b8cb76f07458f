"""Customers of the HTTP tests and their calls, made with requests, supabase-py and the Stripe client."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self, TypeVar, cast

import httpx
import psycopg
import requests
import stripe
from supabase import Client, create_client
from supabase.lib.client_options import SyncClientOptions

from dev.stack import Stack
from tests.cinema import CinemaFixture

Json = dict[str, Any]
T = TypeVar("T")

PASSWORD = "correct horse battery"
_SECONDS = 30


def eventually(question: Callable[[], T], seconds: float = _SECONDS) -> T:
    """Return the first answer that is true; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still {answer!r} after {seconds} s"
        time.sleep(0.05)


class Customer:
    """A person with a browser: a cookie jar, an access token, and supabase-py with both keys."""

    def __init__(self, frontrow: Frontrow, email: str) -> None:
        self.email = email
        self.browser = requests.Session()
        self.token = ""
        self.id = ""
        self._frontrow = frontrow
        self._http = httpx.Client(timeout=20)

    def close(self) -> None:
        self.browser.close()
        self._http.close()

    def post(self, path: str, body: object = None, **options: Any) -> requests.Response:
        """POST to Flask with the access token, if there is one, and the cookies."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        return self.browser.post(self._frontrow.api + path, json=body, headers=headers, timeout=30, **options)

    def keep(self, answer: requests.Response) -> Json:
        """Keep the session that an answer opens."""
        body = answer.json()
        self.token, self.id = body["access_token"], body["user"]["id"]
        return body

    @property
    def cookie(self) -> str | None:
        """The refresh token."""
        return cast(str | None, self.browser.cookies.get("frontrow_refresh"))

    @property
    def data_api(self) -> Client:
        """supabase-py with the publishable key and this person's token."""
        stack = self._frontrow.stack
        options = SyncClientOptions(headers={"Authorization": f"Bearer {self.token}"}, httpx_client=self._http)
        return create_client(stack.config.supabase_url, stack.keys.publishable, options)

    def rpc(self, function: str, **arguments: Any) -> Any:
        return self.data_api.rpc(function, arguments).execute().data

    def book(self, seats: int = 2) -> Json:
        """Lock that many free seats of the test's showtime, and make a booking of them."""
        cinema = self._frontrow.cinema
        free = [seat["id"] for seat in cinema.map().values() if seat["state"] == "free"][:seats]
        self.rpc("lock_seats", showtime_id=cinema.showtime_id, seat_ids=free)
        return self.rpc("create_booking", showtime_id=cinema.showtime_id)

    def intent(self, booking: Json) -> Json:
        """Return the answer of create-intent."""
        answer = self.post("/api/payments/create-intent", {"booking_id": booking["id"]})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def booking(self, booking: Json) -> Json:
        """The booking as its owner reads it from the Data API."""
        return self.rpc("my_booking", booking_id=booking["id"])


class Frontrow:
    """The stack under test."""

    def __init__(self, stack: Stack, cinema: CinemaFixture) -> None:
        self.stack, self.cinema = stack, cinema
        self.api = stack.config.api_url
        self.page = stack.config.app_url
        self.stripe = self.stripe_client(stack.keys.stripe_secret)
        self._people: list[Customer] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.faults(None)
        for person in self._people:
            person.close()

    def stripe_client(self, key: str) -> stripe.StripeClient:
        """Stripe's own client, at the fake Stripe."""
        return stripe.StripeClient(key, base_addresses={"api": self.stack.config.stripe_url})

    def stranger(self, email: str | None = None) -> Customer:
        """Return a customer without an account, so far."""
        person = Customer(self, email or f"{uuid.uuid4().hex[:12]}@example.com")
        self._people.append(person)
        return person

    def register(self) -> Customer:
        """Return a customer who has just registered."""
        person = self.stranger()
        answer = person.post(
            "/api/auth/register", {"email": person.email, "password": PASSWORD, "full_name": "Ada Lovelace"}
        )
        assert answer.status_code == 201, answer.text
        person.keep(answer)
        return person

    def prove(self, person: Customer) -> None:
        """Make somebody's address their own, as the link of their email would."""
        self.cinema.owner.execute("update public.users set email_verified_at = created_at where id = %s", [person.id])

    # Stripe ----------------------------------------------------------------------------------------------------------

    def pay(self, intent: Json, card: str = "pm_card_visa") -> stripe.PaymentIntent:
        """Confirm at Stripe as the page does: with the publishable key and the client secret."""
        client = self.stripe_client(self.stack.keys.stripe_publishable)
        return client.v1.payment_intents.confirm(
            intent["payment_intent_id"],
            cast(
                Any,
                {"payment_method": card, "client_secret": intent["client_secret"], "return_url": self.page},
            ),
        )

    def faults(self, fault: Json | None) -> None:
        """Make the fake Stripe misbehave; None ends that."""
        url = f"{self.stack.config.stripe_url}/_fake/faults"
        answer = requests.delete(url, timeout=10) if fault is None else requests.post(url, json=fault, timeout=10)
        assert answer.ok, answer.text

    def deliveries(self, event_type: str) -> list[Json]:
        """The deliveries of events of a type: {event_id, state, attempts, status, ...}."""
        found = requests.get(f"{self.stack.config.stripe_url}/_fake/deliveries", timeout=10).json()
        return [delivery for delivery in found if delivery["type"] == event_type]

    def resend(self, event_type: str) -> None:
        """Let Stripe deliver its latest event of a type once more, as somebody at its dashboard can."""
        latest = self.stripe.v1.events.list({"type": event_type, "limit": 1}).data[0]
        answer = requests.post(f"{self.stack.config.stripe_url}/_fake/events/{latest.id}/resend", timeout=10)
        assert answer.ok, answer.text

    def deliver(self, event: Json | bytes, secret: str | None = None, at: float | None = None) -> requests.Response:
        """Deliver an event to the webhook, signed now and with Stripe's secret unless said otherwise."""
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        signature = stripe.WebhookSignature.generate_signature_header(
            payload.decode(), secret or self.stack.keys.stripe_webhook_secret, timestamp=int(at or time.time())
        )
        return requests.post(
            f"{self.api}/api/payments/webhook",
            data=payload,
            headers={"Stripe-Signature": signature, "Content-Type": "application/json"},
            timeout=30,
        )

    def event(self, event_type: str, data: Json) -> Json:
        """A new event about an object."""
        return {
            "id": f"evt_{uuid.uuid4().hex}",
            "object": "event",
            "type": event_type,
            "created": int(time.time()),
            "livemode": False,
            "data": {"object": data},
        }

    def ledger(self, event_id: str) -> list[Json]:
        """Return the row that the database keeps about an event."""
        return self.cinema.rows("select * from private.stripe_events where id = %s", [event_id])

    # Time and mail ---------------------------------------------------------------------------------------------------

    def let_run_out(self, booking: Json) -> None:
        """Move a pending booking and its locks an hour into the past."""
        self.cinema.owner.execute(
            "update public.bookings set created_at = created_at - interval '1 hour',"
            " expires_at = expires_at - interval '1 hour' where id = %s",
            [booking["id"]],
        )
        self.cinema.owner.execute(
            "update public.seat_locks set id = id - 3600000000, held = tstzrange(lower(held) - interval '1 hour',"
            " upper(held) - interval '1 hour') where booking_id = %s",
            [booking["id"]],
        )

    @contextmanager
    def no_sweep(self) -> Iterator[None]:
        """Hold up the worker's sweeps, as another sweep would that takes long."""
        with psycopg.connect(self.cinema.url) as connection:
            connection.execute("select from private.sweeps for update")
            yield
            connection.rollback()

    def mails(self, to: str) -> list[EmailMessage]:
        """The emails that somebody got, in order, but for the one that asks whoever registers to confirm."""
        return [mail for mail in self.all_mails(to) if mail["Subject"] != "Confirm your email address"]

    def all_mails(self, to: str) -> list[EmailMessage]:
        """The emails that somebody got, in order."""
        url = f"{self.stack.config.mail_url}/email"
        found = requests.get(url, timeout=10).json()
        ids = [mail["id"] for mail in found if any(each["address"] == to for each in mail["to"])]
        sources = [requests.get(f"{url}/{mail_id}/source", timeout=10).content for mail_id in ids]
        return [cast(EmailMessage, message_from_bytes(source, policy=policy.default)) for source in sources]

    def outbox(self, booking: Json, kind: str) -> list[Json]:
        """The outbox rows of a kind about a booking."""
        return self.cinema.rows(
            "select * from private.outbox where booking_id = %s and kind = %s::private.outbox_kind order by id",
            [booking["id"], kind],
        )
