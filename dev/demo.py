"""The story of Frontrow, played against a running `make up` by two customers with the real clients, line by line.

Ada buys three seats while Bob watches; then Bob lets two seats go to waste and Ada takes them. Everything goes the way
a page would go: supabase-py for data and Realtime, HTTP for sign-in and payment, the stripe library as the card form.
The only thing done behind the curtain is done to the local database's settings, to make ten minutes shorter.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from typing import Any, cast

import httpx
import psycopg
import stripe
from postgrest.exceptions import APIError
from realtime import RealtimeSubscribeStates
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from dev.config import LocalConfig

Json = dict[str, Any]

PATIENCE = 20.0
"""Seconds that anything may take to arrive."""

SHORT_LOCK = "3 seconds"


class StoryError(RuntimeError):
    """The story did not go as it should; the message says where."""


def say(line: str) -> None:
    print(f"  {line}", flush=True)


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise StoryError(otherwise)


@dataclass
class Viewer:
    """One customer: an account, a client of the Data API and Realtime, and what she or he has heard so far."""

    name: str
    token: str
    email: str
    client: AsyncClient
    http: httpx.AsyncClient
    heard: list[Json] = field(default_factory=list[Json])
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def arrive(cls, name: str, env: dict[str, str], api: httpx.AsyncClient) -> Viewer:
        """Register, sign in, and connect."""
        email, password = f"{name.lower()}.{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(12)
        answer = await api.post(
            "/api/auth/register", json={"email": email, "password": password, "full_name": f"{name} Demo"}
        )
        expect(answer.status_code == 201, f"register answered {answer.status_code}: {answer.text}")
        answer = await api.post("/api/auth/login", json={"email": email, "password": password})
        expect(answer.status_code == 200, f"login answered {answer.status_code}: {answer.text}")
        token = answer.json()["access_token"]
        http = httpx.AsyncClient(timeout=PATIENCE)
        client = await acreate_client(
            env["SUPABASE_URL"],
            env["SUPABASE_ANON_KEY"],
            AsyncClientOptions(headers={"Authorization": f"Bearer {token}"}, httpx_client=http),
        )
        await client.realtime.set_auth(token)
        return cls(name, token, email, client, http)

    async def leave(self) -> None:
        """Hang up."""
        await self.client.realtime.close()
        await self.http.aclose()

    async def rpc(self, function: str, **arguments: Any) -> Json:
        """Call a SQL function as this customer."""
        answer = await self.client.rpc(function, arguments).execute()
        return cast(Json, answer.data)

    async def watch(self, showtime_id: int) -> None:
        """Follow a showtime over Realtime."""
        subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_state(state: RealtimeSubscribeStates, error: Exception | None) -> None:
            if subscribed.done():
                return
            if state == RealtimeSubscribeStates.SUBSCRIBED:
                subscribed.set_result(None)
            elif error is not None:
                subscribed.set_exception(error)

        channel = self.client.channel(
            f"showtime:{showtime_id}",
            {
                "config": {
                    "broadcast": {"ack": False, "self": False},
                    "presence": {"key": "", "enabled": False},
                    "private": True,
                }
            },
        )
        for event in ("seat:lock", "seat:release", "seat:book"):
            channel.on_broadcast(event, self._hear)
        await channel.subscribe(on_state)
        await asyncio.wait_for(subscribed, PATIENCE)

    def _hear(self, message: Any) -> None:
        self.heard.append(cast(Json, message))
        self.news.set()

    async def hears(self, event: str, seat_ids: list[int], known: Callable[[Json], bool] = lambda _: True) -> Json:
        """Wait for an event about exactly those seats; answers its payload."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for message in self.heard:
                payload = message["payload"]
                if message["event"] == event and payload.get("seat_ids") == seat_ids and known(payload):
                    return payload
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), deadline - time.monotonic())
            except TimeoutError:
                raise StoryError(f"{self.name} never heard {event} for seats {seat_ids}; heard {self.heard}") from None


async def choose_showtime(viewer: Viewer) -> Json:
    """The next showtime that begins in three hours or later and has plenty of seats."""
    answer = await (
        viewer.client.table("showtimes")
        .select("id, starts_at, seats_left, movies(title), auditoriums(name, theaters(name, city, time_zone))")
        .eq("status", "scheduled")
        .gt("starts_at", datetime.fromtimestamp(time.time() + 3 * 3600).astimezone().isoformat())
        .order("starts_at")
        .limit(30)
        .execute()
    )
    for showtime in cast(list[Json], answer.data):
        if showtime["seats_left"] >= 20:
            return showtime
    raise StoryError("No showtime has seats left; `make reset` starts over.")


