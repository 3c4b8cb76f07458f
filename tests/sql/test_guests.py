"""Guests: they buy without an account, and what they hold and have bought becomes an account's."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.cinema import PASSWORD_HASH, Caller, CinemaFixture, Json, Refused

EMAIL, NAME = "grace@example.com", "Grace Hopper"
HOME = "192.0.2.1"
ANOTHER_HASH = PASSWORD_HASH[:-4] + "AAAA"


@pytest.fixture
def cinema(cinema: CinemaFixture) -> Iterator[CinemaFixture]:
    """The clock stands still, so that every time is exact."""
    cinema.freeze()
    yield cinema
    assert cinema.violations() == []


def open_guest(cinema: CinemaFixture, address: str | None = HOME) -> Json:
    return cinema.call_service(
        "open_guest_session", token_hash=secrets.token_hex(32), user_agent="a browser", address=address
    )


def session_of(cinema: CinemaFixture, who: Caller) -> uuid.UUID:
    return cinema.value("select id from private.sessions where user_id = %s and ended_at is null", [who.user_id])


def register(
    cinema: CinemaFixture, guest: Caller | None = None, email: str = EMAIL, session_id: object = None
) -> Caller:
    user = cinema.call_service(
        "register_user",
        email=email,
        password_hash=PASSWORD_HASH,
        full_name=NAME,
        guest_session_id=session_id or (guest and session_of(cinema, guest)),
    )
    return cinema.caller("authenticated", user["id"])


def sign_in(cinema: CinemaFixture, who: Caller, guest: Caller | None = None, address: str = HOME) -> Json:
    """As Flask does it, with the right password and the access token of the guest."""
    return cinema.call_service(
        "open_session",
        user_id=who.user_id,
        token_hash=secrets.token_hex(32),
        address=address,
        password_hash=PASSWORD_HASH,
        guest_session_id=guest and session_of(cinema, guest),
    )


def account(cinema: CinemaFixture, email: str = EMAIL) -> Caller:
    """Somebody who has proved that address."""
    who = register(cinema, email=email)
    cinema.owner.execute("update public.users set email_verified_at = private.now() where id = %s", [who.user_id])
    return who


def link(cinema: CinemaFixture, who: Caller, kind: str = "mail_verify_email") -> str:
    """The hash of the token in an email to that person, issued as the worker issues it."""
    outbox_id = cinema.value(
        "select id from private.outbox where kind::text = %s and coalesce(user_id, %s) = %s order by id desc limit 1",
        [kind, who.user_id, who.user_id],
    )
    token_hash = secrets.token_hex(32)
    cinema.call_service(
        "issue_account_token", outbox_id=outbox_id, purpose=kind.removeprefix("mail_"), token_hash=token_hash
    )
    return token_hash


def prove_by(cinema: CinemaFixture, token_hash: str) -> None:
    """Use a link as who knows the password of its account."""
    cinema.call_service("prove_email", token_hash=token_hash, password_hash=PASSWORD_HASH)


def prove(cinema: CinemaFixture, who: Caller) -> None:
    prove_by(cinema, link(cinema, who))


def reset(cinema: CinemaFixture, who: Caller) -> None:
    """Use a link of the owner's, who has forgotten the password, or never had one."""
    cinema.call_service("request_password_reset", email=EMAIL, address=HOME)
    cinema.call_service(
        "reset_password", token_hash=link(cinema, who, "mail_reset_password"), password_hash=ANOTHER_HASH
    )


def bookings_of(who: Caller) -> dict[str, str]:
    """The status of each booking that somebody sees as their own, by its id."""
    return {booking["id"]: booking["status"] for booking in who.call("my_bookings")["bookings"]}


def selection(cinema: CinemaFixture, who: Caller, showtime_id: int | None = None) -> Json:
    """What somebody holds and has not paid for: lock ids by seat, and the end."""
    return cinema.value(
        "select private.selection_json(%s, %s, private.now())", [showtime_id or cinema.showtime_id, who.user_id]
    )


def refusal(who: Caller, function: str, **arguments: Any) -> str:
    with pytest.raises(Refused) as refused:
        who.call(function, **arguments)
    return f"{refused.value.sqlstate} {refused.value.code}"


# They buy ------------------------------------------------------------------------------------------------------------


