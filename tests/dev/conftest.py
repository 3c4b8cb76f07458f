"""A project with one table and one function, and a stack that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.config import LocalConfig, throwaway_folder
from dev.stack import Stack

MIGRATION = """
create table public.movies (id bigint generated always as identity primary key, title text not null);
alter table public.movies enable row level security;
create policy "anyone reads" on public.movies for select to anon, authenticated using (true);
grant select on public.movies to anon, authenticated, service_role;
grant insert on public.movies to service_role;

create function public.whoami(padding text default '') returns jsonb
language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('role', current_user, 'sub', auth.uid(), 'padding', length(padding))
$$;
revoke execute on function public.whoami(text) from public;
grant execute on function public.whoami(text) to anon, authenticated, service_role;
"""


def make_project(folder: Path) -> Path:
    """A folder with a supabase/ as the CLI wants it."""
    supabase = folder / "supabase"
    (supabase / "migrations").mkdir(parents=True)
    (supabase / "migrations/20260101000000_movies.sql").write_text(MIGRATION)
    (supabase / "seed.sql").write_text("insert into public.movies (title) values ('Metropolis'), ('Playtime');\n")
    (supabase / "config.toml").write_text(
        'project_id = "toy"\n[db]\nmajor_version = 17\n[db.seed]\nenabled = true\nsql_paths = ["./seed.sql"]\n'
    )
    return folder


@pytest.fixture
def own_project(tmp_path: Path) -> Path:
    """A project that the test may change."""
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def stack(project: Path) -> Iterator[Stack]:
    """A real database, Data API, gateway and mail catcher. Tests may kill its parts; it brings them back."""
    with throwaway_folder() as local:
        parts = ["postgres", "postgrest", "gateway", "mail"]
        with Stack(LocalConfig.throwaway(local), parts=parts, project=project, ephemeral=True) as stack:
            yield stack
        stack.cluster.erase()
