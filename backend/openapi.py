"""Requests and responses of every address of this app as an OpenAPI document: GET /api/openapi.json.

The bodies are generated from backend/schemas.py, the errors from the catalog; what is written here is which address has
which. Tests hold it against the routes that there are and against what they answer to thousands of odd requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema

from backend.error_codes import ERRORS, ErrorCode
from backend.errors import Refusal
from backend.schemas import (
    UUID_PATTERN,
    Account,
    AccountDeletion,
    Alive,
    BookingId,
    Departure,
    EmailChange,
    EmailProof,
    EventOutcome,
    ForgottenPassword,
    HumanToken,
    Intent,
    Keys,
    LinkedTicket,
    Login,
    Logout,
    NewPassword,
    Password,
    PasswordChange,
    ProvedEmail,
    Readiness,
    RecoveryCodes,
    Registration,
    SecondFactorChallenge,
    SecondFactorCode,
    SecondFactorRemoval,
    SecondFactorSecret,
    SecondFactorSignIn,
    SignIn,
    Ticket,
    TicketLink,
)
from backend.sessions import COOKIE

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
_ALWAYS: Final[tuple[ErrorCode, ...]] = ("internal",)
_ASKS_THE_DATABASE: Final[tuple[ErrorCode, ...]] = (*_ALWAYS, "busy")
_READS_A_BODY: Final[tuple[ErrorCode, ...]] = ("invalid_request", "payload_too_large")
_CHECKS_A_PASSWORD: Final[tuple[ErrorCode, ...]] = (
    *_READS_A_BODY,
    "sign_in_required",
    "invalid_credentials",
    "too_many_attempts",
)


class _Untitled(GenerateJsonSchema):
    """Schemas without the titles that pydantic makes of the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        del schema
        return False

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """One of a model."""
        return {name: value for name, value in super().model_schema(schema).items() if name != "title"}


def blueprint() -> Blueprint:
    """GET /api/openapi.json."""
    openapi = Blueprint("openapi", __name__)
    content = json.dumps(document())

    @openapi.get("/api/openapi.json")
    def describe() -> Response:  # pyright: ignore[reportUnusedFunction]
        return Response(content, content_type="application/json", headers={"Cache-Control": "public, max-age=600"})

    return openapi


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Frontrow",
            "version": "1",
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "Accounts, payments and tickets. Films, seat maps, locks and bookings are functions of the "
            "database, called at the project's Data API.",
        },
        # Every address also answers OPTIONS, and HEAD where it answers GET, as HTTP has it; neither is listed.
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "metricsToken": {"type": "http", "scheme": "bearer"},
                "refreshToken": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
            "schemas": _schemas(),
        },
    }


