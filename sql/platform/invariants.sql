-- What must always hold, as one function that answers the violations: [{invariant, violation}], empty when all holds.
-- The tests, the worker's nightly run and `make verify` (backend/verification.py) ask this one function. One value and
-- not a row each, because the Data API cuts off rows beyond its max_rows in silence.
--
-- It takes one snapshot, so it may run while seats are sold; what is a matter of time (a refund on its way) is no
-- violation until the time is over. It reads all there is, so it may take longer than the Data API grants other calls.

create function public.check_invariants() returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '10min' as $$
declare
  v_now timestamptz := private.now();
  -- What is older may be deleted (retention.sql), or a little later.
  v_emails_since timestamptz;
  v_holds_since timestamptz;
begin
select coalesce(v_now - c.outbox_kept, '-infinity'), coalesce(v_now - c.seat_lock_history_kept, '-infinity')
into strict v_emails_since, v_holds_since
from private.settings c;
return (
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
), promises as (
  -- How long a hold could be promised, selection and payment together, and when: settings as they were and as they are.
  -- One that was promised in the very moment of a change may go by either.
  select tstzrange(lag(g.replaced_at) over (order by g.replaced_at, g.id), g.replaced_at + interval '1 minute') as during,
         (g.row_data ->> 'lock_duration')::interval + (g.row_data ->> 'payment_duration')::interval as longest
  from private.settings_log g
  union all
  select tstzrange((select max(g.replaced_at) from private.settings_log g), null), c.lock_duration + c.payment_duration
  from private.settings c
), found as (

-- I1: no seat of a showtime is in two holds at any instant of its history.
select 'I1 a seat is held twice' as invariant,
       jsonb_build_object('showtime_id', a.showtime_id, 'seat_id', a.seat_id, 'lock_ids', array[a.id, b.id]) as violation
from holds a
join holds b on b.showtime_id = a.showtime_id and b.seat_id = a.seat_id and b.held && a.held
  and (b.id, b.user_id) > (a.id, a.user_id)

-- Not of the history, which has holds from before ids were made so.
union all
select 'I1 the id of a lock is not its beginning', jsonb_build_object(
  'showtime_id', l.showtime_id, 'seat_id', l.seat_id, 'lock_id', l.id)
from public.seat_locks l where l.id <> extract(epoch from lower(l.held)) * 1000000

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
       or (select t.ends_at from public.showtimes t where t.id = b.showtime_id) > v_holds_since
       and not exists (select from holds h
                      where h.showtime_id = s.showtime_id and h.seat_id = s.seat_id and h.booking_id = b.id
                        and (upper_inf(h.held) or upper(h.held) >= (select t.ends_at from public.showtimes t
                                                                    where t.id = b.showtime_id))))

union all
select 'I3 a seat is sold without a confirmed booking', jsonb_build_object('booking_id', s.booking_id, 'seat_id', s.seat_id)
from sold s
join public.bookings b on b.showtime_id = s.showtime_id and b.id = s.booking_id
where b.status <> 'confirmed'

union all
select 'I3 a hold without end is not sold', jsonb_build_object(
  'showtime_id', l.showtime_id, 'seat_id', l.seat_id, 'lock_id', l.id)
from public.seat_locks l
where upper_inf(l.held)
  and not exists (select from sold s
                  where s.showtime_id = l.showtime_id and s.seat_id = l.seat_id and s.booking_id = l.booking_id)

union all
select 'I3 a seat is held in an auditorium that it is not in', jsonb_build_object('showtime_id', h.showtime_id, 'seat_id', h.seat_id)
-- Not what has ended: a showtime that nobody holds or has booked may move to another auditorium, or go.
from (select l.showtime_id, l.seat_id from public.seat_locks l where l.held @> v_now
      union
      select s.showtime_id, s.seat_id from sold s) h
left join public.showtimes t on t.id = h.showtime_id
left join public.seats s on s.id = h.seat_id
where t.id is null or s.auditorium_id is distinct from t.auditorium_id

-- I4: no lock outlives its promised end: a selection and the time to pay together, as they were set when it began.
union all
select 'I4 a lock outlives its time', jsonb_build_object(
  'showtime_id', l.showtime_id, 'seat_id', l.seat_id, 'lock_id', l.id)
from public.seat_locks l
where not upper_inf(l.held)
  and upper(l.held) - lower(l.held) > (select max(p.longest) from promises p where p.during @> lower(l.held))
  and (l.end_reason is null or l.end_reason = 'released')  -- the others were sold before they ended

union all
select 'I4 a booking outlives its time', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.status = 'pending' and b.expires_at < v_now - interval '10 minutes'

union all
select 'I4 the sweep cannot do its work', jsonb_strip_nulls(jsonb_build_object(
  'step', f.step, 'booking_id', f.booking_id, 'error_code', f.error_code, 'message', f.message, 'times', f.times))
from private.sweep_failures f
-- It is tried again within an hour, so that what has not failed for two no longer fails.
where f.first_failed_at < v_now - interval '1 hour' and f.last_failed_at > v_now - interval '2 hours'

-- I5: totals are the sum of their lines and what Stripe was asked for, in the currency of the theater.
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

union all
select 'I5 a booking is in a currency that its theater does not take', jsonb_build_object(
  'booking_id', b.id, 'currency', b.currency)
