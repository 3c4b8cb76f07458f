"""A small cinema for tests: the SQL functions of Frontrow as Python methods, called in the roles that may call them."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

Json = dict[str, Any]

NO_LIMITS_ON_HOLDING = """
update private.settings
set seats_held_per_customer = null, holding_time_per_hour = null, seat_cooldown = null, unpaid_bookings_per_day = null,
    returned_bookings_per_month = null, unproved_seats_held = null, unproved_unpaid_bookings_per_day = null,
    account_emails_per_recipient = null
where true
"""
"""For tests in which one person does over and over what others do once in a while."""

INVARIANTS = Path(__file__).resolve().parent.parent / "sql" / "platform" / "invariants.sql"
AUDITORIUM = "Saal 1"
PASSWORD_HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"


class Refused(AssertionError):
    """A function of Frontrow raised one of its errors."""

    def __init__(self, error: psycopg.Error) -> None:
        self.sqlstate, self.code = error.diag.sqlstate, error.diag.message_primary
        details, self.hint = error.diag.message_detail, error.diag.message_hint
        self.headers: Json = {}
        if self.sqlstate == "PGRST":  # an answer with headers: PostgREST takes body and headers as JSON
            body = json.loads(self.code or "")
            self.sqlstate, self.code, self.hint = body["code"], body["message"], body["hint"]
            self.headers, details = json.loads(details or "")["headers"], body["details"]
        super().__init__(f"{self.sqlstate} {self.code} {details}")
        self.details: Json = json.loads(details or "{}")


@contextmanager
def frontrow_errors() -> Iterator[None]:
    """Turn Frontrow's own errors (SQLSTATE PTxyz, or PGRST) into Refused; anything else passes as it is."""
    try:
        yield
    except psycopg.Error as error:
        if (error.diag.sqlstate or "").startswith(("PT", "PGRST")):
            raise Refused(error) from error
        raise


class Caller:
    """A caller of the Data API: a connection that takes a role and claims as PostgREST does, a transaction a call."""

    _idle: ClassVar[dict[str, list[psycopg.Connection[Json]]]] = defaultdict(list)
    """Connections that earlier callers have left, by URL: a new one costs more than most calls that it is made for."""

    def __init__(self, url: str, role: str, user_id: uuid.UUID | str | None = None) -> None:
        self.url = url
        self.connection = self._connect(url)
        self.role = role
        self.user_id = user_id
        self.claims: Json = {"role": role} if user_id is None else {"role": role, "sub": str(user_id)}

    @classmethod
    def _connect(cls, url: str) -> psycopg.Connection[Json]:
        idle = cls._idle[url]
        while idle:
            connection = idle.pop()
            if connection.info.transaction_status == TransactionStatus.IDLE:
                return connection
            connection.close()
        return psycopg.connect(url, row_factory=dict_row)

    @classmethod
    def close_idle(cls, url: str) -> None:
        """Close what earlier callers have left, before its database or server goes away."""
        while cls._idle[url]:
            cls._idle[url].pop().close()

    def close(self) -> None:
        """Leave the connection to the next caller; role and claims ended with each transaction."""
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            self._idle[self.url].append(self.connection)
        else:
            self.connection.close()

    def begin(self) -> None:
        """Open a transaction as this caller. Call it by hand to keep it open across calls."""
        self.connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
            [self.role, json.dumps(self.claims)],
        )

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Json]:
        """The rows of a statement, in a transaction of its own."""
        with frontrow_errors(), self.connection.transaction():
            self.begin()
            cursor = self.connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def call(self, function: str, **arguments: Any) -> Any:
        """Return the answer of a function, called by argument names as the Data API does."""
        return self.query(call_sql(function, arguments), list(arguments.values()))[0]["answer"]

    def call_in_transaction(self, function: str, **arguments: Any) -> Any:
        """As call(), inside the transaction that begin() opened."""
        with frontrow_errors():
            row = self.connection.execute(call_sql(function, arguments), list(arguments.values())).fetchone()
        assert row is not None
        return row["answer"]


def call_sql(function: str, arguments: Json) -> str:
    return f"select public.{function}({', '.join(f'{name} => %s' for name in arguments)}) as answer"


