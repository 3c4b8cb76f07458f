-- Retention: what is kept for how long is in private.settings, and this keeps it. docs/privacy.md says why. The worker
-- calls it every ten minutes, and pg_cron where that exists.
--
-- Each step is a subtransaction of its own, as the sweep's are: one that raises is noted in private.sweep_failures and
-- undoes nothing else. What it deletes at once is limited; what is open is never deleted.

-- When it was last kept: one row.
create table private.retention_runs (
  singleton boolean primary key default true,
  created_at timestamptz not null default private.now(),
  ended_at timestamptz not null default '-infinity',
  constraint there_is_one_row check (singleton)
);
alter table private.retention_runs enable row level security;
insert into private.retention_runs default values;

-- Keeps it once: forgets who has left and for whom all is over, deletes what is old, so many rows of each kind at the
-- most, and adds and drops months of the audit log. A second call at the same time finds the row taken and leaves.
-- Answers {more (true where a step came to its limit), done: {step: rows}}.
create function public.keep_retention(max_rows integer default 2000) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  -- Each takes turns with their calls, and looks through all that is counted.
  c_people constant integer := 20;
  -- The months come last: their locks keep others waiting until the end.
  c_steps constant text[] := array[
    'forget_departed', 'forget_old_guests', 'delete_old_sessions', 'delete_old_account_tokens', 'delete_old_ticket_links',
    'delete_old_outbox', 'delete_old_broadcasts', 'delete_old_events', 'delete_old_holds', 'add_log_months',
    'drop_log_months'];
  v_step text;
  v_settings private.settings;
  v_now timestamptz;
  v_rows integer;
  v_guests integer;
  v_done jsonb := '{}';
  v_more boolean := false;
begin
  perform from private.retention_runs for update skip locked;
  if not found then
    return jsonb_build_object('more', false, 'done', v_done);
  end if;
  select * into strict v_settings from private.settings c where c.singleton;
  v_now := private.now();
  foreach v_step in array c_steps loop
    begin
      case v_step
        when 'forget_departed' then
          v_rows := private.forget_departed(v_now, least(keep_retention.max_rows, c_people));
          v_more := v_more or v_rows >= least(keep_retention.max_rows, c_people);
        when 'forget_old_guests' then
          v_rows := private.forget_old_guests(
            v_now - v_settings.guests_kept, v_now, least(keep_retention.max_rows, c_people));
          v_more := v_more or v_rows >= least(keep_retention.max_rows, c_people);
        when 'delete_old_sessions' then
          select d.sessions, d.guests into v_rows, v_guests
          from private.delete_old_sessions(v_now - v_settings.sessions_kept, keep_retention.max_rows) d;
          v_done := v_done || jsonb_build_object('delete_old_guests', v_guests);
        when 'delete_old_account_tokens' then
          v_rows := private.delete_old_account_tokens(v_now - v_settings.sessions_kept, keep_retention.max_rows);
        when 'delete_old_ticket_links' then
          v_rows := private.delete_old_ticket_links(v_now - v_settings.outbox_kept, keep_retention.max_rows);
        when 'delete_old_outbox' then
          v_rows := private.delete_old_outbox(v_now - v_settings.outbox_kept, keep_retention.max_rows);
        when 'delete_old_broadcasts' then
          v_rows := private.delete_old_broadcasts(v_now - v_settings.availability_kept, keep_retention.max_rows);
        when 'delete_old_events' then
          v_rows := private.delete_old_events(v_now - v_settings.stripe_events_kept, keep_retention.max_rows);
        when 'delete_old_holds' then
          v_rows := private.delete_old_holds(v_now - v_settings.seat_lock_history_kept, keep_retention.max_rows);
        when 'add_log_months' then
          v_rows := private.add_log_months(v_now);
        when 'drop_log_months' then
          v_rows := private.drop_log_months(v_now - v_settings.booking_log_kept);
      end case;
      v_done := v_done || jsonb_build_object(v_step, v_rows);
      v_more := v_more or v_rows >= keep_retention.max_rows;
      perform private.clear_sweep_failure(v_step, null);
    exception when others then
      perform private.record_sweep_failure(v_step, null, sqlstate, sqlerrm, v_now);
    end;
  end loop;
  update private.retention_runs r set ended_at = v_now where r.singleton;
  return jsonb_build_object('more', v_more, 'done', v_done);
end
$$;

grant execute on function public.keep_retention(integer) to service_role;

-- Where pg_cron exists it keeps it by itself; elsewhere the worker does.
do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.schedule('frontrow-retention', '*/10 * * * *', 'select public.keep_retention()');
  end if;
end
$$;
