"""A showtime that is moved although it is sold: who is told, who may cancel, and what is written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.errors import CheckViolation, ExclusionViolation, ObjectNotInPrerequisiteState

from tests.cinema import Caller, CinemaFixture, Json, Refused

Write = Callable[..., list[Json]]

MOVE = """update public.showtimes set starts_at = starts_at + %(by)s::interval, ends_at = ends_at + %(by)s::interval,
          available_from = available_from + %(by)s::interval where id = %(id)s"""
LONGER = "update public.showtimes set ends_at = ends_at + interval '5 minutes' where id = %(id)s"


@pytest.fixture(params=["postgres", "service_role"])
def write(cinema: CinemaFixture, request: pytest.FixtureRequest) -> Write:
    """Runs a statement as the owner, then as the secret key."""
    return cinema.caller(request.param).query


def move(cinema: CinemaFixture, by: str) -> None:
    cinema.owner.execute(MOVE, {"by": by, "id": cinema.showtime_id})


def start(cinema: CinemaFixture) -> datetime:
    return cinema.value("select starts_at from public.showtimes where id = %s", [cinema.showtime_id])


def emails(cinema: CinemaFixture) -> list[tuple[int, timedelta, str]]:
    """Revision, how much later it starts, and state of each email about a move."""
    return [
        (
            row["payload"]["revision"],
            datetime.fromisoformat(row["payload"]["to"]) - datetime.fromisoformat(row["payload"]["from"]),
            row["state"],
        )
        for row in cinema.outbox("mail_showtime_moved")
    ]


def notice(cinema: CinemaFixture, booking: Json) -> timedelta | None:
    """How long before the start a booking can no longer be cancelled."""
    return cinema.value(
        "select t.starts_at - private.cancellable_until(b) from public.bookings b"
        " join public.showtimes t on t.id = b.showtime_id where b.id = %s",
        [booking["id"]],
    )


def moved_from(cinema: CinemaFixture, booking: Json) -> datetime | None:
    return cinema.value("select private.moved_from(b) from public.bookings b where b.id = %s", [booking["id"]])


def staff(cinema: CinemaFixture) -> Caller:
    who = cinema.customer("Grace")
    who.claims["app_metadata"] = {"role": "staff"}
    return who


# Who is told ---------------------------------------------------------------------------------------------------------


def test_each_confirmed_booking_has_an_email_with_both_times(cinema: CinemaFixture, write: Write) -> None:
    ada, bob = cinema.buy(cinema.customer(), 0, 1), cinema.buy(cinema.customer("Bob"), 2)
    before = start(cinema)
    write(MOVE, {"by": "3 days", "id": cinema.showtime_id})
    rows = cinema.outbox("mail_showtime_moved")
    assert {row["key"] for row in rows} == {f"mail:showtime_moved:{b['id']}:1" for b in (ada, bob)}
    for row in rows:
        assert row["payload"]["revision"] == 1
        assert datetime.fromisoformat(row["payload"]["from"]) == before
        assert datetime.fromisoformat(row["payload"]["to"]) == before + timedelta(days=3)
        assert row["payload"]["to"].endswith("+00:00")
    assert cinema.violations() == []


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Asia/Kolkata"])
def test_times_are_utc_whatever_zone_the_owner_works_in(cinema: CinemaFixture, zone: str) -> None:
    cinema.buy(cinema.customer(), 0)
    cinema.owner.execute("select set_config('timezone', %s, false)", [zone])
    move(cinema, "1 hour")
    (row,) = cinema.outbox("mail_showtime_moved")
    sent = cinema.events("showtime:update")[-1]["payload"]
    for text in (row["payload"]["from"], row["payload"]["to"], sent["starts_at"], sent["ends_at"]):
        assert text.endswith("+00:00")


def test_the_worker_is_given_the_time_as_it_is(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    before = start(cinema)
    move(cinema, "1 hour")
    (row,) = cinema.call_service("claim_outbox", kinds=["mail_showtime_moved"])
    assert (row["booking_id"], row["email"]["showtime"]["revision"]) == (booking["id"], 1)
    assert datetime.fromisoformat(row["email"]["showtime"]["starts_at"]) == before + timedelta(hours=1)
    assert datetime.fromisoformat(row["email"]["moved_from"]) == before
    assert row["email"]["was_confirmed"] is True
    assert cinema.call_service("complete_outbox", id=row["id"], attempt=1)
    assert cinema.call_service("claim_outbox", kinds=["mail_showtime_moved"]) == []


@pytest.mark.parametrize("end", ["cancelled", "expired", "pending", "only held"])
def test_who_has_no_ticket_has_no_email(cinema: CinemaFixture, end: str) -> None:
    ada = cinema.customer()
    if end == "cancelled":
        ada.call("cancel_booking", booking_id=cinema.buy(ada, 0)["id"])
    elif end == "only held":
        cinema.lock(ada, 0)
    else:
        cinema.book(ada, 0)
    if end == "expired":
        cinema.advance("11 minutes")
        cinema.sweep()
    move(cinema, "1 hour")
    assert emails(cinema) == []
    assert cinema.violations() == []


def test_other_showtimes_have_no_email(cinema: CinemaFixture) -> None:
    spare = cinema.add_showtime("5 days")
    booking = cinema.buy(cinema.customer(), 0)
    cinema.owner.execute(MOVE, {"by": "1 hour", "id": spare})
    assert (emails(cinema), moved_from(cinema, booking), notice(cinema, booking)) == ([], None, timedelta(hours=2))


@pytest.mark.parametrize("statement", ["end", "clean", "nothing"])
def test_a_start_that_stays_is_no_move(cinema: CinemaFixture, write: Write, statement: str) -> None:
    """A later end is a revision, for calendars, and is broadcast."""
    booking = cinema.buy(cinema.customer(), 0)
    sent = len(cinema.events("showtime:update"))
    write(
        {
            "end": LONGER,
            "clean": "update public.showtimes set available_from = available_from + interval '1 minute'"
            " where id = %(id)s",
            "nothing": "update public.showtimes set starts_at = starts_at where id = %(id)s",
        }[statement],
        {"id": cinema.showtime_id},
    )
    assert (emails(cinema), moved_from(cinema, booking), notice(cinema, booking)) == ([], None, timedelta(hours=2))
    assert cinema.value("select revision from public.showtimes") == (statement == "end")
    assert len(cinema.events("showtime:update")) - sent == (2 if statement == "end" else 0)
    assert cinema.violations() == []


def test_a_move_is_broadcast_once_to_each_topic(cinema: CinemaFixture, write: Write) -> None:
    cinema.book(cinema.customer(), 0)
    write(MOVE, {"by": "90 minutes", "id": cinema.showtime_id})
    sent = cinema.events("showtime:update")
    assert {row["topic"] for row in sent} == {f"showtime:{cinema.showtime_id}", f"movie:{cinema.movie_id}"}
    assert len(sent) == 2
    for row in sent:
        times = [datetime.fromisoformat(row["payload"].pop(name)) for name in ("starts_at", "ends_at")]
        assert times == [start(cinema), start(cinema) + timedelta(minutes=110)]
        assert row["payload"] == {
            "showtime_id": cinema.showtime_id,
            "seats_left": 49,
            "status": "scheduled",
            "revision": 1,
        }


def test_a_move_that_is_refused_leaves_nothing(cinema: CinemaFixture, write: Write) -> None:
    """The auditorium is taken by then."""
    cinema.add_showtime("1 day 3 hours")
    booking = cinema.buy(cinema.customer(), 0)
    with pytest.raises(ExclusionViolation, match="one_film_at_a_time"):
        write(MOVE, {"by": "2 hours", "id": cinema.showtime_id})
    assert (emails(cinema), moved_from(cinema, booking)) == ([], None)
    assert cinema.rows("select from private.showtime_revisions") == []
    assert cinema.events("showtime:update") == []
    assert cinema.violations() == []


# Several moves -------------------------------------------------------------------------------------------------------


def test_a_move_that_was_told_is_followed_by_the_next(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0)
    move(cinema, "1 hour")
    (row,) = cinema.call_service("claim_outbox", kinds=["mail_showtime_moved"])
    cinema.call_service("complete_outbox", id=row["id"], attempt=1)
    move(cinema, "2 hours")
    assert emails(cinema) == [(1, timedelta(hours=1), "sent"), (2, timedelta(hours=2), "queued")]
    assert cinema.violations() == []


@pytest.mark.transition("outbox.superseded")
@pytest.mark.parametrize("how", ["waits", "was tried", "was given up"])
def test_an_email_that_has_not_left_is_superseded(cinema: CinemaFixture, how: str) -> None:
    """The customer is told once, from the time that they know to the last one."""
    cinema.buy(cinema.customer(), 0)
    move(cinema, "1 hour")
    if how != "waits":
        (row,) = cinema.call_service("claim_outbox", kinds=["mail_showtime_moved"])
        if how == "was given up":
            cinema.owner.execute("update private.outbox set created_at = created_at - interval '4 days'")
        cinema.call_service("complete_outbox", id=row["id"], attempt=1, error="no")
    move(cinema, "2 hours")
    move(cinema, "4 hours")
    assert emails(cinema) == [
        (1, timedelta(hours=1), "discarded"),
        (2, timedelta(hours=3), "discarded"),
        (3, timedelta(hours=7), "queued"),
    ]
    first = cinema.outbox("mail_showtime_moved")[0]
    assert first["last_error"] == "superseded: the showtime was moved again"
    assert cinema.violations() == []


def test_an_email_in_hand_may_leave_and_does_not_come_again(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0)
    move(cinema, "1 hour")
    (row,) = cinema.call_service("claim_outbox", kinds=["mail_showtime_moved"])
    move(cinema, "2 hours")
    assert emails(cinema) == [(1, timedelta(hours=1), "discarded"), (2, timedelta(hours=2), "queued")]
    assert cinema.call_service("complete_outbox", id=row["id"], attempt=1, error="no") is False
    cinema.advance("1 hour")
    (next_row,) = cinema.call_service("claim_outbox", kinds=["mail_showtime_moved"])
    assert next_row["payload"]["revision"] == 2


def test_moved_back_before_anybody_was_told_is_told_to_nobody(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    move(cinema, "1 hour")
    move(cinema, "-1 hour")
    assert emails(cinema) == [(1, timedelta(hours=1), "discarded"), (2, timedelta(0), "discarded")]
    last = cinema.outbox("mail_showtime_moved")[-1]
    assert last["last_error"] == "the showtime was moved back before the customer was told"
    assert moved_from(cinema, booking) == start(cinema)
    assert notice(cinema, booking) == timedelta(0)
    assert cinema.violations() == []


def test_moved_back_once_it_was_told_is_told_as_well(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0)
    move(cinema, "1 hour")
    (row,) = cinema.call_service("claim_outbox", kinds=["mail_showtime_moved"])
    cinema.call_service("complete_outbox", id=row["id"], attempt=1)
    move(cinema, "-1 hour")
    assert emails(cinema) == [(1, timedelta(hours=1), "sent"), (2, timedelta(hours=-1), "queued")]
    assert cinema.violations() == []


# Who may cancel ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["3 days", "-22 hours -30 minutes", "15 minutes"])
def test_who_booked_before_a_move_may_cancel_until_the_new_start(cinema: CinemaFixture, by: str) -> None:
    """Into the notice, too: -22:30 leaves an hour and a half."""
    cinema.freeze()
    ada, bob = cinema.customer(), cinema.customer("Bob")
    first, second = cinema.buy(ada, 0), cinema.buy(bob, 1)
    move(cinema, by)
    assert notice(cinema, first) == timedelta(0)
    cinema.owner.execute("update private.test_clock set fixed = t.starts_at from public.showtimes t")
    assert ada.call("cancel_booking", booking_id=first["id"])["status"] == "cancelled"
    assert len(cinema.outbox("mail_refund")) == 1
    cinema.advance("1 microsecond")
    with pytest.raises(Refused, match="not_cancellable"):
        bob.call("cancel_booking", booking_id=second["id"])
    assert cinema.violations() == []


def test_who_books_after_the_last_move_has_the_ordinary_notice(cinema: CinemaFixture) -> None:
    cinema.buy(cinema.customer(), 0)
    move(cinema, "1 hour")
    bob = cinema.customer("Bob")
    booking = cinema.buy(bob, 1)
    assert (notice(cinema, booking), moved_from(cinema, booking)) == (timedelta(hours=2), None)
    cinema.advance("23 hours 30 minutes")
    with pytest.raises(Refused, match="not_cancellable"):
        bob.call("cancel_booking", booking_id=booking["id"])
    assert len(emails(cinema)) == 1
    move(cinema, "1 hour")
    assert notice(cinema, booking) == timedelta(0)
    assert bob.call("cancel_booking", booking_id=booking["id"])["status"] == "cancelled"
    assert cinema.violations() == []


def test_who_pays_during_a_move_has_booked_by_the_earlier_time(cinema: CinemaFixture) -> None:
    """The ticket's email says that it was moved, so it needs none of its own."""
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    intent = cinema.start_payment(ada, booking)
    before = start(cinema)
    move(cinema, "1 hour")
    assert moved_from(cinema, booking) == before
    assert ada.call("create_booking", showtime_id=cinema.showtime_id)["id"] == booking["id"]
    assert cinema.pay(booking, intent)["outcome"] == "confirmed"
    assert (emails(cinema), notice(cinema, booking)) == ([], timedelta(0))
    (row,) = cinema.call_service("claim_outbox", kinds=["mail_confirmation"])
    assert datetime.fromisoformat(row["email"]["moved_from"]) == before
    assert cinema.violations() == []


