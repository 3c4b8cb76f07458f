-- Theaters. Times are stored as instants; the theater's zone decides how they are shown.

create table public.theaters (
  id bigint generated always as identity primary key,
  slug text not null,
  name text not null,
  city text not null,
  country text not null,
  address text not null,
  time_zone text not null,
  currency text not null,
  constraint theater_slug_is_unique unique (slug),
  constraint theater_slug_fits_an_address check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint country_is_iso_3166 check (country ~ '^[A-Z]{2}$'),
  constraint currency_is_iso_4217 check (currency ~ '^[A-Z]{3}$')
);
comment on column public.theaters.time_zone is 'IANA name, such as Europe/Vienna.';
comment on column public.theaters.currency is 'ISO 4217 code in which this theater sells; prices in its minor unit.';

-- A trigger and no check: a dump must restore even where the time zone files are older. Those know more than places:
-- abbreviations without a city's rules (EST5EDT), names of before 1993 (US/Eastern), copies (posix/Europe/Vienna) and
-- Factory. A theater stands on a continent or in an ocean, as IANA's names of places begin.
create function private.check_time_zone() returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if new.time_zone !~ '^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/'
    or not exists (select from pg_catalog.pg_timezone_names z where z.name = new.time_zone) then
    raise check_violation using message = format('%s is no time zone', new.time_zone), constraint = 'time_zone_exists';
  end if;
  return new;
end
$$;

create trigger time_zone_exists before insert or update of time_zone on public.theaters
  for each row execute function private.check_time_zone();

-- A trigger as well: a dump must restore even after Stripe has given a currency up. Definer, because who keeps the
-- catalog may not use schema private.
create function private.check_currency() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  if not exists (select from private.currencies() c where c.code = new.currency) then
    raise check_violation using
      message = format('Stripe takes no payment in %s', new.currency), constraint = 'currency_is_payable';
  end if;
  return new;
end
$$;

create trigger currency_is_payable before insert or update of currency on public.theaters
  for each row execute function private.check_currency();

alter table public.theaters enable row level security;
create policy "anyone reads theaters" on public.theaters for select to anon, authenticated using (true);
grant select, insert, update, delete on public.theaters to service_role;

-- What clients read of theaters; showtimes and seats are tables that come later.

-- {theaters: [{id, slug, name, city, country, time_zone}], more}: the first 500 by city and name, and whether there are
-- others.
create function public.theaters() returns json
language plpgsql stable security definer set search_path = '' as $$
declare
  v_answer json;
begin
  with listed as (
    select h.id, h.slug, h.name, h.city, h.country, h.time_zone
    from public.theaters h order by h.city, h.name, h.id limit 500)
  select json_build_object(
    'theaters', (select coalesce(json_agg(l order by l.city, l.name, l.id), '[]') from listed l),
    'more', (select count(*) > 500 from public.theaters))
  into v_answer;
  perform private.set_cache_control('public, max-age=300');
  return v_answer;
end
$$;

-- {server_time, id, slug, name, city, country, address, time_zone, currency, auditoriums, showtimes, more_showtimes}
-- auditoriums: [{id, name, seats}], the first hundred by name
-- showtimes: [{id, starts_at, auditorium, movie: {slug, title}}], the next twenty of those that are still to come;
-- more_showtimes: how many there are besides (whats_on lists the films of a theater).
-- Raises unknown_theater.
create function public.theater(slug text) returns json
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
  v_theater public.theaters;
  v_answer json;
begin
  select * into v_theater from public.theaters h where h.slug = theater.slug;
  if not found then
    perform private.raise_api_error('unknown_theater');
  end if;
  with coming as materialized (
    select t.id, t.starts_at, a.name as auditorium, t.movie_id
    from public.auditoriums a
    join public.showtimes t on t.auditorium_id = a.id
    where a.theater_id = v_theater.id and t.starts_at > v_now and t.status = 'scheduled'),
  next as (
    select c.id, c.starts_at, c.auditorium, json_build_object('slug', m.slug, 'title', m.title) as movie
    from coming c join public.movies m on m.id = c.movie_id
    order by c.starts_at, c.id limit 20)
  select json_build_object(
    'server_time', v_now, 'id', v_theater.id, 'slug', v_theater.slug, 'name', v_theater.name,
    'city', v_theater.city, 'country', v_theater.country, 'address', v_theater.address,
    'time_zone', v_theater.time_zone, 'currency', v_theater.currency,
    'auditoriums', (
      select coalesce(json_agg(r order by r.name), '[]')
      from (select a.id, a.name, (select count(*) from public.seats s where s.auditorium_id = a.id) as seats
            from public.auditoriums a where a.theater_id = v_theater.id order by a.name limit 100) r),
    'showtimes', (select coalesce(json_agg(n order by n.starts_at, n.id), '[]') from next n),
    'more_showtimes', (select count(*) from coming) - (select count(*) from next))
  into v_answer;
  perform private.set_cache_control('public, max-age=30');
  return v_answer;
end
$$;

grant execute on function public.theaters() to anon, authenticated;
grant execute on function public.theater(text) to anon, authenticated;
