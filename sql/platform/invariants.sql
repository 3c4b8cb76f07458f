-- What must always hold, as one query that returns the violations: (invariant, violation). No row: all hold. The tests,
-- the worker's nightly run and `make verify` (backend/verification.py) ask this one function.
--
-- It takes one snapshot, so it may run while the house sells; what is a matter of time (a refund on its way) is no
-- violation until the time is over. It reads all there is, so it may take longer than the Data API grants other calls.

create function public.check_invariants() returns table (invariant text, violation jsonb)
language sql stable security definer set search_path = '' set statement_timeout = '10min' as $$
with holds as (
  -- Every hold of a seat there ever was, live, ended and archived.
  select showtime_id, id, seat_id, user_id, booking_id, held from public.seat_locks
  union all
  select showtime_id, id, seat_id, user_id, booking_id, held from private.seat_lock_history
), sold as (
  select s.* from public.booking_seats s where s.sold_at is not null and s.released_at is null
), returned as (
  -- What went back of each payment, or is on its way, or was lost in a dispute.
  select m.showtime_id, m.payment_id, sum(m.amount) as amount, sum(m.refunded) as refunded
  from (select r.showtime_id, r.payment_id, r.amount, r.amount as refunded from public.refunds r
        where r.status <> 'void' and not (r.status = 'failed' and r.reason = 'made_at_stripe')
        union all
        select d.showtime_id, d.payment_id, d.amount, 0 from public.disputes d where d.status = 'lost') m
  group by m.showtime_id, m.payment_id
)

-- I1: no seat of a showtime is in two holds at any instant of its history.
select 'I1 a seat is held twice' as invariant,
       jsonb_build_object('showtime_id', a.showtime_id, 'seat_id', a.seat_id, 'lock_ids', array[a.id, b.id]) as violation
from holds a
join holds b on b.showtime_id = a.showtime_id and b.seat_id = a.seat_id and b.id > a.id and b.held && a.held

union all
select 'I1 a seat is sold twice', jsonb_build_object('showtime_id', s.showtime_id, 'seat_id', s.seat_id)
from sold s group by s.showtime_id, s.seat_id having count(*) > 1

-- I2: a confirmed booking is paid by exactly one payment that it keeps; any other money that arrived goes back.
union all
select 'I2 a confirmed booking is not paid', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.status = 'confirmed'
  and (select count(*) from public.payments p
       where p.showtime_id = b.showtime_id and p.booking_id = b.id and p.settles_booking
         and (p.amount_received, p.currency_received) = (b.total, b.currency)
         and p.amount_received > (select coalesce(sum(r.amount), 0) from public.refunds r
                                  where r.showtime_id = p.showtime_id and r.payment_id = p.id
                                    and r.status = 'succeeded')) <> 1

union all
select 'I2 money is kept without a confirmed booking', jsonb_build_object('payment_id', p.id, 'booking_id', b.id)
from public.payments p
join public.bookings b on b.showtime_id = p.showtime_id and b.id = p.booking_id
left join returned r on r.showtime_id = p.showtime_id and r.payment_id = p.id
where p.status = 'succeeded' and not (p.settles_booking and b.status = 'confirmed')
  and coalesce(r.amount, 0) < p.amount_received

union all
select 'I2 more goes back than came', jsonb_build_object('payment_id', p.id)
from public.payments p
join returned r on r.showtime_id = p.showtime_id and r.payment_id = p.id
-- But for a dispute that is lost for money which had been refunded: a loss, and nothing that we could put right.
where r.amount > coalesce(p.amount_received, 0)
  and (r.refunded > coalesce(p.amount_received, 0)
       or exists (select from public.refunds open
                  where open.showtime_id = p.showtime_id and open.payment_id = p.id
                    and open.reason <> 'made_at_stripe' and open.status in ('queued', 'failed')))

union all
select 'I2 a refund is queued and nobody will do it', jsonb_build_object('refund_id', r.id)
from public.refunds r
where (r.status = 'queued' or r.status = 'failed' and r.reason <> 'made_at_stripe')
  and not exists (select from private.outbox o
                  where o.kind = 'refund' and o.state = 'queued' and o.payload ->> 'refund_id' = r.id::text)

