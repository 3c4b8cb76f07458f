-- Emails that a booking of before would have had: of a refund that its bank refused, and of a cancellation after which
-- nothing was left to refund. Apart from the migration before, which adds these kinds of email: PostgreSQL uses no label
-- in the transaction that adds it.

set lock_timeout = '2s';
set statement_timeout = '5min';

insert into private.outbox (kind, key, booking_id, payload)
select 'mail_refund_failed', 'mail:refund_failed:' || r.id, r.booking_id, jsonb_build_object('refund_id', r.id)
from public.refunds r
where r.status = 'failed' and r.stripe_refund_id is not null
  and exists (select from private.outbox o where o.key = 'mail:refund:' || r.id)
on conflict on constraint key_is_unique do nothing;

insert into private.outbox (kind, key, booking_id, payload)
select 'mail_cancellation', 'mail:cancellation:' || b.id, b.id, jsonb_build_object('reason', 'cancelled_by_customer')
from public.bookings b
where b.confirmed_at is not null and b.status in ('cancelled', 'refunded')
  and not exists (select from private.outbox o
                  where o.booking_id = b.id and o.kind in ('mail_refund', 'mail_cancellation'))
on conflict on constraint key_is_unique do nothing;

create or replace function private.schema_version() returns text
language sql immutable parallel safe set search_path = '' as $$
  select '20261128000100'
$$;
