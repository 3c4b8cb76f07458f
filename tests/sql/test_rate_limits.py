"""Rate limits that hold whichever process is asked: registrations, payment starts, seats chosen, emails."""

from __future__ import annotations

import pytest

from tests.cinema import Caller, CinemaFixture, Refused

AT_HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def set_limit(cinema: CinemaFixture, name: str, value: int | None) -> None:
    cinema.owner.execute(f"update private.settings set {name} = %s".encode(), [value])


def refused(cinema: CinemaFixture, who: Caller, *seats: int) -> Refused:
    with pytest.raises(Refused, match="PT429 too_many_attempts") as error:
        cinema.lock(who, *seats)
    return error.value


def test_registrations_are_limited_per_address(cinema: CinemaFixture) -> None:
    cinema.freeze()
    set_limit(cinema, "registrations_per_address", 2)
    service = cinema.service()
    for _ in range(2):
        assert service.call("check_registration_limit", address=AT_HOME) == {"status": "admitted"}
        cinema.advance("1 minute")
    # The first of the two leaves the window of 15 minutes in 13.
    assert service.call("check_registration_limit", address=AT_HOME) == {"status": "limited", "retry_after": 780}
    assert service.call("check_registration_limit", address=ELSEWHERE) == {"status": "admitted"}
    cinema.advance("779 seconds")
    assert service.call("check_registration_limit", address=AT_HOME) == {"status": "limited", "retry_after": 1}
    cinema.advance("1 second")
    assert service.call("check_registration_limit", address=AT_HOME) == {"status": "admitted"}
    assert service.call("check_registration_limit", address=AT_HOME)["status"] == "limited"


def test_a_limit_can_be_switched_off(cinema: CinemaFixture) -> None:
    set_limit(cinema, "registrations_per_address", None)
    service = cinema.service()
    for _ in range(60):
        assert service.call("check_registration_limit", address=AT_HOME) == {"status": "admitted"}
    assert cinema.value("select count(*) from private.rate_limit_hits") == 0


def test_limits_are_numbers_above_zero(cinema: CinemaFixture) -> None:
    for name in ("registrations_per_address", "payment_starts_per_customer", "seats_chosen_per_minute"):
        with pytest.raises(Exception, match="limits_are_positive"):
            set_limit(cinema, name, 0)


def test_old_attempts_are_forgotten_and_those_that_count_are_not(cinema: CinemaFixture) -> None:
    cinema.service().call("check_registration_limit", address=AT_HOME)
    cinema.advance("15 minutes")
    cinema.service().call("check_registration_limit", address=ELSEWHERE)
    cinema.advance("61 seconds")
    cinema.sweep()
    assert cinema.rows("select source, key from private.rate_limit_hits") == [
        {"source": None, "key": f"registration:{ELSEWHERE}"}
    ]


def test_payment_starts_are_limited_per_customer(cinema: CinemaFixture) -> None:
    set_limit(cinema, "payment_starts_per_customer", 2)
    ada, bob = cinema.customer(), cinema.customer("Bob")
    booking, others = cinema.book(ada, 0), cinema.book(bob, 1)
    service = cinema.service()
    for _ in range(2):
        service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    with pytest.raises(Refused, match="too_many_attempts") as error:
        service.call("start_payment", booking_id=booking["id"], user_id=ada.user_id)
    assert error.value.sqlstate == "PT429"
    assert 1 <= error.value.details["retry_after"] <= 900
    assert error.value.headers == {"Retry-After": str(error.value.details["retry_after"])}
    assert error.value.hint == "Too many attempts. Please wait a while and try again."
    service.call("start_payment", booking_id=others["id"], user_id=bob.user_id)
    # What was refused for another reason is no attempt.
    assert cinema.value("select count(*) from private.rate_limit_hits where key like 'payment_start:%%'") == 3
    with pytest.raises(Refused, match="unknown_booking"):
        service.call("start_payment", booking_id=booking["id"], user_id=bob.user_id)
    assert cinema.value("select count(*) from private.rate_limit_hits where key like 'payment_start:%%'") == 3


def test_seat_choices_are_rate_limited(cinema: CinemaFixture) -> None:
    set_limit(cinema, "seats_chosen_per_minute", 6)
    cinema.freeze()
    ada, bob = cinema.customer(), cinema.customer("Bob")
    for seats in ((0, 1, 2), (3, 4)):
        cinema.lock(ada, *seats)
        ada.call("release_seats", showtime_id=cinema.showtime_id)
    error = refused(cinema, ada, 5, 6)
    assert (error.details, error.headers) == ({"retry_after": 60}, {"Retry-After": "60"})
    cinema.lock(ada, 5)
    cinema.lock(ada, 5)  # what is held already is not chosen anew
    refused(cinema, ada, 6)
    cinema.lock(bob, 6)
    other = cinema.add_showtime("2 days")
    cinema.lock(ada, 7, showtime_id=other)
    cinema.advance("61 seconds")
    cinema.lock(ada, 7)


def test_the_sweep_does_not_clear_what_was_chosen_within_the_minute(cinema: CinemaFixture) -> None:
    set_limit(cinema, "seats_chosen_per_minute", 3)
    ada = cinema.customer()
    cinema.lock(ada, 0, 1, 2)
    ada.call("release_seats", showtime_id=cinema.showtime_id)
    cinema.advance("55 seconds")
    cinema.sweep()
    refused(cinema, ada, 3)


def test_seat_choice_limit_can_be_switched_off(cinema: CinemaFixture) -> None:
    set_limit(cinema, "seats_chosen_per_minute", None)
    ada = cinema.customer()
    for _ in range(20):
        cinema.lock(ada, *range(10))
        ada.call("release_seats", showtime_id=cinema.showtime_id)
    cinema.lock(ada, 0)


def test_a_person_does_not_meet_the_usual_limits(cinema: CinemaFixture) -> None:
    """Ten seats, changed ten times in one minute, are below what a robot is recognised by."""
    ada = cinema.customer()
    cinema.freeze()
    for _ in range(11):
        cinema.lock(ada, *range(10))
        ada.call("release_seats", showtime_id=cinema.showtime_id)


def test_an_email_too_many_says_when_the_next_may_go(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    cinema.freeze()
    for _ in range(3):
        cinema.owner.execute("update private.outbox set state = 'sent', completed_at = now() where state = 'queued'")
        ada.call("send_ticket_again", booking_id=booking["id"])
        cinema.advance("1 hour")
    cinema.owner.execute("update private.outbox set state = 'sent', completed_at = now() where state = 'queued'")
    with pytest.raises(Refused, match="too_many_attempts") as error:
        ada.call("send_ticket_again", booking_id=booking["id"])
    assert error.value.details == {"retry_after": 21 * 3600}