-- I3: the seats that are booked are the seats of confirmed bookings, by both guards.
union all
select 'I3 a confirmed booking lacks a seat', jsonb_build_object('booking_id', b.id, 'seat_id', s.seat_id)
from public.bookings b
join public.booking_seats s on s.showtime_id = b.showtime_id and s.booking_id = b.id
where b.status = 'confirmed'
  and (s.sold_at is null or s.released_at is not null
       or not exists (select from holds h
                      where h.showtime_id = s.showtime_id and h.seat_id = s.seat_id and h.booking_id = b.id
                        and (upper_inf(h.held) or upper(h.held) >= (select t.ends_at from public.showtimes t
                                                                    where t.id = b.showtime_id))))

union all
select 'I3 a seat is sold without a confirmed booking', jsonb_build_object('booking_id', s.booking_id, 'seat_id', s.seat_id)
from sold s
join public.bookings b on b.showtime_id = s.showtime_id and b.id = s.booking_id
where b.status <> 'confirmed'

union all
select 'I3 a hold without end is not sold', jsonb_build_object('showtime_id', l.showtime_id, 'lock_id', l.id)
from public.seat_locks l
where upper_inf(l.held)
  and not exists (select from sold s
                  where s.showtime_id = l.showtime_id and s.seat_id = l.seat_id and s.booking_id = l.booking_id)

union all
select 'I3 a seat is held in an auditorium that it is not in', jsonb_build_object('showtime_id', h.showtime_id, 'lock_id', h.id)
from holds h
left join public.showtimes t on t.id = h.showtime_id
left join public.seats s on s.id = h.seat_id
where t.id is null or s.auditorium_id is distinct from t.auditorium_id

-- I4: no lock outlives its time: a selection and the time to pay together, as they are set now.
union all
select 'I4 a lock outlives its time', jsonb_build_object('showtime_id', l.showtime_id, 'lock_id', l.id)
from public.seat_locks l, private.settings c
where not upper_inf(l.held) and upper(l.held) - lower(l.held) > c.lock_duration + c.payment_duration
  and (l.end_reason is null or l.end_reason = 'released')  -- the others were sold before they ended

union all
select 'I4 a booking outlives its time', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.status = 'pending' and b.expires_at < private.now() - interval '10 minutes'

-- I5: totals are the sum of their lines and what Stripe was asked for.
union all
select 'I5 a total is not the sum of its lines', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.total is distinct from (select sum(s.price) from public.booking_seats s
                                where s.showtime_id = b.showtime_id and s.booking_id = b.id)

union all
select 'I5 Stripe was asked for another amount', jsonb_build_object('payment_id', p.id, 'booking_id', b.id)
from public.payments p
join public.bookings b on b.showtime_id = p.showtime_id and b.id = p.booking_id
where (p.amount, p.currency) is distinct from (b.total, b.currency) and p.status <> 'succeeded'

