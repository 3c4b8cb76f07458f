"""Charges, made by intents, and the disputes that follow some of them."""

from dev.fake_stripe.call import Call, now
from dev.fake_stripe.cards import Instrument
from dev.fake_stripe.shapes import Json, nulls
from dev.fake_stripe.store import new_id


def make(call: Call, intent: Json, method: Json, instrument: Instrument, status: str) -> Json:
    """Stores a charge that is succeeded, pending or failed, and says so."""
    failed = status == "failed"
    charge: Json = {
        "id": new_id("ch"),
        "object": "charge",
        **nulls(
            "application application_fee application_fee_amount customer failure_balance_transaction on_behalf_of"
            " receipt_number receipt_url review shipping source source_transfer statement_descriptor"
            " statement_descriptor_suffix transfer_data transfer_group"
        ),
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if status == "succeeded" else 0,
        "amount_refunded": 0,
        "balance_transaction": new_id("txn") if status == "succeeded" else None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "FRONTROW",
        "captured": not failed,
        "created": now(),
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": instrument.code if failed else None,
        "failure_message": instrument.message if failed else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {
            "network_status": "declined_by_network" if failed else "approved_by_network",
            "reason": instrument.decline_code if failed else None,
            "risk_level": "normal",
            "seller_message": "The bank declined the payment." if failed else "Payment complete.",
            "type": "issuer_declined" if failed else "authorized",
        },
        "paid": not failed,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {method["type"]: method[method["type"]], "type": method["type"]},
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "status": status,
    }
    call.store.insert(charge)
    call.emit(f"charge.{status}", charge)
    return charge


def settle(call: Call, charge: Json, instrument: Instrument) -> None:
    """A pending charge meets its fate."""
    if instrument.code:
        charge |= {"status": "failed", "paid": False, "captured": False}
        charge |= {"failure_code": instrument.code, "failure_message": instrument.message}
    else:
        charge |= {"status": "succeeded", "amount_captured": charge["amount"], "balance_transaction": new_id("txn")}
    call.store.put(charge)
    call.emit(f"charge.{charge['status']}", charge)


def dispute(call: Call, charge: Json) -> None:
    charge["disputed"] = True
    call.store.put(charge)
    created: Json = {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "evidence": {},
        "evidence_details": {"due_by": now() + 7 * 86400, "has_evidence": False, "submission_count": 0},
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "fraudulent",
        "status": "needs_response",
    }
    call.store.insert(created)
    call.emit("charge.dispute.created", created)
