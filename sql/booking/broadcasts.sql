-- What the database broadcasts to all who watch. A showtime's viewers listen on the private topic showtime:<id>,
-- listings on movie:<id>; nobody but the database may send there. One message per call, never one per seat, and never
-- who.
--
-- Broadcasts can be lost, so they are hints: a client reads the seat map again whenever it may have missed one.

-- Exactly the topics that there can be: whoever could join others would hold channels that nothing is ever sent on.
create policy "anyone follows showtimes and films" on realtime.messages for select to anon, authenticated
  using (extension = 'broadcast' and (select realtime.topic()) ~ '^(showtime|movie):[1-9][0-9]{0,18}$');

-- What was last broadcast to listings about a showtime, and when.
create table private.availability_broadcasts (
  showtime_id bigint primary key references public.showtimes on delete cascade,
  seats_left integer not null,
  status public.showtime_status not null,
  sent_at timestamptz not null
);
alter table private.availability_broadcasts enable row level security;

-- Sends an event to a showtime's viewers when the transaction commits.
create function private.broadcast_showtime(p_showtime_id bigint, p_event text, p_payload jsonb) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform realtime.send(p_payload, p_event, 'showtime:' || p_showtime_id, true);
end
$$;

-- Seats of each of those showtimes that are on sale and that nobody holds or has booked, all at once: an auditorium's
-- seats are counted once and not for each of its showtimes, and of the rest only what is held is looked at.
create function private.seats_left(p_showtime_ids bigint[], p_now timestamptz)
returns table (showtime_id bigint, seats_left integer)
language plpgsql stable rows 20 set search_path = '' set enable_seqscan = off as $$
begin
  return query
    with shown as materialized (
      select t.id, t.auditorium_id from public.showtimes t where t.id = any (p_showtime_ids)),
    rooms as materialized (
      select s.auditorium_id, s.kind, count(*) as seats
      from public.seats s where s.auditorium_id in (select w.auditorium_id from shown w)
      group by s.auditorium_id, s.kind),
    on_sale as (
      select w.id, sum(r.seats) as seats
      from shown w
      join rooms r on r.auditorium_id = w.auditorium_id
      join public.showtime_prices p on p.showtime_id = w.id and p.kind = r.kind
      group by w.id),
    taken as (
      select w.id, count(*) as seats
      from shown w
      join public.seat_locks l on l.showtime_id = w.id and l.held @> p_now
      join public.seats s on s.id = l.seat_id and s.auditorium_id = w.auditorium_id
      join public.showtime_prices p on p.showtime_id = w.id and p.kind = s.kind
      group by w.id)
    select w.id, (coalesce(o.seats, 0) - coalesce(k.seats, 0))::integer
    from shown w left join on_sale o on o.id = w.id left join taken k on k.id = w.id;
end
$$;

-- Informs listings which showtimes have other seats left than was broadcast last: showtime:update on movie:<id> and
-- showtime:<id>, at most once per showtime in five seconds. Which showtimes to look at is read from what was broadcast
-- since the last sweep, so that nobody who locks a seat writes a row for it. It looks back twenty seconds at the least,
-- longer than any transaction may last.
create function private.broadcast_availability(p_since timestamptz) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_changed bigint[];
  v_row record;
  v_sent integer := 0;
begin
  v_changed := array(
    select t.id from public.showtimes t
    where t.id in (select substr(m.topic, 10)::bigint from realtime.messages m
                   where m.inserted_at > (least(p_since, now() - interval '20 seconds') at time zone 'utc')
                     and m.topic ~ '^showtime:[0-9]{1,18}$' and m.event like 'seat:%' and m.private
                     and m.extension = 'broadcast')
      and not exists (select from private.availability_broadcasts last
                      where last.showtime_id = t.id and last.sent_at > v_now - interval '5 seconds'));
  for v_row in
    select t.id, t.status, s.seats_left, t as showtime
    from private.seats_left(v_changed, v_now) s
    join public.showtimes t on t.id = s.showtime_id
    order by s.showtime_id
  loop
    insert into private.availability_broadcasts as last (showtime_id, seats_left, status, sent_at)
    values (v_row.id, v_row.seats_left, v_row.status, v_now)
    on conflict (showtime_id) do update
      set seats_left = excluded.seats_left, status = excluded.status, sent_at = excluded.sent_at
      where (last.seats_left, last.status) is distinct from (excluded.seats_left, excluded.status);
    if found then
      perform private.broadcast_update(v_row.showtime, v_row.seats_left);
      v_sent := v_sent + 1;
    end if;
  end loop;
  return v_sent;
end
$$;

-- Sends showtime:update to a showtime's viewers and to its film's listings. A revision that a client has not seen says
-- that time or place have changed.
create function private.broadcast_update(p_showtime public.showtimes, p_seats_left integer) returns void
language sql volatile set search_path = '' as $$
  select realtime.send(
    jsonb_build_object(
      'showtime_id', (p_showtime).id, 'seats_left', p_seats_left, 'status', (p_showtime).status,
      'starts_at', (p_showtime).starts_at, 'ends_at', (p_showtime).ends_at, 'revision', (p_showtime).revision),
    'showtime:update', t.topic, true)
  from unnest(array['movie:' || (p_showtime).movie_id, 'showtime:' || (p_showtime).id]) t (topic)
$$;

-- A showtime that is cancelled, on again, or moved is broadcast at once.
create function private.broadcast_change() returns trigger
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
begin
  perform private.broadcast_update(
    new, (select s.seats_left from private.seats_left(array[new.id], private.now()) s));
  return null;
end
$$;

-- After all updates, not those of some columns: a trigger counts the revision.
create trigger changes_are_broadcast after update on public.showtimes
  for each row when (old.status is distinct from new.status or old.revision is distinct from new.revision)
  execute function private.broadcast_change();

-- Deletes what was last broadcast about showtimes that were over before that time.
create function private.delete_old_broadcasts(p_until timestamptz, p_max_rows integer) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_deleted integer;
begin
  delete from private.availability_broadcasts a where a.showtime_id = any (array(
    select old.showtime_id from private.availability_broadcasts old
    join public.showtimes t on t.id = old.showtime_id
    where t.ends_at < p_until and old.sent_at < p_until
    limit p_max_rows for update of old skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