-- I6: one mail for each confirmation, each refund, each refund that a bank refused and each cancellation of what was
-- paid. (Once is the outbox's unique key.)
union all
select 'I6 a confirmation has no mail', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.confirmed_at is not null
  and not exists (select from private.outbox o where o.key = 'mail:confirmation:' || b.id)

union all
select 'I6 a refund has no mail', jsonb_build_object('refund_id', r.id)
from public.refunds r
where not (r.reason = 'made_at_stripe' and r.status = 'failed')
  and not exists (select from private.outbox o where o.key = 'mail:refund:' || r.id)

union all
select 'I6 a refund that was refused has no mail', jsonb_build_object('refund_id', r.id)
from public.refunds r
where r.status = 'failed' and r.stripe_refund_id is not null
  and exists (select from private.outbox o where o.key = 'mail:refund:' || r.id)
  and not exists (select from private.outbox o where o.key = 'mail:refund_failed:' || r.id)

union all
select 'I6 a cancellation has no mail', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.confirmed_at is not null and b.status in ('cancelled', 'refunded')
  and not exists (select from private.outbox o
                  where o.booking_id = b.id and o.kind in ('mail_refund', 'mail_cancellation'))

union all
select 'I6 an email was given up', jsonb_build_object('outbox_id', o.id, 'key', o.key, 'last_error', coalesce(o.last_error, '-'))
from private.outbox o where o.state = 'failed'

-- I7: no API role writes a table of the booking path, and all of them have row security.
union all
select 'I7 a client may write a table', jsonb_build_object('table', t.name, 'role', r.name, 'privilege', p.name)
from unnest(array['seat_locks', 'bookings', 'booking_seats', 'payments', 'refunds', 'disputes']) t (name),
     unnest(array['anon', 'authenticated']) r (name),
     unnest(array['insert', 'update', 'delete', 'truncate']) p (name)
where has_table_privilege(r.name, 'public.' || t.name, p.name)
   or p.name in ('insert', 'update') and has_any_column_privilege(r.name, 'public.' || t.name, p.name)

union all
select 'I7 a client may call what is not for clients', jsonb_build_object('function', p.oid::regprocedure::text, 'role', r.name)
from pg_catalog.pg_proc p, unnest(array['anon', 'authenticated']) r (name)
where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
  and has_function_privilege(r.name, p.oid, 'execute')
  and p.proname <> all (array['lock_seats', 'release_seats', 'seat_map', 'seats_left', 'server_time', 'create_booking',
                              'cancel_booking', 'cancellable_until', 'refundable_amount', 'send_ticket_again', 'seat_holder',
                              'booking_history'])
  and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')  -- of an extension

union all
select 'I7 a table has no row security', jsonb_build_object('table', c.oid::regclass::text)
from pg_catalog.pg_class c
where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p')
  and not c.relrowsecurity
$$;

-- Money that arrived since then, for a comparison with Stripe's books, oldest first; after is
-- the payment_id that the page before ended with:
-- [{payment_id, booking_id, payment_intent_id, amount, currency, refunds: [{stripe_refund_id, amount, status}]}]
create function public.payments_to_verify(since timestamptz, max_rows integer default 100, after uuid default null)
returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'payment_id', p.id, 'booking_id', p.booking_id, 'payment_intent_id', p.payment_intent_id,
    'amount', p.amount_received, 'currency', p.currency_received,
    'refunds', (select coalesce(jsonb_agg(jsonb_build_object(
                  'stripe_refund_id', r.stripe_refund_id, 'amount', r.amount, 'status', r.status)), '[]')
                from public.refunds r
                where r.showtime_id = p.showtime_id and r.payment_id = p.id and r.stripe_refund_id is not null))
    order by p.paid_at, p.id), '[]')
  from (select * from public.payments paid
        where paid.status = 'succeeded' and paid.paid_at >= payments_to_verify.since
          and (payments_to_verify.after is null or (paid.paid_at, paid.id) > (
            select seen.paid_at, seen.id from public.payments seen where seen.id = payments_to_verify.after))
        order by paid.paid_at, paid.id limit payments_to_verify.max_rows) p
$$;

-- When the worker last looked, and what was found last, by it or by hand: one row.
create table private.verifications (
  singleton boolean primary key default true,
  created_at timestamptz not null default private.now(),
  started_at timestamptz not null default '-infinity',
  ended_at timestamptz not null default '-infinity',
  violations integer,
  constraint there_is_one_row check (singleton)
);
alter table private.verifications enable row level security;
insert into private.verifications default values;

-- Whether a verification is due, for one of all the workers that ask: whoever hears true does it. One that did not come
-- to its end within an hour is due again.
create function public.start_verification(every interval default '1 day') returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update private.verifications v set started_at = private.now()
  where v.singleton and v.ended_at <= private.now() - start_verification.every
    and v.started_at <= private.now() - least(start_verification.every, interval '1 hour');
  return found;
end
$$;

-- Notes what a verification found, for the metrics. One by hand (daily is false) puts off no daily one, with which the
-- worker also looks back at Stripe.
create function public.finish_verification(violations integer, daily boolean default true) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  update private.verifications v
  set violations = finish_verification.violations,
      ended_at = case when finish_verification.daily then private.now() else v.ended_at end
  where v.singleton;
