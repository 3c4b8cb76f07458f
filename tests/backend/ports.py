"""Ports in memory: a database that answers as instructed, a small Stripe, and a mailer that keeps emails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from backend.stripe_gateway import Intent, Refund, StripeRefusedError

Answer = Any
Json = dict[str, Any]

USER: Json = {
    "id": "5f0c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11",
    "email": "ada@example.com",
    "full_name": "Ada Lovelace",
    "role": "customer",
    "kind": "registered",
    "email_verified": True,
}
GUEST: Json = {**USER, "id": "9d2b1c3e-7a54-4f0e-8c61-2b7d5e9f0a13", "kind": "guest", "email_verified": False}
GUEST |= {"email": None, "full_name": None}


@dataclass
class FakeDataApi:
    """Answers calls from `answers`: a value, an exception to raise, or a function of the arguments. Keeps `calls`."""

    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[tuple[str, Json]] = field(default_factory=list)

    def call(self, function: str, arguments: Mapping[str, object], *, idempotent: bool) -> object:
        del idempotent
        self.calls.append((function, dict(arguments)))
        if function not in self.answers:
            raise AssertionError(f"no answer was given for {function}")
        answer: Answer = self.answers[function]
        if isinstance(answer, list) and answer and isinstance(answer[0], Turn):
            answer = answer.pop(0).value
        if isinstance(answer, Exception):
            raise answer
        return answer(**arguments) if callable(answer) else answer

    def close(self) -> None:
        """There are no connections."""

    def arguments(self, function: str) -> list[Json]:
        """The arguments of each call of a function."""
        return [arguments for name, arguments in self.calls if name == function]


@dataclass(frozen=True)
class Turn:
    """One of several answers, in order."""

    value: Answer


def turns(*values: Answer) -> list[Turn]:
    """Answers for one call after the other."""
    return [Turn(value) for value in values]


@dataclass
class FakeStripe:
    """Intents and refunds in memory. `failures` are raised first, one a call."""

    intents: dict[str, Intent] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    asked_since: list[datetime] = field(default_factory=list)
    ping_fails: Exception | None = None
    before: Callable[[], None] = lambda: None

    def _may_fail(self) -> None:
        self.before()
        if self.failures:
            raise self.failures.pop(0)

    def create_intent(self, *, amount: int, currency: str, metadata: Mapping[str, str], key: str) -> Intent:
        self.keys.append(key)
        self._may_fail()
        intent = Intent(
            f"pi_{len(self.intents) + 1}",
            "requires_payment_method",
            amount,
            0,
            currency,
            f"pi_{len(self.intents) + 1}_secret_x",
            dict(metadata),
        )
        self.intents[intent.id] = intent
        return intent

    def retrieve_intent(self, payment_intent_id: str) -> Intent:
        self._may_fail()
        return self.intents[payment_intent_id]

    def cancel_intent(self, payment_intent_id: str) -> Intent:
        self._may_fail()
        intent = self.intents[payment_intent_id]
        if intent.status in ("succeeded", "canceled", "processing"):
            raise StripeRefusedError("payment_intent_unexpected_state", "It has ended.")
        return self.put(replace(intent, status="canceled"))

    def create_refund(self, *, payment_intent_id: str, amount: int, metadata: Mapping[str, str], key: str) -> Refund:
        self.keys.append(key)
        self._may_fail()
        refund = Refund(f"re_{len(self.refunds) + 1}", "succeeded", amount, payment_intent_id, metadata=dict(metadata))
        self.refunds[refund.id] = refund
        return refund

    def retrieve_refund(self, stripe_refund_id: str) -> Refund:
        self._may_fail()
        return self.refunds[stripe_refund_id]

    def intents_since(self, moment: datetime) -> Iterator[Intent]:
        self.asked_since.append(moment)
        self._may_fail()
        yield from self.intents.values()

    def refunds_since(self, moment: datetime) -> Iterator[Refund]:
        self.asked_since.append(moment)
        self._may_fail()
        yield from self.refunds.values()

    def refunds_of(self, payment_intent_id: str) -> list[Refund]:
        self._may_fail()
        return [refund for refund in self.refunds.values() if refund.payment_intent_id == payment_intent_id]

    def ping(self) -> None:
        if self.ping_fails is not None:
            raise self.ping_fails

    def put(self, intent: Intent) -> Intent:
        """Have an intent."""
        self.intents[intent.id] = intent
        return intent


@dataclass
class FakeHumanCheck:
    """A provider that takes every token once, or raises `failure`. Keeps what it was `asked`."""

    failure: Exception | None = None
    spent: set[str] = field(default_factory=set)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def passed(self, token: str, address: str | None) -> bool:
        self.asked.append((token, address))
        if self.failure is not None:
            raise self.failure
        if token in self.spent:
            return False
        self.spent.add(token)
        return True


@dataclass
class FakeMailer:
    """Keeps what is sent; `failures` are raised first."""

    sent: list[EmailMessage] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def send(self, message: EmailMessage) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)
