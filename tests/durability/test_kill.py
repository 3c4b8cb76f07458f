"""PostgreSQL is killed (kill -9 of the postmaster and all backends) while a booking is being confirmed.

After each restart the booking is as it was before or as it shall be, never between, and Stripe's next delivery of the
very same event makes it whole. The moments of the kills: while confirm_booking stands before a lock, at each table of
its way; after it has answered and before COMMIT; while COMMIT is on its way; after COMMIT was answered; and at any
instant of the whole call.
"""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from dev import schema
from dev.config import throwaway_folder
from tests.cinema import Caller, CinemaFixture, Json, call_sql
from tests.concurrency.parallel import Start, succeeded, wait_until_it_waits
from tests.durability.server import KillableServer

_numbers = itertools.count(1)
TEMPLATE = "frontrow_template"

# All that confirm_booking does, about one booking.
STATE = """
select jsonb_build_object(
  'booking', b.status,
  'payments', (select jsonb_agg(jsonb_build_array(p.status, p.settles_booking)) from public.payments p
               where p.booking_id = b.id),
  'seats sold', (select count(*) from public.booking_seats s
                 where s.booking_id = b.id and s.sold_at is not null and s.released_at is null),
  'locks', (select jsonb_agg(case when upper_inf(l.held) then 'sold' when l.held @> private.now() then 'held'
                                  else 'over' end) from public.seat_locks l where l.booking_id = b.id),
  'events', (select coalesce(jsonb_agg(e.outcome), '[]') from private.stripe_events e where e.id = %(event)s),
  'emails', (select count(*) from private.outbox o where o.booking_id = b.id),
  'broadcasts', (select count(*) from realtime.messages m
           where m.event = 'seat:book' and m.payload -> 'seat_ids' = to_jsonb(array(
             select s.seat_id from public.booking_seats s where s.booking_id = b.id order by s.seat_id))))
from public.bookings b where b.id = %(booking)s
"""
BEFORE: Json = {
    "booking": "pending",
    "payments": [["open", False]],
    "seats sold": 0,
    "locks": ["held", "held"],
    "events": [],
    "emails": 0,
    "broadcasts": 0,
}
AFTER: Json = {
    "booking": "confirmed",
    "payments": [["succeeded", True]],
    "seats sold": 2,
    "locks": ["sold", "sold"],
    "events": ["confirmed"],
    "emails": 1,
    "broadcasts": 1,
}

# What another session holds, so that confirm_booking stands still there, in the order of its way.
STANDS_AT = {
    "the event's key": "insert into private.stripe_events (id, type) values (%(event)s, 'another')",
    "the customer's turn": "select private.lock_customer(showtime_id, user_id) from public.bookings"
    " where id = %(booking)s",
    "the booking": "select from public.bookings where id = %(booking)s for update",
    "the payment": "select from public.payments where booking_id = %(booking)s for update",
    "the first seat's lock": "select from public.seat_locks where id ="
    " (select min(id) from public.seat_locks where booking_id = %(booking)s) for update",
    "the last seat's lock": "select from public.seat_locks where id ="
    " (select max(id) from public.seat_locks where booking_id = %(booking)s) for update",
    "a seat of the booking": "select from public.booking_seats where seat_id ="
    " (select max(seat_id) from public.booking_seats where booking_id = %(booking)s) for update",
    "the bookings, sold but not confirmed": "lock table public.bookings in share mode",
    "the email's key": "insert into private.outbox (kind, key, booking_id, payload)"
    " values ('mail_confirmation', 'mail:confirmation:' || %(booking)s::uuid, %(booking)s::uuid, '{}')",
    "the broadcast": "lock table realtime.messages in share mode",
}


@pytest.fixture(scope="module")
def server() -> Iterator[KillableServer]:
    with throwaway_folder() as folder:
        server = KillableServer(folder)
        server.start()
        try:
            server.cluster.create_database(TEMPLATE)
            server.cluster.apply_supabase_shim(TEMPLATE)
            with psycopg.connect(server.cluster.url(TEMPLATE), autocommit=True) as connection:
                connection.execute(schema.script().encode())
            yield server
        finally:
            server.stop()
            server.cluster.erase()


