"""sql/platform/invariants.sql names every violation: each is forged once, by the superuser and past all constraints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import psycopg
import pytest

from dev.postgres import ADMIN, Cluster
from tests.cinema import INVARIANTS, CinemaFixture, Json

Forge = Callable[[str], None]


def moved(revision: int) -> str:
    """The record of a move just now."""
    return f"""insert into private.showtime_revisions (
                 showtime_id, revision, at, old_auditorium_id, old_starts_at, old_ends_at, auditorium_id, starts_at,
                 ends_at)
               select id, {revision}, private.now(), auditorium_id, starts_at - interval '1 hour', ends_at,
                      auditorium_id, starts_at, ends_at from public.showtimes"""


FORGERIES: dict[str, list[str]] = {
    "I1 a seat is held twice": [
        """alter table public.seat_locks drop constraint one_holder_at_a_time;
           insert into public.seat_locks (showtime_id, id, seat_id, user_id, held)
           select showtime_id, id + 1000000, seat_id, user_id, tstzrange(lower(held) + interval '1 second', upper(held))
           from public.seat_locks where booking_id is null""",
        # Against the history too.
        """insert into private.seat_lock_history (showtime_id, id, seat_id, user_id, held, end_reason)
           select showtime_id, id + 1000, seat_id, user_id, tstzrange(null, lower(held) + interval '1 second'),
                  'released'
           from public.seat_locks where booking_id is null""",
    ],
    "I1 the id of a lock is not its beginning": ["update public.seat_locks set id = id + 1 where booking_id is null"],
    "I1 a seat is sold twice": [
        """drop index public.a_seat_is_sold_once;
           insert into public.booking_seats
           select b.showtime_id, b.id, s.seat_id, s.row_label, s.number, s.kind, s.price, s.sold_at
           from public.booking_seats s, public.bookings b where s.sold_at is not null and s.released_at is null
             and b.status = 'cancelled'""",
    ],
    "I2 a confirmed booking is not paid": [
        """update public.payments p
           set status = 'open', amount_received = null, currency_received = null, paid_at = null,
               settles_booking = false
           from public.bookings b where b.id = p.booking_id and b.status = 'confirmed'""",
        """update public.payments p set amount_received = amount_received - 1
           from public.bookings b where b.id = p.booking_id and b.status = 'confirmed'""",
        """update public.payments p set currency_received = 'USD'
           from public.bookings b where b.id = p.booking_id and b.status = 'confirmed'""",
        """update public.payments p set settles_booking = false
           from public.bookings b where b.id = p.booking_id and b.status = 'confirmed'""",
        # Stripe has returned the whole of it and the booking does not know.
        """insert into public.refunds (showtime_id, booking_id, payment_id, amount, currency, reason, status)
           select p.showtime_id, p.booking_id, p.id, p.amount, p.currency, 'made_at_stripe', 'succeeded'
           from public.payments p join public.bookings b on b.id = p.booking_id and b.status = 'confirmed'""",
    ],
    "I2 money is kept without a confirmed booking": [
        "delete from public.refunds",
        "update public.refunds set amount = amount - 1",
        "update public.refunds set status = 'failed', reason = 'made_at_stripe'",
        # A second payment for a booking that another one keeps.
        """insert into public.payments
             (showtime_id, booking_id, amount, currency, status, amount_received, currency_received, paid_at)
           select showtime_id, id, total, currency, 'succeeded', total, currency, now()
           from public.bookings where status = 'confirmed'""",
    ],
    "I2 a refund is queued and nobody will do it": [
        "delete from private.outbox where kind = 'refund'",
        "update private.outbox set state = 'sent', completed_at = now() where kind = 'refund'",
    ],
    "I2 more goes back than came": [
        "update public.refunds set amount = amount + 1",
        """update public.payments set status = 'open', amount_received = null, currency_received = null, paid_at = null,
               settles_booking = false
           where id in (select payment_id from public.refunds)""",
    ],
    "I3 a confirmed booking lacks a seat": [
        "delete from public.seat_locks where upper_inf(held)",
        "update public.booking_seats set sold_at = null where released_at is null",
        "update public.booking_seats set released_at = now() where sold_at is not null",
        "update public.seat_locks set held = tstzrange(lower(held), lower(held) + '1 minute') where upper_inf(held)",
    ],
    "I3 a seat is sold without a confirmed booking": [
        "update public.booking_seats set released_at = null",
        "update public.bookings set status = 'cancelled', cancelled_at = now() where status = 'confirmed'",
    ],
    "I3 a hold without end is not sold": [
        """update public.seat_locks set held = tstzrange(lower(held), null)
           where upper(held) > private.now() and booking_id is not null""",
        "delete from public.booking_seats where sold_at is not null and released_at is null",
    ],
    "I3 a seat is held in an auditorium that it is not in": [
        """with elsewhere as (insert into public.auditoriums (theater_id, name) select id, 'Saal 9' from public.theaters
                              returning id)
           update public.showtimes set auditorium_id = (select id from elsewhere)""",
        "update public.booking_seats set seat_id = 900000 + seat_id where sold_at is not null and released_at is null",
    ],
    "I4 a lock outlives its time": [
        """update public.seat_locks set held = tstzrange(lower(held), lower(held) + '20 minutes 1 second')
           where booking_id is null""",
        "update private.settings set lock_duration = '1 second', payment_duration = '1 second'",
    ],
    "I4 the sweep cannot do its work": [
        """insert into private.sweep_failures
             (step, booking_id, error_code, message, first_failed_at, last_failed_at, retry_at)
           select 'expire_bookings', id, 'P0001', 'broken', private.now() - interval '61 minutes', private.now(),
                  private.now() from public.bookings limit 1""",
    ],
    "I4 a booking outlives its time": [
        """update public.bookings set expires_at = private.now() - interval '10 minutes 1 second'
           where status = 'pending'""",
    ],
    "I5 a total is not the sum of its lines": [
        "update public.bookings set total = total + 1",
        "update public.booking_seats set price = price + 1",
        "delete from public.booking_seats",
    ],
    "I5 Stripe was asked for another amount": [
        "update public.payments set amount = amount + 1 where status = 'open'",
        "update public.payments set currency = 'USD' where status = 'open'",
    ],
    "I5 a booking is in a currency that its theater does not take": ["update public.theaters set currency = 'USD'"],
    "I6 a confirmation has no mail": ["delete from private.outbox where kind = 'mail_confirmation'"],
    "I6 a refund has no mail": ["delete from private.outbox where kind = 'mail_refund'"],
    "I6 a refund that was refused has no mail": [
        "update public.refunds set status = 'failed', failure_reason = 'declined', stripe_refund_id = 're_' || id"
        " where status = 'queued'",
    ],
    "I6 a cancellation has no mail": ["delete from private.outbox where kind = 'mail_refund'"],
    "I6 an email was given up": [
        "update private.outbox set state = 'failed', completed_at = now() where kind = 'mail_confirmation'",
    ],
    "A2 a change of a showtime is not recorded": [
        moved(revision=2),
        f"{moved(revision=1)}; {moved(revision=3)}; update public.showtimes set revision = 3",
    ],
    "A2 a move has no mail": [
        f"{moved(revision=1)}; update public.showtimes set revision = 1",
    ],
    "A3 a showtime ends before its film": [
        "update public.movies set length_minutes = 111",
        "update public.showtimes set ends_at = starts_at + interval '93 minutes'",
    ],
    "A4 somebody is forgotten and has a name": [
        "update public.users set forgotten_at = now() where full_name = 'Ada'",
        """update public.users set forgotten_at = now(), email = null, full_name = 'Former customer', kind = 'guest',
                  email_verified_at = null where full_name = 'Ada'""",
    ],
    "A4 somebody has left and is not forgotten": [
        """insert into private.departures (user_id, requested_at, due_at)
           select id, now(), private.now() - interval '1 day 1 second' from public.users limit 1""",
    ],
    "I7 a client may use a table": [
        "grant select on public.movies to anon",
        "grant select (email) on public.users to authenticated",
        "grant select on private.settings to public",
        "grant trigger on public.seats to anon",
        "grant insert on public.seat_locks to authenticated",
        "grant update (status) on public.bookings to anon",
        "grant delete on public.booking_seats to authenticated",
        "grant truncate on public.payments to anon",
        "grant insert (amount) on public.refunds to public",
    ],
    "I7 a client may use a sequence": ["grant usage on sequence public.showtimes_id_seq to authenticated"],
    "I7 a client may call what is not for clients": [
        "grant execute on function public.claim_outbox to anon",
        "grant execute on function private.raise_api_error to authenticated",
    ],
    "I7 a table has no row security": [
        "alter table public.movies disable row level security",
        "create table private.notes (note text)",
    ],
}


@pytest.fixture
def busy(cinema: CinemaFixture) -> CinemaFixture:
    """A cinema in which everything has happened: held, released, pending, paid, late, cancelled, refunded, archived."""
    ada, bob, carol = (cinema.customer(name) for name in ("Ada", "Bob", "Carol"))
    cinema.lock(carol, 20, 21)
    cinema.advance("10 minutes")
    cancelled = cinema.buy(ada, 0, 1)
    ada.call("cancel_booking", booking_id=cancelled["id"])
    cinema.lock(bob, 2)
    bob.call("release_seats", showtime_id=cinema.showtime_id)
    cinema.advance("2 minutes")
    cinema.sweep()
    cinema.buy(ada, 2, 49)
    late = cinema.book(bob, 3, 4)
    intent = cinema.start_payment(bob, late)
    cinema.advance("10 minutes")
    cinema.lock(carol, 4)
    assert cinema.pay(late, intent)["reason"] == "seats_gone"
    cinema.sweep()
    pending = cinema.book(bob, 5, 6)
    cinema.start_payment(bob, pending)
    return cinema


@pytest.fixture
def forge(busy: CinemaFixture, cluster: Cluster) -> Iterator[Forge]:
    """Runs statements as the superuser with triggers, foreign keys among them, switched off."""
    with psycopg.connect(cluster.url(busy.owner.info.dbname, ADMIN), autocommit=True) as superuser:
        superuser.execute("set session_replication_role = replica")
        yield lambda statements: (superuser.execute(statements.encode()), None)[1]


def test_busy_cinema_violates_nothing(busy: CinemaFixture) -> None:
    assert busy.violations() == []
    busy.advance("30 minutes")
    busy.sweep()
    busy.sweep()
    assert busy.violations() == []


@pytest.mark.parametrize(
    ("invariant", "statements"),
    [
        pytest.param(invariant, statements, id=f"{invariant} {number}")
        for invariant, forgeries in FORGERIES.items()
        for number, statements in enumerate(forgeries, 1)
    ],
)
def test_a_forged_violation_is_named(busy: CinemaFixture, forge: Forge, invariant: str, statements: str) -> None:
    assert busy.violations() == []
    forge(statements)
    found: list[Json] = [row["violation"] for row in busy.violations() if row["invariant"] == invariant]
    assert found
    assert all(value is not None for violation in found for value in violation.values())


def test_two_payments_that_keep_one_booking_are_a_violation(busy: CinemaFixture, forge: Forge) -> None:
    """I2: every payment is kept by a booking of its own, whatever the index says."""
    forge(
        """drop index public.one_payment_settles_a_booking;
           insert into public.payments
             (showtime_id, booking_id, amount, currency, status, amount_received, currency_received, paid_at,
              settles_booking)
           select showtime_id, id, total, currency, 'succeeded', total, currency, now(), true
           from public.bookings where status = 'confirmed'"""
    )
    assert [row["invariant"][:2] for row in busy.violations()] == ["I2"]


def test_a_lock_is_judged_by_what_was_promised_when_it_began(busy: CinemaFixture, forge: Forge) -> None:
    """I4: shorter durations do not make a liar of a lock that lives, and longer ones do not excuse one."""
    busy.owner.execute(
        "update private.settings set lock_duration = '1 minute', payment_duration = '1 minute' where true"
    )
    busy.advance("2 minutes")
    busy.lock(busy.customer("Dora"), 30)
    assert busy.violations() == []
    busy.advance("5 minutes")
    busy.owner.execute("update private.settings set lock_duration = '1 hour', payment_duration = '1 hour' where true")
    busy.lock(busy.customer("Eve"), 31)
    assert busy.violations() == []
    forge(
        f"update public.seat_locks set held = tstzrange(lower(held), lower(held) + interval '3 minutes')"
        f" where seat_id = {busy.seats[30]}"
    )
    assert [row["invariant"] for row in busy.violations()] == ["I4 a lock outlives its time"]


@pytest.mark.parametrize("status", ["confirmed", "pending"])
def test_a_booking_is_in_the_currency_of_its_theater_until_it_or_its_showtime_ends(
    busy: CinemaFixture, forge: Forge, status: str
) -> None:
    """I5: who has ended may have paid in what the theater took then."""
    forge(f"update public.bookings set currency = 'USD' where status = '{status}'")
    rule = "I5 a booking is in a currency that its theater does not take"
    assert rule in [row["invariant"] for row in busy.violations()]
    busy.advance("30 minutes" if status == "pending" else "2 days")
    assert rule not in [row["invariant"] for row in busy.violations()]


def test_no_number_of_violations_is_cut_off(busy: CinemaFixture, forge: Forge) -> None:
    """One value is one row to the Data API, whatever its max_rows."""
    forge(
        "insert into private.outbox (kind, key, booking_id, payload, state, completed_at)"
        " select 'mail_refund', 'key ' || n, gen_random_uuid(), '{}', 'failed', now() from generate_series(1, 1500) n"
    )
    assert len(busy.violations()) == 1500
    assert len(busy.service().query("select public.check_invariants()")) == 1


def test_every_branch_is_forged() -> None:
    branches = re.findall(r"select '([A-Z]\d [^']+)'", INVARIANTS.read_text())
    assert sorted(branches) == sorted(FORGERIES)
