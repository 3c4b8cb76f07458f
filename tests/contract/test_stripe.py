"""What Frontrow relies on in Stripe, asked of the stand-in through the real `stripe` library.

Each test states a documented behaviour (docs.stripe.com/api, /testing, /webhooks). The stand-in runs as its own
process, the way `make up` runs it.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar, get_args
from uuid import uuid4

import httpx
import pytest
import requests
import stripe

ROOT = Path(__file__).parents[2]
SECRET_KEY = "sk_test_contract"
PUBLISHABLE_KEY = "pk_test_contract"
WEBHOOK_SECRET = "whsec_contract"
RETURN_URL = "http://127.0.0.1:1/paid?lang=en"
NEXT_YEAR = str(time.gmtime().tm_year + 1)


T = TypeVar("T")


def eventually(ask: Callable[[], T], seconds: float = 15) -> T:
    """The first truthy answer within the deadline."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"nothing came of {ask} in {seconds} s"
        time.sleep(0.02)
    return answer


@dataclass
class Receiver:
    """A webhook endpoint that keeps what it gets and answers as a test asks."""

    got: list[stripe.Event] = field(default_factory=list)
    answers: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """Status codes to give first, by event type and the intent that it is about; then 200."""
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, body: bytes, signature: str | None) -> int:
        try:
            event = stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)
        except stripe.SignatureVerificationError:
            return 400
        with self._lock:
            self.got.append(event)
            left = self.answers.get((event.type, str(event.data.object.to_dict().get("payment_intent"))))
            return left.pop(0) if left else 200

    def about(self, object_id: str) -> list[stripe.Event]:
        with self._lock:
            return [
                event
                for event in self.got
                if object_id in (event.data.object["id"], event.data.object.to_dict().get("payment_intent"))
            ]

    def types(self, object_id: str) -> list[str]:
        return [event.type for event in self.about(object_id)]

    def wait_for(self, object_id: str, event_type: str, times: int = 1) -> list[stripe.Event]:
        def found() -> list[stripe.Event]:
            events = [event for event in self.about(object_id) if event.type == event_type]
            return events if len(events) >= times else []

        return eventually(found)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take(body, self.headers["Stripe-Signature"]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        yield receiver
        server.shutdown()
        thread.join()


class StandIn:
    """The process. `kill` is a crash; `start` after it is what a supervisor does."""

    def __init__(self, webhook_url: str, state: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.env = {
            **os.environ,
            "STRIPE_PORT": str(port),
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_WEBHOOK_URL": webhook_url,
            "STRIPE_STATE": str(state),
            "STRIPE_SETTLE_SECONDS": "0.3",
            "STRIPE_RETRY_SECONDS": "0.1",
            "STRIPE_RETRY_LONGEST_SECONDS": "0.4",
        }

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "dev.fake_stripe"], cwd=ROOT, env=self.env)
        eventually(self.answers, seconds=90)

    def answers(self) -> bool:
        assert self.process.poll() is None, "the stand-in has ended"
        try:
            return httpx.get(f"{self.base}/_fake/health", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def stand_in(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    stand_in = StandIn(receiver.url, tmp_path_factory.mktemp("stripe") / "state.db")
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def own_stand_in(receiver: Receiver, tmp_path: Path) -> Iterator[StandIn]:
    """One that the test may kill."""
    stand_in = StandIn(receiver.url, tmp_path / "state.db")
    stand_in.start()
    yield stand_in
    stand_in.kill()


@pytest.fixture(scope="module")
def api_base(stand_in: StandIn) -> str:
    return stand_in.base


@pytest.fixture(scope="module")
def api_key() -> str:
    return SECRET_KEY


@pytest.fixture
def clients() -> Iterator[Callable[..., stripe.StripeClient]]:
    """Makes clients, and closes their connections in the end."""
    sessions: list[requests.Session] = []

    def make(base: str, key: str = SECRET_KEY, retries: int = 0) -> stripe.StripeClient:
        session = requests.Session()
        session.trust_env = False
        sessions.append(session)
        return stripe.StripeClient(
            key,
            base_addresses={"api": base},
            http_client=stripe.RequestsClient(timeout=10, session=session),
            max_network_retries=retries,
        )

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def client(clients: Callable[..., stripe.StripeClient], api_base: str, api_key: str) -> stripe.StripeClient:
    return clients(api_base, api_key)


@pytest.fixture
def http(api_base: str) -> Iterator[httpx.Client]:
    """The wire itself, for what the library hides: browsers, headers, the stand-in's own paths."""
    with httpx.Client(base_url=api_base, trust_env=False, timeout=10) as http:
        yield http
        http.delete("/_fake/faults")


@pytest.fixture
def faults(http: httpx.Client) -> Callable[..., None]:
    def set_faults(**config: Any) -> None:
        assert http.post("/_fake/faults", json=config).is_success

    return set_faults


def new_intent(client: stripe.StripeClient, **params: Any) -> stripe.PaymentIntent:
    automatic = {"automatic_payment_methods": {"enabled": True}}
    return client.v1.payment_intents.create({"amount": 2400, "currency": "eur", **automatic, **params})


def paid(client: stripe.StripeClient, method: str = "pm_card_visa", **params: Any) -> stripe.PaymentIntent:
    made = new_intent(client)
    return client.v1.payment_intents.confirm(made.id, {"payment_method": method, **params})


def card(number: str, **details: str) -> dict[str, Any]:
    return {
        "type": "card",
        "card": {"number": number, "exp_month": "12", "exp_year": NEXT_YEAR, "cvc": "123", **details},
    }


# Payment intents


def test_an_intent_is_created_with_what_was_asked_and_read_again(client: stripe.StripeClient) -> None:
    made = new_intent(client, metadata={"booking_id": "b-1"}, description="Two seats", receipt_email="ada@example.com")
    assert made.status == "requires_payment_method"
    assert made.client_secret is not None
    assert made.client_secret.startswith(f"{made.id}_secret_")
    read = client.v1.payment_intents.retrieve(made.id)
    assert read.to_dict() == made.to_dict()
    assert (read.amount, read.currency, read.amount_received) == (2400, "eur", 0)
    assert read.metadata["booking_id"] == "b-1"
    assert read.automatic_payment_methods is not None
    assert read.automatic_payment_methods.enabled is True
    assert made.last_response.request_id.startswith("req_")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": -5}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": "12.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": ""}, "parameter_invalid_empty", "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 17_499, "currency": "huf"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": 12_345, "currency": "kwd"}, None, "amount"),
        ({"currency": "xyz"}, None, "currency"),
        ({"currency": "EURO"}, None, "currency"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"seats": 2}, "parameter_unknown", "seats"),
        ({"automatic_payment_methods": {"always": True}}, "parameter_unknown", "automatic_payment_methods[always]"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata"),
        ({"customer": "cus_1"}, "parameter_unknown", "customer"),
    ],
)
def test_wrong_parameters_are_named(
    client: stripe.StripeClient, params: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        new_intent(client, **params)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_an_unknown_intent_is_missing(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.retrieve("pi_nobody")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert refused.value.param == "intent"


def test_a_payment_succeeds_and_sends_its_events(client: stripe.StripeClient, receiver: Receiver) -> None:
    made = new_intent(client, metadata={"booking_id": "b-2"})
    done = client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert (done.status, done.amount_received, done.next_action) == ("succeeded", 2400, None)
    charge = client.v1.charges.retrieve(str(done.latest_charge))
    assert (charge.status, charge.paid, charge.refunded, charge.payment_intent) == ("succeeded", True, False, made.id)
    (event,) = receiver.wait_for(made.id, "payment_intent.succeeded")
    assert event.data.object["metadata"]["booking_id"] == "b-2"
    assert event.data.object["status"] == "succeeded"
    assert event.api_version == stripe.api_version
    assert receiver.types(made.id) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    ],
)
def test_a_declined_payment_can_be_tried_again(
    client: stripe.StripeClient, receiver: Receiver, method: str, code: str, decline_code: str
) -> None:
    made = new_intent(client)
    how: Any = {"payment_method": method} if method.startswith("pm_") else {"payment_method_data": card(method)}
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.confirm(made.id, how)
    assert (declined.value.http_status, declined.value.code) == (402, code)
    error = declined.value.error
    assert error is not None
    assert (error.type, error.decline_code) == ("card_error", decline_code)
    assert error.payment_intent["id"] == made.id
    assert error.payment_intent["status"] == "requires_payment_method"
    assert error.charge.startswith("ch_")

    after = client.v1.payment_intents.retrieve(made.id)
    assert (after.status, after.payment_method, after.latest_charge) == ("requires_payment_method", None, error.charge)
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == decline_code
    assert client.v1.charges.retrieve(error.charge).status == "failed"
    (event,) = receiver.wait_for(made.id, "payment_intent.payment_failed")
    assert event.data.object["last_payment_error"]["code"] == code
    assert "charge.failed" in receiver.types(made.id)

    again = client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_mastercard"})
    assert (again.status, again.last_payment_error) == ("succeeded", None)


