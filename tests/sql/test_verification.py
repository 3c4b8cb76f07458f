"""What operators ask of the database: violations, figures, and what to compare with Stripe, page by page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.house import House, Json


def pages(house: House, function: str, key: str, **arguments: object) -> list[str]:
    """The keys of all rows, asked for two at a time."""
    service, keys, after = house.service(), list[str](), None
    while page := service.call(function, max_rows=2, after=after, **arguments):
        assert len(page) <= 2
        after = page[-1][key]
        keys += [row[key] for row in page]
    return keys


def test_all_that_is_open_is_reconciled_page_by_page(house: House) -> None:
    """Rows that stay open hide none of those behind them."""
    bookings = [house.book(customer, n) for n, customer in enumerate(house.customer() for _ in range(5))]
    house.freeze()  # equal times, so that the id decides
    for booking in bookings:
        owner = house.value("select user_id from public.bookings where id = %s", [booking["id"]])
        house.start_payment(house.caller("authenticated", owner), booking)
    house.advance("3 minutes")
    keys = pages(house, "payments_to_reconcile", "payment_id")
    assert sorted(keys) == sorted(str(row["id"]) for row in house.rows("select id from public.payments"))


def test_refunds_that_do_not_move_are_asked_about(house: House) -> None:
    for seat in range(3):
        ada = house.customer()
        ada.call("cancel_booking", booking_id=house.buy(ada, seat)["id"])
    refunds = house.rows(
        "select r.id, p.payment_intent_id from public.refunds r join public.payments p on p.id = r.payment_id"
    )
    service = house.service()
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
    assert service.call("refunds_to_reconcile") == []
    house.advance("3 minutes")
    assert sorted(pages(house, "refunds_to_reconcile", "id")) == sorted(str(row["id"]) for row in refunds)


def test_money_that_arrived_is_listed_with_what_went_back(house: House) -> None:
    before = house.value("select private.now()")
    ada = house.customer()
    first, second = house.buy(ada, 0), house.buy(ada, 1)
    house.book(ada, 2)
    intent = house.value("select payment_intent_id from public.payments where booking_id = %s", [first["id"]])
    house.service().call(
        "record_refund",
        event_id="evt_1",
        event_type="refund.created",
        stripe_refund_id="re_1",
        payment_intent_id=intent,
        amount=200,
        status="succeeded",
    )
    rows = house.service().call("payments_to_verify", since=before)
    assert [row["booking_id"] for row in rows] == [first["id"], second["id"]]
    assert (rows[0]["payment_intent_id"], rows[0]["amount"], rows[0]["currency"]) == (intent, 1200, "EUR")
    assert rows[0]["refunds"] == [{"stripe_refund_id": "re_1", "amount": 200, "status": "succeeded"}]
    assert rows[1]["refunds"] == []
    assert pages(house, "payments_to_verify", "payment_id", since=before) == [row["payment_id"] for row in rows]
    assert house.service().call("payments_to_verify", since=house.value("select private.now()")) == []


def test_one_of_all_workers_verifies_once_a_day(house: House) -> None:
    one, two = house.service(), house.service()
    assert [one.call("begin_verification"), two.call("begin_verification")] == [True, False]
    one.call("end_verification", violations=0)
    house.advance("23 hours 59 minutes")
    assert two.call("begin_verification") is False
    house.advance("2 minutes")
    assert [two.call("begin_verification"), one.call("begin_verification")] == [True, False]


def test_a_verification_that_broke_off_is_due_again_in_an_hour(house: House) -> None:
    service = house.service()
    assert service.call("begin_verification") is True
    house.advance("59 minutes")
    assert service.call("begin_verification") is False
    house.advance("2 minutes")
    assert service.call("begin_verification") is True


def test_figures_say_what_waits(house: House) -> None:
    service = house.service()
    before = service.call("figures")
    # Counted from when the database was made, so that who never swept and never looked is noticed, too.
    assert 0 <= before.pop("verified_seconds_ago") < 3600
    assert 0 <= before.pop("sweep_seconds_ago") < 3600
    assert before == {
        "outbox": [],
        "refunds": {},
        "refund_ages": {},
        "payments_open": 0,
        "disputes_open": 0,
        "disputes": [],
        "violations": None,
        "locks_held": 0,
        "lock_ids": 0,
        "bookings_recent": {},
        "payments_recent": {},
    }
    ada = house.customer()
    booking = house.buy(ada, 0)
    house.start_payment(ada, house.book(ada, 1))
    ada.call("cancel_booking", booking_id=booking["id"])
    service.call("end_verification", violations=3)
    house.advance("90 seconds")
    figures = service.call("figures")
    waiting = {row["kind"]: (row["state"], row["rows"]) for row in figures["outbox"]}
    assert waiting == {
        "mail_confirmation": ("queued", 1),
        "mail_refund": ("queued", 1),
        "refund": ("queued", 1),
    }
    assert all(90 <= row["oldest_seconds"] < 150 for row in figures["outbox"])
    assert (figures["refunds"], figures["payments_open"], figures["violations"]) == ({"queued": 1}, 1, 3)
    assert 90 <= figures["verified_seconds_ago"] < 150
    assert (figures["locks_held"], figures["lock_ids"]) == (1, 2)
    assert figures["bookings_recent"] == {"pending": 2, "confirmed": 1, "cancelled": 1}
    assert figures["payments_recent"] == {"open": 2, "succeeded": 1}
    house.sweep()
    house.advance("4 minutes")
    figures = service.call("figures")
    assert figures["sweep_seconds_ago"] >= 240
    assert figures["bookings_recent"] == figures["payments_recent"] == {}


@pytest.fixture
def money(house: House) -> Callable[[], Json]:
    """The figures of the outbox about refunds, after a cancellation."""
    ada = house.customer()
    booking = house.buy(ada, 0)
    house.freeze()
    ada.call("cancel_booking", booking_id=booking["id"])

    def figures() -> Json:
        (row,) = [row for row in house.service().call("figures")["outbox"] if row["kind"] == "refund"]
        return row

    return figures


def claim(house: House) -> Json:
    (order,) = house.service().call("claim_outbox", kinds=["refund"], lease_seconds=180)
    return order


def test_what_nobody_takes_is_overdue(house: House, money: Callable[[], Json]) -> None:
    """FrontrowWorkerGone asks for overdue_seconds."""
    assert money()["overdue_seconds"] == 0
    house.advance("16 minutes")
    assert money()["overdue_seconds"] == 16 * 60


def test_what_waits_for_its_next_try_is_old_and_not_overdue(house: House, money: Callable[[], Json]) -> None:
    for _ in range(9):
        order = claim(house)
        house.service().call("settle_outbox", id=order["id"], attempt=order["attempt"], error="Stripe is away")
        (row,) = house.outbox("refund")
        house.advance(str(row["due_at"] - house.value("select private.now()") - timedelta(seconds=1)))
        assert money()["overdue_seconds"] == 0
        house.advance("1 second")
    assert money()["oldest_seconds"] > 300
    house.advance("5 minutes")
    assert money()["overdue_seconds"] == 300


def test_a_refund_that_stripe_refused_is_not_overdue(house: House, money: Callable[[], Json]) -> None:
    order = claim(house)
    house.service().call(
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
    house.service().call("settle_outbox", id=order["id"], attempt=order["attempt"], error=None)
    house.advance("59 minutes")
    assert (money()["overdue_seconds"], money()["oldest_seconds"]) == (0, 59 * 60)
    house.advance("2 minutes")
    assert money()["overdue_seconds"] == 60


def test_what_a_worker_took_and_died_of_is_overdue_when_its_lease_ends(house: House, money: Callable[[], Json]) -> None:
    claim(house)
    house.advance("180 seconds")
    assert money()["overdue_seconds"] == 0
    house.advance("60 seconds")
    assert money()["overdue_seconds"] == 60


def test_the_age_of_a_refund_counts_from_when_it_became_what_it_is(house: House, money: Callable[[], Json]) -> None:
    """Two that follow each other are no old one; one that is refused every hour is."""
    del money
    (refund,) = house.rows(
        "select r.id, p.payment_intent_id from public.refunds r join public.payments p using (booking_id)"
    )

    def say(status: str, attempt: int, stripe_refund_id: str | None) -> None:
        house.service().call(
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
        return house.service().call("figures")["refund_ages"]

    house.advance("10 seconds")
    assert ages() == {"queued": 10}
    say("pending", 1, "re_1")
    house.advance("9 days")
    say("pending", 1, "re_1")  # said again
    assert ages() == {"pending": 9 * 86400}
    say("succeeded", 1, "re_1")
    assert ages() == {}
    house.advance("9 days")
    say("failed", 1, "re_1")  # the bank sent it back
    assert ages() == {"failed": 0}
    for attempt in (2, 3):
        house.advance("1 hour")
        say("failed", attempt, None)
    assert ages() == {"failed": 7200}


def test_a_verification_by_hand_is_noted_and_puts_off_no_daily_one(house: House) -> None:
    service = house.service()
    service.call("begin_verification")
    service.call("end_verification", violations=3)
    house.advance("2 days")
    service.call("end_verification", violations=0, daily=False)
    figures = service.call("figures")
    assert figures["violations"] == 0
    assert figures["verified_seconds_ago"] >= 2 * 86400
    assert service.call("begin_verification") is True


def test_a_declined_card_is_told_from_a_payment_that_waits(house: House) -> None:
    ada = house.customer()
    intent = house.start_payment(ada, house.book(ada, 0))
    house.service().call(
        "record_payment_failure",
        event_id="evt_1",
        event_type="payment_intent.payment_failed",
        payment_intent_id=intent,
        failure_code="card_declined",
    )
    assert house.service().call("figures")["payments_recent"] == {"open": 1, "declined": 1}


@pytest.mark.parametrize("function", ["violations", "figures"])
def test_they_are_for_the_secret_key(house: House, function: str) -> None:
    with pytest.raises(Exception, match="permission denied"):
        house.customer().query(f"select * from public.{function}()")
    assert house.service().query(f"select * from public.{function}()") is not None
