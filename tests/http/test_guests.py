"""Guests over the wire: they buy without an account, come back by the link of an email, and keep all when they have
one."""

from __future__ import annotations

import re
import uuid
from typing import Any, cast

import jwt
import pytest
import requests
from postgrest.exceptions import APIError

from tests.http.frontrow import PASSWORD, Customer, Frontrow, Json, eventually


def guest_of(frontrow: Frontrow) -> Customer:
    """A guest who has just come."""
    guest = frontrow.stranger()
    answer = guest.post("/api/auth/guest")
    assert answer.status_code == 201, answer.text
    guest.keep(answer)
    return guest


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["message"]


def buy(frontrow: Frontrow, guest: Customer) -> Json:
    booking = guest.book()
    guest.rpc("set_contact", email=guest.email, full_name="Grace Hopper")
    frontrow.pay(guest.intent(booking))
    eventually(lambda: guest.booking(booking)["status"] == "confirmed")
    return booking


def linked(frontrow: Frontrow, email: str) -> Json:
    """The two parts of the link in somebody's newest email about a booking."""
    body = eventually(lambda: frontrow.mails(email))[-1].get_body(("plain",))
    found = re.search(re.escape(frontrow.page) + r"/t/(\w+)#([\w-]+)", body.get_content() if body else "")
    assert found is not None
    return {"reference": found[1], "key": found[2]}


def ticket(frontrow: Frontrow, link: Json, what: str = "open") -> requests.Response:
    """Ask as another device does, that has nothing but the link."""
    return requests.post(f"{frontrow.api}/api/tickets/{what}", json=link, timeout=30)


def token_of(frontrow: Frontrow, email: str) -> str:
    """The token of the link by which somebody proves an address."""
    mails = eventually(
        lambda: [mail for mail in frontrow.all_mails(email) if mail["Subject"] == "Confirm your email address"]
    )
    body = mails[-1].get_body(("plain",))
    found = re.search(r"/verify#([\w-]+)", body.get_content() if body else "")
    assert found is not None
    return found[1]


def test_guest_buys_and_any_device_opens_the_ticket_by_the_link(frontrow: Frontrow) -> None:
    guest = guest_of(frontrow)
    claims = jwt.decode(guest.token, options={"verify_signature": False})
    assert (claims["is_anonymous"], claims["role"], claims["email"]) == (True, "authenticated", "")
    booking = guest.book()
    answer = guest.post("/api/payments/create-intent", {"booking_id": booking["id"]})
    assert refusal(answer) == (409, "contact_required")
    account = guest.rpc("set_contact", email=guest.email.upper(), full_name=" Grace  Hopper ")
    assert (account["kind"], account["email"], account["full_name"]) == ("guest", guest.email, "Grace Hopper")
    frontrow.pay(guest.intent(booking))

    link = linked(frontrow, guest.email)
    opened = ticket(frontrow, link)
    assert opened.status_code == 200, opened.text
    body = opened.json()
    assert body["booking"] == guest.booking(booking) | {"server_time": body["booking"]["server_time"]}
    own = requests.get(
        f"{frontrow.api}/api/bookings/{booking['id']}/ticket",
        headers={"Authorization": f"Bearer {guest.token}"},
        timeout=30,
    ).json()
    assert body["ticket"]["reference"] == own["reference"] == booking["reference"]
    assert body["cancellable"]
    calendar = ticket(frontrow, link, "calendar")
    assert calendar.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert calendar.text.startswith("BEGIN:VCALENDAR")


@pytest.mark.parametrize("wrong", ["reference", "key"])
def test_link_with_one_wrong_part_opens_nothing(frontrow: Frontrow, wrong: str) -> None:
    guest = guest_of(frontrow)
    buy(frontrow, guest)
    link = linked(frontrow, guest.email) | {wrong: "ABCDEFGH"}
    for what in ("open", "calendar", "cancel"):
        assert refusal(ticket(frontrow, link, what)) == (410, "link_expired")


def test_guest_cancels_by_the_link_and_has_the_money_back(frontrow: Frontrow) -> None:
    guest = guest_of(frontrow)
    booking = buy(frontrow, guest)
    link = linked(frontrow, guest.email)
    cancelled = ticket(frontrow, link, "cancel")
    assert cancelled.status_code == 200, cancelled.text
    assert (cancelled.json()["booking"]["status"], cancelled.json()["ticket"]) == ("cancelled", None)
    eventually(lambda: guest.booking(booking)["status"] == "refunded")
    assert ticket(frontrow, link).json()["booking"]["status"] == "refunded"


