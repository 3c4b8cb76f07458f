-- What is on: the films that have showtimes still to come, where, and when next. Clients read the program through these
-- functions. Each answer has a bound that no catalog can move, and says where it left something out.
--
-- A day is a day of the calendar on the theater's wall. The page is a list of films; "now" is the server's.

-- The instants that some calendar on Earth calls that day (UTC-12 to UTC+14), and an hour more on either side; all of
-- the future for null. An index finds those, and what is found is then asked for the day in its own zone.
create function private.day_span(p_day date, p_now timestamptz) returns tstzrange
language sql stable set search_path = '' as $$
  select case when p_day is null then tstzrange(p_now, 'infinity')
              else tstzrange(greatest(p_now, p_day::timestamp at time zone 'UTC' - interval '15 hours'),
                             greatest(p_now, (p_day + 1)::timestamp at time zone 'UTC' + interval '12 hours')) end
$$;

-- Refuses days that no program has, and more theaters than anybody means. Raises invalid_request.
create function private.check_day_and_theaters(p_day date, p_theater_ids bigint[], p_now timestamptz) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_today date := (p_now at time zone 'UTC')::date;
begin
  if p_day not between v_today - 1 and v_today + 366 then
    perform private.refuse_argument('day');
  elsif cardinality(p_theater_ids) not between 1 and 500 then
    perform private.refuse_argument('theater_ids');
  end if;
end
$$;

