-- A film and its showtimes, as clients read them: under the same rules as the program (program.sql).

-- What the cheapest seat costs, those apart that are kept for wheelchair users and who comes with them; null where no
-- price is set.
create function private.price_from(p_showtime_id bigint) returns integer
language sql stable set search_path = '' as $$
  select coalesce(min(p.price) filter (where p.kind not in ('wheelchair', 'companion')), min(p.price))
  from public.showtime_prices p where p.showtime_id = p_showtime_id
$$;

-- {server_time, movie, days, showtimes, theaters, more, after}
-- movie: {id, slug, title, original_title, release_year, directors, cast_members, genres, language, certificate,
--         length_minutes, synopsis, rights}
-- days: [{day, showtimes}], how many there are on each of the first 366 days that have any
-- showtimes: [{id, day, starts_at, status, theater_id, auditorium, seats_left, price_from}], by day and start
-- theaters: [{id, slug, name, city, address, time_zone, currency}], those that the showtimes name, each once
--
-- Showtimes that have not ended, cancelled ones included, of one day or of all; day and days are of the theater's
-- calendar. At most 200 are listed, of whole days where the first of them fits: the page that day's theaters fill is
-- as large as a page should get. more: whether others are left; after: what gets them when it is asked with, the rest
-- of the question unchanged. price_from: of the cheapest seat, in the theater's currency, or null.
-- Raises unknown_movie; invalid_request, with the argument that it is about.
create function public.movie(
  slug text, day date default null, theater_ids bigint[] default null, after text default null) returns json
language plpgsql stable security definer set search_path = '' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_now timestamptz := private.now();
  v_question text := json_build_array(movie.slug, movie.day, movie.theater_ids)::text;
  v_cursor jsonb;
  v_movie public.movies;
  v_answer json;
begin
  perform private.check_day_and_theaters(movie.day, movie.theater_ids, v_now);
  v_cursor := private.read_cursor(
    movie.after, v_question, '{"day": "date", "starts_at": "timestamptz", "id": "bigint"}');
  select * into v_movie from public.movies m where m.slug = movie.slug;
  if not found then
    perform private.raise_api_error('unknown_movie');
  end if;
  with coming as materialized (
    select t.id, t.starts_at, t.status, (t.starts_at at time zone h.time_zone)::date as day, h.id as theater_id,
           a.name as auditorium
    from public.showtimes t
    join public.auditoriums a on a.id = t.auditorium_id
    join public.theaters h on h.id = a.theater_id
    where t.movie_id = v_movie.id and t.ends_at > v_now
      and (movie.theater_ids is null or h.id = any (movie.theater_ids))),
  numbered as (
    select c.*, row_number() over (order by c.day, c.starts_at, c.id) as n
    from coming c
    where (movie.day is null or c.day = movie.day)
      and (v_cursor is null or (c.day, c.starts_at, c.id) > (
        (v_cursor ->> 'day')::date, (v_cursor ->> 'starts_at')::timestamptz, (v_cursor ->> 'id')::bigint))
    order by n limit 201),
  listed as materialized (
    select n.* from numbered n
    where n.n <= 200 and (n.day is distinct from (select c.day from numbered c where c.n = 201)
                          or n.day = (select f.day from numbered f where f.n = 1))),
  showtimes as (
    select l.id, l.day, l.starts_at, l.status, l.theater_id, l.auditorium, s.seats_left,
           private.price_from(l.id) as price_from
    from listed l
    join private.seats_left(array(select l.id from listed l), v_now) s on s.showtime_id = l.id),
  rest as (
    select jsonb_build_object('day', l.day, 'starts_at', l.starts_at, 'id', l.id) as place,
           exists (select from numbered n where n.n > l.n) as more
    from listed l order by l.n desc limit 1)
  select json_build_object(
    'server_time', v_now,
    'movie', json_build_object(
      'id', v_movie.id, 'slug', v_movie.slug, 'title', v_movie.title, 'original_title', v_movie.original_title,
      'release_year', v_movie.release_year, 'directors', v_movie.directors, 'cast_members', v_movie.cast_members,
      'genres', v_movie.genres, 'language', v_movie.language, 'certificate', v_movie.certificate,
      'length_minutes', v_movie.length_minutes, 'synopsis', v_movie.synopsis, 'rights', v_movie.rights),
    'days', (select coalesce(json_agg(d order by d.day), '[]')
             from (select c.day, count(*) as showtimes from coming c group by c.day order by c.day limit 366) d),
    'showtimes', (select coalesce(json_agg(s order by s.day, s.starts_at, s.id), '[]') from showtimes s),
    'theaters', (select coalesce(json_agg(h order by h.id), '[]')
                 from (select h.id, h.slug, h.name, h.city, h.address, h.time_zone, h.currency from public.theaters h
                       where h.id in (select l.theater_id from listed l)) h),
    'more', coalesce((select r.more from rest r), false),
    'after', (select private.write_cursor(v_question, r.place) from rest r where r.more))
  into v_answer;
  -- Pages learn from broadcasts what changes meanwhile, and read again what they may have missed: only a CDN may answer
  -- in our place, a crowd once in two seconds.
  perform private.set_cache_control('public, max-age=0, s-maxage=2');
  return v_answer;
end
$$;

grant execute on function public.movie(text, date, bigint[], text) to anon, authenticated;
