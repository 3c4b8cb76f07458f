-- Where the seats of an auditorium stand, apart from who has them: seats change once in years and holds every second,
-- so a layout is asked for once and kept for good. What makes that safe is its version, which rises with each change of
-- the auditorium's seats, whoever makes it.

-- One rise per statement, and none for a statement that changes nothing. Both auditoriums rise when a seat moves, in
-- the order of their ids. It comes after the guards of the single rows (booking/catalog_guards.sql), which have taken
-- the auditorium by then where they take it at all. Until the end of the transaction nobody else changes seats there,
-- so a version is never seen with two contents. Definer, because who keeps the seats need not be let at auditoriums.
create function private.count_layout_version() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_auditorium_ids bigint[];
begin
  case tg_op
    when 'INSERT' then
      v_auditorium_ids := array(select distinct w.auditorium_id from written w);
    when 'DELETE' then
      v_auditorium_ids := array(select distinct g.auditorium_id from gone g);
    else
      v_auditorium_ids := array(
        select distinct c.auditorium_id
        from ((select * from gone except select * from written)
              union all (select * from written except select * from gone)) c);
  end case;
  perform from public.auditoriums a where a.id = any (v_auditorium_ids) order by a.id for no key update;
  update public.auditoriums a set layout_version = a.layout_version + 1 where a.id = any (v_auditorium_ids);
  return null;
end
$$;

create trigger inserted_seats_change_the_layout after insert on public.seats
  referencing new table as written for each statement execute function private.count_layout_version();
create trigger updated_seats_change_the_layout after update on public.seats
  referencing old table as gone new table as written for each statement execute function private.count_layout_version();
create trigger deleted_seats_change_the_layout after delete on public.seats
  referencing old table as gone for each statement execute function private.count_layout_version();

-- Nor does anybody lower it by hand: another layout would be taken for the one that browsers keep.
create function private.forbid_lower_version() returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  raise check_violation using message = 'the version of a layout only rises', constraint = tg_name;
end
$$;

create trigger layout_versions_only_rise before update of layout_version on public.auditoriums
  for each row when (new.layout_version < old.layout_version) execute function private.forbid_lower_version();

-- {auditorium_id, version, seats: [[id, row, number, x, y, kind]]}, row by row. The version is that of showtime() and
-- seat_states(); only the present one is answered, and browsers and CDNs may keep that for good. Raises
-- unknown_auditorium; layout_outdated with the present version, of which nothing is kept.
create function public.seat_layout(auditorium_id bigint, version integer) returns json
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_present integer;
  v_layout json;
begin
  -- One statement, so that the seats are those of the version.
  select a.layout_version, json_build_object(
    'auditorium_id', a.id, 'version', a.layout_version,
    'seats', (
      select coalesce(json_agg(json_build_array(s.id, s.row_label, s.number, trim_scale(s.x), trim_scale(s.y), s.kind)
                               order by s.y, s.x), '[]')
      from public.seats s
      where s.auditorium_id = a.id and a.layout_version = seat_layout.version))
  into v_present, v_layout
  from public.auditoriums a
  where a.id = seat_layout.auditorium_id;
  if v_present is null then
    perform private.raise_api_error('unknown_auditorium');
  elsif v_present is distinct from seat_layout.version then
    perform private.raise_api_error('layout_outdated', jsonb_build_object('version', v_present));
  end if;
  perform private.set_cache_control('public, max-age=31536000, immutable');
  return v_layout;
end
$$;

grant execute on function public.seat_layout(bigint, integer) to anon, authenticated;
