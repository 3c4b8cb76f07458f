-- Bookings: seats that somebody pays for or has paid for. docs/lifecycle.md draws the states:
--
--   pending --paid--> confirmed --cancelled by the customer--> cancelled --money is back--> refunded
--   pending --not paid in time--> expired            pending --given up--> cancelled
--
-- Prices are copied into booking_seats when the booking is made; later changes of the price list do not touch it, and
-- nobody changes the copies (catalog_guards.sql).

create type public.booking_status as enum (
  'pending',    -- waits for its payment until expires_at
  'confirmed',  -- paid; its seats are sold
  'expired',    -- was not paid in time
  'cancelled',  -- given up; a paid one waits for its refund
  'refunded'    -- cancelled, and the money is back
);

create table public.bookings (
  showtime_id bigint not null references public.showtimes,
  id uuid not null default gen_random_uuid(),
  reference text not null,
  user_id uuid not null references public.users,
  status public.booking_status not null default 'pending',
  total integer not null,
  currency text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  confirmed_at timestamptz,
  cancelled_at timestamptz,
  revision integer not null default 0,
  primary key (showtime_id, id),
  constraint booking_id_is_unique unique (id),
  constraint reference_is_unique unique (reference),
  constraint total_is_positive check (total > 0),
  constraint confirmed_when_it_says_so check (status <> 'confirmed' or confirmed_at is not null),
  constraint cancelled_when_it_says_so check (status not in ('cancelled', 'refunded') or cancelled_at is not null)
);
comment on column public.bookings.reference is 'What people read aloud at the counter: eight letters and digits.';
comment on column public.bookings.expires_at is 'Until when a pending booking may be paid.';
comment on column public.bookings.revision is 'The revision of the showtime that its customer booked by.';

create unique index one_pending_booking_per_customer on public.bookings (showtime_id, user_id) where status = 'pending';
create index bookings_by_user on public.bookings (user_id, created_at desc);
create index bookings_running_out on public.bookings (expires_at) where status = 'pending';

create table public.booking_seats (
  showtime_id bigint not null,
  booking_id uuid not null,
  seat_id bigint not null references public.seats,
  row_label text not null,
  number integer not null,
  kind public.seat_kind not null,
  price integer not null,
  sold_at timestamptz,
  released_at timestamptz,
  primary key (showtime_id, booking_id, seat_id),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint price_is_positive check (price > 0),
  constraint what_is_released_was_sold check (released_at is null or sold_at is not null)
);
create index booking_seats_by_seat on public.booking_seats (seat_id);
-- The second guard against selling a seat twice, independent of seat_locks. A booking that is merely pending does not
-- count: it must never stand in the way of the next buyer.
create unique index a_seat_is_sold_once on public.booking_seats (showtime_id, seat_id)
  where sold_at is not null and released_at is null;

alter table public.bookings enable row level security;
create policy "people read their own bookings" on public.bookings
  for select to authenticated using (user_id = (select auth.uid()));
grant select on public.bookings to service_role;

alter table public.booking_seats enable row level security;
create policy "people read the seats of their own bookings" on public.booking_seats
  for select to authenticated
  using (exists (select from public.bookings b
                 where b.showtime_id = booking_seats.showtime_id and b.id = booking_seats.booking_id
                   and b.user_id = (select auth.uid())));
grant select on public.booking_seats to service_role;

-- Eight characters without those that are mistaken for each other (0 O, 1 I L, U V).
create function private.new_reference() returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_reference text;
begin
  loop
    select string_agg(substr('23456789ABCDEFGHJKMNPQRSTWXYZ', 1 + get_byte(b, i) % 29, 1), '') into v_reference
    from (select sha256(uuid_send(gen_random_uuid())) as b) random, generate_series(0, 7) i;
    exit when not exists (select from public.bookings b where b.reference = v_reference);
  end loop;
  return v_reference;
end
$$;

