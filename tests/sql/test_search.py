"""The search of films: folded, by all words, best first, with slips forgiven."""

# Letters of other alphabets are what this is about.
# ruff: noqa: RUF001

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cinema import CinemaFixture
from tests.program import add_movie, add_theater, show, titles

FILMS: list[dict[str, Any]] = [
    {"title": "Der Fußgänger", "directors": ["Maximilian Schell"], "cast_members": ["Gustav Rudolf Sellner"]},
    {"title": "The Boat", "original_title": "Łódź", "directors": ["Władysław Ślesicki"]},
    {"title": "A Trip to the Moon", "original_title": "Le Voyage dans la Lune", "directors": ["Georges Méliès"]},
    {"title": "The Hitch-Hiker", "directors": ["Ida Lupino"], "release_year": 1953},
    {"title": "Gulliver’s Travels", "genres": ["science fiction", "animation"]},
    {"title": "Sørens Rødgrød", "cast_members": ["Ingeborg Skjold"]},
    {"title": "Işık", "cast_members": ["İpek Moonlight"], "release_year": 1961},
    {"title": "Ο Δράκος", "directors": ["Νίκος Κούνδουρος"]},
    {"title": "Ночь", "directors": ["Ёлкин"]},
    {"title": "100% Wolf_Man", "release_year": 1977},
]


@pytest.fixture
def program(cinema: CinemaFixture) -> CinemaFixture:
    cinema.owner.execute("delete from public.showtimes where true")
    _, room = add_theater(cinema, "gloria")
    for n, film in enumerate(FILMS):
        show(cinema, add_movie(cinema, **film), room, f"{n + 1} days")
    return cinema


def found(cinema: CinemaFixture, search: str, **question: Any) -> list[str]:
    return titles(cinema.anonymous().call("whats_on", search=search, **question))


@pytest.mark.parametrize(
    ("search", "title"),
    [
        ("FUSSGÄNGER", "Der Fußgänger"),
        ("fussganger", "Der Fußgänger"),
        ("fußg", "Der Fußgänger"),
        ("FUẞGÄNGER", "Der Fußgänger"),
        ("fussga\u0308nger", "Der Fußgänger"),
        ("wladyslaw", "The Boat"),
        ("WŁADYSŁAW", "The Boat"),
        ("slesicki", "The Boat"),
        ("lodz", "The Boat"),
        ("melies moon", "A Trip to the Moon"),
        ("VOYAGE lune", "A Trip to the Moon"),
        ("hitchhiker", "The Hitch-Hiker"),
        ("hitch hiker", "The Hitch-Hiker"),
        ("hitch-hiker 1953", "The Hitch-Hiker"),
        ("lupi", "The Hitch-Hiker"),
        ("gullivers", "Gulliver’s Travels"),
        ("Gulliver's", "Gulliver’s Travels"),
        ("science fiction travels", "Gulliver’s Travels"),
        ("sorens rodgrod", "Sørens Rødgrød"),
        ("skjold", "Sørens Rødgrød"),
        ("isik", "Işık"),
        ("IŞIK", "Işık"),
        ("ipek", "Işık"),
        ("1961", "Işık"),
        ("δρακος", "Ο Δράκος"),
        ("ΚΟΎΝΔΟΥΡΟΣ", "Ο Δράκος"),
        ("НОЧЬ елкин", "Ночь"),
    ],
)
def test_letters_are_found_by_their_plain_form(program: CinemaFixture, search: str, title: str) -> None:
    assert found(program, search) == [title]


def test_every_word_has_to_stand_somewhere(program: CinemaFixture) -> None:
    assert found(program, "moon lupino") == []
    assert found(program, "moon 1961 ipek") == ["Işık"]


def test_a_title_comes_before_a_name(program: CinemaFixture) -> None:
    assert found(program, "moon") == ["A Trip to the Moon", "Işık"]
    assert found(program, "moon", sort="title") == ["Işık", "A Trip to the Moon"], "unless another order is asked for"
    _, room = add_theater(program, "apollo")
    show(program, add_movie(program, "Moon"), room, "1 day")
    assert found(program, "moon") == ["Moon", "A Trip to the Moon", "Işık"]


