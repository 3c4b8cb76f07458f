"""PaymentIntents: requires_payment_method -> requires_action or processing -> succeeded, or canceled. A
declined one goes back to requires_payment_method."""

import re
import secrets
import time

from backend.currencies import CURRENCIES
from dev.fake_stripe import cards, charges, methods
from dev.fake_stripe.call import Call, now
from dev.fake_stripe.cards import Instrument
from dev.fake_stripe.errors import StripeError, details, invalid, missing
from dev.fake_stripe.form import Args
from dev.fake_stripe.shapes import Json, nulls
from dev.fake_stripe.store import new_id

OPEN = ("requires_payment_method", "requires_action")
REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")


def _check_amount(amount: int, currency: str) -> None:
    if not re.fullmatch(r"[a-z]{3}", currency):
        raise invalid(f"Invalid currency: {currency} is not three lowercase letters.", "currency")
    limits = CURRENCIES.get(currency.upper())
    if limits is None:
        raise invalid(f"Invalid currency: {currency}.", "currency")
    if amount < limits.minimum:
        raise invalid(f"Amount must be at least {limits.minimum} in {currency}.", "amount", "amount_too_small")
    if amount > limits.maximum:
        raise invalid(f"Amount must be no more than {limits.maximum} in {currency}.", "amount", "amount_too_large")
    if amount % limits.step:
        raise invalid(f"Amount must be a multiple of {limits.step} in {currency}.", "amount")


def _unexpected_state(call: Call, intent: Json, what: str) -> StripeError:
    return StripeError(
        400,
        f"This PaymentIntent cannot be {what} because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        kept=True,
        extra={"payment_intent": call.view(intent)},
    )


def _return_url(args: Args) -> str | None:
    url = args.text("return_url")
    if url is not None and not re.match(r"[a-z][a-z0-9+.-]*://.", url):
        raise invalid(f"Not a valid URL: {url}", "return_url", "url_invalid")
    return url


def _load(call: Call, args: Args, intent_id: str) -> Json:
    """The intent, if the caller may touch it: with the secret key, or with the intent's own client_secret."""
    secret = args.text("client_secret")
    intent = call.find("payment_intent", intent_id, "intent")
    if call.publishable and secret is None:
        raise missing("client_secret")
    if secret is not None and not secrets.compare_digest(secret.encode(), intent["client_secret"].encode()):
        raise invalid(
            "The client_secret does not belong to this PaymentIntent.",
            "client_secret",
            "payment_intent_invalid_parameter",
        )
    return intent


def create(call: Call, args: Args, _id: str) -> Json:
    amount, currency = args.integer("amount", most=2**31 - 1), args.required("currency")
    if amount is None:
        raise missing("amount")
    _check_amount(amount, currency)
    automatic = args.child("automatic_payment_methods")
    enabled = automatic.flag("enabled") if automatic else True
    redirects = automatic.text("allow_redirects", choices=("always", "never")) if automatic else None
    intent_id = new_id("pi")
    intent: Json = {
        "id": intent_id,
        "object": "payment_intent",
        **nulls(
            "application application_fee_amount canceled_at cancellation_reason customer customer_account"
            " excluded_payment_method_types last_payment_error latest_charge next_action on_behalf_of payment_method"
            " payment_method_configuration_details processing review setup_future_usage shipping source"
            " statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
        ),
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "automatic_payment_methods": {"allow_redirects": redirects or "always", "enabled": True} if enabled else None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_{new_id('secret')}",
        "confirmation_method": "automatic",
        "created": now(),
        "currency": currency,
        "description": args.text("description"),
        "livemode": False,
        "metadata": args.metadata(),
        "payment_method_options": {},
        "payment_method_types": ["card", "us_bank_account"] if enabled else ["card"],
        "receipt_email": args.text("receipt_email"),
        "status": "requires_payment_method",
    }
    args.finish()
    call.store.insert(intent)
    call.emit("payment_intent.created", intent)
    return intent


def retrieve(call: Call, args: Args, intent_id: str) -> Json:
    intent = _load(call, args, intent_id)
    args.finish()
    return call.view(intent)


