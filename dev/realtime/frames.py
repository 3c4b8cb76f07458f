"""The wire: frames of protocol 1.0.0 (JSON objects) and 2.0.0 (JSON arrays, binary broadcasts). Nothing here waits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, Literal, NoReturn, cast

Version = Literal["1.0.0", "2.0.0"]
Json = dict[str, Any]

_PARTS = ("join_ref", "ref", "topic", "event", "payload")


class FrameError(ValueError):
    """A frame that its protocol does not know; the message is a sentence for its sender's developer."""


@dataclass(frozen=True)
class Broadcast:
    """One broadcast. `body` is the payload as JSON text or, when not `is_json`, any bytes."""

    event: str
    body: bytes
    is_json: bool = True
    meta: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Frame:
    """One message of a channel; a binary one from a client has `broadcast` and an empty payload."""

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


def dump_json(value: Any) -> str:
    """Write JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))


def decode(version: Version, data: str | bytes) -> Frame:
    """Read a client's frame. Raises FrameError."""
    if isinstance(data, bytes) and version == "2.0.0":
        return _decode_push(data)
    content: Any = parse_json(data)
    if version == "1.0.0":
        complete = isinstance(content, dict) and {*_PARTS[1:]} <= cast(Json, content).keys()
        content = [cast(Json, content).get(name) for name in _PARTS] if complete else None
    if not isinstance(content, list) or len(cast("list[Any]", content)) < len(_PARTS):
        raise FrameError("A frame is an object with ref, topic, event and payload (1.0.0) or an array of five (2.0.0).")
    join_ref, ref, topic, event, payload = cast("list[Any]", content)[: len(_PARTS)]
    if not isinstance(topic, str) or not isinstance(event, str):
        raise FrameError("A frame names its topic and its event.")
    payload = cast(Json, payload) if isinstance(payload, dict) else {}
    ref, join_ref = (each if each is None or isinstance(each, str) else dump_json(each) for each in (ref, join_ref))
    return Frame(topic, event, payload, ref, join_ref)


def encode(version: Version, frame: Frame) -> str:
    """Write a frame as text."""
    if version == "1.0.0":
        return dump_json({"topic": frame.topic, "event": frame.event, "payload": frame.payload, "ref": frame.ref})
    return dump_json([frame.join_ref, frame.ref, frame.topic, frame.event, frame.payload])


def encode_broadcast(version: Version, topic: str, message: Broadcast) -> str | bytes | None:
    """Write a broadcast: binary in 2.0.0, text in 1.0.0, None where 1.0.0 cannot carry it.

    The body is copied unparsed, which keeps the cost of a long message low.
    """
    meta = dump_json(message.meta) if message.meta else ""
    if version == "2.0.0":
        names = [part.encode("utf-8", "replace") for part in (topic, message.event, meta)]
        lengths = [len(name) for name in names]
        if max(lengths) <= 255:  # what one byte can say; longer names travel as text
            return bytes([4, *lengths, int(message.is_json)]) + b"".join(names) + message.body
    if not message.is_json:
        return None
    meta = meta and f',"meta":{meta}'
    payload = f'{{"type":"broadcast","event":{dump_json(message.event)},"payload":{message.body.decode()}{meta}}}'
    if version == "1.0.0":
        return f'{{"topic":{dump_json(topic)},"event":"broadcast","payload":{payload},"ref":null}}'
    return f'[null,null,{dump_json(topic)},"broadcast",{payload}]'


def _decode_push(data: bytes) -> Frame:
    ends = list(accumulate(data[1:6], initial=7))
    if data[:1] != b"\x03" or len(data) < max(ends):
        raise FrameError("A binary frame from a client is a broadcast of kind 3 with true lengths.")
    try:
        join_ref, ref, topic, event, _meta = (data[start:end].decode() for start, end in pairwise(ends))
    except UnicodeDecodeError as error:
        raise FrameError("The names in a binary frame are UTF-8.") from error
    is_json, body = data[6] != 0, data[ends[-1] :]
    if is_json:
        parse_json(body)
    return Frame(topic, "broadcast", {}, ref or None, join_ref or None, Broadcast(event, body, is_json))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
