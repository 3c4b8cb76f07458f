"""What signed-in people read and change of their own: my_bookings, my_booking, my_account, rename_me, set_language,
my_data.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from hashlib import md5

import psycopg
import pytest

from tests.cinema import NO_LIMITS_ON_HOLDING, PASSWORD_HASH, Caller, CinemaFixture, Json, Refused

OF_PEOPLE: dict[str, Json] = {
    "my_bookings": {},
    "my_booking": {"booking_id": uuid.uuid4()},
    "my_account": {},
    "rename_me": {"full_name": "Nobody"},
    "set_language": {"language": "en-GB"},
    "my_data": {},
    "my_second_factor": {},
}


def bookings(cinema: CinemaFixture, who: Caller, count: int) -> list[str]:
    """So many bookings of a customer that expired one after another, the latest first."""
    made = []
    cinema.owner.execute(NO_LIMITS_ON_HOLDING)
    for _ in range(count):
        made.append(cinema.book(who, 0)["id"])
        cinema.advance("11 minutes")
        cinema.sweep()
    return made[::-1]


def pages(who: Caller, max_rows: int) -> list[list[str]]:
    """The ids of all bookings, page by page."""
    found, after = [], None
    while True:
        page = who.call("my_bookings", after=after, max_rows=max_rows)
        found.append([booking["id"] for booking in page["bookings"]])
        assert page["more"] is (page["after"] is not None)
        if not page["more"]:
            return found
        after = page["after"]


@pytest.mark.parametrize("function", OF_PEOPLE)
def test_who_is_not_signed_in_is_asked_to(cinema: CinemaFixture, function: str) -> None:
    for caller in (cinema.anonymous(), cinema.caller("authenticated", "no-uuid")):
        with pytest.raises(Refused, match="PT401 sign_in_required"):
            caller.call(function, **OF_PEOPLE[function])


@pytest.mark.parametrize("function", [name for name in OF_PEOPLE if name not in ("rename_me", "set_language")])
def test_reading_ones_own_writes_nothing_and_no_cache_keeps_it(cinema: CinemaFixture, function: str) -> None:
    ada = cinema.customer()
    arguments = {"booking_id": cinema.buy(ada, 0)["id"]} if function == "my_booking" else {}
    with ada.connection.transaction():
        ada.connection.execute("set transaction read only")
        ada.begin()
        ada.call_in_transaction(function, **arguments)
        headers = ada.connection.execute("select current_setting('response.headers') as headers").fetchone()
    assert headers is not None
    assert json.loads(headers["headers"])[0] == {"Cache-Control": "private, no-store"}


# Bookings -------------------------------------------------------------------------------------------------------------


def test_a_booking_says_all_that_its_page_shows(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update public.seats set row_label = 'AA' where row_label = 'C'")
    ada = cinema.customer()
    bought = cinema.buy(ada, 21, 1, 10, 0)
    booking = ada.call("my_booking", booking_id=bought["id"])
    assert set(booking) == {
        *("id", "reference", "status", "total", "currency", "created_at", "expires_at", "confirmed_at", "cancelled_at"),
        *("seats", "refunds", "showtime", "movie", "theater", "auditorium", "server_time"),
        *("cancellable_until", "moved_from", "refundable_amount", "payments", "disputes"),
    }
    assert (booking["reference"], booking["status"]) == (bought["reference"], "confirmed")
    assert [(seat["row"], seat["number"]) for seat in booking["seats"]] == [("A", 1), ("A", 2), ("B", 1), ("AA", 2)]
    assert booking["seats"][0] == {
        "seat_id": cinema.seats[0],
        "row": "A",
        "number": 1,
        "kind": "standard",
        "price": 1200,
    }
    assert booking["movie"] == {
        "slug": "nosferatu",
        "title": "Nosferatu",
        "certificate": "12",
        "length_minutes": 94,
    }
    assert booking["theater"] == {
        "slug": "scala",
        "name": "Scala",
        "address": "Ring 1",
        "city": "Wien",
        "time_zone": "Europe/Vienna",
    }
    assert (booking["auditorium"], booking["showtime"]["id"]) == ("Saal 1", cinema.showtime_id)
    assert (booking["showtime"]["status"], booking["showtime"]["revision"]) == ("scheduled", 0)
    starts = datetime.fromisoformat(booking["showtime"]["starts_at"])
    assert starts - datetime.fromisoformat(booking["cancellable_until"]) == timedelta(hours=2)
    assert booking["refundable_amount"] == booking["total"] == 4800
    (payment,) = booking["payments"]
    assert (payment["status"], payment["amount_received"], payment["settles_booking"]) == ("succeeded", 4800, True)
    assert (booking["refunds"], booking["disputes"]) == ([], [])
    assert abs(datetime.fromisoformat(booking["server_time"]) - datetime.fromisoformat(booking["confirmed_at"])) < (
        timedelta(minutes=1)
    )


def test_a_booking_shows_the_money_that_goes_back_and_what_a_bank_says_against_it(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    intent = cinema.start_payment(ada, booking)
    cinema.pay(booking, intent)
    cinema.call_service(
        "record_refund",
        event_id="evt_1",
        event_type="refund.created",
        stripe_refund_id="re_1",
        payment_intent_id=intent,
        amount=500,
        status="succeeded",
    )
    cinema.call_service(
        "record_dispute",
        event_id="evt_2",
        event_type="charge.dispute.created",
        stripe_dispute_id="dp_1",
        payment_intent_id=intent,
        amount=700,
        currency="eur",
        reason="fraudulent",
        status="needs_response",
    )
    shown = ada.call("my_booking", booking_id=booking["id"])
    assert shown["refundable_amount"] == 700
    (refund,) = shown["refunds"]
    assert (refund["amount"], refund["currency"], refund["reason"], refund["status"]) == (
        *(500, "EUR"),
        *("made_at_stripe", "succeeded"),
    )
    (dispute,) = shown["disputes"]
    assert (dispute["id"], dispute["amount"], dispute["status"], dispute["closed_at"]) == (
        *("dp_1", 700),
        *("needs_response", None),
    )
    (listed,) = ada.call("my_bookings")["bookings"]
    assert listed == {
        name: value
        for name, value in shown.items()
        if name not in ("server_time", "cancellable_until", "moved_from", "refundable_amount", "payments", "disputes")
    }


def test_a_booking_of_another_is_unknown(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    bob = cinema.customer("Bob")
    for booking_id in (booking["id"], uuid.uuid4(), None):
        with pytest.raises(Refused, match="PT404 unknown_booking"):
            bob.call("my_booking", booking_id=booking_id)
    assert bob.call("my_bookings")["bookings"] == []


def test_bookings_come_page_by_page_the_latest_first(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    made = bookings(cinema, ada, 5)
    bookings(cinema, cinema.customer("Bob"), 1)
    assert pages(ada, 2) == [made[:2], made[2:4], made[4:]]
    assert pages(ada, 5) == [made], "a full page is not followed by an empty one"
    assert pages(ada, 100) == [made]
    assert pages(cinema.customer("Carol"), 2) == [[]]


def test_bookings_made_between_two_pages_repeat_and_hide_none(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    made = bookings(cinema, ada, 4)
    first = ada.call("my_bookings", max_rows=2)
    later = bookings(cinema, ada, 3)
    second = ada.call("my_bookings", max_rows=2, after=first["after"])
    assert [booking["id"] for page in (first, second) for booking in page["bookings"]] == made
    assert pages(ada, 3) == [later, made[:3], made[3:]]


def test_bookings_of_one_instant_are_on_one_page_each(cinema: CinemaFixture) -> None:
    """Of a restored table, or at two showtimes in one microsecond: the id decides."""
    ada = cinema.customer()
    made = bookings(cinema, ada, 5)
    cinema.owner.execute(
        "update public.bookings set created_at = '2026-12-01 12:00:00.123457+00' where user_id = %s", [ada.user_id]
    )
    found = pages(ada, 2)
    assert [len(page) for page in found] == [2, 2, 1]
    assert sorted(booking for page in found for booking in page) == sorted(made)


def cursor(question: str = "my_bookings", **place: object) -> str:
    """Forge one; anybody can."""
    return json.dumps({"question": md5(question.encode(), usedforsecurity=False).hexdigest(), **place}).encode().hex()


A_TIME, AN_ID = "2030-01-01T00:00:00Z", "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    "after",
    [
        *("", "x", "0", "00", "é" * 32, "-" * 32, "7b7d", "x" * 100_000, "00" * 100_000),
        cursor(),
        cursor(created_at=A_TIME),
        cursor(created_at="soon", id=AN_ID),
        cursor(created_at=A_TIME, id=None),
        cursor(created_at=A_TIME, id=7),
        cursor("whats_on", created_at=A_TIME, id=AN_ID),
    ],
)
def test_what_is_no_cursor_is_refused(cinema: CinemaFixture, after: str) -> None:
    with pytest.raises(Refused) as refused:
        cinema.customer().call("my_bookings", after=after)
    assert (refused.value.sqlstate, refused.value.code) == ("PT400", "invalid_request")
    assert refused.value.details == {"argument": "after"}


@pytest.mark.parametrize("max_rows", [0, -1, 101, 2**31 - 1, None])
def test_a_page_has_1_to_100_bookings(cinema: CinemaFixture, max_rows: int | None) -> None:
    with pytest.raises(Refused) as refused:
        cinema.customer().call("my_bookings", max_rows=max_rows)
    assert (refused.value.code, refused.value.details) == ("invalid_request", {"argument": "max_rows"})


def test_the_cursor_of_another_shows_only_ones_own(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    (old,) = bookings(cinema, bob, 1)
    bookings(cinema, ada, 3)
    after = ada.call("my_bookings", max_rows=1)["after"]
    assert [booking["id"] for booking in bob.call("my_bookings", after=after)["bookings"]] == [old]


# The account ----------------------------------------------------------------------------------------------------------


def test_people_read_their_own_account(cinema: CinemaFixture) -> None:
    ada = cinema.customer("Ada Lovelace")
    account = ada.call("my_account")
    (user,) = cinema.rows("select * from public.users where id = %s", [ada.user_id])
    assert datetime.fromisoformat(account.pop("created_at")) == user["created_at"]
    assert account == {
        "id": str(ada.user_id),
        "kind": "registered",
        "email": user["email"],
        "full_name": "Ada Lovelace",
        "role": "customer",
        "email_verified": True,
        "language": "en-US",
    }


def test_people_rename_themselves_and_nobody_else(cinema: CinemaFixture) -> None:
    ada, bob = cinema.customer(), cinema.customer("Bob")
    for _ in range(2):
        renamed = ada.call("rename_me", full_name="  Ada King ")
        assert renamed["full_name"] == "Ada King"
        assert renamed == ada.call("my_account")
    assert bob.call("my_account")["full_name"] == "Bob"


@pytest.mark.parametrize("full_name", ["", " ", None, "x" * 201, "A\nda"])
@pytest.mark.parametrize("kind", ["registered", "guest"])
def test_what_is_no_name_changes_nothing(cinema: CinemaFixture, full_name: str | None, kind: str) -> None:
    ada = cinema.customer() if kind == "registered" else cinema.guest("ada@example.com", "Ada")
    with pytest.raises(Refused, match="PT422 invalid_name"):
        ada.call("rename_me", full_name=full_name)
    assert ada.call("my_account")["full_name"] == "Ada"


@pytest.mark.parametrize("language", ["en-GB", "de", "pt-BR"])
def test_people_choose_the_language_of_their_emails_and_of_nobody_elses(cinema: CinemaFixture, language: str) -> None:
    """Also one for which there are no texts yet."""
    ada, bob = cinema.customer(), cinema.customer("Bob")
    for _ in range(2):
        account = ada.call("set_language", language=language)
        assert account["language"] == language
        assert account == ada.call("my_account") == ada.call("my_data")["account"]
    assert bob.call("my_account")["language"] == "en-US"


@pytest.mark.parametrize("language", ["", None, "EN", "en_GB", "en-gb", "eng", "en-GB\n", "en-GB,de", "x" * 900_000])
def test_what_is_no_language_changes_nothing(cinema: CinemaFixture, language: str | None) -> None:
    ada = cinema.customer()
    with pytest.raises(Refused, match=r'PT400 invalid_request \{"argument": "language"\}'):
        ada.call("set_language", language=language)
    assert ada.call("my_account")["language"] == "en-US"
    with pytest.raises(psycopg.errors.IntegrityError, match="language"):
        cinema.owner.execute("update public.users set language = %s", [language])


@pytest.mark.parametrize("function", ["my_account", "rename_me", "set_language", "my_data"])
def test_a_token_that_outlives_its_account_reads_nothing(cinema: CinemaFixture, function: str) -> None:
    ada = cinema.customer()
    cinema.owner.execute("delete from public.users where id = %s", [ada.user_id])
    with pytest.raises(Refused, match="PT404 unknown_user"):
        ada.call(function, **OF_PEOPLE[function])


# The export -----------------------------------------------------------------------------------------------------------


def busy_customer(cinema: CinemaFixture, name: str, seat: int) -> tuple[Caller, Json]:
    """Somebody who has signed in, bought, cancelled, holds a seat, and mistyped a password."""
    who = cinema.customer(name)
    email = who.call("my_account")["email"]
    cinema.call_service(
        "open_session", user_id=who.user_id, token_hash=uuid.uuid4().hex * 2, user_agent=f"Browser of {name}"
    )
    booking = cinema.buy(who, seat, seat + 1)
    who.call("cancel_booking", booking_id=booking["id"])
    cinema.advance("11 minutes")
    cinema.sweep()
    cinema.lock(who, seat + 2)
    cinema.call_service("begin_sign_in", email=email, address=f"192.0.2.{seat}")
    return who, booking


def test_the_export_holds_all_that_is_kept_about_a_person(cinema: CinemaFixture) -> None:
    ada, booking = busy_customer(cinema, "Ada Lovelace", 0)
    data = ada.call("my_data")
    assert set(data) == {
        *("exported_at", "account", "second_factor", "sessions", "attempts", "bookings", "holds", "emails", "log"),
        "truncated",
    }
    assert data["account"] == ada.call("my_account")
    (session,) = data["sessions"]
    assert (session["user_agent"], session["ended_at"]) == ("Browser of Ada Lovelace", None)
    assert session["created_at"] <= session["refreshed_at"] < session["expires_at"]
    assert [(each["kind"], each["address"]) for each in data["attempts"]] == [
        ("sign_in", "192.0.2.0"),
        ("payment", None),
    ]
    (exported,) = data["bookings"]
    shown = ada.call("my_booking", booking_id=booking["id"])
    assert exported == {name: value for name, value in shown.items() if name != "server_time"}
    assert (len(exported["payments"]), len(exported["refunds"])) == (1, 1)
    assert [(hold["seat_id"], hold["booking_id"], hold["end_reason"]) for hold in data["holds"]] == [
        (cinema.seats[2], None, None),
        (cinema.seats[0], booking["id"], "cancelled"),
        (cinema.seats[1], booking["id"], "cancelled"),
    ]
    assert {email["kind"] for email in data["emails"]} == {"mail_confirmation", "mail_refund"}
    assert [row["entity"] for row in data["log"]][-1] == "booking"
    assert {row["entity"] for row in data["log"]} == {"booking", "payment", "refund"}
    assert {row["actor"] for row in data["log"]} == {str(ada.user_id), "service_role"}
    assert data["truncated"] == []


EXPORTED = {
    "public.users.id": "account",
    "public.bookings.user_id": "bookings",
    "public.seat_locks.user_id": "holds",
    "private.seat_lock_history.user_id": "holds",
    "private.sessions.user_id": "sessions",
    "private.second_factors.user_id": "second_factor",
    "private.recovery_codes.user_id": "second_factor",
    "private.outbox.user_id": "emails",
    "private.booking_log.actor": "log",
    "private.booking_log.session_id": "log",
}
"""Where the id of a person or of a session of theirs stands, and the part of the export that has it."""
NOT_EXPORTED = {
    "private.account_tokens.user_id": "hashes of links; that they were sent is among the emails",
    "private.credentials.user_id": "a hash proves who somebody is; the row says nothing else",
    "private.refresh_tokens.session_id": "hashes again; their times are with the session",
    "private.departures.user_id": "ends when its owner signs in, and nobody else may ask",
    "private.showtime_revisions.actor": "what staff changed about a showtime is the cinema's",
    "private.showtime_revisions.session_id": "the same",
}


def test_every_column_with_the_id_of_a_person_is_in_the_export_or_has_a_reason(cinema: CinemaFixture) -> None:
    """Whoever adds one decides, and says so here."""
    found = cinema.rows(
        "select c.relnamespace::regnamespace || '.' || c.relname || '.' || a.attname as name"
        " from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and not c.relispartition"
        " and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped"
        " and (a.attname in ('user_id', 'actor', 'session_id') or c.oid = 'public.users'::regclass and a.attname = 'id'"
        "      or exists (select from pg_constraint f where f.contype = 'f' and f.conrelid = c.oid"
        "                 and f.confrelid = 'public.users'::regclass and f.conkey = array[a.attnum]))"
    )
    assert {row["name"] for row in found} == EXPORTED.keys() | NOT_EXPORTED.keys()


@pytest.mark.parametrize("column", EXPORTED)
def test_the_export_has_every_row_of_such_a_column(cinema: CinemaFixture, column: str) -> None:
    ada, booking = busy_customer(cinema, "Ada Lovelace", 0)
    ada.claims["session_id"] = str(cinema.value("select id from private.sessions"))
    cinema.owner.execute(
        "insert into private.outbox (kind, key, user_id, payload) values ('mail_confirmation', 'mail:x', %s, '{}')",
        [ada.user_id],
    )
    cinema.owner.execute("insert into private.second_factors (user_id, secret) values (%s, 'gAAAAA')", [ada.user_id])
    cinema.owner.execute(
        "insert into private.recovery_codes (user_id, code_hash) values (%s, %s)", [ada.user_id, "a" * 64]
    )
    part = ada.call("my_data")[EXPORTED[column]]
    if column == "public.users.id":
        assert part["id"] == str(ada.user_id)
        return
    table, _, name = column.rpartition(".")
    of_ada = cinema.value(f"select count(*) from {table} where {name}::text = %s", [str(ada.user_id)])
    match column:
        case "public.bookings.user_id":
            assert [each["id"] for each in part] == [booking["id"]]
        case "public.seat_locks.user_id":
            assert len([each for each in part if each["end_reason"] is None]) == of_ada == 1
        case "private.seat_lock_history.user_id":
            assert len([each for each in part if each["end_reason"]]) == of_ada == 2
        case "private.outbox.user_id":
            assert len([each for each in part if each["booking_id"] is None]) == of_ada == 1
        case "private.second_factors.user_id":
            assert part["confirmed_at"] is None
        case "private.recovery_codes.user_id":
            assert part["recovery_codes"] == [{"used_at": None}]
        case "private.booking_log.actor":
            assert len([each for each in part if each["actor"] == str(ada.user_id)]) == of_ada > 0
        case "private.booking_log.session_id":
            ada.call("cancel_booking", booking_id=cinema.buy(ada, 5)["id"])
            assert ada.claims["session_id"] in {each["session_id"] for each in ada.call("my_data")["log"]}
        case _:
            assert len(part) == of_ada == 1


@pytest.mark.parametrize("kind", ["registered", "guest"])
def test_who_has_not_proved_an_address_reads_nothing_of_sign_ins_to_it(cinema: CinemaFixture, kind: str) -> None:
    """They are its owner's, and say when and from where somebody comes home."""
    owner, _ = busy_customer(cinema, "Ada Lovelace", 0)
    email = owner.call("my_account")["email"]
    if kind == "guest":
        eve = cinema.guest(email, "Eve")
    else:
        user = cinema.call_service("register_user", email=email, password_hash=PASSWORD_HASH, full_name="Eve")
        eve = cinema.caller("authenticated", user["id"])
    assert eve.call("my_data")["attempts"] == []
    assert "sign_in" in {each["kind"] for each in owner.call("my_data")["attempts"]}


