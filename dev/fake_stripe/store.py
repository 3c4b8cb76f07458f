"""The state, in one SQLite file: objects, idempotency keys, deliveries under way, things due later."""

import json
import secrets
import sqlite3
import string
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from dev.fake_stripe.shapes import Json

SCHEMA = """
create table if not exists objects (seq integer primary key autoincrement, id text not null unique, kind text not null,
  body text not null);
create index if not exists objects_by_intent on objects (kind, json_extract(body, '$.payment_intent'));
create table if not exists answers (key text primary key, path text not null, params text not null,
  status integer not null, body text not null, request_id text not null, created real not null);
create index if not exists answers_by_age on answers (created);
create table if not exists deliveries (id integer primary key autoincrement, event_id text not null,
  lane text not null, state text not null, attempts integer not null default 0, due real not null,
  status integer, error text);
create index if not exists deliveries_pending on deliveries (due) where state = 'pending';
create table if not exists timers (id integer primary key autoincrement, due real not null, action text not null,
  subject text not null);
"""

KEY_LIFE = 24 * 3600
"""Seconds an idempotency key is remembered, as Stripe documents."""


def new_id(prefix: str) -> str:
    return f"{prefix}_{''.join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))}"


@dataclass(frozen=True)
class Answer:
    """A saved answer of an idempotency key."""

    path: str
    params: str
    status: int
    body: str
    request_id: str


@dataclass(frozen=True)
class Delivery:
    """One event on its way to the endpoint. state: pending, delivered, given_up, dropped. due: epoch seconds."""

    id: int
    event_id: str
    lane: str
    state: str
    attempts: int
    due: float
    status: int | None
    error: str | None


@dataclass(frozen=True)
class Timer:
    id: int
    action: str
    subject: str


class Store:
    """One connection, used from one event loop only."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # The file must survive this process, not a power cut.
        self._db.executescript(f"pragma journal_mode = wal; pragma synchronous = off; {SCHEMA}")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    # Objects

    def insert(self, obj: Json) -> None:
        self._db.execute(
            "insert into objects (id, kind, body) values (?, ?, ?)", (obj["id"], obj["object"], json.dumps(obj))
        )

    def put(self, obj: Json) -> None:
        self._db.execute("update objects set body = ? where id = ?", (json.dumps(obj), obj["id"]))

    def get(self, object_id: str) -> Json | None:
        row = self._db.execute("select body from objects where id = ?", (object_id,)).fetchone()
        return None if row is None else json.loads(row[0])

    def find(
        self,
        kind: str,
        *,
        equal: dict[str, str] | None = None,
        created: dict[str, int] | None = None,
        older_than: str | None = None,
        limit: int = 100,
    ) -> list[Json]:
        """Newest first. `created` maps an SQL comparison to epoch seconds; `older_than` is an object's id."""
        where = ["kind = ?"]
        values: list[str | int] = [kind]
        for name, value in (equal or {}).items():
            where.append(f"json_extract(body, '$.{name}') = ?")
            values.append(value)
        for comparison, moment in (created or {}).items():
            where.append(f"json_extract(body, '$.created') {comparison} ?")
            values.append(moment)
        if older_than:
            where.append("seq < (select seq from objects where id = ?)")
            values.append(older_than)
        rows = self._db.execute(
            f"select body from objects where {' and '.join(where)} order by seq desc limit ?",  # noqa: S608 - names and comparisons are the code's own
            [*values, limit],
        )
        return [json.loads(row[0]) for row in rows]

    # Idempotency keys

    def answer(self, key: str) -> Answer | None:
        self._db.execute("delete from answers where created < ?", (time.time() - KEY_LIFE,))
        row = self._db.execute(
            "select path, params, status, body, request_id from answers where key = ?", (key,)
        ).fetchone()
        return None if row is None else Answer(*row)

    def save_answer(self, key: str, answer: Answer) -> None:
        self._db.execute(
            "insert into answers (key, path, params, status, body, request_id, created) values (?, ?, ?, ?, ?, ?, ?)",
            (key, answer.path, answer.params, answer.status, answer.body, answer.request_id, time.time()),
        )

    # Deliveries and timers

    def add_delivery(self, event_id: str, lane: str, due: float, state: str = "pending") -> None:
        self._db.execute(
            "insert into deliveries (event_id, lane, due, state) values (?, ?, ?, ?)", (event_id, lane, due, state)
        )

    def deliveries(
        self, *, event_id: str | None = None, due_by: float | None = None, limit: int = 1000
    ) -> list[Delivery]:
        """The first in order of creation: of all, of those of one event, or of those pending and due."""
        rows = self._db.execute(
            "select id, event_id, lane, state, attempts, due, status, error from deliveries"
            " where (?1 is null or event_id = ?1) and (?2 is null or (state = 'pending' and due <= ?2))"
            " order by id limit ?3",
            (event_id, due_by, limit),
        )
        return [Delivery(*row) for row in rows]

    def record_attempt(self, delivery: int, state: str, due: float, status: int | None, error: str | None) -> None:
        self._db.execute(
            "update deliveries set attempts = attempts + 1, state = ?, due = ?, status = ?, error = ? where id = ?",
            (state, due, status, error, delivery),
        )

    def add_timer(self, due: float, action: str, subject: str) -> None:
        self._db.execute("insert into timers (due, action, subject) values (?, ?, ?)", (due, action, subject))

    def timers(self, due_by: float) -> list[Timer]:
        rows = self._db.execute("select id, action, subject from timers where due <= ? order by due, id", (due_by,))
        return [Timer(*row) for row in rows]

    def drop_timer(self, timer: int) -> None:
        self._db.execute("delete from timers where id = ?", (timer,))

    def next_due(self, after: float) -> float | None:
        """Work that is due already is under way, and reports itself when it is done."""
        row = self._db.execute(
            "select min(due) from (select due from timers union all"
            " select due from deliveries where state = 'pending') where due > ?",
            (after,),
        ).fetchone()
        return cast("float | None", row[0])