-- {id, reference, showtime_id, status, total, currency, expires_at, seats: [{seat_id, row, number, kind, price}]}
create function private.booking_json(p_booking public.bookings) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', (p_booking).id, 'reference', (p_booking).reference, 'showtime_id', (p_booking).showtime_id,
    'status', (p_booking).status, 'total', (p_booking).total, 'currency', (p_booking).currency,
    'expires_at', (p_booking).expires_at,
    'seats', (select jsonb_agg(jsonb_build_object('seat_id', s.seat_id, 'row', s.row_label, 'number', s.number,
                                                  'kind', s.kind, 'price', s.price) order by s.seat_id)
              from public.booking_seats s
              where s.showtime_id = (p_booking).showtime_id and s.booking_id = (p_booking).id))
$$;

-- The booking, locked for this transaction after its customer, in the order that everything takes. No row when there is
-- no such booking.
create function private.booking_for_update(p_booking_id uuid) returns public.bookings
language plpgsql volatile set search_path = '' as $$
declare
  v_booking public.bookings;
begin
  loop
    select * into v_booking from public.bookings b where b.id = p_booking_id;
    exit when not found;
    perform private.lock_customer(v_booking.showtime_id, v_booking.user_id);
    -- It may have become another's meanwhile (guests.sql), who has the next turn.
    select * into v_booking from public.bookings b
    where b.showtime_id = v_booking.showtime_id and b.id = p_booking_id and b.user_id = v_booking.user_id for update;
    exit when found;
  end loop;
  return v_booking;
end
$$;

-- Ends a booking's live locks for that reason (lock.cancelled not yet sold, lock.returned sold), takes sold seats back,
-- and informs viewers.
create function private.free_seats(p_booking public.bookings, p_reason public.lock_end, p_now timestamptz) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_freed record;
begin
  update public.booking_seats s set released_at = p_now
  where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id
    and s.sold_at is not null and s.released_at is null;
  with freed as (
    update public.seat_locks l set held = private.ended(l.held, p_now), end_reason = p_reason
    where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
      and l.booking_id = p_booking.id and l.held @> p_now
    returning l.seat_id, l.id
  )
  select array_agg(f.seat_id order by f.seat_id) as seat_ids, array_agg(f.id order by f.seat_id) as lock_ids
  into v_freed from freed f;
  if v_freed.seat_ids is not null then
    perform private.broadcast_showtime(p_booking.showtime_id, 'seat:release', jsonb_build_object(
      'seat_ids', v_freed.seat_ids, 'lock_ids', v_freed.lock_ids, 'reason', p_reason));
  end if;
end
$$;

-- A pending booking whose time is over becomes expired (booking.expired), its payment is canceled. Its locks died by
-- the clock.
create function private.expire_booking(p_booking public.bookings) returns void
language plpgsql volatile set search_path = '' as $$
begin
  update public.bookings b set status = 'expired'
  where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id and b.status = 'pending';
  if found then
    perform private.cancel_payment_intent(p_booking);
  end if;
end
$$;

-- Turns the caller's live locks at a showtime into one pending booking (booking.created) at today's prices, which ends
-- when they do; who begins to pay gets more time (start_payment). Called again it answers the same booking. Answers the
-- booking (private.booking_json). Raises sign_in_required, unknown_showtime, showtime_closed, lock_expired,
-- unknown_seat or seat_not_for_sale with the seats, amount_not_payable with what can be paid, account_blocked,
-- too_many_unpaid, too_many_returned, busy.
create function public.create_booking(showtime_id bigint) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' set enable_seqscan = off
set lock_timeout = '1s' as $$
declare
  v_user uuid := private.require_user_id();
  v_showtime public.showtimes;
  v_booking public.bookings;
  v_now timestamptz;
  v_elsewhere bigint[];
  v_unpriced bigint[];
  v_expires_at timestamptz;
  v_total bigint;
  v_currency text;
  v_lines jsonb;
