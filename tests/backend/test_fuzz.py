"""Odd requests by the thousand: no address answers 500, and each answers as the OpenAPI document says."""

from __future__ import annotations

import copy
import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
import schemathesis
import stripe as stripe_client
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks
from werkzeug.test import TestResponse

from backend import totp, webhook
from backend.app import create_app
from backend.database import Database
from backend.errors import ApiError, UnavailableError
from backend.openapi import document
from backend.passwords import Passwords
from backend.schema_version import REQUIRED_SCHEMA
from backend.settings import Settings
from backend.stripe_gateway import Refund, StripeRefusedError, StripeUnavailableError
from backend.tokens import Person, Tokens
from backend.totp import SecretBox
from tests.backend.ports import USER, FakeDataApi, FakeStripe
from tests.backend.test_tickets import context as a_booking
from tests.backend.test_tickets import linked as a_linked_ticket
from tests.backend.test_webhook import FIGURES

PATHS = [(path, method) for path, methods in document()["paths"].items() for method in methods]
UUID_OF_A_BOOKING = "0b5c3c1e-3f6b-4a52-9c43-0c4f8f1f7c55"
SESSION = "4b1c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11"
MORE = int(os.environ.get("FUZZ", "1"))
"""FUZZ=10 looks ten times as long. Without it the examples are the same ones every time."""
THOROUGH = hypothesis.settings(
    max_examples=12 * MORE,
    deadline=None,
    derandomize=MORE == 1,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class FlakyDataApi(FakeDataApi):
    """Answers every call as the database may: well, with one of the function's errors, or not at all."""

    def __init__(self, chance: random.Random, passwords: Passwords, box: SecretBox) -> None:
        super().__init__()
        expires_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        session = {
            "status": "rotated",
            "session_id": SESSION,
            "expires_at": expires_at,
            "human_until": expires_at,
            "aal": "aal2",
            "user": USER,
        }
        payment = {
            "payment_id": str(uuid.uuid4()),
            "booking_id": UUID_OF_A_BOOKING,
            "reference": "ABCD2345",
            "amount": 1200,
            "currency": "EUR",
            "payment_intent_id": None,
            "expires_at": "2026-12-02T10:00:00+00:00",
        }
        outcomes = [
            {"outcome": outcome, "booking_id": UUID_OF_A_BOOKING, "reason": None}
            for outcome in ("confirmed", "refund_queued", "already_settled", "duplicate", "unmatched", "noted")
        ]
        known = {"status": "known", "user": USER, "password_hash": passwords.hash("correct horse battery")}
        limited = {"status": "limited", "retry_after": 60}
        unprotected = {**known, "secret": None, "is_confirmed": False, "checked_at": 1_796_000_000}
        protected = {**unprotected, "secret": box.seal(uuid.UUID(USER["id"]), totp.new_secret()), "is_confirmed": True}
        self._chance = chance
        self._possible: dict[str, list[Any]] = {
            "check_registration_limit": [{"status": "admitted"}, {"status": "admitted"}, limited],
            "register_user": [USER, *map(ApiError, ("invalid_email", "invalid_name"))],
            "begin_sign_in": [
                {"status": "known", "accounts": [{"user": USER, "password_hash": known["password_hash"]}]},
                {"status": "known", "accounts": []},
                limited,
            ],
            "open_guest_session": [{**session, "status": "opened"}, limited],
            "open_session": [session, *map(ApiError, ("invalid_credentials", "account_blocked"))],
            "rotate_session": [session, {"status": "refused"}],
            "close_session": [None],
            "begin_second_factor_check": [
                protected,
                {**protected, "is_confirmed": False},
                unprotected,
                {"status": "unknown"},
                limited,
                ApiError("session_ended"),
            ],
            "begin_second_factor": [None, *map(ApiError, ("session_ended", "second_factor_exists"))],
            "confirm_second_factor": [None, *map(ApiError, ("session_ended", "no_second_factor"))],
            "use_second_factor": [True, False],
            "use_recovery_code": [True, False],
            "remove_second_factor": [True, False],
            "begin_human_check": [{"status": "admitted"}, {"status": "admitted"}, limited, ApiError("session_ended")],
            "pass_human_check": [session, session, ApiError("session_ended")],
            "begin_leaving": [
                {"status": "known", "password_hash": known["password_hash"]},
                {"status": "unknown"},
                limited,
                ApiError("session_ended"),
            ],
            "delete_my_account": [
                {"status": "deleted"},
                {"status": "scheduled", "until": expires_at},
                ApiError("unknown_user"),
            ],
            "start_payment": [
                payment,
                payment,
                *map(
                    ApiError, ("unknown_booking", "lock_expired", "not_payable", "contact_required", "account_blocked")
                ),
                ApiError("too_many_attempts", retry_after=60),
            ],
            "attach_payment_intent": [{"attached": True}, {"attached": True}, {"attached": False}],
            "record_payment_failure": [outcomes[5], outcomes[3]],
            "confirm_booking": [*outcomes, ApiError("invalid_request")],
            "record_refund": [*outcomes[3:], ApiError("invalid_request")],
            "record_dispute": [*outcomes[3:], ApiError("invalid_request")],
            "ticket_context": [a_booking(), a_booking("cancelled"), ApiError("unknown_booking")],
            "open_ticket": [a_linked_ticket(), a_linked_ticket("cancelled"), ApiError("link_expired")],
            "cancel_by_link": [
                a_linked_ticket("cancelled"),
                *map(ApiError, ("link_expired", "not_cancellable")),
            ],
            "request_password_reset": [{"status": "sent"}, limited],
            "begin_password_reset": [{"status": "good"}, {"status": "expired"}, limited],
            "begin_proof": [
                *({"status": "known", "password_hash": known["password_hash"]}, {"status": "unknown"}, limited),
                ApiError("link_expired"),
            ],
            "reset_password": [{"email": USER["email"]}, *map(ApiError, ("link_expired", "email_taken"))],
            "prove_email": [
                *({"email": USER["email"], "purpose": purpose} for purpose in ("verify_email", "change_email")),
                *map(ApiError, ("link_expired", "password_required", "email_taken")),
            ],
            "begin_password_check": [
                {"status": "known", "password_hash": known["password_hash"]},
                {"status": "unknown"},
                limited,
            ],
            "change_password": [None, ApiError("invalid_credentials")],
            "request_email_change": [{"status": "sent"}, limited, ApiError("invalid_credentials")],
            "compare_refunds": [[]],
            "schema_version": [REQUIRED_SCHEMA, ""],
            "operational_metrics": [FIGURES],
        }

    def call(self, function: str, arguments: Mapping[str, object], *, idempotent: bool) -> object:
        for value in arguments.values():  # as PostgREST and PostgreSQL would see to
            assert value is None or isinstance(value, str | int | list), (function, arguments)
            assert "\0" not in str(value).encode().decode(), (function, arguments)
        self.answers[function] = self._chance.choice([*self._possible[function], UnavailableError()])
        return super().call(function, arguments, idempotent=idempotent)


class FlakyStripe(FakeStripe):
    """Answers, refuses, or is away."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def _may_fail(self) -> None:
        if failure := self._chance.choice(
            [None, None, None, StripeUnavailableError(), StripeRefusedError("account_invalid", "No.")]
        ):
            raise failure


class FlakyHumanCheck:
    """Takes a token, refuses it, or is away."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def passed(self, token: str, address: str | None) -> bool:
        assert token
        assert address is None or "%" not in address
        if self._chance.random() < 0.2:
            raise UnavailableError
        return self._chance.random() < 0.7


@pytest.fixture(scope="module")
def flaky(settings: Settings, passwords: Passwords) -> Flask:
    chance = random.Random(7)  # noqa: S311 - chooses answers
    database = Database(FlakyDataApi(chance, passwords, SecretBox(settings.second_factor_keys)))
    return create_app(
        settings,
        stripe=FlakyStripe(chance),
        database=database,
        passwords=passwords,
        human_check=FlakyHumanCheck(chance),
    )


@pytest.fixture(scope="module")
def token(settings: Settings) -> str:
    return Tokens.of(settings).access_token(Person(uuid.UUID(USER["id"]), USER["email"], SESSION, "customer"))


@pytest.fixture(scope="module")
def api_schema(flaky: Flask) -> schemathesis.schemas.BaseSchema:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", flaky)


CONFORMANCE = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def no_500(_context: object, response: Any, _case: object) -> None:
    """503 is an answer; 500 is a hole."""
    assert response.status_code != 500, response.text


@pytest.mark.parametrize(("path", "method"), PATHS)
def test_every_address_answers_as_described(
    api_schema: schemathesis.schemas.BaseSchema, token: str, path: str, method: str
) -> None:
    """Requests that fit the document and requests that do not, from somebody signed in and from anybody."""
    operation = api_schema[path][method]
    signed_in = {"Authorization": f"Bearer {token}", "Cookie": "__Host-frontrow_refresh=some"}

    @given(case=strategy(operation), headers=st.sampled_from([signed_in, {}]))
    @THOROUGH
    def holds(case: schemathesis.Case, headers: dict[str, str]) -> None:
        case.call_and_validate(headers={**headers}, checks=[no_500, *CONFORMANCE])

    holds()


def strategy(operation: Any) -> st.SearchStrategy[schemathesis.Case]:
    """Cases that fit; and where a case can be wrong at all, those that do not."""
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    return fitting | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


# What no schema thinks of

TEXT = st.text(st.characters(codec="utf-8"), max_size=200)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
HEADER = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=300)
HEADER_NAMES = (
    *("Authorization", "Cookie", "Origin", "Content-Type", "Host", "Accept", "Stripe-Signature", "X-Request-Id"),
    *("X-Forwarded-For", "X-Forwarded-Proto", "Content-Encoding", "Transfer-Encoding", "User-Agent", "Expect"),
)
HEADERS = st.dictionaries(
    st.sampled_from(HEADER_NAMES),
    HEADER
    | st.sampled_from(
        ["Bearer ", "Bearer a.b.c", '__Host-frontrow_refresh="', "null", "http://[", "application/json;charset=x"]
    )
    | st.sampled_from(
        ["application/json", "multipart/form-data", "text/plain", "t=1,v1=0", "t=,v1=", "chunked", "gzip"]
    ),
    max_size=6,
)
BODIES = (
    st.binary(max_size=400)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"[" * 100_000, b'{"email":' * 20_000, b"\xff\xfe", b'"\\ud800"', b"\x00", b"x" * 1_000_001])
)
FIELDS = ("email", "password", "full_name", "booking_id", "everywhere", "token", "challenge", "code", "recovery_code")


