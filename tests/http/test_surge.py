"""The sale opens. `make bench ARGS="--only surge"` does it three times, with an eye on times and memory."""

from __future__ import annotations

import asyncio
from collections import Counter

import aiohttp
import psycopg
import pytest

from bench.customer import access_tokens, session
from bench.surge import many_files, rush
from tests.http.frontrow import Frontrow, eventually

BUYERS = 2_000


@pytest.mark.alone  # what a crowd does to this machine, no test beside it deserves
@pytest.mark.timeout(480)
def test_a_surge_sells_every_seat_once(frontrow: Frontrow) -> None:
    """Every customer gets an answer to act on, and everyone who is charged has seats."""
    cinema, stack = frontrow.cinema, frontrow.stack
    people = cinema.rows(
        "insert into public.users (email, full_name) select 'buyer-' || n || '@example.com', 'Buyer ' || n"
        " from generate_series(1, %s) n returning id::text",
        [BUYERS],
    )
    auditorium = cinema.add_auditorium("Surge", rows=10, seats=30)
    showtime = cinema.add_showtime("90 days", auditorium)
    tokens = access_tokens(stack.config, stack.keys, (person["id"] for person in people))

    with many_files():
        surge = asyncio.run(rush(stack.config, stack.keys, showtime, tokens))

    assert surge.wrong == Counter(), "refused without a way on, or not answered"
    assert surge.paid != []
    bookings = cinema.rows("select id::text, status::text from public.bookings where showtime_id = %s", [showtime])
    assert {each["id"] for each in bookings if each["status"] == "confirmed"} == set(surge.paid)
    sold = eventually(
        lambda: cinema.rows(
            "select seat_id from public.booking_seats where showtime_id = %s and sold_at is not null", [showtime]
        )
    )
    assert len({each["seat_id"] for each in sold}) == len(sold), "sold once"
    states = Counter(seat["state"] for seat in cinema.map(showtime_id=showtime).values())
    assert states == Counter(booked=len(sold), free=300 - len(sold)), "nothing is left in between"


@pytest.mark.timeout(120)
def test_excess_requests_get_busy_with_retry_after(frontrow: Frontrow) -> None:
    """The gateway holds 64 calls at a time and answers the others at once; the cinema's own are not counted."""
    asyncio.run(_crowd_at_the_gateway(frontrow, calls=100, held=64))


async def _crowd_at_the_gateway(frontrow: Frontrow, calls: int, held: int) -> None:
    stack, cinema = frontrow.stack, frontrow.cinema
    seat_map = f"rpc/seat_map?showtime_id={cinema.showtime_id}"

    async def ask(http: aiohttp.ClientSession, key: str, what: str) -> tuple[int, str | None]:
        async with http.get(f"{stack.config.supabase_url}/rest/v1/{what}", headers={"apikey": key}) as answer:
            return answer.status, answer.headers.get("Retry-After")

    async with session() as http:
        with psycopg.connect(cinema.url) as owner:
            owner.execute("lock public.theaters in access exclusive mode")  # every map waits for this
            asked = {asyncio.create_task(ask(http, stack.keys.publishable, seat_map)) for _ in range(calls)}
            turned_away: set[asyncio.Task[tuple[int, str | None]]] = set()
            while len(turned_away) < calls - held:
                done, _ = await asyncio.wait(asked - turned_away, timeout=30, return_when=asyncio.FIRST_COMPLETED)
                assert done != set(), f"only {len(turned_away)} were turned away"
                turned_away |= done
            own = asyncio.create_task(ask(http, stack.keys.secret, "movies?select=id&limit=1"))
            await asyncio.sleep(0)
            owner.rollback()
        assert {await each for each in turned_away} == {(503, "1")}
        assert await own == (200, None)
        # The worker's calls take places as well, so a few more may have been turned away; nobody was left without.
        answers = [await each for each in asked]
        assert set(answers) == {(200, None), (503, "1")}
        assert held / 2 < answers.count((200, None)) <= held