def test_the_export_of_one_says_nothing_of_another_and_no_secret(cinema: CinemaFixture) -> None:
    ada, _ = busy_customer(cinema, "Ada Lovelace", 0)
    bob, booking = busy_customer(cinema, "Bob Stranger", 10)
    exported = json.dumps(ada.call("my_data"))
    email = bob.call("my_account")["email"]
    for of_bob in (str(bob.user_id), email, "Bob Stranger", booking["id"], booking["reference"], "192.0.2.10"):
        assert of_bob not in exported
        assert of_bob in json.dumps(bob.call("my_data"))
    assert "argon2" not in exported
    for row in cinema.rows("select token_hash from private.refresh_tokens"):
        assert row["token_hash"] not in exported


def test_staff_who_changed_a_booking_are_not_named_in_its_customers_export(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    carol = cinema.customer("Carol")
    cinema.owner.execute(
        "insert into private.booking_log (showtime_id, booking_id, entity, status, row_data, actor, session_id)"
        " values (%s, %s, 'booking', 'confirmed', '{}', %s, gen_random_uuid())",
        [cinema.showtime_id, booking["id"], str(carol.user_id)],
    )
    latest = ada.call("my_data")["log"][0]
    assert (latest["actor"], latest["session_id"]) == ("staff", None)


def test_the_export_says_what_it_cut(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.lock(ada, 0)
    cinema.owner.execute(
        "insert into private.seat_lock_history (showtime_id, id, seat_id, user_id, held, end_reason)"
        " select 1, n, n, %s, tstzrange('2026-01-01', '2026-01-02'), 'expired' from generate_series(1, 10000) n",
        [ada.user_id],
    )
    data = ada.call("my_data")
    assert (len(data["holds"]), data["truncated"]) == (10_000, ["holds"])
    assert data["holds"][0]["seat_id"] == cinema.seats[0], "the newest are kept"
