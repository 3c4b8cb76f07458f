"""create_booking and cancel_booking."""

from __future__ import annotations

import pytest

from tests.cinema import CinemaFixture, Refused


@pytest.mark.transition("booking.created")
def test_a_booking_takes_the_locks_and_the_prices_of_now(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 49)  # a standard seat and, in the last row, a premium one
    assert booking["status"] == "pending"
    assert booking["total"] == 1200 + 1500
    assert booking["currency"] == "EUR"
    assert booking["showtime_id"] == cinema.showtime_id
    assert len(booking["reference"]) == 8
    assert booking["seats"] == [
        {"seat_id": cinema.seats[0], "row": "A", "number": 1, "kind": "standard", "price": 1200},
        {"seat_id": cinema.seats[49], "row": "E", "number": 10, "kind": "premium", "price": 1500},
    ]
    cinema.owner.execute("update public.showtime_prices set price = 9900")
    assert ada.call("create_booking", showtime_id=cinema.showtime_id) == booking


def test_without_live_locks_there_is_nothing_to_book(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    with pytest.raises(Refused) as refused:
        ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "lock_expired")
    cinema.lock(ada, 0)
    cinema.advance("10 minutes")
    with pytest.raises(Refused, match="lock_expired"):
        ada.call("create_booking", showtime_id=cinema.showtime_id)


def test_an_unpaid_booking_does_not_stand_in_the_way(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    first = cinema.book(ada, 0)
    cinema.advance("10 minutes")
    cinema.buy(bob, 0)  # no sweep has run
    assert cinema.status(first) == "pending"
    cinema.sweep()
    assert cinema.status(first) == "expired"
    again = cinema.book(ada, 1)
    assert again["id"] != first["id"]


def test_a_second_booking_after_the_first_ran_out_unswept(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    first = cinema.book(ada, 0)
    cinema.advance("10 minutes")
    second = cinema.book(ada, 1)
    assert second["id"] != first["id"]
    assert cinema.status(first) == "expired"
    assert cinema.status(second) == "pending"


def test_a_held_seat_whose_kind_has_no_price_any_more_is_not_booked(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0, 49)
    cinema.owner.execute("delete from public.showtime_prices where kind = 'premium'")
    with pytest.raises(Refused) as refused:
        ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert (refused.value.code, refused.value.details) == ("seat_not_for_sale", {"seat_ids": [cinema.seats[49]]})


def test_closed_showtimes_are_not_booked(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0)
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    with pytest.raises(Refused, match="showtime_closed"):
        ada.call("create_booking", showtime_id=cinema.showtime_id)
    with pytest.raises(Refused, match="unknown_showtime"):
        ada.call("create_booking", showtime_id=0)


@pytest.mark.transition("booking.cancelled_unpaid", "lock.cancelled")
def test_cancelling_a_pending_booking_frees_its_seats(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 1)
    intent = cinema.start_payment(ada, booking)
    cancelled = ada.call("cancel_booking", booking_id=booking["id"])
    assert {**cancelled, "expires_at": None} == {**booking, "status": "cancelled", "expires_at": None}
    assert cinema.states()[:2] == ["free", "free"]
    assert cinema.events("seat:release")[0]["payload"]["reason"] == "cancelled"
    (order,) = cinema.outbox("cancel_intent")
    assert order["payload"] == {"payment_intent_id": intent}
    assert ada.call("cancel_booking", booking_id=booking["id"]) == cancelled
    assert len(cinema.events("seat:release")) == 1


@pytest.mark.transition("booking.cancelled", "lock.returned", "refund.queued")
def test_cancelling_a_confirmed_booking_queues_one_full_refund(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0, 49)
    assert ada.call("cancel_booking", booking_id=booking["id"])["status"] == "cancelled"
    ada.call("cancel_booking", booking_id=booking["id"])
    (refund,) = cinema.rows("select * from public.refunds")
    assert (refund["amount"], refund["currency"], refund["status"]) == (2700, "EUR", "queued")
    assert [order["kind"] for order in cinema.outbox()] == ["mail_confirmation", "refund", "mail_refund"]
    cinema.buy(cinema.customer("Bob"), 0, 49)


def test_a_confirmed_booking_can_be_cancelled_until_two_hours_before(cinema: CinemaFixture) -> None:
    cinema.freeze()
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    later = cinema.buy(ada, 1)
    cinema.owner.execute(
        "update private.test_clock set fixed = t.starts_at - interval '2 hours' from public.showtimes t"
    )
    assert ada.call("cancel_booking", booking_id=booking["id"])["status"] == "cancelled"
    cinema.advance("1 microsecond")
    with pytest.raises(Refused) as refused:
        ada.call("cancel_booking", booking_id=later["id"])
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "not_cancellable")
    assert cinema.status(later) == "confirmed"


UNTIL = """select case private.cancellable_until(b) when 'infinity' then 'always'
                                         when t.starts_at - interval '90 minutes' then '90 minutes before' end as until
           from public.bookings b join public.showtimes t on t.id = b.showtime_id order by b.created_at"""


def test_a_booking_says_until_when_it_can_be_cancelled(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update private.settings set cancellation_notice = '90 minutes'")
    ada = cinema.customer()
    confirmed = cinema.buy(ada, 0)
    cinema.book(ada, 1)

    def until() -> list[str | None]:
        return [row["until"] for row in cinema.rows(UNTIL)]

    assert until() == ["90 minutes before", None], "a pending one ends with its own time"
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    assert until() == ["always", None]
    cinema.owner.execute("update public.showtimes set status = 'scheduled'")
    ada.call("cancel_booking", booking_id=confirmed["id"])
    assert until() == [None, None]


def test_an_expired_booking_is_not_cancellable(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    cinema.advance("10 minutes")
    with pytest.raises(Refused, match="not_cancellable"):
        ada.call("cancel_booking", booking_id=booking["id"])
    cinema.sweep()
    with pytest.raises(Refused, match="not_cancellable"):
        ada.call("cancel_booking", booking_id=booking["id"])


def test_only_the_owner_cancels_a_booking(cinema: CinemaFixture) -> None:
    booking = cinema.book(cinema.customer(), 0)
    for booking_id in (booking["id"], "00000000-0000-4000-8000-000000000000", None):
        with pytest.raises(Refused) as refused:
            cinema.customer("Bob").call("cancel_booking", booking_id=booking_id)
        assert (refused.value.sqlstate, refused.value.code) == ("PT404", "unknown_booking")
    with pytest.raises(Refused, match="sign_in_required"):
        cinema.anonymous().call("cancel_booking", booking_id=booking["id"])
    assert cinema.status(booking) == "pending"


def test_references_avoid_letters_that_are_mistaken(cinema: CinemaFixture) -> None:
    references = [row["r"] for row in cinema.rows("select private.new_reference() as r from generate_series(1, 500)")]
    assert len(set(references)) == 500
    assert not set("".join(references)) & set("01OILUV")
