-- What a seat of each kind costs at a showtime, in the minor unit of the theater's currency. A kind without a price is
-- not for sale there: nobody can lock such a seat, and it is not counted as left (docs/adr/0047). So a showtime may be
-- planned first and priced later, in calls of their own.

create table public.showtime_prices (
  showtime_id bigint not null references public.showtimes on delete cascade,
  kind public.seat_kind not null,
  price integer not null,
  primary key (showtime_id, kind),
  constraint price_is_positive check (price > 0)
);

-- A price that Stripe would refuse by itself is refused where it is written, and does not wait for the first customer.
-- Once for all rows of a statement: a program of two weeks has thousands. Definer, because the secret key may not use
-- schema private.
create function private.check_prices() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_refused record;
begin
  select w.price, t.currency, c.minimum, c.maximum, c.step into v_refused
  from written w
  join public.showtimes s on s.id = w.showtime_id
  join public.auditoriums a on a.id = s.auditorium_id
  join public.theaters t on t.id = a.theater_id
  left join private.currencies() c on c.code = t.currency
  where (w.price between c.minimum and c.maximum and w.price % c.step = 0) is not true
  limit 1;
  if found then
    raise check_violation using
      message = format('Stripe takes no payment of %s minor units of %s', v_refused.price, v_refused.currency),
      detail = format('It takes %s to %s, in steps of %s.', v_refused.minimum, v_refused.maximum, v_refused.step),
      constraint = 'price_is_payable', schema = tg_table_schema, table = tg_table_name;
  end if;
  return null;
end
$$;

create trigger inserted_prices_are_payable after insert on public.showtime_prices
  referencing new table as written for each statement execute function private.check_prices();
create trigger updated_prices_are_payable after update on public.showtime_prices
  referencing new table as written for each statement execute function private.check_prices();

-- The same when another currency comes over prices that are there: a showtime moves to another theater, or its
-- auditorium does, or a theater changes its currency.
create function private.check_prices_of(p_theater_id bigint, p_auditorium_id bigint, p_showtime_id bigint) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_refused record;
begin
  select p.price, t.currency, p.showtime_id into v_refused
  from public.theaters t
  join public.auditoriums a on a.theater_id = t.id and a.id = coalesce(p_auditorium_id, a.id)
  join public.showtimes s on s.auditorium_id = a.id and s.id = coalesce(p_showtime_id, s.id) and s.starts_at > v_now
  join public.showtime_prices p on p.showtime_id = s.id
  left join private.currencies() c on c.code = t.currency
  where t.id = p_theater_id and (p.price between c.minimum and c.maximum and p.price % c.step = 0) is not true
  limit 1;
  if found then
    raise check_violation using
      message = format('Stripe takes no payment of %s minor units of %s, a price of showtime %s',
                       v_refused.price, v_refused.currency, v_refused.showtime_id),
      constraint = 'price_is_payable';
  end if;
end
$$;

create function private.check_prices_of_theater() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform private.check_prices_of(new.id, null, null);
  return null;
end
$$;

create function private.check_prices_of_auditorium() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform private.check_prices_of(new.theater_id, new.id, null);
  return null;
end
$$;

create function private.check_prices_of_showtime() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform private.check_prices_of(a.theater_id, a.id, new.id)
  from public.auditoriums a where a.id = new.auditorium_id;
  return null;
end
$$;

create trigger prices_are_payable_in_the_currency after update of currency on public.theaters
  for each row when (old.currency <> new.currency) execute function private.check_prices_of_theater();
create trigger prices_are_payable_in_the_theater after update of theater_id on public.auditoriums
  for each row when (old.theater_id <> new.theater_id) execute function private.check_prices_of_auditorium();
create trigger prices_are_payable_in_the_auditorium after update of auditorium_id on public.showtimes
  for each row when (old.auditorium_id <> new.auditorium_id) execute function private.check_prices_of_showtime();

alter table public.showtime_prices enable row level security;
create policy "anyone reads prices" on public.showtime_prices for select to anon, authenticated using (true);
grant select, insert, update, delete on public.showtime_prices to service_role;
