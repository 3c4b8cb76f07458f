"""A small cinema in Python: who may hold which seat, by the clock, and what a booking has come to.

It says nothing of how Frontrow does it. Times are milliseconds since the example began; money is in minor units. Beside
it stands what is true at Stripe: intents, the money that they took, and refunds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

LOCK = 10 * MINUTE
TIME_TO_PAY = 10 * MINUTE
NOTICE = 2 * HOUR
SEATS_PER_CUSTOMER = 4
SEATS_HELD = 6
"""At both showtimes together, and not paid for."""
SEATS = range(6)
PRICES = [1200, 1200, 1200, 1500, 1500, 1500]
STARTS = [24 * HOUR, 96 * HOUR]
"""When the two showtimes start."""

Status = Literal["pending", "confirmed", "expired", "over"]
"""`over` stands for cancelled and refunded: the seats are free and the money goes back."""


@dataclass(eq=False)
class Booking:
    id: str
    who: int
    show: int
    seats: list[int]
    expires: int
    status: Status = "pending"
    begun: bool = False
    """True once it has had its time to pay."""
    kept: Intent | None = None
    """The payment that a confirmed booking lives on."""

    @property
    def total(self) -> int:
        return sum(PRICES[seat] for seat in self.seats)


@dataclass(eq=False)
class StripeRefund:
    id: str
    intent: Intent
    amount: int
    status: Literal["pending", "succeeded", "failed"]
    ours: str | None = None
    """The id of our refund in its metadata; None for one made at the dashboard."""
    attempt: int | None = None
    reported: str | None = None
    """The status that was reported to Frontrow last."""


@dataclass(eq=False)
class Intent:
    id: str
    booking: Booking
    status: Literal["open", "succeeded", "canceled"] = "open"
    amount: int = 0
    currency: str = "eur"
    attached: bool = False
    """True once Frontrow has noted which booking it is for."""
    reported: bool = False
    """True once the payment was reported to Frontrow."""
    refunds: list[StripeRefund] = field(default_factory=list)

    @property
    def left(self) -> int:
        """The amount that Stripe could still return."""
        return self.amount - sum(refund.amount for refund in self.refunds if refund.status != "failed")

    @property
    def left_as_reported(self) -> int:
        """The same before it is known that a refund failed."""
        return self.amount - sum(refund.amount for refund in self.refunds if refund.reported != "failed")


@dataclass
class Hold:
    who: int
    until: int | None
    """None for a seat that is sold."""
    booking: Booking | None = None


def end_for_others(until: int | None) -> int | None:
    """When a lock ends, as its holder's neighbors are told: rounded up to the full minute.
    (The example begins at one.)"""
    return None if until is None else -(-until // MINUTE) * MINUTE


class CinemaModel:
    """Two showtimes in one auditorium of six seats."""

    def __init__(self) -> None:
        self.now = 0
        self.bookings: list[Booking] = []
        self._holds: list[dict[int, Hold]] = [{}, {}]

    def holds(self, show: int) -> dict[int, Hold]:
        """The live holds by seat."""
        holds = self._holds[show]
        for seat in [seat for seat, hold in holds.items() if hold.until is not None and hold.until <= self.now]:
            del holds[seat]
        return holds

    def held_by(self, who: int, show: int) -> dict[int, Hold]:
        return {seat: hold for seat, hold in self.holds(show).items() if hold.who == who}

    def _free(self, booking: Booking) -> None:
        for seat in booking.seats:
            hold = self.holds(booking.show).get(seat)
            if hold is not None and hold.booking is booking:
                del self._holds[booking.show][seat]

    # What customers ask for. Each answers the code of the refusal, or None after it was done. ------------------------

    def lock(self, who: int, show: int, seats: set[int]) -> tuple[str, set[int]] | None:
        """With seat_taken come the seats."""
        mine = self.held_by(who, show)
        wanted = seats - mine.keys()
        if len(seats) > SEATS_PER_CUSTOMER:
            return "too_many_seats", set()
        if self.now >= STARTS[show]:
            return "showtime_closed", set()
        if not wanted:
            return None
        if any(hold.booking is not None and hold.until is not None for hold in mine.values()):
            return "booking_pending", set()
        if len(mine) + len(wanted) > SEATS_PER_CUSTOMER:
            return "too_many_seats", set()
        unpaid = [hold for at in (0, 1) for hold in self.held_by(who, at).values() if hold.until is not None]
        if len(unpaid) + len(wanted) > SEATS_HELD:
            return "too_many_held", set()
        if taken := wanted & self.holds(show).keys():
            return "seat_taken", taken
        until = min((hold.until for hold in mine.values() if hold.until is not None), default=self.now + LOCK)
        self._holds[show].update({seat: Hold(who, until) for seat in wanted})
        return None

    def release(self, who: int, show: int, seats: set[int]) -> str | None:
        mine = {seat: hold for seat, hold in self.held_by(who, show).items() if seat in seats}
        if any(hold.booking is not None and hold.until is not None for hold in mine.values()):
            return "booking_pending"
        for seat, hold in mine.items():
            if hold.booking is None:
                del self._holds[show][seat]
        return None

    def pending(self, who: int, show: int) -> Booking | None:
        for booking in self.bookings:
            if (booking.who, booking.show, booking.status) == (who, show, "pending"):
                return booking
        return None

    def book(self, who: int, show: int, booking_id: str | None) -> str | None:
        """booking_id is what Frontrow called it; None when it refused."""
        if self.now >= STARTS[show]:
            return "showtime_closed"
        pending = self.pending(who, show)
        if pending is not None and pending.expires > self.now:
            return None
        mine = {seat: hold for seat, hold in self.held_by(who, show).items() if hold.booking is None}
        if not mine:
            return "lock_expired"
        if pending is not None:
            pending.status = "expired"
        assert booking_id is not None, "It must become a booking."
        expires = min(hold.until for hold in mine.values() if hold.until is not None)
        booking = Booking(booking_id, who, show, sorted(mine), expires)
        for hold in mine.values():
            hold.booking = booking
        self.bookings.append(booking)
        return None

    def may_pay(self, booking: Booking) -> str | None:
        if booking.status == "expired" or (booking.status == "pending" and booking.expires <= self.now):
            return "lock_expired"
        return None if booking.status == "pending" else "not_payable"

    def begin_to_pay(self, booking: Booking) -> None:
        """Give more time, once."""
        if not booking.begun:
            booking.begun, booking.expires = True, max(booking.expires, self.now + TIME_TO_PAY)
            for hold in self.holds(booking.show).values():
                if hold.booking is booking:
                    hold.until = booking.expires

    def cancel(self, who: int, booking: Booking) -> str | None:
        if booking.who != who:
            return "unknown_booking"
        if booking.status == "over":
            return None
        if (
            booking.status == "expired"
            or (booking.status == "pending" and booking.expires <= self.now)
            or (booking.status == "confirmed" and self.now > STARTS[booking.show] - NOTICE)
        ):
            return "not_cancellable"
        self._free(booking)
        booking.status = "over"
        return None

    def sign_in(self, account: int, guest: int, *, as_guest: bool) -> None:
        """Give an account what a guest has: all, where it was the guest who signed in, and else the tickets, since both
        have one address and the account's is proved. Where the account has a selection of its own at a showtime,
        the guest's stays."""
        busy = [as_guest and self._has_selection(account, guest, show) for show in (0, 1)]
        for booking in self.bookings:
            all_but_orders = booking.status == "confirmed" or (as_guest and booking.status != "pending")
            if booking.who == guest and (all_but_orders or (as_guest and not busy[booking.show])):
                booking.who = account
        for show in (0, 1):
            for hold in self.holds(show).values():
                if hold.who == guest and hold.booking is not None:
                    hold.who = hold.booking.who
                elif hold.who == guest and as_guest and not busy[show]:
                    hold.who = account

    def _has_selection(self, account: int, guest: int, show: int) -> bool:
        """End the orders of both whose time is over, and say whether the account has another or holds seats."""
        for booking in self.bookings:
            if booking.who in (account, guest) and booking.status == "pending" and booking.expires <= self.now:
                booking.status = "expired"
        holds = any(hold.until is not None for hold in self.held_by(account, show).values())
        return holds or self.pending(account, show) is not None

    # What happens by itself -------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        for booking in self.bookings:
            if booking.status == "pending" and booking.expires <= self.now:
                booking.status = "expired"

    def overdue(self) -> set[str]:
        """Bookings that a sweep should have ended ten minutes ago."""
        return {b.id for b in self.bookings if b.status == "pending" and b.expires < self.now - 10 * MINUTE}

    def paid(self, intent: Intent) -> str:
        """Record a payment; return what it must come to: confirmed, already_settled, or the reason of a refund."""
        if intent.reported:
            return "already_settled"
        intent.reported = True
        booking = intent.booking
        booking.begun = True
        if booking.status == "confirmed":
            return "second_payment"
        if booking.status == "over":
            return "booking_cancelled"
        if (intent.amount, intent.currency) != (booking.total, "eur"):
            return "amount_differs"
        holds = self.holds(booking.show)
        own = [seat for seat, hold in holds.items() if hold.booking is booking]
        if not own and self.now >= STARTS[booking.show]:
            booking.status = "expired"
            return "showtime_closed"
        mine = self.held_by(booking.who, booking.show)
        if not own and mine and len(mine) + len(booking.seats) > SEATS_PER_CUSTOMER:
            booking.status = "expired"
            return "too_many_seats"
        if not own and holds.keys() & set(booking.seats):
            booking.status = "expired"
            return "seats_gone"
        holds.update({seat: Hold(booking.who, None, booking) for seat in booking.seats})
        booking.status, booking.kept = "confirmed", intent
        return "confirmed"

    def refund_told(self, refund: StripeRefund, status: str) -> None:
        """Record the status of a refund; failed is for good. A confirmed booking whose whole price went back is
        over."""
        if refund.reported == "failed" or (status == "pending" and refund.reported == "succeeded"):
            return  # late news of what was before
        refund.reported = status
        booking = refund.intent.booking
        back = sum(r.amount for r in refund.intent.refunds if r.reported == "succeeded")
        if booking.status == "confirmed" and booking.kept is refund.intent and back >= refund.intent.amount:
            self._free(booking)
            booking.status = "over"
