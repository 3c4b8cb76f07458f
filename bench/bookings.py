"""Whole bookings: sign in, read the map, lock two seats, book, create the payment intent, pay, see the ticket."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from dataclasses import replace as changed

from bench.customer import Counters, Customer, RefusedError, session
from bench.dataset import CUSTOMERS, SEATS
from bench.figures import Figure, Outcome, Wrong, run_of
from bench.stack import PASSWORD, BenchStack

PER_MINUTE = 200
_AT_ONCE = 8
_ALONE = 10.0
"""Seconds in which one customer after the other books, for comparison."""
_SEATS_EACH = 2
_ATTEMPTS = 5

# The same booking without HTTP, Stripe and tokens: what the database alone does. A colon is pgbench's sign for a
# variable, and it puts what \gset has read into the text as it is.
_IN_SQL = f"""
select n, 1 + n % 1000 as showtime_id, 2 * (n / 1000 % {SEATS // 2}) as seat_id,
       '00000000-0000-4000-8000-' || lpad(to_hex(1 + (n / 1000 + 7 * n) % {CUSTOMERS}), 12, '0') as user_id
from (select nextval('public.bench_slots') as n) s offset 0
\\gset
select set_config('request.jwt.claims', '{{"role":"authenticated","sub":"' || :user_id || '"}}', false) as claims
\\gset
select public.lock_seats(:showtime_id, array[:seat_id + 1, :seat_id + 2]);
select b ->> 'id' as booking, (b ->> 'total')::integer as total
from public.create_booking(:showtime_id) b
\\gset
select public.start_payment(:booking::uuid, :user_id::uuid) ->> 'payment_id' as payment,
       'pi_' || gen_random_uuid() as intent
\\gset
select public.attach_payment_intent(:payment::uuid, :intent);
select public.confirm_booking('evt_' || gen_random_uuid(), 'payment_intent.succeeded', :intent, :total::integer, 'eur',
                              :booking::uuid);
"""


@dataclass
class Program:
    """Showtimes to book, and the customers in turn."""

    showtimes: list[int]
    customers: Iterator[int] = field(default_factory=lambda: iter(range(1, CUSTOMERS + 1)))


def in_a_second(bench: BenchStack, seconds: int) -> Iterator[Outcome]:
    """Measure as many as eight customers at a time can make, against the database alone."""
    bench.dataset.empty()
    program = Program([bench.open_showtime(SEATS) for _ in range(12)])
    start = time.perf_counter()
    times = asyncio.run(_at_once(bench, program, Counters(), _AT_ONCE, seconds))
    ours = run_of(times, time.perf_counter() - start)
    in_sql = bench.dataset.pgbench(_IN_SQL, _AT_ONCE, seconds)
    yield Figure(f"whole bookings, {_AT_ONCE} customers", ours, in_sql, "their functions in SQL alone")
    yield from map(Wrong, map(str, bench.violations()))


def held(bench: BenchStack, seconds: float, per_minute: int = PER_MINUTE) -> Iterator[Outcome]:
    """Make that many whole bookings a minute for so long, begun on time whether the last are done or not."""
    program = Program([bench.open_showtime(SEATS) for _ in range(12)], iter(range(CUSTOMERS, 0, -1)))
    alone = run_of(asyncio.run(_at_once(bench, program, Counters(), 1, _ALONE)))
    counters = Counters()
    begun, times, failures = asyncio.run(_paced(bench, program, counters, seconds, per_minute))
    name = f"{per_minute} bookings/min"
    whole = changed(run_of(times), rate=len(times) / seconds, failed=failures.total())
    against = f"a customer alone; {len(times)} of {begun} in {seconds:.0f} s; refused {dict(counters.refusals)}"
    yield Figure(f"{name}: the whole", whole, alone, against, by="p50")
    for call, latencies in counters.latencies.items():
        yield Figure(f"{name}: {call}", run_of(latencies), whole, "the whole booking", by="p50")
    yield from (Wrong(f"{number} times: {what}") for what, number in failures.items())
    yield from map(Wrong, map(str, bench.violations()))


async def _at_once(
    bench: BenchStack, program: Program, counters: Counters, customers: int, seconds: float
) -> list[float]:
    until = time.perf_counter() + seconds
    times: list[float] = []

    async def repeat() -> None:
        while time.perf_counter() < until:
            times.append(await _book(bench, program, counters))

    await asyncio.gather(*(repeat() for _ in range(customers)))
    return times


async def _paced(
    bench: BenchStack, program: Program, counters: Counters, seconds: float, per_minute: int
) -> tuple[int, list[float], Counter[str]]:
    """Return how many were begun, the times of those that were done, and how the others failed."""
    begun: list[asyncio.Task[float]] = []
    start = time.perf_counter()
    for number in range(int(seconds * per_minute / 60)):
        await asyncio.sleep(max(0.0, start + number * 60 / per_minute - time.perf_counter()))
        begun.append(asyncio.create_task(_book(bench, program, counters)))
    ended = await asyncio.gather(*begun, return_exceptions=True)
    failures = Counter(f"{type(each).__name__}: {each}" for each in ended if isinstance(each, BaseException))
    return len(begun), [each for each in ended if isinstance(each, float)], failures


async def _book(bench: BenchStack, program: Program, counters: Counters) -> float:
    """Make one customer's whole booking; return the milliseconds until it was confirmed."""
    number = next(program.customers)
    rng = random.Random(number)
    start = time.perf_counter()
    async with session() as http:
        customer = Customer(http, bench.stack.config, bench.stack.keys, counters, "")
        await customer.sign_in(f"{number}@example.com", PASSWORD)
        showtime = await _take_seats(customer, program, rng)
        booking = await customer.rpc("create_booking", showtime_id=showtime)
        intent = await customer.create_intent(booking)
        paid = await customer.pay(intent)
        assert paid == "succeeded", paid
        since = time.perf_counter()
        while await customer.status(booking) != "confirmed":
            assert time.perf_counter() < since + 30, "paid and not confirmed for 30 s"
            await asyncio.sleep(0.05)
        counters.latencies["paid to confirmed"].append((time.perf_counter() - since) * 1000)
    return (time.perf_counter() - start) * 1000


async def _take_seats(customer: Customer, program: Program, rng: random.Random) -> int:
    """Lock two adjacent seats, or others when somebody was faster; return the showtime."""
    for attempt in range(_ATTEMPTS):
        showtime = rng.choice(program.showtimes)
        seats = (await customer.read("seat_map", showtime_id=showtime))["seats"]
        free = [seat["id"] for seat in seats if seat["state"] == "free"]
        first = rng.randrange(max(1, len(free) - _SEATS_EACH))
        try:
            await customer.rpc("lock_seats", showtime_id=showtime, seat_ids=free[first : first + _SEATS_EACH])
        except RefusedError as refused:
            if refused.code != "seat_taken" or attempt == _ATTEMPTS - 1:
                raise
        else:
            return showtime
    raise AssertionError("unreachable")
