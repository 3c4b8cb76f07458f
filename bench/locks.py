"""The cost of locking seats: against a plain insert, with history behind it, and with all customers at one showtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.curves import Curve
from bench.dataset import CUSTOMERS, SEATS, SHOWTIMES, Dataset
from bench.figures import Figure, Run, median, rate

_ROUNDS = 3

# Each transaction takes the next free slot: three seats not asked for before, at another showtime than the last, by
# another customer. All scripts do so, so the difference between them is what they are named for. The claims
# are set in the same round trip, as the Data API does.
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

# What is no rule: the constraint that keeps two from holding one seat, and the message that announces the lock.
# (A colon in a literal is pgbench's sign for a variable.)
BARE = f"""
with inserted as (
  insert into public.seat_locks (showtime_id, id, seat_id, user_id, held)
  select showtime_id, extract(epoch from now()) * 1000000, seat_id + i, user_id::uuid,
         tstzrange(now(), now() + interval '10 minutes')
  from ({_SLOT}) slot, generate_series(1, 3) i
  on conflict on constraint one_holder_at_a_time do nothing
  returning showtime_id, seat_id, id
)
select realtime.send(
  jsonb_build_object('seat_ids', array_agg(seat_id), 'lock_ids', array_agg(id), 'expires_at', now()),
  'seat' || chr(58) || 'lock', 'showtime' || chr(58) || min(showtime_id), true)
from inserted;
"""

LOCK = f"""
select public.lock_seats(slot.showtime_id, array[seat_id + 1, seat_id + 2, seat_id + 3])
from ({_SLOT}) slot,
     lateral (select set_config('request.jwt.claims',
                                '{{"role":"authenticated","sub":"' || slot.user_id || '"}}', true) as claims offset 0) c
where c.claims <> '';
"""


def alternate(
    dataset: Dataset, scripts: Sequence[str], clients: int, seconds: int, *, empty: bool = True, rounds: int = _ROUNDS
) -> list[Run]:
    """Run the scripts in turn, several times, so that a slow minute affects all; return the median run of each."""
    runs: list[list[Run]] = [[] for _ in scripts]
    for _ in range(rounds):
        for script, into in zip(scripts, runs, strict=True):
            if empty:
                dataset.empty()
            into.append(dataset.pgbench(script, clients, seconds))
    return [median(each) for each in runs]


_CLIENTS = (1, 2, 4, 8, 16, 32, 64)
_ASKED = (1, 16)
"""The numbers of clients that have a line of the table; the others are for the curve."""


def against_plain_insert(dataset: Dataset, seconds: int) -> Iterator[Figure | Curve]:
    """Measure lock_seats of three seats against an insert of three rows, and against its parts that are no rules."""
    curve = Curve("clients", "Locking three seats", "clients", "calls a second", {})
    for clients in _CLIENTS:
        rounds = _ROUNDS if clients in _ASKED else 1
        lock, bare, plain = alternate(dataset, (LOCK, BARE, PLAIN), clients, seconds, rounds=rounds)
        for name, run in (("plain insert", plain), ("constraint and broadcast", bare), ("lock_seats", lock)):
            curve.add(name, clients, rate(run))
        if clients in _ASKED:
            yield Figure(f"lock_seats, 3 seats, {clients} clients", lock, plain, "plain insert of 3 rows")
            yield Figure(f"lock_seats, 3 seats, {clients} clients", lock, bare, "constraint and broadcast alone")
    yield curve


# Ended locks leave the table for the history within about a minute, so most of them are laid there at once. As many as
# a busy minute ends take the whole way, and leave in the table and its indexes what rows leave behind.
_BUSY_MINUTE = 60_000


def with_history(dataset: Dataset, seconds: int, ended: int = 2_000_000) -> Iterator[Figure | Curve]:
    """Measure lock_seats with and without that many ended locks behind it, in two databases of one cluster."""
    dataset.empty()
    old = dataset.twin("old")
    curve = Curve("history", "Locking three seats with history", "ended locks", "share of the rate without", {})
    present = _BUSY_MINUTE
    for rows in (ended // 20, ended // 4, ended):
        old.execute(
            f"insert into private.seat_lock_history (showtime_id, id, seat_id, user_id, held, end_reason)"
            f" select l.showtime_id, l.n, l.seat_id, l.user_id, l.held, 'expired'"
            f" from ({_ended_locks(present, rows)}) l"
        )
        present = rows
        if rows == ended:
            _end_a_busy_minute(old, ended)
        old.execute("vacuum analyze public.seat_locks", "vacuum analyze private.seat_lock_history")
        after: list[Run] = []
        before: list[Run] = []
        for _ in range(2 * _ROUNDS if rows == ended else 2):
            for each, runs in ((old, after), (dataset, before)):
                each.empty(afresh=each is dataset)
                runs.append(each.pgbench(LOCK, 16, seconds))
        curve.add("lock_seats, 16 clients", rows, rate(median(after)) / rate(median(before)))
    yield Figure(
        f"lock_seats, 3 seats, 16 clients, {ended:,} ended locks",
        *(median(after), median(before)),
        "the same without history",
    )
    yield curve


def _end_a_busy_minute(old: Dataset, ended: int) -> None:
    """Let the sweep archive the last locks, as it does every minute of a busy day."""
    old.empty(afresh=False)
    old.execute(
        f"insert into public.seat_locks (showtime_id, id, seat_id, user_id, held)"
        f" select l.showtime_id, extract(epoch from lower(l.held)) * 1000000, l.seat_id, l.user_id, l.held"
        f" from ({_ended_locks(0, _BUSY_MINUTE)}) l"
    )
    with old.connect() as connection:
        while connection.execute(
            "select (public.release_expired_locks(10000) ->> 'locks_archived')::integer > 0"
        ).fetchone() == (True,):
            pass
        row = connection.execute(
            "select (select count(*) from private.seat_lock_history), (select count(*) from public.seat_locks)"
        ).fetchone()
    assert row == (ended, 0), row


def _ended_locks(first: int, end: int) -> str:
    """Build a query of locks that ended yesterday or before, numbered n from first to end, over all seats in turn."""
    return f"""
      select n, 1 + n % {SHOWTIMES} as showtime_id, 1 + n / {SHOWTIMES} % {SEATS} as seat_id,
        ('00000000-0000-4000-8000-' || lpad(to_hex(1 + n % {CUSTOMERS}), 12, '0'))::uuid as user_id,
        tstzrange(t.began, t.began + interval '10 minutes') as held
      from generate_series({first}, {end - 1}) n,
           lateral (select now() - interval '1 day' - n / {SHOWTIMES * SEATS} * interval '10 minutes' as began) t"""
