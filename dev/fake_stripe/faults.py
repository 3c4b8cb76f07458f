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
from typing import Any

KINDS = {"api": ("500", "429", "timeout", "drop", "delay"), "webhooks": ("drop", "duplicate", "delay", "reorder")}
FIELDS = {"api": {"when": "before", "method": "", "path": ""}, "webhooks": {"type": ""}}
SECONDS = {"timeout": 30.0, "delay": 1.0, "reorder": 1.0}


class FaultError(Exception):
    """The configuration cannot be read."""


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


def _rule(where: str, given: Mapping[str, Any]) -> Rule:
    """Read a rule. Raises FaultError, and what int, float and re raise."""
    kind = str(given.get("kind"))
    unknown = given.keys() - {"kind", "next", "probability", "seconds", *FIELDS[where]}
    if kind not in KINDS[where] or unknown:
        raise FaultError(f"{where} does not know {', '.join(sorted(unknown)) or kind}.")
    match = {name: str(given.get(name, default)) for name, default in FIELDS[where].items()}
    if match.get("when", "after") not in ("before", "after") or (kind == "429" and match["when"] == "after"):
        raise FaultError("when is before or after; a 429 is always before.")
    re.compile(match.get("path", ""))
    left = None if "next" not in given and "probability" in given else int(given.get("next", 1))
    probability, seconds = float(given.get("probability", 1)), float(given.get("seconds", SECONDS.get(kind, 0)))
    if not 0 <= probability <= 1 or seconds < 0 or (left is not None and left < 0):
        raise FaultError("probability is 0 to 1, next and seconds are not negative.")
    return Rule(where, kind, left, probability, seconds, match)


class Faults:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.set({})

    def set(self, config: Mapping[str, Any]) -> None:
        """Replace the whole configuration and start the counts anew. Raises FaultError."""
        if unknown := set(config) - {"seed", *KINDS}:
            raise FaultError(f"faults do not know {', '.join(sorted(unknown))}.")
        try:
            self._rules = [_rule(where, rule) for where in KINDS for rule in config.get(where, [])]
        except (TypeError, ValueError, AttributeError, re.error) as error:
            raise FaultError(str(error)) from error
        self._random = random.Random(config.get("seed"))  # noqa: S311 - repeatable on purpose, guards nothing
        self.injected: Counter[str] = Counter()
        """Faults since then, by name."""

    def _strikes(self, rule: Rule) -> bool:
        if rule.left is None:
            strikes = self._random.random() < rule.probability
        else:
            strikes = rule.left > 0
            rule.left -= strikes
        if strikes:
            self.injected[f"{rule.where}.{rule.name}"] += 1
        return strikes

    def api(self, method: str, path: str) -> Rule | None:
        """The first rule that strikes this request."""
        for rule in self._rules:
            matches = rule.where == "api" and rule.match["method"].upper() in ("", method)
            if matches and re.search(rule.match["path"], path) and self._strikes(rule):
                return rule
        return None

    def webhook(self, event_type: str) -> list[float]:
        """Return when to deliver an event: seconds from now, once for each delivery; empty when it is dropped."""
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
