"""The lives of seats and of money as a hypothesis state machine: customers, a worker, and Stripe, in any order.

Each step is done by Frontrow and by the small model of model.py, and both must answer the same. After each step the
invariants must hold and the seat maps agree. In the end everything that is on its way arrives, and Stripe's books must
balance: what was taken is kept for one confirmed booking, or it went back.
"""

from __future__ import annotations

import copy
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from psycopg.types.json import Jsonb

from tests.cinema import NO_LIMITS_ON_HOLDING, Caller, CinemaFixture, Json, Refused
from tests.concurrency.parallel import outcome, wait_until_it_waits_or_ends
from tests.properties.model import (
    HOUR,
    MINUTE,
    PRICES,
    SEATS,
    SEATS_HELD,
    SEATS_PER_CUSTOMER,
    SECOND,
    STARTS,
    Booking,
    CinemaModel,
    Intent,
    StripeRefund,
    end_for_others,
)

WHO = st.integers(0, 2)
SHOW = st.integers(0, 1)
SOME = st.sets(st.sampled_from(SEATS), min_size=1, max_size=3)
MANY = st.sets(st.sampled_from(SEATS), min_size=1, max_size=5)
GUEST = 2
"""Who among them is the guest."""
PICK = st.integers(0, 1000)
"""One of what there is so far, taken modulo how many there are."""

BEGINNING = "2030-01-01 12:00+00"
CLEAR = """
delete from private.outbox;
delete from private.stripe_events;
delete from public.refunds;
delete from public.payments;
delete from public.booking_seats;
delete from public.seat_locks;
delete from private.seat_lock_history;
delete from private.booking_log;
delete from public.bookings;
update private.sweeps set swept_until = '-infinity', cleaned_at = '-infinity';
update private.test_clock set ahead = '0';
"""


class Frontrow:
    """A database that every example begins anew: two customers and a guest, two showtimes, and a clock that stands
    still. The guest has the address of the first customer, who has proved it."""

    def __init__(self, url: str) -> None:
        self.cinema = CinemaFixture(url, rows=2, seats=3)
        self.cinema.owner.execute("update private.test_clock set fixed = %s", [BEGINNING])
        # A life repeats in minutes what people do in weeks, so what is counted by the clock has no limit here.
        self.cinema.owner.execute(NO_LIMITS_ON_HOLDING)
        self.cinema.owner.execute(
            "update private.settings set seats_per_customer = %s, seats_held_per_customer = %s",
            [SEATS_PER_CUSTOMER, SEATS_HELD],
        )
        for record in ("seat_lock_history", "booking_log"):  # each example begins without a past
            self.cinema.owner.execute(f"alter table private.{record} disable trigger rows_are_only_added".encode())
        self.cinema.owner.execute("delete from public.showtime_prices")
        self.cinema.owner.execute("delete from public.showtimes")
        self.shows = [self.cinema.add_showtime(f"{start} milliseconds") for start in STARTS]
        self.customers = [self.cinema.customer(name) for name in ("Ada", "Bob")]
        email = self.cinema.value("select email from public.users where id = %s", [self.customers[0].user_id])
        self.customers.append(self.cinema.guest(email, "Ada"))
        self._contact = [email, self.customers[GUEST].user_id]
        self.service = self.cinema.service()
        self.second_service = self.cinema.service()
        self.thread = ThreadPoolExecutor(1)
        self.anyone = self.cinema.anonymous()
        self.beginning: datetime = self.cinema.value("select fixed from private.test_clock")
        assert [PRICES[seat] for seat in SEATS] == [
            seat["price"] for seat in self.anyone.call("seat_map", showtime_id=self.shows[0])["seats"]
        ]

    def close(self) -> None:
        self.thread.shutdown()
        self.cinema.__exit__()

    def clear(self) -> None:
        self.service.query("select setseed(0)")  # the outbox's pauses are random; a life must be the same when repeated
        self.cinema.owner.execute(CLEAR.encode())
        self.give_contact()

    def give_contact(self) -> None:
        """Have the guest say again who they are: whoever signs in leaves nothing behind of the guest that they were,
        and here they come back with the same token."""
        self.cinema.owner.execute("update public.users set email = %s, full_name = 'Ada' where id = %s", self._contact)

    def set_clock(self, now: int) -> None:
        self.cinema.owner.execute("update private.test_clock set ahead = %s * interval '1 millisecond'", [now])

    def milliseconds(self, moment: str | None) -> int | None:
        """A time that Frontrow answered, as the cinema counts."""
        if moment is None:
            return None
        return round((datetime.fromisoformat(moment) - self.beginning).total_seconds() * 1000)