@pytest.fixture
def cinema(server: KillableServer) -> Iterator[CinemaFixture]:
    """A database of the test's own on the server that dies, with two seats for each of a hundred bookings."""
    name = f"test_{next(_numbers)}"
    server.cluster.create_database(name, TEMPLATE)
    with CinemaFixture(server.cluster.url(name), rows=10, seats=20) as cinema:
        yield cinema
    server.cluster.drop_database(name)


@pytest.fixture
def start() -> Iterator[Start]:
    with ThreadPoolExecutor(2) as threads:
        yield threads.submit


@dataclass
class Round:
    """A booking that awaits payment, the event that confirms it, and what the kill needs."""

    cinema: CinemaFixture
    server: KillableServer
    start: Start
    number: int
    event: Json = field(init=False)
    stripe: Caller = field(init=False)

    def __post_init__(self) -> None:
        ada = self.cinema.customer()
        booking = self.cinema.book(ada, 2 * self.number, 2 * self.number + 1)
        self.event = succeeded(booking, self.cinema.start_payment(ada, booking), f"evt_{self.number}")
        self.stripe = self.cinema.service()

    @property
    def backend(self) -> int:
        return self.stripe.connection.info.backend_pid

    def state(self) -> Json:
        return self.cinema.value(STATE, {"booking": self.event["booking_id"], "event": self.event["event_id"]})

    def call(self) -> Json:
        return self.stripe.call_in_transaction("confirm_booking", **self.event)

    def send(self, rest: str = "commit", *, call: bool = False) -> None:
        """Hand statements to the server without waiting for an answer."""
        cursor = psycopg.ClientCursor(self.stripe.connection)
        if call:
            sql = call_sql("confirm_booking", self.event)
            rest = f"{cursor.mogrify(sql, list(self.event.values()))}; {rest}"
        self.stripe.connection.pgconn.send_query(rest.encode())

    def kill_and_restart(self) -> None:
        self.server.kill(self.backend)
        self.server.start()
        self.cinema.reconnect()


# The kills. Each leaves the server dead and alive again. -----------------------------------------------------------


def while_it_stands_at(what: str) -> Callable[[Round], None]:
    def kill(this: Round) -> None:
        holder = this.cinema.caller("postgres")
        holder.begin()
        holder.connection.execute(
            STANDS_AT[what].encode(), {"event": this.event["event_id"], "booking": this.event["booking_id"]}
        )
        call: Future[Any] = this.start(this.stripe.call, "confirm_booking", **this.event)
        wait_until_it_waits(this.cinema, call, waiter=this.stripe, holder=holder)
        this.kill_and_restart()
        with pytest.raises(psycopg.OperationalError):
            call.result()

    return kill


def before_commit(this: Round) -> None:
    this.stripe.begin()
    assert this.call()["outcome"] == "confirmed"
    this.kill_and_restart()


def while_commit_is_on_its_way(seconds: float) -> Callable[[Round], None]:
    def kill(this: Round) -> None:
        this.stripe.begin()
        assert this.call()["outcome"] == "confirmed"
        this.send()
        wait_briefly(seconds)
        this.kill_and_restart()

    return kill


def at_an_instant(seconds: float) -> Callable[[Round], None]:
    def kill(this: Round) -> None:
        this.stripe.begin()
        this.send(call=True)
        wait_briefly(seconds)
        this.kill_and_restart()

    return kill


def after_commit(this: Round) -> None:
    this.stripe.begin()
    assert this.call()["outcome"] == "confirmed"
    this.stripe.commit()
    this.kill_and_restart()


