"""The routes: Stripe's under /v1, the stand-in's own under /_fake."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import stripe
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dev import fake_human_check
from dev.fake_stripe import charges, form, intents, listing, methods, refunds, three_d_secure
from dev.fake_stripe.call import Call
from dev.fake_stripe.errors import StripeError, invalid
from dev.fake_stripe.faults import FaultError, Faults, Rule
from dev.fake_stripe.form import Args, Params
from dev.fake_stripe.settings import Settings
from dev.fake_stripe.shapes import Json
from dev.fake_stripe.store import Answer, Store, Timer, new_id
from dev.fake_stripe.webhooks import Worker

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Operation:
    """`publishable` says that the publishable key may call it, too."""

    method: str
    path: str
    run: Callable[[Call, Args, str], Json]
    publishable: bool = False


def _retrieve(kind: str) -> Callable[[Call, Args, str], Json]:
    def run(call: Call, args: Args, object_id: str) -> Json:
        args.finish()
        return call.find(kind, object_id)

    return run


def _list(kind: str, *equal: str) -> Callable[[Call, Args, str], Json]:
    return lambda call, args, _id: listing.page(call, args, kind, f"/v1/{kind}s", equal=equal)


def _balance(_call: Call, args: Args, _id: str) -> Json:
    """Money is not added up here; the call serves to ask whether Stripe answers."""
    args.finish()
    return {"object": "balance", "available": [], "livemode": False, "pending": []}


OPERATIONS = (
    Operation("POST", "/v1/payment_intents", intents.create),
    Operation("GET", "/v1/payment_intents", _list("payment_intent")),
    Operation("GET", "/v1/payment_intents/{id}", intents.retrieve, publishable=True),
    Operation("POST", "/v1/payment_intents/{id}/confirm", intents.confirm, publishable=True),
    Operation("POST", "/v1/payment_intents/{id}/cancel", intents.cancel),
    Operation("POST", "/v1/payment_methods", methods.create, publishable=True),
    Operation("GET", "/v1/payment_methods/{id}", _retrieve("payment_method")),
    Operation("GET", "/v1/charges", _list("charge", "payment_intent")),
    Operation("GET", "/v1/charges/{id}", _retrieve("charge")),
    Operation("GET", "/v1/disputes/{id}", _retrieve("dispute")),
    Operation("POST", "/v1/disputes/{id}", charges.update_dispute),
    Operation("POST", "/v1/disputes/{id}/close", charges.close_dispute),
    Operation("POST", "/v1/refunds", refunds.create),
    Operation("GET", "/v1/refunds", _list("refund", "payment_intent", "charge")),
    Operation("GET", "/v1/refunds/{id}", _retrieve("refund")),
    Operation("GET", "/v1/events", _list("event", "type")),
    Operation("GET", "/v1/events/{id}", _retrieve("event")),
    Operation("GET", "/v1/balance", _balance),
)


def _internal_error() -> StripeError:
    return StripeError(500, "An unexpected error, asked for by a fault.", kind="api_error")


async def _drop(request: Request) -> Response:
    """End the connection without an answer, as a broken network does."""
    # uvicorn's receive is a method of the object that holds the connection; ASGI itself has no word for this.
    transport = getattr(getattr(request.receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        while not await request.is_disconnected():
            await asyncio.sleep(0)
    return Response(status_code=500)


async def _hold(request: Request, seconds: float) -> None:
    """Wait, but not for a caller that has hung up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not await request.is_disconnected():
                await asyncio.sleep(0.05)


