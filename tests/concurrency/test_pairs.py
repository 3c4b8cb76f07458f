"""Every pair of functions that touch one booking, side by side; and that no pair is missing.

Each pair is staged where the two have most to do with each other (tests/concurrency/scenarios.py lists the stages of a
booking), in both orders: the first call has answered and is not committed when the second begins. `>>` says that the
second waits for the first, `,` that it ends at once. Then the first commits, and the two must have come to what they
come to one after the other, in the order in which they began, or in the other where nobody waited. When the first rolls
back instead, the second must come to what it comes to alone.

The last column names what keeps the two apart, and what a control takes away to see them go wrong (GUARDS). With `-`
there is nothing to keep apart: the calls come to the same in either order, and a test sees to that. With `own` the
order matters, and yet no control makes the pair go wrong: the second writes by what it then finds in the rows, or does
what it would have done had it come first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import pytest

from tests.cinema import CinemaFixture
from tests.concurrency.parallel import (
    BOOKINGS_ARE_NOT_LOCKED,
    NOBODY_TAKES_TURNS,
    Start,
    let_seats_have_any_number_of_holders,
    rewrite,
)
from tests.concurrency.scenarios import FUNCTIONS, STAGES, Ending, Scenario

TABLE = """
lock    | lock    | chosen    | holds 0 1 2 >> holds 0 1 2          |                                  | turn
lock    | release | chosen    | holds 0 1 2 >> holds nothing        | holds nothing >> holds 0 2       | turn
lock    | create  | chosen    | holds 0 1 2 >> pending              | pending >> booking_pending       | turn
lock    | cancel  | paying    | booking_pending, cancelled          | cancelled >> holds 0 2           | own
lock    | start   | booked    | booking_pending, begun              | begun >> booking_pending         | -
lock    | attach  | begun     | booking_pending, attached           | attached >> booking_pending      | -
lock    | confirm | late      | holds 0 2 >> back seats_gone        | confirmed >> holds 2             | turn
lock    | failure | paying    | booking_pending, noted              | noted, booking_pending           | -
lock    | refund  | paid      | holds 2 >> noted                    | noted >> holds 0 2               | own
lock    | dispute | paid      | holds 2 >> noted                    | noted >> holds 2                 | -
lock    | ticket  | mailed    | holds 2 >> mailed                   | mailed >> holds 2                | -
lock    | sweep   | late      | holds 0 2, swept                    | swept >> holds 0 2               | -
release | release | chosen    | holds nothing >> holds nothing      |                                  | own
release | create  | chosen    | holds nothing >> lock_expired       | pending >> booking_pending       | turn
release | cancel  | paying    | booking_pending, cancelled          | cancelled >> holds nothing       | own
release | start   | booked    | booking_pending, begun              | begun >> booking_pending         | -
release | attach  | begun     | booking_pending, attached           | attached >> booking_pending      | -
release | confirm | again     | holds nothing >> confirmed          | back seats_gone >> holds nothing | own
release | failure | paying    | booking_pending, noted              | noted, booking_pending           | -
release | refund  | paid      | holds nothing >> noted              | noted >> holds nothing           | -
release | dispute | paid      | holds nothing >> noted              | noted >> holds nothing           | -
release | ticket  | mailed    | holds nothing >> mailed             | mailed >> holds nothing          | -
release | sweep   | again     | holds nothing, swept                | swept >> holds nothing           | -
create  | create  | chosen    | pending >> pending                  |                                  | turn
create  | cancel  | paying    | pending >> cancelled                | cancelled >> lock_expired        | own
create  | start   | booked    | pending >> begun                    | begun >> pending                 | -
create  | attach  | slow      | pending >> attached                 | attached >> pending              | turn
create  | confirm | again     | pending >> back seats_gone          | back seats_gone >> pending       | turn, seat
create  | failure | again     | pending >> noted                    | noted >> pending                 | own
create  | refund  | paid      | lock_expired, noted                 | noted >> lock_expired            | -
create  | dispute | paid      | lock_expired, noted                 | noted >> lock_expired            | -
create  | ticket  | mailed    | lock_expired, mailed                | mailed >> lock_expired           | -
create  | sweep   | again     | pending, swept                      | swept >> pending                 | -
cancel  | cancel  | paid      | cancelled >> cancelled              |                                  | own
cancel  | start   | booked    | cancelled >> not_payable            | begun >> cancelled               | turn
cancel  | attach  | begun     | cancelled >> attached               | attached >> cancelled            | turn
cancel  | confirm | paying    | cancelled >> back booking_cancelled | confirmed >> cancelled           | turn
cancel  | failure | paying    | cancelled >> noted                  | noted >> cancelled               | own
cancel  | refund  | paid      | cancelled >> noted                  | noted >> refunded                | turn
cancel  | dispute | paid      | cancelled >> noted                  | noted >> cancelled               | turn
cancel  | ticket  | mailed    | cancelled >> no_ticket              | mailed >> cancelled              | own
cancel  | sweep   | late      | not_cancellable, swept              | swept >> not_cancellable         | -
start   | start   | booked    | begun >> begun                      |                                  | turn
start   | attach  | begun     | begun >> attached                   | attached >> begun                | -
start   | confirm | paying    | begun >> confirmed                  | confirmed >> not_payable         | own
start   | failure | paying    | begun, noted                        | noted, begun                     | own
start   | refund  | paid      | not_payable, noted                  | noted >> not_payable             | -
start   | dispute | paid      | not_payable, noted                  | noted >> not_payable             | -
start   | ticket  | mailed    | not_payable, mailed                 | mailed >> not_payable            | -
start   | sweep   | late      | lock_expired, swept                 | swept >> lock_expired            | -
attach  | attach  | begun     | attached >> attached                |                                  | own
attach  | confirm | begun     | attached >> confirmed               | confirmed >> attached            | -
attach  | failure | begun     | attached, unmatched              | unmatched, attached           | own
attach  | refund  | paid      | attached >> noted                   | noted >> attached                | -
attach  | dispute | paid      | attached >> noted                   | noted >> attached                | -
attach  | ticket  | mailed    | attached >> mailed                  | mailed >> attached               | -
attach  | sweep   | slow      | attached, swept                     | swept >> attached                | turn
confirm | confirm | paying    | confirmed >> already_settled        |                                  | turn, row
confirm | failure | paying    | confirmed >> unmatched           | noted >> confirmed               | turn, row
confirm | refund  | paying    | confirmed >> noted                  | busy, confirmed                  | own
confirm | dispute | paying    | confirmed >> noted                  | busy, confirmed                  | own
confirm | ticket  | paying    | confirmed >> mailed                 | no_ticket, confirmed             | own
confirm | sweep   | late      | confirmed, swept                    | swept >> confirmed               | turn, row
failure | failure | paying    | noted >> unmatched               |                                  | turn, row
failure | refund  | paid      | unmatched, noted                 | noted, unmatched              | turn, row
failure | dispute | paid      | unmatched, noted                 | noted, unmatched              | -
failure | ticket  | mailed    | unmatched, mailed                | mailed, unmatched             | -
failure | sweep   | late      | noted >> swept                      | swept >> noted                   | own
refund  | refund  | paid      | noted >> noted                      |                                  | turn
refund  | dispute | cancelled | noted >> noted                      | noted >> noted                   | own
refund  | ticket  | mailed    | noted >> no_ticket                  | mailed >> noted                  | own
refund  | sweep   | paid      | noted, swept                        | swept, noted                     | -
dispute | dispute | cancelled | noted >> noted                      |                                  | own
dispute | ticket  | mailed    | noted >> mailed                     | mailed >> noted                  | -
dispute | sweep   | off       | noted, swept                        | swept >> noted                   | turn, row
ticket  | ticket  | mailed    | mailed >> mailed                    |                                  | turn, key
ticket  | sweep   | off       | mailed, swept                       | swept >> no_ticket               | own
sweep   | sweep   | late      | swept, swept                        |                                  | sweep
lock    | settle  | cancelled | holds 0 2 >> made                   | made >> holds 0 2                | -
release | settle  | cancelled | holds nothing >> made               | made >> holds nothing            | -
create  | settle  | cancelled | lock_expired, made                  | made >> lock_expired             | -
cancel  | settle  | cancelled | cancelled >> made                   | made >> refunded                 | own
start   | settle  | cancelled | not_payable, made                   | made >> not_payable              | -
attach  | settle  | cancelled | attached >> made                    | made >> attached                 | -
confirm | settle  | cancelled | already_settled >> made             | made >> already_settled          | -
failure | settle  | cancelled | unmatched, made                     | made, unmatched                  | -
refund  | settle  | cancelled | noted >> stale                      | made >> noted                    | turn
dispute | settle  | cancelled | noted >> stale                      | made >> noted                    | turn
ticket  | settle  | cancelled | no_ticket, made                     | made >> no_ticket                | -
sweep   | settle  | cancelled | swept, made                         | made, swept                      | -
settle  | settle  | cancelled | made >> made                        |                                  | own
"""

TOLD_IN_WORDS = {
    ("lock", "lock"): "test_seats.test_two_tabs_together_stay_within_the_limit",
    ("lock", "release"): "test_seats.test_a_seat_that_is_being_released_is_waited_for",
    ("lock", "create"): "test_bookings.test_a_booking_waits_for_the_seat_that_is_being_added",
    ("lock", "confirm"): "test_payments.test_paid_late_while_another_locks_the_seat",
    ("lock", "sweep"): "test_sweep.test_it_archives_beside_a_customer_who_locks_the_same_seat",
    ("release", "create"): "test_bookings.test_seats_that_are_being_released_are_not_booked",
    ("create", "create"): "test_bookings.test_two_tabs_make_one_booking",
    ("create", "sweep"): "test_sweep.test_sweep_skips_a_customer_who_is_booking",
    ("cancel", "cancel"): "test_bookings.test_two_tabs_cancel_once",
    ("cancel", "confirm"): "test_bookings.test_paid_while_it_is_cancelled",
    ("start", "start"): "test_bookings.test_two_requests_begin_one_payment",
    ("confirm", "confirm"): "test_payments.test_two_events_for_one_intent",
    ("confirm", "sweep"): "test_sweep.test_money_that_comes_while_it_expires_the_booking",
    ("sweep", "sweep"): "test_sweep.test_a_second_sweep_leaves_at_once",
}
"""Pairs that also have a test with a story of its own, with other customers, or with a finer control."""


ALL_THAT_TOUCH_A_BOOKING = r"""
with recursive ours as (
  select p.oid, n.nspname, p.proname, p.prosrc, n.nspname || '.' || p.proname as name
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('public', 'private')
), touching as (
  select o.* from ours o
  where o.name in ('private.booking_for_update', 'private.lock_customer', 'private.try_lock_customer')
    or o.prosrc ~* ('\m(insert into|update|delete from)\s+public\.'
                    '(seat_locks|bookings|booking_seats|payments|refunds|disputes)\M')
  union
  select caller.* from ours caller
  join touching t on caller.prosrc ~* ('\m' || replace(t.name, '.', '\.') || '\s*\(')
)
select distinct t.proname as name from touching t where t.nspname = 'public'
"""


@dataclass(frozen=True)
class Pair:
    left: str
    right: str
    stage: str
    left_begins: str
    right_begins: str
    guard: str

    def __str__(self) -> str:
        return f"{self.left}-{self.right}"

    @property
    def orders(self) -> list[tuple[str, str]]:
        """One order for a function beside itself."""
        return [(self.left, self.right), (self.right, self.left)][: 1 if self.left == self.right else 2]

    def expected(self, first: str) -> str:
        return self.left_begins if first == self.left else self.right_begins


PAIRS = [Pair(*(cell.strip() for cell in line.split("|"))) for line in TABLE.strip().splitlines()]

TRY_CUSTOMER = "pg_try_advisory_xact_lock(hashtextextended(p_user_id::text, 0))"


def nobody_takes_turns(cinema: CinemaFixture) -> None:
    """Neither the customer's turn nor the booking's row, in any function."""
    cinema.owner.execute(NOBODY_TAKES_TURNS)
    cinema.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    rewrite(cinema, "private.try_lock_customer(bigint,uuid)", (TRY_CUSTOMER, "true"))


def nor_looks_again(cinema: CinemaFixture) -> None:
    """And each writes by what it has read, though the row has changed since: the second guard of each of these."""
    nobody_takes_turns(cinema)
    rewrite(
        cinema,
        "private.payment_of_intent(public.bookings,text,integer,text)",
        ("p.payment_intent_id = p_payment_intent_id for update", "p.payment_intent_id = p_payment_intent_id"),
    )
    rewrite(
        cinema, "private.cancel_payment_intent(public.bookings)", ("p.status = 'open' for update", "p.status = 'open'")
    )
    rewrite(cinema, "public.record_payment_failure(text,text,text,boolean,text,text)", (" and p.status = 'open'", ""))
    rewrite(cinema, "private.expire_if_unlocked(bigint,uuid,uuid,timestamptz)", ("\n  for update skip locked", ""))
    rewrite(
        cinema,
        "private.refund_cancelled_showtimes(timestamptz)",
        (" and b.id = v_row.id for update", " and b.id = v_row.id"),
    )
    rewrite(cinema, "private.expire_booking(public.bookings)", (" and b.status = 'pending'", ""))
    rewrite(cinema, "public.create_booking(bigint)", ("b.status = 'pending' for update", "b.status = 'pending'"))
    rewrite(
        cinema,
        "private.extend_locks(public.bookings,uuid,timestamptz,timestamptz)",
        ("l.id = v_lock.id and l.held @> p_now;", "l.id = v_lock.id;"),
    )


def nor_do_seats_guard_themselves(cinema: CinemaFixture) -> None:
    """And a seat may have any number of holders."""
    nor_looks_again(cinema)
    let_seats_have_any_number_of_holders(cinema)


def keys_may_come_twice(cinema: CinemaFixture) -> None:
    cinema.owner.execute("alter table private.outbox drop constraint key_is_unique")
    rewrite(
        cinema,
        "private.enqueue(private.outbox_kind,text,public.bookings,jsonb,interval)",
        ("on conflict on constraint key_is_unique do nothing", ""),
    )


def nor_has_an_email_a_key(cinema: CinemaFixture) -> None:
    """And the outbox takes the same key again, and those who count emails do not wait for each other either."""
    nobody_takes_turns(cinema)
    keys_may_come_twice(cinema)
    rewrite(
        cinema,
        "private.check_rate_limit(private.rate_limit[],text)",
        ("perform pg_advisory_xact_lock(hashtextextended(v_key, 0));", "null;"),
    )


def sweeps_do_not_look_for_each_other(cinema: CinemaFixture) -> None:
    rewrite(
        cinema,
        "public.release_expired_locks(integer)",
        ("from private.sweeps for update skip locked", "from private.sweeps"),
    )


GUARDS = {
    "turn": nobody_takes_turns,
    "turn, row": nor_looks_again,
    "turn, seat": nor_do_seats_guard_themselves,
    "turn, key": nor_has_an_email_a_key,
    "sweep": sweeps_do_not_look_for_each_other,
}


def in_turn(cinema: CinemaFixture, pair: Pair) -> dict[tuple[str, str], Ending]:
    """Return the ending of the two, one after the other."""
    return {order: Scenario(cinema, pair.stage).in_turn(*order) for order in pair.orders}


def explained(ending: Ending, order: tuple[str, str], serial: dict[tuple[str, str], Ending]) -> bool:
    """Return True if it equals the ending of one order: the one in which they began, or without waiting the other."""
    other = serial[order[::-1]]
    return ending.same_as(serial[order]) or (not ending.waited and ending.same_as(other, begun_the_other_way=True))


OF_PEOPLE = {
    "open_session": "test_guests.test_a_sign_in_waits_for_the_guests_call_and_takes_what_it_made",
    "prove_email": "test_guests.test_a_proof_waits_for_the_guests_call_and_takes_what_it_made",
    "reset_password": "test_guests.test_a_proof_waits_for_the_guests_call_and_takes_what_it_made",
    "cancel_by_link": "test_guests.test_a_call_that_waits_for_the_sign_in_finds_whose_it_is_now",
    "delete_my_account": "test_leaving.test_who_leaves_waits_for_their_own_calls_and_what_they_make_counts",
    "forget_user": "test_leaving.test_who_leaves_waits_for_their_own_calls_and_what_they_make_counts",
    "keep_retention": "test_leaving.test_the_job_waits_for_no_customer",
}
"""What touches bookings because of whose they are, and where it meets the calls about one. cancel_by_link is
cancel_booking once it has found the booking, forget_user is delete_my_account of several."""


def all_that_touch_a_booking(cinema: CinemaFixture) -> set[str]:
    """The functions that callers may name and that, by themselves or by others, take a customer's turn or write a table
    of the booking path."""
    return {row["name"] for row in cinema.rows(ALL_THAT_TOUCH_A_BOOKING)}


def test_every_function_that_touches_a_booking_is_in_the_table(cinema: CinemaFixture) -> None:
    assert all_that_touch_a_booking(cinema) == {*FUNCTIONS.values(), *OF_PEOPLE}


@pytest.mark.parametrize(
    "does",
    [
        "perform private.booking_for_update(null)",
        "perform private.lock_customer(1, null)",
        "perform private.helper()",
        "update public.payments set failure_code = null",
    ],
)
def test_mutant_a_new_function_is_missed_in_the_table(cinema: CinemaFixture, does: str) -> None:
    body = "returns void language plpgsql volatile as $$ begin {}; end $$"
    cinema.owner.execute(
        f"create function private.helper() {body.format('perform private.try_lock_customer(1, null)')}".encode()
    )
    cinema.owner.execute(f"create function public.brand_new() {body.format(does)}".encode())
    assert all_that_touch_a_booking(cinema) - {*FUNCTIONS.values(), *OF_PEOPLE} == {"brand_new"}


def test_every_pair_is_in_the_table() -> None:
    wanted = {frozenset(pair) for pair in itertools.combinations_with_replacement(FUNCTIONS, 2)}
    assert {frozenset((pair.left, pair.right)) for pair in PAIRS} == wanted
    assert len(PAIRS) == len(wanted)
    assert {pair.stage for pair in PAIRS} <= STAGES.keys()
    assert {pair.guard for pair in PAIRS} == GUARDS.keys() | {"-", "own"}


def test_every_test_that_the_table_names_is_there() -> None:
    named = {tuple(pair): test for pair, test in TOLD_IN_WORDS.items()}
    assert named.keys() <= {(pair.left, pair.right) for pair in PAIRS}
    for test in [*named.values(), *OF_PEOPLE.values()]:
        module, name = test.split(".")
        assert callable(getattr(import_module(f"tests.concurrency.{module}"), name))


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_two_calls_at_once_come_to_what_they_come_to_in_turn(cinema: CinemaFixture, start: Start, pair: Pair) -> None:
    serial = in_turn(cinema, pair)
    for first, second in pair.orders:
        together = Scenario(cinema, pair.stage).at_once(first, second, start)
        assert str(together) == pair.expected(first)
        assert explained(together, (first, second), serial), f"{together.state}\n{serial[first, second].state}"
        assert together.broken == []


def slow_unless_guarded(pair: Pair) -> object:
    """Leave to test-slow the pairs that nothing has to keep apart."""
    return pytest.param(pair, id=str(pair), marks=pytest.mark.slow if pair.guard == "-" else ())


@pytest.mark.parametrize("pair", [slow_unless_guarded(pair) for pair in PAIRS])
def test_the_second_call_is_alone_when_the_first_rolls_back(cinema: CinemaFixture, start: Start, pair: Pair) -> None:
    for first, second in pair.orders:
        alone = Scenario(cinema, pair.stage).alone(second)
        together = Scenario(cinema, pair.stage).at_once(first, second, start, roll_back=True)
        assert together.same_as(alone), f"{together.answers} {together.state}\n{alone.answers} {alone.state}"
        assert together.broken == []


@pytest.mark.slow
@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.guard in GUARDS], ids=str)
def test_mutant_without_the_guard_it_is_no_order_at_all(cinema: CinemaFixture, start: Start, pair: Pair) -> None:
    serial = in_turn(cinema, pair)
    GUARDS[pair.guard](cinema)
    together = {order: Scenario(cinema, pair.stage).at_once(*order, start) for order in pair.orders}
    assert not all(explained(ending, order, serial) for order, ending in together.items())


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.guard == "-"], ids=str)
def test_unguarded_pairs_end_alike_in_either_order(cinema: CinemaFixture, pair: Pair) -> None:
    one, *other = in_turn(cinema, pair).values()
    assert all(one.same_as(ending, begun_the_other_way=True) for ending in other)


BEFORE_AN_END = {
    "lock": "chosen",
    "release": "chosen",
    "create": "chosen",
    "start": "booked",
    "attach": "begun",
    "cancel": "paying",
    "confirm": "paying",
}
"""Calls that begin while locks are live, each at a stage where it may move or keep their end."""
TEN_MINUTES = "10 minutes"
"""The lifetime of a selection, and of a booking: their ends pass."""


@pytest.mark.parametrize("first", BEFORE_AN_END)
def test_ends_that_may_still_move_are_not_broadcast(cinema: CinemaFixture, start: Start, first: str) -> None:
    """The clock passes the end of the locks after the first call has judged them and before the second begins."""
    for second in FUNCTIONS:
        together = Scenario(cinema, BEFORE_AN_END[first]).at_once(first, second, start, meanwhile=TEN_MINUTES)
        assert (second, together.broken) == (second, [])
        assert [answer for answer in together.answers if answer[0].isupper()] == []  # a raw error


@pytest.mark.parametrize(("first", "then"), [("start", "seat:lock"), ("confirm", "seat:book")])
def test_mutant_a_sweep_that_announces_too_early_frees_a_taken_seat(
    cinema: CinemaFixture, start: Start, first: str, then: str
) -> None:
    rewrite(
        cinema,
        "public.release_expired_locks(integer)",
        ("c_longest_call constant interval := '10 seconds'", "c_longest_call constant interval := '0'"),
    )
    together = Scenario(cinema, BEFORE_AN_END[first]).at_once(first, "sweep", start, meanwhile=TEN_MINUTES)
    assert f"{then} of a lock that had ended" in together.broken


def test_no_call_of_a_client_lasts_as_long_as_the_sweep_waits(cinema: CinemaFixture) -> None:
    """Roles of the Data API have a statement_timeout below the ten seconds. The secret key has its connection's."""
    (waits,) = cinema.rows(
        "select substring(prosrc from $x$c_longest_call constant interval := '([^']+)'$x$)::interval as longest"
        " from pg_proc where proname = 'release_expired_locks'"
    )
    timeouts = cinema.rows(
        "select r.rolname, substring(c from '=(.*)')::interval as timeout from pg_roles r, unnest(r.rolconfig) c"
        " where c like 'statement_timeout=%%' and r.rolname in ('anon', 'authenticated', 'authenticator')"
    )
    assert len(timeouts) == 3
    assert [row for row in timeouts if row["timeout"] >= waits["longest"]] == []


