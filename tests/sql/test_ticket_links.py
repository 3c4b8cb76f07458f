"""Links to tickets: who has one sees the booking, and cancels it as its guest may."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from hashlib import sha256

import psycopg
import pytest

from tests.cinema import PASSWORD_HASH, Caller, CinemaFixture, Json, Refused

EMAIL = "grace@example.com"


@pytest.fixture
def cinema(cinema: CinemaFixture) -> Iterator[CinemaFixture]:
    """What a link does breaks no rule."""
    yield cinema
    assert cinema.violations() == []


@pytest.fixture
def guest(cinema: CinemaFixture) -> Caller:
    return cinema.guest(EMAIL, "Grace")


def send(cinema: CinemaFixture, booking: Json) -> str:
    """The hash of the key in an email about a booking, noted as the worker notes it."""
    key_hash = sha256(secrets.token_bytes(32)).hexdigest()
    assert cinema.call_service("add_ticket_link", booking_id=booking["id"], key_hash=key_hash) is True
    return key_hash


def show(cinema: CinemaFixture, booking: Json, key_hash: str) -> Json:
    return cinema.call_service("open_ticket", reference=booking["reference"], key_hash=key_hash)


def cancel(cinema: CinemaFixture, booking: Json, key_hash: str) -> Json:
    return cinema.call_service("cancel_by_link", reference=booking["reference"], key_hash=key_hash)


def claim(cinema: CinemaFixture) -> Caller:
    """The owner of the address, who has what was bought with it."""
    user = cinema.call_service("register_user", email=EMAIL, password_hash=PASSWORD_HASH, full_name="Grace")
    cinema.owner.execute("update public.users set email_verified_at = private.now() where id = %s", [user["id"]])
    cinema.call_service("open_session", user_id=user["id"], token_hash=secrets.token_hex(32))
    return cinema.caller("authenticated", user["id"])


def mail_all(cinema: CinemaFixture) -> None:
    cinema.owner.execute(
        "update private.outbox set state = 'sent', completed_at = private.now() where state = 'queued'"
    )


def links(cinema: CinemaFixture) -> set[str]:
    return {row["key_hash"] for row in cinema.rows("select key_hash from private.ticket_links")}


# What it shows -------------------------------------------------------------------------------------------------------


def test_a_link_shows_what_its_customer_sees_and_the_email_says(cinema: CinemaFixture, guest: Caller) -> None:
    cinema.freeze()
    booking = cinema.buy(guest, 0, 1)
    shown = show(cinema, booking, send(cinema, booking))
    assert shown == {
        "booking": guest.call("my_booking", booking_id=booking["id"]),
        "email": cinema.call_service("ticket_context", booking_id=booking["id"], user_id=guest.user_id),
        "cancellable": True,
    }


def test_a_reference_is_typed_in_either_case(cinema: CinemaFixture, guest: Caller) -> None:
    booking = cinema.buy(guest, 0)
    key_hash = send(cinema, booking)
    assert show(cinema, {"reference": booking["reference"].lower()}, key_hash)["booking"]["id"] == booking["id"]


@pytest.mark.parametrize("function", ["open_ticket", "cancel_by_link"])
@pytest.mark.parametrize("wrong", ["the key", "the reference", "both of another booking", "nothing given"])
def test_reference_and_key_belong_together(cinema: CinemaFixture, guest: Caller, function: str, wrong: str) -> None:
    booking, other = cinema.buy(guest, 0), cinema.buy(guest, 1)
    key_hash, key_of_other = send(cinema, booking), send(cinema, other)
    reference, key_hash = {
        "the key": (booking["reference"], "0" * 64),
        "the reference": ("23456789", key_hash),
        "both of another booking": (booking["reference"], key_of_other),
        "nothing given": (None, None),
    }[wrong]
    with pytest.raises(Refused, match="PT410 link_expired"):
        cinema.call_service(function, reference=reference, key_hash=key_hash)
    assert (cinema.status(booking), cinema.status(other)) == ("confirmed", "confirmed")


def test_every_email_has_a_link_of_its_own_and_all_are_good(cinema: CinemaFixture, guest: Caller) -> None:
    booking = cinema.buy(guest, 0)
    for key_hash in [send(cinema, booking) for _ in range(3)]:
        assert show(cinema, booking, key_hash)["booking"]["id"] == booking["id"]


def test_a_key_that_is_noted_again_stays_with_its_booking(cinema: CinemaFixture, guest: Caller) -> None:
    """A worker that hears no answer asks once more."""
    booking, other = cinema.buy(guest, 0), cinema.buy(guest, 1)
    key_hash = send(cinema, booking)
    for each in (booking, other):
        cinema.call_service("add_ticket_link", booking_id=each["id"], key_hash=key_hash)
    assert links(cinema) == {key_hash}
    assert show(cinema, booking, key_hash)["booking"]["id"] == booking["id"]


def test_there_is_no_link_to_a_booking_that_is_not_there(cinema: CinemaFixture) -> None:
    assert cinema.call_service("add_ticket_link", booking_id=uuid.uuid4(), key_hash="a" * 64) is False
    assert links(cinema) == set()


def test_the_database_holds_no_key(cinema: CinemaFixture, guest: Caller) -> None:
    """What a dump shows opens nothing: the hash is not the key."""
    booking, key = cinema.buy(guest, 0), secrets.token_urlsafe(32)
    with pytest.raises(psycopg.errors.CheckViolation, match="key_is_hashed"):
        cinema.call_service("add_ticket_link", booking_id=booking["id"], key_hash=key)
    key_hash = sha256(key.encode()).hexdigest()
    cinema.call_service("add_ticket_link", booking_id=booking["id"], key_hash=key_hash)
    stolen = sha256(key_hash.encode()).hexdigest()  # as Flask hashes what it is shown
    with pytest.raises(Refused, match="link_expired"):
        show(cinema, booking, stolen)


# What it cancels -----------------------------------------------------------------------------------------------------


def test_a_link_gives_up_a_paid_booking_once(cinema: CinemaFixture, guest: Caller) -> None:
    booking = cinema.buy(guest, 0, 1)
    key_hash = send(cinema, booking)
    for _ in range(2):
        answer = cancel(cinema, booking, key_hash)
        assert (answer["booking"]["status"], answer["cancellable"]) == ("cancelled", False)
    assert cinema.states()[:2] == ["free", "free"]
    assert [row["kind"] for row in cinema.outbox() if row["kind"] != "mail_confirmation"] == ["refund", "mail_refund"]


def test_a_link_gives_up_an_order(cinema: CinemaFixture, guest: Caller) -> None:
    booking = cinema.book(guest, 0)
    key_hash = send(cinema, booking)
    assert show(cinema, booking, key_hash)["cancellable"] is True
    assert cancel(cinema, booking, key_hash)["booking"]["status"] == "cancelled"
    assert guest.call("my_booking", booking_id=booking["id"])["status"] == "cancelled"


def test_what_its_guest_may_no_longer_cancel_its_link_does_not_either(cinema: CinemaFixture, guest: Caller) -> None:
    booking = cinema.buy(guest, 0)
    key_hash = send(cinema, booking)
    cinema.advance("22 hours 1 minute")
    assert show(cinema, booking, key_hash)["cancellable"] is False
    with pytest.raises(Refused, match="PT409 not_cancellable"):
        cancel(cinema, booking, key_hash)
    assert cinema.status(booking) == "confirmed"


@pytest.mark.parametrize("became", ["claimed by its owner", "a guest who registered"])
def test_the_booking_of_an_account_is_shown_and_not_cancelled_by_link(
    cinema: CinemaFixture, guest: Caller, became: str
) -> None:
    """The email may lie in any mailbox; an account has a password."""
    booking = cinema.buy(guest, 0)
    key_hash = send(cinema, booking)
    if became == "claimed by its owner":
        owner = claim(cinema)
    else:
        owner = guest
        cinema.call_service(
            "register_user",
            email=EMAIL,
            password_hash=PASSWORD_HASH,
            full_name="Grace",
            guest_session_id=cinema.value("select id from private.sessions"),
        )
    shown = show(cinema, booking, key_hash)
    assert (shown["booking"]["status"], shown["cancellable"]) == ("confirmed", False)
    with pytest.raises(Refused, match="PT409 not_cancellable"):
        cancel(cinema, booking, key_hash)
    assert cinema.status(booking) == "confirmed"
    owner.call("cancel_booking", booking_id=booking["id"])


# When it ends --------------------------------------------------------------------------------------------------------


def test_links_are_forgotten_with_their_guest(cinema: CinemaFixture, guest: Caller) -> None:
    other = cinema.guest("other@example.com")
    booking, of_other = cinema.buy(guest, 0), cinema.buy(other, 1)
    key_hash, kept = send(cinema, booking), send(cinema, of_other)
    mail_all(cinema)
    cinema.advance("2 days")
    (left,) = cinema.call_service("forget_user", who=EMAIL)
    assert left["status"] == "deleted"
    assert links(cinema) == {kept}
    with pytest.raises(Refused, match="link_expired"):
        show(cinema, booking, key_hash)


def test_a_link_goes_ninety_days_after_its_email_when_the_show_is_over(cinema: CinemaFixture, guest: Caller) -> None:
    shown = cinema.buy(guest, 0)
    first = send(cinema, shown)
    cinema.showtime_id = cinema.add_showtime("120 days")
    to_come = cinema.buy(guest, 0)
    second = send(cinema, to_come)
    mail_all(cinema)

    def kept_after(days: str) -> tuple[set[str], int]:
        cinema.advance(days)
        deleted = cinema.call_service("keep_retention")["done"]["delete_old_ticket_links"]
        return links(cinema), deleted

    assert kept_after("89 days") == ({first, second}, 0)
    late = send(cinema, shown)  # of an email about its money
    assert kept_after("2 days 3 hours") == ({second, late}, 1)
    assert show(cinema, to_come, second)["booking"]["id"] == to_come["id"]
    assert kept_after("118 days") == ({second}, 1), "its show is over for less than ninety days"
    assert kept_after("2 days") == (set(), 1)


def test_links_are_deleted_some_at_once(cinema: CinemaFixture, guest: Caller) -> None:
    booking = cinema.buy(guest, 0)
    for _ in range(3):
        send(cinema, booking)
    mail_all(cinema)
    cinema.advance("92 days")
    deleted = [cinema.call_service("keep_retention", max_rows=2)["done"]["delete_old_ticket_links"] for _ in range(2)]
    assert deleted == [2, 1]