class Api:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.state)
        self.faults = Faults()
        self.worker = Worker(settings, self.store, self._happen)
        self._under_way: set[str] = set()

    def call(self, request: Request | None = None) -> Call:
        base_url = str(request.base_url).rstrip("/") if request else ""
        return Call(self.settings, self.store, self.faults, base_url)

    def _happen(self, timer: Timer) -> None:
        match timer.action:
            case "settle_intent":
                intents.settle(self.call(), timer.subject)
            case "dispute_won" | "dispute_lost":
                charges.decide_dispute(self.call(), timer.subject, timer.action.removeprefix("dispute_"))
            case _:
                refunds.settle(self.call(), timer.subject, fails=timer.action == "refund_fails")

    def endpoint(self, operation: Operation) -> Route:
        async def serve(request: Request) -> Response:
            return await self._serve(operation, request)

        return Route(operation.path, serve, methods=[operation.method])

    async def not_covered(self, request: Request) -> Response:
        message = f"Unrecognized request URL ({request.method}: {request.url.path}), or one this stand-in does not do."
        return self._respond(StripeError(404, message), {"Request-Id": new_id("req")})

    # One request to Stripe's API

    def _respond(self, answer: StripeError | tuple[int, str], headers: dict[str, str]) -> Response:
        if isinstance(answer, StripeError):
            answer = (answer.status, json.dumps(answer.body()))
        return Response(answer[1], answer[0], headers, "application/json")

    async def _serve(self, operation: Operation, request: Request) -> Response:
        request_id, version = new_id("req"), request.headers.get("stripe-version", stripe.api_version)
        headers = {"Request-Id": request_id, "Stripe-Version": version}
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key:
            headers["Idempotency-Key"] = key
        try:
            params = await self._params(request)
            publishable = self._authenticate(request, params, operation)
            saved = self._saved(key, request.url.path, params)
        except StripeError as error:
            return self._respond(error, headers)
        if saved:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": saved.request_id}
        call = replace(self.call(request), publishable=publishable, request_id=request_id, idempotency_key=key)
        fault = self.faults.api(request.method, request.url.path)
        if key:
            self._under_way.add(key)
        try:
            if fault and not fault.after and (early := await self._strike(fault, request, headers)):
                return early
            if saved:
                answer = (saved.status, saved.body)
            else:
                overwrite = fault is not None and fault.after and fault.kind == "500"
                answer = self._run(operation, call, params, request, overwrite)
        except StripeError as error:
            return self._respond(error, headers)
        finally:
            self._under_way.discard(key or "")
        self.worker.wake()
        if fault and fault.after and fault.kind != "500" and (lost := await self._strike(fault, request, headers)):
            return lost
        if answer[0] == 500:
            headers["Stripe-Should-Retry"] = "false"  # the key would only replay it
        return self._respond(answer, headers)

    async def _params(self, request: Request) -> Params:
        if request.method != "POST":
            return form.decode(request.url.query)
        body = await request.body()
        content_type = request.headers.get("content-type", "application/x-www-form-urlencoded")
        if body and not content_type.startswith("application/x-www-form-urlencoded"):
            raise invalid(f"Version 1 of the API takes forms, not {content_type}.")
        return form.decode(body.decode(errors="replace"))

    def _authenticate(self, request: Request, params: Params, operation: Operation) -> bool:
        """True when the key is the publishable one. It comes as a bearer, as basic auth's user, or as `key`."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        given = params.pop("key", "")
        if scheme.lower() == "basic":
            given = base64.b64decode(credentials + "==").decode(errors="replace").partition(":")[0]
        elif credentials:
            given = credentials
        if not given:
            raise StripeError(401, "No API key was given. Send it as Authorization: Bearer sk_test_...")
        if given == self.settings.secret_key:
            return False
        if given != self.settings.publishable_key:
            raise StripeError(401, f"Invalid API Key provided: {str(given)[:8]}****")
        if not operation.publishable:
            raise StripeError(401, "This call needs the secret key.", code="secret_key_required")
        return True

    def _saved(self, key: str | None, path: str, params: Params) -> Answer | None:
        """The answer this key has had before. Stripe saves it with the first request's path and parameters."""
        if not key:
            return None
        if len(key) > 255:
            raise invalid("An idempotency key has at most 255 characters.")
        if key in self._under_way:
            message = f"Another request with the idempotency key {key} is still under way. Please try again later."
            raise StripeError(409, message, code="idempotency_key_in_use")
        saved = self.store.answer(key)
        if saved and (saved.path, saved.params) != (path, json.dumps(params, sort_keys=True)):
            what = "endpoint" if saved.path != path else "parameters"
            message = f"The idempotency key {key} belongs to a request with other {what}; use another key."
            raise StripeError(400, message, kind="idempotency_error")
        return saved

    def _run(
        self, operation: Operation, call: Call, params: Params, request: Request, overwrite: bool
    ) -> tuple[int, str]:
        """Effects, events and the saved answer in one transaction. `overwrite` makes the answer a 500."""
        args = Args(params)
        with self.store.transaction():
            try:
                answer = (200, json.dumps(operation.run(call, args, request.path_params.get("id", ""))))
            except StripeError as error:
                if not error.kept:
                    raise
                answer = (error.status, json.dumps(error.body()))
            if overwrite:
                answer = (500, json.dumps(_internal_error().body()))
            if call.idempotency_key:
                saved = Answer(request.url.path, json.dumps(params, sort_keys=True), *answer, str(call.request_id))
                self.store.save_answer(call.idempotency_key, saved)
        return answer

    async def _strike(self, fault: Rule, request: Request, headers: dict[str, str]) -> Response | None:
        """The answer that a fault puts in place of the real one; None for a mere delay."""
        if fault.kind == "500":
            return self._respond(_internal_error(), headers)
        if fault.kind == "429":
            return self._respond(StripeError(429, "Too many requests, by a fault.", code="rate_limit"), headers)
        if fault.kind in ("timeout", "delay"):
            await _hold(request, fault.seconds)
        return None if fault.kind == "delay" else await _drop(request)

    # The stand-in's own

    async def health(self, _request: Request) -> Response:
        alive = self.worker.alive
        shown = {"status": "ok" if alive else "no event is delivered", "events_to": self.settings.webhook_url}
        return JSONResponse({**shown, "api_version": stripe.api_version}, 200 if alive else 503)

    async def fault_settings(self, request: Request) -> Response:
        """POST sets all and starts the counts anew, DELETE clears all; all answer the counts so far."""
        if request.method == "POST":
            try:
                self.faults.set(json.loads(await request.body()))
            except (FaultError, ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, 400)
        injected = dict(self.faults.injected)
        if request.method == "DELETE":
            self.faults.clear()
        return JSONResponse({"injected": injected})

    async def deliveries(self, request: Request) -> Response:
        found = self.store.deliveries(event_id=request.query_params.get("event"))
        types = {item.event_id: (self.store.get(item.event_id) or {}).get("type") for item in found}
        return JSONResponse([{**vars(item), "type": types[item.event_id]} for item in found])

    async def resend(self, request: Request) -> Response:
        event = self.store.get(request.path_params["event"])
        if event is None or event["object"] != "event" or not self.settings.webhook_url:
            return JSONResponse({"error": "There is no such event, or nowhere to send it."}, 404)
        # A lane of its own: it does not wait for the payment's other events.
        self.store.add_delivery(event["id"], new_id("resent"), event["created"])
        self.worker.wake()
        return JSONResponse({"resent": event["id"]})

    async def show_3ds(self, request: Request) -> Response:
        return three_d_secure.show(self.call(request), request)

    async def answer_3ds(self, request: Request) -> Response:
        response = await three_d_secure.answer(self.call(request), request)
        self.worker.wake()
        return response


def create_app(settings: Settings) -> Starlette:
    api = Api(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        api.worker.start()
        try:
            yield
        finally:
            await api.worker.stop()
            api.store.close()

    routes = [
        *(api.endpoint(operation) for operation in OPERATIONS),
        Route("/_fake/health", api.health),
        Route("/_fake/faults", api.fault_settings, methods=["GET", "POST", "DELETE"]),
        Route("/_fake/deliveries", api.deliveries),
        Route("/_fake/events/{event}/resend", api.resend, methods=["POST"]),
        Route("/_fake/3ds/{intent}/{attempt}", api.show_3ds),
        Route("/_fake/3ds/{intent}/{attempt}", api.answer_3ds, methods=["POST"]),
        *fake_human_check.routes(),
        Route("/{path:path}", api.not_covered, methods=METHODS),
    ]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["Request-Id", "Idempotent-Replayed"],
    )
    return Starlette(routes=routes, middleware=[cors], lifespan=lifespan)
