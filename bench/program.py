"""The program: a page of whats_on against a bare count of what it has to look at, over films."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from bench.curves import Curve
from bench.dataset import Dataset
from bench.figures import Figure
from bench.locks import alternate
from dev.postgres import ADMIN
from tests.program import LARGE

_SIZES = (25, 100, 400, 1_600)
_PAGE = "select public.whats_on(max_films => 48);\n"
_SEARCH = "select public.whats_on(max_films => 48, search => 'fussg');\n"
_FILM = "select public.movie('long-night-1');\n"
_BARE = """
select m.id, count(*), min(t.starts_at) from public.movies m join public.showtimes t on t.movie_id = m.id
where t.starts_at > now() and t.status = 'scheduled' group by m.id;
"""


def against_a_bare_join(dataset: Dataset, seconds: int) -> Iterator[Figure | Curve]:
    """Measure a page of whats_on with fifty showtimes a film in sixty theaters, and its search and a film at 400."""
    curve = Curve("program", "A page of whats_on, one client", "films that are on", "milliseconds", {})
    for films in _SIZES:
        twin = dataset.twin(f"program_{films}")
        with psycopg.connect(twin.cluster.url(twin.database, ADMIN), autocommit=True) as superuser:
            superuser.execute("truncate public.theaters, public.movies cascade")
            superuser.execute(LARGE.format(films=films, theaters=60, showtimes=50 * films).encode())
        ours, bare = alternate(twin, (_PAGE, _BARE), 1, seconds, empty=False, rounds=1)
        curve.add("whats_on", films, ours.p50)
        curve.add("bare join and count", films, bare.p50)
        if films != 400:
            continue
        yield Figure("whats_on, 400 films, 60 theaters, 20,000 showtimes", ours, bare, "bare join and count")
        for name, script in (("whats_on, with a search", _SEARCH), ("movie, a film's page", _FILM)):
            ours, bare = alternate(twin, (script, _BARE), 1, seconds, empty=False, rounds=1)
            yield Figure(name, ours, bare, "bare join and count")
    yield curve
