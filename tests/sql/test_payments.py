"""start_payment, attach_payment_intent, confirm_booking, record_payment_failure: the rules of money, one by one."""

from __future__ import annotations

import uuid

import pytest

from tests.house import Caller, House, Json, Refused


def pending(house: House, *seats: int) -> tuple[Caller, Json, str]:
    """A customer with a pending booking and an intent to pay it."""
    ada = house.customer()
    booking = house.book(ada, *(seats or (0, 1)))
    return ada, booking, house.start_payment(ada, booking)


def refunds(house: House) -> list[Json]:
    return house.rows("select reason, amount, currency, status from public.refunds order by created_at")


@pytest.mark.transition("P1")
def test_starting_to_pay_asks_for_the_total(house: House) -> None:
    ada = house.customer()
    booking = house.book(ada, 0, 49)
    started = house.service().call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert started["amount"] == booking["total"] == 2700
    assert started["currency"] == "EUR"
    assert started["payment_intent_id"] is None
    assert started["reference"] == booking["reference"]
    assert started["expires_at"] == booking["expires_at"]
    again = house.service().call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert again == started


def test_one_payment_keeps_one_intent(house: House) -> None:
    ada, booking, intent = pending(house)
    service = house.service()
    payment = service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert payment["payment_intent_id"] == intent
    attach = {"payment_id": payment["payment_id"]}
    assert service.call("attach_payment_intent", **attach, payment_intent_id=intent) == {"attached": True}
    assert service.call("attach_payment_intent", **attach, payment_intent_id="pi_other") == {"attached": False}
    with pytest.raises(Refused, match="not_payable"):
        service.call("attach_payment_intent", payment_id=uuid.uuid4(), payment_intent_id="pi_other")


def test_nobody_pays_for_another_or_too_late(house: House) -> None:
    ada, booking, _ = pending(house)
    service = house.service()
    for booking_id, user_id in ((booking["id"], house.customer("Bob").user_id), (uuid.uuid4(), ada.user_id)):
        with pytest.raises(Refused, match="unknown_booking"):
            service.call("start_payment", booking_id=booking_id, user_id=user_id)
    house.advance("10 minutes")
    for _ in range(2):  # before and after the sweep
        with pytest.raises(Refused, match="lock_expired"):
            service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
        house.sweep()
    paid = house.buy(ada, 5)
    with pytest.raises(Refused) as refused:
        service.call("start_payment", booking_id=paid["id"], user_id=ada.user_id)
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "not_payable")


@pytest.mark.transition("B2", "L3", "P3", "O1")
def test_rule_1_paid_in_time_is_confirmed(house: House) -> None:
    ada, booking, intent = pending(house)
    house.advance("9 minutes 59 seconds")
    answer = house.pay(booking, intent)
    assert answer == {"outcome": "confirmed", "booking_id": booking["id"], "reason": None}
    assert house.status(booking) == "confirmed"
    assert house.states(ada)[:2] == ["mine", "mine"]
    assert house.states()[:2] == ["booked", "booked"]
    house.advance("3 hours")
    assert house.states()[:2] == ["booked", "booked"]
    (told,) = house.events("seat:book")
    assert told["payload"]["seat_ids"] == house.seats[:2]
    assert set(told["payload"]) == {"seat_ids", "lock_ids"}
    assert [order["key"] for order in house.outbox()] == [f"mail:confirmation:{booking['id']}"]
    assert refunds(house) == []
    assert house.violations() == []


@pytest.mark.transition("B4", "L7")
@pytest.mark.parametrize("swept", [False, True])
def test_rule_2_paid_late_with_the_seats_free_is_confirmed_too(house: House, swept: bool) -> None:
    _, booking, intent = pending(house)
    house.advance("11 minutes")
    if swept:
        house.sweep()
        assert house.status(booking) == "expired"
    assert house.pay(booking, intent)["outcome"] == "confirmed"
    assert house.states()[:2] == ["booked", "booked"]
    (told,) = house.events("seat:book")
    first_locks = house.events("seat:lock")[0]["payload"]["lock_ids"]
    assert min(told["payload"]["lock_ids"]) > max(first_locks)
    assert refunds(house) == []
    assert house.violations() == []


