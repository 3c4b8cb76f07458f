"""Limits on holding seats and not buying them: what is refused, what it says, and what stays free for others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.cinema import NO_LIMITS_ON_HOLDING, Caller, CinemaFixture, Json, Refused


@pytest.fixture
def cinema(cinema: CinemaFixture) -> Iterator[CinemaFixture]:
    """The clock stands still, so that every time is exact."""
    cinema.freeze()
    yield cinema
    assert cinema.violations() == []


def refusal(caller: Caller, function: str, **arguments: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        caller.call(function, **arguments)
    return refused.value


def lock_refusal(cinema: CinemaFixture, who: Caller, *seats: int, showtime_id: int | None = None) -> tuple[str, Json]:
    with pytest.raises(Refused) as refused:
        cinema.lock(who, *seats, showtime_id=showtime_id)
    if "retry_after" in refused.value.details:
        assert refused.value.headers == {"Retry-After": str(refused.value.details["retry_after"])}
    return refused.value.code or "", refused.value.details


def minutes_held(cinema: CinemaFixture, answer: Json) -> float:
    return (datetime.fromisoformat(answer["expires_at"]) - cinema.value("select private.now()")) / timedelta(minutes=1)


def let_run_out(cinema: CinemaFixture, who: Caller, *seats: int) -> None:
    cinema.lock(who, *seats)
    cinema.advance("10 minutes")


# Seats held and unpaid, over all showtimes ---------------------------------------------------------------------------


def test_one_account_holds_twenty_seats_at_all_showtimes_together(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    showtimes = [cinema.showtime_id] + [cinema.add_showtime(f"{day} days") for day in range(3, 27)]
    held, refused = 0, list[tuple[str, Json]]()
    for showtime_id in showtimes:
        try:
            held += len(cinema.lock(ada, *range(10), showtime_id=showtime_id)["seat_ids"])
        except Refused as error:
            refused.append((error.code or "", error.details))
    assert held == 20, f"{held} seats at {len(showtimes)} showtimes; 250 before there was a limit"
    assert refused == [("too_many_held", {"limit": 20, "showtime_ids": showtimes[:2]})] * 23
    assert len(cinema.lock(ada, *range(10), showtime_id=showtimes[0])["seat_ids"]) == 10  # these are held already
    ada.call("release_seats", showtime_id=showtimes[1])
    cinema.advance("1 second")
    cinema.lock(ada, *range(10), showtime_id=showtimes[2])


def test_seats_of_a_pending_booking_count_as_held_and_paid_ones_do_not(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update private.settings set seats_held_per_customer = 3")
    ada, second = cinema.customer(), cinema.add_showtime("3 days")
    booking = cinema.book(ada, 0, 1)
    assert lock_refusal(cinema, ada, 0, 1, showtime_id=second)[0] == "too_many_held"
    assert cinema.pay(booking, cinema.start_payment(ada, booking))["outcome"] == "confirmed"
    cinema.lock(ada, 0, 1, 2, showtime_id=second)


# The same seat -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("swept", [False, True])
def test_who_let_seats_run_out_may_have_others_at_once_and_these_later(cinema: CinemaFixture, swept: bool) -> None:
    ada = cinema.customer()
    let_run_out(cinema, ada, 0, 1)
    cinema.advance("2 minutes")
    if swept:
        cinema.sweep()
        assert cinema.value("select count(*) from public.seat_locks") == 0
    assert lock_refusal(cinema, ada, 0, 1, 2) == (
        "seat_cooldown",
        {"seat_ids": cinema.seats[:2], "retry_after": 180},
    )
    cinema.lock(ada, 2)
    cinema.lock(cinema.customer("Bob"), 0)
    cinema.advance("179 seconds")
    assert lock_refusal(cinema, ada, 1) == ("seat_cooldown", {"seat_ids": [cinema.seats[1]], "retry_after": 1})
    cinema.advance("1 second")
    cinema.lock(ada, 1)


def test_who_releases_a_seat_soon_may_have_it_again_at_once(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    for _ in range(4):
        cinema.lock(ada, 0)
        cinema.advance("1 minute")
        ada.call("release_seats", showtime_id=cinema.showtime_id)
        cinema.advance("1 second")
    cinema.lock(ada, 0)


def test_releasing_a_seat_just_before_its_end_does_not_spare_the_cooldown(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0)
    cinema.advance("9 minutes 59 seconds")
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    assert lock_refusal(cinema, ada, 0) == ("seat_cooldown", {"seat_ids": [cinema.seats[0]], "retry_after": 300})


@pytest.mark.parametrize("end", ["runs out", "is given up"])
def test_seats_of_an_unpaid_booking_cool_down_as_well(cinema: CinemaFixture, end: str) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    cinema.advance("9 minutes 59 seconds")
    if end == "is given up":
        ada.call("cancel_booking", booking_id=booking["id"])
    else:
        cinema.advance("1 second")
    assert lock_refusal(cinema, ada, 0)[0] == "seat_cooldown"


def test_who_bought_and_cancelled_may_have_the_same_seat_at_once(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    cinema.advance("50 minutes")
    ada.call("cancel_booking", booking_id=booking["id"])
    cinema.advance("1 second")
    assert minutes_held(cinema, cinema.lock(ada, 0)) == 10


# The time for which seats of a showtime were held --------------------------------------------------------------------


@pytest.mark.parametrize("swept", [False, True])
def test_after_twenty_minutes_others_get_a_turn(cinema: CinemaFixture, swept: bool) -> None:
    ada = cinema.customer()
    let_run_out(cinema, ada, 0)
    let_run_out(cinema, ada, 1)
    if swept:
        cinema.advance("2 minutes")
        cinema.sweep()
    waits = 42 * 60 - (120 if swept else 0)  # until two minutes of the first hold have left the hour
    assert lock_refusal(cinema, ada, 2) == ("holding_paused", {"retry_after": waits})
    cinema.lock(ada, 2, showtime_id=cinema.add_showtime("3 days"))
    cinema.lock(cinema.customer("Bob"), 2)
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    cinema.advance(f"{waits - 1} seconds")
    assert lock_refusal(cinema, ada, 3)[0] == "holding_paused"
    cinema.advance("1 second")
    assert minutes_held(cinema, cinema.lock(ada, 3)) == 2


def test_the_last_selection_is_cut_to_what_is_left_of_the_time(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    let_run_out(cinema, ada, 0)
    cinema.lock(ada, 1)
    cinema.advance("4 minutes")
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    answer = cinema.lock(ada, 2)
    assert minutes_held(cinema, answer) == 6
    cinema.advance("1 minute")
    assert cinema.lock(ada, 3)["expires_at"] == answer["expires_at"]


@pytest.mark.parametrize(("limit", "minutes"), [("11 minutes", 10), ("4 minutes", 4), ("30 seconds", 0.5)])
def test_the_first_selection_is_no_longer_than_the_holding_time(
    cinema: CinemaFixture, limit: str, minutes: float
) -> None:
    cinema.owner.execute("update private.settings set holding_time_per_hour = %s::interval", [limit])
    ada = cinema.customer()
    answer = cinema.lock(ada, 0)
    assert minutes_held(cinema, answer) == minutes
    cinema.advance("10 seconds")
    assert cinema.lock(ada, 1)["expires_at"] == answer["expires_at"]


@pytest.mark.parametrize("limit", ["1 minute", "2 minutes"])
def test_a_holding_time_of_one_short_selection_is_there_again_after_an_hour(cinema: CinemaFixture, limit: str) -> None:
    cinema.owner.execute("update private.settings set holding_time_per_hour = %s::interval", [limit])
    ada = cinema.customer()
    cinema.lock(ada, 0)
    cinema.advance(limit)
    assert lock_refusal(cinema, ada, 1) == ("holding_paused", {"retry_after": 3600})
    cinema.advance("1 hour")
    assert minutes_held(cinema, cinema.lock(ada, 1)) == int(limit.split()[0])


def test_many_short_holds_count_as_one_long_one(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    for turn in range(19):
        cinema.lock(ada, turn)
        cinema.advance("59 seconds")
        ada.call("release_seats", showtime_id=cinema.showtime_id)
    assert lock_refusal(cinema, ada, 30)[0] == "holding_paused"


def test_without_these_settings_there_is_no_limit(cinema: CinemaFixture) -> None:
    cinema.owner.execute(NO_LIMITS_ON_HOLDING)
    ada = cinema.customer()
    for _ in range(12):
        cinema.book(ada, 0)
        cinema.advance("10 minutes")
    for day in range(3, 6):
        cinema.lock(ada, *range(10), showtime_id=cinema.add_showtime(f"{day} days"))


# Bookings that come to nothing ---------------------------------------------------------------------------------------


def test_ten_unpaid_bookings_a_day_are_the_limit(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.owner.execute("update private.settings set seat_cooldown = null, holding_time_per_hour = null")
    showtime_id = cinema.add_showtime("3 days")
    for number in range(10):
        booking = cinema.book(ada, 0, showtime_id=showtime_id)
        if number % 2:
            ada.call("cancel_booking", booking_id=booking["id"])
        cinema.advance("10 minutes")
    cinema.lock(ada, 0, showtime_id=showtime_id)
    refused = refusal(ada, "create_booking", showtime_id=showtime_id)
    assert (refused.code, refused.sqlstate) == ("too_many_unpaid", "PT429")
    assert refused.details == {"limit": 10, "retry_after": 24 * 3600 - 100 * 60}
    assert refused.headers == {"Retry-After": str(24 * 3600 - 100 * 60)}
    cinema.advance("22 hours 20 minutes")
    cinema.book(ada, 1, showtime_id=showtime_id)


def test_paid_bookings_and_those_of_a_cancelled_showtime_are_not_unpaid(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update private.settings set unpaid_bookings_per_day = 1")
    ada, second = cinema.customer(), cinema.add_showtime("3 days")
    cinema.book(ada, 0, showtime_id=second)
    cinema.owner.execute("update public.showtimes set status = 'cancelled' where id = %s", [second])
    cinema.sweep()
    cinema.buy(ada, 0)
    cinema.book(ada, 1)
    third = cinema.add_showtime("5 days")
    cinema.advance("10 minutes")
    cinema.lock(ada, 0, showtime_id=third)
    assert refusal(ada, "create_booking", showtime_id=third).code == "too_many_unpaid"


def buy_and_return(cinema: CinemaFixture, who: Caller, showtime_id: int, *, moved: bool = False) -> None:
    booking = cinema.book(who, 0, showtime_id=showtime_id)
    assert cinema.pay(booking, cinema.start_payment(who, booking))["outcome"] == "confirmed"
    cinema.advance("1 day")
    if moved:
        cinema.owner.execute(
            "update public.showtimes set starts_at = starts_at + interval '1 minute' where id = %s", [showtime_id]
        )
    who.call("cancel_booking", booking_id=booking["id"])
    cinema.advance("1 second")


def test_who_returned_five_paid_bookings_within_a_month_waits_or_asks_the_cinema(cinema: CinemaFixture) -> None:
    ada, showtime_id = cinema.customer(), cinema.add_showtime("60 days")
    for _ in range(5):
        buy_and_return(cinema, ada, showtime_id)
    cinema.lock(ada, 0, showtime_id=showtime_id)
    refused = refusal(ada, "create_booking", showtime_id=showtime_id)
    seconds = 26 * 24 * 3600 - 5  # until the first return is thirty days ago
    assert (refused.code, refused.sqlstate) == ("too_many_returned", "PT409")
    assert refused.details == {"limit": 5, "retry_after": seconds}
    assert refused.headers == {"Retry-After": str(seconds)}
    assert "contact the cinema" in (refused.hint or "")
    cinema.advance(f"{seconds - 1} seconds")
    cinema.lock(ada, 0, showtime_id=showtime_id)
    assert refusal(ada, "create_booking", showtime_id=showtime_id).code == "too_many_returned"
    cinema.advance("1 second")
    ada.call("create_booking", showtime_id=showtime_id)


def test_who_returns_what_the_cinema_moved_has_returned_nothing(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update private.settings set returned_bookings_per_month = 2")
    ada, moved, other = cinema.customer(), cinema.add_showtime("60 days"), cinema.add_showtime("70 days")
    for _ in range(3):
        buy_and_return(cinema, ada, moved, moved=True)
    for _ in range(2):
        buy_and_return(cinema, ada, other)
    cinema.lock(ada, 0, showtime_id=other)
    assert refusal(ada, "create_booking", showtime_id=other).code == "too_many_returned"


# More time only for who begins to pay --------------------------------------------------------------------------------


def test_a_booking_ends_with_its_selection_until_its_customer_begins_to_pay(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    lock = cinema.lock(ada, 0, 1)
    cinema.advance("4 minutes")
    booking = ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert booking["expires_at"] == lock["expires_at"]
    cinema.advance("6 minutes")
    assert cinema.states()[:2] == ["free", "free"]
    cinema.sweep()
    assert cinema.status(booking) == "expired"
    assert len(cinema.events("seat:lock")) == 1


@pytest.mark.transition("lock.extended")
def test_beginning_to_pay_gives_ten_minutes_once(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 1)
    cinema.advance("9 minutes")
    payment = cinema.call_service("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert minutes_held(cinema, payment) == 10
    assert {seat["expires_at"] for seat in list(cinema.map(ada).values())[:2]} == {payment["expires_at"]}
    assert ada.call("create_booking", showtime_id=cinema.showtime_id)["expires_at"] == payment["expires_at"]
    event = cinema.events("seat:lock")[-1]["payload"]
    assert (event["seat_ids"], datetime.fromisoformat(event["expires_at"]).second) == (cinema.seats[:2], 0)
    cinema.advance("9 minutes")
    again = cinema.call_service("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert again["expires_at"] == payment["expires_at"]
    # Nor by another payment, once Stripe has cancelled the first.
    intent = cinema.start_payment(ada, booking)
    cinema.call_service(
        "record_payment_failure", event_id=None, event_type="test", payment_intent_id=intent, canceled=True
    )
    again = cinema.call_service("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert (again["payment_id"] != payment["payment_id"], again["expires_at"]) == (True, payment["expires_at"])
    assert len(cinema.events("seat:lock")) == 2
    cinema.advance("1 minute")
    assert cinema.states()[:2] == ["free", "free"]


@pytest.mark.parametrize("chose", ["0 seconds", "5 minutes", "9 minutes 59 seconds"])
def test_the_first_selection_and_its_payment_have_their_full_time(cinema: CinemaFixture, chose: str) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    cinema.advance(chose)
    payment = cinema.call_service("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert minutes_held(cinema, payment) == 10


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize(("chose", "pays"), [("1 minute", 9), ("4 minutes", 6), ("7 minutes", 3), ("9 minutes", 2)])
def test_time_to_pay_is_cut_to_what_is_left_of_the_holding_time(
    cinema: CinemaFixture, chose: str, pays: float, swept: bool
) -> None:
    ada = cinema.customer()
    let_run_out(cinema, ada, 0)
    if swept:
        cinema.owner.execute("select private.archive_ended_locks(private.now() + interval '1 minute', 100)")
    booking = cinema.book(ada, 1)
    cinema.advance(chose)
    payment = cinema.call_service("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert minutes_held(cinema, payment) == pays


def test_time_spent_on_paying_counts_as_holding_time(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    cinema.advance("9 minutes")
    cinema.call_service("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    cinema.advance("10 minutes")
    assert lock_refusal(cinema, ada, 1)[0] == "holding_paused"


def test_without_a_limit_on_holding_time_there_is_always_the_full_time_to_pay(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update private.settings set holding_time_per_hour = null, payment_duration = '11 minutes'")
    ada = cinema.customer()
    let_run_out(cinema, ada, 0)
    booking = cinema.book(ada, 1)
    cinema.advance("9 minutes")
    payment = cinema.call_service("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert minutes_held(cinema, payment) == 11


# The siege -----------------------------------------------------------------------------------------------------------

SEATS, ATTACKERS, LOOK = 40, 4, 2


def besiege(cinema: CinemaFixture, minutes: int, *, paying: bool) -> list[set[int]]:
    """Let four accounts keep forty seats from everybody as long as they can: whatever is free, whoever of them still
    may takes it, at every moment, and they pass their seats on. When paying, each begins to pay just before its second
    selection ends. Return what an honest viewer saw free, every two seconds."""
    attackers = [cinema.customer(f"Attacker {n}") for n in range(ATTACKERS)]
    cinema.owner.execute(
        "delete from public.seats where auditorium_id = %s and id <> all (%s)",
        [cinema.auditorium_id, cinema.seats[:SEATS]],
    )
    viewer, looks = cinema.anonymous(), list[set[int]]()
    paused_until, selections, ends = [0] * ATTACKERS, [0] * ATTACKERS, [0.0] * ATTACKERS
    for now in range(0, minutes * 60, LOOK):
        for attacker, selection, end in zip(attackers, selections, ends, strict=True):
            if paying and selection > 1 and now < end <= now + LOOK:
                booking = attacker.call("create_booking", showtime_id=cinema.showtime_id)
                cinema.call_service("start_payment", booking_id=booking["id"], user_id=attacker.user_id)
        free = [seat for seat, shown in cinema.map(viewer).items() if shown["state"] == "free"]
        for turn in range(ATTACKERS):
            # Another one each time, so that nobody asks for what they had.
            who = (turn + now // 300) % ATTACKERS
            for wanted in (free[:10], [seat for seat in free if seat % ATTACKERS == turn][:1]):
                if not wanted or paused_until[who] > now:
                    continue
                try:
                    held = attackers[who].call("lock_seats", showtime_id=cinema.showtime_id, seat_ids=wanted)
                except Refused as refused:
                    if refused.code == "holding_paused":
                        paused_until[who] = now + refused.details["retry_after"]
                    continue
                free = [seat for seat in free if seat not in wanted]
                selections[who] += now >= ends[who]
                ends[who] = now + minutes_held(cinema, held) * 60
        looks.append({seat for seat, shown in cinema.map(viewer).items() if shown["state"] == "free"})
        cinema.advance(f"{LOOK} seconds")
        if now % 60 == 0:
            cinema.sweep()
    return looks


@pytest.mark.parametrize(("paying", "share"), [(False, 0.3), (True, 0.25)])
def test_four_accounts_cannot_keep_forty_seats_for_longer_than_their_time(
    cinema: CinemaFixture, paying: bool, share: float
) -> None:
    looks = besiege(cinema, 30, paying=paying)
    with_a_free_seat = sum(bool(look) for look in looks)
    ever_free = {seat for look in looks for seat in look}
    figures = f"{with_a_free_seat} of {len(looks)} looks had a free seat, {len(ever_free)} of {SEATS} seats were free"
    assert with_a_free_seat >= len(looks) * share, figures
    assert len(ever_free) > SEATS * 0.9, figures
    buyer = cinema.customer("Honest")
    assert cinema.buy(buyer, 0, 1, 2)["status"] == "confirmed", figures


@pytest.mark.slow
def test_mutant_without_the_limits_no_seat_is_free_for_half_an_hour(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update private.settings set holding_time_per_hour = null, seat_cooldown = null")
    looks = besiege(cinema, 30, paying=False)
    assert not any(looks)
