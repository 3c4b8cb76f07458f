"""Verification and metrics: violations, figures, and the pages of payments to compare with Stripe."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.cinema import CinemaFixture, Json


def pages(cinema: CinemaFixture, function: str, key: str, **arguments: object) -> list[str]:
    """The keys of all rows, asked for two at a time."""
    service, keys, after = cinema.service(), list[str](), None
    while page := service.call(function, max_rows=2, after=after, **arguments):
        assert len(page) <= 2
        after = page[-1][key]
        keys += [row[key] for row in page]
    return keys


def test_money_that_arrived_is_listed_with_what_went_back(cinema: CinemaFixture) -> None:
    before = cinema.value("select private.now()")
    ada = cinema.customer()
    first, second = cinema.buy(ada, 0), cinema.buy(ada, 1)
    cinema.book(ada, 2)
    intent = cinema.value("select payment_intent_id from public.payments where booking_id = %s", [first["id"]])
    cinema.service().call(
        "record_refund",
        event_id="evt_1",
        event_type="refund.created",
        stripe_refund_id="re_1",
        payment_intent_id=intent,
        amount=200,
        status="succeeded",
    )
    rows = cinema.service().call("payments_to_verify", since=before)
    assert [row["booking_id"] for row in rows] == [first["id"], second["id"]]
    assert (rows[0]["payment_intent_id"], rows[0]["amount"], rows[0]["currency"]) == (intent, 1200, "EUR")
    assert rows[0]["refunds"] == [{"stripe_refund_id": "re_1", "amount": 200, "status": "succeeded"}]
    assert rows[1]["refunds"] == []
    assert pages(cinema, "payments_to_verify", "payment_id", since=before) == [row["payment_id"] for row in rows]
    assert cinema.service().call("payments_to_verify", since=cinema.value("select private.now()")) == []


def test_one_of_all_workers_verifies_once_a_day(cinema: CinemaFixture) -> None:
    one, two = cinema.service(), cinema.service()
    assert [one.call("start_verification"), two.call("start_verification")] == [True, False]
    one.call("finish_verification", violations=0)
    cinema.advance("23 hours 59 minutes")
    assert two.call("start_verification") is False
    cinema.advance("2 minutes")
    assert [two.call("start_verification"), one.call("start_verification")] == [True, False]


def test_a_verification_that_broke_off_is_due_again_in_an_hour(cinema: CinemaFixture) -> None:
    service = cinema.service()
    assert service.call("start_verification") is True
    cinema.advance("59 minutes")
    assert service.call("start_verification") is False
    cinema.advance("2 minutes")
    assert service.call("start_verification") is True


def test_metrics_count_waiting_rows(cinema: CinemaFixture) -> None:
    service = cinema.service()
    before = service.call("operational_metrics")
    # Counted from when the database was made, so that who never swept and never looked is noticed, too.
    assert 0 <= before.pop("verified_seconds_ago") < 3600
    assert 0 <= before.pop("sweep_seconds_ago") < 3600
    assert 0 <= before.pop("retention_seconds_ago") < 3600
    begun = before.pop("locks_begun")
    assert before == {
        "outbox": [],
        "refunds": {},
        "refund_ages": {},
        "payments_open": 0,
        "disputes_open": 0,
        "disputes": [],
        "violations": None,
        "sweep_failures": 0,
        "departures_overdue": 0,
        "locks_held": 0,
        "bookings_recent": {},
        "payments_recent": {},
    }
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    cinema.start_payment(ada, cinema.book(ada, 1))
    ada.call("cancel_booking", booking_id=booking["id"])
    service.call("finish_verification", violations=3)
    cinema.advance("90 seconds")
    ada.query("select pg_stat_force_next_flush()")  # PostgreSQL counts with a delay
    figures = service.call("operational_metrics")
    waiting = {row["kind"]: (row["state"], row["rows"]) for row in figures["outbox"]}
    assert waiting == {
        "mail_confirmation": ("queued", 1),
        "mail_refund": ("queued", 1),
        "refund": ("queued", 1),
    }
    assert all(90 <= row["oldest_seconds"] < 150 for row in figures["outbox"])
    assert (figures["refunds"], figures["payments_open"], figures["violations"]) == ({"queued": 1}, 1, 3)
    assert 90 <= figures["verified_seconds_ago"] < 150
    assert (figures["locks_held"], figures["locks_begun"] - begun) == (1, 2)
    assert figures["bookings_recent"] == {"pending": 2, "confirmed": 1, "cancelled": 1}
    assert figures["payments_recent"] == {"open": 2, "succeeded": 1}
    cinema.sweep()
    cinema.advance("4 minutes")
    figures = service.call("operational_metrics")
    assert figures["sweep_seconds_ago"] >= 240
    assert figures["retention_seconds_ago"] >= 240
    assert figures["bookings_recent"] == figures["payments_recent"] == {}


@pytest.fixture
def money(cinema: CinemaFixture) -> Callable[[], Json]:
    """The figures of the outbox about refunds, after a cancellation."""
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    cinema.freeze()
    ada.call("cancel_booking", booking_id=booking["id"])

    def figures() -> Json:
        (row,) = [row for row in cinema.service().call("operational_metrics")["outbox"] if row["kind"] == "refund"]
        return row

    return figures


def claim(cinema: CinemaFixture) -> Json:
    (order,) = cinema.service().call("claim_outbox", kinds=["refund"], lease_seconds=180)
    return order


def test_unclaimed_rows_are_overdue(cinema: CinemaFixture, money: Callable[[], Json]) -> None:
    """FrontrowWorkerGone asks for overdue_seconds."""
    assert money()["overdue_seconds"] == 0
    cinema.advance("16 minutes")
    assert money()["overdue_seconds"] == 16 * 60


def test_rows_waiting_for_a_retry_are_not_overdue(cinema: CinemaFixture, money: Callable[[], Json]) -> None:
    for _ in range(9):
        order = claim(cinema)
        cinema.service().call("complete_outbox", id=order["id"], attempt=order["attempt"], error="Stripe is away")
        (row,) = cinema.outbox("refund")
        cinema.advance(str(row["due_at"] - cinema.value("select private.now()") - timedelta(seconds=1)))
        assert money()["overdue_seconds"] == 0
        cinema.advance("1 second")
    assert money()["oldest_seconds"] > 300
    cinema.advance("5 minutes")
    assert money()["overdue_seconds"] == 300


def test_a_refund_that_stripe_refused_is_not_overdue(cinema: CinemaFixture, money: Callable[[], Json]) -> None:
    order = claim(cinema)
    cinema.service().call(
        "record_refund",
        event_id=None,
        event_type="worker",
        stripe_refund_id=None,
        payment_intent_id=order["refund"]["payment_intent_id"],
        amount=1200,
        status="failed",
        failure_reason="insufficient_funds",
        refund_id=order["refund"]["id"],
        attempt=1,
    )
    cinema.service().call("complete_outbox", id=order["id"], attempt=order["attempt"], error=None)
    cinema.advance("59 minutes")
    assert (money()["overdue_seconds"], money()["oldest_seconds"]) == (0, 59 * 60)
    cinema.advance("2 minutes")
    assert money()["overdue_seconds"] == 60


def test_abandoned_claims_are_overdue_after_their_lease(cinema: CinemaFixture, money: Callable[[], Json]) -> None:
    claim(cinema)
    cinema.advance("180 seconds")
    assert money()["overdue_seconds"] == 0
    cinema.advance("60 seconds")
    assert money()["overdue_seconds"] == 60


def test_the_age_of_a_refund_counts_from_when_it_became_what_it_is(
    cinema: CinemaFixture, money: Callable[[], Json]
) -> None:
    """Two that follow each other are no old one; one that is refused every hour is."""
    del money
    (refund,) = cinema.rows(
        "select r.id, p.payment_intent_id from public.refunds r join public.payments p using (booking_id)"
    )

    def say(status: str, attempt: int, stripe_refund_id: str | None) -> None:
        cinema.service().call(
            "record_refund",
            event_id=None,
            event_type="worker",
            stripe_refund_id=stripe_refund_id,
            payment_intent_id=refund["payment_intent_id"],
            amount=1200,
            status=status,
            refund_id=refund["id"],
            attempt=attempt,
        )

    def ages() -> Json:
        return cinema.service().call("operational_metrics")["refund_ages"]

    cinema.advance("10 seconds")
    assert ages() == {"queued": 10}
    say("pending", 1, "re_1")
    cinema.advance("9 days")
    say("pending", 1, "re_1")  # said again
    assert ages() == {"pending": 9 * 86400}
    say("succeeded", 1, "re_1")
    assert ages() == {}
    cinema.advance("9 days")
    say("failed", 1, "re_1")  # the bank sent it back
    assert ages() == {"failed": 0}
    for attempt in (2, 3):
        cinema.advance("1 hour")
        say("failed", attempt, None)
    assert ages() == {"failed": 7200}


def test_a_verification_by_hand_is_noted_and_puts_off_no_daily_one(cinema: CinemaFixture) -> None:
    service = cinema.service()
    service.call("start_verification")
    service.call("finish_verification", violations=3)
    cinema.advance("2 days")
    service.call("finish_verification", violations=0, daily=False)
    figures = service.call("operational_metrics")
    assert figures["violations"] == 0
    assert figures["verified_seconds_ago"] >= 2 * 86400
    assert service.call("start_verification") is True


def test_metrics_distinguish_declined_from_pending(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    intent = cinema.start_payment(ada, cinema.book(ada, 0))
    cinema.service().call(
        "record_payment_failure",
        event_id="evt_1",
        event_type="payment_intent.payment_failed",
        payment_intent_id=intent,
        failure_code="card_declined",
    )
    assert cinema.service().call("operational_metrics")["payments_recent"] == {"open": 1, "declined": 1}


@pytest.mark.parametrize("function", ["check_invariants", "operational_metrics"])
def test_metrics_require_the_secret_key(cinema: CinemaFixture, function: str) -> None:
    with pytest.raises(Exception, match="permission denied"):
        cinema.customer().query(f"select * from public.{function}()")
    assert cinema.service().query(f"select * from public.{function}()") is not None
