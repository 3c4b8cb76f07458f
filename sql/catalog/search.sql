-- The search of films: what of a film is looked at, and how well it fits.
--
-- Both sides are folded, what is looked for and what is looked at, so that case, accents and signs do not matter:
-- FUSSGÄNGER finds Fußgänger, wladyslaw finds Władysław, hitchhiker finds The Hitch-Hiker. A folded text has letters,
-- digits and single spaces only, and so nothing that LIKE or anybody else would take for more than text.

-- Immutable, since an index and a column rely on it: the dictionary is named by its schema, and its rules come with
-- PostgreSQL. NFKD takes accents off their letters wherever Unicode knows them, unaccent knows the letters that are one
-- with their stroke (ø, ł, ß, ı). Signs are listed by their code points: what a class such as [:punct:] holds depends
-- on the database's locale.
create function private.fold(p_text text) returns text
language sql immutable strict parallel safe set search_path = '' as $$
  select btrim(regexp_replace(
    regexp_replace(
      lower(extensions.unaccent(
        'extensions.unaccent'::regdictionary, regexp_replace(normalize(p_text, nfkd), '[\u0300-\u036f]', '', 'g'))),
      '[\u0027\u0060\u02bc\u2018\u2019]', '', 'g'),
    '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u2000-\u206f\u2e00-\u2e7f\u3000-\u303f\ufffd]+',
    ' ', 'g'))
$$;

-- What a search looks for, folded: at most 100 characters, since folding makes 18 of some single ones.
create function private.fold_search(p_search text) returns text
language sql immutable strict parallel safe set search_path = '' as $$
  select btrim(left(private.fold(left(p_search, 100)), 100))
$$;

-- The words of such a text that are looked at: the first six, each once. Every word costs a look at every film.
create function private.search_words(p_folded text) returns text[]
language sql immutable strict parallel safe set search_path = '' as $$
  select array(
    select w.word from string_to_table(p_folded, ' ') with ordinality w (word, n)
    group by w.word order by min(w.n) limit 6)
$$;

-- A film's lines, best first: title; original title; both without spaces; directors; cast; genres and year.
create function private.search_text(p_movie public.movies) returns text
language sql immutable parallel safe set search_path = '' as $$
  select concat_ws(
    E'\n', f.title, f.original, replace(f.title, ' ', '') || ' ' || replace(f.original, ' ', ''),
    private.fold(array_to_string((p_movie).directors, ' ')),
    private.fold(array_to_string((p_movie).cast_members, ' ')),
    private.fold(array_to_string((p_movie).genres, ' ')) || ' ' || (p_movie).release_year)
  from (select private.fold((p_movie).title) as title,
               private.fold(coalesce((p_movie).original_title, '')) as original) f
$$;

-- Definer, because who keeps the catalog may not use schema private.
create function private.keep_search_text() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  new.search_text := private.search_text(new);
  return new;
end
$$;

create trigger search_text_is_kept before insert or update on public.movies
  for each row execute function private.keep_search_text();

create index movies_by_text on public.movies using gin (search_text extensions.gin_trgm_ops);

-- The films that fit what is looked for, as fold_search has it, and how well, the less the better. Each of its
-- search_words has to stand in the film somewhere, be it as a part of a word, so that what is still being typed is
-- found. A title that is just the words is best; else it counts where each word stands: titles before people before the
-- rest, and beginnings of words before what stands within one. Only where no film has all of the words may they be
-- misspelled; then `p_among` are the films that are looked at, since no index finds those.
create function private.search_movies(p_search text, p_among bigint[]) returns table (movie_id bigint, rank integer)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_words text[] := private.search_words(p_search);
  v_patterns text[] := array(select '%' || w.word || '%' from unnest(v_words) w (word));
  -- The index goes by the longest word, which is the rarest.
  v_longest text := (select p.pattern from unnest(v_patterns) p (pattern) order by length(p.pattern) desc limit 1);
begin
  return query
    select m.id, (
      select case when l.line[1] = p_search then 0 else sum(
        case when strpos(' ' || l.line[1], ' ' || w.word) > 0 then 1
             when strpos(' ' || l.line[2], ' ' || w.word) > 0 then 2
             when strpos(concat_ws(E'\n', l.line[1], l.line[2], l.line[3]), w.word) > 0 then 3
             when strpos(l.line[4], w.word) > 0 then 5
             when strpos(l.line[5], w.word) > 0 then 7
             else 9 end)::integer end
      from unnest(v_words) w (word))
    from public.movies m
    cross join lateral (select string_to_array(m.search_text, E'\n') as line) l
    where m.search_text like v_longest and m.search_text like all (v_patterns);
  if found then
    return;
  end if;
  -- Of three letters, one slip leaves nothing to go by.
  return query
    select m.id, (100 * s.slips)::integer
    from public.movies m
    cross join lateral (
      select sum(1 - f.fit) as slips, min(f.fit) as worst
      from unnest(v_words) w (word)
      cross join lateral (
        select case when strpos(m.search_text, w.word) > 0 then 1
                    when length(w.word) <= 3 then 0
                    else extensions.word_similarity(w.word, m.search_text) end as fit) f) s
    where m.id = any (p_among) and s.worst >= 0.5;
end
$$;
