"""What operators ask of the database: violations, figures, and what to compare with Stripe, page by page."""

from __future__ import annotations

import pytest

from tests.house import House


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
    assert service.call("figures") == {
        "outbox": [],
        "refunds": {},
        "payments_open": 0,
        "disputes_open": 0,
        "disputes": [],
        "violations": None,
        "verified_seconds_ago": None,
        "sweep_seconds_ago": None,
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
