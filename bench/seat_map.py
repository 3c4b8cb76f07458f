"""seat_map against the barest query that brings the same rows, json_agg of the seats; seat_states against seat_map."""

from __future__ import annotations

from collections.abc import Iterator

from bench.curves import Curve
from bench.dataset import SEATS, SHOWTIMES, Dataset
from bench.figures import Figure
from bench.locks import alternate

MAP = f"\\set showtime random(1, {SHOWTIMES})\nselect public.seat_map(:showtime);\n"
STATES = f"\\set showtime random(1, {SHOWTIMES})\nselect public.seat_states(:showtime);\n"
BARE = "select json_agg(s) from public.seats s where s.auditorium_id = 1;\n"

_SIZES = (50, 100, 600, 1_200)

_HALL = """
insert into public.seats (auditorium_id, row_label, number, x, y)
  select {hall}, 'R' || n / 30, 1 + n % 30, 1 + n % 30, n / 30 from generate_series(0, {seats} - 1) n;
insert into public.showtimes (id, movie_id, auditorium_id, starts_at, ends_at, available_from) overriding system value
  select {showtime}, 1, {hall}, s, s + interval '150 minutes', s + interval '165 minutes'
  from (select now() + interval '1 day' as s) x;
insert into public.showtime_prices values ({showtime}, 'standard', 1200);
insert into public.seat_locks (showtime_id, id, seat_id, user_id, held)
  select {showtime}, extract(epoch from now()) * 1000000, s.id, gen_random_uuid(),
         tstzrange(now(), now() + interval '1 hour')
  from public.seats s where s.auditorium_id = {hall} and s.number % 3 = 0;
analyze public.seats
"""


def against_bare_json(dataset: Dataset, seconds: int) -> Iterator[Figure | Curve]:
    """Measure a map with half of its seats taken, read by 1 and 16 clients; and auditoriums of other sizes by one."""
    curve = Curve("seats", "Reading a seat map, one client", "seats in the auditorium", "milliseconds", {})
    dataset.empty()
    for number, seats in enumerate(_SIZES):
        hall, showtime = SHOWTIMES - number, SHOWTIMES + 1_000 + number
        dataset.execute(*_HALL.format(hall=hall, showtime=showtime, seats=seats).split(";\n"))
        ours, bare = alternate(
            dataset,
            (
                f"select public.seat_map({showtime});\n",
                f"select json_agg(s) from public.seats s where s.auditorium_id = {hall};\n",
            ),
            *(1, seconds),
            empty=False,
            rounds=1,
        )
        states, _ = alternate(
            dataset,
            (f"select public.seat_states({showtime});\n", f"select public.seat_map({showtime});\n"),
            *(1, seconds),
            empty=False,
            rounds=1,
        )
        curve.add("seat_states", seats, states.p50)
        curve.add("seat_map", seats, ours.p50)
        curve.add("bare json_agg", seats, bare.p50)
    dataset.take_half()
    for clients in (1, 16):
        ours, bare = alternate(dataset, (MAP, BARE), clients, seconds, empty=False)
        if clients == 1:
            curve.add("seat_map", SEATS, ours.p50)
            curve.add("bare json_agg", SEATS, bare.p50)
        yield Figure(f"seat_map, {SEATS} seats, {clients} clients", ours, bare, "bare json_agg of the seats")
        states, whole = alternate(dataset, (STATES, MAP), clients, seconds, empty=False)
        if clients == 1:
            curve.add("seat_states", SEATS, states.p50)
        yield Figure(f"seat_states, {SEATS} seats, {clients} clients", states, whole, "seat_map of the same showtimes")
    for points in curve.series.values():
        points.sort()
    yield curve