def test_a_guest_has_a_session_and_neither_address_nor_name(cinema: CinemaFixture) -> None:
    session = open_guest(cinema)
    assert session["status"] == "opened"
    assert session["user"] == {
        "id": session["user"]["id"],
        "kind": "guest",
        "email": None,
        "full_name": None,
        "role": "customer",
        "email_verified": False,
    }
    token = secrets.token_hex(32)
    cinema.call_service("open_guest_session", token_hash=token, user_agent=None, address=HOME)
    rotated = cinema.call_service("rotate_session", token_hash=token, new_token_hash=secrets.token_hex(32))
    assert (rotated["status"], rotated["user"]["kind"]) == ("rotated", "guest")


def test_a_guest_pays_once_it_is_known_where_the_ticket_goes(cinema: CinemaFixture) -> None:
    guest = cinema.guest()
    booking = cinema.book(guest, 0, 1)
    with pytest.raises(Refused, match="PT409 contact_required"):
        cinema.start_payment(guest, booking)
    assert cinema.value("select count(*) from public.payments") == 0
    guest.call("set_contact", email=EMAIL, full_name=NAME)
    assert cinema.pay(booking, cinema.start_payment(guest, booking))["outcome"] == "confirmed"
    (row,) = cinema.call_service("claim_outbox", max_rows=10)
    assert (row["kind"], row["email"]["customer"]) == (
        "mail_confirmation",
        {"kind": "guest", "email": EMAIL, "full_name": NAME},
    )


def test_a_guest_says_who_they_are_in_the_form_of_accounts(cinema: CinemaFixture) -> None:
    guest = cinema.guest()
    for _ in range(2):
        answer = guest.call("set_contact", email=f" {EMAIL.upper()} ", full_name="  Grace   Hopper ")
        assert (answer["email"], answer["full_name"], answer["email_verified"]) == (EMAIL, NAME, False)
        assert answer == guest.call("my_account")


def test_a_corrected_address_ends_the_links_that_went_to_the_wrong_one(cinema: CinemaFixture) -> None:
    """Else a stranger who has the mistyped address has the tickets, and may return them."""
    guest, other = cinema.guest("typo@example.com"), cinema.guest("typo@example.com")
    booking, others = cinema.buy(guest, 0), cinema.buy(other, 1)
    for each, key in ((booking, "a"), (others, "b")):
        cinema.call_service("add_ticket_link", booking_id=each["id"], key_hash=key * 64)
    shown = {"reference": booking["reference"], "key_hash": "a" * 64}
    guest.call("set_contact", email=" TYPO@example.com", full_name=NAME)
    assert cinema.call_service("open_ticket", **shown)["booking"]["id"] == booking["id"], "A corrected name ends none."
    guest.call("set_contact", email=EMAIL, full_name=NAME)
    assert refusal(cinema.service(), "open_ticket", **shown) == "PT410 link_expired"
    assert cinema.rows("select key_hash from private.ticket_links") == [{"key_hash": "b" * 64}]


@pytest.mark.parametrize(
    ("email", "full_name", "code"),
    [
        ("no address", NAME, "invalid_email"),
        (None, NAME, "invalid_email"),
        (EMAIL, None, "invalid_name"),
        (EMAIL, " ", "invalid_name"),
        (EMAIL, "See evil.example/x", "invalid_name"),
    ],
)
def test_what_is_no_contact_changes_nothing(
    cinema: CinemaFixture, email: str | None, full_name: str | None, code: str
) -> None:
    guest = cinema.guest("first@example.com", "First")
    assert refusal(guest, "set_contact", email=email, full_name=full_name) == f"PT422 {code}"
    assert [guest.call("my_account")[name] for name in ("email", "full_name")] == ["first@example.com", "First"]


def test_only_a_guest_says_where_emails_go_without_proof(cinema: CinemaFixture) -> None:
    ada, contact = cinema.customer(), {"email": EMAIL, "full_name": NAME}
    before = ada.call("my_account")
    assert refusal(ada, "set_contact", **contact) == "PT409 guests_only"
    assert ada.call("my_account") == before
    assert refusal(cinema.anonymous(), "set_contact", **contact) == "PT401 sign_in_required"
    nobody = cinema.caller("authenticated", uuid.uuid4())
    assert refusal(nobody, "set_contact", **contact) == "PT404 unknown_user"


# Limits --------------------------------------------------------------------------------------------------------------


def test_an_address_opens_so_many_guests_an_hour(cinema: CinemaFixture) -> None:
    assert [open_guest(cinema)["status"] for _ in range(100)] == ["opened"] * 100
    cinema.advance("10 minutes")
    assert open_guest(cinema) == {"status": "limited", "retry_after": 3000}
    assert cinema.value("select count(*) from public.users") == 100
    assert open_guest(cinema, "192.0.2.2")["status"] == "opened"
    cinema.advance("50 minutes")
    assert open_guest(cinema)["status"] == "opened"
    with pytest.raises(Refused, match="PT400 invalid_request"):
        open_guest(cinema, None)


