-- Where the next page of a list begins, as text that a client hands back and that only means something here. It is not
-- signed: whatever it says, its reader gets nothing that the same function does not answer them anyway.

-- p_question: what else was asked, since a place in one list is none in another.
create function private.write_cursor(p_question text, p_place jsonb) returns text
language sql stable set search_path = '' as $$
  select encode(convert_to((p_place || jsonb_build_object('question', md5(p_question)))::text, 'UTF8'), 'hex')
$$;

-- What write_cursor was given, with those names and types; null for null. Raises invalid_request for any other text.
create function private.read_cursor(p_after text, p_question text, p_types jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_place jsonb;
begin
  if p_after is null then
    return null;
  end if;
  begin
    if length(p_after) <= 4000 then
      v_place := convert_from(decode(p_after, 'hex'), 'UTF8')::jsonb;
    end if;
  exception when data_exception then
    null;
  end;
  if v_place ->> 'question' is distinct from md5(p_question)
    or exists (select from jsonb_each_text(p_types) t
               where pg_input_is_valid(v_place ->> t.key, t.value) is not true) then
    perform private.refuse_argument('after');
  end if;
  return v_place;
end
$$;
