-- Whom to ask Stripe about: payments that stay open and refunds that stay pending, in case an event was lost. Workers
-- claim what they ask about, so that no two ask about the same. While a booking waits for its payment it is asked about
-- at an even pace and once more shortly before it expires, so that money paid in time is found in time. From then on
-- each next look waits twice as long: what stays open is not asked about every minute.

create table private.stripe_checks (
  subject_id uuid primary key,
  checks integer not null,
  last_checked_at timestamptz not null,
  next_check_at timestamptz not null
);
create index stripe_checks_by_time on private.stripe_checks (last_checked_at);
alter table private.stripe_checks enable row level security;

comment on table private.stripe_checks is
  'Beside payments and refunds, not in them: each change of those is written down for good, and a look is no change.';
comment on column private.stripe_checks.subject_id is 'A payment or a refund.';

-- Notes that those are looked at now, and answers the ones that nobody else has claimed since they were found due. A
-- look at a payment whose booking is pending is not counted, and the next one comes after the same pause, or half a
-- minute before the booking expires. Of the counted looks the second comes after twice the time of the first, and so
-- on, an hour after the last at the most.
create function private.claim_checks(p_subjects uuid[], p_first interval, p_now timestamptz) returns setof uuid
language sql volatile set search_path = '' as $$
  insert into private.stripe_checks as c (subject_id, checks, last_checked_at, next_check_at)
  select s.id, case when b.id is null then 1 else 0 end, p_now,
         case when b.id is null then p_now + least(p_first * 2, interval '1 hour')
              when b.expires_at - interval '30 seconds' > p_now
                then least(p_now + p_first, b.expires_at - interval '30 seconds')
              else p_now + p_first end
  from unnest(p_subjects) s (id)
  left join public.payments p on p.id = s.id
  left join public.bookings b
    on b.showtime_id = p.showtime_id and b.id = p.booking_id and b.status = 'pending' and b.expires_at > p_now
  order by s.id
  on conflict (subject_id) do update
    set checks = c.checks + excluded.checks, last_checked_at = p_now,
        next_check_at = case when excluded.checks = 0 then excluded.next_check_at
                             else p_now + least(p_first * 2 ^ least(c.checks + 1, 20), interval '1 hour') end
    where c.next_check_at <= p_now
  returning c.subject_id
$$;

-- Takes a look back that came to nothing because Stripe or this database did not answer: the next one comes after the
-- first pause, and this one is not counted.
create function public.release_check(subject_id uuid, older_than interval) returns void
language sql volatile security definer set search_path = '' as $$
  update private.stripe_checks c
  set checks = greatest(c.checks - 1, 0),
      next_check_at = least(c.next_check_at, private.now() + release_check.older_than)
  where c.subject_id = release_check.subject_id
$$;

-- Forgets what nobody has asked about for a day: it has ended, or no worker was there, and then all begins anew.
create function private.purge_checks(p_now timestamptz) returns void
language sql volatile set search_path = '' as $$
  delete from private.stripe_checks c
  where c.subject_id in (select old.subject_id from private.stripe_checks old
                         where old.last_checked_at < p_now - interval '1 day' limit 1000 for update skip locked)
$$;

-- Claims payments that have been open for longer than that, those that are due for longest first:
-- [{payment_id, booking_id, payment_intent_id}].
create function public.claim_payments_to_reconcile(older_than interval, max_rows integer default 20) returns jsonb
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_now timestamptz := private.now();
  v_due uuid[];
begin
  perform private.purge_checks(v_now);
  select array_agg(due.id) into v_due from (
    select p.id from public.payments p
    left join private.stripe_checks c on c.subject_id = p.id
    where p.status = 'open' and p.payment_intent_id is not null
      and p.created_at <= v_now - claim_payments_to_reconcile.older_than
      and (c.subject_id is null or c.next_check_at <= v_now)
    order by coalesce(c.next_check_at, p.created_at + claim_payments_to_reconcile.older_than), p.id
    limit claim_payments_to_reconcile.max_rows
    for no key update of p skip locked) due;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'payment_id', p.id, 'booking_id', p.booking_id, 'payment_intent_id', p.payment_intent_id)), '[]')
    from private.claim_checks(v_due, claim_payments_to_reconcile.older_than, v_now) claimed (id)
    join public.payments p on p.id = claimed.id);
end
$$;

-- Claims refunds that Stripe has taken and that have not moved for longer than that:
-- [{id, attempt, stripe_refund_id}].
create function public.claim_refunds_to_reconcile(older_than interval, max_rows integer default 20) returns jsonb
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_now timestamptz := private.now();
  v_due uuid[];
begin
  select array_agg(due.id) into v_due from (
    select r.id from public.refunds r
    left join private.stripe_checks c on c.subject_id = r.id
    where r.status = 'pending' and r.stripe_refund_id is not null
      and r.updated_at <= v_now - claim_refunds_to_reconcile.older_than
      and (c.subject_id is null or c.next_check_at <= v_now)
    order by coalesce(c.next_check_at, r.updated_at + claim_refunds_to_reconcile.older_than), r.id
    limit claim_refunds_to_reconcile.max_rows
    for no key update of r skip locked) due;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', r.id, 'attempt', r.attempt, 'stripe_refund_id', r.stripe_refund_id)), '[]')
    from private.claim_checks(v_due, claim_refunds_to_reconcile.older_than, v_now) claimed (id)
    join public.refunds r on r.id = claimed.id);
end
$$;

grant execute on function
  public.claim_payments_to_reconcile(interval, integer),
  public.claim_refunds_to_reconcile(interval, integer),
  public.release_check(uuid, interval)
to service_role;
