"""Figures, each beside the one that it is compared with, taken in the same run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from bench.curves import Curve


@dataclass(frozen=True)
class Run:
    """One measurement: calls a second where that was asked, latencies in milliseconds, failures."""

    rate: float | None
    p50: float
    p99: float
    worst: float
    done: int
    failed: int = 0


def run_of(latencies: Iterable[float], seconds: float | None = None, failed: int = 0) -> Run:
    """Summarize latencies in milliseconds; with `seconds`, the rate as well."""
    ordered = sorted(latencies)
    return Run(
        len(ordered) / seconds if seconds else None,
        ordered[len(ordered) // 2],
        ordered[len(ordered) * 99 // 100],
        ordered[-1],
        len(ordered),
        failed,
    )


def rate(run: Run) -> float:
    """Return the rate of a run that has one."""
    assert run.rate is not None
    return run.rate


def median(runs: list[Run]) -> Run:
    """Return the run with the median rate."""
    return sorted(runs, key=rate)[len(runs) // 2]


@dataclass(frozen=True)
class Figure:
    """One line of the table. `against` says what `other` is; `by` says what of the two the ratio compares."""

    name: str
    ours: Run
    other: Run | None
    against: str
    by: Literal["rate", "p50", "p99"] = "rate"

    @property
    def ratio(self) -> float | None:
        """Ours over the other's, so more is better for rates and less is better for times."""
        if self.other is None:
            return None
        return float(getattr(self.ours, self.by)) / float(getattr(self.other, self.by))

    def line(self) -> str:
        """Format it for the table."""
        ours, other = self.ours, self.other
        against = self.against
        if other is not None:
            figure = f"{other.rate:,.0f}/s" if self.by == "rate" else f"{getattr(other, self.by):.1f} ms {self.by}"
            against = f"of {figure}, {against}"
        return _ROW.format(
            self.name,
            "" if ours.rate is None else f"{ours.rate:,.0f}/s" if ours.rate >= 100 else f"{ours.rate:,.1f}/s",
            *(f"{each:,.1f} ms" for each in (ours.p50, ours.p99, ours.worst)),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            against,
        )

    def json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**_rounded(asdict(self)), "ratio": self.ratio and round(self.ratio, 3)}


_ROW = "{:<58} {:>9} {:>11} {:>11} {:>11}   {:>6}  {}"
HEAD = _ROW.format("what", "rate", "p50", "p99", "worst", "ratio", "of what")


@dataclass(frozen=True)
class Wrong:
    """List what must not happen on any machine: sold twice, lost, charged for nothing, not answered."""

    what: str


Outcome = Figure | Curve | Wrong | str
"""The items that a part of the bench yields; a string is a remark."""


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in cast(dict[str, Any], value).items()}
    return value
