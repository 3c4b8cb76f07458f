"""The customers: threads that drive whole bookings as a page would, each visit after another scenario.

They go over the wire only: Flask for sign-in and payment, the Data API through the gateway for seats and bookings,
Stripe with the publishable key. What fails on the way is asked again, for a while, as a page does it; every answer that
is neither good nor one of the refusals that may be expected there is noted as wrong.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import httpx

from tests.chaos.counters import Counters, chance

Json = dict[str, Any]

_RETRY_SECONDS: Final = 25.0
"""Seconds for which a customer repeats a request that fails."""
_TIMEOUT: Final = httpx.Timeout(20.0, connect=3.0)
_CONTESTED_SEATS: Final = 16
"""Customers want the first free seats of a room, so that they get into each other's way."""
_SNIPING_SHARE: Final = 0.3
_GETS_AN_ACCOUNT_SHARE: Final = 0.5
"""Of visits of guests: who registers or signs in with seats on hold."""
_EMPTY_ERROR: Final = '{"code":"","details":null,"hint":null,"message":""}'
"""The answer of PostgREST, a 400, when its backend is killed in the middle of a call."""
_VISITS_OF_A_PERSON: Final = 3
_PASSWORD: Final = "nothing can stop me"


class GaveUpError(Exception):
    """Nothing answered for as long as a customer asks again."""


class UnexpectedError(Exception):
    """An answer that must not be given. It has been noted."""


@dataclass(frozen=True)
class Endpoints:
    """The URLs and keys that a page knows."""

    api: str
    supabase: str
    supabase_key: str
    stripe: str
    stripe_key: str
    page: str


class Program:
    """The showtimes that people want to see: three at a time, the next when one is nearly full."""

    def __init__(self, showtime_ids: list[int]) -> None:
        self._left = showtime_ids
        self._lock = threading.Lock()

    def choose(self, rng: random.Random) -> int:
        """One of the three."""
        with self._lock:
            return rng.choice(self._left[:3])

    def drop(self, showtime_id: int) -> None:
        """Offer this one no longer: it is nearly full, or canceled."""
        with self._lock:
            if showtime_id in self._left and len(self._left) > 3:
                self._left.remove(showtime_id)


@dataclass(frozen=True)
class Answer:
    """A good answer, or a refusal with its code."""

    body: Any
    refused: str | None = None


