"""What PostgREST lets a request ask of a function's result, beside calling it: nothing comes out that the function does
not answer anyway. The headers and parameters are those of its documentation; versions differ in which they refuse."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.http.frontrow import Customer, Frontrow, Json

READS = (
    *("whats_on", "movie", "theaters", "theater", "showtime", "seat_layout", "seat_states", "seat_map"),
    *("my_bookings", "my_booking", "my_account", "my_data", "server_time"),
)

REQUESTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "Prefer: count=exact": ({}, {"Prefer": "count=exact"}),
    "Prefer: count=planned": ({}, {"Prefer": "count=planned"}),
    "Prefer: count=estimated": ({}, {"Prefer": "count=estimated"}),
    "Prefer: return=minimal": ({}, {"Prefer": "return=minimal"}),
    "Prefer: return=headers-only": ({}, {"Prefer": "return=headers-only"}),
    "Prefer: params=single-object": ({}, {"Prefer": "params=single-object"}),
    "Prefer: params=multiple-objects": ({}, {"Prefer": "params=multiple-objects"}),
    "Prefer: tx=rollback": ({}, {"Prefer": "tx=rollback"}),
    "Prefer: max-affected": ({}, {"Prefer": "handling=strict, max-affected=0"}),
    "Prefer: timezone": ({}, {"Prefer": "timezone=Asia/Tokyo"}),
    "Accept: one object": ({}, {"Accept": "application/vnd.pgrst.object+json"}),
    "Accept: no nulls": ({}, {"Accept": "application/vnd.pgrst.array+json;nulls=stripped"}),
    "Accept: CSV": ({}, {"Accept": "text/csv"}),
    "Accept: plain text": ({}, {"Accept": "text/plain"}),
    "Accept: bytes": ({}, {"Accept": "application/octet-stream"}),
    "Accept: the plan": (
        {},
        {"Accept": 'application/vnd.pgrst.plan+json; for="application/json"; options=analyze|verbose'},
    ),
    "Accept: GeoJSON": ({}, {"Accept": "application/geo+json"}),
    "Range": ({}, {"Range-Unit": "items", "Range": "0-0"}),
    "a range beyond": ({}, {"Range-Unit": "items", "Range": "5-9"}),
    "a limit": ({"limit": "1", "offset": "0"}, {}),
    "an order": ({"order": "id.desc"}, {}),
    "a filter": ({"id": "gt.0"}, {}),
    "a filter by JSON": ({"pgrst_scalar->>email": "like.*"}, {}),
    "a selection": ({"select": "*"}, {}),
    "a cast": ({"select": "pgrst_scalar::text"}, {}),
    "an aggregate": ({"select": "count()"}, {}),
    "an embedding": ({"select": "*,users(*)"}, {}),
    "an embedding of bookings": ({"select": "*,bookings(*,payments(*))"}, {}),
    "another schema": ({}, {"Accept-Profile": "private", "Content-Profile": "private"}),
    "columns": ({"columns": "user_id"}, {}),
}


@pytest.fixture
def stranger(frontrow: Frontrow) -> Customer:
    """Somebody with things of their own, none of which is for others."""
    return frontrow.register()


def arguments(frontrow: Frontrow, function: str, booking: Json | None = None) -> Json:
    cinema = frontrow.cinema
    (place,) = cinema.rows(
        "select a.id, a.layout_version, m.slug as movie, h.slug as theater from public.showtimes t"
        " join public.auditoriums a on a.id = t.auditorium_id join public.theaters h on h.id = a.theater_id"
        " join public.movies m on m.id = t.movie_id where t.id = %s",
        [cinema.showtime_id],
    )
    known: dict[str, Json] = {
        "movie": {"slug": place["movie"]},
        "theater": {"slug": place["theater"]},
        "seat_layout": {"auditorium_id": place["id"], "version": place["layout_version"]},
        "my_booking": {"booking_id": booking and booking["id"]},
    }
    if function in ("showtime", "seat_states", "seat_map"):
        return {"showtime_id": cinema.showtime_id}
    return known.get(function, {})


def timeless(answer: Any) -> Any:
    """An answer without the moment in which it was given, and with its times in UTC: a request may choose the zone."""
    if isinstance(answer, dict):
        return {key: timeless(value) for key, value in answer.items() if key not in ("server_time", "exported_at")}
    if isinstance(answer, list):
        return [timeless(each) for each in answer]
    if isinstance(answer, str) and answer.startswith(("{", "[")):
        return timeless(json.loads(answer))  # the same as text
    if isinstance(answer, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:.*", answer):
        return datetime.fromisoformat(answer).astimezone(UTC)
    return answer


QUICK = ("Prefer: count=planned", "Accept: the plan", "Range", "a filter", "a cast", "an embedding", "another schema")
"""One of each sort; `make test-slow` tries them all."""


@pytest.mark.parametrize(
    "request_", [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in REQUESTS]
)
def test_nothing_but_the_answer_comes_out_of_a_function(
    frontrow: Frontrow, customer: Customer, stranger: Customer, request_: str
) -> None:
    parameters, more = REQUESTS[request_]
    theirs = stranger.book()
    own = customer.book()
    for function in READS:
        body = arguments(frontrow, function, own)
        address = f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/{function}"
        headers = {"apikey": frontrow.stack.keys.publishable, "Authorization": f"Bearer {customer.token}"}
        plain = requests.post(address, json=body, headers=headers, timeout=10)
        assert plain.status_code == 200, (function, plain.text)
        text = {key: str(value) for key, value in body.items()}
        for answer in (
            requests.post(address, json=body, params=parameters, headers={**headers, **more}, timeout=10),
            requests.get(address, params={**text, **parameters}, headers={**headers, **more}, timeout=10),
            requests.head(address, params={**text, **parameters}, headers={**headers, **more}, timeout=10),
        ):
            said = (function, answer.request.method, answer.status_code, answer.text[:300])
            assert answer.headers.get("Content-Range", "*/*").rpartition("/")[2] in ("*", "0", "1"), said
            for secret in (stranger.email, stranger.id, theirs["id"], theirs["reference"]):
                assert secret not in answer.text, said
            if answer.status_code >= 400:
                assert answer.status_code < 500, said
                assert len(answer.text) < 1500, said
                assert not answer.text or set(answer.json()) == {"code", "message", "details", "hint"}, said
            elif function != "server_time" and answer.headers.get("Content-Type", "").startswith("application/json"):
                if not answer.text:
                    continue  # HEAD, and who asked for no body
                assert timeless(answer.json()) in (timeless(plain.json()), [], None), said


PUBLIC = READS[:8]


@pytest.mark.parametrize("function", PUBLIC)
def test_caches_may_keep_an_answer_only_of_the_plain_request(frontrow: Frontrow, function: str) -> None:
    """Or one stranger's request would decide what everybody is answered at that address."""
    address = f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/{function}"
    question = {key: str(value) for key, value in arguments(frontrow, function).items()}
    needed = {"Accept", "Prefer", "Range"} | ({"Authorization"} if "showtime_id" in question else set())

    def answers(more: dict[str, str]) -> list[requests.Response]:
        headers = {"apikey": frontrow.stack.keys.publishable, **more}
        return [ask(address, params=question, headers=headers, timeout=10) for ask in (requests.get, requests.head)]

    for more in (
        {},
        {"Accept": "application/json"},
        {"Accept-Profile": "public", "X-Client-Info": "supabase-js-web/2"},
    ):
        for answer in answers(more):
            assert (answer.status_code, answer.headers["Cache-Control"][:7]) == (200, "public,"), (more, answer.text)
            assert needed <= {name.strip() for name in answer.headers["Vary"].split(",")}, answer.headers["Vary"]
    for name, (_, more) in REQUESTS.items():
        for answer in answers(more) if more else ():
            said = (name, answer.request.method, answer.status_code, answer.headers)
            assert "public" not in answer.headers.get("Cache-Control", ""), said
            if answer.status_code < 400:
                assert answer.headers["Cache-Control"] == "no-store", said
                assert needed <= {header.strip() for header in answer.headers["Vary"].split(",")}, said


def test_nobody_keeps_the_time(frontrow: Frontrow) -> None:
    address = f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/server_time"
    answer = requests.get(address, headers={"apikey": frontrow.stack.keys.publishable}, timeout=10)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("prefer", ["tx=rollback", "return=minimal", "count=exact", "missing=default"])
def test_a_lock_is_kept_whatever_the_request_prefers(frontrow: Frontrow, customer: Customer, prefer: str) -> None:
    """Who could have a call rolled back would send broadcasts for seats that nobody holds."""
    cinema = frontrow.cinema
    headers = {"apikey": frontrow.stack.keys.publishable, "Authorization": f"Bearer {customer.token}", "Prefer": prefer}
    answer = requests.post(
        f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/lock_seats",
        data=json.dumps({"showtime_id": cinema.showtime_id, "seat_ids": cinema.seats[:1]}),
        headers={**headers, "Content-Type": "application/json"},
        timeout=10,
    )
    assert answer.status_code in (200, 204)
    assert cinema.value("select count(*) from public.seat_locks where user_id = %s", [customer.id]) == 1