UNPROVED: dict[str, Callable[[CinemaFixture], Caller]] = {
    "a guest": lambda cinema: cinema.guest(EMAIL),
    "an account": register,
}


@pytest.mark.parametrize("who", UNPROVED)
def test_who_has_proved_no_address_holds_ten_seats_at_all_showtimes_together(cinema: CinemaFixture, who: str) -> None:
    caller, second = UNPROVED[who](cinema), cinema.add_showtime("3 days")
    cinema.lock(caller, *range(10))
    with pytest.raises(Refused) as refused:
        cinema.lock(caller, 0, showtime_id=second)
    assert (refused.value.code, refused.value.details) == (
        "too_many_held",
        {"limit": 10, "showtime_ids": [cinema.showtime_id]},
    )
    cinema.owner.execute("update public.users set kind = 'registered', full_name = 'G', email_verified_at = now()")
    cinema.lock(caller, 0, showtime_id=second)


@pytest.mark.parametrize("who", UNPROVED)
def test_who_has_proved_no_address_leaves_five_bookings_unpaid_in_a_day(cinema: CinemaFixture, who: str) -> None:
    caller = UNPROVED[who](cinema)
    for seat in range(5):
        caller.call("cancel_booking", booking_id=cinema.book(caller, seat)["id"])
        cinema.advance("1 second")
    cinema.lock(caller, 6)
    with pytest.raises(Refused) as refused:
        caller.call("create_booking", showtime_id=cinema.showtime_id)
    assert (refused.value.code, refused.value.details["limit"]) == ("too_many_unpaid", 5)
    cinema.owner.execute("update public.users set kind = 'registered', full_name = 'G', email_verified_at = now()")
    caller.call("create_booking", showtime_id=cinema.showtime_id)


@pytest.mark.parametrize("setting", ["seats_held_per_customer", "unpaid_bookings_per_day"])
def test_a_limit_on_everybody_that_is_tighter_counts_for_the_unproved_too(cinema: CinemaFixture, setting: str) -> None:
    cinema.owner.execute(f"update private.settings set {setting} = 1".encode())
    guest = cinema.guest()
    if setting == "unpaid_bookings_per_day":
        guest.call("cancel_booking", booking_id=cinema.book(guest, 0)["id"])
        cinema.advance("1 second")
        cinema.lock(guest, 1)
        assert refusal(guest, "create_booking", showtime_id=cinema.showtime_id) == "PT429 too_many_unpaid"
    else:
        cinema.lock(guest, 0)
        with pytest.raises(Refused, match="too_many_held"):
            cinema.lock(guest, 1)


def test_a_blocked_address_gets_no_seats_as_a_guest_either(cinema: CinemaFixture) -> None:
    guest, bystander = cinema.guest(EMAIL), cinema.guest("other@example.com")
    assert cinema.call_service("block_user", email=EMAIL) is True
    with pytest.raises(Refused, match="PT403 account_blocked"):
        cinema.lock(guest, 0)
    assert cinema.rows("select end_reason from private.sessions where end_reason is not null") == [
        {"end_reason": "blocked"}
    ]
    cinema.lock(bystander, 0)


def test_passwords_are_not_guessed_without_a_count_in_the_name_of_a_guest(cinema: CinemaFixture) -> None:
    """Each check costs a hash, whether there is a password or not: a guest's session would cost nothing."""
    cinema.owner.execute("update private.settings set sign_in_attempts_per_address = 2")
    guest = cinema.guest(EMAIL)
    answers = [
        cinema.call_service("begin_password_check", user_id=guest.user_id, address=HOME)["status"] for _ in range(3)
    ]
    assert answers == ["unknown", "unknown", "limited"]
    asked = {"user_id": guest.user_id, "address": "192.0.2.2"}
    assert cinema.call_service("begin_password_check", **asked) == {"status": "unknown"}


# A guest registers ---------------------------------------------------------------------------------------------------


def test_a_guest_who_registers_stays_who_they_are(cinema: CinemaFixture) -> None:
    """The same id, so seats that are held, orders and tickets are there without a move."""
    guest = cinema.guest("typed@example.com", "G")
    bought, second = cinema.buy(guest, 0), cinema.add_showtime("3 days")
    cinema.lock(guest, 1)
    pending = cinema.book(guest, 2, showtime_id=second)
    intent = cinema.start_payment(guest, pending)
    held = selection(cinema, guest)
    grace = register(cinema, guest)
    assert str(grace.user_id) == str(guest.user_id)
    assert {name: grace.call("my_account")[name] for name in ("kind", "email", "full_name", "email_verified")} == {
        "kind": "registered",
        "email": EMAIL,
        "full_name": NAME,
        "email_verified": False,
    }
    assert selection(cinema, grace) == held
    assert cinema.pay(pending, intent)["outcome"] == "confirmed"
    assert bookings_of(grace) == {bought["id"]: "confirmed", pending["id"]: "confirmed"}
    assert cinema.value("select count(*) from public.users") == 1
    assert sign_in(cinema, grace)["user"]["id"] == str(guest.user_id)


