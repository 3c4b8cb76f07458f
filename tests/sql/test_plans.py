"""What the hot queries read: by an index, whatever a table's statistics said when a plan was made. The plans are those
of the statements inside the functions, as auto_explain sees them; no time is measured."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from dev.postgres import ADMIN, Cluster
from tests.cinema import CinemaFixture, Json, call_sql
from tests.program import LARGE
from tests.sql.test_search import FLOODS

BIG = (
    "users",
    "showtimes",
    "seats",
    "seat_locks",
    "seat_lock_history",
    "bookings",
    "booking_seats",
    "payments",
    "refunds",
    "outbox",
    "booking_log",
    "sessions",
    "refresh_tokens",
    "rate_limit_hits",
    "stripe_checks",
    "stripe_events",
)
"""Tables that nothing may read whole."""

# As of some months: everything has ended but for the rows that a test makes itself.
FILL = """
set session_replication_role = replica;
insert into public.users (email, full_name) select 'u' || n || '@example.com', 'U' from generate_series(1, 4000) n;
insert into private.credentials (user_id, password_hash) select id, '$argon2id$' from public.users
  on conflict do nothing;
insert into public.auditoriums (theater_id, name) select min(id), 'Saal ' || n from public.theaters,
  generate_series(10, 69) n group by n;
insert into public.seats (auditorium_id, row_label, number, x, y)
  select a.id, 'A', n, n, 1 from public.auditoriums a, generate_series(1, 50) n where a.name <> 'Saal 1';
insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)
  select min(m.id), a.id, s, s + interval '2 hours', s + interval '2 hours'
  from public.movies m, public.auditoriums a,
       generate_series(now() - interval '60 days', now() + interval '10 days', '1 day') s
  where a.name <> 'Saal 1' group by a.id, s;
create temp table people as select id, row_number() over () as n from public.users;
create temp table sold as
  select t.id as showtime_id, gen_random_uuid() as id, p.id as user_id, t.starts_at - interval '3 days' as at,
         s.id as seat_id
  from (select t.*, row_number() over (order by t.id) as n
        from public.showtimes t join public.auditoriums a on a.id = t.auditorium_id where a.name <> 'Saal 1') t
  join public.seats s on s.auditorium_id = t.auditorium_id and s.number <= 4
  join people p on p.n = 1 + (t.n * 4 + s.number) % 4000;
insert into public.bookings (showtime_id, id, reference, user_id, status, total, currency, created_at, expires_at,
                             confirmed_at)
  select showtime_id, id, left(id::text, 13), user_id, 'confirmed', 1200, 'EUR', at, at, at from sold;
insert into public.booking_seats (showtime_id, booking_id, seat_id, row_label, number, kind, price, sold_at)
  select showtime_id, id, seat_id, 'A', 1, 'standard', 1200, at from sold;
insert into public.payments (showtime_id, booking_id, payment_intent_id, amount, currency, status, amount_received,
                             currency_received, settles_booking, created_at, paid_at)
  select showtime_id, id, 'pi_' || id, 1200, 'EUR', 'succeeded', 1200, 'EUR', true, at, at from sold;
insert into public.refunds (showtime_id, booking_id, payment_id, amount, currency, reason, status, stripe_refund_id,
                            created_at, updated_at)
  select p.showtime_id, p.booking_id, p.id, 100, 'EUR', 'made_at_stripe', 'succeeded', 're_' || p.id, p.created_at,
         p.created_at
  from public.payments p;
insert into public.seat_locks (showtime_id, id, seat_id, user_id, booking_id, held)
  select showtime_id, extract(epoch from at) * 1000000, seat_id, user_id, id, tstzrange(at, null) from sold;
insert into private.seat_lock_history (showtime_id, id, seat_id, user_id, held, end_reason)
  select showtime_id, row_number() over (), seat_id, user_id, tstzrange(at - interval '1 hour', at), 'expired'
  from sold;
insert into private.outbox (kind, key, booking_id, payload, state, due_at, created_at, completed_at)
  select 'mail_confirmation', 'mail:confirmation:' || id, id, '{}', 'sent', at, at, at from sold;
select private.add_log_month(month)
  from generate_series(date_trunc('month', now() at time zone 'UTC') - interval '3 months',
                       date_trunc('month', now() at time zone 'UTC'), '1 month') m (month);
insert into private.booking_log (showtime_id, booking_id, at, entity, status, row_data)
  select showtime_id, id, at, 'booking', 'confirmed', '{}' from sold order by at;
