"""Refunds. Most succeed at once; two test cards make them pending, or fail after they have succeeded."""

import time

from dev.fake_stripe import cards
from dev.fake_stripe.call import Call, now
from dev.fake_stripe.errors import StripeError, invalid
from dev.fake_stripe.form import Args
from dev.fake_stripe.shapes import Json
from dev.fake_stripe.store import new_id

REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def _charge(call: Call, args: Args) -> Json:
    intent_id, charge_id = args.text("payment_intent"), args.text("charge")
    if intent_id:
        intent = call.find("payment_intent", intent_id, "payment_intent")
        if charge_id not in (None, intent["latest_charge"]):
            raise invalid("The charge is not of that PaymentIntent.", "charge")
        charge_id = intent["latest_charge"]
    if charge_id is None and intent_id is None:
        raise invalid("One of payment_intent and charge is required.", "payment_intent", "parameter_missing")
    charge = call.find("charge", charge_id, "charge") if charge_id else None
    if charge is None or charge["status"] != "succeeded":
        raise StripeError(400, f"{intent_id or charge_id} has no successful charge to refund.", kept=True)
    return charge


def create(call: Call, args: Args, _id: str) -> Json:
    amount = args.integer("amount", most=2**31 - 1)
    currency = args.text("currency")
    reason, metadata = args.text("reason", choices=REASONS), args.metadata()
    charge = _charge(call, args)
    args.finish()
    if currency not in (None, charge["currency"]):
        raise invalid(f"The charge is in {charge['currency']}.", "currency")
    if any(dispute["status"] != "won" for dispute in call.store.find("dispute", equal={"charge": charge["id"]})):
        raise StripeError(400, f"Charge {charge['id']} has been charged back.", code="charge_disputed", kept=True)
    rest = charge["amount"] - charge["amount_refunded"]
    if rest == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeError(400, message, code="charge_already_refunded", kept=True)
    amount = rest if amount is None else amount
    if amount > rest:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest}), in minor units."
        raise StripeError(400, message, param="amount", kept=True)

    outcome = cards.behind(call.find("payment_method", charge["payment_method"])).refund
    refund: Json = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": new_id("txn"),
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "customer": None,
        "customer_account": None,
        "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if outcome == "pending" else "succeeded",
        "transfer_reversal": None,
    }
    call.store.insert(refund)
    call.emit("refund.created", refund)
    _count(call, charge, amount)
    if outcome != "succeeds":
        call.store.add_timer(time.time() + call.settings.settle_seconds, f"refund_{outcome}", refund["id"])
    return refund


def _count(call: Call, charge: Json, amount: int) -> None:
    before = {name: charge[name] for name in ("amount_refunded", "refunded")}
    total = charge["amount_refunded"] + amount
    charge |= {"amount_refunded": total, "refunded": total == charge["amount"]}
    call.store.put(charge)
    if amount > 0:
        call.emit("charge.refunded", charge, {name: old for name, old in before.items() if old != charge[name]})


def settle(call: Call, refund_id: str, fails: bool) -> None:
    refund = call.find("refund", refund_id)
    before = {"status": refund["status"]}
    if not fails:
        refund["status"] = "succeeded"
        call.store.put(refund)
        call.emit("refund.updated", refund, before)
        return
    refund |= {"status": "failed", "failure_reason": "unknown", "failure_balance_transaction": new_id("txn")}
    call.store.put(refund)
    _count(call, call.find("charge", refund["charge"]), -refund["amount"])
    call.emit("refund.updated", refund, before)
    call.emit("refund.failed", refund)
