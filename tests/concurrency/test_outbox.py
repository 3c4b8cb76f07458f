"""Several workers at one outbox: no row is done by two, and none is forgotten with a worker that died."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from typing import Any

from tests.cinema import Caller, CinemaFixture
from tests.concurrency.parallel import Start, outcome, rewrite, wait_until_it_waits

CLAIM = "public.claim_outbox(integer,integer,text[])"


def fill(cinema: CinemaFixture, rows: int) -> None:
    """Leave that many emails, about one booking, in the outbox and nothing else."""
    cinema.buy(cinema.customer(), 0)
    cinema.owner.execute(
        "insert into private.outbox (kind, key, booking_id, payload)"
        " select 'mail_confirmation', 'email ' || n, booking_id, '{}' from private.outbox, generate_series(1, %s) n",
        [rows],
    )
    cinema.owner.execute("delete from private.outbox where key not like 'email %'")


def ids(answer: list[dict[str, Any]]) -> set[int]:
    return {row["id"] for row in answer}


def test_a_second_worker_takes_other_rows_without_waiting(cinema: CinemaFixture, start: Start) -> None:
    fill(cinema, 10)
    one, two = cinema.service(), cinema.service()
    one.begin()
    first = ids(one.call_in_transaction("claim_outbox", max_rows=6))
    second = ids(outcome(start(two.call, "claim_outbox", max_rows=6)))
    one.commit()
    assert (len(first), len(second)) == (6, 4)
    assert not first & second


def test_mutant_rows_that_are_not_locked_go_to_both_workers(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, CLAIM, ("for update skip locked", ""))
    fill(cinema, 5)
    one, two = cinema.service(), cinema.service()
    one.begin()
    first = ids(one.call_in_transaction("claim_outbox", max_rows=5))
    call = start(two.call, "claim_outbox", max_rows=5)
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    one.commit()
    assert ids(outcome(call)) == first


def test_mutant_rows_that_are_not_skipped_are_waited_for(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, CLAIM, ("for update skip locked", "for update"))
    fill(cinema, 5)
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("claim_outbox", max_rows=2)
    call = start(two.call, "claim_outbox", max_rows=2)
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    one.commit()
    assert len(outcome(call)) <= 2


def test_eight_workers_empty_it_and_do_every_row_once(cinema: CinemaFixture, start: Start) -> None:
    fill(cinema, 200)

    def work(worker: Caller) -> list[int]:
        done: list[int] = []
        while rows := worker.call("claim_outbox", max_rows=7):
            for row in rows:
                assert row["attempt"] == 1
                assert worker.call("complete_outbox", id=row["id"], attempt=row["attempt"])
                done.append(row["id"])
        return done

    calls: list[Future[Any]] = [start(work, cinema.service()) for _ in range(8)]
    done = Counter(row for call in calls for row in call.result(60))
    assert len(done) == 200
    assert set(done.values()) == {1}
    assert cinema.value("select count(*) from private.outbox where state = 'sent' and attempts = 1") == 200


def test_rows_of_a_dead_worker_come_back_after_their_lease(cinema: CinemaFixture) -> None:
    fill(cinema, 3)
    dead, alive = cinema.service(), cinema.service()
    cinema.freeze()
    first = dead.call("claim_outbox", lease_seconds=60)
    cinema.advance("59.999 seconds")
    assert alive.call("claim_outbox") == []
    cinema.advance("0.001 seconds")
    again = alive.call("claim_outbox")
    assert ids(again) == ids(first)
    assert {row["attempt"] for row in again} == {2}
    # Not dead after all, merely slow: what it says now no longer counts.
    assert not dead.call("complete_outbox", id=first[0]["id"], attempt=1)
    assert alive.call("complete_outbox", id=first[0]["id"], attempt=2)
    assert not alive.call("complete_outbox", id=first[0]["id"], attempt=2)


def test_a_slow_worker_and_its_successor_settle_once(cinema: CinemaFixture, start: Start) -> None:
    fill(cinema, 1)
    slow, next_one = cinema.service(), cinema.service()
    cinema.freeze()
    (row,) = slow.call("claim_outbox", lease_seconds=60)
    slow.begin()
    assert slow.call_in_transaction("complete_outbox", id=row["id"], attempt=1)
    cinema.advance("60 seconds")
    assert outcome(start(next_one.call, "claim_outbox")) == []  # being settled this moment
    slow.commit()
    assert next_one.call("claim_outbox") == []
    assert [order["state"] for order in cinema.outbox()] == ["sent"]
