"""How a figure changes with a size, drawn as SVG into docs/bench, where README.md says what bounds each."""

# matplotlib tells the types of half of what it has.
# pyright: basic

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure as Canvas

FOLDER = Path(__file__).resolve().parent.parent / "docs/bench"

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "frontrow",  # the same curve gives the same file
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.prop_cycle": cycler(color=["#b23a48", "#3d5a80", "#8d8741"]),
}


@dataclass(frozen=True)
class Curve:
    """Some series over one size. The name is the file's."""

    name: str
    title: str
    x: str
    y: str
    series: dict[str, list[tuple[float, float]]]

    def add(self, series: str, x: float, y: float) -> None:
        self.series.setdefault(series, []).append((x, y))

    def draw(self) -> Path:
        """Draw it, replacing the last one; return its path."""
        with mpl.rc_context(_STYLE):
            canvas = Canvas(figsize=(7, 3.6), layout="constrained")
            axes = canvas.subplots()
            for name, points in self.series.items():
                axes.plot(*zip(*points, strict=True), marker="o", label=name)
            sizes = sorted({x for points in self.series.values() for x, _ in points})
            axes.set(title=self.title, xlabel=self.x, ylabel=self.y, xscale="log", ylim=(0, None))
            axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
            axes.minorticks_off()
            axes.legend(frameon=False)
            FOLDER.mkdir(parents=True, exist_ok=True)
            path = FOLDER / f"{self.name}.svg"
            canvas.savefig(path, metadata={"Date": None})
        return path