insert into private.sessions (user_id, expires_at) select id, now() + interval '20 days' from public.users;
insert into private.refresh_tokens (token_hash, session_id)
  select md5(id::text) || md5(id::text), id from private.sessions;
insert into private.rate_limit_hits (key, source, hit_at, expires_at)
  select 'sign-in:10.0.0.' || n % 200, '10.0.0.' || n % 200, at, at + interval '15 minutes'
  from generate_series(1, 40000) n, lateral (select now() - n * interval '1 second' as at) hit;
insert into private.stripe_events (id, type, payment_intent_id, received_at)
  select 'evt_' || payment_intent_id, 'payment_intent.succeeded', payment_intent_id, paid_at from public.payments;
insert into private.stripe_checks (subject_id, checks, last_checked_at, next_check_at)
  select id, 3, now() - interval '1 hour', now() from public.payments;
reset session_replication_role;
"""


class Observed:
    """A session whose every plan is kept, also of statements within functions."""

    def __init__(self, cinema: CinemaFixture, cluster: Cluster) -> None:
        self.cinema = cinema
        self.plans: list[Json] = []
        self.connection = psycopg.connect(cluster.url(cinema.owner.info.dbname, ADMIN))
        self.connection.add_notice_handler(self._keep)
        self.connection.execute("load 'auto_explain'")
        for name, value in {
            "log_min_duration": "0",
            "log_nested_statements": "on",
            "log_format": "json",
            "log_level": "notice",
            "log_verbose": "off",
        }.items():
            self.connection.execute(f"set auto_explain.{name} = '{value}'".encode())
        self.connection.commit()

    def _keep(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        message = diagnostic.message_primary or ""
        if message.startswith("duration:") and "plan:" in message:
            self.plans.append(json.loads(message[message.index("{") :]))

    def call(self, function: str, user: object = None, **arguments: Any) -> Any:
        """As a customer calls it, or with the secret key; each call is a transaction."""
        claims = {"role": "authenticated", "sub": str(user)} if user else {"role": "service_role"}
        with self.connection.transaction():
            self.connection.execute(
                "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
                [json.dumps(claims), claims["role"]],
            )
            row = self.connection.execute(call_sql(function, arguments), list(arguments.values())).fetchone()
        assert row is not None
        return row[0]

    def run(self, sql: str, parameters: Any = ()) -> None:
        """As the owner."""
        with self.connection.transaction():
            self.connection.execute(sql.encode(), parameters)

    def read_whole(self) -> list[str]:
        """Big tables that a plan since the last time read from one end to the other. A partial index may be: it is
        as small as what waits in it."""
        partial = {
            row["name"]
            for row in self.cinema.rows(
                "select indexrelid::regclass::text as name from pg_index where indpred is not null"
            )
        }
        partial |= {name.rpartition(".")[2] for name in partial}
        found: list[str] = []
        for plan in self.plans:
            for node in nodes(plan["Plan"]):
                kind, table = node["Node Type"], node.get("Relation Name")
                whole = kind == "Seq Scan" or (
                    kind in ("Index Scan", "Index Only Scan")
                    and "Index Cond" not in node
                    and node["Index Name"] not in partial
                )
                if table and re.sub(r"_(\d{4}_\d{2}|default)$", "", table) in BIG and whole:
                    found.append(f"{kind} of {table}: {' '.join(plan['Query Text'].split())[:300]}")
        self.plans.clear()
        return found

    def indexes(self) -> set[str]:
        """Indexes that plans since the last time used."""
        return {node["Index Name"] for plan in self.plans for node in nodes(plan["Plan"]) if "Index Name" in node}


def nodes(plan: Json) -> Iterator[Json]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@contextmanager
def observed(cinema: CinemaFixture, cluster: Cluster) -> Iterator[Observed]:
    observer = Observed(cinema, cluster)
    try:
        yield observer
    finally:
        observer.connection.close()


def fill(cinema: CinemaFixture, cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(cinema.owner.info.dbname, ADMIN), autocommit=True) as superuser:
        superuser.execute(FILL.encode())


def keep_statistics(cinema: CinemaFixture, cluster: Cluster) -> None:
    """Turn autovacuum off: only the test vacuums."""
    with psycopg.connect(cluster.url(cinema.owner.info.dbname, ADMIN), autocommit=True) as superuser:
        for table in BIG:
            tables = superuser.execute(
                "select oid::regclass::text from pg_class where relkind = 'r'"
                " and regexp_replace(relname, '_([0-9]{4}_[0-9]{2}|default)$', '') = %s"
                " and relnamespace in ('public'::regnamespace, 'private'::regnamespace)",
                [table],
            ).fetchall()
            assert tables
            for (name,) in tables:
                superuser.execute(f"alter table {name} set (autovacuum_enabled = off)".encode())
        superuser.execute("vacuum analyze")


# The life of a seat ---------------------------------------------------------------------------------------------------


def sell(session: Observed, cinema: CinemaFixture, *, pay: bool) -> None:
    """Everything that a customer does at a showtime, and the sweep."""
    ada = cinema.customer().user_id
    here = {"showtime_id": cinema.showtime_id}
    showtime = session.call("showtime", ada, **here)["auditorium"]
    session.call("seat_layout", ada, auditorium_id=showtime["id"], version=showtime["layout_version"])
    session.call("seat_map", ada, **here)
    session.call("seat_states", ada, **here)
    session.call("lock_seats", ada, **here, seat_ids=cinema.seats[:3])
    session.call("lock_seats", ada, **here, seat_ids=cinema.seats[3:4])
    session.call("release_seats", ada, **here, seat_ids=cinema.seats[:1])
    booking = session.call("create_booking", ada, **here)
    session.run("select * from private.seats_left(array[%s::bigint], private.now())", [cinema.showtime_id])
    if pay:
        intent = f"pi_{booking['id']}"
        payment = session.call("start_payment", booking_id=booking["id"], user_id=ada)
        session.call("attach_payment_intent", payment_id=payment["payment_id"], payment_intent_id=intent)
        session.call(
            "confirm_booking",
            event_id=f"evt_{intent}",
            event_type="payment_intent.succeeded",
            payment_intent_id=intent,
            amount=booking["total"],
            currency="eur",
        )
        session.call("send_ticket_again", ada, booking_id=booking["id"])
    session.call("cancel_booking", ada, booking_id=booking["id"])
    session.call("release_expired_locks")


def test_a_sale_reads_no_table_whole(cinema: CinemaFixture, cluster: Cluster) -> None:
    fill(cinema, cluster)
    keep_statistics(cinema, cluster)
    cinema.sweep()  # with what has time for an hour
    with observed(cinema, cluster) as session:
        for _ in range(2):
            sell(session, cinema, pay=True)
        assert {"seat_locks_pkey", "one_holder_at_a_time", "seat_locks_by_end"} <= session.indexes()
        assert session.read_whole() == []


SOLD_INTO = ("seat_locks", "bookings", "booking_seats")
"""What is empty before the first sale of a day or of a database, and not a minute later."""


def read_whole_from_an_empty_start(cinema: CinemaFixture, cluster: Cluster) -> list[str]:
    """What the plans of a sale read whole that were made when the tables were empty and had been analyzed so. PL/pgSQL
    keeps them for good after five calls, until somebody analyzes again."""
    keep_statistics(cinema, cluster)
    with observed(cinema, cluster) as session:
        for _ in range(7):
            session.plans.clear()
            sell(session, cinema, pay=False)
        return [
            found for found in session.read_whole() if found.startswith(tuple(f"Seq Scan of {t}:" for t in SOLD_INTO))
        ]


def test_plans_that_were_made_on_empty_tables_read_none_whole(cinema: CinemaFixture, cluster: Cluster) -> None:
    assert read_whole_from_an_empty_start(cinema, cluster) == []


def test_mutant_a_plan_that_was_made_on_an_empty_table_reads_it_whole(cinema: CinemaFixture, cluster: Cluster) -> None:
    cinema.owner.execute("alter function public.release_seats(bigint,bigint[]) reset enable_seqscan")
    found = read_whole_from_an_empty_start(cinema, cluster)
    assert {line.partition(":")[0] for line in found} == {"Seq Scan of seat_locks"}


# What comes every few seconds, every hour, or with every sign-in ------------------------------------------------------


def a_booking(session: Observed) -> Json:
    """One of those that FILL makes."""
    (booking,) = session.cinema.rows("select id, user_id from public.bookings order by id limit 1")
    return booking


def a_session(session: Observed) -> Json:
    (found,) = session.cinema.rows("select id as session_id, user_id from private.sessions order by id limit 1")
    return found


def read_own(session: Observed, function: str) -> None:
    """As one of those whose bookings FILL makes."""
    booking = a_booking(session)
    arguments = {"booking_id": booking["id"]} if function == "my_booking" else {}
    session.call(function, booking["user_id"], **arguments)


EVERY_SO_OFTEN: dict[str, Callable[[Observed], object]] = {
    "claim_outbox": lambda s: s.call("claim_outbox"),
    "complete_outbox": lambda s: s.call("complete_outbox", id=1, attempt=1),
    "claim_payments_to_reconcile": lambda s: s.call("claim_payments_to_reconcile", older_than="2 minutes"),
    "claim_refunds_to_reconcile": lambda s: s.call("claim_refunds_to_reconcile", older_than="2 minutes"),
    "operational_metrics": lambda s: s.call("operational_metrics"),
    "begin_sign_in": lambda s: s.call("begin_sign_in", email="u7@example.com", address="10.0.0.7"),
    "check_registration_limit": lambda s: s.call("check_registration_limit", address="10.0.0.7"),
    "rotate_session": lambda s: s.call("rotate_session", token_hash="a" * 64, new_token_hash="b" * 64),
    "seat_holder": lambda s: s.call("seat_holder", showtime_id=s.cinema.showtime_id, seat_id=s.cinema.seats[0]),
    "my_bookings": lambda s: read_own(s, "my_bookings"),
    "my_booking": lambda s: read_own(s, "my_booking"),
    "my_account": lambda s: read_own(s, "my_account"),
    "abandon_emails": lambda s: s.run("select private.abandon_emails(private.now())"),
    "purge_rate_limits": lambda s: s.run("select private.purge_rate_limits(private.now())"),
    "keep_retention": lambda s: s.call("keep_retention"),
    "booking_history": lambda s: s.call("booking_history", booking_id=a_booking(s)["id"]),
    "open_until": lambda s: s.run("select private.open_until(%s, private.now())", [a_booking(s)["user_id"]]),
    "begin_leaving": lambda s: s.call("begin_leaving", **a_session(s), address="10.0.0.7"),
}


@pytest.fixture(scope="module")
def full(cluster: Cluster, template: str) -> Iterator[CinemaFixture]:
    """A cinema after some months, for tests that only look."""
    cluster.create_database("full", template)
    with CinemaFixture(cluster.url("full")) as cinema:
        fill(cinema, cluster)
        keep_statistics(cinema, cluster)
        yield cinema
    cluster.drop_database("full")


@pytest.mark.parametrize("function", EVERY_SO_OFTEN)
def test_it_reads_no_table_whole(full: CinemaFixture, cluster: Cluster, function: str) -> None:
    with observed(full, cluster) as session:
        EVERY_SO_OFTEN[function](session)
        assert session.plans
        assert session.read_whole() == []


def test_mutant_a_clock_in_a_where_reads_the_table_whole(full: CinemaFixture, cluster: Cluster) -> None:
    with observed(full, cluster) as session:
        session.run("select from private.rate_limit_hits h where h.expires_at < private.now() - interval '1 day'")
        (found,) = session.read_whole()
        assert re.match("Seq Scan of rate_limit_hits", found)


# The search of films --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many_films(cluster: Cluster, template: str) -> Iterator[CinemaFixture]:
    """400 films that are on, for tests that only look."""
    cluster.create_database("many_films", template)
    with psycopg.connect(cluster.url("many_films", ADMIN), autocommit=True) as superuser:
        superuser.execute(LARGE.format(films=400, theaters=1, showtimes=400).encode())
    with CinemaFixture(cluster.url("many_films")) as cinema:
        yield cinema
    cluster.drop_database("many_films")


def words_looked_at(session: Observed, search: str) -> int:
    """Over all films, each word of a search counts once for each."""
    session.plans.clear()
    session.call("whats_on", uuid.uuid4(), search=search)
    return sum(
        node["Actual Rows"] * node["Actual Loops"]
        for plan in session.plans
        for node in nodes(plan["Plan"])
        if node["Node Type"] == "Function Scan" and node["Alias"] == "w" and node["Function Name"] == "unnest"
    )


@pytest.mark.parametrize("search", FLOODS)
def test_no_search_looks_at_more_words_than_six_in_each_film(
    many_films: CinemaFixture, cluster: Cluster, search: str
) -> None:
    with observed(many_films, cluster) as session:
        session.run("set auto_explain.log_analyze = on")
        ordinary = words_looked_at(session, "none fits these six words here")
        assert 6 * 400 <= ordinary <= 7 * 400, "each of six in each film, and once more to make patterns of them"
        assert 0 < words_looked_at(session, search) <= ordinary
