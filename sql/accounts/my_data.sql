-- The export: all that is kept about a person, as one JSON, for the person alone. Left out is what proves who they are
-- (hashes of passwords and of tokens) and who else has worked on their bookings.

-- The newest of a person's holds of seats, live and ended: [{showtime_id, seat_id, booking_id, held_from, held_until
-- (null while sold), end_reason (null while it lives or ran out unswept)}].
create function private.holds_json(p_user_id uuid, p_max_rows integer) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'showtime_id', h.showtime_id, 'seat_id', h.seat_id, 'booking_id', h.booking_id, 'held_from', lower(h.held),
    'held_until', upper(h.held), 'end_reason', h.end_reason) order by lower(h.held) desc, h.seat_id), '[]')
  from (
    select * from (
      select l.showtime_id, l.seat_id, l.booking_id, l.held, l.end_reason
      from public.seat_locks l where l.user_id = p_user_id
      union all
      select a.showtime_id, a.seat_id, a.booking_id, a.held, a.end_reason
      from private.seat_lock_history a where a.user_id = p_user_id) o
    order by lower(o.held) desc, o.seat_id limit p_max_rows) h
$$;

-- A person's sign-ins that are kept, the latest first: [{id, user_agent, created_at, refreshed_at, expires_at,
-- ended_at, end_reason, human_until}].
create function private.sessions_json(p_user_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', s.id, 'user_agent', s.user_agent, 'created_at', s.created_at,
    'refreshed_at', (select max(t.created_at) from private.refresh_tokens t where t.session_id = s.id),
    'expires_at', s.expires_at, 'ended_at', s.ended_at, 'end_reason', s.end_reason, 'human_until', s.human_until)
    order by s.created_at desc, s.id), '[]')
  from private.sessions s where s.user_id = p_user_id
$$;

-- What limits still count for a person, the latest first: attempts to sign in with an address that is proved to be
-- theirs, at the second factor, to pay, and to pass a human check: [{kind, address (where it was tried from; null where
-- that does not count), at}].
create function private.attempts_json(p_user public.users, p_max_rows integer) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('kind', h.kind, 'address', h.source, 'at', h.hit_at)
                            order by h.hit_at desc), '[]')
  from (
    select k.kind, a.source, a.hit_at
    from (values ('sign_in', case when (p_user).email_verified_at is not null
                                  then private.sign_in_key((p_user).email) end),
                 ('payment', 'payment_start:' || (p_user).id),
                 ('second_factor', 'second_factor_day:' || (p_user).id),
                 ('human_check', 'human_check:' || (p_user).id))
      k (kind, key)
    join private.rate_limit_hits a on a.key = k.key
    order by a.hit_at desc limit p_max_rows) h
$$;

-- The emails to a person, about those bookings or about the account, the latest first: [{booking_id, kind, state,
-- created_at, completed_at}].
create function private.emails_json(p_user_id uuid, p_booking_ids uuid[], p_max_rows integer) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'booking_id', e.booking_id, 'kind', e.kind, 'state', e.state, 'created_at', e.created_at,
    'completed_at', e.completed_at) order by e.id desc), '[]')
  from (
    select o.* from (
      select b.* from private.outbox b where b.booking_id = any (p_booking_ids)
      union
      select a.* from private.outbox a where a.user_id = p_user_id) o
    where private.is_mail(o.kind)
    order by o.id desc limit p_max_rows) e
$$;

-- What was logged about those bookings, the latest first: [{at, booking_id, entity, status, request_id, session_id,
-- actor, row_data}]. actor: the person's own id, the role of a program, or 'staff' for anybody else.
create function private.booking_log_json(p_bookings public.bookings[], p_max_rows integer) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'at', e.at, 'booking_id', e.booking_id, 'entity', e.entity, 'status', e.status, 'request_id', e.request_id,
    'session_id', case when e.is_own then e.session_id end,
    'actor', case when e.is_own or not pg_input_is_valid(e.actor, 'uuid') then e.actor else 'staff' end,
    'row_data', e.row_data) order by e.id desc), '[]')
  from (
    select g.*, g.actor = b.user_id::text as is_own
    from unnest(p_bookings) b
    join private.booking_log g on g.showtime_id = b.showtime_id and g.booking_id = b.id
      and g.at >= b.created_at - interval '1 day'
    order by g.id desc limit p_max_rows) e
$$;

-- All that is kept about the caller: {exported_at, account: private.account_json, second_factor:
-- private.second_factor_json, sessions, attempts, bookings: [private.booking_details], holds, emails, log, truncated},
-- lists with the latest first, as the functions above say.
-- truncated: the lists of which only the newest 1,000 bookings, or 10,000 of anything else, are here; who needs more
-- asks the cinema. Raises sign_in_required, unknown_user.
create function public.my_data() returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_max_bookings constant integer := 1000;
  v_max_rows constant integer := 10000;
  v_user public.users;
  v_account jsonb := private.account_json(private.require_user_id());
  v_bookings public.bookings[];
  v_data jsonb;
begin
  perform private.set_cache_control('private, no-store');
  select * into strict v_user from public.users u where u.id = (v_account ->> 'id')::uuid;
  v_bookings := array(
    select b from public.bookings b where b.user_id = v_user.id
    order by b.created_at desc, b.id desc limit v_max_bookings);
  v_data := jsonb_build_object(
    'sessions', private.sessions_json(v_user.id),
    'attempts', private.attempts_json(v_user, v_max_rows),
    'bookings', (
      select coalesce(jsonb_agg(private.booking_details(v_bookings[n]) order by n), '[]')
      from generate_series(1, cardinality(v_bookings)) n),
    'holds', private.holds_json(v_user.id, v_max_rows),
    'emails', private.emails_json(v_user.id, array(select b.id from unnest(v_bookings) b), v_max_rows),
    'log', private.booking_log_json(v_bookings, v_max_rows));
  return v_data || jsonb_build_object(
    'exported_at', private.now(), 'account', v_account, 'second_factor', private.second_factor_json(v_user.id),
    'truncated', (
      select coalesce(jsonb_agg(l.key order by l.key), '[]') from jsonb_each(v_data) l
      where jsonb_array_length(l.value) >= case l.key when 'bookings' then v_max_bookings else v_max_rows end));
end
$$;

grant execute on function public.my_data() to anon, authenticated;
