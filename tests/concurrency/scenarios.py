"""Two calls about one booking, staged: in turn, or the second while the first's transaction is open.

A scenario begins with a booking at some stage of its life and ends with all that came of it, without ids and to the
minute, so that scenarios can be compared: two calls side by side must come to what they come to in turn.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from tests.cinema import NO_LIMITS_ON_HOLDING, Caller, CinemaFixture, Json, Refused, frontrow_errors
from tests.concurrency.parallel import Start, another_tab, outcome, succeeded, wait_until_it_waits_or_ends

FUNCTIONS = {
    "lock": "lock_seats",
    "release": "release_seats",
    "create": "create_booking",
    "cancel": "cancel_booking",
    "start": "start_payment",
    "attach": "attach_payment_intent",
    "confirm": "confirm_booking",
    "failure": "record_payment_failure",
    "refund": "record_refund",
    "settle": "settle_refund_attempt",
    "dispute": "record_dispute",
    "ticket": "send_ticket_again",
    "sweep": "release_expired_locks",
}
"""All that touches one booking, by the names that scenarios use."""

BY_THE_CUSTOMER = ("lock", "release", "create", "cancel", "ticket")

STAGES = {
    "chosen": "seats 0 and 1 are held",
    "booked": "a booking of them is pending",
    "begun": "its payment has begun and has no intent yet",
    "paying": "the intent is attached",
    "late": "the time of that booking is over, and nobody has swept",
    "again": "and the customer has chosen seats 0 and 2 anew",
    "slow": "the same, but the payment has no intent yet",
    "paid": "the booking is confirmed",
    "mailed": "and its ticket was mailed, and again, so that it may be mailed once more today",
    "off": "and the cinema has cancelled the showtime, and nobody has swept",
    "cancelled": "it was confirmed and then cancelled; the refund is queued",
}
SENT_AGAIN = 2
"""How often the ticket was mailed again where it was mailed; three times in a day is the limit."""

OVER = "10 minutes 10 seconds"
"""How long after a lock began no call in flight can move its end any more."""

NUMBERS = itertools.count(1)


@dataclass
class Scenario:
    """A customer with a showtime of her own, and a booking at a stage."""

    cinema: CinemaFixture
    stage: str
    customer: Caller = field(init=False)
    booking: Json | None = None
    payment: str | None = None
    intent: str = field(init=False)
    refund: str | None = None
    broadcasts: list[Json] = field(default_factory=list[Json])
    """The broadcasts to viewers of the showtime, in the order in which they can arrive: that of commits."""

    def __post_init__(self) -> None:
        cinema, self.number = self.cinema, next(NUMBERS)
        cinema.owner.execute(NO_LIMITS_ON_HOLDING)
        # What earlier scenarios left is over, and swept; the auditorium is free again.
        cinema.advance("3 hours")
        cinema.sweep()
        cinema.showtime_id = cinema.add_showtime("1 day")
        self.showtime = cinema.showtime_id
        self.intent = f"pi_{self.number}"
        self.customer = cinema.customer()
        self.service = cinema.service()
        self._reach()

    def _reach(self) -> None:
        cinema, ada = self.cinema, self.customer
        cinema.lock(ada, 0, 1)
        if self.stage == "chosen":
            return
        self.booking = ada.call("create_booking", showtime_id=self.showtime)
        if self.stage == "booked":
            return
        begun = self.service.call("start_payment", booking_id=self.booking["id"], user_id=ada.user_id)
        self.payment = begun["payment_id"]
        if self.stage == "begun":
            return
        if self.stage == "slow":
            cinema.advance(OVER)
            cinema.lock(ada, 0, 2)
            return
        self.service.call("attach_payment_intent", payment_id=self.payment, payment_intent_id=self.intent)
        if self.stage in ("paid", "mailed", "off", "cancelled"):
            self.service.call("confirm_booking", **succeeded(self.booking, self.intent, f"evt_paid_{self.number}"))
        if self.stage == "cancelled":
            ada.call("cancel_booking", booking_id=self.booking["id"])
            self.refund = cinema.value("select id from public.refunds where booking_id = %s", [self.booking["id"]])
        if self.stage in ("mailed", "off"):
            self._mail_emails()
            for _ in range(SENT_AGAIN):
                ada.call("send_ticket_again", booking_id=self.booking["id"])
                self._mail_emails()
        if self.stage == "off":
            cinema.owner.execute("update public.showtimes set status = 'cancelled' where id = %s", [self.showtime])
        if self.stage in ("late", "again"):
            cinema.advance(OVER)
        if self.stage == "again":
            cinema.lock(ada, 0, 2)

    def _mail_emails(self) -> None:
        """Mark them as sent, as a worker does."""
        self.cinema.owner.execute(
            "update private.outbox set state = 'sent', completed_at = private.now()"
            " where kind = 'mail_confirmation' and state = 'queued'"
        )

    def arguments(self, what: str, *, again: bool = False) -> Json:
        """Return the arguments of the function here; `again` is the second of two calls to the same function, which for
        Stripe's reports is another event about the same. The refund was made at Stripe's dashboard, but where one of
        ours is queued Stripe refuses that one. The dispute is lost; the second event about it is older news."""
        of = self.booking or {"id": None, "total": 0, "currency": "EUR"}
        event_id = f"evt_{what}_{self.number}{'_again' if again else ''}"
        event = {"event_id": event_id, "event_type": "staged", "payment_intent_id": self.intent}
        here = {"showtime_id": self.showtime}
        return {
            "lock": {**here, "seat_ids": [self.cinema.seats[0], self.cinema.seats[2]]},
            "release": here,
            "create": here,
            "cancel": {"booking_id": of["id"]},
            "start": {"booking_id": of["id"], "user_id": self.customer.user_id},
            "attach": {"payment_id": self.payment, "payment_intent_id": self.intent},
            "confirm": succeeded(of, self.intent, event_id),
            "failure": {**event, "canceled": True, "failure_code": "abandoned"},
            "refund": {
                **event,
                "stripe_refund_id": f"re_{self.number}",
                "amount": of["total"],
                **(
                    {"status": "failed", "refund_id": self.refund, "attempt": 1}
                    if self.refund
                    else {"status": "succeeded"}
                ),
            },
            "dispute": {
                **event,
                "stripe_dispute_id": f"dp_{self.number}",
                "amount": of["total"],
                "currency": of["currency"].lower(),
                "reason": "fraudulent",
                "status": "under_review" if again else "lost",
            },
            "settle": {
                "refund_id": self.refund,
                "attempt": 1,
                "code": None,
                "refunds": Jsonb([{"id": f"re_made_{self.number}", "amount": of["total"], "status": "succeeded"}]),
            },
            "ticket": {"booking_id": of["id"]},
            "sweep": {},
        }[what]

    def caller(self, what: str) -> Caller:
        """Return a connection of its own for a caller who may call it."""
        if what in BY_THE_CUSTOMER:
            return another_tab(self.cinema, self.customer)
        return self.cinema.service()

    # How two calls meet -----------------------------------------------------------------------------------------------

    def alone(self, what: str) -> Ending:
        return self._ending(self._call(what))

    def in_turn(self, first: str, second: str) -> Ending:
        return self._ending(self._call(first), self._call(second, again=first == second))

    def at_once(
        self, first: str, second: str, start: Start, *, roll_back: bool = False, meanwhile: str | None = None
    ) -> Ending:
        """The second begins while the first has answered and is not committed; it waits for the first, or it ends.
        `meanwhile` so much time passes."""
        one, two = self.caller(first), self.caller(second)
        one.begin()
        with_it = self.arguments(first)
        answers = [self._summarize(attempt(lambda: one.call_in_transaction(FUNCTIONS[first], **with_it)))]
        if meanwhile:
            self.cinema.advance(meanwhile)
        again = first == second and not roll_back
        call: Future[Any] = start(two.call, FUNCTIONS[second], **self.arguments(second, again=again))
        wait_until_it_waits_or_ends(self.cinema, call, two)
        waited = not call.done()
        self._listen()
        if roll_back:
            one.rollback()
            answers.clear()
        else:
            one.commit()
            self._listen()
        answers.append(self._summarize(attempt(lambda: outcome(call))))
        return self._ending(*answers, waited=waited)

    def _call(self, what: str, *, again: bool = False) -> str:
        caller, with_it = self.caller(what), self.arguments(what, again=again)
        answer = self._summarize(attempt(lambda: caller.call(FUNCTIONS[what], **with_it)))
        self._listen()
        return answer

    def _listen(self) -> None:
        """Collect the broadcasts that were committed since the last time."""
        known = [message["id"] for message in self.broadcasts]
        self.broadcasts += self.cinema.rows(
            "select id, event, payload from realtime.messages"
            " where topic = 'showtime:' || %s and event like 'seat:%%' and id <> all (%s)"
            # As they were written, in subtransactions that count up; where rows lie says nothing of that.
            " order by xmin::text::bigint, cmin::text::bigint",
            [self.showtime, known],
        )

    def _false_news(self) -> list[str]:
        """List what a viewer who believes the latest event about a lock gets wrong."""
        ended: set[tuple[int, int]] = set()
        wrong: list[str] = []
        for message in self.broadcasts:
            locks = set(zip(message["payload"]["seat_ids"], message["payload"]["lock_ids"], strict=True))
            if message["event"] == "seat:release":
                ended |= locks
            elif locks & ended:
                wrong.append(f"{message['event']} of a lock that had ended")
        live = self.cinema.rows(
            "select seat_id, id from public.seat_locks where showtime_id = %s and held @> private.now()",
            [self.showtime],
        )
        if ended & {(row["seat_id"], row["id"]) for row in live}:
            wrong.append("seat:release of a lock that is live")
        return wrong

    # What came of it --------------------------------------------------------------------------------------------------

    def _ending(self, *answers: str, waited: bool | None = None) -> Ending:
        self._listen()
        self.cinema.advance("10 seconds")
        self.cinema.sweep()  # what the sweep passed by it does the next time
        self._listen()
        self.cinema.close_callers()
        broken = [row["invariant"] for row in self.cinema.violations()] + self._false_news()
        return Ending(answers, self._state(), broken, waited)

    def _state(self) -> str:
        named = {"showtime": self.showtime, "user": self.customer.user_id, "intent": self.intent}
        return json.dumps(self.cinema.value(STATE, named), indent=1, sort_keys=True)

    def _summarize(self, answer: Any) -> str:
        """Summarize an answer in a word or two."""
        if isinstance(answer, Refused):
            return str(answer.code)
        if isinstance(answer, Exception):
            return type(answer).__name__
        if answer.get("outcome") == "refund_queued":
            return f"back {answer['reason']}"
        if "outcome" in answer:
            return " ".join(filter(None, (answer["outcome"], answer.get("reason"))))
        if "status" in answer:
            return answer["status"]
        if "seat_ids" in answer:
            return "holds " + (" ".join(str(self.cinema.seats.index(seat)) for seat in answer["seat_ids"]) or "nothing")
        if "sent_to" in answer:
            return "mailed"
        if "attached" in answer:
            return "attached" if answer["attached"] else "not attached"
        return "begun" if "payment_id" in answer else "swept"


@dataclass(frozen=True)
class Ending:
    """The answers of the calls, in the order in which they began; the state that is left; the rules it breaks."""

    answers: tuple[str, ...]
    state: str
    broken: list[str]
    waited: bool | None = None

    def __str__(self) -> str:
        return (" >> " if self.waited else ", ").join(self.answers)

    def same_as(self, other: Ending, *, begun_the_other_way: bool = False) -> bool:
        answers = other.answers[::-1] if begun_the_other_way else other.answers
        return (self.answers, self.state) == (answers, other.state)


def attempt(call: Callable[[], Any]) -> Any:
    """The answer, or the error: Frontrow's own, or a raw one."""
    try:
        with frontrow_errors():
            return call()
    except Exception as error:
        return error


