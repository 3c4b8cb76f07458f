"""claim_outbox and complete_outbox."""

from __future__ import annotations

import pytest

from tests.cinema import CinemaFixture, Json, Refused


def confirmed(cinema: CinemaFixture) -> Json:
    return cinema.buy(cinema.customer("Ada Lovelace"), 0, 49)


def test_a_claimed_email_carries_all_it_says(cinema: CinemaFixture) -> None:
    booking = confirmed(cinema)
    (order,) = cinema.service().call("claim_outbox")
    assert order["kind"] == "mail_confirmation"
    assert order["key"] == f"mail:confirmation:{booking['id']}"
    assert order["attempt"] == 1
    email = order["email"]
    assert email["booking"]["reference"] == booking["reference"]
    assert email["booking"]["status"] == "confirmed"
    assert [seat["number"] for seat in email["booking"]["seats"]] == [1, 10]
    assert email["movie"]["title"] == "Nosferatu"
    assert email["theater"]["time_zone"] == "Europe/Vienna"
    assert email["auditorium"] == "Saal 1"
    assert email["customer"]["full_name"] == "Ada Lovelace"
    assert set(email["showtime"]) == {"id", "starts_at", "ends_at", "revision"}
    assert email["language"] == "en-US"
    assert email["cinema"] == {"name": "Frontrow", "contact_email": None, "contact_url": None, "postal_address": None}


