"""Faults on demand, for tests and chaos runs: set by POST /_fake/faults, forgotten when the process ends.

    {"seed": 7,
     "api": [{"kind": "drop", "when": "after", "next": 1, "method": "POST", "path": "^/v1/payment_intents"}],
     "webhooks": [{"kind": "duplicate", "probability": 0.2, "type": "payment_intent.succeeded"}]}

A rule strikes the `next` N times it matches, or each time with `probability` (0 to 1). api: kind 500, 429, timeout,
drop or delay; `when` before (nothing happened) or after (it happened, the answer is lost); timeout holds the
connection for `seconds` and then drops it. webhooks: kind drop, duplicate, delay (by `seconds`) or reorder (by a random
time up to `seconds`, so that later events overtake).
"""

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from dev.fake_stripe.shapes import Json

KINDS = {"api": ("500", "429", "timeout", "drop", "delay"), "webhooks": ("drop", "duplicate", "delay", "reorder")}
FIELDS = {"api": {"when": "before", "method": "", "path": ""}, "webhooks": {"type": ""}}
SECONDS = {"timeout": 30.0, "delay": 1.0, "reorder": 1.0}


class FaultError(Exception):
    """The wished faults cannot be read."""


@dataclass
class Rule:
    where: str
    kind: str
    left: int | None
    probability: float
    seconds: float
    match: dict[str, str]

    @property
    def after(self) -> bool:
        return self.match.get("when") == "after"

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.match['when']}" if self.where == "api" else self.kind

    def shown(self) -> Json:
        strikes: Json = {"probability": self.probability} if self.left is None else {"next": self.left}
        return {"kind": self.kind, **strikes, "seconds": self.seconds, **self.match}


def _rule(where: str, wish: object) -> Rule:
    if not isinstance(wish, dict):
        raise FaultError(f"{where} takes a list of objects.")
    given = cast("dict[str, Any]", wish)
    kind = str(given.get("kind"))
    if kind not in KINDS[where]:
        raise FaultError(f"kind of {where} is one of {', '.join(KINDS[where])}.")
    unknown = set(given) - {"kind", "next", "probability", "seconds", *FIELDS[where]}
    if unknown:
        raise FaultError(f"{where} does not know {', '.join(sorted(unknown))}.")
    match = {name: str(given.get(name, default)) for name, default in FIELDS[where].items()}
    if match.get("when", "after") not in ("before", "after") or (kind == "429" and match["when"] == "after"):
        raise FaultError("when is before or after; a 429 is always before.")
    try:
        re.compile(match.get("path", ""))
        left = None if "next" not in given and "probability" in given else int(given.get("next", 1))
        probability = float(given.get("probability", 1))
        seconds = float(given.get("seconds", SECONDS.get(kind, 0)))
    except (TypeError, ValueError, re.error) as error:
        raise FaultError(f"{where}: {error}") from error
    if not 0 <= probability <= 1 or seconds < 0 or (left is not None and left < 0):
        raise FaultError("probability is 0 to 1, next and seconds are not negative.")
    return Rule(where, kind, left, probability, seconds, match)


class Faults:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.set({})

    def set(self, wish: Mapping[str, Any]) -> None:
        """Replaces the whole configuration and starts the counts anew."""
        if unknown := set(wish) - {"seed", "api", "webhooks"}:
            raise FaultError(f"faults do not know {', '.join(sorted(unknown))}.")
        rules: list[Rule] = []
        for where in KINDS:
            wishes = wish.get(where, [])
            if not isinstance(wishes, list):
                raise FaultError(f"{where} takes a list of objects.")
            rules += [_rule(where, item) for item in cast("list[object]", wishes)]
        self._rules = rules
        self._seed = wish.get("seed")
        self._random = random.Random(self._seed)  # noqa: S311 - chaos that can be repeated, not cryptography
        self._injected: Counter[str] = Counter()

    def shown(self) -> Json:
        shown: Json = {where: [rule.shown() for rule in self._rules if rule.where == where] for where in KINDS}
        return {"seed": self._seed, **shown, "injected": dict(self._injected)}

    def _strikes(self, rule: Rule) -> bool:
        if rule.left is None:
            strikes = self._random.random() < rule.probability
        else:
            strikes = rule.left > 0
            rule.left -= strikes
        if strikes:
            self._injected[f"{rule.where}.{rule.name}"] += 1
        return strikes

    def api(self, method: str, path: str) -> Rule | None:
        """The first rule that strikes this request."""
        for rule in self._rules:
            matches = rule.where == "api" and rule.match["method"].upper() in ("", method)
            if matches and re.search(rule.match["path"], path) and self._strikes(rule):
                return rule
        return None

    def webhook(self, event_type: str) -> list[float]:
        """When to deliver an event: seconds from now, once for each delivery; empty when it is dropped."""
        delays = [0.0]
        for rule in self._rules:
            if rule.where != "webhooks" or rule.match["type"] not in ("", event_type) or not self._strikes(rule):
                continue
            if rule.kind == "drop":
                return []
            if rule.kind == "duplicate":
                delays = delays * 2
            else:
                late = rule.seconds * (self._random.random() if rule.kind == "reorder" else 1)
                delays = [delay + late for delay in delays]
        return delays
