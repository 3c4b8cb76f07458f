"""claim_outbox and settle_outbox."""

from __future__ import annotations

import pytest

from tests.house import House, Json, Refused


def confirmed(house: House) -> Json:
    return house.buy(house.customer("Ada Lovelace"), 0, 49)


def test_a_claimed_letter_carries_all_it_says(house: House) -> None:
    booking = confirmed(house)
    (order,) = house.service().call("claim_outbox")
    assert order["kind"] == "mail_confirmation"
    assert order["key"] == f"mail:confirmation:{booking['id']}"
    assert order["attempt"] == 1
    letter = order["letter"]
    assert letter["booking"]["reference"] == booking["reference"]
    assert letter["booking"]["status"] == "confirmed"
    assert [seat["number"] for seat in letter["booking"]["seats"]] == [1, 10]
    assert letter["movie"]["title"] == "Nosferatu"
    assert letter["theater"]["time_zone"] == "Europe/Vienna"
    assert letter["auditorium"] == "Saal 1"
    assert letter["customer"]["full_name"] == "Ada Lovelace"
    assert set(letter["showtime"]) == {"id", "starts_at", "ends_at"}


def test_a_refund_order_says_what_to_ask_of_stripe(house: House) -> None:
    ada = house.customer()
    booking = house.book(ada, 0)
    intent = house.start_payment(ada, booking)
    house.pay(booking, intent)
    ada.call("cancel_booking", booking_id=booking["id"])
    orders = {order["kind"]: order for order in house.service().call("claim_outbox")}
    assert set(orders) == {"mail_confirmation", "refund", "mail_refund"}
    refund = orders["refund"]["refund"]
    assert (refund["payment_intent_id"], refund["amount"], refund["attempt"]) == (intent, 1200, 1)
    assert refund["reason"] == "cancelled_by_customer"
    assert orders["mail_refund"]["refund"] == refund


def test_what_is_claimed_is_claimed_by_nobody_else_until_its_lease_ends(house: House) -> None:
    confirmed(house)
    service = house.service()
    (first,) = service.call("claim_outbox", lease_seconds=60)
    assert service.call("claim_outbox") == []
    house.advance("61 seconds")  # the worker has died
    (second,) = service.call("claim_outbox")
    assert (second["id"], second["attempt"]) == (first["id"], 2)
    settle = {"id": first["id"], "error": None}
    assert service.call("settle_outbox", **settle, attempt=1) is False  # it has not, and comes back too late
    assert service.call("settle_outbox", **settle, attempt=2) is True
    assert service.call("settle_outbox", **settle, attempt=2) is False
    (order,) = house.outbox()
    assert (order["state"], order["attempts"]) == ("sent", 2)


@pytest.mark.transition("O2", "O5")
def test_a_letter_waits_longer_each_time_and_is_given_up_after_three_days(house: House) -> None:
    confirmed(house)
    service = house.service()
    house.freeze()
    waits: list[float] = []
    while True:
        (order,) = service.call("claim_outbox")
        service.call("settle_outbox", id=order["id"], attempt=order["attempt"], error="451 try later")
        (row,) = house.outbox()
        assert row["last_error"] == "451 try later"
        if row["state"] != "queued":
            break
        assert service.call("claim_outbox") == []
        waits.append(house.value("select extract(epoch from due_at - private.now())::float from private.outbox"))
        house.advance(f"{waits[-1]} seconds")
    assert all(0.75 * min(2**n, 7200) <= wait <= 1.25 * min(2**n, 7200) for n, wait in enumerate(waits, start=1))
    assert 3 * 86400 < sum(waits) < 3 * 86400 + 9000
    assert row["state"] == "failed"
    assert service.call("claim_outbox") == []
    assert [v["invariant"] for v in house.violations()] == ["I6 a letter was given up"]
    assert service.call("requeue_outbox") == 1
    (again,) = service.call("claim_outbox")
    assert again["id"] == order["id"]


def test_money_is_never_given_up(house: House) -> None:
    ada = house.customer()
    booking = house.buy(ada, 0)
    ada.call("cancel_booking", booking_id=booking["id"])
    service = house.service()
    house.freeze()
    for _ in range(100):
        for order in service.call("claim_outbox"):
            service.call("settle_outbox", id=order["id"], attempt=order["attempt"], error="Stripe does not answer")
        house.advance("3 hours")
    assert {row["kind"]: row["state"] for row in house.outbox()} == {
        "mail_confirmation": "failed",
        "mail_refund": "failed",
        "refund": "queued",
    }


def test_the_same_word_is_left_once(house: House) -> None:
    booking = confirmed(house)
    house.owner.execute(
        "select private.post('mail_confirmation', 'mail:confirmation:' || b.id, b) from public.bookings b"
        " where b.id = %s",
        [booking["id"]],
    )
    assert len(house.outbox()) == 1


