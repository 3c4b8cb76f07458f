"""What the catalog refuses because it would break a sale, to the owner's plain SQL and to the secret key alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.errors import CheckViolation, ExclusionViolation, ForeignKeyViolation

from tests.cinema import Caller, CinemaFixture, Json, Refused

Write = Callable[..., list[Json]]

HELD = ["held", "pending", "sold"]


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.slow), "service_role"])
def write(cinema: CinemaFixture, request: pytest.FixtureRequest) -> Write:
    """Runs a statement as the owner, then as the secret key."""
    return cinema.caller(request.param).query


def take(cinema: CinemaFixture, how: str, seat: int = 0) -> Caller:
    """Let a new customer hold, book or buy the seat."""
    who = cinema.customer()
    {"held": cinema.lock, "pending": cinema.book, "sold": cinema.buy}[how](who, seat)
    return who


def add_film(cinema: CinemaFixture, minutes: int) -> int:
    return cinema.value(
        "insert into public.movies (slug, title, release_year, directors, genres, language, certificate,"
        " length_minutes, synopsis, rights) select 'film-' || count(*), 'Faust', 1926, '{F. W. Murnau}', '{Drama}',"
        " 'zxx', '12', %s, 'A bet.', 'Public domain.' from public.movies returning id",
        [minutes],
    )


def add_theater(cinema: CinemaFixture, currency: str = "EUR") -> int:
    return cinema.value(
        "insert into public.theaters (slug, name, city, country, address, time_zone, currency)"
        " values ('rex', 'Rex', 'Paris', 'FR', 'Rue 1', 'Europe/Paris', %s) returning id",
        [currency],
    )


def late(cinema: CinemaFixture, seat: int = 0) -> tuple[Json, str]:
    """A booking whose time is over while its payment is open at Stripe, and the intent."""
    ada = cinema.customer()
    booking = cinema.book(ada, seat)
    intent = cinema.start_payment(ada, booking)
    cinema.advance("10 minutes")
    cinema.sweep()
    return booking, intent


def canceled_at_stripe(cinema: CinemaFixture, intent: str) -> None:
    cinema.call_service(
        "record_payment_failure",
        event_id=f"evt_{intent}",
        event_type="payment_intent.canceled",
        payment_intent_id=intent,
        canceled=True,
    )


def constraint(refused: pytest.ExceptionInfo[psycopg.Error]) -> str | None:
    """The fact that an error says it would break."""
    return refused.value.diag.constraint_name


# Showtimes with holds and bookings -----------------------------------------------------------------------------------

ANOTHER_FILM = "update public.showtimes set movie_id = %s where id = %s"
ELSEWHERE = "update public.showtimes set auditorium_id = %s where id = %s"


@pytest.mark.parametrize("how", HELD)
def test_a_showtime_with_holds_or_bookings_keeps_its_film(cinema: CinemaFixture, write: Write, how: str) -> None:
    take(cinema, how)
    faust = add_film(cinema, 90)
    with pytest.raises(ForeignKeyViolation, match="held or booked") as refused:
        write(ANOTHER_FILM, [faust, cinema.showtime_id])
    assert constraint(refused) == "held_showtimes_keep_their_film"
    write("update public.showtimes set movie_id = movie_id where id = %s", [cinema.showtime_id])


def test_a_cancelled_booking_still_says_which_film_it_was(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    ada.call("cancel_booking", booking_id=cinema.buy(ada, 0)["id"])
    with pytest.raises(ForeignKeyViolation, match="held or booked"):
        cinema.owner.execute(ANOTHER_FILM, [add_film(cinema, 90), cinema.showtime_id])


@pytest.mark.parametrize("how", HELD)
def test_a_showtime_with_holds_or_bookings_keeps_its_auditorium(cinema: CinemaFixture, write: Write, how: str) -> None:
    take(cinema, how)
    other = cinema.add_auditorium("Saal 2", 1, 3)
    with pytest.raises(ForeignKeyViolation, match="held or booked") as refused:
        write(ELSEWHERE, [other, cinema.showtime_id])
    assert constraint(refused) == "held_showtimes_keep_their_auditorium"


@pytest.mark.parametrize("end", ["not paid", "swept", "given up"])
def test_a_booking_that_ended_unpaid_binds_no_showtime(cinema: CinemaFixture, write: Write, end: str) -> None:
    """But it stays on record, and so does its showtime."""
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    if end == "given up":
        ada.call("cancel_booking", booking_id=booking["id"])
    else:
        cinema.advance("10 minutes")
    if end == "swept":
        cinema.sweep()
    assert cinema.status(booking) == {"not paid": "pending", "swept": "expired", "given up": "cancelled"}[end]
    write(ANOTHER_FILM, [add_film(cinema, 90), cinema.showtime_id])
    write(ELSEWHERE, [cinema.add_auditorium("Saal 2", 1, 3), cinema.showtime_id])
    with pytest.raises(ForeignKeyViolation) as refused:
        write("delete from public.showtimes where id = %s", [cinema.showtime_id])
    assert constraint(refused) == "bookings_showtime_id_fkey"
    cinema.sweep()
    assert cinema.violations() == []


def test_a_cancelled_booking_binds_no_auditorium(cinema: CinemaFixture, write: Write) -> None:
    ada = cinema.customer()
    ada.call("cancel_booking", booking_id=cinema.buy(ada, 0)["id"])
    write(ELSEWHERE, [cinema.add_auditorium("Saal 2", 1, 3), cinema.showtime_id])
    assert cinema.violations() == []


def test_a_late_payment_for_a_showtime_that_is_elsewhere_now_is_refunded(cinema: CinemaFixture, write: Write) -> None:
    booking, intent = late(cinema)
    write(ELSEWHERE, [cinema.add_auditorium("Saal 2", 1, 3), cinema.showtime_id])
    answer = cinema.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "seats_gone")
    assert cinema.rows("select amount, reason from public.refunds") == [{"amount": 1200, "reason": "seats_gone"}]
    assert cinema.status(booking) == "expired"
    assert cinema.rows("select from public.seat_locks where held @> private.now()") == []
    assert {seat["state"] for seat in cinema.map().values()} == {"free"}
    assert cinema.violations() == []


def test_a_showtime_keeps_its_film_while_money_may_arrive_late(cinema: CinemaFixture, write: Write) -> None:
    """It would buy a ticket for another film."""
    _, intent = late(cinema)
    change = [add_film(cinema, 90), cinema.showtime_id]
    with pytest.raises(ForeignKeyViolation, match="held or booked") as refused:
        write(ANOTHER_FILM, change)
    assert constraint(refused) == "held_showtimes_keep_their_film"
    canceled_at_stripe(cinema, intent)
    write(ANOTHER_FILM, change)
    assert cinema.violations() == []


@pytest.mark.parametrize("end", ["expired", "released"])
@pytest.mark.parametrize("archived", [False, True])
def test_holds_that_have_ended_bind_no_showtime(cinema: CinemaFixture, write: Write, end: str, archived: bool) -> None:
    other = cinema.add_auditorium("Saal 2", 1, 3)
    ada = take(cinema, "held")
    if end == "released":
        ada.call("release_seats", showtime_id=cinema.showtime_id)
    else:
        cinema.advance("10 minutes")
    if archived:
        cinema.advance("2 minutes")
        cinema.sweep()
    assert cinema.value("select count(*) from public.seat_locks") == (0 if archived else 1)
    write(ANOTHER_FILM, [add_film(cinema, 90), cinema.showtime_id])
    write("update public.showtimes set auditorium_id = %s where id = %s", [other, cinema.showtime_id])
    assert cinema.violations() == []
    write("delete from public.showtimes where id = %s", [cinema.showtime_id])
    cinema.advance("2 minutes")
    cinema.sweep()
    assert cinema.value("select count(*) from private.seat_lock_history") == 1
    assert cinema.violations() == []


def test_a_showtime_with_one_live_hold_among_ended_ones_stays(cinema: CinemaFixture, write: Write) -> None:
    take(cinema, "held", 0)
    cinema.advance("10 minutes")
    take(cinema, "held", 1)
    with pytest.raises(ForeignKeyViolation, match="held or booked") as refused:
        write("delete from public.showtimes where id = %s", [cinema.showtime_id])
    assert constraint(refused) == "held_showtimes_stay"


# Seats ---------------------------------------------------------------------------------------------------------------

SEAT_CHANGES = {
    "row": "update public.seats set row_label = 'Z' where id = %s",
    "number": "update public.seats set number = 99 where id = %s",
    "auditorium": "update public.seats set auditorium_id = (select max(id) from public.auditoriums) where id = %s",
    "kind": "update public.seats set kind = 'wheelchair' where id = %s",
    "gone": "delete from public.seats where id = %s",
}


@pytest.mark.parametrize("how", HELD)
@pytest.mark.parametrize("change", SEAT_CHANGES)
def test_a_held_or_sold_seat_stays_what_its_ticket_says(
    cinema: CinemaFixture, write: Write, how: str, change: str
) -> None:
    cinema.add_auditorium("Saal 2", 1, 1)
    take(cinema, how, 1)
    with pytest.raises(ForeignKeyViolation, match="seat A2 is held or sold at a showtime to come") as refused:
        write(SEAT_CHANGES[change], [cinema.seats[1]])
    assert constraint(refused) == ("held_seats_stay" if change == "gone" else "held_seats_keep_their_name_and_kind")
    write("update public.seats set x = x + 100, y = y + 0.5 where id = %s", [cinema.seats[1]])


@pytest.mark.parametrize("change", SEAT_CHANGES)
def test_a_seat_that_nobody_holds_may_change(cinema: CinemaFixture, write: Write, change: str) -> None:
    cinema.add_auditorium("Saal 2", 1, 1)
    take(cinema, "sold", 0)
    take(cinema, "held", 1)
    cinema.advance("10 minutes")
    write(SEAT_CHANGES[change], [cinema.seats[1]])
    write(SEAT_CHANGES[change], [cinema.seats[12]])
    assert cinema.violations() == []


def test_a_sold_seat_may_change_once_the_showtime_is_over(cinema: CinemaFixture, write: Write) -> None:
    take(cinema, "sold")
    cinema.advance("1 day 109 minutes")
    with pytest.raises(ForeignKeyViolation):
        write(SEAT_CHANGES["row"], [cinema.seats[0]])
    cinema.advance("2 minutes")
    write(SEAT_CHANGES["row"], [cinema.seats[0]])


# Theaters and auditoriums --------------------------------------------------------------------------------------------

PLACE_CHANGES = {
    "held_auditoriums_keep_their_theater": "update public.auditoriums"
    " set theater_id = (select max(id) from public.theaters) where name = 'Saal 1'",
    "held_theaters_keep_their_currency": "update public.theaters set currency = 'JPY' where slug = 'scala'",
    "held_theaters_keep_their_time_zone": "update public.theaters set time_zone = 'Asia/Tokyo' where slug = 'scala'",
}


@pytest.mark.parametrize("how", HELD)
@pytest.mark.parametrize("fact", PLACE_CHANGES)
def test_a_ticket_is_for_the_same_place_clock_and_money(
    cinema: CinemaFixture, write: Write, how: str, fact: str
) -> None:
    add_theater(cinema)
    take(cinema, how)
    with pytest.raises(ForeignKeyViolation, match="held or booked at a showtime to come") as refused:
        write(PLACE_CHANGES[fact])
    assert constraint(refused) == fact
    write("update public.theaters set name = 'Gartenbau', currency = currency, time_zone = time_zone")
    write("update public.auditoriums set name = 'Saal I', theater_id = theater_id")


@pytest.mark.parametrize("end", ["expired", "unpaid", "cancelled", "shown"])
@pytest.mark.parametrize("fact", PLACE_CHANGES)
def test_a_theater_that_nobody_has_seats_in_may_change(
    cinema: CinemaFixture, write: Write, end: str, fact: str
) -> None:
    add_theater(cinema)
    how = {"expired": "held", "unpaid": "pending", "cancelled": "sold", "shown": "sold"}[end]
    ada = take(cinema, how)
    if end == "cancelled":
        ada.call("cancel_booking", booking_id=cinema.value("select id from public.bookings"))
    cinema.advance("1 day 111 minutes" if end == "shown" else "10 minutes")
    write(PLACE_CHANGES[fact])
    cinema.sweep()
    assert cinema.violations() == []


@pytest.mark.parametrize("fact", PLACE_CHANGES)
def test_a_theater_stays_what_it_is_while_money_may_arrive_late(cinema: CinemaFixture, write: Write, fact: str) -> None:
    add_theater(cinema)
    _, intent = late(cinema)
    with pytest.raises(ForeignKeyViolation, match="held or booked") as refused:
        write(PLACE_CHANGES[fact])
    assert constraint(refused) == fact
    canceled_at_stripe(cinema, intent)
    write(PLACE_CHANGES[fact])
    assert cinema.violations() == []


def test_an_auditorium_leaves_a_theater_that_has_sold_in_another_one(cinema: CinemaFixture, write: Write) -> None:
    add_theater(cinema)
    spare = cinema.add_auditorium("Saal 2", 1, 1)
    cinema.add_showtime("1 day", spare)
    take(cinema, "sold")
    write("update public.auditoriums set theater_id = (select max(id) from public.theaters) where id = %s", [spare])
    with pytest.raises(ForeignKeyViolation):
        write(PLACE_CHANGES["held_theaters_keep_their_currency"])


def test_money_in_a_currency_that_the_theater_no_longer_takes_is_refunded(cinema: CinemaFixture) -> None:
    """By an intent that we never heard of, which nothing could wait for."""
    booking = cinema.book(cinema.customer(), 0)
    cinema.advance("10 minutes")
    cinema.owner.execute("update public.theaters set currency = 'USD'")
    answer = cinema.pay(booking, "pi_unknown")
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "seats_gone")
    assert set(cinema.states()) == {"free"}
    assert cinema.violations() == []


# Time ----------------------------------------------------------------------------------------------------------------

MOVE = """update public.showtimes set starts_at = starts_at + %(by)s::interval, ends_at = ends_at + %(by)s::interval,
          available_from = available_from + %(by)s::interval where id = %(id)s"""


def test_a_showtime_moves_to_times_to_come_only(cinema: CinemaFixture, write: Write) -> None:
    with pytest.raises(CheckViolation, match="cannot be moved into the past") as refused:
        write(MOVE, {"by": "-1 day -1 second", "id": cinema.showtime_id})
    assert constraint(refused) == "no_showtime_moves_into_the_past"
    write(MOVE, {"by": "-23 hours", "id": cinema.showtime_id})
    write("update public.showtimes set status = 'cancelled'")
    with pytest.raises(CheckViolation, match="cannot be moved into the past"):
        write(MOVE, {"by": "-2 hours", "id": cinema.showtime_id})


@pytest.mark.parametrize("later", ["1 day", "1 day 2 hours", "1 year"])
@pytest.mark.parametrize("sold", [False, True])
def test_a_showtime_that_has_begun_is_neither_moved_nor_cancelled(
    cinema: CinemaFixture, write: Write, later: str, sold: bool
) -> None:
    other = cinema.add_auditorium("Saal 2", 1, 1)
    if sold:
        take(cinema, "sold")
    cinema.advance(later)
    for statement in (
        "update public.showtimes set status = 'cancelled' where id = %(id)s",
        "update public.showtimes set auditorium_id = %(other)s where id = %(id)s",
        MOVE,
    ):
        with pytest.raises(CheckViolation, match="has begun") as refused:
            write(statement, {"id": cinema.showtime_id, "other": other, "by": "3 years"})
        assert constraint(refused) == "begun_showtimes_stay"
    cinema.sweep()
    assert cinema.rows("select from public.refunds") == []


def test_a_showtime_may_end_later_until_it_is_over(cinema: CinemaFixture, write: Write) -> None:
    longer = "update public.showtimes set ends_at = ends_at + interval '5 minutes'"
    cinema.advance("1 day 1 hour")
    write(longer)
    cinema.advance("1 hour")
    with pytest.raises(CheckViolation, match="has begun"):
        write(longer)
    write("update public.showtimes set available_from = available_from + interval '1 hour'")


def test_a_showtime_has_time_for_its_film(cinema: CinemaFixture, write: Write) -> None:
    """Nosferatu lasts 94 minutes, and its showtime 110."""
    shorter = "update public.showtimes set ends_at = starts_at + %s::interval where id = %s"
    for statement, parameters in (
        (shorter, ["93 minutes 59.9 seconds", cinema.showtime_id]),
        (ANOTHER_FILM, [add_film(cinema, 111), cinema.showtime_id]),
        ("update public.showtimes set starts_at = starts_at + interval '17 minutes'", []),
        (
            "insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)"
            " select movie_id, auditorium_id, s, s + interval '93 minutes', s + interval '2 hours'"
            " from public.showtimes, lateral (select starts_at + interval '1 day' as s) later",
            [],
        ),
    ):
        with pytest.raises(CheckViolation, match="the film lasts") as refused:
            write(statement, parameters)
        assert constraint(refused) == "it_ends_after_its_film"
    write(shorter, ["94 minutes", cinema.showtime_id])
    assert cinema.violations() == []


def test_a_film_grows_no_longer_than_its_showtimes_to_come(cinema: CinemaFixture, write: Write) -> None:
    length = "update public.movies set length_minutes = %s where id = %s"
    with pytest.raises(CheckViolation, match="ends before the film would") as refused:
        write(length, [111, cinema.movie_id])
    assert constraint(refused) == "films_fit_their_showtimes"
    write(length, [110, cinema.movie_id])
    write(length, [90, cinema.movie_id])
    cinema.advance("1 day 2 hours")
    write(length, [111, cinema.movie_id])
    assert cinema.violations() == []


# Cancelled and on again ----------------------------------------------------------------------------------------------

CANCEL = "update public.showtimes set status = 'cancelled' where id = %s"
RESUME = "update public.showtimes set status = 'scheduled' where id = %s"


def test_a_cancelled_showtime_is_on_again_while_nobody_was_told(cinema: CinemaFixture, write: Write) -> None:
    """What customers had cancelled before is no reason against it."""
    ada = cinema.customer()
    ada.call("cancel_booking", booking_id=cinema.buy(ada, 0)["id"])
    kept = cinema.buy(ada, 1)
    cinema.advance("1 minute")
    write(CANCEL, [cinema.showtime_id])
    write(RESUME, [cinema.showtime_id])
    assert cinema.value("select cancelled_at from public.showtimes") is None
    cinema.sweep()
    assert cinema.status(kept) == "confirmed"


@pytest.mark.parametrize("how", ["pending", "sold", "by the customer", "paid late"])
def test_a_showtime_stays_cancelled_once_a_booking_ended_for_it(cinema: CinemaFixture, write: Write, how: str) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    intent = cinema.start_payment(ada, booking)
    if how in ("sold", "by the customer"):
        cinema.pay(booking, intent)
    if how == "paid late":
        cinema.advance("10 minutes")
        cinema.sweep()
    write(CANCEL, [cinema.showtime_id])
    if how == "by the customer":
        ada.call("cancel_booking", booking_id=booking["id"])
    elif how == "paid late":
        assert cinema.pay(booking, intent)["reason"] == "showtime_cancelled"
    else:
        cinema.sweep()
    with pytest.raises(CheckViolation, match="were cancelled or refunded") as refused:
        write(RESUME, [cinema.showtime_id])
    assert constraint(refused) == "refunded_showtimes_stay_cancelled"


def test_nobody_writes_by_hand_when_a_showtime_was_cancelled(cinema: CinemaFixture, write: Write) -> None:
    cinema.freeze()
    cancelled_at = "select cancelled_at = private.now() as now from public.showtimes"
    write("update public.showtimes set status = 'cancelled', cancelled_at = 'infinity'")
    assert cinema.value(cancelled_at) is True
    write("update public.showtimes set cancelled_at = 'infinity'")
    assert cinema.value(cancelled_at) is True
    write("update public.showtimes set status = 'scheduled'")
    write("update public.showtimes set cancelled_at = 'infinity'")
    assert cinema.value(cancelled_at) is None


# Prices --------------------------------------------------------------------------------------------------------------

LEFT = "select seats_left from private.seats_left(array[%s::bigint], private.now())"


def test_a_seat_of_a_kind_without_a_price_is_not_on_sale(cinema: CinemaFixture) -> None:
    """The last ten are premium seats."""
    cinema.owner.execute("delete from public.showtime_prices where kind = 'premium'")
    ada = cinema.customer()
    with pytest.raises(Refused) as refused:
        cinema.lock(ada, 0, 49, 40)
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "seat_not_for_sale")
    assert refused.value.details == {"seat_ids": [cinema.seats[40], cinema.seats[49]]}
    assert set(cinema.states()) == {"free"}
    assert cinema.rows(LEFT, [cinema.showtime_id]) == [{"seats_left": 40}]
    cinema.lock(ada, 0)
    assert cinema.rows(LEFT, [cinema.showtime_id]) == [{"seats_left": 39}]


def test_a_seat_of_another_auditorium_is_unknown_whatever_it_costs(cinema: CinemaFixture) -> None:
    cinema.owner.execute("delete from public.showtime_prices where kind = 'premium'")
    (elsewhere,) = cinema.seats_of(cinema.add_auditorium("Saal 2", 1, 1))
    with pytest.raises(Refused) as refused:
        cinema.customer().call("lock_seats", showtime_id=cinema.showtime_id, seat_ids=[cinema.seats[49], elsewhere])
    assert (refused.value.code, refused.value.details) == ("unknown_seat", {"seat_ids": [elsewhere]})


def test_a_price_that_goes_takes_the_seats_of_its_kind_off_sale(cinema: CinemaFixture) -> None:
    """Those that are sold are not taken off what is left once more."""
    take(cinema, "sold", 49)
    take(cinema, "sold", 0)
    ada = take(cinema, "held", 48)
    assert cinema.rows(LEFT, [cinema.showtime_id]) == [{"seats_left": 47}]
    cinema.owner.execute("delete from public.showtime_prices where kind = 'premium'")
    assert cinema.rows(LEFT, [cinema.showtime_id]) == [{"seats_left": 39}]
    with pytest.raises(Refused, match="seat_not_for_sale"):
        ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert cinema.violations() == []


def test_a_showtime_may_be_planned_first_and_priced_later(cinema: CinemaFixture, write: Write) -> None:
    (showtime,) = write(
        "insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)"
        " select movie_id, auditorium_id, starts_at + interval '1 day', ends_at + interval '1 day',"
        " available_from + interval '1 day' from public.showtimes returning id"
    )
    ada = cinema.customer()
    assert cinema.rows(LEFT, [showtime["id"]]) == [{"seats_left": 0}]
    with pytest.raises(Refused, match="seat_not_for_sale"):
        cinema.lock(ada, 0, showtime_id=showtime["id"])
    write("insert into public.showtime_prices values (%s, 'standard', 900)", [showtime["id"]])
    assert cinema.rows(LEFT, [showtime["id"]]) == [{"seats_left": 40}]
    cinema.lock(ada, 0, showtime_id=showtime["id"])


def test_a_price_that_changed_is_told_before_paying_and_stays(cinema: CinemaFixture, write: Write) -> None:
    ada = take(cinema, "held")
    write("update public.showtime_prices set price = 1300 where kind = 'standard'")
    booking = ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert ([seat["price"] for seat in booking["seats"]], booking["total"]) == ([1300], 1300)
    write("update public.showtime_prices set price = 1400 where kind = 'standard'")

    def stays() -> None:
        for statement, fact in {
            "update public.booking_seats set price = 1400": "booked_prices_stay",
            "update public.bookings set total = 1400": "booked_totals_stay",
            "update public.bookings set currency = 'GBP'": "booked_totals_stay",
        }.items():
            with pytest.raises(CheckViolation, match="keeps its price") as refused:
                cinema.owner.execute(statement.encode())
            assert constraint(refused) == fact

    stays()
    assert cinema.pay(booking, cinema.start_payment(ada, booking))["outcome"] == "confirmed"
    stays()
    assert cinema.violations() == []


@pytest.mark.parametrize("what", ["showtime", "auditorium"])
def test_prices_fit_the_currency_of_the_theater_that_they_move_to(
    cinema: CinemaFixture, write: Write, what: str
) -> None:
    """HUF begin at 175.00."""
    theater = add_theater(cinema, "HUF")
    there = cinema.add_auditorium("Saal 2", 1, 1)
    cinema.owner.execute("update public.auditoriums set theater_id = %s where id = %s", [theater, there])
    statement, parameters = {
        "showtime": (ELSEWHERE, [there, cinema.showtime_id]),
        "auditorium": (
            "update public.auditoriums set theater_id = %s where id = %s",
            [theater, cinema.auditorium_id],
        ),
    }[what]
    with pytest.raises(CheckViolation, match=r"1[25]00 minor units of HUF, a price of showtime") as refused:
        write(statement, parameters)
    assert constraint(refused) == "price_is_payable"
    cinema.owner.execute("update public.theaters set currency = 'USD' where id = %s", [theater])
    write(statement, parameters)
    assert cinema.violations() == []


def test_two_showtimes_that_swap_theaters_have_prices_for_both(cinema: CinemaFixture, write: Write) -> None:
    """It is asked when the statement has ended, and of either."""
    theater = add_theater(cinema, "HUF")
    there = cinema.add_auditorium("Saal 2", 1, 1)
    cinema.owner.execute("update public.auditoriums set theater_id = %s where id = %s", [theater, there])
    cinema.owner.execute("update public.showtime_prices set price = 250000 where true")
    other = cinema.add_showtime("2 days")
    swap = (
        "update public.showtimes set auditorium_id = case id when %(here)s then %(there)s else %(hall)s end",
        {"here": other, "there": there, "hall": cinema.auditorium_id},
    )
    with pytest.raises(CheckViolation, match=f"HUF, a price of showtime {other}"):
        write(*swap)
    write(swap[0], {**swap[1], "here": cinema.showtime_id})


# Time zones ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "zone",
    [
        *("EST5EDT", "EST", "CET", "MST7MDT", "UTC", "GMT", "Zulu", "Factory", "localtime", "Etc/UTC", "Etc/GMT+5"),
        *("posix/Europe/Vienna", "posix/EST5EDT", "posixrules", "right/Europe/Vienna", "US/Eastern", "Turkey", "GB"),
        *("europe/vienna", "Europe/", "Europe/Wien", "+01:00", "<+01>-1", "", "CET-1CEST"),
    ],
)
def test_a_time_zone_is_named_after_a_place(write: Write, zone: str) -> None:
    with pytest.raises(CheckViolation, match="is no time zone") as refused:
        write("update public.theaters set time_zone = %s", [zone])
    assert constraint(refused) == "time_zone_exists"


@pytest.mark.parametrize(
    "zone",
    ["Europe/Vienna", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Australia/Lord_Howe", "Atlantic/Azores"],
)
def test_places_all_over_the_world_have_time_zones(write: Write, zone: str) -> None:
    write("update public.theaters set time_zone = %s", [zone])


# Two showtimes that change places ------------------------------------------------------------------------------------


def test_two_showtimes_swap_auditoriums_in_one_statement(cinema: CinemaFixture, write: Write) -> None:
    there = cinema.add_auditorium("Saal 2", 1, 1)
    here, other = cinema.showtime_id, cinema.add_showtime("1 day", there)
    write(
        "update public.showtimes set auditorium_id = case id when %(here)s then %(there)s else %(hall)s end",
        {"here": here, "there": there, "hall": cinema.auditorium_id},
    )
    assert cinema.rows("select id, auditorium_id from public.showtimes order by id") == [
        {"id": here, "auditorium_id": there},
        {"id": other, "auditorium_id": cinema.auditorium_id},
    ]


def test_two_showtimes_swap_times_in_one_statement(cinema: CinemaFixture, write: Write) -> None:
    cinema.add_showtime("2 days")
    times = "select id, starts_at, ends_at, available_from from public.showtimes order by id"
    first, second = cinema.rows(times)
    write(
        "update public.showtimes a set starts_at = b.starts_at, ends_at = b.ends_at,"
        " available_from = b.available_from from public.showtimes b where b.id <> a.id"
    )
    assert cinema.rows(times) == [{**second, "id": first["id"]}, {**first, "id": second["id"]}]


def test_showtimes_that_overlap_are_refused_at_the_statement(cinema: CinemaFixture) -> None:
    """Not when the transaction commits."""
    with cinema.owner.transaction():
        with pytest.raises(ExclusionViolation, match="one_film_at_a_time"), cinema.owner.transaction():
            cinema.add_showtime("1 day 1 hour")
        later = cinema.add_showtime("2 days")
        with pytest.raises(ExclusionViolation, match="one_film_at_a_time"), cinema.owner.transaction():
            cinema.owner.execute(MOVE, {"by": "-1 day", "id": later})
    assert cinema.value("select count(*) from public.showtimes") == 2


# What is booked is what is held, in the showtime's auditorium --------------------------------------------------------


def past_the_guard(cinema: CinemaFixture, change: str, seat: int) -> None:
    """Change a held seat as a restored dump could, or a trigger that somebody has switched off."""
    cinema.owner.execute("alter table public.seats disable trigger user")
    cinema.owner.execute(SEAT_CHANGES[change].encode(), [cinema.seats[seat]])
    cinema.owner.execute("alter table public.seats enable trigger user")


@pytest.mark.parametrize("change", ["auditorium", "gone"])
def test_a_held_seat_that_is_not_in_the_auditorium_is_not_booked(cinema: CinemaFixture, change: str) -> None:
    """Nor is it left out in silence."""
    cinema.add_auditorium("Saal 2", 1, 1)
    ada = cinema.customer()
    cinema.lock(ada, 0, 1)
    past_the_guard(cinema, change, 1)
    with pytest.raises(Refused) as refused:
        ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert (refused.value.code, refused.value.details) == ("unknown_seat", {"seat_ids": [cinema.seats[1]]})
    assert cinema.rows("select from public.bookings") == []


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("change", ["auditorium", "row", "number", "kind"])
def test_a_booking_is_not_confirmed_with_a_seat_that_is_another_now(
    cinema: CinemaFixture, change: str, late: bool
) -> None:
    cinema.add_auditorium("Saal 2", 1, 1)
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 1)
    intent = cinema.start_payment(ada, booking)
    if late:
        cinema.advance("10 minutes")
        cinema.owner.execute(SEAT_CHANGES[change].encode(), [cinema.seats[1]])  # nobody holds it any more
    else:
        past_the_guard(cinema, change, 1)
    answer = cinema.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "seats_gone")
    assert cinema.rows("select amount, reason from public.refunds") == [{"amount": 2400, "reason": "seats_gone"}]
    assert {seat["state"] for seat in cinema.map().values()} == {"free"}
    assert cinema.violations() == []


@pytest.mark.parametrize("late", [False, True])
def test_a_booking_is_not_confirmed_with_a_hold_that_it_has_no_line_for(cinema: CinemaFixture, late: bool) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0, 1)
    intent = cinema.start_payment(ada, booking)
    if late:
        cinema.advance("10 minutes")
    cinema.owner.execute(
        "insert into public.seat_locks (showtime_id, id, seat_id, user_id, booking_id, held)"
        " select %s, extract(epoch from t) * 1000000, %s, %s, %s, tstzrange(t, t + interval '1 minute')"
        " from private.now() t",
        [cinema.showtime_id, cinema.seats[5], ada.user_id, booking["id"]],
    )
    answer = cinema.pay(booking, intent)
    assert (answer["outcome"], answer["reason"]) == ("refund_queued", "seats_gone")
    assert set(cinema.states()) == {"free"}
    assert cinema.violations() == []


def test_a_booking_has_a_line_for_each_hold(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0, 49)
    booking: dict[str, Any] = ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert [seat["seat_id"] for seat in booking["seats"]] == [cinema.seats[0], cinema.seats[49]]
    assert [seat["price"] for seat in booking["seats"]] == [1200, 1500]
