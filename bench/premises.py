"""Frontrow as a whole, durable, with a house of any size: for benches that go over the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from dev.config import LocalConfig, throwaway_folder
from dev.stack import PARTS, Stack

CUSTOMERS = 5_000
PASSWORD = "ten thousand seats"

_HOUSE = f"""
insert into public.users (id, email, full_name)
  select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n || '@example.com', 'Customer ' || n
  from generate_series(1, {CUSTOMERS}) n;
insert into public.theaters (slug, name, city, country, address, time_zone, currency)
  values ('arena', 'Arena', 'Wien', 'AT', 'Ring 1', 'Europe/Vienna', 'EUR');
insert into public.movies (slug, title, release_year, directors, genres, language, certificate, length_minutes,
                           synopsis, rights)
  values ('wings', 'Wings', 1927, '{{William A. Wellman}}', '{{War}}', 'zxx', '12', 144, '-', 'public domain');
-- One address signs everybody in here.
update private.settings set sign_in_attempts_per_address = 1000000;
analyze;
"""


class Premises:
    """A running Frontrow and its owner's hands."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.owner = psycopg.connect(stack.cluster.url(), autocommit=True)

    def value(self, sql: str, parameters: object = None) -> object:
        """The first value of a statement's first row."""
        row = self.owner.execute(sql.encode(), parameters).fetchone()  # pyright: ignore[reportArgumentType]
        assert row is not None
        return row[0]

    def open_showtime(self, seats: int) -> int:
        """A showtime tomorrow in an auditorium of its own, of that many seats in rows of 30 at the most."""
        number = int(
            str(
                self.value(
                    "insert into public.auditoriums (theater_id, name)"
                    " select 1, 'Hall ' || count(*) from public.auditoriums returning id"
                )
            )
        )
        self.owner.execute(
            "insert into public.seats (auditorium_id, row_label, number, x, y)"
            " select %s, chr(65 + n / 30), 1 + n %% 30, 1 + n %% 30, 1 + n / 30 from generate_series(0, %s - 1) n",
            [number, seats],
        )
        showtime = int(
            str(
                self.value(
                    "insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, clean_at)"
                    " select 1, %s, s, s + interval '100 minutes', s + interval '110 minutes'"
                    " from (select now() + interval '1 day' as s) x returning id",
                    [number],
                )
            )
        )
        self.owner.execute("insert into public.showtime_prices values (%s, 'standard', 1200)", [showtime])
        return showtime

    def token(self, customer: int, seconds: int = 3600) -> str:
        """An access token of the customer of that number, from 1, as Flask signs them."""
        now = int(time.time())
        user = str(UUID(f"00000000-0000-4000-8000-{customer:012x}"))
        claims = {"iss": self.stack.config.supabase_url, "aud": "authenticated", "role": "authenticated", "sub": user}
        return self.stack.keys.token({**claims, "iat": now, "exp": now + seconds})


@contextmanager
def premises(page: bool = False) -> Iterator[Premises]:
    """Start everything, with the built page or without, and end it again."""
    with throwaway_folder() as folder:
        config = LocalConfig.throwaway(folder, ui="built" if page else "0")
        with Stack(config, parts=PARTS, seed=False, report=lambda _: None) as stack:
            place = Premises(stack)
            place.owner.execute(_HOUSE.encode())
            try:
                yield place
            finally:
                place.owner.close()
        stack.cluster.erase()
