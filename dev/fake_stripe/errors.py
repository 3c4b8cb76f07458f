"""Stripe's errors: {"error": {type, code, message, param, doc_url, ...}} with an HTTP status."""

from dev.fake_stripe.shapes import Json


class StripeError(Exception):
    """An answer that is an error.

    `kept` says that the request had begun to run: its effects stay, and an idempotency key replays this answer.
    Stripe keeps nothing for requests that fail validation.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        kept: bool = False,
        extra: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.error = details(kind, message, code=code, param=param) | (extra or {})

    def body(self) -> Json:
        return {"error": self.error}


def details(kind: str, message: str, *, code: str | None = None, param: str | None = None) -> Json:
    """The inner object, which is also the shape of an intent's last_payment_error."""
    error: Json = {"type": kind, "message": message}
    if code:
        error |= {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}
    if param:
        error["param"] = param
    return error


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    return StripeError(400, message, code=code, param=param)


def missing(param: str) -> StripeError:
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def no_such(kind: str, object_id: str, param: str) -> StripeError:
    return StripeError(404, f"No such {kind}: '{object_id}'", code="resource_missing", param=param)
