"""start_payment, attach_payment_intent, confirm_booking, record_payment_failure: the rules of money, one by one."""

from __future__ import annotations

import uuid

import pytest

from tests.cinema import Caller, CinemaFixture, Json, Refused


def pending(cinema: CinemaFixture, *seats: int) -> tuple[Caller, Json, str]:
    """A customer with a pending booking and an intent to pay it."""
    ada = cinema.customer()
    booking = cinema.book(ada, *(seats or (0, 1)))
    return ada, booking, cinema.start_payment(ada, booking)


def refunds(cinema: CinemaFixture) -> list[Json]:
    return cinema.rows("select reason, amount, currency, status from public.refunds order by created_at")


@pytest.mark.transition("payment.started")
def test_starting_to_pay_asks_for_the_total(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 49)
    started = cinema.service().call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert started["amount"] == booking["total"] == 2700
    assert started["currency"] == "EUR"
    assert started["payment_intent_id"] is None
    assert started["reference"] == booking["reference"]
    assert started["expires_at"] > booking["expires_at"]
    again = cinema.service().call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert again == started


def test_one_payment_keeps_one_intent(cinema: CinemaFixture) -> None:
    ada, booking, intent = pending(cinema)
    service = cinema.service()
    payment = service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert payment["payment_intent_id"] == intent
    attach = {"payment_id": payment["payment_id"]}
    assert service.call("attach_payment_intent", **attach, payment_intent_id=intent) == {"attached": True}
    assert service.call("attach_payment_intent", **attach, payment_intent_id="pi_other") == {"attached": False}
    with pytest.raises(Refused, match="not_payable"):
        service.call("attach_payment_intent", payment_id=uuid.uuid4(), payment_intent_id="pi_other")


def test_only_the_owner_pays_and_only_in_time(cinema: CinemaFixture) -> None:
    ada, booking, _ = pending(cinema)
    service = cinema.service()
    for booking_id, user_id in ((booking["id"], cinema.customer("Bob").user_id), (uuid.uuid4(), ada.user_id)):
        with pytest.raises(Refused, match="unknown_booking"):
            service.call("start_payment", booking_id=booking_id, user_id=user_id)
    cinema.advance("10 minutes")
    for _ in range(2):  # before and after the sweep
        with pytest.raises(Refused, match="lock_expired"):
            service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
        cinema.sweep()
    paid = cinema.buy(ada, 5)
    with pytest.raises(Refused) as refused:
        service.call("start_payment", booking_id=paid["id"], user_id=ada.user_id)
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "not_payable")


@pytest.mark.transition("booking.paid", "lock.sold", "payment.succeeded", "outbox.enqueued")
def test_rule_1_paid_in_time_is_confirmed(cinema: CinemaFixture) -> None:
    ada, booking, intent = pending(cinema)
    cinema.advance("9 minutes 59 seconds")
    answer = cinema.pay(booking, intent)
    assert answer == {"outcome": "confirmed", "booking_id": booking["id"], "reason": None}
    assert cinema.status(booking) == "confirmed"
    assert cinema.states(ada)[:2] == ["mine", "mine"]
    assert cinema.states()[:2] == ["booked", "booked"]
    cinema.advance("3 hours")
    assert cinema.states()[:2] == ["booked", "booked"]
    (event,) = cinema.events("seat:book")
    assert event["payload"]["seat_ids"] == cinema.seats[:2]
    assert set(event["payload"]) == {"seat_ids", "lock_ids"}
    assert [order["key"] for order in cinema.outbox()] == [f"mail:confirmation:{booking['id']}"]
    assert refunds(cinema) == []
    assert cinema.violations() == []


@pytest.mark.transition("booking.paid_late", "lock.sold_late")
@pytest.mark.parametrize("swept", [False, True])
def test_rule_2_paid_late_with_the_seats_free_is_confirmed_too(cinema: CinemaFixture, swept: bool) -> None:
    _, booking, intent = pending(cinema)
    cinema.advance("11 minutes")
    if swept:
        cinema.sweep()
        assert cinema.status(booking) == "expired"
    assert cinema.pay(booking, intent)["outcome"] == "confirmed"
    assert cinema.states()[:2] == ["booked", "booked"]
    (event,) = cinema.events("seat:book")
    first_locks = cinema.events("seat:lock")[0]["payload"]["lock_ids"]
    assert min(event["payload"]["lock_ids"]) > max(first_locks)
    assert refunds(cinema) == []
    assert cinema.violations() == []


@pytest.mark.transition("booking.paid_too_late")
@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("by", ["lock", "sale"])
def test_rule_3_paid_late_with_a_seat_gone_is_refunded(cinema: CinemaFixture, swept: bool, by: str) -> None:
    _, booking, intent = pending(cinema)
    cinema.advance("11 minutes")
    if swept:
        cinema.sweep()
    bob = cinema.customer("Bob")
    if by == "lock":
        cinema.lock(bob, 1)
    else:
        cinema.buy(bob, 1)
    answer = cinema.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "seats_gone")
    assert cinema.status(booking) == "expired"
    assert cinema.states()[0] == "free"  # never a part, never a swap
    assert refunds(cinema) == [{"reason": "seats_gone", "amount": 2400, "currency": "EUR", "status": "queued"}]
    assert [o["kind"] for o in cinema.outbox() if o["booking_id"] == uuid.UUID(booking["id"])] == [
        *(["cancel_intent"] if swept else []),
        "refund",
        "mail_refund",
    ]
    assert cinema.violations() == []


