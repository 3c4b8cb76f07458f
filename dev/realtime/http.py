"""Broadcasts by HTTP: `POST /api/broadcast` and `POST /api/broadcast/{topic}/events/{event}`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dev.realtime.authorization import DatabaseUnavailableError
from dev.realtime.channels import Topic
from dev.realtime.frames import Broadcast, FrameError, Json, dump_json, parse_json
from dev.realtime.session import MAX_PAYLOAD, Services
from dev.realtime.tokens import ANON, Claims, RefusalError, is_key

_BLANK, _INVALID, _TOO_LARGE = "can't be blank", "is invalid", "Payload size exceeds tenant limit"
_WRONG_TYPE = "Unsupported Media Type. Use application/json or application/octet-stream"
_FIELDS = (("topic", str), ("event", str), ("payload", dict))


class _ResponseError(Exception):
    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class Endpoints:
    """Both endpoints; what goes to a private topic asks row security, which lets the service role pass."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle(self, request: Request) -> Response:
        """Answer 202, or an error with the real server's body."""
        try:
            send = self._single if "event" in request.path_params else self._batch
            await send(request, self._claims(request.headers))
        except _ResponseError as error:
            return JSONResponse(error.body, error.status)
        except DatabaseUnavailableError:
            return JSONResponse({"message": "Tenant database unavailable"}, 422)
        except RefusalError:  # of the token
            return JSONResponse({"message": "Unauthorized"}, 401)
        except FrameError:
            return JSONResponse({"errors": {"detail": "Bad Request"}}, 400)
        return Response(status_code=202)

    async def _batch(self, request: Request, claims: Claims) -> None:
        """Send `{messages: [{topic, event, payload, private}]}`; row security drops without a word."""
        for topic, message in _messages(parse_json(await request.body())):
            if len(message.body) > MAX_PAYLOAD:
                raise _ResponseError(422, {"errors": {"messages": [{"payload": [_TOO_LARGE]}]}})
            if await self._may_send(topic, claims):
                self._services.hub.broadcast(topic, message)

    async def _single(self, request: Request, claims: Claims) -> None:
        """Send the body, JSON or bytes; `?private=true` for a private topic."""
        topic = request.path_params["topic"], request.query_params.get("private") == "true"
        kind = request.headers.get("content-type", "application/json")
        if not kind.startswith(("application/json", "application/octet-stream")):
            raise _ResponseError(415, {"error": _WRONG_TYPE})
        body, is_json = await request.body(), kind.startswith("application/json")
        if is_json:
            parse_json(body)
        if len(body) > MAX_PAYLOAD:
            raise _ResponseError(422, {"errors": {"payload": [_TOO_LARGE]}})
        if not await self._may_send(topic, claims):
            raise _ResponseError(403, {"message": "Unauthorized"})
        self._services.hub.broadcast(topic, Broadcast(request.path_params["event"], body, is_json))

    async def _may_send(self, topic: Topic, claims: Claims) -> bool:
        name, private = topic
        return not private or "broadcast" in await self._services.database.access(name, claims, write=True)

    def _claims(self, headers: Mapping[str, str]) -> Claims:
        bearer = headers.get("authorization", "").rpartition(" ")[2]
        given = [token for token in (bearer, headers.get("apikey")) if token]
        if not given:
            raise _ResponseError(401, {"message": "Unauthorized"})
        tokens = [token for token in given if not is_key(token)]
        return self._services.verifier.verify(tokens[0], time.time()) if tokens else ANON


def _messages(content: Any) -> list[tuple[Topic, Broadcast]]:
    entries = cast(Json, content).get("messages") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise _ResponseError(422, {"errors": {"messages": [_BLANK if entries is None else _INVALID]}})
    messages = [cast(Json, entry) if isinstance(entry, dict) else {} for entry in cast("list[Any]", entries)]
    faults = [
        {
            name: [_BLANK if each.get(name) is None else _INVALID]
            for name, kind in _FIELDS
            if not isinstance(each.get(name), kind)
        }
        for each in messages
    ]
    if any(faults):
        raise _ResponseError(422, {"errors": {"messages": faults}})
    return [
        ((each["topic"], each.get("private") is True), Broadcast(each["event"], dump_json(each["payload"]).encode()))
        for each in messages
    ]
