-- Refunds: money on its way back. Queued in the transaction that decides it, sent to Stripe by the worker under an
-- idempotency key of its own, followed until Stripe says succeeded or failed. A failure is visible and tried again.
--
--   queued --Stripe took it--> pending --> succeeded        any --> failed --tried again--> queued
--   queued --the money had gone back already--> void

create type public.refund_status as enum (
  'queued',     -- decided here, not yet taken by Stripe
  'pending',    -- taken by Stripe, not yet with the customer's bank
  'succeeded',  -- sent to the customer's bank
  'failed',     -- refused; waits for the next try
  'void'        -- there was nothing left to refund: it had gone back by another one
);

create table public.refunds (
  showtime_id bigint not null,
  id uuid not null default gen_random_uuid(),
  booking_id uuid not null,
  payment_id uuid not null,
  amount integer not null,
  currency text not null,
  reason text not null,
  status public.refund_status not null default 'queued',
  attempt integer not null default 1,
  stripe_refund_id text,
  failure_reason text,
  created_at timestamptz not null default private.now(),
  updated_at timestamptz not null default private.now(),
  primary key (showtime_id, id),
  constraint refund_id_is_unique unique (id),
  constraint stripe_refund_is_unique unique (stripe_refund_id),
  constraint its_payment foreign key (showtime_id, payment_id) references public.payments (showtime_id, id),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint amount_is_positive check (amount > 0),
  constraint reason_is_known check (reason in (
    'cancelled_by_customer', 'showtime_cancelled', 'showtime_closed', 'seats_gone', 'too_many_seats',
    'booking_cancelled', 'second_payment', 'amount_differs', 'made_at_stripe'))
);
comment on column public.refunds.attempt is 'Counts the tries; part of the idempotency key that Stripe sees.';

create index refunds_by_payment on public.refunds (showtime_id, payment_id);
create index refunds_by_booking on public.refunds (showtime_id, booking_id);
create index refunds_unfinished on public.refunds (created_at) where status not in ('succeeded', 'void');

alter table public.refunds enable row level security;
create policy "people read the refunds of their own bookings" on public.refunds
  for select to authenticated
  using (exists (select from public.bookings b
                 where b.showtime_id = refunds.showtime_id and b.id = refunds.booking_id
                   and b.user_id = (select auth.uid())));
grant select on public.refunds to service_role;

-- What is left of a payment to give back, in minor units: what arrived, without all that has gone back already, is on
-- its way, or was lost in a dispute. The one place that says it: what a page promises is what then comes.
create function private.refundable_of_payment(p_payment public.payments) returns integer
language plpgsql stable set search_path = '' as $$
begin
  return greatest(0, coalesce(p_payment.amount_received, 0) - private.committed_refund_amount(p_payment));
end
$$;

-- What the cancellation of a confirmed booking would give back now, in minor units of its currency; null for others.
create function private.refundable_amount(booking public.bookings) returns integer
language plpgsql stable set search_path = '' as $$
begin
  if (booking).status <> 'confirmed' then
    return null;
  end if;
  return (
    select coalesce(sum(private.refundable_of_payment(p)), 0) from public.payments p
    where p.showtime_id = (booking).showtime_id and p.booking_id = (booking).id and p.status = 'succeeded');
end
$$;

-- Queues the refund of what is left of a payment (refund.queued), with the mail that says so. Answers how much that is;
-- when nothing is left, nothing happens.
create function private.refund_payment(p_payment public.payments, p_reason text) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_booking public.bookings;
  v_refund public.refunds;
  v_left integer := private.refundable_of_payment(p_payment);
begin
  if v_left = 0 then
    return 0;
  end if;
  insert into public.refunds as r (showtime_id, booking_id, payment_id, amount, currency, reason)
  values (p_payment.showtime_id, p_payment.booking_id, p_payment.id, v_left, p_payment.currency_received, p_reason)
  returning r.* into v_refund;
  select * into strict v_booking from public.bookings b
  where b.showtime_id = p_payment.showtime_id and b.id = p_payment.booking_id;
  perform private.enqueue_refund(v_booking, v_refund, interval '0');
  perform private.enqueue('mail_refund', 'mail:refund:' || v_refund.id, v_booking,
                       jsonb_build_object('refund_id', v_refund.id));
  return v_left;
