-- Disputes: a customer's bank takes a payment back until the dispute is decided. Recorded, shown, never acted upon by
-- themselves: whether a customer who disputes may still see the film is for staff to decide. Money that is lost has
-- gone back, so nothing more of it is returned.

create table public.disputes (
  showtime_id bigint not null,
  id text not null,
  booking_id uuid not null,
  payment_id uuid not null,
  amount integer not null,
  currency text not null,
  reason text not null,
  status text not null,
  created_at timestamptz not null default private.now(),
  updated_at timestamptz not null default private.now(),
  closed_at timestamptz,
  primary key (showtime_id, id),
  constraint stripe_dispute_is_unique unique (id),
  constraint its_payment foreign key (showtime_id, payment_id) references public.payments (showtime_id, id),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint amount_is_positive check (amount > 0)
);
comment on column public.disputes.id is 'Stripe''s.';
comment on column public.disputes.status is 'In Stripe''s words: needs_response, under_review, won, lost, ...';

create index disputes_by_payment on public.disputes (showtime_id, payment_id);
create index disputes_by_booking on public.disputes (showtime_id, booking_id);
create index disputes_open on public.disputes (created_at) where closed_at is null;

alter table public.disputes enable row level security;
create policy "people read the disputes of their own bookings" on public.disputes
  for select to authenticated
  using (exists (select from public.bookings b
                 where b.showtime_id = disputes.showtime_id and b.id = disputes.booking_id
                   and b.user_id = (select auth.uid())));
grant select on public.disputes to service_role;

-- Stripe says how a dispute stands. Events come in any order: one that is closed stays closed. (dispute.opened opened,
-- dispute.closed closed) Answers {outcome, booking_id}: noted, duplicate, unmatched. Raises invalid_request, and busy
-- while the payment itself is not recorded yet.
create function public.record_dispute(
  event_id text, event_type text, stripe_dispute_id text, payment_intent_id text, amount integer, currency text,
  reason text, status text)
returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_closed boolean := record_dispute.status in ('won', 'lost', 'warning_closed', 'prevented');
  v_booking public.bookings;
  v_payment public.payments;
begin
  if record_dispute.stripe_dispute_id is null or record_dispute.currency is null or v_closed is null
    or record_dispute.amount is null or record_dispute.amount <= 0 then
    perform private.raise_api_error('invalid_request');
  end if;
  if not private.record_event(record_dispute.event_id, record_dispute.event_type, record_dispute.payment_intent_id) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  v_booking := private.booking_for_update(
    (select p.booking_id from public.payments p where p.payment_intent_id = record_dispute.payment_intent_id));
  if v_booking.id is null then
    return private.event_outcome(record_dispute.event_id, 'unmatched');
  end if;
  select * into v_payment from public.payments p
  where p.payment_intent_id = record_dispute.payment_intent_id and p.status = 'succeeded';
  if not found then
    perform private.raise_api_error('busy');
  end if;
  insert into public.disputes as d (showtime_id, id, booking_id, payment_id, amount, currency, reason, status, closed_at)
  values (v_booking.showtime_id, record_dispute.stripe_dispute_id, v_booking.id, v_payment.id, record_dispute.amount,
          upper(record_dispute.currency), coalesce(record_dispute.reason, 'general'), record_dispute.status,
          case when v_closed then private.now() end)
  on conflict on constraint stripe_dispute_is_unique do update
    set amount = excluded.amount, reason = excluded.reason, status = excluded.status, updated_at = private.now(),
        closed_at = excluded.closed_at
    where d.closed_at is null;
  perform private.rebalance_refunds(v_booking, v_payment);
  return private.event_outcome(record_dispute.event_id, 'noted', v_booking.id);
end
$$;

grant execute on function
  public.record_dispute(text, text, text, text, integer, text, text, text)
to service_role;
