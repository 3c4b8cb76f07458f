"""Leaving: who is forgotten leaves figures and no trace of who they were, once all that they have here is over."""

from __future__ import annotations

import base64
import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from psycopg.types.json import Jsonb

from dev.postgres import ADMIN, Cluster
from tests.cinema import PASSWORD_HASH, Caller, CinemaFixture, Json, Refused

NAME = "Zoë Quintessa"
EMAIL = "zoe.quintessa@example.com"
TOKEN = "a" * 64


def registered(cinema: CinemaFixture, email: str = EMAIL, name: str = NAME) -> Caller:
    """A person with an account, to whom the link that proves the address has been sent."""
    user = cinema.call_service("register_user", email=email, password_hash=PASSWORD_HASH, full_name=name)
    mail_all(cinema)
    return cinema.caller("authenticated", user["id"])


def sign_in(cinema: CinemaFixture, who: Caller, token: str = TOKEN, address: str = "192.0.2.1") -> Json:
    """As Flask does it, with the right password."""
    email = cinema.value("select email from public.users where id = %s", [who.user_id])
    cinema.call_service("begin_sign_in", email=email, address=address)
    return cinema.call_service(
        "open_session", user_id=who.user_id, token_hash=token, user_agent=f"Browser of {NAME}", address=address
    )


def leave(cinema: CinemaFixture, who: Caller) -> Json:
    return cinema.call_service("delete_my_account", user_id=who.user_id)


def keep(cinema: CinemaFixture) -> Json:
    """What the worker does every ten minutes."""
    return cinema.call_service("keep_retention")["done"]


def mail_all(cinema: CinemaFixture, error: str | None = None) -> list[Json]:
    """Do all work of the outbox that is due, and return it."""
    rows = cinema.call_service("claim_outbox", max_rows=100)
    for row in rows:
        cinema.call_service("complete_outbox", id=row["id"], attempt=row["attempt"], error=error)
    return rows


def is_forgotten(cinema: CinemaFixture, who: Caller) -> bool:
    return cinema.value("select forgotten_at is not null from public.users where id = %s", [who.user_id])


def is_leaving(cinema: CinemaFixture, who: Caller) -> bool:
    return cinema.value("select exists (select from private.departures where user_id = %s)", [who.user_id])


# No trace -------------------------------------------------------------------------------------------------------------


