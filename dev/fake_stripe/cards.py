"""Stripe's test cards and bank accounts (docs.stripe.com/testing, .../ach-direct-debit), and what each does."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from dev.fake_stripe.shapes import Json


@dataclass(frozen=True)
class Instrument:
    """A card, or a US bank account, and the outcome of a payment made with it."""

    number: str
    ids: tuple[str, ...] = ()
    bank: bool = False
    """A bank settles later, a card at once."""
    code: str | None = None
    """The error code of a decline; none means that the money comes."""
    decline_code: str | None = None
    message: str = "Your card was declined."
    three_d_secure: bool = False
    refund: Literal["succeeds", "pending", "fails"] = "succeeds"
    disputed: bool = False

    @property
    def fingerprint(self) -> str:
        """Names the number without showing it, so that a stored payment method leads back to this table."""
        return sha256(self.number.encode()).hexdigest()[:16]

    @property
    def brand(self) -> str:
        prefixes = {"4": "visa", "34": "amex", "37": "amex", "6": "discover"}
        found = next((brand for prefix, brand in prefixes.items() if self.number.startswith(prefix)), None)
        return found or ("mastercard" if self.number[0] in "25" else "unknown")


def _declined(number: str, decline_code: str, message: str, *ids: str, code: str = "card_declined") -> Instrument:
    return Instrument(number, tuple(f"pm_card_{name}" for name in ids), False, code, decline_code, message)


_DECLINED, _FUNDS = "Your card was declined.", "insufficient_funds"
_FUNDS_IDS = ("chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds")
_POOR = "The bank account has insufficient funds to complete the purchase."

INSTRUMENTS = (
    Instrument("4242424242424242", ("pm_card_visa",)),
    Instrument("5555555555554444", ("pm_card_mastercard",)),
    _declined("4000000000000002", "generic_decline", _DECLINED, "chargeDeclined", "visa_chargeDeclined"),
    _declined("4000000000009995", _FUNDS, "Your card has insufficient funds.", *_FUNDS_IDS),
    _declined("4000000000009987", "lost_card", _DECLINED, "visa_chargeDeclinedLostCard"),
    _declined("4000000000000069", "expired_card", "Your card has expired.", code="expired_card"),
    _declined("4000000000000127", "incorrect_cvc", "Your card's security code is incorrect.", code="incorrect_cvc"),
    Instrument("4000002760003184", ("pm_card_authenticationRequired",), three_d_secure=True),
    Instrument("4000002500003155", ("pm_card_authenticationRequiredOnSetup",), three_d_secure=True),
    Instrument("4000008400001629", three_d_secure=True, code="card_declined", decline_code="generic_decline"),
    Instrument("4000000000007726", ("pm_card_pendingRefund",), refund="pending"),
    Instrument("4000000000005126", ("pm_card_refundFail",), refund="fails"),
    Instrument("4000000000000259", ("pm_card_createDispute",), disputed=True),
    Instrument("000123456789", ("pm_usBankAccount_success",), bank=True),
    Instrument("000222222227", ("pm_usBankAccount_insufficientFunds",), True, _FUNDS, None, _POOR),
)

BY_ID = {method_id: instrument for instrument in INSTRUMENTS for method_id in instrument.ids}
_BY_NUMBER = {instrument.number: instrument for instrument in INSTRUMENTS}
_BY_FINGERPRINT = {instrument.fingerprint: instrument for instrument in INSTRUMENTS}


def by_number(number: str) -> Instrument | None:
    """A card by its number; None for a number that fails Luhn's check. Numbers not in the table succeed."""
    if not number.isdecimal() or not 13 <= len(number) <= 19:
        return None
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    if sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10:
        return None
    return _BY_NUMBER.get(number, Instrument(number))


def behind(method: Json) -> Instrument:
    """The instrument that a stored PaymentMethod was made from."""
    details = method[method["type"]]
    return _BY_FINGERPRINT.get(details["fingerprint"], Instrument("4242424242424242"))