def test_mutant_a_lost_dispute_beside_a_cancellation_returns_money_that_is_gone(
    cinema: CinemaFixture, start: Start
) -> None:
    nobody_takes_turns(cinema)
    assert Scenario(cinema, "paid").at_once("cancel", "dispute", start).broken == ["I2 more goes back than came"]


def test_mutant_a_lost_dispute_beside_the_sweep_returns_money_that_is_gone(cinema: CinemaFixture, start: Start) -> None:
    nor_looks_again(cinema)
    assert Scenario(cinema, "off").at_once("sweep", "dispute", start).broken == ["I2 more goes back than came"]


@pytest.mark.parametrize(
    ("without", "times"), [(nobody_takes_turns, [1]), (keys_may_come_twice, [1]), (nor_has_an_email_a_key, [2])]
)
def test_turns_and_keys_each_keep_a_ticket_from_going_out_beyond_the_limit(
    cinema: CinemaFixture, start: Start, without: Callable[[CinemaFixture], None], times: list[int]
) -> None:
    without(cinema)
    scenario = Scenario(cinema, "mailed")
    scenario.at_once("ticket", "ticket", start)
    assert scenario.booking is not None
    waiting = "select count(*) from private.outbox where booking_id = %s and state = 'queued' group by key"
    assert [row["count"] for row in cinema.rows(waiting, [scenario.booking["id"]])] == times
