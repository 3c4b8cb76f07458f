"""Permissions: row security, grants, and the functions that run with their owner's rights."""

from __future__ import annotations

import psycopg
import pytest

from dev import schema
from dev.postgres import Cluster
from tests.cinema import CinemaFixture

BOOKING_PATH = ["seat_locks", "bookings", "booking_seats", "payments", "refunds", "disputes"]
CATALOGUE = ["movies", "theaters", "auditoriums", "seats", "showtimes", "showtime_prices"]

# A column of each that a statement may name as far as its type goes.
COLUMN = {
    "movies": "title",
    "theaters": "name",
    "auditoriums": "name",
    "seats": "number",
    "showtimes": "ends_at",
    "showtime_prices": "price",
    "users": "full_name",
}

# Functions with their owner's rights that a client may call: the API. Each checks for itself who is asking.
OPEN_DEFINERS = {
    "booking_history(uuid)",
    "cancel_booking(uuid)",
    "create_booking(bigint)",
    "end_my_session(uuid)",
    "lock_seats(bigint,bigint[])",
    "my_account()",
    "my_booking(uuid)",
    "my_bookings(text,integer)",
    "my_data()",
    "my_second_factor()",
    "my_sessions()",
    "movie(text,date,bigint[],text)",
    "release_seats(bigint,bigint[])",
    "rename_me(text)",
    "seat_holder(bigint,bigint,timestamp with time zone)",
    "seat_layout(bigint,integer)",
    "seat_map(bigint)",
    "seat_states(bigint)",
    "send_ticket_again(uuid)",
    "send_verification_again()",
    "set_contact(text,text)",
    "server_time()",
    "set_language(text)",
    "showtime(bigint)",
    "theater(text)",
    "theaters()",
    "whats_on(date,bigint[],text,jsonb,text,text,integer)",
}

FOR_THE_SECRET_KEY = {
    "add_ticket_link(uuid,text)",
    "begin_password_check(uuid,text)",
    "begin_password_reset(text,text)",
    "begin_proof(text,text)",
    "block_user(text,boolean)",
    "cancel_by_link(text,text)",
    "change_password(uuid,uuid,text,text,text)",
    "check_registration_limit(text)",
    "attach_payment_intent(uuid,text)",
    "start_verification(interval)",
    "booking_history(uuid)",
    "claim_outbox(integer,integer,text[])",
    "close_session(text,boolean)",
    "confirm_booking(text,text,text,integer,text,uuid)",
    "begin_human_check(uuid,uuid,text)",
    "begin_second_factor(uuid,uuid,text,text)",
    "begin_second_factor_check(uuid,text,uuid)",
    "confirm_second_factor(uuid,uuid,text,text,bigint,text[])",
    "remove_second_factor(uuid)",
    "replace_second_factor_secret(uuid,text,text)",
    "second_factor_secrets(integer,uuid)",
    "use_recovery_code(uuid,text,text)",
    "use_second_factor(uuid,text,text,bigint)",
    "begin_leaving(uuid,uuid,text)",
    "begin_sign_in(text,text)",
    "delete_my_account(uuid)",
    "discard_email(bigint)",
    "end_all_sessions()",
    "finish_verification(integer,boolean)",
    "forget_user(text)",
    "issue_account_token(bigint,text,text)",
    "keep_retention(integer)",
    "operational_metrics()",
    "open_guest_session(text,text,text)",
    "open_session(uuid,text,text,text,text,boolean,uuid)",
    "open_ticket(text,text)",
    "prove_email(text,uuid,text)",
    "claim_payments_to_reconcile(interval,integer)",
    "claim_refunds_to_reconcile(interval,integer)",
    "release_check(uuid,interval)",
    "compare_refunds(jsonb)",
    "settle_refund_attempt(uuid,integer,text,jsonb)",
    "ticket_context(uuid,uuid)",
    "pass_human_check(uuid,uuid)",
    "payments_to_verify(timestamp with time zone,integer,uuid)",
    "record_dispute(text,text,text,text,integer,text,text,text)",
    "record_payment_failure(text,text,text,boolean,text,text)",
    "record_refund(text,text,text,text,integer,text,text,uuid,integer)",
    "register_user(text,text,text,uuid)",
    "request_email_change(uuid,text,text,text)",
    "request_password_reset(text,text)",
    "reset_password(text,text)",
    "release_expired_locks(integer)",
    "requeue_outbox(bigint)",
    "rotate_session(text,text)",
    "seat_holder(bigint,bigint,timestamp with time zone)",
    "complete_outbox(bigint,integer,text)",
    "start_payment(uuid,uuid)",
    "check_invariants()",
    "schema_version()",
}