from public.bookings b
join public.showtimes t on t.id = b.showtime_id
join public.auditoriums a on a.id = t.auditorium_id
join public.theaters h on h.id = a.theater_id
-- Not what has ended: a theater may change its currency then.
where t.ends_at > v_now and b.currency <> h.currency
  and (b.status = 'confirmed' or b.status = 'pending' and b.expires_at > v_now)

-- I6: one mail for each confirmation, each refund, each refund that a bank refused and each cancellation of what was
-- paid. (Once is the outbox's unique key.)
union all
select 'I6 a confirmation has no mail', jsonb_build_object('booking_id', b.id)
from public.bookings b
where b.confirmed_at > v_emails_since
  and not exists (select from private.outbox o where o.key = 'mail:confirmation:' || b.id)

union all
select 'I6 a refund has no mail', jsonb_build_object('refund_id', r.id)
from public.refunds r
where not (r.reason = 'made_at_stripe' and r.status = 'failed') and r.created_at > v_emails_since
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
where b.confirmed_at is not null and b.status in ('cancelled', 'refunded') and b.cancelled_at > v_emails_since
  and not exists (select from private.outbox o
                  where o.booking_id = b.id and o.kind in ('mail_refund', 'mail_cancellation'))

union all
select 'I6 an email was given up', jsonb_build_object('outbox_id', o.id, 'key', o.key, 'last_error', coalesce(o.last_error, '-'))
from private.outbox o where o.state = 'failed'

-- A2: every change of a showtime is recorded, and each move has one email for each booking that was confirmed then.
-- (Once is the outbox's unique key. What was changed before there was a record is not looked for.)
union all
select 'A2 a change of a showtime is not recorded', jsonb_build_object('showtime_id', t.id, 'revision', t.revision)
from public.showtimes t
join (select r.showtime_id, min(r.revision) as first, max(r.revision) as last, count(*) as revisions
      from private.showtime_revisions r group by r.showtime_id) known on known.showtime_id = t.id
where known.last <> t.revision or known.revisions <> known.last - known.first + 1

union all
select 'A2 a move has no mail', jsonb_build_object('booking_id', b.id, 'revision', r.revision)
from private.showtime_revisions r
join public.bookings b on b.showtime_id = r.showtime_id and b.revision < r.revision
where r.old_starts_at <> r.starts_at and r.at > v_emails_since
  and b.confirmed_at < r.at and (b.cancelled_at > r.at) is not false
  and not exists (select from private.outbox o where o.key = 'mail:showtime_moved:' || b.id || ':' || r.revision)

-- A3: a showtime to come has time for its film.
union all
select 'A3 a showtime ends before its film', jsonb_build_object('showtime_id', t.id)
from public.showtimes t
join public.movies m on m.id = t.movie_id
where t.ends_at > v_now and t.ends_at < t.starts_at + make_interval(mins => m.length_minutes)

-- A4: who is forgotten has no name, no address and nothing to sign in with; and who has left is forgotten once it is
-- time.
union all
select 'A4 somebody is forgotten and has a name', jsonb_build_object('user_id', u.id)
from public.users u
where u.forgotten_at is not null
  and (u.email is not null or u.full_name <> private.forgotten_name() or u.role <> 'customer' or u.kind <> 'guest'
       or exists (select from private.credentials c where c.user_id = u.id)
       or exists (select from private.sessions s where s.user_id = u.id))

union all
select 'A4 somebody has left and is not forgotten', jsonb_build_object('user_id', d.user_id, 'due_at', d.due_at)
from private.departures d where d.due_at < v_now - interval '1 day'

-- I7: clients call functions and have no privilege on any table or sequence; and all tables have row security.
union all
select 'I7 a client may use a table', jsonb_build_object('table', c.oid::regclass::text, 'role', r.name, 'privilege', p.name)
from pg_catalog.pg_class c,
     unnest(array['anon', 'authenticated']) r (name),
     unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p (name)
where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (has_table_privilege(r.name, c.oid, p.name)
       or p.name in ('select', 'insert', 'update', 'references') and has_any_column_privilege(r.name, c.oid, p.name))

union all
select 'I7 a client may use a sequence', jsonb_build_object('sequence', c.oid::regclass::text, 'role', r.name)
from pg_catalog.pg_class c, unnest(array['anon', 'authenticated']) r (name)
where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind = 'S'
  and has_sequence_privilege(r.name, c.oid, 'usage, select, update')

union all
select 'I7 a client may call what is not for clients', jsonb_build_object('function', p.oid::regprocedure::text, 'role', r.name)
from pg_catalog.pg_proc p, unnest(array['anon', 'authenticated']) r (name)
where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
  and has_function_privilege(r.name, p.oid, 'execute')
  and p.proname <> all (array[
    'whats_on', 'movie', 'theaters', 'theater', 'showtime', 'seat_layout', 'seat_states', 'seat_map', 'server_time',
    'lock_seats', 'release_seats', 'create_booking', 'cancel_booking', 'send_ticket_again',
    'my_bookings', 'my_booking', 'my_account', 'rename_me', 'set_language', 'set_contact', 'my_data', 'my_sessions',
    'end_my_session', 'my_second_factor', 'send_verification_again', 'seat_holder', 'booking_history'])
  and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')  -- of an extension

union all
select 'I7 a table has no row security', jsonb_build_object('table', c.oid::regclass::text)
from pg_catalog.pg_class c
where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p')
  and not c.relrowsecurity
)
select coalesce(jsonb_agg(jsonb_build_object('invariant', f.invariant, 'violation', f.violation)), '[]') from found f);
end
$$;

grant execute on function public.check_invariants() to service_role;