def neighbours(seat_map: Json, count: int) -> list[Json]:
    """So many free seats beside each other."""
    run: list[Json] = []
    for seat in sorted(seat_map["seats"], key=lambda seat: (seat["row"], seat["number"])):
        together = bool(run) and seat["row"] == run[-1]["row"] and seat["number"] == run[-1]["number"] + 1
        run = [*run, seat] if together and seat["state"] == "free" else [seat] if seat["state"] == "free" else []
        if len(run) == count:
            return run
    raise StoryError(f"There are no {count} free seats together; `make reset` starts over.")


def names(seats: list[Json]) -> str:
    return ", ".join(f"{seat['row']}{seat['number']}" for seat in seats)


async def ada_buys_three_seats(ada: Viewer, bob: Viewer, showtime: Json, env: dict[str, str]) -> None:
    """Lock, be watched, book, pay, get the mail."""
    async with httpx.AsyncClient(base_url=env["API_URL"], timeout=PATIENCE) as api:
        seats = neighbours(await ada.rpc("seat_map", showtime_id=showtime["id"]), 3)
        seat_ids = sorted(seat["id"] for seat in seats)
        locked = await ada.rpc("lock_seats", showtime_id=showtime["id"], seat_ids=seat_ids)
        say(f"Ada locks {names(seats)} until {locked['expires_at']}.")
        await bob.hears("seat:lock", seat_ids)
        say(f"Bob hears seat:lock for {names(seats)}.")

        try:
            await bob.rpc("lock_seats", showtime_id=showtime["id"], seat_ids=[seat_ids[1]])
            raise StoryError("Bob could lock a seat that Ada holds.")
        except APIError as error:
            expect(error.message == "seat_taken", f"Bob was refused with {error.message}")
            expect(str(seat_ids[1]) in str(error.details), f"seat_taken does not name the seat: {error.details}")
            say(f"Bob tries {names(seats[1:2])} and is refused: {error.message} {error.details} {error.hint}")

        booking = await ada.rpc("create_booking", showtime_id=showtime["id"])
        say(f"Ada books: {booking['reference']}, {booking['total'] / 100:.2f} {booking['currency']}, pending.")
        answer = await api.post(
            "/api/payments/create-intent",
            json={"booking_id": booking["id"]},
            headers={"Authorization": f"Bearer {ada.token}"},
        )
        expect(answer.status_code == 200, f"create-intent answered {answer.status_code}: {answer.text}")
        intent = answer.json()
        expect(intent["amount"] == booking["total"], f"Stripe is asked for {intent['amount']}")
        say(f"Flask makes {intent['payment_intent_id']} over {intent['amount'] / 100:.2f} {intent['currency']}.")

        card_form = stripe.StripeClient(env["STRIPE_SECRET_KEY"], base_addresses={"api": env["STRIPE_API_BASE"]})
        paid = await asyncio.to_thread(
            card_form.v1.payment_intents.confirm,
            intent["payment_intent_id"],
            {"payment_method": "pm_card_visa", "return_url": env["APP_URL"]},
        )
        say(f"Ada pays with the card 4242 4242 4242 4242: Stripe says {paid.status}.")
        await bob.hears("seat:book", seat_ids)
        say(f"The webhook arrives; Bob hears seat:book for {names(seats)}.")

        rows = await ada.client.table("bookings").select("status, total, booking_seats(seat_id)").execute()
        (row,) = cast(list[Json], rows.data)
        expect(row["status"] == "confirmed", f"the booking is {row['status']}")
        expect(row["total"] == booking["total"], f"the booking's total is {row['total']}")
        expect(sorted(seat["seat_id"] for seat in row["booking_seats"]) == seat_ids, "the booking has other seats")
        say(f"The booking reads {row['status']}, {row['total'] / 100:.2f} {booking['currency']}.")
    await the_mail_is_there(ada, booking, env)


async def the_mail_is_there(ada: Viewer, booking: Json, env: dict[str, str]) -> None:
    """Look into the mail catcher until Ada's ticket is there, and read it."""
    async with httpx.AsyncClient(base_url=env["MAIL_URL"], timeout=PATIENCE) as catcher:
        deadline = time.monotonic() + PATIENCE
        while True:
            mails = cast(list[Json], (await catcher.get("/email")).json())
            found = [mail for mail in mails if mail["to"][0]["address"] == ada.email]
            if found:
                break
            expect(time.monotonic() < deadline, "no mail came")
            await asyncio.sleep(0.2)
        email = message_from_bytes((await catcher.get(f"/email/{found[0]['id']}/source")).content, policy=default)
    parts = {part.get_filename() or part.get_content_type(): part for part in email.walk() if not part.is_multipart()}
    calendar = next((part for name, part in parts.items() if name.endswith(".ics")), None)
    if calendar is None:
        raise StoryError(f"the mail has no .ics: {list(parts)}")
    expect("BEGIN:VEVENT" in str(calendar.get_content()), "the .ics holds no event")
    expect(booking["reference"] in str(parts["text/plain"].get_content()), "the mail does not name the reference")
    say(f"Ada's mail is in the catcher: “{email['subject']}”, with {', '.join(parts)}.")


