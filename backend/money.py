"""Amounts for people. Everywhere else they are integers in minor units, as Stripe counts them."""

from __future__ import annotations

from typing import Final

from backend.currencies import CURRENCIES

_DIGITS: Final = 2
"""Of a currency that Stripe has given up, in which somebody once paid: hundredths, unless it says otherwise."""


def money(amount: int, currency: str) -> str:
    """Format an amount in minor units with its ISO code: EUR 1,234.50, JPY 4,500, KWD 12.340."""
    behind = digits(currency)
    whole, part = divmod(abs(amount), 10**behind)
    sign = "-" if amount < 0 else ""
    return f"{currency} {sign}{whole:,}" + (f".{part:0{behind}}" if behind else "")


def digits(currency: str) -> int:
    """Return how many of an amount's last digits stand behind the point, as Stripe counts."""
    return CURRENCIES[currency].digits if currency in CURRENCIES else _DIGITS
