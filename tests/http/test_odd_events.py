"""Signed events about a real booking, each field odd in turn: whatever SQL makes of it, it is no 500."""

from __future__ import annotations

import copy
import json
import uuid
from typing import Any

import pytest

from tests.backend.test_fuzz import ODDITIES, UUID_OF_A_BOOKING, places, well_formed
from tests.http.frontrow import Customer, Frontrow, eventually


@pytest.mark.slow  # some 300 events each; the quick fuzz of signed events is tests/backend/test_fuzz.py
@pytest.mark.parametrize(
    "event_type",
    ["payment_intent.succeeded", "payment_intent.payment_failed", "refund.updated", "charge.dispute.updated"],
)
def test_odd_event_fields_never_cause_500(frontrow: Frontrow, customer: Customer, event_type: str) -> None:
    booking = customer.book(1)
    intent = customer.intent(booking)
    frontrow.pay(intent)
    eventually(lambda: customer.booking(booking)["status"] == "confirmed")

    def event() -> dict[str, Any]:
        text = json.dumps({**well_formed(event_type), "id": f"evt_{uuid.uuid4().hex}"})
        about = text.replace("pi_1", intent["payment_intent_id"]).replace(UUID_OF_A_BOOKING, booking["id"])
        return json.loads(about)

    def deliver(odd: dict[str, Any]) -> int:
        return frontrow.deliver(odd).status_code

    assert deliver(event()) == 200
    for number in range(len(list(places(event())))):
        for oddity in ODDITIES:
            odd = event()
            where, name = list(places(odd))[number]
            where[name] = copy.deepcopy(oddity)
            assert deliver(odd) in (200, 400, 503), (name, oddity)