@pytest.mark.parametrize(
    ("details", "code", "param"),
    [
        (card("4242424242424241"), "incorrect_number", "number"),
        (card("4242424242424242", exp_month="13"), "invalid_expiry_month", "exp_month"),
        (card("4242424242424242", exp_year="2020"), "invalid_expiry_year", "exp_year"),
        (card("4242424242424242", cvc="1"), "invalid_cvc", "cvc"),
    ],
)
def test_wrong_card_details_do_not_touch_the_intent(
    client: stripe.StripeClient, details: Any, code: str, param: str
) -> None:
    made = new_intent(client)
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.confirm(made.id, {"payment_method_data": details})
    assert (declined.value.code, declined.value.param) == (code, param)
    assert client.v1.payment_intents.retrieve(made.id).to_dict() == made.to_dict()


def test_a_payment_method_is_made_from_a_card(client: stripe.StripeClient) -> None:
    method = client.v1.payment_methods.create(
        {**card("5555 5555 5555 4444"), "billing_details": {"name": "Ada", "address": {"country": "GB"}}}
    )
    assert method.card is not None
    assert (method.card.brand, method.card.last4) == ("mastercard", "4444")
    assert "5555555555554444" not in str(method)
    assert client.v1.payment_methods.retrieve(method.id).billing_details.name == "Ada"
    assert paid(client, method.id).payment_method == method.id
    assert paid(client, client.v1.payment_methods.create(card("4111111111111111")).id).status == "succeeded"