@given(
    where=st.sampled_from(PATHS),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ODD"]) | st.none(),
    headers=HEADERS,
    body=BODIES | st.dictionaries(st.sampled_from(FIELDS) | TEXT, JSON).map(lambda value: json.dumps(value).encode()),
    query=HEADER,
)
@hypothesis.settings(THOROUGH, max_examples=80 * MORE)
def test_odd_requests_never_cause_500(
    flaky: Flask, where: tuple[str, str], method: str | None, headers: dict[str, str], body: bytes, query: str
) -> None:
    path = where[0].replace("{booking_id}", UUID_OF_A_BOOKING)
    answer = flaky.test_client().open(path, method=method or where[1], headers=headers, data=body, query_string=query)
    assert answer.status_code != 500, answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.status_code >= 400 and answer.data and path != "/readyz":
        refusal = answer.get_json()
        assert set(refusal) == {"code", "message", "details", "hint"}
        assert refusal["code"] == f"PT{answer.status_code}"


# What is signed: events as Stripe makes them, with something in them that it never sent.

INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 1200,
    "amount_received": 1200,
    "currency": "eur",
    "status": "succeeded",
    "metadata": {"booking_id": UUID_OF_A_BOOKING},
    "last_payment_error": {"code": "card_declined", "decline_code": "lost_card", "message": "No."},
    "cancellation_reason": "abandoned",
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 1200,
    "currency": "eur",
    "status": "failed",
    "payment_intent": "pi_1",
    "failure_reason": "lost_or_stolen_card",
    "metadata": {"refund_id": UUID_OF_A_BOOKING, "attempt": "1"},
}
CHARGE = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "amount_refunded": 1200}
DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 1200,
    "currency": "eur",
    "reason": "fraudulent",
    "status": "needs_response",
    "payment_intent": "pi_1",
}
OBJECTS = {"payment_intent": INTENT, "refund": REFUND, "charge.refunded": CHARGE, "charge.dispute": DISPUTE}
ODDITIES = ("", "\0", "pi_\0", "\ud800", "x" * 3000, "²", -1, 0, 2**31, 2**63, 1.5, True, None, [], [1], {}, {"a": [1]})
ODD = JSON | st.sampled_from(ODDITIES)
GONE = object()
ONE_TYPE_OF_EACH_EFFECT = (
    *("payment_intent.succeeded", "payment_intent.payment_failed", "refund.updated", "charge.refunded"),
    "charge.dispute.updated",
)