def callable_by(cinema: CinemaFixture, role: str) -> set[str]:
    return {
        row["name"].removeprefix("public.")
        for row in cinema.rows(
            "select p.oid::regprocedure::text as name from pg_proc p"
            " where pronamespace in ('public'::regnamespace, 'private'::regnamespace)"
            " and has_function_privilege(%s, p.oid, 'execute')",
            [role],
        )
    }


def test_the_open_definer_functions_are_these_and_no_others(cinema: CinemaFixture) -> None:
    assert callable_by(cinema, "anon") == OPEN_DEFINERS
    assert callable_by(cinema, "authenticated") == OPEN_DEFINERS
    assert callable_by(cinema, "service_role") == FOR_THE_SECRET_KEY


def test_every_function_pins_its_search_path(cinema: CinemaFixture) -> None:
    loose = cinema.rows(
        "select oid::regprocedure::text as name from pg_proc where pronamespace in"
        " ('public'::regnamespace, 'private'::regnamespace)"
        " and 'search_path=\"\"' <> all (coalesce(proconfig, '{}'))"
    )
    assert loose == []


def test_no_client_reaches_schema_private(cinema: CinemaFixture) -> None:
    for role in ("anon", "authenticated", "service_role"):
        assert cinema.value("select has_schema_privilege(%s, 'private', 'usage')", [role]) is False
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            cinema.caller(role).query("select * from private.settings")


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("table", [*BOOKING_PATH, *CATALOGUE, "users"])
def test_no_client_reads_or_writes_a_table(cinema: CinemaFixture, role: str, table: str) -> None:
    ada = cinema.customer()
    cinema.buy(ada, 0)
    client = ada if role == "authenticated" else cinema.anonymous()
    column = COLUMN.get(table, "showtime_id")
    before = cinema.rows(f"select * from public.{table}")
    for statement in (
        f"select {column} from public.{table}",
        f"select count(*) from public.{table}",
        f"insert into public.{table} overriding system value select * from public.{table}",
        f"insert into public.{table} default values",
        f"update public.{table} set {column} = {column} where true",
        f"delete from public.{table} where true",
        f"truncate public.{table}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.query(statement)
    assert cinema.rows(f"select * from public.{table}") == before


@pytest.mark.parametrize("table", [*BOOKING_PATH, "users"])
def test_row_security_shows_customers_their_own_rows_if_a_table_is_granted(cinema: CinemaFixture, table: str) -> None:
    """The second wall: what somebody grants by mistake shows nobody another's rows."""
    ada, bob = cinema.customer(), cinema.customer("Bob")
    booking = cinema.buy(ada, 0, 1)
    cinema.service().call(
        "record_dispute",
        event_id="evt_dispute",
        event_type="charge.dispute.created",
        stripe_dispute_id="dp_1",
        payment_intent_id=cinema.value("select payment_intent_id from public.payments"),
        amount=booking["total"],
        currency="eur",
        reason="fraudulent",
        status="needs_response",
    )
    ada.call("cancel_booking", booking_id=booking["id"])
    cinema.lock(ada, 2)
    cinema.owner.execute("grant select, update on all tables in schema public to anon, authenticated")
    all_rows = cinema.value(f"select count(*) from public.{table}")
    own = {"seat_locks": 0, "users": 1}.get(table, all_rows)
    column = COLUMN.get(table, "showtime_id")
    assert all_rows > 0
    assert len(ada.query(f"select * from public.{table}")) == own
    assert len(bob.query(f"select * from public.{table}")) == (1 if table == "users" else 0)
    assert cinema.anonymous().query(f"select * from public.{table}") == []
    for client in (ada, bob, cinema.anonymous()):
        assert client.query(f"update public.{table} set {column} = {column} where true returning *") == []
    assert len(cinema.service().query(f"select * from public.{table}")) == all_rows


@pytest.mark.parametrize("table", CATALOGUE)
def test_the_secret_key_keeps_the_catalog(cinema: CinemaFixture, table: str) -> None:
    assert cinema.service().query(f"select * from public.{table}")
    cinema.service().query(f"update public.{table} set {COLUMN[table]} = {COLUMN[table]} where true")


def test_only_the_database_sends_on_its_topics(cinema: CinemaFixture) -> None:
    for client in (cinema.anonymous(), cinema.customer()):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.query(
                "insert into realtime.messages (topic, extension, event, payload, private)"
                " values (%s, 'broadcast', 'seat:book', '{}', true)",
                [f"showtime:{cinema.showtime_id}"],
            )


TOPICS = ["showtime:1", "movie:1", "showtime:70", f"movie:{2**63 - 1}"]
NO_TOPICS = [
    *("booking:1", "xshowtime:1", "SHOWTIME:1", "showtime", "showtime:", "movie:", "showtime:%", "movie: 1"),
    *("showtime:1x", "showtime:x1", "showtime:1:2", "showtime:01", "showtime:0", "movie:-1", "movie:1.5", "movie:1;"),
    *("showtime:1\n", "showtime:\n1", "x\nshowtime:1", "movie:1\nmovie:2", "showtime:\u0661"),
    *("movie:" + "9" * 20, "showtime:" + "1" * 1000),
]


@pytest.mark.parametrize(
    ("topic", "delivered"),
    [*((topic, True) for topic in TOPICS), *((topic, False) for topic in NO_TOPICS)],
    ids=lambda value: repr(value)[:40],
)
def test_anyone_listens_on_showtimes_and_films_alone(cinema: CinemaFixture, topic: str, delivered: bool) -> None:
    # As the Realtime server asks at join: probe rows, the topic in a setting, read as the client's role.
    for client in (cinema.anonymous(), cinema.customer()):
        client.begin()
        client.connection.execute("reset role")
        client.connection.execute(
            "insert into realtime.messages (topic, extension, private) values (%(t)s, 'broadcast', true),"
            " (%(t)s, 'presence', true)",
            {"t": topic},
        )
        client.connection.execute("select set_config('realtime.topic', %s, true)", [topic])
        client.connection.execute("select set_config('role', %s, true)", [client.role])
        seen = client.connection.execute("select extension from realtime.messages").fetchall()
        client.rollback()
        assert [row["extension"] for row in seen] == (["broadcast"] if delivered else [])


def test_calls_of_clients_have_time_limits_and_those_of_the_secret_key_its_connections(cinema: CinemaFixture) -> None:
    limits = cinema.rows(
        "select rolname, rolconfig from pg_roles where rolname in ('anon', 'authenticated', 'service_role') order by 1"
    )
    assert [tuple(row.values()) for row in limits] == [
        ("anon", ["statement_timeout=1s"]),
        ("authenticated", ["statement_timeout=3s"]),
        ("service_role", None),
    ]


def test_a_project_that_grants_everything_by_default_opens_nothing(cluster: Cluster) -> None:
    """Supabase did so until 30 October 2026, and self-hosted ones still do."""
    cluster.create_database("older")
    try:
        cluster.apply_supabase_shim("older")
        with psycopg.connect(cluster.url("older"), autocommit=True) as connection:
            for kind in ("tables", "sequences", "functions"):
                connection.execute(
                    f"alter default privileges in schema public grant all on {kind}"
                    " to anon, authenticated, service_role".encode()
                )
            connection.execute(schema.script().encode())
            assert connection.execute("select public.check_invariants()").fetchall() == [([],)]
            may = connection.execute(
                "select p.oid::regprocedure::text from pg_proc p where pronamespace = 'public'::regnamespace"
                " and has_function_privilege('anon', p.oid, 'execute')"
            ).fetchall()
        assert {name.removeprefix("public.") for (name,) in may} == OPEN_DEFINERS
    finally:
        cluster.drop_database("older")