@pytest.mark.parametrize(
    ("search", "title"),
    [
        ("fusgänger", "Der Fußgänger"),
        ("wladislaw", "The Boat"),
        ("guliver", "Gulliver’s Travels"),
        ("lupno", "The Hitch-Hiker"),
    ],
)
def test_slips_are_forgiven_where_nothing_is_as_it_was_typed(program: CinemaFixture, search: str, title: str) -> None:
    assert found(program, search) == [title]


def test_a_slip_is_no_other_word(program: CinemaFixture) -> None:
    assert found(program, "moon xylophone") == []
    assert found(program, "xyz") == []


def test_slips_find_only_what_is_on(program: CinemaFixture) -> None:
    add_movie(program, "Gullible")
    assert found(program, "gulible") == []


@pytest.mark.parametrize("search", ["", "   ", "...", "%", "_", "\\", "'", "%%%", None])
def test_signs_alone_look_for_nothing(program: CinemaFixture, search: str) -> None:
    assert len(found(program, search)) == len(FILMS)


@pytest.mark.parametrize(
    ("search", "titles_found"),
    [
        ("100%", ["100% Wolf_Man"]),
        ("wolf_man", ["100% Wolf_Man"]),
        ("'; drop table public.movies; --", []),
        ("moon') or true --", []),
        ("\\", [film["title"] for film in FILMS]),
    ],
)
def test_a_search_is_only_ever_text(program: CinemaFixture, search: str, titles_found: list[str]) -> None:
    assert sorted(found(program, search)) == sorted(titles_found)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(search=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100))
def test_any_text_is_answered(program: CinemaFixture, search: str) -> None:
    assert program.value("select public.whats_on(search => %s)", [search])["total"] <= len(FILMS)


LIGATURE = "\ufdfa"
"""Eighteen characters and four words once it is folded."""
FLOODS = [LIGATURE * 100, f"{LIGATURE} " * 50, " ".join(f"wor{chr(ord('a') + n)}" for n in range(20))]


@pytest.mark.parametrize("search", FLOODS)
def test_a_search_has_six_words_and_a_hundred_characters_at_most(program: CinemaFixture, search: str) -> None:
    folded = program.value("select private.fold_search(%s)", [search])
    assert 90 <= len(folded) <= 100
    assert folded == folded.strip()
    words = program.value("select private.search_words(%s)", [folded])
    assert words == list(dict.fromkeys(folded.split()))[:6]
    assert found(program, search) == []


def test_words_after_the_sixth_are_not_looked_for(program: CinemaFixture) -> None:
    assert found(program, "trip to the moon le voyage xylophone") == ["A Trip to the Moon"]
    assert found(program, "moon moon moon moon moon moon xylophone") == [], "each counts once"


def test_a_title_of_many_words_is_still_the_best(program: CinemaFixture) -> None:
    title = "Who Is Who and Who Are You to Ask Me That"
    _, room = add_theater(program, "apollo")
    for n, other in enumerate((f"{title} Again", title, f"{title} Once More")):
        show(program, add_movie(program, other), room, f"{n + 1} days")
    assert found(program, title)[0] == title


def test_what_is_searched_follows_the_film(program: CinemaFixture) -> None:
    program.owner.execute(
        "update public.movies set title = 'Metropolis', search_text = 'moon' where title = 'The Boat'"
    )
    assert found(program, "metropolis") == ["Metropolis"]
    assert found(program, "boat") == []
    program.service().query("update public.movies set cast_members = '{Brigitte Helm}' where title = 'Metropolis'")
    assert found(program, "brigitte") == ["Metropolis"]


def test_a_search_goes_with_filters(program: CinemaFixture) -> None:
    assert found(program, "gulliver", filters='{"genre": "animation"}') == ["Gulliver’s Travels"]
    assert found(program, "gulliver", filters='{"genre": "drama"}') == []


def test_the_extensions_live_in_their_own_schema(cinema: CinemaFixture) -> None:
    rows = cinema.rows(
        "select extname as name, extnamespace::regnamespace::text as schema from pg_extension"
        " where extname in ('pg_trgm', 'unaccent') order by 1"
    )
    assert [tuple(row.values()) for row in rows] == [("pg_trgm", "extensions"), ("unaccent", "extensions")]