def test_rule_3_paid_after_the_film_began_is_refunded(cinema: CinemaFixture) -> None:
    _, booking, intent = pending(cinema)
    cinema.advance("2 days")
    answer = cinema.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "showtime_closed")
    assert cinema.violations() == []


def test_payment_for_a_cancelled_showtime_is_refunded(cinema: CinemaFixture) -> None:
    _, booking, intent = pending(cinema)
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    answer = cinema.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "showtime_cancelled")
    assert cinema.status(booking) == "expired"
    assert cinema.states()[:2] == ["free", "free"]
    assert cinema.violations() == []


def test_late_payment_over_the_seat_limit_is_refunded(cinema: CinemaFixture) -> None:
    ada, first, intent = pending(cinema, *range(10))
    cinema.advance("10 minutes")
    second = cinema.book(ada, *range(10, 20))
    answer = cinema.pay(first, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "too_many_seats")
    assert cinema.pay(second, cinema.start_payment(ada, second))["outcome"] == "confirmed"
    assert cinema.states(ada).count("mine") == 10
    assert cinema.violations() == []


@pytest.mark.parametrize("changes", [{"amount": 2399}, {"amount": 2401}, {"currency": "usd"}])
def test_rule_4_another_amount_or_currency_is_refunded_as_it_came(cinema: CinemaFixture, changes: Json) -> None:
    _, booking, intent = pending(cinema)
    answer = cinema.pay(booking, intent, **changes)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "amount_differs")
    (refund,) = refunds(cinema)
    assert refund["amount"] == changes.get("amount", 2400)
    assert refund["currency"] == changes.get("currency", "eur").upper()
    assert cinema.status(booking) == "pending"  # and may still be paid as it should be
    assert cinema.violations() == []


def test_rule_4_a_booking_cancelled_meanwhile_is_refunded(cinema: CinemaFixture) -> None:
    ada, booking, intent = pending(cinema)
    ada.call("cancel_booking", booking_id=booking["id"])
    answer = cinema.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "booking_cancelled")
    assert cinema.status(booking) == "cancelled"
    assert cinema.violations() == []


def test_rule_4_a_second_payment_is_refunded_and_the_first_kept(cinema: CinemaFixture) -> None:
    _, booking, intent = pending(cinema)
    assert cinema.pay(booking, intent)["outcome"] == "confirmed"
    answer = cinema.pay(booking, "pi_second")
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "second_payment")
    assert cinema.status(booking) == "confirmed"
    (refund,) = cinema.rows(
        "select p.payment_intent_id, r.reason from public.refunds r join public.payments p on p.id = r.payment_id"
    )
    assert refund == {"payment_intent_id": "pi_second", "reason": "second_payment"}
    assert cinema.violations() == []


def test_payment_by_a_second_intent_cancels_the_first(cinema: CinemaFixture) -> None:
    _, booking, intent = pending(cinema)
    assert cinema.pay(booking, "pi_second")["outcome"] == "confirmed"
    (order,) = cinema.outbox("cancel_intent")
    assert order["payload"] == {"payment_intent_id": intent}
    answer = cinema.pay(booking, intent)  # paid all the same, in that very moment
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "second_payment")
    assert cinema.violations() == []


def due(cinema: CinemaFixture) -> list[str]:
    """The intents that a worker is given to ask Stripe about."""
    claimed = cinema.service().call("claim_payments_to_reconcile", older_than="2 minutes")
    return [payment["payment_intent_id"] for payment in claimed]


def test_rule_5_reconciliation_sees_what_stays_open(cinema: CinemaFixture) -> None:
    _, booking, intent = pending(cinema)
    service = cinema.service()
    assert due(cinema) == []
    cinema.advance("2 minutes")
    (open_payment,) = service.call("claim_payments_to_reconcile", older_than="2 minutes")
    assert (open_payment["payment_intent_id"], open_payment["booking_id"]) == (intent, booking["id"])
    cinema.pay(booking, intent, event_id=f"reconcile:{intent}:succeeded")
    cinema.advance("1 hour")
    assert due(cinema) == []


@pytest.mark.transition("booking.expired", "payment.canceled")
def test_rule_6_an_expired_booking_has_its_intent_cancelled_once(cinema: CinemaFixture) -> None:
    _, _, intent = pending(cinema)
    cinema.advance("10 minutes")
    assert cinema.sweep()["bookings_expired"] == 1
    assert cinema.sweep()["bookings_expired"] == 0
    (order,) = cinema.outbox()
    assert (order["kind"], order["payload"]) == ("cancel_intent", {"payment_intent_id": intent})
    cinema.service().call(
        "record_payment_failure", event_id=None, event_type=None, payment_intent_id=intent, canceled=True
    )
    assert cinema.value("select status from public.payments") == "canceled"