@pytest.mark.transition("B5")
@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("by", ["lock", "sale"])
def test_rule_3_paid_late_with_a_seat_gone_is_refunded(house: House, swept: bool, by: str) -> None:
    _, booking, intent = pending(house)
    house.advance("11 minutes")
    if swept:
        house.sweep()
    bob = house.customer("Bob")
    if by == "lock":
        house.lock(bob, 1)
    else:
        house.buy(bob, 1)
    answer = house.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "seats_gone")
    assert house.status(booking) == "expired"
    assert house.states()[0] == "free"  # never a part, never a swap
    assert refunds(house) == [{"reason": "seats_gone", "amount": 2400, "currency": "EUR", "status": "queued"}]
    assert [o["kind"] for o in house.outbox() if o["booking_id"] == uuid.UUID(booking["id"])] == [
        *(["cancel_intent"] if swept else []),
        "refund",
        "mail_refund",
    ]
    assert house.violations() == []


def test_rule_3_paid_after_the_film_began_is_refunded(house: House) -> None:
    _, booking, intent = pending(house)
    house.advance("2 days")
    answer = house.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "showtime_closed")
    assert house.violations() == []


def test_paid_in_time_for_a_showtime_that_was_called_off_is_refunded(house: House) -> None:
    _, booking, intent = pending(house)
    house.owner.execute("update public.showtimes set status = 'cancelled'")
    answer = house.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "showtime_cancelled")
    assert house.status(booking) == "expired"
    assert house.states()[:2] == ["free", "free"]
    assert house.violations() == []


def test_paid_late_by_somebody_who_took_ten_others_meanwhile_is_refunded(house: House) -> None:
    ada, first, intent = pending(house, *range(10))
    house.advance("10 minutes")
    second = house.book(ada, *range(10, 20))
    answer = house.pay(first, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "too_many_seats")
    assert house.pay(second, house.start_payment(ada, second))["outcome"] == "confirmed"
    assert house.states(ada).count("mine") == 10
    assert house.violations() == []


@pytest.mark.parametrize("changes", [{"amount": 2399}, {"amount": 2401}, {"currency": "usd"}])
def test_rule_4_another_amount_or_currency_is_refunded_as_it_came(house: House, changes: Json) -> None:
    _, booking, intent = pending(house)
    answer = house.pay(booking, intent, **changes)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "amount_differs")
    (refund,) = refunds(house)
    assert refund["amount"] == changes.get("amount", 2400)
    assert refund["currency"] == changes.get("currency", "eur").upper()
    assert house.status(booking) == "pending"  # and may still be paid as it should be
    assert house.violations() == []


def test_rule_4_a_booking_cancelled_meanwhile_is_refunded(house: House) -> None:
    ada, booking, intent = pending(house)
    ada.call("cancel_booking", booking_id=booking["id"])
    answer = house.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "booking_cancelled")
    assert house.status(booking) == "cancelled"
    assert house.violations() == []


def test_rule_4_a_second_payment_is_refunded_and_the_first_kept(house: House) -> None:
    _, booking, intent = pending(house)
    assert house.pay(booking, intent)["outcome"] == "confirmed"
    answer = house.pay(booking, "pi_second")
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "second_payment")
    assert house.status(booking) == "confirmed"
    (refund,) = house.rows(
        "select p.payment_intent_id, r.reason from public.refunds r join public.payments p on p.id = r.payment_id"
    )
    assert refund == {"payment_intent_id": "pi_second", "reason": "second_payment"}
    assert house.violations() == []


def test_money_by_a_second_intent_calls_off_the_first(house: House) -> None:
    _, booking, intent = pending(house)
    assert house.pay(booking, "pi_second")["outcome"] == "confirmed"
    (order,) = house.outbox("cancel_intent")
    assert order["payload"] == {"payment_intent_id": intent}
    answer = house.pay(booking, intent)  # paid all the same, in that very moment
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "second_payment")
    assert house.violations() == []


def test_rule_5_reconciliation_sees_what_stays_open(house: House) -> None:
    _, booking, intent = pending(house)
    service = house.service()
    assert service.call("payments_to_reconcile") == []
    house.advance("3 minutes")
    (open_payment,) = service.call("payments_to_reconcile")
    assert (open_payment["payment_intent_id"], open_payment["booking_id"]) == (intent, booking["id"])
    house.pay(booking, intent, event_id=f"reconcile:{intent}:succeeded")
    assert service.call("payments_to_reconcile") == []


@pytest.mark.transition("B3", "P4")
def test_rule_6_an_expired_booking_has_its_intent_cancelled_once(house: House) -> None:
    _, _, intent = pending(house)
    house.advance("10 minutes")
    assert house.sweep()["bookings_expired"] == 1
    assert house.sweep()["bookings_expired"] == 0
    (order,) = house.outbox()
    assert (order["kind"], order["payload"]) == ("cancel_intent", {"payment_intent_id": intent})
    house.service().call(
        "record_payment_failure", event_id=None, event_type=None, payment_intent_id=intent, canceled=True
    )
    assert house.value("select status from public.payments") == "canceled"


