"""The OpenAPI document: valid, served, and about every route that there is."""

from __future__ import annotations

import json
import re

from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from backend.openapi import document
from tests.backend.ports import FakeDataApi


def test_the_document_is_valid_and_served(client: FlaskClient) -> None:
    answer = client.get("/api/openapi.json")
    assert answer.get_json() == json.loads(json.dumps(document()))
    validate(answer.get_json())


def test_the_document_lists_every_route(app: Flask) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert described == routes


def test_the_cookie_and_the_header_are_the_apps_own(client: FlaskClient, data_api: FakeDataApi) -> None:
    data_api.answers["rotate_session"] = {"status": "refused"}
    name = document()["components"]["securitySchemes"]["refreshToken"]["name"]
    client.set_cookie(name, "old", path="/api/auth")
    assert client.post("/api/auth/refresh").status_code == 401
