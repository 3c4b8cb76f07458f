"""What is a guest's becomes an account's beside the guest's own calls: nothing is lost between the two."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.cinema import PASSWORD_HASH, Caller, CinemaFixture, Json, Refused
from tests.concurrency.parallel import (
    Start,
    another_tab,
    code,
    holding,
    lock,
    outcome,
    rewrite,
    seat_ids,
    succeeded,
    wait_until_it_waits,
    wait_until_it_waits_or_ends,
)

EMAIL = "grace@example.com"
KEY_HASH = "e" * 64
NOBODY_WAITS_FOR_TURNS = (
    "private.take_turns(uuid,uuid[])",
    ("perform private.lock_customer(null, v_id);", "null;"),
)
NOBODY_LOOKS_AGAIN = (
    "private.booking_for_update(uuid)",
    (
        "select * into v_booking from public.bookings b\n"
        "    where b.showtime_id = v_booking.showtime_id and b.id = p_booking_id and b.user_id = v_booking.user_id"
        " for update;\n    exit when found;",
        "perform from public.bookings b where b.id = p_booking_id for update;\n    exit;",
    ),
)


@dataclass
class Stage:
    """A guest with the address of an account, and how far they have come: the seats 0 and 1."""

    cinema: CinemaFixture
    guest: Caller
    owner: Caller
    booking: Json | None = None
    intent: str = ""

    @classmethod
    def of(cls, cinema: CinemaFixture, reached: str) -> Stage:
        """`reached`: nothing, held, ordered, paying or bought."""
        guest, owner = cinema.guest(EMAIL), registered(cinema)
        stage = cls(cinema, guest, owner)
        if reached != "nothing":
            cinema.lock(guest, 0, 1)
        if reached not in ("nothing", "held"):
            stage.booking = guest.call("create_booking", showtime_id=cinema.showtime_id)
        if reached in ("paying", "bought"):
            assert stage.booking is not None
            stage.intent = cinema.start_payment(guest, stage.booking)
        if reached == "bought":
            assert stage.booking is not None
            cinema.pay(stage.booking, stage.intent)
        if stage.booking is not None:
            cinema.call_service("add_ticket_link", booking_id=stage.booking["id"], key_hash=KEY_HASH)
        return stage

    def call(self, what: str) -> tuple[Caller, str, Json]:
        """Who calls what how, for a guest or about the guest's booking."""
        here = {"showtime_id": self.cinema.showtime_id}
        of = self.booking or {"id": None, "total": 0, "currency": "EUR", "reference": None}
        service = self.cinema.service()
        return {
            "lock": (self.guest, "lock_seats", {**here, "seat_ids": seat_ids(self.cinema, 0, 1)}),
            "release": (self.guest, "release_seats", {**here, "seat_ids": seat_ids(self.cinema, 0)}),
            "create": (self.guest, "create_booking", here),
            "start": (service, "start_payment", {"booking_id": of["id"], "user_id": self.guest.user_id}),
            "confirm": (service, "confirm_booking", succeeded(of, self.intent, "evt_1")),
            "cancel": (self.guest, "cancel_booking", {"booking_id": of["id"]}),
            "link": (service, "cancel_by_link", {"reference": of["reference"], "key_hash": KEY_HASH}),
        }[what]

    def sign_in(self) -> Json:
        """The arguments of open_session by which the owner takes over all that the guest has."""
        return {
            "user_id": self.owner.user_id,
            "token_hash": secrets.token_hex(32),
            "guest_session_id": self.cinema.value(
                "select id from private.sessions where user_id = %s", [self.guest.user_id]
            ),
        }

    def of_guest(self) -> tuple[int, int]:
        """How many bookings and seats are the guest's."""
        return self._owned_by(self.guest)

    def of_owner(self) -> tuple[int, int]:
        """How many bookings and seats are the owner's."""
        return self._owned_by(self.owner)

    def _owned_by(self, who: Caller) -> tuple[int, int]:
        (row,) = self.cinema.rows(
            "select (select count(*) from public.bookings where user_id = %(who)s) as bookings,"
            " (select count(*) from public.seat_locks where user_id = %(who)s and held @> private.now()) as seats",
            {"who": who.user_id},
        )
        return row["bookings"], row["seats"]


def registered(cinema: CinemaFixture, email: str = EMAIL, *, proved: bool = True) -> Caller:
    user = cinema.call_service("register_user", email=email, password_hash=PASSWORD_HASH, full_name="Grace")
    if proved:
        cinema.owner.execute("update public.users set email_verified_at = private.now() where id = %s", [user["id"]])
    return cinema.caller("authenticated", user["id"])