def test_an_intent_attached_after_the_booking_ended_is_called_off(house: House) -> None:
    ada = house.customer()
    booking = house.book(ada, 0)
    service = house.service()
    payment = service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    house.advance("10 minutes")
    house.sweep()
    assert house.value("select status from public.payments") == "canceled"  # nobody could have paid it
    service.call("attach_payment_intent", payment_id=payment["payment_id"], payment_intent_id="pi_late")
    assert house.value("select status from public.payments") == "open"
    (order,) = house.outbox("cancel_intent")
    assert order["payload"] == {"payment_intent_id": "pi_late"}


def test_the_webhook_may_overtake_the_attachment(house: House) -> None:
    ada = house.customer()
    booking = house.book(ada, 0)
    service = house.service()
    payment = service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert house.pay(booking, "pi_fast")["outcome"] == "confirmed"
    attached = service.call("attach_payment_intent", payment_id=payment["payment_id"], payment_intent_id="pi_fast")
    assert attached == {"attached": True}
    assert house.value("select count(*) from public.payments") == 1
    assert house.violations() == []


def test_a_duplicate_event_does_nothing(house: House) -> None:
    _, booking, intent = pending(house)
    first = house.pay(booking, intent, event_id="evt_1")
    assert first["outcome"] == "confirmed"
    assert house.pay(booking, intent, event_id="evt_1") == {"outcome": "duplicate"}
    assert house.pay(booking, intent, event_id="evt_2")["outcome"] == "already_settled"
    assert len(house.outbox()) == 1
    assert house.rows("select id, outcome from private.stripe_events order by id") == [
        {"id": "evt_1", "outcome": "confirmed"},
        {"id": "evt_2", "outcome": "already_settled"},
    ]


def test_an_event_whose_effect_fails_is_not_recorded(house: House) -> None:
    _, booking, intent = pending(house)
    for changes in ({"amount": -1}, {"amount": 0}, {"amount": None}, {"currency": None}):
        with pytest.raises(Refused) as refused:
            house.pay(booking, intent, event_id="evt_1", **changes)
        assert (refused.value.sqlstate, refused.value.code) == ("PT400", "invalid_request")
    assert house.rows("select * from private.stripe_events") == []
    assert house.status(booking) == "pending"
    assert house.pay(booking, intent, event_id="evt_1")["outcome"] == "confirmed"


def test_money_for_no_booking_of_ours_is_noted(house: House) -> None:
    _, booking, _ = pending(house)
    answer = house.pay(booking, "pi_foreign", booking_id=None, event_id="evt_1")
    assert answer == {"outcome": "unattributed", "booking_id": None, "reason": None}
    assert house.value("select outcome from private.stripe_events") == "unattributed"


@pytest.mark.transition("P2")
def test_a_decline_is_noted_and_the_seats_stay(house: House) -> None:
    ada, booking, intent = pending(house)
    service = house.service()
    said = {
        "event_id": "evt_1",
        "event_type": "payment_intent.payment_failed",
        "payment_intent_id": intent,
        "failure_code": "card_declined",
        "failure_message": "Your card was declined.",
    }
    assert service.call("record_payment_failure", **said)["outcome"] == "noted"
    assert service.call("record_payment_failure", **said)["outcome"] == "duplicate"
    (payment,) = ada.query("select status, failure_code from public.payments")
    assert payment == {"status": "open", "failure_code": "card_declined"}
    assert house.states(ada)[:2] == ["mine", "mine"]
    assert house.pay(booking, intent)["outcome"] == "confirmed"
    assert house.value("select failure_code from public.payments") is None
    assert service.call("record_payment_failure", **{**said, "event_id": "evt_0"})["outcome"] == "unattributed"
    assert house.status(booking) == "confirmed"  # a failure that comes late changes nothing


def test_after_a_canceled_intent_a_new_payment_begins(house: House) -> None:
    ada, booking, intent = pending(house)
    service = house.service()
    service.call("record_payment_failure", event_id=None, event_type=None, payment_intent_id=intent, canceled=True)
    payment = service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert payment["payment_intent_id"] is None
    assert house.pay(booking, house.start_payment(ada, booking))["outcome"] == "confirmed"
    assert house.violations() == []


@pytest.mark.transition("P5")
def test_a_canceled_intent_that_was_paid_after_all_counts(house: House) -> None:
    _, booking, intent = pending(house)
    house.service().call(
        "record_payment_failure", event_id=None, event_type=None, payment_intent_id=intent, canceled=True
    )
    assert house.pay(booking, intent)["outcome"] == "confirmed"
    assert house.violations() == []