end
$$;

-- Hands a refund to the worker.
create function private.enqueue_refund(p_booking public.bookings, p_refund public.refunds, p_delay interval)
returns void
language sql volatile set search_path = '' as $$
  select private.enqueue('refund', 'refund:' || p_refund.id || ':' || p_refund.attempt, p_booking,
                      jsonb_build_object('refund_id', p_refund.id), p_delay)
$$;

-- What the worker needs for a refund or an email about one: {id, attempt, amount, currency, reason, status,
-- payment_intent_id, kept}; kept is what is left of the payment after all refunds of it. Null without such a refund.
create function private.refund_context(p_refund_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', r.id, 'attempt', r.attempt, 'amount', r.amount, 'currency', r.currency,
                            'reason', r.reason, 'status', r.status, 'payment_intent_id', p.payment_intent_id,
                            'kept', private.refundable_of_payment(p))
  from public.refunds r
  join public.payments p on p.showtime_id = r.showtime_id and p.id = r.payment_id
  where r.id = p_refund_id
$$;

-- Queues the refund of everything that was paid for a booking. Where all of it has gone back already there is no refund
-- whose email could mention the cancellation, so it has an email of its own.
create function private.refund_booking(p_booking public.bookings, p_reason text) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.payments;
  v_queued integer := 0;
begin
  for v_payment in
    select * from public.payments p
    where p.showtime_id = p_booking.showtime_id and p.booking_id = p_booking.id and p.status = 'succeeded'
  loop
    v_queued := v_queued + private.refund_payment(v_payment, p_reason);
  end loop;
  if v_queued = 0 then
    perform private.enqueue('mail_cancellation', 'mail:cancellation:' || p_booking.id, p_booking,
                            jsonb_build_object('reason', p_reason));
  end if;
end
$$;

-- A refund's status in Stripe's words, in ours; null for a word that is unknown. No other place maps them.
create function private.refund_status_of(p_stripe_status text) returns public.refund_status
language sql immutable parallel safe set search_path = '' as $$
  select case p_stripe_status
    when 'succeeded' then 'succeeded'
    when 'pending' then 'pending'
    when 'requires_action' then 'pending'
    when 'failed' then 'failed'
    when 'canceled' then 'failed'
  end::public.refund_status
$$;

