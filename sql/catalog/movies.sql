-- Films. A certificate is the cinema's own age limit, since three countries do not share one board.

create type public.certificate as enum (
  'U',   -- everyone
  'PG',  -- children with a parent
  '12',  -- from twelve years
  '15',  -- from fifteen years
  '18'   -- adults
);

create table public.movies (
  id bigint generated always as identity primary key,
  slug text not null,
  title text not null,
  original_title text,
  release_year integer not null,
  directors text[] not null,
  cast_members text[] not null default '{}',
  genres text[] not null,
  language text not null,
  certificate public.certificate not null,
  length_minutes integer not null,
  synopsis text not null,
  rights text not null,
  search_text text not null default '',
  constraint slug_is_unique unique (slug),
  constraint slug_fits_an_address check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint title_is_not_empty check (title <> ''),
  constraint release_year_is_plausible check (release_year between 1888 and 2200),
  constraint length_is_positive check (length_minutes between 1 and 1000),
  constraint somebody_directed check (cardinality(directors) > 0),
  constraint there_is_a_genre check (cardinality(genres) > 0)
);
comment on column public.movies.language is 'BCP 47 tag of what is spoken; zxx for a silent film.';
comment on column public.movies.rights is 'Why the film may be shown: the rights as far as known.';
comment on column public.movies.search_text is
  'What a search looks at, folded as search.sql says. Nobody writes it by hand.';

create index movies_by_genre on public.movies using gin (genres);

alter table public.movies enable row level security;
create policy "anyone reads films" on public.movies for select to anon, authenticated using (true);
grant select, insert, update, delete on public.movies to service_role;