def wait_briefly(seconds: float) -> None:
    """The instant of the kill is drawn, it depends on nothing that could be waited for; sleep() is too coarse."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def moments() -> list[tuple[str, Callable[[Round], None]]]:
    """List fifty moments to die at."""
    rng = random.Random(1)  # noqa: S311 - draws instants, guards nothing
    standing = [(f"stands at {what}", while_it_stands_at(what)) for what in STANDS_AT] * 2
    committing = [("commit on its way", while_commit_is_on_its_way(rng.uniform(0, 0.003))) for _ in range(10)]
    # On a quiet machine the call takes some milliseconds; the longest wait lets it end on a busy one, too.
    seconds = [0.0, 0.5, *(rng.uniform(0, 0.06) for _ in range(12))]
    instants = [("any instant", at_an_instant(each)) for each in seconds]
    fixed = [("before commit", before_commit)] * 3 + [("after commit", after_commit)] * 3
    return [*standing, *committing, *instants, *fixed]


FEW: list[tuple[str, Callable[[Round], None]]] = [
    ("stands at the first seat's lock", while_it_stands_at("the first seat's lock")),
    ("stands at the broadcast", while_it_stands_at("the broadcast")),
    ("before commit", before_commit),
    ("commit on its way", while_commit_is_on_its_way(0.001)),
    ("after commit", after_commit),
]


@pytest.mark.timeout(900)  # a second or two for each restart, more on a busy machine
@pytest.mark.parametrize("kills", [pytest.param(FEW, id="5"), pytest.param(moments(), id="50", marks=pytest.mark.slow)])
def test_a_booking_is_never_half_confirmed_whenever_the_server_is_killed(
    server: KillableServer, cinema: CinemaFixture, start: Start, kills: list[tuple[str, Callable[[Round], None]]]
) -> None:
    found: Counter[tuple[str, str]] = Counter()
    for number, (moment, kill) in enumerate(kills):
        this = Round(cinema, server, start, number)
        assert this.state() == BEFORE
        kill(this)

        state = this.state()
        assert state in (BEFORE, AFTER), f"{moment}: half done"
        assert cinema.violations() == [], moment
        after = state == AFTER
        found[moment, "after" if after else "before"] += 1

        # Stripe got no answer, and comes again.
        answer = cinema.service().call("confirm_booking", **this.event)
        assert answer["outcome"] == ("duplicate" if after else "confirmed"), moment
        assert this.state() == AFTER, moment
        assert cinema.violations() == [], moment

    print("\n" + "\n".join(f"{count:3} {moment}: all {side}" for (moment, side), count in sorted(found.items())))
    assert found.total() == len(kills)
    if len(kills) > len(FEW):
        # Both ends were reached, also by the moments that allow either.
        assert {side for moment, side in found if moment in ("commit on its way", "any instant")} == {"before", "after"}
    assert {side for moment, side in found if moment.startswith("stands") or moment == "before commit"} == {"before"}
    assert {side for moment, side in found if moment == "after commit"} == {"after"}
    assert cinema.value("select count(*) from public.bookings where status = 'confirmed'") == len(kills)


# The effects of confirm_booking, each as a transaction of its own.
ONE_BY_ONE = (
    "insert into private.stripe_events (id, type, outcome) values (%(event)s, 'one by one', 'confirmed')",
    "update public.payments set status = 'succeeded', amount_received = amount, currency_received = currency,"
    " paid_at = now(), settles_booking = true where booking_id = %(booking)s",
    "update public.seat_locks set held = tstzrange(lower(held), null) where booking_id = %(booking)s",
    "update public.booking_seats set sold_at = now() where booking_id = %(booking)s",
    "update public.bookings set status = 'confirmed', confirmed_at = now() where id = %(booking)s",
    "insert into private.outbox (kind, key, booking_id, payload)"
    " values ('mail_confirmation', 'mail:confirmation:' || %(booking)s::uuid, %(booking)s::uuid, '{}')",
    "select realtime.send(jsonb_build_object('seat_ids', array(select seat_id from public.booking_seats"
    " where booking_id = %(booking)s order by seat_id)), 'seat:book', 'showtime:1', true)",
)


@pytest.mark.parametrize("done", range(len(ONE_BY_ONE) + 1))
def test_mutant_in_transactions_of_their_own_the_effects_are_half_done(
    server: KillableServer, cinema: CinemaFixture, start: Start, done: int
) -> None:
    this = Round(cinema, server, start, 0)
    named = {"event": this.event["event_id"], "booking": this.event["booking_id"]}
    for statement in ONE_BY_ONE[:done]:
        cinema.owner.execute(statement.encode(), named)
    this.kill_and_restart()
    if done == 0:
        assert this.state() == BEFORE
    elif done == len(ONE_BY_ONE):
        assert this.state() == AFTER
    else:
        assert this.state() not in (BEFORE, AFTER)
    # The ledger and the broadcast are no part of the invariants; all that is between them is.
    assert bool(cinema.violations()) == (done in (2, 3, 4, 5))
