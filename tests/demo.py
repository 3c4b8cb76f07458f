"""`make demo`: two customers use a running `make up` with the real clients, and each step is printed.

Ada buys three seats while Bob watches; then Bob lets a hold of two seats expire and Ada takes them. Everything goes the
way of the page: supabase-py for data and Realtime, HTTP for sign-in and payment, the stripe library as the card form.
Only the database's settings are changed behind it, to make ten minutes shorter.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any, TypeVar, cast

import httpx
import psycopg
import stripe
from postgrest.exceptions import APIError
from realtime import RealtimeSubscribeStates
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from backend.money import money
from dev.config import LocalConfig

Json = dict[str, Any]
T = TypeVar("T")

_TIMEOUT = 20.0
_SHORT_LOCK = "3 seconds"


class DemoError(RuntimeError):
    """A step did not go as it should; the message says which."""


def say(line: str) -> None:
    print(f"  {line}", flush=True)


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise DemoError(otherwise)


async def eventually(ask: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
    """Ask until the answer is something. Raises DemoError after a while."""
    deadline = time.monotonic() + _TIMEOUT
    while not (answer := await ask()):
        expect(time.monotonic() < deadline, otherwise)
        await asyncio.sleep(0.1)
    return answer


@dataclass
class Customer:
    """An account, a client of the Data API and Realtime, one of Flask, and the broadcasts received so far."""

    name: str
    email: str
    client: AsyncClient
    flask: httpx.AsyncClient
    received: list[Json] = field(default_factory=list[Json])

    async def rpc(self, function: str, **arguments: Any) -> Json:
        """Call a SQL function through the Data API."""
        return cast(Json, (await self.client.rpc(function, arguments).execute()).data)

    async def watch(self, showtime_id: int) -> None:
        """Subscribe to a showtime."""
        subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_state(state: RealtimeSubscribeStates, error: Exception | None) -> None:
            if state == RealtimeSubscribeStates.SUBSCRIBED and not subscribed.done():
                subscribed.set_result(None)
            elif error is not None and not subscribed.done():
                subscribed.set_exception(error)

        presence = {"key": "", "enabled": False}
        config: Any = {"broadcast": {"ack": False, "self": False}, "presence": presence, "private": True}
        channel = self.client.channel(f"showtime:{showtime_id}", {"config": config})
        for event in ("seat:lock", "seat:release", "seat:book"):
            channel.on_broadcast(event, lambda message: self.received.append(cast(Json, message)))
        await channel.subscribe(on_state)
        await asyncio.wait_for(subscribed, _TIMEOUT)

    async def receives(self, event: str, seat_ids: list[int], **values: object) -> None:
        """Wait for an event about exactly those seats, with these values in its payload."""
        wanted = {"seat_ids": seat_ids, **values}

        async def found() -> bool:
            return any(each["event"] == event and wanted.items() <= each["payload"].items() for each in self.received)

        await eventually(found, f"{self.name} never received {event} for seats {seat_ids}, but {self.received}")


async def post(flask: httpx.AsyncClient, path: str, body: Json) -> Json:
    """POST to Flask, which must accept it."""
    answer = await flask.post(path, json=body)
    expect(answer.is_success, f"{path} answered {answer.status_code}: {answer.text}")
    return answer.json()


async def sign_up(name: str, env: dict[str, str], exits: AsyncExitStack) -> Customer:
    """Register, sign in, and connect, until the exit stack ends it."""
    flask = await exits.enter_async_context(httpx.AsyncClient(base_url=env["API_URL"], timeout=_TIMEOUT))
    http = await exits.enter_async_context(httpx.AsyncClient(timeout=_TIMEOUT))
    email, password = f"{name.lower()}.{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(12)
    await post(flask, "/api/auth/register", {"email": email, "password": password, "full_name": f"{name} Demo"})
    token = str((await post(flask, "/api/auth/login", {"email": email, "password": password}))["access_token"])
    flask.headers["Authorization"] = f"Bearer {token}"
    options = AsyncClientOptions(headers={"Authorization": f"Bearer {token}"}, httpx_client=http)
    client = await acreate_client(env["SUPABASE_URL"], env["SUPABASE_ANON_KEY"], options)
    exits.push_async_callback(client.realtime.close)
    await client.realtime.set_auth(token)
    say(f"{name} registers and signs in as {email}.")
    return Customer(name, email, client, flask)


async def choose_showtime(customer: Customer) -> Json:
    """Find the next showtime that begins in three hours or later and has plenty of seats."""
    early = datetime.now(UTC) + timedelta(hours=3)
    for film in (await customer.rpc("whats_on", sort="soonest"))["films"]:
        answer = await customer.rpc("movie", slug=film["slug"])
        theaters = {theater["id"]: theater for theater in answer["theaters"]}
        for showtime in answer["showtimes"]:
            fits = showtime["status"] == "scheduled" and showtime["seats_left"] >= 20
            if fits and datetime.fromisoformat(showtime["starts_at"]) > early:
                return {**showtime, "title": film["title"], "theater": theaters[showtime["theater_id"]]}
    raise DemoError("No showtime has seats left; `make reset` starts over.")


async def adjacent_seats(customer: Customer, showtime_id: int, count: int) -> tuple[list[int], str]:
    """Find free seats beside each other: their ids in order, and their names."""
    run: list[Json] = []
    seats = (await customer.rpc("seat_map", showtime_id=showtime_id))["seats"]
    for seat in sorted(seats, key=lambda seat: (seat["row"], seat["number"])):
        together = bool(run) and (seat["row"], seat["number"]) == (run[-1]["row"], run[-1]["number"] + 1)
        run = [] if seat["state"] != "free" else [*run, seat] if together else [seat]
        if len(run) == count:
            return sorted(seat["id"] for seat in run), ", ".join(f"{seat['row']}{seat['number']}" for seat in run)
    raise DemoError(f"There are no {count} free seats together; `make reset` starts over.")


async def buy_three_seats(ada: Customer, bob: Customer, showtime_id: int, env: dict[str, str]) -> None:
    """Lock seats that another is refused, book and pay them, receive the email."""
    seat_ids, names = await adjacent_seats(ada, showtime_id, 3)
    locked = await ada.rpc("lock_seats", showtime_id=showtime_id, seat_ids=seat_ids)
    say(f"Ada locks {names} until {locked['expires_at']}.")
    await bob.receives("seat:lock", seat_ids)
    say(f"Bob receives seat:lock for {names}.")

    refusal = await refused(bob, showtime_id, seat_ids[1:2])
    expect(refusal is not None and str(seat_ids[1]) in str(refusal.details), "Bob could lock a seat that Ada holds")
    say(f"Bob tries one of them and is refused: {refusal and (refusal.message, refusal.details, refusal.hint)}")

    booking = await ada.rpc("create_booking", showtime_id=showtime_id)
    say(f"Ada books: {booking['reference']}, {money(booking['total'], booking['currency'])}, pending.")
    intent = await post(ada.flask, "/api/payments/create-intent", {"booking_id": booking["id"]})
    expect(intent["amount"] == booking["total"], f"Stripe is asked for {intent['amount']}")
    say(f"Flask makes {intent['payment_intent_id']} over {money(intent['amount'], intent['currency'])}.")
    card_form = stripe.StripeClient(env["STRIPE_SECRET_KEY"], base_addresses={"api": env["STRIPE_API_BASE"]})
    paid = await asyncio.to_thread(
        card_form.v1.payment_intents.confirm,
        intent["payment_intent_id"],
        {"payment_method": "pm_card_visa", "return_url": env["APP_URL"]},
    )
    say(f"Ada pays with the card 4242 4242 4242 4242: Stripe says {paid.status}.")
    await bob.receives("seat:book", seat_ids)
    say(f"The webhook arrives; Bob receives seat:book for {names}.")

    answer = await ada.client.rpc("my_bookings", {}).execute()
    (row,) = cast(Json, answer.data)["bookings"]
    found = (row["status"], row["total"], sorted(seat["seat_id"] for seat in row["seats"]))
    expect(found == ("confirmed", booking["total"], seat_ids), f"the booking is {found}")
    say(f"The booking reads {row['status']}, {money(row['total'], booking['currency'])}.")
    await read_email(ada, booking["reference"], env["MAIL_URL"])


async def read_email(customer: Customer, reference: str, mail_url: str) -> None:
    """Wait for the ticket in the mail catcher, and look at its parts."""
    async with httpx.AsyncClient(base_url=mail_url, timeout=_TIMEOUT) as catcher:

        async def found() -> list[str]:
            emails = cast(list[Json], (await catcher.get("/email")).json())
            return [
                each["id"]
                for each in emails
                if each["to"][0]["address"] == customer.email and reference in each["subject"]
            ]

        email_id = (await eventually(found, "no email came"))[0]
        email = message_from_bytes((await catcher.get(f"/email/{email_id}/source")).content, policy=default)
    parts = {part.get_filename() or part.get_content_type(): part for part in email.walk() if not part.is_multipart()}
    calendar = [str(part.get_content()) for name, part in parts.items() if name.endswith(".ics")]
    expect(bool(calendar) and "BEGIN:VEVENT" in calendar[0], f"the email has no event: {list(parts)}")
    expect(reference in str(parts["text/plain"].get_content()), "the email does not name the reference")
    say(f"Ada's email is in the catcher: “{email['subject']}”, with {', '.join(parts)}.")


async def let_a_hold_expire(ada: Customer, bob: Customer, showtime_id: int, env: dict[str, str]) -> None:
    """Bob locks and does not pay. His seats come free by the clock: no sweep can run, for its row is held here."""
    async with await psycopg.AsyncConnection.connect(env["DATABASE_URL"], autocommit=True) as database:
        (usual,) = await one_row(database, "select lock_duration::text from private.settings")
        await database.execute("update private.settings set lock_duration = %s::interval", [_SHORT_LOCK])
        try:
            seat_ids, names = await adjacent_seats(bob, showtime_id, 2)
            async with database.transaction():
                (swept_until,) = await one_row(database, "select swept_until from private.sweeps for update")
                locked = await bob.rpc("lock_seats", showtime_id=showtime_id, seat_ids=seat_ids)
                ends = datetime.fromisoformat(locked["expires_at"])
                say(f"Bob locks {names} for {_SHORT_LOCK} (a setting of this database) and does not pay.")
                tries = 0
                while await refused(ada, showtime_id, seat_ids):
                    tries += 1
                    expect(datetime.now(UTC) < ends + timedelta(seconds=5), "the seats never came free")
                    await asyncio.sleep(0.1)
                late = (datetime.now(UTC) - ends).total_seconds() * 1000
            expect(tries > 0 and swept_until < ends, "Bob's seats were free before their time")
            say(f"Ada is refused {tries} times, then locks {names}, {late:.0f} ms after they expired.")
            say("No sweep had run: the lock ended by the clock.")
        finally:
            await database.execute("update private.settings set lock_duration = %s::interval", [usual])
    await ada.rpc("release_seats", showtime_id=showtime_id)
    await bob.receives("seat:release", seat_ids, reason="released")
    say("Ada releases them, and Bob receives seat:release.")


async def refused(customer: Customer, showtime_id: int, seat_ids: list[int]) -> APIError | None:
    """Try to lock seats; return the refusal seat_taken, None when they are locked."""
    try:
        await customer.rpc("lock_seats", showtime_id=showtime_id, seat_ids=seat_ids)
    except APIError as error:
        expect(error.message == "seat_taken", f"{customer.name} was refused with {error.message}")
        return error
    return None


async def one_row(database: psycopg.AsyncConnection[Any], query: str) -> Any:
    return await (await database.execute(query.encode())).fetchone()


async def run(env: dict[str, str]) -> None:
    """Play both scenes on the stack with these addresses and keys."""
    async with AsyncExitStack() as exits:
        ada, bob = [await sign_up(name, env, exits) for name in ("Ada", "Bob")]
        showtime = await choose_showtime(ada)
        place = f"{showtime['theater']['name']}, {showtime['theater']['city']}, {showtime['auditorium']}"
        say(f"“{showtime['title']}” at {place}: {showtime['seats_left']} seats left.")
        await bob.watch(showtime["id"])
        say("Bob watches the showtime over Realtime.")
        await buy_three_seats(ada, bob, showtime["id"], env)
        await let_a_hold_expire(ada, bob, showtime["id"], env)


def main() -> int:
    """Run against the stack whose addresses are in .local/env."""
    file = LocalConfig.from_environment().local / "env"
    if not file.exists():
        print("Nothing runs here. Start it with `make up`, and run the demo beside it.", file=sys.stderr)
        return 2
    try:
        asyncio.run(run(dict(part.split("=", 1) for part in shlex.split(file.read_text()))))
    except (DemoError, APIError, httpx.HTTPError) as error:
        print(f"The demo broke off: {error}", file=sys.stderr)
        return 1
    print("The demo is done.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