def test_a_paid_intent_is_neither_confirmed_nor_cancelled_nor_captured(client: stripe.StripeClient) -> None:
    done = paid(client)
    for operation in (client.v1.payment_intents.confirm, client.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            operation(done.id)
        assert (refused.value.http_status, refused.value.code) == (400, "payment_intent_unexpected_state")
        assert refused.value.error is not None
        assert refused.value.error.payment_intent["status"] == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(new_intent(client).id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_cancelled_intent_takes_no_money(client: stripe.StripeClient, receiver: Receiver) -> None:
    made = new_intent(client)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.cancel(made.id, {"cancellation_reason": "automatic"})
    assert refused.value.param == "cancellation_reason"
    gone = client.v1.payment_intents.cancel(made.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
    assert gone.canceled_at is not None
    receiver.wait_for(made.id, "payment_intent.canceled")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_slow_payment_is_processing_until_the_bank_answers(client: stripe.StripeClient, receiver: Receiver) -> None:
    made = paid(client, "pm_usBankAccount_success")
    assert made.status == "processing"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.cancel(made.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    receiver.wait_for(made.id, "payment_intent.succeeded")
    assert client.v1.payment_intents.retrieve(made.id).amount_received == 2400
    assert "payment_intent.processing" in receiver.types(made.id)

    failed = paid(client, "pm_usBankAccount_insufficientFunds")
    assert failed.status == "processing"
    receiver.wait_for(failed.id, "payment_intent.payment_failed")
    assert client.v1.payment_intents.retrieve(failed.id).status == "requires_payment_method"


def test_intents_are_listed_newest_first_and_paged(client: stripe.StripeClient) -> None:
    made = [new_intent(client).id for _ in range(5)]
    first = client.v1.payment_intents.list({"limit": 2})
    assert [item.id for item in first.data] == made[:2:-1]
    assert first.has_more
    after = client.v1.payment_intents.list({"limit": 2, "starting_after": made[3]})
    assert [item.id for item in after.data] == [made[2], made[1]]
    assert client.v1.payment_intents.list({"created": {"gt": int(time.time()) + 60}}).data == []
    recent = client.v1.payment_intents.list({"created": {"gte": int(time.time()) - 600}, "limit": 100})
    pages = client.v1.payment_intents.list({"limit": 2})
    assert [item.id for _, item in zip(range(5), pages.auto_paging_iter(), strict=False)] == made[::-1]
    assert set(made) <= {item.id for item in recent.data}


# 3-D Secure


def test_3ds_completed(client: stripe.StripeClient, http: httpx.Client, receiver: Receiver) -> None:
    made = paid(client, "pm_card_authenticationRequired", return_url=RETURN_URL)
    assert made.status == "requires_action"
    assert made.next_action is not None
    assert made.next_action.type == "redirect_to_url"
    page = made.next_action.redirect_to_url.url
    assert "EUR 24.00" in http.get(page).text
    receiver.wait_for(made.id, "payment_intent.requires_action")
    assert client.v1.payment_intents.retrieve(made.id).latest_charge is None

    assert http.post(page, data={"outcome": "perhaps"}).status_code == 400
    back = http.post(page, data={"outcome": "complete"})
    assert back.status_code == 303
    assert dict(httpx.URL(back.headers["location"]).params) == {
        "lang": "en",
        "payment_intent": made.id,
        "payment_intent_client_secret": made.client_secret,
        "redirect_status": "succeeded",
    }
    receiver.wait_for(made.id, "payment_intent.succeeded")
    assert http.post(page, data={"outcome": "fail"}).status_code == 410
    assert client.v1.payment_intents.retrieve(made.id).status == "succeeded"


def test_3ds_failed(client: stripe.StripeClient, http: httpx.Client, receiver: Receiver) -> None:
    made = new_intent(client)
    details: Any = {"payment_method_data": card("4000002500003155"), "return_url": RETURN_URL}
    waiting = client.v1.payment_intents.confirm(made.id, details)
    assert waiting.next_action is not None
    back = http.post(waiting.next_action.redirect_to_url.url, data={"outcome": "fail"})
    assert "redirect_status=failed" in back.headers["location"]
    receiver.wait_for(made.id, "payment_intent.payment_failed")
    after = client.v1.payment_intents.retrieve(made.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "payment_intent_authentication_failure"
    assert client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"}).status == "succeeded"


def test_a_cancelled_intent_does_not_wait_for_3ds(client: stripe.StripeClient, http: httpx.Client) -> None:
    made = paid(client, "pm_card_authenticationRequired", return_url=RETURN_URL)
    assert made.next_action is not None
    client.v1.payment_intents.cancel(made.id)
    page = made.next_action.redirect_to_url.url
    assert http.get(page).status_code == 410
    assert http.post(page, data={"outcome": "complete"}).status_code == 410
    assert client.v1.payment_intents.retrieve(made.id).status == "canceled"


# Keys


def test_a_wrong_key_is_refused(clients: Callable[..., stripe.StripeClient], api_base: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        new_intent(clients(api_base, "sk_test_other"))
    assert refused.value.http_status == 401
    assert httpx.get(f"{api_base}/v1/events", trust_env=False).status_code == 401


def test_a_browser_pays_with_the_publishable_key(client: stripe.StripeClient, http: httpx.Client) -> None:
    made = new_intent(client, metadata={"booking_id": "b-3"})
    path = f"/v1/payment_intents/{made.id}"
    key = {"Authorization": f"Bearer {PUBLISHABLE_KEY}", "Origin": "http://localhost:5173"}
    asked = {**key, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    assert http.options(f"{path}/confirm", headers=asked).headers["access-control-allow-origin"] == "*"

    read = http.get(path, params={"client_secret": str(made.client_secret)}, headers=key)
    assert read.headers["access-control-allow-origin"] == "*"
    assert read.json()["amount"] == 2400
    assert "metadata" not in read.json()

    assert http.get(path, headers=key).json()["error"]["code"] == "parameter_missing"
    wrong = http.get(path, params={"client_secret": f"{made.id}_secret_x"}, headers=key)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "payment_intent_invalid_parameter")
    form = {"client_secret": str(made.client_secret), "payment_method_data[type]": "card"}
    form |= {f"payment_method_data[card][{name}]": value for name, value in card("4000000000000002")["card"].items()}
    declined = http.post(f"{path}/confirm", data=form, headers=key)
    assert declined.status_code == 402
    assert "metadata" not in declined.json()["error"]["payment_intent"]
    # Stripe.js sends the key in the form, and so avoids a preflight request.
    form |= {"key": PUBLISHABLE_KEY, "payment_method_data[card][number]": "4242424242424242"}
    assert http.post(f"{path}/confirm", data=form).json()["status"] == "succeeded"

    for method, other in (("GET", "/v1/payment_intents"), ("POST", f"{path}/cancel"), ("POST", "/v1/refunds")):
        refused = http.request(method, other, headers=key)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "secret_key_required")


def test_uncovered_calls_are_refused_in_stripes_format(client: stripe.StripeClient, http: httpx.Client) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not do") as refused:
        client.v1.customers.create({"name": "Ada"})
    assert refused.value.http_status == 404
    assert refused.value.request_id is not None
    json_body = http.post("/v1/refunds", json={}, headers={"Authorization": f"Bearer {SECRET_KEY}"})
    assert json_body.status_code == 400
    assert client.v1.balance.retrieve().livemode is False


# Idempotency keys


def test_a_repeated_key_replays_the_answer(client: stripe.StripeClient) -> None:
    params: Any = {"amount": 2400, "currency": "eur", "metadata": {"n": "1"}}
    key = {"idempotency_key": str(uuid4())}
    first = client.v1.payment_intents.create(params, key)
    again = client.v1.payment_intents.create(params, key)
    assert again.to_dict() == first.to_dict()
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.request_id != first.last_response.request_id

    client.v1.payment_intents.cancel(first.id)
    assert client.v1.payment_intents.create(params, key).status == "requires_payment_method"


def test_a_repeated_key_replays_a_decline(client: stripe.StripeClient) -> None:
    made = new_intent(client)
    key = {"idempotency_key": str(uuid4())}
    charges: list[str] = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_chargeDeclined"}, key)
        assert declined.value.error is not None
        charges.append(declined.value.error.charge)
    assert charges[0] == charges[1]
    assert len(client.v1.charges.list({"payment_intent": made.id}).data) == 1


def test_a_key_belongs_to_its_request(client: stripe.StripeClient) -> None:
    key = {"idempotency_key": str(uuid4())}
    made = client.v1.payment_intents.create({"amount": 2400, "currency": "eur"}, key)
    for repeat in (
        lambda: client.v1.payment_intents.create({"amount": 2500, "currency": "eur"}, key),
        lambda: client.v1.payment_intents.cancel(made.id, {}, key),
    ):
        with pytest.raises(stripe.IdempotencyError) as refused:
            repeat()
        assert refused.value.http_status == 400


def test_a_failed_validation_keeps_no_key(client: stripe.StripeClient) -> None:
    key = {"idempotency_key": str(uuid4())}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({"amount": -1, "currency": "eur"}, key)
    assert client.v1.payment_intents.create({"amount": 100, "currency": "eur"}, key).amount == 100


def test_a_key_under_way_conflicts(
    clients: Callable[..., stripe.StripeClient], api_base: str, http: httpx.Client, faults: Callable[..., None]
) -> None:
    faults(api=[{"kind": "delay", "when": "before", "next": 1, "seconds": 1, "method": "POST"}])
    client, other = clients(api_base), clients(api_base)
    arguments: Any = ({"amount": 2400, "currency": "eur"}, {"idempotency_key": str(uuid4())})
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(client.v1.payment_intents.create, *arguments)
        eventually(lambda: http.get("/_fake/faults").json()["injected"])
        with pytest.raises(stripe.APIError) as conflict:
            other.v1.payment_intents.create(*arguments)
    assert conflict.value.error is not None
    assert (conflict.value.http_status, conflict.value.error.code) == (409, "idempotency_key_in_use")
    assert other.v1.payment_intents.create(*arguments).id == slow.result().id


# Refunds


def test_a_full_refund(client: stripe.StripeClient, receiver: Receiver) -> None:
    done = paid(client)
    refund = client.v1.refunds.create(
        {"payment_intent": done.id, "reason": "requested_by_customer", "metadata": {"booking_id": "b-4"}}
    )
    assert (refund.amount, refund.status, refund.currency, refund.charge) == (
        2400,
        "succeeded",
        "eur",
        done.latest_charge,
    )
    (event,) = receiver.wait_for(done.id, "charge.refunded")
    assert event.data.object["refunded"] is True
    assert event.data.to_dict()["previous_attributes"] == {"amount_refunded": 0, "refunded": False}
    receiver.wait_for(done.id, "refund.created")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": done.id})
    assert refused.value.code == "charge_already_refunded"

    assert client.v1.refunds.retrieve(refund.id).to_dict()["metadata"] == {"booking_id": "b-4"}


def test_partial_refunds_add_up(client: stripe.StripeClient) -> None:
    done = paid(client)
    first = client.v1.refunds.create({"payment_intent": done.id, "amount": 1000})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": done.id, "amount": 1401})
    assert (refused.value.http_status, refused.value.param) == (400, "amount")
    second = client.v1.refunds.create({"charge": str(done.latest_charge)})
    assert second.amount == 1400
    listed = client.v1.refunds.list({"payment_intent": done.id})
    assert [item.id for item in listed.data] == [second.id, first.id]
    charge = client.v1.charges.retrieve(str(done.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (2400, True)


def test_a_refund_can_stay_pending_for_a_while(client: stripe.StripeClient, receiver: Receiver) -> None:
    done = paid(client, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": done.id})
    assert refund.status == "pending"
    (event,) = receiver.wait_for(refund.id, "refund.updated")
    assert event.data.object["status"] == "succeeded"
    assert event.data.to_dict()["previous_attributes"] == {"status": "pending"}
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_a_refund_can_fail_after_it_succeeded(client: stripe.StripeClient, receiver: Receiver) -> None:
    made = new_intent(client)
    done = client.v1.payment_intents.confirm(made.id, {"payment_method_data": card("4000000000005126")})
    refund = client.v1.refunds.create({"payment_intent": done.id})
    assert refund.status == "succeeded"
    receiver.wait_for(refund.id, "refund.failed")
    receiver.wait_for(refund.id, "refund.updated")
    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "unknown")
    charge = client.v1.charges.retrieve(str(done.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert client.v1.refunds.create({"payment_intent": done.id}).amount == 2400


def test_unpaid_intents_are_not_refunded(client: stripe.StripeClient) -> None:
    unpaid: list[Any] = [{"payment_intent": new_intent(client).id}, {"payment_intent": "pi_nobody"}, {}]
    for params in unpaid:
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.refunds.create(params)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": paid(client).id, "amount": -1})


def test_a_disputed_payment(client: stripe.StripeClient, receiver: Receiver) -> None:
    done = paid(client, "pm_card_createDispute")
    (event,) = receiver.wait_for(done.id, "charge.dispute.created")
    assert event.data.object["charge"] == done.latest_charge
    assert client.v1.disputes.retrieve(event.data.object["id"]).status == "needs_response"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": done.id})
    assert refused.value.code == "charge_disputed"


@pytest.mark.parametrize(("evidence", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_evidence_decides_a_dispute(
    client: stripe.StripeClient, receiver: Receiver, evidence: str, status: str
) -> None:
    done = paid(client, "pm_card_createDispute")
    (opened,) = receiver.wait_for(done.id, "charge.dispute.created")
    dispute_id = opened.data.object["id"]
    params: Any = {"evidence": {"uncategorized_text": evidence}}
    staged = client.v1.disputes.update(dispute_id, {**params, "submit": False})
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    submitted = client.v1.disputes.update(dispute_id, params)
    assert (submitted.status, submitted.evidence_details.submission_count) == ("under_review", 1)
    (closed,) = receiver.wait_for(dispute_id, "charge.dispute.closed")
    assert closed.data.object["status"] == status
    assert closed.data.to_dict()["previous_attributes"] == {"status": "under_review"}
    assert receiver.types(dispute_id).count("charge.dispute.updated") == 2
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.disputes.update(dispute_id, params)
    if status == "won":
        assert client.v1.refunds.create({"payment_intent": done.id}).status == "succeeded"


def test_a_dispute_is_closed_by_accepting_it(client: stripe.StripeClient, receiver: Receiver) -> None:
    done = paid(client, "pm_card_createDispute")
    (opened,) = receiver.wait_for(done.id, "charge.dispute.created")
    assert client.v1.disputes.close(opened.data.object["id"]).status == "lost"
    receiver.wait_for(done.id, "charge.dispute.closed")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(opened.data.object["id"])


# The shape of objects


NULLABLE = {
    stripe.PaymentIntent: "application application_fee_amount automatic_payment_methods canceled_at"
    " cancellation_reason client_secret customer customer_account description excluded_payment_method_types"
    " last_payment_error latest_charge next_action on_behalf_of payment_method payment_method_configuration_details"
    " payment_method_options processing receipt_email review setup_future_usage shipping source statement_descriptor"
    " statement_descriptor_suffix transfer_data transfer_group",
    stripe.Charge: "application application_fee application_fee_amount balance_transaction"
    " calculated_statement_descriptor customer description failure_balance_transaction failure_code failure_message"
    " fraud_details on_behalf_of outcome payment_intent payment_method payment_method_details receipt_email"
    " receipt_number receipt_url review shipping source source_transfer statement_descriptor"
    " statement_descriptor_suffix transfer_data transfer_group",
    stripe.Charge.Outcome: "advice_code network_advice_code network_decline_code network_status reason seller_message",
    stripe.Charge.PaymentMethodDetails.Card: "amount_authorized authorization_code brand checks country fingerprint"
    " funding installments last4 mandate network network_transaction_id regulated_status three_d_secure wallet",
    stripe.Refund: "balance_transaction charge metadata payment_intent reason receipt_number source_transfer_reversal"
    " status transfer_reversal",
    stripe.Dispute: "payment_intent",
    stripe.Dispute.Evidence: "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure"
    " cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip"
    " customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id"
    " product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date"
    " service_documentation shipping_address shipping_carrier shipping_date shipping_documentation"
    " shipping_tracking_number uncategorized_file uncategorized_text",
    stripe.Dispute.EvidenceDetails: "due_by",
    stripe.PaymentMethod: "customer customer_account metadata",
    stripe.PaymentMethod.BillingDetails: "address email name phone tax_id",
    stripe.PaymentMethod.Card: "checks country display_brand fingerprint generated_from networks regulated_status"
    " three_d_secure_usage wallet",
    stripe.PaymentMethod.UsBankAccount: "account_holder_type account_type bank_name financial_connections_account"
    " fingerprint last4 networks routing_number status_details",
}
"""Fields that the API reference calls nullable: always there. The types alone do not tell them from optional ones."""


def test_objects_have_the_fields_that_stripe_always_sends(client: stripe.StripeClient, receiver: Receiver) -> None:
    by_card, by_bank = paid(client, "pm_card_createDispute"), paid(client, "pm_usBankAccount_success")
    (opened,) = receiver.wait_for(by_card.id, "charge.dispute.created")
    dispute = opened.data.object.to_dict()
    charge, pending = (client.v1.charges.retrieve(str(paid.latest_charge)).to_dict() for paid in (by_card, by_bank))
    method, account = (
        client.v1.payment_methods.retrieve(str(paid.payment_method)).to_dict() for paid in (by_card, by_bank)
    )
    objects: list[tuple[type[stripe.StripeObject], dict[str, Any]]] = [
        (stripe.PaymentIntent, new_intent(client).to_dict()),
        (stripe.PaymentIntent, by_card.to_dict()),
        (stripe.Charge, charge),
        (stripe.Charge, pending),
        (stripe.Charge.Outcome, charge["outcome"]),
        (stripe.Charge.PaymentMethodDetails.Card, charge["payment_method_details"]["card"]),
        (stripe.Refund, client.v1.refunds.create({"payment_intent": paid(client).id}).to_dict()),
        (stripe.Dispute, dispute),
        (stripe.Dispute.Evidence, dispute["evidence"]),
        (stripe.Dispute.EvidenceDetails, dispute["evidence_details"]),
        (stripe.PaymentMethod, method),
        (stripe.PaymentMethod.BillingDetails, method["billing_details"]),
        (stripe.PaymentMethod.Card, method["card"]),
        (stripe.PaymentMethod.UsBankAccount, account["us_bank_account"]),
    ]
    assert {kind for kind, _ in objects} == NULLABLE.keys()
    for kind, found in objects:
        types = {name: hint for name, hint in kind.__annotations__.items() if name.islower() and name[0] != "_"}
        never_null = {name for name, hint in types.items() if type(None) not in get_args(hint)}
        assert never_null | set(NULLABLE[kind].split()) <= found.keys() <= types.keys(), kind
        assert not [name for name in never_null if found[name] is None], kind


# Events and webhooks


def test_events_are_listed_and_filtered(client: stripe.StripeClient) -> None:
    started = int(time.time()) - 1
    ids = [paid(client).id for _ in range(3)]
    found = client.v1.events.list({"type": "payment_intent.succeeded", "limit": 50, "created": {"gte": started}}).data
    # A slow payment of another test may succeed meanwhile.
    mine = [event for event in found if event.data.object["id"] in ids]
    assert [event.data.object["id"] for event in mine] == ids[::-1]
    newest = mine[0]
    only: Any = {"type": "payment_intent.succeeded", "limit": 1}
    assert client.v1.events.list({**only, "starting_after": newest.id}).data[0].id == found[found.index(newest) + 1].id
    read = client.v1.events.retrieve(newest.id)
    assert read.data.object["id"] == ids[2]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.events.retrieve("evt_nobody")
    assert refused.value.http_status == 404


def test_an_event_names_the_request_that_made_it(client: stripe.StripeClient, receiver: Receiver) -> None:
    key = str(uuid4())
    made = client.v1.payment_intents.create({"amount": 100, "currency": "eur"}, {"idempotency_key": key})
    (event,) = receiver.wait_for(made.id, "payment_intent.created")
    assert event.request is not None
    assert (event.request.id, event.request.idempotency_key) == (made.last_response.request_id, key)
    assert event.pending_webhooks == 1
    eventually(lambda: client.v1.events.retrieve(event.id).pending_webhooks == 0)


def test_a_refused_event_is_retried_and_delays_no_other(
    client: stripe.StripeClient, receiver: Receiver, http: httpx.Client
) -> None:
    made = new_intent(client)
    receiver.answers["charge.succeeded", made.id] = [500, 302, 400]
    done = client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    tries = receiver.wait_for(done.id, "charge.succeeded", times=4)
    assert len({event.id for event in tries}) == 1
    types = receiver.types(done.id)
    assert types.index("payment_intent.succeeded") < len(types) - 1
    (delivery,) = eventually(
        lambda: [
            item
            for item in http.get("/_fake/deliveries", params={"event": tries[0].id}).json()
            if item["state"] == "delivered"
        ]
    )
    assert (delivery["attempts"], delivery["status"], delivery["type"]) == (4, 200, "charge.succeeded")


def test_webhooks_can_be_dropped_and_sent_again(
    client: stripe.StripeClient, receiver: Receiver, http: httpx.Client, faults: Callable[..., None]
) -> None:
    faults(webhooks=[{"kind": "drop", "probability": 1, "type": "payment_intent.succeeded"}])
    done = paid(client)
    receiver.wait_for(done.id, "charge.succeeded")
    (event,) = client.v1.events.list({"type": "payment_intent.succeeded", "limit": 1}).data
    (delivery,) = http.get("/_fake/deliveries", params={"event": event.id}).json()
    assert delivery["state"] == "dropped"
    assert http.get("/_fake/faults").json()["injected"] == {"webhooks.drop": 1}
    assert http.post(f"/_fake/events/{event.id}/resend").is_success
    (again,) = receiver.wait_for(done.id, "payment_intent.succeeded")
    assert again.id == event.id
    assert http.post("/_fake/events/evt_nobody/resend").status_code == 404


def test_webhooks_can_come_twice_late_and_out_of_order(
    client: stripe.StripeClient, receiver: Receiver, faults: Callable[..., None]
) -> None:
    faults(
        webhooks=[
            {"kind": "duplicate", "next": 1, "type": "charge.succeeded"},
            {"kind": "delay", "next": 1, "seconds": 0.5, "type": "payment_intent.created"},
        ]
    )
    done = paid(client)
    twice = receiver.wait_for(done.id, "charge.succeeded", times=2)
    assert twice[0].id == twice[1].id
    receiver.wait_for(done.id, "payment_intent.created")
    assert receiver.types(done.id)[-1] == "payment_intent.created"

    faults(seed=1, webhooks=[{"kind": "reorder", "probability": 1, "seconds": 0.3}])
    orders: set[tuple[str, ...]] = set()
    for _ in range(8):
        mixed = paid(client)
        eventually(lambda intent=mixed.id: len(receiver.types(intent)) == 3)
        orders.add(tuple(receiver.types(mixed.id)))
    assert len(orders) > 1


# Faults of the API


def test_a_fault_before_leaves_nothing_and_a_retry_succeeds(
    clients: Callable[..., stripe.StripeClient], api_base: str, http: httpx.Client, faults: Callable[..., None]
) -> None:
    client = clients(api_base)
    for kind, error in (("500", stripe.APIError), ("429", stripe.RateLimitError), ("drop", stripe.APIConnectionError)):
        newest = new_intent(client).id
        faults(api=[{"kind": kind, "next": 1, "method": "POST"}])
        with pytest.raises(error):
            new_intent(client)
        assert client.v1.payment_intents.list({"limit": 1}).data[0].id == newest
        assert http.get("/_fake/faults").json()["injected"] == {f"api.{kind}:before": 1}
    faults(api=[{"kind": "500", "next": 1}, {"kind": "drop", "next": 1}])
    assert new_intent(clients(api_base, retries=2)).status == "requires_payment_method"


def test_a_lost_answer_is_found_again_by_its_key(
    clients: Callable[..., stripe.StripeClient], api_base: str, faults: Callable[..., None]
) -> None:
    """The important one: the money moved, and the caller does not know."""
    client = clients(api_base)
    done = paid(client)
    arguments: Any = ({"payment_intent": done.id, "amount": 500}, {"idempotency_key": str(uuid4())})
    faults(api=[{"kind": "drop", "when": "after", "next": 1, "path": "^/v1/refunds$"}])
    with pytest.raises(stripe.APIConnectionError):
        client.v1.refunds.create(*arguments)
    refund = client.v1.refunds.create(*arguments)
    assert refund.last_response.headers["Idempotent-Replayed"] == "true"
    assert [item.id for item in client.v1.refunds.list({"payment_intent": done.id}).data] == [refund.id]

    faults(api=[{"kind": "timeout", "when": "after", "next": 1, "seconds": 0.2, "method": "POST"}])
    again = clients(api_base, retries=1).v1.refunds.create({"payment_intent": done.id, "amount": 300})
    assert again.last_response.headers["Idempotent-Replayed"] == "true"


def test_a_500_after_the_effect_is_what_the_key_replays(
    clients: Callable[..., stripe.StripeClient], api_base: str, faults: Callable[..., None]
) -> None:
    client = clients(api_base, retries=2)
    done = paid(client)
    arguments: Any = ({"payment_intent": done.id, "amount": 500}, {"idempotency_key": str(uuid4())})
    faults(api=[{"kind": "500", "when": "after", "next": 1, "method": "POST"}])
    for _ in range(2):
        with pytest.raises(stripe.APIError) as lost:
            client.v1.refunds.create(*arguments)
        assert lost.value.http_status == 500
    assert len(client.v1.refunds.list({"payment_intent": done.id}).data) == 1


def test_faults_are_checked_and_cleared(http: httpx.Client, client: stripe.StripeClient) -> None:
    wrong: list[Any] = [
        {"apis": []},
        {"api": [{"kind": "fire"}]},
        {"api": [{"kind": "429", "when": "after"}]},
        {"api": [{"kind": "500", "path": "("}]},
        {"webhooks": [{"kind": "drop", "probability": 2}]},
        [],
    ]
    for config in wrong:
        answer = http.post("/_fake/faults", json=config)
        assert answer.status_code == 400, config
        assert answer.json()["error"]
    http.post("/_fake/faults", json={"seed": 3, "api": [{"kind": "500", "probability": 0.5}]})
    outcomes = [http.get("/v1/balance", auth=(SECRET_KEY, "")).status_code for _ in range(20)]
    assert set(outcomes) == {200, 500}
    assert http.delete("/_fake/faults").json()["injected"] == {"api.500:before": outcomes.count(500)}
    assert http.get("/_fake/faults").json() == {"injected": {}}
    assert client.v1.balance.retrieve().object == "balance"


# The process


def test_a_crash_loses_nothing(
    own_stand_in: StandIn, clients: Callable[..., stripe.StripeClient], receiver: Receiver
) -> None:
    client = clients(own_stand_in.base)
    httpx.post(
        f"{own_stand_in.base}/_fake/faults",
        json={"webhooks": [{"kind": "delay", "next": 1, "seconds": 3, "type": "payment_intent.succeeded"}]},
        trust_env=False,
    )
    key: Any = {"idempotency_key": str(uuid4())}
    arguments: Any = {"payment_method": "pm_card_visa"}
    done = client.v1.payment_intents.confirm(new_intent(client).id, arguments, key)
    slow = paid(client, "pm_usBankAccount_success")
    receiver.wait_for(done.id, "charge.succeeded")
    own_stand_in.kill()
    assert "payment_intent.succeeded" not in receiver.types(done.id)
    own_stand_in.start()

    assert client.v1.payment_intents.retrieve(done.id).to_dict() == done.to_dict()
    assert client.v1.payment_intents.confirm(done.id, arguments, key).to_dict() == done.to_dict()
    receiver.wait_for(done.id, "payment_intent.succeeded")
    receiver.wait_for(slow.id, "payment_intent.succeeded")
    assert own_stand_in.stop() in (0, -15)


def test_missing_settings_are_all_named() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("STRIPE_")}
    env["STRIPE_WEBHOOK_URL"] = "http://127.0.0.1:1/hook"
    command = [sys.executable, "-m", "dev.fake_stripe"]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    for name in ("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET"):
        assert name in ended.stderr
