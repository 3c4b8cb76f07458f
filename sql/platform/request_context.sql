-- Who is calling. The Data API has verified the token and left its claims in the setting request.jwt.claims, and what
-- the request said in request.headers.

-- The signed-in customer, or null. A `sub` that is no UUID is nobody: a token of another system proves nothing here.
create function private.user_id() returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
  v_sub text := v_claims ->> 'sub';
begin
  if v_claims ->> 'role' = 'authenticated' and pg_input_is_valid(v_sub, 'uuid') then
    return v_sub;
  end if;
  return null;
end
$$;

-- Who is calling, for the audit log: the id of the user; without one the role of the token, such as service_role; and
-- outside the Data API the role that is connected, such as the owner's or a scheduler's.
create function private.actor() returns text
language plpgsql stable set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
begin
  return coalesce(private.user_id()::text, v_claims ->> 'role', session_user);
end
$$;

-- The session that the caller's access token belongs to. Null for the secret key and for who is not signed in.
create function private.session_id() returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
  v_session_id text := v_claims ->> 'session_id';
begin
  return case when private.user_id() is not null and pg_input_is_valid(v_session_id, 'uuid') then v_session_id::uuid end;
end
$$;

-- The signed-in customer. Raises sign_in_required.
create function private.require_user_id() returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_user uuid := private.user_id();
begin
  if v_user is null then
    perform private.raise_api_error('sign_in_required');
  end if;
  return v_user;
end
$$;

-- Lets only staff pass, and programs with the secret key. Raises staff_only.
create function private.require_staff() returns void
language plpgsql stable set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '');
begin
  if v_claims ->> 'role' = 'service_role'
    or v_claims ->> 'role' = 'authenticated' and v_claims #>> '{app_metadata,role}' in ('staff', 'admin') then
    return;
  end if;
  perform private.raise_api_error('staff_only');
end
$$;

-- The id that all logs give this call: the header X-Request-Id, where it is one. For a caller who sent none,
-- and outside the Data API, one of the transaction's own, so that what it changed and what the worker makes of that
-- stand under one id all the same. The time is in it because a restored database counts its transactions anew.
create function private.request_id() returns text
language plpgsql stable set search_path = '' as $$
declare
  v_id text := nullif(current_setting('request.headers', true), '')::json ->> 'x-request-id';
begin
  return case when v_id ~ '^[A-Za-z0-9_-]{8,64}$' then v_id
              else format('db-%s-%s', extract(epoch from transaction_timestamp())::bigint, pg_current_xact_id()) end;
end
$$;

-- Tells browsers and CDNs how long they may keep the answer, as the header Cache-Control; and in Vary, on which headers
-- it depends beside the address. Without it they may keep nothing for long. An error forgets it: what was set goes with
-- the transaction. Reading functions may call this: a header is no write.
--
-- PostgREST cuts an answer by Range, renders it by Accept and changes it by Prefer, after the function. A cache that
-- keeps such an answer would give it to everybody, and some pay no heed to Vary; so only what a plain request is
-- answered may be kept, as browsers and supabase-js send it. A list in Accept is not plain: its weights could choose
-- something else than what it begins with. Of two lines of Accept, PostgREST takes the first and shows us the last:
-- those only Vary tells apart (docs/deploy.md).
create function private.set_cache_control(p_value text, p_vary text default null) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_headers jsonb := nullif(current_setting('request.headers', true), '');
begin
  perform set_config('response.headers', json_build_array(
    json_build_object('Cache-Control', case
      when v_headers ->> 'accept' not in ('*/*', 'application/json') or v_headers ?| array['range', 'prefer']
        then 'no-store' else p_value end),
    json_build_object('Vary', concat_ws(', ', 'Accept, Prefer, Range', p_vary)))::text, true);
end
$$;

-- The same for an answer that is another for each customer: what everybody is answered (no user) may be kept for a
-- second, so that a CDN answers a crowd; what a customer is, by nobody. Browsers keep neither, or an answer could be a
-- second old when it leaves the CDN and two when it is read.
create function private.set_cache_control_by_caller(p_user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.set_cache_control(
    case when p_user_id is null then 'public, max-age=0, s-maxage=1' else 'private, no-store' end, 'Authorization');
end
$$;
