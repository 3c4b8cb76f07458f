"""What locking seats costs: against a plain insert, with history behind it, and with everybody at one showtime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.arena import CUSTOMERS, SEATS, SHOWTIMES, Arena, Run

# Each transaction takes the next free slot: three seats that nobody has asked for, at another showtime than the one
# before, by another customer. Both scripts do so, so the difference between them is what the rules cost. The claims are
# set in the same round trip, as the Data API does.
_SLOTS = SEATS // 3
_SLOT = f"""
select n, 1 + n % {SHOWTIMES} as showtime_id, 3 * (n / {SHOWTIMES} % {_SLOTS}) as seat_id,
       '00000000-0000-4000-8000-' || lpad(to_hex(1 + (n / {SHOWTIMES} + 7 * n) % {CUSTOMERS}), 12, '0') as user_id
from (select nextval('public.bench_slots') as n) s offset 0
"""

PLAIN = f"""
insert into public.bench_plain (showtime_id, seat_id, user_id, expires_at)
select showtime_id, seat_id + i, user_id::uuid, now() + interval '10 minutes'
from ({_SLOT}) slot, generate_series(1, 3) i;
"""

LOCK = f"""
select public.lock_seats(slot.showtime_id, array[seat_id + 1, seat_id + 2, seat_id + 3])
from ({_SLOT}) slot,
     lateral (select set_config('request.jwt.claims',
                                '{{"role":"authenticated","sub":"' || slot.user_id || '"}}', true) as claims offset 0) c
where c.claims <> '';
"""


@dataclass(frozen=True)
class Figure:
    """One line of the table. ratio is ours over what it is compared with, in the same run; rates are calls a second."""

    name: str
    ours: Run
    other: Run | None
    against: str

    @property
    def ratio(self) -> float | None:
        return self.ours.tps / self.other.tps if self.other else None


def alternate(
    arena: Arena, first: str, second: str, clients: int, seconds: int, *, rounds: int = 3, empty: bool = True
) -> tuple[Run, Run]:
    """Both scripts in turn, several times, so that a slow minute of the machine meets both; the median run of each."""
    runs: tuple[list[Run], list[Run]] = ([], [])
    for _ in range(rounds):
        for script, into in zip((first, second), runs, strict=True):
            if empty:
                arena.empty()
            into.append(arena.pgbench(script, clients, seconds))
    return _middle(runs[0]), _middle(runs[1])


def _middle(runs: list[Run]) -> Run:
    """The run with the median rate."""
    return sorted(runs, key=lambda run: run.tps)[len(runs) // 2]


def against_plain_insert(arena: Arena, seconds: int) -> Iterator[Figure]:
    """lock_seats of three seats against an insert of three rows with a primary key."""
    for clients in (1, 16):
        lock, plain = alternate(arena, LOCK, PLAIN, clients, seconds)
        yield Figure(f"lock_seats, 3 seats, {clients} clients", lock, plain, "plain insert of 3 rows")


def with_history(arena: Arena, seconds: int, ended: int = 2_000_000) -> Iterator[Figure]:
    """lock_seats with that many ended locks behind it, against itself without."""
    arena.empty()
    before = _median(arena, seconds)
    arena.empty()
    arena.execute(
        f"insert into public.seat_locks (showtime_id, seat_id, user_id, held)"
        f" select 1 + n % {SHOWTIMES}, 1 + n / {SHOWTIMES} % {SEATS},"
        f"  ('00000000-0000-4000-8000-' || lpad(to_hex(1 + n % {CUSTOMERS}), 12, '0'))::uuid,"
        f"  tstzrange(now() - interval '1 day' - n / {SHOWTIMES * SEATS} * interval '10 minutes',"
        f"            now() - interval '1 day' - n / {SHOWTIMES * SEATS} * interval '10 minutes'"
        f"            + interval '10 minutes')"
        f" from generate_series(0, {ended - 1}) n"
    )
    with arena.connect() as connection:
        while connection.execute(
            "select (public.release_expired_locks(100000) ->> 'locks_archived')::integer > 0"
        ).fetchone() == (True,):
            pass
        row = connection.execute(
            "select (select count(*) from private.seat_lock_history), (select count(*) from public.seat_locks)"
        ).fetchone()
        connection.execute("vacuum analyze public.seat_locks")
        connection.execute("vacuum analyze private.seat_lock_history")
    assert row == (ended, 0), row
    after = _median(arena, seconds, keep=True)
    yield Figure(f"lock_seats, 3 seats, 16 clients, {ended:,} ended locks", after, before, "the same without history")


def _median(arena: Arena, seconds: int, keep: bool = False) -> Run:
    """The median of three runs at 16 clients. keep: between runs, end the locks instead of truncating the table."""
    runs: list[Run] = []
    for _ in range(3):
        if keep:
            arena.execute(
                "delete from public.seat_locks",
                "vacuum public.seat_locks",
                "alter sequence public.bench_slots restart",
            )
        else:
            arena.empty()
        runs.append(arena.pgbench(LOCK, 16, seconds))
    return _middle(runs)
