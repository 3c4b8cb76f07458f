"""`make bench`: measure, print a table, and draw curves. Every ratio is of two figures of this one run.

python -m bench [--seconds N] [--minutes N] [--only PART,PART], of the parts locks, history, map, program, crowd, api,
tokens, listeners, bookings, held, page and surge.

What was measured goes into docs/bench as well, part by part: JSON lines in figures.jsonl, and the curves as SVG. A part
that fails is reported and skipped; the others go on. The status is 1 then, and when anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, TypeVar

from bench import bookings, curves, data_api, listeners, load, locks, page, program, seat_map, surge, tokens
from bench.curves import Curve
from bench.dataset import Dataset, dataset
from bench.figures import HEAD, Figure, Outcome, Wrong
from bench.stack import BenchStack, stack

T = TypeVar("T")

_IN_SQL: dict[str, Callable[[Dataset, argparse.Namespace], Iterable[Outcome]]] = {
    "locks": lambda dataset, options: locks.against_plain_insert(dataset, options.seconds),
    "history": lambda dataset, options: locks.with_history(dataset, options.seconds),
    "map": lambda dataset, options: seat_map.against_bare_json(dataset, options.seconds),
    "program": lambda dataset, options: program.against_a_bare_join(dataset, options.seconds),
    "crowd": lambda dataset, _: load.compete(dataset),
}
_OVER_THE_WIRE: dict[str, Callable[[BenchStack, argparse.Namespace], Iterable[Outcome]]] = {
    "api": lambda bench, options: data_api.round_trip(bench, options.seconds),
    "tokens": lambda bench, options: tokens.by_signature(bench, options.seconds),
    "listeners": lambda bench, _: listeners.commit_to_browser(bench),
    "bookings": lambda bench, options: bookings.in_a_second(bench, options.seconds),
    "held": lambda bench, options: bookings.held(bench, 60 * options.minutes),
    "page": lambda bench, _: page.against_bare_rectangles(bench),
    "surge": lambda bench, _: surge.open_the_sale(bench),
}
_PARTS = (*_IN_SQL, *_OVER_THE_WIRE)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="length of each run (default 8)")
    parser.add_argument("--minutes", type=float, default=5, help="how long 200 bookings a minute are held (default 5)")
    parser.add_argument("--only", default=",".join(_PARTS), help="which parts, comma-separated")
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := set(parts) - set(_PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, _end)
    print(HEAD)
    good = _measure(_IN_SQL, dataset, parts, options)
    good &= _measure(_OVER_THE_WIRE, lambda: stack(page="page" in parts), parts, options)
    return 0 if good else 1


def _measure(
    measures: Mapping[str, Callable[[T, argparse.Namespace], Iterable[Outcome]]],
    fixture: Callable[[], AbstractContextManager[T]],
    parts: Collection[str],
    options: argparse.Namespace,
) -> bool:
    """Measure the chosen parts on what the fixture sets up for all of them; false when anything was wrong."""
    chosen = [part for part in measures if part in parts]
    if not chosen:
        return True
    with fixture() as subject:
        good = True
        for part in chosen:
            good &= _part(part, lambda part=part: measures[part](subject, options))
        return good


def _end(*_: object) -> None:
    """Exit instead of dying, so that every `with` block takes down what it started."""
    sys.exit(143)


def _part(name: str, measure: Callable[[], Iterable[Outcome]]) -> bool:
    """Measure, show and keep one part; false when something was wrong."""
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
