"""Stripe's form encoding: a=1&b[c]=2&d[]=3&e[0]=4, and typed reading of what it gives."""

import re
from typing import TypeAlias, Union
from urllib.parse import parse_qsl

from dev.fake_stripe.errors import StripeError, invalid, missing

Params: TypeAlias = dict[str, Union[str, "Params"]]

KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def decode(encoded: str) -> Params:
    """Nested parameters as nested dictionaries; a list is a dictionary with the keys "0", "1", ..."""
    params: Params = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        match = KEY.fullmatch(name)
        if not match:
            raise invalid(f"Invalid parameter name: {name}")
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        place = params
        for part in path[:-1]:
            inner = place.setdefault(part or str(len(place)), {})
            if isinstance(inner, str):
                raise invalid(f"Invalid object: {name}", path[0])
            place = inner
        place[path[-1] or str(len(place))] = value
    return params


class Args:
    """Reads parameters by name and type, and knows which were never read: those are unknown to Stripe."""

    def __init__(self, params: Params, prefix: str = "") -> None:
        self._params = params
        self._prefix = prefix
        self._unread = set(params)
        self._children: list[Args] = []

    def _name(self, name: str) -> str:
        return f"{self._prefix}[{name}]" if self._prefix else name

    def has(self, name: str) -> bool:
        return name in self._params

    def _take(self, name: str) -> "str | Params | None":
        self._unread.discard(name)
        return self._params.get(name)

    def text(self, name: str, *, choices: tuple[str, ...] = (), blank: bool = False) -> str | None:
        """`blank` lets an empty string through, which is how Stripe unsets a value."""
        value = self._take(name)
        if value is None:
            return None
        shown = self._name(name)
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {shown} must be one value.", shown)
        if value == "" and not blank:
            raise invalid(f"'{shown}' cannot be empty and cannot be unset.", shown, "parameter_invalid_empty")
        if choices and value not in choices:
            raise invalid(f"Invalid {shown}: must be one of {', '.join(choices)}", shown)
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing(self._name(name))
        return value

    def integer(self, name: str, *, least: int = 1, most: int = 99_999_999) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        shown = self._name(name)
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid(f"Invalid integer: {value}", shown, "parameter_invalid_integer")
        if int(value) < least:
            raise invalid(f"This value must be greater than or equal to {least}.", shown, "parameter_invalid_integer")
        if int(value) > most:
            raise invalid(f"This value must be less than or equal to {most}.", shown, "parameter_invalid_integer")
        return int(value)

    def flag(self, name: str) -> bool | None:
        value = self.text(name, choices=("true", "false"))
        return None if value is None else value == "true"

    def child(self, name: str) -> "Args | None":
        value = self._take(name)
        if value is None:
            return None
        if isinstance(value, str):
            raise invalid(f"Invalid object: {self._name(name)}", self._name(name))
        inner = Args(value, self._name(name))
        self._children.append(inner)
        return inner

    def metadata(self) -> dict[str, str]:
        """The metadata; keys with an empty value are left out."""
        value = self._take("metadata") or {}
        if isinstance(value, str) or len(value) > 50:
            raise invalid("Metadata is an object of at most 50 keys.", "metadata")
        for key, item in value.items():
            if not isinstance(item, str) or len(key) > 40 or len(item) > 500:
                raise invalid("Metadata keys have at most 40 characters, values are at most 500.", "metadata")
        return {key: str(item) for key, item in value.items() if item}

    def finish(self) -> None:
        """Refuse what has not been read. Call it before any effect."""
        for name in sorted(self._unread):
            shown = self._name(name)
            raise StripeError(400, f"Received unknown parameter: {shown}", code="parameter_unknown", param=shown)
        for inner in self._children:
            inner.finish()