class Customers:
    """So many threads, from start() to stop()."""

    def __init__(self, endpoints: Endpoints, program: Program, counters: Counters, seed: int, number: int) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=Customer(endpoints, program, counters, chance(seed, "customer", each), each, self._stop).run,
                name=f"customer {each}",
                daemon=True,
            )
            for each in range(1, number + 1)
        ]

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin no further visit, and wait until all have ended."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Customer:
    """One browser; now and then another person in front of it."""

    def __init__(
        self,
        endpoints: Endpoints,
        program: Program,
        counters: Counters,
        rng: random.Random,
        number: int,
        stop: threading.Event,
    ) -> None:
        self.endpoints = endpoints
        self.counters = counters
        self.rng = rng
        self._program = program
        self._number = number
        self._stop = stop
        self._http = httpx.Client(timeout=_TIMEOUT, trust_env=False)
        self._people = 0
        self._token = ""
        self._is_guest = False
        self._person: Json = {}
        self._account: Json | None = None
        """Of an earlier visit, which a guest may have as well."""

    def run(self) -> None:
        """Make visit after visit until the stop."""
        visits = 0
        while not self._stop.is_set():
            try:
                if visits % _VISITS_OF_A_PERSON == 0:
                    self._sign_in()
                visits += 1
                self._visit()
            except GaveUpError:
                self.counters.event("gave up: nobody answered")
                if not self._token:
                    visits = 0
            except UnexpectedError:
                continue
            except Exception as error:
                self.counters.wrong(f"a customer failed itself: {type(error).__name__}: {error}")
        self._http.close()

    # A visit ---------------------------------------------------------------------------------------------------------

    def _visit(self) -> None:
        self.counters.event("visits")
        showtime_id = self._program.choose(self.rng)
        if not self._take_seats(showtime_id):
            return
        if self._is_guest and self.rng.random() < _GETS_AN_ACCOUNT_SHARE:
            self._get_an_account()
        scenario = self.rng.choices([scenario for scenario, _ in SCENARIOS], [weight for _, weight in SCENARIOS])[0]
        if scenario is walks_away_from_seats or scenario is releases:
            scenario(self, {"showtime_id": showtime_id})
            return
        booked = self.data("create_booking", {"lock_expired", "showtime_closed"}, showtime_id=showtime_id)
        if booked.refused:
            return
        booking: Json = booked.body
        self.counters.promised_booking(booking["id"], booking["total"])
        self.counters.event("bookings")
        scenario(self, booking)

    def _take_seats(self, showtime_id: int) -> bool:
        """Choose among the first free seats and lock them; another choice when somebody was faster."""
        for _ in range(3):
            chosen = self._choose(showtime_id)
            if not chosen:
                return False
            locked = self.data(
                "lock_seats",
                {"seat_taken", "booking_pending", "too_many_seats", "showtime_closed"},
                showtime_id=showtime_id,
                seat_ids=chosen,
            )
            if locked.refused is None:
                self.counters.promised_locks(
                    (showtime_id, seat, lock)
                    for seat, lock in zip(locked.body["seat_ids"], locked.body["lock_ids"], strict=True)
                )
                return True
            self.counters.event(f"refused: {locked.refused}")
            if locked.refused != "seat_taken":
                return False
        return False

    def _choose(self, showtime_id: int) -> list[int]:
        """Some of the first free seats; or, now and then seats whose hold is about to end, at that moment."""
        seats = self.data("seat_map", (), showtime_id=showtime_id).body["seats"]
        free = [seat["id"] for seat in seats if seat["state"] == "free" and seat["price"] is not None]
        if len(free) < 2 * _CONTESTED_SEATS:
            self._program.drop(showtime_id)
        ends = sorted(seat["expires_at"] for seat in seats if seat["state"] == "locked")
        if ends and self.rng.random() < _SNIPING_SHARE:
            self.counters.event("waited for seats to expire")
            self._wait_until(ends[0], self.rng.uniform(0.0, 0.3))
            return [seat["id"] for seat in seats if seat["expires_at"] == ends[0]]
        first = self.rng.randrange(_CONTESTED_SEATS)
        return free[first : first + self.rng.randint(1, 4)] or free[-1:]

    # Steps of scenarios ---------------------------------------------------------------------------------------------

    def intent(self, booking: Json) -> Json | None:
        """Create the payment intent, after a guest has said who they are; None when it is too late for that."""
        if self._is_guest:
            self.data("set_contact", (), email=self._person["email"], full_name=self._person["full_name"])
            self.counters.gave_contact(booking["id"], self._person["email"])
        answer = self.flask(
            "/api/payments/create-intent", {"lock_expired", "not_payable"}, {"booking_id": booking["id"]}
        )
        if answer.refused:
            self.counters.event(f"refused: {answer.refused}")
            return None
        if answer.body["amount"] != booking["total"]:
            self.counters.wrong(f"Stripe is asked for {answer.body['amount']} for a booking of {booking['total']}")
        return cast(Json, answer.body)

    def pay(self, intent: Json, card: str = "pm_card_visa") -> str:
        """Confirm as the card form does; return the intent's status, or `declined`."""
        intent_id = intent["payment_intent_id"]
        url = f"{self.endpoints.stripe}/v1/payment_intents/{intent_id}/confirm"
        form = {
            "payment_method": card,
            "client_secret": intent["client_secret"],
            "return_url": self.endpoints.page,
            "key": self.endpoints.stripe_key,
        }
        status = self._confirmed(lambda: self._http.post(url, data=form))
        if status == "succeeded":
            self.counters.promised_payment(intent_id)
        self.counters.event(f"paid: {status}")
        return status

    def watch(self, booking: Json, seconds: float = 8.0) -> str:
        """Poll the booking until it is no longer pending; return its status."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.data("my_booking", {"unknown_booking"}, booking_id=booking["id"])
            if answer.refused:
                self.counters.wrong(f"booking {booking['id']} was answered and is not there")
                raise UnexpectedError
            status: str = answer.body["status"]
            if status != "pending" or time.monotonic() > deadline:
                return status
            self.wait(0.4)

    def cancel(self, booking: Json) -> bool:
        """Cancel the booking; false when that was no longer possible."""
        answer = self.data("cancel_booking", {"not_cancellable"}, booking_id=booking["id"])
        return answer.refused is None

    def wait(self, seconds: float) -> None:
        """Do nothing for so long, or until the run ends."""
        self._stop.wait(max(0.0, seconds))

    def wait_for_the_end(self, booking: Json, offset: float) -> None:
        """Wait until so many seconds after (or before) the booking expires."""
        self._wait_until(booking["expires_at"], offset)

    def _wait_until(self, moment: str, offset: float) -> None:
        self.wait(datetime.fromisoformat(moment).timestamp() + offset - time.time())

    def another_tab(self) -> Customer:
        """Open a second tab for the same person."""
        tab = Customer(self.endpoints, self._program, self.counters, self.rng, self._number, self._stop)
        tab._token, tab._is_guest, tab._person = self._token, self._is_guest, self._person
        return tab

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # The wire --------------------------------------------------------------------------------------------------------

    def data(self, function: str, refusals: Collection[str], **arguments: Any) -> Answer:
        """Call a SQL function through the Data API."""
        headers = {"apikey": self.endpoints.supabase_key, "Authorization": f"Bearer {self._token}"}
        url = f"{self.endpoints.supabase}/rest/v1/rpc/{function}"
        return self._ask(function, refusals, lambda: self._http.post(url, json=arguments, headers=headers))

    def flask(self, path: str, refusals: Collection[str], body: Json) -> Answer:
        """POST to Flask."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return self._ask(path, refusals, lambda: self._http.post(self.endpoints.api + path, json=body, headers=headers))

    def _sign_in(self) -> None:
        """Come as a new person, by turns registered and a guest. One whose answer was lost is left behind."""
        self._people += 1
        self._token = ""
        email = f"customer-{self._number}-{self._people}@example.com"
        self._person = {"email": email, "full_name": f"Customer {self._number}.{self._people}", "password": _PASSWORD}
        if self._people % 2 == 0:
            self.counters.event("guests")
            self._keep(self.flask("/api/auth/guest", (), {}))
        else:
            self._keep(self.flask("/api/auth/register", (), self._person))

    def _get_an_account(self) -> None:
        """Register as the guest that one is, or sign in to an account of before, which what the guest has goes to."""
        if self._account is None or self.rng.random() < 0.5:
            self.counters.event("guests who registered")
            self._keep(self.flask("/api/auth/register", (), self._person))
        else:
            self.counters.event("guests who signed in")
            self._person = self._account
            self._keep(self.flask("/api/auth/login", (), {"email": self._person["email"], "password": _PASSWORD}))

    def _keep(self, answer: Answer) -> None:
        self._token = answer.body["access_token"]
        self._is_guest = answer.body["user"]["kind"] == "guest"
        if not self._is_guest:
            self._account = self._person

    def _ask(self, what: str, refusals: Collection[str], send: Callable[[], httpx.Response]) -> Answer:
        """Ask until somebody answers, for a while. Raises GaveUpError, and UnexpectedError for a wrong answer."""
        deadline = time.monotonic() + _RETRY_SECONDS
        while True:
            try:
                response = send()
            except httpx.TransportError as error:
                self.counters.event(f"no answer: {type(error).__name__}")
            else:
                if not self._is_outage(response):
                    return self._judge(what, refusals, response)
            if time.monotonic() > deadline:
                raise GaveUpError
            time.sleep(self.rng.uniform(0.1, 0.5))

    def _is_outage(self, response: httpx.Response) -> bool:
        """Say whether the answer reports an outage, in words fit for a customer."""
        if response.status_code == 400 and response.text == _EMPTY_ERROR:
            self.counters.event("answered: 400 with an empty error")
            return True
        if response.status_code not in (502, 503, 504) or "Traceback" in response.text:
            return False
        self.counters.event(f"answered: {response.status_code}")
        return True

    def _judge(self, what: str, refusals: Collection[str], response: httpx.Response) -> Answer:
        try:
            body: Any = response.json() if response.content else None
        except ValueError:
            body = None
        if response.is_success and body is not None:
            return Answer(body)
        code = cast(Json, body).get("message") if isinstance(body, dict) else None
        if isinstance(code, str) and code in refusals:
            return Answer(body, code)
        self.counters.wrong(f"{what} answered {response.status_code} {response.text[:300]}")
        raise UnexpectedError

    # Stripe ----------------------------------------------------------------------------------------------------------

    def _confirmed(self, send: Callable[[], httpx.Response]) -> str:
        """Ask Stripe until it says how the intent stands; a lost answer may have been a success."""
        deadline = time.monotonic() + _RETRY_SECONDS
        while True:
            try:
                response = send()
            except httpx.TransportError:
                pass  # a fault of the run's own; nobody knows whether the money is taken
            else:
                body = cast(Json, response.json())
                if response.is_success:
                    return self._pass_3d_secure(body)
                error = cast(Json, body["error"])
                if response.status_code == 402:
                    return "declined"
                if error.get("code") == "payment_intent_unexpected_state":
                    return str(error["payment_intent"]["status"])
                if response.status_code != 429 and response.status_code < 500:
                    self.counters.wrong(f"Stripe answered {response.status_code} {json.dumps(error)[:300]}")
                    raise UnexpectedError
            if time.monotonic() > deadline:
                return "unknown"
            time.sleep(self.rng.uniform(0.1, 0.5))

    def _pass_3d_secure(self, intent: Json) -> str:
        """Pass 3-D Secure, if the bank asks for it: mostly with success."""
        if intent["status"] != "requires_action":
            return str(intent["status"])
        outcome = "complete" if self.rng.random() < 0.8 else "fail"
        answer = self._http.post(intent["next_action"]["redirect_to_url"]["url"], data={"outcome": outcome})
        location = str(answer.headers.get("location", ""))
        return "succeeded" if "redirect_status=succeeded" in location else "declined"