def test_the_sessions_of_a_guest_end_when_they_register(cinema: CinemaFixture) -> None:
    """Else whoever has copied a guest's cookie, or left it in somebody's browser, is signed in to the account."""
    token = secrets.token_hex(32)
    session = cinema.call_service("open_guest_session", token_hash=token, user_agent=None, address=HOME)
    grace = register(cinema, session_id=session["session_id"])
    assert str(grace.user_id) == session["user"]["id"]
    assert cinema.rows("select end_reason from private.sessions") == [{"end_reason": "registered"}]
    rotated = cinema.call_service("rotate_session", token_hash=token, new_token_hash=secrets.token_hex(32))
    assert rotated == {"status": "refused"}


@pytest.mark.parametrize("proved", [False, True])
def test_a_guest_who_registers_again_after_a_lost_answer_is_answered_the_account(
    cinema: CinemaFixture, proved: bool
) -> None:
    """And told so, for Flask to check the password that it has: nobody changes it so, and one email is sent."""
    guest = cinema.guest()
    session_id = session_of(cinema, guest)
    grace = register(cinema, guest)
    if proved:
        prove(cinema, grace)
    again = cinema.call_service(
        "register_user",
        email=EMAIL,
        password_hash=ANOTHER_HASH,
        full_name="Somebody Else",
        guest_session_id=session_id,
    )
    assert again == {
        "id": str(guest.user_id),
        "kind": "registered",
        "email": EMAIL,
        "full_name": NAME,
        "role": "customer",
        "email_verified": proved,
        "opened": False,
    }
    assert cinema.rows("select password_hash from private.credentials") == [{"password_hash": PASSWORD_HASH}]
    assert [row["kind"] for row in cinema.outbox()] == ["mail_verify_email"]


def close(cinema: CinemaFixture, guest: Caller) -> None:
    cinema.owner.execute("select private.end_sessions(%s, 'signed_out')", [guest.user_id])


def outlive(cinema: CinemaFixture, _: Caller) -> None:
    cinema.advance("30 days")


def have_an_account(cinema: CinemaFixture, guest: Caller) -> None:
    register(cinema, guest, "first@example.com")


@pytest.mark.parametrize("but_first", [close, outlive, have_an_account])
def test_a_session_that_is_no_guests_any_more_makes_a_new_account(
    cinema: CinemaFixture, but_first: Callable[[CinemaFixture, Caller], None]
) -> None:
    guest = cinema.guest("typed@example.com", "G")
    session_id = session_of(cinema, guest)
    but_first(cinema, guest)
    before = guest.call("my_account")
    user = cinema.call_service(
        "register_user", email=EMAIL, password_hash=PASSWORD_HASH, full_name=NAME, guest_session_id=session_id
    )
    assert (user["id"] != str(guest.user_id), user["opened"]) == (True, True)
    assert guest.call("my_account") == before


# A guest signs in ----------------------------------------------------------------------------------------------------


def test_what_a_guest_holds_and_has_bought_is_the_accounts_who_signs_in(cinema: CinemaFixture) -> None:
    guest, ada = cinema.guest("typed@example.com", "G"), account(cinema)
    bought, second = cinema.buy(guest, 0), cinema.add_showtime("3 days")
    cinema.lock(guest, 1, 2)
    pending = cinema.book(guest, 3, showtime_id=second)
    intent = cinema.start_payment(guest, pending)
    held, ordered = selection(cinema, guest), selection(cinema, guest, second)
    cinema.advance("1 minute")
    sign_in(cinema, ada, guest)
    assert selection(cinema, ada) == held, "with the same end"
    assert selection(cinema, ada, second) == ordered
    assert ada.call("lock_seats", showtime_id=cinema.showtime_id, seat_ids=held["seat_ids"]) == held
    assert bookings_of(ada) == {bought["id"]: "confirmed", pending["id"]: "pending"}
    assert ada.call("my_booking", booking_id=pending["id"])["payments"][0]["payment_intent_id"] == intent
    assert cinema.pay(pending, intent)["outcome"] == "confirmed"
    assert bookings_of(guest) == {}
    assert cinema.rows("select end_reason from private.sessions where user_id = %s", [guest.user_id]) == [
        {"end_reason": "signed_in"}
    ]
    ada.call("cancel_booking", booking_id=bought["id"])
    assert cinema.status(bought) == "cancelled"