def test_a_worker_claims_the_kinds_that_it_does(house: House) -> None:
    ada = house.customer()
    ada.call("cancel_booking", booking_id=house.buy(ada, 0)["id"])
    service = house.service()
    assert [row["kind"] for row in service.call("claim_outbox", kinds=["refund", "cancel_intent"])] == ["refund"]
    assert service.call("claim_outbox", kinds=["refund", "cancel_intent"]) == []
    assert {row["kind"] for row in service.call("claim_outbox", kinds=None)} == {"mail_confirmation", "mail_refund"}


@pytest.mark.transition("O3", "O6")
def test_a_letter_that_kills_its_workers_is_given_up(house: House) -> None:
    """A refund is not: money is claimed again for ever, and somebody will see why."""
    ada = house.customer()
    ada.call("cancel_booking", booking_id=house.buy(ada, 0)["id"])
    service = house.service()
    for death in range(12):  # the next worker claims it as soon as the lease of the last has run out
        claimed = {row["kind"] for row in service.call("claim_outbox", lease_seconds=60)}
        assert claimed == ({"refund", "mail_confirmation", "mail_refund"} if death < 10 else {"refund"})
        house.advance("61 seconds")
        house.sweep()
    house.advance("61 minutes")
    house.sweep()
    assert {row["kind"]: row["state"] for row in house.outbox()} == {
        "mail_confirmation": "failed",
        "mail_refund": "failed",
        "refund": "queued",
    }
    assert {row["last_error"] for row in house.outbox() if row["state"] == "failed"} == {
        "claimed by 10 workers, none of which came back"
    }
    assert service.call("requeue_outbox") == 2
    assert len(service.call("claim_outbox")) == 3


def test_deaths_count_in_a_row_only(house: House) -> None:
    """A letter that a mail server defers for days meets many a restart of the worker."""
    confirmed(house)
    service = house.service()
    for _ in range(15):
        service.call("claim_outbox", lease_seconds=60)
        house.advance("61 seconds")
        (order,) = service.call("claim_outbox", lease_seconds=60)
        service.call("settle_outbox", id=order["id"], attempt=order["attempt"], error="451 try later")
        house.advance("3 hours")
        house.sweep()
    assert house.outbox()[0]["state"] == "queued"


@pytest.mark.transition("O7")
def test_a_letter_that_can_never_arrive_is_dropped(house: House) -> None:
    confirmed(house)
    service = house.service()
    (row,) = house.outbox()
    assert service.call("drop_letter", id=row["id"]) is False
    house.owner.execute("update private.outbox set state = 'failed', settled_at = now(), last_error = '550 unknown'")
    (violation,) = house.violations()
    assert violation["violation"]["last_error"] == "550 unknown"
    assert service.call("drop_letter", id=row["id"]) is True
    assert service.call("requeue_outbox") == 0
    assert house.violations() == []


def send_all(house: House) -> list[str]:
    """Send what is due; the keys."""
    service = house.service()
    rows = service.call("claim_outbox")
    for row in rows:
        service.call("settle_outbox", id=row["id"], attempt=row["attempt"])
    return [row["key"] for row in rows]


@pytest.mark.transition("O4")
def test_a_ticket_is_sent_again_three_times_a_day(house: House) -> None:
    ada = house.customer()
    booking = house.buy(ada, 0)
    email = house.value("select email from public.users where id = %s", [ada.user_id])
    answer = {"sent_to": email, "state": "queued"}
    assert ada.call("send_ticket_again", booking_id=booking["id"]) == answer
    first = f"mail:confirmation:{booking['id']}"
    assert send_all(house) == [first]  # it was on its way
    for number in (2, 3, 4):
        assert ada.call("send_ticket_again", booking_id=booking["id"]) == answer
        assert ada.call("send_ticket_again", booking_id=booking["id"]) == answer
        assert send_all(house) == [f"{first}:{number}"]
    with pytest.raises(Refused, match="too_many_attempts"):
        ada.call("send_ticket_again", booking_id=booking["id"])
    house.advance("24 hours 1 second")
    house.owner.execute("update public.bookings set status = 'cancelled', cancelled_at = now()")
    with pytest.raises(Refused, match="no_ticket"):
        ada.call("send_ticket_again", booking_id=booking["id"])
    house.owner.execute("update public.bookings set status = 'confirmed'")
    ada.call("send_ticket_again", booking_id=booking["id"])
    assert send_all(house) == [f"{first}:5"]


def test_a_ticket_is_sent_to_whose_it_is(house: House) -> None:
    ada = house.customer()
    pending = house.book(ada, 1)
    with pytest.raises(Refused, match="no_ticket"):
        ada.call("send_ticket_again", booking_id=pending["id"])
    for stranger, error in ((house.customer("Bob"), "unknown_booking"), (house.anonymous(), "sign_in_required")):
        with pytest.raises(Refused, match=error):
            stranger.call("send_ticket_again", booking_id=pending["id"])