end
$$;

-- Since when each refund that is not finished has stood as it does, by the record: a refusal that comes again is the
-- same one.
create function private.unfinished_refunds() returns table (status public.refund_status, since timestamptz)
language sql stable set search_path = '' as $$
  select r.status, coalesce((
    select min(g.at) from private.booking_log g
    where g.showtime_id = r.showtime_id and g.booking_id = r.booking_id and g.entity = 'refund'
      and g.row_data ->> 'id' = r.id::text
      and g.id > coalesce((
        select max(other.id) from private.booking_log other
        where other.showtime_id = r.showtime_id and other.booking_id = r.booking_id and other.entity = 'refund'
          and other.row_data ->> 'id' = r.id::text and other.status <> r.status::text), 0)), r.created_at)
  from public.refunds r where r.status not in ('succeeded', 'void')
$$;

-- What an operator watches: {outbox: [{kind, state, rows, oldest_seconds, overdue_seconds}], refunds: {status: n} and
-- refund_ages: {status: seconds in it, of the oldest} of those unfinished, payments_open, disputes_open,
-- disputes: [{id, reference, status, amount, currency}] of the 20 oldest, violations of the last verification or null,
-- verified_seconds_ago (the daily one) and sweep_seconds_ago, both since the database was made if there was none yet,
-- locks_held (and not sold), lock_ids given out so far, bookings_recent: {status: n} and payments_recent: {outcome: n}
-- of the last five minutes}.
--
-- Overdue is what a worker should have taken: its time has come, and no worker holds it. What waits for its next try is
-- old and not overdue.
create function public.operational_metrics() returns jsonb
language sql stable security definer set search_path = '' as $$
  with refunds as (
    select r.status, count(*) as n, round(extract(epoch from max(private.now() - r.since))::numeric, 1) as age
    from private.unfinished_refunds() r group by r.status)
  select jsonb_build_object(
    'outbox', (select coalesce(jsonb_agg(to_jsonb(o)), '[]') from (
      select o.kind, o.state, count(*) as rows,
             round(extract(epoch from max(private.now() - o.created_at))::numeric, 1) as oldest_seconds,
             greatest(0, round(extract(epoch from max(private.now() - greatest(o.due_at, o.claimed_until))
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
      select round(extract(epoch from private.now() - greatest(v.ended_at, v.created_at))::numeric, 1)
      from private.verifications v),
    'sweep_seconds_ago', (
      select round(extract(epoch from private.now() - greatest(s.swept_until, s.created_at))::numeric, 1)
      from private.sweeps s),
    'locks_held', (select count(*) from public.seat_locks l
                   where upper(l.held) > (select private.now()) and not upper_inf(l.held)),
    'lock_ids', coalesce(pg_sequence_last_value(pg_get_serial_sequence('public.seat_locks', 'id')::regclass), 0),
    'bookings_recent', (select coalesce(jsonb_object_agg(r.status, r.n), '{}') from (
      select g.status, count(distinct g.booking_id) as n
      from private.booking_log g
      where g.entity = 'booking' and g.at > (select private.now() - interval '5 minutes') group by g.status) r),
    'payments_recent', (select coalesce(jsonb_object_agg(r.outcome, r.n), '{}') from (
      select case when g.status = 'open' and g.row_data ->> 'failure_code' is not null then 'declined'
                  else g.status end as outcome,
             count(distinct g.row_data ->> 'id') as n
      from private.booking_log g
      where g.entity = 'payment' and g.at > (select private.now() - interval '5 minutes') group by 1) r))
$$;

revoke execute on function
  private.unfinished_refunds(), public.check_invariants(), public.start_verification(interval),
  public.finish_verification(integer, boolean), public.operational_metrics(), public.payments_to_verify(timestamptz, integer, uuid)
from public;
grant execute on function
  public.check_invariants(), public.start_verification(interval), public.finish_verification(integer, boolean),
  public.operational_metrics(), public.payments_to_verify(timestamptz, integer, uuid)
to service_role;
