"""`make bench`: measure, print a table, and draw curves. Every ratio is of two figures of this one run.

python -m bench [--seconds N] [--minutes N] [--only locks,history,map,crowd,api,listeners,bookings,held,page,surge]

What was measured goes into docs/bench as well: JSON lines in figures.jsonl, and the curves as SVG.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict

from bench import bookings, crowd, curves, data_api, listeners, locks, page, seat_map, surge
from bench.arena import Arena, arena
from bench.curves import Curve
from bench.figures import HEAD, Figure
from bench.premises import Premises, premises

_IN_SQL: dict[str, Callable[[Arena, int], Iterable[Figure | Curve]]] = {
    "locks": locks.against_plain_insert,
    "history": locks.with_history,
    "map": seat_map.against_bare_json,
}
_OVER_THE_WIRE: dict[str, Callable[[Premises, argparse.Namespace], Iterable[Figure | Curve]]] = {
    "api": lambda place, wish: data_api.round_trip(place, wish.seconds),
    "listeners": lambda place, _: listeners.commit_to_browser(place),
    "bookings": lambda place, wish: bookings.in_a_second(place, wish.seconds),
    "held": lambda place, wish: bookings.held(place, 60 * wish.minutes),
    "page": lambda place, _: page.against_bare_rectangles(place),
}
_PARTS = (*_IN_SQL, "crowd", *_OVER_THE_WIRE, "surge")


def main() -> int:
    """The command line. Exits 1 when seats were held twice, money was lost, or somebody met what nobody may meet."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="length of each run (default 8)")
    parser.add_argument("--minutes", type=float, default=5, help="how long 200 bookings a minute are held (default 5)")
    parser.add_argument("--only", default=",".join(_PARTS), help="which parts, comma-separated")
    wish = parser.parse_args()
    parts = set(wish.only.split(","))
    if unknown := parts - set(_PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is taken down
    print(HEAD)
    lines = [*_in_sql(parts, wish), *_over_the_wire(parts, wish)]
    print("\n" + "\n".join(lines))
    _keep(lines)
    return 1 if any('"wrong": [' in line and '"wrong": []' not in line for line in lines) else 0


def _in_sql(parts: set[str], wish: argparse.Namespace) -> Iterable[str]:
    """What needs a database alone, as JSON lines."""
    if not parts & {*_IN_SQL, "crowd"}:
        return
    with arena() as place:
        for part, measure in _IN_SQL.items():
            if part in parts:
                yield from _shown(measure(place, wish.seconds))
        if "crowd" in parts:
            fought = crowd.fight(place)
            print(fought.told(), flush=True)
            yield json.dumps({"name": "crowd", **asdict(fought), "wrong": [] if fought.is_clean else ["see answers"]})


def _over_the_wire(parts: set[str], wish: argparse.Namespace) -> Iterable[str]:
    """What needs all of Frontrow, as JSON lines."""
    if not parts & {*_OVER_THE_WIRE, "surge"}:
        return
    with ExitStack() as stack:
        place = stack.enter_context(premises(page="page" in parts))
        for part, measure in _OVER_THE_WIRE.items():
            if part in parts:
                yield from _shown(measure(place, wish))
        if "surge" in parts:
            wrong = surge.open_the_sale(place)
            print("\n".join(f"  wrong: {each}" for each in wrong) or "  nothing was wrong", flush=True)
            yield json.dumps({"name": "surge", "wrong": wrong})


def _shown(measured: Iterable[Figure | Curve]) -> Iterable[str]:
    """Print figures as they come, draw curves; figures as JSON lines."""
    for each in measured:
        if isinstance(each, Curve):
            each.draw()
        else:
            print(each.line(), flush=True)
            yield each.json()


def _keep(lines: list[str]) -> None:
    """Put the lines into the file, in the place of those that had the same names and baselines."""
    path = curves.FOLDER / "figures.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {_key(line): line for line in (path.read_text().splitlines() if path.exists() else [])}
    kept |= {_key(line): line for line in lines}
    path.write_text("".join(f"{line}\n" for line in kept.values()))


def _key(line: str) -> str:
    of = json.loads(line)
    # A line that compares nothing says how it went.
    return f"{of['name']} | {of.get('against', '') if of.get('other') else ''}"


if __name__ == "__main__":
    sys.exit(main())
