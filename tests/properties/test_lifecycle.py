"""Whatever happens to seats and money, in whatever order: nothing is sold twice and no money is lost.

FRONTROW_LIFECYCLES=2000 tries that many lives, other ones each time; by default it is a fixed few.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.concurrency.parallel import BOOKINGS_ARE_NOT_LOCKED, let_seats_have_any_number_of_holders, rewrite
from tests.properties.lifecycle import Frontrow, lifecycle_of

LIVES = int(os.environ.get("FRONTROW_LIFECYCLES", "0"))
FEW = 8
"""Lives that `make test` tries; `make test-slow` tries five times as many. Both are the same ones each time."""
SETTINGS = settings(
    max_examples=LIVES or 5 * FEW,
    stateful_step_count=40,
    derandomize=not LIVES,
    deadline=None,
    print_blob=True,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def frontrow(database_url: str) -> Iterator[Frontrow]:
    frontrow = Frontrow(database_url)
    yield frontrow
    frontrow.close()


@pytest.mark.timeout(900)  # when it fails, it takes minutes to look for a shorter life that fails as well
@pytest.mark.parametrize("lives", [FEW, pytest.param(LIVES or 5 * FEW, marks=pytest.mark.slow)])
def test_every_life_of_seats_and_money(frontrow: Frontrow, lives: int) -> None:
    run_state_machine_as_test(lifecycle_of(frontrow), settings=settings(SETTINGS, max_examples=lives))


# Mistakes that somebody might make in sql/, and what the machine says when it finds them.
SETTLE = "private.settle_booking(public.bookings,public.payments,timestamptz)"
MUTANTS: dict[str, tuple[str, str, str, str]] = {
    "any amount will do": (SETTLE, "return 'amount_differs'", "perform null", "amount_differs"),
    "cancelling returns no money": (
        "private.refund_booking(public.bookings,text)",
        "p.status = 'succeeded'",
        "p.status = 'open'",
        "I2 money is kept without a confirmed booking",
    ),
    "released seats stay held": (
        "public.release_seats(bigint,bigint[])",
        "private.ended(l.held, v_now)",
        "l.held",
        "still held|it should be",
    ),
    "the map shows a lock too long": (
        "public.seat_map(bigint)",
        "o.held @> v_now",
        "o.held && tstzrange(v_now - interval '1 second', v_now, '[]')",
        "it should be",
    ),
    "a row dies with its worker": (
        "public.claim_outbox(integer,integer,text[])",
        "o.claimed_until <= v_now",
        "false",
        "It never comes to rest",
    ),
    "an order moves without its seats": (
        "private.move_bookings(uuid,uuid,boolean,timestamptz)",
        "b.user_id = p_to) end",
        "b.user_id is null) end",
        "I3|PT409|it should be|was due|still held",
    ),
    "a guest's order takes the place of the account's": (
        "private.has_selection(uuid,bigint,timestamptz)",
        "select exists",
        "select false and exists",
        "PT409|it should be|was due|still held|one_pending_booking",
    ),
    "no e-mail for what is confirmed": (
        "private.enqueue(private.outbox_kind,text,public.bookings,jsonb,interval)",
        "values (p_kind, p_key, p_booking.id, p_payload, private.now() + p_delay)",
        "select p_kind, p_key, p_booking.id, p_payload, private.now() + p_delay where p_kind <> 'mail_confirmation'",
        "I6 a confirmation has no mail",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutant_is_found(frontrow: Frontrow, mutant: str) -> None:
    function, old, new, complaint = MUTANTS[mutant]
    rewrite(frontrow.cinema, function, (old, new))
    assert re.search(complaint, what_the_machine_finds(frontrow))


def test_mutant_seats_with_any_number_of_holders_is_found(frontrow: Frontrow) -> None:
    let_seats_have_any_number_of_holders(frontrow.cinema)
    assert re.search(
        "seat_taken was due|should be seats_gone|I1 a seat is held twice", what_the_machine_finds(frontrow)
    )


def test_mutant_bookings_that_are_not_locked_is_found(frontrow: Frontrow) -> None:
    """Nothing but two calls at once shows it."""
    frontrow.cinema.owner.execute(BOOKINGS_ARE_NOT_LOCKED)
    assert re.search("it should be|I2|I3", what_the_machine_finds(frontrow))


def what_the_machine_finds(frontrow: Frontrow) -> str:
    """The first complaint of the machine."""
    enough = settings(SETTINGS, max_examples=300, phases=[Phase.generate], print_blob=False)
    with pytest.raises((AssertionError, psycopg.Error)) as found:
        run_state_machine_as_test(lifecycle_of(frontrow), settings=enough)
    return str(found.value)