@dataclass(frozen=True)
class Meeting:
    """A call of the guest's, from which stage, and what the owner has when it comes before the sign-in; then what it is
    answered when it comes after it, and what the owner has then."""

    what: str
    reached: str
    before: tuple[int, int]
    answer: str
    after: tuple[int, int]

    def __str__(self) -> str:
        return self.what


MEETINGS = [
    # What a token that has yet to run out chooses stays the guest's, and ends by the clock.
    Meeting("lock", "nothing", (0, 2), "holds", (0, 0)),
    Meeting("release", "held", (0, 1), "holds", (0, 2)),
    Meeting("create", "held", (1, 2), "lock_expired", (0, 2)),
    Meeting("start", "ordered", (1, 2), "unknown_booking", (1, 2)),
    Meeting("confirm", "paying", (1, 2), "confirmed", (1, 2)),
    Meeting("cancel", "bought", (1, 0), "unknown_booking", (1, 2)),
    Meeting("link", "bought", (1, 0), "not_cancellable", (1, 2)),
]


def answered(call: Future[Any]) -> str:
    if refusal := code(call):
        return refusal
    answer = outcome(call)
    return answer.get("outcome") or ("holds" if "seat_ids" in answer else "done")


def sign_in_during(cinema: CinemaFixture, start: Start, meeting: Meeting) -> tuple[Stage, bool]:
    """The owner signs in while a call of the guest's is not committed: the stage, and whether the sign-in waited."""
    stage = Stage.of(cinema, meeting.reached)
    who, function, arguments = stage.call(meeting.what)
    who.begin()
    who.call_in_transaction(function, **arguments)
    flask = cinema.service()
    call = start(flask.call, "open_session", **stage.sign_in())
    wait_until_it_waits_or_ends(cinema, call, flask)
    waited = not call.done()
    who.commit()
    assert outcome(call)["user"]["id"] == str(stage.owner.user_id)
    return stage, waited


@pytest.mark.parametrize("meeting", MEETINGS, ids=str)
def test_a_sign_in_waits_for_the_guests_call_and_takes_what_it_made(
    cinema: CinemaFixture, start: Start, meeting: Meeting
) -> None:
    stage, waited = sign_in_during(cinema, start, meeting)
    assert waited
    assert (stage.of_owner(), stage.of_guest()) == (meeting.before, (0, 0))
    assert cinema.violations() == []


@pytest.mark.parametrize("meeting", [each for each in MEETINGS if each.what in ("lock", "create")], ids=str)
def test_mutant_a_sign_in_that_takes_no_turn_leaves_seats_behind(
    cinema: CinemaFixture, start: Start, meeting: Meeting
) -> None:
    rewrite(cinema, *NOBODY_WAITS_FOR_TURNS)
    stage, _ = sign_in_during(cinema, start, meeting)
    assert stage.of_owner() != meeting.before


def call_during_a_sign_in(cinema: CinemaFixture, start: Start, meeting: Meeting) -> tuple[Stage, Future[Any]]:
    """A call of the guest's while the sign-in is not committed."""
    stage = Stage.of(cinema, meeting.reached)
    who, function, arguments = stage.call(meeting.what)
    flask = cinema.service()
    flask.begin()
    flask.call_in_transaction("open_session", **stage.sign_in())
    call = start(who.call, function, **arguments)
    wait_until_it_waits(cinema, call, waiter=who, holder=flask)
    flask.commit()
    return stage, call


@pytest.mark.parametrize("meeting", MEETINGS, ids=str)
def test_a_call_that_waits_for_the_sign_in_finds_whose_it_is_now(
    cinema: CinemaFixture, start: Start, meeting: Meeting
) -> None:
    stage, call = call_during_a_sign_in(cinema, start, meeting)
    assert answered(call) == meeting.answer
    assert stage.of_owner() == meeting.after
    assert cinema.violations() == []


def test_mutant_a_payment_that_does_not_look_again_finds_its_seats_gone(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, *NOBODY_LOOKS_AGAIN)
    (confirm,) = [each for each in MEETINGS if each.what == "confirm"]
    _, call = call_during_a_sign_in(cinema, start, confirm)
    assert (outcome(call)["outcome"], outcome(call)["reason"]) == ("refund_queued", "seats_gone")


def test_mutant_a_cancellation_that_does_not_look_again_is_done_for_who_has_lost_it(
    cinema: CinemaFixture, start: Start
) -> None:
    rewrite(cinema, *NOBODY_LOOKS_AGAIN)
    (cancel,) = [each for each in MEETINGS if each.what == "cancel"]
    _, call = call_during_a_sign_in(cinema, start, cancel)
    assert outcome(call)["status"] == "cancelled"
    assert cinema.violations() != []