def test_a_guest_is_taken_over_by_an_unproved_account_too(cinema: CinemaFixture) -> None:
    """They show both the guest's token and the password: nothing is given to anybody else."""
    guest, grace = cinema.guest(), register(cinema)
    cinema.lock(guest, 0)
    held = selection(cinema, guest)
    sign_in(cinema, grace, guest)
    assert selection(cinema, grace) == held


HAVE: dict[str, Callable[[CinemaFixture, Caller, int], object]] = {
    "seats": lambda cinema, who, seat: cinema.lock(who, seat),
    "an order": lambda cinema, who, seat: cinema.book(who, seat),
}


@pytest.mark.parametrize("own", HAVE)
@pytest.mark.parametrize("of_guest", HAVE)
def test_a_customers_own_selection_at_a_showtime_leaves_the_guests_where_it_is(
    cinema: CinemaFixture, own: str, of_guest: str
) -> None:
    """A customer has one there; it ends as it would have, and the seats are free again."""
    guest, ada, second = cinema.guest(EMAIL), account(cinema), cinema.add_showtime("3 days")
    HAVE[own](cinema, ada, 0)
    HAVE[of_guest](cinema, guest, 1)
    cinema.lock(guest, 2, showtime_id=second)
    before = selection(cinema, ada), selection(cinema, guest)
    sign_in(cinema, ada, guest)
    assert (selection(cinema, ada), selection(cinema, guest)) == before
    assert selection(cinema, ada, second)["seat_ids"] == [cinema.seats[2]]
    cinema.advance("10 minutes")
    cinema.sweep()
    assert cinema.states()[:3] == ["free"] * 3


def test_an_order_that_stays_with_the_guest_can_be_paid_and_comes_with_the_next_sign_in(cinema: CinemaFixture) -> None:
    guest, ada = cinema.guest(EMAIL), account(cinema)
    cinema.lock(ada, 0)
    pending = cinema.book(guest, 1)
    intent = cinema.start_payment(guest, pending)
    sign_in(cinema, ada, guest)
    assert cinema.pay(pending, intent)["outcome"] == "confirmed"
    assert bookings_of(ada) == {}
    sign_in(cinema, ada)
    assert bookings_of(ada) == {pending["id"]: "confirmed"}


@pytest.mark.parametrize("whose", ["the guest's", "the customer's"])
def test_an_order_whose_time_is_over_keeps_no_selection_from_moving(cinema: CinemaFixture, whose: str) -> None:
    """Nobody has swept yet; whoever signs in would lose the seats that they have just chosen."""
    guest, ada = cinema.guest(), account(cinema)
    cinema.book(guest if whose == "the guest's" else ada, 0)
    cinema.advance("10 minutes 1 second")
    cinema.lock(guest, 1)
    held = selection(cinema, guest)
    sign_in(cinema, ada, guest)
    assert selection(cinema, ada) == held
    assert len(ada.call("create_booking", showtime_id=cinema.showtime_id)["seats"]) == 1


def test_whoever_shows_the_session_of_an_account_gets_nothing_of_it(cinema: CinemaFixture) -> None:
    bob, ada = account(cinema, "bob@example.com"), account(cinema)
    booking = cinema.buy(bob, 0)
    sign_in(cinema, bob)
    sign_in(cinema, ada, bob)
    assert (bookings_of(ada), bookings_of(bob)) == ({}, {booking["id"]: "confirmed"})
    assert session_of(cinema, bob)


@pytest.mark.parametrize("why", ["invalid_credentials", "account_blocked"])
def test_a_sign_in_that_is_refused_moves_nothing(cinema: CinemaFixture, why: str) -> None:
    guest, ada = cinema.guest(), account(cinema)
    cinema.lock(guest, 0)
    held = selection(cinema, guest)
    if why == "account_blocked":
        cinema.call_service("block_user", email=EMAIL)
    else:
        cinema.owner.execute("update private.credentials set password_hash = %s", [ANOTHER_HASH])
    with pytest.raises(Refused, match=why):
        sign_in(cinema, ada, guest)
    assert selection(cinema, guest) == held
    assert session_of(cinema, guest)


# The owner of an address ---------------------------------------------------------------------------------------------


