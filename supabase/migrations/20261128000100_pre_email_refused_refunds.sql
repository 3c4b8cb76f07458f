-- Emails that a booking of before would have had: of a refund that its bank refused, and of a cancellation after which
-- nothing was left to refund. Apart from the migration before, which adds these kinds of email: PostgreSQL uses no label
-- in the transaction that adds it.

set lock_timeout = '2s';
set statement_timeout = '5min';

-- What is older than a week is noted as discarded, so that nobody is mailed about it.
insert into private.outbox (kind, key, booking_id, payload, state, completed_at)
select 'mail_refund_failed', 'mail:refund_failed:' || r.id, r.booking_id, jsonb_build_object('refund_id', r.id),
       case when age.recent then 'queued' else 'discarded' end::private.outbox_state,
       case when not age.recent then now() end
from public.refunds r, lateral (select r.updated_at > now() - interval '7 days' as recent) age
where r.status = 'failed' and r.stripe_refund_id is not null
  and exists (select from private.outbox o where o.key = 'mail:refund:' || r.id)
on conflict on constraint key_is_unique do nothing;

insert into private.outbox (kind, key, booking_id, payload, state, completed_at)
select 'mail_cancellation', 'mail:cancellation:' || b.id, b.id,
       case when t.status = 'cancelled' then jsonb_build_object('reason', 'showtime_cancelled') else '{}' end,
       case when age.recent then 'queued' else 'discarded' end::private.outbox_state,
       case when not age.recent then now() end
from public.bookings b
join public.showtimes t on t.id = b.showtime_id,
     lateral (select b.cancelled_at > now() - interval '7 days' as recent) age
where b.confirmed_at is not null and b.status in ('cancelled', 'refunded')
  and not exists (select from private.outbox o
                  where o.booking_id = b.id and o.kind in ('mail_refund', 'mail_cancellation'))
on conflict on constraint key_is_unique do nothing;

create or replace function private.schema_version() returns text
language sql immutable parallel safe set search_path = '' as $$
  select '20261128000100'
$$;