def test_two_sign_ins_with_one_guest_at_once_give_all_to_the_first(cinema: CinemaFixture, start: Start) -> None:
    stage, other = Stage.of(cinema, "paying"), registered(cinema, "ada@example.com")
    session = stage.sign_in()
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("open_session", **session)
    call = start(two.call, "open_session", **{**session, "user_id": other.user_id, "token_hash": secrets.token_hex(32)})
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    one.commit()
    assert outcome(call)["user"]["id"] == str(other.user_id)
    assert (stage.of_owner(), stage.of_guest()) == ((1, 2), (0, 0))
    assert other.call("my_bookings")["bookings"] == []
    assert cinema.violations() == []


def test_people_who_sign_in_with_nothing_to_take_over_wait_for_nobody(cinema: CinemaFixture, start: Start) -> None:
    """Not even for calls of their own."""
    ada = cinema.customer()
    ada.begin()
    ada.call_in_transaction("lock_seats", showtime_id=cinema.showtime_id, seat_ids=seat_ids(cinema, 0))
    flask = cinema.service()
    call = start(flask.call, "open_session", user_id=ada.user_id, token_hash=secrets.token_hex(32))
    assert outcome(call)["user"]["id"] == str(ada.user_id)
    ada.commit()


def signed_in_while_the_guest_takes_another_address(cinema: CinemaFixture, start: Start) -> Stage:
    """The owner of the address waits for a call of the guest's, who corrects the address meanwhile."""
    stage = Stage.of(cinema, "bought")
    stage.guest.begin()
    lock(cinema, stage.guest, 2)
    flask = cinema.service()
    call = start(flask.call, "open_session", user_id=stage.owner.user_id, token_hash=secrets.token_hex(32))
    wait_until_it_waits(cinema, call, waiter=flask, holder=stage.guest)
    another_tab(cinema, stage.guest).call("set_contact", email="mine@example.com", full_name="Grace")
    stage.guest.commit()
    assert outcome(call)["user"]["id"] == str(stage.owner.user_id)
    return stage


def test_bookings_whose_address_is_corrected_while_its_owner_waits_stay(cinema: CinemaFixture, start: Start) -> None:
    stage = signed_in_while_the_guest_takes_another_address(cinema, start)
    assert (stage.of_owner(), stage.of_guest()) == ((0, 0), (1, 3))


def test_mutant_a_claim_that_does_not_look_again_takes_them(cinema: CinemaFixture, start: Start) -> None:
    rewrite(
        cinema,
        "private.claim_bookings(public.users,uuid[],uuid,timestamptz)",
        (" and u.email = p_user.email and u.email_verified_at is null", ""),
    )
    stage = signed_in_while_the_guest_takes_another_address(cinema, start)
    assert stage.of_owner() == (1, 2)


@pytest.mark.parametrize("function", ["open_session", "prove_email", "reset_password", "cancel_by_link"])
def test_who_waits_too_long_for_a_guests_turn_is_answered_busy(cinema: CinemaFixture, function: str) -> None:
    """And not with an error of the database's, wherever in the call that is."""
    stage = Stage.of(cinema, "bought")
    if function in ("prove_email", "reset_password"):
        use = proving if function == "prove_email" else resetting
        cinema.owner.execute("update public.users set email_verified_at = null where id = %s", [stage.owner.user_id])
        arguments = use(cinema, stage.owner)
        del arguments["function"]
    else:
        arguments = stage.sign_in() if function == "open_session" else stage.call("link")[2]
    flask = cinema.service()
    turn = f"select private.lock_customer(null, '{stage.guest.user_id}')"
    with holding(cinema, turn), flask.connection.transaction():
        flask.connection.execute("set local lock_timeout = '50ms'")
        with pytest.raises(Refused, match="PT503 busy"):
            flask.call(function, **arguments)
    assert stage.of_guest() == (1, 2)


def test_who_waits_too_long_to_keep_somebody_out_is_answered_busy(cinema: CinemaFixture) -> None:
    """And not with an error of the database's: an operator would not know whether to try again."""
    guest, flask = cinema.guest(EMAIL), cinema.service()
    with (
        holding(cinema, f"select id from public.users where id = '{guest.user_id}' for update"),
        flask.connection.transaction(),
    ):
        flask.connection.execute("set local lock_timeout = '50ms'")
        with pytest.raises(Refused, match="PT503 busy"):
            flask.call("block_user", email=EMAIL)
    assert cinema.value("select count(*) from public.users where blocked_at is not null") == 0


# Proofs of an address ------------------------------------------------------------------------------------------------


def link(cinema: CinemaFixture, who: Caller, kind: str = "verify_email") -> str:
    """The hash of the token in the email of that kind to somebody."""
    if kind == "change_email":
        cinema.call_service(
            "request_email_change", user_id=who.user_id, password_hash=PASSWORD_HASH, email=EMAIL, address="192.0.2.1"
        )
    outbox_id = cinema.value(
        "select max(id) from private.outbox where user_id = %s and kind::text = %s", [who.user_id, f"mail_{kind}"]
    )
    token_hash = secrets.token_hex(32)
    cinema.call_service("issue_account_token", outbox_id=outbox_id, purpose=kind, token_hash=token_hash)
    return token_hash


