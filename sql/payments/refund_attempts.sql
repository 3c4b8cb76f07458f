-- What becomes of a refund once the worker has asked Stripe for it. The worker reports facts, this decides.
--
-- Facts about refunds at Stripe are {id, amount, status, failure_reason, metadata}, in Stripe's words.

-- Settles an attempt. code is null where Stripe made the refund, which refunds then holds; otherwise it is why Stripe
-- made none (its own code, or idempotency_key_spent), and refunds are those that the payment has at Stripe, newest
-- first.
--
-- Stripe made none: there may be one already, of an earlier attempt whose answer was lost, or made by hand at the
-- dashboard; it stands for ours. If others have returned everything, they are noted and ours is void (refund.voided).
-- Otherwise it has failed and is tried again as the next attempt.
--
-- Answers {outcome, booking_id}: made, adopted, void, failed; or stale, when the refund has changed since it was asked
-- for. Raises invalid_request.
create function public.settle_refund_attempt(refund_id uuid, attempt integer, code text, refunds jsonb default '[]')
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_booking public.bookings := private.booking_for_update(
    (select r.booking_id from public.refunds r where r.id = settle_refund_attempt.refund_id));
  v_refund public.refunds;
  v_payment public.payments;
  v_standing jsonb;
  v_other jsonb;
  v_outcome text;
begin
  if v_booking.id is null or jsonb_typeof(settle_refund_attempt.refunds) is distinct from 'array'
    or settle_refund_attempt.code is null and jsonb_array_length(settle_refund_attempt.refunds) <> 1 then
    perform private.raise_api_error('invalid_request');
  end if;
  select * into strict v_refund from public.refunds r
  where r.showtime_id = v_booking.showtime_id and r.id = settle_refund_attempt.refund_id for update;
  select * into strict v_payment from public.payments p
  where p.showtime_id = v_refund.showtime_id and p.id = v_refund.payment_id;
  if v_refund.attempt is distinct from settle_refund_attempt.attempt
    or settle_refund_attempt.code is not null and v_refund.status not in ('queued', 'failed') then
    return jsonb_build_object('outcome', 'stale', 'booking_id', v_booking.id);
  end if;

  if settle_refund_attempt.code is null then
    v_outcome := 'made';
    v_standing := settle_refund_attempt.refunds -> 0;
  else
    v_outcome := 'adopted';
    v_standing := private.refund_that_stands_for(v_refund, settle_refund_attempt.refunds);
  end if;
  if v_standing is not null then
    perform private.note_refund(v_booking, v_payment, v_standing, v_refund.id, v_refund.attempt);
    return jsonb_build_object('outcome', v_outcome, 'booking_id', v_booking.id);
  end if;

  v_outcome := 'failed';
  if settle_refund_attempt.code = 'charge_already_refunded' then
    v_outcome := 'void';
    for v_other in
      select fact from jsonb_array_elements(settle_refund_attempt.refunds) fact
      join jsonb_to_recordset(public.compare_refunds(settle_refund_attempt.refunds)) as differs (id text)
        on differs.id = fact ->> 'id'
      where private.refund_status_of(fact ->> 'status') is not null  -- what Stripe may call it tomorrow stops nothing
    loop
      v_booking := private.note_refund(v_booking, v_payment, v_other, private.refund_id_of(v_other),
                                       private.attempt_of(v_other));
    end loop;
    select * into strict v_refund from public.refunds r
    where r.showtime_id = v_booking.showtime_id and r.id = settle_refund_attempt.refund_id;
    if v_refund.attempt <> settle_refund_attempt.attempt then  -- those have shrunk or ended ours
      return jsonb_build_object('outcome', v_refund.status, 'booking_id', v_booking.id);
    end if;
  end if;
  perform private.apply_refund_status(v_booking, v_refund, v_outcome::public.refund_status, null,
                                      settle_refund_attempt.code);
  v_booking := private.sync_booking_status(v_booking, v_payment);
  if v_outcome = 'failed' then  -- what others have returned is not to be returned again before we know how
    perform private.rebalance_refunds(v_booking, v_payment);
  end if;
  return jsonb_build_object('outcome', v_outcome, 'booking_id', v_booking.id);
end
$$;

-- The refund at Stripe that may stand for ours: the one that carries our id, or one of the same amount that nobody has
-- noted and that is for no refund of ours. What has failed stands for nothing.
create function private.refund_that_stands_for(p_refund public.refunds, p_refunds jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select given.fact
  from jsonb_array_elements(p_refunds) with ordinality as given (fact, nth),
       lateral (select given.fact #>> '{metadata,refund_id}' as refund_id) said
  where private.refund_status_of(given.fact ->> 'status') is distinct from 'failed'
    and (said.refund_id = (p_refund).id::text
         or said.refund_id is null and (given.fact ->> 'amount')::integer = (p_refund).amount
           and not exists (select from public.refunds known where known.stripe_refund_id = given.fact ->> 'id'))
  order by said.refund_id is null, given.nth limit 1
$$;

-- The id and attempt of ours that a refund's metadata at Stripe names, or null: anybody may write anything there.
create function private.refund_id_of(p_fact jsonb) returns uuid
language sql immutable parallel safe set search_path = '' as $$
  select case when pg_input_is_valid(p_fact #>> '{metadata,refund_id}', 'uuid')
              then (p_fact #>> '{metadata,refund_id}')::uuid end
$$;

create function private.attempt_of(p_fact jsonb) returns integer
language sql immutable parallel safe set search_path = '' as $$
  select case when p_fact #>> '{metadata,attempt}' ~ '^[0-9]{1,8}$' then (p_fact #>> '{metadata,attempt}')::integer end
$$;

-- Of those refunds at Stripe ([{id, amount, status}]) the ones that are not known here as they are there:
-- [{id, here (our status, or null), at_stripe (in our words, or in Stripe's where there is none)}]. One that is unknown
-- here and came to nothing does not differ: of ours, the next attempt has taken its place.
create function public.compare_refunds(refunds jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', given.id, 'here', known.status,
    'at_stripe', coalesce(private.refund_status_of(given.status)::text, given.status)) order by given.id), '[]')
  from jsonb_to_recordset(compare_refunds.refunds) as given (id text, amount integer, status text)
  left join public.refunds known on known.stripe_refund_id = given.id
  where case when known.id is null then private.refund_status_of(given.status) is distinct from 'failed'
             else (known.amount, known.status) is distinct from
                  (given.amount, private.refund_status_of(given.status)) end
$$;

grant execute on function
  public.settle_refund_attempt(uuid, integer, text, jsonb),
  public.compare_refunds(jsonb)
to service_role;
