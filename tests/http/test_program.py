"""The program over the wire: by GET, read-only, with headers that say how long an answer may be kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.http.frontrow import Customer, Frontrow, Json


def get(frontrow: Frontrow, function: str, token: str | None = None, **question: Any) -> requests.Response:
    headers = {"apikey": frontrow.stack.keys.publishable}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    url = f"{frontrow.stack.config.supabase_url}/rest/v1/rpc/{function}"
    return requests.get(url, params=question, headers=headers, timeout=20)


@pytest.mark.parametrize(
    ("function", "question", "kept"),
    [
        ("whats_on", {}, "public, max-age=30"),
        ("movie", {"slug": "nosferatu"}, "public, max-age=0, s-maxage=2"),
        ("theaters", {}, "public, max-age=300"),
        ("theater", {"slug": "scala"}, "public, max-age=30"),
    ],
)
def test_a_get_may_be_kept_for_as_long_as_it_says(
    frontrow: Frontrow, customer: Customer, function: str, question: Json, kept: str
) -> None:
    for token in (None, customer.token):
        answer = get(frontrow, function, token, **question)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == kept
        assert "Nosferatu" in answer.text or function == "theaters"
    # Who posts is answered alike.
    data: Any = customer.data_api.rpc(function, question).execute().data
    assert set(data) == set(get(frontrow, function, **question).json())


def test_all_of_a_question_fits_into_an_address(frontrow: Frontrow) -> None:
    cinema = frontrow.cinema
    [showtime] = cinema.rows(
        "select (starts_at at time zone 'Europe/Vienna')::date::text as day from public.showtimes where id = %s",
        [cinema.showtime_id],
    )
    question: Json = {
        "day": showtime["day"],
        "theater_ids": f"{{{cinema.theater_id},{2**40}}}",
        "search": "MURNAU 1922",
        "filters": json.dumps({"genre": "Horror", "language": "zxx", "certificate": "12", "length": "feature"}),
        "sort": "soonest",
        "max_films": 1,
    }
    answer = get(frontrow, "whats_on", **question)
    assert [film["slug"] for film in answer.json()["films"]] == ["nosferatu"], answer.text
    assert get(frontrow, "whats_on", **question | {"filters": '{"genre": "drama"}'}).json()["films"] == []
    film = get(frontrow, "movie", slug="nosferatu", day=showtime["day"], theater_ids=question["theater_ids"]).json()
    assert cinema.showtime_id in [listed["id"] for listed in film["showtimes"]]


@pytest.mark.parametrize(
    ("function", "question", "status", "code"),
    [
        ("movie", {"slug": "nothing"}, 404, "unknown_movie"),
        ("theater", {"slug": "nothing"}, 404, "unknown_theater"),
        ("whats_on", {"after": "x"}, 400, "invalid_request"),
        ("whats_on", {"filters": "{}", "max_films": 61}, 400, "invalid_request"),
    ],
)
def test_a_refusal_is_not_kept(frontrow: Frontrow, function: str, question: Json, status: int, code: str) -> None:
    answer = get(frontrow, function, **question)
    assert (answer.status_code, answer.json()["message"]) == (status, code)
    assert "max-age" not in answer.headers.get("Cache-Control", "")


@pytest.mark.parametrize("question", [{"day": "someday"}, {"theater_ids": "{a}"}, {"filters": "{"}, {"color": "red"}])
def test_what_is_no_argument_is_no_500(frontrow: Frontrow, question: Json) -> None:
    assert get(frontrow, "whats_on", **question).status_code in (400, 404)
