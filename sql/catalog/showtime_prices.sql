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

alter table public.showtime_prices enable row level security;
create policy "anyone reads prices" on public.showtime_prices for select to anon, authenticated using (true);
grant select on public.showtime_prices to anon, authenticated;
grant select, insert, update, delete on public.showtime_prices to service_role;
