"""Limits that hold whichever process is asked: registrations, payment starts, seats chosen, letters."""

from __future__ import annotations

import pytest

from tests.house import Caller, House, Refused

AT_HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def set_limit(house: House, name: str, value: int | None) -> None:
    house.owner.execute(f"update private.settings set {name} = %s".encode(), [value])


def refused(house: House, who: Caller, *seats: int) -> Refused:
    with pytest.raises(Refused, match="PT429 too_many_attempts") as error:
        house.lock(who, *seats)
    return error.value


def test_registrations_are_limited_per_address(house: House) -> None:
    house.freeze()
    set_limit(house, "registrations_per_address", 2)
    service = house.service()
    for _ in range(2):
        assert service.call("admit_registration", address=AT_HOME) == {"status": "admitted"}
        house.advance("1 minute")
    # The first of the two leaves the window of 15 minutes in 13.
    assert service.call("admit_registration", address=AT_HOME) == {"status": "limited", "retry_after": 780}
    assert service.call("admit_registration", address=ELSEWHERE) == {"status": "admitted"}
    house.advance("779 seconds")
    assert service.call("admit_registration", address=AT_HOME) == {"status": "limited", "retry_after": 1}
    house.advance("1 second")
    assert service.call("admit_registration", address=AT_HOME) == {"status": "admitted"}
    assert service.call("admit_registration", address=AT_HOME)["status"] == "limited"


def test_a_limit_can_be_switched_off(house: House) -> None:
    set_limit(house, "registrations_per_address", None)
    service = house.service()
    for _ in range(60):
        assert service.call("admit_registration", address=AT_HOME) == {"status": "admitted"}
    assert house.value("select count(*) from private.attempts") == 0


def test_limits_are_numbers_above_zero(house: House) -> None:
    for name in ("registrations_per_address", "payment_starts_per_customer", "seats_chosen_per_minute"):
        with pytest.raises(Exception, match="limits_are_positive"):
            set_limit(house, name, 0)


def test_old_attempts_are_forgotten(house: House) -> None:
    house.service().call("admit_registration", address=AT_HOME)
    house.advance("16 minutes")
    house.sweep()
    assert house.value("select count(*) from private.attempts") == 0


def test_payment_starts_are_limited_per_customer(house: House) -> None:
    set_limit(house, "payment_starts_per_customer", 2)
    ada, bob = house.customer(), house.customer("Bob")
    booking, others = house.book(ada, 0), house.book(bob, 1)
    service = house.service()
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
    assert house.value("select count(*) from private.attempts where what = 'payment'") == 3
    with pytest.raises(Refused, match="unknown_booking"):
        service.call("start_payment", booking_id=booking["id"], user_id=bob.user_id)
    assert house.value("select count(*) from private.attempts where what = 'payment'") == 3


def test_seats_are_chosen_at_a_persons_pace(house: House) -> None:
    set_limit(house, "seats_chosen_per_minute", 6)
    house.freeze()
    ada, bob = house.customer(), house.customer("Bob")
    for seats in ((0, 1, 2), (3, 4)):
        house.lock(ada, *seats)
        ada.call("release_seats", showtime_id=house.showtime_id)
    error = refused(house, ada, 5, 6)
    assert (error.details, error.headers) == ({"retry_after": 60}, {"Retry-After": "60"})
    house.lock(ada, 5)
    house.lock(ada, 5)  # what is held already is not chosen anew
    refused(house, ada, 6)
    house.lock(bob, 6)
    other = house.add_showtime("2 days")
    house.lock(ada, 7, showtime_id=other)
    house.advance("61 seconds")
    house.lock(ada, 7)


def test_the_sweep_does_not_forgive_what_was_chosen_within_the_minute(house: House) -> None:
    set_limit(house, "seats_chosen_per_minute", 3)
    ada = house.customer()
    house.lock(ada, 0, 1, 2)
    ada.call("release_seats", showtime_id=house.showtime_id)
    house.advance("55 seconds")
    house.sweep()
    refused(house, ada, 3)


def test_without_a_limit_on_seats_robots_may_play(house: House) -> None:
    set_limit(house, "seats_chosen_per_minute", None)
    ada = house.customer()
    for _ in range(20):
        house.lock(ada, *range(10))
        ada.call("release_seats", showtime_id=house.showtime_id)
    house.lock(ada, 0)


def test_a_person_does_not_meet_the_usual_limits(house: House) -> None:
    """Ten seats, changed ten times in one minute, are below what a robot is recognised by."""
    ada = house.customer()
    house.freeze()
    for _ in range(11):
        house.lock(ada, *range(10))
        ada.call("release_seats", showtime_id=house.showtime_id)


def test_a_letter_too_many_says_when_the_next_may_go(house: House) -> None:
    ada = house.customer()
    booking = house.buy(ada, 0)
    house.freeze()
    for _ in range(3):
        house.owner.execute("update private.outbox set state = 'sent', settled_at = now() where state = 'queued'")
        ada.call("send_ticket_again", booking_id=booking["id"])
        house.advance("1 hour")
    house.owner.execute("update private.outbox set state = 'sent', settled_at = now() where state = 'queued'")
    with pytest.raises(Refused, match="too_many_attempts") as error:
        ada.call("send_ticket_again", booking_id=booking["id"])
    assert error.value.details == {"retry_after": 21 * 3600}
