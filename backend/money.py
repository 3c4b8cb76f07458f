"""Amounts for people. Everywhere else they are integers in minor units, as Stripe counts them."""

from __future__ import annotations

from typing import Final

# Stripe's lists (docs.stripe.com/currencies). ISK and UGX have no minor unit in daily life either, but Stripe counts
# them in hundredths.
_NO_DECIMALS: Final = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THREE_DECIMALS: Final = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))


def money(amount: int, currency: str) -> str:
    """Format an amount in minor units with its ISO code: EUR 1,234.50, JPY 4,500, KWD 12.345."""
    decimals = 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2
    whole, part = divmod(abs(amount), 10**decimals)
    sign = "-" if amount < 0 else ""
    return f"{currency} {sign}{whole:,}" + (f".{part:0{decimals}}" if decimals else "")
