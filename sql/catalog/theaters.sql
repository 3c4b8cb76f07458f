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
grant select on public.theaters to anon, authenticated;
grant select, insert, update, delete on public.theaters to service_role;
