-- Auditoriums: a room of a theater with its own screen and seats.

create table public.auditoriums (
  id bigint generated always as identity primary key,
  theater_id bigint not null references public.theaters,
  name text not null,
  layout_version integer not null default 1,
  constraint auditorium_name_is_unique_in_its_theater unique (theater_id, name)
);
comment on column public.auditoriums.layout_version is
  'How often its seats have changed, and one. What is kept of a layout goes by it (catalog/seat_layout.sql).';

alter table public.auditoriums enable row level security;
create policy "anyone reads auditoriums" on public.auditoriums for select to anon, authenticated using (true);
grant select, insert, update, delete on public.auditoriums to service_role;
