"""seat_layout, and the version of a layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from tests.cinema import CinemaFixture, Refused


def version(cinema: CinemaFixture, auditorium_id: int | None = None) -> int:
    return cinema.value(
        "select layout_version from public.auditoriums where id = %s", [auditorium_id or cinema.auditorium_id]
    )


def headers(cinema: CinemaFixture, function: str, *arguments: Any) -> dict[str, str]:
    """Return the headers that an answer to anybody comes with."""
    marks = ", ".join("%s" for _ in arguments)
    (row,) = cinema.anonymous().query(
        f"with answer as materialized (select public.{function}({marks}) as json)"
        " select current_setting('response.headers', true) as headers from answer where json is not null",
        arguments,
    )
    return {name: value for header in json.loads(row["headers"]) for name, value in header.items()}


def test_a_layout_says_where_each_seat_stands(cinema: CinemaFixture) -> None:
    cinema.owner.execute("update public.seats set x = 1.25 where id = %s", [cinema.seats[0]])
    present = version(cinema)
    answer = cinema.anonymous().call("seat_layout", auditorium_id=cinema.auditorium_id, version=present)
    assert set(answer) == {"auditorium_id", "version", "seats"}
    assert (answer["auditorium_id"], answer["version"], len(answer["seats"])) == (cinema.auditorium_id, present, 50)
    assert answer["seats"][0] == [cinema.seats[0], "A", 1, 1.25, 1, "standard"]
    assert answer["seats"][49] == [cinema.seats[49], "E", 10, 10, 5, "premium"]


def test_an_auditorium_without_seats_has_a_layout(cinema: CinemaFixture) -> None:
    empty = cinema.value(
        "insert into public.auditoriums (theater_id, name) values (%s, 'Empty') returning id", [cinema.theater_id]
    )
    assert cinema.anonymous().call("seat_layout", auditorium_id=empty, version=1)["seats"] == []


def test_a_layout_is_kept_for_good(cinema: CinemaFixture) -> None:
    assert headers(cinema, "seat_layout", cinema.auditorium_id, version(cinema)) == {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept, Prefer, Range",
    }


@pytest.mark.parametrize("off", [-1, 1])
def test_only_the_present_layout_is_answered(cinema: CinemaFixture, off: int) -> None:
    present = version(cinema)
    asker = cinema.anonymous()
    asker.begin()
    with pytest.raises(Refused) as refused:
        asker.call_in_transaction("seat_layout", auditorium_id=cinema.auditorium_id, version=present + off)
    assert (refused.value.sqlstate, refused.value.code) == ("PT409", "layout_outdated")
    assert refused.value.details == {"version": present}
    asker.rollback()
    with pytest.raises(Refused, match="layout_outdated"):
        asker.call("seat_layout", auditorium_id=cinema.auditorium_id, version=None)


def test_an_unknown_auditorium(cinema: CinemaFixture) -> None:
    for auditorium_id in (0, -1, 2**62, None):
        with pytest.raises(Refused) as refused:
            cinema.anonymous().call("seat_layout", auditorium_id=auditorium_id, version=1)
        assert (refused.value.sqlstate, refused.value.code) == ("PT404", "unknown_auditorium")


INSERT = "insert into public.seats (auditorium_id, row_label, number, x, y) values (%(hall)s, 'Z', {0}, {0}, 99)"

CHANGES = {
    "a seat": INSERT.format(1),
    "two seats at once": INSERT.format(1) + ", (%(hall)s, 'Z', 2, 2, 99)",
    "a place": "update public.seats set x = x + 0.01 where id = %(seat)s",
    "a name": "update public.seats set row_label = 'AA' where id = %(seat)s",
    "a number": "update public.seats set number = 99 where id = %(seat)s",
    "a kind": "update public.seats set kind = 'wheelchair' where id = %(seat)s",
    "all seats at once": "update public.seats set y = y + 0.5 where auditorium_id = %(hall)s",
    "the kind of a row": "update public.seats set kind = 'love' where auditorium_id = %(hall)s and row_label = 'A'",
    "one seat less": "delete from public.seats where id = %(seat)s",
    "none left": "delete from public.seats where auditorium_id = %(hall)s",
}


@pytest.fixture
def hall(cinema: CinemaFixture) -> int:
    """An auditorium of ten seats that nobody holds, beside the one with the showtime."""
    return cinema.add_auditorium("Saal 2", 2, 5)


def change(cinema: CinemaFixture, hall: int, sql: str) -> Sequence[int]:
    """Let the owner change an auditorium; by how much its version and that of the other auditorium have risen."""
    before = version(cinema, hall), version(cinema)
    cinema.owner.execute(sql.encode(), {"hall": hall, "other": cinema.auditorium_id, "seat": cinema.seats_of(hall)[0]})
    return version(cinema, hall) - before[0], version(cinema) - before[1]


@pytest.mark.parametrize("sql", [pytest.param(sql, id=name) for name, sql in CHANGES.items()])
def test_each_change_of_seats_is_one_version(cinema: CinemaFixture, hall: int, sql: str) -> None:
    assert change(cinema, hall, sql) == (1, 0)


def test_a_seat_that_moves_changes_both_auditoriums(cinema: CinemaFixture, hall: int) -> None:
    moves = "update public.seats set auditorium_id = %(other)s, row_label = 'Z', y = 99 where id = %(seat)s"
    assert change(cinema, hall, moves) == (1, 1)


@pytest.mark.parametrize(
    "sql",
    [
        "update public.seats set kind = kind, x = 1.0 * x where auditorium_id = %(hall)s",
        "update public.seats set number = 99 where auditorium_id = %(hall)s and number = 98",
        "delete from public.seats where id = -1",
        "insert into public.seats (auditorium_id, row_label, number, x, y) select %(hall)s, 'Z', 1, 1, 99 where false",
        "update public.auditoriums set name = 'Salon' where id = %(hall)s",
        "update public.showtimes set ends_at = ends_at + interval '1 minute', available_from = available_from"
        " + interval '1 minute'",
    ],
)
def test_what_changes_no_seat_changes_no_version(cinema: CinemaFixture, hall: int, sql: str) -> None:
    assert change(cinema, hall, sql) == (0, 0)


def test_a_sale_changes_no_version(cinema: CinemaFixture) -> None:
    before = version(cinema)
    ada = cinema.customer()
    booking = cinema.buy(ada, 0, 1)
    ada.call("cancel_booking", booking_id=booking["id"])
    cinema.sweep()
    assert version(cinema) == before


def test_whoever_keeps_the_seats_changes_the_version(cinema: CinemaFixture, hall: int) -> None:
    before = version(cinema, hall)
    cinema.service().query("update public.seats set x = x + 1 where auditorium_id = %s and number = 5", [hall])
    assert version(cinema, hall) == before + 1


def test_a_change_that_is_undone_leaves_the_version(cinema: CinemaFixture, hall: int) -> None:
    before = version(cinema, hall)
    with cinema.owner.transaction(force_rollback=True):
        cinema.owner.execute("delete from public.seats where auditorium_id = %s", [hall])
        assert version(cinema, hall) == before + 1
    assert version(cinema, hall) == before


def test_nobody_lowers_a_version(cinema: CinemaFixture) -> None:
    lower = "update public.auditoriums set layout_version = layout_version - 1 where id = %s"
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        cinema.owner.execute(lower, [cinema.auditorium_id])
    assert refused.value.diag.constraint_name == "layout_versions_only_rise"


def test_a_layout_of_four_hundred_seats_is_small(cinema: CinemaFixture) -> None:
    large = cinema.add_auditorium("Large", 20, 20)
    size = cinema.value("select octet_length(public.seat_layout(%s, %s)::text)", [large, version(cinema, large)])
    assert size < 16_000
