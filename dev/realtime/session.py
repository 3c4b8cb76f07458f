"""One socket's conversation: joins, leaves, tokens, broadcasts, presence."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from dev.realtime.authorization import EVERYTHING, Access, Database, DatabaseUnavailableError
from dev.realtime.channels import PREFIX, Channel, Hub, Options, Outbox
from dev.realtime.frames import Broadcast, Frame, Json, decode, encode
from dev.realtime.tokens import ANON, Claims, TokenError, Verifier, is_key

MAX_PAYLOAD = 3_000_000
"""Bytes of one broadcast's payload, or of one presence's state."""
_MOST_REPLAYED = 25
_LONGEST_TIMER = 3600


class RefusalError(Exception):
    """A join or a push that is answered with this reason."""


@dataclass(frozen=True)
class Services:
    """What every session shares. `ready` tells whether database broadcasts arrive at the moment."""

    hub: Hub
    database: Database
    verifier: Verifier
    ready: Callable[[], bool]


class Session:
    """What one socket has joined. `key` is the `apikey` of its URL; a JWT there speaks for joins without a token."""

    def __init__(self, outbox: Outbox, services: Services, key: str | None) -> None:
        self._outbox = outbox
        self._services = services
        self._hub = services.hub
        self._key = key
        self._channels: dict[str, Channel] = {}
        self._timers: dict[Channel, asyncio.TimerHandle] = {}

    async def receive(self, data: str | bytes) -> None:
        """Answer one frame. Raises FrameError when it is none."""
        frame = decode(self._outbox.version, data)
        channel = self._channels.get(frame.topic)
        if channel is not None and frame.join_ref not in (None, channel.join_ref):
            channel = None  # meant for an earlier join of the topic
        if frame.topic == "phoenix" and frame.event == "heartbeat":
            self._reply(frame, "ok", {})
        elif frame.event == "phx_join":
            await self._join(frame)
        elif frame.event == "phx_leave":
            self._reply(frame, "ok", {})
            if channel is not None:
                self._close(channel)
        elif channel is None:
            self._reply(frame, "error", {"reason": "unmatched topic"})
        elif frame.event == "access_token":
            await self._renew(channel, frame.payload.get("access_token"))
        elif frame.event == "broadcast":
            await self._broadcast(channel, frame)
        elif frame.event == "presence":
            await self._presence(channel, frame)

    def end(self) -> None:
        """The socket is gone."""
        for channel in list(self._channels.values()):
            self._drop(channel)

    # Joining

    async def _join(self, frame: Frame) -> None:
        before = self._channels.get(frame.topic)
        if before is not None:
            self._close(before)
        channel: Channel | None = None
        try:
            channel = self._channel(frame)
            if not self._services.ready():
                raise DatabaseUnavailableError
            if channel.options.private:
                channel.read = await self._may_read(channel.name, channel.claims)
            await self._enter(channel, frame)
        except (RefusalError, TokenError, DatabaseUnavailableError) as error:
            if channel is not None:
                self._drop(channel)
            self._reply(frame, "error", {"reason": _reason(error)})

    def _channel(self, frame: Frame) -> Channel:
        name = frame.topic.removeprefix(PREFIX)
        if not frame.topic.startswith(PREFIX):
            raise RefusalError("unmatched topic")
        if not name:
            raise RefusalError("TopicNameRequired: You must provide a topic name")
        if "\0" in name or not _is_unicode(name):
            raise RefusalError("MalformedTopic: The topic name holds characters that no database can store")
        token = frame.payload.get("access_token")
        if not isinstance(token, str) or is_key(token):
            token = None if self._key is None or is_key(self._key) else self._key
        options = _options(_mapping(frame.payload.get("config")))
        return Channel(self._outbox, name, frame.join_ref or frame.ref, options, token, self._claims(token))

    async def _enter(self, channel: Channel, frame: Frame) -> None:
        replayed: list[Broadcast] = []
        channel.held = []
        self._channels[frame.topic] = channel
        self._hub.enter(channel)
        if channel.options.replay:
            if not channel.read.broadcast:
                raise RefusalError(f"Unauthorized: {_no_permission(channel.name)}")
            replayed = await self._services.database.replay(channel.name, *channel.options.replay)
        self._watch_expiry(channel)
        channel.reply(frame.ref, "ok", {"postgres_changes": []})
        if channel.options.replication_ready:
            channel.system("ok", "Replication connection established")
        if channel.options.presence:
            self._show_presence(channel)
        self._hub.release(channel, replayed)

    def _claims(self, token: str | None) -> Claims:
        return ANON if token is None else self._services.verifier.verify(token, time.time())

    async def _may_read(self, name: str, claims: Claims) -> Access:
        access = await self._services.database.may_read(name, claims)
        if not (access.broadcast or access.presence):
            raise RefusalError(f"Unauthorized: {_no_permission(name)}")
        return access

    # Leaving

    def _close(self, channel: Channel) -> None:
        self._drop(channel)
        channel.closed()

    def _shut(self, channel: Channel, message: str) -> None:
        if not self._hub.contains(channel):
            return  # its time ran out while the database was asked
        channel.system("error", message)
        self._close(channel)

    def _drop(self, channel: Channel) -> None:
        topic = PREFIX + channel.name
        if self._channels.get(topic) is channel:
            del self._channels[topic]
        timer = self._timers.pop(channel, None)
        if timer is not None:
            timer.cancel()
        self._hub.leave(channel)

    # Tokens

    async def _renew(self, channel: Channel, token: object) -> None:
        if not isinstance(token, str) or is_key(token) or token == channel.token:
            return
        read = channel.read
        try:
            channel.token, channel.write = token, None
            channel.claims = self._claims(token)
            if channel.options.private:
                read = await self._may_read(channel.name, channel.claims)
        except (RefusalError, TokenError, DatabaseUnavailableError) as error:
            message = error.message if isinstance(error, TokenError) else str(error)
            self._shut(channel, message.removeprefix("Unauthorized: "))
            return
        if (channel.read.broadcast and not read.broadcast) or (channel.presence and not read.presence):
            self._shut(channel, f"You no longer have permission to read from this Channel topic: {channel.name}")
        elif self._hub.contains(channel):
            channel.read = read
            self._watch_expiry(channel)

    def _watch_expiry(self, channel: Channel) -> None:
        timer = self._timers.pop(channel, None)
        if timer is not None:
            timer.cancel()
        if channel.token is not None:
            # A clock that was set, or a laptop that slept, is noticed at the next look.
            now = time.time()
            seconds = min(channel.claims["exp"], int(now) + _LONGEST_TIMER) - now
            loop = asyncio.get_running_loop()
            self._timers[channel] = loop.call_later(seconds, self._look_at_expiry, channel)

    def _look_at_expiry(self, channel: Channel) -> None:
        try:
            self._claims(channel.token)
        except TokenError as error:
            self._shut(channel, error.message)
        else:
            self._watch_expiry(channel)

    # Speaking

    async def _broadcast(self, channel: Channel, frame: Frame) -> None:
        try:
            message = frame.broadcast or _text_broadcast(frame.payload)
            if "persist" in message.meta:
                raise RefusalError("This stand-in does not store what clients send.")
            if len(message.body) > MAX_PAYLOAD:
                raise RefusalError("payload_size_exceeded")
        except RefusalError as refusal:
            channel.reply(frame.ref, "error", {"reason": str(refusal)})
            return
        try:
            if not (await self._may_write(channel)).broadcast:
                return  # silent, with or without ack, as the real server is
        except DatabaseUnavailableError:
            return
        if not self._hub.contains(channel):
            return
        echo = None if channel.options.echo else channel
        self._hub.broadcast(channel.topic, Broadcast(message.event, message.body, message.is_json), echo)
        if channel.options.ack:
            channel.reply(frame.ref, "ok", {})

    async def _presence(self, channel: Channel, frame: Frame) -> None:
        state: object = frame.payload.get("payload", {})
        event = str(frame.payload.get("event")).lower()
        try:
            if event not in ("track", "untrack"):
                raise RefusalError("Presence knows the events track and untrack")
            if not isinstance(state, dict):
                raise RefusalError("Presence track payload must be a map")
            if len(json.dumps(state)) > MAX_PAYLOAD:
                raise RefusalError("Track message size exceeded")
            if event == "track" and not (await self._may_write(channel)).presence:
                raise RefusalError("You do not have permissions to track presence on this Channel topic")
        except (RefusalError, DatabaseUnavailableError) as error:
            channel.reply(frame.ref, "error", {"reason": str(error)})
            return
        if not self._hub.contains(channel):
            return
        channel.reply(frame.ref, "ok", {})
        if event == "untrack":
            self._hub.untrack(channel)
            return
        self._show_presence(channel)
        self._hub.track(channel, cast(Json, state))

    def _show_presence(self, channel: Channel) -> None:
        """Switch presence on: the state now, differences from now on. Tracking does it too."""
        if channel.read.presence and not channel.presence:
            channel.presence = True
            channel.push("presence_state", self._hub.present(channel.topic))

    async def _may_write(self, channel: Channel) -> Access:
        if not channel.options.private:
            return EVERYTHING
        if channel.write is None:
            channel.write = await self._services.database.may_write(channel.name, channel.claims)
        return channel.write

    def _reply(self, frame: Frame, status: str, response: Json) -> None:
        payload = {"status": status, "response": response}
        reply = Frame(frame.topic, "phx_reply", payload, frame.ref, frame.join_ref)
        self._outbox.send(encode(self._outbox.version, reply))


def _options(config: Json) -> Options:
    broadcast, presence = _mapping(config.get("broadcast")), _mapping(config.get("presence"))
    key, private = presence.get("key"), _flag(config.get("private"), default=False)
    if config.get("postgres_changes"):
        raise RefusalError(
            "PostgresChangesNotCovered: This stand-in does not cover Postgres Changes; "
            "use Broadcast from the database (realtime.send)"
        )
    return Options(
        private=private,
        ack=_flag(broadcast.get("ack"), default=False),
        echo=_flag(broadcast.get("self"), default=False),
        presence=_flag(presence.get("enabled"), default=True),
        presence_key=key if isinstance(key, str) and key else str(uuid4()),
        replication_ready=_flag(broadcast.get("replication_ready"), default=False),
        replay=_replay(broadcast["replay"], private) if "replay" in broadcast else None,
    )


def _replay(value: object, private: bool) -> tuple[int, int]:
    wanted = _mapping(value)
    since, limit = wanted.get("since", 0), wanted.get("limit", _MOST_REPLAYED)
    if not private:
        raise RefusalError("UnableToReplayMessages: Replay is not allowed for public channels")
    if type(since) is not int or type(limit) is not int or not 0 <= since < 10**14:
        raise RefusalError("UnableToReplayMessages: Replay params are not valid")
    return since, max(1, min(limit, _MOST_REPLAYED))


def _text_broadcast(payload: Json) -> Broadcast:
    event = payload.get("event")
    if not isinstance(event, str):
        raise RefusalError("A broadcast names its event.")
    return Broadcast(event, json.dumps(payload.get("payload", {}), separators=(",", ":")).encode())


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _flag(value: object, *, default: bool) -> bool:
    return default if value is None else value is True or value == "true"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        return False
    return True


def _no_permission(name: str) -> str:
    return f"You do not have permissions to read from this Channel topic: {name}"


def _reason(error: Exception) -> str:
    if isinstance(error, TokenError):
        return f"{error.kind}: {error.message}"
    if isinstance(error, DatabaseUnavailableError):
        return f"UnableToConnectToProject: {error}"
    return str(error)