# Scenarios -----------------------------------------------------------------------------------------------------------


def pays(customer: Customer, booking: Json) -> None:
    """The usual: pay, and see the ticket."""
    if intent := customer.intent(booking):
        customer.pay(intent, customer.rng.choice(("pm_card_visa", "pm_card_mastercard", "pm_card_pendingRefund")))
        customer.watch(booking)


def is_declined_first(customer: Customer, booking: Json) -> None:
    """A card is declined; another is tried, by the same intent."""
    if intent := customer.intent(booking):
        card = customer.rng.choice(("pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"))
        if customer.pay(intent, card) == "declined" and (again := customer.intent(booking)):
            if again["payment_intent_id"] != intent["payment_intent_id"]:
                customer.counters.event("another intent after a decline")
            customer.pay(again)
        customer.watch(booking)


def only_declined(customer: Customer, booking: Json) -> None:
    """No card works."""
    if intent := customer.intent(booking):
        customer.pay(intent, "pm_card_visa_chargeDeclinedLostCard")


def passes_3d_secure(customer: Customer, booking: Json) -> None:
    """The bank asks."""
    if intent := customer.intent(booking):
        customer.pay(intent, "pm_card_authenticationRequired")
        customer.watch(booking)


def pays_by_bank(customer: Customer, booking: Json) -> None:
    """The money comes seconds later; now and then after the booking has expired."""
    if intent := customer.intent(booking):
        if customer.rng.random() < 0.6:
            customer.wait_for_the_end(booking, -customer.rng.uniform(0.2, 1.5))
            customer.counters.event("late: by bank, just before expiry")
        account = "pm_usBankAccount_success"
        customer.pay(intent, account if customer.rng.random() < 0.8 else "pm_usBankAccount_insufficientFunds")


