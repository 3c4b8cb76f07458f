-- The ledger of Stripe's events: one row per event id, written in the transaction of its effect. Stripe delivers at
-- least once and in any order; the primary key makes the effect happen once, parallel deliveries included.

create table private.stripe_events (
  id text primary key,
  type text not null,
  payment_intent_id text,
  received_at timestamptz not null default private.now(),
  outcome text,
  reason text,
  booking_id uuid
);
create index stripe_events_by_intent on private.stripe_events (payment_intent_id);
create index stripe_events_by_time on private.stripe_events (received_at);
alter table private.stripe_events enable row level security;

-- Notes an event; false when it was dealt with before. Waits for a parallel delivery to end one way or the other. Null,
-- for what the worker reports of its own work, is no event and always true.
create function private.record_event(p_event_id text, p_event_type text, p_payment_intent_id text) returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  if p_event_id is null then
    return true;
  end if;
  insert into private.stripe_events (id, type, payment_intent_id)
  values (p_event_id, p_event_type, p_payment_intent_id)
  on conflict do nothing;
  return found;
end
$$;

-- Notes the outcome of an event and answers it: {outcome, booking_id, reason}.
create function private.event_outcome(
  p_event_id text, p_outcome text, p_booking_id uuid default null, p_reason text default null) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  update private.stripe_events e set outcome = p_outcome, booking_id = p_booking_id, reason = p_reason
  where e.id = p_event_id;
  return jsonb_build_object('outcome', p_outcome, 'booking_id', p_booking_id, 'reason', p_reason);
end
$$;

-- Deletes events that arrived before that time, the oldest first.
create function private.delete_old_events(p_until timestamptz, p_max_rows integer) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_deleted integer;
begin
  delete from private.stripe_events e where e.id = any (array(
    select old.id from private.stripe_events old where old.received_at < p_until
    order by old.received_at limit p_max_rows for update skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