STATE = """
with mine as (
  select b.*, row_number() over (order by b.created_at) as nth from public.bookings b
  where b.showtime_id = %(showtime)s and b.user_id = %(user)s
), seat as (
  select s.id, row_number() over (order by s.id) - 1 as number from public.seats s
)
select jsonb_build_object(
  'bookings', (select jsonb_agg(jsonb_build_array(m.status, m.total) order by m.nth) from mine m),
  'seats of bookings', (
    select jsonb_agg(jsonb_build_array(m.nth, seat.number, bs.sold_at is not null, bs.released_at is not null)
                     order by m.nth, seat.number)
    from mine m join public.booking_seats bs on bs.booking_id = m.id join seat on seat.id = bs.seat_id),
  'held', (
    select jsonb_agg(jsonb_build_array(seat.number, m.nth,
                                       round(extract(epoch from upper(l.held) - private.now()) / 60))
                     order by seat.number)
    from public.seat_locks l join seat on seat.id = l.seat_id left join mine m on m.id = l.booking_id
    where l.showtime_id = %(showtime)s and l.held @> private.now()),
  'payments', (
    select jsonb_agg(jsonb_build_array(m.nth, p.status, p.payment_intent_id is not null, p.settles_booking,
                                       p.amount_received, p.failure_code) order by m.nth, p.created_at)
    from mine m join public.payments p on p.booking_id = m.id),
  'refunds', (
    select jsonb_agg(jsonb_build_array(m.nth, r.status, r.amount, r.reason) order by m.nth, r.created_at)
    from mine m join public.refunds r on r.booking_id = m.id),
  'disputes', (
    select jsonb_agg(jsonb_build_array(m.nth, d.status, d.amount, d.closed_at is not null) order by m.nth, d.created_at)
    from mine m join public.disputes d on d.booking_id = m.id),
  'outbox', (
    select jsonb_agg(jsonb_build_array(m.nth, o.kind, o.state) order by m.nth, o.kind, o.state)
    from mine m join private.outbox o on o.booking_id = m.id),
  'events', (
    select jsonb_agg(jsonb_build_array(e.id, e.outcome, e.reason) order by e.id) from (
      select regexp_replace(e.id, '_[0-9]+', '') as id, e.outcome, e.reason from private.stripe_events e
      where e.payment_intent_id = %(intent)s) e),
  'broadcasts', (
    select jsonb_agg(t.what order by t.what::text) from (
      select jsonb_build_array(m.event, m.payload ->> 'reason',
        (select jsonb_agg(seat.number order by seat.number) from jsonb_array_elements(m.payload -> 'seat_ids') seat_id
         join seat on seat.id = seat_id::bigint)) as what
      from realtime.messages m
      where m.topic = 'showtime:' || %(showtime)s and m.event like 'seat:%%') t))
"""