begin
  perform private.lock_customer(create_booking.showtime_id, v_user);
  v_showtime := private.showtime_on_sale(create_booking.showtime_id);
  v_now := private.now();
  select * into v_booking from public.bookings b
  where b.showtime_id = v_showtime.id and b.user_id = v_user and b.status = 'pending' for update;
  if v_booking.expires_at > v_now then
    return private.booking_json(v_booking);
  elsif v_booking.id is not null then
    perform private.expire_booking(v_booking);
  end if;

  -- The lines are read once, so that a price list which changes meanwhile cannot part the total from its lines. Every
  -- hold has one: a seat that is not (or no longer) in the showtime's auditorium is refused and not left out.
  select array_agg(l.seat_id order by l.seat_id) filter (where s.id is null),
         array_agg(l.seat_id order by l.seat_id) filter (where p.price is null), min(upper(l.held)), sum(p.price),
         min(t.currency),
         jsonb_agg(jsonb_build_object('seat_id', s.id, 'row_label', s.row_label, 'number', s.number, 'kind', s.kind,
                                      'price', p.price))
  into v_elsewhere, v_unpriced, v_expires_at, v_total, v_currency, v_lines
  from public.seat_locks l
  join public.auditoriums a on a.id = v_showtime.auditorium_id
  join public.theaters t on t.id = a.theater_id
  left join public.seats s on s.id = l.seat_id and s.auditorium_id = a.id
  left join public.showtime_prices p on p.showtime_id = v_showtime.id and p.kind = s.kind
  where l.showtime_id = v_showtime.id and l.user_id = v_user and l.booking_id is null and l.held @> v_now;
  if v_lines is null then
    perform private.raise_api_error('lock_expired');
  elsif v_elsewhere is not null then
    perform private.raise_api_error('unknown_seat', jsonb_build_object('seat_ids', v_elsewhere));
  elsif v_unpriced is not null then
    perform private.raise_api_error('seat_not_for_sale', jsonb_build_object('seat_ids', v_unpriced));
  end if;
  perform private.require_payable(v_total, v_currency);
  perform private.require_bookings_left(v_user, v_now);

  insert into public.bookings as b (showtime_id, reference, user_id, total, currency, created_at, expires_at, revision)
  values (v_showtime.id, private.new_reference(), v_user, v_total, v_currency, v_now, v_expires_at,
          v_showtime.revision)
  returning b.* into v_booking;
  insert into public.booking_seats (showtime_id, booking_id, seat_id, row_label, number, kind, price)
  select v_showtime.id, v_booking.id, line.seat_id, line.row_label, line.number, line.kind, line.price
  from jsonb_populate_recordset(null::public.booking_seats, v_lines) line;
  if private.extend_locks(v_booking, null, v_booking.expires_at, v_now) <> jsonb_array_length(v_lines) then
    perform private.raise_api_error('lock_expired');
  end if;
  return private.booking_json(v_booking);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$$;

-- Gives a customer's live locks (a booking's, or with null those that have none) to a booking and moves their end,
-- to infinity when it is null. Row by row in the order of seat ids: a longer range can meet a lock that somebody begins
-- in this very instant, and then both must come to the seats in the same order. Answers how many; raises
-- exclusion_violation when somebody was faster.
create function private.extend_locks(
  p_booking public.bookings, p_of uuid, p_until timestamptz, p_now timestamptz) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_lock record;
  v_locks integer := 0;
begin
  for v_lock in
    select l.seat_id, l.id from public.seat_locks l
    where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
      and l.booking_id is not distinct from p_of and l.held @> p_now
    order by l.seat_id
  loop
    update public.seat_locks l set booking_id = p_booking.id, held = tstzrange(lower(l.held), p_until)
    where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
      and l.seat_id = v_lock.seat_id and l.id = v_lock.id and l.held @> p_now;
    v_locks := v_locks + found::integer;
  end loop;
  return v_locks;
end
$$;

-- True if a booking's live locks are of exactly the seats in its lines, and those are what the lines say: in its
-- showtime's auditorium, with the same name, of the same kind and sold in the same currency.
create function private.holds_its_seats(p_booking public.bookings, p_now timestamptz) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return not exists (
    select
    from (select s.* from public.booking_seats s
          where s.showtime_id = p_booking.showtime_id and s.booking_id = p_booking.id) line
    full join (select l.seat_id from public.seat_locks l
               where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id
                 and l.booking_id = p_booking.id and l.held @> p_now) hold on hold.seat_id = line.seat_id
    left join public.seats s on s.id = line.seat_id
      and (s.row_label, s.number, s.kind) = (line.row_label, line.number, line.kind)
      and s.auditorium_id = (select a.id from public.showtimes t
                             join public.auditoriums a on a.id = t.auditorium_id
                             join public.theaters h on h.id = a.theater_id and h.currency = p_booking.currency
                             where t.id = p_booking.showtime_id)
    where hold.seat_id is null or s.id is null);
