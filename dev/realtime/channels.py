"""Who listens to what: channels, grouped by topic, and what is said to a topic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from dev.realtime.authorization import EVERYTHING, Access
from dev.realtime.frames import Broadcast, Frame, Json, Version, encode, encode_broadcast
from dev.realtime.presence import Presence
from dev.realtime.tokens import Claims

PREFIX = "realtime:"

Topic = tuple[str, bool]
"""A name without its prefix, and whether it is the private or the public topic of that name."""


class Outbox(Protocol):
    """Where a socket's messages go; `send` never waits."""

    @property
    def version(self) -> Version: ...

    def send(self, data: str | bytes) -> None: ...


@dataclass(frozen=True)
class Options:
    """What a join asks for."""

    private: bool
    ack: bool
    echo: bool
    presence: bool
    presence_key: str
    replication_ready: bool
    replay: tuple[int, int] | None
    """Since (Unix milliseconds) and how many."""


@dataclass(eq=False)
class Channel:
    """One join of one topic by one socket."""

    outbox: Outbox
    name: str
    join_ref: str | None
    options: Options
    token: str | None
    claims: Claims
    read: Access = EVERYTHING
    write: Access | None = None
    """None until somebody asks; then good until the token changes."""
    presence: bool = False
    """Whether presence is switched on and may be read."""
    held: list[Broadcast] | None = None
    """What arrives before the join has been answered and the replay sent, to come after them."""
    replayed: frozenset[str] = frozenset()

    @property
    def topic(self) -> Topic:
        return self.name, self.options.private

    def push(self, event: str, payload: Json) -> None:
        """Say something on the channel that answers nothing."""
        self._send(event, payload, None)

    def reply(self, ref: str | None, status: str, response: Json) -> None:
        self._send("phx_reply", {"status": status, "response": response}, ref)

    def system(self, status: str, message: str) -> None:
        payload = {"extension": "system", "status": status, "message": message, "channel": self.name}
        self.push("system", payload)

    def closed(self) -> None:
        self._send("phx_close", {}, self.join_ref)

    def wants(self, message: Broadcast) -> bool:
        return self.read.broadcast and message.meta.get("id") not in self.replayed

    def _send(self, event: str, payload: Json, ref: str | None) -> None:
        frame = Frame(PREFIX + self.name, event, payload, ref, self.join_ref)
        self.outbox.send(encode(self.outbox.version, frame))


@dataclass
class _Room:
    members: dict[Channel, None] = field(default_factory=dict[Channel, None])
    presence: Presence = field(default_factory=Presence)


class Hub:
    """All topics of the server."""

    def __init__(self) -> None:
        self._rooms: dict[Topic, _Room] = {}

    def enter(self, channel: Channel) -> None:
        self._rooms.setdefault(channel.topic, _Room()).members[channel] = None

    def leave(self, channel: Channel) -> None:
        """Take a channel out, its presence included; harmless when it is out already."""
        room = self._rooms.get(channel.topic)
        if room is None or channel not in room.members:
            return
        del room.members[channel]
        self._tell(room, room.presence.untrack(channel))
        if not room.members:
            del self._rooms[channel.topic]

    def contains(self, channel: Channel) -> bool:
        room = self._rooms.get(channel.topic)
        return room is not None and channel in room.members

    def broadcast(self, topic: Topic, message: Broadcast, besides: Channel | None = None) -> None:
        """Send a message to all who listen to the topic, encoded once for each protocol version."""
        room = self._rooms.get(topic)
        if room is None:
            return
        encoded: dict[Version, str | bytes | None] = {}
        for channel in list(room.members):
            if channel is besides or not channel.wants(message):
                continue
            if channel.held is not None:
                channel.held.append(message)
                continue
            version = channel.outbox.version
            if version not in encoded:
                encoded[version] = encode_broadcast(version, PREFIX + topic[0], message)
            data = encoded[version]
            if data is not None:
                channel.outbox.send(data)

    def release(self, channel: Channel, replayed: list[Broadcast]) -> None:
        """Send what is replayed, then what came meanwhile, and from then on everything as it comes."""
        held, channel.held = channel.held or [], None
        names = frozenset(str(message.meta["id"]) for message in replayed)
        for message in [*replayed, *(late for late in held if late.meta.get("id") not in names)]:
            version = channel.outbox.version
            data = encode_broadcast(version, PREFIX + channel.name, message)
            if data is not None:
                channel.outbox.send(data)
        channel.replayed = names

    def track(self, channel: Channel, state: dict[str, Any]) -> None:
        room = self._rooms[channel.topic]
        self._tell(room, room.presence.track(channel, channel.options.presence_key, state))

    def untrack(self, channel: Channel) -> None:
        room = self._rooms[channel.topic]
        self._tell(room, room.presence.untrack(channel))

    def present(self, topic: Topic) -> Json:
        room = self._rooms.get(topic)
        return room.presence.state() if room else {}

    def _tell(self, room: _Room, difference: Json | None) -> None:
        if difference is None:
            return
        for channel in list(room.members):
            if channel.presence:
                channel.push("presence_diff", difference)
