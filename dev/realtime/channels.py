"""The channels of all topics, their presences, and what is sent to a topic."""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Protocol

from dev.realtime.authorization import EVERYTHING, Access
from dev.realtime.frames import Broadcast, Frame, Json, Version, encode, encode_broadcast
from dev.realtime.rates import Rate
from dev.realtime.tokens import Claims

PREFIX = "realtime:"

Topic = tuple[str, bool]
"""A name without its prefix, and whether it is the private or the public topic of that name."""


class Outbox(Protocol):
    """The outgoing side of a socket; neither method waits."""

    version: Version

    def send(self, data: str | bytes) -> None: ...
    def close(self, code: int, reason: str) -> None: ...


@dataclass(frozen=True)
class Options:
    """The options of a join."""

    private: bool
    ack: bool
    echo: bool
    presence: bool
    presence_key: str


@dataclass(eq=False)
class Channel:
    """One join of one topic by one socket."""

    outbox: Outbox
    name: str
    join_ref: str | None
    options: Options
    token: str | None
    claims: Claims
    shut: Callable[[Channel, str], None]
    """Closes the channel with a system message."""
    read: Access = EVERYTHING
    write: Access | None = None
    """None until the client sends; then valid until the token changes."""
    presence: bool = False
    """True when presence is switched on and may be read."""
    state: Json | None = None
    """The presence state that the client tracks."""
    timer: TimerHandle | None = None

    @property
    def topic(self) -> Topic:
        return self.name, self.options.private

    def push(self, event: str, payload: Json, ref: str | None = None) -> None:
        """Send a message of the channel itself."""
        self.outbox.send(encode(self.outbox.version, Frame(PREFIX + self.name, event, payload, ref, self.join_ref)))

    def reply(self, ref: str | None, status: str, response: object) -> None:
        self.push("phx_reply", {"status": status, "response": response}, ref)


@dataclass
class _Room:
    members: dict[Channel, None] = field(default_factory=dict[Channel, None])
    tracked: dict[Channel, Json] = field(default_factory=dict[Channel, Json])


class Hub:
    """All topics of the server. `messages` counts what is sent, each delivery for itself."""

    def __init__(self, messages: Rate | None = None) -> None:
        self._messages = messages or Rate()
        self._rooms: dict[Topic, _Room] = {}

    def enter(self, channel: Channel) -> None:
        self._rooms.setdefault(channel.topic, _Room()).members[channel] = None

    def leave(self, channel: Channel) -> None:
        """Remove a channel and its presence; harmless when it is out already."""
        if self.contains(channel):
            self.track(channel, None)
            room = self._rooms[channel.topic]
            del room.members[channel]
            if not room.members:
                del self._rooms[channel.topic]

    def contains(self, channel: Channel) -> bool:
        return channel.topic in self._rooms and channel in self._rooms[channel.topic].members

    def broadcast(self, topic: Topic, message: Broadcast, excluded: Channel | None = None) -> None:
        """Send a message to all channels of the topic, encoded once for each protocol version.

        Above the rate limit each of them is closed after it, as the real server does.
        """
        encoded: dict[Version, str | bytes | None] = {}
        for channel in list(self._rooms[topic].members) if topic in self._rooms else ():
            if channel is excluded or "broadcast" not in channel.read:
                continue
            version = channel.outbox.version
            if version not in encoded:
                encoded[version] = encode_broadcast(version, PREFIX + topic[0], message)
            data = encoded[version]
            if data is not None:
                channel.outbox.send(data)
            if self._messages.add():
                channel.shut(channel, "Too many messages per second")

    def track(self, channel: Channel, state: Json | None) -> None:
        """Add, replace or (None) remove a channel's presence; differences go to all who have presence switched on."""
        room, key = self._rooms[channel.topic], channel.options.presence_key
        before = room.tracked.pop(channel, None)
        difference = {"joins": Json(), "leaves": Json() if before is None else {key: {"metas": [before]}}}
        if state is not None:
            meta = {**state, "phx_ref": token_urlsafe(9)}
            if before is not None:
                meta["phx_ref_prev"] = before["phx_ref"]
            difference["joins"] = {key: {"metas": [meta]}}
            room.tracked[channel] = meta
        for member in room.members if before is not None or state is not None else ():
            if member.presence:
                member.push("presence_diff", difference)

    def presence_state(self, topic: Topic) -> Json:
        """All presences of a topic: `{key: {metas: [{phx_ref, ...}]}}`."""
        state: dict[str, dict[str, list[Json]]] = {}
        for channel, meta in self._rooms[topic].tracked.items():
            state.setdefault(channel.options.presence_key, {"metas": []})["metas"].append(meta)
        return state
