-- What the database tells everyone who watches. A showtime's viewers listen on the private topic showtime:<id>, listings
-- on movie:<id>; nobody but the database may send there. One message per call, never one per seat, and never who.
--
-- Broadcasts can be lost, so they are hints: a client reads the seat map again whenever it may have missed one.

create policy "anyone follows showtimes and films" on realtime.messages for select to anon, authenticated
  using (extension = 'broadcast'
         and ((select realtime.topic()) like 'showtime:%' or (select realtime.topic()) like 'movie:%'));

-- Showtimes whose seats changed since their listings were last told. A heap without an index, so that writers on one
-- showtime never wait for each other; unlogged, because after a crash the next change says it again.
create unlogged table private.changed_showtimes (
  showtime_id bigint not null
);
alter table private.changed_showtimes enable row level security;

-- What listings were last told of a showtime, and when.
create table private.told_showtimes (
  showtime_id bigint primary key references public.showtimes on delete cascade,
  seats_left integer not null,
  status public.showtime_status not null,
  told_at timestamptz not null
);
alter table private.told_showtimes enable row level security;

-- Tells a showtime's viewers what happened, when the transaction commits, and leaves word for its listings.
create function private.tell_showtime(p_showtime_id bigint, p_event text, p_payload jsonb) returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into private.changed_showtimes (showtime_id) values (p_showtime_id);
  perform realtime.send(p_payload, p_event, 'showtime:' || p_showtime_id, true);
end
$$;

-- Seats of a showtime that nobody holds or has booked. A computed column of showtimes for the Data API:
-- select=*,seats_left. Definer, because locks are nobody's to read.
create function public.seats_left(showtime public.showtimes) returns integer
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  return (select count(*) from public.seats s where s.auditorium_id = (showtime).auditorium_id)
       - (select count(*) from public.seat_locks l where l.showtime_id = (showtime).id and l.held @> v_now);
end
$$;

-- Tells listings which showtimes have other seats left than they were told: showtime:update on movie:<id> and
-- showtime:<id>, at most once per showtime in five seconds. What comes too soon stays for the next run.
create function private.tell_listings() returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_row record;
  v_told integer := 0;
begin
  for v_row in
    with taken as (
      delete from private.changed_showtimes c
      where not exists (select from private.told_showtimes t
                        where t.showtime_id = c.showtime_id and t.told_at > v_now - interval '5 seconds')
      returning c.showtime_id
    )
    select s.id, s.movie_id, s.status, public.seats_left(s) as seats_left
    from public.showtimes s where s.id in (select showtime_id from taken) order by s.id
  loop
    insert into private.told_showtimes as t (showtime_id, seats_left, status, told_at)
    values (v_row.id, v_row.seats_left, v_row.status, v_now)
    on conflict (showtime_id) do update
      set seats_left = excluded.seats_left, status = excluded.status, told_at = excluded.told_at
      where (t.seats_left, t.status) is distinct from (excluded.seats_left, excluded.status);
    if found then
      perform realtime.send(
        jsonb_build_object('showtime_id', v_row.id, 'seats_left', v_row.seats_left, 'status', v_row.status),
        'showtime:update', t.topic, true)
      from unnest(array['movie:' || v_row.movie_id, 'showtime:' || v_row.id]) t (topic);
      v_told := v_told + 1;
    end if;
  end loop;
  return v_told;
end
$$;

create function private.note_showtime_change() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into private.changed_showtimes (showtime_id) values (new.id);
  return null;
end
$$;

create trigger listings_hear_of_it after update of status on public.showtimes
  for each row when (old.status is distinct from new.status) execute function private.note_showtime_change();

revoke execute on function
  private.tell_showtime(bigint, text, jsonb),
  public.seats_left(public.showtimes),
  private.tell_listings(),
  private.note_showtime_change()
from public;
grant execute on function public.seats_left(public.showtimes) to anon, authenticated, service_role;
