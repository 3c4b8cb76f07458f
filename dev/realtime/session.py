"""One socket's conversation: joins, leaves, tokens, broadcasts, presence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from dev.realtime.authorization import EVERYTHING, NOTHING, Access, Database, DatabaseUnavailableError
from dev.realtime.channels import PREFIX, Channel, Hub, Options, Outbox
from dev.realtime.frames import Broadcast, Frame, Json, decode, dump_json, encode
from dev.realtime.rates import Rate
from dev.realtime.tokens import ANON, Claims, RefusalError, Verifier, is_key

MAX_PAYLOAD = 3_000_000
"""Bytes of one broadcast's payload, or of one presence's state."""
_LONGEST_TIMER = 3600
_GOING_AWAY = 1001


@dataclass(frozen=True)
class Services:
    """The state that all sessions share. `ready` is true while database broadcasts arrive."""

    hub: Hub
    database: Database
    verifier: Verifier
    joins: Rate
    ready: Callable[[], bool]


class Session:
    """The channels of one socket. `key` is the `apikey` of its URL; a JWT there counts for joins without a token."""

    def __init__(self, outbox: Outbox, services: Services, key: str | None) -> None:
        self._outbox, self._services, self._hub = outbox, services, services.hub
        self._token = None if key is None or is_key(key) else key
        self._channels: dict[str, Channel] = {}

    async def receive(self, data: str | bytes) -> None:
        """Answer one frame. Raises FrameError when it cannot be read."""
        frame = decode(self._outbox.version, data)
        channel = self._channels.get(frame.topic)
        if frame.topic == "phoenix" and frame.event == "heartbeat":
            self._reply(frame, "ok", {})
        elif frame.event == "phx_join" and frame.topic.startswith(PREFIX):
            self._close(channel)
            await self._join(frame)
        elif frame.event == "phx_leave":
            if channel is None or frame.join_ref in (None, channel.join_ref):
                self._reply(frame, "ok", {})
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
        """Remove the channels of a socket that is gone."""
        for channel in list(self._channels.values()):
            self._drop(channel)

    # Joining

    async def _join(self, frame: Frame) -> None:
        if self._services.joins.add():
            self._reply(frame, "error", {"reason": "ClientJoinRateLimitReached: Too many joins per second"})
            self._outbox.close(_GOING_AWAY, "Too many joins per second")
            return
        try:
            channel = self._channel(frame)
            if not self._services.ready():
                raise DatabaseUnavailableError
            if channel.options.private:
                channel.read = await self._may_read(channel)
        except RefusalError as error:
            self._reply(frame, "error", {"reason": str(error)})
            return
        self._channels[frame.topic] = channel
        self._hub.enter(channel)
        channel.reply(frame.ref, "ok", {"postgres_changes": []})
        if channel.options.presence:
            self._enable_presence(channel)
        self._check_expiry(channel)

    def _channel(self, frame: Frame) -> Channel:
        name = frame.topic.removeprefix(PREFIX)
        if not name:
            raise RefusalError("TopicNameRequired", "You must provide a topic name")
        if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
            raise RefusalError("MalformedTopic", "The topic name holds characters that no database can store")
        token = frame.payload.get("access_token")
        if not isinstance(token, str) or is_key(token):
            token = self._token
        options, join_ref = _options(_mapping(frame.payload.get("config"))), frame.join_ref or frame.ref
        return Channel(self._outbox, name, join_ref, options, token, self._claims(token), self._shut)

    def _claims(self, token: str | None) -> Claims:
        return ANON if token is None else self._services.verifier.verify(token, time.time())

    async def _may_read(self, channel: Channel) -> Access:
        access = await self._services.database.access(channel.name, channel.claims, write=False)
        if access:
            return access
        message = f"You do not have permissions to read from this Channel topic: {channel.name}"
        raise RefusalError("Unauthorized", message)

    # Leaving

    def _close(self, channel: Channel | None) -> None:
        if channel is not None:
            self._drop(channel)
            channel.push("phx_close", {}, channel.join_ref)

    def _shut(self, channel: Channel, message: str) -> None:
        if self._hub.contains(channel):  # it may have expired while the database was asked
            system = {"extension": "system", "status": "error", "message": message, "channel": channel.name}
            channel.push("system", system)
            self._close(channel)

    def _drop(self, channel: Channel) -> None:
        self._channels.pop(PREFIX + channel.name, None)
        if channel.timer is not None:
            channel.timer.cancel()
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
                read = await self._may_read(channel)
            if not read >= channel.read:
                message = f"You no longer have permission to read from this Channel topic: {channel.name}"
                raise RefusalError("Unauthorized", message)
        except RefusalError as error:
            self._shut(channel, error.message)
        else:
            channel.read = read
            self._check_expiry(channel)

    def _check_expiry(self, channel: Channel) -> None:
        """Shut a channel whose token has expired; look again when it does, or within the hour: laptops sleep."""
        if channel.timer is not None:
            channel.timer.cancel()
        if channel.token is None or not self._hub.contains(channel):
            return
        try:
            now = time.time()
            seconds = min(self._claims(channel.token)["exp"], int(now) + _LONGEST_TIMER) - now
        except RefusalError as error:
            self._shut(channel, error.message)
        else:
            channel.timer = asyncio.get_running_loop().call_later(seconds, self._check_expiry, channel)

    # Sending

    async def _broadcast(self, channel: Channel, frame: Frame) -> None:
        payload = frame.payload
        body = dump_json(payload.get("payload", {})).encode()
        message = frame.broadcast or Broadcast(str(payload.get("event", "")), body)
        if "broadcast" not in await self._may_write(channel) or not self._hub.contains(channel):
            return  # without a reply, even to a client that asked for one
        status, response = "ok", Json()
        if len(message.body) <= MAX_PAYLOAD:
            self._hub.broadcast(channel.topic, message, None if channel.options.echo else channel)
        else:
            status, response = "error", "payload_size_exceeded"
        if channel.options.ack:
            channel.reply(frame.ref, status, response)

    async def _presence(self, channel: Channel, frame: Frame) -> None:
        event, state = str(frame.payload.get("event", "")).lower(), frame.payload.get("payload", {})
        refused = event == "track" and "presence" not in await self._may_write(channel)
        if not self._hub.contains(channel):
            return
        if refused or event not in ("track", "untrack", ""):
            channel.reply(frame.ref, "error", {})
        elif event == "track" and not isinstance(state, dict):
            channel.reply(frame.ref, "error", {"reason": "Presence track payload must be a map"})
        elif event == "track" and len(dump_json(state)) > MAX_PAYLOAD:
            self._shut(channel, "Track message size exceeded")
        else:
            channel.reply(frame.ref, "ok", {})
            if event == "track":
                self._enable_presence(channel)
                if state != channel.state:
                    channel.state = cast(Json, state)
                    self._hub.track(channel, channel.state)
            elif event == "untrack":
                channel.state = None
                self._hub.track(channel, None)

    def _enable_presence(self, channel: Channel) -> None:
        """Send the state now and differences from now on."""
        if "presence" in channel.read and not channel.presence:
            channel.presence = True
            channel.push("presence_state", self._hub.presence_state(channel.topic))

    async def _may_write(self, channel: Channel) -> Access:
        if not channel.options.private:
            return EVERYTHING
        if channel.write is None:
            try:
                channel.write = await self._services.database.access(channel.name, channel.claims, write=True)
            except DatabaseUnavailableError:
                return NOTHING
        return channel.write

    def _reply(self, frame: Frame, status: str, response: Json) -> None:
        payload = {"status": status, "response": response}
        reply = Frame(frame.topic, "phx_reply", payload, frame.ref, frame.join_ref)
        self._outbox.send(encode(self._outbox.version, reply))


def _options(config: Json) -> Options:
    broadcast, presence = _mapping(config.get("broadcast")), _mapping(config.get("presence"))
    if config.get("postgres_changes") or "replay" in broadcast:
        message = "This stand-in covers neither Postgres Changes nor replay; use Broadcast from the database"
        raise RefusalError("NotCovered", message)
    key = presence.get("key")
    return Options(
        private=_flag(config.get("private")),
        ack=_flag(broadcast.get("ack")),
        echo=_flag(broadcast.get("self")),
        presence=_flag(presence.get("enabled")),
        presence_key=key if isinstance(key, str) and key else str(uuid4()),
    )


def _mapping(value: object) -> Json:
    return cast(Json, value) if isinstance(value, dict) else {}


def _flag(value: object) -> bool:
    return value is True or value == "true"