end
$$;

-- {seat_ids, lock_ids, expires_at} of a booking's live locks, as events tell others.
create function private.locks_json(p_booking public.bookings, p_now timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('seat_ids', jsonb_agg(l.seat_id order by l.seat_id),
                            'lock_ids', jsonb_agg(l.id order by l.seat_id),
                            'expires_at', private.expiry_for_others(max(upper(l.held))))
  from public.seat_locks l
  where l.showtime_id = p_booking.showtime_id and l.user_id = p_booking.user_id and l.booking_id = p_booking.id
    and l.held @> p_now
$$;

-- Cancels a pending (booking.cancelled_unpaid) or confirmed (booking.cancelled) booking: frees its seats, calls its
-- payment off or returns the money for that reason. Answers it as it is then.
create function private.end_booking(p_booking public.bookings, p_reason text, p_now timestamptz) returns public.bookings
language plpgsql volatile set search_path = '' as $$
begin
  perform private.free_seats(p_booking, 'cancelled', p_now);
  if p_booking.status = 'confirmed' then
    perform private.refund_booking(p_booking, p_reason);
  else
    perform private.cancel_payment_intent(p_booking);
  end if;
  update public.bookings b set status = 'cancelled', cancelled_at = p_now
  where b.showtime_id = p_booking.showtime_id and b.id = p_booking.id
  returning b.* into p_booking;
  return p_booking;
end
$$;

-- Until when a confirmed booking can be cancelled, the one place that says it: the notice that private.settings asks
-- for before the showtime; without any, until its start, when it was moved since the customer booked
-- (moved_showtimes.sql); infinity when the cinema has cancelled it. Null for other bookings.
create function private.cancellable_until(p_booking public.bookings) returns timestamptz
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  if (p_booking).status <> 'confirmed' then
    return null;
  end if;
  return (select case when s.status = 'cancelled' then 'infinity'
                      when private.moved_from(p_booking) is not null then s.starts_at
                      else s.starts_at - c.cancellation_notice end
          from public.showtimes s, private.settings c where s.id = (p_booking).showtime_id and c.singleton);
end
$$;

-- True for a booking that its customer may give up.
create function private.is_cancellable(p_booking public.bookings, p_now timestamptz) returns boolean
language sql stable set search_path = '' as $$
  select case (p_booking).status
           when 'pending' then (p_booking).expires_at > p_now
           when 'confirmed' then p_now <= private.cancellable_until(p_booking)
           else false end
$$;

-- Gives up a booking that the caller has locked (private.booking_for_update), for its customer. What is cancelled stays
-- so. Raises not_cancellable.
create function private.cancel_for_customer(p_booking public.bookings) returns public.bookings
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  if p_booking.status in ('cancelled', 'refunded') then
    return p_booking;
  elsif private.is_cancellable(p_booking, v_now) is not true then
    perform private.raise_api_error('not_cancellable');
  end if;
  return private.end_booking(p_booking, 'cancelled_by_customer', v_now);
end
$$;

-- Gives up one of the caller's bookings. A pending one frees its seats; a confirmed one, until it is no longer
-- cancellable, frees them and queues a full refund. Cancelling what is cancelled answers it again.
-- Answers the booking. Raises sign_in_required, unknown_booking, not_cancellable, busy.
create function public.cancel_booking(booking_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' set enable_seqscan = off
set lock_timeout = '1s' as $$
declare
  v_user uuid := private.require_user_id();
  v_booking public.bookings;
begin
  v_booking := private.booking_for_update(cancel_booking.booking_id);
  if v_booking.user_id is distinct from v_user then
    perform private.raise_api_error('unknown_booking');
  end if;
  return private.booking_json(private.cancel_for_customer(v_booking));
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$$;

grant execute on function public.create_booking(bigint), public.cancel_booking(uuid) to anon, authenticated;
