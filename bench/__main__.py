"""`make bench`: measure, print a table, and the same as JSON lines. Every ratio is of two figures of this one run.

python -m bench [--seconds N] [--only locks,history,crowd,map]
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict

from bench import crowd, locks, seat_map
from bench.arena import arena
from bench.locks import Figure

_ROW = "{:<52} {:>9} {:>8} {:>8}   {:>6}  {}"


def _print(figure: Figure) -> None:
    ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
    against = f"of {figure.other.tps:,.0f}/s, {figure.against}" if figure.other else figure.against
    print(
        _ROW.format(
            figure.name,
            f"{figure.ours.tps:,.0f}/s",
            f"{figure.ours.p50:.1f} ms",
            f"{figure.ours.p99:.1f} ms",
            ratio,
            against,
        ),
        flush=True,
    )


def main() -> int:
    """The command line. Exits 1 when the crowd met a double hold, a deadlock, or an error but seat_taken."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="length of each run (default 8)")
    parser.add_argument("--only", default="locks,history,crowd,map", help="which parts, comma-separated")
    arguments = parser.parse_args()
    parts = set(arguments.only.split(","))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the arena is taken down
    figures: list[Figure] = []
    fought: crowd.Crowd | None = None
    with arena() as place:
        print(_ROW.format("what", "rate", "p50", "p99", "ratio", "of what"))
        measures = [
            (locks.against_plain_insert, "locks"),
            (locks.with_history, "history"),
            (seat_map.against_bare_json, "map"),
        ]
        for measure, part in measures:
            if part in parts:
                for figure in measure(place, arguments.seconds):
                    figures.append(figure)
                    _print(figure)
        if "crowd" in parts:
            fought = crowd.fight(place)
            print(
                f"{fought.clients} clients at one showtime of 300 seats for {fought.seconds} s: {fought.calls:,} calls,"
                f" {fought.calls_per_second:,.0f}/s, p50 {fought.p50} ms, p99 {fought.p99} ms\n"
                f"  answers {fought.answers}; seats held twice {fought.double_locks}; deadlocks {fought.deadlocks}"
            )
    print()
    for figure in figures:
        print(json.dumps({**asdict(figure), "ratio": figure.ratio and round(figure.ratio, 3)}))
    if fought is not None:
        print(json.dumps({"name": "crowd", **asdict(fought)}))
    return 0 if fought is None or fought.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