def pays_at_the_last_moment(customer: Customer, booking: Json) -> None:
    """Seconds or less before the booking expires."""
    if intent := customer.intent(booking):
        customer.wait_for_the_end(booking, -customer.rng.uniform(0.0, 1.5))
        customer.counters.event("late: just before expiry")
        customer.pay(intent)
        customer.watch(booking)


def pays_too_late(customer: Customer, booking: Json) -> None:
    """Seconds or less after the booking has expired."""
    if intent := customer.intent(booking):
        customer.wait_for_the_end(booking, customer.rng.uniform(0.2, 2.0))
        customer.counters.event("late: just after expiry")
        customer.pay(intent)
        customer.watch(booking)


def leaves_after_paying(customer: Customer, booking: Json) -> None:
    """Closes the page once the card is through."""
    if intent := customer.intent(booking):
        customer.pay(intent)


def pays_in_two_tabs(customer: Customer, booking: Json) -> None:
    """Both tabs create an intent at once, and both pay."""

    def tab(screen: Customer) -> None:
        try:
            if intent := screen.intent(booking):
                screen.pay(intent)
        except (GaveUpError, UnexpectedError):
            return
        finally:
            if screen is not customer:
                screen.close()

    customer.counters.event("two tabs")
    with ThreadPoolExecutor(2) as both:
        list(both.map(tab, (customer, customer.another_tab())))
    customer.watch(booking)


