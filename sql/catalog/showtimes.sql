-- Showtimes: a film in an auditorium at a time. Sales close when it starts.

create type public.showtime_status as enum (
  'scheduled',  -- will be shown; seats are sold until it starts
  'cancelled'   -- will not be shown
);

create table public.showtimes (
  id bigint generated always as identity primary key,
  movie_id bigint not null references public.movies,
  auditorium_id bigint not null references public.auditoriums,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  available_from timestamptz not null,
  status public.showtime_status not null default 'scheduled',
  constraint it_ends_after_it_starts check (ends_at > starts_at),
  constraint it_is_available_after_it_ends check (available_from >= ends_at),
  constraint one_film_at_a_time exclude using gist (
    auditorium_id with =, tstzrange(starts_at, available_from) with &&) where (status <> 'cancelled')
);
comment on column public.showtimes.available_from is 'When the auditorium is clean and free for the next film.';

create index showtimes_by_movie on public.showtimes (movie_id, starts_at);
create index showtimes_by_auditorium on public.showtimes (auditorium_id, starts_at);
create index showtimes_by_start on public.showtimes (starts_at);
-- The sweep looks for those whose bookings are to be refunded.
create index showtimes_cancelled on public.showtimes (starts_at) where status = 'cancelled';

alter table public.showtimes enable row level security;
create policy "anyone reads showtimes" on public.showtimes for select to anon, authenticated using (true);
grant select on public.showtimes to anon, authenticated;
grant select, insert, update, delete on public.showtimes to service_role;

-- The showtime if its seats are on sale. Raises unknown_showtime, showtime_closed.
create function private.showtime_on_sale(p_showtime_id bigint) returns public.showtimes
language plpgsql stable set search_path = '' as $$
declare
  v_showtime public.showtimes;
begin
  select * into v_showtime from public.showtimes where id = p_showtime_id;
  if not found then
    perform private.raise_api_error('unknown_showtime');
  end if;
  if v_showtime.status <> 'scheduled' or v_showtime.starts_at <= private.now() then
    perform private.raise_api_error('showtime_closed');
  end if;
  return v_showtime;
end
$$;
