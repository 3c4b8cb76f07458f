"""release_expired_locks: nobody waits for it, but it tells, expires and carries into the history."""

from __future__ import annotations

import pytest

from tests.house import House


def test_viewers_are_told_once_which_locks_ran_out(house: House) -> None:
    first = house.lock(house.customer(), 0, 1)
    second = house.lock(house.customer("Bob"), 2)
    house.advance("10 minutes")
    assert house.sweep()["seats_released"] == 3
    assert house.sweep()["seats_released"] == 0
    (told,) = house.events("seat:release")
    assert told["topic"] == f"showtime:{house.showtime_id}"
    assert told["payload"] == {
        "seat_ids": house.seats[:3],
        "lock_ids": first["lock_ids"] + second["lock_ids"],
        "reason": "expired",
    }


def test_released_locks_are_not_told_again(house: House) -> None:
    ada = house.customer()
    house.lock(ada, 0)
    house.sweep()
    ada.call("release_seats", showtime_id=house.showtime_id)
    house.advance("20 minutes")
    assert house.sweep()["seats_released"] == 0
    assert [told["payload"]["reason"] for told in house.events("seat:release")] == ["released"]


def test_ended_locks_become_history_and_live_ones_stay(house: House) -> None:
    ada = house.customer()
    lock = house.lock(ada, 0)
    ada.call("release_seats", showtime_id=house.showtime_id)
    house.lock(ada, 1)
    house.advance("10 minutes")
    house.buy(house.customer("Bob"), 2)
    assert house.sweep()["locks_archived"] == 1  # the released one; the expired one stays a minute longer
    house.advance("1 minute")
    assert house.sweep()["locks_archived"] == 1
    history = house.rows("select * from private.seat_lock_history order by id")
    assert [(row["seat_id"], row["end_reason"]) for row in history] == [
        (house.seats[0], "released"),
        (house.seats[1], "expired"),
    ]
    assert history[0]["id"] == lock["lock_ids"][0]
    assert str(history[0]["user_id"]) == str(ada.user_id)
    assert house.value("select count(*) from public.seat_locks") == 1
    assert house.violations() == []


@pytest.mark.transition("L9")
def test_sold_seats_become_history_a_day_after_the_film(house: House) -> None:
    booking = house.buy(house.customer(), 0)
    house.advance("1 day 2 hours")
    house.sweep()
    assert house.value("select count(*) from public.seat_locks") == 1
    house.advance("1 day")
    house.sweep()
    assert house.value("select count(*) from public.seat_locks") == 0
    (row,) = house.rows("select end_reason, booking_id::text, upper(held) as until from private.seat_lock_history")
    assert (row["end_reason"], row["booking_id"]) == ("shown", booking["id"])
    assert row["until"] == house.value("select ends_at from public.showtimes")
    assert house.status(booking) == "confirmed"
    assert house.violations() == []


def test_a_limited_sweep_goes_on_next_time(house: House) -> None:
    house.lock(house.customer(), *range(5))
    house.advance("12 minutes")
    service = house.service()
    counts = [service.call("release_expired_locks", max_rows=2)["locks_archived"] for _ in range(4)]
    assert counts == [2, 2, 1, 0]


def test_the_sweep_leaves_a_customer_alone_who_is_busy(house: House) -> None:
    ada = house.customer()
    booking = house.book(ada, 0)
    house.advance("10 minutes")
    house.owner.execute("begin")
    house.owner.execute("select private.serialise_customer(%s, %s)", [house.showtime_id, ada.user_id])
    assert house.sweep()["bookings_expired"] == 0
    house.owner.execute("commit")
    assert house.sweep()["bookings_expired"] == 1
    assert house.status(booking) == "expired"


def test_listings_are_told_what_is_left_at_most_every_five_seconds(house: House) -> None:
    house.freeze()
    ada = house.customer()
    house.lock(ada, 0, 1)
    assert house.sweep()["listings_told"] == 1
    told = house.events("showtime:update")
    assert {row["topic"] for row in told} == {f"movie:{house.movie_id}", f"showtime:{house.showtime_id}"}
    update = {"showtime_id": house.showtime_id, "seats_left": 48, "status": "scheduled"}
    assert [row["payload"] for row in told] == [update, update]
    house.lock(ada, 2)
    assert house.sweep()["listings_told"] == 0
    house.advance("5 seconds")
    assert house.sweep()["listings_told"] == 1
    assert house.events("showtime:update")[-1]["payload"]["seats_left"] == 47
    house.advance("5 seconds")
    assert house.sweep()["listings_told"] == 0  # nothing has changed


