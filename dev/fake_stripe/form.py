"""Stripe's form encoding: a=1&b[c]=2&d[]=3&e[0]=4, and typed reading of what it gives."""

import re
from typing import TypeAlias, Union
from urllib.parse import parse_qsl

from dev.fake_stripe.errors import StripeError, invalid, missing, not_covered
from dev.fake_stripe.shapes import words

Params: TypeAlias = dict[str, Union[str, "Params"]]

KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")

# Of the parameters Stripe knows, those somebody is likely to send here; the rest reads as unknown.
NOT_COVERED = words(
    "application_fee_amount capture_method confirmation_method confirmation_token customer error_on_requires_action"
    " mandate mandate_data off_session on_behalf_of payment_method_options payment_method_types setup_future_usage"
    " shipping statement_descriptor statement_descriptor_suffix transfer_data transfer_group instructions_email"
    " origin refund_application_fee reverse_transfer delivery_success"
)


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

    def is_nested(self, name: str) -> bool:
        return isinstance(self._params.get(name), dict)

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

    def strings(self, name: str) -> list[str]:
        value = self._take(name)
        if value is None:
            return []
        items = [value] if isinstance(value, str) else list(value.values())
        if not all(isinstance(item, str) for item in items):
            raise invalid(f"Invalid array: {self._name(name)}", self._name(name))
        return [str(item) for item in items]

    def child(self, name: str) -> "Args | None":
        value = self._take(name)
        if value is None:
            return None
        if isinstance(value, str):
            raise invalid(f"Invalid object: {self._name(name)}", self._name(name))
        inner = Args(value, self._name(name))
        self._children.append(inner)
        return inner

    def metadata(self, before: dict[str, str] | None = None) -> dict[str, str]:
        """The old metadata with the given keys set; an empty value removes its key, an empty `metadata` all."""
        value = self._take("metadata")
        kept = dict(before or {})
        if value is None or value == "":
            return {} if value == "" else kept
        if isinstance(value, str):
            raise invalid("Invalid object: metadata", "metadata")
        for key, item in value.items():
            if not isinstance(item, str) or len(key) > 40 or len(item) > 500:
                raise invalid("Metadata keys have at most 40 characters, values are at most 500.", "metadata")
            kept[key] = item
        kept = {key: item for key, item in kept.items() if item}
        if len(kept) > 50:
            raise invalid("Metadata has at most 50 keys.", "metadata")
        return kept

    def finish(self) -> None:
        """Call before any effect: refuses what nobody has read."""
        for name in sorted(self._unread):
            if not self._prefix and name in NOT_COVERED:
                raise not_covered(f"the parameter {name}", name)
            shown = self._name(name)
            raise StripeError(400, f"Received unknown parameter: {shown}", code="parameter_unknown", param=shown)
        for inner in self._children:
            inner.finish()
