"""Small helps for writing Stripe's wide objects down."""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


def words(text: str) -> list[str]:
    return text.split()


def nulls(names: str) -> Json:
    """The fields that Stripe has and the stand-in leaves null."""
    return dict.fromkeys(words(names))
