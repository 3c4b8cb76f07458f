"""The gateway's rules, seen from outside: what a request becomes once it is at the real PostgREST."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from supabase import create_client
from supabase.lib.client_options import SyncClientOptions

from dev.stack import Stack

USER = str(uuid4())


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.config.supabase_url, timeout=10) as client:
        yield client


@pytest.fixture(scope="module")
def user_jwt(stack: Stack) -> str:
    return stack.keys.token({"sub": USER, "role": "authenticated", "exp": int(time.time()) + 60})


def whoami(http: httpx.Client, **headers: str) -> Any:
    response = http.post("/rest/v1/rpc/whoami", headers=headers, json={})
    assert response.status_code == 200, response.text
    return response.json()["role"], response.json()["sub"]


def test_the_publishable_key_is_anon(stack: Stack, http: httpx.Client) -> None:
    key = stack.keys.publishable
    assert whoami(http, apikey=key) == ("anon", None)
    assert whoami(http, apikey=key, Authorization=f"Bearer {key}") == ("anon", None)
    assert whoami(http, apikey=key, Authorization=f"bearer {key}") == ("anon", None)
    movies = http.get("/rest/v1/movies?select=title&order=id", headers={"apikey": key})
    assert movies.json() == [{"title": "Metropolis"}, {"title": "Playtime"}]


def test_a_users_jwt_is_the_user_whatever_the_key(stack: Stack, http: httpx.Client, user_jwt: str) -> None:
    keys = stack.keys
    for key in (keys.publishable, keys.secret, keys.anon_jwt, keys.service_role_jwt):
        assert whoami(http, apikey=key, Authorization=f"Bearer {user_jwt}") == ("authenticated", USER)


def test_the_secret_key_is_the_service_role(stack: Stack, http: httpx.Client) -> None:
    key = stack.keys.secret
    assert whoami(http, apikey=key) == ("service_role", None)
    assert whoami(http, apikey=key, Authorization=f"Bearer {key}") == ("service_role", None)


def test_legacy_keys_are_the_role_they_name(stack: Stack, http: httpx.Client) -> None:
    for key, role in ((stack.keys.anon_jwt, "anon"), (stack.keys.service_role_jwt, "service_role")):
        assert whoami(http, apikey=key) == (role, None)
        assert whoami(http, apikey=key, Authorization=f"Bearer {key}") == (role, None)


def test_the_key_may_travel_in_the_query(stack: Stack, http: httpx.Client) -> None:
    response = http.get("/rest/v1/movies", params={"apikey": stack.keys.publishable, "title": "eq.Playtime"})
    assert [movie["title"] for movie in response.json()] == ["Playtime"]


def test_without_a_key_nothing_passes(http: httpx.Client, user_jwt: str) -> None:
    for path in ("/rest/v1/movies", "/rest/v1/", "/realtime/v1/websocket"):
        response = http.get(path, headers={"Authorization": f"Bearer {user_jwt}"})
        assert response.status_code == 401
        assert response.json()["message"] == "No API key found in request"
        assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_a_wrong_key_does_not_pass(stack: Stack, http: httpx.Client, user_jwt: str) -> None:
    for key in ("sb_publishable_wrong", user_jwt, stack.keys.publishable + "x", "{env.SECRET_KEY}"):
        response = http.get("/rest/v1/movies", headers={"apikey": key})
        assert response.status_code == 401
        assert response.json()["message"] == "Invalid API key"


def test_headers_are_not_templates(stack: Stack, http: httpx.Client) -> None:
    headers = {"apikey": stack.keys.publishable, "Authorization": "Bearer {env.SERVICE_ROLE_JWT}"}
    assert http.get("/rest/v1/movies", headers=headers).status_code == 401


def test_a_forged_or_stale_jwt_does_not_pass(stack: Stack, http: httpx.Client, user_jwt: str) -> None:
    stale = stack.keys.token({"sub": USER, "role": "authenticated", "exp": int(time.time()) - 60})
    other = type(stack.keys).generate().token({"role": "service_role", "exp": int(time.time()) + 60})
    for token in (stale, other, user_jwt[:-4] + "AAAA"):
        headers = {"apikey": stack.keys.publishable, "Authorization": f"Bearer {token}"}
        assert http.get("/rest/v1/movies", headers=headers).status_code == 401


def test_other_paths_are_not_there(http: httpx.Client) -> None:
    assert http.get("/auth/v1/health").status_code == 404


def test_a_preflight_needs_no_key(http: httpx.Client) -> None:
    response = http.options(
        "/rest/v1/rpc/whoami",
        headers={
            "Origin": "http://127.0.0.1:5173",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "apikey,authorization,content-profile,content-type,prefer,x-client-info",
        },
    )
    assert response.is_success
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"]
    assert allowed == "apikey,authorization,content-profile,content-type,prefer,x-client-info"


def test_answers_may_be_read_by_a_page_elsewhere(stack: Stack, http: httpx.Client) -> None:
    headers = {"apikey": stack.keys.publishable, "Origin": "http://127.0.0.1:5173", "Prefer": "count=exact"}
    response = http.get("/rest/v1/movies", headers=headers)
    assert response.headers.get_list("Access-Control-Allow-Origin") == ["*"]
    assert "Content-Range" in response.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_at_most_a_megabyte(stack: Stack, http: httpx.Client, chunked: bool) -> None:
    def ask(size: int) -> httpx.Response:
        body = b'{"padding":"' + b"x" * size + b'"}'
        content = iter([body[:size], body[size:]]) if chunked else body
        headers = {"apikey": stack.keys.publishable, "Content-Type": "application/json"}
        return http.post("/rest/v1/rpc/whoami", headers=headers, content=content)

    assert ask(990_000).json()["padding"] == 990_000
    refused = ask(1_000_000)
    assert refused.status_code == 413
    assert refused.json() == {
        "code": "PT413",
        "message": "payload_too_large",
        "details": None,
        "hint": "The request is too large.",
    }
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


def test_an_upstream_that_is_down_is_a_503(stack: Stack, http: httpx.Client) -> None:
    """Realtime is no part of this stack, so it is down for good."""
    response = http.get("/realtime/v1/websocket", params={"apikey": stack.keys.publishable})
    assert response.status_code == 503
    assert set(response.json()) == {"code", "message", "details", "hint"}
    assert response.headers["Retry-After"] == "1"
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_supabase_py_works_with_either_secret_key(stack: Stack) -> None:
    for key in (stack.keys.secret, stack.keys.service_role_jwt):
        with httpx.Client() as transport:
            client = create_client(stack.config.supabase_url, key, SyncClientOptions(httpx_client=transport))
            whoami = client.rpc("whoami", {"padding": "abc"}).execute().data
            assert whoami == {"role": "service_role", "sub": None, "padding": 3}
            title = f"Title {uuid4()}"
            client.table("movies").insert({"title": title}).execute()
            assert client.table("movies").select("title").eq("title", title).execute().data == [{"title": title}]


def test_the_schema_cache_follows_a_change(stack: Stack, http: httpx.Client) -> None:
    """PostgREST learns of a new function without a restart."""
    with psycopg.connect(stack.cluster.url()) as connection:
        connection.execute("create or replace function public.reader() returns int language sql return 1")
    try:
        deadline = time.monotonic() + 10
        while True:
            response = http.get("/rest/v1/rpc/reader", headers={"apikey": stack.keys.publishable})
            if response.status_code == 200 or time.monotonic() > deadline:
                break
        assert response.json() == 1
    finally:
        with psycopg.connect(
            stack.cluster.url()
        ) as connection:  # other tests compare this database with its migrations
            connection.execute("drop function public.reader()")