def test_who_pays_late_across_a_move_has_booked_by_the_earlier_time(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.book(ada, 0)
    intent = cinema.start_payment(ada, booking)
    cinema.advance("11 minutes")
    cinema.sweep()
    before = start(cinema)
    move(cinema, "1 hour")
    assert cinema.pay(booking, intent)["outcome"] == "confirmed"
    assert (notice(cinema, booking), moved_from(cinema, booking)) == (timedelta(0), before)
    move(cinema, "1 hour")
    assert emails(cinema) == [(2, timedelta(hours=1), "queued")]
    assert cinema.violations() == []


def test_a_cancelled_showtime_can_be_left_at_any_time_moved_or_not(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    move(cinema, "1 hour")
    cinema.owner.execute("update public.showtimes set status = 'cancelled'")
    assert cinema.value("select private.cancellable_until(b)::text from public.bookings b") == "infinity"
    assert cinema.status(booking) == "confirmed"


def test_a_cancelled_showtime_keeps_its_time_until_everybody_is_refunded(cinema: CinemaFixture, write: Write) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    write("update public.showtimes set status = 'cancelled'")
    for statement in (
        MOVE,
        "update public.showtimes set starts_at = starts_at - interval '1 minute' where id = %(id)s",
    ):
        with pytest.raises(CheckViolation, match="are being refunded") as refused:
            write(statement, {"by": "1 hour", "id": cinema.showtime_id})
        assert refused.value.diag.constraint_name == "cancelled_showtimes_keep_their_time"
    write("update public.showtimes set status = 'scheduled', starts_at = starts_at - interval '1 hour'")
    assert emails(cinema) == [(1, timedelta(hours=-1), "queued")]
    with pytest.raises(CheckViolation, match="are being refunded"):
        write("update public.showtimes set status = 'cancelled', starts_at = starts_at + interval '1 minute'")
    write("update public.showtimes set status = 'cancelled'")
    cinema.sweep()
    assert cinema.status(booking) == "cancelled"
    write(MOVE, {"by": "1 hour", "id": cinema.showtime_id})
    assert len(emails(cinema)) == 1
    assert cinema.violations() == []


# Tickets and the record ----------------------------------------------------------------------------------------------


def test_a_moved_booking_keeps_its_seats_and_its_payment(cinema: CinemaFixture) -> None:
    ada = cinema.customer()
    booking = cinema.buy(ada, 0, 1)
    move(cinema, "3 days")
    assert cinema.status(booking) == "confirmed"
    assert cinema.states(ada)[:3] == ["mine", "mine", "free"]
    cinema.advance("4 days 1 hour")
    cinema.sweep()
    assert cinema.violations() == []
    cinema.advance("1 day 1 hour")
    cinema.sweep()
    assert cinema.value("select count(*) from private.seat_lock_history where end_reason = 'shown'") == 2
    assert cinema.violations() == []


def test_each_revision_is_recorded_with_who_made_it(cinema: CinemaFixture) -> None:
    before = start(cinema)
    cinema.caller("service_role").query(MOVE, {"by": "1 hour", "id": cinema.showtime_id})
    cinema.owner.execute(LONGER, {"id": cinema.showtime_id})
    cinema.owner.execute(
        "update public.showtimes set auditorium_id = %s where id = %s",
        [(elsewhere := cinema.add_auditorium("Saal 2", 1, 1)), cinema.showtime_id],
    )
    rows = cinema.rows("select * from private.showtime_revisions order by revision")
    assert [row["revision"] for row in rows] == [1, 2, 3]
    assert rows[0]["actor"] == "service_role"
    assert (rows[0]["old_starts_at"], rows[0]["starts_at"]) == (before, before + timedelta(hours=1))
    assert rows[1]["ends_at"] - rows[1]["old_ends_at"] == timedelta(minutes=5)
    assert (rows[2]["old_auditorium_id"], rows[2]["auditorium_id"]) == (cinema.auditorium_id, elsewhere)
    for statement in (
        "update private.showtime_revisions set revision = 9",
        "delete from private.showtime_revisions",
        "truncate private.showtime_revisions",
    ):
        with pytest.raises(ObjectNotInPrerequisiteState):
            cinema.owner.execute(statement.encode())
    cinema.owner.execute("delete from public.showtimes where id = %s", [cinema.showtime_id])
    assert cinema.violations() == []


def test_the_history_of_a_booking_names_the_moves_since_it_was_booked(cinema: CinemaFixture) -> None:
    move(cinema, "1 hour")
    booking = cinema.buy(cinema.customer(), 0)
    move(cinema, "1 hour")
    cinema.owner.execute(LONGER, {"id": cinema.showtime_id})
    history: list[Any] = staff(cinema).call("booking_history", booking_id=booking["id"])
    assert [(row["entity"], row["status"]) for row in history][-3:] == [
        ("payment", "succeeded"),
        ("showtime", "moved"),
        ("showtime", "changed"),
    ]
    moved = history[-2]
    assert moved["row_data"]["revision"] == 2
    assert datetime.fromisoformat(moved["row_data"]["starts_at"]) == start(cinema)
    assert moved["actor"] is not None


def test_a_move_without_its_email_is_a_violation(cinema: CinemaFixture) -> None:
    booking = cinema.buy(cinema.customer(), 0)
    move(cinema, "1 hour")
    cinema.owner.execute("delete from private.outbox where kind = 'mail_showtime_moved'")
    assert cinema.violations() == [
        {"invariant": "A2 a move has no mail", "violation": {"booking_id": booking["id"], "revision": 1}}
    ]


@pytest.mark.parametrize("which", [1, 2])
def test_a_revision_without_its_record_is_a_violation(cinema: CinemaFixture, which: int) -> None:
    for _ in range(3):
        move(cinema, "1 hour")
    cinema.owner.execute("alter table private.showtime_revisions disable trigger rows_are_only_added")
    cinema.owner.execute("delete from private.showtime_revisions where revision = %s", [which + 1])
    assert cinema.violations() == [
        {
            "invariant": "A2 a change of a showtime is not recorded",
            "violation": {"showtime_id": cinema.showtime_id, "revision": 3},
        }
    ]
