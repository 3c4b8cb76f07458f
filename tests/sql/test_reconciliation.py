"""Whom reconciliation may ask Stripe about: nobody twice at once, in time while a booking is pending, and less and less
often afterwards."""

from __future__ import annotations

from tests.cinema import Caller, CinemaFixture


def open_payments(cinema: CinemaFixture, number: int) -> None:
    for seat in range(number):
        ada = cinema.customer()
        cinema.start_payment(ada, cinema.book(ada, seat), f"pi_{seat}")


def claim(cinema: CinemaFixture, worker: Caller | None = None, **more: object) -> list[str]:
    """The intents that a worker is given to ask about."""
    rows = (worker or cinema.service()).call("claim_payments_to_reconcile", **{"older_than": "2 minutes", **more})
    return [row["payment_intent_id"] for row in rows]


def pauses(cinema: CinemaFixture, looks: int) -> list[float]:
    """The minutes before each of the next looks."""
    worker, waits = cinema.service(), list[float]()
    for _ in range(looks):
        waited = 0
        while not claim(cinema, worker):
            cinema.advance("30 seconds")
            waited += 30
        waits.append(waited / 60)
    return waits


def test_looks_are_even_while_the_booking_is_pending_and_double_afterwards(cinema: CinemaFixture) -> None:
    cinema.freeze()
    open_payments(cinema, 1)
    assert pauses(cinema, 13) == [2, 2, 2, 2, 1.5, 2, 4, 8, 16, 32, 60, 60, 60]


def test_money_paid_at_minute_seven_without_a_webhook_is_found_before_the_booking_expires(
    cinema: CinemaFixture,
) -> None:
    cinema.freeze()
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    cinema.start_payment(ada, booking, "pi_0")
    for _ in range(7):
        cinema.advance("1 minute")
        claim(cinema)  # nothing is paid yet
    cinema.advance("1 minute")
    assert claim(cinema) == ["pi_0"]
    assert cinema.value("select expires_at > private.now() from public.bookings") is True


def test_a_question_that_was_not_answered_is_asked_again_after_the_first_pause(cinema: CinemaFixture) -> None:
    cinema.freeze()
    open_payments(cinema, 1)
    pauses(cinema, 9)
    payment_id = cinema.value("select id from public.payments")
    cinema.service().call("release_check", subject_id=payment_id, older_than="2 minutes")
    assert pauses(cinema, 2) == [2, 32]


def test_two_workers_never_ask_about_the_same_payment(cinema: CinemaFixture) -> None:
    open_payments(cinema, 5)
    cinema.advance("2 minutes")
    first, second = claim(cinema, max_rows=3), claim(cinema, max_rows=3)
    assert (len(first), len(second)) == (3, 2)
    assert not set(first) & set(second)
    assert claim(cinema) == []


def test_longest_due_payments_come_first(cinema: CinemaFixture) -> None:
    """So that nothing that stays open hides a payment whose webhook was lost."""
    cinema.freeze()
    open_payments(cinema, 2)
    cinema.advance("1 minute")
    ada = cinema.customer()
    cinema.start_payment(ada, cinema.book(ada, 5), "pi_new")
    cinema.advance("1 minute")
    assert set(claim(cinema)) == {"pi_0", "pi_1"}
    cinema.advance("3 minutes")
    assert claim(cinema, max_rows=1) == ["pi_new"]  # due for two minutes, those for one
    assert set(claim(cinema)) == {"pi_0", "pi_1"}


def test_a_payment_without_an_intent_is_not_asked_about(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.service().call("start_payment", booking_id=cinema.book(ada, 0)["id"], user_id=ada.user_id)
    cinema.advance("5 minutes")
    assert claim(cinema) == []


def test_looks_are_forgotten_and_written_into_no_history(cinema: CinemaFixture) -> None:
    open_payments(cinema, 1)
    before = cinema.value("select count(*) from private.booking_log")
    cinema.advance("2 minutes")
    claim(cinema)
    assert cinema.value("select count(*) from private.booking_log") == before
    cinema.owner.execute("update public.payments set status = 'canceled'")
    cinema.advance("25 hours")
    claim(cinema)
    assert cinema.value("select count(*) from private.stripe_checks") == 0


def test_refunds_that_do_not_move_are_asked_about(cinema: CinemaFixture) -> None:
    for seat in range(3):
        ada = cinema.customer()
        ada.call("cancel_booking", booking_id=cinema.buy(ada, seat)["id"])
    refunds = cinema.rows(
        "select r.id, p.payment_intent_id from public.refunds r join public.payments p on p.id = r.payment_id"
    )
    service = cinema.service()
    for number, row in enumerate(refunds):
        service.call(
            "record_refund",
            event_id=f"evt_{number}",
            event_type="refund.created",
            stripe_refund_id=f"re_{number}",
            payment_intent_id=row["payment_intent_id"],
            amount=1200,
            status="pending",
            refund_id=row["id"],
            attempt=1,
        )

    def claimed() -> list[str]:
        rows = service.call("claim_refunds_to_reconcile", older_than="2 minutes", max_rows=2)
        return [row["id"] for row in rows]

    assert claimed() == []
    cinema.advance("2 minutes")
    assert sorted(claimed() + claimed()) == sorted(str(row["id"]) for row in refunds)
    assert claimed() == []
    cinema.advance("4 minutes")
    assert len(claimed()) == 2
