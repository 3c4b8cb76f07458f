"""release_expired_locks: nobody waits for it, but it announces, expires and carries into the history."""

from __future__ import annotations

import pytest

from tests.cinema import CinemaFixture, Json


def test_expired_locks_are_announced_once(cinema: CinemaFixture) -> None:
    first = cinema.lock(cinema.customer(), 0, 1)
    second = cinema.lock(cinema.customer("Bob"), 2)
    cinema.advance("10 minutes 10 seconds")
    assert cinema.sweep()["seats_released"] == 3
    assert cinema.sweep()["seats_released"] == 0
    (sent,) = cinema.events("seat:release")
    assert sent["topic"] == f"showtime:{cinema.showtime_id}"
    assert sent["payload"] == {
        "seat_ids": cinema.seats[:3],
        "lock_ids": first["lock_ids"] + second["lock_ids"],
        "reason": "expired",
    }


def test_an_end_is_announced_when_no_call_in_flight_can_move_it(cinema: CinemaFixture) -> None:
    """tests/concurrency/test_pairs.py shows such calls. Until then nothing is said of it, and nothing is forgotten."""
    cinema.freeze()
    cinema.lock(cinema.customer(), 0)
    released: list[int] = []
    for step in ("10 minutes", "9 seconds 999 milliseconds", "1 millisecond", "0 seconds", "5 seconds"):
        cinema.advance(step)
        released.append(cinema.sweep()["seats_released"])
    assert released == [0, 0, 1, 0, 0]


def test_released_locks_are_not_announced_again(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0)
    cinema.sweep()
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    cinema.advance("20 minutes")
    assert cinema.sweep()["seats_released"] == 0
    assert [sent["payload"]["reason"] for sent in cinema.events("seat:release")] == ["released"]


