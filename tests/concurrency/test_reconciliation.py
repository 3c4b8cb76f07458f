"""Several workers that reconcile: no payment is asked about by two at once, and none of them waits for another."""

from __future__ import annotations

from collections import Counter

from tests.cinema import Caller, CinemaFixture
from tests.concurrency.parallel import Start, holding, outcome, rewrite, wait_until_it_waits_or_ends

CLAIM = "public.claim_payments_to_reconcile(interval,integer)"
NOTE = "private.claim_checks(uuid[],interval,timestamp with time zone)"
DUE = {"older_than": "2 minutes"}
NOTHING_IS_PURGED = """
create or replace function private.purge_checks(p_now timestamptz) returns void
language sql volatile set search_path = '' as $$ select $$
"""
"""Purging comes first and would wait for the table as well: then nobody had found anything due yet."""


def open_payments(cinema: CinemaFixture, number: int) -> None:
    """Leave that many payments open for three minutes."""
    for seat in range(number):
        ada = cinema.customer()
        cinema.start_payment(ada, cinema.book(ada, seat))
    cinema.advance("3 minutes")


def ids(rows: list[dict[str, str]]) -> list[str]:
    return [row["payment_id"] for row in rows]


def claimed_at_the_same_moment(cinema: CinemaFixture, start: Start) -> Counter[str]:
    """How many of two workers get each payment, where both have found all due before either has noted it."""
    workers: list[Caller] = [cinema.service(), cinema.service()]
    cinema.owner.execute(NOTHING_IS_PURGED)
    with holding(cinema, "lock table private.stripe_checks in share mode"):
        calls = [start(worker.call, "claim_payments_to_reconcile", **DUE) for worker in workers]
        for worker, call in zip(workers, calls, strict=True):
            wait_until_it_waits_or_ends(cinema, call, worker)
    return Counter(payment for call in calls for payment in ids(outcome(call)))


def test_a_second_worker_asks_about_others_without_waiting(cinema: CinemaFixture, start: Start) -> None:
    open_payments(cinema, 4)
    one, two = cinema.service(), cinema.service()
    one.begin()
    first = ids(one.call_in_transaction("claim_payments_to_reconcile", max_rows=3, **DUE))
    second = ids(outcome(start(two.call, "claim_payments_to_reconcile", max_rows=3, **DUE)))
    one.commit()
    assert (len(first), len(second)) == (3, 1)
    assert not set(first) & set(second)


def test_two_workers_at_the_same_moment_ask_about_each_payment_once(cinema: CinemaFixture, start: Start) -> None:
    open_payments(cinema, 3)
    assert list(claimed_at_the_same_moment(cinema, start).values()) == [1, 1, 1]


def test_payments_noted_meanwhile_are_not_claimed_again(cinema: CinemaFixture, start: Start) -> None:
    """As when the other has committed before its payments could be locked."""
    rewrite(cinema, CLAIM, ("for no key update of p skip locked", ""))
    open_payments(cinema, 3)
    assert list(claimed_at_the_same_moment(cinema, start).values()) == [1, 1, 1]


def test_mutant_claims_that_do_not_look_again_are_made_twice(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, CLAIM, ("for no key update of p skip locked", ""))
    rewrite(cinema, NOTE, ("where c.next_check_at <= p_now", ""))
    open_payments(cinema, 3)
    assert list(claimed_at_the_same_moment(cinema, start).values()) == [2, 2, 2]