def well_formed(event_type: str) -> dict[str, Any]:
    """An event of a type, as Stripe would make it."""
    (about,) = [made for name, made in OBJECTS.items() if event_type.startswith(name)]
    event = {"id": "evt_1", "object": "event", "type": event_type, "created": 1_790_000_000, "data": {"object": about}}
    return copy.deepcopy(event)


def places(value: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Every field, however deep."""
    for name, inner in value.items():
        yield value, name
        if isinstance(inner, dict):
            yield from places(inner)


@st.composite
def nearly_well_formed(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An event with up to two odd or missing fields, and of which type it was."""
    event_type = draw(st.sampled_from(webhook.TYPES))
    event = well_formed(event_type)
    for _ in range(draw(st.integers(0, 2))):
        where, name = draw(st.sampled_from(list(places(event))))
        if (odd := draw(ODD | st.just(GONE))) is GONE:
            del where[name]
        else:
            where[name] = copy.deepcopy(odd)  # the next oddity may be put into this one
    return event_type, event


def sign(payload: str, settings: Settings) -> str:
    secret = settings.stripe_webhook_secrets[0]
    return stripe_client.WebhookSignature.generate_signature_header(payload, secret, timestamp=int(time.time()))


def deliver(app: Flask, settings: Settings, event: object) -> TestResponse:
    payload = json.dumps(event)
    headers = {"Stripe-Signature": sign(payload, settings)}
    return app.test_client().post("/api/payments/webhook", data=payload, headers=headers)


@pytest.fixture
def refunded(settings: Settings, passwords: Passwords) -> tuple[Flask, FlakyDataApi]:
    """An app whose Stripe knows a refund, and the database that it calls."""
    chance = random.Random(7)  # noqa: S311 - chooses answers
    data_api = FlakyDataApi(chance, passwords, SecretBox(settings.second_factor_keys))
    stripe = FlakyStripe(chance)
    stripe.refunds["re_1"] = Refund("re_1", "succeeded", 1200, "pi_1")
    return create_app(settings, stripe=stripe, database=Database(data_api), passwords=passwords), data_api


@pytest.mark.parametrize("event_type", ONE_TYPE_OF_EACH_EFFECT)
def test_odd_fields_of_signed_events_never_cause_500(
    refunded: tuple[Flask, FlakyDataApi], settings: Settings, event_type: str
) -> None:
    """Every field, with every oddity. The types that share an effect are drawn from below."""
    app, data_api = refunded
    for number in range(len(list(places(well_formed(event_type))))):
        for odd in ODDITIES:
            event = well_formed(event_type)
            where, name = list(places(event))[number]
            where[name] = odd
            answer = deliver(app, settings, event)
            assert answer.status_code in (200, 400, 503), (name, odd, answer.text)
    assert len(data_api.calls) > 50


def test_odd_signed_events_never_cause_500(refunded: tuple[Flask, FlakyDataApi], settings: Settings) -> None:
    """A Stripe of another version, or another holder of the secret, may send what we have never seen."""
    app, data_api = refunded
    reached, sent = Counter[str](), Counter[str]()

    @given(made=nearly_well_formed())
    @hypothesis.settings(THOROUGH, max_examples=500 * MORE)
    def holds(made: tuple[str, dict[str, Any]]) -> None:
        event_type, event = made
        before = len(data_api.calls)
        answer = deliver(app, settings, event)
        assert answer.status_code in (200, 400, 503), (event, answer.text)
        sent[event_type] += 1
        reached[event_type] += len(data_api.calls) > before

    holds()
    # What is refused at the door tests the door alone.
    assert {event_type for event_type in webhook.TYPES if reached[event_type] < 5} == set(), (reached, sent)


@given(event=JSON | st.fixed_dictionaries({"id": JSON, "type": JSON}, optional={"created": JSON, "data": JSON}))
@THOROUGH
def test_odd_signed_json_never_causes_500(flaky: Flask, settings: Settings, event: Any) -> None:
    assert deliver(flaky, settings, event).status_code in (200, 400)


@given(signature=HEADER, payload=BODIES)
@THOROUGH
def test_odd_signatures_are_refused(client: FlaskClient, signature: str, payload: bytes) -> None:
    answer = client.post("/api/payments/webhook", data=payload, headers={"Stripe-Signature": signature})
    assert answer.status_code in (400, 413), answer.text


def test_the_fuzz_finds_a_500_and_an_undescribed_answer(settings: Settings, passwords: Passwords) -> None:
    """The control: an app with a hole, and one that answers what nobody described."""
    for hole, message in ((RuntimeError(), "500"), (ApiError("no_seats"), "422")):
        data_api = FakeDataApi({"check_registration_limit": {"status": "admitted"}, "register_user": hole})
        app = create_app(settings, stripe=FakeStripe(), database=Database(data_api), passwords=passwords)
        operation = schemathesis.openapi.from_wsgi("/api/openapi.json", app)["/api/auth/register"]["POST"]
        body = {"email": USER["email"], "password": "correct horse battery", "full_name": "Ada"}
        case = operation.Case(body=body, media_type="application/json")
        with pytest.raises(FailureGroup) as found:
            case.call_and_validate(checks=[no_500, *CONFORMANCE])
        assert message in str(found.value)