def test_ended_locks_become_history_and_live_ones_stay(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    lock = cinema.lock(ada, 0)
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    cinema.lock(ada, 1)
    cinema.advance("10 minutes")
    cinema.buy(cinema.customer("Bob"), 2)
    assert cinema.sweep()["locks_archived"] == 1  # the released one; the expired one stays a minute longer
    cinema.advance("1 minute")
    assert cinema.sweep()["locks_archived"] == 1
    history = cinema.rows("select * from private.seat_lock_history order by id")
    assert [(row["seat_id"], row["end_reason"]) for row in history] == [
        (cinema.seats[0], "released"),
        (cinema.seats[1], "expired"),
    ]
    assert history[0]["id"] == lock["lock_ids"][0]
    assert str(history[0]["user_id"]) == str(ada.user_id)
    assert cinema.value("select count(*) from public.seat_locks") == 1
    assert cinema.violations() == []


@pytest.mark.transition("lock.shown")
def test_sold_seats_become_history_a_day_after_the_film(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    cinema.advance("1 day 2 hours")
    cinema.sweep()
    assert cinema.value("select count(*) from public.seat_locks") == 1
    cinema.advance("1 day")
    cinema.sweep()
    assert cinema.value("select count(*) from public.seat_locks") == 0
    (row,) = cinema.rows("select end_reason, booking_id::text, upper(held) as until from private.seat_lock_history")
    assert (row["end_reason"], row["booking_id"]) == ("shown", booking["id"])
    assert row["until"] == cinema.value("select ends_at from public.showtimes")
    assert cinema.status(booking) == "confirmed"
    assert cinema.violations() == []


def test_a_limited_sweep_goes_on_next_time(cinema: CinemaFixture) -> None:
    cinema.lock(cinema.customer(), *range(5))
    cinema.advance("12 minutes")
    service = cinema.service()
    counts = [service.call("release_expired_locks", max_rows=2)["locks_archived"] for _ in range(4)]
    assert counts == [2, 2, 1, 0]


def test_sweep_skips_a_busy_customer(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    cinema.advance("10 minutes")
    cinema.owner.execute("begin")
    cinema.owner.execute("select private.lock_customer(%s, %s)", [cinema.showtime_id, ada.user_id])
    assert cinema.sweep()["bookings_expired"] == 0
    cinema.owner.execute("commit")
    assert cinema.sweep()["bookings_expired"] == 1
    assert cinema.status(booking) == "expired"


def test_listings_receive_what_is_left_at_most_every_five_seconds(cinema: CinemaFixture) -> None:
    cinema.freeze()
    ada = cinema.customer()
    cinema.lock(ada, 0, 1)
    assert cinema.sweep()["availability_broadcast"] == 1
    sent = cinema.events("showtime:update")
    assert {row["topic"] for row in sent} == {f"movie:{cinema.movie_id}", f"showtime:{cinema.showtime_id}"}
    update = {"showtime_id": cinema.showtime_id, "seats_left": 48, "status": "scheduled", "revision": 0}
    times = cinema.value("select jsonb_build_object('starts_at', starts_at, 'ends_at', ends_at) from public.showtimes")
    assert [row["payload"] for row in sent] == [update | times] * 2
    cinema.lock(ada, 2)
    assert cinema.sweep()["availability_broadcast"] == 0
    cinema.advance("5 seconds")
    assert cinema.sweep()["availability_broadcast"] == 1
    assert cinema.events("showtime:update")[-1]["payload"]["seats_left"] == 47
    cinema.advance("5 seconds")
    assert cinema.sweep()["availability_broadcast"] == 0  # nothing has changed


def test_listings_catch_up_after_an_hour_without_a_sweep(cinema: CinemaFixture) -> None:
    cinema.sweep()
    cinema.lock(cinema.customer(), 0)
    cinema.owner.execute("update realtime.messages set inserted_at = inserted_at - interval '30 minutes' where true")
    cinema.owner.execute("update private.sweeps set swept_until = clock_timestamp() - interval '1 hour' where true")
    assert cinema.sweep()["availability_broadcast"] == 1


def test_no_caller_chooses_the_time_zone_of_what_is_sent(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    with ada.connection.transaction():
        ada.begin()
        ada.connection.execute("select set_config('timezone', 'Etc/GMT+12', true)")
        answer = ada.call_in_transaction("lock_seats", showtime_id=cinema.showtime_id, seat_ids=cinema.seats[:1])
    assert answer["expires_at"].endswith("+00:00")
    assert (
        cinema.value("select abs(extract(epoch from inserted_at - (now() at time zone 'utc'))) from realtime.messages")
        < 60
    )
    assert cinema.sweep()["availability_broadcast"] == 1


def test_bookings_of_a_cancelled_showtime_are_refunded(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    paid = cinema.buy(ada, 0, 1)
    waiting = cinema.book(bob, 2)
    intent = cinema.start_payment(bob, waiting)
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    cinema.sweep()
    cinema.sweep()
    assert (cinema.status(paid), cinema.status(waiting)) == ("cancelled", "cancelled")
    assert cinema.rows("select amount, reason from public.refunds") == [
        {"amount": 2400, "reason": "showtime_cancelled"}
    ]
    assert cinema.outbox("cancel_intent")[0]["payload"] == {"payment_intent_id": intent}
    assert cinema.pay(waiting, intent)["reason"] == "booking_cancelled"
    assert cinema.violations() == []


def test_a_booking_of_a_cancelled_showtime_may_be_cancelled_before_the_sweep(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    cinema.advance("23 hours")
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    assert ada.call("cancel_booking", booking_id=booking["id"])["status"] == "cancelled"


def test_a_cancelled_showtime_is_broadcast_at_once(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    assert {row["topic"] for row in cinema.events("showtime:update")} == {
        f"movie:{cinema.movie_id}",
        f"showtime:{cinema.showtime_id}",
    }
    assert cinema.events("showtime:update")[0]["payload"]["status"] == "cancelled"


def test_attempts_that_no_limit_counts_are_forgotten(cinema: CinemaFixture) -> None:
    cinema.call_service("begin_sign_in", email="x@example.com", address="192.0.2.1")
    cinema.sweep()
    assert cinema.value("select count(*) from private.rate_limit_hits") == 3
    cinema.advance("1 hour 1 minute")
    cinema.sweep()
    assert cinema.value("select count(*) from private.rate_limit_hits") == 0


# What raises ----------------------------------------------------------------------------------------------------------

REFUSE = """
create function private.refuse() returns trigger language plpgsql as $$
begin
  if new.id = 'BOOKING' and new.status <> old.status then
    raise exception 'this booking is broken';
  end if;
  return new;
end
$$;
create trigger refuse before update on public.bookings for each row execute function private.refuse();
"""


def refuse(cinema: CinemaFixture, booking: Json) -> None:
    """From now on this booking raises when its status changes."""
    cinema.owner.execute(REFUSE.replace("BOOKING", booking["id"]).encode())


def failures(cinema: CinemaFixture) -> list[Json]:
    return cinema.rows("select step, booking_id::text, message, times from private.sweep_failures order by step")


def test_a_booking_that_raises_stops_no_other_and_is_not_met_first_for_ever(cinema: CinemaFixture) -> None:
    cinema.freeze()
    broken, whole = cinema.book(cinema.customer(), 0), cinema.book(cinema.customer("Bob"), 1)
    refuse(cinema, broken)
    cinema.advance("10 minutes 10 seconds")
    swept = cinema.sweep()
    assert (swept["bookings_expired"], swept["seats_released"]) == (1, 2)
    assert (cinema.status(broken), cinema.status(whole)) == ("pending", "expired")
    noted = {"step": "expire_bookings", "booking_id": broken["id"], "message": "this booking is broken"}
    assert failures(cinema) == [{**noted, "times": 1}]
    cinema.sweep()
    assert failures(cinema) == [{**noted, "times": 1}]  # it waits for its time
    tries: list[int] = []
    for _ in range(5):
        cinema.advance("20 seconds")
        cinema.sweep()
        tries.append(failures(cinema)[0]["times"])
    assert tries == [2, 3, 3, 4, 4]  # after 10 s, then 20 s, 40 s, 80 s
    assert cinema.service().call("operational_metrics")["sweep_failures"] == 1
    cinema.owner.execute("drop trigger refuse on public.bookings")
    cinema.advance("1 hour")
    assert cinema.sweep()["bookings_expired"] == 1
    assert failures(cinema) == []
    assert cinema.service().call("operational_metrics")["sweep_failures"] == 0
    assert cinema.violations() == []


def test_a_step_that_raises_is_tried_at_every_sweep_and_logged_once(cinema: CinemaFixture) -> None:
    cinema.owner.execute(
        "create or replace function private.broadcast_expired(p_since timestamptz, p_until timestamptz) "
        "returns integer language plpgsql as $$ begin raise 'broken step'; end $$"
    )
    warnings: list[str | None] = []
    cinema.owner.add_notice_handler(lambda notice: warnings.append(notice.message_primary))
    for _ in range(3):
        cinema.owner.execute("select public.release_expired_locks()")
    assert failures(cinema) == [{"step": "broadcast_expired", "booking_id": None, "message": "broken step", "times": 3}]
    assert len([warning for warning in warnings if "broken step" in str(warning)]) == 1


def test_a_refund_that_raises_stops_no_other(cinema: CinemaFixture) -> None:
    broken, whole = cinema.buy(cinema.customer(), 0), cinema.buy(cinema.customer("Bob"), 1)
    refuse(cinema, broken)
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    cinema.sweep()
    assert (cinema.status(broken), cinema.status(whole)) == ("confirmed", "cancelled")
    assert [(row["step"], row["booking_id"]) for row in failures(cinema)] == [
        ("refund_cancelled_showtimes", broken["id"])
    ]
    cinema.owner.execute("drop trigger refuse on public.bookings")
    cinema.advance("10 seconds")
    cinema.sweep()
    assert cinema.status(broken) == "cancelled"
    assert failures(cinema) == []
    assert cinema.violations() == []


@pytest.mark.parametrize(
    ("step", "function"),
    [
        ("broadcast_expired", "private.broadcast_expired(timestamptz,timestamptz)"),
        ("archive_ended_locks", "private.archive_ended_locks(timestamptz,integer)"),
        ("broadcast_availability", "private.broadcast_availability(timestamptz)"),
        ("archive_shown", "private.archive_shown(timestamptz,integer)"),
        ("abandon_emails", "private.abandon_emails(timestamptz)"),
    ],
)
def test_a_step_that_raises_stops_no_other_and_loses_nothing(cinema: CinemaFixture, step: str, function: str) -> None:
    booking = cinema.book(cinema.customer(), 0)
    cinema.lock(cinema.customer("Bob"), 1)
    cinema.advance("12 minutes")
    text: str = cinema.value("select pg_get_functiondef(%s::regprocedure)", [function])
    name = function.partition("(")[0].partition(".")[2]
    cinema.owner.execute(f"alter function {function} rename to {name}_was".encode())
    head = text.partition("\n LANGUAGE")[0]
    cinema.owner.execute(f"{head} language plpgsql as $$ begin raise exception 'the step is broken'; end $$".encode())
    first = cinema.sweep()
    assert cinema.status(booking) == "expired"
    assert [(row["step"], row["booking_id"], row["message"]) for row in failures(cinema)] == [
        (step, None, "the step is broken")
    ]
    cinema.owner.execute(text.encode())
    cinema.advance("1 hour")
    second = cinema.sweep()
    assert failures(cinema) == []
    assert first["seats_released"] + second["seats_released"] == 2
    assert first["locks_archived"] + second["locks_archived"] == 2


def test_repeated_failures_are_violations_until_they_end(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    refuse(cinema, booking)
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    for _ in range(8):
        cinema.sweep()
        cinema.advance("20 minutes")
    (found,) = cinema.violations()
    assert found["invariant"] == "I4 the sweep cannot do its work"
    assert found["violation"]["booking_id"] == booking["id"]
    cinema.owner.execute("update public.showtimes set status = 'scheduled'")
    cinema.advance("3 hours")
    assert cinema.violations() == []
    cinema.advance("1 day")
    cinema.sweep()
    assert failures(cinema) == []


def test_a_sweep_archives_no_more_than_it_may_of_what_was_shown(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), *range(5))
    cinema.advance("3 days")
    left: list[int] = []
    for _ in range(4):
        cinema.service().call("release_expired_locks", max_rows=2)
        left.append(cinema.value("select count(*) from public.seat_locks"))
    assert left == [3, 1, 0, 0]
