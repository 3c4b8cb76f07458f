"""Charges, made by intents, and the disputes that follow some of them."""

import time

from dev.fake_stripe.call import Call, now
from dev.fake_stripe.cards import Instrument
from dev.fake_stripe.errors import invalid
from dev.fake_stripe.form import Args
from dev.fake_stripe.shapes import Json, nulls, words
from dev.fake_stripe.store import new_id

_OF_CARDS_ALONE = words("display_brand generated_from networks three_d_secure_usage")
_OF_CHARGED_CARDS = "amount_authorized authorization_code installments mandate network_transaction_id three_d_secure"
_OF_CHARGED_ACCOUNTS = words("account_holder_type account_type bank_name fingerprint last4 routing_number")
_EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal"
    " customer_communication customer_email_address customer_name customer_purchase_ip customer_signature"
    " duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt"
    " refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation"
    " shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number"
    " uncategorized_file uncategorized_text"
)
_VERDICTS = {"winning_evidence": "dispute_won", "losing_evidence": "dispute_lost"}
"""The texts of evidence that decide a dispute in test mode, and the timers that do."""


def make(call: Call, intent: Json, method: Json, instrument: Instrument, status: str) -> Json:
    """Store a charge that is succeeded, pending or failed, and emit its event."""
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
            **nulls("advice_code network_advice_code network_decline_code"),
            "network_status": "declined_by_network" if failed else "approved_by_network",
            "reason": instrument.decline_code if failed else None,
            "risk_level": "normal",
            "seller_message": "The bank declined the payment." if failed else "Payment complete.",
            "type": "issuer_declined" if failed else "authorized",
        },
        "paid": not failed,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method),
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "status": status,
    }
    call.store.insert(charge)
    call.emit(f"charge.{status}", charge)
    return charge


def _details(method: Json) -> Json:
    """The part of a payment method that a charge keeps: for a card, the payment's fields replace those of the card."""
    kind: str = method["type"]
    details: Json = method[kind]
    if kind == "card":
        kept = {name: value for name, value in details.items() if name not in _OF_CARDS_ALONE}
        details = {**kept, **nulls(_OF_CHARGED_CARDS), "network": details["brand"]}
    else:
        details = {name: details[name] for name in _OF_CHARGED_ACCOUNTS} | nulls(
            "expected_debit_date payment_reference"
        )
    return {kind: details, "type": kind}


def settle(call: Call, charge: Json, instrument: Instrument) -> None:
    """A pending charge succeeds or fails."""
    if instrument.code:
        charge |= {"status": "failed", "paid": False, "captured": False}
        charge |= {"failure_code": instrument.code, "failure_message": instrument.message}
    else:
        charge |= {"status": "succeeded", "amount_captured": charge["amount"], "balance_transaction": new_id("txn")}
    call.store.put(charge)
    call.emit(f"charge.{charge['status']}", charge)


def dispute(call: Call, charge: Json) -> None:
    """Open a dispute over the charge."""
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
        "enhanced_eligibility_types": [],
        "evidence": {**nulls(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now() + 7 * 86400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "fraudulent",
        "status": "needs_response",
    }
    call.store.insert(created)
    call.emit("charge.dispute.created", created)


def update_dispute(call: Call, args: Args, dispute_id: str) -> Json:
    """Take evidence. Once submitted the bank looks at it; the two texts of test mode decide the dispute soon after."""
    dispute = call.find("dispute", dispute_id)
    before = dict(dispute)
    evidence, submit = args.child("evidence"), args.flag("submit") is not False
    texts = (
        {name: evidence.text(name, blank=True) or None for name in words(_EVIDENCE) if evidence.has(name)}
        if evidence
        else {}
    )
    args.finish()
    if texts:
        _check_open(dispute)
        details = before["evidence_details"]
        dispute["evidence"] = before["evidence"] | texts
        dispute["evidence_details"] = details | {"has_evidence": True}
        if submit:
            count = details["submission_count"] + 1
            dispute["evidence_details"] |= {"submission_count": count, "submission_method": "manual"}
            dispute["status"] = "under_review"
            verdict = _VERDICTS.get(str(dispute["evidence"]["uncategorized_text"]))
            if verdict:
                call.store.add_timer(time.time() + call.settings.settle_seconds, verdict, dispute_id)
    call.store.put(dispute)
    changed = {name: old for name, old in before.items() if dispute[name] != old}
    if changed:
        call.emit("charge.dispute.updated", dispute, changed)
    return dispute


def close_dispute(call: Call, args: Args, dispute_id: str) -> Json:
    """Accept the dispute as lost."""
    args.finish()
    dispute = call.find("dispute", dispute_id)
    _check_open(dispute)
    return decide_dispute(call, dispute_id, "lost")


def decide_dispute(call: Call, dispute_id: str, status: str) -> Json:
    """End a dispute as won or lost."""
    dispute = call.find("dispute", dispute_id)
    before = {"status": dispute["status"]}
    dispute["status"] = status
    call.store.put(dispute)
    call.emit("charge.dispute.closed", dispute, before)
    return dispute


def _check_open(dispute: Json) -> None:
    if dispute["status"] in ("won", "lost"):
        raise invalid("This dispute is already closed.", "dispute")