def test_an_email_is_in_its_customers_language_and_names_the_cinema(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.buy(ada, 0)
    # After the payment: an email says what is true when it is written.
    ada.call("set_language", language="en-GB")
    cinema.owner.execute(
        "update private.settings set cinema_name = 'Scala', contact_email = 'office@scala.example',"
        " contact_url = 'https://scala.example/contact', postal_address = E'Scala KG\\nRing 1\\n1010 Wien'"
    )
    (order,) = cinema.service().call("claim_outbox")
    assert order["email"]["language"] == "en-GB"
    assert order["email"]["cinema"] == {
        "name": "Scala",
        "contact_email": "office@scala.example",
        "contact_url": "https://scala.example/contact",
        "postal_address": "Scala KG\nRing 1\n1010 Wien",
    }


def test_the_page_and_the_email_have_their_facts_from_one_place(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    booking = cinema.buy(ada, 0)
    service = cinema.service()
    (order,) = service.call("claim_outbox")
    assert service.call("ticket_context", booking_id=booking["id"], user_id=ada.user_id) == order["email"]
    for booking_id, user_id in ((booking["id"], bob.user_id), (bob.user_id, ada.user_id)):
        with pytest.raises(Refused, match="unknown_booking"):
            service.call("ticket_context", booking_id=booking_id, user_id=user_id)


def test_a_refund_order_says_what_to_ask_of_stripe(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    intent = cinema.start_payment(ada, booking)
    cinema.pay(booking, intent)
    ada.call("cancel_booking", booking_id=booking["id"])
    orders = {order["kind"]: order for order in cinema.service().call("claim_outbox")}
    assert set(orders) == {"mail_confirmation", "refund", "mail_refund"}
    refund = orders["refund"]["refund"]
    assert (refund["payment_intent_id"], refund["amount"], refund["attempt"]) == (intent, 1200, 1)
    assert refund["reason"] == "cancelled_by_customer"
    assert orders["mail_refund"]["refund"] == refund


def test_claimed_rows_are_leased_to_one_worker(cinema: CinemaFixture) -> None:
    confirmed(cinema)
    service = cinema.service()
    (first,) = service.call("claim_outbox", lease_seconds=60)
    assert service.call("claim_outbox") == []
    cinema.advance("61 seconds")  # the worker has died
    (second,) = service.call("claim_outbox")
    assert (second["id"], second["attempt"]) == (first["id"], 2)
    settle = {"id": first["id"], "error": None}
    assert service.call("complete_outbox", **settle, attempt=1) is False  # it has not, and comes back too late
    assert service.call("complete_outbox", **settle, attempt=2) is True
    assert service.call("complete_outbox", **settle, attempt=2) is False
    (order,) = cinema.outbox()
    assert (order["state"], order["attempts"]) == ("sent", 2)


@pytest.mark.transition("outbox.retried", "outbox.failed")
def test_an_email_waits_longer_each_time_and_is_given_up_after_three_days(cinema: CinemaFixture) -> None:
    confirmed(cinema)
    service = cinema.service()
    cinema.freeze()
    waits: list[float] = []
    while True:
        (order,) = service.call("claim_outbox")
        service.call("complete_outbox", id=order["id"], attempt=order["attempt"], error="451 try later")
        (row,) = cinema.outbox()
        assert row["last_error"] == "451 try later"
        if row["state"] != "queued":
            break
        assert service.call("claim_outbox") == []
        waits.append(cinema.value("select extract(epoch from due_at - private.now())::float from private.outbox"))
        cinema.advance(f"{waits[-1]} seconds")
    assert all(0.75 * min(2**n, 7200) <= wait <= 1.25 * min(2**n, 7200) for n, wait in enumerate(waits, start=1))
    assert 3 * 86400 < sum(waits) < 3 * 86400 + 9000
    assert row["state"] == "failed"
    assert service.call("claim_outbox") == []
    assert [v["invariant"] for v in cinema.violations()] == ["I6 an email was given up"]
    assert service.call("requeue_outbox") == 1
    (again,) = service.call("claim_outbox")
    assert again["id"] == order["id"]


def test_refunds_are_retried_without_end(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    ada.call("cancel_booking", booking_id=booking["id"])
    service = cinema.service()
    cinema.freeze()
    for _ in range(100):
        for order in service.call("claim_outbox"):
            service.call("complete_outbox", id=order["id"], attempt=order["attempt"], error="Stripe does not answer")
        cinema.advance("3 hours")
    assert {row["kind"]: row["state"] for row in cinema.outbox()} == {
        "mail_confirmation": "failed",
        "mail_refund": "failed",
        "refund": "queued",
    }


def test_enqueueing_twice_adds_one_row(cinema: CinemaFixture) -> None:
    booking = confirmed(cinema)
    cinema.owner.execute(
        "select private.enqueue('mail_confirmation', 'mail:confirmation:' || b.id, b) from public.bookings b"
        " where b.id = %s",
        [booking["id"]],
    )
    assert len(cinema.outbox()) == 1


def test_a_worker_claims_the_kinds_that_it_does(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    ada.call("cancel_booking", booking_id=cinema.buy(ada, 0)["id"])
    service = cinema.service()
    assert [row["kind"] for row in service.call("claim_outbox", kinds=["refund", "cancel_intent"])] == ["refund"]
    assert service.call("claim_outbox", kinds=["refund", "cancel_intent"]) == []
    assert {row["kind"] for row in service.call("claim_outbox", kinds=None)} == {"mail_confirmation", "mail_refund"}


@pytest.mark.transition("outbox.reclaimed", "outbox.requeued")
def test_an_email_that_kills_its_workers_is_given_up(cinema: CinemaFixture) -> None:
    """A refund is not: money is claimed again for ever, and somebody will see why."""
    ada = cinema.customer()
    ada.call("cancel_booking", booking_id=cinema.buy(ada, 0)["id"])
    service = cinema.service()
    for death in range(12):  # the next worker claims it as soon as the lease of the last has run out
        claimed = {row["kind"] for row in service.call("claim_outbox", lease_seconds=60)}
        assert claimed == ({"refund", "mail_confirmation", "mail_refund"} if death < 10 else {"refund"})
        cinema.advance("61 seconds")
        cinema.sweep()
    cinema.advance("61 minutes")
    cinema.sweep()
    assert {row["kind"]: row["state"] for row in cinema.outbox()} == {
        "mail_confirmation": "failed",
        "mail_refund": "failed",
        "refund": "queued",
    }
    assert {row["last_error"] for row in cinema.outbox() if row["state"] == "failed"} == {
        "claimed by 10 workers, none of which came back"
    }
    assert service.call("requeue_outbox") == 2
    assert len(service.call("claim_outbox")) == 3


def test_only_consecutive_abandoned_claims_count(cinema: CinemaFixture) -> None:
    """An email that a mail server defers for days meets many a restart of the worker."""
    confirmed(cinema)
    service = cinema.service()
    for _ in range(15):
        service.call("claim_outbox", lease_seconds=60)
        cinema.advance("61 seconds")
        (order,) = service.call("claim_outbox", lease_seconds=60)
        service.call("complete_outbox", id=order["id"], attempt=order["attempt"], error="451 try later")
        cinema.advance("3 hours")
        cinema.sweep()
    assert cinema.outbox()[0]["state"] == "queued"


@pytest.mark.transition("outbox.discarded")
def test_an_email_that_can_never_arrive_is_dropped(cinema: CinemaFixture) -> None:
    confirmed(cinema)
    service = cinema.service()
    (row,) = cinema.outbox()
    assert service.call("discard_email", id=row["id"]) is False
    cinema.owner.execute("update private.outbox set state = 'failed', completed_at = now(), last_error = '550 unknown'")
    (violation,) = cinema.violations()
    assert violation["violation"]["last_error"] == "550 unknown"
    assert service.call("discard_email", id=row["id"]) is True
    assert service.call("requeue_outbox") == 0
    assert cinema.violations() == []


def send_all(cinema: CinemaFixture) -> list[str]:
    """Send what is due; the keys."""
    service = cinema.service()
    rows = service.call("claim_outbox")
    for row in rows:
        service.call("complete_outbox", id=row["id"], attempt=row["attempt"])
    return [row["key"] for row in rows]


@pytest.mark.transition("outbox.completed")
def test_a_ticket_is_sent_again_three_times_a_day(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    email = cinema.value("select email from public.users where id = %s", [ada.user_id])
    answer = {"sent_to": email, "state": "queued"}
    assert ada.call("send_ticket_again", booking_id=booking["id"]) == answer
    first = f"mail:confirmation:{booking['id']}"
    assert send_all(cinema) == [first]  # it was on its way
    for number in (2, 3, 4):
        assert ada.call("send_ticket_again", booking_id=booking["id"]) == answer
        assert ada.call("send_ticket_again", booking_id=booking["id"]) == answer
        assert send_all(cinema) == [f"{first}:{number}"]
    with pytest.raises(Refused, match="too_many_attempts"):
        ada.call("send_ticket_again", booking_id=booking["id"])
    cinema.advance("24 hours 1 second")
    cinema.owner.execute("update public.bookings set status = 'cancelled', cancelled_at = now()")
    with pytest.raises(Refused, match="no_ticket"):
        ada.call("send_ticket_again", booking_id=booking["id"])
    cinema.owner.execute("update public.bookings set status = 'confirmed'")
    ada.call("send_ticket_again", booking_id=booking["id"])
    assert send_all(cinema) == [f"{first}:5"]


def test_a_ticket_is_sent_to_its_owner_only(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    pending = cinema.book(ada, 1)
    with pytest.raises(Refused, match="no_ticket"):
        ada.call("send_ticket_again", booking_id=pending["id"])
    for stranger, error in ((cinema.customer("Bob"), "unknown_booking"), (cinema.anonymous(), "sign_in_required")):
        with pytest.raises(Refused, match=error):
            stranger.call("send_ticket_again", booking_id=pending["id"])
