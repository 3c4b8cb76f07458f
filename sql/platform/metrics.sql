-- What an operator watches. backend/metrics.py turns it into Prometheus' form; docs/metrics.md explains each figure.

-- Since when each refund that is not finished has stood as it does, by the record: a refusal that comes again is the
-- same one.
create function private.unfinished_refunds() returns table (status public.refund_status, since timestamptz)
language sql stable set search_path = '' set enable_seqscan = off as $$
  select r.status, coalesce((
    select min(g.at) from private.booking_log g
    where g.showtime_id = r.showtime_id and g.booking_id = r.booking_id and g.entity = 'refund'
      and g.at >= r.created_at - interval '1 day'
      and g.row_data ->> 'id' = r.id::text
      and g.id > coalesce((
        select max(other.id) from private.booking_log other
        where other.showtime_id = r.showtime_id and other.booking_id = r.booking_id and other.entity = 'refund'
          and other.at >= r.created_at - interval '1 day'
          and other.row_data ->> 'id' = r.id::text and other.status <> r.status::text), 0)), r.created_at)
  from public.refunds r where r.status not in ('succeeded', 'void')
$$;

-- What an operator watches: {outbox: [{kind, state, rows, oldest_seconds, overdue_seconds}], refunds: {status: n} and
-- refund_ages: {status: seconds in it, of the oldest} of those unfinished, payments_open, disputes_open, disputes:
-- [{id, reference, status, amount, currency}] of the 20 oldest, violations of the last verification or null,
-- verified_seconds_ago (the daily one) and sweep_seconds_ago, both since the database was made if there was none yet,
-- retention_seconds_ago likewise, departures_overdue (people who left and are not forgotten an hour after the time),
-- sweep_failures (bookings and steps that raise, see sweep.sql), locks_held (and not sold), locks_begun so far by
-- PostgreSQL's own count (refused ones are in it, and it may begin anew after a crash),
-- bookings_recent: {status: n} and payments_recent: {outcome: n} of the last five minutes}.
--
-- Overdue is what a worker should have taken: its time has come, and no worker holds it. What waits for its next try is
-- old and not overdue.
create function public.operational_metrics() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  return (
  with refunds as (
    select r.status, count(*) as n, round(extract(epoch from max(v_now - r.since))::numeric, 1) as age
    from private.unfinished_refunds() r group by r.status)
  select jsonb_build_object(
    'outbox', (select coalesce(jsonb_agg(to_jsonb(o)), '[]') from (
      select o.kind, o.state, count(*) as rows,
             round(extract(epoch from max(v_now - o.created_at))::numeric, 1) as oldest_seconds,
             greatest(0, round(extract(epoch from max(v_now - greatest(o.due_at, o.claimed_until))
                                                  filter (where o.state = 'queued'))::numeric, 1)) as overdue_seconds
      from private.outbox o where o.state in ('queued', 'failed') group by o.kind, o.state) o),
    'refunds', (select coalesce(jsonb_object_agg(r.status, r.n), '{}') from refunds r),
    'refund_ages', (select coalesce(jsonb_object_agg(r.status, r.age), '{}') from refunds r),
    'payments_open', (select count(*) from public.payments p where p.status = 'open'),
    'disputes_open', (select count(*) from public.disputes d where d.closed_at is null),
    'disputes', (select coalesce(jsonb_agg(to_jsonb(d)), '[]') from (
      select d.id, b.reference, d.status, d.amount, d.currency
      from public.disputes d
      join public.bookings b on b.showtime_id = d.showtime_id and b.id = d.booking_id
      where d.closed_at is null order by d.created_at limit 20) d),
    'violations', (select v.violations from private.verifications v),
    'verified_seconds_ago', (
      select round(extract(epoch from v_now - greatest(v.ended_at, v.created_at))::numeric, 1)
      from private.verifications v),
    'sweep_seconds_ago', (
      select round(extract(epoch from v_now - greatest(s.swept_until, s.created_at))::numeric, 1)
      from private.sweeps s),
    'retention_seconds_ago', (
      select round(extract(epoch from v_now - greatest(r.ended_at, r.created_at))::numeric, 1)
      from private.retention_runs r),
    'departures_overdue', (select count(*) from private.departures d where d.due_at < v_now - interval '1 hour'),
    'sweep_failures', (select count(*) from private.sweep_failures f where f.last_failed_at > v_now - interval '2 hours'),
    'locks_held', (select count(*) from public.seat_locks l
                   where upper(l.held) > v_now and not upper_inf(l.held)),
    'locks_begun', pg_stat_get_tuples_inserted('public.seat_locks'::regclass),
    'bookings_recent', (select coalesce(jsonb_object_agg(r.status, r.n), '{}') from (
      select g.status, count(distinct g.booking_id) as n
      from private.booking_log g
      where g.entity = 'booking' and g.at > v_now - interval '5 minutes' and g.at <= v_now group by g.status) r),
    'payments_recent', (select coalesce(jsonb_object_agg(r.outcome, r.n), '{}') from (
      select case when g.status = 'open' and g.row_data ->> 'failure_code' is not null then 'declined'
                  else g.status end as outcome,
             count(distinct g.row_data ->> 'id') as n
      from private.booking_log g
      where g.entity = 'payment' and g.at > v_now - interval '5 minutes' and g.at <= v_now group by 1) r)));
end
$$;

grant execute on function public.operational_metrics() to service_role;
