-- Seats, where they stand and of what kind they are.

create type public.seat_kind as enum (
  'standard',
  'premium',     -- wider, better placed
  'wheelchair',  -- a place without a chair
  'companion',   -- beside a wheelchair place
  'love'         -- half of a seat for two
);

create table public.seats (
  id bigint generated always as identity primary key,
  auditorium_id bigint not null references public.auditoriums,
  row_label text not null,
  number integer not null,
  x numeric(6, 2) not null,
  y numeric(6, 2) not null,
  kind public.seat_kind not null default 'standard',
  constraint seat_is_named_once unique (auditorium_id, row_label, number),
  constraint seat_stands_alone unique (auditorium_id, x, y),
  constraint row_label_is_not_empty check (row_label <> ''),
  constraint number_is_positive check (number > 0)
);
comment on column public.seats.x is 'Centre of the seat in seat widths, growing to the right as one faces the screen.';
comment on column public.seats.y is 'Centre of the seat in seat widths, growing away from the screen.';

alter table public.seats enable row level security;
create policy "anyone reads seats" on public.seats for select to anon, authenticated using (true);
grant select, insert, update, delete on public.seats to service_role;
