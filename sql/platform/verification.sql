-- Verifications: looking whether all that must hold does (invariants.sql), and whether Stripe's books say what ours say
-- (backend/verification.py). The worker does it once a day; `make verify` does it by hand.

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

-- Begins a verification if one is due: true for one of all the workers that ask, and that one does it. One that did not
-- come to its end within an hour is due again.
create function public.start_verification(every interval default '1 day') returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  update private.verifications v set started_at = v_now
  where v.singleton and v.ended_at <= v_now - start_verification.every
    and v.started_at <= v_now - least(start_verification.every, interval '1 hour');
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

grant execute on function
  public.start_verification(interval), public.finish_verification(integer, boolean),
  public.payments_to_verify(timestamptz, integer, uuid)
to service_role;
