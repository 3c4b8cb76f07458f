-- The months of the audit log: private.booking_log_2026_12 holds what happened in December 2026, by the calendar of
-- UTC. They are added some months ahead; one that is older than private.settings says is dropped. What belongs to no
-- month that there is stands in private.booking_log_default: nothing is refused because nobody added a month.
--
-- A change of the table waits for all who use it, and everybody else for the change, so the log's locks are taken in
-- short tries (lock_timeout). What did not come to its turn comes the next time.

create table private.booking_log_default partition of private.booking_log default;
alter table private.booking_log_default enable row level security;
create trigger rows_are_only_added before update or delete or truncate on private.booking_log_default
  for each statement execute function private.forbid_changes();

-- Adds the month that begins then, with what of it stands in the default partition. False for one that is there.
--
-- It is made by itself and then attached, which waits for no reader and no writer of other months: `partition of` would
-- wait for all.
create function private.add_log_month(p_month timestamptz) returns boolean
language plpgsql volatile set search_path = '' set timezone = 'UTC' set lock_timeout = '1s' as $$
declare
  v_until timestamptz := p_month + interval '1 month';
  v_name text := 'booking_log_' || to_char(p_month, 'YYYY_MM');
begin
  if to_regclass('private.' || v_name) is not null then
    return false;
  end if;
  execute format('create table private.%I (like private.booking_log including all excluding identity)', v_name);
  execute format('alter table private.%I enable row level security', v_name);
  if exists (select from private.booking_log_default d where d.at >= p_month and d.at < v_until) then
    perform set_config('frontrow.deletes_old_rows', 'on', true);
    execute format(
      'with moved as (delete from private.booking_log_default d where d.at >= $1 and d.at < $2 returning d.*)
       insert into private.%I select * from moved', v_name) using p_month, v_until;
    perform set_config('frontrow.deletes_old_rows', 'off', true);
  end if;
  execute format(
    'create trigger rows_are_only_added before update or delete or truncate on private.%I
     for each statement execute function private.forbid_changes()', v_name);
  execute format('alter table private.booking_log attach partition private.%I for values from (%L) to (%L)',
                 v_name, p_month, v_until);
  return true;
end
$$;

-- Adds the month of that time and the three after it. Answers how many were added.
create function private.add_log_months(p_now timestamptz) returns integer
language plpgsql volatile set search_path = '' set timezone = 'UTC' as $$
declare
  v_added integer := 0;
begin
  for v_ahead in 0..3 loop
    v_added := v_added + private.add_log_month(date_trunc('month', p_now) + make_interval(months => v_ahead))::integer;
  end loop;
  return v_added;
end
$$;

-- Drops the months that were over before that time. Answers how many.
create function private.drop_log_months(p_until timestamptz) returns integer
language plpgsql volatile set search_path = '' set timezone = 'UTC' set lock_timeout = '1s' as $$
declare
  v_name text;
  v_dropped integer := 0;
begin
  for v_name in
    select c.relname from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'private.booking_log'::regclass and c.relname ~ '^booking_log_[0-9]{4}_[0-9]{2}$'
      and to_timestamp(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= p_until
    order by c.relname
  loop
    execute format('alter table private.booking_log detach partition private.%I', v_name);
    execute format('drop table private.%I', v_name);
    v_dropped := v_dropped + 1;
  end loop;
  return v_dropped;
end
$$;

select private.add_log_months(private.now());
