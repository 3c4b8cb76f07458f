"""Request bodies: what is refused before it is read further, and what the refusal says."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from flask import Flask
from pydantic import BaseModel

from backend.errors import ApiError
from backend.request_body import read_json
from backend.schemas import BookingId, Login, Logout

BOOKING = "0b5c3c1e-3f6b-4a52-9c43-0c4f8f1f7c55"


def read(model: type[BaseModel], body: str | bytes, content_type: str = "application/json") -> BaseModel:
    with Flask(__name__).test_request_context(method="POST", data=body, content_type=content_type):
        return read_json(model)


@pytest.mark.parametrize(
    ("model", "body", "details"),
    [
        (Login, "{", {"body": "is no JSON"}),
        (Login, b"\xff", {"body": "is no JSON"}),
        (Login, "[" * 100_000, {"body": "is no JSON"}),
        (Login, "[]", {"body": "is no JSON object"}),
        (Login, "null", {"body": "is no JSON object"}),
        (Login, "{}", {"email": "must be a string", "password": "must be a string"}),
        (Login, {"email": 7, "password": None}, {"email": "must be a string", "password": "must be a string"}),
        (Login, {"email": "a\0", "password": "x"}, {"email": "must be a string"}),
        (Login, {"email": "\ud800", "password": "x"}, {"email": "must be a string"}),
        (Login, {"email": "a", "password": "b", "role": "admin", "age": 7}, {"unknown": ["age", "role"]}),
        (Login, {"\ud800\0": 1, "x" * 300: 1}, {"unknown": ["x" * 100, "?\0"]}),
        (Login, {f"{number:02}": 1 for number in range(20)}, {"unknown": [f"{number:02}" for number in range(10)]}),
        (Logout, {"everywhere": 1}, {"everywhere": "must be true or false"}),
        (Logout, {"everywhere": "true"}, {"everywhere": "must be true or false"}),
        (BookingId, {"booking_id": 7}, {"booking_id": "must be a UUID"}),
        (BookingId, {"booking_id": BOOKING.replace("-", "")}, {"booking_id": "must be a UUID"}),
        (BookingId, {"booking_id": f"{{{BOOKING}}}"}, {"booking_id": "must be a UUID"}),
        (BookingId, {"booking_id": f"urn:uuid:{BOOKING}"}, {"booking_id": "must be a UUID"}),
    ],
)
def test_invalid_fields_are_named_and_not_quoted(model: type[BaseModel], body: object, details: object) -> None:
    with pytest.raises(ApiError) as refused:
        read(model, body if isinstance(body, str | bytes) else json.dumps(body))
    assert (refused.value.code, refused.value.details) == ("invalid_request", details)


def test_a_form_is_not_read() -> None:
    with pytest.raises(ApiError) as refused:
        read(Login, '{"email": "a", "password": "b"}', "text/plain")
    assert refused.value.details == {"content_type": "application/json"}


def test_valid_bodies_are_read() -> None:
    assert read(Login, '{"email": "\\u00e4", "password": ""}') == Login(email="ä", password="")
    assert read(BookingId, json.dumps({"booking_id": BOOKING.upper()})) == BookingId(booking_id=UUID(BOOKING))
    assert read(Logout, "{}") == Logout(everywhere=False)
