"""`make bench`: measure, print a table, and draw curves. Every ratio is of two figures of this one run.

python -m bench [--seconds N] [--minutes N] [--only locks,history,map,crowd,api,listeners,bookings,held,page,surge]

What was measured goes into docs/bench as well, part by part: JSON lines in figures.jsonl, and the curves as SVG. A part
that fails is told of and left behind; the others go on. The status is 1 then, and when anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from bench import bookings, curves, data_api, listeners, load, locks, page, seat_map, surge
from bench.curves import Curve
from bench.dataset import Dataset, dataset
from bench.figures import HEAD, Figure, Outcome, Wrong
from bench.stack import BenchStack, stack

_IN_SQL: dict[str, Callable[[Dataset, int], Iterable[Outcome]]] = {
    "locks": locks.against_plain_insert,
    "history": locks.with_history,
    "map": seat_map.against_bare_json,
    "crowd": lambda place, _: load.fight(place),
}
_OVER_THE_WIRE: dict[str, Callable[[BenchStack, argparse.Namespace], Iterable[Outcome]]] = {
    "api": lambda place, wish: data_api.round_trip(place, wish.seconds),
    "listeners": lambda place, _: listeners.commit_to_browser(place),
    "bookings": lambda place, wish: bookings.in_a_second(place, wish.seconds),
    "held": lambda place, wish: bookings.held(place, 60 * wish.minutes),
    "page": lambda place, _: page.against_bare_rectangles(place),
    "surge": lambda place, _: surge.open_the_sale(place),
}
_PARTS = (*_IN_SQL, *_OVER_THE_WIRE)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="length of each run (default 8)")
    parser.add_argument("--minutes", type=float, default=5, help="how long 200 bookings a minute are held (default 5)")
    parser.add_argument("--only", default=",".join(_PARTS), help="which parts, comma-separated")
    wish = parser.parse_args()
    parts = wish.only.split(",")
    if unknown := set(parts) - set(_PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, _end)
    print(HEAD)
    well = True
    with ExitStack() as running:
        if in_sql := [part for part in _IN_SQL if part in parts]:
            with dataset() as place:
                for part in in_sql:
                    well &= _part(part, lambda part=part: _IN_SQL[part](place, wish.seconds))
        if over_the_wire := [part for part in _OVER_THE_WIRE if part in parts]:
            whole = running.enter_context(stack(page="page" in parts))
            for part in over_the_wire:
                well &= _part(part, lambda part=part: _OVER_THE_WIRE[part](whole, wish))
    return 0 if well else 1


def _end(*_: object) -> None:
    """Take everything down: an exit runs what `with` leaves to be done."""
    sys.exit(143)


def _part(name: str, measure: Callable[[], Iterable[Outcome]]) -> bool:
    """Measure, show and keep one part; whether nothing was wrong."""
    lines: list[dict[str, Any]] = []
    wrong: list[str] = []
    try:
        for each in measure():
            match each:
                case Figure():
                    print(each.line(), flush=True)
                    lines.append({"part": name, **each.json()})
                case Curve():
                    each.draw()
                case Wrong():
                    print(f"  wrong: {each.what}", flush=True)
                    wrong.append(each.what)
                case str():
                    print(f"  {each}", flush=True)
    except Exception as error:
        traceback.print_exc()
        wrong.append(f"{type(error).__name__}: {error}")
    _keep(name, [*lines, {"part": name, "wrong": wrong}])
    return not wrong


def _keep(part: str, lines: list[dict[str, Any]]) -> None:
    """Put the lines into the file in place of those that the part had there."""
    path = curves.FOLDER / "figures.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = [json.loads(line) for line in (path.read_text().splitlines() if path.exists() else [])]
    kept = [line for line in before if line.get("part") in set(_PARTS) - {part}]
    kept += [{**line, **_circumstances()} for line in lines]
    kept.sort(key=lambda line: _PARTS.index(line["part"]))
    path.write_text("".join(f"{json.dumps(line)}\n" for line in kept))


def _circumstances() -> dict[str, Any]:
    """When, of which commit, and on how many processors."""
    commit = ("/usr/bin/env", "git", "rev-parse", "--short", "HEAD")
    return {
        "on": datetime.now(UTC).date().isoformat(),
        "commit": subprocess.run(commit, capture_output=True, text=True, check=False).stdout.strip() or None,
        "processors": os.cpu_count(),
    }


if __name__ == "__main__":
    sys.exit(main())
