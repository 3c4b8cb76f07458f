"""Odd calls at the whole of Frontrow, with a real database behind: what fakes would let pass, PostgreSQL may refuse."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode

from backend.openapi import document
from tests.http.frontrow import Customer, Frontrow

MORE = int(os.environ.get("FUZZ", "1"))
"""FUZZ=10, as in `make test-slow`, tries ten times as much; more than that is something else each time."""
THOROUGH = hypothesis.settings(
    max_examples=5 * MORE, deadline=None, derandomize=MORE <= 10, suppress_health_check=list(HealthCheck)
)
pytestmark = pytest.mark.fuzz
PATHS = [(path, method) for path, methods in document()["paths"].items() for method in methods]

CALLABLE = """
select p.proname as name, p.proargnames[1:p.pronargs] as names,
       (select array_agg(format_type(t, null) order by n) from unnest(p.proargtypes) with ordinality a (t, n)) as types
from pg_catalog.pg_proc p
where p.pronamespace = 'public'::regnamespace
  and (has_function_privilege('anon', p.oid, 'execute') or has_function_privilege('authenticated', p.oid, 'execute'))
order by 1
"""
TEXT = st.text(max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NUMBER = st.integers(-3, 500) | st.integers(-(2**63) - 1, 2**63) | st.none()
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "bigint": NUMBER,
    "bigint[]": st.lists(NUMBER, max_size=12) | st.none(),
    "integer": NUMBER,
    "uuid": st.uuids().map(str) | st.none(),
    "timestamp with time zone": st.datetimes().map(str) | st.sampled_from(["infinity", "-infinity"]) | st.none(),
}


def call(frontrow: Frontrow, person: Customer | None, function: str, arguments: dict[str, Any]) -> requests.Response:
    stack = frontrow.stack
    headers = {"apikey": stack.keys.publishable}
    if person is not None:
        headers["Authorization"] = f"Bearer {person.token}"
    url = f"{stack.config.supabase_url}/rest/v1/rpc/{function}"
    return requests.post(url, json=arguments, headers=headers, timeout=30)


def check(function: str, arguments: dict[str, Any], answer: requests.Response) -> None:
    """Answered, or refused with a reason; Frontrow's own refusals with the status and a sentence."""
    called = f"{function}({arguments}): {answer.status_code} {answer.text}"
    assert answer.status_code < 500, called
    if answer.status_code >= 400:
        refusal = answer.json()
        assert refusal["message"], called
        if refusal["code"].startswith("PT"):
            assert refusal["code"] == f"PT{answer.status_code}", called
            assert refusal["hint"], called


@pytest.mark.timeout(300)
def test_odd_calls_of_functions_never_cause_500(frontrow: Frontrow, customer: Customer) -> None:
    """Each function that customers may call, with arguments that fit its types and with others."""
    functions = frontrow.cinema.rows(CALLABLE)
    assert {"lock_seats", "create_booking", "seat_map"} <= {each["name"] for each in functions}
    met: Counter[int] = Counter()
    for function in functions:
        names, types = function["names"] or [], function["types"] or []
        fitting = st.fixed_dictionaries(
            {name: FITTING.get(kind, JSON) for name, kind in zip(names, types, strict=True)}
        )
        odd = st.dictionaries(st.sampled_from(names) | TEXT if names else TEXT, JSON, max_size=3)

        @given(name=st.just(function["name"]), arguments=fitting | odd, who=st.sampled_from([customer, None]))
        @THOROUGH
        def holds(name: str, arguments: dict[str, Any], who: Customer | None) -> None:
            answer = call(frontrow, who, name, arguments)
            met[answer.status_code] += 1
            check(name, arguments, answer)

        frontrow.cinema.forget_attempts()
        holds()
    assert met[200] > 0
    assert met[400] + met[404] > 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("path", "method"), PATHS)
def test_odd_requests_to_flask_never_cause_500(frontrow: Frontrow, customer: Customer, path: str, method: str) -> None:
    """Requests that fit the OpenAPI document and requests that do not; whatever reaches PostgreSQL has an answer."""
    schema = schemathesis.openapi.from_url(f"{frontrow.api}/api/openapi.json")
    operation = schema[path][method]
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    cases = fitting | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    signed_in = {"Authorization": f"Bearer {customer.token}"}

    @given(case=cases, headers=st.sampled_from([signed_in, {}]))
    @THOROUGH
    def holds(case: schemathesis.Case, headers: dict[str, str]) -> None:
        answer = case.call(headers={**headers, "X-Request-Id": uuid.uuid4().hex})
        assert answer.status_code != 500, answer.text
        if answer.status_code == 503:
            assert path == "/readyz" or answer.headers.get("Retry-After"), answer.text

    frontrow.cinema.forget_attempts()
    holds()


NAMES = st.text(min_size=1, max_size=250)
ODD_NAMES = st.sampled_from(["\0", "a\0b", "\ud800", "\u202e", " " * 300, "\U0001f39f"])


@given(name=NAMES | ODD_NAMES, email=st.emails() | TEXT)
@THOROUGH
def test_odd_names_and_addresses_are_refused_as_input(frontrow: Frontrow, name: str, email: str) -> None:
    """Text that PostgreSQL cannot store, such as NUL or half of a surrogate pair, is refused as input."""
    frontrow.cinema.forget_attempts()
    body = json.dumps({"email": email, "password": "correct horse battery", "full_name": name})
    answer = requests.post(
        f"{frontrow.api}/api/auth/register", data=body, headers={"Content-Type": "application/json"}, timeout=30
    )
    assert answer.status_code in (201, 400, 409, 422), answer.text