def test_guest_who_registers_keeps_everything_and_the_link_cancels_no_more(frontrow: Frontrow) -> None:
    guest = guest_of(frontrow)
    booking = buy(frontrow, guest)
    link = linked(frontrow, guest.email)
    body = {"email": guest.email, "password": PASSWORD, "full_name": "Grace Hopper"}
    before = guest.id
    user = guest.keep(guest.post("/api/auth/register", body))["user"]
    assert (user["id"], user["kind"], user["email_verified"]) == (before, "registered", False)
    assert [each["id"] for each in guest.rpc("my_bookings")["bookings"]] == [booking["id"]]
    assert ticket(frontrow, link).json()["cancellable"] is False
    assert refusal(ticket(frontrow, link, "cancel")) == (409, "not_cancellable")
    proved = guest.post("/api/auth/verify", {"token": token_of(frontrow, guest.email)})
    assert (proved.status_code, proved.json()["email"]) == (200, guest.email)
    assert guest.rpc("my_account")["email_verified"]


def test_guest_who_signs_in_keeps_the_seats_and_pays_the_same_order(frontrow: Frontrow, customer: Customer) -> None:
    guest = guest_of(frontrow)
    booking = guest.book()
    at_first = {seat["id"]: seat["expires_at"] for seat in mine(frontrow, guest)}
    answer = guest.post("/api/auth/login", {"email": customer.email, "password": PASSWORD})
    assert guest.keep(answer)["user"]["id"] == customer.id
    assert {seat["id"]: seat["expires_at"] for seat in mine(frontrow, guest)} == at_first
    assert guest.rpc("create_booking", showtime_id=frontrow.cinema.showtime_id)["id"] == booking["id"]
    frontrow.pay(guest.intent(booking))
    eventually(lambda: guest.booking(booking)["status"] == "confirmed")
    body = eventually(lambda: frontrow.mails(customer.email))[-1].get_body(("plain",))
    assert body is not None
    assert f"{frontrow.page}/bookings/{booking['id']}" in body.get_content()


def mine(frontrow: Frontrow, person: Customer) -> list[Json]:
    return [
        seat
        for seat in cast(list[Json], person.rpc("seat_map", showtime_id=frontrow.cinema.showtime_id)["seats"])
        if seat["state"] == "mine"
    ]


def test_access_token_that_has_ended_keeps_a_guest_from_signing_in_without_their_seats(frontrow: Frontrow) -> None:
    person = frontrow.stranger()
    person.token = "no token"
    body = {"email": person.email, "password": PASSWORD}
    assert refusal(person.post("/api/auth/register", {**body, "full_name": "Ada"})) == (401, "sign_in_required")
    assert refusal(person.post("/api/auth/login", body)) == (401, "sign_in_required")


def test_squatted_address_is_won_back_by_who_reads_its_emails(frontrow: Frontrow) -> None:
    """The squatter's account, sessions and bookings are gone; what was booked with the address is its owner's."""
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    squatter, owner = frontrow.stranger(email), frontrow.stranger(email)
    body: dict[str, Any] = {"email": email, "full_name": "Ada"}
    squatter.keep(squatter.post("/api/auth/register", {**body, "password": "the squatter's own"}))
    booking = squatter.book()
    frontrow.pay(squatter.intent(booking))
    eventually(lambda: squatter.booking(booking)["status"] == "confirmed")
    owner.keep(owner.post("/api/auth/register", {**body, "password": PASSWORD}))
    eventually(lambda: len([mail for mail in frontrow.all_mails(email) if mail["Subject"].startswith("Confirm")]) == 2)
    assert owner.post("/api/auth/verify", {"token": token_of(frontrow, email)}).status_code == 200

    assert [each["id"] for each in owner.rpc("my_bookings")["bookings"]] == [booking["id"]]
    login = {"email": email, "password": "the squatter's own"}
    assert refusal(frontrow.stranger().post("/api/auth/login", login)) == (401, "invalid_credentials")
    assert squatter.post("/api/auth/refresh").status_code == 401
    with pytest.raises(APIError):
        squatter.rpc("my_booking", booking_id=booking["id"])


def test_guests_of_one_address_are_limited(frontrow: Frontrow) -> None:
    owner = frontrow.cinema.owner
    frontrow.cinema.forget_attempts()
    owner.execute("update private.settings set guests_per_address = 2 where true")
    try:
        answers = [frontrow.stranger().post("/api/auth/guest") for _ in range(3)]
    finally:
        owner.execute("update private.settings set guests_per_address = default where true")
        frontrow.cinema.forget_attempts()
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert 3500 < int(answers[2].headers["Retry-After"]) <= 3600
