"""The human check through the whole stack: who must prove it, what the proof is worth, and that nobody forges one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests
from postgrest.exceptions import APIError

from backend.settings import Settings
from backend.tokens import Tokens
from dev.fake_human_check import SITE_KEY
from dev.keys import Keys
from dev.services import backend_environment
from tests.cinema import CinemaFixture
from tests.http.frontrow import Customer, Frontrow

HELD = 10


@pytest.fixture
def rush(frontrow: Frontrow, cinema: CinemaFixture) -> Iterator[Frontrow]:
    """A showtime under pressure: eleven of twenty seats are held by two strangers."""
    room = cinema.add_auditorium(f"Kammer {uuid.uuid4().hex[:6]}", rows=2, seats=10)
    cinema.showtime_id = cinema.add_showtime("2 days", room)
    seats = cinema.seats_of(room)
    for mine in (seats[:HELD], seats[HELD : HELD + 1]):
        frontrow.register().rpc("lock_seats", showtime_id=cinema.showtime_id, seat_ids=mine)
    cinema.owner.execute("update private.settings set human_check = true where true")
    yield frontrow
    cinema.owner.execute("update private.settings set human_check = false where true")


def solve(frontrow: Frontrow, page: str | None = None) -> str:
    """Return a token as the widget on our page gets it, or on another."""
    url = f"{frontrow.stack.config.stripe_url}/_fake/human/token?sitekey={SITE_KEY}"
    return requests.post(url, headers={"Origin": page or frontrow.page}, timeout=10).text


def send(person: Customer, token: str) -> requests.Response:
    return person.post("/api/auth/human", {"token": token})


def passes(frontrow: Frontrow, person: Customer) -> None:
    answer = send(person, solve(frontrow))
    assert answer.status_code == 200, answer.text
    person.keep(answer)


def locks(frontrow: Frontrow, person: Customer, place: int = -1) -> Any:
    seats = [seat["id"] for seat in frontrow.cinema.map().values() if seat["state"] == "free"]
    return person.rpc("lock_seats", showtime_id=frontrow.cinema.showtime_id, seat_ids=[seats[place]])


def is_refused(frontrow: Frontrow, person: Customer) -> None:
    with pytest.raises(APIError) as error:
        locks(frontrow, person)
    assert (error.value.code, error.value.message) == ("PT403", "human_check_required")


def claims(person: Customer) -> dict[str, Any]:
    return jwt.decode(person.token, options={"verify_signature": False})


def test_a_lock_under_pressure_needs_the_claim(rush: Frontrow, customer: Customer) -> None:
    is_refused(rush, customer)
    passes(rush, customer)
    assert 1790 < claims(customer)["human_until"] - time.time() <= 1800
    assert len(locks(rush, customer)["seat_ids"]) == 1


def test_a_refreshed_token_keeps_the_claim(rush: Frontrow, customer: Customer) -> None:
    passes(rush, customer)
    before = claims(customer)["human_until"]
    customer.keep(customer.post("/api/auth/refresh"))
    assert claims(customer)["human_until"] == before
    locks(rush, customer)


def test_a_claim_that_has_ended_counts_no_more(rush: Frontrow, customer: Customer) -> None:
    settings = Settings.from_environment(backend_environment(rush.stack.config, rush.stack.keys))
    tokens = Tokens.of(settings)
    ended = {**claims(customer), "human_until": int(time.time()) - 1}
    customer.token = tokens._sign(ended)
    is_refused(rush, customer)
    customer.token = tokens._sign({**ended, "human_until": int(time.time()) + 60})
    locks(rush, customer)


def test_nobody_forges_a_claim(rush: Frontrow, customer: Customer) -> None:
    forged = {**claims(customer), "human_until": 4_102_444_800}
    stranger = Settings.from_environment(
        {**backend_environment(rush.stack.config, rush.stack.keys), "JWT_SIGNING_KEY": Keys.generate().signing_key}
    )
    header, _, signature = customer.token.split(".")
    payload = jwt.encode(forged, "x" * 32, "HS256").split(".")[1]
    unsigned = jwt.encode(forged, None, "none")
    for token in (Tokens.of(stranger)._sign(forged), f"{header}.{payload}.{signature}", unsigned):
        customer.token = token
        with pytest.raises(APIError) as error:
            locks(rush, customer)
        assert str(error.value.code).startswith("PGRST30")
        assert send(customer, solve(rush)).status_code == 401


def test_the_check_of_one_customer_does_not_help_another(rush: Frontrow, customer: Customer) -> None:
    other = rush.register()
    token = solve(rush)
    customer.keep(send(customer, token))
    again = send(other, token)
    assert (again.status_code, again.json()["message"]) == (422, "human_check_failed")
    is_refused(rush, other)
    assert "human_until" not in claims(other)


def test_a_check_on_another_page_is_worth_nothing(rush: Frontrow, customer: Customer) -> None:
    answer = send(customer, solve(rush, "https://evil.example"))
    assert (answer.status_code, answer.json()["message"]) == (422, "human_check_failed")
    is_refused(rush, customer)


def test_who_has_signed_out_passes_nothing(rush: Frontrow, customer: Customer) -> None:
    assert customer.post("/api/auth/logout").status_code == 204
    answer = send(customer, solve(rush))
    assert (answer.status_code, answer.json()["message"]) == (401, "session_ended")


def test_a_quiet_showtime_asks_nobody(rush: Frontrow, customer: Customer) -> None:
    rush.cinema.showtime_id = rush.cinema.add_showtime("900 days")
    locks(rush, customer)