async def bob_lets_two_seats_go(ada: Viewer, bob: Viewer, showtime: Json, env: dict[str, str]) -> None:
    """Bob locks and does not pay. His seats come free by the clock: no sweep can run, for we hold its row."""
    async with await psycopg.AsyncConnection.connect(env["DATABASE_URL"], autocommit=True) as database:
        row = await (await database.execute("select lock_duration::text from private.settings")).fetchone()
        usual = cast(str, row[0]) if row else "10 minutes"
        await database.execute("update private.settings set lock_duration = %s::interval", [SHORT_LOCK])
        try:
            seats = neighbours(await bob.rpc("seat_map", showtime_id=showtime["id"]), 2)
            seat_ids = sorted(seat["id"] for seat in seats)
            async with database.transaction():
                await database.execute("select from private.sweeps for update")
                locked = await bob.rpc("lock_seats", showtime_id=showtime["id"], seat_ids=seat_ids)
                say(f"Bob locks {names(seats)} for {SHORT_LOCK} (a setting of this database) and does not pay.")
                tries = 0
                while True:
                    try:
                        taken = await ada.rpc("lock_seats", showtime_id=showtime["id"], seat_ids=seat_ids)
                        break
                    except APIError as error:
                        expect(error.message == "seat_taken", f"Ada was refused with {error.message}")
                        tries += 1
                    expect(time.time() < datetime.fromisoformat(locked["expires_at"]).timestamp() + 5, "never free")
                    await asyncio.sleep(0.1)
                late = time.time() - datetime.fromisoformat(locked["expires_at"]).timestamp()
                expect(tries > 0, "Bob's seats were free at once")
                row = await (await database.execute("select swept_until from private.sweeps")).fetchone()
                swept = bool(row) and row[0] >= datetime.fromisoformat(locked["expires_at"])
                expect(not swept, "a sweep ran first")
            expect(taken["seat_ids"] == seat_ids, f"Ada holds {taken['seat_ids']}")
            say(f"Ada is refused {tries} times, then locks {names(seats)}, {late * 1000:.0f} ms after they ran out.")
            say("No sweep had run: the lock died by the clock.")
        finally:
            await database.execute("update private.settings set lock_duration = %s::interval", [usual])
        await ada.rpc("release_seats", showtime_id=showtime["id"])
        await bob.hears("seat:release", seat_ids, lambda payload: payload["reason"] == "released")
        say("Ada gives them back, and Bob hears seat:release.")


async def story(env: dict[str, str]) -> None:
    """Both acts."""
    async with httpx.AsyncClient(base_url=env["API_URL"], timeout=PATIENCE) as api:
        ada = await Viewer.arrive("Ada", env, api)
        say(f"Ada registers and signs in as {ada.email}.")
        bob = await Viewer.arrive("Bob", env, api)
    try:
        showtime = await choose_showtime(ada)
        theater = showtime["auditoriums"]["theaters"]
        say(
            f"“{showtime['movies']['title']}” at {theater['name']}, {theater['city']},"
            f" {showtime['auditoriums']['name']}: {showtime['seats_left']} seats left."
        )
        await bob.watch(showtime["id"])
        say("Bob signs in and watches the same showtime over Realtime.")
        await ada_buys_three_seats(ada, bob, showtime, env)
        await bob_lets_two_seats_go(ada, bob, showtime, env)
    finally:
        for viewer in (ada, bob):
            await viewer.leave()


def main() -> int:
    """Run against the stack whose addresses stand in .local/env."""
    file = LocalConfig.from_environment().local / "env"
    if not file.exists():
        print("Nothing runs here. Start it with `make up`, and play the story beside it.", file=sys.stderr)
        return 2
    env = dict(part.split("=", 1) for part in shlex.split(file.read_text()))
    try:
        asyncio.run(story(env))
    except (StoryError, APIError, httpx.HTTPError) as error:
        print(f"The story broke off: {error}", file=sys.stderr)
        return 1
    print("The story is told.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