def traces(needle: str) -> Iterator[str]:
    """The forms in which a dump may hold a text: as it is, in JSON, in an address of the web, in hex, in base 64."""
    yield needle
    yield json.dumps(needle)[1:-1]
    yield quote(needle)
    yield needle.encode().hex()
    for before in range(3):  # where a text begins among others, base 64 has three forms
        encoded = base64.b64encode(bytes(before) + needle.encode()).decode()
        yield encoded[4 if before else 0 : len(encoded) // 4 * 4 - 4]


def found_in_dump(cinema: CinemaFixture, cluster: Cluster) -> set[str]:
    """Which words of a person the whole database holds, in whichever form."""
    run = subprocess.run(
        [cluster.binary("pg_dump"), cluster.url(cinema.owner.info.dbname, ADMIN)], capture_output=True, check=True
    )
    dump = run.stdout.decode().lower()
    assert "create table public.users" in dump
    words = (NAME, "Quintessa", EMAIL, "zoe.quintessa")
    return {word for word in words for trace in traces(word) if trace.lower() in dump}


def all_over(cinema: CinemaFixture) -> Caller:
    """Somebody whose name and address are wherever they can be, and for whom all is over."""
    zoe = registered(cinema)
    sign_in(cinema, zoe)
    booking = cinema.book(zoe, 0, 1)
    intent = cinema.start_payment(zoe, booking)
    cinema.pay(booking, intent)
    returned = cinema.buy(zoe, 2)
    zoe.call("cancel_booking", booking_id=returned["id"])
    refund = cinema.value("select id from public.refunds")
    cinema.call_service(
        "settle_refund_attempt",
        refund_id=refund,
        attempt=1,
        code=None,
        refunds=Jsonb([{"id": "re_1", "amount": returned["total"], "status": "succeeded"}]),
    )
    dispute(cinema, booking, intent, "won")
    cinema.lock(zoe, 3)
    mail_all(cinema, f"550 <{EMAIL}> is unknown here")
    cinema.advance("2 hours")
    mail_all(cinema)
    cinema.owner.execute(
        "update private.outbox set last_error = %s, payload = payload || %s where kind::text like 'mail%%'",
        [f"450 {EMAIL}", Jsonb({"greeting": NAME, "hex": EMAIL.encode().hex()})],
    )
    cinema.owner.execute(
        "insert into private.outbox (kind, key, user_id, payload, state, completed_at)"
        " values ('mail_confirmation', 'mail:of-the-account', %s, %s, 'failed', private.now())",
        [zoe.user_id, Jsonb({"to": EMAIL})],
    )
    cinema.advance("2 days")
    cinema.sweep()
    cinema.owner.execute(
        "insert into private.sweep_failures"
        " (step, booking_id, error_code, message, first_failed_at, last_failed_at, retry_at)"
        " values ('expire_bookings', %s, 'P0001', %s, private.now(), private.now(), private.now())",
        [booking["id"], f"{NAME} is broken"],
    )
    cinema.call_service("begin_sign_in", email=EMAIL, address="192.0.2.7")
    return zoe


def dispute(cinema: CinemaFixture, booking: Json, intent: str, status: str) -> None:
    cinema.call_service(
        "record_dispute",
        event_id=f"evt_{uuid.uuid4().hex}",
        event_type="charge.dispute.created",
        stripe_dispute_id="dp_1",
        payment_intent_id=intent,
        amount=booking["total"],
        currency="eur",
        reason="fraudulent",
        status=status,
    )


FIGURES = """
select jsonb_build_object(
  'bookings', (select jsonb_agg(jsonb_build_array(b.status, b.n, b.total) order by b.status)
               from (select status, count(*) as n, sum(total) as total from public.bookings group by status) b),
  'seats', (select jsonb_agg(to_jsonb(s) order by s.booking_id, s.seat_id) from public.booking_seats s),
  'payments', (select jsonb_agg(to_jsonb(p) order by p.id) from public.payments p),
  'refunds', (select jsonb_agg(to_jsonb(r) order by r.id) from public.refunds r),
  'disputes', (select jsonb_agg(to_jsonb(d) order by d.id) from public.disputes d),
  'holds', (select jsonb_agg(to_jsonb(h) order by h.id, h.seat_id) from private.seat_lock_history h),
  'log', (select jsonb_agg(to_jsonb(g) order by g.id) from private.booking_log g),
  'emails', (select jsonb_agg(jsonb_build_array(o.kind, o.key) order by o.id) from private.outbox o
             where o.booking_id is not null),
  'paid', public.payments_to_verify('2020-01-01'),
  'left', (select jsonb_agg(to_jsonb(s) order by s.showtime_id)
           from private.seats_left(array(select t.id from public.showtimes t), private.now()) s))
"""


def test_no_dump_of_the_database_knows_who_has_left(cinema: CinemaFixture, cluster: Cluster) -> None:
    zoe = all_over(cinema)
    assert found_in_dump(cinema, cluster) == {NAME, "Quintessa", EMAIL, "zoe.quintessa"}
    assert leave(cinema, zoe) == {"status": "deleted"}
    assert found_in_dump(cinema, cluster) == set()


def test_an_email_to_the_address_of_who_leaves_forgets_it(cinema: CinemaFixture) -> None:
    """It is about nobody in particular, so that it does not go with the account."""
    zoe = registered(cinema)
    for email in (EMAIL, f"x{EMAIL}"):
        cinema.owner.execute(
            "insert into private.outbox (kind, key, payload, state, completed_at, last_error)"
            " values ('mail_reset_password', %s, %s, 'sent', private.now(), %s)",
            [f"account:{email}", Jsonb({"email": email}), f"450 <{email}>"],
        )
    assert leave(cinema, zoe) == {"status": "deleted"}
    emails = [(row["payload"], row["last_error"]) for row in cinema.outbox("mail_reset_password")]
    assert emails == [({}, None), ({"email": f"x{EMAIL}"}, f"450 <x{EMAIL}>")]


def test_every_figure_is_what_it_was(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 10)
    zoe = all_over(cinema)
    cinema.owner.execute("delete from private.outbox where key = 'mail:of-the-account'")
    assert cinema.violations() == []
    before = cinema.value(FIGURES)
    leave(cinema, zoe)
    assert cinema.value(FIGURES) == before
    assert cinema.violations() == []


def test_the_row_stays_and_says_nothing(cinema: CinemaFixture) -> None:
    zoe = all_over(cinema)
    cinema.owner.execute(
        "update public.users set role = 'staff', email_verified_at = private.now() where email = %s", [EMAIL]
    )
    leave(cinema, zoe)
    (user,) = cinema.rows("select * from public.users where id = %s", [zoe.user_id])
    assert (user["email"], user["full_name"], user["role"], user["kind"], user["email_verified_at"]) == (
        *(None, "Former customer"),
        *("customer", "guest", None),
    )
    for table in ("credentials", "sessions", "departures"):
        assert cinema.value(f"select count(*) from private.{table} where user_id = %s", [zoe.user_id]) == 0
    assert cinema.value("select count(*) from private.refresh_tokens") == 0


def test_forgetting_again_changes_nothing(cinema: CinemaFixture) -> None:
    zoe = all_over(cinema)
    leave(cinema, zoe)
    before = cinema.rows("select * from public.users")
    cinema.advance("1 day")
    assert leave(cinema, zoe) == {"status": "deleted"}
    assert cinema.value("select private.forget_person(%s)", [zoe.user_id]) is None
    assert cinema.rows("select * from public.users") == before


def test_nobody_leaves_who_never_was(cinema: CinemaFixture) -> None:
    with pytest.raises(Refused, match="PT404 unknown_user"):
        cinema.call_service("delete_my_account", user_id=uuid.uuid4())


def test_others_are_left_alone(cinema: CinemaFixture) -> None:
    """Also whose address ends with theirs: nobody clears the count of guesses at an account by leaving another."""
    zoe = all_over(cinema)
    victim = registered(cinema, f"x{EMAIL}", "Zoë Quintessa-Smith")
    cinema.call_service("begin_sign_in", email=f"x{EMAIL}", address="192.0.2.7")
    counted = "select key from private.rate_limit_hits where key like '%%x' || %s"
    before = cinema.rows("select * from public.users where id = %s", [victim.user_id]), cinema.rows(counted, [EMAIL])
    assert len(before[1]) == 3
    leave(cinema, zoe)
    after = cinema.rows("select * from public.users where id = %s", [victim.user_id]), cinema.rows(counted, [EMAIL])
    assert after == before
    assert cinema.value("select count(*) from private.rate_limit_hits where key = 'sign_in_from:192.0.2.7'") == 2


GOES_WITH_THE_ACCOUNT = {
    *("private.account_tokens", "private.credentials", "private.departures", "private.outbox"),
    *("private.second_factors", "private.sessions"),
}
STAYS_AS_A_FIGURE = {"public.bookings"}


def test_every_table_of_people_goes_with_the_account_or_stays_as_a_figure(cinema: CinemaFixture) -> None:
    """What refers to users `on delete cascade` is deleted; whoever adds a table decides, and says so here."""
    found = {
        row["name"]: row["cascades"]
        for row in cinema.rows(
            "select connamespace::regnamespace || '.' || relname as name, confdeltype = 'c' as cascades"
            " from pg_constraint join pg_class c on c.oid = conrelid"
            " where contype = 'f' and confrelid = 'public.users'::regclass"
        )
    }
    assert {name for name, cascades in found.items() if cascades} == GOES_WITH_THE_ACCOUNT
    assert {name for name, cascades in found.items() if not cascades} == STAYS_AS_A_FIGURE


# What is open ---------------------------------------------------------------------------------------------------------


def holding(cinema: CinemaFixture, who: Caller) -> None:
    cinema.lock(who, 0)


def pending(cinema: CinemaFixture, who: Caller) -> None:
    cinema.book(who, 0)


def paying(cinema: CinemaFixture, who: Caller) -> None:
    """The booking is over; its intent is not canceled yet."""
    cinema.start_payment(who, cinema.book(who, 0))
    cinema.advance("10 minutes")
    cinema.sweep()


def to_come(cinema: CinemaFixture, who: Caller) -> None:
    cinema.buy(who, 0)
    mail_all(cinema)


def unsent(cinema: CinemaFixture, who: Caller) -> None:
    """An email about what is over."""
    who.call("cancel_booking", booking_id=cinema.buy(who, 0)["id"])
    settle(cinema)


def of_the_account(cinema: CinemaFixture, who: Caller) -> None:
    cinema.owner.execute(
        "insert into private.outbox (kind, key, user_id, payload) values ('mail_confirmation', 'mail:x', %s, '{}')",
        [who.user_id],
    )


def refunding(cinema: CinemaFixture, who: Caller) -> None:
    who.call("cancel_booking", booking_id=cinema.buy(who, 0)["id"])
    mail_all(cinema)


def disputed(cinema: CinemaFixture, who: Caller) -> None:
    booking = cinema.book(who, 0)
    intent = cinema.start_payment(who, booking)
    cinema.pay(booking, intent)
    mail_all(cinema)
    cinema.advance("2 days")
    dispute(cinema, booking, intent, "needs_response")


def settle(cinema: CinemaFixture) -> None:
    """Stripe has returned all money and canceled what was open, and the bank has decided."""
    cinema.owner.execute("update public.refunds set status = 'succeeded' where true")
    cinema.owner.execute("update public.payments set status = 'canceled' where status = 'open'")
    cinema.owner.execute("update public.disputes set closed_at = private.now(), status = 'won' where true")


def to_the_address(cinema: CinemaFixture, _: Caller) -> None:
    """An email for whoever has the address: which account that is, is found out when it is written."""
    cinema.call_service("request_password_reset", email=EMAIL, address="192.0.2.1")


OPEN: dict[str, tuple[Callable[[CinemaFixture, Caller], None], timedelta]] = {
    "a selection that is held": (holding, timedelta(minutes=10)),
    "a booking that is pending": (pending, timedelta(minutes=10)),
    "a payment that Stripe may still take": (paying, timedelta(minutes=5)),
    "a show to come": (to_come, timedelta(days=1, minutes=110)),
    "an email that has not left": (unsent, timedelta(minutes=5)),
    "an email about the account": (of_the_account, timedelta(minutes=5)),
    "an email to the address": (to_the_address, timedelta(minutes=5)),
    "money on its way back": (refunding, timedelta(days=1)),
    "a dispute": (disputed, timedelta(days=1)),
}


@pytest.mark.parametrize("what", OPEN)
def test_who_has_something_open_is_forgotten_when_it_is_over(cinema: CinemaFixture, what: str) -> None:
    begin, lasts = OPEN[what]
    zoe = registered(cinema)
    sign_in(cinema, zoe)
    begin(cinema, zoe)
    now: datetime = cinema.value("select private.now()")
    answer = leave(cinema, zoe)
    assert answer["status"] == "scheduled"
    assert abs(datetime.fromisoformat(answer["until"]) - (now + lasts)) < timedelta(seconds=30)
    assert cinema.rows("select end_reason from private.sessions") == [{"end_reason": "account_deleted"}]
    assert cinema.call_service("rotate_session", token_hash=TOKEN, new_token_hash="b" * 64) == {"status": "refused"}

    # Nothing happens before, nor while it is not over.
    cinema.advance(str(lasts - timedelta(minutes=1)))
    keep(cinema)
    assert (is_leaving(cinema, zoe), is_forgotten(cinema, zoe)) == (True, False)
    assert cinema.value("select email from public.users where id = %s", [zoe.user_id]) == EMAIL

    cinema.advance("2 minutes")
    cinema.sweep()
    settle(cinema)
    mail_all(cinema)
    cinema.advance("1 day")
    assert keep(cinema)["forget_departed"] == 1
    assert (is_leaving(cinema, zoe), is_forgotten(cinema, zoe)) == (False, True)
    assert keep(cinema)["forget_departed"] == 0
    assert cinema.violations() == []


def test_what_takes_longer_than_thought_is_waited_for(cinema: CinemaFixture) -> None:
    zoe = registered(cinema)
    to_come(cinema, zoe)
    leave(cinema, zoe)
    cinema.owner.execute(
        "update public.showtimes set starts_at = starts_at + interval '3 hours',"
        " ends_at = ends_at + interval '3 hours', available_from = available_from + interval '3 hours'"
    )
    cinema.advance("1 day 2 hours")
    assert keep(cinema)["forget_departed"] == 0
    (row,) = mail_all(cinema)
    assert (row["kind"], row["email"]["customer"]) == (
        "mail_showtime_moved",
        {"kind": "registered", "email": EMAIL, "full_name": NAME},
    )
    cinema.advance("3 hours")
    assert keep(cinema)["forget_departed"] == 1


def test_the_ticket_still_arrives_until_all_is_over(cinema: CinemaFixture) -> None:
    zoe = registered(cinema)
    cinema.buy(zoe, 0)
    leave(cinema, zoe)
    (row,) = mail_all(cinema)
    assert row["email"]["customer"] == {"kind": "registered", "email": EMAIL, "full_name": NAME}


def test_an_email_that_was_given_up_keeps_nobody(cinema: CinemaFixture) -> None:
    zoe = registered(cinema)
    unsent(cinema, zoe)
    cinema.owner.execute(
        "update private.outbox set state = 'failed', completed_at = private.now() where kind::text like 'mail%'"
    )
    cinema.owner.execute("update private.outbox set state = 'sent', completed_at = private.now() where kind = 'refund'")
    assert leave(cinema, zoe) == {"status": "deleted"}
    assert {row["state"] for row in cinema.outbox() if row["kind"].startswith("mail")} == {"discarded"}
    assert cinema.violations() == []


def test_asking_twice_is_asking_once(cinema: CinemaFixture) -> None:
    zoe = registered(cinema)
    to_come(cinema, zoe)
    first = leave(cinema, zoe)
    requested = cinema.rows("select requested_at from private.departures")
    cinema.advance("1 hour")
    assert leave(cinema, zoe) == first
    assert cinema.rows("select requested_at from private.departures") == requested


def test_signing_in_again_ends_a_departure(cinema: CinemaFixture) -> None:
    zoe = registered(cinema)
    to_come(cinema, zoe)
    leave(cinema, zoe)
    sign_in(cinema, zoe)
    assert not is_leaving(cinema, zoe)
    cinema.advance("3 days")
    keep(cinema)
    assert zoe.call("my_account")["email"] == EMAIL


REFUSE = """
create function private.refuse() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'broken';
end
$$;
create trigger refuse before update on public.users for each row when (old.id = 'WHO')
  execute function private.refuse();
"""


def test_one_whose_forgetting_raises_keeps_no_other_from_being_forgotten(cinema: CinemaFixture) -> None:
    broken, whole = registered(cinema), registered(cinema, "other@example.com")
    for who, seat in ((broken, 0), (whole, 1)):
        cinema.lock(who, seat)
        leave(cinema, who)
    cinema.owner.execute(REFUSE.replace("WHO", str(broken.user_id)).encode())
    cinema.advance("11 minutes")
    assert keep(cinema)["forget_departed"] == 1
    assert (is_forgotten(cinema, broken), is_forgotten(cinema, whole)) == (False, True)
    assert cinema.violations() == []
    for _ in range(2):
        cinema.advance("12 hours 10 minutes")
        keep(cinema)
        cinema.sweep()
    (violation,) = cinema.violations()
    assert violation["invariant"] == "A4 somebody has left and is not forgotten"
    cinema.owner.execute("drop trigger refuse on public.users")
    cinema.advance("1 hour 1 minute")
    assert keep(cinema)["forget_departed"] == 1


# Who is forgotten stays so --------------------------------------------------------------------------------------------


def test_a_token_that_outlives_its_account_does_nothing_more(cinema: CinemaFixture) -> None:
    zoe = all_over(cinema)
    showtime = cinema.add_showtime("1 day", cinema.add_auditorium("Saal 2", 1, 5))
    session = cinema.rows("select id from private.sessions")[0]["id"]
    leave(cinema, zoe)
    for function, arguments, code in (
        ("lock_seats", {"showtime_id": showtime, "seat_ids": [1]}, "sign_in_required"),
        ("create_booking", {"showtime_id": showtime}, "lock_expired"),
        ("rename_me", {"full_name": NAME}, "unknown_user"),
        ("my_account", {}, "unknown_user"),
        ("my_data", {}, "unknown_user"),
    ):
        with pytest.raises(Refused, match=code):
            zoe.call(function, **arguments)
    with pytest.raises(Refused, match="session_ended"):
        cinema.call_service("pass_human_check", session_id=session, user_id=zoe.user_id)
    assert cinema.violations() == []


def test_a_password_that_was_looked_at_before_opens_nothing(cinema: CinemaFixture) -> None:
    zoe = registered(cinema)
    assert cinema.call_service("begin_sign_in", email=EMAIL, address="192.0.2.1")["status"] == "known"
    leave(cinema, zoe)
    with pytest.raises(Refused, match="unknown_user"):
        cinema.call_service("open_session", user_id=zoe.user_id, token_hash=TOKEN, user_agent=NAME)
    assert cinema.call_service("begin_sign_in", email=EMAIL, address="192.0.2.1") == {"status": "known", "accounts": []}


def test_the_address_is_free_again(cinema: CinemaFixture) -> None:
    leave(cinema, registered(cinema))
    again = registered(cinema)
    assert leave(cinema, again) == {"status": "deleted"}


def test_what_happens_to_old_money_is_recorded_and_mailed_to_nobody(cinema: CinemaFixture) -> None:
    zoe = all_over(cinema)
    leave(cinema, zoe)
    intent = cinema.value(
        "select p.payment_intent_id from public.payments p join public.bookings b on b.id = p.booking_id"
        " where b.status = 'confirmed'"
    )
    cinema.call_service(
        "record_refund",
        event_id="evt_late",
        event_type="refund.created",
        stripe_refund_id="re_late",
        payment_intent_id=intent,
        amount=100,
        status="succeeded",
    )
    (row,) = [row for row in cinema.outbox("mail_refund") if row["last_error"]]
    assert (row["state"], row["last_error"], row["payload"]) == ("discarded", "the customer has left", {})
    assert mail_all(cinema) == []
    assert cinema.violations() == []


def test_money_that_comes_for_who_has_left_goes_back(cinema: CinemaFixture) -> None:
    zoe = registered(cinema)
    booking = cinema.book(zoe, 0)
    intent = cinema.start_payment(zoe, booking)
    cinema.advance("11 minutes")
    cinema.sweep()
    mail_all(cinema)
    settle(cinema)
    assert leave(cinema, zoe) == {"status": "deleted"}
    outcome = cinema.pay(booking, intent)
    assert (outcome["outcome"], outcome["reason"]) == ("refund_queued", "booking_cancelled")
    assert cinema.states()[0] == "free"
    assert [row["kind"] for row in mail_all(cinema)] == ["refund"]


# Who asks -------------------------------------------------------------------------------------------------------------


def test_deleting_an_account_asks_for_its_password_and_counts_it_as_a_sign_in(cinema: CinemaFixture) -> None:
    zoe = registered(cinema)
    session = sign_in(cinema, zoe)
    asked = {"session_id": session["session_id"], "user_id": zoe.user_id, "address": "192.0.2.9"}
    answer = cinema.call_service("begin_leaving", **asked)
    assert answer == {"status": "known", "password_hash": PASSWORD_HASH}
    for _ in range(9):
        cinema.call_service("begin_leaving", **asked)
    limited = cinema.call_service("begin_leaving", **asked)
    assert (limited["status"], cinema.call_service("begin_sign_in", email=EMAIL, address="192.0.2.9")["status"]) == (
        *("limited", "limited"),
    )


def test_a_guest_needs_no_password(cinema: CinemaFixture) -> None:
    zoe = registered(cinema)
    session = sign_in(cinema, zoe)
    cinema.owner.execute("delete from private.credentials where true")
    asked = {"session_id": session["session_id"], "user_id": zoe.user_id, "address": "192.0.2.9"}
    assert cinema.call_service("begin_leaving", **asked) == {"status": "unknown"}


def test_only_a_live_session_of_their_own_may_ask(cinema: CinemaFixture) -> None:
    zoe, bob = registered(cinema), registered(cinema, "bob@example.com", "Bob")
    session = sign_in(cinema, zoe)["session_id"]
    for session_id, user_id in ((session, bob.user_id), (uuid.uuid4(), zoe.user_id)):
        with pytest.raises(Refused, match="session_ended"):
            cinema.call_service("begin_leaving", session_id=session_id, user_id=user_id, address="192.0.2.9")
    cinema.call_service("close_session", token_hash=TOKEN)
    with pytest.raises(Refused, match="session_ended"):
        cinema.call_service("begin_leaving", session_id=session, user_id=zoe.user_id, address="192.0.2.9")


@pytest.mark.parametrize("proved", [True, False])
def test_guests_with_the_address_leave_with_its_owner(cinema: CinemaFixture, proved: bool) -> None:
    """Else who they were is kept of somebody who has gone. But not with who has proved nothing: anybody who registers
    with an address would end the sessions of its owner, who buys as a guest."""
    zoe = registered(cinema)
    if proved:
        cinema.owner.execute("update public.users set email_verified_at = private.now() where id = %s", [zoe.user_id])
    over, open_, other = cinema.guest(EMAIL, NAME), cinema.guest(EMAIL, NAME), cinema.guest("other@example.com")
    pending(cinema, open_)
    mail_all(cinema)
    assert leave(cinema, zoe) == {"status": "deleted"}
    assert (is_forgotten(cinema, over), is_leaving(cinema, over)) == (proved, False)
    assert (is_forgotten(cinema, open_), is_leaving(cinema, open_)) == (False, proved)
    assert (is_forgotten(cinema, other), is_leaving(cinema, other)) == (False, False)
    living = "select count(*) from private.sessions where ended_at is null"
    assert cinema.value(living) == (1 if proved else 3)
    assert cinema.violations() == []


def test_an_operator_has_everybody_with_an_address_forgotten(cinema: CinemaFixture) -> None:
    """A person who bought as a guest, and again with an account."""
    account = registered(cinema)
    guest = cinema.guest(EMAIL, "Z. Quintessa")
    to_come(cinema, account)
    left = {each["user_id"]: each["status"] for each in cinema.call_service("forget_user", who=f" {EMAIL.upper()}")}
    assert left == {str(account.user_id): "scheduled", str(guest.user_id): "deleted"}


def test_an_operator_names_somebody_by_their_id(cinema: CinemaFixture) -> None:
    """As after a restore, when nothing but the id is known of who was forgotten since the backup."""
    zoe = registered(cinema)
    for _ in range(2):
        assert cinema.call_service("forget_user", who=str(zoe.user_id)) == [
            {"user_id": str(zoe.user_id), "status": "deleted"}
        ]
    for who in (EMAIL, str(uuid.uuid4()), "", None):
        with pytest.raises(Refused, match="PT404 unknown_user"):
            cinema.call_service("forget_user", who=who)
