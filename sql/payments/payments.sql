-- Payments: what Stripe was asked for a booking, and what arrived. Money that arrives is never lost sight of: every
-- succeeded payment is kept by one confirmed booking, or a refund of it is queued in the same transaction.
--
--   open --money arrived--> succeeded        open --can no longer be paid--> canceled

create type public.payment_status as enum (
  'open',       -- asked for, or about to be; declined cards leave it open
  'succeeded',  -- the money is here
  'canceled'    -- Stripe will take no money for it any more (Stripe's spelling)
);

create table public.payments (
  showtime_id bigint not null,
  id uuid not null default gen_random_uuid(),
  booking_id uuid not null,
  payment_intent_id text,
  amount integer not null,
  currency text not null,
  status public.payment_status not null default 'open',
  amount_received integer,
  currency_received text,
  settles_booking boolean not null default false,
  failure_code text,
  failure_message text,
  created_at timestamptz not null default private.now(),
  paid_at timestamptz,
  primary key (showtime_id, id),
  constraint payment_id_is_unique unique (id),
  constraint payment_intent_is_unique unique (payment_intent_id),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint amount_is_positive check (amount > 0),
  constraint money_received_is_known check (
    (status = 'succeeded') = (amount_received is not null and currency_received is not null and paid_at is not null)),
  constraint only_money_settles_a_booking check (not settles_booking or status = 'succeeded')
);
comment on column public.payments.amount is 'What was asked, in minor units: the total of the booking.';
comment on column public.payments.settles_booking is
  'This payment confirmed the booking; all others are refunded.';
comment on column public.payments.failure_code is 'Why the last attempt failed, in Stripe''s words; null if none did.';

create index payments_by_booking on public.payments (showtime_id, booking_id);
create unique index one_payment_settles_a_booking on public.payments (showtime_id, booking_id)
  where settles_booking;
create unique index one_open_payment_per_booking on public.payments (showtime_id, booking_id) where status = 'open';
create index payments_open on public.payments (created_at) where status = 'open';
create index payments_paid on public.payments (paid_at) where status = 'succeeded';

alter table public.payments enable row level security;
create policy "people read the payments of their own bookings" on public.payments
  for select to authenticated
  using (exists (select from public.bookings b
                 where b.showtime_id = payments.showtime_id and b.id = payments.booking_id
                   and b.user_id = (select auth.uid())));
grant select on public.payments to service_role;

-- Begins to take money for a customer's pending booking (payment.started), or goes on with it: one payment, whatever
-- happens, until it is paid or can no longer be. The first time it gives the booking and its locks the time to pay
-- (lock.extended): who only holds seats gets no more. Answers {payment_id, booking_id, reference, amount, currency,
-- payment_intent_id (null until attached), email, expires_at}. Raises unknown_booking, lock_expired, not_payable,
-- account_blocked, contact_required, too_many_attempts.
create function public.start_payment(booking_id uuid, user_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' set enable_seqscan = off as $$
declare
  v_booking public.bookings := private.booking_for_update(start_payment.booking_id);
  v_now timestamptz := private.now();
  v_payment public.payments;
  v_user public.users;
  v_seconds integer;
begin
  if v_booking.user_id is distinct from start_payment.user_id or v_booking.id is null then
    perform private.raise_api_error('unknown_booking');
  elsif v_booking.status = 'expired' or v_booking.status = 'pending' and v_booking.expires_at <= v_now then
    perform private.raise_api_error('lock_expired');
  elsif v_booking.status <> 'pending' then
    perform private.raise_api_error('not_payable');
  end if;
  select * into v_user from public.users u where u.id = v_booking.user_id;
  if v_user.blocked_at is not null then
    perform private.raise_api_error('account_blocked');
  elsif v_user.email is null then
    perform private.raise_api_error('contact_required');
  end if;
  select private.check_rate_limit(
    array[row('payment_start:' || v_booking.user_id, c.payment_starts_per_customer, c.sign_in_window)
          ::private.rate_limit])
  into strict v_seconds from private.settings c;
  if v_seconds > 0 then
    perform private.raise_api_error('too_many_attempts', jsonb_build_object('retry_after', v_seconds));
  end if;
  if not exists (select from public.payments p
                 where p.showtime_id = v_booking.showtime_id and p.booking_id = v_booking.id) then
    v_booking := private.give_time_to_pay(v_booking, v_now);
  end if;
  select * into v_payment from public.payments p
  where p.showtime_id = v_booking.showtime_id and p.booking_id = v_booking.id and p.status = 'open';
  if not found then
    insert into public.payments as p (showtime_id, booking_id, amount, currency)
    values (v_booking.showtime_id, v_booking.id, v_booking.total, v_booking.currency)
    returning p.* into v_payment;
  end if;
  return jsonb_build_object(
    'payment_id', v_payment.id, 'booking_id', v_booking.id, 'reference', v_booking.reference,
    'amount', v_payment.amount, 'currency', v_payment.currency, 'payment_intent_id', v_payment.payment_intent_id,
    'email', v_user.email, 'expires_at', v_booking.expires_at);
end
$$;

-- Moves the end of a pending booking and its locks as far from now as private.time_to_pay says, unless it is later
-- already, and informs viewers. Answers the booking as it is then. Raises lock_expired when a lock has just run out.
create function private.give_time_to_pay(p_booking public.bookings, p_now timestamptz) returns public.bookings
language plpgsql volatile set search_path = '' as $$
begin
  update public.bookings b
  set expires_at = greatest(b.expires_at, p_now + private.time_to_pay(b.showtime_id, b.user_id, p_now))
  where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id
  returning b.* into p_booking;
  perform private.extend_locks(p_booking, p_booking.id, p_booking.expires_at, p_now);
  if not private.holds_its_seats(p_booking, p_now) then
    perform private.raise_api_error('lock_expired');
  end if;
  perform private.broadcast_showtime(p_booking.showtime_id, 'seat:lock', private.locks_json(p_booking, p_now));
  return p_booking;
exception
  -- Somebody took a seat in the instant in which its lock ran out.
  when exclusion_violation then
    perform private.raise_api_error('lock_expired');
end
$$;

-- Notes which PaymentIntent was made for a payment. Where the booking has ended meanwhile, the intent is
-- canceled.
-- Answers {attached}: false when the payment carries another intent already. Raises not_payable for an unknown payment.
create function public.attach_payment_intent(payment_id uuid, payment_intent_id text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_booking public.bookings;
  v_payment public.payments;
begin
  v_booking := private.booking_for_update(
    (select p.booking_id from public.payments p where p.id = attach_payment_intent.payment_id));
  if v_booking.id is null then
    perform private.raise_api_error('not_payable');
  end if;
  -- A payment canceled while it had no intent is open again now that it has one: that intent must be canceled too.
  update public.payments p
  set payment_intent_id = attach_payment_intent.payment_intent_id,
      status = case when p.payment_intent_id is null and p.status = 'canceled' then 'open' else p.status end
  where p.showtime_id = v_booking.showtime_id and p.id = attach_payment_intent.payment_id
    and (p.payment_intent_id = attach_payment_intent.payment_intent_id
         or p.payment_intent_id is null
           and not exists (select from public.payments other
                           where other.payment_intent_id = attach_payment_intent.payment_intent_id))
  returning p.* into v_payment;
  if v_payment.status = 'open' and v_booking.status <> 'pending' then
    perform private.cancel_payment_intent(v_booking);
  end if;
  return jsonb_build_object('attached', v_payment.id is not null);
end
$$;

-- Makes sure that nobody pays for a booking that has ended (payment.canceled): the worker cancels its open intent at
-- Stripe. The payment stays open until Stripe agrees, since a card may be paying this very moment.
create function private.cancel_payment_intent(p_booking public.bookings) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.payments;
begin
  select * into v_payment from public.payments p
  where p.showtime_id = p_booking.showtime_id and p.booking_id = p_booking.id and p.status = 'open' for update;
  if v_payment.payment_intent_id is not null then
    perform private.enqueue('cancel_intent', 'cancel:' || v_payment.payment_intent_id, p_booking,
                         jsonb_build_object('payment_intent_id', v_payment.payment_intent_id));
  elsif v_payment.id is not null then
    -- No intent is known, so nobody was given the means to pay.
    update public.payments p set status = 'canceled'
    where p.showtime_id = v_payment.showtime_id and p.id = v_payment.id;
  end if;
end
$$;

-- The payment that a PaymentIntent stands for, locked. It may be unknown so far: the webhook can overtake
-- attach_payment_intent, and somebody may pay a second time for a booking.
create function private.payment_of_intent(
  p_booking public.bookings, p_payment_intent_id text, p_amount integer, p_currency text) returns public.payments
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.payments;
begin
  update public.payments p set payment_intent_id = p_payment_intent_id
  where not exists (select from public.payments known where known.payment_intent_id = p_payment_intent_id)
    and p.showtime_id = p_booking.showtime_id
    and p.id = (select latest.id from public.payments latest
                where latest.showtime_id = p_booking.showtime_id and latest.booking_id = p_booking.id
                  and latest.payment_intent_id is null
                order by latest.created_at desc limit 1);
  select * into v_payment from public.payments p where p.payment_intent_id = p_payment_intent_id for update;
  if not found then
    insert into public.payments as p (showtime_id, booking_id, payment_intent_id, amount, currency, status)
    values (p_booking.showtime_id, p_booking.id, p_payment_intent_id, p_amount, p_currency, 'canceled')
    returning p.* into v_payment;
  end if;
  return v_payment;
end
$$;

-- Makes a booking's seats sold and answers null; or changes nothing and answers why not: showtime_cancelled,
-- showtime_closed, seats_gone, too_many_seats. Paid in time, its live locks lose their end (lock.sold). Paid later, the
-- very same seats are taken again (lock.sold_late) if all of them are free and still on sale, and their customer has
-- not filled up with others. Either way what is held then must be what was booked (private.holds_its_seats).
create function private.sell_seats(p_booking public.bookings, p_now timestamptz) returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_showtime public.showtimes;
  v_seats integer;
  v_sold integer;
begin
  select * into strict v_showtime from public.showtimes t where t.id = p_booking.showtime_id;
  select count(*) into v_seats from public.booking_seats s
  where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id;
  if v_showtime.status = 'cancelled' then
    return 'showtime_cancelled';
  end if;

  v_sold := private.extend_locks(p_booking, p_booking.id, null, p_now);

  if v_sold = 0 then
    if v_showtime.starts_at <= p_now then
      return 'showtime_closed';
    elsif (select count(*) + v_seats > min(c.seats_per_customer)
           from private.settings c
           left join public.seat_locks l on l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
             and l.held @> p_now
           having count(l.id) > 0) then
      return 'too_many_seats';  -- others were taken meanwhile in place of these
    end if;
    insert into public.seat_locks (showtime_id, id, seat_id, user_id, booking_id, held)
    select s.showtime_id, extract(epoch from p_now) * 1000000, s.seat_id, p_booking.user_id, p_booking.id,
           tstzrange(p_now, null)
    from public.booking_seats s
    where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id order by s.seat_id
    on conflict on constraint one_holder_at_a_time do nothing;
  end if;
  if not private.holds_its_seats(p_booking, p_now) then
    raise exclusion_violation;  -- undoes what was taken
  end if;

  update public.booking_seats s set sold_at = p_now
  where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id;
  return null;
exception
  when exclusion_violation or unique_violation then
    return 'seats_gone';
end
$$;

-- Money for a booking has arrived. Why it cannot be kept, or null: then the booking's seats are sold.
create function private.settle_booking(p_booking public.bookings, p_payment public.payments, p_now timestamptz)
returns text
language plpgsql volatile set search_path = '' as $$
begin
  if p_booking.status = 'confirmed' then
    return 'second_payment';
  elsif p_booking.status in ('cancelled', 'refunded')
    -- Nobody is left to have a ticket.
    or exists (select from public.users u where u.id = p_booking.user_id and u.forgotten_at is not null) then
    return 'booking_cancelled';
  elsif (p_payment.amount_received, p_payment.currency_received)
    is distinct from (p_booking.total, p_booking.currency) then
    return 'amount_differs';
  end if;
  return private.sell_seats(p_booking, p_now);
end
$$;

-- Stripe says that a PaymentIntent succeeded (payment.succeeded, or payment.paid_after_cancel for a canceled one);
-- webhook and reconciliation both come here. The event, its effect and the mail are one transaction. Money in time
-- (booking.paid), or late with the seats still free (booking.paid_late), confirms. Money that cannot be kept is
-- refunded: the seats are gone (booking.paid_too_late), the booking was cancelled or paid already, the amount or
-- currency differs. Never a swap of seats.
--
-- amount in minor units; booking_id from the intent's metadata, for an intent not yet attached.
-- Answers {outcome, booking_id, reason}: outcome confirmed, refund_queued (with a reason), already_settled, duplicate,
-- or unmatched when the money is for no booking of ours. Raises invalid_request.
create function public.confirm_booking(
  event_id text, event_type text, payment_intent_id text, amount integer, currency text, booking_id uuid default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_booking public.bookings;
  v_payment public.payments;
  v_now timestamptz;
  v_reason text;
begin
  if confirm_booking.payment_intent_id is null or confirm_booking.currency is null
    or confirm_booking.amount is null or confirm_booking.amount <= 0 then
    perform private.raise_api_error('invalid_request');
  end if;
  if not private.record_event(confirm_booking.event_id, confirm_booking.event_type, confirm_booking.payment_intent_id) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  v_booking := private.booking_for_update(coalesce(
    (select p.booking_id from public.payments p where p.payment_intent_id = confirm_booking.payment_intent_id),
    confirm_booking.booking_id));
  if v_booking.id is null then
    return private.event_outcome(confirm_booking.event_id, 'unmatched');
  end if;
  v_payment := private.payment_of_intent(v_booking, confirm_booking.payment_intent_id,
                                         confirm_booking.amount, upper(confirm_booking.currency));
  if v_payment.status = 'succeeded' then
    return private.event_outcome(confirm_booking.event_id, 'already_settled', v_booking.id);
  end if;

  v_now := private.now();
  update public.payments p
  set status = 'succeeded', amount_received = confirm_booking.amount,
      currency_received = upper(confirm_booking.currency), paid_at = v_now, failure_code = null, failure_message = null
  where p.showtime_id = v_payment.showtime_id and p.id = v_payment.id
  returning p.* into v_payment;
  v_reason := private.settle_booking(v_booking, v_payment, v_now);
  if v_reason is not null then
    if v_booking.status in ('pending', 'expired') and v_reason <> 'amount_differs' then
      perform private.free_seats(v_booking, 'cancelled', v_now);
      perform private.expire_booking(v_booking);
    end if;
    perform private.refund_payment(v_payment, v_reason);
    return private.event_outcome(confirm_booking.event_id, 'refund_queued', v_booking.id, v_reason);
  end if;

  update public.bookings b set status = 'confirmed', confirmed_at = v_now
  where b.showtime_id = v_booking.showtime_id and b.id = v_booking.id;
  update public.payments p set settles_booking = true
  where p.showtime_id = v_payment.showtime_id and p.id = v_payment.id;
  perform private.cancel_payment_intent(v_booking);  -- another intent may be open when this money came by a second one
  perform private.enqueue('mail_confirmation', 'mail:confirmation:' || v_booking.id, v_booking);
  perform private.broadcast_showtime(v_booking.showtime_id, 'seat:book',
                                private.locks_json(v_booking, v_now) - 'expires_at');
  return private.event_outcome(confirm_booking.event_id, 'confirmed', v_booking.id);
end
$$;

-- Stripe says that an attempt to pay failed (payment.declined), or, with canceled, that the intent can no longer be
-- paid (payment.canceled). The booking keeps its seats until its time is over. event_id is null when the worker reports
-- what it did itself. Answers {outcome, booking_id}: noted, duplicate, unmatched.
create function public.record_payment_failure(
  event_id text, event_type text, payment_intent_id text, canceled boolean default false,
  failure_code text default null, failure_message text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_payment public.payments;
begin
  if not private.record_event(record_payment_failure.event_id, record_payment_failure.event_type,
                            record_payment_failure.payment_intent_id) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  update public.payments p
  set status = case when record_payment_failure.canceled then 'canceled' else p.status end::public.payment_status,
      failure_code = coalesce(record_payment_failure.failure_code, p.failure_code),
      failure_message = coalesce(left(record_payment_failure.failure_message, 500), p.failure_message)
  where p.payment_intent_id = record_payment_failure.payment_intent_id and p.status = 'open'
  returning p.* into v_payment;
  return private.event_outcome(record_payment_failure.event_id,
                               case when v_payment.id is null then 'unmatched' else 'noted' end,
                               v_payment.booking_id);
end
$$;

grant execute on function
  public.start_payment(uuid, uuid),
  public.attach_payment_intent(uuid, text),
  public.confirm_booking(text, text, text, integer, text, uuid),
  public.record_payment_failure(text, text, text, boolean, text, text)
to service_role;
