"""PaymentMethods: cards by number, and the ids of Stripe's test cards and accounts."""

from datetime import UTC, datetime

from dev.fake_stripe import cards
from dev.fake_stripe.call import Call, now
from dev.fake_stripe.cards import Instrument
from dev.fake_stripe.errors import StripeError, invalid, missing
from dev.fake_stripe.form import Args
from dev.fake_stripe.shapes import Json
from dev.fake_stripe.store import new_id

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def _build(instrument: Instrument, month: int, year: int, billing: Json, metadata: dict[str, str]) -> Json:
    common: Json = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing,
        "created": now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": metadata,
    }
    if instrument.bank:
        return common | {
            "type": "us_bank_account",
            "us_bank_account": {
                "account_holder_type": "individual",
                "account_type": "checking",
                "bank_name": "STRIPE TEST BANK",
                "financial_connections_account": None,
                "fingerprint": instrument.fingerprint,
                "last4": instrument.number[-4:],
                "networks": {"preferred": "ach", "supported": ["ach"]},
                "routing_number": "110000000",
                "status_details": {},
            },
        }
    return common | {
        "type": "card",
        "card": {
            "brand": instrument.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"},
            "country": "US",
            "display_brand": instrument.brand,
            "exp_month": month,
            "exp_year": year,
            "fingerprint": instrument.fingerprint,
            "funding": "credit",
            "generated_from": None,
            "last4": instrument.number[-4:],
            "networks": {"available": [instrument.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
    }


def _billing(args: Args | None) -> Json:
    address = args.child("address") if args else None
    return {
        "address": {name: address.text(name, blank=True) if address else None for name in ADDRESS},
        **{name: args.text(name, blank=True) if args else None for name in ("email", "name", "phone")},
        "tax_id": None,
    }


def _card_error(code: str, message: str, param: str) -> StripeError:
    return StripeError(402, message, kind="card_error", code=code, param=param, kept=True)


def from_details(args: Args) -> Json:
    """A payment method from type, card[...], billing_details, metadata; not stored yet."""
    if args.required("type") != "card":
        raise invalid("This stand-in takes the details of cards alone.", "type")
    card = args.child("card")
    if card is None:
        raise missing("card")
    number = card.required("number").replace(" ", "")
    month = card.integer("exp_month", least=-99, most=9999)
    year = card.integer("exp_year", least=-99, most=9999)
    cvc = card.text("cvc")
    if month is None or year is None:
        raise missing("card[exp_month]" if month is None else "card[exp_year]")
    billing, metadata = _billing(args.child("billing_details")), args.metadata()
    args.finish()
    instrument = cards.by_number(number)
    if instrument is None:
        raise _card_error("incorrect_number", "Your card number is incorrect.", "number")
    if not 1 <= month <= 12:
        raise _card_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    year += 2000 if year < 100 else 0
    today = datetime.now(UTC)
    if (year, month) < (today.year, today.month):
        raise _card_error("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    if cvc is not None and not (cvc.isdecimal() and 3 <= len(cvc) <= 4):
        raise _card_error("invalid_cvc", "Your card's security code is invalid.", "cvc")
    return _build(instrument, month, year, billing, metadata)


def given(call: Call, args: Args) -> Json | None:
    """The payment method that `payment_method` or `payment_method_data` names, stored; None if neither is given."""
    method_id, details = args.text("payment_method"), args.child("payment_method_data")
    if method_id and details:
        raise invalid("Give payment_method or payment_method_data, not both.", "payment_method")
    if details is None and method_id is None:
        return None
    if details is not None:
        method = from_details(details)
    elif method_id in cards.BY_ID:
        # Stripe makes a new payment method of a test id, too.
        method = _build(cards.BY_ID[method_id], 12, datetime.now(UTC).year + 1, _billing(None), {})
    else:
        return call.find("payment_method", str(method_id), "payment_method")
    call.store.insert(method)
    return method


def create(call: Call, args: Args, _id: str) -> Json:
    method = from_details(args)
    call.store.insert(method)
    return method
