"""Who is here: the presences of one topic, in the shapes that clients merge."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any

Json = dict[str, Any]
Metas = dict[str, Any]
"""`{key: {"metas": [{"phx_ref": ..., ...}]}}`"""


@dataclass
class Presence:
    """The presences of a topic; each holder (a channel) has one at most, under a key that others may share."""

    _tracked: dict[Hashable, tuple[str, Json]] = field(default_factory=dict[Hashable, tuple[str, dict[str, Any]]])

    def __bool__(self) -> bool:
        return bool(self._tracked)

    def track(self, holder: Hashable, key: str, state: Json) -> Json | None:
        """Add or replace a presence; `{joins, leaves}` for the others, None when nothing changed."""
        reference = token_urlsafe(9)
        before = self._tracked.get(holder)
        if before is None:
            meta = {**state, "phx_ref": reference}
            leaves: Metas = {}
        else:
            old = before[1]
            if {**state, "phx_ref": old["phx_ref"]} == {k: v for k, v in old.items() if k != "phx_ref_prev"}:
                return None
            meta = {**state, "phx_ref": reference, "phx_ref_prev": old["phx_ref"]}
            leaves = {before[0]: {"metas": [old]}}
        self._tracked[holder] = (key, meta)
        return {"joins": {key: {"metas": [meta]}}, "leaves": leaves}

    def untrack(self, holder: Hashable) -> Json | None:
        """Remove a presence; `{joins, leaves}` for the others, None when there was none."""
        before = self._tracked.pop(holder, None)
        if before is None:
            return None
        return {"joins": {}, "leaves": {before[0]: {"metas": [before[1]]}}}

    def state(self) -> Metas:
        """Everybody who is here."""
        everybody: dict[str, dict[str, list[Json]]] = {}
        for key, meta in self._tracked.values():
            everybody.setdefault(key, {"metas": []})["metas"].append(meta)
        return everybody