def cancels_before_paying(customer: Customer, booking: Json) -> None:
    """Changes their mind, sometimes with the card form open, and sometimes pays all the same."""
    intent = customer.intent(booking) if customer.rng.random() < 0.7 else None
    customer.cancel(booking)
    if intent and customer.rng.random() < 0.5:
        customer.counters.event("late: after cancelling")
        customer.pay(intent)


def cancels_after_paying(customer: Customer, booking: Json) -> None:
    """Gets the ticket, then wants the money back."""
    if intent := customer.intent(booking):
        customer.pay(intent, customer.rng.choice(("pm_card_visa", "pm_card_pendingRefund")))
        customer.watch(booking)
        if customer.cancel(booking):
            customer.counters.event("canceled after paying")


def walks_away_from_booking(customer: Customer, booking: Json) -> None:
    """Never seen again; half of them have seen the card form."""
    if customer.rng.random() < 0.5:
        customer.intent(booking)


def walks_away_from_seats(_customer: Customer, _selection: Json) -> None:
    """Locks seats and is never seen again."""


def releases(customer: Customer, selection: Json) -> None:
    """Releases the seats."""
    customer.data("release_seats", {"booking_pending"}, showtime_id=selection["showtime_id"])


SCENARIOS: Final[tuple[tuple[Callable[[Customer, Json], None], int], ...]] = (
    (pays, 20),
    (is_declined_first, 10),
    (only_declined, 3),
    (passes_3d_secure, 8),
    (pays_by_bank, 12),
    (pays_at_the_last_moment, 8),
    (pays_too_late, 10),
    (leaves_after_paying, 7),
    (pays_in_two_tabs, 6),
    (cancels_before_paying, 8),
    (cancels_after_paying, 14),
    (walks_away_from_booking, 5),
    (walks_away_from_seats, 4),
    (releases, 4),
)
"""The actions of customers, and how often in relation to each other."""
