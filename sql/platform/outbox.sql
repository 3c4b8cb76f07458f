-- The outbox: work for the world outside that follows from a transaction, written in that transaction. The worker
-- claims rows, does each at least once and completes it; keys make the effect happen once.
--
--   queued --claimed, done--> sent      queued --failed--> queued, later      --an email, for days--> failed

create type private.outbox_kind as enum (
  'mail_confirmation',  -- the ticket
  'mail_refund',        -- money is on its way back, and why
  'refund',             -- ask Stripe to return money
  'cancel_intent',      -- ask Stripe to take no money for what has ended
  'mail_cancellation',  -- a paid booking has ended and nothing is left to refund
  'mail_refund_failed',  -- the bank refused a refund
  'mail_showtime_moved',  -- the showtime of a ticket has another time
  -- about an account (accounts/account_emails.sql)
  'mail_verify_email',  -- a link that proves the address
  'mail_change_email',  -- a link that proves the address which the account is to have
  'mail_email_changed',  -- to the address that it had before
  'mail_reset_password',  -- a link by which a forgotten password is replaced
  'mail_password_changed',  -- somebody has changed it
  'mail_second_factor_changed'  -- somebody has set one up, or removed it
);

create type private.outbox_state as enum (
  'queued',  -- waits for its time or is being done
  'sent',    -- done
  'failed',  -- an email that was given up; a person looks at last_error
  'discarded'  -- an email that a person decided not to send, or that another has superseded
);

create table private.outbox (
  id bigint generated always as identity primary key,
  kind private.outbox_kind not null,
  key text not null,
  booking_id uuid,
  payload jsonb not null,
  state private.outbox_state not null default 'queued',
  attempts integer not null default 0,
  due_at timestamptz not null default private.now(),
  claimed_until timestamptz,
  abandoned_claims integer not null default 0,
  last_error text,
  created_at timestamptz not null default private.now(),
  completed_at timestamptz,
  request_id text default private.request_id(),
  user_id uuid references public.users on delete cascade,
  constraint key_is_unique unique (key),
  constraint about_a_booking_or_an_account check (num_nonnulls(booking_id, user_id) <= 1),
  constraint completed_when_it_says_so check ((state = 'queued') = (completed_at is null))
);
create index outbox_due on private.outbox (due_at) where state = 'queued';
create index outbox_not_done on private.outbox (kind, state) where state in ('queued', 'failed');
create index outbox_by_completion on private.outbox (completed_at) where state in ('sent', 'discarded');
create index outbox_by_booking on private.outbox (booking_id);
create index outbox_by_user on private.outbox (user_id) where user_id is not null;
create index outbox_by_email on private.outbox ((payload ->> 'email')) where payload ->> 'email' is not null;
alter table private.outbox enable row level security;

comment on column private.outbox.key is 'Says what it is about; the same key again does nothing.';
comment on column private.outbox.claimed_until is 'A worker does it until then; past that it died, and another may.';
comment on column private.outbox.booking_id is 'Null for an email about an account.';
comment on column private.outbox.user_id is
  'The account that an email is about; null for a booking''s, and where it goes to whom nobody may know.';
comment on column private.outbox.request_id is 'The call that enqueued it; the worker goes on under the same id.';
comment on column private.outbox.abandoned_claims is 'How many workers claimed it and never completed it.';

-- Adds work to the outbox (outbox.enqueued). The same key again is the same work and does nothing.
create function private.enqueue(
  p_kind private.outbox_kind, p_key text, p_booking public.bookings, p_payload jsonb default '{}',
  p_delay interval default '0') returns void
language sql volatile set search_path = '' as $$
  insert into private.outbox (kind, key, booking_id, payload, due_at)
  values (p_kind, p_key, p_booking.id, p_payload, private.now() + p_delay)
  on conflict on constraint key_is_unique do nothing
$$;

-- True for work that is an email. (By what it is not, so that a migration can add kinds of email and this at once.)
create function private.is_mail(p_kind private.outbox_kind) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select p_kind not in ('refund', 'cancel_intent')
$$;

