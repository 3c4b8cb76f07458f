"""Odd frames at the Realtime server: each is answered or passed over, nothing crashes, others receive on.

FUZZ=10 looks ten times as long.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import hypothesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from dev.realtime.frames import FrameError, Version, decode, encode, encode_broadcast

from .realtime_server import (
    Stack,
    fresh,
    is_ready,
    run,
    wire,
)

VERSIONS: tuple[Version, ...] = ("1.0.0", "2.0.0")
MORE = int(os.environ.get("FUZZ", "1"))
THOROUGH = hypothesis.settings(
    max_examples=150 * MORE, deadline=None, derandomize=MORE == 1, suppress_health_check=list(HealthCheck)
)

TEXT = st.text(max_size=40)
SPELLED = st.text(st.characters(), max_size=40)
"""With halves of surrogate pairs, which JSON can spell and UTF-8 cannot."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | SPELLED,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SPELLED, inner, max_size=4),
    max_leaves=10,
)
TOPICS = (
    st.sampled_from(
        ["realtime:lobby", "realtime:showtime:1", "realtime:", "phoenix", "lobby", "realtime:a\0b", "realtime:\ud800"]
    )
    | SPELLED
)
EVENTS = st.sampled_from(["phx_join", "phx_leave", "heartbeat", "access_token", "broadcast", "presence"]) | SPELLED
REFS = st.none() | st.sampled_from(["1", "2"]) | st.integers(0, 3) | JSON
CONFIG = st.fixed_dictionaries(
    {},
    optional={
        "broadcast": JSON | st.fixed_dictionaries({"ack": JSON, "self": JSON, "replay": JSON | st.just({"since": 0})}),
        "presence": JSON | st.fixed_dictionaries({"key": JSON, "enabled": JSON}),
        "postgres_changes": JSON,
        "private": st.booleans() | JSON,
    },
)
PAYLOADS = (
    JSON
    | st.fixed_dictionaries({"config": CONFIG}, optional={"access_token": JSON | st.sampled_from(["a.b.c", "sb_x"])})
    | st.fixed_dictionaries({"type": JSON, "event": st.sampled_from(["track", "untrack"]) | JSON, "payload": JSON})
    | st.fixed_dictionaries({"access_token": st.sampled_from(["", "x", "a.b.c", "sb_publishable_x"]) | JSON})
)
PARTS = st.tuples(REFS, REFS, TOPICS, EVENTS, PAYLOADS)
ARRAYS = PARTS.map(lambda parts: json.dumps(list(parts)))
OBJECTS = PARTS.map(
    lambda parts: json.dumps(dict(zip(("join_ref", "ref", "topic", "event", "payload"), parts, strict=True)))
)
NAMES = st.sampled_from(
    [b"", b"1", b"realtime:lobby", b"said", b"\xff\xfe", b"{}", b"[]", b'{"persist":1}']
) | st.binary(max_size=255)


def _pushed(join_ref: bytes, ref: bytes, topic: bytes, event: bytes, meta: bytes, kind: int, body: bytes) -> bytes:
    """A binary broadcast whose lengths are true."""
    parts = (join_ref, ref, topic, event, meta)
    return bytes([3, *map(len, parts), kind]) + b"".join(parts) + body


BODIES = st.sampled_from([b"", b"{}", b'{"a":1}', b"NaN", b"{", b"[" * 10_000]) | st.binary(max_size=60)
PUSHES = st.builds(_pushed, NAMES, NAMES, NAMES, NAMES, NAMES, st.integers(0, 255), BODIES)
FRAMES = (
    ARRAYS | OBJECTS | TEXT | PUSHES | st.binary(max_size=80) | st.binary(max_size=20).map(lambda end: b"\x03" + end)
)


@given(version=st.sampled_from(VERSIONS), data=FRAMES)
@THOROUGH
def test_a_frame_is_read_or_refused(version: Version, data: str | bytes) -> None:
    try:
        frame = decode(version, data)
    except FrameError as refusal:
        assert str(refusal).endswith("."), "a sentence for its sender"  # noqa: PT017 - most frames pass
        return
    encode(version, frame)
    if frame.broadcast is not None:
        for each in VERSIONS:
            encode_broadcast(each, frame.topic, frame.broadcast)


CONVERSATIONS = st.lists(
    st.tuples(st.sampled_from(VERSIONS), st.lists(FRAMES, min_size=1, max_size=12)), min_size=1, max_size=4
)


def test_no_conversation_harms_the_server_or_a_listener(stack: Stack) -> None:
    """One listener must receive every message of the database in between."""
    stack.must_be_own()

    @given(conversations=CONVERSATIONS)
    @hypothesis.settings(THOROUGH, max_examples=12 * MORE)
    def holds(conversations: list[tuple[str, list[str | bytes]]]) -> None:
        run(_converse(stack, conversations))

    holds()
    assert is_ready(stack)


async def _converse(stack: Stack, conversations: list[tuple[str, list[str | bytes]]]) -> None:
    topic = fresh()
    async with wire(stack) as listener:
        await listener.joined(topic, private=True)
        await asyncio.gather(*(_send_all(stack, version, frames) for version, frames in conversations))
        await asyncio.to_thread(stack.send, topic, "seat:lock", {"seat_ids": [7]})
        assert (await listener.until("broadcast")).payload["payload"]["seat_ids"] == [7]
        await listener.heartbeat()


async def _send_all(stack: Stack, version: str, frames: list[str | bytes]) -> None:
    """Send all frames. Then the socket still answers."""
    async with wire(stack, version) as socket:
        await socket.joined("lobby", presence={"key": "k", "enabled": True})
        for frame in frames:
            await socket.connection.send(frame)
        ref = await socket.push("phoenix", "heartbeat", {})
        while True:
            async with asyncio.timeout(15):
                answer: Any = await socket.connection.recv()
            if isinstance(answer, str) and json.loads(answer) in _heartbeats(ref):
                return


def _heartbeats(ref: str) -> list[Any]:
    reply = {"status": "ok", "response": {}}
    return [
        [None, ref, "phoenix", "phx_reply", reply],
        {"topic": "phoenix", "event": "phx_reply", "payload": reply, "ref": ref},
    ]