def bookings_with_the_address(cinema: CinemaFixture) -> tuple[Json, dict[str, str]]:
    """Two guests have booked with it, and returned and left some: an order that is pending, and the tickets by id."""
    guest, second = cinema.guest(EMAIL), cinema.guest(EMAIL)
    cinema.book(guest, 4)
    cinema.advance("11 minutes")
    cinema.sweep()
    bought, returned, elsewhere = cinema.buy(guest, 0), cinema.buy(guest, 1), cinema.buy(second, 2)
    cinema.advance("1 second")
    guest.call("cancel_booking", booking_id=returned["id"])
    pending = cinema.book(guest, 3)
    return pending, {bought["id"]: "confirmed", elsewhere["id"]: "confirmed"}


PROOFS: dict[str, Callable[[CinemaFixture, Caller], object]] = {
    "prove_email": prove,
    "reset_password": reset,
}


def owner(cinema: CinemaFixture) -> Caller:
    """Whose the address is, since it was proved."""
    return cinema.caller(
        "authenticated",
        cinema.value("select id from public.users where email = %s and email_verified_at is not null", [EMAIL]),
    )


@pytest.mark.parametrize("proof", PROOFS)
def test_who_proves_an_address_gets_what_was_bought_with_it(cinema: CinemaFixture, proof: str) -> None:
    """Not what waits for its payment: whoever is paying has it on the screen. Nor what was left unpaid or returned,
    which counts against its owner's limits, and which anybody may have done with the address."""
    pending, others = bookings_with_the_address(cinema)
    grace = register(cinema)
    sign_in(cinema, grace)
    assert bookings_of(grace) == {}, "Anybody may have typed the address."
    PROOFS[proof](cinema, grace)
    assert bookings_of(owner(cinema)) == others
    assert cinema.status(pending) == "pending"


def leave_five_unpaid(cinema: CinemaFixture, who: Caller) -> None:
    for seat in range(5):
        who.call("cancel_booking", booking_id=cinema.book(who, seat)["id"])
        cinema.advance("1 second")


def return_two(cinema: CinemaFixture, who: Caller) -> None:
    for seat in range(2):
        who.call("cancel_booking", booking_id=cinema.buy(who, seat)["id"])
        cinema.advance("1 second")


@pytest.mark.parametrize("proof", PROOFS)
@pytest.mark.parametrize("strangers", UNPROVED)
@pytest.mark.parametrize("do", [leave_five_unpaid, return_two])
def test_what_a_stranger_left_unpaid_or_returned_does_not_count_against_the_owner(
    cinema: CinemaFixture, do: Callable[[CinemaFixture, Caller], None], strangers: str, proof: str
) -> None:
    """Else anybody who types an address keeps its owner from buying for a day, or a month."""
    cinema.owner.execute("update private.settings set unpaid_bookings_per_day = 5, returned_bookings_per_month = 2")
    stranger = UNPROVED[strangers](cinema)
    cinema.buy(stranger, 8)
    do(cinema, stranger)
    cinema.lock(stranger, 6)
    assert " too_many_" in refusal(stranger, "create_booking", showtime_id=cinema.showtime_id)
    cinema.advance("1 second")
    PROOFS[proof](cinema, register(cinema))
    assert len(cinema.book(owner(cinema), 7)["seats"]) == 1


