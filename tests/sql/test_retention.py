"""Retention: what is old goes when private.settings says so, what is open stays, and the audit log goes by months."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
import pytest

from tests.cinema import Caller, CinemaFixture, Json


def keep(cinema: CinemaFixture, max_rows: int = 2000) -> Json:
    """What the worker does every ten minutes."""
    answer = cinema.call_service("keep_retention", max_rows=max_rows)
    return {**answer["done"], "more": answer["more"]}


def mail_all(cinema: CinemaFixture) -> None:
    cinema.owner.execute(
        "update private.outbox set state = 'sent', completed_at = private.now() where state = 'queued'"
    )


def months(cinema: CinemaFixture) -> list[str]:
    return [
        row["name"]
        for row in cinema.rows(
            "select inhrelid::regclass::text as name from pg_inherits"
            " where inhparent = 'private.booking_log'::regclass order by 1"
        )
    ]


def month(cinema: CinemaFixture, ahead: int) -> str:
    """The name of the partition of a month, so many months from now."""
    return cinema.value(
        "select 'private.booking_log_' || to_char(date_trunc('month', private.now() at time zone 'UTC')"
        " + make_interval(months => %s), 'YYYY_MM')",
        [ahead],
    )


# What is deleted ------------------------------------------------------------------------------------------------------


def test_a_session_goes_thirty_days_after_its_end_with_its_tokens(cinema: CinemaFixture) -> None:
    user_id = cinema.customer().user_id
    for token in ("a" * 64, "b" * 64):
        cinema.call_service("open_session", user_id=user_id, token_hash=token)
    cinema.call_service("close_session", token_hash="a" * 64)
    for days, left in ((29, 2), (2, 1), (28, 1), (2, 0)):
        cinema.advance(f"{days} days")
        keep(cinema)
        assert cinema.value("select count(*) from private.sessions") == left
        assert cinema.value("select count(*) from private.refresh_tokens") == left
    assert cinema.value("select count(*) from public.users") == 1


def test_a_guest_who_booked_nothing_goes_with_the_last_session(cinema: CinemaFixture) -> None:
    browsed, bought, back = cinema.guest(), cinema.guest(), cinema.guest()
    for who in (browsed, bought):
        cinema.owner.execute("select private.end_sessions(%s, 'signed_out')", [who.user_id])
    cinema.book(bought, 0)
    cinema.advance("31 days")  # a session lasts thirty, and is kept as long
    assert keep(cinema)["delete_old_guests"] == 1
    assert {row["id"] for row in cinema.rows("select id from public.users")} == {
        uuid.UUID(str(who.user_id)) for who in (bought, back)
    }


def test_a_guest_is_forgotten_thirteen_months_after_the_show_and_the_figures_stay(cinema: CinemaFixture) -> None:
    """A guest has no account to delete: else name and address of everybody who ever bought are there for a thief."""
    cinema.freeze()
    guest = cinema.guest("grace@example.com", "Grace")
    booking = cinema.buy(guest, 0)
    cinema.call_service("add_ticket_link", booking_id=booking["id"], key_hash="a" * 64)
    mail_all(cinema)
    figures = "select id, user_id, total, status, confirmed_at from public.bookings"
    before = cinema.rows(figures)
    cinema.advance("13 months 1 hour")  # the show was a day after the guest came
    assert keep(cinema)["forget_old_guests"] == 0
    assert cinema.value("select email from public.users") == "grace@example.com"
    cinema.advance("5 days")
    assert keep(cinema)["forget_old_guests"] == 1
    (user,) = cinema.rows("select email, full_name, forgotten_at is not null as is_forgotten from public.users")
    assert user == {"email": None, "full_name": "Former customer", "is_forgotten": True}
    assert cinema.value("select count(*) from private.ticket_links") == 0
    assert cinema.rows(figures) == before
    assert cinema.violations() == []
    assert keep(cinema)["forget_old_guests"] == 0


def has_an_account(cinema: CinemaFixture, guest: Caller) -> None:
    cinema.owner.execute("update public.users set kind = 'registered' where id = %s", [guest.user_id])


def is_here_again(cinema: CinemaFixture, guest: Caller) -> None:
    cinema.owner.execute(
        "select private.begin_session(%s, %s, null, 'aal1', private.now())", [guest.user_id, uuid.uuid4().hex * 2]
    )


def waits_for_an_email(cinema: CinemaFixture, guest: Caller) -> None:
    cinema.owner.execute(
        "insert into private.outbox (kind, key, user_id, payload)"
        " values ('mail_confirmation', 'mail:' || gen_random_uuid(), %s, '{}')",
        [guest.user_id],
    )


def buys_again(cinema: CinemaFixture, guest: Caller) -> None:
    cinema.showtime_id = cinema.add_showtime("1 day")
    cinema.buy(guest, 0)


@pytest.mark.parametrize("but", [has_an_account, is_here_again, waits_for_an_email, buys_again])
def test_nobody_is_forgotten_who_is_more_than_an_old_guest(
    cinema: CinemaFixture, but: Callable[[CinemaFixture, Caller], None]
) -> None:
    kept, old = cinema.guest("grace@example.com"), cinema.guest("old@example.com")
    for seat, who in enumerate((kept, old)):
        cinema.buy(who, seat)
    cinema.advance("14 months")
    mail_all(cinema)
    but(cinema, kept)
    assert keep(cinema)["forget_old_guests"] == 1
    assert {row["email"] for row in cinema.rows("select email from public.users")} == {"grace@example.com", None}


def test_guests_who_have_something_open_keep_no_other_from_being_forgotten(cinema: CinemaFixture) -> None:
    """Some are forgotten at once: money that never arrives, of as many guests, would be the end of it."""
    guests = [cinema.guest(f"{n}@example.com") for n in range(3)]
    for seat, guest in enumerate(guests):
        cinema.buy(guest, seat)
    mail_all(cinema)
    for guest in guests[:2]:
        waits_for_an_email(cinema, guest)
    cinema.advance("14 months")
    assert [keep(cinema, 1)["forget_old_guests"] for _ in range(2)] == [1, 0]
    left = cinema.rows("select email from public.users where forgotten_at is null order by email")
    assert left == [{"email": "0@example.com"}, {"email": "1@example.com"}]


def test_old_guests_are_forgotten_some_at_once(cinema: CinemaFixture) -> None:
    for seat in range(3):
        cinema.buy(cinema.guest(f"{seat}@example.com"), seat)
    mail_all(cinema)
    cinema.advance("14 months")
    assert [keep(cinema, 2)["forget_old_guests"] for _ in range(3)] == [2, 1, 0]


def test_emails_go_ninety_days_after_they_were_sent_and_nothing_misses_them(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    returned = cinema.buy(ada, 0)
    cinema.buy(ada, 1)
    ada.call("cancel_booking", booking_id=returned["id"])
    cinema.owner.execute("update public.refunds set status = 'succeeded', stripe_refund_id = 're_1' where true")
    mail_all(cinema)
    cinema.advance("89 days")
    assert keep(cinema)["delete_old_outbox"] == 0
    cinema.advance("2 days")
    assert keep(cinema)["delete_old_outbox"] == 4
    assert cinema.outbox() == []
    assert cinema.violations() == []


def test_all_of_a_booking_goes_together(cinema: CinemaFixture) -> None:
    """A ticket that is sent again keeps the first email about it, whose key says that it was sent."""
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    mail_all(cinema)
    cinema.advance("80 days")
    ada.call("send_ticket_again", booking_id=booking["id"])
    mail_all(cinema)
    cinema.advance("20 days")
    assert keep(cinema)["delete_old_outbox"] == 0
    cinema.advance("71 days")
    assert keep(cinema)["delete_old_outbox"] == 2


@pytest.mark.parametrize(
    "still_open",
    [
        "update private.outbox set state = 'queued', completed_at = null where kind = 'mail_refund'",
        "update private.outbox set state = 'failed' where kind = 'mail_refund'",
        "update public.refunds set status = 'pending', stripe_refund_id = 're_1' where true",
    ],
)
def test_what_is_open_keeps_its_emails(cinema: CinemaFixture, still_open: str) -> None:
    ada = cinema.customer()
    ada.call("cancel_booking", booking_id=cinema.buy(ada, 0)["id"])
    cinema.owner.execute("update public.refunds set status = 'succeeded', stripe_refund_id = 're_1' where true")
    mail_all(cinema)
    cinema.owner.execute(still_open.encode())
    cinema.advance("200 days")
    assert keep(cinema)["delete_old_outbox"] == 0
    assert len(cinema.outbox()) == 3


def test_an_event_that_comes_again_after_thirteen_months_is_new(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    intent = cinema.start_payment(ada, booking)
    cinema.pay(booking, intent, event_id="evt_1")
    cinema.advance("390 days")
    assert keep(cinema)["delete_old_events"] == 0
    assert cinema.pay(booking, intent, event_id="evt_1")["outcome"] == "duplicate"
    cinema.advance("10 days")
    assert keep(cinema)["delete_old_events"] == 1
    assert cinema.pay(booking, intent, event_id="evt_1")["outcome"] == "already_settled"


def test_who_held_a_seat_is_known_for_thirteen_months(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.buy(ada, 0)
    cinema.lock(ada, 1)
    cinema.advance("3 days")
    cinema.sweep()
    assert cinema.value("select count(*) from private.seat_lock_history") == 2
    cinema.advance("390 days")
    assert keep(cinema)["delete_old_holds"] == 0
    cinema.advance("10 days")
    assert keep(cinema)["delete_old_holds"] == 2
    assert cinema.violations() == []
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        cinema.owner.execute("delete from private.seat_lock_history where true")


def test_what_listings_were_told_goes_after_the_show(cinema: CinemaFixture) -> None:
    cinema.lock(cinema.customer(), 0)
    cinema.sweep()
    assert cinema.value("select count(*) from private.availability_broadcasts") == 1
    cinema.advance("30 days")
    assert keep(cinema)["delete_old_broadcasts"] == 0
    cinema.advance("2 days")
    assert keep(cinema)["delete_old_broadcasts"] == 1


STEPS: dict[str, str] = {
    "sessions_kept": "delete_old_sessions",
    "outbox_kept": "delete_old_outbox",
    "availability_kept": "delete_old_broadcasts",
    "stripe_events_kept": "delete_old_events",
    "seat_lock_history_kept": "delete_old_holds",
    "guests_kept": "forget_old_guests",
}


@pytest.mark.parametrize("setting", STEPS)
def test_without_a_limit_it_is_kept_for_good(cinema: CinemaFixture, setting: str) -> None:
    ada = cinema.customer()
    cinema.call_service("open_session", user_id=ada.user_id, token_hash="a" * 64)
    cinema.buy(ada, 0)
    cinema.buy(cinema.guest("grace@example.com"), 1)
    mail_all(cinema)
    cinema.sweep()
    cinema.advance("3 days")
    cinema.sweep()
    cinema.owner.execute(f"update private.settings set {setting} = null where true".encode())
    cinema.advance("9 years")
    done = keep(cinema)
    assert {step for step in STEPS.values() if not done[step]} == {STEPS[setting]}
    assert cinema.violations() == []


@pytest.mark.parametrize(
    "too_short",
    [
        *("sessions_kept = '0'", "outbox_kept = '29 days'", "seat_lock_history_kept = '59 days'"),
        "guests_kept = '59 days'",
    ],
)
def test_what_is_still_asked_about_is_kept(cinema: CinemaFixture, too_short: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="what_is_kept_lasts_a_while"):
        cinema.owner.execute(f"update private.settings set {too_short} where true".encode())


def test_it_deletes_so_much_at_once_and_says_that_there_is_more(cinema: CinemaFixture) -> None:
    user_id = cinema.customer().user_id
    for letter in "abcde":
        cinema.call_service("open_session", user_id=user_id, token_hash=letter * 64)
    cinema.advance("61 days")
    done = [keep(cinema, 2) for _ in range(3)]
    assert [(each["delete_old_sessions"], each["more"]) for each in done] == [(2, True), (2, True), (1, False)]


def test_a_step_that_raises_stops_no_other_and_is_named(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    cinema.call_service("open_session", user_id=ada.user_id, token_hash="a" * 64)
    cinema.buy(ada, 0)
    cinema.owner.execute(
        "create or replace function private.delete_old_events(p_until timestamptz, p_max_rows integer)"
        " returns integer language plpgsql set search_path = '' as $$ begin raise exception 'broken'; end $$"
    )
    cinema.advance("14 months")
    done = keep(cinema)
    assert (done["delete_old_sessions"], done.get("delete_old_events")) == (1, None)
    (failure,) = cinema.rows("select step, message from private.sweep_failures")
    assert failure == {"step": "delete_old_events", "message": "broken"}


def test_metrics_say_when_it_was_last_kept(cinema: CinemaFixture) -> None:
    keep(cinema)
    cinema.advance("1 hour")
    assert abs(cinema.call_service("operational_metrics")["retention_seconds_ago"] - 3600) < 60


# The months of the audit log ------------------------------------------------------------------------------------------


def test_months_are_added_ahead(cinema: CinemaFixture) -> None:
    expected = ["private.booking_log_default", *(month(cinema, ahead) for ahead in range(4))]
    assert months(cinema) == sorted(expected)
    assert keep(cinema)["add_log_months"] == 0
    cinema.advance("31 days")
    assert keep(cinema)["add_log_months"] == 1
    assert month(cinema, 3) in months(cinema)


def test_a_change_stands_in_its_month(cinema: CinemaFixture) -> None:
    cinema.book(cinema.customer(), 0)
    assert cinema.rows("select tableoid::regclass::text as name from private.booking_log") == [
        {"name": month(cinema, 0)}
    ]


def test_nothing_is_refused_when_nobody_added_a_month_and_it_is_put_right(cinema: CinemaFixture) -> None:
    cinema.advance("300 days")
    cinema.showtime_id = cinema.add_showtime("1 day")
    ada = cinema.customer()
    booking = cinema.buy(ada, 0)
    log = "select * from private.booking_log order by id"
    before = cinema.rows(log)
    assert before
    assert cinema.value("select count(*) from private.booking_log_default") == len(before)
    assert keep(cinema)["add_log_months"] == 4
    assert cinema.value("select count(*) from private.booking_log_default") == 0
    assert cinema.rows(log) == before
    ada.call("cancel_booking", booking_id=booking["id"])
    assert len(cinema.rows(log)) > len(before)
    assert cinema.violations() == []


def test_a_month_goes_ten_years_after_its_end_and_what_is_left_still_works(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    mail_all(cinema)
    old = month(cinema, 0)
    end: datetime = cinema.value(
        "select date_trunc('month', private.now() at time zone 'UTC') + interval '10 years 1 month'"
    )
    now: datetime = cinema.value("select private.now() at time zone 'UTC'")
    cinema.advance(str(end - now - timedelta(minutes=5)))
    assert keep(cinema)["drop_log_months"] == 0
    cinema.advance("10 minutes")
    assert keep(cinema)["drop_log_months"] == 1
    assert old not in months(cinema)
    assert cinema.value("select to_regclass(%s)", [old]) is None
    assert cinema.call_service("booking_history", booking_id=booking["id"]) is None
    cinema.showtime_id = cinema.add_showtime("1 day")
    cinema.buy(cinema.customer("Bob"), 0)
    assert cinema.violations() == []


def test_a_log_without_a_limit_loses_no_month(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update private.settings set booking_log_kept = null where true")
    cinema.advance("30 years")
    assert not keep(cinema)["drop_log_months"]


@pytest.mark.parametrize("partition", ["default", "month"])
@pytest.mark.parametrize("statement", ["update {} set status = ''", "delete from {}", "truncate {}"])
def test_no_month_is_changed_by_itself(cinema: CinemaFixture, partition: str, statement: str) -> None:
    cinema.book(cinema.customer(), 0)
    name = "private.booking_log_default" if partition == "default" else month(cinema, 0)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="is only added to"):
        cinema.owner.execute(statement.format(name).encode())


def test_a_month_is_made_as_the_table_is(cinema: CinemaFixture) -> None:
    """Keys, indexes, checks and row security: nothing of it is the parent's alone."""
    described = """
        select array(select pg_get_constraintdef(c.oid) from pg_constraint c where conrelid = t.oid order by 1) as keys,
               (select count(*) from pg_index i where i.indrelid = t.oid) as indexes,
               array(select g.tgname from pg_trigger g where g.tgrelid = t.oid order by 1) as triggers,
               t.relrowsecurity as row_security
        from pg_class t where t.oid = %s::regclass"""
    whole = cinema.rows(described, ["private.booking_log"])
    keep(cinema)
    for name in months(cinema):
        assert cinema.rows(described, [name]) == whole