class CinemaFixture:
    """A cinema with one auditorium of `rows` times `seats` seats, and one showtime that starts tomorrow."""

    def __init__(self, url: str, rows: int = 5, seats: int = 10, film: str = "nosferatu") -> None:
        """`film` is a slug. Where the database has the film already, its theater and auditorium stay as they are."""
        self.url = url
        self.owner = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        self._callers: list[Caller] = []
        found = self.rows("select id from public.movies where slug = %s", [film])
        if found:
            self.movie_id: int = found[0]["id"]
            self.auditorium_id: int = self.value("select id from public.auditoriums where name = %s", [AUDITORIUM])
            self.theater_id: int = self.value("select theater_id from public.auditoriums where name = %s", [AUDITORIUM])
        else:
            self._add_catalog(rows, seats, film)
        self.showtime_id = self.add_showtime("1 day")
        self.seats: list[int] = self.seats_of(self.auditorium_id)

    def _add_catalog(self, rows: int, seats: int, film: str) -> None:
        self.theater_id = self.value(
            "insert into public.theaters (slug, name, city, country, address, time_zone, currency)"
            " values ('scala', 'Scala', 'Wien', 'AT', 'Ring 1', 'Europe/Vienna', 'EUR') returning id"
        )
        self.movie_id = self.value(
            "insert into public.movies (slug, title, release_year, directors, genres, language, certificate,"
            " length_minutes, synopsis, rights) values (%s, 'Nosferatu', 1922, '{F. W. Murnau}', '{Horror}',"
            " 'zxx', '12', 94, 'A count travels.', 'Public domain.') returning id",
            [film],
        )
        self.auditorium_id = self.add_auditorium(AUDITORIUM, rows, seats)

    @classmethod
    def attach(cls, url: str) -> Self:
        """A database that has a cinema already, with its newest showtime."""
        cinema = cls.__new__(cls)
        cinema.url = url
        cinema.owner = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        cinema._callers = []
        newest = cinema.rows("select * from public.showtimes order by id desc limit 1")[0]
        cinema.showtime_id, cinema.auditorium_id = newest["id"], newest["auditorium_id"]
        cinema.movie_id = newest["movie_id"]
        cinema.theater_id = cinema.value(
            "select theater_id from public.auditoriums where id = %s", [cinema.auditorium_id]
        )
        cinema.seats = cinema.seats_of(cinema.auditorium_id)
        return cinema

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_callers()
        self.owner.close()

    def close_callers(self) -> None:
        """Release all callers; a test with hundreds of them would run out of connections."""
        for caller in self._callers:
            caller.close()
        self._callers.clear()

    def reconnect(self) -> None:
        """The same cinema once more, after its server died."""
        self.__exit__()
        Caller.close_idle(self.url)
        self.owner = psycopg.connect(self.url, autocommit=True, row_factory=dict_row)

    # What the cinema looks like ---------------------------------------------------------------------------------------

    def add_auditorium(self, name: str, rows: int, seats: int) -> int:
        auditorium_id = self.value(
            "insert into public.auditoriums (theater_id, name) values (%s, %s) returning id", [self.theater_id, name]
        )
        self.owner.execute(
            "insert into public.seats (auditorium_id, row_label, number, x, y, kind)"
            " select %s, chr(64 + r), n, n, r, (case when r = %s then 'premium' else 'standard' end)::public.seat_kind"
            " from generate_series(1, %s) r, generate_series(1, %s) n order by r, n",
            [auditorium_id, rows, rows, seats],
        )
        return auditorium_id

    def add_showtime(self, starts_in: str, auditorium_id: int | None = None) -> int:
        showtime_id = self.value(
            "insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)"
            " select %s, %s, s, s + interval '110 minutes', s + interval '125 minutes'"
            " from (select private.now() + %s::interval as s) x returning id",
            [self.movie_id, auditorium_id or self.auditorium_id, starts_in],
        )
        self.owner.execute(
            "insert into public.showtime_prices values (%(id)s, 'standard', 1200), (%(id)s, 'premium', 1500)",
            {"id": showtime_id},
        )
        return showtime_id

    def seats_of(self, auditorium_id: int) -> list[int]:
        return [
            row["id"]
            for row in self.rows("select id from public.seats where auditorium_id = %s order by id", [auditorium_id])
        ]

    # Who comes in ----------------------------------------------------------------------------------------------------

    def customer(self, name: str = "Ada") -> Caller:
        """A new customer, signed in, whose address is proved."""
        user = self.owner.execute(
            """
            with account as (
              insert into public.users (email, full_name, email_verified_at) values (%s, %s, private.now())
              returning id
            )
            insert into private.credentials (user_id, password_hash) select id, %s from account returning user_id
            """,
            [f"{uuid.uuid4().hex}@example.com", name, PASSWORD_HASH],
        ).fetchone()
        return self.caller("authenticated", user["user_id"])

    def guest(self, email: str | None = None, name: str | None = None) -> Caller:
        """A new guest, who may have said who they are."""
        session = self.call_service(
            "open_guest_session", token_hash=uuid.uuid4().hex * 2, user_agent="a browser", address=uuid.uuid4().hex
        )
        guest = self.caller("authenticated", session["user"]["id"])
        if email is not None:
            guest.call("set_contact", email=email, full_name=name or "Grace")
        return guest

    def anonymous(self) -> Caller:
        return self.caller("anon")

    def service(self) -> Caller:
        """Flask or the worker, with the secret key."""
        return self.caller("service_role")

    def call_service(self, function: str, **arguments: Any) -> Any:
        """Return the answer of a function to the secret key."""
        return self._call("service_role", function, **arguments)

    def _call(self, role: str, function: str, **arguments: Any) -> Any:
        """Call once: a caller that stayed would keep its connection for as long as the cinema is open."""
        caller = Caller(self.url, role)
        try:
            return caller.call(function, **arguments)
        finally:
            caller.close()

    def caller(self, role: str, user_id: uuid.UUID | str | None = None) -> Caller:
        caller = Caller(self.url, role, user_id)
        self._callers.append(caller)
        return caller

    # What happens ----------------------------------------------------------------------------------------------------

    def lock(self, who: Caller, *seats: int, showtime_id: int | None = None) -> Json:
        """lock_seats of the seats with those indexes in self.seats."""
        return who.call(
            "lock_seats", showtime_id=showtime_id or self.showtime_id, seat_ids=[self.seats[i] for i in seats]
        )

    def book(self, who: Caller, *seats: int, showtime_id: int | None = None) -> Json:
        """Lock the seats and make a pending booking."""
        self.lock(who, *seats, showtime_id=showtime_id)
        return who.call("create_booking", showtime_id=showtime_id or self.showtime_id)

    def start_payment(self, who: Caller, booking: Json, intent: str | None = None) -> str:
        """Begin to pay, with an intent attached; return the intent's id."""
        payment = self.call_service("start_payment", booking_id=booking["id"], user_id=who.user_id)
        intent = intent or f"pi_{uuid.uuid4().hex}"
        self.call_service("attach_payment_intent", payment_id=payment["payment_id"], payment_intent_id=intent)
        return intent

    def pay(self, booking: Json, intent: str, **changes: Any) -> Json:
        """The webhook of a succeeded intent: confirm_booking with what Stripe would say, or with changes to it."""
        said = {
            "event_id": f"evt_{uuid.uuid4().hex}",
            "event_type": "payment_intent.succeeded",
            "payment_intent_id": intent,
            "amount": booking["total"],
            "currency": booking["currency"].lower(),
            "booking_id": booking["id"],
        }
        return self.call_service("confirm_booking", **{**said, **changes})

    def buy(self, who: Caller, *seats: int) -> Json:
        """Lock, book and pay; return the confirmed booking."""
        booking = self.book(who, *seats)
        assert self.pay(booking, self.start_payment(who, booking))["outcome"] == "confirmed"
        return {**booking, "status": "confirmed"}

    def sweep(self) -> Json:
        return self.call_service("release_expired_locks")

    def forget_attempts(self) -> None:
        """Reset all rate limits: every test comes from one address."""
        self.owner.execute("delete from private.rate_limit_hits where true")

    def advance(self, interval: str) -> None:
        """Move the clock of the whole database."""
        self.owner.execute("update private.test_clock set ahead = ahead + %s::interval", [interval])

    def freeze(self) -> None:
        """Stop the clock where it is; advance() still moves it."""
        self.owner.execute("update private.test_clock set fixed = clock_timestamp()")

    # What one sees ---------------------------------------------------------------------------------------------------

    def value(self, sql: str, parameters: Any = ()) -> Any:
        """The single value of a statement, as the owner of the database."""
        row = self.owner.execute(sql, parameters).fetchone()
        assert row is not None
        return next(iter(row.values()))

    def rows(self, sql: str, parameters: Any = ()) -> list[Json]:
        return self.owner.execute(sql, parameters).fetchall()

    def map(self, who: Caller | None = None, showtime_id: int | None = None) -> dict[int, Json]:
        """The seat map by seat id, as somebody sees it."""
        asked = {"showtime_id": showtime_id or self.showtime_id}
        answer = who.call("seat_map", **asked) if who else self._call("anon", "seat_map", **asked)
        return {seat["id"]: seat for seat in answer["seats"]}

    def states(self, who: Caller | None = None) -> list[str]:
        """The states of the seats in the order of self.seats."""
        seats = self.map(who)
        return [seats[seat]["state"] for seat in self.seats]

    def status(self, booking: Json) -> str:
        return self.value("select status from public.bookings where id = %s", [booking["id"]])

    def events(self, event: str | None = None) -> list[Json]:
        """Return the broadcasts so far, in order: {topic, event, payload}."""
        return self.rows(
            "select topic, event, payload - 'id' as payload from realtime.messages"
            " where event = coalesce(%s, event) order by inserted_at, id",
            [event],
        )

    def outbox(self, kind: str | None = None) -> list[Json]:
        return self.rows("select * from private.outbox where kind::text = coalesce(%s, kind::text) order by id", [kind])

    def violations(self) -> list[Json]:
        """Return what sql/platform/invariants.sql finds: nothing, if all is well."""
        return self.value("select public.check_invariants()")
