"""The context of an operation besides its parameters, and how it emits events."""

import time
from dataclasses import dataclass

import stripe

from dev.fake_stripe.errors import no_such
from dev.fake_stripe.faults import Faults
from dev.fake_stripe.settings import Settings
from dev.fake_stripe.shapes import Json, words
from dev.fake_stripe.store import Store, new_id

# The fields of an intent that Stripe shows to the publishable key.
PUBLIC_INTENT = words(
    "id object amount amount_details automatic_payment_methods canceled_at cancellation_reason capture_method"
    " client_secret confirmation_method created currency description last_payment_error livemode next_action"
    " payment_method payment_method_types processing receipt_email setup_future_usage shipping status"
)


def now() -> int:
    return int(time.time())


@dataclass(frozen=True)
class Call:
    """One request, or one thing that happens by itself (then without request_id)."""

    settings: Settings
    store: Store
    faults: Faults
    base_url: str = ""
    publishable: bool = False
    request_id: str | None = None
    idempotency_key: str | None = None

    def find(self, kind: str, object_id: str, param: str = "id") -> Json:
        found = self.store.get(object_id)
        if found is None or found["object"] != kind:
            raise no_such(kind, object_id, param)
        return found

    def view(self, intent: Json) -> Json:
        return {name: intent[name] for name in PUBLIC_INTENT} if self.publishable else intent

    def emit(self, kind: str, obj: Json, previous: Json | None = None) -> None:
        """Stores the event with a snapshot of the object, and its delivery, in the running transaction."""
        url = self.settings.webhook_url
        event: Json = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": stripe.api_version,
            "created": now(),
            "data": {"object": obj} | ({"previous_attributes": previous} if previous else {}),
            "livemode": False,
            "pending_webhooks": 1 if url else 0,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": kind,
        }
        self.store.insert(event)
        if not url:
            return
        # Events of one payment are delivered one after the other, those of different payments side by side.
        lane = str(obj.get("payment_intent") or obj["id"])
        delays = self.faults.webhook(kind)
        for delay in delays:
            self.store.add_delivery(event["id"], lane, time.time() + delay)
        if not delays:
            self.store.add_delivery(event["id"], lane, time.time(), "dropped")
