"""The Data API as a browser meets it: through the gateway, with good requests and with bad ones.

Whatever is refused has a status, a code and a sentence, changes nothing, and shows nothing of the server's inside.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import psycopg
import pytest
import requests

from dev.keys import Keys
from tests.http.frontrow import Customer, Frontrow, Json, eventually


def call(
    frontrow: Frontrow, function: str, body: Any, token: str | None = None, *, key: str | None = None, raw: bool = False
) -> requests.Response:
    """POST to a function with the publishable key."""
    headers = {"apikey": key or frontrow.stack.keys.publishable, "Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    url = f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/{function}"
    return requests.post(url, data=body if raw else json.dumps(body), headers=headers, timeout=30)


def token_of(frontrow: Frontrow, customer: Customer, keys: Keys | None = None, **claims: Any) -> str:
    """A token like the customer's own, with other claims or signed by other keys."""
    own = jwt.decode(customer.token, options={"verify_signature": False})
    return (keys or frontrow.stack.keys).token({**own, **claims})


def refused(answer: requests.Response, status: int, message: str | None, code: str | None = None) -> Json:
    """HealthCheck the shape of a refusal; answers its body."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert {"code", "message", "details", "hint"} <= set(body), body
    if message is not None:
        assert body["message"] == message
        assert body["code"] == f"PT{status}"
        assert re.fullmatch(r"[A-Z].*\.", body["hint"])
    if code is not None:
        assert body["code"] == code
        assert body["message"]
    assert not re.search(r"Traceback|PL/pgSQL|\.py\b|line \d+|/home/|/root/", answer.text)
    return body


@pytest.mark.parametrize(
    ("kind", "status", "message", "code"),
    [
        ("an unknown seat", 422, "unknown_seat", None),
        ("a seat of another auditorium", 422, "unknown_seat", None),
        ("a negative seat", 422, "unknown_seat", None),
        ("eleven seats", 422, "too_many_seats", None),
        ("an empty list", 422, "no_seats", None),
        ("null", 422, "no_seats", None),
        ("a null among them", 422, "unknown_seat", None),
        ("a duplicate", 422, "duplicate_seat", None),
        ("text where a number belongs", 400, None, "22P02"),
        ("an object where a list belongs", 400, None, None),
        ("a number too large", 400, None, "22003"),
        ("a fraction", 400, None, "22P02"),
        ("no list at all", 404, None, "PGRST202"),
        ("an argument that nobody knows", 404, None, "PGRST202"),
        ("a list as body", 400, None, None),
        ("no JSON", 400, None, None),
    ],
)
def test_bad_selections(
    frontrow: Frontrow, customer: Customer, kind: str, status: int, message: str | None, code: str | None
) -> None:
    cinema = frontrow.cinema
    seats = cinema.seats
    elsewhere = cinema.seats_of(cinema.add_auditorium(f"Saal {uuid.uuid4().hex[:6]}", 1, 1))
    bodies: dict[str, Any] = {
        "an unknown seat": {"seat_ids": [999_999_999]},
        "a seat of another auditorium": {"seat_ids": [seats[0], elsewhere[0]]},
        "a negative seat": {"seat_ids": [-1]},
        "eleven seats": {"seat_ids": seats[:11]},
        "an empty list": {"seat_ids": []},
        "null": {"seat_ids": None},
        "a null among them": {"seat_ids": [seats[0], None]},
        "a duplicate": {"seat_ids": [seats[0], seats[0]]},
        "text where a number belongs": {"seat_ids": ["front row"]},
        "an object where a list belongs": {"seat_ids": {"a": 1}},
        "a number too large": {"seat_ids": [2**63]},
        "a fraction": {"seat_ids": [1.5]},
        "no list at all": {},
        "an argument that nobody knows": {"seat_ids": seats[:1], "user_id": customer.id},
    }
    raw = {"a list as body": "[1, 2]", "no JSON": "{seat_ids: [1]"}
    if kind in raw:
        answer = call(frontrow, "lock_seats", raw[kind], customer.token, raw=True)
        assert answer.status_code in (400, 404)
        refused(answer, answer.status_code, None)
    else:
        answer = call(frontrow, "lock_seats", {"showtime_id": cinema.showtime_id, **bodies[kind]}, customer.token)
        body = refused(answer, status, message, code)
        if kind == "a seat of another auditorium":
            assert json.loads(body["details"]) == {"seat_ids": elsewhere}
    assert set(cinema.states()) == {"free"}


@pytest.mark.parametrize(
    ("showtime", "status", "message", "code"),
    [
        (0, 404, "unknown_showtime", None),
        (-1, 404, "unknown_showtime", None),
        (None, 404, "unknown_showtime", None),
        ("past", 409, "showtime_closed", None),
        ("tonight", 400, None, "22P02"),
    ],
)
@pytest.mark.parametrize("function", ["lock_seats", "create_booking"])
def test_bad_showtimes(
    frontrow: Frontrow,
    customer: Customer,
    function: str,
    showtime: Any,
    status: int,
    message: str | None,
    code: str | None,
) -> None:
    cinema = frontrow.cinema
    if showtime == "past":
        showtime = cinema.add_showtime("-1 hour", cinema.add_auditorium(f"Saal {uuid.uuid4().hex[:6]}", 1, 1))
    seats = {"seat_ids": cinema.seats[:1]} if function == "lock_seats" else {}
    refused(call(frontrow, function, {"showtime_id": showtime, **seats}, customer.token), status, message, code)
    assert set(cinema.states()) == {"free"}


@pytest.mark.parametrize("function", ["lock_seats", "release_seats", "create_booking", "cancel_booking"])
def test_guests_are_asked_to_sign_in(frontrow: Frontrow, customer: Customer, function: str) -> None:
    cinema = frontrow.cinema
    body: Json = {"showtime_id": cinema.showtime_id, "seat_ids": cinema.seats[:1]}
    body = {"booking_id": str(uuid.uuid4())} if function == "cancel_booking" else body
    body = {"showtime_id": cinema.showtime_id} if function == "create_booking" else body
    refused(call(frontrow, function, body), 401, "sign_in_required")
    no_uuid = token_of(frontrow, customer, sub="ada")
    refused(call(frontrow, function, body, no_uuid), 401, "sign_in_required")
    expired = token_of(frontrow, customer, exp=int(time.time()) - 120)
    refused(call(frontrow, function, body, expired), 401, None)
    foreign = token_of(frontrow, customer, Keys.generate())
    refused(call(frontrow, function, body, foreign), 401, None)
    refused(call(frontrow, function, body, "no.token.atall"), 401, None)
    assert set(cinema.states()) == {"free"}


def test_a_token_cannot_claim_more_than_it_is(frontrow: Frontrow, customer: Customer) -> None:
    forged = jwt.encode({"role": "service_role", "exp": int(time.time()) + 60}, "not the secret of this cinema, at all")
    refused(call(frontrow, "claim_outbox", {}, forged), 401, None)
    unsigned = jwt.encode({"role": "service_role", "exp": int(time.time()) + 60}, None, algorithm="none")
    refused(call(frontrow, "claim_outbox", {}, unsigned), 401, None)
    refused(call(frontrow, "claim_outbox", {}, customer.token), 403, None, "42501")
    refused(
        call(
            frontrow,
            "confirm_booking",
            {
                "event_id": "evt_x",
                "event_type": "payment_intent.succeeded",
                "payment_intent_id": "pi_x",
                "amount": 1,
                "currency": "eur",
            },
            customer.token,
        ),
        403,
        None,
        "42501",
    )


def test_keys(frontrow: Frontrow) -> None:
    assert call(frontrow, "claim_outbox", {"max_rows": 0}, key=frontrow.stack.keys.secret).json() == []
    assert call(frontrow, "claim_outbox", {"max_rows": 0}, key="sb_secret_guessed").status_code == 401
    nobody = requests.post(f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/seat_map", json={}, timeout=10)
    assert nobody.status_code == 401


def test_ten_megabytes_are_too_much(frontrow: Frontrow, customer: Customer) -> None:
    body = {"showtime_id": frontrow.cinema.showtime_id, "seat_ids": list(range(1_300_000))}
    answer = call(frontrow, "lock_seats", body, customer.token)
    refused(answer, 413, "payload_too_large")
    assert set(frontrow.cinema.states()) == {"free"}


TABLES = (
    *("seat_locks", "bookings", "booking_seats", "payments", "refunds", "disputes", "users"),
    *("movies", "theaters", "auditoriums", "seats", "showtimes", "showtime_prices"),
)


@pytest.mark.parametrize("who", ["anon", "authenticated"])
@pytest.mark.parametrize("table", TABLES)
def test_no_client_reads_or_writes_a_table(frontrow: Frontrow, customer: Customer, table: str, who: str) -> None:
    customer.book()
    before = frontrow.cinema.rows(f"select * from public.{table}")
    headers = {"apikey": frontrow.stack.keys.publishable}
    if who == "authenticated":
        headers["Authorization"] = f"Bearer {customer.token}"
    column = list(before[0])[-1] if before else "status"  # the first may be one that not even the owner writes
    address = f"{frontrow.stack.config.supabase_url}/rest/v1/{table}"
    for method, query, body in (
        *(
            ("GET", query, None)
            for query in ("", "?select=count", f"?{column}=not.is.null&limit=1", "?select=*,users(*)")
        ),
        ("HEAD", "", None),
        ("POST", "", {column: 1}),
        ("PATCH", f"?{column}=not.is.null", {column: 1}),
        ("DELETE", f"?{column}=not.is.null", None),
    ):
        answer = requests.request(method, address + query, json=body, headers=headers, timeout=10)
        assert answer.status_code in (400, 401, 403), (method, query, answer.text)
        assert answer.headers.get("Content-Range", "*/*").endswith("*")
        if method != "HEAD":
            assert answer.json()["code"] in ("42501", "PGRST200"), answer.text
    assert frontrow.cinema.rows(f"select * from public.{table}") == before


@pytest.mark.parametrize("count", ["planned", "exact", "estimated"])
def test_no_count_tells_what_row_security_hides(frontrow: Frontrow, customer: Customer, count: str) -> None:
    """The planner's estimate passes row security: by it anybody read the day's sales, and bisected booking ids."""
    customer.book()
    headers = {"apikey": frontrow.stack.keys.publishable, "Prefer": f"count={count}"}
    for token in ({}, {"Authorization": f"Bearer {frontrow.register().token}"}):
        for query in ("bookings", "bookings?reference=gt.A", "showtimes?select=id,bookings(id)"):
            answer = requests.head(
                f"{frontrow.stack.config.supabase_url}/rest/v1/{query}", headers={**headers, **token}, timeout=10
            )
            assert answer.status_code in (401, 403)
            assert answer.headers.get("Content-Range", "*/*").endswith("*")


def test_a_refused_head_does_not_break_the_next_call(frontrow: Frontrow) -> None:
    """PostgREST closes the connection after it without a word, and the gateway gave that to the next caller: 503."""
    address = f"{frontrow.stack.config.supabase_url}/rest/v1"
    with requests.Session() as session:
        session.headers["apikey"] = frontrow.stack.keys.publishable
        for _ in range(50):
            assert session.head(f"{address}/bookings", timeout=10).status_code == 401
            assert session.post(f"{address}/rpc/theaters", json={}, timeout=10).status_code == 200


CIRCLE = "movies?select=showtimes(auditoriums(theaters(auditoriums(showtimes(movies(showtimes(id)))))))"


def test_no_stranger_joins_the_catalog_in_circles(frontrow: Frontrow) -> None:
    """93 bytes that took 3.5 s and 800 MiB are refused before anything is read."""
    headers = {"apikey": frontrow.stack.keys.publishable}
    answer = requests.get(f"{frontrow.stack.config.supabase_url}/rest/v1/{CIRCLE}", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (401, "42501")
    assert len(answer.content) < 200


def test_bookings_of_others_are_unknown(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    customer.intent(booking)
    stranger = frontrow.register()
    assert customer.booking(booking)["id"] == booking["id"]
    for function in ("my_booking", "cancel_booking"):
        answer = call(frontrow, function, {"booking_id": booking["id"]}, stranger.token)
        refused(answer, 404, "unknown_booking")


def test_a_booking_says_until_when_it_can_be_cancelled(frontrow: Frontrow, customer: Customer) -> None:
    booking = customer.book()
    assert customer.booking(booking)["cancellable_until"] is None
    frontrow.pay(customer.intent(booking))
    answered = eventually(lambda: customer.booking(booking)["cancellable_until"])
    (show,) = frontrow.cinema.rows("select starts_at from public.showtimes where id = %s", [booking["showtime_id"]])
    assert datetime.fromisoformat(answered) == show["starts_at"] - timedelta(hours=2)


@pytest.mark.parametrize(
    ("role", "limit", "hosted"), [("anon", 1, 3), pytest.param("authenticated", 3, 8, marks=pytest.mark.slow)]
)
def test_a_call_over_its_roles_time_limit_is_cancelled(
    frontrow: Frontrow, customer: Customer, role: str, limit: int, hosted: int
) -> None:
    """Before the limit that a project comes with. The page takes this very answer for busy: its errors.test.ts."""
    token = customer.token if role == "authenticated" else None
    with psycopg.connect(frontrow.stack.cluster.url()) as holder:
        holder.execute("lock table public.seats in access exclusive mode")
        began = time.monotonic()
        answer = call(frontrow, "seat_map", {"showtime_id": frontrow.cinema.showtime_id}, token)
        assert limit <= time.monotonic() - began < hosted
    assert answer.status_code == 500
    message = "canceling statement due to statement timeout"
    assert answer.json() == {"code": "57014", "details": None, "hint": None, "message": message}


def test_the_time_is_a_get(frontrow: Frontrow) -> None:
    url = f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/server_time"
    answer = requests.get(url, headers={"apikey": frontrow.stack.keys.publishable}, timeout=10)
    assert abs(datetime.fromisoformat(answer.json()) - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_seat_map_is_a_get_too(frontrow: Frontrow) -> None:
    url = f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/seat_map?showtime_id={frontrow.cinema.showtime_id}"
    answer = requests.get(url, headers={"apikey": frontrow.stack.keys.publishable}, timeout=10)
    assert answer.status_code == 200
    assert len(answer.json()["seats"]) == 400
    writing = requests.get(
        url.replace("seat_map", "release_seats"), headers={"apikey": frontrow.stack.keys.publishable}, timeout=10
    )
    assert writing.status_code in (401, 405)


def read(
    frontrow: Frontrow, function: str, token: str | None = None, **arguments: int
) -> tuple[requests.Response, set[str]]:
    """GET from a function as a browser does; with the names that Vary holds."""
    headers = {"apikey": frontrow.stack.keys.publishable}
    headers["Authorization"] = f"Bearer {token or frontrow.stack.keys.publishable}"
    url = f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/{function}"
    answer = requests.get(url, params=arguments, headers=headers, timeout=10)
    return answer, set(answer.headers.get("Vary", "").replace(" ", "").split(","))


@pytest.mark.parametrize("function", ["showtime", "seat_states", "seat_map"])
def test_strangers_share_an_answer_for_a_second_and_customers_none(
    frontrow: Frontrow, customer: Customer, function: str
) -> None:
    showtime_id = frontrow.cinema.showtime_id
    for token, cache in ((None, "public, max-age=0, s-maxage=1"), (customer.token, "private, no-store")):
        answer, vary = read(frontrow, function, token, showtime_id=showtime_id)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, cache)
        assert "Authorization" in vary


def test_browsers_keep_a_layout_and_no_refusal(frontrow: Frontrow, customer: Customer) -> None:
    auditorium = read(frontrow, "showtime", showtime_id=frontrow.cinema.showtime_id)[0].json()["auditorium"]
    here = {"auditorium_id": auditorium["id"], "version": auditorium["layout_version"]}
    for token in (None, customer.token):
        answer, vary = read(frontrow, "seat_layout", token, **here)
        assert (answer.status_code, len(answer.json()["seats"])) == (200, 400)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Authorization" not in vary, "a new token would ask for it again"
    outdated, _ = read(frontrow, "seat_layout", **{**here, "version": here["version"] - 1})
    assert json.loads(refused(outdated, 409, "layout_outdated")["details"]) == {"version": here["version"]}
    assert "Cache-Control" not in outdated.headers
    assert refused(read(frontrow, "seat_layout", auditorium_id=0, version=1)[0], 404, "unknown_auditorium")