-- Everything an email about a booking says: {booking, was_confirmed, moved_from (private.moved_from), showtime: {id,
-- starts_at, ends_at, revision}, movie: {title, certificate, length_minutes}, theater: {name, address, city,
-- time_zone}, auditorium, customer: {email, full_name, kind}, language (of the customer), cinema
-- (private.cinema_json)}.
create function private.email_context(p_booking_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'booking', private.booking_json(b),
    'was_confirmed', b.confirmed_at is not null,
    'moved_from', private.moved_from(b),
    'showtime', jsonb_build_object('id', s.id, 'starts_at', s.starts_at, 'ends_at', s.ends_at, 'revision', s.revision),
    'movie', jsonb_build_object('title', m.title, 'certificate', m.certificate, 'length_minutes', m.length_minutes),
    'theater', jsonb_build_object('name', t.name, 'address', t.address, 'city', t.city, 'time_zone', t.time_zone),
    'auditorium', a.name,
    'customer', jsonb_build_object('email', u.email, 'full_name', u.full_name, 'kind', u.kind),
    'language', u.language,
    'cinema', private.cinema_json())
  from public.bookings b
  join public.users u on u.id = b.user_id
  join public.showtimes s on s.id = b.showtime_id
  join public.movies m on m.id = s.movie_id
  join public.auditoriums a on a.id = s.auditorium_id
  join public.theaters t on t.id = a.theater_id
  where b.id = p_booking_id
$$;

-- The same for the page of a booking's customer. Raises unknown_booking.
create function public.ticket_context(booking_id uuid, user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
begin
  if not exists (select from public.bookings b
                 where b.id = ticket_context.booking_id and b.user_id = ticket_context.user_id) then
    perform private.raise_api_error('unknown_booking');
  end if;
  return private.email_context(ticket_context.booking_id);
end
$$;

-- Claims due rows for a worker, of those kinds or of any, for so many seconds. Several workers never get the same row,
-- and one whose worker died comes again when its lease has run out (outbox.reclaimed). Answers [{id, attempt, kind,
-- key, booking_id, request_id, payload, email (for mail about a booking), account (for mail about an account,
-- private.account_email_context), refund (for what is about one)}].
create function public.claim_outbox(
  max_rows integer default 10, lease_seconds integer default 60, kinds text[] default null) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_claimed jsonb;
begin
  with due as (
    select o.id from private.outbox o
    where o.state = 'queued' and o.due_at <= v_now and (o.claimed_until is null or o.claimed_until <= v_now)
      and (claim_outbox.kinds is null or o.kind::text = any (claim_outbox.kinds))
      and (o.abandoned_claims < 9 or not private.is_mail(o.kind))  -- see abandon_emails
    order by o.due_at limit claim_outbox.max_rows for update skip locked
  ), claimed as (
    update private.outbox o
    set attempts = o.attempts + 1, abandoned_claims = o.abandoned_claims + (o.claimed_until is not null)::integer,
        claimed_until = v_now + make_interval(secs => claim_outbox.lease_seconds)
    from due where o.id = due.id
    returning o.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', c.id, 'attempt', c.attempts, 'kind', c.kind, 'key', c.key, 'booking_id', c.booking_id,
    'request_id', c.request_id, 'payload', c.payload,
    'email', case when private.is_mail(c.kind) then private.email_context(c.booking_id) end,
    'account', case when c.booking_id is null then private.account_email_context(c) end,
    'refund', private.refund_context((c.payload ->> 'refund_id')::uuid)) order by c.id), '[]')
  into v_claimed from claimed c;
  return v_claimed;
end
$$;

-- Ends a claim: done (outbox.completed), or to be tried again (outbox.retried) after a growing and slightly random
-- pause of two hours at most. Money is never given up; an email is (outbox.failed), three days after it was written,
-- and then a person must look (requeue_outbox). One about an account is discarded after a day: its link was asked for
-- with an address that anybody may have mistyped. attempt is what claim_outbox gave; a worker that was so slow that
-- another has claimed the row since completes nothing. False then.
create function public.complete_outbox(id bigint, attempt integer, error text default null) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  update private.outbox o
  set state = private.next_state(o, complete_outbox.error, v_now),
      completed_at = case when private.next_state(o, complete_outbox.error, v_now) <> 'queued' then v_now end,
      due_at = v_now + make_interval(secs => least(2 ^ least(o.attempts, 20), 7200) * (0.75 + random() / 2)),
      claimed_until = null,
      abandoned_claims = 0,
      last_error = left(complete_outbox.error, 1000),
      -- The address that somebody typed, who may be nobody here.
      payload = case when o.booking_id is null and private.next_state(o, complete_outbox.error, v_now) <> 'queued'
        then '{}' else o.payload end
  where o.id = complete_outbox.id and o.state = 'queued' and o.attempts = complete_outbox.attempt;
  return found;
end
$$;