VICTIMS: dict[str, Callable[[CinemaFixture], Caller]] = {
    "a guest": lambda cinema: cinema.guest(EMAIL, NAME),
    "an account that is not proved": register,
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_link_that_a_stranger_has_sent_gives_nobodys_tickets_away(cinema: CinemaFixture, victim: str) -> None:
    """Who has just bought expects an email and opens what comes: else the tickets, and the address, are the stranger's
    who registered with it."""
    grace = VICTIMS[victim](cinema)
    booking = cinema.buy(grace, 0)
    eve = register(cinema)
    token_hash = link(cinema, eve)
    here = sign_in(cinema, grace)["session_id"] if victim != "a guest" else session_of(cinema, grace)
    for shown in ({}, {"session_id": here}):
        assert refusal(cinema.service(), "prove_email", token_hash=token_hash, **shown) == "PT403 password_required"
    assert (bookings_of(grace), bookings_of(eve)) == ({booking["id"]: "confirmed"}, {})
    assert eve.call("my_account")["email_verified"] is False


CLAIMS: dict[str, Callable[[CinemaFixture, Caller, Caller], object]] = {
    "a proof": lambda cinema, grace, _: prove(cinema, grace),
    "a sign-in of the guest": lambda cinema, grace, guest: sign_in(cinema, grace, guest),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_nothing_says_who_a_guest_was_that_has_nothing_left(cinema: CinemaFixture, claim: str) -> None:
    """The account may be deleted without the guest, whose name and address would be kept of nobody and for nothing."""
    guest, other, grace = cinema.guest(EMAIL, NAME), cinema.guest(EMAIL, NAME), register(cinema)
    booking = cinema.buy(guest, 0)
    left = cinema.book(other, 1)
    CLAIMS[claim](cinema, grace, guest)
    assert bookings_of(grace) == {booking["id"]: "confirmed"}
    assert [guest.call("my_account")[name] for name in ("email", "full_name")] == [None, None]
    assert [other.call("my_account")[name] for name in ("email", "full_name")] == [EMAIL, NAME]
    assert cinema.status(left) == "pending"


def test_what_is_bought_later_with_a_proved_address_comes_with_the_next_sign_in(cinema: CinemaFixture) -> None:
    grace = account(cinema)
    _, others = bookings_with_the_address(cinema)
    assert bookings_of(grace) == {}
    sign_in(cinema, grace)
    assert bookings_of(grace) == others


def test_a_change_to_an_address_brings_what_was_bought_with_it(cinema: CinemaFixture) -> None:
    _, others = bookings_with_the_address(cinema)
    ada = account(cinema, "ada@example.com")
    cinema.call_service(
        "request_email_change", user_id=ada.user_id, password_hash=PASSWORD_HASH, email=EMAIL, address=HOME
    )
    prove_by(cinema, link(cinema, ada, "mail_change_email"))
    assert bookings_of(ada) == others


def test_a_booking_that_was_claimed_is_paid_back_and_held_as_before(cinema: CinemaFixture) -> None:
    """Its seats moved along: they are sold to its new owner, who gives them up."""
    guest = cinema.guest(EMAIL)
    bought = cinema.buy(guest, 0, 1)
    grace = register(cinema)
    prove(cinema, grace)
    assert refusal(guest, "cancel_booking", booking_id=bought["id"]) == "PT404 unknown_booking"
    assert cinema.violations() == []
    cinema.advance("1 second")
    grace.call("cancel_booking", booking_id=bought["id"])
    assert cinema.states()[:2] == ["free", "free"]
    assert cinema.value("select count(*) from public.refunds where booking_id = %s", [bought["id"]]) == 1


# A squatted address --------------------------------------------------------------------------------------------------


def squatted(cinema: CinemaFixture) -> tuple[Caller, Json]:
    """Eve has registered with the address of Grace, is signed in, and has asked for links: who, and her booking."""
    eve = register(cinema)
    sign_in(cinema, eve)
    sign_in(cinema, eve)
    cinema.owner.execute("update public.users set role = 'staff' where id = %s", [eve.user_id])
    cinema.call_service(
        "request_email_change", user_id=eve.user_id, password_hash=PASSWORD_HASH, email="eve@evil.example", address=HOME
    )
    return eve, cinema.buy(eve, 0)


def owner_of(cinema: CinemaFixture, eve: Caller, proof: str) -> Caller:
    """Grace, who has the mailbox, gets the address back."""
    cinema.advance("1 hour")  # three emails an hour
    grace = register(cinema)
    assert grace.user_id != eve.user_id
    PROOFS[proof](cinema, grace)
    return owner(cinema)


@pytest.mark.parametrize("proof", PROOFS)
def test_a_squatted_address_is_won_back(cinema: CinemaFixture, proof: str) -> None:
    eve, booking = squatted(cinema)
    change, verify = link(cinema, eve, "mail_change_email"), link(cinema, eve)
    grace = owner_of(cinema, eve, proof)
    assert cinema.rows("select user_id from private.credentials") == [{"user_id": uuid.UUID(str(grace.user_id))}]
    assert (
        cinema.rows("select end_reason from private.sessions where user_id = %s", [eve.user_id])
        == [{"end_reason": "email_proved"}] * 2
    )
    unused = "select count(*) from private.account_tokens where user_id = %s and used_at is null"
    assert cinema.value(unused, [eve.user_id]) == 0
    for token_hash in (change, verify):
        assert refusal(cinema.service(), "prove_email", token_hash=token_hash) == "PT410 link_expired"
    accounts = cinema.call_service("begin_sign_in", email=EMAIL, address=HOME)["accounts"]
    assert [each["user"]["id"] for each in accounts] == [str(grace.user_id)]
    assert (grace.call("my_account")["role"], eve.call("my_account")["kind"]) == ("customer", "guest")
    assert bookings_of(grace) == {booking["id"]: "confirmed"}


@pytest.mark.parametrize("proof", PROOFS)
def test_a_squatters_password_that_was_looked_at_before_the_proof_opens_nothing(
    cinema: CinemaFixture, proof: str
) -> None:
    eve, _ = squatted(cinema)
    accounts = cinema.call_service("begin_sign_in", email=EMAIL, address=HOME)["accounts"]
    assert [each["user"]["id"] for each in accounts] == [str(eve.user_id)]
    owner_of(cinema, eve, proof)
    assert refusal(
        cinema.service(),
        "open_session",
        user_id=eve.user_id,
        token_hash=secrets.token_hex(32),
        password_hash=PASSWORD_HASH,
    ) == ("PT401 invalid_credentials")


@pytest.mark.parametrize("owner", ["has the address", "has taken another"])
def test_a_squatters_link_that_the_worker_sends_too_late_proves_nothing(cinema: CinemaFixture, owner: str) -> None:
    """The email was queued before the proof and is written after it: the account is none any more."""
    eve = register(cinema)
    grace = owner_of(cinema, eve, "prove_email")
    if owner == "has taken another":
        cinema.owner.execute("update public.users set email = 'new@example.com' where id = %s", [grace.user_id])
    late = link(cinema, eve)
    shown = {"token_hash": late, "password_hash": PASSWORD_HASH}
    assert refusal(cinema.service(), "prove_email", **shown) == "PT410 link_expired"
    assert grace.call("my_account")["email_verified"] is True
    assert eve.call("my_account")["email_verified"] is False


def test_of_two_who_registered_with_an_address_the_first_proof_decides(cinema: CinemaFixture) -> None:
    first, second = register(cinema), register(cinema)
    links = [link(cinema, first), link(cinema, second)]
    prove_by(cinema, links[1])
    assert refusal(cinema.service(), "prove_email", token_hash=links[0]) == "PT410 link_expired"
    assert (first.call("my_account")["kind"], second.call("my_account")["email_verified"]) == ("guest", True)


@pytest.mark.parametrize("proof", PROOFS)
def test_a_squatters_second_factor_does_not_outlive_the_proof(cinema: CinemaFixture, proof: str) -> None:
    """Else the owner resets the password and is asked for a code that the squatter has: nobody but an operator would
    win the address back."""
    eve = register(cinema)
    session = {"user_id": eve.user_id, "session_id": sign_in(cinema, eve)["session_id"], "address": HOME}
    secret = "gAAAAA" + "s" * 90
    cinema.call_service("begin_second_factor", **session, secret=secret)
    cinema.call_service("confirm_second_factor", **session, secret=secret, counter=1, recovery_code_hashes=["a" * 64])
    who = eve if proof == "reset_password" else register(cinema)
    PROOFS[proof](cinema, who)
    for table in ("second_factors", "recovery_codes"):
        assert cinema.value(f"select count(*) from private.{table}") == 0
    (account,) = cinema.call_service("begin_sign_in", email=EMAIL, address=HOME)["accounts"]
    opened = cinema.call_service(
        "open_session",
        user_id=account["user"]["id"],
        token_hash=secrets.token_hex(32),
        password_hash=account["password_hash"],
    )
    assert (opened["aal"], opened["user"]["email_verified"]) == ("aal1", True)


def test_a_squatters_access_token_is_none_to_the_account_of_the_owner(cinema: CinemaFixture) -> None:
    """It lives on for a quarter of an hour after its session, and no session is asked about: else the squatter reads
    and returns in it what the owner buys."""
    eve = register(cinema)
    theirs = cinema.buy(eve, 0)
    reset(cinema, eve)
    grace = owner(cinema)
    booking = cinema.buy(grace, 1)
    assert bookings_of(grace) == {theirs["id"]: "confirmed", booking["id"]: "confirmed"}
    assert bookings_of(eve) == {}
    for each in (theirs, booking):
        assert refusal(eve, "cancel_booking", booking_id=each["id"]) == "PT404 unknown_booking"
    assert eve.call("my_account")["email"] is None


# What is asked for in time -------------------------------------------------------------------------------------------


def test_the_end_of_what_moves_is_the_end_that_was_promised(cinema: CinemaFixture) -> None:
    """Signing in gives nobody more time, however often."""
    guest, ada = cinema.guest(), account(cinema)
    expires_at = datetime.fromisoformat(cinema.lock(guest, 0)["expires_at"])
    for _ in range(3):
        cinema.advance("3 minutes")
        sign_in(cinema, ada, guest if selection(cinema, guest)["seat_ids"] else None)
        assert datetime.fromisoformat(cinema.lock(ada, 0)["expires_at"]) == expires_at
    cinema.advance("1 minute")
    cinema.lock(cinema.customer("Bob"), 0)
