"""One shape for every refusal: {code, message, details, hint}, as the Data API answers, so that pages read both alike.

`message` is the code that programs switch on (error_codes.py), `code` is 'PT' and the HTTP status, `details` is JSON in
a string, `hint` the sentence for people. No exception's own words ever leave the server.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask, Response, g
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from backend.error_codes import ERRORS, ErrorCode
from backend.logs import describe

_log = logging.getLogger(__name__)

_OF_STATUS: Mapping[int, ErrorCode] = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "payload_too_large",
}


class ApiError(Exception):
    """A refusal with a code of the catalog. `retry_after` is in seconds and becomes the header."""

    def __init__(
        self, code: ErrorCode, details: Mapping[str, object] | None = None, *, retry_after: int | None = None
    ) -> None:
        super().__init__(code)
        self.code: ErrorCode = code
        self.details = dict(details or {})
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return ERRORS[self.code][0]

    def response(self) -> Response:
        """Build the response."""
        status, sentence = ERRORS[self.code]
        g.error_code = self.code
        body = Refusal(code=f"PT{status}", message=self.code, details=json.dumps(self.details), hint=sentence)
        response = Response(body.model_dump_json(), status, content_type="application/json")
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        return response


class Refusal(BaseModel):
    """The body of every refusal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    message: ErrorCode
    details: str = Field(json_schema_extra={"contentMediaType": "application/json"})
    hint: str


class UnavailableError(Exception):
    """The database or Stripe does not answer. Trying again later may help."""


class AnswerError(Exception):
    """The database answered in a shape that we do not know. The message names the function and the fields."""


def register(app: Flask) -> None:
    """Answer everything that goes wrong in the one shape."""

    def refused(error: ApiError) -> Response:
        return error.response()

    def unavailable(error: UnavailableError) -> Response:
        _log.error("unavailable", extra=describe(error))
        return ApiError("busy", retry_after=2).response()

    def http(error: HTTPException) -> Response:
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        code: ErrorCode = "invalid_request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal"
        response = ApiError(_OF_STATUS.get(status, code)).response()
        if isinstance(error, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response

    def unexpected(error: Exception) -> Response:
        _log.error("unexpected", extra=describe(error))
        return ApiError("internal").response()

    app.register_error_handler(ApiError, refused)
    app.register_error_handler(UnavailableError, unavailable)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, unexpected)
