"""settle_refund_attempt: the worker reports what Stripe made of a refund, and the database decides what that means."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.cinema import CinemaFixture, Json, Refused
from tests.sql.test_refunds import cancelled, refund, say


def fact(stripe_refund_id: str, status: str = "succeeded", amount: int = 2400, **metadata: Any) -> Json:
    """A refund at Stripe."""
    metadata = {name: str(value) for name, value in metadata.items()}
    return {
        "id": stripe_refund_id,
        "amount": amount,
        "status": status,
        "failure_reason": "declined" if status == "failed" else None,
        "metadata": metadata,
    }


def settle(cinema: CinemaFixture, code: str | None, *facts: Json, attempt: int = 1) -> str:
    """Report an attempt at the one refund that is ours; the outcome."""
    answer = cinema.service().call(
        "settle_refund_attempt", refund_id=ours(cinema)["id"], attempt=attempt, code=code, refunds=as_json(facts)
    )
    return answer["outcome"]


def as_json(facts: Sequence[Json]) -> Jsonb:
    return Jsonb(list(facts))


def ours(cinema: CinemaFixture) -> Json:
    (row,) = cinema.rows("select * from public.refunds where reason <> 'made_at_stripe'")
    return row


@pytest.mark.parametrize(
    ("at_stripe", "here", "booking_is"),
    [
        ("succeeded", "succeeded", "refunded"),
        ("pending", "pending", "cancelled"),
        ("requires_action", "pending", "cancelled"),
        ("failed", "failed", "cancelled"),
        ("canceled", "failed", "cancelled"),
    ],
)
def test_a_refund_that_stripe_made_stands_as_stripe_says(
    cinema: CinemaFixture, at_stripe: str, here: str, booking_is: str
) -> None:
    _, booking, _ = cancelled(cinema)
    assert settle(cinema, None, fact("re_1", at_stripe, refund_id=ours(cinema)["id"], attempt=1)) == "made"
    assert (refund(cinema)["status"], refund(cinema)["stripe_refund_id"]) == (here, "re_1")
    assert cinema.status(booking) == booking_is
    assert cinema.violations() == []


def test_a_refund_whose_answer_was_lost_is_adopted(cinema: CinemaFixture) -> None:
    """It carries our id, whichever attempt made it and whatever else went back; one that failed is none."""
    _, booking, _ = cancelled(cinema)
    of_ours = {"refund_id": ours(cinema)["id"], "attempt": 1}
    facts = [
        fact("re_failed", "failed", **of_ours),
        fact("re_same_amount"),
        fact("re_ours", "pending", **of_ours),
    ]
    assert settle(cinema, "charge_already_refunded", *facts) == "adopted"
    assert (refund(cinema)["status"], refund(cinema)["stripe_refund_id"]) == ("pending", "re_ours")
    assert cinema.status(booking) == "cancelled"


def test_a_refund_made_by_hand_stands_for_ours(cinema: CinemaFixture) -> None:
    _, booking, _ = cancelled(cinema)
    assert settle(cinema, "charge_already_refunded", fact("re_hand")) == "adopted"
    assert (refund(cinema)["status"], refund(cinema)["stripe_refund_id"]) == ("succeeded", "re_hand")
    assert cinema.status(booking) == "refunded"
    assert len(cinema.outbox("mail_refund")) == 1
    assert cinema.violations() == []


def test_a_status_of_tomorrow_stops_nothing(cinema: CinemaFixture) -> None:
    cancelled(cinema)
    facts = [fact("re_new", "of_tomorrow", 100), fact("re_a", amount=1400), fact("re_b", amount=1000)]
    assert settle(cinema, "charge_already_refunded", *facts) == "void"
    noted = cinema.rows("select stripe_refund_id from public.refunds where reason = 'made_at_stripe' order by 1")
    assert [row["stripe_refund_id"] for row in noted] == ["re_a", "re_b"]


@pytest.mark.parametrize("code", ["charge_disputed", "idempotency_key_spent"])
def test_refused_refunds_are_retried(cinema: CinemaFixture, code: str) -> None:
    """What belongs to another refund, or is of another amount, or has failed, stands for nothing."""
    cancelled(cinema)
    facts = [
        fact("re_other", refund_id=uuid.uuid4()),
        fact("re_part", amount=100),
        fact("re_failed", "failed"),
    ]
    assert settle(cinema, code, *facts) == "failed"
    now = refund(cinema)
    assert (now["status"], now["failure_reason"], now["attempt"]) == ("failed", code, 2)
    assert [order["key"] for order in cinema.outbox("refund")] == [f"refund:{now['id']}:{n}" for n in (1, 2)]
    assert cinema.violations() == []


def test_a_known_refund_of_the_same_amount_stands_for_nothing_else(cinema: CinemaFixture) -> None:
    _, booking, intent = cancelled(cinema)
    cinema.pay(booking, "pi_second")  # goes back as well, in the same amount
    say(cinema, intent, "succeeded", "re_first", refund_id=ours_of(cinema, intent)["id"], attempt=1)
    second = ours_of(cinema, "pi_second")
    answer = cinema.service().call(
        "settle_refund_attempt", refund_id=second["id"], attempt=1, code="no", refunds=as_json([fact("re_first")])
    )
    assert answer["outcome"] == "failed"


def ours_of(cinema: CinemaFixture, intent: str) -> Json:
    (row,) = cinema.rows(
        "select r.* from public.refunds r join public.payments p on p.id = r.payment_id where p.payment_intent_id = %s",
        [intent],
    )
    return row


@pytest.mark.transition("refund.voided")
def test_when_others_returned_everything_they_are_noted_and_ours_is_void(cinema: CinemaFixture) -> None:
    _, booking, _ = cancelled(cinema)
    facts = [fact("re_2", amount=1400), fact("re_1", amount=1000), fact("re_0", "failed")]
    assert settle(cinema, "charge_already_refunded", *facts) == "void"
    statuses = cinema.rows("select amount, reason, status from public.refunds order by amount")
    assert [(row["reason"], row["status"]) for row in statuses if row["reason"] == "made_at_stripe"] == [
        ("made_at_stripe", "succeeded")
    ] * 2
    assert ours(cinema)["status"] == "void"
    assert cinema.status(booking) == "refunded"
    assert settle(cinema, "charge_already_refunded", attempt=ours(cinema)["attempt"]) == "stale"
    assert cinema.violations() == []


def test_refund_is_void_when_nothing_is_left(cinema: CinemaFixture) -> None:
    _, _, intent = cancelled(cinema)
    assert settle(cinema, "charge_already_refunded") == "void"
    assert refund(cinema)["status"] == "void"
    assert len(cinema.outbox("refund")) == 1  # it is not tried again
    say(cinema, intent, "succeeded", "re_1", amount=1000)
    say(cinema, intent, "succeeded", "re_2", amount=1400)
    assert cinema.violations() == []


def test_a_void_refund_stays_void(cinema: CinemaFixture) -> None:
    """Should Stripe report of it after all that it failed, what is owed is a refund of its own."""
    _, _, intent = cancelled(cinema)
    void = ours(cinema)["id"]
    assert settle(cinema, "charge_already_refunded") == "void"
    for status in ("failed", "pending", "succeeded"):
        say(cinema, intent, status, "re_late", refund_id=void, attempt=1)
        assert cinema.value("select status::text from public.refunds where id = %s", [void]) == "void"


def test_an_attempt_that_has_passed_settles_nothing(cinema: CinemaFixture) -> None:
    cancelled(cinema)
    assert settle(cinema, "charge_disputed") == "failed"
    before = refund(cinema)
    assert settle(cinema, "charge_disputed") == "stale"
    assert settle(cinema, "charge_already_refunded") == "stale"
    assert settle(cinema, None, fact("re_1")) == "stale"
    assert refund(cinema) == before


def test_refusal_after_the_refund_webhook_settles_nothing(cinema: CinemaFixture) -> None:
    _, _, intent = cancelled(cinema)
    say(cinema, intent, "pending", "re_1", refund_id=ours(cinema)["id"], attempt=1)
    assert settle(cinema, "idempotency_key_spent") == "stale"
    assert refund(cinema)["status"] == "pending"


@pytest.mark.parametrize("metadata", [{"refund_id": "mine", "attempt": "x"}, {"attempt": "99999999999"}])
def test_foreign_metadata_is_harmless(cinema: CinemaFixture, metadata: Json) -> None:
    cancelled(cinema)
    assert settle(cinema, "charge_already_refunded", fact("re_1", amount=1000, **metadata)) in ("void", "queued")
    assert cinema.value("select count(*) from public.refunds where stripe_refund_id = 're_1'") == 1


def test_a_report_about_nothing_is_refused(cinema: CinemaFixture) -> None:
    cancelled(cinema)
    with pytest.raises(Refused, match="invalid_request"):
        settle(cinema, None)
    with pytest.raises(Refused, match="invalid_request"):
        settle(cinema, None, fact("re_1", "lost"))
    with pytest.raises(Refused, match="invalid_request"):
        cinema.service().call(
            "settle_refund_attempt", refund_id=uuid.uuid4(), attempt=1, code="no", refunds=as_json([])
        )
    assert refund(cinema)["status"] == "queued"


# What differs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_stripe", "amount", "differs"),
    [
        ("pending", 2400, None),
        ("requires_action", 2400, None),
        ("succeeded", 2400, {"here": "pending", "at_stripe": "succeeded"}),
        ("canceled", 2400, {"here": "pending", "at_stripe": "failed"}),
        ("pending", 2300, {"here": "pending", "at_stripe": "pending"}),
        ("of tomorrow", 2400, {"here": "pending", "at_stripe": "of tomorrow"}),
    ],
)
def test_a_known_refund_is_compared_by_status_and_amount(
    cinema: CinemaFixture, at_stripe: str, amount: int, differs: Json | None
) -> None:
    cancelled(cinema)
    settle(cinema, None, fact("re_1", "pending"))
    found = cinema.service().call("compare_refunds", refunds=as_json([fact("re_1", at_stripe, amount)]))
    assert found == ([{"id": "re_1", **differs}] if differs else [])


def test_an_unknown_refund_differs_unless_it_came_to_nothing(cinema: CinemaFixture) -> None:
    facts = [fact("re_1"), fact("re_2", "failed"), fact("re_3", "canceled"), fact("re_4", "pending")]
    found = cinema.service().call("compare_refunds", refunds=as_json(facts))
    assert found == [
        {"id": "re_1", "here": None, "at_stripe": "succeeded"},
        {"id": "re_4", "here": None, "at_stripe": "pending"},
    ]