def prove_during(
    cinema: CinemaFixture, start: Start, meeting: Meeting, use: Callable[[CinemaFixture, Caller], Json]
) -> Stage:
    """Somebody proves the guest's address while a call about the guest's booking is not committed."""
    stage = Stage.of(cinema, meeting.reached)
    cinema.owner.execute("update public.users set email_verified_at = null where id = %s", [stage.owner.user_id])
    arguments = use(cinema, stage.owner)
    who, function, with_it = stage.call(meeting.what)
    who.begin()
    who.call_in_transaction(function, **with_it)
    flask = cinema.service()
    call = start(flask.call, **arguments)
    wait_until_it_waits(cinema, call, waiter=flask, holder=who)
    who.commit()
    assert outcome(call)["email"] == EMAIL
    (owner_id,) = owners(cinema)
    stage.owner = cinema.caller("authenticated", owner_id)  # a reset opens an account of their own
    return stage


def proving(cinema: CinemaFixture, who: Caller) -> Json:
    return {"function": "prove_email", "token_hash": link(cinema, who), "password_hash": PASSWORD_HASH}


def resetting(cinema: CinemaFixture, _: Caller) -> Json:
    cinema.call_service("request_password_reset", email=EMAIL, address="192.0.2.1")
    outbox_id = cinema.value("select max(id) from private.outbox where kind = 'mail_reset_password'")
    token_hash = secrets.token_hex(32)
    cinema.call_service("issue_account_token", outbox_id=outbox_id, purpose="reset_password", token_hash=token_hash)
    return {"function": "reset_password", "token_hash": token_hash, "password_hash": PASSWORD_HASH}


@pytest.mark.parametrize("use", [proving, resetting])
@pytest.mark.parametrize("meeting", [each for each in MEETINGS if each.what in ("confirm", "cancel", "link")], ids=str)
def test_a_proof_waits_for_the_guests_call_and_takes_what_it_made(
    cinema: CinemaFixture, start: Start, meeting: Meeting, use: Callable[[CinemaFixture, Caller], Json]
) -> None:
    """What was pending when the proof began is paid by then, and no booking is claimed with its seats left behind. What
    was given up stays where it is: tickets alone are claimed."""
    stage = prove_during(cinema, start, meeting, use)
    given_up = meeting.what in ("cancel", "link")
    assert (stage.of_owner(), stage.of_guest()) == (((0, 0), (1, 0)) if given_up else (meeting.before, (0, 0)))
    assert cinema.violations() == []


def second_proof(cinema: CinemaFixture, start: Start, kind: str) -> tuple[Caller, Future[Any]]:
    """Of two who prove one address, who comes first, and the call of who begins before that is committed."""
    first = registered(cinema, proved=False)
    second = registered(cinema, EMAIL if kind == "verify_email" else "ada@example.com", proved=False)
    links = link(cinema, first), link(cinema, second, kind)
    one, two = cinema.service(), cinema.service()
    one.begin()
    one.call_in_transaction("prove_email", token_hash=links[0], password_hash=PASSWORD_HASH)
    call = start(two.call, "prove_email", token_hash=links[1], password_hash=PASSWORD_HASH)
    wait_until_it_waits(cinema, call, waiter=two, holder=one)
    one.commit()
    return first, call


def owners(cinema: CinemaFixture) -> list[uuid.UUID]:
    return [
        row["id"]
        for row in cinema.rows(
            "select id from public.users where email = %s and email_verified_at is not null", [EMAIL]
        )
    ]


@pytest.mark.parametrize(("kind", "refused"), [("verify_email", "link_expired"), ("change_email", "email_taken")])
def test_two_proofs_of_one_address_at_once_leave_one_owner(
    cinema: CinemaFixture, start: Start, kind: str, refused: str
) -> None:
    first, call = second_proof(cinema, start, kind)
    assert code(call) == refused
    assert owners(cinema) == [uuid.UUID(str(first.user_id))]
    assert cinema.violations() == []


PROOFS_TAKE_NO_TURNS = (
    "private.take_turns_by_token(text)",
    ("perform pg_advisory_xact_lock(hashtextextended('proof:' || v_token.email, 0));", ""),
)


def test_mutant_proofs_that_take_no_turns_meet_at_the_index(cinema: CinemaFixture, start: Start) -> None:
    rewrite(cinema, *PROOFS_TAKE_NO_TURNS)
    _, call = second_proof(cinema, start, "change_email")
    with pytest.raises(psycopg.errors.UniqueViolation, match="an_address_has_one_owner"):
        outcome(call)