def _paths() -> dict[str, Json]:
    return {
        "/api/auth/guest": {
            "post": _operation(
                "guest",
                "Begin the session of a guest, who can hold seats and buy them without an account.",
                answers={201: _json("A guest's session.", _ref(SignIn), _COOKIE_SET)},
                errors=("invalid_request", "too_many_attempts", *_ASKS_THE_DATABASE),
            )
        },
        "/api/auth/register": {
            "post": _operation(
                "register",
                "Open an account and sign in, or have the guest who is signed in become one. Whether the address has "
                "an account already shows neither in the answer nor in its time: an email says it.",
                security=[{}, {"accessToken": []}],
                body=_ref(Registration),
                answers={201: _json("Signed in.", _ref(SignIn), _COOKIE_SET)},
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "invalid_email",
                    "invalid_name",
                    "weak_password",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/auth/login": {
            "post": _operation(
                "login",
                "Sign in, or get a challenge for the second factor where the account has one. What the guest who is "
                "signed in holds and has booked becomes the account's.",
                security=[{}, {"accessToken": []}],
                body=_ref(Login),
                answers={
                    200: _json(
                        "Signed in, with the cookie; or a challenge for /api/auth/second-factor.",
                        {"oneOf": [_ref(SignIn), _ref(SecondFactorChallenge)]},
                    )
                },
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "invalid_credentials",
                    "account_blocked",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/auth/second-factor": {
            "post": _operation(
                "secondFactor",
                "Sign in with the challenge that answered the password, and a code or a recovery code.",
                security=[{}, {"accessToken": []}],
                body=_ref(SecondFactorSignIn),
                answers={200: _json("Signed in.", _ref(SignIn), _COOKIE_SET)},
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "sign_in_expired",
                    "invalid_code",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/auth/second-factor/begin": {
            "post": _operation(
                "beginSecondFactor",
                "Begin to set up a second factor: the secret for an authenticator app.",
                security=[{"accessToken": []}],
                body=_ref(Password),
                answers={200: _json("Scan this, or type the secret.", _ref(SecondFactorSecret))},
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "session_ended",
                    "invalid_credentials",
                    "second_factor_exists",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/auth/second-factor/confirm": {
            "post": _operation(
                "confirmSecondFactor",
                "Show a first code: signing in asks for one from then on, the account's other sessions end, and this "
                "one's next access token has aal2.",
                security=[{"accessToken": []}],
                body=_ref(SecondFactorCode),
                answers={200: _json("Keep these: each counts once in place of a code.", _ref(RecoveryCodes))},
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "session_ended",
                    "second_factor_exists",
                    "no_second_factor",
                    "invalid_code",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/auth/second-factor/remove": {
            "post": _operation(
                "removeSecondFactor",
                "Remove the second factor and its recovery codes, by the password and a code.",
                security=[{"accessToken": []}],
                body=_ref(SecondFactorRemoval),
                answers={204: {"description": "Removed."}},
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "session_ended",
                    "invalid_credentials",
                    "no_second_factor",
                    "invalid_code",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/auth/refresh": {
            "post": _operation(
                "refresh",
                "Exchange the refresh token, which counts once, for the next and a new access token.",
                security=[{}, {"refreshToken": []}],
                answers={
                    200: _json("A new access token.", _ref(SignIn), _COOKIE_SET),
                    204: {"description": "There was no refresh token: nobody is signed in."},
                },
                errors=("invalid_request", "session_ended", *_ASKS_THE_DATABASE),
            )
        },
        "/api/auth/logout": {
            "post": _operation(
                "logout",
                "End this session, or all of its owner's.",
                security=[{}, {"refreshToken": []}],
                body=_ref(Logout),
                body_required=False,
                answers={204: {"description": "Signed out.", "headers": _COOKIE_SET}},
                errors=(*_READS_A_BODY, *_ASKS_THE_DATABASE),
            )
        },
        "/api/auth/forgot": {
            "post": _operation(
                "forgot",
                "Have a link sent by which a forgotten password is replaced. Whether the address has an account shows "
                "neither in the answer nor in its time.",
                body=_ref(ForgottenPassword),
                answers={202: {"description": "An email is on its way, if it can be."}},
                errors=(*_READS_A_BODY, "invalid_email", "too_many_attempts", *_ASKS_THE_DATABASE),
            )
        },
        "/api/auth/reset": {
            "post": _operation(
                "reset",
                "Replace a password by the token of such a link, and end all sessions.",
                body=_ref(NewPassword),
                answers={200: _json("The address of the account.", _ref(Account))},
                errors=(
                    *_READS_A_BODY,
                    "link_expired",
                    "email_taken",
                    "weak_password",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/auth/verify": {
            "post": _operation(
                "verify",
                "Prove an address by the token of the link that was sent to it, by who is signed in to the account or "
                "has its password.",
                security=[{}, {"accessToken": []}],
                body=_ref(EmailProof),
                answers={200: _json("The address, which is the account's now.", _ref(ProvedEmail))},
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "password_required",
                    "invalid_credentials",
                    "link_expired",
                    "email_taken",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/auth/change-password": {
            "post": _operation(
                "changePassword",
                "Change the password, and end the other sessions.",
                security=[{"accessToken": []}],
                body=_ref(PasswordChange),
                answers={204: {"description": "The password is the new one."}},
                errors=(*_CHECKS_A_PASSWORD, "weak_password", *_ASKS_THE_DATABASE),
            )
        },
        "/api/auth/change-email": {
            "post": _operation(
                "changeEmail",
                "Have a link sent to the address that the account is to have.",
                security=[{"accessToken": []}],
                body=_ref(EmailChange),
                answers={202: {"description": "An email is on its way, if it can be."}},
                errors=(*_CHECKS_A_PASSWORD, "invalid_email", *_ASKS_THE_DATABASE),
            )
        },
        "/api/auth/human": {
            "post": _operation(
                "human",
                "Pass the human check: the session's access tokens then say so for a while.",
                security=[{"accessToken": []}],
                body=_ref(HumanToken),
                answers={200: _json("An access token that says so.", _ref(SignIn))},
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "session_ended",
                    "human_check_failed",
                    "human_check_unavailable",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/auth/delete-account": {
            "post": _operation(
                "deleteAccount",
                "Delete the account, now or once all that was booked with it is over. All sessions end.",
                security=[{"accessToken": []}],
                body=_ref(AccountDeletion),
                answers={200: _json("Deleted, or scheduled.", _ref(Departure), _COOKIE_SET)},
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "session_ended",
                    "invalid_credentials",
                    "unknown_user",
                    "too_many_attempts",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/payments/create-intent": {
            "post": _operation(
                "createIntent",
                "The means to pay for a pending booking; the amount is the booking's.",
                security=[{"accessToken": []}],
                body=_ref(BookingId),
                answers={200: _json("Pay with this at Stripe.", _ref(Intent))},
                errors=(
                    *_READS_A_BODY,
                    "sign_in_required",
                    "unknown_booking",
                    "account_blocked",
                    "contact_required",
                    "lock_expired",
                    "not_payable",
                    "amount_not_payable",
                    "too_many_attempts",
                    "payment_unavailable",
                    *_ASKS_THE_DATABASE,
                ),
            )
        },
        "/api/payments/webhook": {
            "post": _operation(
                "webhook",
                "Take an event of Stripe's.",
                parameters=[_header("Stripe-Signature", "Over the raw bytes, as Stripe makes it.")],
                body={"type": "object"},
                answers={200: _json("Dealt with, or dealt with before.", _ref(EventOutcome))},
                errors=(*_READS_A_BODY, "invalid_signature", *_ASKS_THE_DATABASE),
            )
        },
        "/api/bookings/{booking_id}/ticket": {
            "get": _operation(
                "ticket",
                "The ticket of a confirmed booking.",
                security=[{"accessToken": []}],
                parameters=[_BOOKING_ID],
                answers={200: _json("The ticket and its QR code.", _ref(Ticket))},
                errors=("not_found", "sign_in_required", "unknown_booking", "no_ticket", *_ASKS_THE_DATABASE),
            )
        },
        "/api/tickets/open": {
            "post": _operation(
                "openTicket",
                "The booking of a link in a guest's email, with its ticket.",
                body=_ref(TicketLink),
                answers={200: _json("The booking.", _ref(LinkedTicket))},
                errors=(*_READS_A_BODY, "link_expired", *_ASKS_THE_DATABASE),
            )
        },
        "/api/tickets/calendar": {
            "post": _operation(
                "openCalendar",
                "The show of such a booking, for a calendar.",
                body=_ref(TicketLink),
                answers={200: _file("An iCalendar file.", "text/calendar")},
                errors=(*_READS_A_BODY, "link_expired", "no_ticket", *_ASKS_THE_DATABASE),
            )
        },
        "/api/tickets/cancel": {
            "post": _operation(
                "cancelTicket",
                "Give up such a booking, if it is a guest's.",
                body=_ref(TicketLink),
                answers={200: _json("The booking as it is now.", _ref(LinkedTicket))},
                errors=(*_READS_A_BODY, "link_expired", "not_cancellable", *_ASKS_THE_DATABASE),
            )
        },
        "/api/bookings/{booking_id}/ticket.ics": {
            "get": _operation(
                "ticketCalendar",
                "The show of a confirmed booking, for a calendar.",
                security=[{"accessToken": []}],
                parameters=[_BOOKING_ID],
                answers={200: _file("An iCalendar file.", "text/calendar")},
                errors=("not_found", "sign_in_required", "unknown_booking", "no_ticket", *_ASKS_THE_DATABASE),
            )
        },
        "/.well-known/jwks.json": {
            "get": _operation(
                "jwks",
                "The public keys of our tokens.",
                answers={200: _json("A JSON Web Key Set.", _ref(Keys))},
            )
        },
        "/api/openapi.json": {
            "get": _operation(
                "openapi", "This document.", answers={200: _json("An OpenAPI document.", {"type": "object"})}
            )
        },
        "/healthz": {
            "get": _operation("healthz", "Show that the process is alive.", answers={200: _json("It is.", _ref(Alive))})
        },
        "/readyz": {
            "get": _operation(
                "readyz",
                "Ask the parts that we need: degraded without Stripe, not ready without a database that is new enough.",
                answers={
                    200: _json("Ready, or degraded.", _ref(Readiness)),
                    503: _json("Not ready.", _ref(Readiness)),
                },
            )
        },
        "/metrics": {
            "get": _operation(
                "metrics",
                "Counts, in Prometheus' text format. Where METRICS_TOKEN is set, there is nothing here for others.",
                security=[{}, {"metricsToken": []}],
                answers={200: _file("The metrics.", "text/plain")},
                errors=("not_found", *_ALWAYS),
            )
        },
    }


def _schemas() -> Json:
    """The models, by name."""
    listed: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *(
            (model, "validation")
            for model in (Registration, Login, Logout, HumanToken, AccountDeletion, BookingId, TicketLink)
        ),
        *((model, "validation") for model in (ForgottenPassword, NewPassword, EmailProof, PasswordChange, EmailChange)),
        *((model, "validation") for model in (Password, SecondFactorCode, SecondFactorSignIn, SecondFactorRemoval)),
        *((model, "serialization") for model in (SignIn, SecondFactorChallenge, SecondFactorSecret, RecoveryCodes)),
        *((model, "serialization") for model in (Account, ProvedEmail, Departure, LinkedTicket)),
        *((model, "serialization") for model in (Intent, EventOutcome, Ticket, Keys, Alive, Readiness)),
    ]
    _, schema = models_json_schema(listed, ref_template=_REF, schema_generator=_Untitled)
    return schema["$defs"]


def _operation(
    name: str,
    summary: str,
    *,
    answers: Mapping[int, Json],
    errors: tuple[ErrorCode, ...] = _ALWAYS,
    body: Json | None = None,
    body_required: bool = True,
    parameters: list[Json] | None = None,
    security: list[Json] | None = None,
) -> Json:
    operation: Json = {
        "operationId": name,
        "summary": summary,
        "parameters": [*(parameters or []), _REQUEST_ID],
        "responses": {**{str(status): answer for status, answer in answers.items()}, **_errors(errors)},
        "security": security or [],
    }
    if body is not None:
        operation["requestBody"] = {"required": body_required, "content": {"application/json": {"schema": body}}}
    return operation


def _errors(codes: tuple[ErrorCode, ...]) -> Json:
    """The refusals, by status; each says which codes it may carry."""
    by_status: dict[int, list[ErrorCode]] = {}
    for code in codes:
        by_status.setdefault(ERRORS[code][0], []).append(code)
    return {str(status): _refusal(status, of_status) for status, of_status in sorted(by_status.items())}


def _refusal(status: int, codes: list[ErrorCode]) -> Json:
    schema = Refusal.model_json_schema(schema_generator=_Untitled)
    narrowed: Json = {
        "code": {"const": f"PT{status}"},
        "message": {"type": "string", "enum": list(codes)},
        "hint": {"type": "string", "enum": [ERRORS[code][1] for code in codes]},
    }
    body = {**schema, "properties": {**schema["properties"], **narrowed}}
    waits = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    return _json(" ".join(ERRORS[code][1] for code in codes), body, _RETRY_AFTER if waits else None)


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _REF.format(model=model.__name__)}


def _json(description: str, schema: Json, headers: Json | None = None) -> Json:
    answer: Json = {"description": description, "content": {"application/json": {"schema": schema}}}
    return {**answer, "headers": headers} if headers else answer


def _file(description: str, media_type: str) -> Json:
    return {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}


def _header(name: str, description: str, *, required: bool = True) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


_COOKIE_SET: Final[Json] = {
    "Set-Cookie": {
        "description": f"{COOKIE}, the refresh token: HttpOnly, SameSite=Strict.",
        "schema": {"type": "string"},
    }
}
_RETRY_AFTER: Final[Json] = {
    "Retry-After": {"required": True, "description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
}
_BOOKING_ID: Final[Json] = {
    "name": "booking_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": UUID_PATTERN},
}
_REQUEST_ID: Final = _header(
    "X-Request-Id",
    "8 to 64 letters, digits, - and _: the id of this call in all logs, sent back in the header of this name. Anything "
    "else is replaced by a new one.",
    required=False,
)
