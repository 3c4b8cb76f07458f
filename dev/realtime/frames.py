"""The wire: frames of protocol 1.0.0 (JSON objects) and 2.0.0 (JSON arrays, binary broadcasts). Nothing here waits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NoReturn, cast

Version = Literal["1.0.0", "2.0.0"]
Json = dict[str, Any]

_PUSH, _BROADCAST = 3, 4
_LONGEST = 255
"""Bytes that a length of one byte can announce."""


class FrameError(ValueError):
    """A frame that is no frame of its protocol; the message is a sentence for whoever sent it."""


@dataclass(frozen=True)
class Broadcast:
    """One broadcast. `body` is the payload as JSON text or, when not `is_json`, any bytes."""

    event: str
    body: bytes
    is_json: bool = True
    meta: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Frame:
    """One message of a channel; a binary broadcast from a client comes with `broadcast` and an empty payload."""

    topic: str
    event: str
    payload: Json
    ref: str | None = None
    join_ref: str | None = None
    broadcast: Broadcast | None = None


def parse_json(text: str | bytes) -> Any:
    """Parse strict JSON in UTF-8. Raises FrameError, for NaN and for nesting without end too."""
    try:
        return json.loads(text if isinstance(text, str) else text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FrameError("The frame does not hold valid JSON.") from error


def decode(version: Version, data: str | bytes) -> Frame:
    """Read a client's frame. Raises FrameError."""
    if isinstance(data, bytes):
        if version == "1.0.0":
            raise FrameError("Protocol 1.0.0 has no binary frames.")
        return _decode_push(data)
    content = parse_json(data)
    if version == "1.0.0":
        if not isinstance(content, dict):
            raise FrameError("A frame of protocol 1.0.0 is a JSON object.")
        message = cast(Json, content)
        parts = [message.get(name) for name in ("join_ref", "ref", "topic", "event", "payload")]
    else:
        if not isinstance(content, list) or len(cast("list[Any]", content)) != 5:
            raise FrameError("A frame of protocol 2.0.0 is an array of five.")
        parts = cast("list[Any]", content)
    join_ref, ref, topic, event, payload = parts
    if not isinstance(topic, str) or not isinstance(event, str):
        raise FrameError("A frame names its topic and its event.")
    return Frame(
        topic=topic,
        event=event,
        payload=cast(Json, payload) if isinstance(payload, dict) else {},
        ref=_reference(ref),
        join_ref=_reference(join_ref),
    )


def encode(version: Version, frame: Frame) -> str:
    """Write a frame as text."""
    if version == "1.0.0":
        return _dump({"topic": frame.topic, "event": frame.event, "payload": frame.payload, "ref": frame.ref})
    return _dump([frame.join_ref, frame.ref, frame.topic, frame.event, frame.payload])


def encode_broadcast(version: Version, topic: str, message: Broadcast) -> str | bytes | None:
    """Write a broadcast: binary in 2.0.0, text in 1.0.0, None where 1.0.0 cannot carry it.

    The body is copied as it stands, never parsed: a message is as dear to send as it is long.
    """
    if version == "2.0.0":
        names = [part.encode("utf-8", "replace") for part in (topic, message.event)]
        meta = _dump(message.meta).encode() if message.meta else b""
        lengths = [len(part) for part in (*names, meta)]
        if max(lengths) <= _LONGEST:
            return bytes([_BROADCAST, *lengths, int(message.is_json)]) + b"".join((*names, meta, message.body))
    if not message.is_json:
        return None
    meta = f',"meta":{_dump(message.meta)}' if message.meta else ""
    payload = f'{{"type":"broadcast","event":{_dump(message.event)},"payload":{message.body.decode()}{meta}}}'
    if version == "1.0.0":
        return f'{{"topic":{_dump(topic)},"event":"broadcast","payload":{payload},"ref":null}}'
    return f'[null,null,{_dump(topic)},"broadcast",{payload}]'


def _decode_push(data: bytes) -> Frame:
    if len(data) < 7 or data[0] != _PUSH:
        raise FrameError("A binary frame from a client is a broadcast of kind 3.")
    ends = [7]
    for length in data[1:6]:
        ends.append(ends[-1] + length)
    if len(data) < ends[-1]:
        raise FrameError("The binary frame is shorter than its lengths say.")
    try:
        join_ref, ref, topic, event, meta = (data[start:end].decode() for start, end in pairwise(ends))
    except UnicodeDecodeError as error:
        raise FrameError("The names in a binary frame are UTF-8.") from error
    is_json, body = data[6] == 1, data[ends[-1] :]
    if is_json:
        parse_json(body)
    message = Broadcast(event, body, is_json, _object(parse_json(meta)) if meta else {})
    return Frame(topic, "broadcast", {}, ref or None, join_ref or None, message)


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise FrameError("The metadata of a binary frame is a JSON object.")
    return cast(Json, value)


def _reference(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    raise FrameError("A reference is a string.")


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
