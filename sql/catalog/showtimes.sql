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
  cancelled_at timestamptz,
  revision integer not null default 0,
  constraint it_ends_after_it_starts check (ends_at > starts_at),
  constraint it_is_available_after_it_ends check (available_from >= ends_at),
  -- Deferrable, so that it looks when a statement has ended and one statement may swap two showtimes.
  constraint one_film_at_a_time exclude using gist (
    auditorium_id with =, tstzrange(starts_at, available_from) with &&) where (status <> 'cancelled')
    deferrable initially immediate
);
comment on column public.showtimes.available_from is 'When the auditorium is clean and free for the next film.';
comment on column public.showtimes.cancelled_at is
  'When it was cancelled, by the database''s clock; null while it is not.';
comment on column public.showtimes.revision is
  'How often its time or its place has changed. Calendars and tickets go by it.';

create index showtimes_by_movie on public.showtimes (movie_id, starts_at);
create index showtimes_by_auditorium on public.showtimes (auditorium_id, starts_at);
create index showtimes_by_start on public.showtimes (starts_at);
create index showtimes_by_end on public.showtimes (ends_at);
-- The sweep looks for those whose bookings are to be refunded.
create index showtimes_cancelled on public.showtimes (starts_at) where status = 'cancelled';

alter table public.showtimes enable row level security;
create policy "anyone reads showtimes" on public.showtimes for select to anon, authenticated using (true);
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

-- What follows is for whoever writes the table, the secret key and the owner alike. What the catalog refuses because of
-- holds and bookings is in booking/catalog_guards.sql.

-- Nobody writes by hand when a showtime was cancelled: whether it may be on again is judged by that.
create function private.date_cancellation() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  new.cancelled_at := case
    when new.status <> 'cancelled' then null
    when tg_op = 'UPDATE' and old.status = 'cancelled' then old.cancelled_at
    else private.now()
  end;
  return new;
end
$$;

create trigger cancellations_are_dated before insert or update on public.showtimes
  for each row execute function private.date_cancellation();

-- What has begun is a fact: it is neither moved nor cancelled, and once it is over it keeps its end. Nor does a
-- showtime move into the past, where nobody could see it.
create function private.protect_begun_showtime() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_moved boolean := (old.auditorium_id, old.starts_at, old.status)
    is distinct from (new.auditorium_id, new.starts_at, new.status);
begin
  if old.status <> 'cancelled' and (v_moved and old.starts_at <= v_now or old.ends_at <= v_now) then
    raise check_violation using
      message = 'this showtime has begun', constraint = 'begun_showtimes_stay';
  elsif old.starts_at is distinct from new.starts_at and new.starts_at <= v_now then
    raise check_violation using
      message = 'a showtime cannot be moved into the past', constraint = 'no_showtime_moves_into_the_past';
  end if;
  return new;
end
$$;

create trigger begun_showtimes_stay before update on public.showtimes
  for each row when (
    old.auditorium_id is distinct from new.auditorium_id or old.starts_at is distinct from new.starts_at
    or old.ends_at is distinct from new.ends_at or old.status is distinct from new.status)
  execute function private.protect_begun_showtime();

-- Each change of time or place is a revision, whoever makes it.
create function private.count_revision() returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  new.revision := old.revision + 1;
  return new;
end
$$;

create trigger changes_are_revisions before update on public.showtimes
  for each row when (
    old.auditorium_id is distinct from new.auditorium_id or old.starts_at is distinct from new.starts_at
    or old.ends_at is distinct from new.ends_at)
  execute function private.count_revision();

-- A showtime lasts as long as its film at the least. The film's row is locked, so that it cannot grow meanwhile.
create function private.check_length() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_minutes integer;
begin
  select m.length_minutes into v_minutes from public.movies m where m.id = new.movie_id for share;
  if new.ends_at < new.starts_at + make_interval(mins => v_minutes) then
    raise check_violation using
      message = format('the film lasts %s minutes', v_minutes), constraint = 'it_ends_after_its_film';
  end if;
  return new;
end
$$;

create trigger it_ends_after_its_film before insert or update of movie_id, starts_at, ends_at on public.showtimes
  for each row execute function private.check_length();

-- Nor does a film grow longer than a showtime to come has room for.
create function private.check_room_for_length() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  if exists (select from public.showtimes t
             where t.movie_id = new.id and t.ends_at > v_now
               and t.ends_at < t.starts_at + make_interval(mins => new.length_minutes)) then
    raise check_violation using
      message = 'a showtime to come ends before the film would', constraint = 'films_fit_their_showtimes';
  end if;
  return new;
end
$$;

create trigger films_fit_their_showtimes before update of length_minutes on public.movies
  for each row when (new.length_minutes > old.length_minutes) execute function private.check_room_for_length();