@dataclass
class Event:
    """An event that Stripe will deliver, perhaps twice, perhaps late."""

    id: str
    kind: Literal["paid", "declined", "canceled", "refund"]
    intent: Intent
    refund: StripeRefund | None = None
    status: str = ""
    delivered: bool = False


@dataclass
class Call:
    """A call that is not made yet, and how the model applies its answer."""

    caller: Caller
    function: str
    arguments: Json
    apply: Callable[[Any], None]


class Lifecycle(RuleBasedStateMachine):
    frontrow: Frontrow

    WORLD = ("model", "intents", "intent_of_payment", "unattached", "refunds", "refund_by_key", "events")
    """The state of the model and of Stripe: copied as one."""

    @initialize(bookings=st.lists(st.tuples(WHO, SHOW, SOME), max_size=4))
    def begin(self, bookings: list[tuple[int, int, set[int]]]) -> None:
        self.frontrow.clear()
        self.model = CinemaModel()
        self.intents: list[Intent] = []
        self.intent_of_payment: dict[str, Intent] = {}
        self.unattached: dict[str, Intent] = {}
        self.refunds: list[StripeRefund] = []
        self.refund_by_key: dict[str, StripeRefund] = {}
        self.events: list[Event] = []
        self.numbers = iter(range(1, 1_000_000))
        for who, show, seats in bookings:
            self.choose_and_book(who, show, seats)

    # Customers --------------------------------------------------------------------------------------------------------

    @rule(who=WHO, show=SHOW, seats=MANY)
    def lock(self, who: int, show: int, seats: set[int]) -> None:
        self.tick()
        answer = self.ask(
            who, "lock_seats", showtime_id=self.frontrow.shows[show], seat_ids=[self.seat(n) for n in sorted(seats)]
        )
        refused = self.model.lock(who, show, seats)
        if refused is None:
            self.holds_what_it_says(who, show, answer)
        else:
            self.must_be_refused(answer, refused[0])
            if refused[0] == "seat_taken":
                assert answer.details == {"seat_ids": sorted(self.seat(n) for n in refused[1])}

    @rule(who=WHO, show=SHOW, seats=st.none() | SOME)
    def release(self, who: int, show: int, seats: set[int] | None) -> None:
        self.tick()
        named = None if seats is None else [self.seat(n) for n in seats]
        answer = self.ask(who, "release_seats", showtime_id=self.frontrow.shows[show], seat_ids=named)
        refused = self.model.release(who, show, set(SEATS) if seats is None else seats)
        if refused is None:
            self.holds_what_it_says(who, show, answer)
        else:
            self.must_be_refused(answer, refused)

    @rule(who=WHO, show=SHOW)
    def book(self, who: int, show: int) -> None:
        self.tick()
        answer = self.ask(who, "create_booking", showtime_id=self.frontrow.shows[show])
        refused = self.model.book(who, show, None if isinstance(answer, Refused) else answer["id"])
        if refused is not None:
            self.must_be_refused(answer, refused)
            return
        booking = self.model.pending(who, show)
        assert booking is not None
        assert (answer["id"], answer["status"], answer["total"]) == (booking.id, "pending", booking.total)
        assert [seat["seat_id"] for seat in answer["seats"]] == [self.seat(n) for n in booking.seats]
        assert self.frontrow.milliseconds(answer["expires_at"]) == booking.expires

    @rule(who=WHO, show=SHOW, seats=SOME)
    def choose_and_book(self, who: int, show: int, seats: set[int]) -> None:
        """Two steps at once, so that bookings are not rare."""
        self.lock(who, show, seats)
        self.book(who, show)

    @rule(who=WHO, show=SHOW, seats=SOME, released=st.none() | SOME)
    def choose_and_release(self, who: int, show: int, seats: set[int], released: set[int] | None) -> None:
        """Two steps at once: a release that finds something to release is rare otherwise."""
        self.lock(who, show, seats)
        self.release(who, show, released)

    @rule(who=WHO, show=SHOW, seats=SOME)
    def buy(self, who: int, show: int, seats: set[int]) -> None:
        """The common way, in one step."""
        self.choose_and_book(who, show, seats)
        if self.model.pending(who, show):
            self.pay_for(len(self.model.bookings) - 1, wait=0, reported=True)

    @precondition(lambda self: self.model.bookings)
    @rule(which=PICK, somebody=st.none() | WHO)
    def cancel(self, which: int, somebody: int | None) -> None:
        self.tick()
        call = self.cancellation(which % len(self.model.bookings), somebody)
        call.apply(attempt(call.caller, call.function, call.arguments))

    @precondition(lambda self: self.model.bookings)
    @rule(which=PICK, attach=st.booleans())
    def start_payment(self, which: int, attach: bool) -> None:
        """Without `attach` Flask dies between Stripe's answer and the next call; asked again, Stripe knows the key."""
        self.tick()
        booking = self.booking(which)
        answer = self.call("start_payment", booking_id=booking.id, user_id=self.frontrow.customers[booking.who].user_id)
        refused = self.model.may_pay(booking)
        if refused is not None:
            self.must_be_refused(answer, refused)
            return
        self.model.begin_to_pay(booking)
        assert (answer["amount"], answer["currency"]) == (booking.total, "EUR")
        assert self.frontrow.milliseconds(answer["expires_at"]) == booking.expires
        if answer["payment_intent_id"] is None:
            payment = answer["payment_id"]
            if payment not in self.intent_of_payment:
                self.intent_of_payment[payment] = self.new_intent(booking)
            self.unattached[payment] = self.intent_of_payment[payment]
            if attach:
                self.attach(0)

    @precondition(lambda self: self.unattached)
    @rule(which=PICK)
    def attach(self, which: int) -> None:
        self.tick()
        payment = list(self.unattached)[which % len(self.unattached)]
        intent = self.unattached.pop(payment)
        answer = self.call("attach_payment_intent", payment_id=payment, payment_intent_id=intent.id)
        intent.attached = answer["attached"]

    # The account of a guest -------------------------------------------------------------------------------------------

    @rule(as_guest=st.booleans())
    def sign_in(self, as_guest: bool) -> None:
        """The first customer, where they were a guest until now, or from elsewhere."""
        self.tick()
        call = self.signing_in(as_guest)
        call.apply(attempt(call.caller, call.function, call.arguments))

    @rule(show=SHOW, seats=SOME, as_guest=st.booleans())
    def buy_and_sign_in(self, show: int, seats: set[int], as_guest: bool) -> None:
        """Two steps at once, so that there is something to move."""
        self.buy(GUEST, show, seats)
        self.sign_in(as_guest)

    @rule(show=SHOW, seats=SOME, book=st.booleans())
    def choose_and_sign_in(self, show: int, seats: set[int], book: bool) -> None:
        self.lock(GUEST, show, seats)
        if book:
            self.book(GUEST, show)
        self.sign_in(as_guest=True)

    # Stripe -----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.bookings)
    @rule(which=PICK)
    def make_a_second_intent(self, which: int) -> None:
        """Nobody should; the metadata name the booking all the same."""
        self.new_intent(self.booking(which))

    @precondition(lambda self: self.open_intents())
    @rule(which=PICK, how=st.sampled_from(["right"] * 4 + ["too little", "in dollars"]), reported=st.booleans())
    def pay(self, which: int, how: str, reported: bool) -> None:
        intent = self.open_intents()[which % len(self.open_intents())]
        intent.status = "succeeded"
        intent.amount = intent.booking.total - (1 if how == "too little" else 0)
        intent.currency = "usd" if how == "in dollars" else "eur"
        self.will_report(Event(self.new("evt"), "paid", intent), reported)

    @precondition(lambda self: self.model.bookings)
    @rule(which=PICK, wait=st.sampled_from([0, 10 * MINUTE]), reported=st.booleans())
    def pay_for(self, which: int, wait: int, reported: bool) -> None:
        """Begin to pay, and pay at once or too late."""
        self.start_payment(which, attach=True)
        self.tick(wait)
        for number, intent in enumerate(self.open_intents()):
            if intent.booking is self.booking(which):
                self.pay(number, "right", reported)
                break

    @precondition(lambda self: self.model.bookings)
    @rule(which=PICK, who=WHO)
    def snatch(self, which: int, who: int) -> None:
        """Wait until a booking has run out and take its seats."""
        self.tick(10 * MINUTE)
        self.lock(who, self.booking(which).show, set(self.booking(which).seats))

    @precondition(lambda self: self.open_intents())
    @rule(which=PICK, reported=st.booleans())
    def decline(self, which: int, reported: bool) -> None:
        intent = self.open_intents()[which % len(self.open_intents())]
        self.will_report(Event(self.new("evt"), "declined", intent), reported)

    @precondition(lambda self: self.open_intents())
    @rule(which=PICK, reported=st.booleans())
    def cancel_intent_at_the_dashboard(self, which: int, reported: bool) -> None:
        intent = self.open_intents()[which % len(self.open_intents())]
        intent.status = "canceled"
        self.will_report(Event(self.new("evt"), "canceled", intent), reported)

    @precondition(lambda self: self.refundable())
    @rule(
        which=PICK,
        part=st.sampled_from([0.3, 1.0]),
        status=st.sampled_from(["pending", "succeeded"]),
        reported=st.booleans(),
    )
    def refund_at_the_dashboard(
        self, which: int, part: float, status: Literal["pending", "succeeded"], reported: bool
    ) -> None:
        intent = self.refundable()[which % len(self.refundable())]
        refund = self.new_refund(intent, max(1, int(min(intent.left, intent.left_as_reported) * part)), status)
        self.will_report(Event(self.new("evt"), "refund", intent, refund, status), reported)

    @precondition(lambda self: self.unfinished_refunds())
    @rule(which=PICK, status=st.sampled_from(["succeeded", "succeeded", "failed"]), reported=st.booleans())
    def finish_refund(self, which: int, status: Literal["succeeded", "failed"], reported: bool) -> None:
        refund = self.unfinished_refunds()[which % len(self.unfinished_refunds())]
        refund.status = status
        self.will_report(Event(self.new("evt"), "refund", refund.intent, refund, status), reported)

    @precondition(lambda self: self.refunds)
    @rule(which=PICK, reported=st.booleans())
    def bounce_refund(self, which: int, reported: bool) -> None:
        """The bank sends back what had succeeded."""
        refund = self.refunds[which % len(self.refunds)]
        if refund.status == "succeeded":
            refund.status = "failed"
            self.will_report(Event(self.new("evt"), "refund", refund.intent, refund, "failed"), reported)

    @precondition(lambda self: self.events)
    @rule(which=PICK)
    def deliver(self, which: int) -> None:
        """Any event, delivered before or not."""
        self.tick()
        self.deliver_event(self.events[which % len(self.events)])

    # Side by side -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.events)
    @rule(one=PICK, other=PICK, commits=st.sampled_from([True, True, False]))
    def deliver_two_at_once(self, one: int, other: int, commits: bool) -> None:
        """Two webhooks in parallel: of two events, or twice of one; the first of them may die before it commits."""
        self.side_by_side(
            self.delivery(one % len(self.events), self.frontrow.service),
            self.delivery(other % len(self.events), self.frontrow.second_service),
            commits,
        )

    @precondition(lambda self: self.model.bookings)
    @rule(which=PICK, cancel_first=st.booleans(), commits=st.sampled_from([True, True, False]))
    def cancel_while_it_is_paid(self, which: int, cancel_first: bool, commits: bool) -> None:
        """The customer cancels in one tab and pays in another."""
        self.pay_for(which, wait=0, reported=False)
        about = which % len(self.model.bookings)
        paid = [
            n
            for n, event in enumerate(self.events)
            if event.kind == "paid" and event.intent.booking is self.model.bookings[about]
        ]
        if not paid:
            return
        calls = [self.cancellation(about), self.delivery(paid[-1], self.frontrow.service)]
        self.side_by_side(*(calls if cancel_first else reversed(calls)), commits)

    @rule(
        show=SHOW, seats=SOME, as_guest=st.booleans(), first=st.booleans(), commits=st.sampled_from([True, True, False])
    )
    def sign_in_while_it_is_paid(self, show: int, seats: set[int], as_guest: bool, first: bool, commits: bool) -> None:
        """The guest signs in while Stripe reports the payment."""
        self.choose_and_book(GUEST, show, seats)
        booking = self.model.pending(GUEST, show)
        if booking is None:
            return
        self.pay_for(self.model.bookings.index(booking), wait=0, reported=False)
        paid = [n for n, event in enumerate(self.events) if event.kind == "paid" and event.intent.booking is booking]
        if paid:
            calls = [self.signing_in(as_guest), self.delivery(paid[-1], self.frontrow.second_service)]
            self.side_by_side(*(calls if first else reversed(calls)), commits)

    # The cinema ------------------------------------------------------------------------------------------------------

    @rule(
        by=st.sampled_from(
            [SECOND, 4 * MINUTE, 10 * MINUTE - 1, 10 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 21 * HOUR]
        )
    )
    def wait(self, by: int) -> None:
        self.tick(by)

    @rule()
    def sweep(self) -> None:
        self.tick()
        self.call("release_expired_locks")
        self.model.sweep()

    @rule(
        rows=st.integers(1, 3),
        fate=st.sampled_from(["done"] * 4 + ["dies before reporting", "dies before settling", "error"]),
        refunds_are=st.sampled_from(["pending", "succeeded", "failed"]),
    )
    def work(self, rows: int, fate: str, refunds_are: Literal["pending", "succeeded", "failed"]) -> None:
        """A worker claims rows, does them at Stripe, reports to Frontrow and settles them; or dies in between."""
        self.work_at_outbox(rows, fate, refunds_are)

    @rule()
    def reconcile(self) -> None:
        self.tick()
        for payment in self.call("claim_payments_to_reconcile", older_than="2 minutes", max_rows=100):
            self.ask_about(next(i for i in self.intents if i.id == payment["payment_intent_id"]))

    # What must hold ---------------------------------------------------------------------------------------------------

    @invariant()
    def the_invariants_hold(self) -> None:
        found = [
            (row["invariant"], row["violation"])
            for row in self.frontrow.cinema.violations()
            if not self.is_late_news(row["invariant"], row["violation"])
        ]
        expected = [
            ("I4 a booking outlives its time", {"booking_id": booking}) for booking in sorted(self.model.overdue())
        ]
        assert sorted(found, key=str) == sorted(expected, key=str), found

    def is_late_news(self, invariant: str, violation: Json) -> bool:
        """Stripe lets a refund fail and makes another: if the first is reported last, it seems for a while that
        more went back than came. Once all is reported it has to add up."""
        if invariant != "I2 more goes back than came":
            return False
        intent_id = self.frontrow.cinema.value(
            "select payment_intent_id from public.payments where id = %s", [violation["payment_id"]]
        )
        intent = next(intent for intent in self.intents if intent.id == intent_id)
        return any(refund.reported != refund.status for refund in intent.refunds)

    @invariant()
    def the_seat_maps_agree(self) -> None:
        for show, showtime in enumerate(self.frontrow.shows):
            if self.model.now > STARTS[show] + 12 * HOUR:
                continue  # it was shown; what was sold is history or soon will be
            holds = self.model.holds(show)
            for who in (None, show):
                viewer = self.frontrow.anyone if who is None else self.frontrow.customers[who]
                seats = {seat["id"]: seat for seat in viewer.call("seat_map", showtime_id=showtime)["seats"]}
                seen = {
                    n: (seats[self.seat(n)]["state"], self.frontrow.milliseconds(seats[self.seat(n)]["expires_at"]))
                    for n in SEATS
                }
                expected: dict[int, tuple[str, int | None]] = dict.fromkeys(SEATS, ("free", None))
                for n, hold in holds.items():
                    state = "mine" if hold.who == who else "booked" if hold.until is None else "locked"
                    expected[n] = (state, hold.until if hold.who == who else end_for_others(hold.until))
                assert seen == expected, f"{seen}, and it should be {expected}"

    @invariant()
    def the_bookings_agree(self) -> None:
        rows = self.frontrow.cinema.rows("select id::text, user_id::text, status::text from public.bookings")
        over = {"cancelled": "over", "refunded": "over"}
        seen = {row["id"]: (over.get(row["status"], row["status"]), row["user_id"]) for row in rows}
        expected = {
            booking.id: (booking.status, str(self.frontrow.customers[booking.who].user_id))
            for booking in self.model.bookings
        }
        assert seen == expected, f"{seen}, and it should be {expected}"

    def teardown(self) -> None:
        """All that is on its way arrives; then Stripe's books must balance."""
        if sys.exc_info()[0] is not None:
            return  # it has failed already
        for _ in range(40):
            self.tick(8 * HOUR)
            for event in self.events:
                if not event.delivered:
                    self.deliver_event(event)
            self.sweep()
            self.reconcile()
            for refund in self.unfinished_refunds():
                refund.status = "succeeded"
                self.will_report(Event(self.new("evt"), "refund", refund.intent, refund, "succeeded"), now=True)
            while self.work_at_outbox(10, "done", "succeeded"):
                pass
            if not self.under_way():
                break
        else:
            raise AssertionError(f"It never comes to rest: {self.frontrow.cinema.outbox()[-1]}")
        self.the_invariants_hold()
        self.the_seat_maps_agree()
        self.the_bookings_agree()
        self.the_books_balance()

    def the_books_balance(self) -> None:
        known = {
            row["payment_intent_id"]: row["amount"]
            for row in self.frontrow.cinema.rows(
                "select p.payment_intent_id, sum(r.amount)::integer as amount from public.refunds r"
                " join public.payments p on p.id = r.payment_id where r.status = 'succeeded' group by 1"
            )
        }
        for intent in self.intents:
            if intent.status != "succeeded":
                continue
            returned = intent.amount - intent.left
            kept = intent.booking.status == "confirmed" and intent.booking.kept is intent
            assert intent.reported, "Money arrived and nobody knows."
            assert (returned < intent.amount) if kept else (returned == intent.amount), (
                f"{intent.id}: took {intent.amount}, returned {returned}, the booking is {intent.booking.status}"
            )
            assert known.get(intent.id, 0) == returned, "Frontrow's refunds are not those of Stripe."

    # How it is done ---------------------------------------------------------------------------------------------------

    def tick(self, by: int = 1) -> None:
        self.model.now += by
        self.frontrow.set_clock(self.model.now)

    def seat(self, number: int) -> int:
        return self.frontrow.cinema.seats[number]

    def booking(self, which: int) -> Booking:
        return self.model.bookings[which % len(self.model.bookings)]

    def open_intents(self) -> list[Intent]:
        return [intent for intent in self.intents if intent.status == "open"]

    def refundable(self) -> list[Intent]:
        """List the intents that may be refunded by hand: none whose booking Frontrow cannot know yet, and none a second
        time before the failure of the first was reported."""
        return [
            intent
            for intent in self.intents
            if min(intent.left, intent.left_as_reported) > 0 and (intent.attached or intent.reported)
        ]

    def unfinished_refunds(self) -> list[StripeRefund]:
        return [refund for refund in self.refunds if refund.status == "pending"]

    def under_way(self) -> bool:
        return (
            any(not event.delivered for event in self.events)
            or bool(self.unfinished_refunds())
            or self.frontrow.cinema.value("select exists (select from private.outbox where state = 'queued')")
        )

    def new(self, kind: str) -> str:
        return f"{kind}_{next(self.numbers)}"

    def new_intent(self, booking: Booking) -> Intent:
        intent = Intent(self.new("pi"), booking)
        self.intents.append(intent)
        return intent

    def new_refund(self, intent: Intent, amount: int, status: Literal["pending", "succeeded"]) -> StripeRefund:
        refund = StripeRefund(self.new("re"), intent, amount, status)
        intent.refunds.append(refund)
        self.refunds.append(refund)
        return refund

    def ask(self, who: int, function: str, **arguments: Any) -> Any:
        return attempt(self.frontrow.customers[who], function, arguments)

    def call(self, function: str, arguments: Json | None = None, **more: Any) -> Any:
        return attempt(self.frontrow.service, function, {**(arguments or {}), **more})

    def must_be_refused(self, answer: Any, code: str) -> None:
        assert isinstance(answer, Refused), f"{code} was due, and it answered {answer}"
        assert answer.code == code, f"{answer.code}, and it should be {code}"

    def holds_what_it_says(self, who: int, show: int, answer: Any) -> None:
        assert not isinstance(answer, Refused), answer
        mine = {n: hold for n, hold in self.model.held_by(who, show).items() if hold.until is not None}
        assert answer["seat_ids"] == [self.seat(n) for n in sorted(mine)], "It does not say what is still held."
        ends = {hold.until for hold in mine.values()}
        assert {self.frontrow.milliseconds(answer["expires_at"])} == (ends or {None})

    def will_report(self, event: Event, now: bool) -> None:
        self.events.append(event)
        if now:
            self.tick()
            self.deliver_event(event)

    def deliver_event(self, event: Event) -> None:
        """Deliver an event. A refused one counts as not delivered: Stripe retries it."""
        self.apply(event, self.call(*self.said(event)))

    def apply(self, event: Event, answer: Any) -> None:
        """Check the answer to a delivery and apply it to the model."""
        first = not event.delivered
        if isinstance(answer, Refused):
            return
        event.delivered = True
        if not first:
            assert answer["outcome"] == "duplicate"
        elif event.kind == "paid":
            self.must_come_to(answer, event.intent)
        elif event.refund is not None:
            self.model.refund_told(event.refund, event.status)

    def said(self, event: Event) -> tuple[str, Json]:
        """The call that an event becomes."""
        said: Json = {"event_id": event.id, "event_type": event.kind, "payment_intent_id": event.intent.id}
        if event.kind == "paid":
            return "confirm_booking", said | money(event.intent)
        if event.refund is not None:
            return "record_refund", said | how_it_stands(event.refund, event.status)
        return "record_payment_failure", said | {"canceled": event.kind == "canceled", "failure_code": "declined"}

    # Calls by number: what they are about may be copied before their answers are applied.

    def delivery(self, number: int, by: Caller) -> Call:
        return Call(by, *self.said(self.events[number]), lambda answer: self.apply(self.events[number], answer))

    def cancellation(self, number: int, somebody: int | None = None) -> Call:
        booking = self.model.bookings[number]
        who = booking.who if somebody is None else somebody

        def apply(answer: Any) -> None:
            refused = self.model.cancel(who, self.model.bookings[number])
            if refused is None:
                assert not isinstance(answer, Refused), answer
                assert answer["status"] in ("cancelled", "refunded")
            else:
                self.must_be_refused(answer, refused)

        return Call(self.frontrow.customers[who], "cancel_booking", {"booking_id": booking.id}, apply)

    def signing_in(self, as_guest: bool) -> Call:
        account, guest = self.frontrow.customers[0].user_id, self.frontrow.customers[GUEST].user_id
        session = self.frontrow.cinema.value(
            "insert into private.sessions (user_id, expires_at) values (%s, private.now() + interval '60 days')"
            " returning id",
            [guest],
        )
        arguments = {"user_id": account, "token_hash": uuid.uuid4().hex * 2, "address": "203.0.113.7"}

        def apply(answer: Any) -> None:
            assert not isinstance(answer, Refused), answer
            self.frontrow.give_contact()
            self.model.sign_in(0, GUEST, as_guest=as_guest)

        return Call(
            *(self.frontrow.service, "open_session"),
            arguments | ({"guest_session_id": session} if as_guest else {}),
            apply,
        )

    def side_by_side(self, first: Call, second: Call, commits: bool) -> None:
        """Two calls in one instant. A lock that begins and ends in it keeps a microsecond, so the clock goes on."""
        self.tick()
        self.let_meet(first, second, commits)
        self.tick()

    def let_meet(self, first: Call, second: Call, commits: bool) -> None:
        """The second call comes while the first has answered and is not committed. Either order will do, if one of them
        explains both answers; when the first dies instead of committing, only the second happened."""
        answer = attempt_in_transaction(first)
        call = self.frontrow.thread.submit(second.caller.call, second.function, **second.arguments)
        wait_until_it_waits_or_ends(self.frontrow.cinema, call, second.caller)
        if commits and not isinstance(answer, Refused):
            first.caller.commit()
        else:
            first.caller.rollback()
        other = outcome(call)
        if not commits:
            second.apply(other)
            return
        before = copy.deepcopy({name: getattr(self, name) for name in self.WORLD})
        try:
            first.apply(answer)
            second.apply(other)
        except AssertionError:
            self.__dict__.update(before)
            second.apply(other)
            first.apply(answer)

    def must_come_to(self, answer: Json, intent: Intent) -> None:
        due = self.model.paid(intent)
        if due in ("confirmed", "already_settled"):
            assert answer["outcome"] == due, f"{answer}, and it should be {due}"
        else:
            assert (answer["outcome"], answer.get("reason")) == ("refund_queued", due), (
                f"{answer}, and it should be {due}"
            )

    def ask_about(self, intent: Intent) -> None:
        """Report what the worker finds when it asks Stripe about an intent."""
        if intent.status == "succeeded":
            answer = self.call(
                "confirm_booking",
                event_id=f"reconcile:{intent.id}",
                event_type="reconcile",
                payment_intent_id=intent.id,
                **money(intent),
            )
            if answer["outcome"] != "duplicate":
                self.must_come_to(answer, intent)
        elif intent.status == "canceled":
            self.call(
                "record_payment_failure",
                event_id=None,
                event_type="worker",
                payment_intent_id=intent.id,
                canceled=True,
            )

    def work_at_outbox(self, rows: int, fate: str, refunds_are: Literal["pending", "succeeded", "failed"]) -> int:
        """Return how many rows there were."""
        self.tick()
        claimed = self.call("claim_outbox", max_rows=rows)
        for row in claimed:
            if row["kind"] == "refund" and fate != "error":
                self.work_at_refund(row["refund"], refunds_are, report=fate != "dies before reporting")
            elif row["kind"] == "cancel_intent" and fate != "error":
                self.work_at_intent(row["payload"]["payment_intent_id"], report=fate != "dies before reporting")
            if fate in ("done", "error"):
                assert self.call(
                    "complete_outbox", id=row["id"], attempt=row["attempt"], error="no" if fate == "error" else None
                )
        return len(claimed)

    def work_at_intent(self, intent_id: str, *, report: bool) -> None:
        intent = next(intent for intent in self.intents if intent.id == intent_id)
        if intent.status == "open":
            intent.status = "canceled"
            self.events.append(Event(self.new("evt"), "canceled", intent))
        if report:
            self.ask_about(intent)

    def work_at_refund(self, order: Json, status: Literal["pending", "succeeded", "failed"], *, report: bool) -> None:
        """Stripe makes one refund for a key, none that exceeds what it has, and says so when nothing is left."""
        if order["status"] not in ("queued", "failed"):
            return
        intent = next(intent for intent in self.intents if intent.id == order["payment_intent_id"])
        key = f"{order['id']}:{order['attempt']}"
        refund = self.refund_by_key.get(key)
        if refund is None and order["amount"] <= intent.left and status != "failed":
            refund = self.new_refund(intent, order["amount"], status)
            refund.ours, refund.attempt = order["id"], order["attempt"]
            self.refund_by_key[key] = refund
            self.events.append(Event(self.new("evt"), "refund", intent, refund, status))
        made = refund is not None
        if refund is None:  # an earlier attempt may have made one, or somebody by hand
            stands = [
                r
                for r in reversed(intent.refunds)
                if r.status != "failed"
                and (r.ours == order["id"] or (r.ours is None and r.amount == order["amount"] and r.reported is None))
            ]
            refund = min(stands, key=lambda r: r.ours is None, default=None)
        if not report:
            return
        nothing_left = intent.left == 0
        code = None if made else "charge_already_refunded" if nothing_left else "refused"
        facts = [at_stripe(refund)] if made and refund else [at_stripe(r) for r in reversed(intent.refunds)]
        answer = self.call(
            "settle_refund_attempt", refund_id=order["id"], attempt=order["attempt"], code=code, refunds=Jsonb(facts)
        )
        if answer["outcome"] == "stale":
            return
        if refund is not None:
            assert answer["outcome"] == ("made" if made else "adopted"), answer
            self.model.refund_told(refund, refund.status)
        elif nothing_left:
            for other in intent.refunds:
                if other.reported != other.status and (other.reported or other.status != "failed"):
                    self.model.refund_told(other, other.status)


