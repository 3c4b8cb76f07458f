"""From a commit to the browsers: how long the local Realtime takes to deliver a lock to all listeners of a showtime.

The clock starts before the commit is sent and stops when a listener has the whole frame in hand; one process holds all
listeners, so what that process needs for them counts as well.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import psycopg

from bench.curves import Curve
from bench.figures import Figure, Run, run_of
from bench.stack import BenchStack, user_id

_LISTENERS = (1, 50, 100, 250, 500, 1_000)
_ASKED = 500
_MESSAGES = 60
_PAUSE = 0.1


@dataclass
class Timings:
    """Return when each lock was committed, and how many milliseconds later each listener had it."""

    commits: list[float] = field(default_factory=list[float])
    delays: list[float] = field(default_factory=list[float])
    notified: list[float] = field(default_factory=list[float])
    """The same for a plain LISTEN: the least that the database needs for one."""


def commit_to_browser(bench: BenchStack) -> Iterator[Figure | Curve]:
    """Measure one and 500 listeners of one showtime, and others for the curve."""
    curve = Curve("listeners", "From commit to browser", "listeners of one showtime", "milliseconds", {})
    runs: dict[int, Run] = {}
    notified: Run | None = None
    for listeners in _LISTENERS:
        timings = asyncio.run(_deliver(bench, listeners))
        assert len(timings.delays) == listeners * _MESSAGES, f"{listeners}: only {len(timings.delays)} messages arrived"
        runs[listeners] = run_of(timings.delays)
        notified = notified or run_of(timings.notified)
        curve.add("p50", listeners, runs[listeners].p50)
        curve.add("p99", listeners, runs[listeners].p99)
    yield Figure("commit to browser, 1 listener", runs[1], notified, "a plain LISTEN and NOTIFY", by="p50")
    yield Figure(f"commit to browser, {_ASKED} listeners", runs[_ASKED], runs[1], "1 listener", by="p99")
    yield curve


async def _deliver(bench: BenchStack, listeners: int) -> Timings:
    """Lock and release seats while so many listen."""
    showtime = bench.open_showtime(_MESSAGES)
    timings = Timings()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        sockets = [await stack.enter_async_context(_listening(http, bench, showtime)) for _ in range(listeners)]
        receiving = [asyncio.create_task(_receive(socket, timings)) for socket in sockets]
        plain = await stack.enter_async_context(_plain_listening(bench, timings))
        await _take_seats(bench, showtime, timings)
        await asyncio.wait(receiving, timeout=30)
        plain.cancel()
    return timings


@asynccontextmanager
async def _listening(
    http: aiohttp.ClientSession, bench: BenchStack, showtime: int
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    """A socket that has joined the showtime's topic, as supabase-js does."""
    key = bench.stack.keys.publishable
    url = f"{bench.stack.config.supabase_url}/realtime/v1/websocket?apikey={key}&vsn=2.0.0"
    config: dict[str, Any] = {
        "broadcast": {"ack": False, "self": False},
        "presence": {"key": "", "enabled": False},
        "postgres_changes": [],
        "private": True,
    }
    async with http.ws_connect(url) as socket:
        await socket.send_str(json.dumps(["1", "1", f"realtime:showtime:{showtime}", "phx_join", {"config": config}]))
        while (await socket.receive_json(timeout=30))[3] != "phx_reply":
            pass
        yield socket


async def _receive(socket: aiohttp.ClientWebSocketResponse, timings: Timings) -> None:
    """Note each lock as it comes. Broadcasts come in commit order, so the first is of the first commit."""
    received = 0
    async for message in socket:
        now = time.perf_counter()
        if message.type is aiohttp.WSMsgType.BINARY and b"seat:lock" in message.data:
            timings.delays.append((now - timings.commits[received]) * 1000)
            received += 1
            if received == _MESSAGES:
                return


@asynccontextmanager
async def _plain_listening(bench: BenchStack, timings: Timings) -> AsyncGenerator[asyncio.Task[None]]:
    url = bench.stack.cluster.url()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("listen bench")

        async def receive() -> None:
            async for _ in connection.notifies():
                timings.notified.append((time.perf_counter() - timings.commits[-1]) * 1000)

        task = asyncio.create_task(receive())
        yield task
        task.cancel()


async def _take_seats(bench: BenchStack, showtime: int, timings: Timings) -> None:
    claims = json.dumps({"role": "authenticated", "sub": user_id(1)})
    url = bench.stack.cluster.url()
    async with await psycopg.AsyncConnection.connect(url) as customer:
        await customer.execute("select set_config('request.jwt.claims', %s, false)", [claims])
        rows = await customer.execute(
            "select s.id from public.seats s join public.showtimes t using (auditorium_id) where t.id = %s", [showtime]
        )
        for (seat,) in await rows.fetchall():
            await customer.execute("select public.lock_seats(%s, %s)", [showtime, [seat]])
            await customer.execute("notify bench")
            timings.commits.append(time.perf_counter())
            await customer.commit()
            await asyncio.sleep(_PAUSE)
            await customer.execute("select public.release_seats(%s)", [showtime])
            await customer.commit()
