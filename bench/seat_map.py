"""seat_map of 300 seats against the barest query that brings the same rows: json_agg of the seats."""

from __future__ import annotations

from collections.abc import Iterator

from bench.arena import SHOWTIMES, Arena
from bench.locks import LOCK, Figure, alternate

MAP = f"\\set showtime random(1, {SHOWTIMES})\nselect public.seat_map(:showtime);\n"
BARE = "select json_agg(s) from public.seats s where s.auditorium_id = 1;\n"


def against_bare_json(arena: Arena, seconds: int) -> Iterator[Figure]:
    """A map with a third of its seats held, read by 1 and 16 clients."""
    arena.empty()
    arena.pgbench(LOCK, 16, seconds)
    for clients in (1, 16):
        ours, bare = alternate(arena, (MAP, BARE), clients, seconds, empty=False)
        yield Figure(f"seat_map, 300 seats, {clients} clients", ours, bare, "bare json_agg of the seats")