def test_listings_catch_up_after_an_hour_without_a_sweep(house: House) -> None:
    house.sweep()
    house.lock(house.customer(), 0)
    house.owner.execute("update realtime.messages set inserted_at = inserted_at - interval '30 minutes' where true")
    house.owner.execute("update private.sweeps set swept_until = clock_timestamp() - interval '1 hour' where true")
    assert house.sweep()["listings_told"] == 1


def test_no_caller_chooses_the_time_zone_of_what_is_sent(house: House) -> None:
    ada = house.customer()
    with ada.connection.transaction():
        ada.begin()
        ada.connection.execute("select set_config('timezone', 'Etc/GMT+12', true)")
        answer = ada.call_in_transaction("lock_seats", showtime_id=house.showtime_id, seat_ids=house.seats[:1])
    assert answer["expires_at"].endswith("+00:00")
    assert (
        house.value("select abs(extract(epoch from inserted_at - (now() at time zone 'utc'))) from realtime.messages")
        < 60
    )
    assert house.sweep()["listings_told"] == 1


def test_a_showtime_that_the_house_calls_off_gives_everybody_their_money_back(house: House) -> None:
    ada, bob = house.customer(), house.customer("Bob")
    paid = house.buy(ada, 0, 1)
    waiting = house.book(bob, 2)
    intent = house.start_payment(bob, waiting)
    house.owner.execute(
        "update public.showtimes set status = 'cancelled', starts_at = private.now() + interval '1 hour'"
    )
    house.sweep()
    house.sweep()
    assert (house.status(paid), house.status(waiting)) == ("cancelled", "cancelled")
    assert house.rows("select amount, reason from public.refunds") == [{"amount": 2400, "reason": "showtime_cancelled"}]
    assert house.outbox("cancel_intent")[0]["payload"] == {"payment_intent_id": intent}
    assert house.pay(waiting, intent)["reason"] == "booking_cancelled"
    assert house.violations() == []


def test_until_the_sweep_comes_the_customer_may_cancel_what_was_called_off(house: House) -> None:
    ada = house.customer()
    booking = house.buy(ada, 0)
    house.owner.execute(
        "update public.showtimes set status = 'cancelled', starts_at = private.now() + interval '1 hour'"
    )
    assert ada.call("cancel_booking", booking_id=booking["id"])["status"] == "cancelled"


def test_a_showtime_that_is_called_off_is_told_at_once(house: House) -> None:
    house.owner.execute("update public.showtimes set status = 'cancelled'")
    assert {row["topic"] for row in house.events("showtime:update")} == {
        f"movie:{house.movie_id}",
        f"showtime:{house.showtime_id}",
    }
    assert house.events("showtime:update")[0]["payload"]["status"] == "cancelled"


def test_sessions_that_ended_are_forgotten_in_a_week(house: House) -> None:
    service = house.service()
    user_id = house.customer().user_id
    for token in ("a" * 64, "b" * 64):
        service.call("open_session", user_id=user_id, token_hash=token)
    service.call("close_session", token_hash="a" * 64)
    for days, left in ((6, 2), (2, 1)):
        house.advance(f"{days} days")
        house.sweep()
        assert house.value("select count(*) from private.sessions") == left


def test_old_sign_ins_are_forgotten(house: House) -> None:
    service = house.service()
    user_id = house.customer().user_id
    service.call("open_session", user_id=user_id, token_hash="a" * 64)
    service.call("credentials_for", email="x@example.com", address="192.0.2.1")
    house.sweep()
    assert house.value("select count(*) from private.sessions") == 1
    house.advance("38 days")
    house.sweep()
    assert house.value("select count(*) from private.sessions") == 0
    assert house.value("select count(*) from private.refresh_tokens") == 0
    assert house.value("select count(*) from private.sign_in_attempts") == 0