def at_stripe(refund: StripeRefund) -> Json:
    """A refund as the worker reports it."""
    ours = {"refund_id": refund.ours, "attempt": str(refund.attempt)} if refund.ours else {}
    return {
        "id": refund.id,
        "amount": refund.amount,
        "status": refund.status,
        "failure_reason": "declined" if refund.status == "failed" else None,
        "metadata": ours,
    }


def attempt(caller: Caller, function: str, arguments: Json) -> Any:
    """Return the answer of a function, or the Refused that it raises."""
    try:
        return caller.call(function, **arguments)
    except Refused as refused:
        return refused


def attempt_in_transaction(call: Call) -> Any:
    """The same in a transaction that stays open."""
    call.caller.begin()
    try:
        return call.caller.call_in_transaction(call.function, **call.arguments)
    except Refused as refused:
        return refused


def money(intent: Intent) -> Json:
    return {"amount": intent.amount, "currency": intent.currency, "booking_id": uuid.UUID(intent.booking.id)}


def how_it_stands(refund: StripeRefund, status: str) -> Json:
    return {
        "stripe_refund_id": refund.id,
        "amount": refund.amount,
        "status": status,
        "failure_reason": "declined" if status == "failed" else None,
        "refund_id": refund.ours,
        "attempt": refund.attempt,
    }


def lifecycle_of(frontrow: Frontrow) -> Callable[[], Lifecycle]:
    """The state machine over that database."""

    class OfThisDatabase(Lifecycle):
        pass

    OfThisDatabase.frontrow = frontrow
    OfThisDatabase.__name__ = OfThisDatabase.__qualname__ = "Lifecycle"
    return OfThisDatabase
