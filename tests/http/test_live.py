"""Broadcasts to viewers of a showtime, through the real migrations, the gateway and supabase-py's Realtime client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
from realtime import RealtimeSubscribeStates
from supabase import AsyncClient, acreate_client

from tests.http.frontrow import Customer, Frontrow, Json

_SECONDS = 20
EVENTS = ("seat:lock", "seat:release", "seat:book", "showtime:update")


class Listener:
    """A subscriber of a topic, and what it received."""

    def __init__(self, client: AsyncClient, topic: str) -> None:
        self.client = client
        self.received: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()
        self.channel = client.channel(
            topic,
            {
                "config": {
                    "broadcast": {"ack": True, "self": True},
                    "presence": {"key": "", "enabled": False},
                    "private": True,
                }
            },
        )
        for event in EVENTS:
            self.channel.on_broadcast(event, self._hear)

    def _hear(self, message: Any) -> None:
        payload = {key: value for key, value in message["payload"].items() if key != "id"}
        self.received.put_nowait((message["event"], payload))

    async def join(self) -> None:
        joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_state(state: RealtimeSubscribeStates, error: Exception | None) -> None:
            if state == RealtimeSubscribeStates.SUBSCRIBED and not joined.done():
                joined.set_result(None)
            elif error is not None and not joined.done():
                joined.set_exception(error)

        await self.channel.subscribe(on_state)
        await asyncio.wait_for(joined, _SECONDS)

    async def next(self, *events: str) -> tuple[str, Json]:
        """The next message; of those events, if any are named."""
        while True:
            event, payload = await asyncio.wait_for(self.received.get(), _SECONDS)
            if not events or event in events:
                return event, payload


@asynccontextmanager
async def listening(frontrow: Frontrow, topic: str, customer: Customer | None = None) -> AsyncIterator[Listener]:
    """Join a topic, as a customer or as anybody."""
    client = await acreate_client(frontrow.stack.config.supabase_url, frontrow.stack.keys.publishable)
    if customer is not None:
        await client.realtime.set_auth(customer.token)
    listener = Listener(client, topic)
    try:
        await listener.join()
        yield listener
    finally:
        await client.realtime.close()


def _next_minute(expires_at: str) -> str:
    """As others are told when a hold ends."""
    exact = datetime.fromisoformat(expires_at)
    return (exact + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0).isoformat()


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))  # type: ignore[arg-type]


def test_viewers_receive_locks_releases_and_bookings(frontrow: Frontrow, customer: Customer) -> None:
    cinema = frontrow.cinema

    async def story() -> None:
        async with listening(frontrow, f"showtime:{cinema.showtime_id}") as anybody:
            locked = await asyncio.to_thread(
                customer.rpc, "lock_seats", showtime_id=cinema.showtime_id, seat_ids=cinema.seats[:3]
            )
            assert await anybody.next() == (
                "seat:lock",
                {
                    "seat_ids": locked["seat_ids"],
                    "lock_ids": locked["lock_ids"],
                    "expires_at": _next_minute(locked["expires_at"]),
                },
            )
            await asyncio.to_thread(
                customer.rpc, "release_seats", showtime_id=cinema.showtime_id, seat_ids=cinema.seats[2:3]
            )
            event, payload = await anybody.next("seat:release")
            assert (payload["seat_ids"], payload["reason"]) == (cinema.seats[2:3], "released")
            booking = await asyncio.to_thread(customer.rpc, "create_booking", showtime_id=cinema.showtime_id)
            intent = await asyncio.to_thread(customer.intent, booking)
            await asyncio.to_thread(frontrow.pay, intent)
            event, payload = await anybody.next("seat:book")
            assert (event, payload["seat_ids"]) == ("seat:book", cinema.seats[:2])

    run(story)


def test_listings_and_viewers_receive_seats_left(frontrow: Frontrow, customer: Customer) -> None:
    cinema = frontrow.cinema

    async def story() -> None:
        async with (
            listening(frontrow, f"movie:{cinema.movie_id}") as listing,
            listening(frontrow, f"showtime:{cinema.showtime_id}") as viewer,
        ):
            await asyncio.to_thread(
                customer.rpc, "lock_seats", showtime_id=cinema.showtime_id, seat_ids=cinema.seats[:4]
            )
            for listener in (listing, viewer):
                payload: Json = {}
                while payload.get("showtime_id") != cinema.showtime_id:  # other tests sell seats of the same film
                    _, payload = await listener.next("showtime:update")
                assert (payload["seats_left"], payload["status"], payload["revision"]) == (396, "scheduled", 0)
                assert datetime.fromisoformat(payload["starts_at"]) < datetime.fromisoformat(payload["ends_at"])

    run(story)


def test_clients_cannot_send_on_showtime_topics(frontrow: Frontrow, customer: Customer) -> None:
    cinema = frontrow.cinema
    topic = f"showtime:{cinema.showtime_id}"

    async def story() -> None:
        async with (
            listening(frontrow, topic) as anybody,
            listening(frontrow, topic, customer) as forger,
        ):
            await forger.channel.send_broadcast("seat:book", {"seat_ids": cinema.seats})
            async with httpx.AsyncClient(base_url=frontrow.stack.config.supabase_url) as http:
                answer = await http.post(
                    "/realtime/v1/api/broadcast",
                    headers={
                        "apikey": frontrow.stack.keys.publishable,
                        "Authorization": f"Bearer {customer.token}",
                    },
                    json={
                        "messages": [
                            {"topic": topic, "event": "seat:book", "payload": {"seat_ids": [1]}, "private": True}
                        ]
                    },
                )
                assert answer.status_code in (202, 403)
            # What the database says next is the first that a subscriber receives.
            await asyncio.to_thread(
                customer.rpc, "lock_seats", showtime_id=cinema.showtime_id, seat_ids=cinema.seats[:1]
            )
            for listener in (anybody, forger):
                event, payload = await listener.next()
                assert (event, payload["seat_ids"]) == ("seat:lock", cinema.seats[:1])
                assert listener.received.empty()

    run(story)