def confirm(call: Call, args: Args, intent_id: str) -> Json:
    intent = _load(call, args, intent_id)
    return_url = _return_url(args)
    if intent["status"] not in OPEN:
        raise _unexpected_state(call, intent, "confirmed")
    method = methods.given(call, args)
    args.finish()
    if method is None:
        raise _unexpected_state(call, intent, "confirmed without a payment method")
    _attempt(call, intent, method, return_url)
    return call.view(intent)


def _attempt(call: Call, intent: Json, method: Json, return_url: str | None) -> None:
    """Try to take the money. Raises 402 when it is declined at once."""
    instrument = cards.behind(method)
    intent |= {"payment_method": method["id"], "next_action": None, "last_payment_error": None}
    if instrument.three_d_secure:
        if return_url is None:
            raise missing("return_url")
        url = f"{call.base_url}/_fake/3ds/{intent['id']}/{secrets.token_hex(12)}"
        action = {"redirect_to_url": {"return_url": return_url, "url": url}, "type": "redirect_to_url"}
        intent |= {"status": "requires_action", "next_action": action}
        call.store.put(intent)
        call.emit("payment_intent.requires_action", intent)
    elif instrument.bank:
        charge = charges.make(call, intent, method, instrument, "pending")
        intent |= {"status": "processing", "latest_charge": charge["id"]}
        call.store.put(intent)
        call.emit("payment_intent.processing", intent)
        call.store.add_timer(time.time() + call.settings.settle_seconds, "settle_intent", intent["id"])
    else:
        error = _charge(call, intent, method, instrument)
        if error:
            extra = {name: value for name, value in error.items() if name not in ("type", "message")}
            extra["payment_intent"] = call.view(intent)
            raise StripeError(402, error["message"], kind=error["type"], kept=True, extra=extra)


def _charge(call: Call, intent: Json, method: Json, instrument: Instrument) -> Json | None:
    """Take the money, or return the error."""
    charge = charges.make(call, intent, method, instrument, "failed" if instrument.code else "succeeded")
    intent["latest_charge"] = charge["id"]
    if instrument.code:
        return _fail(call, intent, method, _declined(charge, method, instrument))
    _succeed(call, intent)
    if instrument.disputed:
        charges.dispute(call, charge)
    return None


def _declined(charge: Json, method: Json, instrument: Instrument) -> Json:
    error = details("card_error", instrument.message, code=instrument.code)
    error |= {"charge": charge["id"], "payment_method": method}
    return error | ({"decline_code": instrument.decline_code} if instrument.decline_code else {})


def _fail(call: Call, intent: Json, method: Json, error: Json) -> Json:
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent["last_payment_error"] = error | {"payment_method": method}
    call.store.put(intent)
    call.emit("payment_intent.payment_failed", intent)
    return error


def _succeed(call: Call, intent: Json) -> None:
    intent |= {"status": "succeeded", "amount_received": intent["amount"], "next_action": None}
    call.store.put(intent)
    call.emit("payment_intent.succeeded", intent)


def authenticate(call: Call, intent: Json, passed: bool) -> None:
    """Go on after the 3-D Secure page was answered."""
    method = call.find("payment_method", intent["payment_method"])
    if passed:
        _charge(call, intent, method, cards.behind(method))
        return
    message = "The payment method has failed authentication. Try again, or use another one."
    code = "payment_intent_authentication_failure"
    _fail(call, intent, method, details("invalid_request_error", message, code=code))


def settle(call: Call, intent_id: str) -> None:
    """Go on after the bank settled."""
    intent = call.find("payment_intent", intent_id)
    if intent["status"] != "processing":
        return
    method = call.find("payment_method", intent["payment_method"])
    instrument = cards.behind(method)
    charge = call.find("charge", intent["latest_charge"])
    charges.settle(call, charge, instrument)
    if instrument.code:
        _fail(call, intent, method, _declined(charge, method, instrument))
    else:
        _succeed(call, intent)


def cancel(call: Call, args: Args, intent_id: str) -> Json:
    intent = call.find("payment_intent", intent_id, "intent")
    reason = args.text("cancellation_reason", choices=REASONS)
    args.finish()
    if intent["status"] not in OPEN:
        raise _unexpected_state(call, intent, "canceled")
    intent |= {"status": "canceled", "canceled_at": now(), "cancellation_reason": reason, "next_action": None}
    call.store.put(intent)
    call.emit("payment_intent.canceled", intent)
    return intent