-- Stripe says how a refund stands. One that nobody here asked for was made at Stripe's dashboard and is recorded all
-- the same; when it returns a confirmed booking's whole price, the seats come free.
--
-- status in Stripe's words; event_id is null when nobody but us asked. refund_id and attempt are ours, from the
-- refund's metadata. Answers {outcome, booking_id}: noted, duplicate, unmatched. Raises invalid_request.
create function public.record_refund(
  event_id text, event_type text, stripe_refund_id text, payment_intent_id text, amount integer, status text,
  failure_reason text default null, refund_id uuid default null, attempt integer default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_booking public.bookings;
  v_payment public.payments;
begin
  if private.refund_status_of(record_refund.status) is null
    or record_refund.amount is null or record_refund.amount <= 0 then
    perform private.raise_api_error('invalid_request');
  end if;
  if not private.record_event(record_refund.event_id, record_refund.event_type, record_refund.payment_intent_id) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  v_booking := private.booking_for_update(
    (select p.booking_id from public.payments p where p.payment_intent_id = record_refund.payment_intent_id));
  if v_booking.id is null then
    return private.event_outcome(record_refund.event_id, 'unmatched');
  end if;
  select * into v_payment from public.payments p
  where p.payment_intent_id = record_refund.payment_intent_id and p.status = 'succeeded';
  if not found then
    perform private.raise_api_error('busy');  -- it overtook the news that the money arrived; Stripe will come again
  end if;
  perform private.note_refund(
    v_booking, v_payment,
    jsonb_build_object('id', record_refund.stripe_refund_id, 'amount', record_refund.amount,
                       'status', record_refund.status, 'failure_reason', record_refund.failure_reason),
    record_refund.refund_id, record_refund.attempt);
  return private.event_outcome(record_refund.event_id, 'noted', v_booking.id);
end
$$;

-- Notes how a refund of a payment stands at Stripe, by a fact about it ({id, amount, status, failure_reason}) and by
-- the refund and attempt of ours that it belongs to, if any. News of an attempt that has passed changes nothing.
-- Answers the booking as it is then. Raises invalid_request.
create function private.note_refund(
  p_booking public.bookings, p_payment public.payments, p_fact jsonb, p_refund_id uuid, p_attempt integer)
returns public.bookings
language plpgsql volatile set search_path = '' as $$
declare
  v_refund public.refunds;
  v_status public.refund_status := private.refund_status_of(p_fact ->> 'status');
begin
  if v_status is null then
    perform private.raise_api_error('invalid_request');
  end if;
  select * into v_refund from public.refunds r
  where r.payment_id = p_payment.id and r.showtime_id = p_payment.showtime_id
    and (r.stripe_refund_id = p_fact ->> 'id' or r.id = p_refund_id)
  order by r.id = p_refund_id desc nulls last limit 1 for update;
  if v_refund.id is null then
    if exists (select from public.refunds r where r.stripe_refund_id = p_fact ->> 'id') then
      perform private.raise_api_error('invalid_request');  -- a refund is of one payment for ever, and this one is of another
    end if;
    insert into public.refunds as r (showtime_id, booking_id, payment_id, amount, currency, reason, stripe_refund_id)
    values (p_payment.showtime_id, p_booking.id, p_payment.id, (p_fact ->> 'amount')::integer,
            p_payment.currency_received, 'made_at_stripe', p_fact ->> 'id')
    returning r.* into v_refund;
    if v_status <> 'failed' then  -- one that failed before we knew of it is no news
      perform private.enqueue('mail_refund', 'mail:refund:' || v_refund.id, p_booking,
                              jsonb_build_object('refund_id', v_refund.id));
    end if;
  end if;
  if coalesce(p_attempt, v_refund.attempt) = v_refund.attempt then
    perform private.apply_refund_status(p_booking, v_refund, v_status, p_fact ->> 'id', p_fact ->> 'failure_reason');
    p_booking := private.sync_booking_status(p_booking, p_payment);
    perform private.rebalance_refunds(p_booking, p_payment);
  end if;
  return p_booking;
end
$$;

-- Moves a refund to the status that Stripe reports: refund.accepted taken, refund.succeeded sent, refund.failed
-- refused, refund.retried tried again. Events come in any order: after succeeded only failed is news (the bank sent it
-- back), after void or the failure of one made at the dashboard nothing is. A failure of ours is tried again an hour
-- later as the next attempt, which has a key of its own. Once a customer was promised money, the first time that a bank
-- refuses it has an email; what Stripe refuses to take at all is ours to put right.
create function private.apply_refund_status(
  p_booking public.bookings, p_refund public.refunds, p_status public.refund_status, p_stripe_refund_id text,
  p_failure_reason text) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_ours boolean := p_refund.reason <> 'made_at_stripe';
begin
  if p_refund.status = 'void' or p_refund.status = 'failed' and not v_ours
    or p_refund.status = 'succeeded' and p_status <> 'failed'
    or p_refund.status = 'failed' and p_status = 'failed' and p_refund.stripe_refund_id = p_stripe_refund_id then
    return;
  end if;
  update public.refunds r
  set status = p_status, stripe_refund_id = p_stripe_refund_id, updated_at = private.now(),
      failure_reason = case p_status when 'failed' then coalesce(p_failure_reason, 'unknown') end,
      attempt = r.attempt + (v_ours and p_status = 'failed')::integer
  where r.showtime_id = p_refund.showtime_id and r.id = p_refund.id
  returning r.* into p_refund;
  if v_ours and p_status = 'failed' then
    perform private.enqueue_refund(p_booking, p_refund, interval '1 hour');
  end if;
  if p_status = 'failed' and p_stripe_refund_id is not null
    and exists (select from private.outbox o where o.key = 'mail:refund:' || p_refund.id) then
    perform private.enqueue('mail_refund_failed', 'mail:refund_failed:' || p_refund.id, p_booking,
                            jsonb_build_object('refund_id', p_refund.id));
  end if;
end
$$;

-- A booking whose price went back as a whole is refunded (booking.refunded); were its seats still sold, they come free
-- (booking.refunded_at_stripe). One whose refund was sent back by the bank is merely cancelled again
-- (booking.refund_bounced). Money that never kept the booking does not touch it. Answers it as it is then.
create function private.sync_booking_status(p_booking public.bookings, p_payment public.payments)
returns public.bookings
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_whole boolean := p_payment.amount_received <= (
    select sum(r.amount) from public.refunds r
    where r.showtime_id = p_payment.showtime_id and r.payment_id = p_payment.id and r.status = 'succeeded');
begin
  if p_payment.settles_booking and v_whole and p_booking.status in ('confirmed', 'cancelled') then
    perform private.free_seats(p_booking, 'refunded', v_now);
    update public.bookings b set status = 'refunded', cancelled_at = coalesce(b.cancelled_at, v_now)
    where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id
    returning b.* into p_booking;
  elsif p_payment.settles_booking and v_whole is not true and p_booking.status = 'refunded' then
    update public.bookings b set status = 'cancelled'
    where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id
    returning b.* into p_booking;
  end if;
  return p_booking;
end
$$;

-- Brings what is queued for a payment in line with what is left of it, after a refund made at the dashboard came
-- or failed: the rest is queued where nothing may be kept, and what is still queued shrinks or is void where others
-- were faster (refund.voided).
create function private.rebalance_refunds(p_booking public.bookings, p_payment public.payments) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_over integer;
  v_refund public.refunds;
  v_changed public.refunds;
begin
  if not p_payment.settles_booking or p_booking.status <> 'confirmed' then
    perform private.refund_payment(p_payment, coalesce(
      (select min(r.reason) from public.refunds r
       where r.showtime_id = p_payment.showtime_id and r.payment_id = p_payment.id and r.reason <> 'made_at_stripe'),
      'booking_cancelled'));
  end if;
  v_over := private.committed_refund_amount(p_payment) - p_payment.amount_received;
  for v_refund in
    select * from public.refunds r
    where r.showtime_id = p_payment.showtime_id and r.payment_id = p_payment.id
      and r.reason <> 'made_at_stripe' and r.status in ('queued', 'failed')
    order by r.created_at desc
  loop
    exit when v_over <= 0;
    update public.refunds r
    set amount = case when r.amount > v_over then r.amount - v_over else r.amount end,
        status = case when r.amount > v_over then r.status else 'void' end,
        attempt = r.attempt + 1, updated_at = private.now()
    where r.showtime_id = v_refund.showtime_id and r.id = v_refund.id
    returning r.* into v_changed;
    if v_changed.status <> 'void' then
      -- A worker may be asking for the old amount this very moment; what it reports is stale and its row is settled.
      perform private.enqueue_refund(p_booking, v_changed, interval '0');
    end if;
    v_over := v_over - v_refund.amount;
  end loop;
end
$$;

-- How much of a payment has gone back, was lost in a dispute, is on its way, or will be tried until it has gone.
create function private.committed_refund_amount(p_payment public.payments) returns integer
language plpgsql stable set search_path = '' as $$
begin
  return (
    select coalesce(sum(m.amount), 0) from (
      select r.amount from public.refunds r
      where r.showtime_id = p_payment.showtime_id and r.payment_id = p_payment.id
        and r.status <> 'void' and not (r.status = 'failed' and r.reason = 'made_at_stripe')
      union all
      select d.amount from public.disputes d
      where d.showtime_id = p_payment.showtime_id and d.payment_id = p_payment.id and d.status = 'lost') m);
end
$$;

grant execute on function public.record_refund(text, text, text, text, integer, text, text, uuid, integer)
to service_role;