-- The filters as an object: {genre, language, certificate, length}, each a text, and of the last two only what exists.
-- In an address they are JSON, which PostgREST 12 hands over as a text of JSON. Raises invalid_request.
create function private.film_filters(p_filters jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_text text := case jsonb_typeof(p_filters) when 'string' then p_filters #>> '{}' end;
  v_filters jsonb := case when pg_input_is_valid(v_text, 'jsonb') then v_text::jsonb else p_filters end;
begin
  if jsonb_typeof(v_filters) <> 'object'
    or exists (select from jsonb_each(case jsonb_typeof(v_filters) when 'object' then v_filters end) f
               where f.key not in ('genre', 'language', 'certificate', 'length')
                  or jsonb_typeof(f.value) <> 'string'
                  or length(f.value #>> '{}') not between 1 and 100)
    or not pg_input_is_valid(coalesce(v_filters ->> 'certificate', 'U'), 'public.certificate')
    or v_filters ->> 'length' not in ('short', 'feature', 'long') then
    perform private.refuse_argument('filters');
  end if;
  return v_filters;
end
$$;

-- The films with showtimes to come on that day at those theaters (null: any): the next since p_as_of, and how many
-- there are. Who pages through the program keeps p_as_of, so that a film whose next showtime has begun meanwhile keeps
-- its place.
create function private.movies_on(
  p_day date, p_theater_ids bigint[], p_as_of timestamptz, p_now timestamptz)
returns table (movie_id bigint, next_at timestamptz, showtimes integer)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_span tstzrange := private.day_span(p_day, p_as_of);
begin
  -- Of the whole program nothing has to be asked about places.
  if p_day is null and p_theater_ids is null then
    return query
      select t.movie_id, min(t.starts_at), (count(*) filter (where t.starts_at > p_now))::integer
      from public.showtimes t
      where t.starts_at > p_as_of and t.status = 'scheduled'
      group by t.movie_id
      having max(t.starts_at) > p_now;
    return;
  end if;
  return query
    select t.movie_id, min(t.starts_at), (count(*) filter (where t.starts_at > p_now))::integer
    from public.showtimes t
    join public.auditoriums a on a.id = t.auditorium_id
    join public.theaters h on h.id = a.theater_id
    where t.starts_at > lower(v_span) and t.starts_at < upper(v_span) and t.status = 'scheduled'
      and (p_theater_ids is null or h.id = any (p_theater_ids))
      and (p_day is null or (t.starts_at at time zone h.time_zone)::date = p_day)
    group by t.movie_id
    having max(t.starts_at) > p_now;
end
$$;

-- The same with all that decides about the list: whether a film fits the search and the filters, and its place, which
-- is by key, then by title without its article. Certificates: the strictest that will do. Lengths: 45 minutes are where
-- prices change.
create function private.program(
  p_day date, p_theater_ids bigint[], p_search text, p_filters jsonb, p_sort text, p_as_of timestamptz,
  p_now timestamptz)
returns table (movie_id bigint, showtimes integer, fits boolean, key bigint, title text)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
#variable_conflict use_column
begin
  return query
    with on_show as materialized (
      select o.movie_id, o.next_at, o.showtimes from private.movies_on(p_day, p_theater_ids, p_as_of, p_now) o),
    fitting as materialized (
      select f.movie_id, f.rank
      from private.search_movies(p_search, array(select o.movie_id from on_show o)) f
      where p_search is not null)
    select o.movie_id, o.showtimes,
           (p_search is null or f.movie_id is not null)
           and (p_filters ->> 'genre' is null or m.genres @> array[p_filters ->> 'genre'])
           and (p_filters ->> 'language' is null or m.language = p_filters ->> 'language')
           and (p_filters ->> 'certificate' is null
                or m.certificate <= (p_filters ->> 'certificate')::public.certificate)
           and (p_filters ->> 'length' is null
                or p_filters ->> 'length' = case when m.length_minutes <= 45 then 'short'
                                                 when m.length_minutes <= 120 then 'feature' else 'long' end),
           case p_sort when 'soonest' then (extract(epoch from o.next_at) * 1000000)::bigint
                       when 'relevance' then f.rank else 0 end,
           left(regexp_replace(split_part(m.search_text, E'\n', 1), '^(the|an?) ', ''), 200) collate "C"
    from on_show o
    join public.movies m on m.id = o.movie_id
    left join fitting f on f.movie_id = o.movie_id;
end
$$;

-- The days of the coming month on which anything is shown at those theaters, by their own calendars. Each is asked for
-- by itself, since the first showtime of a day answers for all of them; as `exists` the planner would read them all.
create function private.program_days(p_theater_ids bigint[], p_now timestamptz) returns date[]
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return array(
    select d.day
    from (select (p_now at time zone 'UTC')::date + n as day from generate_series(-1, 31) n) d
    cross join lateral (select private.day_span(d.day, p_now) as span offset 0) s
    where (
      select true from public.showtimes t
      join public.auditoriums a on a.id = t.auditorium_id
      join public.theaters h on h.id = a.theater_id
      where t.starts_at > lower(s.span) and t.starts_at < upper(s.span) and t.status = 'scheduled'
        and (p_theater_ids is null or h.id = any (p_theater_ids))
        and (t.starts_at at time zone h.time_zone)::date = d.day
      limit 1)
    order by d.day);
end
$$;

-- {server_time, total, days, genres, languages, films, theaters, more, after}
-- films: [{id, slug, title, original_title, release_year, directors, genres, language, certificate, length_minutes,
--          showtimes: [{id, starts_at, theater_id}], more_showtimes}]
-- theaters: [{id, slug, name, city, time_zone}], those that the films' showtimes name, each once
--
-- day: on the calendar of each theater; without one, all that is still to come. theater_ids: without them, everywhere.
-- search: at most 100 characters, of whose words the first six count (private.search_words).
-- filters: {genre, language, certificate: the strictest that will do, length: short, feature or long}. sort: title,
-- without its article; soonest; relevance, which is how well a search fits. Without a sort it is relevance for a search
-- and title for the rest. total: films that fit. showtimes: a film's next three of that day and those theaters;
-- more_showtimes: how many there are besides.
-- more: whether films are left; after: what gets them when it is asked with, the rest of the question unchanged. A page
-- is at most max_films (1 to 60) and about 45 kB, and films that do not fit begin the next.
-- days, genres, languages: what can be chosen at these theaters: the days of the coming month that have showtimes, and
-- of all films of the day the hundred commonest. Null on later pages, which have the first one's.
-- Raises invalid_request, with the argument that it is about.
create function public.whats_on(
  day date default null, theater_ids bigint[] default null, search text default null, filters jsonb default null,
  sort text default null, after text default null, max_films integer default 24) returns json
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
  v_filters jsonb;
  v_search text;
  v_sort text;
  v_question text;
  v_cursor jsonb;
  v_as_of timestamptz;
  v_answer json;
begin
  perform private.check_day_and_theaters(whats_on.day, whats_on.theater_ids, v_now);
  v_filters := private.film_filters(whats_on.filters);
  if length(whats_on.search) > 100 then
    perform private.refuse_argument('search');
  end if;
  v_search := nullif(private.fold_search(whats_on.search), '');
  v_sort := coalesce(whats_on.sort, case when v_search is null then 'title' else 'relevance' end);
  if v_sort not in ('title', 'soonest', 'relevance') or v_sort = 'relevance' and v_search is null then
    perform private.refuse_argument('sort');
  elsif (whats_on.max_films between 1 and 60) is not true then
    perform private.refuse_argument('max_films');
  end if;
  v_question := json_build_array(whats_on.day, whats_on.theater_ids, v_search, v_filters, v_sort)::text;
  v_cursor := private.read_cursor(
    whats_on.after, v_question, '{"as_of": "timestamptz", "key": "bigint", "title": "text", "id": "bigint"}');
  v_as_of := coalesce((v_cursor ->> 'as_of')::timestamptz, v_now);
  if v_as_of not between v_now - interval '1 day' and v_now then
    perform private.refuse_argument('after');
  end if;
  with program as materialized (
    select * from private.program(
      whats_on.day, whats_on.theater_ids, v_search, v_filters, v_sort, v_as_of, v_now)),
  chosen as (
    select p.movie_id, p.showtimes, p.key, p.title, row_number() over (order by p.key, p.title, p.movie_id) as n
    from program p
    where p.fits and (v_cursor is null or (p.key, p.title, p.movie_id) > (
      (v_cursor ->> 'key')::bigint, (v_cursor ->> 'title') collate "C", (v_cursor ->> 'id')::bigint))
    order by n limit whats_on.max_films),
  films as materialized (
    select c.n, c.key, c.title, c.movie_id, f.film, f.theater_ids,
           sum(octet_length(f.film::text)) over (order by c.n) as bytes
    from chosen c cross join lateral private.listed_film(
      c.movie_id, c.showtimes, whats_on.day, whats_on.theater_ids, v_now) f),
  theaters as materialized (
    select f.n, h.id, to_json(h) as theater,
           sum(octet_length(to_json(h)::text)) over (order by f.n) as bytes
    from (select min(f.n) as n, i.id from films f cross join unnest(f.theater_ids) i (id) group by i.id) f
    cross join lateral (
      select h.id, h.slug, h.name, h.city, h.time_zone from public.theaters h where h.id = f.id) h),
  listed as materialized (
    select f.* from films f
    where f.n = 1
      or f.bytes + coalesce((select max(h.bytes) from theaters h where h.n <= f.n), 0) <= 45000)
  select json_build_object(
    'server_time', v_now,
    'total', (select count(*) from program p where p.fits),
    'days', case when v_cursor is null then private.program_days(whats_on.theater_ids, v_now) end,
    'genres', case when v_cursor is null then array(
      select g.genre from program p join public.movies m on m.id = p.movie_id cross join unnest(m.genres) g (genre)
      group by g.genre order by count(*) desc, g.genre limit 100) end,
    'languages', case when v_cursor is null then array(
      select m.language from program p join public.movies m on m.id = p.movie_id
      group by m.language order by count(*) desc, m.language limit 100) end,
    'films', (select coalesce(json_agg(f.film order by f.n), '[]') from listed f),
    'theaters', (select coalesce(json_agg(h.theater order by h.id), '[]')
                 from theaters h where h.n <= (select max(f.n) from listed f)),
    'more', rest.more,
    'after', case when rest.more then private.write_cursor(v_question, rest.place) end)
  into v_answer
  from (select max(p.place::text)::jsonb as place, coalesce(bool_or(p.more), false) as more from (
    select jsonb_build_object('key', f.key, 'title', f.title, 'id', f.movie_id, 'as_of', v_as_of) as place,
           exists (select from program p where p.fits and (p.key, p.title, p.movie_id) > (f.key, f.title, f.movie_id))
             as more
    from listed f order by f.n desc limit 1) p) rest;
  perform private.set_cache_control('public, max-age=30');
  return v_answer;
end
$$;

-- A film as whats_on lists it, and the theaters that it names.
create function private.listed_film(
  p_movie_id bigint, p_showtimes integer, p_day date, p_theater_ids bigint[], p_now timestamptz)
returns table (film json, theater_ids bigint[])
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_span tstzrange := private.day_span(p_day, p_now);
begin
  return query
    with next as materialized (
      select t.id, t.starts_at, h.id as theater_id
      from public.showtimes t
      join public.auditoriums a on a.id = t.auditorium_id
      join public.theaters h on h.id = a.theater_id
      where t.movie_id = p_movie_id and t.starts_at > lower(v_span) and t.starts_at < upper(v_span)
        and t.status = 'scheduled' and (p_theater_ids is null or h.id = any (p_theater_ids))
        and (p_day is null or (t.starts_at at time zone h.time_zone)::date = p_day)
      order by t.starts_at, t.id limit 3)
    select json_build_object(
             'id', m.id, 'slug', m.slug, 'title', m.title, 'original_title', m.original_title,
             'release_year', m.release_year, 'directors', m.directors, 'genres', m.genres, 'language', m.language,
             'certificate', m.certificate, 'length_minutes', m.length_minutes,
             'showtimes', (select json_agg(n order by n.starts_at, n.id) from next n),
             'more_showtimes', p_showtimes - (select count(*) from next)),
           array(select distinct n.theater_id from next n)
    from public.movies m where m.id = p_movie_id;
end
$$;

grant execute on function public.whats_on(date, bigint[], text, jsonb, text, text, integer) to anon, authenticated;
