"""Broadcasts by HTTP: `POST /api/broadcast` and `POST /api/broadcast/{topic}/events/{event}`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dev.realtime.authorization import DatabaseUnavailableError
from dev.realtime.frames import Broadcast, FrameError, parse_json
from dev.realtime.session import MAX_PAYLOAD, Services
from dev.realtime.tokens import ANON, Claims, TokenError, is_key

_MAX_BODY = 2 * MAX_PAYLOAD


class _ProblemError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Endpoints:
    """Both endpoints; what goes to a private topic asks row security, which lets the service role pass."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def batch(self, request: Request) -> Response:
        """`{messages: [{topic, event, payload, private}]}`: 202, and silence about what row security refuses."""
        try:
            claims = self._claims(request.headers)
            messages = _messages(parse_json(await _body(request)))
            allowed: dict[str, bool] = {}
            for topic, private, message in messages:
                if private and topic not in allowed:
                    allowed[topic] = (await self._services.database.may_write(topic, claims)).broadcast
                if not private or allowed[topic]:
                    self._services.hub.broadcast((topic, private), message)
        except (_ProblemError, FrameError, TokenError, DatabaseUnavailableError) as error:
            return _answer(error)
        return Response(status_code=202)

    async def single(self, request: Request) -> Response:
        """The body is the payload, JSON or bytes; `?private=true` for a private topic: 202, or 403 if refused."""
        topic, event = request.path_params["topic"], request.path_params["event"]
        private = request.query_params.get("private") == "true"
        try:
            claims = self._claims(request.headers)
            if any(name.startswith("persist") for name in request.query_params):
                raise _ProblemError(422, "This stand-in does not store what clients send.")
            body = await _body(request)
            is_json = "octet-stream" not in request.headers.get("content-type", "")
            if is_json:
                parse_json(body)
            if len(body) > MAX_PAYLOAD:
                raise _ProblemError(422, "Payload size exceeds the limit of 3 MB")
            if private and not (await self._services.database.may_write(topic, claims)).broadcast:
                raise _ProblemError(403, "Unauthorized")
        except (_ProblemError, FrameError, TokenError, DatabaseUnavailableError) as error:
            return _answer(error)
        self._services.hub.broadcast((topic, private), Broadcast(event, body, is_json))
        return Response(status_code=202)

    def _claims(self, headers: Mapping[str, str]) -> Claims:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = [bearer if scheme.lower() == "bearer" else "", headers.get("apikey", "")]
        for token in given:
            if token and not is_key(token):
                return self._services.verifier.verify(token, time.time())
        if not any(given):
            raise _ProblemError(401, "Unauthorized")
        return ANON


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise _ProblemError(413, "The body is too large")
    return bytes(body)


def _messages(content: Any) -> list[tuple[str, bool, Broadcast]]:
    entries = cast("dict[str, Any]", content).get("messages") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise _ProblemError(422, "The body is an object with a list `messages`")
    messages: list[tuple[str, bool, Broadcast]] = []
    for entry in cast("list[Any]", entries):
        message = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        topic, event, payload = message.get("topic"), message.get("event"), message.get("payload")
        if not isinstance(topic, str) or not isinstance(event, str) or not isinstance(payload, dict):
            raise _ProblemError(422, "A message has a topic, an event and a payload, which is an object")
        body = json.dumps(payload, separators=(",", ":")).encode()
        if len(body) > MAX_PAYLOAD:
            raise _ProblemError(422, "Payload size exceeds the limit of 3 MB")
        messages.append((topic, message.get("private") is True, Broadcast(event, body)))
    return messages


def _answer(error: Exception) -> Response:
    match error:
        case _ProblemError():
            status = error.status
        case TokenError():
            status = 401
        case DatabaseUnavailableError():
            status = 503
        case _:
            status = 400
    return JSONResponse({"message": str(error)}, status)