-- The state of a row that was tried, with that error or none.
create function private.next_state(p_row private.outbox, p_error text, p_now timestamptz) returns private.outbox_state
language sql stable set search_path = '' as $$
  select case when p_error is null then 'sent'
              when (p_row).booking_id is null and p_now - (p_row).created_at > interval '1 day' then 'discarded'
              when private.is_mail((p_row).kind)
                and p_now - (p_row).created_at > interval '3 days' then 'failed'
              else 'queued' end::private.outbox_state
$$;

-- Gives up (outbox.failed) emails that ten workers in a row claimed and never completed: they die of it. The sweep
-- calls it.
create function private.abandon_emails(p_now timestamptz) returns void
language sql volatile set search_path = '' as $$
  update private.outbox o
  set state = 'failed', completed_at = p_now, claimed_until = null,
      last_error = 'claimed by ' || o.abandoned_claims + 1 || ' workers, none of which came back'
  where o.state = 'queued' and private.is_mail(o.kind)
    and o.abandoned_claims >= 9 and o.claimed_until <= p_now
$$;

-- Deletes what was completed before that time, and nothing of a booking of which anything is newer, waits, was given
-- up, or is about money on its way: all of a booking go together, since some rows say whether others are to be written.
create function private.delete_old_outbox(p_until timestamptz, p_max_rows integer) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_deleted integer;
begin
  delete from private.outbox o where o.id = any (array(
    select done.id from private.outbox done
    where done.completed_at < p_until and done.state in ('sent', 'discarded')
      and not exists (
        select from private.outbox other
        where other.booking_id = done.booking_id
          and (other.completed_at >= p_until or other.state in ('queued', 'failed')))
      and not exists (
        select from public.bookings b
        join public.refunds r on r.showtime_id = b.showtime_id and r.booking_id = b.id
        where b.id = done.booking_id and r.status not in ('succeeded', 'void') and r.reason <> 'made_at_stripe')
    order by done.completed_at limit p_max_rows for update skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;

-- Sends the ticket of a confirmed booking once more, three times in a day at the most. An email that is on its way is
-- answered as it is. Answers {sent_to, state}. Raises sign_in_required, unknown_booking, no_ticket, too_many_attempts.
create function public.send_ticket_again(booking_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user_id();
  v_booking public.bookings := private.booking_for_update(
    (select b.id from public.bookings b where b.id = send_ticket_again.booking_id and b.user_id = v_user));
  v_emails integer;
  v_waiting boolean;
  v_seconds integer;
begin
  if v_booking.id is null then
    perform private.raise_api_error('unknown_booking');
  elsif v_booking.status <> 'confirmed' then
    perform private.raise_api_error('no_ticket');
  end if;
  select count(*), coalesce(bool_or(o.state = 'queued'), false) into v_emails, v_waiting
  from private.outbox o where o.booking_id = v_booking.id and o.kind = 'mail_confirmation';
  if not v_waiting then
    v_seconds := private.check_rate_limit(
      array[row('ticket_email:' || v_booking.id, 3, interval '1 day')::private.rate_limit]);
    if v_seconds > 0 then
      perform private.raise_api_error('too_many_attempts', jsonb_build_object('retry_after', v_seconds));
    end if;
    perform private.enqueue('mail_confirmation', 'mail:confirmation:' || v_booking.id || ':' || v_emails + 1, v_booking);
  end if;
  return jsonb_build_object('sent_to', (select u.email from public.users u where u.id = v_user), 'state', 'queued');
end
$$;

-- Discards an email that was given up (outbox.discarded), because it can never arrive. False when there is none.
create function public.discard_email(id bigint) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update private.outbox o set state = 'discarded' where o.state = 'failed' and o.id = discard_email.id;
  return found;
end
$$;

-- Tries again what was given up (outbox.requeued): that row, or all. Answers how many.
create function public.requeue_outbox(id bigint default null) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_rows integer;
begin
  update private.outbox o
  set state = 'queued', completed_at = null, due_at = private.now(), created_at = private.now(), claimed_until = null,
      abandoned_claims = 0
  where o.state = 'failed' and (requeue_outbox.id is null or o.id = requeue_outbox.id);
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;

grant execute on function public.send_ticket_again(uuid) to anon, authenticated;
grant execute on function
  public.ticket_context(uuid, uuid),
  public.claim_outbox(integer, integer, text[]), public.complete_outbox(bigint, integer, text),
  public.requeue_outbox(bigint),
  public.discard_email(bigint)
to service_role;