def test_intent_attached_after_the_booking_ended_is_cancelled(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    service = cinema.service()
    payment = service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    cinema.advance("10 minutes")
    cinema.sweep()
    assert cinema.value("select status from public.payments") == "canceled"  # nobody could have paid it
    service.call("attach_payment_intent", payment_id=payment["payment_id"], payment_intent_id="pi_late")
    assert cinema.value("select status from public.payments") == "open"
    (order,) = cinema.outbox("cancel_intent")
    assert order["payload"] == {"payment_intent_id": "pi_late"}


def test_the_webhook_may_overtake_the_attachment(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    service = cinema.service()
    payment = service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert cinema.pay(booking, "pi_fast")["outcome"] == "confirmed"
    attached = service.call("attach_payment_intent", payment_id=payment["payment_id"], payment_intent_id="pi_fast")
    assert attached == {"attached": True}
    assert cinema.value("select count(*) from public.payments") == 1
    assert cinema.violations() == []


def test_a_duplicate_event_does_nothing(cinema: CinemaFixture) -> None:
    _, booking, intent = pending(cinema)
    first = cinema.pay(booking, intent, event_id="evt_1")
    assert first["outcome"] == "confirmed"
    assert cinema.pay(booking, intent, event_id="evt_1") == {"outcome": "duplicate"}
    assert cinema.pay(booking, intent, event_id="evt_2")["outcome"] == "already_settled"
    assert len(cinema.outbox()) == 1
    assert cinema.rows("select id, outcome from private.stripe_events order by id") == [
        {"id": "evt_1", "outcome": "confirmed"},
        {"id": "evt_2", "outcome": "already_settled"},
    ]


def test_an_event_whose_effect_fails_is_not_recorded(cinema: CinemaFixture) -> None:
    _, booking, intent = pending(cinema)
    for changes in ({"amount": -1}, {"amount": 0}, {"amount": None}, {"currency": None}):
        with pytest.raises(Refused) as refused:
            cinema.pay(booking, intent, event_id="evt_1", **changes)
        assert (refused.value.sqlstate, refused.value.code) == ("PT400", "invalid_request")
    assert cinema.rows("select * from private.stripe_events") == []
    assert cinema.status(booking) == "pending"
    assert cinema.pay(booking, intent, event_id="evt_1")["outcome"] == "confirmed"


def test_unmatched_payments_are_recorded(cinema: CinemaFixture) -> None:
    _, booking, _ = pending(cinema)
    answer = cinema.pay(booking, "pi_foreign", booking_id=None, event_id="evt_1")
    assert answer == {"outcome": "unmatched", "booking_id": None, "reason": None}
    assert cinema.value("select outcome from private.stripe_events") == "unmatched"


@pytest.mark.transition("payment.declined")
def test_a_decline_is_noted_and_the_seats_stay(cinema: CinemaFixture) -> None:
    ada, booking, intent = pending(cinema)
    service = cinema.service()
    said = {
        "event_id": "evt_1",
        "event_type": "payment_intent.payment_failed",
        "payment_intent_id": intent,
        "failure_code": "card_declined",
        "failure_message": "Your card was declined.",
    }
    assert service.call("record_payment_failure", **said)["outcome"] == "noted"
    assert service.call("record_payment_failure", **said)["outcome"] == "duplicate"
    (payment,) = ada.call("my_booking", booking_id=booking["id"])["payments"]
    assert (payment["status"], payment["failure_code"]) == ("open", "card_declined")
    assert cinema.states(ada)[:2] == ["mine", "mine"]
    assert cinema.pay(booking, intent)["outcome"] == "confirmed"
    assert cinema.value("select failure_code from public.payments") is None
    assert service.call("record_payment_failure", **{**said, "event_id": "evt_0"})["outcome"] == "unmatched"
    assert cinema.status(booking) == "confirmed"  # a failure that comes late changes nothing


def test_after_a_canceled_intent_a_new_payment_begins(cinema: CinemaFixture) -> None:
    ada, booking, intent = pending(cinema)
    service = cinema.service()
    service.call("record_payment_failure", event_id=None, event_type=None, payment_intent_id=intent, canceled=True)
    payment = service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert payment["payment_intent_id"] is None
    assert cinema.pay(booking, cinema.start_payment(ada, booking))["outcome"] == "confirmed"
    assert cinema.violations() == []


@pytest.mark.transition("payment.paid_after_cancel")
def test_a_canceled_intent_that_was_paid_after_all_counts(cinema: CinemaFixture) -> None:
    _, booking, intent = pending(cinema)
    cinema.service().call(
        "record_payment_failure", event_id=None, event_type=None, payment_intent_id=intent, canceled=True
    )
    assert cinema.pay(booking, intent)["outcome"] == "confirmed"
    assert cinema.violations() == []
